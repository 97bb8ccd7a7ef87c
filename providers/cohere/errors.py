"""Cohere's errors -> classes of vendor errors.

Source: Cohere's page of errors and its SDK's error types. The status decides; `error_type`, where there is one, and the
message refine it.
"""

import re
from collections.abc import Mapping
from typing import Final

from providers.cohere.reading import Json, mapping, parsed, text
from proxy.provider.errors import ErrorClass, ProviderError, retry_after_seconds

BASE_URL_HINT: Final = "Does the provider's base_url lead to Cohere's API?"

CLASS_BY_STATUS: Final[Mapping[int, ErrorClass]] = {
    400: "bad_request",
    401: "bad_credential",
    402: "quota",
    403: "forbidden",
    404: "vendor_failure",
    408: "timeout",
    413: "too_large",
    422: "bad_request",
    429: "rate_limit",
    498: "bad_request",
    499: "vendor_failure",
    501: "bad_request",
    503: "overloaded",
    504: "timeout",
}
"""What each status means; others below 500 are bad requests, and from there on failures of the vendor."""

TEXTS: Final[tuple[tuple[ErrorClass, ErrorClass, re.Pattern[str]], ...]] = (
    ("bad_request", "context_too_long", re.compile(r"^\s*too many tokens", re.IGNORECASE)),
    ("bad_request", "model_unknown", re.compile(r"\bmodel\b.{0,120}(?:not found|was removed)", re.IGNORECASE)),
    ("vendor_failure", "model_unknown", re.compile(r"\bmodel\b", re.IGNORECASE)),
    ("rate_limit", "quota", re.compile(r"\btrial key\b|\bper month\b|/\s*month\b", re.IGNORECASE)),
)
"""What a class becomes by the words of the message. Of failures only a 404 is looked at."""

CLASS_BY_TYPE: Final[Mapping[str, ErrorClass]] = {"TOO_MANY_TOKENS": "context_too_long"}
"""What a bad request is by its `error_type`."""

PARAMETERS: Final[Mapping[str, str]] = {
    "max_tokens": "max_output_tokens",
    "messages": "input",
    "response_format": "text.format",
    "thinking": "reasoning.effort",
    "token_budget": "reasoning.effort",
    "priority": "service_tier",
    "temperature": "temperature",
    "tool_choice": "tool_choice",
    "strict_tools": "tools",
    "tools": "tools",
    "logprobs": "top_logprobs",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
"""Where the vendor's field stands in the client's request: the first one that a message names."""

_NAMED = re.compile(rf"\b({'|'.join(PARAMETERS)})\b")


def http_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error of an HTTP answer."""
    payload = mapping(parsed(body))
    message = _message(payload)
    found = CLASS_BY_STATUS.get(status, "vendor_failure" if status >= 500 or status < 400 else "bad_request")
    if found == "bad_request":
        found = CLASS_BY_TYPE.get(text(payload.get("error_type")), found)
    if found != "vendor_failure" or status == 404:
        found = next((to for of, to, pattern in TEXTS if of == found and pattern.search(message)), found)
    if not message:
        message = f"The provider answered with HTTP status {status}."
    if found == "vendor_failure" and status == 404:
        message = f"{message} ({BASE_URL_HINT})"
    field = _NAMED.search(message) if found == "bad_request" else None
    return ProviderError(
        found,
        message,
        param=PARAMETERS[field[0]] if field else None,
        retry_after=retry_after_seconds(headers),
        vendor_param=field[0] if field else None,
        vendor_status=status,
    )


def answer_error(error: Json) -> ProviderError:
    """The error of an answer that ended with one: `error` beside the finish reason, or in the answer's place."""
    message = _message(error) or text(error.get("error"))
    found: ErrorClass = CLASS_BY_TYPE.get(text(error.get("error_type")), "vendor_failure")
    if TEXTS[0][2].search(message):
        found = "context_too_long"
    return ProviderError(found, message or "The provider reported an error.")


def _message(payload: Json) -> str:
    return text(payload.get("message")).strip() or text(mapping(payload.get("error")).get("message")).strip()
