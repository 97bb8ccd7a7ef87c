"""From the scripted model's wire format to neutral events.

A stream is SSE: the event name says what a frame is, its data is one JSON object. A whole answer is one JSON object
whose `events` are the same objects, each with its name as `type`.
"""

from collections.abc import Callable, Mapping
from typing import Any, get_args

import orjson

from proxy.provider.contract import Frame
from proxy.provider.errors import ERROR_RULES, ErrorClass, ProviderError, retry_after_seconds
from proxy.responses.events import (
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Event,
    Failed,
    Finished,
    FinishReason,
    Proof,
    Reasoning,
    Refusal,
    Started,
    Text,
    Usage,
)

PROOF_KIND = "scripted"

STATUS_CLASSES: Mapping[int, ErrorClass] = {
    400: "bad_request",
    401: "bad_credential",
    402: "quota",
    403: "forbidden",
    404: "model_unknown",
    408: "timeout",
    413: "too_large",
    422: "bad_request",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
"""What a status means where `/fail` names no class: else 4xx is a bad request and 5xx the vendor's failure."""

_READERS: Mapping[str, Callable[[Mapping[str, Any]], Event]] = {
    "start": lambda data: Started(_text(data["id"]), _text(data["model"])),
    "text": lambda data: Text(_key(data), _text(data["delta"])),
    "citation": lambda data: Annotation(_key(data), dict(data["annotation"])),
    "refusal": lambda data: Refusal(_key(data), _text(data["delta"])),
    "reasoning": lambda data: Reasoning(_key(data), _text(data["delta"]), data["raw"] is True),
    "proof": lambda data: Proof(_key(data), PROOF_KIND, _text(data["payload"])),
    "call": lambda data: CallOpened(_key(data), _text(data["name"]), _text(data["call_id"])),
    "arguments": lambda data: CallArguments(_key(data), _text(data["delta"])),
    "call_end": lambda data: CallClosed(_key(data)),
    "usage": lambda data: Usage(**{name: _count(value) for name, value in data.items()}),
    "finish": lambda data: Finished(_REASONS[data["reason"]], data["reason"]),
    "error": lambda data: Failed(ProviderError(data["class"], _text(data["message"]))),
}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _key(data: Mapping[str, Any]) -> int | str:
    key = data["key"]
    return key if isinstance(key, int) else _text(key)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(value)
    return value


_REASONS: Mapping[str, FinishReason] = {reason: reason for reason in get_args(FinishReason)}


class ScriptedDecoder:
    """Reads one streamed answer."""

    def __init__(self) -> None:
        self._over = False

    def feed(self, frame: Frame) -> list[Event]:
        """The event of one frame; nothing after the last one."""
        if self._over:
            return []
        try:
            event = _READERS[frame.event](orjson.loads(frame.data))
        except (AttributeError, KeyError, TypeError, ValueError):
            event = _unreadable()
        self._over = isinstance(event, Finished | Failed)
        return [event]

    def end(self) -> list[Event]:
        """What is owed when the body ends without a finish signal."""
        if self._over:
            return []
        self._over = True
        return [Failed(ProviderError("cut", "The scripted model's answer ended before it was finished."))]


def decode_whole(body: bytes) -> list[Event]:
    """The events of a whole answer, ending in Finished or Failed."""
    decoder = ScriptedDecoder()
    try:
        pieces = orjson.loads(body)["events"]
        frames = [(piece.pop("type"), piece) for piece in pieces]
    except (AttributeError, KeyError, TypeError, ValueError):
        return [_unreadable()]
    events: list[Event] = []
    for name, data in frames:
        events += decoder.feed(Frame(name, orjson.dumps(data)))
    return events + decoder.end()


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """What an HTTP error of `/fail` means."""
    error_class = STATUS_CLASSES.get(status, "bad_request" if status < 500 else "vendor_failure")
    message = f"The scripted model failed with status {status}."
    try:
        error = orjson.loads(body)["error"]
        message = str(error["message"])
        if error["class"] in ERROR_RULES:
            error_class = error["class"]
    except (KeyError, TypeError, ValueError):
        pass  # not from /fail: the status says enough
    return ProviderError(error_class, message, retry_after=retry_after_seconds(headers), vendor_status=status)


def _unreadable() -> Failed:
    return Failed(ProviderError("vendor_failure", "The scripted model's answer could not be read."))
