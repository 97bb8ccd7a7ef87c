"""A Responses request as a Chat Completions request, in the order of the request's parameters.

Every element of the request is mapped here, declared in `prepared.conversions`, or refused.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import orjson

from providers.openai_chat.dialect import LOGPROBS, SAMPLING, Dialect, Members
from providers.openai_chat.efforts import EFFORTS, accepted_effort
from providers.openai_chat.messages import mentions_json, messages, with_system_line
from providers.openai_chat.tools import callable_tools, without_references, write_tools
from proxy.provider.contract import Call, Prepared
from proxy.provider.conversions import approximated, dropped, ignored, refuse, unneeded_includes
from proxy.provider.json_schema import inlined

Body: TypeAlias = dict[str, Any]

PATH: Final = "/chat/completions"

LOGPROBS_INCLUDE: Final = "message.output_text.logprobs"

#: The attributes of a request that are translated or declared here; the others are the exchange's.
PARAMETERS: Final = frozenset(
    {
        "frequency_penalty",
        "include",
        "instructions",
        "max_output_tokens",
        "parallel_tool_calls",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "temperature",
        "text",
        "top_logprobs",
        "top_p",
        "user",
    }
)

_JSON_LINE: Final = "Answer with JSON."


def encode(prepared: Prepared, dialect: Dialect, extra_body: Mapping[str, object]) -> Call:
    """The call. `dialect` is the server's as it is for the model. Raises RefusedError for what cannot be carried and
    must not be lost."""
    written, replays = messages(prepared, dialect)
    body: Body = {"model": prepared.model, "messages": written}
    stream = prepared.stream or dialect.stream_only
    if stream:
        _stream(body, dialect)
    if prepared.request.max_output_tokens is not None:
        body[dialect.tokens_member] = prepared.request.max_output_tokens
    thinking = _reasoning(body, prepared, dialect)
    if replays and thinking and dialect.replay is not None:
        _add(body, dialect.replay.members)
    _sampling(body, prepared, dialect, thinking=thinking)
    _logprobs(body, prepared, dialect, thinking=thinking)
    _text(body, prepared, dialect)
    write_tools(body, prepared, dialect)
    if stream and "tools" in body:
        body |= dialect.streamed_tools
    _service_tier(body, prepared, dialect)
    _cache_and_identity(body, prepared, dialect)
    body |= dialect.constants
    body |= extra_body
    return Call(PATH, orjson.dumps(body, default=_plain), stream=stream)


def _add(body: Body, members: Members) -> None:
    """Add the members; those of an object that the body has already are added to it."""
    for name, value in members.items():
        there = body.get(name)
        body[name] = {**there, **value} if isinstance(there, Mapping) and isinstance(value, Mapping) else value


def _plain(value: object) -> object:
    """Mappings that are no dictionaries, for orjson."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


def _stream(body: Body, dialect: Dialect) -> None:
    body["stream"] = True
    options: Body = {}
    if dialect.usage_option:
        options["include_usage"] = True
    if dialect.obfuscation_option:
        options["include_obfuscation"] = False
    if options:
        body["stream_options"] = options


# --- reasoning and sampling ------------------------------------------------------------------------------------------


def _reasoning(body: Body, prepared: Prepared, dialect: Dialect) -> bool:
    """Write the effort; whether the model will reason."""
    settings: Mapping[str, object] = prepared.request.reasoning
    report = prepared.conversions.append
    if settings.get("summary") is not None:
        if not prepared.capabilities.reasoning:
            report(ignored("reasoning.summary", "the model does not reason"))
        elif dialect.shows_reasoning:
            report(approximated("reasoning.summary", "the reasoning itself is given in its place"))
        else:
            report(dropped("reasoning.summary", "Chat Completions gives no reasoning summaries"))
    if settings.get("mode") == "pro":
        refuse("reasoning.mode", "Chat Completions has no reasoning mode 'pro'.", value=True)
    for name, usual in (("mode", "standard"), ("context", "auto")):
        value = settings.get(name)
        if value is not None:
            path = f"reasoning.{name}"
            report(ignored(path, "the usual value") if value == usual else dropped(path, "not in Chat Completions"))
    return _effort(body, prepared, dialect, settings.get("effort"))


