"""The counter's call: the message request without what the counter does not take, and its answer."""

from typing import Any, get_type_hints

import orjson
import pytest
from anthropic.types import MessageCountTokensParams

from providers.anthropic import Anthropic, AnthropicSettings
from proxy.provider.contract import Call
from proxy.provider.history import HistoryItem
from tests.providers.anthropic.requests import HAIKU, OPUS, WEATHER, body_of, call, message, prepared, result

PROVIDER = Anthropic(AnthropicSettings())


def counting(*items: Any, **options: Any) -> Call:
    made = PROVIDER.encode_count(prepared(*items, **options))
    assert made is not None
    return made


EVERYTHING: dict[str, Any] = {
    "tools": [WEATHER],
    "instructions": "Be brief.",
    "max_output_tokens": 100,
    "parallel_tool_calls": False,
    "safety_identifier": "someone",
    "service_tier": "default",
    "text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object", "properties": {}}}},
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "settings"),
    [
        (OPUS, {"reasoning": {"effort": "high"}}),
        (HAIKU, {"reasoning": {"effort": "low"}, "max_output_tokens": 5000}),
        (HAIKU, {"temperature": 0.5}),
        (OPUS, {"service_tier": "fast"}),
    ],
)
def test_only_what_the_counter_takes_is_sent(model: str, settings: dict[str, Any], stream: bool) -> None:
    options = EVERYTHING | settings
    items: list[HistoryItem] = [message("A"), call(), result()]
    made = counting(*items, model=model, stream=stream, **options)
    body, whole = body_of(made), body_of(PROVIDER.encode(prepared(*items, model=model, stream=stream, **options)))
    assert made.path == "/v1/messages/count_tokens"
    assert not made.stream
    assert made.headers.keys() == {"anthropic-version"}
    assert body.keys() <= get_type_hints(MessageCountTokensParams).keys() - {"speed", "cache_control"}
    assert {"model", "system", "messages", "tools", "tool_choice"} <= body.keys()
    assert ("thinking" in body, "output_config" in body) == ("thinking" in whole, "output_config" in whole)
    assert all(value == whole[name] for name, value in body.items())


def test_equal_requests_are_equal_calls() -> None:
    assert counting(message("A"), **EVERYTHING) == counting(message("A"), **EVERYTHING)


def test_other_vendors_models_have_no_counter() -> None:
    assert PROVIDER.encode_count(prepared(model="qwen3")) is None


def test_the_number() -> None:
    assert PROVIDER.decode_count(b'{"input_tokens": 2095}') == 2095
    assert PROVIDER.decode_count(b'{"input_tokens": 1, "context_management": {"original_input_tokens": 5}}') == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"7",
        b"{}",
        b'{"input_tokens": "7"}',
        b'{"input_tokens": true}',
        b'{"input_tokens": 7.5}',
        b'{"input_tokens": -1}',
        b'{"input_tokens": 0}',
        b'{"input_tokens": null}',
        b"\xff",
        b"[" * 5000,
        orjson.dumps({"type": "error", "error": {"type": "not_found_error", "message": "no"}}),
    ],
)
def test_anything_else_is_no_number(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        PROVIDER.decode_count(answer)
