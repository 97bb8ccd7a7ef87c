"""The writer of a stream: the one place that makes the bytes of its events, numbers them, and keeps their journal.

Two drive it: the assembler, while the vendor answers, and `proxy.responses.replay`, when a stored response is streamed
again. What they write is what a stream consists of: items, one open at a time; the texts that grow inside them; and
events that only name their item.

The journal holds what cannot be read from the finished response: how the stream was opened, the first form of each
item, in which order things happened inside it, and the lengths of the deltas. It is made when the response has ended;
during the stream only the structure is noted, nothing for a delta.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias
from zlib import crc32

import orjson

Outgoing: TypeAlias = tuple[str, bytes]
"""One event on its way to the client: its type, and its JSON."""

JOURNAL_VERSION = 1
"""Goes up when journals of an earlier release could not be read any more; replay knows all versions there were."""

CHECKSUM_SIZE = 8
"""How many bytes stand before a journal's content."""

ANNOTATION = -1
"""Stands among the lengths of deltas: here an annotation was added. A number n below it: the next delta has
`ANNOTATION - n` log probabilities."""

UNENDED: Mapping[str, object] = {
    "output": [],
    "usage": None,
    "completed_at": None,
    "incomplete_details": None,
    "error": None,
}
"""What a response that has not ended shows in the members that tell its end."""


@dataclass(frozen=True, slots=True)
class TextKind:
    """A kind of text that grows. `done`: the members of its holder that `.done` shows, and `member` the one with the
    text. The holder is a part of the item's list `parts`, which begins as `first` and has events of its own, named
    `part`; without `parts` it is the item."""

    member: str
    done: tuple[str, ...]
    parts: Literal["content", "summary"] | None = None
    part: str = ""
    first: Mapping[str, object] = field(default_factory=dict)
    suffix: bytes = b"}"

    @property
    def index(self) -> str:
        """The member that numbers the parts."""
        return f"{self.parts}_index"


TEXT_KINDS: Mapping[str, TextKind] = {
    "output_text": TextKind(
        "text",
        ("text", "logprobs"),
        "content",
        "content_part",
        {"type": "output_text", "text": "", "annotations": [], "logprobs": []},
        b',"logprobs":[]}',
    ),
    "refusal": TextKind("refusal", ("refusal",), "content", "content_part", {"type": "refusal", "refusal": ""}),
    "reasoning_text": TextKind("text", ("text",), "content", "content_part", {"type": "reasoning_text", "text": ""}),
    "reasoning_summary_text": TextKind(
        "text", ("text",), "summary", "reasoning_summary_part", {"type": "summary_text", "text": ""}
    ),
    "function_call_arguments": TextKind("arguments", ("name", "arguments")),
    "custom_tool_call_input": TextKind("input", ("input",)),
    "code_interpreter_call_code": TextKind("code", ("code",)),
    "mcp_call_arguments": TextKind("arguments", ("arguments",)),
}
"""The texts that grow, by the name of their events. A new one is a row here, and replay knows it."""


class _Text(NamedTuple):
    """A text that was closed. `marks`: what stands before the delta at a position."""

    name: str
    chunks: list[str]
    marks: list[tuple[int, int]]


class _Told(NamedTuple):
    """An event with members of its own."""

    event: str
    members: Mapping[str, object]


_OURS = frozenset({"type", "sequence_number"})
"""Members that every event has, and that are the writer's."""

ALONE = -1
"""Stands in the journal in the place of an item's first form: an event that belongs to no item."""


