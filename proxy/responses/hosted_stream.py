"""What happens inside the open item of a tool that a vendor runs, or of a kind that only its vendor knows: phases,
members that stream, and events of the vendor's own."""

from collections.abc import Mapping

from proxy.responses.events import Hosted, Verbatim
from proxy.responses.hosted_phases import FIXED_MEMBERS, PHASES, STREAMED_MEMBERS
from proxy.responses.open_item import OpenItem
from proxy.responses.stream_writer import StreamWriter

_KNOWN = frozenset({*PHASES, *(streamed for _, streamed in STREAMED_MEMBERS.values())})
"""The beginnings of events that the assembler makes itself, for items of their own kind."""


def go_on(writer: StreamWriter, opened: OpenItem, event: Hosted) -> None:
    """Tell a step of a hosted tool, and take what it brings into the item."""
    _take_in(writer, opened, event.fields)
    phases = PHASES.get(event.kind, ())
    if event.phase in phases:
        tell_phases(writer, opened, phases.index(event.phase) + 1)


def relay(writer: StreamWriter, opened: OpenItem, event: Verbatim) -> None:
    """Tell an event of the vendor's own inside its item. Phases come in their order and once, and the members that are
    known to stream do it as everybody's."""
    kind = str(opened.item["type"])
    subject, _, what = event.name.rpartition(".")
    member, streamed = STREAMED_MEMBERS.get(kind, ("", ""))
    if subject == kind and what in PHASES.get(kind, ()):
        end_text(writer, opened)
        tell_phases(writer, opened, PHASES[kind].index(what) + 1)
    elif streamed and subject == streamed:
        delta = event.members.get("delta")
        if what == "delta" and isinstance(delta, str) and delta and not opened.item[member]:
            if not opened.telling:
                tell_phases(writer, opened, 1)
                writer.open_text(streamed)
                opened.telling = True
            writer.write_delta(delta)
        elif what == "done":
            _end_streamed(writer, opened, event.members)
    elif subject not in _KNOWN:
        # What is known to belong to items of another kind means nothing here.
        writer.tell(event.name, event.members)


def complete(writer: StreamWriter, opened: OpenItem, item: Mapping[str, object], status: str) -> None:
    """Take the final form of an item in, before it is closed with the status, and tell phases that were left out."""
    kind = str(opened.item["type"])
    _end_streamed(writer, opened, item)
    _take_in(writer, opened, item)
    if status == "completed":
        tell_phases(writer, opened, len(PHASES.get(kind, ())))


def tell_phases(writer: StreamWriter, opened: OpenItem, count: int) -> None:
    """Tell the phases of a hosted tool up to the `count`th, those that its vendor left out included."""
    kind = opened.item["type"]
    for phase in PHASES.get(str(kind), ())[opened.phase : count]:
        writer.tell(f"{kind}.{phase}")
    opened.phase = max(opened.phase, count)


def _take_in(writer: StreamWriter, opened: OpenItem, fields: Mapping[str, object]) -> None:
    item = opened.item
    tell_phases(writer, opened, 1)
    member, events = STREAMED_MEMBERS.get(str(item["type"]), ("", ""))
    text = fields.get(member)
    if member and not item[member] and isinstance(text, str) and text and opened.phase == 1:
        item[member] = text
        writer.open_text(events)
        writer.write_delta(text)
        writer.close_text(item)
    item.update(
        {
            name: value
            for name, value in fields.items()
            if name not in FIXED_MEMBERS and not (name == member and item.get(member))
        }
    )


def _end_streamed(writer: StreamWriter, opened: OpenItem, fields: Mapping[str, object]) -> None:
    """End the member that streams with what `fields` have of it beyond what was streamed, or show it at once."""
    member, _ = STREAMED_MEMBERS.get(str(opened.item["type"]), ("", ""))
    whole = fields.get(member)
    if not opened.telling:
        _take_in(writer, opened, {member: whole} if isinstance(whole, str) and whole else {})
        return
    told = writer.text
    if isinstance(whole, str) and len(whole) > len(told) and whole.startswith(told):
        writer.write_delta(whole[len(told) :])
    end_text(writer, opened)


def end_text(writer: StreamWriter, opened: OpenItem) -> None:
    """End the member that streams, if one does."""
    if opened.telling:
        opened.telling = False
        member, _ = STREAMED_MEMBERS[str(opened.item["type"])]
        opened.item[member] = writer.text
        writer.close_text(opened.item)
