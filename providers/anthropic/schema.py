"""The JSON-Schema dialect of structured outputs and strict tools.

Source: Anthropic's structured-outputs guide and the schema transformation of its SDKs. Validation keywords that the
dialect lacks are told to the model in the description; schemas whose meaning would change are `Unsupported`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from proxy.provider.json_schema import Schema, depth, inlined, is_recursive, referenced, references, walk

STRING_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
TYPES: Final = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})

SILENT: Final = frozenset({"$schema", "$id", "$comment", "$anchor", "deprecated", "readOnly", "writeOnly", "strict"})
"""Keywords without meaning for the model; left out without a word."""

ANNOTATIONS: Final = frozenset({"default", "examples"})
"""Keywords that validate nothing: told in the description, and no loss."""

MAX_DEPTH: Final = 64
MAX_STRICT_TOOLS: Final = 20
MAX_OPTIONAL_PARAMETERS: Final = 24
MAX_UNION_PARAMETERS: Final = 16


_DEFINITION: Final = re.compile(r"#/(?P<holder>\$defs|definitions)/(?P<name>[^/~%]+)")


class Unsupported(Exception):  # noqa: N818 - a fact about a schema, not a failure
    """The dialect has no form of the schema that means the same."""


@dataclass(frozen=True, slots=True)
class DialectSchema:
    """A schema in the dialect, and the keywords that are no longer enforced."""

    schema: dict[str, object]
    losses: tuple[str, ...]


@dataclass(slots=True)
class StrictLimits:
    """What all strict schemas of one request may hold together; `admit` counts a schema in if it still fits."""

    tools: int = 0
    optional: int = 0
    unions: int = 0

    def admit(self, schema: Schema, *, tool: bool = True) -> bool:
        """Whether the schema fits; only then it is counted."""
        optional, unions = self.optional, self.unions
        for part in walk(schema):
            properties, required = part.get("properties"), part.get("required")
            if isinstance(properties, Mapping):
                names = required if isinstance(required, list) else []
                optional += sum(name not in names for name in properties)
            unions += "anyOf" in part or isinstance(part.get("type"), list)
        tools = self.tools + tool
        if tools > MAX_STRICT_TOOLS or optional > MAX_OPTIONAL_PARAMETERS or unions > MAX_UNION_PARAMETERS:
            return False
        self.tools, self.optional, self.unions = tools, optional, unions
        return True


def to_dialect(schema: Schema) -> DialectSchema:
    """The schema in the dialect. Raises Unsupported."""
    if depth(schema) > MAX_DEPTH:
        raise Unsupported(f"it is nested deeper than {MAX_DEPTH} levels")
    if is_recursive(schema):
        raise Unsupported("it is recursive")
    if not all(_names_a_definition(schema, reference) for reference in _references(schema)):
        schema, cut = inlined(schema)
        if cut or any(True for _ in _references(schema)):
            raise Unsupported("it has a reference to nothing, or references that multiply")
    losses: dict[str, None] = {}
    definitions = {name: _subschema(entry, losses) for name, entry in _used_definitions(schema).items()}
    converted = {"$defs": definitions} if definitions else {}
    return DialectSchema({**converted, **_converted(schema, losses)}, tuple(losses))


def _used_definitions(root: Schema) -> dict[str, object]:
    """The definitions that the schema leads to, under their names."""
    found: dict[str, object] = {}
    pending = sorted(references(root))
    while pending:
        reference = pending.pop()
        target = referenced(root, reference)
        name = reference.rpartition("/")[2]
        if target is not None and name not in found:
            found[name] = target
            pending.extend(sorted(references(target)))
    return found


def _references(schema: Schema) -> Iterator[object]:
    return (part["$ref"] for part in walk(schema) if "$ref" in part)


def _names_a_definition(root: Schema, reference: object) -> bool:
    """Whether a reference is one that the vendor takes, once `definitions` are called `$defs`."""
    found = _DEFINITION.fullmatch(reference) if isinstance(reference, str) else None
    if found is None:
        return False
    holder, other = root.get(found["holder"]), root.get("definitions" if found["holder"] == "$defs" else "$defs")
    name = found["name"]
    return isinstance(holder, Mapping) and name in holder and not (isinstance(other, Mapping) and name in other)


def _is_primitive(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def _subschema(value: object, losses: dict[str, None]) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise Unsupported("it has a subschema that is not an object")
    return _converted(value, losses)


def _alternatives(value: object, losses: dict[str, None]) -> list[object]:
    if not isinstance(value, list) or not value:
        raise Unsupported("it has an empty list of alternatives")
    return [_subschema(entry, losses) for entry in value]


@dataclass(slots=True)
class _Rest:
    """The keywords of one schema that are still to be converted."""

    keywords: dict[str, object]

    def take(self, keyword: str) -> object:
        return self.keywords.pop(keyword, None)


def _converted(schema: Schema, losses: dict[str, None]) -> dict[str, object]:
    rest = _Rest({name: value for name, value in schema.items() if name not in SILENT})
    converted: dict[str, object] = {}
    for keyword in ("$defs", "definitions"):
        rest.take(keyword)
    if isinstance(reference := rest.take("$ref"), str):
        converted["$ref"] = reference.replace("#/definitions/", "#/$defs/", 1)
        for keyword in rest.keywords.keys() - ANNOTATIONS - {"description", "title"}:
            raise Unsupported(f"it has {keyword} beside a reference")
        return converted
    _core(rest, converted, losses)
    _described(rest, converted, losses)
    return converted


def _core(rest: _Rest, converted: dict[str, object], losses: dict[str, None]) -> None:
    """What decides which values the schema takes: literals, alternatives, or a type with its keywords."""
    kinds = rest.take("type")
    if _literals(rest, converted):
        return
    if any(keyword in rest.keywords for keyword in ("anyOf", "oneOf", "allOf")):
        if kinds == "object" and "properties" in rest.keywords:
            raise Unsupported("it has properties beside alternatives")
        _combined(rest, converted, losses)
        return
    names = kinds if isinstance(kinds, list) else [kinds]
    if not names or not all(isinstance(name, str) and name in TYPES for name in names):
        raise Unsupported("it has a part without a type")
    converted["type"] = kinds
    if "object" in names:
        _object(rest, converted, losses)
    if "array" in names:
        _array(rest, converted, losses)
    text_format = rest.keywords.get("format")
    if "string" in names and isinstance(text_format, str) and text_format in STRING_FORMATS:
        converted["format"] = rest.take("format")


def _literals(rest: _Rest, converted: dict[str, object]) -> bool:
    values = rest.keywords.get("enum")
    if isinstance(values, list) and values and all(_is_primitive(value) for value in values):
        converted["enum"] = rest.take("enum")
    if "const" in rest.keywords and _is_primitive(rest.keywords["const"]):
        converted["const"] = rest.take("const")
    return "enum" in converted or "const" in converted


def _combined(rest: _Rest, converted: dict[str, object], losses: dict[str, None]) -> None:
    if "anyOf" in rest.keywords:
        converted["anyOf"] = _alternatives(rest.take("anyOf"), losses)
    elif "oneOf" in rest.keywords:
        converted["anyOf"] = _alternatives(rest.take("oneOf"), losses)
        losses["oneOf"] = None
    else:
        converted["allOf"] = _alternatives(rest.take("allOf"), losses)


def _object(rest: _Rest, converted: dict[str, object], losses: dict[str, None]) -> None:
    properties = rest.take("properties")
    additional = rest.take("additionalProperties")
    is_open = additional is not None and additional is not False
    if not isinstance(properties, Mapping):
        if additional is not False:
            raise Unsupported("it has an object with free property names")
        properties = {}
    if is_open and not properties:
        raise Unsupported("it has an object with free property names")
    if is_open:
        losses["additionalProperties"] = None
    converted["properties"] = {name: _subschema(entry, losses) for name, entry in properties.items()}
    required = rest.take("required")
    if isinstance(required, list):
        converted["required"] = required
    converted["additionalProperties"] = False


def _array(rest: _Rest, converted: dict[str, object], losses: dict[str, None]) -> None:
    if "items" in rest.keywords:
        converted["items"] = _subschema(rest.take("items"), losses)
    if rest.keywords.get("minItems") in (0, 1):
        converted["minItems"] = rest.take("minItems")


def _described(rest: _Rest, converted: dict[str, object], losses: dict[str, None]) -> None:
    """Carry title and description, and tell in the latter what else the schema demanded."""
    description, title = rest.take("description"), rest.take("title")
    if isinstance(title, str):
        converted["title"] = title
    for keyword in rest.keywords:
        if keyword not in ANNOTATIONS:
            losses[keyword] = None
    parts = [description] if isinstance(description, str) and description else []
    if rest.keywords:
        demands = ", ".join(f"{name}: {orjson.dumps(value).decode()}" for name, value in rest.keywords.items())
        parts.append(f"{{{demands}}}")
    if parts:
        converted["description"] = "\n\n".join(parts)
