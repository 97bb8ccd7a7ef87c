"""What an error of a Chat Completions server means, in whichever form it comes.

Forms, in the order in which they are looked for: `{error: {...}}`, `{base_resp: {...}}` (MiniMax), `{error: "text"}`, a
flat `{message, type, code}` (older vLLM, SGLang, DashScope), `{detail: text or list}` (FastAPI), `{errors: [...]}`, and
text that is no JSON.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from providers.openai_chat.dialect import Dialect
from proxy.provider.errors import ErrorClass, ProviderError, retry_after_seconds

#: Codes and types of errors, in lower case. Source: OpenAI's error guide, pydantic-ai's quota codes, recorded answers.
ERROR_CODES: Final[Mapping[str, ErrorClass]] = {
    "context_length_exceeded": "context_too_long",
    "exceed_context_size_error": "context_too_long",
    "content_filter": "prompt_blocked",
    "content_policy_violation": "prompt_blocked",
    "invalid_prompt": "prompt_blocked",
    "responsibleaipolicyviolation": "prompt_blocked",
    "invalid_api_key": "bad_credential",
    "unsupported_country_region_territory": "forbidden",
    "deploymentnotfound": "model_unknown",
    "model_not_available": "model_unknown",
    "model_not_found": "model_unknown",
    "model_not_supported": "model_unknown",
    "request_too_large": "too_large",
    "rate_limit_error": "rate_limit",
    "rate_limit_exceeded": "rate_limit",
    "rate_limit_reached_error": "rate_limit",
    "ratelimitreached": "rate_limit",
    "too_many_requests": "rate_limit",
    "billing_hard_limit_reached": "quota",
    "credit_balance_exhausted": "quota",
    "exceeded_current_quota_error": "quota",
    "insufficient_quota": "quota",
    "organization_spend_limit_exceeded": "quota",
    "organization_usage_limit_exceeded": "quota",
    "project_spend_limit_exceeded": "quota",
    "capacity_exceeded": "overloaded",
    "overloaded_error": "overloaded",
    "server_is_overloaded": "overloaded",
    "service_unavailable": "overloaded",
    "service_unavailable_error": "overloaded",
    "unavailable_error": "overloaded",
}

_STATUSES: Final[Mapping[int, ErrorClass]] = {
    401: "bad_credential",
    402: "quota",
    403: "forbidden",
    408: "timeout",
    409: "vendor_failure",
    413: "too_large",
    429: "rate_limit",
    498: "overloaded",
    503: "overloaded",
    504: "timeout",
    524: "timeout",
    529: "overloaded",
}

#: Classes that say that the client's request was at fault. No code makes one of them of an answer whose status says
#: that the gateway's credential or the server was.
_CLIENT_CLASSES: Final = frozenset({"bad_request", "context_too_long", "model_unknown", "prompt_blocked", "too_large"})

#: Types that only a mistake of the request has.
_CLIENT_WORDS: Final = frozenset({"invalid_request_error", "BadRequestError", "invalid_request"})

_CONTEXT_TEXT: Final = re.compile(
    r"maximum context length|reduce the length of the (messages|prompt|input)|exceeds the available context size"
    r"|current length is .{0,80}while limit is|input (is )?too long|prompt (is )?too long"
    r"|exceeds? the (model's )?(maximum )?context (length|window)|longer than the model's context length"
    r"|context length of only|context size has been exceeded|tokens \+ `?max_new_tokens`? must be"
    r"|maximum prompt length|greater than the context length|range of input length should be",
    re.IGNORECASE | re.DOTALL,
)
_QUOTA_TEXT: Final = re.compile(
    r"exceeded your current quota|insufficient (balance|credit|quota)|used all available credits"
    r"|monthly (\w+ )?(limit|quota)|spending limit",
    re.IGNORECASE,
)
_CREDENTIAL_TEXT: Final = re.compile(r"incorrect api key provided|invalid api key", re.IGNORECASE)
_OVERLOADED_TEXT: Final = re.compile(r"overloaded|at capacity|loading model", re.IGNORECASE)
_MODEL_TEXT: Final = re.compile(r"\bmodels?\b|no endpoints found", re.IGNORECASE)
_NO_MODEL_TEXT: Final = re.compile(r"not a valid model|^invalid model\b", re.IGNORECASE)
_GUARDRAIL_TEXT: Final = re.compile(r"guardrail", re.IGNORECASE)

#: Our names of the parameters that a vendor complains of.
_PARAMETERS: Final[Mapping[str, str]] = {
    "frequency_penalty": "frequency_penalty",
    "logprobs": "include",
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "messages": "input",
    "model": "model",
    "parallel_tool_calls": "parallel_tool_calls",
    "presence_penalty": "presence_penalty",
    "prompt_cache_key": "prompt_cache_key",
    "prompt_cache_options": "prompt_cache_options",
    "prompt_cache_retention": "prompt_cache_retention",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
    "safety_identifier": "safety_identifier",
    "service_tier": "service_tier",
    "temperature": "temperature",
    "tool_choice": "tool_choice",
    "tools": "tools",
    "top_logprobs": "top_logprobs",
    "top_p": "top_p",
    "user": "user",
    "verbosity": "text.verbosity",
}

_HINT: Final = "The operator of the gateway should look at the provider's base_url."
_UNEXPLAINED: Final = "The provider reported an error without an explanation."

_MAX_MESSAGE: Final = 2000
_MAX_QUOTED_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an error answer says: its text, its code, all words that may classify it, and a status among its numbers."""

    message: str
    code: str | None = None
    words: tuple[str, ...] = ()
    param: str | None = None
    status: int | None = None


