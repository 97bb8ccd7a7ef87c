"""Tools as they are offered to a vendor, and the table that leads back.

Functions are flat and safely named. What the client runs besides functions (custom tools, shells, patches, the
computer, its own tool search) is offered as a function to models that do not know it. What a vendor runs itself goes to
it as it is; where a target has no such tool it is dropped and declared when it is only offered, and refused when the
request depends on it (Responses reference, section 6.1).
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NoReturn, TypeAlias, cast

from proxy.provider.capabilities import Capabilities
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse
from proxy.provider.history import AUTO, CustomTool, FunctionTool, HostedTool, ToolChoice
from proxy.responses.client_tools import CLIENT_TOOLS
from proxy.responses.custom_input import INPUT
from proxy.responses.tool_table import NO_TOOLS, ToolIdentity, ToolTable

Tool: TypeAlias = Mapping[str, object]
UnsupportedTools: TypeAlias = Literal["drop", "reject"]
Names: TypeAlias = Mapping[tuple[str, str | None], str]
"""(name, namespace) -> the offered name. Tools that have items of their own stand under their type and `BUILT_IN`."""

BUILT_IN: Final = "\0"
"""Stands for the namespace of the client's tools that have no name of their own."""

MAX_DEFERRED: Final = 128
"""How many deferred tools are offered from the start where nobody can search for them."""

MAX_GRAMMAR: Final = 4096
"""How much of a grammar is told to the model, in characters."""

PLAIN_NAMES: Final[Mapping[str, str]] = {
    "web_search": "web_search",
    "web_search_2025_08_26": "web_search",
    "web_search_preview": "web_search",
    "web_search_preview_2025_03_11": "web_search",
    "file_search": "file_search",
    "code_interpreter": "code_interpreter",
    "image_generation": "image_generation",
    "mcp": "mcp",
    "shell": "shell",
    "tool_search": "tool_search",
}
"""Tools that a vendor may run itself, and the name under which a model's capabilities list them."""

_COMPUTERS: Final = ("computer", "computer_use_preview")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "computer": _COMPUTERS,
    "computer_use": _COMPUTERS,
    "computer_use_preview": _COMPUTERS,
    "shell": ("shell",),
    "apply_patch": ("apply_patch",),
}
"""Types of `tool_choice` that mean a tool of the client."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools of one request: functions, and what the model has itself. `names` leads to the offered names."""

    tools: list[FunctionTool]
    choice: ToolChoice
    table: ToolTable
    names: Names
    capabilities: Capabilities
    custom_tools: list[CustomTool] = field(default_factory=list)
    hosted_tools: list[HostedTool] = field(default_factory=list)

    def offered_name(self, name: str, namespace: str | None) -> str:
        """The name of a tool in the history: as it is offered now, or as it would have been."""
        known = self.names.get((name, namespace))
        return known if known is not None else safe_name(_flat(name, namespace), self.capabilities)


def safe_name(name: str, capabilities: Capabilities) -> str:
    """The name in letters, digits, `_` and `-`, as long as the model takes; a cut name ends in a hash of the whole."""
    safe = _safe(name, capabilities)
    return safe if len(safe) <= capabilities.tool_name_limit else _hashed(safe, name, capabilities.tool_name_limit)


def _safe(name: str, capabilities: Capabilities) -> str:
    safe = _UNSAFE.sub("_", name)
    if capabilities.tool_name_starts_with_letter and not (safe[:1].isalpha() or safe[:1] == "_"):
        return f"_{safe}"
    return safe


def _flat(name: str, namespace: str | None) -> str:
    return name if namespace is None or namespace == BUILT_IN else f"{namespace}__{name}"


def _hashed(safe: str, whole: str, limit: int) -> str:
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{safe[: limit - 9]}_{digest}"


def offer(
    tools: Sequence[Tool] | None,
    tool_choice: object,
    capabilities: Capabilities,
    *,
    unsupported: UnsupportedTools,
    conversions: list[Conversion],
    brought: Sequence[tuple[str, Tool]] = (),
) -> Offer:
    """Offer the request's tools to a target, and those that items of the history brought along, each with its path: a
    later one takes the place of an earlier one of the same name. Raises RefusedError (400) for what must not be lost.
    """
    if not tools and not brought and tool_choice in (None, "auto", "none"):
        return Offer([], AUTO, NO_TOOLS, {}, capabilities)
    placed = [*((f"tools[{index}]", tool) for index, tool in enumerate(tools or ())), *brought]
    shelf = _Shelf(capabilities, conversions, _search(placed, capabilities), {path for path, _ in brought})
    for path, tool in placed:
        _PLACE[cast(str, tool["type"])](shelf, path, tool)
    return _chosen(shelf, tool_choice, [tool for _, tool in placed], unsupported)


