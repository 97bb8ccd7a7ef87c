"""The events of a background response as a store keeps them: JSON objects, one a line, in order."""

from collections.abc import Iterable, Sequence

from proxy.responses.assembler import Outgoing
from proxy.state.records import EventBatch

LAST_OPENING = 2
"""The sequence number of the last event before any output: created, queued, in_progress."""

_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})


def batch_of(first: int, events: Sequence[Outgoing]) -> EventBatch:
    """Events, at least one, as they are kept; `first` is the number of the first of them."""
    return EventBatch(first, first + len(events) - 1, b"\n".join([data for _, data in events]))


def events_after(batch: EventBatch, after: int) -> list[Outgoing]:
    """The events of a batch with sequence numbers above `after`."""
    found = batch.data.split(b"\n")[max(0, after + 1 - batch.first) :]
    # Every event begins with its type.
    return [(data[9 : data.index(b'"', 9)].decode(), data) for data in found]


def all_events(batches: Iterable[EventBatch]) -> list[Outgoing]:
    """The events of all batches."""
    return [event for batch in batches for event in events_after(batch, -1)]


def is_terminal(event: Outgoing) -> bool:
    """Whether nothing comes after this event."""
    return event[0] in _TERMINAL
