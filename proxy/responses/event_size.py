"""How large an event is that holds JSON of its vendor's, and whether it can be written at all."""

from collections.abc import Mapping
from typing import Final

import orjson

from proxy.responses.errors import ResponsesError
from proxy.responses.events import (
    EVENT_NAME,
    Annotation,
    CallOpened,
    Closed,
    Event,
    Hosted,
    Members,
    Opened,
    Proof,
    Verbatim,
)

_JSON: Final[Mapping[type, str]] = {
    Annotation: "annotation",
    CallOpened: "members",
    Closed: "item",
    Hosted: "fields",
    Members: "members",
    Opened: "item",
    Verbatim: "members",
}
"""The members of events that are whatever a vendor says."""


def check(event: Event) -> None:
    """Raises ResponsesError (502) where an event holds what cannot be written: nothing of it may get into a response,
    which could not be ended then."""
    if event.__class__ in _JSON:
        size_of(event)
        if isinstance(event, Verbatim) and not EVENT_NAME.fullmatch(event.name):
            raise ResponsesError(502, "The provider sent an event whose name is none.", type="server_error")


def size_of(event: Event) -> int:
    """The size of an event that is held back, in characters or bytes. Raises ResponsesError as `check`."""
    size = 1 + len(getattr(event, "delta", ""))
    if isinstance(event, Proof):
        return size + len(event.payload)
    member = _JSON.get(event.__class__)
    value = getattr(event, member) if member is not None else None
    if not value:
        return size
    try:
        # As deep as it stands in the response that is the member of an event, and some more.
        return size + len(orjson.dumps([[[[[[[[dict(value)]]]]]]]]))
    except orjson.JSONEncodeError as problem:
        raise ResponsesError(
            502, f"The provider's answer cannot be written as JSON: {problem}.", type="server_error"
        ) from None
