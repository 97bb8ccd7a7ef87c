"""Function tools -> `tools` and `toolConfig`.

Source: Google's function-calling guide. All functions stand in one tool. The calling mode is request-wide: VALIDATED
holds every call to its schema and leaves the choice free, as AUTO does.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from providers.gemini.models import Model
from providers.gemini.schema import to_dialect
from providers.gemini.structured import FINAL_ANSWER, OutputFormat, report_schema
from proxy.provider.contract import Prepared
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse
from proxy.provider.history import FunctionTool

Declaration: TypeAlias = Mapping[str, object]

ENFORCING_MODES: Final = frozenset({"ANY", "VALIDATED"})
"""Calling modes in which arguments are held to their schemas."""


def tools_and_config(
    prepared: Prepared, model: Model, form: OutputFormat
) -> tuple[list[dict[str, object]], dict[str, object] | None]:
    """`tools` and `toolConfig`; without functions the vendor takes no config. Raises RefusedError."""
    offered = _offered(prepared) if form.declares_tools else []
    if not offered:
        if prepared.tool_choice.mode in ("required", "named"):
            refuse("tool_choice", "A tool is required, but none is offered that the model can call.", value=True)
        if not prepared.request.parallel_tool_calls:
            prepared.conversions.append(ignored("parallel_tool_calls", "no tool is offered"))
        return [], None
    calling = _calling(prepared, model, form, offered)
    mode = calling.get("mode")
    declarations: list[Declaration] = [_declaration(tool, mode, prepared.conversions) for tool in offered]
    if form.final_answer is not None:
        declarations.append(form.final_answer)
    if not prepared.request.parallel_tool_calls:
        if mode == "NONE":
            prepared.conversions.append(ignored("parallel_tool_calls", "no tool may be called"))
        else:
            prepared.conversions.append(dropped("parallel_tool_calls", "the vendor cannot be told"))
    return [{"functionDeclarations": declarations}], {"functionCallingConfig": calling} if calling else None


def _offered(prepared: Prepared) -> list[FunctionTool]:
    """The tools that are declared: only the vendor's ANY knows allowed names, so otherwise the others are left out."""
    choice = prepared.tool_choice
    if choice.allowed is None or choice.mode == "required":
        return prepared.tools
    return [tool for tool in prepared.tools if tool.name in choice.allowed]


def _calling(prepared: Prepared, model: Model, form: OutputFormat, offered: list[FunctionTool]) -> dict[str, object]:
    """The `functionCallingConfig`; empty where the vendor's own default is meant."""
    choice = prepared.tool_choice
    if form.final_answer is not None:
        return {"mode": "ANY", "allowedFunctionNames": [*(tool.name for tool in offered), FINAL_ANSWER]}
    if choice.mode == "none":
        return {"mode": "NONE"}
    if choice.mode == "named":
        return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    if choice.mode == "required":
        return {"mode": "ANY"} if choice.allowed is None else {"mode": "ANY", "allowedFunctionNames": [*choice.allowed]}
    if model.validated and all(tool.strict is not False for tool in offered):
        return {"mode": "VALIDATED"}
    return {}


def _declaration(tool: FunctionTool, mode: object, conversions: list[Conversion]) -> Declaration:
    declaration: dict[str, object] = {"name": tool.name}
    if tool.description:
        declaration["description"] = tool.description
    if tool.parameters:
        path = f"{tool.path}.parameters"
        found = to_dialect(tool.parameters)
        # What the client wants to be lenient about is no promise.
        report_schema(found, path, conversions, contract=tool.strict is not False)
        schema = found.schema
        kind = schema.get("type", "object")
        if isinstance(kind, list) and "object" in kind:
            schema = {**schema, "type": "object"}
            conversions.append(approximated(path, "the arguments of a function are always an object"))
        elif kind != "object":
            refuse(path, "The parameters of a function must be a JSON Schema of type 'object'.", value=True)
        declaration["parametersJsonSchema"] = schema if "type" in schema else {"type": "object", **schema}
    if tool.strict:
        if mode == "NONE":
            conversions.append(ignored(f"{tool.path}.strict", "no tool may be called"))
        elif mode not in ENFORCING_MODES:
            reason = "told, but not enforced: the model is strict with all tools of a request or with none"
            conversions.append(approximated(f"{tool.path}.strict", reason, contract=True))
    return declaration
