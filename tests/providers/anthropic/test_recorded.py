"""Recorded answers of the vendor and its hosts (folder in the variable DRAGOMAN_CORPUS) are read to their end."""

import json
import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from providers.anthropic import Anthropic, AnthropicSettings
from providers.anthropic.decode import MessagesDecoder, decode_message
from proxy.provider.history import HOSTED_PROOF, HostedTool, OpenedProof, ReasoningItem
from proxy.responses.events import Event, Failed, Finished, Proof, Text, Unmapped, Usage
from proxy.responses.usage import UsageTally
from tests.providers.anthropic.answers import decode_whole, sse_frames
from tests.providers.anthropic.requests import body_of, losses, message, prepared

FAMILIES = ("anthropic_messages", "anthropic_vertex", "bedrock_invoke_anthropic")
CORPUS = os.environ.get("DRAGOMAN_CORPUS")
FILES = sorted(path for family in FAMILIES for path in Path(CORPUS, family).glob("*.json")) if CORPUS else []

pytestmark = pytest.mark.skipif(not FILES, reason="DRAGOMAN_CORPUS does not name a folder of recorded traffic")

ERROR_CLASSES = {400: "bad_request", 404: "model_unknown"}


def recorded(wanted: Any) -> Any:
    exchanges = [(path, json.loads(path.read_text())) for path in FILES]
    return [pytest.param(exchange, id=path.stem[-40:]) for path, exchange in exchanges if wanted(exchange)]


def is_message(exchange: Any) -> Any:
    body = exchange["response_body"]
    return exchange["status"] == 200 and exchange["response_body_kind"] == "json" and "content" in body


def is_stream(exchange: Any) -> Any:
    return exchange["status"] == 200 and exchange["response_body_kind"] == "text"


def check(events: Any, usages: Any) -> None:
    """Exactly one ending, and the arithmetic of the last numbers."""
    assert [event for event in events if isinstance(event, (Finished, Failed))] == [events[-1]]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason != "unknown"
    latest: dict[str, Any] = {}
    for usage in usages:
        latest |= {name: value for name, value in usage.items() if value is not None}
    tally = UsageTally()
    for event in events:
        if isinstance(event, Usage):
            tally.replace(event)
    total = tally.total()
    read, written = latest.get("cache_read_input_tokens", 0), latest.get("cache_creation_input_tokens", 0)
    assert total.input_tokens == latest["input_tokens"] + read + written
    assert (total.cached_tokens, total.cache_write_tokens) == (read, written)
    assert total.output_tokens == latest["output_tokens"]
    assert total.reasoning_tokens == latest.get("output_tokens_details", {}).get("thinking_tokens", 0)


@pytest.mark.parametrize("exchange", recorded(is_message))
def test_whole_answers(exchange: Any) -> None:
    body = exchange["response_body"]
    events = decode_whole(body)
    check(events, [body["usage"]])
    texts = [block["text"] for block in body["content"] if block["type"] == "text"]
    assert "".join(event.delta for event in events if isinstance(event, Text)) == "".join(texts)


@pytest.mark.parametrize("exchange", recorded(is_stream))
def test_streams(exchange: Any) -> None:
    frames = sse_frames(exchange["response_body"])
    decoder = MessagesDecoder()
    events = [event for frame in frames for event in decoder.feed(frame)]
    assert list(decoder.end()) == []
    payloads = [orjson.loads(frame.data) for frame in frames]
    started = next(payload["message"] for payload in payloads if payload["type"] == "message_start")
    ended = next(payload for payload in payloads if payload["type"] == "message_delta")
    check(events, [started["usage"], ended["usage"]])


SERVER_BLOCKS = ("server_tool_use", "mcp_tool_use")

#: What recorded answers hold that a response has no place for.
LEFT_OUT = {"advisor", "advisor_tool_result", "tool_search"}


def events_of(exchange: Any) -> list[Event]:
    """The events of an answer of a vendor that had tools of its own."""
    if is_message(exchange):
        return decode_message(orjson.dumps(exchange["response_body"]), hosted=True)
    decoder = MessagesDecoder(hosted=True)
    return [event for frame in sse_frames(exchange["response_body"]) for event in decoder.feed(frame)]


