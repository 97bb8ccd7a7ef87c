"""Schemas of tools as the vendor takes them: no alternatives at the top, no odd names there; and back again."""

from contextlib import suppress
from typing import Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.anthropic.property_names import RestoredCalls, renamed, renamed_arguments, vendor_names
from providers.anthropic.schema import Unsupported, to_dialect
from providers.anthropic.tool_schema import MAX_EITHER, has_alternatives, without_alternatives
from proxy.provider.errors import ProviderError
from proxy.responses.events import CallArguments, CallClosed, CallOpened, Event, Failed, Finished, Text
from tests.strict.messages_schema import dialect_faults, tool_schema_faults

A: Final = {"type": "string"}
B: Final = {"type": "integer"}


def props(required: str = "", **properties: Any) -> dict[str, Any]:
    return {"properties": properties, **({"required": list(required)} if required else {})}


@pytest.mark.parametrize(
    ("schema", "properties", "required"),
    [
        ({"anyOf": [props(a=A), props(b=B)]}, {"a": A, "b": B}, None),
        ({"oneOf": [props("ab", a=A, b=B), props("b", b=B)]}, {"a": A, "b": B}, ["b"]),
        ({"allOf": [props("a", a=A), props("b", b=B)]}, {"a": A, "b": B}, ["a", "b"]),
        ({"anyOf": [props(a=A), props(a=B), props(a=A)]}, {"a": {"anyOf": [A, B]}}, None),
        ({**props("a", a=A, b=B), "anyOf": [{"required": ["b"]}, {}]}, {"a": A, "b": B}, ["a"]),
        ({"oneOf": [{"$ref": "#/$defs/x"}], "$defs": {"x": props("a", a=A)}}, {"a": A}, ["a"]),
        ({"oneOf": [{"$ref": "#/$defs/nowhere"}, True, 3, None]}, {}, None),
        ({"anyOf": []}, {}, None),
        ({"anyOf": "x", "properties": 3, "required": "a"}, {}, "a"),
    ],
)
def test_alternatives_at_the_top_become_one_object(schema: Any, properties: Any, required: Any) -> None:
    flat = without_alternatives({"type": "object", **schema})
    assert not has_alternatives(flat)
    assert flat["properties"] == properties
    assert flat.get("required") == required


def test_the_alternatives_are_told() -> None:
    flat = without_alternatives({"description": "Finds", "anyOf": [{"required": ["a"]}]})
    assert flat["description"] == 'Finds\n\n{anyOf: [{"required":["a"]}]}'


def test_a_property_of_very_many_alternatives_takes_anything() -> None:
    many = [props(a={"const": index}) for index in range(MAX_EITHER + 2)]
    assert without_alternatives({"oneOf": many})["properties"] == {"a": {}}


NAMES: Final = ("$top", "top", "_top", "filter[id]", "filter(id)", "", "ö", "p" * 65, "p" * 66, "a.b-c_1")


def test_odd_names_are_spelled_otherwise_and_stay_apart() -> None:
    schema = {"type": "object", "properties": dict.fromkeys(NAMES, A), "required": list(NAMES)}
    names = vendor_names(schema)
    assert set(NAMES) - set(names) == {"top", "_top", "a.b-c_1"}
    told = renamed(schema, names)
    assert list(tool_schema_faults(told, "")) == []
    assert told["required"] == list(told["properties"])  # type: ignore[call-overload]
    arguments = orjson.dumps(dict.fromkeys(NAMES, 1)).decode()
    back = {plain: name for name, plain in names.items()}
    assert renamed_arguments(renamed_arguments(arguments, names), back) == arguments


@pytest.mark.parametrize("arguments", ['{"a', "[1]", "null", ""])
def test_arguments_that_are_no_object_stay(arguments: str) -> None:
    assert renamed_arguments(arguments, {"a": "b"}) == (arguments or "{}")


def test_calls_get_their_names_back_whatever_stands_between() -> None:
    calls = RestoredCalls({"find": {"$top": "_top"}})
    events: list[Event] = [
        CallOpened(1, "find"),
        CallOpened(2, "wx"),
        CallArguments(1, '{"_to'),
        CallArguments(2, '{"_top": 1}'),
        Text(3, "Hm"),
        CallArguments(1, 'p": 1}'),
        CallClosed(2),
        CallClosed(1),
        Finished("stop"),
    ]
    restored = [made for event in events for made in calls.apply([event])]
    assert CallArguments(1, '{"$top":1}') in restored
    assert CallArguments(2, '{"_top": 1}') in restored
    assert [event for event in restored if isinstance(event, CallArguments)][-1].key == 1
    assert restored[-1] == Finished("stop")


def test_a_cut_call_keeps_what_came() -> None:
    calls = RestoredCalls({"find": {"$top": "_top"}})
    failed = Failed(ProviderError("cut", "It broke."))
    events = calls.apply([CallOpened(1, "find"), CallArguments(1, '{"_top'), failed])
    assert events == [CallOpened(1, "find"), CallArguments(1, '{"_top'), failed]


# --- any schema -------------------------------------------------------------------------------------------------------

LEAVES: Final = st.sampled_from(
    [
        A,
        B,
        {"$ref": "#/$defs/x"},
        {"$ref": "#/$defs/y/properties/a"},
        {"$ref": "#/definitions/z%20"},
        {"enum": [1, "a"]},
    ]
)


def _grown(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(st.sampled_from(["a", "$b", "c d"]), below, max_size=3)
    listed = st.lists(below, min_size=1, max_size=3)
    return st.one_of(
        st.fixed_dictionaries({"type": st.just("object"), "properties": properties}),
        st.fixed_dictionaries({"type": st.just("array"), "items": below}),
        *(st.fixed_dictionaries({name: listed}) for name in ("anyOf", "oneOf", "allOf")),
    )


SCHEMAS: Final = st.recursive(LEAVES, _grown, max_leaves=8)


@st.composite
def tool_schemas(draw: st.DrawFn) -> dict[str, Any]:
    """An object with definitions, and perhaps with alternatives beside its properties."""
    schema: dict[str, Any] = {"type": "object", "properties": {"p": draw(SCHEMAS), "q[]": draw(SCHEMAS)}}
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["anyOf", "oneOf", "allOf"]))] = draw(st.lists(SCHEMAS, max_size=3))
    schema["$defs"] = {"x": draw(LEAVES), "y": props(a=A) | {"type": "object"}}
    schema["definitions"] = {"z ": B}
    return schema


@given(tool_schemas())
@settings(max_examples=150, deadline=None)
def test_any_schema_becomes_one_that_the_vendor_takes(schema: dict[str, Any]) -> None:
    flat = without_alternatives(schema) if has_alternatives(schema) else schema
    told = renamed(flat, vendor_names(flat))
    assert {rule for rule, _, _ in tool_schema_faults(told, "")} <= {"tool-schema-invalid"}
    with suppress(Unsupported):
        assert list(dialect_faults(to_dialect(told).schema, "")) == []