class StreamWriter:
    """Writes the events of one response into `outgoing`.

    With `live` false nothing is written and no journal kept; texts are collected all the same. Events with a sequence
    number up to `after` are counted and not made.

    Whoever has a delta of the open text may write it without a call, as `write_delta` does: `chunks`, `outgoing`,
    `sequence`, `delta_type` and `delta_template` are there for that.
    """

    __slots__ = (
        "_after",
        "_in_text",
        "_index",
        "_item",
        "_items",
        "_marks",
        "_name",
        "_opening",
        "_part_index",
        "_part_indexes",
        "_steps",
        "_waiting",
        "chunks",
        "delta_template",
        "delta_type",
        "kind",
        "live",
        "outgoing",
        "sequence",
    )

    def __init__(self, *, live: bool = True, after: int = -1) -> None:
        self.live = live
        self.outgoing: list[Outgoing] = []
        self.sequence = 0
        self.chunks: list[str] = []
        self.delta_type = ""
        self.delta_template = b""
        self._after = after
        # For the journal: the opening, and of each item its first form, itself, and what happened inside.
        self._opening: list[object] = []
        self._items: list[tuple[bytes, Mapping[str, object] | _Told, list[str | _Text | _Told]]] = []
        self._steps: list[str | _Text | _Told] = []
        # The open item and its open text.
        self._item: Mapping[str, object] = {}
        self._index = -1
        self._part_indexes: dict[str, int] = {}
        self._part_index = 0
        self._name = ""
        self.kind = TEXT_KINDS["output_text"]
        self._marks: list[tuple[int, int]] = []
        self._in_text = False
        self._waiting: list[_Told] = []

    def take(self) -> list[Outgoing]:
        """The events written since the last call, in order."""
        outgoing, self.outgoing = self.outgoing, []
        return outgoing

    # --- the response ------------------------------------------------------------------------------------------------

    def begin(self, response: Mapping[str, object], *, queued: bool) -> int | None:
        """Write `response.created`, `response.queued` if it was queued, and `response.in_progress`. `response` is in
        progress. Returns the size of its JSON, in bytes; None when it was not made."""
        if not self.live:
            return None
        if self._after >= 1 + queued:
            self.sequence = 2 + queued
            return None
        snapshot = orjson.dumps(response)
        events = [("response.created", snapshot), ("response.in_progress", snapshot)]
        if queued:
            waiting = orjson.dumps({**response, "status": "queued"})
            events = [("response.created", waiting), ("response.queued", waiting), ("response.in_progress", snapshot)]
        for name, data in events:
            if self.sequence > self._after:
                self.outgoing.append(
                    (name, b'{"type":"%b","sequence_number":%d,"response":%b}' % (name.encode(), self.sequence, data))
                )
            self.sequence += 1
        self._opening = [queued, response.get("service_tier"), len(snapshot), len(response)]
        return len(snapshot)

    def end(self, response: Mapping[str, object]) -> None:
        """Write the terminal event. There is none of its own for a cancelled response."""
        if self.live:
            status = response["status"]
            self._write(f"response.{'failed' if status == 'cancelled' else status}", response=response)

    # --- items -------------------------------------------------------------------------------------------------------

    def open_item(self, item: Mapping[str, object]) -> None:
        """Write that an item was added, as it is now."""
        if not self.live:
            return
        self._index += 1
        self._item, self._steps, self._part_indexes = item, [], {}
        first = orjson.dumps(item)
        self._items.append((first, item, self._steps))
        if self.sequence > self._after:
            name = "response.output_item.added"
            self.outgoing.append(
                (
                    name,
                    b'{"type":"%b","sequence_number":%d,"output_index":%d,"item":%b}'
                    % (name.encode(), self.sequence, self._index, first),
                )
            )
        self.sequence += 1

    def tell(self, event: str, members: Mapping[str, object] | None = None) -> None:
        """Write an event of the open item; `event` is its type without `response.`. Without `members` it only names
        the item; else it has these, names the item where they do, and waits for the end of an open text."""
        if not self.live:
            return
        if self._in_text and members is not None:
            self._waiting.append(_Told(event, members))
            return
        place: dict[str, object] = {"item_id": self._item["id"], "output_index": self._index}
        if members is None:
            self._steps.append(event)
            self._write(f"response.{event}", **place)
        else:
            self._steps.append(_Told(event, members))
            self._write(
                f"response.{event}",
                **{name: place.get(name, value) for name, value in members.items() if name not in _OURS},
            )

    def tell_alone(self, event: str, members: Mapping[str, object]) -> None:
        """Write an event of the response that belongs to no item."""
        if self.live:
            self._items.append((b"", _Told(event, members), []))
            self._write(f"response.{event}", **{name: value for name, value in members.items() if name not in _OURS})

    def close_item(self, item: Mapping[str, object]) -> None:
        """Write that the open item is done; it does not change any more."""
        if self.live:
            self._write("response.output_item.done", output_index=self._index, item=item)

    # --- texts -------------------------------------------------------------------------------------------------------

    def open_text(self, name: str) -> dict[str, object] | None:
        """Begin a text of one of TEXT_KINDS in the open item. Returns its part; None where the item holds it."""
        kind = self.kind = TEXT_KINDS[name]
        self.chunks, self._marks, self._name, self._in_text = [], [], name, True
        part: dict[str, object] | None = None
        if kind.parts is not None:
            part = {member: [] if isinstance(value, list) else value for member, value in kind.first.items()}
        if not self.live:
            return part
        place = b""
        if kind.parts is not None:
            self._part_index = self._part_indexes.get(kind.parts, -1) + 1
            self._part_indexes[kind.parts] = self._part_index
            self._write(f"response.{kind.part}.added", **self._place(), part=part)
            place = b',"%b":%d' % (kind.index.encode(), self._part_index)
        self.delta_type = f"response.{name}.delta"
        self.delta_template = b'{"type":"%b","sequence_number":%%d,"item_id":"%b","output_index":%d%b,"delta":%%b%b' % (
            self.delta_type.encode(),
            str(self._item["id"]).encode(),
            self._index,
            place,
            kind.suffix,
        )
        return part

    def write_delta(self, delta: str) -> None:
        """Go on with the open text."""
        self.chunks.append(delta)
        if self.live:
            if self.sequence > self._after:
                self.outgoing.append((self.delta_type, self.delta_template % (self.sequence, orjson.dumps(delta))))
            self.sequence += 1

    def write_logprobs(self, delta: str, logprobs: list[dict[str, object]]) -> None:
        """Go on with the open text by a delta that has log probabilities."""
        self._marks.append((len(self.chunks), ANNOTATION - len(logprobs)))
        self.chunks.append(delta)
        if self.live:
            self._write(self.delta_type, **self._place(), delta=delta, logprobs=logprobs)

    def write_annotation(self, annotation: object, index: int) -> None:
        """Annotate the open text; `index` counts the annotations of its part."""
        self._marks.append((len(self.chunks), ANNOTATION))
        if self.live:
            self._write(
                "response.output_text.annotation.added", **self._place(), annotation_index=index, annotation=annotation
            )

    @property
    def text(self) -> str:
        """The open text so far."""
        return "".join(self.chunks)

    def close_text(self, holder: Mapping[str, object]) -> None:
        """End the open text; `holder`, the part or the item, has it now."""
        if self.live:
            kind = self.kind
            self._steps.append(_Text(self._name, self.chunks, self._marks))
            self._write(
                f"response.{self._name}.done", **self._place(), **{member: holder[member] for member in kind.done}
            )
            if kind.parts is not None:
                self._write(f"response.{kind.part}.done", **self._place(), part=holder)
        self.chunks, self._in_text = [], False
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for told in waiting:
                self.tell(*told)

    # --- the journal -------------------------------------------------------------------------------------------------

    def journal(self, response: Mapping[str, object]) -> bytes:
        """The journal of this stream; `response` is the object as it ended."""
        items = [
            [ALONE, *item] if isinstance(item, _Told) else [*_first_form(first, item), *map(_noted, steps)]
            for first, item, steps in self._items
        ]
        content = orjson.dumps([JOURNAL_VERSION, self._opening, items])
        return checksum(response, content) + content

    # --- bytes -------------------------------------------------------------------------------------------------------

    def _place(self) -> dict[str, object]:
        place: dict[str, object] = {"item_id": self._item["id"], "output_index": self._index}
        if self.kind.parts is not None:
            place[self.kind.index] = self._part_index
        return place

    def _write(self, name: str, /, **members: object) -> None:
        if self.sequence > self._after:
            self.outgoing.append((name, orjson.dumps({"type": name, "sequence_number": self.sequence, **members})))
        self.sequence += 1


