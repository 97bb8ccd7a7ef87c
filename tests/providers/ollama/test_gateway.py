"""Ollama behind the gateway, on a real socket: streams of lines, refusals, models."""

import json
from typing import Any

import pytest

from tests.providers.ollama.exchanges import END, WX, lines, said
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import CUT, Reply
from tests.vendors.server import Vendor

NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture
async def gateway(gateways: Gateways, vendor: Vendor) -> Gateway:
    return await gateways.start(providers={"lab": {"type": "ollama", "base_url": vendor.url}})


def ask(**request: Any) -> dict[str, Any]:
    return {"model": "lab/qwen3:4b", "input": "Hi", **request}


async def test_a_stream_of_lines_is_a_stream_of_events(gateway: Gateway, vendor: Vendor) -> None:
    whole = lines(said(thinking="Hm"), said(content="Hel"), said(content="lo"), {**said(), **END})
    vendor.play(Reply(200, (whole[:50], whole[50:], CUT), NDJSON))
    answer = await gateway.create(**ask(stream=True))
    assert answer.terminal["type"] == "response.completed"
    assert [event["delta"] for event in answer.events if event["type"].endswith("output_text.delta")] == ["Hel", "lo"]
    assert answer.response["usage"]["total_tokens"] == 70
    assert vendor.last.path == "/api/chat"


async def test_a_stream_without_its_last_line_has_failed(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Reply(200, (lines(said(content="Par")),), NDJSON))
    answer = await gateway.create(**ask(stream=True))
    assert answer.terminal["type"] == "response.failed"


async def test_a_tool_loop(gateway: Gateway, vendor: Vendor) -> None:
    call = {"function": {"name": "wx", "arguments": {"city": "Oslo"}}}
    vendor.play(
        Reply(200, (lines(said(thinking="Need it"), said(tool_calls=[call]), {**said(), **END}),), NDJSON),
        Reply(200, (lines(said(content="3 C"), {**said(), **END}),), NDJSON),
    )
    first = await gateway.create(**ask(stream=True, tools=[WX]))
    made = next(item for item in first.response["output"] if item["type"] == "function_call")
    result = {"type": "function_call_output", "call_id": made["call_id"], "output": "3 C"}
    second = await gateway.create(
        **ask(stream=True, tools=[WX], input=[result], previous_response_id=first.response["id"])
    )
    assert second.text == "3 C"
    roles = [message["role"] for message in json.loads(vendor.last.body)["messages"]]
    assert roles == ["user", "assistant", "tool"]


async def test_a_model_that_does_not_think_is_asked_again_without(gateway: Gateway, vendor: Vendor) -> None:
    body = json.dumps({"message": {"role": "assistant", "content": "Hello"}, "done": True, "eval_count": 1}).encode()
    vendor.play(
        Reply(400, (b'{"error":"\\"qwen3:4b\\" does not support thinking"}',), {"content-type": "application/json"}),
        Reply(200, (body,), {"content-type": "application/json"}),
    )
    answer = await gateway.create(**ask(reasoning={"effort": "medium"}))
    assert answer.text == "Hello"
    assert "think" not in vendor.last.json
    assert answer.headers["x-dragoman-dropped"] == "reasoning.effort"
