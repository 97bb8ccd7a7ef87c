"""What error answers mean."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.gemini.errors import client_parameter, error_in_answer, error_of_answer, vendor_field

REASON = "type.googleapis.com/google.rpc.ErrorInfo"


def status(code: int, word: str, message: str = "Something is wrong.", *details: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": word, "details": list(details)}}


def info(reason: str) -> dict[str, Any]:
    return {"@type": REASON, "reason": reason, "domain": "googleapis.com"}


def quota(quota_id: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota_id}]}


def retry(delay: Any) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def read(code: int, body: Any, headers: Any = None, secret: str = "") -> Any:
    written = body if isinstance(body, bytes) else orjson.dumps(body)
    return error_of_answer(code, headers or {}, written, secret)


@pytest.mark.parametrize(
    ("code", "word", "message", "error_class"),
    [
        (400, "INVALID_ARGUMENT", "Please use a valid role: user, model.", "bad_request"),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            "context_too_long",
        ),
        (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "bad_credential"),
        (400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", "bad_credential"),
        (400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes.", "too_large"),
        (400, "FAILED_PRECONDITION", "Please enable billing on project 1.", "quota"),
        (400, "FAILED_PRECONDITION", "User location is not supported for the API use.", "forbidden"),
        (400, "FAILED_PRECONDITION", "The file is still being processed.", "bad_request"),
        (401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", "bad_credential"),
        (402, "RESOURCE_EXHAUSTED", "Pay.", "quota"),
        (403, "PERMISSION_DENIED", "You have no access to the file.", "forbidden"),
        (403, "PERMISSION_DENIED", "Your API key was reported as leaked. Use another API key.", "bad_credential"),
        (404, "NOT_FOUND", "models/gemini-0 is not found for API version v1beta.", "model_unknown"),
        (404, "NOT_FOUND", "Requested entity was not found.", "model_unknown"),
        (404, "NOT_FOUND", "File files/abc was not found.", "vendor_failure"),
        (404, "", "Requested entity was not found.", "vendor_failure"),
        (413, "", "Too large", "too_large"),
        (422, "", "Unprocessable", "bad_request"),
        (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", "rate_limit"),
        (429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", "quota"),
        (429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: requests, limit: 0, model: gemini-9", "quota"),
        (429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: requests, limit: 10", "rate_limit"),
        (499, "CANCELLED", "The operation was cancelled.", "vendor_failure"),
        (500, "INTERNAL", "An internal error has occurred.", "vendor_failure"),
        (502, "", "Bad gateway", "vendor_failure"),
        (503, "UNAVAILABLE", "The model is overloaded. Please try again later.", "overloaded"),
        (503, "UNAVAILABLE", "This model is currently experiencing high demand.", "overloaded"),
        (503, "UNAVAILABLE", "The service is currently unavailable.", "vendor_failure"),
        (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.", "timeout"),
        (500, "INVALID_ARGUMENT", "Something went wrong.", "vendor_failure"),
        (418, "", "A teapot", "bad_request"),
    ],
)
def test_classes(code: Any, word: Any, message: Any, error_class: Any) -> None:
    error = read(code, status(code, word, message))
    assert error.error_class == error_class
    assert error.vendor_status == code
    if error_class != "bad_credential":
        assert message in error.message
    assert read(code, [status(code, word, message)]).error_class == error_class
    assert error_in_answer(status(code, word, message)).error_class == error_class


@pytest.mark.parametrize(
    ("code", "details", "error_class"),
    [
        (400, [info("API_KEY_INVALID")], "bad_credential"),
        (403, [info("API_KEY_SERVICE_BLOCKED")], "bad_credential"),
        (403, [info("SERVICE_DISABLED")], "forbidden"),
        (403, [info("BILLING_DISABLED")], "quota"),
        (400, [info("SOMETHING_NEW")], "bad_request"),
        (429, [quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), retry("14s")], "quota"),
        (429, [quota("GenerateRequestsPerMinutePerProjectPerModel"), retry("14s")], "rate_limit"),
        (429, [quota("GenerateRequestsPerMinute"), quota("GenerateRequestsPerDay")], "quota"),
    ],
)
def test_details_decide(code: Any, details: Any, error_class: Any) -> None:
    error = read(code, status(code, "INVALID_ARGUMENT" if code == 400 else "PERMISSION_DENIED", "No.", *details))
    assert error.error_class == error_class
    assert not error.rule.retry or error_class == "rate_limit"


@pytest.mark.parametrize(
    ("delay", "headers", "seconds"),
    [
        ("14s", {}, 14.0),
        ("0.5s", {}, 0.5),
        ("14s", {"retry-after": "3"}, 14.0),
        ("soon", {"retry-after": "3"}, 3.0),
        ("999999999s", {}, 86_400.0),
        ("-1s", {}, None),
        (14, {}, None),
    ],
)
def test_the_wait_that_is_asked_for(delay: Any, headers: Any, seconds: Any) -> None:
    error = read(429, status(429, "RESOURCE_EXHAUSTED", "Slow down.", retry(delay)), headers)
    assert error.retry_after == seconds


def test_an_unknown_model_may_be_offered_elsewhere() -> None:
    error = read(404, status(404, "NOT_FOUND", "models/gemini-0 is not found for API version v1beta."))
    assert error.param == "model"
    assert "another of its APIs" in error.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html><body>Not found</body></html>", "HTML"),
        (b"\xef\xbb\xbf <!doctype html>", "HTML"),
        (b"upstream connect error", "upstream connect error"),
        (b"", "without an explanation"),
        (b"{}", "without an explanation"),
        (b'{"error":"Broken"}', "Broken"),
        (b'["Broken"]', "Broken"),
        (b"[]", "without an explanation"),
        (b'{"message":"Broken"}', "Broken"),
    ],
)
def test_other_forms(body: Any, message: Any) -> None:
    for code, error_class in ((404, "vendor_failure"), (500, "vendor_failure"), (401, "bad_credential")):
        error = read(code, body)
        assert error.error_class == error_class
        assert error_class == "bad_credential" or message in error.message


def test_no_key_is_repeated() -> None:
    key = "AIza" + "x" * 35
    text = f"Consumer 'api_key:{key}' of tiny-key is not allowed"
    message = read(403, status(403, "PERMISSION_DENIED", text), secret="tiny-key").message
    assert key not in message
    assert "tiny-key" not in message


def test_an_error_without_a_status_inside_an_answer() -> None:
    assert error_in_answer({"error": {"message": "Broken"}}).error_class == "vendor_failure"
    assert error_in_answer({"error": {"status": "INVALID_ARGUMENT"}}).error_class == "bad_request"
    assert error_in_answer([status(429, "RESOURCE_EXHAUSTED")]).error_class == "rate_limit"


@pytest.mark.parametrize(
    ("message", "field", "parameter"),
    [
        (
            "Invalid JSON payload. Unknown name \"responseLogprobs\" at 'generation_config': Cannot find field.",
            "generation_config.response_logprobs",
            "include",
        ),
        ('Invalid JSON payload received. Unknown name "foo": Cannot find field.', "foo", None),
        (
            "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name.",
            "tools[0].function_declarations[0].name",
            "tools",
        ),
        ("* GenerateContentRequest.contents: contents is not specified", "contents", "input"),
        ("Invalid value at 'x'", None, None),
    ],
)
def test_fields(message: Any, field: Any, parameter: Any) -> None:
    assert vendor_field(message) == field
    assert (client_parameter(field) if field else None) == parameter
    error = read(400, status(400, "INVALID_ARGUMENT", message))
    assert (error.vendor_param, error.param) == (field, parameter)


def test_violated_fields_are_named_in_details() -> None:
    detail = {"fieldViolations": [{"field": "generationConfig.thinkingConfig.thinkingLevel", "description": "No."}]}
    error = read(400, status(400, "INVALID_ARGUMENT", "Bad.", detail))
    assert error.param == "reasoning"


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1, 600), st.sampled_from(["NOT_FOUND", "14s", "PerDay", "x"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["error", "code", "message", "status", "details", "reason", "violations", "quotaId", "retryDelay",
                 "fieldViolations", "field"]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(JSON, st.integers(100, 599))
def test_anything_is_an_error(value: Any, code: int) -> None:
    assert read(code, value).message
    assert error_in_answer(value).message


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=50))
def test_any_bytes_are_an_error(body: bytes) -> None:
    assert read(500, body).message
