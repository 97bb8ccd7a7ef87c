"""The frames of a recorded stream, found without the product's framer: where they end, and what they hold."""

import json
import re
from typing import Any, Final

from .generate_content import finish_of
from .recordings import Recording

_END: Final = re.compile(rb"\r?\n\r?\n")


def frame_ends(body: bytes) -> list[int]:
    """The positions behind the blank lines."""
    return [found.end() for found in _END.finditer(body)]


def line_ends(body: bytes) -> list[int]:
    """The positions behind every line feed, and between the two halves of CRLF."""
    return sorted({*(found.end() for found in re.finditer(rb"\n", body)), *_between_crlf(body)})


def inside_characters(body: bytes) -> list[int]:
    """The positions in the middle of characters of more than one byte."""
    return [position for position, octet in enumerate(body) if octet & 0xC0 == 0x80]


def payloads(recording: Recording) -> list[dict[str, Any]]:
    """What the frames of a stream hold, or the one object of a whole answer, or the elements of an array."""
    if not recording.stream:
        answer = json.loads(recording.body)
        return answer if isinstance(answer, list) else [answer]
    lines = recording.body.decode().splitlines()
    return [json.loads(line[5:]) for line in lines if line.startswith("data:") and line[5:].strip() != "[DONE]"]


def finish_signal(recording: Recording) -> int:
    """The position in front of the frame with which the vendor ends its answer.

    Messages end with `message_stop`, Chat Completions with a finish reason or `[DONE]`, Gemini with a finish reason.
    """
    start = 0
    for end in [*frame_ends(recording.body), len(recording.body)]:
        if _finishes(recording, recording.body[start:end]):
            return start
        start = end
    return start


def _between_crlf(body: bytes) -> list[int]:
    return [found.start() + 1 for found in re.finditer(rb"\r\n", body)]


def _finishes(recording: Recording, frame: bytes) -> bool:
    datas = [line[5:].strip() for line in frame.decode().splitlines() if line.startswith("data:")]
    if "[DONE]" in datas:
        return True
    values = [json.loads(data) for data in datas]
    if recording.family == "anthropic":
        return any(value["type"] == "message_stop" for value in values)
    if recording.family == "gemini":
        return any(finish_of(value) for value in values)
    finished = any(choice.get("finish_reason") for value in values for choice in value.get("choices") or ())
    return finished or any(value.get("error") for value in values)
