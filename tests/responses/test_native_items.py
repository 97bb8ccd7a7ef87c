"""Items of vendors that speak Responses themselves, as none should send them: what comes out is whole and lawful."""

from typing import Any

import orjson
import pytest

from proxy.responses import assembler as assembler_module
from proxy.responses.assembler import Assembler
from proxy.responses.errors import ResponsesError
from proxy.responses.events import (
    Annotation,
    Closed,
    Event,
    Hosted,
    Members,
    Opened,
    Reasoning,
    Text,
    Verbatim,
)
from proxy.responses.replay import replay
from proxy.responses.request import parse_create
from proxy.responses.response import opening
from tests.responses.test_assembler import COUNT, assemble, joined

MESSAGE: dict[str, Any] = {"type": "message", "id": "msg_0123456789abcdef01", "status": "in_progress", "content": []}
MCP: dict[str, Any] = {"type": "mcp_call", "name": "n", "server_label": "s", "status": "in_progress"}


def started() -> Assembler:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "ping"})))
    assembler.begin()
    return assembler


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "final",
    [
        {"type": "image_generation_call", "status": "completed", "result": "aGk="},
        {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}},
    ],
)
def test_an_item_that_is_given_its_status_only_at_its_end_has_one(final: dict[str, Any]) -> None:
    got = assemble([Opened("0", {"type": final["type"]}), Closed("0", final)])
    assert got.output[0]["status"] == "completed"


def test_a_message_does_not_know_the_status_failed() -> None:
    events: list[Event] = [Opened("0", MESSAGE), Text("0/0", "hi"), Closed("0", {**MESSAGE, "status": "failed"})]
    assert assemble(events, status="incomplete").output[0]["status"] == "incomplete"


@pytest.mark.parametrize("done", [[], [Verbatim("0", "mcp_call_arguments.done", {"arguments": '{"a":1}'})]])
@pytest.mark.parametrize("pieces", [[], ['{"a'], ['{"a', '":1}']])
def test_arguments_that_were_streamed_in_part_are_whole(pieces: list[str], done: list[Event]) -> None:
    told: list[Event] = [Verbatim("0", "mcp_call_arguments.delta", {"delta": piece}) for piece in pieces]
    end = Closed("0", {**MCP, "status": "completed", "arguments": '{"a":1}', "output": "x"})
    got = assemble([Opened("0", MCP), *told, *done, end])
    assert got.output[0]["arguments"] == joined(got.of("mcp_call_arguments.delta")) == '{"a":1}'


def test_items_that_interleave_and_are_closed_backwards_come_out_in_order() -> None:
    keys = [str(index) for index in range(500)]
    events: list[Event] = [Opened(key, {"type": "reasoning"}) for key in keys]
    events += [Reasoning(f"{key}/s0", key) for key in keys]
    ends: list[Event] = [Closed(key, {"type": "reasoning"}) for key in reversed(keys)]
    got = assemble([*events, *ends])
    assert [item["summary"][0]["text"] for item in got.output] == keys


@pytest.mark.parametrize(
    "event",
    [
        Opened("1", {"type": "item_of_tomorrow", "content": nested(300)}),
        Closed("0", {**MESSAGE, "more": nested(300)}),
        Verbatim(None, "x.y", {"more": nested(300)}),
        Members({"tool_usage": nested(300)}),
        Annotation("0/0", {"more": nested(300)}),
        Hosted("h", "mcp_list_tools", "completed", {"tools": nested(300)}),
    ],
)
def test_what_is_nested_too_deep_to_be_written_fails_and_the_response_can_be_ended(event: Event) -> None:
    assembler = started()
    assembler.feed([Opened("0", MESSAGE), Text("0/0", "hi")])
    with pytest.raises(ResponsesError, match="cannot be written") as caught:
        assembler.feed([event])
    assembler.finish("failed", None, error=caught.value)
    assert assembler.take()[-1][0] == "response.failed"
    assert assembler.journal()


@pytest.mark.parametrize(
    "event",
    [
        Verbatim("1", "image_generation_call.partial_image", {"partial_image_b64": "a" * 600}),
        Opened("1", {"type": "image_generation_call", "result": "a" * 600}),
        Closed("1", {"type": "image_generation_call", "result": "a" * 600}),
    ],
)
def test_what_is_held_back_is_counted_by_its_size(monkeypatch: pytest.MonkeyPatch, event: Event) -> None:
    monkeypatch.setattr(assembler_module, "MAX_HELD", 1000)
    assembler = started()
    assembler.feed([Opened("0", MESSAGE), event])
    with pytest.raises(ResponsesError, match="interleaved"):
        assembler.feed([event])


def test_events_of_the_response_before_any_output_stand_before_it_and_are_streamed_again() -> None:
    assembler = started()
    assembler.feed([Verbatim(None, "x.began", {"a": 1})])
    assert not assembler.has_output
    assembler.feed([Text("t", "hi"), Verbatim(None, "x.went_on", {"a": 2})])
    assembler.conclude("completed", COUNT)
    journal = assembler.journal()
    assembler.announce()
    events = assembler.take()
    names = [name for name, _ in events]
    assert names[2:4] == ["response.x.began", "response.output_item.added"]
    assert journal is not None
    assert list(replay(orjson.loads(orjson.dumps(assembler.response)), journal)) == events


def test_what_an_attempt_said_before_it_failed_is_not_told() -> None:
    assembler = started()
    assembler.feed([Verbatim(None, "x.began", {"attempt": 1}), Members({"tool_usage": {"attempt": 1}})])
    assembler.begin_again()
    assembler.feed([Verbatim(None, "x.began", {"attempt": 2}), Text("t", "hi")])
    assembler.finish("completed", COUNT)
    told = [orjson.loads(data)["attempt"] for name, data in assembler.take() if name == "response.x.began"]
    assert told == [2]
    assert "tool_usage" not in assembler.response


def test_events_of_the_response_that_never_lead_to_output_have_an_end() -> None:
    assembler = started()
    waits = Verbatim(None, "x.waits", {})
    assembler.feed([waits] * assembler_module.MAX_EARLY)
    with pytest.raises(ResponsesError, match="does not answer"):
        assembler.feed([waits])