def checksum(response: Mapping[str, object], content: bytes) -> bytes:
    """Stands before a journal's content and tells that it is whole and belongs to this response. Raises KeyError and
    TypeError when the response has no ids."""
    output = response["output"]
    ids = [response["id"], *(item["id"] for item in output)] if isinstance(output, list) else []
    return b"%08x" % crc32(content, crc32("\n".join(ids).encode()))


def _noted(step: str | _Text | _Told) -> object:
    """How a step stands in the journal: a name, a list of lengths, or an object."""
    if isinstance(step, _Text):
        return _lengths(step)
    return {"event": step.event, "members": step.members} if isinstance(step, _Told) else step


def _lengths(text: _Text) -> list[object]:
    """The text's name and the lengths of its deltas, in characters, with each mark before the delta at its position."""
    lengths = list(map(len, text.chunks))
    marked: list[object] = [text.name]
    start = 0
    for position, mark in text.marks:
        marked += lengths[start:position]
        marked.append(mark)
        start = position
    return marked + lengths[start:]


def _first_form(first: bytes, item: Mapping[str, object]) -> tuple[int, dict[str, object]]:
    """How to get an item's first form from the finished one: so many of its members, and what to put back into them."""
    members: dict[str, object] = orjson.loads(first)
    if list(members) != list(item)[: len(members)]:
        return 0, members
    # Numbers and containers may be equal and yet not the same JSON (1, 1.0, true).
    return len(members), {
        member: value
        for member, value in members.items()
        if not (value is item[member] or (isinstance(value, str) and value == item[member]))
    }
