"""Tools that Anthropic runs itself -> the items of OpenAI's hosted tools."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from providers.anthropic.lenient import Json, mapping, sequence, text
from proxy.responses.events import Hosted, HostedPhase, Key

WEB: Final = "web_search_call"
CODE: Final = "code_interpreter_call"
MCP: Final = "mcp_call"
LISTING: Final = "mcp_list_tools"
UNSEEN: Final = ""
"""Stands for an item of a tool whose work is not shown, but has to be sent back."""

KINDS: Final[Mapping[str, str]] = {
    "web_search": WEB,
    "web_fetch": WEB,
    "code_execution": CODE,
    "bash_code_execution": CODE,
    "text_editor_code_execution": CODE,
    "tool_search_tool_bm25": UNSEEN,
    "tool_search_tool_regex": UNSEEN,
}
"""The item for each server tool."""

RESULTS: Final[Mapping[str, str]] = {
    **{f"{name}_tool_result": name for name in KINDS if KINDS[name]},
    "tool_search_tool_result": "tool_search_tool_bm25",
    "mcp_tool_result": MCP,
}
"""The tool of each result."""

WORKING: Final[Mapping[str, HostedPhase]] = {WEB: "searching", CODE: "interpreting"}


@dataclass(slots=True)
class ServerCall:
    """A call under way: `name` is the vendor's name of the tool (`mcp_call` for all of MCP servers), `index` that of
    its block; `fields` are the item's members known so far."""

    key: Key
    kind: str
    name: str
    index: int
    fields: dict[str, object] = field(default_factory=dict)


def opened(block: Json, key: Key, index: int) -> ServerCall | None:
    """The call that a block begins; None for tools that are not known."""
    if block.get("type") == "mcp_tool_use":
        fields: dict[str, object] = {"server_label": text(block.get("server_name")), "name": text(block.get("name"))}
        return ServerCall(key, MCP, MCP, index, fields)
    name = text(block.get("name"))
    kind = KINDS.get(name)
    return None if kind is None else ServerCall(key, kind, name, index)


def asked(call: ServerCall, whole: Json, fragments: str, container: str) -> Hosted:
    """The input is complete: it came whole, or in fragments."""
    arguments = whole
    if fragments:
        try:
            arguments = mapping(orjson.loads(fragments))
        except orjson.JSONDecodeError:
            arguments = whole
    if call.kind == MCP:
        call.fields["arguments"] = fragments.strip() or _json_text(whole)
    else:
        call.fields.update(_INPUTS[call.name](arguments))
    if call.kind == CODE:
        call.fields["container_id"] = container
    return Hosted(call.key, call.kind, WORKING.get(call.kind, "in_progress"), dict(call.fields))


def answered(call: ServerCall, result: Json, container: str) -> Hosted:
    """The result is there."""
    content = result.get("content")
    failed = text(mapping(content).get("type")).endswith("_error")
    if call.kind == CODE:
        call.fields["container_id"] = container or call.fields.get("container_id", "")
        call.fields["outputs"] = _logs(mapping(content))
    elif call.kind == MCP:
        failed = result.get("is_error") is True
        told = _texts(content)
        call.fields["output"] = None if failed else told
        problem = {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": told}]}
        call.fields["error"] = problem if failed else None
    elif call.name == "web_search":
        action = mapping(call.fields.get("action")) or _search({})["action"]
        call.fields["action"] = mapping(action) | {"sources": _sources(content)}
    elif call.kind == WEB and "action" not in call.fields:
        call.fields |= _fetch(mapping(content))
    return Hosted(call.key, call.kind, "failed" if failed else "completed", dict(call.fields))


def listed(block: Json, key: Key) -> Hosted:
    """The tools that an MCP server offers."""
    tools = [
        {
            "name": text(tool.get("name")),
            "description": text(tool.get("description")) or None,
            "input_schema": mapping(tool.get("input_schema")),
            "annotations": None,
        }
        for tool in map(mapping, sequence(block.get("tools")))
    ]
    fields = {"server_label": text(block.get("mcp_server_name")), "tools": tools}
    return Hosted(key, LISTING, "completed", fields)


def made_files(result: Json) -> bool:
    """Whether code made files, which have no place in the item."""
    return bool(sequence(mapping(result.get("content")).get("content")))


def _search(arguments: Json) -> dict[str, object]:
    query = text(arguments.get("query"))
    return {"action": {"type": "search", "query": query, "queries": [query], "sources": []}}


def _fetch(arguments: Json) -> dict[str, object]:
    return {"action": {"type": "open_page", "url": text(arguments.get("url"))}}


def _code(arguments: Json) -> dict[str, object]:
    return {"code": text(arguments.get("code")) or text(arguments.get("command"))}


def _edit(arguments: Json) -> dict[str, object]:
    """The editor takes no code: what it is told to do stands for it."""
    return {"code": _json_text(arguments)}


def _unseen(arguments: Json) -> dict[str, object]:
    return {}


_INPUTS: Final[Mapping[str, Callable[[Json], dict[str, object]]]] = {
    "web_search": _search,
    "web_fetch": _fetch,
    "code_execution": _code,
    "bash_code_execution": _code,
    "text_editor_code_execution": _edit,
    "tool_search_tool_bm25": _unseen,
    "tool_search_tool_regex": _unseen,
}


def _sources(content: object) -> list[dict[str, object]]:
    addresses = (text(mapping(result).get("url")) for result in sequence(content))
    return [{"type": "url", "url": address} for address in addresses if address]


def _logs(content: Json) -> list[dict[str, object]]:
    lines = sequence(content.get("lines"))
    told = [
        text(content.get("stdout")),
        text(content.get("stderr")),
        text(content.get("content")),
        "\n".join(map(text, lines)),
        text(content.get("error_code")),
    ]
    logs = "".join(told)
    return [{"type": "logs", "logs": logs}] if logs else []


def _texts(content: object) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(text(mapping(part).get("text")) for part in sequence(content))


def _json_text(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "{}"
