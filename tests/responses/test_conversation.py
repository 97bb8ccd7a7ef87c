"""The form of requests for conversations: what is taken, and in which words the rest is refused."""

from typing import Any

import pytest

from proxy.responses.conversation import conversation_object, parse_create, parse_items, parse_update
from proxy.responses.errors import ResponsesError

HELLO = {"role": "user", "content": "Hello"}


def test_items_take_the_form_of_a_create_requests() -> None:
    new = parse_create({"items": [HELLO, {"role": "assistant", "content": "Hi"}], "metadata": {"a": "b"}})
    assert new.items == [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
    ]
    assert new.metadata == {"a": "b"}


@pytest.mark.parametrize("body", [{}, {"items": None}, {"metadata": None}, {"items": [], "metadata": {}}])
def test_a_new_conversation_may_be_empty(body: object) -> None:
    new = parse_create(body)
    assert new.items == []
    assert new.metadata == {}


def test_twenty_items_are_taken_and_twenty_one_are_not() -> None:
    assert len(parse_items({"items": [HELLO] * 20})) == 20
    for parse in (parse_create, parse_items):
        with pytest.raises(ResponsesError) as refusal:
            parse({"items": [HELLO] * 21})
        assert refusal.value.status == 400
        assert refusal.value.param == "items"
        assert refusal.value.code == "array_above_max_length"
        assert "maximum length 20, but got an array with length 21" in refusal.value.message


def test_too_many_items_are_counted_before_they_are_looked_at() -> None:
    with pytest.raises(ResponsesError) as refusal:
        parse_items({"items": [7] * 1000})
    assert refusal.value.code == "array_above_max_length"


@pytest.mark.parametrize(
    ("body", "param", "code", "words"),
    [
        ({"items": "Hello"}, "items", "invalid_type", "an array of input items, but got a string"),
        ({"items": [7]}, "items[0]", "invalid_type", "an input item, but got an integer"),
        ({"items": [HELLO, {}]}, "items[1]", "invalid_value", "'assistant', 'system', 'developer', and 'user'"),
        ({"items": [{"type": "poem"}]}, "items[0]", "invalid_value", "'function_call_output'"),
        ({"items": [{"role": "user"}]}, "items[0].content", "missing_required_parameter", "items[0].content"),
        ({"items": [HELLO | {"x": 1}]}, "items[0].x", "unknown_parameter", "items[0].x"),
        ({"items": [HELLO | {"content": 7}]}, "items[0].content", "invalid_type", "a string or array of objects"),
        ({"items": [{"type": "compaction_trigger"}]}, "items[0]", "invalid_value", "does not keep"),
        ({"items": [HELLO], "itemz": []}, "itemz", "unknown_parameter", "'itemz'"),
    ],
)
def test_wrong_items(body: object, param: str, code: str, words: str) -> None:
    for parse in (parse_create, parse_items):
        with pytest.raises(ResponsesError) as refusal:
            parse(body)
        assert (refusal.value.status, refusal.value.param, refusal.value.code) == (400, param, code)
        assert words in refusal.value.message


@pytest.mark.parametrize(
    ("metadata", "param", "code"),
    [
        ("x", "metadata", "invalid_type"),
        ([], "metadata", "invalid_type"),
        ({"a": 1}, "metadata.a", "invalid_type"),
        ({"a": None}, "metadata.a", "invalid_type"),
        ({str(n): "" for n in range(17)}, "metadata", "object_above_max_properties"),
        ({"k" * 65: ""}, "metadata", "property_name_above_max_length"),
        ({"a": "v" * 513}, "metadata.a", "string_above_max_length"),
    ],
)
def test_wrong_metadata(metadata: object, param: str, code: str) -> None:
    for parse in (parse_create, parse_update):
        with pytest.raises(ResponsesError) as refusal:
            parse({"metadata": metadata})
        assert (refusal.value.status, refusal.value.param, refusal.value.code) == (400, param, code)


def test_metadata_at_its_limits() -> None:
    metadata = {f"{n:064}": "v" * 512 for n in range(16)}
    assert parse_update({"metadata": metadata}) == metadata


def test_an_update_needs_metadata_and_null_takes_it_away() -> None:
    with pytest.raises(ResponsesError) as refusal:
        parse_update({})
    assert refusal.value.code == "missing_required_parameter"
    assert parse_update({"metadata": None}) == {}
    assert parse_update({"metadata": {}}) == {}


def test_adding_needs_an_item() -> None:
    codes: list[tuple[str | None, str | None]] = []
    bodies: list[Any] = [{}, {"items": None}, {"items": []}]
    for body in bodies:
        with pytest.raises(ResponsesError) as refusal:
            parse_items(body)
        codes.append((refusal.value.param, refusal.value.code))
    assert codes == [("items", "missing_required_parameter"), ("items", "invalid_type"), ("items", "empty_array")]


@pytest.mark.parametrize("body", [None, [], "x", 1, True])
def test_a_body_is_an_object(body: object) -> None:
    for parse in (parse_create, parse_update, parse_items):
        with pytest.raises(ResponsesError) as refusal:
            parse(body)
        assert refusal.value.status == 400


def test_unknown_parameters() -> None:
    with pytest.raises(ResponsesError) as refusal:
        parse_create({"metadta": {}})
    assert refusal.value.param == "metadta"
    assert "Did you mean 'metadata'?" in refusal.value.message
    assert parse_create({"metadta": {}}, unknown_parameters="ignore").metadata == {}
    [item] = parse_items({"items": [HELLO | {"x": 1}], "y": 2}, unknown_parameters="ignore")
    assert "x" not in item


def test_the_object() -> None:
    assert conversation_object("conv_1", 7, {"a": "b"}) == {
        "id": "conv_1",
        "object": "conversation",
        "created_at": 7,
        "metadata": {"a": "b"},
    }
