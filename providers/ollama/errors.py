"""What an error of an Ollama server means: `{"error": "text"}`, as an answer or as a line of a stream."""

import re
from collections.abc import Mapping
from typing import Final

import orjson

from providers.ollama.amend import THINK, THINK_LEVEL
from proxy.provider.errors import ErrorClass, ProviderError, retry_after_seconds

_STATUSES: Final[Mapping[int, ErrorClass]] = {
    401: "bad_credential",
    402: "quota",
    403: "forbidden",
    408: "timeout",
    413: "too_large",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
}

_CONTEXT: Final = re.compile(
    r"exceeds? the (available )?context|input length|context (length|size|window)", re.IGNORECASE
)
_MODEL: Final = re.compile(r"\bmodel\b.{0,200}\b(not found|try pulling)", re.IGNORECASE | re.DOTALL)
_QUOTA: Final = re.compile(r"(weekly|hourly|daily|monthly|usage) (usage )?limit", re.IGNORECASE)

_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "does not support tools": ("tools", "tools"),
    "does not support thinking": ("reasoning.effort", THINK),
    "think value": ("reasoning.effort", THINK_LEVEL),
    "invalid format": ("text.format", "format"),
}
"""What the server complains of, by its words: our parameter, and its own."""

_HINT: Final = "The operator of the gateway should look at the provider's base_url."
_LONGEST: Final = 2000


def error_of_answer(status: int, headers: Mapping[str, str], body: bytes, secret: str = "") -> ProviderError:
    """The error of an HTTP answer. Never raises; the text is free of `secret`."""
    return _error(status, message_in(body), retry_after_seconds(headers), secret, html=_is_html(body))


def error_in_answer(value: object, secret: str = "") -> ProviderError:
    """The error that came inside an answer of status 200."""
    status = value.get("status_code") if isinstance(value, dict) else None
    known = status if isinstance(status, int) and 400 <= status < 600 else 500
    return _error(known, _told(value), None, secret)


def message_in(body: bytes) -> str | None:
    """What an error answer says; None where it says nothing."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body[:800].decode("utf-8", "replace").strip()
        return None if _is_html(body) else text[:200] or None
    return _told(answer)


def _told(answer: object) -> str | None:
    """The sentence in an error: its own, or that of the model's runner, whose error stands in it as JSON."""
    told = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(told, str) and told.lstrip().startswith("{"):
        try:
            return _told(orjson.loads(told)) or told
        except orjson.JSONDecodeError:
            return told
    if isinstance(told, dict):
        told = told.get("message")
    return told if isinstance(told, str) and told else None


def _error(status: int, message: str | None, wait: float | None, secret: str, *, html: bool = False) -> ProviderError:
    text = (message or "").strip()[:_LONGEST]
    if secret:
        text = text.replace(secret, "***")
    found = _class(status, text)
    ours, theirs = next((names for words, names in _FIELDS.items() if words in text), (None, None))
    if html:
        found = "vendor_failure" if found in ("forbidden", "bad_request") else found
        text = f"The provider answered {status} with a page of HTML, not with JSON. {_HINT}"
    elif not text:
        text = f"The provider answered {status} without an explanation."
    elif status == 404 and found == "vendor_failure":
        text = f"The provider does not know the address: {text} {_HINT}"
    return ProviderError(
        found,
        text,
        param=ours if found == "bad_request" else None,
        retry_after=wait,
        vendor_param=theirs,
        vendor_status=status,
    )


def _class(status: int, text: str) -> ErrorClass:
    if status == 404:
        return "model_unknown" if _MODEL.search(text) else "vendor_failure"
    if status == 429 and _QUOTA.search(text):
        return "quota"
    if status == 400 and _CONTEXT.search(text):
        return "context_too_long"
    if status in _STATUSES:
        return _STATUSES[status]
    if 400 <= status < 500:
        return "bad_request"
    return "vendor_failure"


def _is_html(body: bytes) -> bool:
    return body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
