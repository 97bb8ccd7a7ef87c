"""From Parrot's answers to neutral events.

A stream is a line of JSON for each of: `said` (a piece of text), `call` (a call begins), `input` (a piece of its
arguments), `over` (why, and the counts), `trouble` (it failed). A whole answer has `said`, `calls`, `why` and `counts`
in one object. Nothing is raised for what the vendor sends.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from proxy.provider.contract import Frame
from proxy.provider.errors import ProviderError
from proxy.responses.events import (
    CallArguments,
    CallClosed,
    CallOpened,
    Event,
    Failed,
    Finished,
    FinishReason,
    Started,
    Text,
    Usage,
)

from dragoman_parrot.errors import error_in

TEXT: Final = "text"
"""The key of the one text."""

ENDS: Final[Mapping[str, FinishReason]] = {
    "done": "stop",
    "calls": "stop",
    "longest": "length",
    "muzzled": "content_filter",
}
"""Parrot's words for the end."""

Line = Mapping[str, Any]


class ParrotDecoder:
    """Reads one streamed answer."""

    def __init__(self) -> None:
        self._call: str | None = None
        self._calls: set[str] = set()
        self._over = False
        self._readers: Mapping[str, Callable[[Line], list[Event]]] = {
            "said": self._said,
            "call": self._called,
            "input": self._input,
            "over": self._ended,
            "trouble": self._trouble,
        }

    def feed(self, frame: Frame) -> list[Event]:
        """The events of one line; nothing after the end."""
        if self._over:
            return []
        line = _object(frame.data)
        kind = line.get("kind") if line is not None else None
        if line is None or not isinstance(kind, str):
            return self._trouble({})
        reader = self._readers.get(kind)
        # Kinds that are newer than this are no trouble.
        return reader(line) if reader is not None else []

    def end(self) -> list[Event]:
        """What is owed when the body ends: a failure, unless Parrot said that it is over."""
        if self._over:
            return []
        self._over = True
        return [Failed(ProviderError("cut", "Parrot's answer ended before it was complete."))]

    def _said(self, line: Line) -> list[Event]:
        text = _text(line.get("text"))
        return [*self._closed(), Text(TEXT, text)] if text else []

    def _called(self, line: Line) -> list[Event]:
        identifier = _text(line.get("id")) or f"call {len(self._calls)}"
        if identifier in self._calls:
            return []
        closed = self._closed()
        self._call = identifier
        self._calls.add(identifier)
        return [*closed, CallOpened(identifier, _text(line.get("tool")), identifier)]

    def _input(self, line: Line) -> list[Event]:
        piece = _text(line.get("piece"))
        return [CallArguments(self._call, piece)] if piece and self._call is not None else []

    def _closed(self) -> list[Event]:
        call, self._call = self._call, None
        return [CallClosed(call)] if call is not None else []

    def _ended(self, line: Line) -> list[Event]:
        self._over = True
        return [*self._closed(), *_ending(line)]

    def _trouble(self, line: Line) -> list[Event]:
        self._over = True
        return [Failed(error_in(line.get("trouble")))]


def decode_answer(body: bytes) -> list[Event]:
    """The events of a whole answer, ending in Finished or Failed."""
    answer = _object(body)
    if answer is None or answer.get("trouble") is not None:
        return [Failed(error_in((answer or {}).get("trouble")))]
    if not isinstance(answer.get("why"), str):
        return [Failed(error_in(None))]
    events: list[Event] = [Started()]
    if text := _text(answer.get("said")):
        events.append(Text(TEXT, text))
    calls = answer.get("calls")
    for number, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict):
            arguments = orjson.dumps(call.get("input") or {}).decode()
            opened = CallOpened(number, _text(call.get("tool")), _text(call.get("id")) or None)
            events += [opened, CallArguments(number, arguments), CallClosed(number)]
    return events + _ending(answer)


def _ending(line: Line) -> list[Event]:
    """The counts and the end. Parrot counts what it remembered apart from what it heard."""
    counts, why = line.get("counts"), _text(line.get("why"))
    events: list[Event] = []
    if isinstance(counts, dict):
        heard, remembered = _count(counts.get("heard")), _count(counts.get("remembered"))
        read = None if heard is None else heard + (remembered or 0)
        events.append(Usage(input_tokens=read, cached_tokens=remembered, output_tokens=_count(counts.get("spoken"))))
    events.append(Finished(ENDS.get(why, "unknown"), why or None))
    return events


def _object(data: bytes) -> Line | None:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    """A number of tokens; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
