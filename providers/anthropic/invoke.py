"""Bedrock's stream of a Messages answer: each frame holds one of Anthropic's events, or says what went wrong.

Source: the service model of Bedrock Runtime (`InvokeModelWithResponseStream`).
"""

import base64
import binascii
from typing import Final

import orjson

from providers.anthropic.lenient import mapping, text
from proxy.provider.contract import Frame

CHUNK: Final = "chunk"
_FAULTS: Final = ("exception/", "error/")


def unwrapped(frame: Frame) -> Frame:
    """The event inside a frame; an exception as an event `error`. What cannot be read stays, and is read as no JSON."""
    try:
        payload = mapping(orjson.loads(frame.data))
    except orjson.JSONDecodeError:
        payload = {}
    if frame.event.startswith(_FAULTS):
        name = frame.event.partition("/")[2]
        said = next((text(payload.get(member)) for member in ("message", "Message") if payload.get(member)), "")
        return Frame("error", orjson.dumps({"type": "error", "error": {"type": name, "message": said}}))
    if frame.event == CHUNK:
        try:
            return Frame("", base64.b64decode(text(payload.get("bytes")), validate=True))
        except (binascii.Error, ValueError):
            return Frame("", b"?")
    return Frame("ping", frame.data)
