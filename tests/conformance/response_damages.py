"""Ways to damage a good response object, each with exactly the rules that it breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .builder import Json
from .damages import REMOVED, assign


def put(path: str, value: object = REMOVED) -> Callable[[Json], None]:
    """Set or remove one value inside a response."""
    return lambda response: assign(response, path, value)


_URL: Final = "output.2.content.0.annotations.0"

# name: (good response, change, rules broken)
RESPONSE_DAMAGES: Final[dict[str, tuple[str, Callable[[Json], None], set[str]]]] = {
    "no output": ("completed", put("output"), {"response-field-missing"}),
    "no error": ("completed", put("error"), {"response-field-missing"}),
    "no usage": ("in progress", put("usage"), {"response-field-missing"}),
    "no tools": ("completed", put("tools"), {"echo-missing"}),
    "no completed_at": ("completed", put("completed_at"), {"echo-missing"}),
    "temperature null": ("completed", put("temperature", None), {"response-field-type"}),
    "tool_choice null": ("completed", put("tool_choice", None), {"response-field-type"}),
    "created_at with a fraction": ("completed", put("created_at", 1.5), {"response-field-type"}),
    "output null": ("in progress", put("output", None), {"response-field-type"}),
    "item is text": ("completed", put("output", ["a"]), {"response-field-type"}),
    "object of a chat completion": ("completed", put("object", "chat.completion"), {"response-object"}),
    "id of a chat completion": ("completed", put("id", "chatcmpl-1"), {"response-id"}),
    "output_text sent": ("completed", put("output_text", "Hi"), {"response-extra"}),
    "status unknown": ("completed", put("status", "done"), {"response-status"}),
    "completed with error": ("completed", put("error", {"code": "server_error", "message": "no"}), {"status-error"}),
    "failed without error": ("failed", put("error", None), {"status-error"}),
    "completed with incomplete_details": (
        "completed",
        put("incomplete_details", {"reason": "content_filter"}),
        {"status-incomplete-details"},
    ),
    "incomplete without details": ("incomplete", put("incomplete_details", None), {"status-incomplete-details"}),
    "completed without usage": ("completed", put("usage", None), {"status-usage"}),
    "in progress with usage": (
        "in progress",
        put(
            "usage",
            {
                "input_tokens": 1,
                "output_tokens": 1,
                "total_tokens": 2,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 0},
            },
        ),
        {"status-usage"},
    ),
    "completed without time": ("completed", put("completed_at", None), {"status-completed-at"}),
    "failed with time": ("failed", put("completed_at", 1), {"status-completed-at"}),
    "error without message": ("failed", put("error.message"), {"error-object"}),
    "reason unknown": ("incomplete", put("incomplete_details.reason", "length"), {"incomplete-reason"}),
    "usage without details": ("completed", put("usage.output_tokens_details"), {"usage-field"}),
    "usage negative": ("completed", put("usage.output_tokens_details.reasoning_tokens", -1), {"usage-field"}),
    "no cache_write_tokens": ("completed", put("usage.input_tokens_details.cache_write_tokens"), {"usage-cache-write"}),
    "total wrong": ("completed", put("usage.total_tokens", 20), {"usage-total"}),
    "more cached than input": ("completed", put("usage.input_tokens_details.cached_tokens", 11), {"usage-cached"}),
    "more reasoning than output": (
        "completed",
        put("usage.output_tokens_details.reasoning_tokens", 10),
        {"usage-reasoning"},
    ),
    "item type unknown": ("completed", put("output.1.type", "letter"), {"unknown-item"}),
    "item without id": ("completed", put("output.1.id"), {"item-field-missing"}),
    "message without status": ("completed", put("output.1.status"), {"item-field-missing"}),
    "call without name": ("completed", put("output.3.name"), {"item-field-missing"}),
    "code without outputs": ("code", put("output.0.outputs"), {"item-field-missing"}),
    "content null": ("completed", put("output.1.content", None), {"item-field-type"}),
    "arguments as object": ("completed", put("output.3.arguments", {}), {"item-field-type"}),
    "status of another type": ("completed", put("output.1.status", "searching"), {"item-status", "item-in-progress"}),
    "prefix of another type": ("completed", put("output.1.id", "rs_9"), {"item-id-prefix"}),
    "id used twice": ("completed", put("output.2.id", "msg_1"), {"item-id-reused"}),
    "item in progress": ("completed", put("output.1.status", "in_progress"), {"item-in-progress"}),
    "incomplete item in a completed response": ("completed", put("output.4.status", "incomplete"), {"item-incomplete"}),
    "incomplete item is not the last": ("failed", put("output.0.status", "incomplete"), {"item-incomplete"}),
    "call_id empty": ("completed", put("output.3.call_id", ""), {"call-id"}),
    "call_id of 65 characters": ("completed", put("output.3.call_id", "c" * 65), {"call-id"}),
    "call_id used twice": ("completed", put("output.4.call_id", "call_0"), {"call-id-reused"}),
    "arguments cut": ("completed", put("output.4.arguments", '{"a":'), {"call-arguments"}),
    "arguments are a list": ("completed", put("output.4.arguments", "[]"), {"call-arguments"}),
    "arguments empty": ("completed", put("output.4.arguments", ""), {"call-arguments"}),
    "input part in a message": ("completed", put("output.1.content.0.type", "input_text"), {"part-type"}),
    "part without annotations": ("completed", put("output.1.content.0.annotations"), {"part-field"}),
    "part without logprobs": ("completed", put("output.1.content.0.logprobs"), {"part-field"}),
    "summary part without text": ("completed", put("output.0.summary.0.text"), {"part-field"}),
    "annotation without title": ("completed", put(f"{_URL}.title"), {"annotation-field"}),
    "annotation of unknown type": ("completed", put(f"{_URL}.type", "citation"), {"annotation-field"}),
    "annotation ends behind the text": ("completed", put(f"{_URL}.end_index", 12), {"annotation-span"}),
    "annotation runs backwards": ("completed", put(f"{_URL}.start_index", 6), {"annotation-span"}),
}
