"""Puts tool calls together from the deltas of servers that number and name them in many ways.

By the book a call has an `index`, and its `id` and `name` come once, with the first delta. Servers leave out the index,
give every call the index 0, repeat id and name in each delta or send them as "", leave out ids, or send arguments as an
object. So a delta begins a new call when its index is new, or when it comes with another id or name than the open call
of its index, or when it names a tool while that call's arguments are complete JSON already.

The input of a custom tool is plain text, of which nobody but the server knows when it is complete.
"""

from typing import Any, Final

import orjson

from proxy.responses.events import CallArguments, CallClosed, CallOpened, Event

_MISSING: Final = -1


class _Call:
    __slots__ = ("closed", "custom", "id", "key", "name", "pieces", "printed")

    def __init__(self, number: int) -> None:
        self.key = f"call:{number}"
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []
        self.printed = False
        self.closed = False
        self.custom = False

    def is_whole(self) -> bool:
        """Whether the arguments are complete JSON."""
        if self.custom:
            return False
        last = next((piece for piece in reversed(self.pieces) if not piece.isspace()), "")
        if not last.rstrip().endswith(("}", "]")):
            return False
        try:
            orjson.loads("".join(self.pieces))
        except orjson.JSONDecodeError:
            return False
        return True


class ToolCalls:
    """The calls of one answer. `nameless`: a call ended that never got a name."""

    __slots__ = ("_by_index", "_calls", "_last", "nameless")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._last: _Call | None = None
        self.nameless = False

    def __bool__(self) -> bool:
        return bool(self._calls)

    def are_whole(self) -> bool:
        """Whether no call lacks a part of its arguments."""
        return all(call.closed or call.custom or not call.pieces or call.is_whole() for call in self._calls)

    def feed(self, deltas: object) -> list[Event]:
        """The events of a delta's `tool_calls`."""
        events: list[Event] = []
        for delta in deltas if isinstance(deltas, list) else ():
            if isinstance(delta, dict):
                self._delta(delta, events)
        return events

    def end(self) -> list[Event]:
        """Close what is open."""
        events: list[Event] = []
        for call in self._calls:
            if not call.name:
                self.nameless = self.nameless or bool(call.pieces or call.id)
            elif not call.closed:
                call.closed = True
                events.append(CallClosed(call.key))
        return events

    def _delta(self, delta: dict[str, Any], events: list[Event]) -> None:
        custom, function = delta.get("custom"), delta.get("function")
        if isinstance(custom, dict):
            function = {"name": custom.get("name"), "arguments": custom.get("input")}
        elif not isinstance(function, dict):
            function = delta
        index, identifier, name = delta.get("index"), delta.get("id"), function.get("name")
        identifier = identifier if isinstance(identifier, str) and identifier != "null" else ""
        name = name if isinstance(name, str) else ""
        number = index if isinstance(index, int) and not isinstance(index, bool) else _MISSING
        call = self._resolve(number, identifier, name, events)
        call.id = call.id or identifier
        if name and not call.name:
            call.name, call.custom = name, isinstance(custom, dict)
            events.append(CallOpened(call.key, name, call.id or None, call.custom))
            events.extend(CallArguments(call.key, piece) for piece in call.pieces)
        self._arguments(call, function.get("arguments"), events)

    def _resolve(self, index: int, identifier: str, name: str, events: list[Event]) -> _Call:
        """The call that the delta belongs to."""
        call = self._last if index == _MISSING else self._by_index.get(index)
        if index == _MISSING and identifier:
            call = next((each for each in self._calls if each.id == identifier), call)
        if call is not None and not self._begins(call, index, identifier, name):
            self._last = call
            return call
        return self._new(index, events)

    @staticmethod
    def _begins(call: _Call, index: int, identifier: str, name: str) -> bool:
        """Whether a delta for the same index, or for none, begins another call all the same."""
        if identifier and call.id:
            if identifier == call.id:
                return False
            # Some servers make up a new id for each delta; without a name it takes more to be a new call.
            return bool(name) or index == _MISSING or call.is_whole()
        return bool(name and call.name) and (name != call.name or call.is_whole())

    def _new(self, index: int, events: list[Event]) -> _Call:
        previous = self._last
        if previous is not None and previous.name and not previous.closed and previous.is_whole():
            previous.closed = True
            events.append(CallClosed(previous.key))
        call = self._last = _Call(len(self._calls))
        self._calls.append(call)
        if index != _MISSING:
            self._by_index[index] = call
        return call

    @staticmethod
    def _arguments(call: _Call, arguments: object, events: list[Event]) -> None:
        if call.closed or call.printed:
            return
        if isinstance(arguments, str):
            piece = arguments
        elif arguments is None or arguments == {} or (call.pieces and isinstance(arguments, dict)):
            # An empty object stands for nothing yet; an object after text repeats it.
            return
        else:
            piece = dumped(arguments)
            call.printed = True
        if piece:
            call.pieces.append(piece)
            if call.name:
                events.append(CallArguments(call.key, piece))


def dumped(value: object) -> str:
    """The value as JSON text; "" where it is nested too deeply to be printed."""
    try:
        return orjson.dumps(value).decode()
    except (TypeError, RecursionError):
        return ""


def is_object(text: str) -> bool:
    """Whether the text is a JSON object."""
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False
