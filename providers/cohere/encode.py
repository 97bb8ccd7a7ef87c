"""A prepared request -> the body of `POST /v2/chat`, in the order of the request.

Source: Cohere's Chat API v2 and its SDK's types. Every attribute of `CreateRequest` that is not the exchange's stands
in exactly one of the tables below.
"""

from collections.abc import Mapping
from typing import Final

import orjson

from providers.cohere.messages import add_to_system, mentions_json, messages
from providers.cohere.models import BUDGETS, Model
from providers.cohere.parts import Block
from providers.cohere.schema import obstacle, to_dialect
from providers.cohere.settings import CohereSettings
from providers.cohere.tools import write_tools
from proxy.provider.contract import Call, Prepared
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse, unneeded_includes

PATH: Final = "/v2/chat"

LOGPROBS_INCLUDE: Final = "message.output_text.logprobs"

MAPPED: Final = frozenset(
    {
        "frequency_penalty",
        "include",
        "instructions",
        "max_output_tokens",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning",
        "service_tier",
        "temperature",
        "text",
        "top_logprobs",
        "top_p",
    }
)
"""Attributes of the request that are translated here or with the tools and messages."""

REPORTED: Final[Mapping[str, Conversion]] = {
    "prompt_cache_key": ignored("prompt_cache_key", "the vendor caches by content"),
    "prompt_cache_options": ignored("prompt_cache_options", "the vendor caches by content"),
    "prompt_cache_retention": ignored("prompt_cache_retention", "the vendor caches by content"),
    "safety_identifier": ignored("safety_identifier", "the vendor takes no name of a user"),
    "user": ignored("user", "the vendor takes no name of a user"),
}
"""Attributes that the vendor has nothing for."""

SAMPLING: Final[Mapping[str, tuple[str, float, float]]] = {
    "temperature": ("temperature", 0, 1),
    "top_p": ("p", 0.01, 0.99),
    "frequency_penalty": ("frequency_penalty", 0, 1),
    "presence_penalty": ("presence_penalty", 0, 1),
}
"""The vendor's name of each setting, the least and the most that it takes."""

USUAL_TIERS: Final[Mapping[str, str]] = {
    "auto": "the usual value",
    "default": "the usual value",
    "priority": "the vendor puts no request before another's unless that one asks for less",
}
"""Service tiers that need no word: a request without `priority` has the highest."""

JSON_LINE: Final = "Answer with a JSON object."


def encode(prepared: Prepared, settings: CohereSettings, model: Model) -> Call:
    """The call that carries the request. Appends to `prepared.conversions`; raises RefusedError."""
    tools = write_tools(prepared, model)
    written = messages(prepared)
    body: Block = {
        "model": prepared.model,
        "messages": written,
        **tools,
        "response_format": _response_format(prepared, settings, written),
        "max_tokens": prepared.request.max_output_tokens,
        **_sampling(prepared),
        "thinking": _thinking(prepared),
        "logprobs": _logprobs(prepared),
        "priority": _priority(prepared, settings),
        "safety_mode": _safety_mode(settings, model, besides=bool(tools)),
        "citation_options": {"mode": settings.citations} if settings.citations else None,
        "stream": True if prepared.stream else None,
    }
    _report_the_rest(prepared)
    compact = {name: value for name, value in body.items() if value is not None}
    headers = {"x-client-name": settings.client_name} if settings.client_name else {}
    try:
        content = orjson.dumps(compact | settings.extra_body)
    except orjson.JSONEncodeError:
        refuse("tools", "A schema is nested too deep.", value=True)
    return Call(PATH, content, headers, stream=prepared.stream)


# --- the form of the answer -------------------------------------------------------------------------------------------


def format_obstacle(form: Mapping[str, object], prepared: Prepared, settings: CohereSettings) -> str | None:
    """Why the model cannot be held to a format; None when it can."""
    able, kind = prepared.capabilities, form.get("type")
    if not (able.json_schema if kind == "json_schema" else able.json_object):
        return "the model has no such mode"
    if prepared.tools:
        return "the vendor has no JSON mode beside tools"
    if "documents" in settings.extra_body:
        return "the vendor has no JSON mode beside documents"
    if kind != "json_schema":
        return None
    schema = form.get("schema")
    return obstacle(schema) if isinstance(schema, Mapping) else "there is no schema"


def _response_format(prepared: Prepared, settings: CohereSettings, written: list[Block]) -> Block | None:
    report = prepared.conversions.append
    verbosity = prepared.request.text.get("verbosity")
    if verbosity == "medium":
        report(ignored("text.verbosity", "the usual value"))
    elif verbosity is not None:
        report(dropped("text.verbosity", "the vendor has no such setting"))
    form: Mapping[str, object] = prepared.request.text.get("format") or {}
    kind = form.get("type", "text")
    if kind == "text":
        return None
    if (found := format_obstacle(form, prepared, settings)) is not None:
        refuse("text.format", f"The model '{prepared.model}' cannot be held to the format: {found}.", value=True)
    if kind == "json_object":
        if not mentions_json(written):
            add_to_system(written, JSON_LINE)
            report(approximated("text.format", "the vendor wants JSON asked for in words: a line was added"))
        return {"type": "json_object"}
    return {"type": "json_object", "json_schema": _schema(form, prepared)}


