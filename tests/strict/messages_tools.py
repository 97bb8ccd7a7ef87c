"""The rules for `tools`, `tool_choice` and `mcp_servers`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.strict.messages_models import Model
from tests.strict.messages_schema import dialect_faults, strict_faults, tool_schema_faults
from tests.strict.messages_shapes import Fault

Tool = Mapping[str, Any]

NAMES: Final[Mapping[str, str]] = {
    "web_search": "web_search",
    "web_fetch": "web_fetch",
    "code_execution": "code_execution",
    "tool_search_tool_bm25": "tool_search_tool_bm25",
    "tool_search_tool_regex": "tool_search_tool_regex",
}
"""By the beginning of its type, the name that a tool of the server has."""

DYNAMIC: Final = frozenset(
    {
        "web_search_20260209",
        "web_search_20260318",
        "web_fetch_20260209",
        "web_fetch_20260309",
        "web_fetch_20260318",
    }
)
"""Tools that only newer models have."""

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def tool_faults(body: Mapping[str, Any], model: Model) -> Iterator[Fault]:
    """What is wrong with the tools, and with what is to be called."""
    tools: Sequence[Tool] = body.get("tools") or ()
    names: list[str] = []
    for index, tool in enumerate(tools):
        kind = tool.get("type") or "custom"
        path = f"tools.{index}.{kind}"
        if kind == "custom":
            yield from _function_faults(tool, path, model)
        elif kind != "mcp_toolset":
            yield from _server_tool_faults(tool, kind, path, model)
        if "name" in tool:
            if tool["name"] in names:
                yield "tool-duplicate", "tools", ""
            names.append(tool["name"])
        if tool.get("defer_loading") and tool.get("cache_control") is not None:
            yield "deferred-cached", path, ""
    if tools and all(tool.get("defer_loading") for tool in tools):
        yield "all-deferred", "tools", ""
    yield from _strict_faults(body, tools)
    yield from _server_faults(body, tools)
    yield from _choice_faults(body, names, model)


def _function_faults(tool: Tool, path: str, model: Model) -> Iterator[Fault]:
    if not _NAME.fullmatch(tool["name"]):
        yield "tool-name", f"{path}.name", ""
    yield from tool_schema_faults(tool["input_schema"], f"{path}.input_schema")
    if tool.get("strict"):
        if not model.structured:
            yield "structured", f"{path}.strict", ""
        yield from dialect_faults(tool["input_schema"], f"{path}.input_schema")


def _server_tool_faults(tool: Tool, kind: str, path: str, model: Model) -> Iterator[Fault]:
    expected = NAMES[re.sub(r"_\d{8}$", "", kind)]
    if tool["name"] != expected:
        yield "server-tool-name", f"{path}.name", expected
    if kind in DYNAMIC and not model.dynamic:
        yield "server-tool-model", path, kind
    if tool.get("allowed_domains") and tool.get("blocked_domains"):
        yield "domains-both", path, ""
    for name in ("allowed_domains", "blocked_domains"):
        if any(not domain or "://" in domain for domain in tool.get(name) or ()):
            yield "domain", f"{path}.{name}", ""
    if (tool.get("max_uses") or 1) < 1:
        yield "max-uses", f"{path}.max_uses", ""


def _strict_faults(body: Mapping[str, Any], tools: Sequence[Tool]) -> Iterator[Fault]:
    strict = [tool["input_schema"] for tool in tools if tool.get("strict") and "input_schema" in tool]
    asked = (body.get("output_config") or {}).get("format")
    yield from strict_faults([*strict, *([asked["schema"]] if asked else [])], tools=len(strict))


def _server_faults(body: Mapping[str, Any], tools: Sequence[Tool]) -> Iterator[Fault]:
    """Each MCP server has one set of tools, and each set its server."""
    servers = [server["name"] for server in body.get("mcp_servers") or ()]
    sets = [tool["mcp_server_name"] for tool in tools if tool.get("type") == "mcp_toolset"]
    if len(set(servers)) < len(servers):
        yield "mcp-duplicate", "mcp_servers", ""
    for index, server in enumerate(body.get("mcp_servers") or ()):
        if not server["url"].startswith("https://"):
            yield "mcp-address", f"mcp_servers.{index}.url", ""
    for name in servers:
        if sets.count(name) != 1:
            yield "mcp-toolset", "mcp_servers", name
    for name in sets:
        if name not in servers:
            yield "mcp-server", "tools", name


def _choice_faults(body: Mapping[str, Any], names: Sequence[str], model: Model) -> Iterator[Fault]:
    choice = body.get("tool_choice")
    if choice is None:
        return
    if not body.get("tools"):
        yield "choice-alone", "tool_choice", ""
    if choice["type"] == "tool" and choice["name"] not in names:
        yield "choice-unknown", "tool_choice.name", choice["name"]
    if choice["type"] not in ("any", "tool"):
        return
    if not model.forced:
        yield "choice-forced", "tool_choice", choice["type"]
    if (body.get("thinking") or {}).get("type") == "enabled":
        yield "choice-thinking", "tool_choice", ""
