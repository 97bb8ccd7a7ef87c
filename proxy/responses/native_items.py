"""Items as they begin at a vendor that speaks Responses itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from proxy.responses.events import Annotation, Closed, Proof, Reasoning, Refusal, Text, Verbatim
from proxy.responses.hosted_phases import FIRST_FORMS, KNOWN_AT_ONCE, PHASES, WHOLE_OR_FAILED, has_status
from proxy.responses.open_item import ItemKind


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of item that the assembler builds from texts. `first` is how it begins, `own` are the members that are
    never the vendor's word; every other one is kept."""

    kind: ItemKind
    first: Mapping[str, object]
    own: frozenset[str] = field(default_factory=frozenset)


FORMS: Final[Mapping[str, Form]] = {
    "message": Form(
        "message",
        {"type": "message", "status": "in_progress", "role": "assistant", "content": []},
        frozenset({"role", "content"}),
    ),
    "reasoning": Form(
        "reasoning",
        {"type": "reasoning", "summary": []},
        frozenset({"summary", "content", "encrypted_content"}),
    ),
}


FORMED_BY: Final[Mapping[ItemKind, frozenset[type]]] = {
    "message": frozenset({Text, Annotation, Refusal, Proof, Verbatim, Closed}),
    "reasoning": frozenset({Reasoning, Proof, Verbatim, Closed}),
    "hosted": frozenset({Verbatim, Closed}),
}
"""The events that go on with an item which its vendor opened; every other one waits for its end."""


def native_members(kind: str, item: Mapping[str, object], given: Mapping[str, object]) -> dict[str, object]:
    """What an item of any other kind shows in its first event, without its id: `item` as its vendor began it, of which
    `given` is all but type, id and status."""
    first: dict[str, object] = {"type": kind}
    if "status" in item or has_status(kind):
        first["status"] = item["status"] if kind.endswith("_output") else "in_progress"
    empty = FIRST_FORMS.get(kind, {})
    later = {name for name in empty if name not in KNOWN_AT_ONCE}
    return {**first, **empty, **{name: value for name, value in given.items() if name not in later}}


def end_status(kind: str, item: Mapping[str, object]) -> str:
    """The status of an item that its vendor has ended."""
    status = item.get("status")
    if not isinstance(status, str) or status in _RUNNING:
        return "completed"
    if status not in _ENDS:
        return status if kind not in FORMS and kind not in PHASES else "completed"
    if kind in FORMS:
        return "completed" if status == "completed" else "incomplete"
    return "failed" if status == "incomplete" and kind in WHOLE_OR_FAILED else status


_RUNNING: Final = frozenset({"in_progress", "searching", "interpreting", "generating", "calling", "queued"})
_ENDS: Final = frozenset({"completed", "incomplete", "failed"})
