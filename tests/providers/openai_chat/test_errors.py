"""Error answers: every form of body, every class."""

from typing import Any

import orjson
import pytest

from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from proxy.provider.contract import Frame
from proxy.provider.errors import BAD_CREDENTIAL
from proxy.provider.secret import Secret
from proxy.responses.events import Failed
from tests.providers.openai_chat.material import OPENAI, prepared


def error_of(status: int, body: Any, headers: Any = None, provider: OpenAIChat = OPENAI) -> Any:
    return provider.error(status, headers or {}, body if isinstance(body, bytes) else orjson.dumps(body))


def with_code(code: str | int | None, message: str = "Something.") -> Any:
    return {"error": {"message": message, "type": "some_type", "param": None, "code": code}}


@pytest.mark.parametrize(
    ("status", "body", "error_class"),
    [
        (400, with_code(None), "bad_request"),
        (400, with_code("context_length_exceeded"), "context_too_long"),
        (400, with_code(None, "This model's maximum context length is 8192 tokens."), "context_too_long"),
        (400, with_code(None, "Please reduce the length of the messages."), "context_too_long"),
        (400, with_code(400, "the request exceeds the available context size"), "context_too_long"),
        (400, with_code(None, "Current length is 9000 while limit is 8192"), "context_too_long"),
        (400, with_code(None, "input too long"), "context_too_long"),
        (400, {"error": {"code": 400, "message": "x", "type": "exceed_context_size_error"}}, "context_too_long"),
        (400, with_code("content_policy_violation"), "prompt_blocked"),
        (400, with_code("content_filter"), "prompt_blocked"),
        (400, {"error": {"message": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, "prompt_blocked"),
        (400, with_code("model_not_found"), "model_unknown"),
        (401, with_code("invalid_api_key"), "bad_credential"),
        (401, {"detail": "Invalid API Key"}, "bad_credential"),
        (402, with_code(None, "Insufficient Balance"), "quota"),
        (403, with_code("unsupported_country_region_territory"), "forbidden"),
        (403, with_code("model_not_found"), "forbidden"),
        (404, with_code("model_not_found"), "model_unknown"),
        (404, {"error": {"message": 'model "x" not found, try pulling it first'}}, "model_unknown"),
        (
            404,
            {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError"},
            "model_unknown",
        ),
        (404, {"detail": "Not Found"}, "vendor_failure"),
        (404, b"404 page not found", "vendor_failure"),
        (408, with_code(None), "timeout"),
        (409, with_code(None), "vendor_failure"),
        (413, with_code(None), "too_large"),
        (422, with_code(None), "bad_request"),
        (429, with_code("rate_limit_exceeded"), "rate_limit"),
        (429, with_code(None), "rate_limit"),
        (429, with_code("insufficient_quota"), "quota"),
        (429, with_code("billing_hard_limit_reached"), "quota"),
        (429, with_code("credit_balance_exhausted"), "quota"),
        (429, with_code("organization_spend_limit_exceeded"), "quota"),
        (429, with_code("project_spend_limit_exceeded"), "quota"),
        (429, with_code("organization_usage_limit_exceeded"), "quota"),
        (429, {"error": {"message": "x", "type": "exceeded_current_quota_error"}}, "quota"),
        (429, with_code(None, "You exceeded your current quota, please check your plan."), "quota"),
        (429, with_code("server_is_overloaded"), "overloaded"),
        (413, with_code("rate_limit_exceeded"), "too_large"),
        (498, with_code("capacity_exceeded"), "overloaded"),
        (500, with_code(None), "vendor_failure"),
        (500, with_code("context_length_exceeded"), "vendor_failure"),
        (500, with_code(None, "The engine is currently overloaded"), "overloaded"),
        (502, b"", "vendor_failure"),
        (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, "overloaded"),
        (504, b"", "timeout"),
        (524, b"<html>a timeout</html>", "timeout"),
        (529, b"", "overloaded"),
        (302, b"", "vendor_failure"),
        (418, with_code(None), "bad_request"),
    ],
)
def test_classes(status: int, body: Any, error_class: str) -> None:
    error = error_of(status, body)
    assert error.error_class == error_class
    assert error.vendor_status == status
    assert error.message


def routed(**metadata: Any) -> Any:
    return {"error": {"code": 400, "message": "Provider returned error", "metadata": metadata}}


@pytest.mark.parametrize(
    ("status", "body", "error_class"),
    [
        (403, routed(reasons=["violence"]), "prompt_blocked"),
        (400, routed(reasons=["violence"]), "prompt_blocked"),
        (403, routed(reasons=[]), "forbidden"),
        (403, with_code("content_policy_violation"), "prompt_blocked"),
        (400, routed(raw='{"error":{"message":"prompt is too long"}}'), "context_too_long"),
        (400, routed(raw="prompt is too long"), "context_too_long"),
        (400, routed(raw='{"error":{"message":"no","code":"insufficient_quota"}}'), "bad_request"),
        (400, with_code(None, "Input: `inputs` tokens + `max_new_tokens` must be <= 8193"), "context_too_long"),
        (400, with_code(None, "x/y is not a valid model ID"), "model_unknown"),
        (400, with_code("model_not_supported"), "model_unknown"),
        (404, with_code("model_not_available"), "model_unknown"),
        (404, with_code(404, "No endpoints found for x/y."), "model_unknown"),
        (412, with_code(None, "Account a is suspended, possibly due to reaching the monthly spending limit"), "quota"),
        (412, with_code(None, "no"), "bad_request"),
    ],
)
def test_classes_at_hosts_and_routers(status: int, body: Any, error_class: str) -> None:
    assert error_of(status, body).error_class == error_class


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ('{"error":{"message":"no"}}', "Provider returned error: no"),
        ("no", "Provider returned error: no"),
        ("x" * 1000, f"Provider returned error: {'x' * 200}"),
        ("<html>no</html>", "Provider returned error"),
        ("null", "Provider returned error"),
        (" ", "Provider returned error"),
        ({"error": "no"}, "Provider returned error"),
        (5, "Provider returned error"),
    ],
)
def test_a_router_hands_on_what_the_vendor_said(raw: object, message: str) -> None:
    assert error_of(400, routed(raw=raw)).message == message


def test_the_vendors_parameter_is_handed_on_too() -> None:
    error = error_of(400, routed(raw='{"error":{"message":"no","param":"top_p"}}'))
    assert (error.vendor_param, error.param) == ("top_p", "top_p")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "no"}}, "no"),
        ({"error": "no"}, "no"),
        ({"error": "Bad Request", "message": "no"}, "Bad Request: no"),
        ({"object": "error", "message": "no", "type": "BadRequestError", "code": 400}, "no"),
        ({"message": "no", "type": "x", "param": None, "code": "y"}, "no"),
        ({"detail": "no"}, "no"),
        (
            {"detail": [{"loc": ["body", "top_k"], "msg": "no"}, {"loc": ["body", "n"], "msg": "nor"}]},
            "top_k: no; n: nor",
        ),
        ({"errors": [{"message": "no"}]}, "no"),
        ({"errors": ["no"]}, "no"),
        ([{"error": {"message": "no"}}], "no"),
        (b"no", "The provider answered 400: no"),
        (b"", "The provider answered 400 without an explanation."),
        ({}, "The provider answered 400 without an explanation."),
        (b"null", "The provider answered 400 without an explanation."),
    ],
)
def test_forms_of_the_body(body: Any, message: str) -> None:
    assert error_of(400, body).message == message


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": 5, "code": {}, "param": []}},
        {"error": []},
        {"detail": 5},
        {"detail": [5]},
        {"errors": [None]},
        5,
    ],
)
def test_nonsense_is_an_error_all_the_same(body: Any) -> None:
    error = error_of(400, body)
    assert error.error_class == "bad_request"
    assert error.message


