"""The schema dialect, and the schema walks that it stands on."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.anthropic.schema import StrictLimits, Unsupported, to_dialect
from proxy.provider.json_schema import depth, is_recursive, referenced, references, walk

STRING = {"type": "string"}


def closed(properties: Any, **more: Any) -> Any:
    return {"type": "object", "properties": properties, **more, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "converted", "losses"),
    [
        (STRING, STRING, ()),
        ({"type": "object", "properties": {}}, closed({}), ()),
        (
            {"type": "object", "properties": {"a": STRING}, "required": ["a"], "title": "T", "description": "D"},
            closed({"a": STRING}, required=["a"]) | {"title": "T", "description": "D"},
            (),
        ),
        (
            {"type": "object", "properties": {"a": STRING}, "additionalProperties": True},
            closed({"a": STRING}),
            ("additionalProperties",),
        ),
        ({"oneOf": [STRING, {"type": "null"}]}, {"anyOf": [STRING, {"type": "null"}]}, ("oneOf",)),
        ({"anyOf": [STRING]}, {"anyOf": [STRING]}, ()),
        ({"allOf": [STRING]}, {"allOf": [STRING]}, ()),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}, ()),
        ({"enum": ["a", None, 1]}, {"enum": ["a", None, 1]}, ()),
        ({"type": "string", "enum": ["a"]}, {"enum": ["a"]}, ()),
        ({"const": "x"}, {"const": "x"}, ()),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}, ()),
        (
            {"type": "string", "format": "color", "description": "D"},
            {"type": "string", "description": 'D\n\n{format: "color"}'},
            ("format",),
        ),
        (
            {"type": "integer", "minimum": 1, "maximum": 9},
            {"type": "integer", "description": "{minimum: 1, maximum: 9}"},
            ("minimum", "maximum"),
        ),
        ({"type": "string", "default": "x"}, {"type": "string", "description": '{default: "x"}'}, ()),
        ({"type": "array", "items": STRING, "minItems": 1}, {"type": "array", "items": STRING, "minItems": 1}, ()),
        (
            {"type": "array", "items": STRING, "minItems": 2, "uniqueItems": True},
            {"type": "array", "items": STRING, "description": "{minItems: 2, uniqueItems: true}"},
            ("minItems", "uniqueItems"),
        ),
        ({"$schema": "x", "$id": "y", "type": "string"}, STRING, ()),
        (
            closed({"a": {"$ref": "#/definitions/n"}}) | {"definitions": {"n": STRING}},
            {"$defs": {"n": STRING}} | closed({"a": {"$ref": "#/$defs/n"}}),
            (),
        ),
        ({"$ref": "#/$defs/n", "$defs": {"n": STRING}}, {"$defs": {"n": STRING}, "$ref": "#/$defs/n"}, ()),
        (
            {"type": "object", "properties": {"const": STRING, "minimum": STRING}},
            closed({"const": STRING, "minimum": STRING}),
            (),
        ),
    ],
)
def test_the_dialect(schema: Any, converted: Any, losses: Any) -> None:
    result = to_dialect(schema)
    assert result.schema == converted
    assert result.losses == losses


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "object", "additionalProperties": STRING},
        {"type": "object", "properties": {}, "additionalProperties": True},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "any"},
        {"type": []},
        {"type": [1]},
        {"type": {"a": 1}},
        {"anyOf": []},
        {"anyOf": "x"},
        {"type": "object", "properties": {"a": STRING}, "anyOf": [STRING]},
        {"type": "object", "properties": {"a": {"$ref": "#"}}},
        {"$ref": "#/$defs/n", "minLength": 1, "$defs": {"n": STRING}},
    ],
)
def test_schemas_without_a_form_in_the_dialect(schema: Any) -> None:
    with pytest.raises(Unsupported):
        to_dialect(schema)


def test_deep_schemas_do_not_exhaust_the_stack() -> None:
    schema: Any = STRING
    for _ in range(5_000):
        schema = {"type": "array", "items": schema}
    assert depth(schema) == 5_001
    assert not is_recursive(schema)
    with pytest.raises(Unsupported):
        to_dialect(schema)


def test_strict_limits_count_what_fits() -> None:
    limits = StrictLimits()
    assert limits.admit({"type": "object", "properties": {f"p{n}": STRING for n in range(24)}})
    assert not limits.admit({"type": "object", "properties": {"one": STRING}})
    assert limits.admit({"type": "object", "properties": {"one": STRING}, "required": ["one"]})
    union = {"anyOf": [STRING]}
    assert limits.admit({"type": "array", "items": {"allOf": [union] * 16}})
    assert not limits.admit(union)
    assert limits.tools == 3


def test_walks() -> None:
    schema = {"properties": {"a": {"items": STRING}}, "anyOf": [{"not": STRING}], "$defs": {"n": {"$ref": "#/$defs/m"}}}
    assert len(list(walk(schema))) == 6
    assert depth(schema) == 3
    assert references(schema) == set()
    assert references({"items": {"$ref": "#/$defs/n"}}) == {"#/$defs/n"}
    assert referenced(schema, "#/anyOf/0/not") == STRING
    assert referenced(schema, "#") is schema
    assert referenced({"$defs": {"a/b": STRING}}, "#/$defs/a~1b") == STRING
    assert referenced(schema, "#/nowhere") is None
    assert referenced(schema, "https://example.org") is None


def test_recursion() -> None:
    tree = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}}
    assert is_recursive(tree)
    chain = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": STRING}}
    assert not is_recursive(chain)
    diamond = {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}], "$defs": chain["$defs"]}
    assert not is_recursive(diamond)
    mutual = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    assert is_recursive(mutual)


KEYWORDS = [
    "type", "properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "allOf", "enum", "const",
    "format", "minItems", "minimum", "$ref", "$defs", "definitions", "description", "title", "not", "default",
]  # fmt: skip
WORDS = ["object", "array", "string", "null", "date", "#", "#/$defs/a", "#/items", "#/anyOf/0", "x"]
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.floats(), st.sampled_from(WORDS)),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.sampled_from(KEYWORDS), below, max_size=4)),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.dictionaries(st.sampled_from(KEYWORDS), ANYTHING, max_size=5))
def test_any_schema_is_converted_or_unsupported(schema: dict[str, Any]) -> None:
    before = repr(schema)
    with suppress(Unsupported):
        converted = to_dialect(schema).schema
        StrictLimits().admit(converted)
        assert all(
            part.get("additionalProperties") is False for part in walk(converted) if part.get("type") == "object"
        )
    assert repr(schema) == before
