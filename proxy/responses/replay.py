"""A stored response, streamed once more: byte for byte what its client was sent the first time.

The same `StreamWriter` writes it that wrote it then. The assembler told it what happened; here the journal does, with
the contents from the finished items. So the form of an event is known in one place, and equality does not depend on
two being alike. The assembler is not driven: it decides what a stream looks like, and its decisions are in the journal.

What stays true when kinds of items are added: an item begins in a form that the journal knows, whatever its kind;
events that only name their item stand there by name; a text that grows is a row of `TEXT_KINDS`. An event of any other
make has to become a method of the writer that notes a step for the journal, and a step that is read here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from proxy.responses.stream_writer import (
    ALONE,
    ANNOTATION,
    CHECKSUM_SIZE,
    JOURNAL_VERSION,
    TEXT_KINDS,
    UNENDED,
    Outgoing,
    StreamWriter,
    TextKind,
    checksum,
)

_UNFIT = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading raises where the journal or the response has not the form that it should have."""

_ENDED = frozenset({"completed", "incomplete", "failed", "cancelled"})


class JournalError(ValueError):
    """The journal is damaged, unknown, or does not fit the response."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that grew: the part or the item that holds it, and the lengths and marks of the journal."""

    name: str
    kind: TextKind
    holder: Mapping[str, Any]
    lengths: Sequence[int]

    @property
    def count(self) -> int:
        """How many events it has between its opening and its end."""
        return sum(length >= ANNOTATION for length in self.lengths)


@dataclass(frozen=True, slots=True)
class _Item:
    """An item as it was added, as it ended, and what was written between: texts, and names of events."""

    first: Mapping[str, object]
    last: Mapping[str, object]
    steps: Sequence["str | _Text | _Told"]


@dataclass(frozen=True, slots=True)
class _Told:
    """An event with members of its own."""

    event: str
    members: Mapping[str, object]


def replay(response: Mapping[str, object], journal: bytes, *, after: int = -1) -> Iterator[Outgoing]:
    """The events of a response with a sequence number above `after`, in order; none when there are no such.

    `response` is the object as it ended, with its whole output; `journal` is what the assembler made. Raises
    JournalError, before any event, when they do not fit together or the journal is damaged.
    """
    try:
        (queued, service_tier, size, members), records = _content(journal)
        if checksum(response, journal[CHECKSUM_SIZE:]) != journal[:CHECKSUM_SIZE]:
            raise JournalError("The journal is damaged, or it is that of another response.")
        if response["status"] not in _ENDED:
            raise JournalError("The response has not ended.")
        output = response["output"]
        if not isinstance(output, list):
            raise JournalError("The response has no output.")
        items = _items(records, output)
    except JournalError:
        raise
    except _UNFIT as error:
        raise JournalError("The journal does not fit the response.") from error
    writer = StreamWriter(after=after)
    if queued is not None:
        # What its vendor said besides came to it at its end.
        known = response if members is None else dict(islice(response.items(), members))
        unended = {**known, **UNENDED, "status": "in_progress", "service_tier": service_tier}
        if writer.begin(unended, queued=queued) not in (None, size):
            raise JournalError("The response is not as it was when its stream was opened.")
    return _events(writer, response, items, after)


def sequence_length(journal: bytes) -> int:
    """How many events the stream has. Raises JournalError for what is no journal; damage is not noticed otherwise."""
    try:
        (queued, *_), records = _content(journal)
        count = 1 if queued is None else 3 + queued
        for first, _, *steps in records:
            if first == ALONE:
                count += 1
                continue
            count += 2
            for step in steps:
                if isinstance(step, str | dict):
                    count += 1
                else:
                    text = _Text(step[0], _kind(step[0]), {}, step[1:])
                    count += text.count + (1 if text.kind.parts is None else 3)
    except JournalError:
        raise
    except _UNFIT as error:
        raise JournalError("This is no journal of a stream.") from error
    return count


# --- reading ----------------------------------------------------------------------------------------------------------