# --- what is offered --------------------------------------------------------------------------------------------------

_Search: TypeAlias = Literal["none", "client", "vendor", "unavailable"]
"""Who searches for deferred tools."""


def _search(placed: Sequence[tuple[str, Tool]], capabilities: Capabilities) -> _Search:
    executions = [tool.get("execution") for _, tool in placed if tool["type"] == "tool_search"]
    if not executions:
        return "none"
    if "client" in executions:
        return "client"
    return "vendor" if "tool_search" in capabilities.hosted_tools else "unavailable"


@dataclass(frozen=True, slots=True)
class _LeftOut:
    path: str
    type: str
    reason: str


@dataclass(slots=True)
class _Shelf:
    """The tools that were looked at so far. `late` are the paths of tools that the history brought, `waiting` the
    deferred tools that are not offered, by name and namespace."""

    capabilities: Capabilities
    conversions: list[Conversion]
    search: _Search
    late: set[str]
    identities: dict[str, ToolIdentity] = field(default_factory=dict)
    names: dict[tuple[str, str | None], str] = field(default_factory=dict)
    functions: dict[str, FunctionTool] = field(default_factory=dict)
    custom: dict[str, CustomTool] = field(default_factory=dict)
    hosted: list[HostedTool] = field(default_factory=list)
    left_out: list[_LeftOut] = field(default_factory=list)
    deferred: int = 0
    waiting: set[tuple[str, str | None]] = field(default_factory=set)

    def name(self, path: str, tool_name: str, namespace: str | None, kind: str) -> str:
        """A name under which nothing else is offered. Raises RefusedError for a tool that stands twice in the
        request; one that is brought again stays where it was."""
        earlier = self.names.get((tool_name, namespace))
        if earlier is not None:
            if not any(path.startswith(late) for late in self.late):
                refuse(f"{path}.name", f"The tool '{tool_name}' is defined more than once.", value=True)
            unique = earlier
        else:
            flat = _flat(tool_name, namespace)
            unique, whole = safe_name(flat, self.capabilities), f"{namespace}\0{tool_name}"
            while unique in self.identities:
                unique = _hashed(_safe(flat, self.capabilities), whole, self.capabilities.tool_name_limit)
                whole += "\0"
        self.identities[unique] = ToolIdentity(tool_name, None if namespace == BUILT_IN else namespace, kind)
        self.names[tool_name, namespace] = unique
        return unique


def _place_function(shelf: _Shelf, path: str, tool: Tool, namespace: str | None = None) -> None:
    native = "function" in shelf.capabilities.native_tools
    if not native and _waits(shelf, path, tool, namespace):
        return
    name = shelf.name(path, cast(str, tool["name"]), namespace, "function")
    if not native:
        _report_members(shelf, path, tool)
    shelf.custom.pop(name, None)
    shelf.functions[name] = FunctionTool(
        name,
        cast("str | None", tool.get("description")),
        cast("Mapping[str, object] | None", tool.get("parameters")),
        cast("bool | None", tool.get("strict")),
        path,
        deferred=_is_deferred(shelf, tool),
        native=tool if native else None,
    )


def _place_custom(shelf: _Shelf, path: str, tool: Tool, namespace: str | None = None) -> None:
    native = "custom" in shelf.capabilities.native_tools
    if not native and _waits(shelf, path, tool, namespace):
        return
    name = shelf.name(path, cast(str, tool["name"]), namespace, "custom")
    if not native:
        _report_members(shelf, path, tool)
    description = cast("str | None", tool.get("description"))
    wanted = cast("Mapping[str, str] | None", tool.get("format"))
    if shelf.capabilities.custom_tools:
        shelf.functions.pop(name, None)
        shelf.custom[name] = CustomTool(name, description, wanted, path, native=tool if native else None)
        if _is_deferred(shelf, tool) and not native:
            shelf.conversions.append(approximated(f"{path}.defer_loading", _FROM_THE_START))
        return
    shelf.conversions.append(approximated(path, "offered as a function whose one argument is the text"))
    if wanted is not None and wanted["type"] == "grammar":
        told = f"the first {MAX_GRAMMAR} characters of" if len(wanted["definition"]) > MAX_GRAMMAR else ""
        reason = f"{told} the grammar are told to the model" if told else "the grammar is told to the model"
        shelf.conversions.append(approximated(f"{path}.format", f"{reason} and not enforced", contract=True))
    shelf.functions[name] = replace(_text_function(name, description, wanted, path), deferred=_is_deferred(shelf, tool))


