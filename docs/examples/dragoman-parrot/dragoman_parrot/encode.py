"""A prepared request -> the body of `POST /v2/speak`, in the order of the request.

Parrot does not know: more settings than `MAPPED`, strict functions, hosted tools, forms of its answer.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from proxy.provider.contract import Call, Prepared
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse, unneeded_includes
from proxy.provider.history import FunctionTool

from dragoman_parrot.turns import turns

NO_SUCH: Final = "Parrot has no such setting"
OWN_MEMORY: Final = "Parrot remembers by content"

MAPPED: Final[Mapping[str, str]] = {"max_output_tokens": "longest", "temperature": "wildness"}
"""Parameters with Parrot's names for them."""

REPORTED: Final[Mapping[str, tuple[tuple[object, ...], Conversion]]] = {
    "frequency_penalty": ((None, 0), dropped("frequency_penalty", NO_SUCH)),
    "presence_penalty": ((None, 0), dropped("presence_penalty", NO_SUCH)),
    "prompt_cache_key": ((None,), ignored("prompt_cache_key", OWN_MEMORY)),
    "prompt_cache_options": ((None,), ignored("prompt_cache_options", OWN_MEMORY)),
    "prompt_cache_retention": ((None,), ignored("prompt_cache_retention", OWN_MEMORY)),
    "top_logprobs": ((None, 0), dropped("top_logprobs", NO_SUCH)),
    "top_p": ((None, 1), dropped("top_p", NO_SUCH)),
}
"""Parameters that Parrot has nothing for: the values that say nothing, and what any other value leaves behind."""


def encode(prepared: Prepared) -> Call:
    """The call that carries the request. Appends to `prepared.conversions`; raises RefusedError."""
    request, conversions = prepared.request, prepared.conversions
    body = _heard(prepared)
    for name, theirs in MAPPED.items():
        if (value := getattr(request, name)) is not None:
            body[theirs] = value
    for name, (silent, conversion) in REPORTED.items():
        if getattr(request, name) not in silent:
            conversions.append(conversion)
    if (listener := request.safety_identifier or request.user) is not None:
        body["listener"] = listener
        if request.user is not None and request.safety_identifier is not None:
            conversions.append(ignored("user", "`safety_identifier` says it"))
    if "service_tier" in request.given:
        report = ignored if request.service_tier in ("auto", "default") else dropped
        conversions.append(report("service_tier", "Parrot has no tiers"))
    conversions += unneeded_includes(request.include, "")
    conversions += [
        dropped(f"reasoning.{member}", "the model does not reason")
        for member, value in request.reasoning.items()
        if value is not None
    ]
    if request.text.get("verbosity") is not None:
        conversions.append(dropped("text.verbosity", NO_SUCH))
    body["stream"] = prepared.stream
    return Call("/v2/speak", orjson.dumps(body), stream=prepared.stream, framing="ndjson")


def encode_count(prepared: Prepared) -> Call:
    """The call that counts what the request says."""
    return Call("/v2/count", orjson.dumps(_heard(prepared)))


def _heard(prepared: Prepared) -> dict[str, Any]:
    """All that costs tokens."""
    request, conversions = prepared.request, prepared.conversions
    system, said = turns(prepared.items, conversions)
    if request.instructions:
        system.insert(0, request.instructions)
    if not said and not system:
        refuse("input", "The request says nothing to the model.")
    body: dict[str, Any] = {"model": prepared.model}
    if system:
        body["manners"] = "\n\n".join(system)
    body["turns"] = said
    if prepared.tools:
        body["tools"] = [_tool(tool, conversions) for tool in prepared.tools]
        body["choose"] = _choice(prepared)
        if not request.parallel_tool_calls:
            body["one_call"] = True
    elif not request.parallel_tool_calls:
        conversions.append(ignored("parallel_tool_calls", "no tools are offered"))
    return body


def _choice(prepared: Prepared) -> object:
    choice = prepared.tool_choice
    if choice.mode in ("required", "named") and not prepared.capabilities.forced_tool_choice:
        prepared.conversions.append(approximated("tool_choice", "small parrots choose for themselves", contract=True))
        return "auto"
    return {"tool": choice.name} if choice.mode == "named" else choice.mode


def _tool(tool: FunctionTool, conversions: list[Conversion]) -> dict[str, Any]:
    told: dict[str, Any] = {"name": tool.name}
    if tool.description:
        told["about"] = tool.description
    if tool.strict:
        reason = "Parrot has no strict functions: the schema is sent without it"
        conversions.append(approximated(f"{tool.path}.strict", reason, contract=True))
    elif tool.strict is not None:
        conversions.append(ignored(f"{tool.path}.strict", "the usual value"))
    told["input"] = tool.parameters or {"type": "object", "properties": {}}
    return told
