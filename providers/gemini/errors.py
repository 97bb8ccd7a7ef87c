"""What an error of the Gemini API means.

Source: Google's API errors (`google.rpc.Status` with `ErrorInfo`, `QuotaFailure`, `RetryInfo` and `BadRequest` details)
and the troubleshooting page of the Gemini API. Details decide first, then what the status can only mean, then texts,
then the status word.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from proxy.provider.errors import MAX_RETRY_AFTER, ErrorClass, ProviderError, retry_after_seconds

CLASS_BY_REASON: Final[Mapping[str, ErrorClass]] = {
    "ACCESS_TOKEN_EXPIRED": "bad_credential",
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": "bad_credential",
    "API_KEY_HTTP_REFERRER_BLOCKED": "bad_credential",
    "API_KEY_INVALID": "bad_credential",
    "API_KEY_IP_ADDRESS_BLOCKED": "bad_credential",
    "API_KEY_SERVICE_BLOCKED": "bad_credential",
    "BILLING_DISABLED": "quota",
    "CONSUMER_INVALID": "bad_credential",
    "CONSUMER_SUSPENDED": "bad_credential",
    "CREDENTIALS_MISSING": "bad_credential",
    "SERVICE_DISABLED": "forbidden",
}
"""`ErrorInfo.reason`, whatever status it comes with."""

CLASS_BY_WORD: Final[Mapping[str, ErrorClass]] = {
    "ABORTED": "vendor_failure",
    "ALREADY_EXISTS": "bad_request",
    "CANCELLED": "vendor_failure",
    "DATA_LOSS": "vendor_failure",
    "DEADLINE_EXCEEDED": "timeout",
    "FAILED_PRECONDITION": "bad_request",
    "INTERNAL": "vendor_failure",
    "INVALID_ARGUMENT": "bad_request",
    "NOT_FOUND": "vendor_failure",
    "OUT_OF_RANGE": "bad_request",
    "PERMISSION_DENIED": "forbidden",
    "RESOURCE_EXHAUSTED": "rate_limit",
    "UNAUTHENTICATED": "bad_credential",
    "UNAVAILABLE": "vendor_failure",
    "UNIMPLEMENTED": "vendor_failure",
    "UNKNOWN": "vendor_failure",
}
"""`error.status`."""

CLASS_BY_STATUS: Final[Mapping[int, ErrorClass]] = {
    400: "bad_request",
    401: "bad_credential",
    402: "quota",
    403: "forbidden",
    404: "vendor_failure",
    408: "timeout",
    409: "vendor_failure",
    413: "too_large",
    422: "bad_request",
    429: "rate_limit",
    499: "vendor_failure",
    504: "timeout",
    524: "timeout",
}

FIXED_BY_STATUS: Final = frozenset({401, 402, 403, 404, 413, 429})
"""Statuses that mean one thing, whatever word a host writes beside them."""

Refinements: TypeAlias = tuple[tuple[ErrorClass, str], ...]

TEXTS: Final[Mapping[ErrorClass, Refinements]] = {
    "bad_request": (
        ("context_too_long", r"input token count|exceeds the maximum number of tokens allowed"),
        ("bad_credential", r"api[ _]key (?:is )?(?:not valid|invalid|expired)|valid api[ _]key"),
        ("too_large", r"payload size exceeds"),
        ("quota", r"\bbilling\b"),
        ("forbidden", r"\blocation (?:is )?not supported|not available in your (?:country|region|location)"),
    ),
    "forbidden": (
        ("bad_credential", r"api[ _]key (?:was reported|not valid|expired)|valid api[ _]key|unregistered callers"),
        ("quota", r"\bbilling\b"),
    ),
    "rate_limit": (("quota", r"credits? (?:is|are|have been) depleted|spend(?:ing)? (?:cap|limit)|\blimit: 0\b"),),
    "vendor_failure": (
        ("model_unknown", r"\bmodels?/\S+ is not found|\bmodel\b.{0,80}not found|no longer available"),
        ("overloaded", r"overloaded|high demand"),
    ),
}
"""What an error of a class says when it is something more particular."""

MODEL_HINT: Final = "Some of the vendor's models are offered through another of its APIs only."
BASE_URL_HINT: Final = "The operator of the gateway should look at the provider's base_url."
UNEXPLAINED: Final = "The provider reported an error without an explanation."
DAILY: Final = "PerDay"
"""What the ids of quotas have in them that are full again only tomorrow."""

PARAMETERS: Final[tuple[tuple[str, str], ...]] = (
    ("contents", "input"),
    ("generation_config.frequency_penalty", "frequency_penalty"),
    ("generation_config.logprobs", "top_logprobs"),
    ("generation_config.max_output_tokens", "max_output_tokens"),
    ("generation_config.presence_penalty", "presence_penalty"),
    ("generation_config.response_json_schema", "text.format.schema"),
    ("generation_config.response_logprobs", "include"),
    ("generation_config.response_mime_type", "text.format"),
    ("generation_config.response_schema", "text.format.schema"),
    ("generation_config.temperature", "temperature"),
    ("generation_config.thinking_config", "reasoning"),
    ("generation_config.top_p", "top_p"),
    ("model", "model"),
    ("service_tier", "service_tier"),
    ("system_instruction", "instructions"),
    ("tool_config", "tool_choice"),
    ("tools", "tools"),
)
"""Where the vendor's field stands in the client's request: the first prefix that fits."""

MAX_MESSAGE: Final = 2_000
MAX_QUOTED_TEXT: Final = 200

_KEY = re.compile(r"\bAIza[\w-]{10,}")
_PRIVATE = re.compile(r"(?<=\bprojects/)[\w:.-]+")
"""What an error of Vertex AI says of the operator's account."""
_DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_UNKNOWN_NAME = re.compile(r"""Unknown name ["']([\w$]{1,80})["'](?: at ["']([\w.\[\]$]{1,200})["'])?""")
_OTHER_RESOURCE = re.compile(r"\b(?:files?|cached_?contents?)\b", re.IGNORECASE)
_REQUEST_FIELD = re.compile(r"GenerateContentRequest\.([\w.\[\]$]{1,200})")
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_INDEX = re.compile(r"\[\w*\]")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an error says: `status` is the number inside it, `word` its name, `field` the vendor's field it is about."""

    message: str = ""
    status: int | None = None
    word: str = ""
    reasons: tuple[str, ...] = ()
    quotas: tuple[str, ...] = ()
    delay: float | None = None
    field: str | None = None


