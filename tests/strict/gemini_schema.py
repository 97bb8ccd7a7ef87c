"""The JSON Schema that Gemini takes in `parametersJsonSchema` and `responseJsonSchema`.

Source: the structured-output page of the Gemini API; keywords that only some versions take count as unknown.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

KEYWORDS: Final = frozenset(
    {
        "$defs",
        "$ref",
        "additionalProperties",
        "anyOf",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "prefixItems",
        "properties",
        "propertyOrdering",
        "required",
        "title",
        "type",
    }
)
TYPES: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})

_MAPS: Final = ("properties", "$defs")
_LISTS: Final = ("anyOf", "prefixItems")
_SINGLE: Final = ("items", "additionalProperties")


def faults(root: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
    """What is not taken: (rule, path, the keyword, type or reference). Names of properties are no keywords."""
    pending: list[tuple[Mapping[str, Any], str]] = [(root, path)]
    while pending:
        schema, place = pending.pop()
        for keyword in schema:
            if keyword not in KEYWORDS:
                yield "schema-keyword", place, keyword
        for name in _types(schema):
            if name not in TYPES:
                yield "schema-type", place, str(name)
        if (reference := schema.get("$ref")) is not None and _referenced(root, reference) is None:
            yield "schema-reference", place, str(reference)
        pending += [(below, f"{place}.{step}") for below, step, _ in _below(schema)]
    for reference in _recursive(root):
        yield "schema-recursion", path, reference


def _types(schema: Mapping[str, Any]) -> list[object]:
    kind = schema.get("type")
    if kind is None:
        return []
    return list(kind) if isinstance(kind, list) else [kind]


def _below(schema: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str, bool]]:
    """The schemas directly below, where they stand, and whether a value may do without them."""
    required = schema.get("required") or ()
    for keyword in _MAPS:
        for name, below in (schema.get(keyword) or {}).items():
            if isinstance(below, dict):
                yield below, f"{keyword}[{name}]", keyword == "properties" and name not in required
    for keyword in _LISTS:
        for index, below in enumerate(schema.get(keyword) or ()):
            if isinstance(below, dict):
                yield below, f"{keyword}[{index}]", False
    for keyword in _SINGLE:
        if isinstance(below := schema.get(keyword), dict):
            yield below, keyword, False


def _referenced(root: Mapping[str, Any], reference: object) -> Mapping[str, Any] | None:
    if reference == "#":
        return root
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    found: Any = root
    for step in reference[2:].split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _recursive(root: Mapping[str, Any]) -> list[str]:
    """The references that come back to themselves without a property on the way that a value may leave out."""
    needs: dict[str, list[str]] = {}
    pending = ["#"]
    while pending:
        reference = pending.pop()
        if reference not in needs and (target := _referenced(root, reference)) is not None:
            needs[reference] = _references(target, all_of_them=False)
            pending += _references(target, all_of_them=True)

    def reaches_itself(start: str) -> bool:
        reached: set[str] = set()
        ahead = list(needs[start])
        while ahead:
            reference = ahead.pop()
            if reference == start:
                return True
            if reference not in reached:
                reached.add(reference)
                ahead += needs.get(reference, ())
        return False

    return [reference for reference in needs if reaches_itself(reference)]


def _references(schema: Mapping[str, Any], *, all_of_them: bool) -> list[str]:
    """The references of a schema: all, or those that every value has to follow."""
    found = []
    pending = [schema]
    while pending:
        current = pending.pop()
        if isinstance(reference := current.get("$ref"), str):
            found.append(reference)
        pending += [
            below
            for below, step, optional in _below(current)
            if all_of_them or not (optional or step.startswith("$defs"))
        ]
    return found
