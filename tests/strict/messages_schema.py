"""The JSON Schemas of the Messages API: those of tools, which may be nearly any, and those of structured outputs and
strict tools, which have a dialect and limits.

Source: the structured-outputs guide, the schema transformation of the `anthropic` package, and recorded refusals.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import jsonschema_rs

from tests.strict.messages_shapes import Fault

Schema: TypeAlias = Mapping[str, Any]

MAX_STRICT: Final = 20
MAX_OPTIONAL: Final = 24
MAX_UNIONS: Final = 16

_KEY: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_ANYWHERE: Final = frozenset({"title", "description", "$defs"})
_KEYWORDS: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems"}),
    "string": frozenset({"format"}),
    "integer": frozenset(),
    "number": frozenset(),
    "boolean": frozenset(),
    "null": frozenset(),
}
_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_ALTERNATIVES: Final = ("anyOf", "allOf")


def tool_schema_faults(schema: Schema, path: str) -> Iterator[Fault]:
    """What is wrong with the input schema of a tool that is not strict."""
    if schema.get("type") != "object":
        yield "tool-schema-type", f"{path}.type", ""
    if any(name in schema for name in ("oneOf", "allOf", "anyOf")):
        yield "tool-schema-union", path, ""
    properties = schema.get("properties")
    if isinstance(properties, dict) and not all(map(_KEY.fullmatch, properties)):
        yield "tool-schema-key", f"{path}.properties", ""
    if not jsonschema_rs.meta.is_valid({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"}):
        yield "tool-schema-invalid", path, ""


def strict_faults(schemas: Sequence[Schema], *, tools: int) -> Iterator[Fault]:
    """Whether all strict schemas of a request are more than the server compiles. `tools` of them are tools'."""
    optional = unions = 0
    for schema in schemas:
        for part in _parts(schema):
            required = part.get("required") or ()
            optional += sum(name not in required for name in part.get("properties") or ())
            unions += "anyOf" in part or isinstance(part.get("type"), list)
    for rule, found, most in (
        ("strict-tools", tools, MAX_STRICT),
        ("strict-optional", optional, MAX_OPTIONAL),
        ("strict-unions", unions, MAX_UNIONS),
    ):
        if found > most:
            yield rule, "tools", f"{found}, the most is {most}"


def dialect_faults(schema: Schema, path: str) -> Iterator[Fault]:
    """What a strict schema has that the dialect does not."""
    definitions = schema.get("$defs") or {}
    yield from _part_faults(schema, path, definitions)
    for name, definition in definitions.items():
        yield from _part_faults(definition, f"{path}.$defs.{name}", definitions)
        if _reaches(definition, name, definitions, set()):
            yield "schema-recursion", f"{path}.$defs.{name}", ""


def _part_faults(part: object, path: str, definitions: Mapping[str, Any]) -> Iterator[Fault]:
    if not isinstance(part, dict):
        yield "schema-keyword", path, str(part)
        return
    if (reference := part.get("$ref")) is not None:
        if str(reference).removeprefix("#/$defs/") not in definitions:
            yield "schema-reference", path, str(reference)
        yield from _keyword_faults(part, _ANYWHERE | {"$ref"}, path)
        return
    if any(name in part for name in _ALTERNATIVES):
        yield from _keyword_faults(part, _ANYWHERE | set(_ALTERNATIVES), path)
        for name in _ALTERNATIVES:
            for index, alternative in enumerate(part.get(name) or ()):
                yield from _part_faults(alternative, f"{path}.{name}.{index}", definitions)
        return
    if "enum" in part or "const" in part:
        yield from _keyword_faults(part, _ANYWHERE | {"type", "enum", "const"}, path)
        if any(isinstance(value, dict | list) for value in (*part.get("enum", ()), part.get("const"))):
            yield "schema-literal", path, ""
        return
    yield from _typed_faults(part, path, definitions)


def _typed_faults(part: Schema, path: str, definitions: Mapping[str, Any]) -> Iterator[Fault]:
    kinds = part.get("type")
    names: list[str] = kinds if isinstance(kinds, list) else [str(kinds)]
    if not names or not all(name in _KEYWORDS for name in names):
        yield "schema-type", path, str(kinds)
        return
    yield from _keyword_faults(part, _ANYWHERE | {"type"} | {word for name in names for word in _KEYWORDS[name]}, path)
    if "object" in names:
        if part.get("additionalProperties") is not False:
            yield "schema-open", path, ""
        for name, entry in (part.get("properties") or {}).items():
            yield from _part_faults(entry, f"{path}.properties.{name}", definitions)
    if "items" in part:
        yield from _part_faults(part["items"], f"{path}.items", definitions)
    if part.get("minItems", 0) not in (0, 1):
        yield "schema-min-items", path, ""
    if part.get("format", "date") not in _FORMATS:
        yield "schema-format", path, str(part["format"])


def _keyword_faults(part: Schema, known: frozenset[str] | set[str], path: str) -> Iterator[Fault]:
    for name in part:
        if name not in known:
            yield "schema-keyword", path, name


def _parts(schema: object) -> Iterator[Schema]:
    """The schema and all that stand in it."""
    if not isinstance(schema, dict):
        return
    yield schema
    for name in ("properties", "$defs"):
        for entry in (schema.get(name) or {}).values():
            yield from _parts(entry)
    for name in _ALTERNATIVES:
        for entry in schema.get(name) or ():
            yield from _parts(entry)
    yield from _parts(schema.get("items"))


def _reaches(schema: object, name: str, definitions: Mapping[str, Any], seen: set[str]) -> bool:
    """Whether the schema leads to the definition of that name."""
    for part in _parts(schema):
        target = str(part.get("$ref", "")).removeprefix("#/$defs/")
        if target == name:
            return True
        if target in definitions and target not in seen:
            seen.add(target)
            if _reaches(definitions[target], name, definitions, seen):
                return True
    return False
