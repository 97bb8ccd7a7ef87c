"""Ways to damage the events or the body of a good stream, each with exactly the rules that it breaks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

from .builder import Json

Events = list[Json]

REMOVED: Final = object()

_ADDED, _DONE = "response.output_item.added", "response.output_item.done"
_PART_ADDED, _PART_DONE = "response.content_part.added", "response.content_part.done"
_SUMMARY_ADDED, _SUMMARY_DONE = "response.reasoning_summary_part.added", "response.reasoning_summary_part.done"
_DELTA, _TEXT_DONE = "response.output_text.delta", "response.output_text.done"
_ARGUMENTS_DELTA, _ARGUMENTS_DONE = "response.function_call_arguments.delta", "response.function_call_arguments.done"
_CREATED, _IN_PROGRESS, _COMPLETED = "response.created", "response.in_progress", "response.completed"
_FAILED = "response.failed"
_ANNOTATION = "response.output_text.annotation.added"


def _find(events: Events, kind: str, nth: int = 0) -> int:
    return [index for index, event in enumerate(events) if event["type"] == kind][nth]


def _renumber(events: Events) -> None:
    for number, event in enumerate(events):
        event["sequence_number"] = number


def assign(target: Any, path: str, value: object) -> None:
    """Set the value at a dotted path inside a JSON value, or delete it when the value is `REMOVED`."""
    *way, last = [int(name) if name.isdecimal() else name for name in path.split(".")]
    for name in way:
        target = target[name]
    if value is REMOVED:
        del target[last]
    else:
        target[last] = copy.deepcopy(value)


def change(kind: str, path: str, value: object, nth: int = 0) -> Callable[[Events], None]:
    """Set or remove one value inside an event."""
    return lambda events: assign(events[_find(events, kind, nth)], path, value)


def drop(kind: str, nth: int = 0) -> Callable[[Events], None]:
    """Leave an event out."""

    def apply(events: Events) -> None:
        del events[_find(events, kind, nth)]
        _renumber(events)

    return apply


def drop_all(prefix: str) -> Callable[[Events], None]:
    """Leave out all events whose type begins so."""

    def apply(events: Events) -> None:
        events[:] = [event for event in events if not event["type"].startswith(prefix)]
        _renumber(events)

    return apply


def move(kind: str, after: str, nth: int = 0, after_nth: int = 0) -> Callable[[Events], None]:
    """Put an event behind another one."""

    def apply(events: Events) -> None:
        event = events.pop(_find(events, kind, nth))
        events.insert(_find(events, after, after_nth) + 1, event)
        _renumber(events)

    return apply


def repeat(kind: str, after: str = "", **members: object) -> Callable[[Events], None]:
    """Send a copy of an event once more, at once or behind another one."""

    def apply(events: Events) -> None:
        event = {**copy.deepcopy(events[_find(events, kind)]), **members}
        events.insert(_find(events, after or kind) + 1, event)
        _renumber(events)

    return apply


def insert(event: Json, after: str) -> Callable[[Events], None]:
    """Send one more event behind another one."""

    def apply(events: Events) -> None:
        events.insert(_find(events, after) + 1, dict(event))
        _renumber(events)

    return apply


def together(*changes: Callable[[Events], None]) -> Callable[[Events], None]:
    """Apply several changes one after the other."""

    def apply(events: Events) -> None:
        for one in changes:
            one(events)

    return apply


def _reuse_index(events: Events) -> None:
    for event in events:
        if event.get("output_index") == 1:
            event["output_index"] = 0


def _count_from_one(events: Events) -> None:
    for event in events:
        event["sequence_number"] += 1


def _summary_last(events: Events) -> None:
    summary = [event for event in events if "summary_index" in event]
    events[:] = [event for event in events if "summary_index" not in event]
    place = _find(events, _DONE)
    events[place:place] = summary
    _renumber(events)


_WHERE: Final[Json] = {"item_id": "msg_0", "output_index": 0}

# name: (good stream, change, rules broken)
EVENT_DAMAGES: Final[dict[str, tuple[str, Callable[[Events], None], set[str]]]] = {
    # every event
    "event without type": ("text", insert({}, _IN_PROGRESS), {"event-type"}),
    "event of Open Responses": ("text", insert({"type": "response.reasoning.delta"}, _IN_PROGRESS), {"unknown-event"}),
    "event of a vendor": ("text", insert({"type": "acme:trace"}, _IN_PROGRESS), {"unknown-event"}),
    "keepalive event": ("text", insert({"type": "keepalive"}, _IN_PROGRESS), {"keepalive"}),
    "event without number": ("text", change(_DELTA, "sequence_number", REMOVED), {"sequence-missing"}),
    "number as text": ("text", change(_DELTA, "sequence_number", "5"), {"sequence-missing"}),
    "numbers jump": ("text", change(_DELTA, "sequence_number", 9), {"sequence-gap"}),
    "numbers start at one": ("text", _count_from_one, {"sequence-gap"}),
    "number repeated": ("text", change(_DELTA, "sequence_number", 3), {"sequence-gap"}),
    "delta without logprobs": ("text", change(_DELTA, "logprobs", REMOVED), {"member-missing"}),
    "text done without logprobs": ("text", change(_TEXT_DONE, "logprobs", REMOVED), {"member-missing"}),
    "annotation without index": (
        "annotations",
        change(_ANNOTATION, "annotation_index", REMOVED, 1),
        {"member-missing", "annotation-list"},
    ),
    "logprobs null": ("text", change(_DELTA, "logprobs", None), {"member-type"}),
    "delta null": ("text", change(_DELTA, "delta", None), {"member-type", "text-done"}),
    "output_index true": ("text", change(_PART_DONE, "output_index", True), {"member-type", "part-unclosed"}),
    "error on another event": ("text", change(_IN_PROGRESS, "error", {"message": "no"}), {"stray-error"}),
    # lifecycle
    "created missing": ("text", drop(_CREATED), {"created-first"}),
    "in_progress missing": ("text", drop(_IN_PROGRESS), {"lifecycle-order"}),
    "created twice": ("text", repeat(_CREATED), {"lifecycle-order"}),
    "in_progress twice": ("text", repeat(_IN_PROGRESS), {"lifecycle-order"}),
    "queued after in_progress": ("queued", move("response.queued", _IN_PROGRESS), {"lifecycle-order"}),
    "item before in_progress": ("text", move(_IN_PROGRESS, _ADDED), {"lifecycle-order"}),
    "incomplete event, completed response": (
        "text",
        change(_COMPLETED, "type", "response.incomplete"),
        {"lifecycle-status"},
    ),
    "created as completed": (
        "text",
        change(_CREATED, "response.status", "completed"),
        {"lifecycle-status", "status-usage", "status-completed-at"},
    ),
    "output before items": ("text", change(_IN_PROGRESS, "response.output", [{}]), {"lifecycle-output"}),
    "response id changes": ("text", change(_COMPLETED, "response.id", "resp_2"), {"lifecycle-constant"}),
    "created_at changes": ("text", change(_COMPLETED, "response.created_at", 1), {"lifecycle-constant"}),
    "model changes": ("text", change(_IN_PROGRESS, "response.model", "model-1-2026"), {"lifecycle-constant"}),
    "tools lost": ("text", change(_CREATED, "response.tools", [{"type": "web_search"}]), {"lifecycle-constant"}),
    "metadata changes": ("text", change(_COMPLETED, "response.metadata", {"a": "b"}), {"lifecycle-constant"}),
    "store changes": ("text", change(_COMPLETED, "response.store", False), {"lifecycle-constant"}),
    "tool_choice changes": ("text", change(_COMPLETED, "response.tool_choice", "none"), {"settings-constant"}),
    "error flat only": ("failed", change("error", "error", REMOVED), {"error-form"}),
    "error without code": ("failed", change("error", "error.code", REMOVED), {"error-form", "error-flat"}),
    "error nested only": ("failed", change("error", "message", REMOVED), {"error-flat"}),
    "error members differ": ("failed", change("error", "code", "other"), {"error-flat"}),
    "stream ends after error": ("failed", drop(_FAILED), {"error-without-failed"}),
    "item event after error": ("failed", move("error", _PART_ADDED), {"error-without-failed"}),
    "stream just ends": ("text", drop(_COMPLETED), {"terminal-missing"}),
    "two terminal events": ("text", repeat(_COMPLETED), {"terminal-repeated"}),
    "failed after completed": ("text", repeat(_COMPLETED, type="response.failed"), {"terminal-repeated"}),
    "delta after the terminal event": ("text", repeat(_DELTA, _COMPLETED), {"after-terminal"}),
    "terminal output empty": ("text", change(_COMPLETED, "response.output", []), {"terminal-output"}),
    "terminal output loses reasoning": (
        "reasoning",
        change(_COMPLETED, "response.output.0", REMOVED),
        {"terminal-output"},
    ),
    "terminal id differs": ("text", change(_COMPLETED, "response.output.0.id", "msg_x"), {"terminal-output"}),
    "terminal text differs": (
        "text",
        change(_COMPLETED, "response.output.0.content.0.text", "Hullo"),
        {"terminal-output"},
    ),
    "terminal arguments differ": (
        "function call",
        change(_COMPLETED, "response.output.0.arguments", "{}"),
        {"terminal-output"},
    ),
    "open item renamed by failure": (
        "failed, item open",
        change(_FAILED, "response.output.1.type", "reasoning"),
        {"terminal-output", "item-id-prefix", "item-field-missing"},
    ),
    # items
    "output_index reused": ("two calls", _reuse_index, {"output-index"}),
    "output_index from one": (
        "text",
        together(
            *(
                change(kind, "output_index", 1, nth)
                for kind, nth in (
                    (_ADDED, 0),
                    (_PART_ADDED, 0),
                    (_DELTA, 0),
                    (_DELTA, 1),
                    (_TEXT_DONE, 0),
                    (_PART_DONE, 0),
                    (_DONE, 0),
                )
            )
        ),
        {"output-index"},
    ),
    "item added as completed": ("text", change(_ADDED, "item.status", "completed"), {"item-initial"}),
    "item added without status": ("text", change(_ADDED, "item.status", REMOVED), {"item-initial"}),
    "message added without content": ("text", change(_ADDED, "item.content", REMOVED), {"item-initial"}),
    "message added with content": ("text", change(_ADDED, "item.content", [{"type": "output_text"}]), {"item-initial"}),
    "message added by the user": ("text", change(_ADDED, "item.role", "user"), {"item-initial"}),
    "call added with arguments": ("function call", change(_ADDED, "item.arguments", "{"), {"item-initial"}),
    "reasoning added without summary": ("reasoning", change(_ADDED, "item.summary", REMOVED), {"item-initial"}),
    "reasoning added with content": ("raw reasoning", change(_ADDED, "item.content", [{}]), {"item-initial"}),
    "code added as null": ("code interpreter", change(_ADDED, "item.code", None), {"item-initial"}),
    "items overlap": ("two calls", move(_DONE, _ADDED, after_nth=1), {"item-overlap"}),
    "item never added": ("text", drop(_ADDED), {"item-not-open", "terminal-output"}),
    "delta after the item is done": ("text", repeat(_DELTA, _DONE), {"item-not-open"}),
    "item done twice": ("text", repeat(_DONE), {"item-not-open"}),
    "delta of another item id": ("text", change(_DELTA, "item_id", "msg_9"), {"item-id-mismatch"}),
    "item done under another id": (
        "text",
        together(change(_DONE, "item.id", "msg_9"), change(_COMPLETED, "response.output.0.id", "msg_9")),
        {"item-identity"},
    ),
    "item done with another call_id": (
        "function call",
        together(change(_DONE, "item.call_id", "call_9"), change(_COMPLETED, "response.output.0.call_id", "call_9")),
        {"item-identity"},
    ),
    "item not done": ("text", drop(_DONE), {"item-unclosed"}),
    "item open at incomplete": ("incomplete text", drop(_DONE), {"item-unclosed"}),
    "added id reused": (
        "two calls",
        together(
            *(
                change(kind, path, "fc_0", 1)
                for kind, path in (
                    (_ADDED, "item.id"),
                    (_ARGUMENTS_DELTA, "item_id"),
                    (_ARGUMENTS_DONE, "item_id"),
                    (_DONE, "item.id"),
                )
            ),
            change(_ARGUMENTS_DELTA, "item_id", "fc_0", 2),
            change(_COMPLETED, "response.output.1.id", "fc_0"),
        ),
        {"item-id-reused"},
    ),
    "item of unknown type": (
        "text",
        together(
            change(_ADDED, "item.type", "letter"),
            change(_DONE, "item.type", "letter"),
            change(_COMPLETED, "response.output.0.type", "letter"),
            drop(_PART_ADDED),
            drop(_DELTA),
            drop(_DELTA),
            drop(_TEXT_DONE),
            drop(_PART_DONE),
        ),
        {"unknown-item"},
    ),
    "done text differs": (
        "text",
        together(
            change(_DONE, "item.content.0.text", "Hullo"),
            change(_COMPLETED, "response.output.0.content.0.text", "Hullo"),
        ),
        {"item-content"},
    ),
    "done content empty": (
        "text",
        together(change(_DONE, "item.content", []), change(_COMPLETED, "response.output.0.content", [])),
        {"item-content"},
    ),
    "done summary lost": (
        "reasoning",
        together(change(_DONE, "item.summary", []), change(_COMPLETED, "response.output.0.summary", [])),
        {"item-content"},
    ),
    "done arguments differ": (
        "function call",
        together(change(_DONE, "item.arguments", "{}"), change(_COMPLETED, "response.output.0.arguments", "{}")),
        {"item-content"},
    ),
    "done commands differ": (
        "shell",
        together(
            change(_DONE, "item.action.commands.0", "rm"),
            change(_COMPLETED, "response.output.0.action.commands.0", "rm"),
        ),
        {"item-content"},
    ),
    "item done while in progress": (
        "text",
        together(
            change(_DONE, "item.status", "in_progress"), change(_COMPLETED, "response.output.0.status", "in_progress")
        ),
        {"item-in-progress"},
    ),
    "arguments of a message": (
        "text",
        insert({"type": _ARGUMENTS_DELTA, **_WHERE, "delta": ""}, _ADDED),
        {"event-item-type"},
    ),
    # parts
    "content_index from one": ("text", change(_PART_ADDED, "content_index", 1), {"content-index"}),
    "summary_index repeated": ("reasoning", change(_SUMMARY_ADDED, "summary_index", 0, 1), {"summary-index"}),
    "command_index repeated": (
        "shell",
        change("response.shell_call_command.added", "command_index", 0, 1),
        {"command-index"},
    ),
    "refusal of a text part": (
        "text",
        insert({"type": "response.refusal.delta", **_WHERE, "content_index": 0, "delta": "no"}, _PART_ADDED),
        {"part-kind"},
    ),
    "part changes its type": ("text", change(_PART_DONE, "part.type", "refusal"), {"part-kind", "item-content"}),
    "part added with text": ("text", change(_PART_ADDED, "part.text", "Hel"), {"part-initial"}),
    "part added without annotations": ("text", change(_PART_ADDED, "part.annotations", REMOVED), {"part-initial"}),
    "part added without logprobs": ("text", change(_PART_ADDED, "part.logprobs", REMOVED), {"part-initial"}),
    "parts overlap": ("two parts", move(_PART_DONE, _PART_ADDED, after_nth=1), {"part-overlap"}),
    "summary parts overlap": ("reasoning", move(_SUMMARY_DONE, _SUMMARY_ADDED, after_nth=1), {"part-overlap"}),
    "delta before its part": ("text", repeat(_DELTA, _ADDED), {"part-not-open"}),
    "delta after its part": ("text", repeat(_DELTA, _PART_DONE), {"part-not-open"}),
    "part never added": ("refusal", drop(_PART_ADDED), {"part-not-open", "item-content"}),
    "delta after the text is done": ("text", repeat(_DELTA, _TEXT_DONE, delta=""), {"part-order"}),
    "text done twice": ("text", repeat(_TEXT_DONE), {"part-order"}),
    "text never done": ("text", drop(_TEXT_DONE), {"part-order"}),
    "annotation after the text is done": ("annotations", move(_ANNOTATION, _TEXT_DONE, nth=1), {"part-order"}),
    "part not done": ("text", drop(_PART_DONE), {"part-unclosed"}),
    "summary part not done": ("reasoning", drop(_SUMMARY_DONE, 1), {"part-unclosed"}),
    "done part differs": (
        "text",
        together(
            change(_PART_DONE, "part.text", "Hullo"),
            change(_DONE, "item.content.0.text", "Hullo"),
            change(_COMPLETED, "response.output.0.content.0.text", "Hullo"),
        ),
        {"part-content"},
    ),
    "done part without logprobs": ("text", change(_PART_DONE, "part.logprobs", REMOVED), {"part-field"}),
    "summary after content": ("full reasoning", _summary_last, {"reasoning-order"}),
    "delta lost": ("text", drop(_DELTA), {"text-done"}),
    "done text cut": ("text", change(_TEXT_DONE, "text", "Hel"), {"text-done", "part-content"}),
    "argument delta lost": ("function call", drop(_ARGUMENTS_DELTA), {"text-done"}),
    "summary delta lost": ("reasoning", drop("response.reasoning_summary_text.delta"), {"text-done"}),
    "raw reasoning delta lost": ("raw reasoning", drop("response.reasoning_text.delta"), {"text-done"}),
    "refusal delta lost": ("refusal", drop("response.refusal.delta"), {"text-done"}),
    "tool input delta lost": ("custom tool call", drop("response.custom_tool_call_input.delta"), {"text-done"}),
    "command delta lost": ("shell", drop("response.shell_call_command.delta"), {"text-done"}),
    "annotation_index from one": ("annotations", change(_ANNOTATION, "annotation_index", 1), {"annotation-index"}),
    "annotation event lost": ("annotations", drop(_ANNOTATION, 1), {"annotation-list"}),
    "annotation without url": (
        "annotations",
        together(
            change(_ANNOTATION, "annotation.url", REMOVED),
            change(_PART_DONE, "part.annotations.0.url", REMOVED),
            change(_DONE, "item.content.0.annotations.0.url", REMOVED),
            change(_COMPLETED, "response.output.0.content.0.annotations.0.url", REMOVED),
        ),
        {"annotation-field"},
    ),
    # calls and hosted tools
    "arguments done twice": ("function call", repeat(_ARGUMENTS_DONE), {"call-order"}),
    "argument delta after done": ("function call", repeat(_ARGUMENTS_DELTA, _ARGUMENTS_DONE, delta=""), {"call-order"}),
    "arguments never done": ("function call", drop(_ARGUMENTS_DONE), {"call-done-missing"}),
    "tool input never streamed": (
        "custom tool call",
        drop_all("response.custom_tool_call_input"),
        {"call-done-missing"},
    ),
    "code never done": ("code interpreter", drop("response.code_interpreter_call_code.done"), {"call-done-missing"}),
    "search before in_progress": (
        "web search",
        move("response.web_search_call.in_progress", "response.web_search_call.searching"),
        {"hosted-phase"},
    ),
    "search phase skipped": ("web search", drop("response.web_search_call.searching"), {"hosted-phase"}),
    "code after interpreting": (
        "code interpreter",
        move("response.code_interpreter_call_code.done", "response.code_interpreter_call.interpreting"),
        {"hosted-phase"},
    ),
    "image before generating": (
        "image generation",
        drop("response.image_generation_call.generating"),
        {"hosted-phase"},
    ),
    "search not completed": ("web search", drop("response.web_search_call.completed"), {"hosted-unfinished"}),
    "search without phases": ("web search", drop_all("response.web_search_call"), {"hosted-unfinished"}),
    "tool list not completed": ("mcp", drop("response.mcp_list_tools.completed"), {"hosted-unfinished"}),
}


def replace(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Replace the first occurrence in a body."""
    return lambda body: body.replace(old, new, 1)


