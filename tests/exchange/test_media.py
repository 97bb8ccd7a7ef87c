"""Media that come inside a request: what they say is held against what they are."""

import base64
import copy
from typing import Any

import pytest

from proxy.exchange.media import CORRECTED, check_media
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated
from proxy.provider.history import AUTO, MessageItem, Part, ResultItem
from proxy.responses.errors import ResponsesError
from proxy.responses.request import parse_create

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(40)
HEIC = b"\0\0\0\x18ftypheic" + bytes(40)
PDF = b"%PDF-1.4\n" + bytes(40)
WAV = b"RIFF\x24\0\0\0WAVEfmt " + bytes(40)
MP3 = b"ID3\4" + bytes(40)


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def url(content: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64_of(content)}"


def image(address: str, **more: Any) -> dict[str, Any]:
    return {"type": "input_image", "image_url": address, **more}


def file(data: str, **more: Any) -> dict[str, Any]:
    return {"type": "input_file", "file_data": data, **more}


def audio(data: str, form: str) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": data, "format": form}}


def with_parts(*parts: Any) -> Prepared:
    return Prepared(
        model="m",
        request=parse_create({"model": "m", "input": "x"}),
        items=[MessageItem("user", list(parts), "input[0]")],
        tools=[],
        tool_choice=AUTO,
        capabilities=Capabilities(),
        stream=False,
    )


def parts_of(prepared: Prepared) -> list[Any]:
    item = prepared.items[0]
    assert isinstance(item, MessageItem)
    return list(item.parts)


def checked(part: Any) -> tuple[Any, list[Any]]:
    prepared = with_parts({"type": "input_text", "text": "Look:"}, part)
    before = copy.deepcopy(part)
    check_media(prepared)
    assert part == before
    return parts_of(prepared)[1], prepared.conversions


def refusal(part: Any) -> ResponsesError:
    with pytest.raises(ResponsesError) as caught:
        checked(part)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    "part",
    [
        image(url(PNG), detail="low"),
        image(url(JPEG, "image/jpeg")),
        image(url(JPEG, "image/jpg")),
        image(url(HEIC, "image/heif")),
        image(f"DATA:IMAGE/PNG;charset=x;BASE64,{base64_of(PNG)}"),
        image(url(b"\0" * 50, "image/x-portable-anymap")),
        image(url(b"<svg/>", "image/svg+xml")),
        image("https://example.com/a.png"),
        image("gs://bucket/a.png"),
        {"type": "input_image", "file_id": "file-1"},
        file(url(PDF, "application/pdf")),
        file(base64_of(PDF), filename="a.pdf"),
        file(base64_of(b"\n" * 1000 + PDF), filename="a.pdf"),
        file(base64_of(b"Hello"), filename="a.txt"),
        file(base64_of(b"Hello")),
        file(url(b"Hello", "text/plain"), filename="a.pdf"),
        file(url(PNG), filename="a.bin"),
        file("data:text/plain,Hello"),
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_file", "file_id": "file-1"},
        audio(base64_of(WAV), "wav"),
        audio(base64_of(MP3), "mp3"),
        audio(base64_of(b"\1\2\3"), "mp3"),
    ],
)
def test_what_is_what_it_says_stays(part: Any) -> None:
    found, conversions = checked(part)
    assert found is part
    assert conversions == []


@pytest.mark.parametrize(
    ("part", "corrected", "place"),
    [
        (image(url(JPEG), detail="low"), image(url(JPEG, "image/jpeg"), detail="low"), "image_url"),
        (image(url(PNG, "image/webp")), image(url(PNG)), "image_url"),
        (image(url(PNG, "image/svg+xml")), image(url(PNG)), "image_url"),
        (image(url(PNG, "text/plain")), image(url(PNG)), "image_url"),
        (file(url(JPEG), filename="a.png"), file(url(JPEG, "image/jpeg"), filename="a.png"), "file_data"),
        (file(base64_of(JPEG), filename="a.png"), file(url(JPEG, "image/jpeg"), filename="a.png"), "file_data"),
        (audio(base64_of(WAV), "mp3"), audio(base64_of(WAV), "wav"), "input_audio.format"),
        (audio(base64_of(MP3), "wav"), audio(base64_of(MP3), "mp3"), "input_audio.format"),
    ],
)
def test_a_wrong_type_is_corrected_and_declared(part: Any, corrected: Any, place: str) -> None:
    assert checked(part) == (corrected, [approximated(f"input[0].content[1].{place}", CORRECTED)])


