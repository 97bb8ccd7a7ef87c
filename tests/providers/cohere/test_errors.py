"""Error answers and their classes."""

from typing import Any

import orjson
import pytest

from tests.providers.cohere.material import COHERE

TRIAL = "You are using a Trial key, which is limited to 20 API calls / minute."


@pytest.mark.parametrize(
    ("status", "message", "error_class"),
    [
        (400, "too many tokens: total number of tokens in the prompt cannot exceed 256000", "context_too_long"),
        (400, "invalid request: temperature must be at least 0", "bad_request"),
        (422, "message must be at least 1 token long", "bad_request"),
        (400, "model 'command' was removed on September 15, 2025", "model_unknown"),
        (401, "invalid api token", "bad_credential"),
        (402, "please add a payment method", "quota"),
        (403, "your plan has no access", "forbidden"),
        (404, "model 'x' not found, make sure the correct model ID was used", "model_unknown"),
        (404, "page not found", "vendor_failure"),
        (413, "payload too large", "too_large"),
        (429, TRIAL, "quota"),
        (429, "limited to 1000 API calls per month", "quota"),
        (429, "too many requests", "rate_limit"),
        (498, "blocked token in input", "bad_request"),
        (499, "request cancelled", "vendor_failure"),
        (500, "internal server error", "vendor_failure"),
        (501, "not implemented", "bad_request"),
        (503, "service unavailable", "overloaded"),
        (504, "gateway timeout", "timeout"),
        (599, "?", "vendor_failure"),
        (418, "?", "bad_request"),
        (302, "?", "vendor_failure"),
    ],
)
def test_classes(status: int, message: str, error_class: str) -> None:
    error = COHERE.error(status, {}, orjson.dumps({"message": message, "id": "x"}))
    assert error.error_class == error_class
    assert error.vendor_status == status
    if error_class != "bad_credential":
        assert message in error.message


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("invalid request: max_tokens must be positive", "max_output_tokens"),
        ("invalid request: tool_choice is not supported", "tool_choice"),
        ("invalid request: all elements in messages must have content", "input"),
        ("invalid request", None),
    ],
)
def test_the_clients_parameter_is_named(message: str, param: str | None) -> None:
    assert COHERE.error(400, {}, orjson.dumps({"message": message})).param == param


def test_the_type_of_an_error_counts() -> None:
    body = orjson.dumps({"error_type": "TOO_MANY_TOKENS", "message": "no"})
    assert COHERE.error(400, {}, body).error_class == "context_too_long"


def test_a_wait_is_handed_on() -> None:
    error = COHERE.error(429, {"retry-after": "7"}, b'{"message": "slow down"}')
    assert error.headers["retry-after"] == "7"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"message": 7}', b"\xff", b"[" * 5000])
@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_any_body_is_an_error(status: int, body: Any) -> None:
    error = COHERE.error(status, {}, body)
    assert f"HTTP status {status}" in error.message