def _content(journal: bytes) -> tuple[tuple[bool | None, object, int, int | None], Sequence[Any]]:
    """How the stream was opened (None: it was not), and the records of the items."""
    version, opening, records = orjson.loads(journal[CHECKSUM_SIZE:])
    if version != JOURNAL_VERSION:
        raise JournalError("The journal is of a release that is not known here.")
    queued, service_tier, size, *members = opening or (None, None, 0)
    return (queued, service_tier, size, members[0] if members else None), records


def _items(records: Sequence[Any], output: Sequence[Any]) -> list[_Item | _Told]:
    items: list[_Item | _Told] = []
    left = iter(output)
    for count, members, *raw_steps in records:
        if count == ALONE:
            items.append(_Told(members, *raw_steps))
            continue
        item = next(left, None)
        if item is None:
            raise JournalError("The journal tells of more items than the response has.")
        parts: dict[str, int] = {}
        steps: list[str | _Text | _Told] = []
        for step in raw_steps:
            if isinstance(step, str):
                steps.append(step)
                continue
            if isinstance(step, dict):
                steps.append(_Told(step["event"], step["members"]))
                continue
            name, *lengths = step
            kind = _kind(name)
            holder = item
            if kind.parts is not None:
                position = parts.get(kind.parts, 0)
                parts[kind.parts] = position + 1
                holder = item[kind.parts][position]
            steps.append(_text(name, kind, holder, lengths))
        if any(len(item[name]) != number for name, number in parts.items()):
            raise JournalError("The journal does not tell of every part.")
        items.append(_Item(dict(islice(item.items(), count)) | members, item, steps))
    if next(left, None) is not None:
        raise JournalError("The journal does not tell of every item.")
    return items


def _text(name: str, kind: TextKind, holder: Mapping[str, Any], lengths: list[int]) -> _Text:
    # Only a part has annotations and log probabilities of its text.
    extras = holder if kind.parts is not None else {}
    told = (
        sum(length for length in lengths if length >= 0),
        lengths.count(ANNOTATION),
        sum(ANNOTATION - length for length in lengths if length < ANNOTATION),
    )
    kept = (len(holder[kind.member]), len(extras.get("annotations", ())), len(extras.get("logprobs", ())))
    if told != kept or holder["type"] != kind.first.get("type", holder["type"]):
        raise JournalError("The journal tells of another text than the response has.")
    return _Text(name, kind, holder, lengths)


def _kind(name: str) -> TextKind:
    kind = TEXT_KINDS.get(name)
    if kind is None:
        raise JournalError("The journal tells of a kind of text that is not known here.")
    return kind


# --- writing ----------------------------------------------------------------------------------------------------------


def _events(
    writer: StreamWriter, response: Mapping[str, object], items: Sequence[_Item | _Told], after: int
) -> Iterator[Outgoing]:
    for item in items:
        if isinstance(item, _Told):
            writer.tell_alone(item.event, item.members)
            continue
        writer.open_item(item.first)
        for step in item.steps:
            if isinstance(step, str):
                writer.tell(step)
                continue
            if isinstance(step, _Told):
                writer.tell(step.event, step.members)
                continue
            writer.open_text(step.name)
            if writer.sequence + step.count <= after + 1:
                writer.sequence += step.count
            else:
                yield from writer.take()
                yield from _deltas(writer, step)
            writer.close_text(step.holder)
        writer.close_item(item.last)
        yield from writer.take()
    writer.end(response)
    yield from writer.take()


def _deltas(writer: StreamWriter, text: _Text) -> Iterator[Outgoing]:
    whole = text.holder[text.kind.member]
    annotations, logprobs = iter(text.holder.get("annotations", ())), iter(text.holder.get("logprobs", ()))
    annotated = start = marked = 0
    for length in text.lengths:
        if length < ANNOTATION:
            marked = ANNOTATION - length
            continue
        if length == ANNOTATION:
            writer.write_annotation(next(annotations), annotated)
            annotated += 1
        else:
            delta = whole[start : start + length]
            start += length
            if marked:
                writer.write_logprobs(delta, list(islice(logprobs, marked)))
                marked = 0
            else:
                writer.write_delta(delta)
        if writer.outgoing:
            yield from writer.take()