def error_of_answer(
    status: int, headers: Mapping[str, str], body: bytes, dialect: Dialect, secret: str = ""
) -> ProviderError:
    """The error of an HTTP answer. Never raises; the text is free of `secret`."""
    wait = retry_after_seconds(headers)
    try:
        complaint = complaint_in(orjson.loads(body))
    except orjson.JSONDecodeError:
        if is_html(body):
            found = _STATUSES.get(status, "vendor_failure")
            found = "vendor_failure" if found == "forbidden" else found
            message = f"The provider answered {status} with a page of HTML, not with JSON. {_HINT}"
            return ProviderError(found, message, retry_after=wait, vendor_status=status)
        text = body[: 4 * _MAX_QUOTED_TEXT].decode("utf-8", "replace").strip()[:_MAX_QUOTED_TEXT]
        complaint = Complaint(f"The provider answered {status}: {text}") if text else None
    if complaint is None:
        complaint = Complaint(f"The provider answered {status} without an explanation.")
    return _error(complaint, status, dialect, wait=wait, secret=secret)


def error_in_answer(value: object, dialect: Dialect, secret: str = "") -> ProviderError:
    """The error that came inside an answer of status 200, streamed or not."""
    complaint = complaint_in(value) or Complaint(_UNEXPLAINED)
    status = complaint.status
    if status is None or not 400 <= status < 600:
        known = {dialect.error_codes.get(word) for word in complaint.words}
        mistaken = not _CLIENT_WORDS.isdisjoint(complaint.words) or not _CLIENT_CLASSES.isdisjoint(known)
        status = 400 if mistaken else 500
    return _error(complaint, status, dialect, secret=secret)


def not_json(body: bytes) -> ProviderError:
    """An answer of status 200 that cannot be read."""
    if is_html(body):
        return ProviderError("vendor_failure", f"The provider answered with a page of HTML. {_HINT}")
    return ProviderError("vendor_failure", "The provider's answer is not valid JSON.")


def is_html(body: bytes) -> bool:
    """Whether the body is a page for a browser."""
    return body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def complaint_in(value: object) -> Complaint | None:
    """The error in a JSON value, None when it has none."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict):
        return Complaint(value) if isinstance(value, str) and value else None
    error = value.get("error")
    if isinstance(error, dict):
        return _complaint(error, value)
    if (code := failure_code(value.get("base_resp"))) is not None:
        return _complaint({"message": value["base_resp"].get("status_msg"), "code": code}, {})
    message = value.get("message")
    if isinstance(error, str) and error:
        return _complaint({"message": f"{error}: {message}" if isinstance(message, str) else error}, value)
    if isinstance(message, str):
        return _complaint(value, value)
    if isinstance(message, dict | list) and message:
        # Mistral: FastAPI's details in place of a text.
        return _details(message.get("detail", message) if isinstance(message, dict) else message)
    if value.get("detail"):
        return _details(value["detail"])
    errors = value.get("errors")
    if isinstance(errors, list) and errors:
        first = errors[0]
        return _complaint(first, value) if isinstance(first, dict) else Complaint(str(first))
    return Complaint(_UNEXPLAINED) if error else None


def failure_code(verdict: object) -> str | None:
    """The code in MiniMax's `base_resp: {status_code, status_msg}`; None where it says that all went well."""
    code = verdict.get("status_code") if isinstance(verdict, dict) else None
    if isinstance(code, bool) or not isinstance(code, int | str):
        return None
    return None if str(code) in ("", "0") else str(code)


