"""Schemas that are said in several places, as one: what a reference leads to, what stands beside it, and `allOf`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from proxy.provider.json_schema import Schema, referenced

MAX_MERGES: Final = 2_000
"""How many schemas are merged for one schema of a request; the rest is only counted as lost."""

BESIDE_REFERENCES: Final = frozenset(
    {"$ref", "$defs", "definitions", "$comment", "title", "description", "default", "deprecated", "examples"}
)
"""Keywords that may stand beside a reference and change nothing of what it allows."""

_DEFINITIONS: Final = ("$defs", "definitions")
_ESCAPED: Final = frozenset("/~%")


@dataclass(frozen=True, slots=True)
class Flat:
    """A schema without `allOf` and without references, unless one was kept (`kept`, as it is written).

    `following`: the references whose targets the schema stands in.
    """

    schema: Schema
    following: frozenset[str]
    kept: str | None = None


class Merger:
    """Flattens the schemas below one root.

    `lost` collects the keywords that could not be merged; `kept` names the definitions whose references stay, each with
    the reference that leads there.
    """

    def __init__(self, root: Schema, *, keeps_references: bool) -> None:
        self.root = root
        self.lost: dict[str, None] = {}
        self.kept: dict[str, str] = {}
        self._keeps_references = keeps_references
        self._merges = 0

    def flat(self, schema: Schema, following: frozenset[str], *, top: bool = False) -> Flat:
        """The schema, flattened. `top`: it stands where no reference may stand alone."""
        if "$ref" not in schema and "allOf" not in schema:
            return Flat(_without_definitions(schema), following)
        merged: dict[str, object] = {}
        seen: set[str] = set()
        pending: list[object] = [schema]
        alone = not top
        while pending:
            current = pending.pop(0)
            if not isinstance(current, Mapping):
                if current is False:
                    self.lost["allOf"] = None
                continue
            self._merges += 1
            if self._merges > MAX_MERGES:
                self.lost["allOf"] = None
                break
            members = current.get("allOf")
            members = members if isinstance(members, list) else []
            reference = current.get("$ref")
            rest = {name: value for name, value in current.items() if name not in ("$ref", "allOf", *_DEFINITIONS)}
            if isinstance(reference, str):
                if alone and not members and not pending and (kept := self._kept(reference, {**merged, **rest})):
                    return Flat(self._merged(merged, rest), following, kept)
                if reference in following:
                    rest = self._merged(rest, self._cut(reference))
                elif (target := referenced(self.root, reference)) is None:
                    self.lost["$ref"] = None
                elif reference not in seen:
                    seen.add(reference)
                    members = [target, *members]
            merged = self._merged(merged, rest)
            pending[:0] = members
        return Flat(merged, following | seen)

    def _kept(self, reference: str, beside: Schema) -> str | None:
        """The reference as it stays, where it may: to a definition of the root, with nothing beside it that counts."""
        if not self._keeps_references or not beside.keys() <= BESIDE_REFERENCES:
            return None
        for keyword in _DEFINITIONS:
            name = reference.removeprefix(f"#/{keyword}/")
            # A name that has to be escaped would have to be given another one.
            if name == reference or not _ESCAPED.isdisjoint(name) or referenced(self.root, reference) is None:
                continue
            if self.kept.setdefault(name, reference) == reference:
                return f"#/$defs/{name}"
        return None

    def _cut(self, reference: str) -> Schema:
        """What stands in for a schema inside itself."""
        self.lost["recursion"] = None
        target = referenced(self.root, reference) or {}
        name = reference.rpartition("/")[2] if reference != "#" else "the whole"
        kind = target.get("type")
        text = f"Of the same form as '{name}', inside which it stands."
        return {"type": kind if isinstance(kind, str) else "object", "description": text}

    def _merged(self, first: Schema, second: Schema) -> dict[str, object]:
        """Both schemas as one; what is said of the value by both and cannot be said by one keyword is lost."""
        merged = dict(first)
        for name, value in second.items():
            if name not in merged:
                merged[name] = value
            elif merged[name] is not value and merged[name] != value:
                together = COMBINED[name](merged[name], value) if name in COMBINED else None
                if together is not None:
                    merged[name] = together
                elif name not in BESIDE_REFERENCES:
                    self.lost[name] = None
        return merged


def _without_definitions(schema: Schema) -> Schema:
    if "$defs" not in schema and "definitions" not in schema:
        return schema
    return {name: value for name, value in schema.items() if name not in _DEFINITIONS}


# --- one keyword said twice: both values as one, None where there is no such value ------------------------------------


def _both_properties(first: object, second: object) -> object:
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        return None
    return {
        **first,
        **{
            name: value if name not in first or first[name] == value else {"allOf": [first[name], value]}
            for name, value in second.items()
        },
    }


def _both_schemas(first: object, second: object) -> object:
    return {"allOf": [first, second]} if isinstance(first, Mapping) and isinstance(second, Mapping) else None


def _either_closed(first: object, second: object) -> object:
    if first is False or second is False:
        return False
    if isinstance(first, bool) or isinstance(second, bool):
        return second if first is True else first
    return _both_schemas(first, second)


def _all_names(first: object, second: object) -> object:
    if not isinstance(first, list) or not isinstance(second, list):
        return None
    known = _Values(first)
    return [*first, *(name for name in second if name not in known)]


def _common_values(first: object, second: object) -> object:
    if not isinstance(first, list) or not isinstance(second, list):
        return None
    allowed = _Values(second)
    return [value for value in first if value in allowed] or None


class _Values:
    """The values of a list, to be looked up: there may be many thousands."""

    def __init__(self, values: list[object]) -> None:
        self._plain = {value for value in values if isinstance(value, _PLAIN)}
        self._others = [value for value in values if not isinstance(value, _PLAIN)]

    def __contains__(self, value: object) -> bool:
        return value in (self._plain if isinstance(value, _PLAIN) else self._others)


def _common_types(first: object, second: object) -> object:
    names = [name for name in (first if isinstance(first, list) else [first]) if isinstance(name, str)]
    others = [name for name in (second if isinstance(second, list) else [second]) if isinstance(name, str)]
    common = [name for name in names if name in others]
    common += ["integer" for one, other in ((names, others), (others, names)) if "integer" in one and "number" in other]
    common = list(dict.fromkeys(common))
    return (common[0] if len(common) == 1 else common) or None


def _both_texts(first: object, second: object) -> object:
    if not isinstance(first, str) or not isinstance(second, str) or second in first:
        return first
    return f"{first}\n\n{second}"


def _number(pick: Callable[[float, float], float]) -> Callable[[object, object], object]:
    def combine(first: object, second: object) -> object:
        if not isinstance(first, int | float) or not isinstance(second, int | float):
            return None
        return pick(first, second)

    return combine


_PLAIN: Final = (str, int, float)
"""The types of values that can be hashed, which is nearly all."""

COMBINED: Final[Mapping[str, Callable[[object, object], object]]] = {
    "additionalProperties": _either_closed,
    "description": _both_texts,
    "enum": _common_values,
    "items": _both_schemas,
    "properties": _both_properties,
    "required": _all_names,
    "type": _common_types,
    **dict.fromkeys(("minimum", "minItems", "minLength", "minProperties", "exclusiveMinimum"), _number(max)),
    **dict.fromkeys(("maximum", "maxItems", "maxLength", "maxProperties", "exclusiveMaximum"), _number(min)),
}