_INPUT_RULE: Final = "The argument is the raw text that the tool gets: no JSON inside it and no code fence around it."


def _text_function(name: str, description: str | None, wanted: Mapping[str, str] | None, path: str) -> FunctionTool:
    """The function that stands for a custom tool."""
    told = [description, _INPUT_RULE] if description else [_INPUT_RULE]
    if wanted is not None and wanted["type"] == "grammar" and wanted["definition"].strip():
        grammar = wanted["definition"]
        cut = " (its beginning)" if len(grammar) > MAX_GRAMMAR else ""
        kind = "Lark grammar" if wanted["syntax"] == "lark" else "regular expression"
        told.append(f"The text has to match this {kind}{cut}:\n{grammar[:MAX_GRAMMAR]}")
    parameters = {
        "type": "object",
        "properties": {INPUT: {"type": "string", "description": "The raw text."}},
        "required": [INPUT],
        "additionalProperties": False,
    }
    return FunctionTool(name, "\n\n".join(told), parameters, None, path)


def _place_namespace(shelf: _Shelf, path: str, tool: Tool) -> None:
    group, members = cast(str, tool["name"]), cast("list[Tool]", tool["tools"])
    if "namespace" in shelf.capabilities.native_tools:
        for position, member in enumerate(members):
            shelf.name(f"{path}.tools[{position}]", cast(str, member["name"]), group, cast(str, member["type"]))
        shelf.hosted.append(HostedTool("namespace", tool, path))
        return
    for position, member in enumerate(members):
        place = _place_function if member["type"] == "function" else _place_custom
        place(shelf, f"{path}.tools[{position}]", member, group)
    about = tool.get("description")
    if not about:
        return
    for name in (shelf.names.get((cast(str, member["name"]), group), "") for member in members):
        first: FunctionTool | CustomTool | None = shelf.functions.get(name) or shelf.custom.get(name)
        if first is not None:
            told = f"{first.description}\n\n" if first.description else ""
            described = replace(first, description=f"{told}About the tools {group}__*: {about}")
            if isinstance(described, FunctionTool):
                shelf.functions[name] = described
            else:
                shelf.custom[name] = described
            break
    shelf.conversions.append(approximated(f"{path}.description", "told with the first of the namespace's tools"))


def _place_client_tool(shelf: _Shelf, path: str, tool: Tool) -> None:
    """Offer a tool of the client that has items of its own, as a function where the model does not know it."""
    kind = cast(str, tool["type"])
    if kind in shelf.capabilities.native_tools:
        shelf.hosted.append(HostedTool(kind, tool, path))
        return
    if kind in _COMPUTERS and not shelf.capabilities.images:
        shelf.left_out.append(_LeftOut(path, kind, "the model takes no screenshots"))
        return
    known = CLIENT_TOOLS[kind]
    name = shelf.name(path, kind, BUILT_IN, kind)
    _report_members(shelf, path, tool)
    description, parameters = known.description, known.parameters
    if kind == "computer_use_preview":
        size = f"{tool['display_width']} x {tool['display_height']} pixels"
        description = f"{description} The screen has {size} and belongs to: {tool['environment']}."
    if kind == "tool_search":
        description = cast("str | None", tool.get("description")) or description
        own = tool.get("parameters")
        if own is not None and not isinstance(own, Mapping):
            refuse(f"{path}.parameters", "The parameters of a tool search are a JSON schema.", value=True)
        parameters = cast("Mapping[str, object]", own) if isinstance(own, Mapping) and own else parameters
    shelf.conversions.append(approximated(path, "offered as a function"))
    environment = tool.get("environment")
    if isinstance(environment, Mapping) and environment.get("skills"):
        skills = cast("list[Mapping[str, str]]", environment["skills"])
        listed = "".join(f"\n- {skill['name']}: {skill['description']} ({skill['path']})" for skill in skills)
        description = f"{description}\n\nSkills, each described by a file in its folder:{listed}"
    shelf.functions[name] = FunctionTool(name, description, parameters, None, path)