def test_code_and_param_of_a_bad_request() -> None:
    body = {"error": {"message": "no", "code": "unsupported_value", "param": "reasoning_effort"}}
    error = error_of(400, body)
    assert (error.code, error.param, error.vendor_param) == (
        "unsupported_value",
        "reasoning.effort",
        "reasoning_effort",
    )
    error = error_of(400, {"error": {"message": "no", "code": "400", "param": "messages[3].content"}})
    assert (error.code, error.param, error.vendor_param) == (None, "input", "messages[3].content")


@pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
def test_a_page_of_html_is_named_and_not_quoted(status: int) -> None:
    page = b"\n<!DOCTYPE html><html>" + b"<p>secret</p>" * 100
    error = error_of(status, page)
    assert error.error_class == "vendor_failure"
    assert "HTML" in error.message
    assert "base_url" in error.message
    assert "secret" not in error.message


def test_a_missing_page_hints_at_the_base_url() -> None:
    assert "base_url" in error_of(404, {"detail": "Not Found"}).message
    assert "base_url" not in error_of(404, with_code("model_not_found")).message


def test_long_texts_are_cut() -> None:
    assert len(error_of(500, b"x" * 100_000).message) < 300
    assert len(error_of(400, with_code(None, "x" * 100_000)).message) <= 2000


def test_the_key_is_never_told() -> None:
    provider = OpenAIChat(OpenAIChatSettings(api_key=Secret("sk-very-secret")))
    assert (
        error_of(401, with_code("invalid_api_key", "Wrong: sk-very-secret"), provider=provider).message
        == BAD_CREDENTIAL
    )
    for status in (400, 403, 429, 500):
        for body in (with_code(None, "Key sk-very-secret"), b"Key sk-very-secret"):
            assert "sk-very-secret" not in error_of(status, body, provider=provider).message
    stream = provider.decoder(prepared(provider))
    (failed,) = stream.feed(Frame("error", b'{"error":{"message":"Key sk-very-secret"}}'))
    assert isinstance(failed, Failed)
    assert failed.error.message == "Key ***"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "nonsense"}, None),
        ({"retry-after-ms": "inf"}, None),
        ({"retry-after": "1e9"}, 86_400.0),
    ],
)
def test_the_wait(headers: Any, wait: float | None) -> None:
    assert error_of(429, with_code(None), headers).retry_after == wait
