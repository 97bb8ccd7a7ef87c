"""Shapes of JSON objects: which members they have and of which JSON type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from proxy.testing.grammar.rules import Report

# A shape maps member names to kinds such as "string" or "integer|null".
Shape = Mapping[str, str]

_PYTHON_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
    "any": (object,),
}


def type_of(value: object) -> str:
    """Give the `type` member of a tagged JSON object, or an empty string when there is none."""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def fits(value: object, kinds: str) -> bool:
    """Tell whether a decoded JSON value is of one of the kinds, written as `string|null`."""
    for kind in kinds.split("|"):
        if kind in ("integer", "number") and isinstance(value, bool):
            continue
        if isinstance(value, _PYTHON_TYPES[kind]):
            return True
    return False


def check_shape(value: Mapping[str, Any], shape: Shape, at: str, report: Report, *, missing: str, wrong: str) -> bool:
    """Report members that are missing or of the wrong kind under the two rules; true when there are none."""
    sound = True
    for name, kinds in shape.items():
        if name not in value:
            report.add(missing, at, f"{name} is missing")
            sound = False
        elif not fits(value[name], kinds):
            report.add(wrong, at, f"{name} is {value[name]!r:.80}, not {kinds}")
            sound = False
    return sound
