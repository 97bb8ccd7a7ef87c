"""The items of tools that a vendor runs itself: how they begin, which phases they go through, what of them streams
(Responses reference, sections 5 and 11)."""

from collections.abc import Mapping

from proxy.responses.events import Hosted

ID_PREFIXES: Mapping[str, str] = {
    "web_search_call": "ws",
    "file_search_call": "fs",
    "code_interpreter_call": "ci",
    "image_generation_call": "ig",
    "mcp_call": "mcp",
    "mcp_list_tools": "mcpl",
    "compaction": "cmp",
    "message": "msg",
    "reasoning": "rs",
    "computer_call": "cu",
    "local_shell_call": "lsh",
    "shell_call": "sh",
    "shell_call_output": "sho",
    "apply_patch_call": "apc",
    "apply_patch_call_output": "apco",
    "mcp_approval_request": "mcpr",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
    "program": "cm",
    "program_output": "cmo",
}
"""What the ids of items begin with."""

PHASES: Mapping[str, tuple[str, ...]] = {
    "web_search_call": ("in_progress", "searching", "completed"),
    "file_search_call": ("in_progress", "searching", "completed"),
    "code_interpreter_call": ("in_progress", "interpreting", "completed"),
    "image_generation_call": ("in_progress", "generating", "completed"),
    "mcp_call": ("in_progress", "completed"),
    "mcp_list_tools": ("in_progress", "completed"),
    "compaction": ("compacting",),
}
"""The phases of hosted tools that have events, in the order that clients expect; none is left out."""

FIRST_FORMS: Mapping[str, Mapping[str, object]] = {
    "file_search_call": {"queries": [], "results": None},
    "code_interpreter_call": {"code": "", "container_id": "", "outputs": None},
    "mcp_call": {"name": "", "server_label": "", "arguments": "", "output": None, "error": None},
    "mcp_list_tools": {"server_label": "", "tools": []},
    "compaction": {"encrypted_content": ""},
}
"""What a hosted item shows from its first event on, besides its id and status."""

KNOWN_AT_ONCE = ("container_id", "name", "server_label")
"""Members of hosted items that have their value at once; the others begin empty."""

_WITHOUT_STATUS = ("mcp_list_tools", "compaction")
"""Hosted items that have no status."""

WHOLE_OR_FAILED = ("image_generation_call", "mcp_list_tools")
"""Hosted items that do not know the status `incomplete`."""

STREAMED_MEMBERS: Mapping[str, tuple[str, str]] = {
    "code_interpreter_call": ("code", "code_interpreter_call_code"),
    "mcp_call": ("arguments", "mcp_call_arguments"),
}
"""Members of hosted items that have events of their own, and the name of those."""

FIXED_MEMBERS = frozenset({"type", "id", "status"})
"""Members of hosted items that are the assembler's own."""


def has_status(kind: str) -> bool:
    """Whether items of the kind are known to have a status."""
    return kind in PHASES and kind not in _WITHOUT_STATUS


def first_members(event: Hosted) -> dict[str, object]:
    """What the item shows in its first event, without its id."""
    members: dict[str, object] = {"type": event.kind}
    if event.kind not in _WITHOUT_STATUS:
        members["status"] = "in_progress"
    members |= FIRST_FORMS.get(event.kind, {})
    return members | {name: event.fields[name] for name in KNOWN_AT_ONCE if name in members and name in event.fields}
