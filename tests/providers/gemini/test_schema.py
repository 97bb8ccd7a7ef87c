"""The schema dialect: every keyword is carried, told, or known to say nothing."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.gemini.schema import (
    ACCEPTED,
    ANNOTATIONS,
    CONSTRAINTS,
    MAX_CACHED_BYTES,
    MAX_INLINED,
    MAX_SCHEMAS,
    TYPES,
    to_dialect,
)
from proxy.provider.json_schema import depth, walk

STRING = {"type": "string"}
NULL = {"type": "null"}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        STRING,
        {"type": ["string", "null"]},
        of(a=STRING) | {"required": ["a"], "additionalProperties": False},
        {"type": "object", "additionalProperties": STRING},
        {"type": "array", "items": STRING, "minItems": 1, "maxItems": 3},
        {"type": "array", "prefixItems": [STRING, NULL], "items": STRING},
        {"type": "integer", "minimum": 1, "maximum": 9, "description": "D"},
        {"type": "string", "enum": ["a", "b"]},
        {"type": "number", "enum": [1, 2]},
        {"type": ["string", "null"], "enum": ["a", "b"]},
        {"anyOf": [STRING, NULL]},
        of(const=STRING, title=STRING, default=STRING, pattern=STRING) | {"required": ["const"]},
        {"type": "object", "properties": {"$ref": STRING, "$comment": STRING, "$defs": STRING, "allOf": STRING}},
        {"type": "object", "required": ["a"]},
    ],
)
def test_the_dialect_stays_as_it_is(schema: Any) -> None:
    found = to_dialect(schema)
    assert found.schema == schema
    assert (found.told, found.left_out) == ((), ())


@pytest.mark.parametrize(
    ("schema", "converted"),
    [
        ({"const": "x"}, {"type": "string", "enum": ["x"]}),
        ({"const": 3}, {"type": "integer", "enum": [3]}),
        ({"const": 3, "type": "number"}, {"type": "number", "enum": [3]}),
        ({"const": None}, NULL),
        ({"enum": [1, 1.5]}, {"type": "number", "enum": [1, 1.5]}),
        ({"enum": ["a", "a"]}, {"type": "string", "enum": ["a"]}),
        ({"enum": ["a", None]}, {"anyOf": [{"type": "string", "enum": ["a"]}, NULL]}),
        ({"enum": [True, False]}, {"type": "boolean"}),
        ({"enum": ["a", 1]}, {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "integer", "enum": [1]}]}),
        (
            {"oneOf": [{"const": "a", "description": "A"}, {"const": "b"}], "description": "D"},
            {"type": "string", "enum": ["a", "b"], "description": "D\n\na: A"},
        ),
        ({"anyOf": [STRING | {"description": "B"}], "description": "A"}, STRING | {"description": "A\n\nB"}),
        ({"type": "STRING"}, STRING),
        ({"type": ["string"]}, STRING),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"anyOf": [STRING, {"type": "integer"}], "nullable": True}, {"anyOf": [STRING, {"type": "integer"}, NULL]}),
        ({"properties": {"a": True}}, of(a={})),
        ({"items": STRING}, {"type": "array", "items": STRING}),
        (
            {"type": ["array", "integer", "null"], "items": STRING, "minimum": 1},
            {"anyOf": [{"type": "array", "items": STRING}, {"type": "integer", "minimum": 1}, NULL]},
        ),
        ({"type": "array", "items": [STRING, NULL]}, {"type": "array", "prefixItems": [STRING, NULL]}),
        ({"allOf": [STRING]}, STRING),
        (
            {"allOf": [of(a=STRING) | {"required": ["a"]}, of(b=NULL) | {"required": ["b"]}], "description": "D"},
            of(a=STRING, b=NULL) | {"required": ["a", "b"], "description": "D"},
        ),
        (
            {"allOf": [of(a={"minimum": 1}), of(a={"type": "integer", "minimum": 2})]},
            of(a={"type": "integer", "minimum": 2}),
        ),
        ({"allOf": [{"type": "number"}, {"type": "integer"}]}, {"type": "integer"}),
        ({"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, {"type": "string", "enum": ["b"]}),
        ({"$ref": "#/$defs/n", "$defs": {"n": STRING}}, STRING),
        (of(a={"$ref": "#/definitions/n"}) | {"definitions": {"n": STRING}}, of(a=STRING)),
        (of(a={"$ref": "#/properties/b"}, b=STRING), of(a=STRING, b=STRING)),
        (
            of(a={"$ref": "#/$defs/n", "description": "Here"}) | {"$defs": {"n": STRING | {"description": "There"}}},
            of(a=STRING | {"description": "Here\n\nThere"}),
        ),
        (
            {"allOf": [{"$ref": "#/$defs/n"}, {"$ref": "#/$defs/n"}], "$defs": {"n": of(a=STRING)}},
            of(a=STRING),
        ),
    ],
)
def test_another_form_of_the_same(schema: Any, converted: Any) -> None:
    found = to_dialect(schema)
    assert found.schema == converted
    assert found.told == ()


@pytest.mark.parametrize(
    ("schema", "converted", "told"),
    [
        (
            {"type": "string", "minLength": 1, "pattern": "^a", "description": "D"},
            {"type": "string", "description": 'D\n\n{minLength: 1, pattern: "^a"}'},
            ("minLength", "pattern"),
        ),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "description": "{exclusiveMinimum: 0}"}, None),
        ({"type": "string", "format": "date"}, {"type": "string", "description": '{format: "date"}'}, None),
        ({"const": True}, {"type": "boolean", "description": "{const: true}"}, None),
        ({"enum": [[1], {}]}, {"description": "{enum: [[1],{}]}"}, None),
        ({"oneOf": [STRING, NULL]}, {"anyOf": [STRING, NULL]}, None),
        ({"type": "string", "not": {"enum": ["a"]}}, {"type": "string", "description": '{not: {"enum":["a"]}}'}, None),
        (
            of(a=STRING) | {"required": ["a", "b"]},
            of(a=STRING) | {"required": ["a"], "description": '{required: ["a","b"]}'},
            None,
        ),
        (of(a=False), of(a={"description": "No value is allowed here."}), ("false",)),
        ({"$ref": "https://example.org/a", "description": "D"}, {"description": "D"}, ("$ref",)),
        ({"allOf": [STRING, {"type": "integer"}]}, STRING, ("type",)),
        (
            {"allOf": [{"pattern": "^a"}, {"pattern": "b$"}], "type": "string"},
            {"type": "string", "description": '{pattern: "^a"}'},
            ("pattern",),
        ),
    ],
)
def test_what_the_dialect_lacks_is_told(schema: Any, converted: Any, told: Any) -> None:
    found = to_dialect(schema)
    assert found.schema == converted
    assert found.told == (
        told
        or tuple(
            name
            for name in ("const", "enum", "exclusiveMinimum", "format", "not", "oneOf", "required")
            if name in schema
        )
    )


@pytest.mark.parametrize(
    ("schema", "converted", "left_out"),
    [
        (STRING | {"title": "T", "$schema": "x", "examples": ["a"]}, STRING, ("$schema", "examples", "title")),
        (STRING | {"default": "a"}, STRING | {"description": '{default: "a"}'}, ("default",)),
        ({"type": "integer", "format": "int64"}, {"type": "integer"}, ("format",)),
        (STRING | {"x-order": 1, "strict": True, "enumDescriptions": []}, STRING, ("unknown keywords",)),
        ({"type": "any"}, {}, ("type",)),
        ({"type": 5, "required": 5, "minItems": -1, "minimum": "x"}, {"type": "object"}, None),
        ({"type": "array", "items": True}, {"type": "array"}, ()),
        ({"type": "object", "properties": {"a": 5}}, of(a={}), ()),
    ],
)
def test_annotations_and_nonsense_are_left_out(schema: Any, converted: Any, left_out: Any) -> None:
    found = to_dialect(schema)
    assert found.schema == converted
    assert found.told == ()
    assert left_out is None or found.left_out == left_out


# --- references that come back ----------------------------------------------------------------------------------------


def test_a_schema_that_contains_itself_is_cut_where_it_begins_anew() -> None:
    node = {"type": "object", "properties": {"value": STRING, "next": {"anyOf": [{"$ref": "#/$defs/node"}, NULL]}}}
    found = to_dialect({"$ref": "#/$defs/node", "$defs": {"node": node}})
    inner = {"type": "object", "description": "Of the same form as 'node', inside which it stands."}
    assert found.schema == of(value=STRING, next={"anyOf": [inner, NULL]})
    assert found.told == ("recursion",)


@pytest.mark.parametrize(
    "schema",
    [
        of(child={"$ref": "#"}),
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"$ref": "#/$defs/a", "$defs": {"a": of(b={"$ref": "#/$defs/a", "minProperties": 1})}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}, of(b={"$ref": "#/$defs/a"})]}}},
    ],
)
def test_no_circle_is_followed_for_ever(schema: Any) -> None:
    assert "$ref" not in orjson.dumps(dict(to_dialect(schema).schema)).decode()


def chain(length: int) -> dict[str, Any]:
    """Definitions of which each refers to the next one twice."""
    definitions: dict[str, Any] = {
        f"d{index}": of(
            a={"$ref": f"#/definitions/d{index + 1}"}, b={"$ref": f"#/definitions/d{index + 1}", "description": "B"}
        )
        for index in range(length)
    }
    return {"$ref": "#/definitions/d0", "definitions": definitions | {f"d{length}": STRING}}


@pytest.mark.parametrize("length", [2, 30])
@pytest.mark.parametrize("reference", ["a~1b", "a%2Fb", "Page%3Cb%3E"])
def test_names_that_are_escaped_are_found_and_never_stay(reference: str, length: int) -> None:
    definitions = {**chain(length)["definitions"], "a/b": STRING, "Page<b>": STRING}
    root = of(x={"$ref": f"#/definitions/{reference}"}, y={"$ref": "#/definitions/d0"})
    found = to_dialect({**root, "definitions": definitions})
    properties: Any = found.schema["properties"]
    assert properties["x"] == STRING
    assert found.told == ()


def test_references_stay_where_a_schema_would_grow_beyond_measure() -> None:
    found = to_dialect(chain(30))
    assert len(list(walk(found.schema))) < 200
    reference = {"$ref": "#/$defs/d1"}
    assert found.schema["properties"] == {"a": reference, "b": {"anyOf": [reference], "description": "B"}}
    definitions = found.schema["$defs"]
    assert isinstance(definitions, dict)
    assert len(definitions) == 30
    assert definitions["d30"] == STRING
    assert found.told == ()
    assert to_dialect(found.schema).schema == found.schema


def test_short_chains_are_put_in_place() -> None:
    assert to_dialect(chain(2)).schema == of(
        a=of(a=STRING, b=STRING | {"description": "B"}),
        b=of(a=STRING, b=STRING | {"description": "B"}) | {"description": "B"},
    )


def test_merging_that_would_never_end_is_given_up() -> None:
    definitions: dict[str, Any] = {
        f"d{index}": {
            "allOf": [
                of(a={"$ref": f"#/$defs/d{index + 1}"}),
                of(a={"$ref": f"#/$defs/d{index + 1}", "minProperties": 1}),
            ]
        }
        for index in range(40)
    }
    found = to_dialect({"$ref": "#/$defs/d0", "$defs": definitions | {"d40": STRING}})
    assert len(list(walk(found.schema))) <= MAX_SCHEMAS
    assert found.told


def test_deep_schemas_end() -> None:
    schema: Any = STRING
    for _ in range(200):
        schema = {"type": "array", "items": schema}
    found = to_dialect(schema)
    assert depth(found.schema) < 60
    assert found.told == ("nesting",)


def test_schemas_of_any_size_are_converted_alike() -> None:
    many = {f"p{index}": {"type": "string", "const": "x" * 20} for index in range(MAX_INLINED + 10)}
    assert len(orjson.dumps(many)) > MAX_CACHED_BYTES
    found = to_dialect({"type": "object", "properties": many})
    assert found.schema == of(**{name: {"type": "string", "enum": ["x" * 20]} for name in many})


# --- any schema -------------------------------------------------------------------------------------------------------

KEYWORDS = sorted({*ACCEPTED, *ANNOTATIONS, *CONSTRAINTS, "definitions", "nullable", "x-own"})
WORDS = [
    *sorted(TYPES),
    "a",
    "b",
    "date",
    "#",
    "#/$defs/a",
    "#/definitions/b",
    "#/properties/a",
    "#/anyOf/0",
    "#/$defs/",
]
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.floats(-2, 2), st.sampled_from(WORDS))


def below(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    schemas = st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4)
    named = st.dictionaries(st.sampled_from(["a", "b", "const", "$ref"]), inner, max_size=2)
    return st.one_of(
        schemas,
        st.lists(inner, max_size=3),
        st.builds(lambda entries: {"properties": entries}, named),
        st.builds(lambda entries: {"allOf": entries}, st.lists(schemas, max_size=2)),
        st.sampled_from([{"$ref": word} for word in WORDS if word.startswith("#")]),
    )


class Counted(str):
    """A text that counts how often it is compared with another."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_values_are_looked_up_however_many_there_are() -> None:
    first, second = ([Counted(f"value {number}") for number in range(start, start + 3_000)] for start in (0, 1_500))
    schemas: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
        ({"enum": first}, {"type": "string", "enum": first}),
        ({"allOf": [{"enum": first}, {"enum": second}]}, {"type": "string", "enum": second[:1_500]}),
        ({"oneOf": [{"const": value} for value in first]}, {"type": "string", "enum": first}),
        ({"allOf": [{"type": "object", "required": first}, {"required": second}]}, None),
    ]
    for schema, expected in schemas:
        assert len(orjson.dumps(schema)) > MAX_CACHED_BYTES
        Counted.comparisons = 0
        found = to_dialect(schema)
        # A value is compared with the few whose place in the table is the same.
        assert Counted.comparisons < 20_000
        assert expected is None or found.schema == expected


ANYTHING = st.recursive(VALUES, below, max_leaves=12)
SCHEMAS = st.builds(
    lambda schema, definitions: schema | {"$defs": definitions, "definitions": definitions},
    st.dictionaries(st.sampled_from(KEYWORDS), ANYTHING, max_size=5),
    st.dictionaries(st.sampled_from("ab"), ANYTHING, max_size=2),
)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(SCHEMAS)
def test_any_schema_becomes_one_of_the_dialect(schema: dict[str, Any]) -> None:
    before = copy.deepcopy(schema)
    found = to_dialect(schema)
    assert schema == before
    parts = list(walk(found.schema))
    assert len(parts) <= MAX_SCHEMAS
    for part in parts:
        assert part.keys() <= set(ACCEPTED)
        kinds = part.get("type", [])
        assert {*kinds} <= TYPES if isinstance(kinds, list) else kinds in TYPES
        for name in ("anyOf", "prefixItems"):
            assert all(isinstance(entry, dict) for entry in part.get(name, ()))  # type: ignore[attr-defined] # a list
    assert to_dialect(found.schema).schema == found.schema
