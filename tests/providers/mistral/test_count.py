"""The vendor's counter: what it is asked, and when it is not."""

from typing import Any

import orjson
import pytest

from proxy.provider.conversions import RefusedError
from tests.providers.mistral.material import (
    CLOCK,
    MISTRAL,
    WEATHER,
    answered,
    called,
    mistral,
    prepared,
    said,
    text,
    thought,
)
from tests.providers.mistral.oracle import unknown_to_the_counter
from tests.providers.mistral.test_hosts import AZURE, OWN, VERTEX

IMAGE = {"type": "input_image", "image_url": "https://example.org/a.png"}


def asked(request: dict[str, Any]) -> dict[str, Any] | None:
    call = MISTRAL.encode_count(prepared(request))
    if call is None:
        return None
    assert (call.method, call.path, call.stream) == ("POST", "/responses/input_tokens", False)
    body: dict[str, Any] = orjson.loads(call.body)
    assert unknown_to_the_counter(body) == []
    return body


def test_text_and_functions_are_counted() -> None:
    items = [
        said("developer", "Rhyme."),
        said("user", [text("a"), text("b")]),
        said("assistant", "Yes?"),
        called("k3PzQ81aZ"),
        answered("k3PzQ81aZ", [text("3"), text("C")]),
        said("user", "And?"),
    ]
    request = {"instructions": "Be", "input": items, "tools": [WEATHER, CLOCK]}
    body = asked(request)
    assert body == {
        "model": "mistral-medium-latest",
        "instructions": "Be",
        "input": [
            {"type": "message", "role": "developer", "content": "Rhyme."},
            {"type": "message", "role": "user", "content": "a\nb"},
            {"type": "message", "role": "assistant", "content": "Yes?"},
            {"type": "function_call", "call_id": "k3PzQ81aZ", "name": "weather", "arguments": '{"city":"Oslo"}'},
            {"type": "function_call_output", "call_id": "k3PzQ81aZ", "output": "3\nC"},
            {"type": "message", "role": "user", "content": "And?"},
        ],
        "tools": [WEATHER, {**CLOCK, "parameters": {"type": "object", "properties": {}}}],
    }


@pytest.mark.parametrize(
    "request_",
    [
        {"input": [said("user", [text("What is it?"), IMAGE])]},
        {"input": [said("user", "Hi"), called("k3PzQ81aZ"), answered("k3PzQ81aZ", [IMAGE])]},
        {"input": [said("user", "2+2?"), thought("Add"), said("assistant", "4"), said("user", "?")]},
        {"input": [], "instructions": "Be"},
    ],
)
def test_what_is_more_than_text_is_estimated(request_: dict[str, Any]) -> None:
    assert asked({**request_, "tools": [WEATHER]}) is None


def test_tools_that_are_left_out_are_not_counted() -> None:
    body = asked({"tools": [WEATHER], "tool_choice": "none"})
    assert body is not None
    assert "tools" not in body


@pytest.mark.parametrize("provider", [AZURE, VERTEX, OWN])
def test_no_other_host_has_a_counter(provider: Any) -> None:
    assert provider.encode_count(prepared(provider=provider)) is None


def test_what_cannot_be_sent_cannot_be_counted() -> None:
    with pytest.raises(RefusedError):
        MISTRAL.encode_count(prepared({"reasoning": {"mode": "pro"}}))


def test_the_number() -> None:
    assert MISTRAL.decode_count(b'{"object":"response.input_tokens","input_tokens":12}') == 12


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"input_tokens":true}', b'{"input_tokens":-1}', b'{"input_tokens":"1"}']
)
def test_no_number(body: bytes) -> None:
    with pytest.raises(ValueError, match="number of tokens"):
        mistral().decode_count(body)
