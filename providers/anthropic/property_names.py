"""Names of a tool's arguments that the vendor does not take, spelled otherwise on the way there and restored in calls.

The vendor takes letters, digits, `_`, `.` and `-`, 64 of them, at the top of a tool's schema; it refuses the whole
request for one other name, such as `$top` or `filter[id]`.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import orjson

from providers.anthropic.tool_schema import has_alternatives, without_alternatives
from proxy.provider.contract import Decoder, Frame
from proxy.provider.history import FunctionTool
from proxy.provider.json_schema import Schema
from proxy.responses.events import CallArguments, CallClosed, CallOpened, Event, Failed, Finished, Key

Names: TypeAlias = Mapping[str, str]
"""A name of the client -> the name that the vendor is told; only those that differ."""

MAX_LENGTH: Final = 64

_TAKEN: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_REFUSED: Final = re.compile(r"[^a-zA-Z0-9_.-]")


def vendor_names(schema: Schema) -> dict[str, str]:
    """The names at the top of a schema that have to be spelled otherwise; the same for the same schema."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    odd = [name for name in properties if not _TAKEN.fullmatch(name)]
    if not odd:
        return {}
    names: dict[str, str] = {}
    taken = set(properties)
    for name in odd:
        plain = _REFUSED.sub("_", name)[:MAX_LENGTH] or "_"
        if plain in taken:
            plain = f"{plain[: MAX_LENGTH - 9]}_{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"
        taken.add(plain)
        names[name] = plain
    return names


def names_of(tools: Sequence[FunctionTool]) -> dict[str, Names]:
    """The tools with such names."""
    found: dict[str, Names] = {}
    for tool in tools:
        schema = tool.parameters or {}
        names = vendor_names(without_alternatives(schema) if has_alternatives(schema) else schema)
        if names:
            found[tool.name] = names
    return found


def renamed(schema: Mapping[str, object], names: Names) -> dict[str, object]:
    """The schema with its properties under the vendor's names."""
    properties, required = schema.get("properties"), schema.get("required")
    made = dict(schema)
    if isinstance(properties, Mapping):
        made["properties"] = {names.get(name, name): value for name, value in properties.items()}
    if isinstance(required, list):
        made["required"] = [names.get(name, name) if isinstance(name, str) else name for name in required]
    return made


def renamed_arguments(arguments: str, names: Names) -> str:
    """The arguments of a call under other names; as they stand where they are no object."""
    try:
        value = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        return arguments
    if not isinstance(value, dict):
        return arguments
    return orjson.dumps({names.get(name, name): entry for name, entry in value.items()}).decode()


class RestoredCalls:
    """The events of an answer with the client's names. The arguments of such a call come in one piece, at its end."""

    __slots__ = ("_names", "_pending")

    def __init__(self, tools: Mapping[str, Names]) -> None:
        self._names = {tool: {plain: name for name, plain in names.items()} for tool, names in tools.items()}
        self._pending: dict[Key, tuple[Names, list[str]]] = {}

    def apply(self, events: Sequence[Event]) -> list[Event]:
        """The next events."""
        return [made for event in events for made in self._restore(event)]

    def _restore(self, event: Event) -> Iterator[Event]:
        if isinstance(event, CallOpened) and event.name in self._names:
            self._pending[event.key] = (self._names[event.name], [])
        elif isinstance(event, CallArguments) and event.key in self._pending:
            self._pending[event.key][1].append(event.delta)
            return
        elif isinstance(event, CallClosed) and event.key in self._pending:
            yield from self._arguments(event.key)
        elif isinstance(event, Finished | Failed):
            for key in list(self._pending):
                yield from self._arguments(key)
        yield event

    def _arguments(self, key: Key) -> Iterator[Event]:
        names, pieces = self._pending.pop(key)
        if pieces:
            yield CallArguments(key, renamed_arguments("".join(pieces), names))


class RestoringDecoder:
    """A decoder whose calls have the client's names."""

    __slots__ = ("_calls", "_decoder")

    def __init__(self, decoder: Decoder, tools: Mapping[str, Names]) -> None:
        self._decoder = decoder
        self._calls = RestoredCalls(tools)

    @property
    def inner(self) -> Decoder:
        """The decoder that reads the frames."""
        return self._decoder

    def feed(self, frame: Frame) -> Sequence[Event]:
        """The events of one frame."""
        return self._calls.apply(self._decoder.feed(frame))

    def end(self) -> Sequence[Event]:
        """What is still owed."""
        return self._calls.apply(self._decoder.end())
