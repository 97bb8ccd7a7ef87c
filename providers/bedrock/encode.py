"""A prepared request -> the body of `POST /model/{id}/converse` and `/converse-stream`, in the order of the request.

Source: the service model of Bedrock Runtime (2023-09-30) in botocore 1.44. Every attribute of `CreateRequest` stands in
exactly one of the tables below.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import orjson

from providers.anthropic.encode import MAX_TOKENS_UNSTREAMED, MIN_TOP_P_THINKING
from providers.anthropic.property_names import Names, names_of
from providers.anthropic.schema import StrictLimits, Unsupported, to_dialect
from providers.anthropic.thinking import ThinkingInput
from providers.bedrock.content import CACHE_TTLS, Block, Content
from providers.bedrock.messages import Turns
from providers.bedrock.models import Model, Models
from providers.bedrock.reasoning import plan_reasoning
from providers.bedrock.server_tools import offered_server_tools
from providers.bedrock.settings import BedrockSettings
from providers.bedrock.tools import ToolPlan, plan_tools
from proxy.provider.contract import Call, Prepared
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse, unneeded_includes

STREAM_HEADERS: Final = {"accept": "application/vnd.amazon.eventstream"}

MAPPED: Final = frozenset(
    {
        "instructions",
        "max_output_tokens",
        "parallel_tool_calls",
        "prompt_cache_options",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "temperature",
        "text",
        "top_p",
        "user",
    }
)
"""Attributes of the request that are translated below."""

REPORTED: Final[Mapping[str, tuple[tuple[object, ...], Conversion]]] = {
    "frequency_penalty": ((None, 0), dropped("frequency_penalty", "the vendor has no penalties")),
    "presence_penalty": ((None, 0), dropped("presence_penalty", "the vendor has no penalties")),
    "prompt_cache_key": ((None,), ignored("prompt_cache_key", "the vendor caches by content")),
    "prompt_cache_retention": ((None,), ignored("prompt_cache_retention", "the vendor caches by content")),
    "top_logprobs": ((None, 0), dropped("top_logprobs", "the vendor has no log probabilities")),
}
"""Attributes that the vendor has nothing for: the values that say nothing, and what any other value leaves behind."""

PARTLY_REPORTED: Final = frozenset({"include"})
"""Attributes of which some values are reported below and the others belong to the core."""

SERVICE_TIERS: Final = frozenset({"default", "flex", "priority"})
"""Tiers that the vendor has under the same name; `auto` says nothing."""

MAX_METADATA: Final = 16
_METADATA_KEY: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")
_METADATA_VALUE: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")


def encode(prepared: Prepared, settings: BedrockSettings, models: Models) -> Call:
    """The call that carries the request. Appends to `prepared.conversions`; raises RefusedError."""
    request, conversions = prepared.request, prepared.conversions
    model = models.asked(prepared)
    strict = StrictLimits()

    output_format = _output_format(prepared, strict)
    server_tools = offered_server_tools(prepared, model)
    turns = _turns(prepared, settings, model, runs_code=_runs_code(server_tools, model))
    tools = plan_tools(prepared, model, strict, server_tools, turns.called)
    reasoning = plan_reasoning(
        model,
        ThinkingInput(
            effort=request.reasoning.get("effort"),
            summary=request.reasoning.get("summary"),
            max_tokens=request.max_output_tokens,
            ceiling=prepared.capabilities.max_output_tokens,
            forced_choice=tools.forced,
            open_step=turns.lacks_thinking,
        ),
        conversions,
    )
    turns.end_in_user_turn(prefill=model.prefill and not reasoning.restricted)
    inference: dict[str, object] = {} if reasoning.max_tokens is None else {"maxTokens": reasoning.max_tokens}
    inference |= _sampling(prepared, model, restricted=reasoning.restricted)
    _report_cache_options(prepared, turns.content)
    turns.content.cap_breakpoints(turns.system, turns.messages)
    turns.content.order_lives()
    # A long answer that comes whole says nothing for as long as the model writes it.
    stream = prepared.stream or (reasoning.max_tokens or 0) > MAX_TOKENS_UNSTREAMED

    body: dict[str, object] = {
        "system": turns.system,
        "messages": turns.messages,
        "inferenceConfig": inference,
        "toolConfig": tools.config,
        "guardrailConfig": _guardrail(settings, stream=stream),
        "additionalModelRequestFields": _additional_fields(reasoning.fields, tools, settings),
        "requestMetadata": _request_metadata(prepared, settings),
        "performanceConfig": {"latency": settings.latency} if settings.latency is not None else None,
        "serviceTier": _service_tier(prepared),
        "outputConfig": output_format,
    }
    _report_the_rest(prepared)
    compact = {name: value for name, value in body.items() if value is not None and value != {} and value != []}
    path = model_path(prepared.model, "converse-stream" if stream else "converse")
    headers = STREAM_HEADERS if stream else {}
    return Call(path, orjson.dumps(compact), headers, stream=stream, framing="aws_event_stream")


def model_path(model: str, operation: str) -> str:
    """The path of an operation on a model, whose id is one segment of it. Raises RefusedError."""
    if not model or not model.strip(".") or len(model) > 2048:
        refuse("model", "The model's name is none that Bedrock knows.", value=True)
    return f"/model/{quote(model, safe='', errors='replace')}/{operation}"


def property_names(prepared: Prepared, model: Model) -> Mapping[str, Names]:
    """By tool, the arguments that the vendor is told under other names."""
    return names_of(prepared.tools) if model.claude is not None else {}


def _turns(prepared: Prepared, settings: BedrockSettings, model: Model, *, runs_code: bool) -> Turns:
    able = prepared.capabilities
    options = prepared.request.prompt_cache_options or {}
    content = Content(
        model,
        settings,
        CACHE_TTLS.get(options.get("ttl") or ""),
        prepared.conversions,
        takes_images=able.images,
        takes_files=able.files,
        takes_audio=able.audio,
    )
    turns = Turns(content, property_names(prepared, model), runs_code)
    turns.add_instructions(prepared.request.instructions)
    turns.add_all(prepared.items)
    return turns


def _runs_code(server_tools: list[Block], model: Model) -> bool:
    return {"systemTool": {"name": model.code_interpreter}} in server_tools


# --- structured output ------------------------------------------------------------------------------------------------


def format_obstacle(form: Mapping[str, object], prepared: Prepared) -> str | None:
    """Why `outputConfig.textFormat` cannot carry a format; None when it can."""
    if form.get("type") != "json_schema":
        return "the vendor has no such mode"
    schema = form.get("schema")
    if not prepared.capabilities.json_schema or not isinstance(schema, Mapping):
        return "the model has no structured outputs"
    try:
        converted = to_dialect(schema)
    except Unsupported as unsupported:
        return f"the vendor's structured outputs do not take the schema: {unsupported}"
    fits = StrictLimits().admit(converted.schema, tool=False)
    return None if fits else "the schema is larger than the vendor's structured outputs take"


def _output_format(prepared: Prepared, strict: StrictLimits) -> dict[str, object] | None:
    """`outputConfig`. Formats with an obstacle do not come here."""
    text, conversions = prepared.request.text, prepared.conversions
    if text.get("verbosity") not in (None, "medium"):
        conversions.append(dropped("text.verbosity", "the vendor has no such setting"))
    wanted = text.get("format")
    if wanted is None or wanted["type"] == "text":
        return None
    obstacle = format_obstacle(wanted, prepared)
    if wanted["type"] != "json_schema" or obstacle is not None:
        refuse("text.format", f"The model cannot be held to the format: {obstacle}.", value=True)
    converted = to_dialect(wanted["schema"])
    strict.admit(converted.schema, tool=False)
    if converted.losses:
        lost = ", ".join(converted.losses)
        conversions.append(approximated("text.format.schema", f"told, but not enforced: {lost}", contract=True))
    schema: dict[str, object] = {"schema": orjson.dumps(converted.schema).decode(), "name": wanted["name"]}
    if wanted.get("description"):
        schema["description"] = wanted["description"]
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


# --- the settings -----------------------------------------------------------------------------------------------------


def _sampling(prepared: Prepared, model: Model, *, restricted: bool) -> dict[str, object]:
    """temperature and topP as far as the model and its thinking take them."""
    request, conversions = prepared.request, prepared.conversions
    reason = None if prepared.capabilities.sampling else "the model takes no sampling parameters"
    sampling: dict[str, object] = {}
    if request.temperature is not None:
        # 1 is the vendor's own default.
        if reason is not None or restricted:
            if request.temperature != 1:
                conversions.append(dropped("temperature", reason or "the model thinks at temperature 1 only"))
        elif request.temperature > 1:
            conversions.append(approximated("temperature", "the vendor's scale ends at 1"))
            sampling["temperature"] = 1
        else:
            sampling["temperature"] = request.temperature
    if request.top_p is not None:
        obstacle = reason
        if restricted and request.top_p < MIN_TOP_P_THINKING:
            obstacle = obstacle or f"the model thinks with top_p from {MIN_TOP_P_THINKING} only"
        elif sampling and model.claude is not None and not model.claude.sampling_together:
            obstacle = obstacle or "the model takes either temperature or top_p"
        if obstacle is None:
            sampling["topP"] = request.top_p
        elif request.top_p != 1:
            conversions.append(dropped("top_p", obstacle))
    return sampling


def _guardrail(settings: BedrockSettings, *, stream: bool) -> dict[str, object] | None:
    guardrail = settings.guardrail
    if guardrail is None:
        return None
    config: dict[str, object] = {
        "guardrailIdentifier": guardrail.identifier,
        "guardrailVersion": guardrail.version,
        "trace": guardrail.trace,
        "streamProcessingMode": guardrail.stream_processing_mode if stream else None,
    }
    return {name: value for name, value in config.items() if value is not None}


def _additional_fields(
    reasoning: Mapping[str, object], tools: ToolPlan, settings: BedrockSettings
) -> dict[str, object]:
    fields = {**reasoning, **({"tool_choice": tools.claude} if tools.claude else {})}
    return _merged(fields, settings.additional_fields)


def _merged(fields: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """The fields with the changes, objects member by member."""
    merged = dict(fields)
    for name, value in changes.items():
        both = merged.get(name)
        merged[name] = _merged(both, value) if isinstance(both, Mapping) and isinstance(value, Mapping) else value
    return merged


def _request_metadata(prepared: Prepared, settings: BedrockSettings) -> dict[str, str]:
    request, report = prepared.request, prepared.conversions.append
    safety_identifier, user = request.safety_identifier, request.user
    if safety_identifier and user and user != safety_identifier:
        report(ignored("user", "safety_identifier names the user"))
    named = "safety_identifier" if safety_identifier else "user"
    identifier = safety_identifier or user
    if not settings.request_metadata:
        if identifier:
            report(ignored(named, "the provider is not configured to pass users on"))
        return {}
    wanted = {**(request.metadata or {})}
    if identifier:
        # The vendor writes it into logs.
        wanted = {"user": hashlib.sha256(identifier.encode("utf-8", "replace")).hexdigest(), **wanted}
        report(approximated(named, "the vendor is told a hash"))
    found = {
        key: value
        for key, value in wanted.items()
        if isinstance(value, str) and _METADATA_KEY.fullmatch(key) and _METADATA_VALUE.fullmatch(value)
    }
    if len(found) < len(wanted) or len(found) > MAX_METADATA:
        report(ignored("metadata", "the vendor takes 16 pairs of 256 characters, and few kinds of characters"))
    return dict(list(found.items())[:MAX_METADATA])


def _service_tier(prepared: Prepared) -> dict[str, str] | None:
    wanted = prepared.request.service_tier
    if "service_tier" not in prepared.request.given or wanted == "auto":
        return None
    if wanted not in SERVICE_TIERS:
        prepared.conversions.append(dropped("service_tier", f"the vendor has no tier '{wanted}'"))
        return None
    return {"type": wanted}


def _report_cache_options(prepared: Prepared, content: Content) -> None:
    options, report = prepared.request.prompt_cache_options or {}, prepared.conversions.append
    if not options:
        return
    if not content.breakpoints:
        report(ignored("prompt_cache_options", "nothing of the request is marked for the cache"))
        return
    if content.cache_ttl is not None:
        life = content.cache_ttl if content.model.cache_1h else "5m"
        report(approximated("prompt_cache_options.ttl", f"the vendor keeps it for {life}"))
    for name in ("comparison_response_id", "prewarm"):
        if options.get(name) is not None:
            report(ignored(f"prompt_cache_options.{name}", "the vendor's cache has no such setting"))


def _report_the_rest(prepared: Prepared) -> None:
    """Conversions for what has no place in the body."""
    request, conversions = prepared.request, prepared.conversions
    for name, (neutral, conversion) in REPORTED.items():
        if getattr(request, name) not in neutral:
            conversions.append(conversion)
    reasoning = request.reasoning
    if reasoning.get("mode") not in (None, "standard"):
        conversions.append(dropped("reasoning.mode", "the vendor has no such setting"))
    if reasoning.get("context") not in (None, "auto"):
        conversions.append(dropped("reasoning.context", "the vendor has no such setting"))
    conversions += unneeded_includes(
        list(request.include),
        "message.output_text.logprobs",
        ("code_interpreter_call.outputs", "web_search_call.action.sources"),
    )
    for index, included in enumerate(request.include):
        if included == "message.output_text.logprobs":
            conversions.append(dropped(f"include[{index}]", "the vendor has no log probabilities"))
