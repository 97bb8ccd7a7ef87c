"""A Responses request as a Chat Completions request, in the order of the request's parameters.

Every element of the request is mapped here, declared in `prepared.conversions`, or refused.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import orjson

from providers.openai_chat.dialect import LOGPROBS, SAMPLING, Dialect, Members
from providers.openai_chat.efforts import EFFORTS, accepted_effort
from providers.openai_chat.messages import mentions_json, messages, with_system_line
from proxy.provider.contract import Call, Prepared
from proxy.provider.conversions import approximated, dropped, ignored, refuse, unneeded_includes
from proxy.provider.history import CallItem, FunctionTool
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
    _tools(body, prepared, dialect)
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
    if mode not in ("required", "named") or not prepared.tools:
        return False
    if mode == "required" and len(prepared.tools) > 1:
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
    form: Mapping[str, object] = settings.get("format") or {}
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


def _json_object(body: Body, prepared: Prepared, dialect: Dialect) -> None:
    report = prepared.conversions.append
    if prepared.capabilities.json_object:
        body["response_format"] = {"type": "json_object"}
        if dialect.says_json and not mentions_json(body["messages"]):
            with_system_line(body["messages"], _JSON_LINE, dialect)
            report(approximated("text.format", "the server asks for the word JSON in a message: a line was added"))
    elif prepared.capabilities.json_schema:
        any_object = {"name": "object", "schema": {"type": "object"}}
        body["response_format"] = {"type": "json_schema", "json_schema": any_object}
        report(approximated("text.format", "the server has no JSON mode: it holds to a schema of any object"))
    else:
        refuse("text.format", f"The model '{prepared.model}' has no JSON mode.")


def _json_schema(body: Body, form: Mapping[str, object], prepared: Prepared, dialect: Dialect) -> None:
    if not prepared.capabilities.json_schema:
        refuse("text.format", f"The model '{prepared.model}' does not hold to JSON schemas.")
    schema = {name: form[name] for name in ("name", "description", "schema") if form.get(name) is not None}
    if dialect.inline_references:
        schema["schema"] = _inlined(form.get("schema"), "text.format.schema", prepared)
    strict = form.get("strict")
    if strict is not None and dialect.strict_schema == "sent":
        schema["strict"] = strict
    elif strict and dialect.strict_schema == "never":
        reason = "the server has no strict mode: the schema is sent without it"
        prepared.conversions.append(approximated("text.format.strict", reason, contract=True))
    body["response_format"] = {"type": "json_schema", "json_schema": schema}


# --- tools ------------------------------------------------------------------------------------------------------------


def _tools(body: Body, prepared: Prepared, dialect: Dialect) -> None:
    """Tools, the choice among them and whether several may be called; the latter two only together with tools."""
    tools, mode = _offered(prepared, dialect)
    if not tools:
        return
    choice = prepared.tool_choice
    body["tools"] = [_tool(tool, prepared, dialect) for tool in tools]
    if choice.allowed is not None and prepared.capabilities.allowed_tools and mode in ("auto", "required"):
        allowed = [{"type": "function", "function": {"name": name}} for name in choice.allowed]
        body["tool_choice"] = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}
    elif mode == "named":
        body["tool_choice"] = {"type": "function", "function": {"name": choice.name or tools[0].name}}
    elif mode in dialect.tool_choices and (mode != "auto" or "tool_choice" in prepared.request.given):
        body["tool_choice"] = dialect.required_word if mode == "required" else mode
    _parallel_tool_calls(body, prepared, dialect)


def _offered(prepared: Prepared, dialect: Dialect) -> tuple[list[FunctionTool], str]:
    """The tools and the mode of choice, as far as the server knows it."""
    tools, choice = prepared.tools, prepared.tool_choice
    if choice.mode == "none" and dialect.hides_tools and not any(isinstance(item, CallItem) for item in prepared.items):
        return [], "none"
    if choice.mode in dialect.tool_choices:
        return tools, choice.mode
    if choice.mode == "none":
        # No tools leave no choice.
        return [], "none"
    if choice.mode == "required" and "named" in dialect.tool_choices and len(tools) == 1:
        return tools, "named"
    if choice.mode == "named":
        tools = [tool for tool in tools if tool.name == choice.name]
        if "required" in dialect.tool_choices:
            reason = "the server takes no named choice: that tool alone is offered, and required"
            prepared.conversions.append(approximated("tool_choice", reason))
            return tools, "required"
    if choice.mode != "auto":
        if dialect.unforced == "refused":
            refuse("tool_choice", "The provider cannot force the model to call a tool.", value=True)
        reason = "the server cannot force the model to call a tool: the model may answer in words"
        prepared.conversions.append(dropped("tool_choice", reason))
    return tools, "auto"


def _tool(tool: FunctionTool, prepared: Prepared, dialect: Dialect) -> Body:
    function: Body = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    parameters = tool.parameters if tool.parameters is not None else {"type": "object", "properties": {}}
    if dialect.inline_references:
        parameters = _inlined(parameters, f"{tool.path}.parameters", prepared)
    function["parameters"] = parameters
    if tool.strict is not None and dialect.strict_tools:
        function["strict"] = tool.strict
    elif tool.strict:
        reason = "the server has no strict mode: the schema is sent without it"
        prepared.conversions.append(approximated(f"{tool.path}.strict", reason, contract=True))
    return {"type": "function", "function": function}


def _inlined(schema: object, path: str, prepared: Prepared) -> Mapping[str, object]:
    """The schema without references; one that refers to itself is cut, which is told."""
    if not isinstance(schema, Mapping):
        return {}
    found = inlined(schema)
    if found.cut:
        reason = "the server takes no schema that refers to itself: it is cut where it would begin again"
        prepared.conversions.append(approximated(path, reason, contract=True))
    return found.schema


def _parallel_tool_calls(body: Body, prepared: Prepared, dialect: Dialect) -> None:
    """Said only where it differs from what the server does anyhow; the default of Responses is true."""
    wanted = prepared.request.parallel_tool_calls
    if wanted == dialect.parallel_tool_calls:
        return
    if "parallel_tool_calls" in dialect.optional:
        body["parallel_tool_calls"] = wanted
    elif not wanted:
        prepared.conversions.append(dropped("parallel_tool_calls", "the server cannot be told"))


# --- the rest ---------------------------------------------------------------------------------------------------------


def _service_tier(body: Body, prepared: Prepared, dialect: Dialect) -> None:
    tier: str = prepared.request.service_tier
    if "service_tier" not in prepared.request.given:
        return
    if tier == "ultrafast":
        refuse("service_tier", "The service tier 'ultrafast' is not available in Chat Completions.", value=True)
    if "service_tier" in dialect.optional and tier in dialect.service_tiers:
        body["service_tier"] = dialect.service_tiers[tier]
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
