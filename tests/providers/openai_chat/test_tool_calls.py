"""Tool calls of servers that number, name and cut them in their own ways."""

from typing import Any

import pytest

from proxy.responses.events import CallClosed, CallOpened, Failed, Finished
from tests.providers.openai_chat.material import calls_in, chunk, streamed

A, B = '{"a":1}', '{"b":2}'


def delta(index: int | None = None, call_id: str | None = None, name: str | None = None, arguments: Any = None) -> Any:
    """One entry of `tool_calls`; what is None is left out."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    entry = {"index": index, "id": call_id, "function": function}
    return {key: value for key, value in entry.items() if value is not None}


def events_of(*deltas: Any, dialect: Any = "openai", reason: Any = "tool_calls") -> Any:
    chunks = [chunk({"tool_calls": each if isinstance(each, list) else [each]}) for each in deltas]
    return streamed(*chunks, chunk(finish_reason=reason), dialect=dialect)


TWO = [("x", "f", A), ("y", "g", B)]

SHAPES = {
    "by the book": [
        delta(0, "x", "f", ""),
        delta(0, arguments='{"a":'),
        delta(0, arguments="1}"),
        delta(1, "y", "g", ""),
        delta(1, arguments=B),
    ],
    "interleaved": [
        [delta(0, "x", "f", '{"a"'), delta(1, "y", "g", "{")],
        [delta(0, arguments=":1}"), delta(1, arguments='"b":2}')],
    ],
    "index 0 for both": [delta(0, "x", "f", '{"a":'), delta(0, arguments="1}"), delta(0, "y", "g", B)],
    "index 0 for both, id and name in each delta": [
        delta(0, "x", "f", '{"a":'),
        delta(0, "x", "f", "1}"),
        delta(0, "y", "g", B[:3]),
        delta(0, "y", "g", B[3:]),
    ],
    "no index": [delta(None, "x", "f", '{"a":'), delta(None, None, None, "1}"), delta(None, "y", "g", B)],
    "no index in one delta": [delta(0, "x", "f", '{"a":'), delta(None, None, None, "1}"), delta(1, "y", "g", B)],
    "no index, both at once": [[delta(None, "x", "f", A), delta(None, "y", "g", B)]],
    "empty id and name on continuation": [
        delta(0, "x", "f", ""),
        delta(0, "", "", '{"a":'),
        delta(0, "", "", "1}"),
        delta(1, "y", "g", ""),
        delta(1, "", "", B),
    ],
    "no index, empty id": [delta(None, "x", "f", '{"a":'), delta(None, "", "", "1}"), delta(None, "y", "g", B)],
    "a new id in each delta": [
        delta(0, "x", "f", '{"a":'),
        delta(0, "other", None, "1}"),
        delta(1, "y", "g", '{"b":'),
        delta(1, "another", None, "2}"),
    ],
    "an object as arguments": [delta(0, "x", "f", {"a": 1}), delta(1, "y", "g", {"b": 2})],
    "an object, then nothing": [
        delta(0, "x", "f", {"a": 1}),
        delta(0, "", "", ""),
        delta(1, "y", "g", {}),
        delta(1, arguments=B),
    ],
    "arguments before the name": [delta(0, "x", None, '{"a":'), delta(0, None, "f", "1}"), delta(1, "y", "g", B)],
    "without a function around": [
        {"index": 0, "id": "x", "name": "f", "arguments": A},
        {"index": 1, "id": "y", "name": "g", "arguments": B},
    ],
    "back to the first": [
        delta(0, "x", "f", '{"a":'),
        delta(1, "y", "g", '{"b":'),
        delta(0, arguments="1}"),
        delta(1, arguments="2}"),
    ],
    "null arguments": [
        delta(0, "x", "f"),
        {"index": 0, "function": {"arguments": None}},
        delta(0, arguments=A),
        delta(1, "y", "g", B),
    ],
}


@pytest.mark.parametrize("deltas", SHAPES.values(), ids=SHAPES)
def test_two_calls_are_two_calls(deltas: Any) -> None:
    events = events_of(*deltas)
    assert calls_in(events) == TWO
    assert sorted(event.key for event in events if isinstance(event, CallClosed)) == ["call:0", "call:1"]
    assert events[-1] == Finished("stop", "tool_calls")


@pytest.mark.parametrize(
    "deltas",
    [
        [delta(0, None, "f", A), delta(0, None, "f", A)],
        [delta(None, None, "f", A), delta(None, None, "f", A)],
        [[delta(None, None, "f", A), delta(None, None, "f", A)]],
    ],
)
def test_the_same_call_twice_without_ids(deltas: Any) -> None:
    assert calls_in(events_of(*deltas)) == [(None, "f", A), (None, "f", A)]


def test_a_name_that_is_repeated_is_the_same_call() -> None:
    deltas = [delta(0, None, "f", '{"a":'), delta(0, None, "f", "1}")]
    assert calls_in(events_of(*deltas)) == [(None, "f", A)]


def test_a_call_without_arguments() -> None:
    assert calls_in(events_of(delta(0, "x", "f", ""))) == [("x", "f", "")]


def test_the_word_null_is_no_id() -> None:
    assert calls_in(events_of(delta(0, "null", "f", A))) == [(None, "f", A)]


def test_the_deprecated_function_call() -> None:
    chunks = [chunk({"function_call": {"name": "f", "arguments": ""}}), chunk({"function_call": {"arguments": A}})]
    assert calls_in(streamed(*chunks, chunk(finish_reason="function_call"))) == [(None, "f", A)]


def test_a_call_is_closed_when_the_next_begins_and_it_is_complete() -> None:
    events = events_of(delta(0, "x", "f", A), delta(1, "y", "g", B))
    kinds = [(type(event), event.key) for event in events if isinstance(event, CallOpened | CallClosed)]
    assert kinds == [(CallOpened, "call:0"), (CallClosed, "call:0"), (CallOpened, "call:1"), (CallClosed, "call:1")]


def test_a_call_that_is_cut_by_the_limit_is_given_as_it_is() -> None:
    events = events_of(delta(0, "x", "f", '{"a":'), reason="length")
    assert calls_in(events) == [("x", "f", '{"a":')]
    assert events[-1] == Finished("length", "length")


def test_a_call_that_never_gets_a_name_is_a_failure() -> None:
    events = events_of(delta(0, "x", None, A))
    assert isinstance(events[-1], Failed)
    assert events[-1].error.message == "The provider sent a tool call without the tool's name."


@pytest.mark.parametrize("noise", [None, 5, "x", [], [None], [5], [{}], [{"function": 5}], {"index": 0}])
def test_noise_among_the_calls(noise: object) -> None:
    events = streamed(chunk({"tool_calls": noise, "content": "a"}), chunk(finish_reason="stop"))
    assert events[-1] == Finished("stop", "stop")
    assert calls_in(events) == []
