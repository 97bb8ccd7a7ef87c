"""Events that wait until the open item is complete, in order. What goes on with an item that waits stands with it, so
that none is looked at again with every item that is opened before it."""

from collections import deque
from typing import Final, Literal, TypeAlias

from proxy.responses.event_size import size_of
from proxy.responses.events import (
    CallArguments,
    CallClosed,
    CallOpened,
    Closed,
    Event,
    Hosted,
    Key,
    Opened,
    Proof,
)
from proxy.responses.native_items import FORMED_BY, FORMS
from proxy.responses.open_item import ItemKind

_Place: TypeAlias = tuple[Literal["call", "hosted", "native"], Key]

_ENDS: Final = ("completed", "failed")


class HeldEvents:
    """What waits; it is true while there is something. `size` is how much text that is, in characters or bytes."""

    __slots__ = ("_places", "_runs", "size")

    def __init__(self) -> None:
        self._runs: deque[_Run] = deque()
        # The runs that may still grow: each begins with the item of its place.
        self._places: dict[_Place, _Run] = {}
        self.size = 0

    def __bool__(self) -> bool:
        return bool(self._runs)

    @property
    def first(self) -> Event:
        """The event that is next."""
        return self._runs[0].events[0]

    def add(self, event: Event) -> None:
        """Let an event wait. Raises ResponsesError for what cannot be written."""
        size = size_of(event)
        self.size += size
        run = self._going_on(event)
        if run is None:
            run = _Run()
            self._runs.append(run)
            self._begin(event, run)
        run.events.append(event)
        run.size += size

    def take(self) -> "list[Event]":
        """The first event, and what goes on with its item."""
        run = self._runs.popleft()
        self.size -= run.size
        if run.place is not None and self._places.get(run.place) is run:
            del self._places[run.place]
        return run.events

    def _begin(self, event: Event, run: "_Run") -> None:
        if isinstance(event, CallOpened):
            # Another call under the key of one that waits: what follows belongs to the second.
            run.place = ("call", event.key)
        elif isinstance(event, Hosted) and event.phase not in _ENDS:
            run.place = ("hosted", event.key)
        elif isinstance(event, Opened) and ("native", event.key) not in self._places:
            run.place = ("native", event.key)
            form = FORMS.get(str(event.item.get("type")))
            run.kind = form.kind if form is not None else "hosted"
        if run.place is not None:
            self._places[run.place] = run

    def _going_on(self, event: Event) -> "_Run | None":
        """The run of the item that the event goes on with."""
        key = getattr(event, "key", None)
        if key is None or not self._places:
            return None
        place: _Place = ("call" if isinstance(event, CallArguments | CallClosed) else "hosted", key)
        run = self._places.get(place) if isinstance(event, CallArguments | CallClosed | Hosted) else None
        if isinstance(event, Proof) and event.binds == "previous":
            run = self._places.get(place)
        if run is None:
            place = ("native", key)
            run = self._places.get(place)
            if run is None and isinstance(key, str):
                place = ("native", key.rpartition("/")[0])
                run = self._places.get(place)
            if run is None or event.__class__ not in FORMED_BY[run.kind]:
                return None
        if isinstance(event, CallClosed | Closed) or (isinstance(event, Hosted) and event.phase in _ENDS):
            # What still follows under this key stands where it came.
            del self._places[place]
            run.place = None
        return run


class _Run:
    """Events of one item, or a single one."""

    __slots__ = ("events", "kind", "place", "size")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.size = 0
        self.place: _Place | None = None
        self.kind: ItemKind = "call"
