"""Walking JSON Schemas (2020-12): where subschemas stand, and what follows from a whole schema. Pure functions.

Providers use it to bring a client's schema into their vendor's dialect. Everything tolerates malformed schemas: what is
not a schema where one should stand is skipped.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import unquote

Schema: TypeAlias = Mapping[str, object]

SCHEMA_KEYWORDS: Final = (
    "items",
    "additionalProperties",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "not",
    "if",
    "then",
    "else",
)
"""Keywords whose value is one schema."""

LIST_KEYWORDS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
"""Keywords whose value is a list of schemas."""

MAP_KEYWORDS: Final = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
"""Keywords whose value maps names, which are no keywords themselves, to schemas."""


def subschemas(schema: Schema) -> Iterator[Schema]:
    """The direct subschemas of a schema, in a fixed order; definitions come last."""
    for keyword in SCHEMA_KEYWORDS:
        value = schema.get(keyword)
        if isinstance(value, Mapping):
            yield value
    for keyword in LIST_KEYWORDS:
        value = schema.get(keyword)
        if isinstance(value, list):
            yield from (entry for entry in value if isinstance(entry, Mapping))
    for keyword in MAP_KEYWORDS:
        value = schema.get(keyword)
        if isinstance(value, Mapping):
            yield from (entry for entry in value.values() if isinstance(entry, Mapping))


def walk(schema: Schema) -> Iterator[Schema]:
    """The schema and all schemas below it; references are not followed."""
    pending = [schema]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(subschemas(current))


def depth(schema: Schema) -> int:
    """How many schemas stand inside each other, this one included."""
    deepest = 0
    pending = [(schema, 1)]
    while pending:
        current, level = pending.pop()
        deepest = max(deepest, level)
        pending.extend((below, level + 1) for below in subschemas(current))
    return deepest


def referenced(root: Schema, reference: str) -> Schema | None:
    """The schema that a local reference (`#`, `#/$defs/node`) points to; None for other or broken references."""
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        return None
    current: object = root
    for step in reference[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(current, Mapping):
            # A reference is part of an address; who writes one by hand often leaves its names as they are.
            current = current.get(name, current.get(unquote(name)))
        elif isinstance(current, list) and name.isdecimal() and len(name) < 10 and int(name) < len(current):
            current = current[int(name)]
        else:
            return None
    return current if isinstance(current, Mapping) else None


def references(schema: Schema) -> set[str]:
    """The references that stand anywhere in the schema; those inside definitions count only when `schema` is one."""
    found: set[str] = set()
    pending = [schema]
    while pending:
        current = pending.pop()
        reference = current.get("$ref")
        if isinstance(reference, str):
            found.add(reference)
        pending.extend(subschemas({name: value for name, value in current.items() if name not in _DEFINITIONS}))
    return found


_DEFINITIONS: Final = frozenset({"$defs", "definitions"})


def is_recursive(root: Schema) -> bool:
    """Whether following local references from the root ever comes back to a reference that is being followed."""
    finished: set[str] = set()
    open_path: list[str] = []
    pending: list[tuple[str, bool]] = [(reference, False) for reference in sorted(references(root))]
    while pending:
        reference, leaving = pending.pop()
        if leaving:
            open_path.remove(reference)
            finished.add(reference)
            continue
        if reference in open_path or reference == "#":
            return True
        target = referenced(root, reference)
        if reference in finished or target is None:
            continue
        open_path.append(reference)
        pending.append((reference, True))
        pending.extend((below, False) for below in sorted(references(target)))
    return False


class Inlined(NamedTuple):
    """A schema without references. `cut`: somewhere it refers to itself, or grew too large, and was cut there."""

    schema: dict[str, object]
    cut: bool


MAX_INLINED: Final = 5_000
"""How many schemas stand in an inlined one at most: references that multiply grow without bound."""

MAX_INLINED_DEPTH: Final = 64
"""How many schemas stand inside each other in an inlined one at most."""


def inlined(root: Schema) -> Inlined:
    """The schema with each local reference replaced by what it points to; members beside `$ref` win over those of the
    target. Where a reference leads back into itself, or the schema has grown too large, stands a schema of the target's
    type alone, with its description."""
    inliner = _Inliner(root)
    schema = inliner.schema(root, (), 0)
    return Inlined({name: value for name, value in schema.items() if name not in _DEFINITIONS}, inliner.cut)


class _Inliner:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._made = 0
        self.cut = False

    def schema(self, schema: Schema, following: tuple[str, ...], level: int) -> dict[str, object]:
        self._made += 1
        if self._made > MAX_INLINED or level > MAX_INLINED_DEPTH:
            return self._stump(schema)
        reference = schema.get("$ref")
        target = referenced(self._root, reference) if isinstance(reference, str) else None
        if target is not None and isinstance(reference, str):
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            if reference in following:
                return self._stump(target) | self.schema(beside, following, level + 1)
            return self.schema({**target, **beside}, (*following, reference), level + 1)
        made: dict[str, object] = {}
        for name, value in schema.items():
            if name in _DEFINITIONS:
                continue
            if name in SCHEMA_KEYWORDS and isinstance(value, Mapping):
                made[name] = self.schema(value, following, level + 1)
            elif name in LIST_KEYWORDS and isinstance(value, list):
                made[name] = [self._any(entry, following, level) for entry in value]
            elif name in MAP_KEYWORDS and isinstance(value, Mapping):
                made[name] = {key: self._any(entry, following, level) for key, entry in value.items()}
            else:
                made[name] = value
        return made

    def _any(self, entry: object, following: tuple[str, ...], level: int) -> object:
        return self.schema(entry, following, level + 1) if isinstance(entry, Mapping) else entry

    def _stump(self, schema: Schema) -> dict[str, object]:
        self.cut = True
        return {name: schema[name] for name in ("type", "description") if name in schema}
