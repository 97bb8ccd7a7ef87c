"""Function tools and the choice among them -> `toolConfig`, and what Claude is told beside it.

Converse has no choice `none`, and wants the tools declared as soon as the conversation has a call. What it lacks,
Claude takes among the fields of its own API.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from providers.anthropic.property_names import renamed, vendor_names
from providers.anthropic.schema import StrictLimits, Unsupported, to_dialect
from providers.anthropic.tool_schema import has_alternatives, without_alternatives
from providers.bedrock.content import Block
from providers.bedrock.models import Model
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated, dropped, ignored, refuse
from proxy.provider.history import FunctionTool
from proxy.provider.json_schema import LIST_KEYWORDS, MAP_KEYWORDS, SCHEMA_KEYWORDS, Schema, inlined, references

STUB: Final = "No longer available."
"""The description of a function that stands in the conversation and is not offered."""

LEFT_OUT: Final[Mapping[str, bool]] = {"$schema": False, "contains": True, "minContains": True, "maxContains": True}
"""Keywords that the vendor refuses, and whether they mean anything."""

LEAST_ARGUMENTS: Final[Block] = {"type": "object", "properties": {}}


@dataclass(slots=True)
class ToolPlan:
    """`config` is `toolConfig`; `claude` is what Claude is told as `tool_choice` of its own; `forced`: a call is."""

    config: Block | None = None
    claude: dict[str, object] = field(default_factory=dict)
    forced: bool = False


def plan_tools(
    prepared: Prepared, model: Model, strict: StrictLimits, server_tools: list[Block], called: Mapping[str, None]
) -> ToolPlan:
    """`called` are the functions that the conversation has calls of. Raises RefusedError."""
    choice, conversions = prepared.tool_choice, prepared.conversions
    offered = _offered(prepared)
    wants_call = choice.mode in ("required", "named", "hosted")
    if not prepared.capabilities.tools and offered:
        conversions += [dropped(tool.path, "the model takes no tools") for tool in offered]
        offered = []
    if wants_call and not (offered or server_tools):
        refuse("tool_choice", "A tool is required, but none is offered that the model can call.", value=True)
    if choice.mode == "none" and not called:
        if not prepared.request.parallel_tool_calls:
            conversions.append(ignored("parallel_tool_calls", "no tool may be called"))
        return ToolPlan()
    tools = [*(_tool(tool, prepared, model, strict) for tool in offered), *server_tools]
    if not tools:
        if not prepared.request.parallel_tool_calls:
            conversions.append(ignored("parallel_tool_calls", "no tool is offered"))
        return _stubs(prepared, model, called)
    plan = ToolPlan({"tools": tools})
    if choice.mode == "none":
        _no_call(plan, prepared, model)
        return plan
    _choose(plan, prepared, offered=bool(offered))
    _one_at_a_time(plan, prepared, model)
    return plan


def _offered(prepared: Prepared) -> list[FunctionTool]:
    choice, offered = prepared.tool_choice, prepared.tools
    if choice.allowed is not None:
        offered = [tool for tool in offered if tool.name in choice.allowed]
    if choice.mode == "named" and not prepared.capabilities.forced_tool_choice:
        left = [tool for tool in offered if tool.name != choice.name]
        prepared.conversions += [ignored(tool.path, "the choice leaves it out") for tool in left]
        offered = [tool for tool in offered if tool.name == choice.name]
    return offered


def _stubs(prepared: Prepared, model: Model, called: Mapping[str, None]) -> ToolPlan:
    """Nothing is offered: functions that were called are declared all the same, as far as the vendor wants it."""
    if not called:
        return ToolPlan()
    tools: list[Block] = [
        {"toolSpec": {"name": name, "description": STUB, "inputSchema": {"json": LEAST_ARGUMENTS}}} for name in called
    ]
    if model.claude is not None:
        return ToolPlan({"tools": tools}, {"type": "none"})
    prepared.conversions.append(
        approximated("tools", "functions that were called earlier are declared: the vendor asks it")
    )
    return ToolPlan({"tools": tools})


def _no_call(plan: ToolPlan, prepared: Prepared, model: Model) -> None:
    if model.claude is not None:
        plan.claude = {"type": "none"}
    else:
        reason = "the vendor wants the tools of the conversation declared, and the model may call them"
        prepared.conversions.append(dropped("tool_choice", reason))
    if not prepared.request.parallel_tool_calls:
        prepared.conversions.append(ignored("parallel_tool_calls", "no tool may be called"))


def _choose(plan: ToolPlan, prepared: Prepared, *, offered: bool) -> None:
    choice, config = prepared.tool_choice, plan.config
    assert config is not None
    if choice.mode == "auto":
        if "tool_choice" in prepared.request.given and offered:
            config["toolChoice"] = {"auto": {}}
    elif not prepared.capabilities.forced_tool_choice or not offered:
        reason = "the model cannot be forced; it may choose among these tools"
        prepared.conversions.append(approximated("tool_choice", reason, contract=True))
    else:
        plan.forced = True
        config["toolChoice"] = {"tool": {"name": choice.name}} if choice.mode == "named" else {"any": {}}


def _one_at_a_time(plan: ToolPlan, prepared: Prepared, model: Model) -> None:
    if prepared.request.parallel_tool_calls:
        return
    if model.claude is None:
        prepared.conversions.append(dropped("parallel_tool_calls", "the vendor cannot be told"))
        return
    # The type stands here only where the choice does not stand in `toolConfig`: the vendor refuses it twice, and none.
    plan.claude = {"disable_parallel_tool_use": True}
    if plan.config is not None and "toolChoice" not in plan.config:
        plan.claude = {"type": "auto", **plan.claude}


# --- one tool -------------------------------------------------------------------------------------------------------


def _tool(tool: FunctionTool, prepared: Prepared, model: Model, strict: StrictLimits) -> Block:
    path, report = f"{tool.path}.parameters", prepared.conversions.append
    schema = _arguments(tool, path)
    if model.claude is not None:
        if has_alternatives(schema):
            schema = without_alternatives(schema)
            report(approximated(path, "told, but not enforced: the alternatives at the top", contract=True))
        if names := vendor_names(schema):
            schema = renamed(schema, names)
            report(approximated(path, "the vendor is told other names of some properties"))
    if model.inline_schemas and references(schema):
        made = inlined(schema)
        schema = made.schema
        if made.cut:
            report(approximated(path, "told, but not enforced: where the schema leads back into itself", contract=True))
    lost: set[str] = set()
    schema = _without(schema, lost)
    if lost:
        report(approximated(path, f"not carried: {', '.join(sorted(lost))}", contract=True))
    spec: Block = {"name": tool.name}
    if tool.description and not tool.description.isspace():
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": schema}
    if tool.strict:
        _make_strict(spec, schema, tool, prepared, model, strict)
    if tool.deferred:
        report(approximated(f"{tool.path}.defer_loading", "the tool is offered from the start"))
    return {"toolSpec": spec}


def _arguments(tool: FunctionTool, path: str) -> dict[str, object]:
    schema: dict[str, object] = dict(tool.parameters or LEAST_ARGUMENTS)
    if schema.get("type") is None:
        return {"type": "object", **{name: value for name, value in schema.items() if name != "type"}}
    if schema["type"] != "object":
        refuse(path, "The parameters of a function must be a JSON Schema of type 'object'.", value=True)
    return schema


def _make_strict(
    spec: Block,
    schema: dict[str, object],
    tool: FunctionTool,
    prepared: Prepared,
    model: Model,
    strict: StrictLimits,
) -> None:
    path, report = f"{tool.path}.strict", prepared.conversions.append
    if not model.strict_tools:
        report(dropped(path, "the model is held to no schema of a tool"))
        return
    try:
        converted = to_dialect(schema)
    except Unsupported as unsupported:
        report(dropped(path, f"the vendor does not take it: {unsupported}"))
        return
    if not strict.admit(converted.schema):
        report(dropped(path, "more strict schemas than the vendor takes"))
        return
    spec["inputSchema"] = {"json": converted.schema}
    spec["strict"] = True
    if converted.losses:
        reason = f"told, but not enforced: {', '.join(converted.losses)}"
        report(approximated(f"{tool.path}.parameters", reason, contract=True))


def _without(schema: Schema, lost: set[str]) -> dict[str, object]:
    """The schema without the keywords that the vendor refuses. `lost` takes the names of those that mean something."""
    return dict(_kept(schema, lost))


def _kept(schema: Schema, lost: set[str]) -> Iterator[tuple[str, object]]:
    for name, value in schema.items():
        if name in LEFT_OUT:
            if LEFT_OUT[name]:
                lost.add(name)
        elif name in SCHEMA_KEYWORDS and isinstance(value, Mapping):
            yield name, _without(value, lost)
        elif name in LIST_KEYWORDS and isinstance(value, list):
            yield name, [_without(entry, lost) if isinstance(entry, Mapping) else entry for entry in value]
        elif name in MAP_KEYWORDS and isinstance(value, Mapping):
            kept = {key: _without(entry, lost) if isinstance(entry, Mapping) else entry for key, entry in value.items()}
            yield name, kept
        else:
            yield name, value
