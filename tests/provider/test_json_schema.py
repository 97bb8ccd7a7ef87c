"""Walking JSON Schemas: every place where a subschema may stand, and no other."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.provider.json_schema import (
    LIST_KEYWORDS,
    MAP_KEYWORDS,
    MAX_INLINED,
    SCHEMA_KEYWORDS,
    Schema,
    depth,
    inlined,
    is_recursive,
    referenced,
    references,
    subschemas,
    walk,
)

LEAF: Schema = {"type": "string"}


def holder(keyword: str, schema: object) -> dict[str, Any]:
    if keyword in SCHEMA_KEYWORDS:
        return {keyword: schema}
    return {keyword: [schema]} if keyword in LIST_KEYWORDS else {keyword: {"type": schema}}


KEYWORDS = (*SCHEMA_KEYWORDS, *LIST_KEYWORDS, *MAP_KEYWORDS)


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_a_subschema_is_found_under_every_keyword(keyword: str) -> None:
    assert list(subschemas(holder(keyword, LEAF))) == [LEAF]
    assert depth(holder(keyword, holder(keyword, LEAF))) == 3


@pytest.mark.parametrize("keyword", KEYWORDS)
@pytest.mark.parametrize("value", [True, None, "x", 5, []])
def test_what_is_no_schema_is_passed_over(keyword: str, value: object) -> None:
    schema = holder(keyword, value)
    assert list(subschemas(schema)) == []


@pytest.mark.parametrize("keyword", ["default", "const", "enum", "examples", "required", "x-own"])
def test_values_are_no_schemas(keyword: str) -> None:
    assert list(subschemas({keyword: {"properties": {"a": LEAF}}})) == []


def test_names_of_properties_are_no_keywords() -> None:
    schema: Schema = {"properties": {"items": {"type": "array"}, "$ref": {"type": "string"}}}
    assert list(subschemas(schema)) == [{"type": "array"}, {"type": "string"}]
    assert references(schema) == set()


def test_definitions_come_last() -> None:
    schema: Schema = {"$defs": {"a": {"title": "3"}}, "anyOf": [{"title": "2"}], "items": {"title": "1"}}
    assert [below["title"] for below in subschemas(schema)] == ["1", "2", "3"]


def test_a_walk_meets_every_schema_once() -> None:
    schema: Schema = {"items": {"properties": {"a": LEAF, "b": {"anyOf": [{}, {"not": {}}]}}}}
    assert len(list(walk(schema))) == 7
    assert list(walk(LEAF)) == [LEAF]


# --- references -------------------------------------------------------------------------------------------------------

ROOT: Schema = {
    "$defs": {
        "node": {"properties": {"a/b": LEAF, "c~d": {"title": "tilde"}}},
        "list": {"anyOf": [{}, LEAF]},
        "Page<item>": LEAF,
        "100%": LEAF,
    },
    "items": {"$ref": "#/$defs/node"},
}


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("#", ROOT),
        ("#/$defs/node/properties/a~1b", LEAF),
        ("#/$defs/node/properties/c~0d", {"title": "tilde"}),
        ("#/$defs/list/anyOf/1", LEAF),
        ("#/$defs/Page%3Citem%3E", LEAF),
        ("#/$defs/Page<item>", LEAF),
        ("#/$defs/100%25", LEAF),
        ("#/$defs/list/anyOf/2", None),
        ("#/$defs/list/anyOf/-1", None),
        ("#/$defs/list/anyOf/x", None),
        ("#/$defs/list/anyOf/" + "9" * 5000, None),
        ("#/$defs/missing", None),
        ("#/$defs/node/properties/a~1b/type", None),
        ("https://a.example/schema", None),
        ("node", None),
        ("", None),
    ],
)
def test_a_local_reference_is_followed(reference: str, target: Schema | None) -> None:
    assert referenced(ROOT, reference) == target


def test_references_of_definitions_count_only_from_within() -> None:
    schema: Schema = {"$defs": {"a": {"$ref": "#/$defs/b"}}, "items": {"$ref": "#/$defs/a"}, "not": {"$ref": 5}}
    assert references(schema) == {"#/$defs/a"}
    definitions: Any = schema["$defs"]
    assert references(definitions["a"]) == {"#/$defs/b"}


@pytest.mark.parametrize(
    "schema",
    [
        {"items": {"$ref": "#"}},
        {"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"},
        {"$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"not": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/b"},
    ],
)
def test_a_schema_that_comes_back_to_itself_is_recursive(schema: Schema) -> None:
    assert is_recursive(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"$defs": {"a": LEAF}, "anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]},
        {"$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": LEAF}, "items": {"$ref": "#/$defs/a"}},
        {"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}},
        {"items": {"$ref": "#/$defs/missing"}},
    ],
)
def test_a_schema_that_uses_a_definition_twice_is_not(schema: Schema) -> None:
    assert not is_recursive(schema)


def test_deep_schemas_need_no_deep_stack() -> None:
    schema: dict[str, Any] = {}
    for _ in range(5_000):
        schema = {"items": schema}
    assert depth(schema) == 5_001
    assert sum(1 for _ in walk(schema)) == 5_001
    assert references(schema) == set()


# --- whatever comes ---------------------------------------------------------------------------------------------------

NAMES = st.sampled_from([*KEYWORDS, "$ref", "type", "a"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(["#", "#/$defs/a", "x", True, None, 1]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_malformed_schemas_are_tolerated(schema: dict[str, Any]) -> None:
    met = list(walk(schema))
    assert depth(schema) <= len(met)
    for reference in references(schema):
        assert referenced(schema, reference) is None or isinstance(reference, str)
    assert is_recursive(schema) in (True, False)


# --- references replaced by what they point to ------------------------------------------------------------------------


def test_references_are_replaced_by_what_they_point_to() -> None:
    found = inlined(
        {
            "type": "object",
            "properties": {"$ref": {"$ref": "#/$defs/city"}, "$defs": {"type": "string"}},
            "anyOf": [{"$ref": "#/$defs/city", "description": "Here"}],
            "$defs": {"city": {"type": "string", "description": "A city"}},
        }
    )
    assert found == (
        {
            "type": "object",
            "properties": {"$ref": {"type": "string", "description": "A city"}, "$defs": {"type": "string"}},
            "anyOf": [{"type": "string", "description": "Here"}],
        },
        False,
    )


def test_a_schema_that_refers_to_itself_is_cut_where_it_would_begin_again() -> None:
    node = {"type": "object", "description": "A node", "properties": {"next": {"$ref": "#/$defs/node"}}}
    found = inlined({"$ref": "#/$defs/node", "$defs": {"node": node}})
    assert found.cut
    assert found.schema == {**node, "properties": {"next": {"type": "object", "description": "A node"}}}


def test_references_that_multiply_stay_bounded() -> None:
    definitions: dict[str, object] = {
        f"d{index}": {"properties": {name: {"$ref": f"#/$defs/d{index + 1}"} for name in "abcdef"}}
        for index in range(30)
    }
    found = inlined({"$ref": "#/$defs/d0", "$defs": definitions})
    assert found.cut
    assert sum(1 for _ in walk(found.schema)) < 20 * MAX_INLINED


def test_a_long_chain_of_references_ends() -> None:
    definitions: dict[str, object] = {f"d{index}": {"$ref": f"#/$defs/d{index + 1}"} for index in range(5000)}
    assert inlined({"$ref": "#/$defs/d0", "$defs": definitions}).cut


def test_references_to_elsewhere_stay() -> None:
    assert inlined({"$ref": "https://example.org/schema"}) == ({"$ref": "https://example.org/schema"}, False)
