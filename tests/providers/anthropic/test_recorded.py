"""Recorded answers of the vendor and its hosts (folder in the variable DRAGOMAN_CORPUS) are read to their end."""

import json
import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from providers.anthropic import Anthropic, AnthropicSettings
from providers.anthropic.decode import MessagesDecoder, decode_message
from proxy.responses.events import Failed, Finished, Text, Usage
from proxy.responses.usage import UsageTally
from tests.providers.anthropic.answers import decode_whole, sse_frames

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
