"""What can go wrong at a vendor, in eleven classes: one table says what the client sees and whether we try again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias

from proxy.responses.errors import ResponsesError

ErrorClass: TypeAlias = Literal[
    "bad_request",
    "context_too_long",
    "prompt_blocked",
    "bad_credential",
    "forbidden",
    "model_unknown",
    "too_large",
    "rate_limit",
    "quota",
    "overloaded",
    "vendor_failure",
    "timeout",
    "connect",
    "cut",
]

Outcome: TypeAlias = Literal[
    "ok", "rate_limited", "overloaded", "client_error", "server_error", "timeout", "connect", "cut", "cancelled"
]


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """What one class of vendor error means: `status`, `type`, `code` and `param` of our answer, the `outcome` label of
    the attempt, and whether the same request may be sent again (`retry`). `hint`, where set, is what an SDK that obeys
    `x-should-retry` is told."""

    status: int
    type: str
    code: str | None
    outcome: Outcome
    retry: bool = False
    param: str | None = None
    hint: Literal["true", "false"] | None = None


ERROR_RULES: Mapping[ErrorClass, ErrorRule] = {
    "bad_request": ErrorRule(400, "invalid_request_error", None, "client_error"),
    "context_too_long": ErrorRule(
        400, "invalid_request_error", "context_length_exceeded", "client_error", param="input"
    ),
    "prompt_blocked": ErrorRule(400, "invalid_request_error", "invalid_prompt", "client_error"),
    "bad_credential": ErrorRule(502, "server_error", "provider_authentication_failed", "client_error", hint="false"),
    "forbidden": ErrorRule(403, "permission_error", None, "client_error"),
    "model_unknown": ErrorRule(400, "invalid_request_error", "model_not_found", "client_error", param="model"),
    "too_large": ErrorRule(413, "invalid_request_error", "request_too_large", "client_error"),
    "rate_limit": ErrorRule(429, "rate_limit_error", "rate_limit_exceeded", "rate_limited", retry=True),
    "quota": ErrorRule(429, "insufficient_quota", "insufficient_quota", "rate_limited", hint="false"),
    "overloaded": ErrorRule(503, "service_unavailable_error", "server_is_overloaded", "overloaded", retry=True),
    "vendor_failure": ErrorRule(502, "server_error", "server_error", "server_error", retry=True),
    "timeout": ErrorRule(504, "server_error", "upstream_timeout", "timeout", retry=True),
    "connect": ErrorRule(502, "server_error", "server_error", "connect", retry=True),
    "cut": ErrorRule(502, "server_error", "server_error", "cut", retry=True),
}

MAX_RETRY_AFTER = 86_400.0
"""The longest wait that is believed, in seconds."""

MAX_MESSAGE = 8192
"""How much of a vendor's words is told, in characters: some put the whole request into them."""

MAX_CODE = 128
"""The longest code of a vendor's that is passed on, in characters."""

BAD_CREDENTIAL = "The provider refused the gateway's credential. The operator of the gateway has to look at it."
"""Said instead of the vendor's own words, which may quote the operator's key."""


class ProviderError(ResponsesError):
    """A vendor's error, or the failure to reach it, as the client is to see it.

    `error_class` names the row of `ERROR_RULES`; `retry_after` is in seconds; `vendor_param` is the vendor's own name
    of the field it complains of, for `Provider.amend`.
    """

    def __init__(
        self,
        error_class: ErrorClass,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        vendor_param: str | None = None,
        vendor_status: int | None = None,
    ) -> None:
        rule = ERROR_RULES[error_class]
        headers: dict[str, str] = {}
        if retry_after is not None:
            headers["retry-after"] = str(max(1, math.ceil(retry_after)))
        if rule.hint is not None:
            headers["x-should-retry"] = rule.hint
        super().__init__(
            rule.status,
            BAD_CREDENTIAL if error_class == "bad_credential" else _bounded(message),
            type=rule.type,
            param=param or rule.param,
            code=(code or rule.code or "")[:MAX_CODE] or None,
            headers=headers,
        )
        self.error_class: ErrorClass = error_class
        self.rule = rule
        self.retry_after = retry_after
        self.vendor_param = vendor_param
        self.vendor_status = vendor_status


def _bounded(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 3]}..."


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The wait a vendor asks for, in seconds: `retry-after-ms`, or `retry-after` as seconds or as an HTTP date.

    `headers` are looked up case-insensitively by the mapping itself. Nonsense counts as absent.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "nan")) * unit
        except ValueError:
            continue
        if 0 <= seconds < math.inf:
            return min(seconds, MAX_RETRY_AFTER)
    try:
        when = parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max(0.0, (when - datetime.now(UTC)).total_seconds()), MAX_RETRY_AFTER)