def _place_shell(shelf: _Shelf, path: str, tool: Tool) -> None:
    environment = tool.get("environment")
    if isinstance(environment, Mapping) and environment["type"] != "local":
        _place_hosted(shelf, path, tool)
    else:
        _place_client_tool(shelf, path, tool)


def _place_tool_search(shelf: _Shelf, path: str, tool: Tool) -> None:
    if tool.get("execution") == "client":
        _place_client_tool(shelf, path, tool)
    elif shelf.search == "unavailable":
        shelf.left_out.append(_LeftOut(path, "tool_search", "the tools are offered from the start"))
    else:
        _place_hosted(shelf, path, tool)


def _place_hosted(shelf: _Shelf, path: str, tool: Tool) -> None:
    kind = cast(str, tool["type"])
    if PLAIN_NAMES[kind] in shelf.capabilities.hosted_tools:
        hosted = HostedTool(PLAIN_NAMES[kind], tool, path)
        same = [index for index, earlier in enumerate(shelf.hosted) if _is_same(earlier, hosted)]
        if same and path in shelf.late:
            shelf.hosted[same[0]] = hosted
        else:
            shelf.hosted.append(hosted)
    else:
        shelf.left_out.append(_LeftOut(path, kind, "the provider has no such tool"))


def _is_same(one: HostedTool, other: HostedTool) -> bool:
    return one.type == other.type and one.tool.get("server_label") == other.tool.get("server_label")


def _place_programs(shelf: _Shelf, path: str, tool: Tool) -> None:
    if "programmatic_tool_calling" in shelf.capabilities.native_tools:
        shelf.hosted.append(HostedTool("programmatic_tool_calling", tool, path))
        return
    _refuse_tool(_LeftOut(path, cast(str, tool["type"]), "it is a part of OpenAI's own models"))


_PLACE: Final[Mapping[str, Callable[[_Shelf, str, Tool], None]]] = {
    **dict.fromkeys(PLAIN_NAMES, _place_hosted),
    "function": _place_function,
    "custom": _place_custom,
    "namespace": _place_namespace,
    "shell": _place_shell,
    "local_shell": _place_client_tool,
    "apply_patch": _place_client_tool,
    "computer": _place_client_tool,
    "computer_use_preview": _place_client_tool,
    "tool_search": _place_tool_search,
    "programmatic_tool_calling": _place_programs,
}


def _waits(shelf: _Shelf, path: str, tool: Tool, namespace: str | None = None) -> bool:
    """Whether a deferred tool is not offered yet."""
    if not tool.get("defer_loading") or shelf.search == "vendor":
        return False
    identity = cast(str, tool["name"]), namespace
    if shelf.search == "client":
        shelf.waiting.add(identity)
        shelf.conversions.append(ignored(path, "offered when the client's tool search has found it"))
        return True
    shelf.deferred += 1
    if shelf.deferred > MAX_DEFERRED:
        reason = f"of the deferred tools, {MAX_DEFERRED} are offered; the model cannot search for more"
        shelf.conversions.append(dropped(path, reason))
        shelf.waiting.add(identity)
        return True
    shelf.conversions.append(approximated(f"{path}.defer_loading", _FROM_THE_START))
    return False


def _is_deferred(shelf: _Shelf, tool: Tool) -> bool:
    """Whether the vendor's own search brings the tool."""
    return shelf.search == "vendor" and bool(tool.get("defer_loading"))


_FROM_THE_START: Final = "the tool is offered from the start"


def _report_members(shelf: _Shelf, path: str, tool: Tool) -> None:
    shelf.conversions += [
        ignored(f"{path}.{member}") for member in ("allowed_callers", "output_schema") if tool.get(member) is not None
    ]
    if tool.get("async"):
        shelf.conversions.append(dropped(f"{path}.async", "the provider has no asynchronous tools"))


# --- the choice -------------------------------------------------------------------------------------------------------