def _effort(body: Body, prepared: Prepared, dialect: Dialect, asked: object) -> bool:
    capabilities = prepared.capabilities
    report = prepared.conversions.append
    effort = asked if isinstance(asked, str) else None
    if effort is not None and not capabilities.reasoning:
        missing = ignored if effort == "none" else dropped
        report(missing("reasoning.effort", f"the model '{prepared.model}' does not reason"))
        return False
    forced = dialect.forced_effort if capabilities.reasoning and _is_forced(prepared, dialect) else None
    if forced is not None and effort != forced:
        if effort is not None:
            report(dropped("reasoning.effort", f"the model takes a forced tool choice only at the effort '{forced}'"))
        effort = forced
    elif effort is None:
        return capabilities.reasoning and dialect.thinks
    accepted = accepted_effort(effort, capabilities.efforts)
    if accepted is not None and accepted not in dialect.efforts:
        accepted = accepted_effort(accepted, tuple(dialect.efforts))
    if accepted is None:
        report(dropped("reasoning.effort", "the server has no setting for it"))
        return capabilities.reasoning and dialect.thinks
    members = dialect.efforts[accepted]
    named = members.get("reasoning_effort")
    sent = named if named in EFFORTS else accepted
    if sent != effort:
        reason = f"'{effort}' is not accepted by '{prepared.model}': '{sent}' is sent"
        report(approximated("reasoning.effort", reason))
    body |= members
    return sent != "none"


def _is_forced(prepared: Prepared, dialect: Dialect) -> bool:
    """Whether a tool choice is sent that forces the model."""
    mode = prepared.tool_choice.mode
    tools = callable_tools(prepared)
    if mode not in ("required", "named") or not tools:
        return False
    if mode == "required" and len(tools) > 1:
        return mode in dialect.tool_choices
    return not dialect.tool_choices.isdisjoint({"required", "named"})


def _sampling(body: Body, prepared: Prepared, dialect: Dialect, *, thinking: bool) -> None:
    for name in sorted(SAMPLING):
        value = getattr(prepared.request, name)
        if value is None:
            continue
        if not prepared.capabilities.sampling or (thinking and not dialect.sampling_while_reasoning):
            if name.endswith("_penalty") and not value:
                prepared.conversions.append(ignored(name, "no penalty"))
            else:
                prepared.conversions.append(dropped(name, "the model takes it only while it does not reason"))
        elif name in dialect.optional:
            body[name] = _within(value, name, prepared, dialect)
        elif name.endswith("_penalty") and not value:
            prepared.conversions.append(ignored(name, "no penalty"))
        else:
            prepared.conversions.append(dropped(name, "the server does not take it"))
    if dialect.greedy_top_p and body.get("temperature") == 0 and body.get("top_p", 1) != 1:
        body["top_p"] = 1
        prepared.conversions.append(approximated("top_p", "at a temperature of 0 the server takes 1 only"))


def _within(value: float, name: str, prepared: Prepared, dialect: Dialect) -> float:
    """The value, moved to the nearest bound where the server's range is smaller than that of Responses."""
    least, most = dialect.ranges.get(name, (value, value))
    bounded = min(max(value, least), most)
    if bounded != value:
        prepared.conversions.append(approximated(name, f"the server takes values from {least:g} to {most:g}"))
    return bounded


def _logprobs(body: Body, prepared: Prepared, dialect: Dialect, *, thinking: bool) -> None:
    top = prepared.request.top_logprobs
    include: list[str] = [*prepared.request.include]
    asked = LOGPROBS_INCLUDE in include
    prepared.conversions += unneeded_includes(include, LOGPROBS_INCLUDE)
    if not top and not asked:
        return
    if (
        LOGPROBS not in dialect.optional
        or not prepared.capabilities.logprobs
        or (thinking and not dialect.sampling_while_reasoning)
    ):
        paths = ["top_logprobs"] if top else []
        if asked:
            paths.append(f"include[{include.index(LOGPROBS_INCLUDE)}]")
        prepared.conversions.extend(dropped(path, "the model gives no log probabilities") for path in paths)
        return
    if top and top > dialect.max_top_logprobs:
        top = dialect.max_top_logprobs
        prepared.conversions.append(approximated("top_logprobs", f"the server gives at most {top}"))
    if dialect.logprobs_number:
        body["logprobs"] = top or 1
        return
    body["logprobs"] = True
    if top:
        body["top_logprobs"] = top


# --- text -------------------------------------------------------------------------------------------------------------


