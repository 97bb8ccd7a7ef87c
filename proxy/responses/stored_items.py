"""Input items as they are kept: each with an id of its own and, where its type has one, a status."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from proxy.responses import identifiers
from proxy.responses.items import InputItem

USABLE_ITEM_ID: Final = re.compile(r"[!-~]{1,512}")
"""The ids that an item may be kept and asked for under: printable ASCII without spaces."""

ID_PREFIXES: Final[Mapping[str, str]] = {
    "message": "msg",
    "file_search_call": "fs",
    "computer_call": "cu",
    "computer_call_output": "cuo",
    "web_search_call": "ws",
    "function_call": "fc",
    "function_call_output": "fco",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
    "additional_tools": "at",
    "configuration_update": "cfg",
    "reasoning": "rs",
    "compaction": "cmp",
    "image_generation_call": "ig",
    "code_interpreter_call": "ci",
    "local_shell_call": "lsh",
    "local_shell_call_output": "lsho",
    "shell_call": "sh",
    "shell_call_output": "sho",
    "apply_patch_call": "apc",
    "apply_patch_call_output": "apco",
    "mcp_list_tools": "mcpl",
    "mcp_approval_request": "mcpr",
    "mcp_approval_response": "mcpa",
    "mcp_call": "mcp",
    "custom_tool_call_output": "ctco",
    "custom_tool_call": "ctc",
    "compaction_trigger": "ct",
    "item_reference": "ref",
    "program": "prog",
    "program_output": "progo",
}
"""What the id of each type of item begins with; those of types that no recording shows are formed alike."""

WITHOUT_STATUS: Final = frozenset(
    {
        "additional_tools",
        "configuration_update",
        "reasoning",
        "compaction",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "compaction_trigger",
        "item_reference",
        "program",
    }
)
"""The types whose items say nothing of their status, or only by exception."""


def is_usable_id(name: str) -> bool:
    """Whether an item can be kept, and asked for, under this id."""
    return USABLE_ITEM_ID.fullmatch(name) is not None


def with_ids(items: Sequence[InputItem]) -> list[tuple[str, bytes]]:
    """Validated items as they are kept: the id of each, and its JSON with that id.

    The client's own id stays, also where another item has the same; an item without one gets a new one, and so does
    one whose id no request could name (`USABLE_ITEM_ID`). An item without `status` is completed.
    """
    usable, dumps = USABLE_ITEM_ID.fullmatch, orjson.dumps
    mappings: Sequence[Mapping[str, object]] = items
    kept: list[tuple[str, bytes]] = []
    for item in mappings:
        kind = str(item.get("type", "message"))
        identifier = item.get("id")
        if identifier.__class__ is not str or usable(identifier) is None:
            identifier = identifiers.item_id(ID_PREFIXES[kind])
        body = {"id": identifier, "type": kind, **item}
        body["id"] = identifier
        if body.get("status") is None and kind not in WITHOUT_STATUS:
            body["status"] = "completed"
        kept.append((identifier, dumps(body)))
    return kept
