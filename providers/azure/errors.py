"""What Azure's gateway adds to OpenAI's errors: filters by category, and waits that only the text tells."""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from proxy.provider.errors import ProviderError

_WAIT: Final = re.compile(r"(?:retry|try again) (?:after|in) (\d{1,6}) seconds?", re.IGNORECASE)
_FILTER: Final = frozenset({"content_filter", "ResponsibleAIPolicyViolation"})


def with_filter(error: ProviderError, body: bytes) -> ProviderError:
    """The error, with the categories of a filter that blocked the prompt, and a wait that stands in the text alone."""
    if error.error_class == "prompt_blocked":
        named = _categories(body)
        told = f" ({', '.join(named)})" if named else ""
        return ProviderError(
            "prompt_blocked",
            f"The prompt was blocked by the provider's content filter{told}.",
            param="input",
            vendor_status=error.vendor_status,
        )
    if error.error_class == "rate_limit" and error.retry_after is None and (wait := _WAIT.search(error.message)):
        return ProviderError("rate_limit", error.message, retry_after=float(wait[1]), vendor_status=error.vendor_status)
    return error


def _categories(body: bytes) -> list[str]:
    """The categories that a filter named, of Chat Completions' form or of Responses'."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    error = _mapping(_mapping(answer).get("error"))
    results = [_mapping(_mapping(error.get("innererror")).get("content_filter_result"))]
    filters = _mapping(answer).get("content_filters") or error.get("content_filters")
    entries = filters if isinstance(filters, list) else []
    results += [_mapping(_mapping(entry).get("content_filter_results")) for entry in entries]
    found: dict[str, None] = {}
    for result in results:
        for name, verdict in result.items():
            if isinstance(verdict, dict) and (verdict.get("filtered") is True or verdict.get("detected") is True):
                found[str(name).replace("_", " ")[:40]] = None
    return sorted(found)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
