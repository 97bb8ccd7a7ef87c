"""Tools, the choice among them, and the one flag that makes all of them strict."""

from collections.abc import Mapping
from typing import Final

from providers.cohere.models import Model
from providers.cohere.parts import Block
from providers.cohere.schema import MAX_FIELDS, fields, obstacle, to_dialect
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated, dropped, ignored, refuse
from proxy.provider.history import FunctionTool

CHOICES: Final = {"none": "NONE", "required": "REQUIRED", "named": "REQUIRED"}


def write_tools(prepared: Prepared, model: Model) -> Block:
    """The members `tools`, `strict_tools` and `tool_choice`. Raises RefusedError."""
    tools, choice = _offered(prepared, model)
    if not tools:
        return {}
    strict = _strict(tools, prepared)
    members: Block = {"tools": [_tool(tool, prepared, strict=strict) for tool in tools]}
    if strict:
        members["strict_tools"] = True
    if choice is not None:
        members["tool_choice"] = choice
    if prepared.request.parallel_tool_calls is False:
        prepared.conversions.append(dropped("parallel_tool_calls", "the model may call several tools at once"))
    return members


def _offered(prepared: Prepared, model: Model) -> tuple[list[FunctionTool], str | None]:
    """The tools and the choice, as far as the model knows it."""
    choice, tools = prepared.tool_choice, prepared.tools
    if choice.mode == "named":
        tools = [tool for tool in tools if tool.name == choice.name]
    if choice.mode in ("required", "named", "hosted") and not tools:
        refuse("tool_choice", "A tool is required, but none is offered that the model can call.", value=True)
    if len(tools) < len(prepared.tools):
        _report_left_out(prepared, tools)
    if choice.mode not in CHOICES:
        return tools, None
    if model.tool_choice and prepared.capabilities.forced_tool_choice:
        return tools, CHOICES[choice.mode]
    if choice.mode == "none":
        prepared.conversions.append(approximated("tool_choice", "the model takes no choice: no tool is offered"))
        return [], None
    prepared.conversions.append(dropped("tool_choice", "the model cannot be forced: it may answer in words"))
    return tools, None


def _report_left_out(prepared: Prepared, tools: list[FunctionTool]) -> None:
    """A named choice is that tool alone, and required."""
    reason = "the vendor takes no named choice: that tool alone is offered, and required"
    prepared.conversions.append(approximated("tool_choice", reason))
    left_out = (tool for tool in prepared.tools if tool not in tools)
    prepared.conversions.extend(ignored(tool.path, "another tool has to be called") for tool in left_out)


def _strict(tools: list[FunctionTool], prepared: Prepared) -> bool:
    """Whether the vendor holds the model to the schemas, which it does for all the tools or for none."""
    wanted = [tool for tool in tools if tool.strict]
    if not wanted:
        return False
    reason = None
    if len(wanted) < len(tools):
        reason = "the vendor is strict with all tools or with none, and not all of these are"
    else:
        reasons = (obstacle(parameters_of(tool)) for tool in tools)
        reason = next((found for found in reasons if found is not None), None)
        if reason is None and sum(fields(parameters_of(tool)) for tool in tools) > MAX_FIELDS:
            reason = f"strict tools have {MAX_FIELDS} fields at most, all together"
    if reason is None:
        return True
    prepared.conversions.extend(dropped(f"{tool.path}.strict", reason) for tool in wanted)
    return False


def _tool(tool: FunctionTool, prepared: Prepared, *, strict: bool) -> Block:
    function: Block = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    parameters = parameters_of(tool)
    if strict:
        found = to_dialect(parameters)
        if found.told:
            reason = f"told, but not enforced: {', '.join(found.told)}"
            prepared.conversions.append(approximated(f"{tool.path}.parameters", reason, contract=True))
        parameters = found.schema
    function["parameters"] = parameters
    return {"type": "function", "function": function}


def parameters_of(tool: FunctionTool) -> Mapping[str, object]:
    """The schema of a function's arguments, which are an object, whether it says so or not."""
    if not tool.parameters:
        return {"type": "object", "properties": {}}
    return {"type": "object", **tool.parameters}
