"""Content parts: what goes inline, what goes by address, and what is refused."""

from typing import Any

import pytest

from providers.gemini import Gemini, GeminiSettings
from proxy.provider.capabilities import extended
from proxy.provider.conversions import RefusedError
from tests.providers.gemini.requests import FLASH_25, PIXEL, contents_of, encoded, prepared, user

PDF = "JVBERi0xLjQ="


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "input_image", "image_url": url, **more}


def file(**members: Any) -> dict[str, Any]:
    return {"type": "input_file", **members}


def inline(media_type: str, data: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def data_url(media_type: str, data: str = PIXEL) -> str:
    return f"data:{media_type};base64,{data}"


def parts_of(part: Any, **options: Any) -> Any:
    return contents_of(user(part), **options)[0]["parts"]


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (image(data_url("image/png")), inline("image/png", PIXEL)),
        (image(data_url("IMAGE/JPG")), inline("image/jpeg", PIXEL)),
        (image("data:image/webp;name=a;base64,AAAA"), inline("image/webp", "AAAA")),
        (image(data_url("image/heic")), inline("image/heic", PIXEL)),
        (file(file_data=data_url("application/pdf", PDF)), inline("application/pdf", PDF)),
        (file(file_data=PDF), inline("application/pdf", PDF)),
        (file(file_data=data_url("text/csv")), inline("text/csv", PIXEL)),
        (file(file_data=data_url("video/mp4")), inline("video/mp4", PIXEL)),
        (file(file_data=data_url("audio/mpeg")), inline("audio/mp3", PIXEL)),
        (file(file_data=data_url("image/png")), inline("image/png", PIXEL)),
        (
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
            inline("audio/wav", "UklGRg=="),
        ),
        ({"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}}, inline("audio/mp3", "SUQz")),
        (
            file(file_url="https://www.youtube.com/watch?v=x"),
            {"fileData": {"fileUri": "https://www.youtube.com/watch?v=x", "mimeType": "video/mp4"}},
        ),
        (
            file(file_url="https://generativelanguage.googleapis.com/v1beta/files/abc"),
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
        ),
        (
            image("https://example.com/a.PNG?size=2"),
            {"fileData": {"fileUri": "https://example.com/a.PNG?size=2", "mimeType": "image/png"}},
        ),
        (image("https://example.com/a"), {"fileData": {"fileUri": "https://example.com/a"}}),
        (
            file(file_url="https://example.com/a.pdf"),
            {"fileData": {"fileUri": "https://example.com/a.pdf", "mimeType": "application/pdf"}},
        ),
        (
            image("https://generativelanguage.googleapis.com/v1beta/files/abc"),
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
        ),
    ],
)
def test_media(part: Any, written: Any) -> None:
    body, lost = encoded(user(part))
    assert body["contents"][0]["parts"] == [written]
    assert lost == []


def test_the_name_of_a_file_is_told() -> None:
    body, lost = encoded(user(file(file_data=PDF, filename="a.pdf")))
    assert body["contents"][0]["parts"] == [{"text": "File a.pdf:"}, inline("application/pdf", PDF)]
    assert lost == ["approximated input[0].content[0].filename"]


@pytest.mark.parametrize(
    ("filename", "media_type"),
    [("a.CSV", "text/csv"), ("a.py", "text/plain"), ("a.heic", "image/heic"), ("a.flac", "audio/flac")],
)
def test_bare_base64_goes_by_the_ending(filename: Any, media_type: Any) -> None:
    assert parts_of(file(file_data="AAAA", filename=filename))[1] == inline(media_type, "AAAA")


@pytest.mark.parametrize("media_type", ["application/json", "text/x-python", "application/yaml"])
def test_other_text_is_sent_as_plain_text(media_type: Any) -> None:
    body, lost = encoded(user(file(file_data=data_url(media_type))))
    assert body["contents"][0]["parts"] == [inline("text/plain", PIXEL)]
    assert lost == ["approximated input[0].content[0].file_data"]


@pytest.mark.parametrize(
    ("part", "param"),
    [
        (image(data_url("image/gif")), "image_url"),
        (image(data_url("application/pdf")), "image_url"),
        (image("data:image/png,abc"), "image_url"),
        (image("data:image/png;base64"), "image_url"),
        (image("http://example.com/a.png"), "image_url"),
        (image("https:///a.png"), "image_url"),
        (image("https://example.com/a.gif"), "image_url"),
        (image("https://example.com/a.pdf"), "image_url"),
        (file(file_url="https://example.com/a.gif"), "file_url"),
        (image("gs://bucket/a.png"), "image_url"),
        (image("https://[broken/files/a"), "image_url"),
        (image("http://example.com/generativelanguage.googleapis.com/files/a"), "image_url"),
        (file(file_url="http://youtube.com.example.com/a"), "file_url"),
        (file(file_data="AAAA"), "file_data"),
        (file(file_data="AAAA", filename="a"), "file_data"),
        (file(file_data=data_url("application/zip")), "file_data"),
        (file(file_data="AAAA", filename="a.gif"), "file_data"),
        (file(file_id="file-1"), "file_id"),
        ({"type": "input_image", "file_id": "file-1"}, "file_id"),
        ({"type": "input_audio", "input_audio": {"data": "A", "format": "midi"}}, ""),
        ({"type": "input_audio", "input_audio": None}, "input_audio"),
        ({"type": "input_file"}, ""),
        ({"type": "input_video", "video": "x"}, ""),
    ],
)
def test_what_cannot_be_carried_is_refused(part: Any, param: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        encoded(user("A", part))
    assert caught.value.status == 400
    assert caught.value.param == "input[0].content[1]" + (f".{param}" if param else "")


@pytest.mark.parametrize(
    ("ability", "part"),
    [
        ("images", file(file_data=data_url("image/png"))),
        ("files", file(file_data=PDF)),
        ("files", file(file_data=data_url("text/plain"))),
        ("audio", file(file_data=data_url("audio/wav"))),
    ],
)
def test_a_file_is_refused_as_what_it_holds(ability: Any, part: Any) -> None:
    request = prepared(user(part))
    request.capabilities = extended(request.capabilities, {ability: False})
    with pytest.raises(RefusedError):
        Gemini(GeminiSettings()).encode(request)


@pytest.mark.parametrize(
    ("detail", "level"),
    [("low", "MEDIA_RESOLUTION_LOW"), ("high", "MEDIA_RESOLUTION_HIGH"), ("original", "MEDIA_RESOLUTION_ULTRA_HIGH")],
)
def test_detail_is_the_resolution_of_the_part(detail: Any, level: Any) -> None:
    part = image(data_url("image/png"), detail=detail)
    assert parts_of(part) == [inline("image/png", PIXEL) | {"mediaResolution": {"level": level}}]
    body, lost = encoded(user(part), model=FLASH_25)
    assert body["contents"][0]["parts"] == [inline("image/png", PIXEL)]
    assert lost == ["ignored input[0].content[0].detail"]


def test_the_vendor_chooses_the_usual_detail() -> None:
    assert parts_of(image(data_url("image/png"), detail="auto")) == [inline("image/png", PIXEL)]


def test_breakpoints_are_not_needed() -> None:
    marked = {"type": "input_text", "text": "A", "prompt_cache_breakpoint": {"mode": "explicit"}}
    body, lost = encoded(user(marked, image(data_url("image/png"), prompt_cache_breakpoint={"mode": "explicit"})))
    assert body["contents"][0]["parts"] == [{"text": "A"}, inline("image/png", PIXEL)]
    assert lost == [f"ignored input[0].content[{index}].prompt_cache_breakpoint" for index in (0, 1)]


def test_own_hosts_have_own_files() -> None:
    settings = GeminiSettings(base_url="https://lab.example:8443/gemini")
    url = "https://lab.example:8443/v1beta/files/a"
    part = file(file_url=url, filename="a.pdf")
    assert contents_of(user(part), settings=settings)[0]["parts"][1] == {
        "fileData": {"fileUri": url, "mimeType": "application/pdf"}
    }
    with pytest.raises(RefusedError):
        encoded(user(file(file_url="http://generativelanguage.googleapis.com/v1beta/files/a")), settings=settings)