def _chosen(shelf: _Shelf, wanted: object, tools: Sequence[Tool], unsupported: UnsupportedTools) -> Offer:
    capabilities = shelf.capabilities
    callable_tools = bool(shelf.functions or shelf.custom)
    if callable_tools and not capabilities.tools:
        refuse("tools", "The model does not take tools.")
    if shelf.hosted and not capabilities.hosted_with_functions and _allows_hosted_alone(wanted, shelf):
        shelf.functions, shelf.custom, callable_tools = {}, {}, False
    if callable_tools and shelf.hosted and not capabilities.hosted_with_functions:
        reason = "the model takes the vendor's own tools only where no functions are offered"
        shelf.left_out += [_LeftOut(hosted.path, str(hosted.tool["type"]), reason) for hosted in shelf.hosted]
        shelf.hosted = []
    choice, allowed = _choice(wanted, shelf, tools)
    if choice.mode == "required" and not callable_tools and not shelf.hosted:
        refuse(
            "tool_choice", "tool_choice 'required' needs at least one tool that this provider can offer.", value=True
        )
    for left_out in shelf.left_out:
        if unsupported == "reject":
            _refuse_tool(left_out)
        shelf.conversions.append(dropped(left_out.path, left_out.reason))
    functions, custom, hosted = list(shelf.functions.values()), list(shelf.custom.values()), shelf.hosted
    if allowed is not None and "allowed_tools" not in capabilities.native_tools:
        hosted = [tool for tool in hosted if tool.path in allowed.hosted]
        if capabilities.allowed_tools and allowed.names:
            choice = ToolChoice(choice.mode, choice.name, tuple(allowed.names))
        else:
            functions = [tool for tool in functions if tool.name in allowed.names]
            custom = [tool for tool in custom if tool.name in allowed.names]
        hosted = [_narrowed(tool, allowed.servers.get(tool.path)) for tool in hosted]
    if shelf.search == "vendor" and not any(tool.type == "tool_search" for tool in hosted):
        shelf.conversions += [
            approximated(f"{tool.path}.defer_loading", _FROM_THE_START) for tool in functions if tool.deferred
        ]
        functions = [replace(tool, deferred=False) for tool in functions]
    return Offer(functions, choice, ToolTable(shelf.identities), shelf.names, capabilities, custom, hosted)


def _allows_hosted_alone(wanted: object, shelf: _Shelf) -> bool:
    """Whether the choice allows tools that the vendor runs, and no others."""
    if not isinstance(wanted, Mapping) or wanted["type"] != "allowed_tools":
        return False
    found = [_find(tool, shelf) for tool in wanted["tools"]]
    return any(isinstance(tool, HostedTool) for tool in found) and not any(isinstance(tool, str) for tool in found)


@dataclass(frozen=True, slots=True)
class _Allowed:
    """A subset of the tools: the names of functions and custom tools, and the paths of hosted ones. `servers`: which
    tools of an MCP server are allowed, by its path (None: all)."""

    names: list[str] = field(default_factory=list)
    hosted: list[str] = field(default_factory=list)
    servers: dict[str, list[str] | None] = field(default_factory=dict)

    def allow(self, hosted: HostedTool, name: object) -> None:
        """Allow a hosted tool, or the one tool of an MCP server that is named."""
        self.hosted.append(hosted.path)
        known = self.servers.setdefault(hosted.path, [])
        if not isinstance(name, str):
            self.servers[hosted.path] = None
        elif known is not None:
            known.append(name)


def _narrowed(hosted: HostedTool, names: Sequence[str] | None) -> HostedTool:
    """An MCP server with those tools alone that its own `allowed_tools` and the choice allow."""
    if hosted.type != "mcp" or names is None:
        return hosted
    own = hosted.tool.get("allowed_tools")
    filters = cast("Mapping[str, object]", own if isinstance(own, Mapping) else {"tool_names": own})
    listed = cast("Sequence[str] | None", filters.get("tool_names"))
    both = [name for name in names if listed is None or name in listed]
    if not both:
        label = hosted.tool.get("server_label")
        refuse("tool_choice", f"The allowed tools of the MCP server '{label}' are none that it offers.", value=True)
    rest = {"read_only": filters["read_only"]} if filters.get("read_only") is not None else {}
    narrowed = {**hosted.tool, "allowed_tools": {"tool_names": both, **rest} if rest else both}
    return replace(hosted, tool=narrowed)


