"""The JSON-Schema dialect of structured answers and strict tools.

Source: Cohere's guides to structured outputs and to parameter types of tools. What the dialect lacks is told to the
model in the description of its place.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from proxy.provider.json_schema import LIST_KEYWORDS, MAP_KEYWORDS, SCHEMA_KEYWORDS, Schema, depth, walk

MAX_DEPTH: Final = 64
MAX_FIELDS: Final = 200
"""How many fields all strict tools of a request may have together."""

FORMATS: Final = frozenset({"date-time", "date", "time", "uuid"})

UNENFORCED: Final = frozenset(
    {
        "contains",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "if",
        "maxContains",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minContains",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "patternProperties",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    }
)
"""Keywords that the vendor refuses: they are told in the description."""

SILENT: Final = frozenset({"$schema", "$id", "$comment", "$anchor", "deprecated", "readOnly", "writeOnly"})
"""Keywords without meaning for the model."""


class DialectSchema(NamedTuple):
    """A schema in the dialect, and the keywords that are told and not enforced."""

    schema: dict[str, object]
    told: tuple[str, ...]


def obstacle(schema: Schema) -> str | None:
    """Why the vendor cannot hold the model to the schema; None when it can."""
    if schema.get("type") != "object":
        return "the schema's root is not an object"
    if not schema.get("required") or not isinstance(schema["required"], list):
        return "the schema requires no field"
    if depth(schema) > MAX_DEPTH:
        return f"the schema is nested deeper than {MAX_DEPTH} levels"
    if any("allOf" in part or "prefixItems" in part for part in walk(schema)):
        return "the schema has parts that the vendor cannot enforce"
    return None


def fields(schema: Schema) -> int:
    """How many fields the objects of the schema have."""
    return sum(len(found) for part in walk(schema) if isinstance(found := part.get("properties"), Mapping))


def to_dialect(schema: Schema) -> DialectSchema:
    """The schema, which no obstacle is in the way of, in the dialect."""
    told: dict[str, None] = {}
    return DialectSchema(_converted(schema, told), tuple(told))


def _converted(schema: Schema, told: dict[str, None]) -> dict[str, object]:
    made: dict[str, object] = {}
    demands: dict[str, object] = {}
    for keyword, value in schema.items():
        if keyword in SILENT:
            continue
        if keyword in UNENFORCED or (keyword == "format" and value not in FORMATS):
            demands[keyword] = value
        elif keyword == "additionalProperties":
            made[keyword] = value is not False
            if isinstance(value, Mapping) and value:
                demands[keyword] = value
        elif keyword == "oneOf" and "anyOf" not in schema:
            made["anyOf"] = _each(value, told)
            told[keyword] = None
        elif keyword == "oneOf":
            demands[keyword] = value
        elif keyword in SCHEMA_KEYWORDS:
            made[keyword] = _one(value, told)
        elif keyword in LIST_KEYWORDS:
            made[keyword] = _each(value, told)
        elif keyword in MAP_KEYWORDS and isinstance(value, Mapping):
            made[keyword] = {name: _one(inner, told) for name, inner in value.items()}
        else:
            made[keyword] = value
    if demands:
        told.update(dict.fromkeys(demands))
        words = ", ".join(f"{name}: {orjson.dumps(value).decode()}" for name, value in demands.items())
        about = schema.get("description")
        made["description"] = f"{about}\n\n{{{words}}}" if isinstance(about, str) and about else f"{{{words}}}"
    return made


def _one(value: object, told: dict[str, None]) -> object:
    return _converted(value, told) if isinstance(value, Mapping) else value


def _each(value: object, told: dict[str, None]) -> object:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return value
    return [_one(inner, told) for inner in value]