@pytest.mark.parametrize("declared", ["", "application/octet-stream", "binary/octet-stream"])
def test_an_image_without_a_type_is_given_one(declared: str) -> None:
    assert checked(image(url(PNG, declared))) == (image(url(PNG)), [])


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (url(PDF), "invalid_image_format"),
        (url(PDF, "application/pdf"), "invalid_image_format"),
        (url(b"Hello"), "invalid_image_format"),
        (url(b"Hello", ""), "invalid_image_format"),
        (url(b"Hello", "text/plain"), "invalid_image_format"),
        (url(b"<html>", "image/jpg"), "invalid_image_format"),
        (url(b"<html>", "image/avif"), "invalid_image_format"),
        (url(WAV, "image/unheard-of"), "invalid_image_format"),
        (url(b""), "empty_image_file"),
        ("data:image/png;base64, \n", "empty_image_file"),
        ("data:image/png;base64,!!!!", "invalid_base64_image"),
        ("data:image/png;base64,iVBORw0KGgo-_", "invalid_base64_image"),
        (f"data:image/png;base64,{base64_of(PNG * 100)}...", "invalid_base64_image"),
        ("data:image/png,%89PNG", "invalid_base64_image"),
        ("data:image/png", "invalid_base64_image"),
        ("data:", "invalid_base64_image"),
    ],
)
def test_an_image_that_is_none_is_refused(address: str, code: str) -> None:
    error = refusal(image(address))
    assert (error.code, error.param) == (code, "input[0].content[1].image_url")
    assert error.message.startswith("Invalid 'input[0].content[1].image_url': ")


@pytest.mark.parametrize(
    ("part", "place"),
    [
        (file(url(PNG, "application/pdf")), "file_data"),
        (file(url(b"Hello", "application/pdf")), "file_data"),
        (file(base64_of(b"<html>"), filename="A.PDF"), "file_data"),
        (file(url(b"Hello", "application/octet-stream"), filename="a.pdf"), "file_data"),
        (file(url(b"", "text/plain")), "file_data"),
        (file(" "), "file_data"),
        (file("Hello, file!"), "file_data"),
        (audio("", "wav"), "input_audio.data"),
        (audio("?", "wav"), "input_audio.data"),
    ],
)
def test_a_file_or_a_sound_that_is_none_is_refused(part: Any, place: str) -> None:
    error = refusal(part)
    assert (error.code, error.param) == ("invalid_value", f"input[0].content[1].{place}")


@pytest.mark.parametrize("size", [40, 4000])
def test_base64_in_lines_becomes_one_line(size: int) -> None:
    content = PNG + bytes(size)
    lines, line = base64.encodebytes(content).decode(), base64_of(content)
    assert checked(image(f"data:image/png;base64,{lines}")) == (image(f"data:image/png;base64,{line}"), [])
    as_jpeg = image(f"data:image/jpeg;base64,{lines}")
    place = "input[0].content[1].image_url"
    assert checked(as_jpeg) == (image(f"data:image/png;base64,{line}"), [approximated(place, CORRECTED)])
    pdf, sound = PDF + bytes(size), WAV + bytes(size)
    lines, line = base64.encodebytes(pdf).decode(), base64_of(pdf)
    assert checked(file(lines, filename="a.pdf")) == (file(line, filename="a.pdf"), [])
    assert checked(file(f"data:application/pdf;base64,\r\n{lines}")) == (
        file(f"data:application/pdf;base64,{line}"),
        [],
    )
    assert checked(audio(base64.encodebytes(sound).decode(), "wav")) == (audio(base64_of(sound), "wav"), [])


def test_a_file_that_says_it_is_an_image_has_to_be_one() -> None:
    assert refusal(file(url(b"Hello"))).code == "invalid_image_format"


def test_media_of_tool_results_are_looked_at_and_nobody_elses_lists_change() -> None:
    output: list[Part] = [image(url(PNG)), image(url(JPEG)), {"type": "input_text", "text": "x"}]
    kept = list(output)
    prepared = with_parts()
    prepared.items = [ResultItem("c", "f", "text", False, "input[0]"), ResultItem("c", "f", output, False, "input[1]")]
    check_media(prepared)
    assert output == kept
    changed = prepared.items[1]
    assert isinstance(changed, ResultItem)
    assert changed.output == [output[0], image(url(JPEG, "image/jpeg")), output[2]]
    assert [one.path for one in prepared.conversions] == ["input[1].output[1].image_url"]


def test_a_history_without_media_is_left_as_it_is() -> None:
    prepared = with_parts({"type": "input_text", "text": "x"})
    before = parts_of(prepared)
    item = prepared.items[0]
    assert isinstance(item, MessageItem)
    parts = item.parts
    check_media(prepared)
    assert item.parts is parts
    assert parts_of(prepared) == before