def error_of_answer(status: int, headers: Mapping[str, str], body: bytes, secret: str = "") -> ProviderError:
    """The error of an HTTP answer. Never raises; the text is free of `secret`."""
    try:
        complaint = complaint_in(orjson.loads(body))
    except orjson.JSONDecodeError:
        complaint = _unreadable(status, body)
    wait = complaint.delay if complaint.delay is not None else retry_after_seconds(headers)
    return _error(complaint, status, wait, secret)


def error_in_answer(value: object, secret: str = "") -> ProviderError:
    """The error that came inside an answer of status 200, streamed or not. Never raises."""
    complaint = complaint_in(value)
    status = complaint.status
    if status is None or not 400 <= status < 600:
        status = 400 if CLASS_BY_WORD.get(complaint.word) == "bad_request" else 500
    return _error(complaint, status, complaint.delay, secret)


def complaint_in(value: object) -> Complaint:
    """The error in a JSON value: `{"error": {...}}`, a list with one, or what comes near to it."""
    if isinstance(value, list):
        value = next(
            (each for each in value if isinstance(each, dict) and "error" in each), value[0] if value else None
        )
    if not isinstance(value, dict):
        return Complaint(value if isinstance(value, str) else "")
    error = value.get("error", value)
    if not isinstance(error, dict):
        return Complaint(error if isinstance(error, str) else "")
    message, code, word = error.get("message"), error.get("code"), error.get("status")
    message = message.strip() if isinstance(message, str) else ""
    details = [each for each in _list(error.get("details")) if isinstance(each, dict)]
    quotas = [each for detail in details for each in _list(detail.get("violations")) if isinstance(each, dict)]
    return Complaint(
        message,
        code if isinstance(code, int) and not isinstance(code, bool) else None,
        word if isinstance(word, str) else "",
        tuple(reason for detail in details if isinstance(reason := detail.get("reason"), str)),
        tuple(name for each in quotas if isinstance(name := each.get("quotaId"), str)),
        next((delay for detail in details if (delay := _seconds(detail.get("retryDelay"))) is not None), None),
        vendor_field(message) or _violated_field(details),
    )


