"""Tools that Nova models run themselves, web search and a code interpreter: as they are offered, shown and sent back.

Source: AWS's Nova guide (web grounding, code interpreter). They have no settings, and the model cannot be made to use
them. What a client says of a tool and the vendor has no place for is declared; refused is what it relies upon.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from providers.anthropic.lenient import Json, mapping, sequence, text
from providers.bedrock.content import Block
from providers.bedrock.models import HOSTED_TOOLS, Model
from proxy.provider.contract import Prepared
from proxy.provider.conversions import dropped, ignored, refuse
from proxy.provider.history import HostedTool
from proxy.provider.tool_record import tool_record
from proxy.responses.events import HostedPhase

WEB: Final = "web_search_call"
CODE: Final = "code_interpreter_call"

KINDS: Final[Mapping[str, str]] = {"nova_grounding": WEB, "nova_code_interpreter": CODE}
"""The item for each of the vendor's tools."""

WORKING: Final[Mapping[str, HostedPhase]] = {WEB: "searching", CODE: "interpreting"}

SERVER_CALL: Final = "server_tool_use"
"""The type of a call of one of these tools."""

USUAL: Final = "it is so anyhow"

SEARCH_MEMBERS: Final[Mapping[str, Sequence[object]]] = {
    "search_context_size": ("medium",),
    "user_location": ({"type": "approximate"},),
    "external_web_access": (True,),
    "search_content_types": (["text"], []),
    "return_token_budget": ("default",),
    "filters": ({},),
}
CODE_MEMBERS: Final[Mapping[str, Sequence[object]]] = {"allowed_callers": ([], ["direct"])}
CONTAINER_MEMBERS: Final[Mapping[str, Sequence[object]]] = {
    "memory_limit": ("1g",),
    "network_policy": ({"type": "disabled"},),
}
"""Members that the vendor has nothing for, and the values that say what is so anyhow."""


def offered_server_tools(prepared: Prepared, model: Model) -> list[Block]:
    """The vendor's own tools of a request. Appends to `prepared.conversions`; raises RefusedError."""
    hosted, report = prepared.hosted_tools, prepared.conversions.append
    if not hosted:
        return []
    if prepared.tool_choice.mode == "none":
        prepared.conversions += [ignored(tool.path, "no tool may be called") for tool in hosted]
        return []
    if (forced := prepared.tool_choice.hosted) is not None:
        message = f"The model cannot be made to use its own tools: '{forced.tool['type']}' can only be offered."
        refuse("tool_choice", message, value=True)
    if prepared.request.max_tool_calls is not None:
        report(dropped("max_tool_calls", "the vendor does not limit its own tools"))
    found: list[Block] = []
    seen: set[str] = set()
    for tool in hosted:
        column = HOSTED_TOOLS.get(tool.type)
        name: str = getattr(model, column) if column is not None else ""
        if not name or tool.type in seen:
            reason = "the vendor takes each of its tools once" if name else "the model has no such tool"
            report(dropped(tool.path, reason))
            continue
        seen.add(tool.type)
        _report_members(tool, prepared)
        found.append({"systemTool": {"name": name}})
    return found


def _report_members(tool: HostedTool, prepared: Prepared) -> None:
    if tool.type == "web_search":
        _declare(tool.tool, tool.path, SEARCH_MEMBERS, prepared)
        return
    container, path = tool.tool.get("container"), f"{tool.path}.container"
    if isinstance(container, str):
        refuse(path, "The vendor's code runs in containers of its own.", value=True)
    settings = mapping(container)
    if settings.get("file_ids"):
        refuse(f"{path}.file_ids", "File ids of other services mean nothing to Bedrock.")
    _declare(settings, path, CONTAINER_MEMBERS, prepared)
    _declare(tool.tool, tool.path, CODE_MEMBERS, prepared)


def _declare(
    holder: Mapping[str, object], path: str, usual: Mapping[str, Sequence[object]], prepared: Prepared
) -> None:
    for member, values in usual.items():
        value = holder.get(member)
        if value in values:
            prepared.conversions.append(ignored(f"{path}.{member}", USUAL))
        elif value is not None:
            prepared.conversions.append(dropped(f"{path}.{member}", "the vendor's tools have no settings"))


# --- as items -------------------------------------------------------------------------------------------------------


def asked(kind: str, arguments: Json) -> dict[str, object]:
    """The members of the item that the call's input tells."""
    if kind == WEB:
        query = text(arguments.get("query"))
        return {"action": {"type": "search", "query": query, "queries": [query] if query else [], "sources": []}}
    return {"code": text(arguments.get("snippet")) or text(arguments.get("code")), "container_id": ""}


def answered(kind: str, content: Sequence[object]) -> dict[str, object]:
    """The members of the item that the call's result tells."""
    if kind == WEB:
        return {}
    logs = "".join(map(_logs, content))
    return {"outputs": [{"type": "logs", "logs": logs}] if logs else []}


def _logs(entry: object) -> str:
    result = mapping(mapping(entry).get("json"))
    if result:
        return text(result.get("stdOut")) + text(result.get("stdErr"))
    return text(mapping(entry).get("text"))


# --- in a history -----------------------------------------------------------------------------------------------------


def packed(blocks: Sequence[Json]) -> str:
    """The payload of a proof: the vendor's blocks; none where they cannot be written."""
    try:
        return orjson.dumps({"blocks": list(blocks)}).decode()
    except orjson.JSONEncodeError:
        return '{"blocks":[]}'


def unpacked(payload: str) -> list[Block]:
    """The blocks of a proof."""
    try:
        blocks = sequence(mapping(orjson.loads(payload)).get("blocks"))
    except orjson.JSONDecodeError:
        return []
    return [block for block in map(mapping, blocks) if block.keys() & {"toolUse", "toolResult"}]


def told(blocks: Sequence[Block]) -> str:
    """What code did, in words."""
    lines: list[str] = []
    for block in blocks:
        if "toolUse" in block:
            code = text(mapping(mapping(block["toolUse"]).get("input")).get("snippet"))
            lines.append(f"The assistant ran this code:\n{code}")
        else:
            written = "".join(map(_logs, sequence(mapping(block["toolResult"]).get("content"))))
            lines.append(f"It wrote:\n{written}")
    return tool_record("\n".join(lines))
