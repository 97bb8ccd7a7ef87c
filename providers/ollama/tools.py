"""Functions -> `tools`, and what the model is told where a call is wanted of it, which the server cannot force.

The server reads a function's parameters into types of its own (`ToolFunctionParameters` and `ToolProperty` of its API)
and tells the model what has a place there. What has none is sent, for servers that know more, and declared.
"""

from collections.abc import Mapping
from typing import Any, Final

from proxy.provider.contract import Prepared
from proxy.provider.conversions import Conversion, approximated, ignored, refuse
from proxy.provider.history import FunctionTool
from proxy.provider.json_schema import Schema, depth, inlined, references

Block = dict[str, Any]

MAX_DEPTH: Final = 64
"""How many schemas may stand inside each other."""

NO_PARAMETERS: Final[Schema] = {"type": "object", "properties": {}}

TOLD: Final = frozenset(
    {"$defs", "anyOf", "definitions", "description", "enum", "items", "properties", "required", "type"}
)
"""Keywords that the server tells the model."""

SILENT: Final = frozenset(
    {"$anchor", "$comment", "$id", "$schema", "additionalProperties", "deprecated", "readOnly", "title", "writeOnly"}
)
"""Keywords that tell the model nothing that it needs for a call."""


def write_tools(prepared: Prepared) -> list[Block]:
    """The tools that are offered. Appends to `prepared.conversions`."""
    choice = prepared.tool_choice
    if choice.mode == "none":
        if prepared.tools:
            prepared.conversions.append(approximated("tool_choice", "the tools are left out"))
        return []
    offered = [tool for tool in prepared.tools if choice.mode != "named" or tool.name == choice.name]
    return [_tool(tool, prepared.conversions) for tool in offered]


def forcing_line(prepared: Prepared, tools: list[Block]) -> str | None:
    """What the model is told where it has to call a tool; None where it is free."""
    choice = prepared.tool_choice
    if choice.mode not in ("required", "named") or not tools:
        return None
    reason = "asked for in words: the server cannot force a call"
    prepared.conversions.append(approximated("tool_choice", reason, contract=True))
    return f"Call the tool {choice.name}." if choice.mode == "named" else "Call one of the tools."


def _tool(tool: FunctionTool, conversions: list[Conversion]) -> Block:
    function: Block = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = _parameters(tool.parameters or NO_PARAMETERS, f"{tool.path}.parameters", conversions)
    if tool.strict:
        reason = "the server has no strict functions: the schema is sent without it"
        conversions.append(approximated(f"{tool.path}.strict", reason, contract=True))
    elif tool.strict is not None:
        conversions.append(ignored(f"{tool.path}.strict", "the usual value"))
    return {"type": "function", "function": function}


def _parameters(schema: Schema, path: str, conversions: list[Conversion]) -> Block:
    """The schema as the server can read it: without references, and with an object at its root."""
    if depth(schema) > MAX_DEPTH:
        refuse(path, f"The schema is nested deeper than {MAX_DEPTH} levels.", value=True)
    made: Block = dict(schema)
    if references(schema):
        made, cut = inlined(schema)
        if cut:
            reason = "where the schema leads back into itself, the model is told no more than a type"
            conversions.append(approximated(path, reason, contract=True))
    kind = made.get("type", "object")
    if isinstance(kind, list) and "object" in kind:
        kind = "object"
        conversions.append(approximated(path, "the server takes one type at the root: 'object'"))
    untold: set[str] = set()
    made = _readable(made, untold)
    made = made | {"type": kind} if "type" in made else {"type": kind, **made}
    if untold:
        reason = f"the server tells the model nothing of: {', '.join(sorted(untold))}"
        conversions.append(approximated(path, reason))
    return made


def _readable(schema: Mapping[str, object], untold: set[str]) -> Block:
    """The schema with objects in the place of `true` and `false`. `untold` takes the keywords that the model is not
    told."""
    made: Block = {}
    for keyword, value in schema.items():
        if keyword not in TOLD and keyword not in SILENT:
            untold.add(keyword)
        if keyword == "properties" and isinstance(value, Mapping):
            made[keyword] = {name: _one(entry, untold) for name, entry in value.items()}
        elif keyword == "anyOf" and isinstance(value, list):
            made[keyword] = [_one(entry, untold) for entry in value]
        else:
            made[keyword] = value
    return made


def _one(schema: object, untold: set[str]) -> object:
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    return _readable(schema, untold) if isinstance(schema, Mapping) else schema
