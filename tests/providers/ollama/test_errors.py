"""What the errors of an Ollama server mean."""

import json
from typing import Any

import pytest

from providers.ollama.errors import error_in_answer, error_of_answer, message_in

RUNNER = json.dumps(
    {"error": {"code": 400, "message": "request (8889 tokens) exceeds the available context size", "n_ctx": 4096}}
)


@pytest.mark.parametrize(
    ("status", "message", "error_class", "param"),
    [
        (400, "registry.ollama.ai/library/gemma3 does not support tools", "bad_request", "tools"),
        (400, '"llama3.2" does not support thinking', "bad_request", "reasoning.effort"),
        (400, 'invalid think value: "x"', "bad_request", "reasoning.effort"),
        (400, 'invalid format: "yaml"; expected "json"', "bad_request", "text.format"),
        (400, "illegal base64 data at input byte 4", "bad_request", None),
        (400, "the input length exceeds the context length", "context_too_long", "input"),
        (400, "prompt too long; exceeded max context length by 4 tokens", "context_too_long", "input"),
        (400, RUNNER, "context_too_long", "input"),
        (401, "unauthorized", "bad_credential", None),
        (402, "this model needs a subscription", "quota", None),
        (403, "forbidden", "forbidden", None),
        (404, "model 'x' not found", "model_unknown", "model"),
        (404, 'model "x" not found, try pulling it first', "model_unknown", "model"),
        (404, "page not found", "vendor_failure", None),
        (413, "too large", "too_large", None),
        (429, "rate limit exceeded", "rate_limit", None),
        (429, "you have reached your weekly usage limit", "quota", None),
        (500, "model requires more system memory (5.6 GiB) than is available (2.1 GiB)", "vendor_failure", None),
        (500, "llama runner process has terminated: exit status 2", "vendor_failure", None),
        (502, "upstream error", "vendor_failure", None),
        (503, "server busy, please try again. maximum pending requests exceeded", "overloaded", None),
        (504, "timeout", "timeout", None),
    ],
)
def test_classes(status: int, message: str, error_class: str, param: str | None) -> None:
    error = error_of_answer(status, {}, json.dumps({"error": message}).encode())
    assert (error.error_class, error.param, error.vendor_status) == (error_class, param, status)


def test_the_sentence_of_the_models_runner_is_told() -> None:
    assert (
        message_in(json.dumps({"error": RUNNER}).encode()) == "request (8889 tokens) exceeds the available context size"
    )
    assert message_in(json.dumps({"error": "{no json"}).encode()) == "{no json"
    assert message_in(json.dumps({"error": {"message": "x"}}).encode()) == "x"


def test_a_wait_is_kept() -> None:
    assert error_of_answer(429, {"retry-after": "7"}, b'{"error":"slow down"}').retry_after == 7


def test_a_page_of_another_server_points_at_the_address() -> None:
    error = error_of_answer(403, {}, b"<!doctype html><title>Sign in</title>")
    assert error.error_class == "vendor_failure"
    assert "base_url" in str(error)


def test_the_key_is_told_to_nobody() -> None:
    error = error_of_answer(403, {}, b'{"error":"the key sk-1 may not"}', "sk-1")
    assert "sk-1" not in str(error)
    assert "***" in str(error)


@pytest.mark.parametrize(
    ("value", "error_class"),
    [
        ({"error": "an error was encountered while running the model"}, "vendor_failure"),
        ({"error": "model requires more system memory"}, "vendor_failure"),
        ({"error": "rate limit", "status_code": 429}, "rate_limit"),
        ({"error": {"message": "x"}, "status_code": "429"}, "vendor_failure"),
        ({"error": 3}, "vendor_failure"),
        ({"error": ["x"], "status_code": 200}, "vendor_failure"),
    ],
)
def test_errors_inside_an_answer(value: object, error_class: str) -> None:
    assert error_in_answer(value).error_class == error_class


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'{"error":null}', b"\xff\xfe", b'{"error":' * 2000, b"[" * 5000]
)
@pytest.mark.parametrize("status", [200, 302, 400, 404, 418, 500, 599, 999])
def test_no_body_breaks_it(status: int, body: bytes) -> None:
    error: Any = error_of_answer(status, {}, body)
    assert str(error)
