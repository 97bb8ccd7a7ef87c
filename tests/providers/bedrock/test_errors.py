"""Bedrock's error answers -> classes of errors."""

import json

import pytest

from tests.providers.bedrock.requests import PROVIDER

NAMESPACE = ":http://internal.amazon.com/coral/com.amazon.bedrock/"


@pytest.mark.parametrize(
    ("status", "name", "message", "error_class"),
    [
        (400, "ValidationException", "Malformed input request", "bad_request"),
        (400, "ValidationException", "Input is too long for requested model.", "context_too_long"),
        (400, "ValidationException", "prompt is too long: 250000 tokens > 200000 maximum", "context_too_long"),
        (400, "ValidationException", "Input tokens exceeded the model's limit", "context_too_long"),
        (400, "ValidationException", "The provided model identifier is invalid.", "model_unknown"),
        (400, "ValidationException", "Not available under your data retention mode.", "forbidden"),
        (400, "ServiceQuotaExceededException", "x", "quota"),
        (403, "AccessDeniedException", "You don't have access to the model with the specified model ID.", "forbidden"),
        (403, "AccessDeniedException", "Authentication failed: make sure your API Key is valid.", "bad_credential"),
        (403, "UnrecognizedClientException", "The security token included is invalid.", "bad_credential"),
        (403, "InvalidSignatureException", "Signature expired: 20261123T0000Z", "bad_credential"),
        (403, "ExpiredTokenException", "The security token included is expired", "bad_credential"),
        (403, "MPAgreementBeingCreated", "x", "overloaded"),
        (403, "AccessDeniedException", "MPAgreementBeingCreated: wait a moment", "overloaded"),
        (404, "ResourceNotFoundException", "Could not resolve the model", "model_unknown"),
        (404, "UnknownOperationException", "", "vendor_failure"),
        (404, "", "", "vendor_failure"),
        (408, "ModelTimeoutException", "x", "timeout"),
        (413, "", "", "too_large"),
        (424, "ModelErrorException", "x", "vendor_failure"),
        (424, "ModelStreamErrorException", "x", "vendor_failure"),
        (429, "ThrottlingException", "Too many requests", "rate_limit"),
        (429, "ThrottlingException", "Too many tokens per day, please wait before trying again.", "quota"),
        (429, "ModelNotReadyException", "x", "rate_limit"),
        (500, "InternalServerException", "x", "vendor_failure"),
        (500, "ValidationException", "x", "vendor_failure"),
        (503, "ServiceUnavailableException", "x", "overloaded"),
        (418, "", "x", "bad_request"),
        (599, "", "x", "vendor_failure"),
    ],
)
def test_classes(status: int, name: str, message: str, error_class: str) -> None:
    headers = {"x-amzn-errortype": name + NAMESPACE} if name else {}
    error = PROVIDER.error(status, headers, json.dumps({"message": message}).encode())
    assert (error.error_class, error.vendor_status) == (error_class, status)
    assert error.message


def test_the_name_may_stand_in_the_body_and_the_message_begin_with_a_capital() -> None:
    body = b'{"__type":"com.amazon.coral.service#ThrottlingException","Message":"slow down"}'
    error = PROVIDER.error(400, {}, body)
    assert (error.error_class, error.message) == ("rate_limit", "slow down")


def test_a_model_that_needs_a_profile_is_explained() -> None:
    message = "Invocation of model ID x with on-demand throughput isn't supported."
    error = PROVIDER.error(400, {}, json.dumps({"message": message}).encode())
    assert error.error_class == "bad_request"
    assert "inference profile" in error.message


def test_clients_are_told_nothing_of_the_account() -> None:
    message = "User: arn:aws:iam::123456789012:user/bob is not authorized on account 123456789012"
    error = PROVIDER.error(
        403, {"x-amzn-errortype": "AccessDeniedException"}, json.dumps({"message": message}).encode()
    )
    assert (error.error_class, error.status) == ("forbidden", 403)
    assert "123456789012" not in error.message
    assert "bob" not in error.message


@pytest.mark.parametrize(
    ("field", "param"),
    [("toolConfig.toolChoice.any", "tool_choice"), ("toolConfig", "tools"), ("s3Uri", None), ("topP", "top_p")],
)
def test_a_field_that_is_named_leads_to_the_parameter(field: str, param: str | None) -> None:
    message = f"This model doesn't support the {field} field. Remove {field} and try again."
    error = PROVIDER.error(400, {}, json.dumps({"message": message}).encode())
    assert (error.vendor_param, error.param) == (field, param)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"message":1}', b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_no_body_raises(body: bytes, status: int) -> None:
    assert PROVIDER.error(status, {"x-amzn-errortype": "\x00:#"}, body).message
