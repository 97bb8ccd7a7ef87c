"""The frames of a recorded stream, found without the product's framer: where they end, and what they hold."""

import base64
import json
import re
import struct
from typing import Any, Final

from .generate_content import finish_of
from .recordings import Recording

_END: Final = re.compile(rb"\r?\n\r?\n")


def frame_ends(recording: Recording) -> list[int]:
    """The positions behind the blank lines, or behind the frames of AWS, which begin with their length."""
    if not recording.wrapped:
        return [found.end() for found in _END.finditer(recording.body)]
    ends, position = list[int](), 0
    while position < len(recording.body):
        position += struct.unpack_from(">I", recording.body, position)[0]
        ends.append(position)
    return ends


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
    if recording.wrapped:
        ends = frame_ends(recording)
        return [_event(recording.body[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
    lines = recording.body.decode().splitlines()
    return [json.loads(line[5:]) for line in lines if line.startswith("data:") and line[5:].strip() != "[DONE]"]


def finish_signal(recording: Recording) -> int:
    """The position in front of the frame with which the vendor ends its answer.

    Messages end with `message_stop`, Chat Completions with a finish reason or `[DONE]`, Gemini with a finish reason.
    """
    start = 0
    for end in [*frame_ends(recording), len(recording.body)]:
        if _finishes(recording, recording.body[start:end]):
            return start
        start = end
    return start


def _event(frame: bytes) -> dict[str, Any]:
    """What a frame of AWS holds: two lengths and a checksum, headers, and the payload before another checksum; the
    payload's `bytes` are the event in base64."""
    event = base64.b64decode(json.loads(frame[12 + struct.unpack_from(">I", frame, 4)[0] : -4])["bytes"])
    return dict(json.loads(event))


def _between_crlf(body: bytes) -> list[int]:
    return [found.start() + 1 for found in re.finditer(rb"\r\n", body)]


def _finishes(recording: Recording, frame: bytes) -> bool:
    if recording.wrapped:
        return bool(frame) and _event(frame)["type"] == "message_stop"
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
