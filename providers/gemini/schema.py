"""The JSON-Schema dialect of `parametersJsonSchema` and `responseJsonSchema`.

Source: the vendor's list of accepted keywords (reference of `responseJsonSchema`) and the schema transformation of
pydantic-ai 2.68. What the dialect has another form for is put into that form; constraints that it lacks are told to the
model in the description; annotations are left out. References are put in place of what they refer to, so a schema that
contains itself is cut where it begins anew; only where that would make a schema many times larger references stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import orjson

from providers.gemini.schema_merge import Flat, Merger
from proxy.provider.json_schema import Schema

ACCEPTED: Final = (
    "title",
    "type",
    "description",
    "enum",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "anyOf",
    "$ref",
    "$defs",
)
"""The keywords of the dialect, in the order in which they are written."""

TYPES: Final = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})

ANNOTATIONS: Final = frozenset(
    {
        "$anchor",
        "$comment",
        "$dynamicAnchor",
        "$id",
        "$schema",
        "$vocabulary",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
        "default",
        "deprecated",
        "discriminator",
        "example",
        "examples",
        "externalDocs",
        "id",
        "propertyOrdering",
        "readOnly",
        "title",
        "writeOnly",
        "xml",
    }
)
"""Keywords that forbid no value."""

TOLD_ANNOTATIONS: Final = frozenset({"default", "contentEncoding"})
"""Annotations that help the model to find a good value."""

CONSTRAINTS: Final = frozenset(
    {
        "$dynamicRef",
        "$recursiveRef",
        "additionalItems",
        "allOf",
        "anyOf",
        "const",
        "contains",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "if",
        "items",
        "maxContains",
        "maxLength",
        "maxProperties",
        "minContains",
        "minLength",
        "minProperties",
        "multipleOf",
        "not",
        "oneOf",
        "pattern",
        "patternProperties",
        "propertyNames",
        "required",
        "then",
        "type",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    }
)
"""Keywords that forbid values. Where one is left over, the model is only told of it."""

BY_TYPE: Final[Mapping[str, tuple[str, ...]]] = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "number": ("minimum", "maximum"),
    "integer": ("minimum", "maximum"),
}
"""The keywords that belong to values of one type."""

NUMBER_FORMATS: Final = ("int32", "int64", "float", "double")
MAX_DEPTH: Final = 48
MAX_INLINED: Final = 1_000
MAX_SCHEMAS: Final = 5_000
MAX_TOLD_LENGTH: Final = 1_000
MAX_CACHED_BYTES: Final = 8_192


@dataclass(frozen=True, slots=True)
class DialectSchema:
    """A schema in the dialect, which is shared and must not be changed.

    `told` are the constraints that are no longer enforced, `left_out` the annotations that are gone.
    """

    schema: Mapping[str, object]
    told: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def to_dialect(schema: Schema) -> DialectSchema:
    """The schema in the dialect; anything that is no schema counts as one that allows everything.

    Equal schemas are converted once, as an agent's tools are the same in every request: a schema of ten properties
    takes 96 us to convert and 1.5 us to find again.
    """
    try:
        text = orjson.dumps(schema)
    except orjson.JSONEncodeError:
        return _converted(schema)
    return _of_text(text) if len(text) <= MAX_CACHED_BYTES else _converted(schema)


@lru_cache(512)
def _of_text(text: bytes) -> DialectSchema:
    return _converted(orjson.loads(text))


def _converted(schema: Schema) -> DialectSchema:
    try:
        return _Conversion(schema, inline=True).whole()
    except _TooLargeError:
        return _Conversion(schema, inline=False).whole()


class _TooLargeError(Exception):
    """The schema with all references put in place has more than `MAX_INLINED` schemas."""


class _Conversion:
    """One schema on its way. `inline`: references are put in place; else those to definitions stay."""

    def __init__(self, root: Schema, *, inline: bool) -> None:
        self._inline = inline
        self._merger = Merger(root, keeps_references=not inline)
        self._told: dict[str, None] = self._merger.lost
        self._left_out: dict[str, None] = {}
        self._count = 0

    def whole(self) -> DialectSchema:
        schema = self._schema(self._merger.root, 0, frozenset({"#"}))
        definitions: dict[str, object] = {}
        while waiting := [name for name in self._merger.kept if name not in definitions]:
            for name in waiting:
                reference = self._merger.kept[name]
                definitions[name] = self._schema({"$ref": reference}, 0, frozenset({"#"}))
        if definitions:
            schema["$defs"] = definitions
        return DialectSchema(schema, tuple(sorted(self._told)), tuple(sorted(self._left_out)))

    def _schema(self, value: object, depth: int, following: frozenset[str]) -> dict[str, object]:
        self._count += 1
        if self._inline and self._count > MAX_INLINED:
            raise _TooLargeError
        if depth > MAX_DEPTH or self._count > MAX_SCHEMAS:
            self._told["nesting"] = None
            return {}
        if value is False:
            self._told["false"] = None
            return {"description": "No value is allowed here."}
        if not isinstance(value, Mapping):
            return {}
        flat = self._merger.flat(value, following, top=depth == 0)
        return self._keywords(flat, depth + 1)

    # --- the keywords of one schema -----------------------------------------------------------------------------------

    def _keywords(self, flat: Flat, depth: int) -> dict[str, object]:
        rest = dict(flat.schema)
        found: dict[str, object] = {}
        texts: list[str] = []
        if isinstance(description := rest.pop("description", None), str) and description:
            texts.append(description)
        if flat.kept is not None:
            # A reference stands alone, so what is said beside it needs a schema around it.
            found = {"anyOf": [{"$ref": flat.kept}]} if texts else {"$ref": flat.kept}
        else:
            self._literals(rest, found)
            self._alternatives(rest, found, texts, depth, flat.following)
            self._type(rest, found)
            self._object(rest, found, depth, flat.following)
            self._array(rest, found, depth, flat.following)
            self._number(rest, found)
            self._branches(found)
        self._rest(rest, texts)
        if texts:
            found["description"] = "\n\n".join(texts)
        return {name: found[name] for name in ACCEPTED if name in found}

    def _literals(self, rest: dict[str, object], found: dict[str, object]) -> None:
        """`const` and `enum`: values by type; a type of their own each, where they have several."""
        if "const" in rest:
            values: object = [rest["const"]]
            name = "const"
        else:
            values, name = rest.get("enum"), "enum"
        if not isinstance(values, list) or not values or not all(_is_literal(each) for each in values):
            return
        groups = _by_type(values)
        if len(groups.get("boolean", ())) == 1:
            # The vendor has no enum of truth values: the one that is allowed is told.
            if len(groups) == 1:
                rest["type"] = "boolean"
            return
        schemas = [_of_literals(kind, group) for kind, group in groups.items()]
        del rest[name]
        if len(schemas) > 1:
            found["anyOf"] = schemas
            rest.pop("type", None)
            return
        found |= schemas[0]
        if rest.get("type") == "number" and found["type"] == "integer":
            found["type"] = "number"
        if not isinstance(kinds := rest.pop("type", None), list) or "null" not in kinds:
            return
        found["type"] = [found["type"], "null"]

    def _alternatives(
        self,
        rest: dict[str, object],
        found: dict[str, object],
        texts: list[str],
        depth: int,
        following: frozenset[str],
    ) -> None:
        """`anyOf`, and `oneOf` in its place."""
        if "enum" in found or "anyOf" in found:
            return
        name = next((each for each in ("anyOf", "oneOf") if isinstance(rest.get(each), list) and rest[each]), None)
        if name is None:
            return
        entries = rest.pop(name)
        assert isinstance(entries, list)
        schemas = [self._schema(entry, depth, following) for entry in entries]
        choice = _one_choice(schemas)
        if name == "oneOf" and choice is None:
            self._told["oneOf"] = None
        if choice is not None:
            found |= choice
            rest.pop("type", None)
        elif len(schemas) == 1 and "$ref" not in schemas[0] and not (set(schemas[0]) - {"description"}) & set(rest):
            found |= schemas[0]
        else:
            found["anyOf"] = schemas
        if isinstance(text := found.pop("description", None), str):
            texts.append(text)

    def _type(self, rest: dict[str, object], found: dict[str, object]) -> None:
        kinds = rest.pop("type", None)
        nullable = rest.pop("nullable", None) is True
        names = [kind.lower() for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str)]
        names = [name for name in dict.fromkeys(names) if name in TYPES]
        if kinds is not None and not names:
            self._left_out["type"] = None
        if "type" in found:
            names = [kind] if isinstance(kind := found["type"], str) else names
            if not isinstance(kind, str):
                return
        elif not names and "anyOf" not in found:
            names = [kind for kind in ("object", "array") if not rest.keys().isdisjoint(BY_TYPE[kind])][:1]
        if nullable and names and "null" not in names:
            names.append("null")
        elif nullable and "anyOf" in found:
            branches = found["anyOf"]
            assert isinstance(branches, list)
            found["anyOf"] = [*branches, {"type": "null"}]
        if names:
            found["type"] = names[0] if len(names) == 1 else names

    def _object(self, rest: dict[str, object], found: dict[str, object], depth: int, following: frozenset[str]) -> None:
        properties = rest.pop("properties", None)
        if isinstance(properties, Mapping):
            found["properties"] = {
                str(name): self._schema(entry, depth, following) for name, entry in properties.items()
            }
        elif properties is not None:
            self._left_out["properties"] = None
        required = rest.get("required")
        if isinstance(required, list) and all(isinstance(name, str) for name in required):
            declared = found.get("properties")
            names = list(dict.fromkeys(required))
            if not isinstance(declared, Mapping) or all(name in declared for name in names):
                del rest["required"]
                if names:
                    found["required"] = names
            else:
                # The vendor takes only names of properties; all names are told.
                known = [name for name in names if name in declared]
                if known:
                    found["required"] = known
        elif required is not None:
            del rest["required"]
            self._left_out["required"] = None
        additional = rest.pop("additionalProperties", None)
        if isinstance(additional, bool):
            found["additionalProperties"] = additional
        elif isinstance(additional, Mapping):
            found["additionalProperties"] = self._schema(additional, depth, following)
        elif additional is not None:
            self._left_out["additionalProperties"] = None

    def _array(self, rest: dict[str, object], found: dict[str, object], depth: int, following: frozenset[str]) -> None:
        items, places = rest.pop("items", None), rest.pop("prefixItems", None)
        if isinstance(items, list):
            # The form of older drafts.
            items, places = None, items
        if isinstance(places, list) and places:
            found["prefixItems"] = [self._schema(entry, depth, following) for entry in places]
        if isinstance(items, Mapping) or items is False:
            found["items"] = self._schema(items, depth, following)
        for name in ("minItems", "maxItems"):
            value = rest.pop(name, None)
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                found[name] = value
            elif value is not None:
                self._left_out[name] = None

    def _number(self, rest: dict[str, object], found: dict[str, object]) -> None:
        for name in ("minimum", "maximum"):
            value = rest.pop(name, None)
            if isinstance(value, int | float) and not isinstance(value, bool):
                found[name] = value
            elif value is not None:
                self._left_out[name] = None

    def _branches(self, found: dict[str, object]) -> None:
        """Several types become alternatives, each with its own keywords; one type and null stay together."""
        kinds = found.get("type")
        if not isinstance(kinds, list) or len([kind for kind in kinds if kind != "null"]) < 2:
            return
        del found["type"]
        if "anyOf" in found:
            self._told["type"] = None
            return
        own = {kind: {name: found[name] for name in BY_TYPE.get(kind, ()) if name in found} for kind in kinds}
        for names in BY_TYPE.values():
            for name in names:
                found.pop(name, None)
        found["anyOf"] = [{"type": kind, **own[kind]} for kind in kinds]

    def _rest(self, rest: dict[str, object], texts: list[str]) -> None:
        """Tell of what is left over."""
        told: list[str] = []
        for name, value in rest.items():
            if name not in CONSTRAINTS or (name == "format" and value in NUMBER_FORMATS):
                self._left_out[name if name in ANNOTATIONS or name in CONSTRAINTS else "unknown keywords"] = None
                if name not in TOLD_ANNOTATIONS:
                    continue
            else:
                self._told[name] = None
            if (text := _text_of(value)) is not None:
                told.append(f"{name}: {text}")
        if told:
            texts.append(f"{{{', '.join(told)}}}")


# --- literals ---------------------------------------------------------------------------------------------------------


def _is_literal(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _by_type(values: Sequence[object]) -> dict[str, list[object]]:
    """The different values by their JSON types, in the order of their first value."""
    groups: dict[str, dict[object, None]] = {}
    for value in values:
        if value is None:
            kind = "null"
        elif isinstance(value, bool):
            kind = "boolean"
        else:
            kind = "string" if isinstance(value, str) else "number"
        groups.setdefault(kind, {}).setdefault(value)
    return {kind: list(group) for kind, group in groups.items()}


def _of_literals(kind: str, values: list[object]) -> dict[str, object]:
    """The schema of values of one type; the vendor has an enum for strings and numbers."""
    if kind in ("null", "boolean"):
        return {"type": kind}
    if kind == "number" and all(isinstance(value, int) for value in values):
        kind = "integer"
    return {"type": kind, "enum": values}


def _one_choice(schemas: Sequence[Mapping[str, object]]) -> dict[str, object] | None:
    """Alternatives of one value each, of one type, as one enum, with what is said of each value in the description."""
    values: dict[object, None] = {}
    lines: list[str] = []
    for schema in schemas:
        choices = schema.get("enum")
        if not isinstance(choices, list) or len(choices) != 1 or schema.get("type") != schemas[0].get("type"):
            return None
        if not schema.keys() <= {"type", "enum", "description"}:
            return None
        values.setdefault(choices[0])
        if "description" in schema:
            lines.append(f"{choices[0]}: {schema['description']}")
    merged: dict[str, object] = {"type": schemas[0]["type"], "enum": list(values)}
    return merged | {"description": "\n".join(lines)} if lines else merged


def _text_of(value: object) -> str | None:
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return None
    return text if len(text) <= MAX_TOLD_LENGTH else f"{text[:MAX_TOLD_LENGTH]}..."
