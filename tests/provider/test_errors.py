"""What a vendor's failure means to the client, row by row, and how long it is asked to wait."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.provider import errors
from proxy.provider.errors import (
    BAD_CREDENTIAL,
    ERROR_RULES,
    MAX_RETRY_AFTER,
    ErrorClass,
    ProviderError,
    retry_after_seconds,
)
from proxy.responses.errors import envelope

# class: status, type, code, is the same request sent again
TABLE: Mapping[ErrorClass, tuple[int, str, str | None, bool]] = {
    "bad_request": (400, "invalid_request_error", None, False),
    "context_too_long": (400, "invalid_request_error", "context_length_exceeded", False),
    "prompt_blocked": (400, "invalid_request_error", "invalid_prompt", False),
    "bad_credential": (502, "server_error", "provider_authentication_failed", False),
    "forbidden": (403, "permission_error", None, False),
    "model_unknown": (400, "invalid_request_error", "model_not_found", False),
    "too_large": (413, "invalid_request_error", "request_too_large", False),
    "rate_limit": (429, "rate_limit_error", "rate_limit_exceeded", True),
    "quota": (429, "insufficient_quota", "insufficient_quota", False),
    "overloaded": (503, "service_unavailable_error", "server_is_overloaded", True),
    "vendor_failure": (502, "server_error", "server_error", True),
    "timeout": (504, "server_error", "upstream_timeout", True),
    "connect": (502, "server_error", "server_error", True),
    "cut": (502, "server_error", "server_error", True),
}


@pytest.mark.parametrize("error_class", get_args(ErrorClass))
def test_every_class_is_a_row_of_the_table(error_class: ErrorClass) -> None:
    error = ProviderError(error_class, "What the vendor said.")
    assert (error.status, error.type, error.code, error.rule.retry) == TABLE[error_class]
    assert error.error_class == error_class
    assert error.rule is ERROR_RULES[error_class]


def test_the_table_is_whole() -> None:
    assert set(ERROR_RULES) == set(TABLE) == set(get_args(ErrorClass))


def test_what_will_not_get_better_tells_clients_not_to_ask_again() -> None:
    hints = {name: ProviderError(name, "m").headers.get("x-should-retry") for name in TABLE}
    assert {name for name, hint in hints.items() if hint == "false"} == {"bad_credential", "quota"}


def test_some_classes_name_the_parameter_themselves() -> None:
    assert ProviderError("model_unknown", "m").param == "model"
    assert ProviderError("context_too_long", "m").param == "input"
    assert ProviderError("bad_request", "m", param="tools[0]").param == "tools[0]"


def test_a_vendors_own_code_goes_before_that_of_the_class() -> None:
    assert ProviderError("bad_request", "m", code="image_too_large").code == "image_too_large"


def test_a_refused_credential_is_the_operators_affair() -> None:
    error = ProviderError("bad_credential", "Incorrect API key provided: sk-secret", vendor_status=401)
    assert error.message == BAD_CREDENTIAL
    assert "sk-secret" not in str(envelope(error))
    assert "sk-secret" not in repr(error)
    assert error.status not in (400, 401)


def test_a_wait_is_handed_on_in_whole_seconds() -> None:
    assert "retry-after" not in ProviderError("rate_limit", "m").headers
    waits = [
        ProviderError("rate_limit", "m", retry_after=wait).headers["retry-after"] for wait in (0.0, 0.2, 1.0, 14.1)
    ]
    assert waits == ["1", "1", "1", "15"]


def test_what_the_vendor_named_is_kept() -> None:
    error = ProviderError("bad_request", "m", vendor_param="max_tokens", vendor_status=422, retry_after=2.5)
    assert (error.vendor_param, error.vendor_status, error.retry_after) == ("max_tokens", 422, 2.5)


# --- retry-after ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "60"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "4"}, 4.0),
        ({"retry-after-ms": "-5", "retry-after": "4"}, 4.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "999999999"}, MAX_RETRY_AFTER),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, MAX_RETRY_AFTER),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:00 +99999999999999999"}, None),
    ],
)
def test_every_form_of_retry_after_is_seconds(headers: Mapping[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers) == seconds


@pytest.mark.parametrize("zone", [UTC, None])
def test_a_date_is_a_wait_from_now_on(zone: object, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Clock":
            return cls(2026, 11, 22, 12, tzinfo=UTC)

    monkeypatch.setattr(errors, "datetime", Clock)
    date = format_datetime(now + timedelta(seconds=30), usegmt=True)
    if zone is None:
        date = date.replace("GMT", "-0000")
    assert retry_after_seconds({"retry-after": date}) == 30.0


@given(st.text(max_size=40) | st.floats().map(str) | st.datetimes().map(format_datetime))
def test_no_header_raises(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        seconds = retry_after_seconds({name: value})
        assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER
