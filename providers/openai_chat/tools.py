"""Tools, the choice among them, and whether several may be called."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from providers.openai_chat.dialect import Dialect
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated, dropped, ignored, refuse
from proxy.provider.history import CallItem, CustomTool, FunctionTool, HostedTool
from proxy.provider.json_schema import inlined

Body: TypeAlias = dict[str, Any]
CallableTool: TypeAlias = FunctionTool | CustomTool


def write_tools(body: Body, prepared: Prepared, dialect: Dialect) -> None:
    """Write them; choice and number of calls only together with tools. Raises RefusedError."""
    _write_hosted(body, prepared)
    tools, mode = _offered(prepared, dialect)
    if not tools:
        return
    choice = prepared.tool_choice
    body["tools"] = [_tool(tool, prepared, dialect) for tool in tools]
    if choice.allowed is not None and prepared.capabilities.allowed_tools and mode in ("auto", "required"):
        kinds = {tool.name: tool for tool in tools}
        allowed = [_named(kinds[name]) for name in choice.allowed if name in kinds]
        body["tool_choice"] = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}
    elif mode == "named":
        body["tool_choice"] = _named(next((tool for tool in tools if tool.name == choice.name), tools[0]))
    elif mode in dialect.tool_choices and (mode != "auto" or "tool_choice" in prepared.request.given):
        body["tool_choice"] = dialect.required_word if mode == "required" else mode
    _parallel_tool_calls(body, prepared, dialect)


def callable_tools(prepared: Prepared) -> Sequence[CallableTool]:
    """What the model may call: functions and custom tools, in the client's order."""
    if not prepared.custom_tools:
        return prepared.tools
    return sorted([*prepared.tools, *prepared.custom_tools], key=_place)


def _place(tool: CallableTool) -> list[tuple[str, int]]:
    """The tool's place in the request, to be compared: `tools[2]` stands before `tools[10]`."""
    steps = (step.rstrip("]").partition("[") for step in tool.path.split("."))
    return [(name, int(index) if index.isdecimal() else 0) for name, _, index in steps]


def _offered(prepared: Prepared, dialect: Dialect) -> tuple[Sequence[CallableTool], str]:
    """The tools and the mode of choice, as far as the server knows it."""
    tools, choice = callable_tools(prepared), prepared.tool_choice
    if choice.mode == "hosted" or (choice.mode == "required" and not tools):
        refuse("tool_choice", "The provider cannot force the model to use a tool of its own.", value=True)
    if choice.mode == "none" and dialect.hides_tools and not any(isinstance(item, CallItem) for item in prepared.items):
        return [], "none"
    if choice.mode in dialect.tool_choices:
        return tools, choice.mode
    if choice.mode == "none":
        # No tools leave no choice.
        return [], "none"
    if choice.mode == "required" and "named" in dialect.tool_choices and len(tools) == 1:
        return tools, "named"
    if choice.mode == "named":
        tools = [tool for tool in tools if tool.name == choice.name]
        if "required" in dialect.tool_choices:
            reason = "the server takes no named choice: that tool alone is offered, and required"
            prepared.conversions.append(approximated("tool_choice", reason))
            return tools, "required"
    if choice.mode != "auto":
        if dialect.unforced == "refused":
            refuse("tool_choice", "The provider cannot force the model to call a tool.", value=True)
        reason = "the server cannot force the model to call a tool: the model may answer in words"
        prepared.conversions.append(dropped("tool_choice", reason))
    return tools, "auto"


def _tool(tool: CallableTool, prepared: Prepared, dialect: Dialect) -> Body:
    if isinstance(tool, CustomTool):
        return _custom(tool)
    function: Body = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    parameters = _of_an_object(tool.parameters)
    if dialect.inline_references:
        parameters = without_references(parameters, f"{tool.path}.parameters", prepared)
    function["parameters"] = parameters
    if tool.strict is not None and dialect.strict_tools:
        function["strict"] = tool.strict
    elif tool.strict:
        reason = "the server has no strict mode: the schema is sent without it"
        prepared.conversions.append(approximated(f"{tool.path}.strict", reason, contract=True))
    return {"type": "function", "function": function}


def _of_an_object(schema: Mapping[str, object] | None) -> Mapping[str, object]:
    """The schema of a function's arguments, which are an object, whether it says so or not."""
    if not schema:
        return {"type": "object", "properties": {}}
    return schema if not _SAYS_WHAT.isdisjoint(schema) else {"type": "object", **schema}