def _schema(form: Mapping[str, object], prepared: Prepared) -> Block:
    schema = form.get("schema")
    found = to_dialect(schema if isinstance(schema, Mapping) else {})
    report = prepared.conversions.append
    if found.told:
        reason = f"told, but not enforced: {', '.join(found.told)}"
        report(approximated("text.format.schema", reason, contract=True))
    if form.get("strict") is False:
        report(ignored("text.format.strict", "the vendor always enforces the schema"))
    name: Block = {"title": form["name"]} if form.get("name") and "title" not in found.schema else {}
    if form.get("name") and not name:
        report(ignored("text.format.name", "the schema has a title of its own"))
    about: Block = {}
    if form.get("description") and "description" not in found.schema:
        about = {"description": form["description"]}
    elif form.get("description"):
        report(ignored("text.format.description", "the schema has a description of its own"))
    return name | about | found.schema


# --- settings ---------------------------------------------------------------------------------------------------------


def _sampling(prepared: Prepared) -> Block:
    """Temperature, top_p and the penalties within the vendor's bounds."""
    members: Block = {}
    for name, (member, least, most) in SAMPLING.items():
        value: float | None = getattr(prepared.request, name)
        if value is None:
            continue
        if not prepared.capabilities.sampling:
            prepared.conversions.append(dropped(name, "the model takes no sampling parameters"))
            continue
        members[member] = bounded = min(max(value, least), most)
        if bounded != value:
            prepared.conversions.append(approximated(name, f"the vendor takes values from {least:g} to {most:g}"))
    return members


def _thinking(prepared: Prepared) -> Block | None:
    reasoning: Mapping[str, object] = prepared.request.reasoning
    report = prepared.conversions.append
    if reasoning.get("summary") is not None:
        report(ignored("reasoning.summary", "what the model thinks is given as it is"))
    for name, usual in (("mode", "standard"), ("context", "auto")):
        value = reasoning.get(name)
        if value is not None:
            path = f"reasoning.{name}"
            report(ignored(path, "the usual value") if value == usual else dropped(path, "the vendor has none"))
    effort = reasoning.get("effort")
    if not isinstance(effort, str):
        return None
    if not prepared.capabilities.reasoning:
        missing = ignored if effort == "none" else dropped
        report(missing("reasoning.effort", f"the model '{prepared.model}' does not think"))
        return None
    if effort == "none":
        return {"type": "disabled"}
    budget = BUDGETS[effort]
    report(approximated("reasoning.effort", f"told as a budget of {budget} tokens"))
    most = prepared.request.max_output_tokens
    if most is not None and budget >= most:
        budget = most // 2
        report(approximated("max_output_tokens", f"thinking gets half of it, {budget} tokens"))
    return {"type": "enabled", "token_budget": budget}


def _logprobs(prepared: Prepared) -> bool | None:
    request = prepared.request
    include: list[str] = [*request.include]
    prepared.conversions += unneeded_includes(include, LOGPROBS_INCLUDE)
    asked = LOGPROBS_INCLUDE in include
    if not prepared.capabilities.logprobs:
        paths = ["top_logprobs"] if request.top_logprobs else []
        paths += [f"include[{include.index(LOGPROBS_INCLUDE)}]"] if asked else []
        prepared.conversions.extend(dropped(path, "the model gives no log probabilities") for path in paths)
        return None
    if request.top_logprobs:
        prepared.conversions.append(dropped("top_logprobs", "the vendor tells that of the chosen token only"))
    elif request.top_logprobs is not None and not asked:
        prepared.conversions.append(ignored("top_logprobs", "none are asked for"))
    return True if asked or request.top_logprobs else None


def _priority(prepared: Prepared, settings: CohereSettings) -> int | None:
    if "service_tier" not in prepared.request.given:
        return None
    tier: str = prepared.request.service_tier
    if tier == "flex":
        reason = f"told as priority {settings.flex_priority}: requests with lower numbers come first"
        prepared.conversions.append(approximated("service_tier", reason))
        return settings.flex_priority
    if tier in USUAL_TIERS:
        prepared.conversions.append(ignored("service_tier", USUAL_TIERS[tier]))
    else:
        prepared.conversions.append(dropped("service_tier", f"the vendor has no tier '{tier}'"))
    return None


def _safety_mode(settings: CohereSettings, model: Model, *, besides: bool) -> str | None:
    """The operator's safety mode, where the vendor takes it: not beside tools and documents."""
    mode = settings.safety_mode
    if mode is None or besides or "documents" in settings.extra_body or (mode == "OFF" and not model.safety_off):
        return None
    return mode


def _report_the_rest(prepared: Prepared) -> None:
    for name, conversion in REPORTED.items():
        if getattr(prepared.request, name):
            prepared.conversions.append(conversion)
