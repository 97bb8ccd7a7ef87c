"""Answers as the vendor gives them: frames of a stream, and the whole body of the same answer."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from providers.bedrock import Bedrock
from proxy.provider.contract import Frame
from proxy.responses.events import Event, Reasoning, Text
from tests.providers.bedrock.requests import OPUS, PROVIDER, prepared
from tests.vendors.converse import aws_frame

USAGE = {"inputTokens": 10, "outputTokens": 22, "totalTokens": 32}


def event(name: str, **payload: Any) -> Frame:
    return Frame(name, json.dumps({**payload, "p": "abcdefgh"}).encode())


def start(index: int, **kind: Any) -> Frame:
    return event("contentBlockStart", contentBlockIndex=index, start=kind)


def delta(index: int, **kind: Any) -> Frame:
    return event("contentBlockDelta", contentBlockIndex=index, delta=kind)


def stop(index: int) -> Frame:
    return event("contentBlockStop", contentBlockIndex=index)


def ending(reason: str = "end_turn", **usage: int) -> list[Frame]:
    return [event("messageStop", stopReason=reason), event("metadata", usage={**USAGE, **usage}, metrics={})]


def streamed(
    *frames: Frame | Iterable[Frame], model: str = OPUS, by: Bedrock = PROVIDER, end: bool = True
) -> list[Event]:
    """The events of a stream that begins as all do."""
    decoder = by.decoder(prepared(model=model, by=by))
    events = list(decoder.feed(event("messageStart", role="assistant")))
    for frame in frames:
        for each in [frame] if isinstance(frame, Frame) else frame:
            events += decoder.feed(each)
    return [*events, *decoder.end()] if end else events


def whole(
    *content: Any, reason: str = "end_turn", model: str = OPUS, by: Bedrock = PROVIDER, **members: Any
) -> list[Event]:
    """The events of a whole answer with this content."""
    body = {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": reason,
        "usage": USAGE,
        "metrics": {"latencyMs": 1},
        **members,
    }
    return by.decode(json.dumps(body).encode(), prepared(model=model, by=by))


def joined(events: Sequence[Event]) -> list[Event]:
    """The events with pieces of one text as one."""
    found: list[Event] = []
    for each in events:
        last = found[-1] if found else None
        if isinstance(each, (Text, Reasoning)) and type(last) is type(each) and last.key == each.key:
            found[-1] = type(each)(each.key, last.delta + each.delta)
            if isinstance(each, Reasoning):
                found[-1] = Reasoning(each.key, last.delta + each.delta, each.raw)
        else:
            found.append(each)
    return found


def as_bytes(frames: Iterable[Frame]) -> bytes:
    """The frames as they come over the wire."""
    return b"".join(map(_frame, frames))


def _frame(frame: Frame) -> bytes:
    kind, _, name = frame.event.rpartition("/")
    named = {"exception": ":exception-type", "error": ":error-code"}.get(kind, ":event-type")
    headers = {named: name, ":content-type": "application/json", ":message-type": kind or "event"}
    if kind == "error":
        headers[":error-message"] = json.loads(frame.data)["message"]
    return aws_frame(headers, b"" if kind == "error" else frame.data)