_SECOND: Final = b"event: response.in_progress\n"

# name: (good stream, change, rules broken)
BODY_DAMAGES: Final[dict[str, tuple[str, Callable[[bytes], bytes], set[str]]]] = {
    "not UTF-8": ("text", lambda body: body.replace(b"Hel", b"\xff"), {"utf8"}),
    "CRLF": ("text", lambda body: body.replace(b"\n", b"\r\n"), {"line-ending"}),
    "id field": ("text", replace(_SECOND, b"id: 1\n" + _SECOND), {"frame-field"}),
    "retry field": ("text", replace(_SECOND, b"retry: 10\n" + _SECOND), {"frame-field"}),
    "no space after the colon": ("text", replace(_SECOND, b"event:response.in_progress\n"), {"frame-field"}),
    "no event line": ("text", replace(_SECOND, b""), {"frame-lines"}),
    "two event lines": ("text", replace(_SECOND, _SECOND + _SECOND), {"frame-lines"}),
    "data in two lines": (
        "text",
        replace(b', "sequence_number": 1', b'\ndata: , "sequence_number": 1'),
        {"frame-lines"},
    ),
    "comment inside an event": ("text", replace(_SECOND, _SECOND + b": ping\n"), {"frame-lines"}),
    "superfluous empty line": ("text", replace(b"\n\n", b"\n\n\n"), {"frame-lines"}),
    "event without data": ("text", replace(_SECOND, _SECOND + b"\n" + _SECOND), {"frame-lines"}),
    "body cut": ("text", lambda body: body[:-1], {"frame-unterminated"}),
    "data cut": (
        "text",
        replace(b'"sequence_number": 1,', b'"sequence_number": 1'),
        {"frame-json", "lifecycle-order", "sequence-gap"},
    ),
    "data is a list": ("text", replace(_SECOND, b"event: error\ndata: []\n\n" + _SECOND), {"frame-json"}),
    "not a number": (
        "text",
        replace(b'"temperature": 1.0', b'"temperature": NaN'),
        {"frame-json", "created-first", "sequence-gap"},
    ),
    "event name differs": ("text", replace(_SECOND, b"event: message\n"), {"event-name"}),
    "end mark with an event line": ("text", replace(b"data: [DONE]", b"event: done\ndata: [DONE]"), {"done-form"}),
    "no end mark": ("text", replace(b"data: [DONE]\n\n", b""), {"done-missing"}),
    "comment after the end mark": ("text", lambda body: body + b": ping\n\n", {"done-last"}),
    "end mark before the terminal event": (
        "text",
        replace(b"event: response.completed", b"data: [DONE]\n\nevent: response.completed"),
        {"done-last"},
    ),
    "empty body": ("text", lambda body: b"", {"terminal-missing", "done-missing"}),
}
