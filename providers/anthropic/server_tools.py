"""Tools that Anthropic runs itself, as they are offered: web search, code execution, MCP servers and tool search.

Source: Anthropic's guides to its server tools and to the MCP connector. What a client says of them and the vendor has
no place for is declared; refused is what the client relies upon: where a server is, who may call it, with which files.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, cast

from providers.anthropic.content import Block
from providers.anthropic.lenient import mapping
from providers.anthropic.models import Model
from proxy.provider.contract import Prepared
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse
from proxy.provider.history import HostedTool

Json: TypeAlias = Mapping[str, object]

FIRST_WEB_SEARCH: Final = "web_search_20250305"
"""The version before searches could be made by code: later ones cite only what the model itself searched for."""

TOOL_SEARCH_NAME: Final = "tool_search_tool_bm25"
CHOICE_NAMES: Final[Mapping[str, str]] = {
    "web_search": "web_search",
    "code_interpreter": "code_execution",
    "tool_search": TOOL_SEARCH_NAME,
}
"""The names by which a tool is forced; the tools of an MCP server are forced by offering nothing else."""

SEARCH_SETTINGS: Final[Mapping[str, Sequence[object]]] = {
    "search_context_size": ("medium",),
    "external_web_access": (True,),
    "search_content_types": (["text"], []),
    "return_token_budget": ("default",),
}
CONTAINER_SETTINGS: Final[Mapping[str, Sequence[object]]] = {
    "memory_limit": ("1g",),
    "network_policy": ({"type": "disabled"},),
}
"""Members that the vendor has nothing for, and the values that say what is so anyhow."""

AS_USUAL: Final = "it is so anyhow"

_CONTAINER: Final = re.compile(r"container_[A-Za-z0-9_-]+")
_BEARER: Final = re.compile(r"bearer\s+(\S+)\s*", re.IGNORECASE)


@dataclass(slots=True)
class ServerTools:
    """What a request says of the vendor's own tools: `tools` among the others, `mcp_servers` beside them with the
    header's `betas`, and the `container` that the client asks for."""

    tools: list[Block] = field(default_factory=list)
    mcp_servers: list[Block] = field(default_factory=list)
    container: str | None = None
    betas: list[str] = field(default_factory=list)
    runs_code: bool = False
    searches_tools: bool = False


def offered_server_tools(prepared: Prepared, model: Model) -> ServerTools:
    """The vendor's own tools of a request. Appends to `prepared.conversions`; raises RefusedError."""
    found = ServerTools()
    hosted = _wanted(prepared)
    searches = any(tool.type == "tool_search" for tool in hosted)
    seen: set[str] = set()
    for tool in hosted:
        if tool.type != "mcp" and tool.type in seen:
            prepared.conversions.append(dropped(tool.path, "the vendor takes each of its tools once"))
            continue
        seen.add(tool.type)
        encode = _ENCODERS.get(tool.type)
        if encode is None:
            prepared.conversions.append(dropped(tool.path, "the vendor has no such tool"))
        else:
            encode(_Offer(prepared, model, found, searches), tool)
    found.searches_tools = searches
    if hosted:
        _limit_calls(prepared, found.tools, seen)
    return found


def _wanted(prepared: Prepared) -> Sequence[HostedTool]:
    """The hosted tools: of a forced one only itself, where the vendor cannot be told otherwise."""
    choice = prepared.tool_choice
    if choice.hosted is None or (choice.hosted.type != "mcp" and prepared.capabilities.forced_tool_choice):
        return prepared.hosted_tools
    return [choice.hosted]


def _limit_calls(prepared: Prepared, tools: Sequence[Block], kinds: set[str]) -> None:
    """`max_tool_calls`, which the vendor knows for searches alone."""
    most = prepared.request.max_tool_calls
    if most is None or kinds == {"tool_search"}:
        return
    if "web_search" not in kinds:
        prepared.conversions.append(dropped("max_tool_calls", "the vendor limits web searches only"))
        return
    for tool in tools:
        if tool.get("name") == "web_search":
            tool["max_uses"] = most
    if not kinds <= {"web_search", "tool_search"}:
        prepared.conversions.append(approximated("max_tool_calls", "limits the web searches and no other tool"))


