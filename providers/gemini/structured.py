"""The form of the answer: `responseMimeType` and `responseJsonSchema`, and what stands for them.

Models before Gemini 3 take no response schema in a request with functions. There the answer itself becomes a call: a
function `final_answer` is offered beside the client's tools, and the model has to call one of them. The decoder turns
the call's arguments into the answer's text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from providers.gemini.models import Model
from providers.gemini.schema import DialectSchema, to_dialect
from proxy.provider.contract import Prepared
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse

FINAL_ANSWER: Final = "final_answer"
"""The name of the function whose arguments are the answer."""

ENVELOPES: Final = ("parameters", FINAL_ANSWER)
"""What models wrap an answer into, as if it were a call inside the call."""

FORMAT_PATH: Final = "text.format"
JSON: Final = "application/json"
FINAL_ANSWER_DESCRIPTION: Final = (
    "Gives the final answer to the user. Call it alone, when no other function has to be called any more."
)


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """`generation` are members of `generationConfig`, `final_answer` is a function declaration.

    `declares_tools`: the client's tools are declared beside it.
    """

    generation: Mapping[str, object] = field(default_factory=dict)
    final_answer: Mapping[str, object] | None = None
    declares_tools: bool = True


def has_final_answer(prepared: Prepared, model: Model) -> bool:
    """Whether the answer to this request comes as a call of `final_answer`."""
    return (
        not model.schema_with_tools
        and bool(prepared.tools)
        and prepared.tool_choice.mode == "auto"
        and _wanted(prepared).get("type") == "json_schema"
    )


def answer_envelopes(prepared: Prepared) -> frozenset[str]:
    """The members that an answer cannot have by its schema: one that stands alone is a wrapping."""
    schema = _wanted(prepared).get("schema")
    declared = to_dialect(schema).schema.get("properties") if isinstance(schema, Mapping) else None
    return frozenset(ENVELOPES).difference(declared) if isinstance(declared, Mapping) and declared else frozenset()


def format_obstacle(wanted: Mapping[str, object], prepared: Prepared, model: Model) -> str | None:
    """Why the model cannot be held to a format; None when it can."""
    kind, able = wanted.get("type"), prepared.capabilities
    if not (able.json_schema if kind == "json_schema" else able.json_object):
        return "the model has no such mode"
    if model.schema_with_tools:
        return None
    if prepared.hosted_tools and prepared.tool_choice.mode != "none":
        return "the model has no JSON mode beside the vendor's own tools"
    if not prepared.tools or prepared.tool_choice.mode != "auto":
        return None
    if kind == "json_object":
        return "the model has no JSON mode beside tools"
    if any(tool.name == FINAL_ANSWER for tool in prepared.tools):
        return f"a tool has the name '{FINAL_ANSWER}', under which the model would give its answer"
    schema = wanted.get("schema")
    root = to_dialect(schema).schema.get("type", "object") if isinstance(schema, Mapping) else "object"
    return None if root == "object" else "beside tools the model answers with objects only"


def output_format(prepared: Prepared, model: Model) -> OutputFormat:
    """How the request's `text` is carried. Raises RefusedError for a form that the model cannot be held to."""
    conversions = prepared.conversions
    verbosity = prepared.request.text.get("verbosity")
    if verbosity == "medium":
        conversions.append(ignored("text.verbosity", "the usual value"))
    elif verbosity is not None:
        conversions.append(dropped("text.verbosity", "the vendor has no such setting"))
    wanted = _wanted(prepared)
    kind = wanted.get("type")
    if kind in (None, "text"):
        return OutputFormat()
    if (obstacle := format_obstacle(wanted, prepared, model)) is not None:
        refuse(FORMAT_PATH, f"The model '{prepared.model}' cannot be held to the format: {obstacle}.", value=True)
    if not prepared.tools or model.schema_with_tools:
        return OutputFormat(_native(wanted, conversions))
    mode = prepared.tool_choice.mode
    if mode == "none":
        reason = "left out: none may be called, and the model holds to no format beside them"
        conversions.append(approximated("tools", reason))
        return OutputFormat(_native(wanted, conversions), declares_tools=False)
    if mode != "auto":
        conversions.append(ignored(FORMAT_PATH, "a tool has to be called, so there is no text to have a format"))
        return OutputFormat()
    return OutputFormat(final_answer=_final_answer(wanted, prepared))


def report_schema(found: DialectSchema, path: str, conversions: list[Conversion], *, contract: bool = True) -> None:
    """Declare what the schema at `path` lost on its way into the dialect. Raises RefusedError where a reference leads
    nowhere: nobody can hold to what is not there."""
    if "$ref" in found.told:
        refuse(path, "The schema has a '$ref' that leads to nothing inside it.", value=True)
    if found.told:
        reason = f"told, but not enforced: {', '.join(found.told)}"
        conversions.append(approximated(path, reason, contract=contract))
    if found.left_out:
        conversions.append(ignored(path, f"left out: {', '.join(found.left_out)}"))


def _wanted(prepared: Prepared) -> Mapping[str, object]:
    wanted = prepared.request.text.get("format")
    return wanted if isinstance(wanted, Mapping) else {}


def _native(wanted: Mapping[str, object], conversions: list[Conversion]) -> dict[str, object]:
    if wanted.get("type") == "json_object":
        return {"responseMimeType": JSON}
    found = _schema(wanted, conversions)
    schema: dict[str, object] = {}
    if isinstance(name := wanted.get("name"), str) and name:
        schema["title"] = name
    schema |= found
    if "description" not in schema and isinstance(description := wanted.get("description"), str) and description:
        schema["description"] = description
    elif wanted.get("description"):
        conversions.append(ignored(f"{FORMAT_PATH}.description", "the schema has a description of its own"))
    return {"responseMimeType": JSON, "responseJsonSchema": schema}


def _schema(wanted: Mapping[str, object], conversions: list[Conversion]) -> Mapping[str, object]:
    schema = wanted.get("schema")
    if not isinstance(schema, Mapping):
        refuse(f"{FORMAT_PATH}.schema", "A format of type 'json_schema' needs a schema.", value=True)
    if wanted.get("strict") is False:
        conversions.append(ignored(f"{FORMAT_PATH}.strict", "the vendor always enforces the schema"))
    found = to_dialect(schema)
    report_schema(found, f"{FORMAT_PATH}.schema", conversions)
    return found.schema


def _final_answer(wanted: Mapping[str, object], prepared: Prepared) -> dict[str, object]:
    conversions = prepared.conversions
    schema = {"type": "object", **_schema(wanted, conversions)}
    reason = f"the model takes no schema beside tools: it answers by calling '{FINAL_ANSWER}'"
    conversions.append(approximated(FORMAT_PATH, reason, contract=True))
    description = wanted.get("description")
    text = f"{FINAL_ANSWER_DESCRIPTION}\n\n{description}" if description else FINAL_ANSWER_DESCRIPTION
    return {"name": FINAL_ANSWER, "description": text, "parametersJsonSchema": schema}