def content_of(exchange: Any) -> list[Any]:
    """The blocks of an answer, with the input of their calls."""
    if is_message(exchange):
        content: list[Any] = exchange["response_body"]["content"]
        return content
    payloads = [orjson.loads(frame.data) for frame in sse_frames(exchange["response_body"])]
    blocks = {each["index"]: each["content_block"] for each in payloads if each["type"] == "content_block_start"}
    for index, block in blocks.items():
        deltas = [each["delta"] for each in payloads if each["type"] == "content_block_delta" if each["index"] == index]
        if written := "".join(delta.get("partial_json", "") for delta in deltas):
            block["input"] = orjson.loads(written)
    return list(blocks.values())


def uses_server_tools(exchange: Any) -> bool:
    return (is_message(exchange) or is_stream(exchange)) and any(
        f'"{kind}"' in orjson.dumps(exchange["response_body"]).decode().replace("\\", "") for kind in SERVER_BLOCKS
    )


def is_kept(block: Any) -> bool:
    return "tool_use_id" in block or block["type"] in SERVER_BLOCKS


@pytest.mark.parametrize("exchange", recorded(lambda each: is_message(each) or is_stream(each)))
def test_nothing_unexpected_is_left_out(exchange: Any) -> None:
    assert {event.element for event in events_of(exchange) if isinstance(event, Unmapped)} <= LEFT_OUT


@pytest.mark.parametrize("exchange", recorded(uses_server_tools))
def test_what_server_tools_did_comes_back_exactly(exchange: Any) -> None:
    """All blocks of known tools are in the proofs, in their order, and stand in the next request; but for the call at
    which an answer paused."""
    content = [block for block in content_of(exchange) if is_kept(block)]
    if any(block.get("name") == "advisor" for block in content):
        pytest.skip("the advisor is none of the tools that are offered")
    assert content
    answered = {block.get("tool_use_id") for block in content}
    if events_of(exchange)[-1] == Finished("pause", "pause_turn"):
        content = [block for block in content if block.get("id") is None or block["id"] in answered]
    proofs = [event for event in events_of(exchange) if isinstance(event, Proof) and event.kind == HOSTED_PROOF]
    items = [
        ReasoningItem([], [], OpenedProof(proof.kind, proof.payload, proof.binds, None), f"input[{index}]")
        for index, proof in enumerate(proofs, 1)
    ]
    request = prepared(message("A"), *items, message("B"))
    servers = {block["server_name"] for block in content if "server_name" in block}
    request.hosted_tools = [
        HostedTool(
            "mcp", {"server_label": label, "server_url": "https://x.example", "require_approval": "never"}, "tools"
        )
        for label in sorted(servers)
    ]
    body = body_of(Anthropic(AnthropicSettings()).encode(request))
    assert body["messages"][1]["content"] == content
    assert losses(request) == []


@pytest.mark.parametrize("exchange", recorded(is_stream))
def test_streams_that_are_cut_anywhere_fail(exchange: Any) -> None:
    frames = sse_frames(exchange["response_body"])
    for length in range(0, len(frames), 7):
        decoder = MessagesDecoder()
        events = [event for frame in frames[:length] for event in decoder.feed(frame)]
        events += decoder.end()
        assert [event for event in events if isinstance(event, (Finished, Failed))] == [events[-1]]
        assert isinstance(events[-1], Failed)


@pytest.mark.parametrize(
    "exchange", recorded(lambda exchange: exchange["status"] != 200 and exchange["response_body_kind"] == "json")
)
def test_errors(exchange: Any) -> None:
    body = orjson.dumps(exchange["response_body"])
    error = Anthropic(AnthropicSettings()).error(exchange["status"], exchange["response_headers"], body)
    assert error.error_class == ERROR_CLASSES[exchange["status"]]


@pytest.mark.parametrize(
    "exchange",
    recorded(
        lambda exchange: (
            exchange["status"] == 200 and exchange["response_body_kind"] == "json" and not is_message(exchange)
        )
    ),
)
def test_answers_of_older_apis_fail_with_a_hint(exchange: Any) -> None:
    (failed,) = decode_message(orjson.dumps(exchange["response_body"]))
    assert isinstance(failed, Failed)
    assert "base_url" in failed.error.message