@dataclass(frozen=True, slots=True)
class _Offer:
    """What the encoding of one tool needs to know, and where it puts what it makes."""

    prepared: Prepared
    model: Model
    found: ServerTools
    searches: bool

    def report(self, conversion: Conversion) -> None:
        self.prepared.conversions.append(conversion)

    def report_members(self, holder: Json, path: str, usual: Mapping[str, Sequence[object]], reason: str) -> None:
        """Declare members that are not carried: as ignored where they have a usual value, else as dropped."""
        for member, values in usual.items():
            value = holder.get(member)
            if value in values:
                self.report(ignored(f"{path}.{member}", AS_USUAL))
            elif value is not None:
                self.report(dropped(f"{path}.{member}", reason))

    def report_callers(self, tool: HostedTool) -> None:
        usual: Mapping[str, Sequence[object]] = {"allowed_callers": ([], ["direct"])}
        self.report_members(tool.tool, tool.path, usual, "the tool is called by the model alone")


# --- web search -------------------------------------------------------------------------------------------------------


def _web_search(offer: _Offer, tool: HostedTool) -> None:
    version = offer.model.web_search or FIRST_WEB_SEARCH
    block: Block = {"type": version, "name": "web_search"}
    if version != FIRST_WEB_SEARCH:
        block["allowed_callers"] = ["direct"]
    filters = tool.tool.get("filters")
    domains = mapping(filters).get("allowed_domains")
    if isinstance(domains, list) and domains:
        block["allowed_domains"] = domains
    elif filters is not None:
        offer.report(ignored(f"{tool.path}.filters", AS_USUAL))
    location = mapping(tool.tool.get("user_location"))
    places = {name: location[name] for name in ("city", "region", "country", "timezone") if location.get(name)}
    if places:
        block["user_location"] = {"type": "approximate", **places}
    elif tool.tool.get("user_location") is not None:
        offer.report(ignored(f"{tool.path}.user_location", AS_USUAL))
    offer.report_members(tool.tool, tool.path, SEARCH_SETTINGS, "the vendor's search has no such setting")
    offer.found.tools.append(block)


# --- code execution ---------------------------------------------------------------------------------------------------


def _code_execution(offer: _Offer, tool: HostedTool) -> None:
    container, path = tool.tool.get("container"), f"{tool.path}.container"
    if isinstance(container, str):
        if not _CONTAINER.fullmatch(container):
            refuse(path, "The container is none of Anthropic's.", value=True)
        offer.found.container = container
    settings = mapping(container)
    if settings.get("file_ids"):
        refuse(f"{path}.file_ids", "File ids of other services mean nothing to Anthropic.")
    reason = "the vendor's containers have one size and no network"
    offer.report_members(settings, path, CONTAINER_SETTINGS, reason)
    offer.report_callers(tool)
    offer.found.runs_code = True
    offer.found.tools.append(
        {"type": offer.model.code_execution or "code_execution_20250825", "name": "code_execution"}
    )


# --- MCP servers ------------------------------------------------------------------------------------------------------


def _mcp(offer: _Offer, tool: HostedTool) -> None:
    label, path = str(tool.tool.get("server_label")), tool.path
    if any(server["name"] == label for server in offer.found.mcp_servers):
        refuse(f"{path}.server_label", f"The MCP server '{label}' is defined more than once.", value=True)
    for member in ("connector_id", "tunnel_id"):
        if tool.tool.get(member) is not None:
            refuse(f"{path}.{member}", "Anthropic reaches MCP servers by their URL alone.")
    url = tool.tool.get("server_url")
    if not isinstance(url, str) or not url.lower().startswith("https://"):
        refuse(f"{path}.server_url", "Anthropic reaches MCP servers at https addresses only.", value=url is not None)
    allowed = _allowed_tools(offer, tool)
    _check_approval(tool, allowed)
    server: Block = {"type": "url", "url": url, "name": label}
    token = _token(tool)
    if token is not None:
        server["authorization_token"] = token
    if tool.tool.get("server_description") is not None:
        offer.report(dropped(f"{path}.server_description", "the vendor is told nothing of a server"))
    offer.report_callers(tool)
    offer.found.mcp_servers.append(server)
    offer.found.tools.append(_toolset(offer, tool, label, allowed))
    offer.found.betas.append(offer.model.mcp or "mcp-client-2025-11-20")


