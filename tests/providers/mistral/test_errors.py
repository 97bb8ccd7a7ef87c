"""What error answers mean: each row of the vendor's table."""

from typing import Any

import orjson
import pytest

from providers.openai_chat.errors import error_in_answer
from proxy.provider.contract import Call
from proxy.provider.errors import ProviderError
from tests.providers.mistral.material import MISTRAL, mistral, sent


def error(status: int, body: object, **headers: str) -> ProviderError:
    return MISTRAL.error(status, headers, body if isinstance(body, bytes) else orjson.dumps(body))


def flat(message: object, code: object = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


TOO_LONG = "Prompt contains 40007 tokens and 0 draft tokens, too large for model with 32768 maximum context length"


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (400, flat("Something", "3051"), "context_too_long"),
        (400, flat(TOO_LONG), "context_too_long"),
        (400, flat("Something", 1500), "model_unknown"),
        (400, flat("Invalid model: mistral-huge", "x", "invalid_model"), "model_unknown"),
        (400, flat("Unexpected role 'user' after role 'tool'", "3230", "invalid_request_message_order"), "bad_request"),
        (400, flat("Not the same number of function calls and responses", "3230"), "bad_request"),
        (401, {"detail": "Invalid API Key"}, "bad_credential"),
        (401, {"message": "Unauthorized", "request_id": "r"}, "bad_credential"),
        (403, {"message": "Forbidden", "request_id": "r"}, "forbidden"),
        (403, flat("Request blocked by guardrail", None, "guardrail_violation"), "prompt_blocked"),
        (402, {"message": "Payment required"}, "quota"),
        (404, flat("The model does not exist"), "model_unknown"),
        (413, {"message": "Request too large"}, "too_large"),
        (
            422,
            {"detail": [{"loc": ["body", "store"], "msg": "Extra inputs", "type": "extra_forbidden"}]},
            "bad_request",
        ),
        (422, flat({"detail": [{"loc": ["body", "top_p"], "msg": "bad", "type": "x"}]}), "bad_request"),
        (429, {"message": "Requests rate limit exceeded"}, "rate_limit"),
        (
            429,
            flat("Service tier capacity exceeded for this model.", "3505", "service_tier_capacity_exceeded"),
            "rate_limit",
        ),
        (429, {"message": "You have reached your monthly token limit"}, "quota"),
        (500, flat("Internal server error", 3700, "internal_error"), "vendor_failure"),
        (502, b"<html>Bad gateway</html>", "vendor_failure"),
        (503, {"message": "Service unavailable"}, "overloaded"),
        (504, {"message": "Timeout"}, "timeout"),
        (520, b"error code: 520", "vendor_failure"),
        (524, b"error code: 524", "timeout"),
        (400, b"", "bad_request"),
    ],
)
def test_an_error(status: int, body: object, found: str) -> None:
    assert error(status, body).error_class == found


def test_a_refusal_of_the_form_says_what_and_where() -> None:
    entries = [
        {"loc": ["body", "max_tokens"], "msg": "Input should be greater than 0", "type": "greater_than"},
        {"loc": ["body", "messages", 0, "user", "content"], "msg": "Field required", "type": "missing"},
    ]
    found = error(422, {"detail": entries})
    assert found.status == 400
    assert found.param == "max_output_tokens"
    assert found.message == "max_tokens: Input should be greater than 0; messages.0.user.content: Field required"


def test_a_wait_is_passed_on() -> None:
    found = error(429, {"message": "Requests rate limit exceeded"}, **{"retry-after": "7"})
    assert (found.retry_after, found.headers["retry-after"]) == (7.0, "7")


def test_the_key_is_in_no_message() -> None:
    found = mistral(api_key="sk-very-secret").error(400, {}, orjson.dumps(flat("Key sk-very-secret is odd")))
    assert "sk-very-secret" not in found.message


def test_an_error_with_status_200_is_one() -> None:
    row = MISTRAL._families.find("").row
    assert error_in_answer(flat("Internal server error", 3700, "internal_error"), row).error_class == "vendor_failure"


# --- a second try -----------------------------------------------------------------------------------------------------


def extra(member: str) -> ProviderError:
    return error(
        422, {"detail": [{"type": "extra_forbidden", "loc": ["body", member], "msg": "Extra inputs are not permitted"}]}
    )


@pytest.mark.parametrize("member", ["prompt_cache_key", "service_tier", "parallel_tool_calls", "reasoning_effort"])
def test_a_member_that_is_not_known_is_left_out_once(member: str) -> None:
    call = Call("/chat/completions", orjson.dumps({"model": "m", member: "x"}))
    changed = MISTRAL.amend(call, extra(member))
    assert changed is not None
    assert orjson.loads(changed[0].body) == {"model": "m"}
    assert [each.disposition for each in changed[1]] == ["dropped"]


def test_top_p_gives_way_where_nothing_is_left_to_chance() -> None:
    call = sent({"top_p": 0.9}).call
    changed = MISTRAL.amend(call, error(400, flat("top_p must be 1 when using greedy sampling.")))
    assert changed is not None
    assert "top_p" not in orjson.loads(changed[0].body)
    assert [each.path for each in changed[1]] == ["top_p"]


@pytest.mark.parametrize("asked", [{"top_logprobs": 2}, {"include": ["message.output_text.logprobs"]}])
def test_log_probabilities_are_not_given_up(asked: dict[str, Any]) -> None:
    assert MISTRAL.amend(sent(asked).call, extra("logprobs")) is None
    found = extra("logprobs")
    assert (found.status, found.param) == (400, "include")


def test_nothing_else_is_left_out() -> None:
    call = sent({"temperature": 0.5}).call
    assert MISTRAL.amend(call, error(400, flat("Something else"))) is None
    assert MISTRAL.amend(call, error(500, flat("temperature is unsupported"))) is None
