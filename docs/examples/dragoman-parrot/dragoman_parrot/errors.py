"""What Parrot's errors mean: `{"trouble": {"name": ..., "message": ...}}`, as an answer or as a line of a stream."""

from collections.abc import Mapping
from typing import Final

import orjson
from proxy.provider.errors import ErrorClass, ProviderError, retry_after_seconds

NAMES: Final[Mapping[str, ErrorClass]] = {
    "bad_seed": "bad_credential",
    "empty_purse": "quota",
    "hoarse": "overloaded",
    "too_fast": "rate_limit",
    "too_long": "context_too_long",
    "unknown_parrot": "model_unknown",
}
"""Parrot's names for troubles that its statuses do not tell apart."""

STATUSES: Final[Mapping[int, ErrorClass]] = {
    401: "bad_credential",
    402: "quota",
    403: "forbidden",
    404: "model_unknown",
    408: "timeout",
    413: "too_large",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
"""What a status means without a name; any other 4xx is a bad request, and all else a failure of Parrot."""


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error of an HTTP answer. Never raises."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    name, message = _told(answer.get("trouble") if isinstance(answer, dict) else None)
    by_status = STATUSES.get(status, "bad_request" if 400 <= status < 500 else "vendor_failure")
    # A server's failure stays one, whatever it calls itself.
    found = by_status if status >= 500 else NAMES.get(name, by_status)
    text = message or f"Parrot answered with status {status}."
    return ProviderError(found, text, retry_after=retry_after_seconds(headers), vendor_status=status)


def error_in(trouble: object) -> ProviderError:
    """The error that came inside an answer."""
    name, message = _told(trouble)
    return ProviderError(NAMES.get(name, "vendor_failure"), message or "Parrot's answer could not be read.")


def _told(trouble: object) -> tuple[str, str]:
    """The name and the message; empty where there is none."""
    if not isinstance(trouble, dict):
        return "", ""
    name, message = trouble.get("name"), trouble.get("message")
    return (name if isinstance(name, str) else "", message.strip() if isinstance(message, str) else "")
