"""Structured output without a vendor: what a model is told, and what is made of its answers."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.exchange.conformance import Violation
from proxy.exchange.structured import Emulation, Holding, Repair, emulation
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Prepared
from proxy.provider.history import AUTO, HOSTED_PROOF, MessageItem
from proxy.responses.assembler import Assembler
from proxy.responses.errors import ResponsesError
from proxy.responses.events import (
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Event,
    Failed,
    Finished,
    Hosted,
    Key,
    Proof,
    Reasoning,
    Refusal,
    Started,
    Text,
    Usage,
)
from proxy.responses.request import CreateRequest, parse_create
from proxy.responses.response import opening

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}
STOP = Finished("stop")


def is_person(value: Any) -> bool:
    """What the schema says, in other words."""
    return (
        isinstance(value, dict)
        and value.keys() <= {"name", "age"}
        and isinstance(value.get("name"), str)
        and ("age" not in value or (type(value["age"]) in (int, float) and value["age"] % 1 == 0 and value["age"] >= 0))
    )


async def emulated(form: dict[str, Any] | None = None) -> Emulation:
    form = form or {"type": "json_schema", "name": "person", "schema": PERSON}
    prepared = Prepared("m", CreateRequest("m", []), [], [], AUTO, Capabilities(), stream=False, emulated_format=form)
    made = await emulation(prepared, asyncio.Semaphore(1))
    assert made is not None
    return made


# --- reading ----------------------------------------------------------------------------------------------------------

RIGHT = '{"name": "A", "age": 1.0}'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (RIGHT, RIGHT),
        (f"\n  {RIGHT}\n", f"\n  {RIGHT}\n"),
        (f"```json\n{RIGHT}\n```", RIGHT),
        (f"  ```JSON\r\n{RIGHT}\r\n```  ", RIGHT),
        (f"```\n{RIGHT}```", RIGHT),
        ('{"parameters": {"name": "```"}}', '{"name": "```"}'),
        ('{"arguments":{"name":"A"}}', '{"name":"A"}'),
        ('{ "person" :\n{"name": "}"} }', '{"name": "}"}'),
        ('{"\\u0070arameters": {"name": "A"}}', '{"name": "A"}'),
    ],
)
async def test_json_is_taken_out_of_its_wrapping(text: str, shown: str) -> None:
    assert await (await emulated()).read(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "null",
        "```json\n```",
        f"Here: {RIGHT}",
        f"{RIGHT} Done.",
        f"{RIGHT}{RIGHT}",
        f"```json\n{RIGHT}\n```\nDone.",
        f"```json\n{RIGHT}\n```\n```json\n{RIGHT}\n```",
        f"```json {RIGHT} ```",
        '{"name": "A", "age": NaN}',
        "{'name': 'A'}",
        '{"name": "A",}',
        '{"name": "\\ud800"}',
        '{"other": {"name": "A"}}',
        '{"parameters": {"name": 1}}',
        '{"parameters": {"name": "A"}, "age": 1}',
        '{"parameters": 1, "parameters": {"name": "A"}}',
        '{"parameters": {"parameters": {"name": "A"}}}',
        "[" * 100_000,
        '{"name": ' + "[" * 1000 + "]" * 1000 + "}",
    ],
)
async def test_other_text_is_not_taken(text: str) -> None:
    assert isinstance(await (await emulated()).read(text), Violation)


async def test_a_member_of_the_schema_is_no_wrapping() -> None:
    schema = {"type": "object", "properties": {"parameters": {"type": "object"}}}
    text = '{"parameters": {"parameters": {}}}'
    made = await emulated({"type": "json_schema", "name": "a", "schema": schema})
    assert await made.read(text) == text


async def test_any_object_is_right_where_no_schema_is_given() -> None:
    made = await emulated({"type": "json_object"})
    assert await made.read('{"parameters": {}}') == '{"parameters": {}}'
    assert await made.read("[]") == Violation("", "it is no JSON object")


async def test_what_is_wrong_is_said_without_the_answers_words() -> None:
    found = await (await emulated()).read('{"name": "A", "age": "secret"}')
    assert found == Violation("/age", 'the value is not of type "integer"')


# --- holding back -----------------------------------------------------------------------------------------------------


def test_reasoning_passes_and_text_waits() -> None:
    holding = Holding()
    before: list[Event] = [Started(), Reasoning(0, "Hm"), Proof(0, "k", "p"), Usage(1)]
    assert holding(before) == before
    assert holding([Text(1, "{"), Text(1, "}"), Usage(1, output_tokens=1)]) == [Usage(1, output_tokens=1)]
    assert holding([STOP, Usage(2)]) == [Usage(2)]
    assert (holding.text, holding.finished) == ("{}", STOP)
    assert holding.accepted("{}") == [Text(1, "{"), Text(1, "}"), STOP]


def test_a_call_lets_the_text_before_it_go_in_order() -> None:
    events: list[Event] = [Text(0, "I look."), CallOpened(1, "f"), CallArguments(1, "{}"), CallClosed(1), Text(2, "x")]
    holding = Holding()
    assert holding([*events, STOP]) == [*events, STOP]
    assert holding.finished is None


@pytest.mark.parametrize(
    "events",
    [
        [Text(0, "{"), Finished("length")],
        [Text(0, "{"), Finished("content_filter")],
        [Text(0, "No"), Refusal(1, "I will not"), STOP],
        [Refusal(1, "I will not"), STOP],
        [Finished("unknown")],
    ],
)
def test_what_is_no_answer_is_shown_as_it_is(events: list[Event]) -> None:
    holding = Holding()
    assert [event for one in events for event in holding([one])] == events
    assert holding.finished is None


def test_an_answer_ends_once() -> None:
    holding = Holding()
    assert holding([Text(0, "x"), STOP, STOP]) == []
    assert holding.accepted("x") == [Text(0, "x"), STOP]


def test_a_failure_shows_nothing() -> None:
    error = Failed(ResponsesError(502, "cut"))
    assert Holding()([Text(0, "{"), error]) == [error]


def test_a_paused_answer_goes_on_and_is_read_as_one() -> None:
    holding, pause = Holding(), Finished("pause")
    assert holding([Text(0, '{"a"'), pause]) == [pause]
    assert holding([Text(1, ": 1}"), STOP]) == []
    assert holding.text == '{"a": 1}'


def test_a_paused_answer_that_does_not_go_on_is_shown() -> None:
    holding = Holding()
    holding([Text(0, "{"), Finished("pause")])
    assert holding.rest() == [Text(0, "{")]
    assert holding.rest() == []


def test_citations_stay_with_a_text_that_is_not_changed() -> None:
    cited = Annotation(0, {"type": "url_citation", "start_index": 0, "end_index": 1})
    proof = Proof(0, "k", "p", "previous")
    holding = Holding()
    holding([Text(0, "{"), cited, Text(0, "}"), proof, STOP])
    assert holding.accepted("{}") == [Text(0, "{"), cited, Text(0, "}"), proof, STOP]
    assert holding.accepted("[]") == [Text("json", "[]"), proof, STOP]


def test_an_answer_in_several_parts_becomes_one() -> None:
    holding = Holding()
    holding([Proof(9, "k", "p", "next"), Text(0, "{"), Text(1, "}"), STOP])
    assert holding.accepted("{}") == [Proof(9, "k", "p", "next"), Text("json", "{}"), STOP]


def test_what_happened_besides_a_wrong_text_is_kept() -> None:
    ran = Hosted(1, "web_search_call", "completed")
    proof = Proof(1, HOSTED_PROOF, "p", "previous")
    holding = Holding()
    holding(
        [Text(0, "I search"), ran, proof, Reasoning(2, "Hm"), Text(3, "Prose"), Proof(3, "k", "p", "previous"), STOP]
    )
    assert holding.besides == [ran, proof, Reasoning(2, "Hm")]


@pytest.mark.parametrize("event", [Reasoning(0, "x"), Hosted(0, "web_search_call", "completed"), Proof(0, "k", "p")])
def test_the_second_call_has_keys_of_its_own(event: Any) -> None:
    assert Holding(again=True)([event]) == [replace(event, key="again 0")]


def test_an_endless_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.exchange.structured.MAX_HELD", 100)
    holding = Holding()
    holding([Text(0, "x" * 90)])
    with pytest.raises(ResponsesError) as caught:
        holding([Text(0, "x" * 20)])
    assert caught.value.status == 502


def test_a_blank_answer_is_not_sent_back() -> None:
    items = Repair(" \n", Violation("", "it is empty")).items()
    assert [item.role for item in items if isinstance(item, MessageItem)] == ["user"]


# --- whatever the model answers ---------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab{}`", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "age", "parameters", "person"]), inner, max_size=2)
    ),
    max_leaves=4,
)
_PERSONS = st.fixed_dictionaries({"name": st.text(max_size=3)}, optional={"age": st.integers(0, 9)})
_WRAPPINGS = st.sampled_from(
    [
        "{}",
        "```json\n{}\n```",
        "```\n{}\n```",
        '{"parameters": {}}',
        '{"person":{} }',
        "Here: {}",
        "{}.",
        "{}\n{}",
        " {}\n",
    ]
)


@st.composite
def answers(draw: st.DrawFn) -> str:
    """What a model may write: JSON of all kinds, wrapped in ways that do and do not count."""
    text = orjson.dumps(draw(_PERSONS | _JSON)).decode()
    for _ in range(draw(st.integers(0, 2))):
        text = draw(_WRAPPINGS).replace("{}", text)
    return text


@st.composite
def cut(draw: st.DrawFn) -> list[Event]:
    """An answer in pieces, with what else may stand among them."""
    text = draw(answers())
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    pieces = [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]
    key: Key = 0
    events: list[Event] = [Started()]
    for index, piece in enumerate(pieces):
        if draw(st.booleans()):
            others: list[Event] = [Reasoning(f"r{index}", "Hm"), Usage(1), Proof(f"p{index}", "k", "p", "previous")]
            events.append(draw(st.sampled_from(others)))
        key = draw(st.sampled_from([key, index]))
        events.append(Text(key, piece))
    return [*events, Finished(draw(st.sampled_from(["stop", "stop", "unknown"])))]


@settings(max_examples=300, deadline=None)
@given(cut(), cut())
async def test_a_completed_response_conforms_whatever_the_model_answers(
    first: Sequence[Event], second: Sequence[Event]
) -> None:
    read = (await emulated()).read
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x"})))
    assembler.begin()
    for again, events in enumerate((first, second)):
        holding = Holding(again=bool(again))
        for event in events:
            assembler.feed(holding([event]))
        assert holding.finished is not None
        found = await read(holding.text)
        if isinstance(found, str):
            assembler.feed(holding.accepted(found))
            break
        assembler.feed(holding.besides)
    texts = [item["content"] for item in assembler.output if item["type"] == "message"]
    if assembler.finished is None:
        assert texts == []
        return
    assembler.finish("completed", None)
    parts: Any = [item["content"] for item in assembler.output if item["type"] == "message"]
    [[part]] = parts
    assert is_person(orjson.loads(part["text"]))