def vendor_field(message: str) -> str | None:
    """The field of the vendor's body that a message names, in snake case (`generation_config.logprobs`)."""
    if found := _UNKNOWN_NAME.search(message):
        path = ".".join(part for part in (found.group(2), found.group(1)) if part)
    elif found := _REQUEST_FIELD.search(message):
        path = found.group(1).rstrip(".")
    else:
        return None
    return _snake(path)


def client_parameter(field: str) -> str | None:
    """The client's parameter behind a field of the vendor's body."""
    plain = _INDEX.sub("", field)
    return next((ours for prefix, ours in PARAMETERS if plain == prefix or plain.startswith(f"{prefix}.")), None)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _seconds(value: object) -> float | None:
    """A duration as protobuf writes it in JSON (`14s`, `0.5s`), in seconds."""
    found = _DELAY.fullmatch(value) if isinstance(value, str) else None
    return min(float(found.group(1)), MAX_RETRY_AFTER) if found else None


def _violated_field(details: list[dict[str, object]]) -> str | None:
    for detail in details:
        for each in _list(detail.get("fieldViolations")):
            field = each.get("field") if isinstance(each, dict) else None
            if isinstance(field, str) and field:
                return _snake(field.removeprefix("GenerateContentRequest."))
    return None


def _snake(path: str) -> str:
    return _CAPITAL.sub(r"_\1", path).lower()


def _unreadable(status: int, body: bytes) -> Complaint:
    """An answer that is no JSON: a page of a host between us and the vendor, or a few words."""
    start = body[: 4 * MAX_QUOTED_TEXT]
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return Complaint(f"The provider answered {status} with a page of HTML, not with JSON. {BASE_URL_HINT}")
    text = start.decode("utf-8", "replace").strip()[:MAX_QUOTED_TEXT]
    return Complaint(f"The provider answered {status}: {text}" if text else "")


def _class(complaint: Complaint, status: int) -> ErrorClass:
    for reason in complaint.reasons:
        if reason in CLASS_BY_REASON:
            return CLASS_BY_REASON[reason]
    by_status = CLASS_BY_STATUS.get(status, "vendor_failure" if status >= 500 else "bad_request")
    found = by_status
    if status not in FIXED_BY_STATUS:
        found = CLASS_BY_WORD.get(complaint.word, by_status)
        if status >= 500 and found not in ("vendor_failure", "timeout", "rate_limit"):
            # What a server cannot do is no mistake of the client.
            found = by_status
    if status == 404 and complaint.word == "NOT_FOUND" and not _OTHER_RESOURCE.search(complaint.message):
        # The address is known, or the answer would be a page: what is not there is the model.
        return "model_unknown"
    if found == "rate_limit" and any(DAILY in quota for quota in complaint.quotas):
        return "quota"
    refined = next(
        (each for each, pattern in TEXTS.get(found, ()) if re.search(pattern, complaint.message, re.IGNORECASE)), found
    )
    return found if status >= 500 and refined == "model_unknown" else refined


def _error(complaint: Complaint, status: int, wait: float | None, secret: str) -> ProviderError:
    found = _class(complaint, status)
    message = complaint.message[:MAX_MESSAGE] or UNEXPLAINED
    if secret:
        message = message.replace(secret, "***")
    message = _PRIVATE.sub("***", _KEY.sub("***", message))
    if found == "model_unknown":
        message = f"{message} {MODEL_HINT}"
    elif found == "vendor_failure" and status == 404 and BASE_URL_HINT not in message:
        message = f"The provider does not know the address: {message} {BASE_URL_HINT}"
    field = complaint.field if found == "bad_request" else None
    return ProviderError(
        found,
        message,
        param=client_parameter(field) if field else None,
        retry_after=wait if found in ("rate_limit", "overloaded", "vendor_failure") else None,
        vendor_param=field,
        vendor_status=status,
    )
