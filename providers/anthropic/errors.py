"""Anthropic's errors -> classes of vendor errors.

Source: Anthropic's errors page and its SDKs' error types; the wordings are those that the API answers with, and those
of llama.cpp for the hosts that imitate the API. `error.type` decides, then the status; texts only refine. Other hosts
of Claude have words of their own for what they find wrong before the model is asked.
"""

import re
from collections.abc import Mapping
from typing import Final

import orjson

from providers.anthropic.lenient import Json, mapping, text
from proxy.provider.errors import ErrorClass, ProviderError, retry_after_seconds

CLASS_BY_TYPE: Final[Mapping[str, ErrorClass]] = {
    "invalid_request_error": "bad_request",
    "authentication_error": "bad_credential",
    "billing_error": "quota",
    "permission_error": "forbidden",
    "not_found_error": "vendor_failure",
    "conflict_error": "vendor_failure",
    "request_too_large": "too_large",
    "rate_limit_error": "rate_limit",
    "api_error": "vendor_failure",
    "timeout_error": "timeout",
    "overloaded_error": "overloaded",
    # llama.cpp
    "exceed_context_size_error": "context_too_long",
    "not_supported_error": "bad_request",
    "server_error": "vendor_failure",
    "unavailable_error": "overloaded",
}

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
    503: "overloaded",
    504: "timeout",
    524: "timeout",
    529: "overloaded",
}

CLASS_BY_CODE: Final[Mapping[str, ErrorClass]] = {
    # Bedrock
    "AccessDeniedException": "forbidden",
    "ExpiredToken": "bad_credential",
    "ExpiredTokenException": "bad_credential",
    "IncompleteSignature": "bad_credential",
    "IncompleteSignatureException": "bad_credential",
    "InternalServerException": "vendor_failure",
    "InvalidClientTokenId": "bad_credential",
    "InvalidSignatureException": "bad_credential",
    "MissingAuthenticationToken": "bad_credential",
    "MissingAuthenticationTokenException": "bad_credential",
    "ModelErrorException": "vendor_failure",
    "ModelNotReadyException": "rate_limit",
    "ModelStreamErrorException": "vendor_failure",
    "ModelTimeoutException": "timeout",
    "ResourceNotFoundException": "model_unknown",
    "ServiceQuotaExceededException": "quota",
    "ServiceUnavailableException": "overloaded",
    "SignatureDoesNotMatch": "bad_credential",
    "ThrottlingException": "rate_limit",
    "TooManyRequestsException": "rate_limit",
    "UnrecognizedClientException": "bad_credential",
    "ValidationException": "bad_request",
    # Vertex AI
    "CANCELLED": "vendor_failure",
    "DEADLINE_EXCEEDED": "timeout",
    "FAILED_PRECONDITION": "bad_request",
    "INTERNAL": "vendor_failure",
    "INVALID_ARGUMENT": "bad_request",
    "NOT_FOUND": "vendor_failure",
    "PERMISSION_DENIED": "forbidden",
    "RESOURCE_EXHAUSTED": "rate_limit",
    "UNAUTHENTICATED": "bad_credential",
    "UNAVAILABLE": "overloaded",
    # Foundry
    "DeploymentNotFound": "model_unknown",
}
"""What other hosts call an error. Unlike a type it counts more than the status, as long as the fault is not theirs."""

FIXED_BY_STATUS: Final = frozenset({401, 402, 403, 404, 413, 429})
"""Statuses that mean one thing, whatever type a host writes beside them."""

SERVER_CLASSES: Final[frozenset[ErrorClass]] = frozenset({"vendor_failure", "overloaded", "timeout"})
"""What an answer with a 5xx status can be."""

TEXTS: Final[tuple[tuple[ErrorClass, re.Pattern[str]], ...]] = (
    (
        "context_too_long",
        re.compile(
            r"prompt is too long|exceeds? (?:the )?(?:model'?s? )?(?:maximum )?(?:available )?context|"
            r"maximum context length|context window|input is too long|input tokens exceed",
            re.IGNORECASE,
        ),
    ),
    ("model_unknown", re.compile(r"model identifier is invalid", re.IGNORECASE)),
    ("forbidden", re.compile(r"data retention mode", re.IGNORECASE)),
    (
        "quota",
        re.compile(r"credit balance is too low|(?:spend|usage) limits?\b|out of credits|billing", re.IGNORECASE),
    ),
    (
        "prompt_blocked",
        re.compile(r"usage polic(?:y|ies)|content filtering policy|violat\w+ .{0,40}polic", re.IGNORECASE),
    ),
)
"""What a bad request says when it is something more particular."""

QUOTA_CODES: Final = frozenset({"enforced_spend_limit_reached", "contract_spend_limit_reached"})
BASE_URL_HINT: Final = "Does the provider's base_url lead to an Anthropic Messages API?"

PROFILE_HINT: Final = "Ask for an inference profile that contains the model, such as us.{id} or global.{id}."
_ON_DEMAND: Final = re.compile(r"on-demand throughput", re.IGNORECASE)