_SAYS_WHAT: Final = frozenset({"$ref", "allOf", "anyOf", "const", "enum", "not", "oneOf", "type"})
"""Members of a schema that say, or may say, of which type its values are."""


def _custom(tool: CustomTool) -> Body:
    """A custom tool: its grammar stands one level deeper than in Responses."""
    custom: Body = {"name": tool.name}
    if tool.description is not None:
        custom["description"] = tool.description
    if tool.format is not None:
        kind = tool.format["type"]
        grammar = {name: value for name, value in tool.format.items() if name != "type"}
        custom["format"] = {"type": kind, **({"grammar": grammar} if grammar else {})}
    return {"type": "custom", "custom": custom}


def _named(tool: CallableTool) -> Body:
    kind = "custom" if isinstance(tool, CustomTool) else "function"
    return {"type": kind, kind: {"name": tool.name}}


def without_references(schema: object, path: str, prepared: Prepared) -> Mapping[str, object]:
    """The schema without references; one that refers to itself is cut, which is told."""
    if not isinstance(schema, Mapping):
        return {}
    found = inlined(schema)
    if found.cut:
        reason = "the server takes no schema that refers to itself: it is cut where it would begin again"
        prepared.conversions.append(approximated(path, reason, contract=True))
    return found.schema


def _parallel_tool_calls(body: Body, prepared: Prepared, dialect: Dialect) -> None:
    """Said only where it differs from what the server does anyhow; the default of Responses is true."""
    wanted = prepared.request.parallel_tool_calls
    if wanted == dialect.parallel_tool_calls:
        return
    if "parallel_tool_calls" in dialect.optional:
        body["parallel_tool_calls"] = wanted
    elif not wanted:
        prepared.conversions.append(dropped("parallel_tool_calls", "the server cannot be told"))


# --- tools of the server's own ----------------------------------------------------------------------------------------


def searches_the_web(prepared: Prepared) -> bool:
    """Whether the client asked for the server's own search."""
    return prepared.tool_choice.mode != "none" and any(tool.type == "web_search" for tool in prepared.hosted_tools)


def _write_hosted(body: Body, prepared: Prepared) -> None:
    hosted = prepared.hosted_tools
    if not hosted:
        return
    if prepared.request.max_tool_calls is not None:
        prepared.conversions.append(dropped("max_tool_calls", "the server does not limit its own tools"))
    seen: set[str] = set()
    for tool in hosted:
        encode = _HOSTED.get(tool.type)
        if encode is None or tool.type in seen:
            reason = "the server takes it once" if encode is not None else "the server has no such tool"
            prepared.conversions.append(dropped(tool.path, reason))
        elif prepared.tool_choice.mode == "none":
            prepared.conversions.append(ignored(tool.path, "no tool may be called"))
        else:
            encode(body, tool, prepared)
        seen.add(tool.type)


def _web_search(body: Body, tool: HostedTool, prepared: Prepared) -> None:
    """The search of models that are made for it: a member of its own (OpenAI)."""
    report, path = prepared.conversions.append, tool.path
    filters = tool.tool.get("filters")
    if isinstance(filters, Mapping):
        if filters.get("allowed_domains"):
            refuse(f"{path}.filters.allowed_domains", "Searches of Chat Completions cannot be held to some domains.")
        report(ignored(f"{path}.filters", "it names no domain"))
    for member, usual in _UNTOLD.items():
        value = tool.tool.get(member)
        if value in usual:
            report(ignored(f"{path}.{member}", "the usual value"))
        elif value is not None:
            report(dropped(f"{path}.{member}", "Chat Completions has no such setting"))
    options: Body = {}
    if (size := tool.tool.get("search_context_size")) is not None:
        options["search_context_size"] = size
    location = tool.tool.get("user_location")
    if isinstance(location, Mapping):
        places = {name: value for name, value in location.items() if name != "type" and value is not None}
        options["user_location"] = {"type": "approximate", "approximate": places}
    body["web_search_options"] = options


_UNTOLD: Final[Mapping[str, Sequence[object]]] = {
    "external_web_access": (True,),
    "return_token_budget": ("default",),
    "search_content_types": (["text"], []),
}

_HOSTED: Final[Mapping[str, Callable[[Body, HostedTool, Prepared], None]]] = {"web_search": _web_search}
"""By the plain name; a row that lists others offers nothing by it."""
