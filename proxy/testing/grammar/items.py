"""Output items: the members, status values and id prefix of each type (section 5 of the Responses reference)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from proxy.testing.grammar.rules import Report
from proxy.testing.grammar.shapes import Shape, check_shape, fits, type_of

_PLAIN: Final = ("in_progress", "completed", "incomplete")
_SEARCH: Final = ("in_progress", "searching", "completed", "failed", "incomplete")

# Values of status that mean the item still runs.
_RUNNING: Final = ("in_progress", "searching", "interpreting", "generating", "calling")


@dataclass(frozen=True, slots=True)
class ItemShape:
    """What a type of item looks like, when it is done and when it is added to a stream."""

    prefix: str | None = None
    statuses: Sequence[str] = ()
    members: Shape = field(default_factory=dict)
    members_completed: Shape = field(default_factory=dict)  # members a completed item has in addition
    members_optional: Shape = field(default_factory=dict)  # members an item may leave out
    initial: Mapping[str, object] = field(default_factory=dict)  # values at output_item.added
    status_required: bool = True
    starts_running: bool = True


ITEMS: Final[dict[str, ItemShape]] = {
    "message": ItemShape(
        "msg_",
        _PLAIN,
        {"role": "string", "content": "array"},
        initial={"role": "assistant", "content": []},
    ),
    "reasoning": ItemShape(
        "rs_",
        _PLAIN,
        {"summary": "array"},
        members_optional={"content": "array", "encrypted_content": "string|null"},
        initial={"summary": []},
        status_required=False,
    ),
    "function_call": ItemShape(
        "fc_",
        _PLAIN,
        {"call_id": "string", "name": "string", "arguments": "string"},
        initial={"arguments": ""},
    ),
    "custom_tool_call": ItemShape(
        "ctc_",
        _PLAIN,
        {"call_id": "string", "name": "string", "input": "string"},
        initial={"input": ""},
    ),
    "web_search_call": ItemShape("ws_", _SEARCH, members_completed={"action": "object"}),
    "file_search_call": ItemShape("fs_", _SEARCH, {"queries": "array", "results": "array|null"}),
    "code_interpreter_call": ItemShape(
        "ci_",
        ("in_progress", "interpreting", "completed", "incomplete", "failed"),
        {"code": "string|null", "container_id": "string", "outputs": "array|null"},
        initial={"code": ""},
    ),
    "image_generation_call": ItemShape(
        "ig_",
        ("in_progress", "generating", "completed", "failed"),
        members_completed={"result": "string"},
    ),
    "computer_call": ItemShape("cu_", _PLAIN, {"call_id": "string", "pending_safety_checks": "array"}),
    "mcp_list_tools": ItemShape(
        "mcpl_",
        members={"server_label": "string", "tools": "array"},
        initial={"tools": []},
        status_required=False,
    ),
    "mcp_call": ItemShape(
        "mcp_",
        ("in_progress", "calling", "completed", "incomplete", "failed"),
        {"name": "string", "server_label": "string", "arguments": "string"},
        {"output": "string|null", "error": "any"},
        initial={"arguments": ""},
    ),
    "mcp_approval_request": ItemShape(
        "mcpr_",
        members={"name": "string", "server_label": "string", "arguments": "string"},
        status_required=False,
    ),
    "tool_search_call": ItemShape(
        "tsc_",
        _PLAIN,
        {"arguments": "any", "execution": "string", "call_id": "string|null"},
    ),
    "tool_search_output": ItemShape(
        "tso_", _PLAIN, {"tools": "array", "execution": "string", "call_id": "string|null"}, starts_running=False
    ),
    "local_shell_call": ItemShape("lsh_", _PLAIN, {"call_id": "string", "action": "object"}),
    "shell_call": ItemShape("sh_", _PLAIN, {"call_id": "string", "action": "object"}),
    "shell_call_output": ItemShape("sho_", _PLAIN, {"call_id": "string", "output": "array"}, starts_running=False),
    "apply_patch_call": ItemShape("apc_", ("in_progress", "completed"), {"call_id": "string", "operation": "object"}),
    "apply_patch_call_output": ItemShape(
        statuses=("completed", "failed"), members={"call_id": "string"}, starts_running=False
    ),
    "compaction": ItemShape("cmp_", members={"encrypted_content": "string"}, status_required=False),
    "program": ItemShape("cm_", members={"call_id": "string", "code": "string"}, status_required=False),
    "program_output": ItemShape("cmo_", _PLAIN, {"call_id": "string"}, status_required=False, starts_running=False),
    "additional_tools": ItemShape(members={"tools": "array"}, status_required=False),
    "configuration_update": ItemShape(status_required=False),
}

# Outputs name the call they answer, so only calls own a call_id.
_ANSWERS: Final = ("tool_search_output", "shell_call_output", "apply_patch_call_output", "program_output")

# Part types by the item and the member that holds them.
PARTS: Final[dict[tuple[str, str], dict[str, Shape]]] = {
    ("message", "content"): {
        "output_text": {"text": "string", "annotations": "array", "logprobs": "array"},
        "refusal": {"refusal": "string"},
    },
    ("reasoning", "content"): {"reasoning_text": {"text": "string"}},
    ("reasoning", "summary"): {"summary_text": {"text": "string"}},
}

ANNOTATIONS: Final[dict[str, Shape]] = {
    "url_citation": {"url": "string", "title": "string", "start_index": "integer", "end_index": "integer"},
    "file_citation": {"file_id": "string", "filename": "string", "index": "integer"},
    "container_file_citation": {
        "container_id": "string",
        "file_id": "string",
        "filename": "string",
        "start_index": "integer",
        "end_index": "integer",
    },
    "file_path": {"file_id": "string", "index": "integer"},
}


def check_item(item: Mapping[str, Any], at: str, report: Report) -> None:
    """Check an item that is done: its members, status, id, parts and arguments (sections 5 and 8)."""
    kind = type_of(item)
    if kind not in ITEMS:
        report.add("unknown-item", at, f"type is {item.get('type')!r}")
        return
    shape, status = ITEMS[kind], item.get("status")
    _check_identity(item, shape, at, report)
    given = {name: kinds for name, kinds in shape.members_optional.items() if name in item}
    members = {**shape.members, **(shape.members_completed if status == "completed" else {}), **given}
    sound = check_shape(item, members, at, report, missing="item-field-missing", wrong="item-field-type")
    if status is None and shape.status_required:
        report.add("item-field-missing", at, "status is missing")
    elif status is not None and shape.statuses and status not in shape.statuses:
        report.add("item-status", at, f"status of a {kind} is {status!r}")
    if not sound:
        return
    for (owner, member), parts in PARTS.items():
        if owner == kind:
            for index, part in enumerate(item.get(member) or ()):
                check_part(part, parts, f"{at}.{member}[{index}]", report)
    if kind == "function_call" and status == "completed" and not _is_object_text(item["arguments"]):
        report.add("call-arguments", at, f"arguments are {item['arguments']!r:.80}")


def check_added_item(item: Mapping[str, Any], at: str, report: Report) -> None:
    """Check the item of output_item.added: zero values, arrays present, in progress (sections 11.3, 11.4 and 12)."""
    shape = ITEMS.get(type_of(item))
    if shape is None:
        report.add("unknown-item", at, f"type is {item.get('type')!r}")
        return
    _check_identity(item, shape, at, report)
    check_shape(item, shape.members, at, report, missing="item-initial", wrong="item-initial")
    for name, value in shape.initial.items():
        if name in item and fits(item[name], shape.members[name]) and item[name] != value:
            report.add("item-initial", at, f"{name} is {item[name]!r:.80}, not {value!r}")
    if item.get("type") == "reasoning" and item.get("content", []) != []:
        report.add("item-initial", at, "content of an added reasoning item is not empty")
    status = item.get("status")
    if shape.starts_running and status != "in_progress" and (shape.status_required or status is not None):
        report.add("item-initial", at, f"status is {status!r}")


def check_output(output: Sequence[Mapping[str, Any]], status: object, at: str, report: Report) -> None:
    """Check the items of a finished response against each other and against its status (section 8)."""
    seen_ids, seen_calls = set[str](), set[str]()
    for index, item in enumerate(output):
        where = f"{at}[{index}]"
        check_item(item, where, report)
        item_id, call_id = item.get("id"), item.get("call_id")
        if isinstance(item_id, str):
            if item_id in seen_ids:
                report.add("item-id-reused", where, f"id {item_id}")
            seen_ids.add(item_id)
        if isinstance(call_id, str) and item.get("type") not in _ANSWERS:
            if call_id in seen_calls:
                report.add("call-id-reused", where, f"call_id {call_id}")
            seen_calls.add(call_id)
        check_finished(item, where, report)
        if item.get("status") == "incomplete" and (status == "completed" or index < len(output) - 1):
            report.add("item-incomplete", where, f"item {index} of {len(output)} in a response that is {status}")


def check_finished(item: Mapping[str, Any], at: str, report: Report) -> None:
    """Check that an item no longer runs (section 8)."""
    caller = item.get("caller")
    # A call made by a program is answered while the program waits, so its response ends with the call in progress.
    by_program = isinstance(caller, dict) and caller.get("type") == "program"
    if item.get("status") in _RUNNING and not by_program:
        report.add("item-in-progress", at, f"status is {item['status']!r}")


def check_part(part: object, parts: Mapping[str, Shape], at: str, report: Report) -> None:
    """Check a content or summary part and its annotations (section 5)."""
    if not isinstance(part, dict) or type_of(part) not in parts:
        report.add("part-type", at, f"{part!r:.80}")
        return
    kind = part["type"]
    if not check_shape(part, parts[kind], at, report, missing="part-field", wrong="part-field"):
        return
    for index, annotation in enumerate(part.get("annotations") or ()):
        check_annotation(annotation, part["text"], f"{at}.annotations[{index}]", report)


def check_annotation(annotation: object, text: str | None, at: str, report: Report) -> None:
    """Check an annotation; its span counts characters of the text, which may not be known yet (section 5)."""
    if not isinstance(annotation, dict) or type_of(annotation) not in ANNOTATIONS:
        report.add("annotation-field", at, f"{annotation!r:.80}")
        return
    kind = annotation["type"]
    if not check_shape(annotation, ANNOTATIONS[kind], at, report, missing="annotation-field", wrong="annotation-field"):
        return
    start: int = annotation["start_index" if "start_index" in ANNOTATIONS[kind] else "index"]
    end: int = annotation.get("end_index", start)
    if not 0 <= start <= end or (text is not None and end > len(text)):
        report.add("annotation-span", at, f"{start} to {end} in a text of {'?' if text is None else len(text)}")


def _check_identity(item: Mapping[str, Any], shape: ItemShape, at: str, report: Report) -> None:
    item_id, call_id = item.get("id"), item.get("call_id")
    if not isinstance(item_id, str) or not item_id:
        report.add("item-field-missing", at, f"id is {item_id!r}")
    elif shape.prefix is not None and not item_id.startswith(shape.prefix):
        report.add("item-id-prefix", at, f"id {item_id} does not begin with {shape.prefix}")
    if isinstance(call_id, str) and not 1 <= len(call_id) <= 64:
        report.add("call-id", at, f"call_id has {len(call_id)} characters")


def _is_object_text(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
