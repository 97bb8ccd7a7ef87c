"""Tools as they are offered to a vendor: flat, safely named functions, and the table that leads back.

What a target does not take is dropped and declared when it is only offered, and refused when the request depends on it
(Responses reference, section 6.1).
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias, cast

from proxy.provider.capabilities import Capabilities
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse
from proxy.provider.history import AUTO, FunctionTool, ToolChoice
from proxy.responses.tool_table import NO_TOOLS, ToolIdentity, ToolTable

Tool: TypeAlias = Mapping[str, object]
UnsupportedTools: TypeAlias = Literal["drop", "reject"]

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools of one request. `names` leads from (name, namespace) to the offered name."""

    tools: list[FunctionTool]
    choice: ToolChoice
    table: ToolTable
    names: Mapping[tuple[str, str | None], str]
    capabilities: Capabilities

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


def offer(
    tools: Sequence[Tool] | None,
    tool_choice: object,
    capabilities: Capabilities,
    *,
    unsupported: UnsupportedTools,
    conversions: list[Conversion],
    brought: Sequence[tuple[str, Tool]] = (),
) -> Offer:
    """Offer the request's tools to a target, and those that items of the history brought along, each with its path.
    Raises RefusedError (400) for what must not be lost."""
    if not tools and not brought and tool_choice in (None, "auto", "none"):
        return Offer([], AUTO, NO_TOOLS, {}, capabilities)
    placed = [*((f"tools[{index}]", tool) for index, tool in enumerate(tools or ())), *brought]
    identities: dict[str, ToolIdentity] = {}
    names: dict[tuple[str, str | None], str] = {}
    offered: list[FunctionTool] = []
    left_out: list[tuple[str, str]] = []
    for path, tool, namespace in _functions(placed, left_out):
        name = cast(str, tool["name"])
        if (name, namespace) in names:
            refuse(f"{path}.name", f"The tool '{name}' is defined more than once.", value=True)
        flat = _flat(name, namespace)
        unique = safe_name(flat, capabilities)
        if unique in identities:
            unique = _hashed(_safe(flat, capabilities), f"{namespace}\0{name}", capabilities.tool_name_limit)
        identities[unique] = ToolIdentity(name, namespace)
        names[name, namespace] = unique
        offered.append(_function(tool, unique, path, conversions))
    conversions += [
        approximated(f"{path}.description", "a namespace's tools are offered one by one, under its name")
        for path, tool in placed
        if tool["type"] == "namespace" and tool.get("description")
    ]
    if offered and not capabilities.tools:
        refuse("tools", "The model does not take tools.")
    choice, subset = _choice(tool_choice, names, left_out, [tool for _, tool in placed])
    if choice.mode == "required" and not offered:
        refuse(
            "tool_choice", "tool_choice 'required' needs at least one tool that this provider can offer.", value=True
        )
    for path, kind in left_out:
        if unsupported == "reject":
            _refuse_tool(path, kind)
        conversions.append(dropped(path, f"tools of type {kind} are not available with this provider"))
    if subset is not None:
        if capabilities.allowed_tools:
            choice = ToolChoice(choice.mode, choice.name, subset)
        else:
            offered = [tool for tool in offered if tool.name in subset]
    return Offer(offered, choice, ToolTable(identities), names, capabilities)


def _flat(name: str, namespace: str | None) -> str:
    return name if namespace is None else f"{namespace}__{name}"


def _hashed(safe: str, whole: str, limit: int) -> str:
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{safe[: limit - 9]}_{digest}"


def _functions(
    placed: Sequence[tuple[str, Tool]], left_out: list[tuple[str, str]]
) -> Iterable[tuple[str, Tool, str | None]]:
    """The functions among the tools, those of namespaces included, each with its path; the rest goes to `left_out`."""
    for path, tool in placed:
        if tool["type"] == "function":
            yield path, tool, None
        elif tool["type"] == "namespace":
            for position, member in enumerate(cast("list[Tool]", tool["tools"])):
                inner = f"{path}.tools[{position}]"
                if member["type"] == "function":
                    yield inner, member, cast(str, tool["name"])
                else:
                    left_out.append((inner, cast(str, member["type"])))
        else:
            left_out.append((path, cast(str, tool["type"])))


def _function(tool: Tool, name: str, path: str, conversions: list[Conversion]) -> FunctionTool:
    conversions += [
        ignored(f"{path}.{member}") for member in ("allowed_callers", "output_schema") if tool.get(member) is not None
    ]
    if tool.get("async"):
        conversions.append(dropped(f"{path}.async", "the provider has no asynchronous tools"))
    if tool.get("defer_loading"):
        conversions.append(approximated(f"{path}.defer_loading", "the tool is offered from the start"))
    return FunctionTool(
        name,
        cast("str | None", tool.get("description")),
        cast("Mapping[str, object] | None", tool.get("parameters")),
        cast("bool | None", tool.get("strict")),
        path,
    )


def _choice(
    wanted: object,
    names: Mapping[tuple[str, str | None], str],
    left_out: Sequence[tuple[str, str]],
    tools: Sequence[Tool],
) -> tuple[ToolChoice, tuple[str, ...] | None]:
    """The choice, and the names of an allowed subset."""
    if wanted is None or isinstance(wanted, str):
        mode = cast('Literal["none", "auto", "required"]', wanted or "auto")
        if mode == "required" and left_out and not names:
            _refuse_tool(*left_out[0])
        return ToolChoice(mode), None
    choice = cast("Mapping[str, object]", wanted)
    kind = cast(str, choice["type"])
    if kind == "function":
        return ToolChoice("named", _named(choice, names, "tool_choice")), None
    if kind == "allowed_tools":
        subset = []
        for index, tool in enumerate(cast("list[Mapping[str, object]]", choice["tools"])):
            path = f"tool_choice.tools[{index}]"
            if tool.get("type") == "function":
                subset.append(_named(tool, names, path))
            elif not any(kind == tool.get("type") for _, kind in left_out):
                refuse(path, f"The tool '{tool.get('name') or tool.get('type')}' is not among the tools.", value=True)
        mode = cast('Literal["auto", "required"]', choice.get("mode") or "auto")
        if not subset:
            if mode == "required":
                refuse("tool_choice", "None of the allowed tools is available with this provider.", value=True)
            return ToolChoice("none"), None
        return ToolChoice(mode), tuple(subset)
    for path, offered_kind in left_out:
        if offered_kind == kind or offered_kind.startswith(f"{kind}_"):
            _refuse_tool(path, offered_kind)
    return refuse(
        "tool_choice",
        f"tool_choice of type '{kind}' names a tool that is not available with this provider"
        f"{'' if any(tool['type'] == kind for tool in tools) else ' and not among the tools'}.",
        value=True,
    )


def _named(choice: Mapping[str, object], names: Mapping[tuple[str, str | None], str], path: str) -> str:
    name = cast(str, choice.get("name") or "")
    namespace = cast("str | None", choice.get("namespace"))
    offered = names.get((name, namespace))
    if offered is None and namespace is None:
        candidates = [flat for (known, _), flat in names.items() if known == name]
        offered = candidates[0] if len(candidates) == 1 else None
    if offered is None:
        refuse(path, f"The tool '{name}' that tool_choice names is not among the tools.", value=True)
    return offered


def _refuse_tool(path: str, kind: str) -> NoReturn:
    refuse(f"{path}.type", f"Tools of type '{kind}' are not available with this provider.", value=True)
