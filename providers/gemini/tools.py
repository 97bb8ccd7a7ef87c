"""Function tools, and the vendor's own -> `tools` and `toolConfig`.

Source: Google's function-calling guide. All functions stand in one tool. The calling mode is request-wide: VALIDATED
holds every call to its schema and leaves the choice free, as AUTO does.

Beside functions the vendor shows what its own tools do, and wants to be sent it again (`circulates`): then it knows no
AUTO.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from providers.gemini.models import Model
from providers.gemini.schema import to_dialect
from providers.gemini.server_tools import ServerTools
from providers.gemini.structured import FINAL_ANSWER, OutputFormat, report_schema
from proxy.provider.contract import Prepared
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse
from proxy.provider.history import FunctionTool

Declaration: TypeAlias = Mapping[str, object]

ENFORCING_MODES: Final = frozenset({"ANY", "VALIDATED"})
"""Calling modes in which arguments are held to their schemas."""


def tools_and_config(
    prepared: Prepared,
    model: Model,
    form: OutputFormat,
    server_tools: ServerTools,
    *,
    circulates: bool = False,
    shows_tools: bool = True,
) -> tuple[list[dict[str, object]], dict[str, object] | None]:
    """`tools` and `toolConfig`. `circulates`: the conversation has what the vendor showed of its own tools.
    `shows_tools`: the host shows it beside functions. Raises RefusedError."""
    offered = _offered(prepared) if form.declares_tools else []
    config: dict[str, object] = {}
    if circulates or (shows_tools and server_tools.tools and offered):
        config["includeServerSideToolInvocations"] = True
    if not offered:
        if prepared.tool_choice.mode in ("required", "named") and not server_tools.forced:
            refuse("tool_choice", "A tool is required, but none is offered that the model can call.", value=True)
        if not prepared.request.parallel_tool_calls:
            prepared.conversions.append(ignored("parallel_tool_calls", "no tool is offered"))
        return server_tools.tools, config or None
    calling = _calling(prepared, model, form, offered, circulates=bool(config))
    mode = calling.get("mode")
    declarations: list[Declaration] = [_declaration(tool, mode, prepared.conversions) for tool in offered]
    if form.final_answer is not None:
        declarations.append(form.final_answer)
    if not prepared.request.parallel_tool_calls:
        if mode == "NONE":
            prepared.conversions.append(ignored("parallel_tool_calls", "no tool may be called"))
        else:
            prepared.conversions.append(dropped("parallel_tool_calls", "the vendor cannot be told"))
    if calling:
        config["functionCallingConfig"] = calling
    return [{"functionDeclarations": declarations}, *server_tools.tools], config or None


def _offered(prepared: Prepared) -> list[FunctionTool]:
    """The tools that are declared: only the vendor's ANY knows allowed names, so otherwise the others are left out."""
    choice = prepared.tool_choice
    if choice.allowed is None or (choice.mode == "required" and choice.allowed):
        return prepared.tools
    return [tool for tool in prepared.tools if tool.name in choice.allowed]


def _calling(
    prepared: Prepared, model: Model, form: OutputFormat, offered: list[FunctionTool], *, circulates: bool
) -> dict[str, object]:
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
    lenient = [tool for tool in offered if tool.strict is False]
    if circulates and lenient:
        reason = "beside the vendor's own tools every call is held to its schema"
        prepared.conversions += [approximated(f"{tool.path}.strict", reason) for tool in lenient]
    if circulates or (model.validated and not lenient):
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
