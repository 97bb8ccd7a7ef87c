"""Tools and the choice between them, as each server takes them."""

import re
from collections.abc import Mapping
from typing import Any, Final

from providers.responses.profile import Profile
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated, dropped, refuse
from proxy.provider.history import CustomTool, FunctionTool, HostedTool
from proxy.provider.json_schema import inlined

Tool = dict[str, Any]

_OLDER_MODELS: Final = re.compile(r"(ft:)?(gpt-4|gpt-3\.5|chatgpt-4o|o1|o3|o4)")
"""Models that take no alternatives at the top of a function's schema (the vendor's validator)."""

_ALTERNATIVES: Final = ("anyOf", "oneOf", "allOf")


def offered_tools(prepared: Prepared, profile: Profile) -> list[Tool]:
    """The tools of the request, in the order in which the client gave them."""
    placed = [
        *((function.path, _function(function, prepared)) for function in prepared.tools),
        *((custom.path, _custom(custom)) for custom in prepared.custom_tools),
        *((hosted.path, _hosted(hosted, prepared, profile)) for hosted in prepared.hosted_tools),
    ]
    return [tool for _, tool in sorted(placed, key=lambda pair: _position(pair[0]))]


def tool_choice(prepared: Prepared, profile: Profile, tools: list[Tool]) -> object:
    """The choice; None where nothing has to be said. Refuses a forced choice that the server does not honour."""
    choice, asked = prepared.tool_choice, prepared.request.tool_choice
    if not tools or ("tool_choice" not in prepared.request.given and choice.mode == "auto" and choice.allowed is None):
        return None
    native = prepared.capabilities.native_tools
    if isinstance(asked, Mapping) and asked.get("type") == "allowed_tools" and "allowed_tools" in native:
        return asked
    mode = choice.mode
    if mode in ("none", "auto") and mode not in profile.choices:
        if mode == "none":
            prepared.conversions.append(dropped("tool_choice", "the server lets the model choose"))
        return None
    if mode in ("required", "named", "hosted") and mode not in profile.choices:
        if mode == "named" and "required" in profile.choices:
            tools[:] = [tool for tool in tools if tool.get("name") == choice.name]
            prepared.conversions.append(approximated("tool_choice", "only that tool is offered, and one is required"))
            return "required"
        refuse("tool_choice", "The server does not honour a forced choice of tools.", value=True)
    if mode == "hosted" and choice.hosted is not None:
        named: Tool = {"type": str(choice.hosted.tool["type"])}
        if choice.hosted.type == "mcp":
            named["server_label"] = choice.hosted.tool["server_label"]
            if choice.name is not None:
                named["name"] = choice.name
        return named
    if mode == "named":
        if isinstance(asked, Mapping) and asked.get("namespace") is not None and "namespace" in native:
            return asked
        custom = any(tool.name == choice.name for tool in prepared.custom_tools)
        return {"type": "custom" if custom else "function", "name": choice.name}
    return mode


def _function(tool: FunctionTool, prepared: Prepared) -> Tool:
    if tool.native is not None:
        offered = _given(tool.native) | {"name": tool.name}
    else:
        offered = {"type": "function", "name": tool.name}
        if tool.description:
            offered["description"] = tool.description
        offered["parameters"] = tool.parameters or {"type": "object", "properties": {}}
        if tool.strict is not None:
            offered["strict"] = tool.strict
    parameters = offered.get("parameters")
    if isinstance(parameters, Mapping):
        offered["parameters"] = _checked_schema(parameters, f"{tool.path}.parameters", prepared)
    return offered


def _custom(tool: CustomTool) -> Tool:
    if tool.native is not None:
        return _given(tool.native) | {"name": tool.name}
    members = {"description": tool.description, "format": tool.format}
    return {"type": "custom", "name": tool.name, **{name: value for name, value in members.items() if value}}


def _hosted(tool: HostedTool, prepared: Prepared, profile: Profile) -> Tool:
    offered = _given(tool.tool)
    known = profile.tool_members.get(tool.type)
    if known is None:
        return offered
    for name in sorted(set(offered) - {"type", *known}):
        del offered[name]
        prepared.conversions.append(dropped(f"{tool.path}.{name}", "the server does not know it"))
    return offered


def _checked_schema(schema: Mapping[str, Any], path: str, prepared: Prepared) -> Mapping[str, Any]:
    """The schema without alternatives at its top where the model's validator takes none."""
    model = prepared.capabilities.family or prepared.model
    if not _OLDER_MODELS.match(model) or not any(name in schema for name in _ALTERNATIVES):
        return schema
    flat: dict[str, Any] = {**inlined(schema).schema}
    properties: dict[str, Any] = dict(flat.get("properties") or {})
    for name in _ALTERNATIVES:
        for branch in flat.pop(name, ()):
            if isinstance(branch, Mapping):
                properties |= branch.get("properties") or {}
    prepared.conversions.append(
        approximated(path, "the model takes no alternatives at the top: their properties are offered", contract=True)
    )
    return {**flat, "type": "object", "properties": properties}


def _given(tool: Mapping[str, Any]) -> Tool:
    return {name: value for name, value in tool.items() if value is not None}


def _position(path: str) -> tuple[int, int]:
    """The order of the client's own list; tools that the history brought stand behind it."""
    numbers = re.findall(r"\[(\d+)\]", path)
    if path.startswith("tools[") and numbers:
        return (0, int(numbers[0]) * 1000 + (int(numbers[1]) if len(numbers) > 1 else 0))
    return (1, 0)
