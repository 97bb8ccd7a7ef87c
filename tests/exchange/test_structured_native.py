"""Structured output that is asked for by an instruction, at a vendor that speaks Responses itself."""

from typing import Any

import pytest

from proxy.exchange.structured import Holding
from proxy.responses.assembler import Assembler
from proxy.responses.events import Closed, Event, Finished, Opened, Proof, Reasoning, Started, Text, Verbatim
from proxy.responses.request import parse_create
from proxy.responses.response import opening
from proxy.responses.usage import NO_TOKENS
from tests.exchange.test_structured import emulated

MESSAGE: dict[str, Any] = {"type": "message", "id": "msg_0123456789abcdef01", "role": "assistant", "content": []}
THOUGHT: dict[str, Any] = {"type": "reasoning", "id": "rs_0123456789abcdef01", "summary": []}
GOOD = '{"name":"A"}'


def answer(text: str, thought: str = "Hm.") -> list[Event]:
    """A server counts its items from 0 in each answer, and small ones give them the same ids."""
    return [
        Started(),
        Opened("0", THOUGHT),
        Reasoning("0/s0", thought),
        Proof("0", "responses", thought),
        Closed("0", THOUGHT),
        Opened("1", MESSAGE),
        Text("1/0", text[:3]),
        Text("1/0", text[3:]),
        Closed("1", {**MESSAGE, "status": "completed"}),
        Finished("stop"),
    ]


def output(events: list[Event]) -> list[dict[str, Any]]:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "ping"})))
    assembler.begin()
    assembler.feed(events)
    assembler.finish("completed", NO_TOKENS)
    items: Any = assembler.response["output"]
    return list(items)


def texts(items: list[dict[str, Any]]) -> list[str]:
    return [part["text"] for item in items for part in (item["summary"] if "summary" in item else item["content"])]


def test_nothing_of_a_message_is_shown_before_its_text_is_read() -> None:
    passed = Holding()(answer(GOOD))
    assert [event for event in passed if isinstance(event, Opened)] == [Opened("0", THOUGHT)]


@pytest.mark.parametrize("text", [GOOD, f"```json\n{GOOD}\n```", '{"answer":{"name":"A"}}'])
async def test_the_answer_is_one_message(text: str) -> None:
    holding = Holding()
    passed = holding(answer(text))
    found = await (await emulated()).read(holding.text)
    assert isinstance(found, str)
    items = output([*passed, *holding.accepted(found)])
    assert [item["type"] for item in items] == ["reasoning", "message"]
    assert texts(items) == ["Hm.", found]


async def test_the_second_answer_is_told_apart_from_the_first() -> None:
    first, second = Holding(), Holding(again=True)
    events = [*first(answer("No.")), *first.besides, *second(answer(GOOD, "Oh."))]
    items = output([*events, *second.accepted(GOOD)])
    assert [item["type"] for item in items] == ["reasoning", "reasoning", "message"]
    assert texts(items) == ["Hm.", "Oh.", GOOD]
    assert [item.get("encrypted_content") for item in items] == ["Hm.", "Oh.", None]
    assert len({item["id"] for item in items}) == 3


def test_what_a_server_did_beside_a_text_that_is_not_shown_is_kept() -> None:
    search = {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
    did: list[Event] = [
        Opened("2", search),
        Verbatim("2", "web_search_call.searching", {}),
        Closed("2", search),
        Verbatim(None, "x.y", {}),
    ]
    holding = Holding()
    holding([*answer("No.")[:-1], Verbatim("1", "x.z", {}), *did, Finished("stop")])
    assert holding.besides == did
