"""Bedrock's errors -> classes of vendor errors: of HTTP answers, and of the exceptions inside a stream.

Source: the errors of Bedrock Runtime's service model, the common errors of AWS, and what servers answer. The name of
the exception decides, then the status; texts only refine.
"""

import re
from collections.abc import Mapping
from typing import Final

from providers.anthropic.lenient import Json, mapping, text
from proxy.provider.errors import ErrorClass, ProviderError, retry_after_seconds
from proxy.provider.lenient_json import lenient_json

CLASS_BY_NAME: Final[Mapping[str, ErrorClass]] = {
    "ValidationException": "bad_request",
    "ServiceQuotaExceededException": "quota",
    "AccessDeniedException": "forbidden",
    "AccessDenied": "forbidden",
    "UnrecognizedClientException": "bad_credential",
    "InvalidSignatureException": "bad_credential",
    "SignatureDoesNotMatch": "bad_credential",
    "InvalidClientTokenId": "bad_credential",
    "IncompleteSignature": "bad_credential",
    "IncompleteSignatureException": "bad_credential",
    "MissingAuthenticationToken": "bad_credential",
    "MissingAuthenticationTokenException": "bad_credential",
    "NotAuthorized": "bad_credential",
    "OptInRequired": "bad_credential",
    "ExpiredToken": "bad_credential",
    "ExpiredTokenException": "bad_credential",
    "RequestExpired": "bad_credential",
    "MPAgreementBeingCreated": "overloaded",
    "MPAgreementBeingCreatedException": "overloaded",
    "ResourceNotFoundException": "model_unknown",
    "UnknownOperationException": "vendor_failure",
    "ModelTimeoutException": "timeout",
    "ModelErrorException": "vendor_failure",
    "ModelStreamErrorException": "vendor_failure",
    "ThrottlingException": "rate_limit",
    "TooManyRequestsException": "rate_limit",
    "ModelNotReadyException": "rate_limit",
    "InternalServerException": "vendor_failure",
    "InternalFailure": "vendor_failure",
    "ServiceUnavailableException": "overloaded",
    "ServiceUnavailable": "overloaded",
}

CLASS_BY_STATUS: Final[Mapping[int, ErrorClass]] = {
    400: "bad_request",
    401: "bad_credential",
    402: "quota",
    403: "forbidden",
    404: "vendor_failure",
    408: "timeout",
    413: "too_large",
    424: "vendor_failure",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
}
"""Other statuses below 500 are bad requests, all others failures."""

TEXTS: Final[Mapping[ErrorClass, tuple[tuple[ErrorClass, re.Pattern[str]], ...]]] = {
    "bad_request": (
        (
            "context_too_long",
            re.compile(
                r"input is too long|too many input tokens|input tokens exceed|prompt is too long|"
                r"maximum context length|context window",
                re.IGNORECASE,
            ),
        ),
        (
            "model_unknown",
            re.compile(r"model identifier is invalid|model id\w* .{0,80}is (?:invalid|not)", re.IGNORECASE),
        ),
        ("forbidden", re.compile(r"data retention mode", re.IGNORECASE)),
    ),
    "forbidden": (
        (
            "bad_credential",
            re.compile(r"api key|security token|signature|authentication failed|token .{0,40}expired", re.IGNORECASE),
        ),
        ("overloaded", re.compile(r"MPAgreementBeingCreated", re.IGNORECASE)),
    ),
    "rate_limit": (("quota", re.compile(r"per day", re.IGNORECASE)),),
}
"""By the class that an error seems to have: what its text says when it is something more particular."""

PROFILE_HINT: Final = "Ask for an inference profile that contains the model, such as us.{id} or global.{id}."
BASE_URL_HINT: Final = "Do the provider's region and base_url lead to Bedrock's runtime?"
SAID_NOTHING: Final = "The provider reported an error."

_ON_DEMAND: Final = re.compile(r"on-demand throughput", re.IGNORECASE)
_FIELD: Final = re.compile(r"support the `?([A-Za-z][\w.]*)`? field")

_PRIVATE: Final = re.compile(r"arn:aws[\w-]*:[^\s'\"),]+|\b\d{12}\b")
"""What an error says of the operator's account."""

PARAMETERS: Final[tuple[tuple[str, str], ...]] = (
    ("maxTokens", "max_output_tokens"),
    ("temperature", "temperature"),
    ("topP", "top_p"),
    ("toolChoice", "tool_choice"),
    ("toolConfig", "tools"),
    ("system", "instructions"),
    ("textFormat", "text.format"),
    ("outputConfig", "text.format"),
    ("serviceTier", "service_tier"),
    ("messages", "input"),
)
"""Where a field that the vendor names stands in the client's request: the first of these in its path."""


def http_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error of an HTTP answer."""
    payload = mapping(lenient_json(body))
    name = _exception(headers.get("x-amzn-errortype") or text(payload.get("__type")) or text(payload.get("code")))
    by_status = CLASS_BY_STATUS.get(status, "vendor_failure" if status >= 500 else "bad_request")
    error_class = CLASS_BY_NAME.get(name, by_status)
    if status >= 500 and error_class not in ("vendor_failure", "overloaded", "timeout"):
        error_class = by_status
    if status < 500 and status not in (400, 403) and error_class in ("bad_request", "forbidden", "bad_credential"):
        error_class = by_status
    message = _message(payload)
    if not message:
        message = f"The provider answered with HTTP status {status}."
        if error_class == "vendor_failure" and status < 500:
            message = f"{message} {BASE_URL_HINT}"
    return _error(error_class, message, status=status, retry_after=retry_after_seconds(headers))


def stream_error(name: str, payload: Json) -> ProviderError:
    """The error of an exception inside a stream, or of an error where an answer was expected."""
    found = _exception(name or text(payload.get("__type")))
    return _error(CLASS_BY_NAME.get(found, "vendor_failure"), _message(payload) or SAID_NOTHING)


def _exception(name: str) -> str:
    """The exception's name without its namespace, beginning with a capital: in streams it does not."""
    plain = name.rpartition("#")[2].partition(":")[0].strip()
    return plain[:1].upper() + plain[1:]


def _message(payload: Json) -> str:
    said = (text(payload.get(member)).strip() for member in ("message", "Message", "originalMessage", "errorMessage"))
    return next((message for message in said if message), "")


def _error(
    error_class: ErrorClass, message: str, *, status: int | None = None, retry_after: float | None = None
) -> ProviderError:
    for refined, pattern in TEXTS.get(error_class, ()):
        if pattern.search(message):
            error_class = refined
            break
    field = vendor_field(message) if error_class == "bad_request" else None
    if error_class == "bad_request" and _ON_DEMAND.search(message):
        message = f"{message} {PROFILE_HINT}"
    return ProviderError(
        error_class,
        _PRIVATE.sub("***", message),
        param=client_parameter(field) if field else None,
        retry_after=retry_after,
        vendor_param=field,
        vendor_status=status,
    )


def vendor_field(message: str) -> str | None:
    """The field of the vendor's body that a message names."""
    found = _FIELD.search(message)
    return found.group(1) if found else None


def client_parameter(field: str) -> str | None:
    """The client's parameter behind a field of the vendor's body."""
    steps = field.split(".")
    return next((parameter for name, parameter in PARAMETERS if name in steps), None)