def _text(body: Body, prepared: Prepared, dialect: Dialect) -> None:
    settings = prepared.request.text
    form: Mapping[str, object] = settings.get("format") or {"type": "text"}
    if form["type"] != "text" and (obstacle := format_obstacle(form, prepared, dialect)) is not None:
        refuse("text.format", f"The model cannot be held to the format: {obstacle}.")
    if form.get("type") == "json_schema":
        _json_schema(body, form, prepared, dialect)
    elif form.get("type") == "json_object":
        _json_object(body, prepared, dialect)
    verbosity = settings.get("verbosity")
    if verbosity is None:
        return
    if "verbosity" in dialect.optional and prepared.capabilities.verbosity:
        body["verbosity"] = verbosity
    elif verbosity == "medium":
        prepared.conversions.append(ignored("text.verbosity", "the usual value"))
    else:
        prepared.conversions.append(dropped("text.verbosity", f"the model '{prepared.model}' has no such setting"))


def format_obstacle(form: Mapping[str, object], prepared: Prepared, dialect: Dialect) -> str | None:
    """Why the server cannot hold the model to a format; None when it can, with a schema of any object if need be."""
    able = prepared.capabilities
    if form.get("type") != "json_schema":
        return None if able.json_object or able.json_schema else f"the model '{prepared.model}' has no JSON mode"
    if not able.json_schema:
        return f"the model '{prepared.model}' does not hold to JSON schemas"
    schema = form.get("schema")
    if dialect.inline_references and isinstance(schema, Mapping) and inlined(schema).cut:
        return "the server takes no schema that refers to itself"
    return None


def _json_object(body: Body, prepared: Prepared, dialect: Dialect) -> None:
    report = prepared.conversions.append
    if prepared.capabilities.json_object:
        body["response_format"] = {"type": "json_object"}
        if dialect.says_json and not mentions_json(body["messages"]):
            with_system_line(body["messages"], _JSON_LINE, dialect)
            report(approximated("text.format", "the server asks for the word JSON in a message: a line was added"))
    else:
        any_object = {"name": "object", "schema": {"type": "object"}}
        body["response_format"] = {"type": "json_schema", "json_schema": any_object}
        report(approximated("text.format", "the server has no JSON mode: it holds to a schema of any object"))


def _json_schema(body: Body, form: Mapping[str, object], prepared: Prepared, dialect: Dialect) -> None:
    schema = {name: form[name] for name in ("name", "description", "schema") if form.get(name) is not None}
    if dialect.inline_references:
        schema["schema"] = without_references(form.get("schema"), "text.format.schema", prepared)
    strict = form.get("strict")
    if strict is not None and dialect.strict_schema == "sent":
        schema["strict"] = strict
    elif strict and dialect.strict_schema == "never":
        reason = "the server has no strict mode: the schema is sent without it"
        prepared.conversions.append(approximated("text.format.strict", reason, contract=True))
    body["response_format"] = {"type": "json_schema", "json_schema": schema}


# --- the rest ---------------------------------------------------------------------------------------------------------


def _service_tier(body: Body, prepared: Prepared, dialect: Dialect) -> None:
    tier: str = prepared.request.service_tier
    if "service_tier" not in prepared.request.given:
        return
    if tier == "ultrafast":
        refuse("service_tier", "The service tier 'ultrafast' is not available in Chat Completions.", value=True)
    if "service_tier" in dialect.optional and tier in dialect.service_tiers:
        named = body["service_tier"] = dialect.service_tiers[tier]
        if named == "auto" != tier:
            prepared.conversions.append(approximated("service_tier", "the server decides whether the account gets it"))
    elif tier in ("auto", "default"):
        prepared.conversions.append(ignored("service_tier", "the usual value"))
    else:
        prepared.conversions.append(dropped("service_tier", "the server has no such tier"))


def _cache_and_identity(body: Body, prepared: Prepared, dialect: Dialect) -> None:
    for name in ("prompt_cache_key", "prompt_cache_retention", "safety_identifier", "user"):
        value = getattr(prepared.request, name)
        if value is None:
            continue
        if name in dialect.optional:
            body[name] = value
        else:
            prepared.conversions.append(ignored(name))
    options: Mapping[str, object] = prepared.request.prompt_cache_options or {}
    if not options:
        return
    if "prompt_cache_options" not in dialect.optional:
        prepared.conversions.append(ignored("prompt_cache_options"))
        return
    kept = {name: options[name] for name in ("mode", "ttl") if options.get(name) is not None}
    if kept.get("ttl", "30m") != "30m":
        kept["ttl"] = "30m"
        reason = "Chat Completions keeps a cache for 30m only"
        prepared.conversions.append(approximated("prompt_cache_options.ttl", reason))
    for name in sorted(set(options) - {"mode", "ttl"}):
        prepared.conversions.append(ignored(f"prompt_cache_options.{name}"))
    if kept:
        body["prompt_cache_options"] = kept
