"""Images that a model made, and other things that stand beside the text of an answer."""

from typing import Any

import pytest

from proxy.responses.events import CallOpened, Hosted, Text, Unmapped
from tests.providers.openai_chat.material import chunk, streamed, text_in, whole

PNG = "data:image/png;base64,AA=="
JPEG = "data:image/jpeg;base64,BB=="


def image(url: object) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, "index": 0}


def answer(**message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}]}


def output(events: Any) -> list[Any]:
    return [event for event in events if isinstance(event, Text | Hosted | Unmapped | CallOpened)]


def made(number: int, data: str, kind: str | None) -> Hosted:
    fields = {"result": data} if kind is None else {"result": data, "output_format": kind}
    return Hosted(f"image:{number}", "image_generation_call", "completed", fields)


def test_images_beside_the_text() -> None:
    images = [image(PNG), image(JPEG)]
    expected = [Text("content", "Here."), made(1, "AA==", "png"), made(2, "BB==", "jpeg")]
    assert output(whole(answer(content="Here.", images=images))) == expected
    assert output(streamed(chunk({"content": "Here."}), chunk({"images": images}))) == expected


def test_an_image_is_shown_once() -> None:
    events = output(streamed(chunk({"images": [image(PNG)]}), chunk({"images": [image(PNG)]}, finish_reason="stop")))
    assert events == [made(1, "AA==", "png")]


def test_text_behind_an_image_is_a_message_of_its_own() -> None:
    events = streamed(chunk({"content": "A"}), chunk({"images": [image(PNG)]}), chunk({"content": "B"}))
    assert [type(event) for event in output(events)] == [Text, Hosted, Text]


def test_images_among_the_parts_of_the_content() -> None:
    parts = [{"type": "text", "text": "A"}, {"type": "image_url", "image_url": PNG}]
    assert output(whole(answer(content=parts))) == [Text("content", "A"), made(1, "AA==", "png")]


def test_a_type_without_a_format_of_responses() -> None:
    assert output(whole(answer(images=[image("data:image/avif;base64,CC==")]))) == [made(1, "CC==", None)]


@pytest.mark.parametrize(
    "url",
    ["https://example.org/a.png", "data:image/png,AA", "data:audio/wav;base64,AA==", "data:image/png;base64,", "", 5],
)
def test_images_without_content_are_counted(url: object) -> None:
    assert output(whole(answer(content="A", images=[image(url)]))) == [Text("content", "A"), Unmapped("images")]


@pytest.mark.parametrize("images", [5, "x", {}, [5], [None], [[]], [{"image_url": None}]])
def test_images_of_any_shape(images: object) -> None:
    found = output(whole(answer(content="A", images=images)))
    assert [event for event in found if event != Unmapped("images")] == [Text("content", "A")]


@pytest.mark.parametrize(
    ("message", "element"),
    [
        ({"content": "A", "executed_tools": [{"type": "search"}]}, "executed_tools"),
        ({"content": "A", "audio": {"id": "x", "data": "AA==", "transcript": "B"}}, "audio"),
        ({"content": [{"type": "text", "text": "A"}, {"type": "video_url", "video_url": "u"}]}, "content.unknown"),
        ({"content": "A", "annotations": [{"type": "file", "file": {}}]}, "annotations"),
    ],
)
def test_what_has_no_form_is_counted(message: dict[str, Any], element: str) -> None:
    assert [event for event in output(whole(answer(**message))) if event != Text("content", "A")] == [Unmapped(element)]


def test_what_says_nothing_is_not_counted() -> None:
    quiet: dict[str, Any] = {"audio": None, "images": [], "annotations": [], "executed_tools": [], "refusal": None}
    assert output(whole(answer(content=[{"type": "text", "text": ""}, {"type": "text", "text": "A"}], **quiet))) == [
        Text("content", "A")
    ]


def test_speech_is_told_by_its_transcript() -> None:
    events = streamed(chunk({"audio": {"transcript": "He"}}), chunk({"audio": {"transcript": "llo", "data": "AA"}}))
    assert text_in(events) == "Hello"
    assert Unmapped("audio") in events
