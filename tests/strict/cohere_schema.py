"""The schemas that Cohere takes for strict tools and structured answers."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

REFUSED: Final = frozenset(
    {
        *("minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minItems", "maxItems", "uniqueItems", "contains", "prefixItems", "minProperties", "maxProperties"),
        *("patternProperties", "propertyNames", "allOf", "oneOf", "not", "if", "then", "else"),
    }
)
FORMATS: Final = frozenset({"date-time", "date", "time", "uuid"})
NAMED: Final = ("properties", "$defs", "definitions")
LISTED: Final = ("anyOf",)


def faults(schema: Any) -> Iterator[tuple[str, str]]:
    """Places and what is wrong there."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        yield "", "the root has to be an object"
        return
    if not schema.get("required"):
        yield "", "at least one field has to be required"
    yield from _inside(schema, "")


def _inside(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name in sorted(schema.keys() & REFUSED):
        yield f"{path}.{name}", f"{name} is not supported"
    if schema.get("format", "date") not in FORMATS:
        yield f"{path}.format", f"format {schema['format']} is not supported"
    if not isinstance(schema.get("additionalProperties", False), bool):
        yield f"{path}.additionalProperties", "additionalProperties has to be a boolean"
    for where, below in _below(schema):
        yield from _inside(below, f"{path}.{where}")


def _below(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for keyword in NAMED:
        for name, below in (schema.get(keyword) or {}).items():
            yield f"{keyword}.{name}", below
    for keyword in LISTED:
        for index, below in enumerate(schema.get(keyword) or ()):
            yield f"{keyword}[{index}]", below
    if isinstance(schema.get("items"), dict):
        yield "items", schema["items"]


def fields(schema: Mapping[str, Any]) -> int:
    """How many fields a schema has, with those of its parts."""
    return len(schema.get("properties") or ()) + sum(fields(below) for _, below in _below(schema))
