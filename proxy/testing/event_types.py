"""What stands in neutral events: the type of each member, as the assembler relies on it."""

from collections.abc import Mapping
from typing import Final

from proxy.responses.errors import ResponsesError
from proxy.responses.events import (
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Closed,
    Event,
    Failed,
    Finished,
    Hosted,
    Members,
    Opened,
    Proof,
    Reasoning,
    Refusal,
    Started,
    Text,
    Unmapped,
    Usage,
    Verbatim,
)

Types = tuple[type, ...]

_KEY: Final[Types] = (int, str)
_MAYBE: Final[Types] = (str, type(None))
_COUNT: Final[Types] = (int, type(None))

MEMBERS: Final[Mapping[type, Mapping[str, Types]]] = {
    Started: {"id": _MAYBE, "model": _MAYBE, "service_tier": _MAYBE},
    Text: {"key": _KEY, "delta": (str,), "logprobs": (list, type(None))},
    Annotation: {"key": _KEY, "annotation": (dict,)},
    Refusal: {"key": _KEY, "delta": (str,)},
    Reasoning: {"key": _KEY, "delta": (str,), "raw": (bool,)},
    Proof: {"key": _KEY, "kind": (str,), "payload": (str,), "binds": (str,), "verbatim": (bool,)},
    CallOpened: {"key": _KEY, "name": (str,), "call_id": _MAYBE, "custom": (bool,), "id": _MAYBE, "namespace": _MAYBE},
    CallArguments: {"key": _KEY, "delta": (str,)},
    CallClosed: {"key": _KEY},
    Hosted: {"key": _KEY, "kind": (str,), "phase": (str,), "fields": (Mapping,)},
    Opened: {"key": (str,), "item": (Mapping,)},
    Closed: {"key": (str,), "item": (Mapping,)},
    Verbatim: {"key": _MAYBE, "name": (str,), "members": (Mapping,)},
    Members: {"members": (Mapping,)},
    Usage: dict.fromkeys(Usage.__dataclass_fields__, _COUNT),
    Unmapped: {"element": (str,)},
    Finished: {"reason": (str,), "detail": _MAYBE},
    Failed: {"error": (ResponsesError,)},
}
"""Each event with its members."""


class EventError(Exception):
    """What a provider gave is no neutral event, or has a member of another type."""


def check_event(event: Event) -> None:
    """Raises EventError for what the assembler does not understand."""
    members = MEMBERS.get(type(event))
    if members is None:
        raise EventError(f"{event!r:.200} is no neutral event")
    for name, types in members.items():
        value = getattr(event, name)
        if not isinstance(value, types):
            known = " or ".join(each.__name__ for each in types)
            raise EventError(f"{type(event).__name__}.{name} is {value!r:.100}, and not of the type {known}")
        if types is _COUNT and isinstance(value, int) and value < 0:
            raise EventError(f"{type(event).__name__}.{name} is {value}: counts are not negative")