def _complaint(error: Mapping[str, object], around: Mapping[str, object]) -> Complaint:
    words = [error.get("code"), error.get("type"), around.get("code"), around.get("type"), error.get("status")]
    words = [str(word) if type(word) is int else word for word in words]
    numbers = [error.get("code"), error.get("status_code"), error.get("status"), around.get("status_code")]
    numbers.append(error.get("http_code"))
    inner = error.get("innererror")
    if isinstance(inner, dict):
        words.insert(0, inner.get("code"))
    found = error.get("message") or error.get("msg") or error.get("detail")
    message = found if isinstance(found, str) else _UNEXPLAINED
    code, param = error.get("code"), error.get("param")
    metadata = error.get("metadata")
    if isinstance(metadata, dict):
        if metadata.get("reasons"):
            words.insert(0, "content_policy_violation")
        behind = _vendors_own(metadata.get("raw"))
        if behind is not None:
            message, param = f"{message.rstrip('.')}: {behind.message}", param or behind.param
    return Complaint(
        message,
        code if isinstance(code, str) and code and not code.isdigit() and code not in _CLIENT_WORDS else None,
        tuple(word for word in words if isinstance(word, str) and word),
        param if isinstance(param, str) and param else None,
        next((int(str(number)) for number in numbers if _is_status(number)), None),
    )


def _vendors_own(raw: object) -> Complaint | None:
    """What the vendor behind a router said (OpenRouter): JSON or text. Its codes are about the router's account."""
    if not isinstance(raw, str) or not raw.strip() or is_html(raw.encode("utf-8", "replace")):
        return None
    try:
        return complaint_in(orjson.loads(raw))
    except orjson.JSONDecodeError:
        return Complaint(raw.strip()[:_MAX_QUOTED_TEXT])


def _is_status(number: object) -> bool:
    text = str(number) if isinstance(number, int | str) and not isinstance(number, bool) else ""
    return len(text) == 3 and text.isascii() and text.isdigit()


def _details(detail: object) -> Complaint:
    """FastAPI's `detail`: a text, or a list of `{loc, msg}`."""
    if isinstance(detail, str):
        return Complaint(detail)
    if isinstance(detail, dict):
        return _complaint(detail, detail)
    entries = [entry for entry in detail if isinstance(entry, dict)] if isinstance(detail, list) else []
    texts, param = [], None
    for entry in entries:
        location = entry.get("loc")
        names = [str(name) for name in location if name != "body"] if isinstance(location, list) else []
        param = param or (names[0] if names else None)
        texts.append(": ".join(text for text in (".".join(names), str(entry.get("msg") or "")) if text))
    return Complaint("; ".join(texts) or "The provider refused the request without an explanation.", param=param)


def error_class(complaint: Complaint, status: int, dialect: Dialect) -> ErrorClass:
    """The class of a complaint: by the server's own codes, by known codes, by its text, by the status."""
    gateways_fault = status in (401, 402, 403) or status >= 500
    for word in complaint.words:
        known = dialect.error_codes.get(word) or ERROR_CODES.get(word.lower())
        if known == "rate_limit" and status == 413:
            # Groq: one request that is larger than the limit of a minute will never pass.
            return "too_large"
        if known == "prompt_blocked" and status == 403:
            # OpenRouter.
            return known
        if known is not None and not (gateways_fault and known in _CLIENT_CLASSES):
            return known
    text = complaint.message
    if status == 403 and any(_GUARDRAIL_TEXT.search(said) for said in (text, *complaint.words)):
        # Mistral.
        return "prompt_blocked"
    if status == 404:
        return "model_unknown" if _MODEL_TEXT.search(text) else "vendor_failure"
    if status in (400, 413, 422) and _CONTEXT_TEXT.search(text):
        return "context_too_long"
    if status == 400 and _NO_MODEL_TEXT.search(text):
        return "model_unknown"
    if status in (403, 412, 429) and _QUOTA_TEXT.search(text):
        return "quota"
    if status == 400 and _CREDENTIAL_TEXT.search(text):
        # xAI.
        return "bad_credential"
    if status in _STATUSES:
        return _STATUSES[status]
    if 400 <= status < 500:
        return "bad_request"
    return "overloaded" if _OVERLOADED_TEXT.search(text) else "vendor_failure"


def _error(
    complaint: Complaint, status: int, dialect: Dialect, *, wait: float | None = None, secret: str = ""
) -> ProviderError:
    found = error_class(complaint, status, dialect)
    message = complaint.message.strip()[:_MAX_MESSAGE] or f"The provider answered {status} without an explanation."
    if secret:
        message = message.replace(secret, "***")
    if found == "vendor_failure" and status == 404:
        message = f"The provider does not know the address: {message} {_HINT}"
    param = complaint.param
    return ProviderError(
        found,
        message,
        code=complaint.code if found == "bad_request" else None,
        param=our_parameter(param) if param and found == "bad_request" else None,
        retry_after=wait,
        vendor_param=param,
        vendor_status=status,
    )


def our_parameter(param: str) -> str | None:
    """Our name of the vendor's parameter, None when the client did not send what is meant."""
    return _PARAMETERS.get(re.split(r"[.\[]", param, maxsplit=1)[0])