_MODEL = re.compile(r"\bmodel\b", re.IGNORECASE)
_PRIVATE = re.compile(r"arn:aws[\w-]*:[^\s'\"`),]+|(?<=\bprojects/)[\w:.-]+")
"""What an error says of the operator's account."""

_FIELD = re.compile(r"^\s*`?([a-zA-Z_][\w]*(?:\.\w+)*)`?:\s")
_QUOTED = re.compile(r"`([a-zA-Z_][\w.]*)`")

PARAMETERS: Final[tuple[tuple[str, str], ...]] = (
    ("max_tokens", "max_output_tokens"),
    ("metadata", "safety_identifier"),
    ("messages", "input"),
    ("model", "model"),
    ("output_config.effort", "reasoning.effort"),
    ("output_config.format", "text.format"),
    ("service_tier", "service_tier"),
    ("system", "instructions"),
    ("temperature", "temperature"),
    ("thinking", "reasoning"),
    ("tool_choice", "tool_choice"),
    ("tools", "tools"),
    ("top_p", "top_p"),
)
"""Where the vendor's field stands in the client's request: the first prefix that fits."""


def http_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error of an HTTP answer."""
    found = _read(_payload(body), headers.get("x-amzn-errortype") or "")
    error_class = _class(status, found)
    message = found.message
    if not message:
        message = f"The provider answered with HTTP status {status}."
        if error_class == "vendor_failure" and status < 500:
            message = f"{message} {BASE_URL_HINT}"
    elif status == 404 and error_class == "vendor_failure":
        message = f"{message} ({BASE_URL_HINT})"
    return _error(error_class, message, found, status=status, retry_after=retry_after_seconds(headers))


def stream_error(payload: Mapping[str, object]) -> ProviderError:
    """The error of an `error` event, or of an error object where a message was expected."""
    found = _read(payload)
    return _error(_class(None, found), found.message or "The provider reported an error.", found)


class _Found:
    """What an error body says."""

    __slots__ = ("code", "message", "type")

    def __init__(self, error_type: str, message: str, code: str) -> None:
        self.type = error_type
        self.message = message
        self.code = code


def _payload(body: bytes) -> Json:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if isinstance(value, list) and value:
        value = value[0]
    return mapping(value)


def _read(payload: Mapping[str, object], name: str = "") -> _Found:
    """`name` is what a header calls the error."""
    error = payload.get("error")
    if isinstance(error, str):
        return _Found(text(payload.get("type")), error, "")
    error = mapping(error) or payload
    details = mapping(error.get("details"))
    called = [name, *(text(error.get(member)) for member in ("type", "__type", "status", "code"))]
    kind = next((each for each in called if each), "").rpartition("#")[2].partition(":")[0]
    message = text(error.get("message")) or text(error.get("Message"))
    return _Found(kind, message.strip(), text(details.get("error_code")))


def _class(status: int | None, found: _Found) -> ErrorClass:
    by_status = CLASS_BY_STATUS.get(status, "vendor_failure" if status >= 500 else "bad_request") if status else None
    # Inside a stream, Bedrock's names begin with a small letter.
    by_code = CLASS_BY_CODE.get(found.type[:1].upper() + found.type[1:])
    error_class = by_code or CLASS_BY_TYPE.get(found.type) or by_status or "vendor_failure"
    if by_status is not None and by_code is None and status in FIXED_BY_STATUS:
        error_class = by_status
    if status is not None and status >= 500 and error_class not in SERVER_CLASSES:
        error_class = by_status or "vendor_failure"
    if error_class == "bad_request":
        return next((refined for refined, pattern in TEXTS if pattern.search(found.message)), error_class)
    if error_class == "rate_limit" and found.code in QUOTA_CODES:
        return "quota"
    if (found.type in ("not_found_error", "NOT_FOUND") or status == 404) and _MODEL.search(found.message):
        return "model_unknown"
    return error_class


def _error(
    error_class: ErrorClass,
    message: str,
    found: _Found,
    *,
    status: int | None = None,
    retry_after: float | None = None,
) -> ProviderError:
    field = vendor_field(found.message) if error_class == "bad_request" else None
    if error_class == "bad_request" and _ON_DEMAND.search(message):
        message = f"{message} {PROFILE_HINT}"
    return ProviderError(
        error_class,
        _PRIVATE.sub("***", message),
        code=found.code or None if error_class == "bad_request" else None,
        param=client_parameter(field) if field else None,
        retry_after=retry_after,
        vendor_param=field,
        vendor_status=status,
    )


def vendor_field(message: str) -> str | None:
    """The field of the vendor's body that a message names: before its first colon, else the first one in quotes."""
    found = _FIELD.match(message) or _QUOTED.search(message)
    return found.group(1) if found else None


def client_parameter(field: str) -> str | None:
    """The client's parameter behind a field of the vendor's body."""
    for prefix, parameter in PARAMETERS:
        if field == prefix or field.startswith(f"{prefix}."):
            index = field.removeprefix(f"{prefix}.").partition(".")[0]
            return f"tools[{index}]" if prefix == "tools" and index.isdecimal() else parameter
    return None
