"""The counter's call: the request as `countTokens` takes it, and its answer."""

from typing import Any

import pytest

from providers.gemini import Gemini, GeminiSettings
from proxy.provider.conversions import RefusedError
from proxy.provider.history import HistoryItem
from tests.providers.gemini.requests import WEATHER, body_of, call, check, developer, prepared, result, user

PROVIDER = Gemini(GeminiSettings())

EVERYTHING: dict[str, Any] = {
    "tools": [WEATHER],
    "instructions": "Be brief.",
    "max_output_tokens": 100,
    "temperature": 0.5,
    "reasoning": {"effort": "high"},
    "service_tier": "flex",
    "text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object", "properties": {}}}},
}


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_input_consists_of_is_sent(stream: bool) -> None:
    items: list[HistoryItem] = [user("A"), call(), result(), developer("Now!")]
    made = PROVIDER.encode_count(prepared(*items, stream=stream, **EVERYTHING))
    whole = body_of(PROVIDER.encode(prepared(*items, stream=stream, **EVERYTHING)))
    assert made.path == "/models/gemini-3.8-flash:countTokens"
    assert not made.stream
    body = body_of(made)
    assert body.keys() == {"generateContentRequest"}
    request = body["generateContentRequest"]
    assert request.pop("model") == "models/gemini-3.8-flash"
    check(request)
    assert request.pop("generationConfig").keys() == {"responseMimeType", "responseJsonSchema"}
    assert {"systemInstruction", "contents", "tools"} <= request.keys()
    assert {"safetySettings", "serviceTier"}.isdisjoint(request)
    assert all(value == whole[name] for name, value in request.items())


def test_the_model_may_be_written_as_the_vendor_does() -> None:
    made = PROVIDER.encode_count(prepared(model="models/gemini-2.5-flash"))
    assert made.path == "/models/gemini-2.5-flash:countTokens"
    assert body_of(made)["generateContentRequest"]["model"] == "models/gemini-2.5-flash"


def test_a_model_that_would_lead_elsewhere_is_refused() -> None:
    with pytest.raises(RefusedError):
        PROVIDER.encode_count(prepared(model="../secrets"))


def test_what_the_operator_adds_to_the_input_is_counted() -> None:
    settings = GeminiSettings(extra_body={"cachedContent": "cachedContents/1", "labels": {"a": "b"}})
    request = body_of(Gemini(settings).encode_count(prepared()))["generateContentRequest"]
    assert request.keys() == {"model", "contents", "cachedContent"}


def test_equal_requests_are_equal_calls() -> None:
    assert PROVIDER.encode_count(prepared(**EVERYTHING)) == PROVIDER.encode_count(prepared(**EVERYTHING))


def test_the_number() -> None:
    assert PROVIDER.decode_count(b'{"totalTokens": 31, "cachedContentTokenCount": 5}') == 31


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"totalTokens": "31"}',
        b'{"totalTokens": true}',
        b'{"totalTokens": 0}',
        b'{"totalTokens": -3}',
        b'{"totalTokens": 1.5}',
        b'{"error": {"code": 404}}',
        b"\xff",
        b"[" * 5000,
    ],
)
def test_anything_else_is_no_number(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        PROVIDER.decode_count(answer)