def _toolset(offer: _Offer, tool: HostedTool, label: str, allowed: Sequence[str] | None) -> Block:
    block: Block = {"type": "mcp_toolset", "mcp_server_name": label}
    config: dict[str, object] = {}
    if tool.tool.get("defer_loading"):
        if offer.searches:
            config["defer_loading"] = True
        else:
            offer.report(approximated(f"{tool.path}.defer_loading", "the tools are offered from the start"))
    if allowed is not None:
        block["configs"] = {name: {"enabled": True, **config} for name in allowed}
        config = {"enabled": False, **config}
    if config:
        block["default_config"] = config
    return block


def _allowed_tools(offer: _Offer, tool: HostedTool) -> list[str] | None:
    """The names of the server's tools that may be called; None: all."""
    wanted = tool.tool.get("allowed_tools")
    names = wanted if isinstance(wanted, list) else _tool_names(wanted, f"{tool.path}.allowed_tools")
    choice = offer.prepared.tool_choice
    if choice.hosted != tool or choice.name is None:
        return names
    if names is not None and choice.name not in names:
        refuse("tool_choice.name", f"The tool '{choice.name}' is not among the allowed tools.", value=True)
    return [choice.name]


def _tool_names(wanted: object, path: str) -> list[str] | None:
    """The names that a filter lists; None where it has none."""
    filtered = mapping(wanted)
    if filtered.get("read_only") is not None:
        refuse(f"{path}.read_only", "Anthropic cannot choose the tools of an MCP server by their marks; name them.")
    names = filtered.get("tool_names")
    return cast("list[str]", names) if isinstance(names, list) else None


def _check_approval(tool: HostedTool, allowed: Sequence[str] | None) -> None:
    """Nobody is asked for an approval: so each tool that may be called has to be one that needs none."""
    wanted, path = tool.tool.get("require_approval"), f"{tool.path}.require_approval"
    if wanted == "never":
        return
    if isinstance(wanted, Mapping) and not _tool_names(wanted.get("always"), f"{path}.always"):
        free = _tool_names(wanted.get("never"), f"{path}.never")
        if free is not None and allowed is not None and set(allowed) <= set(free):
            return
    refuse(
        path,
        "Anthropic calls the tools of MCP servers without asking: 'require_approval' has to be 'never', or to name as"
        " 'never' every tool of 'allowed_tools'.",
        value=True,
    )


def _token(tool: HostedTool) -> str | None:
    """The token for the server. It stands in no message."""
    token = tool.tool.get("authorization")
    found = token if isinstance(token, str) and token else None
    for name, value in mapping(tool.tool.get("headers")).items():
        bearer = _BEARER.fullmatch(value) if isinstance(value, str) and name.lower() == "authorization" else None
        if bearer is None:
            refuse(f"{tool.path}.headers", "Anthropic sends MCP servers no header but 'Authorization: Bearer ...'.")
        if found not in (None, bearer.group(1)):
            refuse(f"{tool.path}.headers", "'authorization' and 'headers' name different tokens.", value=True)
        found = bearer.group(1)
    return found


# --- tool search ------------------------------------------------------------------------------------------------------


def _tool_search(offer: _Offer, tool: HostedTool) -> None:
    usual: Mapping[str, Sequence[object]] = {"description": ("",), "parameters": ({},)}
    offer.report_members(tool.tool, tool.path, usual, "the vendor describes its search itself")
    offer.found.tools.append(
        {"type": offer.model.tool_search or "tool_search_tool_bm25_20251119", "name": TOOL_SEARCH_NAME}
    )


_ENCODERS: Final[Mapping[str, Callable[[_Offer, HostedTool], None]]] = {
    "web_search": _web_search,
    "code_interpreter": _code_execution,
    "mcp": _mcp,
    "tool_search": _tool_search,
}
"""By the plain name; others are in no model's capabilities."""
