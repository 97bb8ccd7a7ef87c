"""Answers of Ollama's own API, and what a server may send in their place."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.ollama.decode import OllamaDecoder, decode_answer
from providers.ollama.errors import error_in_answer
from proxy.provider.contract import Frame
from proxy.provider.errors import ProviderError
from proxy.responses.events import (
    CallArguments,
    CallClosed,
    CallOpened,
    Event,
    Failed,
    Finished,
    Reasoning,
    Started,
    Text,
    Unmapped,
    Usage,
)
from tests.providers.ollama.exchanges import END, lines, said

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
LAST = {**said(), **END}


def streamed(*objects: dict[str, Any], ends: bool = True) -> list[Event]:
    decoder = OllamaDecoder(error_in_answer)
    events = [event for line in lines(*objects).splitlines() for event in decoder.feed(Frame("", line))]
    return [*events, *decoder.end()] if ends else events


def whole(answer: object) -> list[Event]:
    return decode_answer(json.dumps(answer).encode(), error_in_answer)


def spoken(events: Sequence[Event]) -> tuple[str, str]:
    """The reasoning and the text."""
    reasoning = "".join(event.delta for event in events if isinstance(event, Reasoning))
    return reasoning, "".join(event.delta for event in events if isinstance(event, Text))


def failure(events: Sequence[Event]) -> ProviderError:
    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, ProviderError)
    return events[-1].error


def test_a_stream_with_everything() -> None:
    call = {"id": "c1", "function": {"index": 0, "name": "wx", "arguments": {"city": "Oslo"}}}
    assert streamed(said(thinking="Hm"), said(content="I look."), said(tool_calls=[call]), LAST) == [
        Started(None, "qwen3:4b"),
        Reasoning("thinking 1", "Hm", raw=True),
        Text("text 1", "I look.", None),
        CallOpened("call 0", "wx", "c1"),
        CallArguments("call 0", '{"city":"Oslo"}'),
        CallClosed("call 0"),
        Usage(input_tokens=50, output_tokens=20),
        Finished("stop", "stop"),
    ]


def test_a_whole_answer_is_one_line_of_a_stream() -> None:
    answer = {"model": "qwen3:4b", **said(thinking="Hm", content="Hello"), **END}
    assert whole(answer) == streamed(said(thinking="Hm", content="Hello", done=False) | END)


def test_thinking_between_texts_is_of_its_own() -> None:
    events = streamed(said(content="A"), said(thinking="Hm"), said(content="B"), LAST)
    keys = [event.key for event in events if isinstance(event, (Text, Reasoning))]
    assert keys == ["text 1", "thinking 1", "text 2"]


@pytest.mark.parametrize(
    ("reason", "finished"),
    [("stop", "stop"), ("length", "length"), ("load", "stop"), ("unload", "stop"), (None, "stop"), ("new", "unknown")],
)
def test_reasons(reason: str | None, finished: str) -> None:
    last = streamed(said(content="A"), {**LAST, "done_reason": reason})[-1]
    assert isinstance(last, Finished)
    assert last.reason == finished


def test_arguments_may_come_as_text_or_not_at_all() -> None:
    calls = [{"function": {"name": "a", "arguments": '{"b":1}'}}, {"function": {"name": "c"}}]
    events = streamed(said(tool_calls=calls), LAST)
    assert [event.delta for event in events if isinstance(event, CallArguments)] == ['{"b":1}', "{}"]
    assert [event.call_id for event in events if isinstance(event, CallOpened)] == [None, None]


@pytest.mark.parametrize(
    "call", [None, [], {}, {"function": {}}, {"function": {"name": ""}}, {"function": {"name": 3}}]
)
def test_a_call_without_a_name_is_not_lost(call: object) -> None:
    assert failure(streamed(said(tool_calls=[call]), LAST)).error_class == "vendor_failure"


def test_arguments_of_any_depth_are_told() -> None:
    deep: object = 1
    for _ in range(300):
        deep = {"a": deep}
    events = streamed(said(tool_calls=[{"function": {"name": "a", "arguments": deep}}]), LAST)
    told = next(event.delta for event in events if isinstance(event, CallArguments))
    assert json.loads(told) == deep


def test_pictures_are_not_lost_in_silence() -> None:
    assert Unmapped("images") in streamed(said(content="A", images=["aGk="]), LAST)


# --- counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"prompt_eval_count": 5, "eval_count": 2}, Usage(input_tokens=5, output_tokens=2)),
        ({"eval_count": 2}, Usage(output_tokens=2)),
        ({"prompt_eval_count": 0, "eval_count": 2.0}, Usage(input_tokens=0, output_tokens=2)),
        ({"prompt_eval_count": True, "eval_count": -1}, None),
        ({"prompt_eval_count": "5", "eval_count": 2**60}, None),
        ({}, None),
    ],
)
def test_counts(counts: dict[str, Any], usage: Usage | None) -> None:
    events = streamed(said(content="A"), {**said(), "done": True, **counts})
    assert [event for event in events if isinstance(event, Usage)] == ([] if usage is None else [usage])


# --- logprobs ---------------------------------------------------------------------------------------------------------


def token(text: str, **members: Any) -> dict[str, Any]:
    return {"token": text, "logprob": -0.5, "bytes": list(text.encode()), **members}


def test_logprobs_stand_with_their_text() -> None:
    entry = token("Hi", top_logprobs=[token("Ho"), {"token": 1}])
    events = streamed({**said(content="Hi"), "logprobs": [entry, None, {"token": "x", "logprob": "y"}]}, LAST)
    told = next(event for event in events if isinstance(event, Text))
    assert told.logprobs == [{**token("Hi"), "top_logprobs": [token("Ho")]}]


def test_logprobs_of_a_thought_are_not_those_of_the_text_behind_it() -> None:
    entries = [token(text) for text in ("Hm", "Hel", "lo")]
    events = whole({**said(thinking="Hm", content="Hello"), "logprobs": entries, **END})
    told = next(event for event in events if isinstance(event, Text))
    assert told.logprobs is not None
    assert [entry["token"] for entry in told.logprobs] == ["Hel", "lo"]
    events = whole({**said(thinking="Hm", content="Other"), "logprobs": entries, **END})
    assert next(event for event in events if isinstance(event, Text)).logprobs is None


# --- tags -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said_in_all", "reasoning", "text"),
    [
        ("<think>Hm</think>\n\nFine", "Hm", "Fine"),
        ("\n<think>\nHm\n</think>Fine", "\nHm\n", "Fine"),
        ("<think>a < b </thin b</think>c", "a < b </thin b", "c"),
        ("<think>never closed", "never closed", ""),
        ("<think>almost</thi", "almost</thi", ""),
        ("<think></think>Fine", "", "Fine"),
        ("<thinking>is text", "", "<thinking>is text"),
        ("<thi", "", "<thi"),
        ("  ", "", "  "),
        ("Say <think>no</think>", "", "Say <think>no</think>"),
        ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
    ],
)
def test_a_block_of_tags_in_front_is_reasoning(said_in_all: str, reasoning: str, text: str) -> None:
    assert spoken(whole({**said(content=said_in_all), **END})) == (reasoning, text)
    for place in range(len(said_in_all) + 1):
        pieces = [said(content=said_in_all[:place]), said(content=said_in_all[place:])]
        assert spoken(streamed(*pieces, LAST)) == (reasoning, text), place
    assert spoken(streamed(*(said(content=each) for each in said_in_all), LAST)) == (reasoning, text)


@given(st.text("<think/>a \n", max_size=30), st.data())
def test_no_cut_changes_what_is_said(content: str, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(content)), max_size=5))
    pieces = [said(content=content[start:end]) for start, end in pairwise([0, *sorted(places), len(content)])]
    assert spoken(streamed(*pieces, LAST)) == spoken(whole({**said(content=content), **END}))


def test_what_was_held_back_is_told_before_anything_else() -> None:
    assert spoken(streamed(said(content="<th"), said(thinking="Hm"), LAST)) == ("Hm", "<th")
    assert spoken(streamed(said(content="<th"), {"error": "gone"})) == ("", "<th")
    assert spoken(streamed(said(content="<th"))) == ("", "<th")
    call = {"function": {"name": "a"}}
    kinds = [type(event) for event in streamed(said(content="<th", tool_calls=[call]), LAST)]
    assert kinds.index(Text) < kinds.index(CallOpened)


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_an_error_ends_the_answer() -> None:
    events = streamed(said(content="Par"), {"error": "llama runner process has terminated"}, LAST)
    assert failure(events).error_class == "vendor_failure"
    assert spoken(events) == ("", "Par")


def test_without_its_last_line_an_answer_was_cut() -> None:
    assert failure(streamed(said(content="Par"))).error_class == "cut"
    assert failure(streamed()).error_class == "cut"


def test_after_the_end_nothing_counts() -> None:
    assert streamed(said(content="A"), LAST, said(content="B"), LAST, {"error": "x"}) == streamed(
        said(content="A"), LAST
    )


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"<html>", b"{}", b'{"message":{}}', b'{"message":"x"}', b"\xff"]
)
def test_a_whole_answer_that_is_none(body: bytes) -> None:
    assert failure(decode_answer(body, error_in_answer)).error_class == "vendor_failure"


def test_a_line_that_is_no_json_fails() -> None:
    decoder = OllamaDecoder(error_in_answer)
    assert failure(list(decoder.feed(Frame("", b"data: {}")))).error_class == "vendor_failure"
    assert decoder.end() == ()


def test_bad_text_is_read_all_the_same() -> None:
    line = orjson.dumps(said(content="A?")).replace(b"?", b"\xff")
    decoder = OllamaDecoder(error_in_answer)
    assert spoken(list(decoder.feed(Frame("", line)))) == ("", "A\ufffd")


@given(st.lists(ANY_JSON | st.builds(lambda message: {"message": message}, ANY_JSON), max_size=4))
def test_nothing_that_is_json_breaks_it(values: list[object]) -> None:
    decoder = OllamaDecoder(error_in_answer)
    ends = 0
    for value in values:
        events = decoder.feed(Frame("", json.dumps(value).encode()))
        ends += sum(isinstance(event, (Finished, Failed)) for event in events)
        whole(value)
    ends += len([event for event in decoder.end() if isinstance(event, (Finished, Failed))])
    assert ends == 1


MEMBERS = ["content", "thinking", "tool_calls", "images", "role"]


@given(
    st.dictionaries(st.sampled_from(MEMBERS), ANY_JSON), st.dictionaries(st.sampled_from([*END, "logprobs"]), ANY_JSON)
)
def test_no_type_anywhere_breaks_it(message: dict[str, object], members: dict[str, object]) -> None:
    events = streamed(said(content="A"), {**said(**message), **members})
    assert isinstance(events[-1], (Finished, Failed))
    assert isinstance(whole({**said(**message), **members})[-1], (Finished, Failed))