def _choice(wanted: object, shelf: _Shelf, tools: Sequence[Tool]) -> tuple[ToolChoice, _Allowed | None]:
    if wanted is None or isinstance(wanted, str):
        mode = cast('Literal["none", "auto", "required"]', wanted or "auto")
        if mode == "required" and shelf.left_out and not shelf.names and not shelf.hosted:
            _refuse_tool(shelf.left_out[0])
        return ToolChoice(mode), None
    choice = cast("Mapping[str, object]", wanted)
    if choice["type"] == "allowed_tools":
        return _allowed_choice(choice, shelf)
    found = _find(choice, shelf)
    if isinstance(found, str):
        return ToolChoice("named", found), None
    if isinstance(found, HostedTool):
        return ToolChoice("hosted", cast("str | None", choice.get("name")), hosted=found), None
    if isinstance(found, _LeftOut):
        _refuse_tool(found)
    if choice["type"] in ("function", "custom"):
        refuse(
            "tool_choice", f"The tool '{choice.get('name')}' that tool_choice names is not among the tools.", value=True
        )
    return refuse(
        "tool_choice",
        f"tool_choice of type '{choice['type']}' names a tool that is not available with this provider"
        f"{'' if any(tool['type'] == choice['type'] for tool in tools) else ' and not among the tools'}.",
        value=True,
    )


def _allowed_choice(choice: Mapping[str, object], shelf: _Shelf) -> tuple[ToolChoice, _Allowed]:
    allowed = _Allowed()
    for index, tool in enumerate(cast("list[Mapping[str, object]]", choice["tools"])):
        found = _find(tool, shelf)
        if isinstance(found, str):
            allowed.names.append(found)
        elif isinstance(found, HostedTool):
            allowed.allow(found, tool.get("name"))
        elif (
            found is None
            and tool.get("type") == "namespace"
            and any(group == tool.get("name") for _, group in (*shelf.names, *shelf.waiting))
        ):
            allowed.names.extend(name for (_, group), name in shelf.names.items() if group == tool.get("name"))
        elif found is None and (tool.get("name"), tool.get("namespace")) not in shelf.waiting:
            name = tool.get("name") or tool.get("server_label") or tool.get("type")
            refuse(f"tool_choice.tools[{index}]", f"The tool '{name}' is not among the tools.", value=True)
    mode = cast('Literal["auto", "required"]', choice.get("mode") or "auto")
    if not allowed.names and not allowed.hosted:
        if mode == "required":
            refuse("tool_choice", "None of the allowed tools is available with this provider.", value=True)
        return ToolChoice("none"), allowed
    return ToolChoice(mode), allowed


def _find(choice: Mapping[str, object], shelf: _Shelf) -> str | HostedTool | _LeftOut | None:
    """The tool that a choice means: its offered name, a hosted tool, or one that was left out."""
    kind = cast(str, choice.get("type") or "")
    if kind in ("function", "custom"):
        return _named(choice, shelf.names)
    for built_in in _CHOICES.get(kind, (kind,)):
        if (name := shelf.names.get((built_in, BUILT_IN))) is not None:
            return name
    plain, label = PLAIN_NAMES.get(kind), choice.get("server_label")
    for hosted in shelf.hosted:
        if hosted.type in (plain, *_CHOICES.get(kind, (kind,))) and (
            label is None or hosted.tool.get("server_label") == label
        ):
            return hosted
    for left_out in shelf.left_out:
        if left_out.type in _CHOICES.get(kind, (kind,)) or (plain and PLAIN_NAMES.get(left_out.type) == plain):
            return left_out
    return None


def _named(choice: Mapping[str, object], names: Names) -> str | None:
    name = cast(str, choice.get("name") or "")
    namespace = cast("str | None", choice.get("namespace"))
    offered = names.get((name, namespace))
    if offered is None and namespace is None:
        candidates = [flat for (known, group), flat in names.items() if known == name and group != BUILT_IN]
        offered = candidates[0] if len(candidates) == 1 else None
    return offered


def _refuse_tool(tool: _LeftOut) -> NoReturn:
    message = f"The tool of type '{tool.type}' is not available: {tool.reason}."
    refuse(f"{tool.path}.type", message, value=True)
