"""The vendor's error answers -> classes."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.anthropic import Anthropic, AnthropicSettings

PROVIDER = Anthropic(AnthropicSettings())


def error(
    status: Any, error_type: Any = None, message: Any = "What is wrong.", headers: Any = None, **details: Any
) -> Any:
    inner = {"type": error_type, "message": message} | ({"details": details} if details else {})
    body = orjson.dumps({"type": "error", "error": inner, "request_id": "req_1"})
    return PROVIDER.error(status, headers or {}, body)


TABLE = [
    (400, "invalid_request_error", "max_tokens: Field required", "bad_request", 400),
    (400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum", "context_too_long", 400),
    (
        400,
        "invalid_request_error",
        "input length and `max_tokens` exceed context limit: 190000 + 64000 > 200000",
        "context_too_long",
        400,
    ),
    (400, "exceed_context_size_error", "the request exceeds the available context size", "context_too_long", 400),
    (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.", "quota", 429),
    (400, "invalid_request_error", "You have reached your specified API usage limits.", "quota", 429),
    (400, "invalid_request_error", "This request violates our usage policies.", "prompt_blocked", 400),
    (400, "invalid_request_error", "Output blocked by content filtering policy", "prompt_blocked", 400),
    (401, "authentication_error", "invalid x-api-key sk-ant-secret", "bad_credential", 502),
    (401, "invalid_request_error", "who are you", "bad_credential", 502),
    (402, "billing_error", "Pay.", "quota", 429),
    (403, "permission_error", "Not for you.", "forbidden", 403),
    (404, "not_found_error", "model: claude-does-not-exist", "model_unknown", 400),
    (404, "not_found_error", "model 'x' not found", "model_unknown", 400),
    (404, "not_found_error", "Not found", "vendor_failure", 502),
    (409, "conflict_error", "Again.", "vendor_failure", 502),
    (413, "request_too_large", "Request exceeds the maximum size", "too_large", 413),
    (422, None, "odd", "bad_request", 400),
    (429, "rate_limit_error", "Slow down.", "rate_limit", 429),
    (429, None, "Slow down.", "rate_limit", 429),
    (499, "api_error", "Gone.", "vendor_failure", 502),
    (500, "api_error", "Internal server error", "vendor_failure", 502),
    (500, "invalid_request_error", "mislabelled", "vendor_failure", 502),
    (500, "authentication_error", "mislabelled", "vendor_failure", 502),
    (502, None, "", "vendor_failure", 502),
    (503, "unavailable_error", "Loading model", "overloaded", 503),
    (504, "timeout_error", "Late.", "timeout", 504),
    (529, "overloaded_error", "Overloaded", "overloaded", 503),
    (529, None, "", "overloaded", 503),
]


@pytest.mark.parametrize(("status", "error_type", "message", "error_class", "ours"), TABLE)
def test_classes(status: Any, error_type: Any, message: Any, error_class: Any, ours: Any) -> None:
    found = error(status, error_type, message)
    assert (found.error_class, found.status) == (error_class, ours)
    assert found.vendor_status == status
    assert found.message


def test_the_vendors_words_reach_the_client_but_not_about_credentials() -> None:
    assert error(400, "invalid_request_error", "tools.0.name: too long").message == "tools.0.name: too long"
    assert "sk-ant-secret" not in error(401, "authentication_error", "invalid x-api-key sk-ant-secret").message


@pytest.mark.parametrize("code", ["enforced_spend_limit_reached", "contract_spend_limit_reached"])
def test_spend_limits_are_quota(code: Any) -> None:
    found = error(429, "rate_limit_error", error_code=code)
    assert found.error_class == "quota"
    assert found.headers["x-should-retry"] == "false"


def test_other_limits_are_rate_limits() -> None:
    found = error(429, "rate_limit_error", headers={"retry-after": "7"}, error_code="ramp_limit_exceeded")
    assert (found.error_class, found.retry_after) == ("rate_limit", 7)


def test_the_codes_of_bad_requests_are_kept() -> None:
    assert (
        error(400, "invalid_request_error", error_code="image_dimensions_too_large").code
        == "image_dimensions_too_large"
    )


@pytest.mark.parametrize(
    ("message", "vendor", "param"),
    [
        ("max_tokens: 200000 > 64000", "max_tokens", "max_output_tokens"),
        (
            "messages.0.content.1.image.source.base64.data: bad",
            "messages.0.content.1.image.source.base64.data",
            "input",
        ),
        ("tools.3.custom.input_schema: JSON schema is invalid", "tools.3.custom.input_schema", "tools[3]"),
        ("tools: Tool names must be unique.", "tools", "tools"),
        ("`temperature` is deprecated for this model.", "temperature", "temperature"),
        ("output_config.format.schema: no", "output_config.format.schema", "text.format"),
        ("Something else: happened", None, None),
    ],
)
def test_the_parameter_that_is_named(message: Any, vendor: Any, param: Any) -> None:
    found = error(400, "invalid_request_error", message)
    assert (found.vendor_param, found.param) == (vendor, param)


@pytest.mark.parametrize(
    ("status", "error_class"),
    [(413, "too_large"), (502, "vendor_failure"), (529, "overloaded"), (404, "vendor_failure"), (301, "bad_request")],
)
def test_pages_of_the_edge(status: Any, error_class: Any) -> None:
    found = PROVIDER.error(status, {}, b"<html><h1>413 Request Entity Too Large</h1></html>")
    assert found.error_class == error_class
    assert str(status) in found.message
    assert "<" not in found.message


def test_a_wrong_base_url_is_hinted_at() -> None:
    assert "base_url" in PROVIDER.error(404, {}, b"<html>").message
    assert "base_url" in error(404, "not_found_error", "Not found").message
    assert "base_url" not in error(404, "not_found_error", "model: x").message


@pytest.mark.parametrize(
    "body",
    [
        b'{"message":"messages.0: bad"}',
        b'[{"error":{"code":400,"message":"messages.0: bad","status":"INVALID_ARGUMENT"}}]',
        b'{"error":"messages.0: bad"}',
        b'{"error":{"code":400,"message":"messages.0: bad","type":"invalid_request_error"}}',
    ],
)
def test_the_shapes_of_other_hosts(body: Any) -> None:
    found = PROVIDER.error(400, {}, body)
    assert (found.error_class, found.message) == ("bad_request", "messages.0: bad")


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    st.integers(300, 599),
    st.one_of(
        st.binary(max_size=40),
        st.recursive(
            st.one_of(st.none(), st.integers(-9, 2**60), st.text(max_size=5)),
            lambda below: st.one_of(
                st.lists(below, max_size=3),
                st.dictionaries(st.sampled_from(["error", "type", "message", "details", "error_code"]), below),
            ),
        ).map(orjson.dumps),
    ),
)
def test_no_body_raises(status: Any, body: Any) -> None:
    found = PROVIDER.error(status, {}, body)
    assert found.message
    if status in (401, 403) or status >= 500:
        assert found.status != 400
