from typing import Any

import pytest

from providers.scripted.instance import NoInstance, instance

NODE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
    "required": ["value", "next"],
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, {}),
        ({}, {}),
        ({"type": "object"}, {}),
        ({"type": "string"}, "text"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "string", "pattern": "^[A-Z]{3}$"}, "AAA"),
        ({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}, "2026-01-01"),
        ({"type": "integer"}, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -2.5}, -3),
        ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10),
        ({"type": "number", "minimum": 0.25, "maximum": 0.5}, 0.25),
        ({"type": "number", "exclusiveMinimum": 0.25, "exclusiveMaximum": 0.5}, 0.375),
        ({"type": "boolean"}, False),
        ({"type": ["null", "string"]}, "text"),
        ({"type": "array", "items": {"type": "string"}}, []),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, ["text", "text"]),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": None}, None),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text"),
        ({"anyOf": [False, {"type": "integer"}]}, 0),
        ({"properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]}, {"a": 0}),
        ({"type": "object", "properties": {"a": {"type": "null"}}, "minProperties": 1}, {"a": None}),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, 0),
        ({"$defs": {"node": NODE}, **NODE}, {"value": 0, "next": {"value": 0, "next": None}}),
        (
            {
                "allOf": [
                    {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
                    {"properties": {"b": {"type": "string"}}, "required": ["b"]},
                ]
            },
            {"a": 0, "b": "text"},
        ),
    ],
)
def test_instances(schema: Any, expected: object) -> None:
    assert instance(schema) == expected


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"enum": []},
        {"type": "odd"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"type": "string", "pattern": "^qqq-[a-z]+-zzz$"},
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "a" * 501},
        {"type": "string", "minLength": 5, "maxLength": 2},
        {"type": "string", "minLength": 10**9},
        {"type": "integer", "minimum": 1.2, "maximum": 1.8},
        {"type": "array", "minItems": 3, "uniqueItems": True},
        {"type": "object", "properties": {"self": {"$ref": "#"}}, "required": ["self"]},
    ],
)
def test_schemas_without_an_instance_are_refused(schema: Any) -> None:
    with pytest.raises(NoInstance):
        instance(schema)


def test_patterns_cannot_stop_the_process() -> None:
    with pytest.raises(NoInstance):
        instance({"type": "string", "pattern": "^(a+)+q$"})


def test_schemas_of_exponential_size_are_refused() -> None:
    defs = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 4} for n in range(40)}
    with pytest.raises(NoInstance):
        instance({"$ref": "#/$defs/d0", "$defs": {**defs, "d40": False}})
