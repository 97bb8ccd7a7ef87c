"""The Response object: its members, what its status implies, its usage (section 7 of the Responses reference)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.testing.grammar.items import check_output
from proxy.testing.grammar.rules import Report
from proxy.testing.grammar.shapes import Shape, check_shape, fits

# Members without which clients cannot follow a response at all.
CORE: Final[Shape] = {
    "id": "string",
    "object": "string",
    "created_at": "integer",
    "status": "string",
    "model": "string",
    "output": "array",
    "error": "object|null",
    "incomplete_details": "object|null",
    "usage": "object|null",
}

# Settings that are repeated in every response; strict clients require them all.
ECHO: Final[Shape] = {
    "completed_at": "integer|null",
    "instructions": "string|array|null",
    "metadata": "object",
    "previous_response_id": "string|null",
    "parallel_tool_calls": "boolean",
    "tool_choice": "string|object",
    "tools": "array",
    "temperature": "number",
    "top_p": "number",
    "top_logprobs": "integer",
    "frequency_penalty": "number",
    "presence_penalty": "number",
    "truncation": "string",
    "text": "object",
    "reasoning": "object|null",
    "max_output_tokens": "integer|null",
    "max_tool_calls": "integer|null",
    "store": "boolean",
    "background": "boolean",
    "service_tier": "string",
    "safety_identifier": "string|null",
    "prompt_cache_key": "string|null",
}


@dataclass(frozen=True, slots=True)
class _StatusShape:
    error: str
    incomplete_details: str
    usage: str
    completed_at: str


_RUNNING: Final = _StatusShape("null", "null", "null", "null")
STATUSES: Final[dict[str, _StatusShape]] = {
    "queued": _RUNNING,
    "in_progress": _RUNNING,
    "completed": _StatusShape("null", "null", "object", "integer"),
    "incomplete": _StatusShape("null", "object", "object", "null"),
    "failed": _StatusShape("object", "null", "object|null", "null"),
    "cancelled": _StatusShape("object|null", "null", "object|null", "null"),
}

INCOMPLETE_REASONS: Final = ("max_output_tokens", "content_filter", "max_messages", "steered")


def check_response_object(response: Mapping[str, Any], at: str, report: Report) -> None:
    """Check a whole response object, whatever its status (sections 5, 7 and 8)."""
    sound = check_shape(response, CORE, at, report, missing="response-field-missing", wrong="response-field-type")
    check_shape(response, ECHO, at, report, missing="echo-missing", wrong="response-field-type")
    if "output_text" in response:
        report.add("response-extra", at, "output_text")
    if not sound:
        return
    if response["object"] != "response":
        report.add("response-object", at, f"object is {response['object']!r}")
    if not response["id"].startswith("resp_"):
        report.add("response-id", at, f"id is {response['id']!r}")
    _check_status(response, at, report)
    if response["usage"] is not None:
        _check_usage(response["usage"], f"{at}.usage", report)
    items = [item for item in response["output"] if isinstance(item, dict)]
    if len(items) < len(response["output"]):
        report.add("response-field-type", f"{at}.output", "an item is not an object")
    if STATUSES.get(response["status"]) is not _RUNNING:
        check_output(items, response["status"], f"{at}.output", report)


def _check_status(response: Mapping[str, Any], at: str, report: Report) -> None:
    status = response["status"]
    shape = STATUSES.get(status)
    if shape is None:
        report.add("response-status", at, f"status is {status!r}")
        return
    for rule, name, kinds in (
        ("status-error", "error", shape.error),
        ("status-incomplete-details", "incomplete_details", shape.incomplete_details),
        ("status-usage", "usage", shape.usage),
        ("status-completed-at", "completed_at", shape.completed_at),
    ):
        if name in response and not fits(response[name], kinds):
            report.add(rule, at, f"{name} of a response that is {status} is {response[name]!r:.80}")
    error, details = response["error"], response["incomplete_details"]
    # The list of codes is open: recorded failures carry codes that no reference names.
    if error is not None and not all(isinstance(error.get(name), str) and error[name] for name in ("code", "message")):
        report.add("error-object", at, f"error is {error!r:.80}")
    if details is not None and details.get("reason") not in INCOMPLETE_REASONS:
        report.add("incomplete-reason", at, f"incomplete_details is {details!r:.80}")


def _check_usage(usage: Mapping[str, Any], at: str, report: Report) -> None:
    details_in, details_out = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    sound = True
    for holder, names in (
        (usage, ("input_tokens", "output_tokens", "total_tokens")),
        (details_in, ("cached_tokens", "cache_write_tokens")),
        (details_out, ("reasoning_tokens",)),
    ):
        for name in names:
            count: Any = holder.get(name) if isinstance(holder, Mapping) else None
            if name == "cache_write_tokens" and count is None:
                report.add("usage-cache-write", at, "cache_write_tokens is missing")
            elif not fits(count, "integer") or count < 0:
                report.add("usage-field", at, f"{name} is {count!r}")
                sound = False
    if not sound or not isinstance(details_in, Mapping) or not isinstance(details_out, Mapping):
        return
    tokens_in, tokens_out = usage["input_tokens"], usage["output_tokens"]
    if usage["total_tokens"] != tokens_in + tokens_out:
        report.add("usage-total", at, f"{usage['total_tokens']} is not {tokens_in} + {tokens_out}")
    cached = details_in["cached_tokens"] + (details_in.get("cache_write_tokens") or 0)
    if cached > tokens_in:
        report.add("usage-cached", at, f"{cached} cached tokens of {tokens_in}")
    if details_out["reasoning_tokens"] > tokens_out:
        report.add("usage-reasoning", at, f"{details_out['reasoning_tokens']} reasoning tokens of {tokens_out}")
