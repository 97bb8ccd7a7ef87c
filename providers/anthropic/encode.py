"""A prepared request -> the body of `POST /v1/messages`, in the order of the request.

Source: Anthropic's Messages API (versions 2023-06-01 and 2026-10-21). Every attribute of `CreateRequest` stands in
exactly one of the tables below.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

import orjson

from providers.anthropic.content import CACHE_TTLS, Block, Content, mark_end
from providers.anthropic.hosts import VERSION, VERSION_WITH_SAMPLING, Endpoint, Host
from providers.anthropic.messages import Turns
from providers.anthropic.models import Model, Models
from providers.anthropic.property_names import names_of, renamed, vendor_names
from providers.anthropic.schema import StrictLimits, Unsupported, to_dialect
from providers.anthropic.server_tools import CHOICE_NAMES, ServerTools, offered_server_tools
from providers.anthropic.settings import AnthropicSettings
from providers.anthropic.thinking import ThinkingInput, plan_thinking
from providers.anthropic.tool_schema import has_alternatives, without_alternatives
from proxy.provider.contract import Call, Prepared
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse
from proxy.provider.history import FunctionTool, HostedTool

FAST_BETA: Final = "fast-mode-2026-02-01"

MAX_TOKENS_UNSTREAMED: Final = 21_333
"""With more, an answer may take longer than the vendor keeps a connection without a stream open."""

MAX_BREAKPOINTS: Final = 4
MAX_USER_ID: Final = 256
MIN_TOP_P_THINKING: Final = 0.95

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

GIVEN: Final = frozenset(
    {"code_interpreter_call.outputs", "reasoning.encrypted_content", "web_search_call.action.sources"}
)
"""Values of `include` that are always given."""

PARTLY_REPORTED: Final = frozenset({"include"})
"""Attributes of which some values are reported below and the others belong to the core."""

USUAL_TIERS: Final = frozenset({"auto", "default"})
"""Tiers that say nothing where there are no others."""


def encode(prepared: Prepared, settings: AnthropicSettings, models: Models, endpoint: Endpoint) -> Call:
    """The call that carries the request. Appends to `prepared.conversions`; raises RefusedError."""
    request, conversions, host = prepared.request, prepared.conversions, endpoint.host
    model = models.named(prepared.capabilities.family or prepared.model)
    strict = StrictLimits()

    output_format = _output_format(prepared, strict)
    server_tools = offered_server_tools(prepared, model)
    tools = _tools(prepared, model, strict, server_tools)
    tool_choice = _tool_choice(prepared, model, tools)
    content = Content(
        settings.max_image_bytes,
        _cache_ttl(prepared),
        conversions,
        images=prepared.capabilities.images,
        files=prepared.capabilities.files,
    )
    names = names_of(prepared.tools) if model.claude else {}
    turns = Turns(
        content,
        model.system_role,
        signed=model.claude,
        property_names=names,
        mcp_servers=frozenset(str(server["name"]) for server in server_tools.mcp_servers),
    )
    turns.add_all(prepared.items)
    reasoning = request.reasoning
    plan = plan_thinking(
        model,
        ThinkingInput(
            effort=reasoning.get("effort"),
            summary=reasoning.get("summary"),
            max_tokens=request.max_output_tokens,
            ceiling=prepared.capabilities.max_output_tokens,
            forced_choice=tool_choice is not None and tool_choice["type"] in ("any", "tool"),
            open_step=turns.lacks_thinking,
        ),
        conversions,
    )
    restricted = plan.budgeted and model.thinking_restricts
    turns.end_in_user_turn(prefill=model.prefill and not restricted)
    sampling = _sampling(prepared, model, settings, restricted=restricted)
    version = settings.api_version or host.version or (VERSION_WITH_SAMPLING if sampling else VERSION)
    service_tier, speed = _service_tier(prepared, model, host)
    automatic_cache = _automatic_cache(prepared, settings, content)
    content.cap_breakpoints(MAX_BREAKPOINTS - (automatic_cache is not None))
    content.order_lives(turns.messages, automatic_cache)
    # With the vendor's own tools an answer takes as long as they do, and may have to be continued.
    stream = prepared.stream or plan.max_tokens > MAX_TOKENS_UNSTREAMED or bool(prepared.hosted_tools)
    output_config = {"effort": plan.effort, "format": output_format}

    betas = _betas(prepared, settings, server_tools if tools else ServerTools(), speed, host)

    body: dict[str, object] = {
        "anthropic_version": version if host.version_in_body else None,
        "anthropic_beta": betas if host.betas_in_body else None,
        "model": None if host.model_in_path else prepared.model,
        "max_tokens": plan.max_tokens,
        "system": _system(request.instructions, turns.system, model, conversions),
        "messages": turns.messages,
        "thinking": plan.thinking,
        "output_config": {name: value for name, value in output_config.items() if value is not None},
        "mcp_servers": server_tools.mcp_servers if tools else None,
        "tools": tools,
        "tool_choice": tool_choice,
        "container": (server_tools.container or turns.container) if server_tools.runs_code and tools else None,
        **sampling,
        "metadata": _metadata(request.safety_identifier, request.user, conversions),
        "service_tier": None if host.tier_header else service_tier,
        "speed": speed,
        "cache_control": automatic_cache if host.automatic_cache else None,
        "stream": None if host.stream_in_path else stream or None,
    }
    if automatic_cache is not None and not host.automatic_cache:
        mark_end(turns.messages, automatic_cache)
    _report_the_rest(prepared)
    headers: dict[str, str] = {}
    if not host.version_in_body:
        headers["anthropic-version"] = version
    if betas and not host.betas_in_body:
        headers["anthropic-beta"] = ",".join(betas)
    if host.tier_header and service_tier is not None:
        headers[host.tier_header] = service_tier
    if stream and host.framing == "aws_event_stream":
        headers["accept"] = "application/vnd.amazon.eventstream"
    compact = {name: value for name, value in body.items() if value is not None and value != {} and value != []}
    path = host.path(endpoint.prefix, prepared.model, stream)
    return Call(path, orjson.dumps(compact), headers, stream=stream, framing=host.framing)


def _betas(
    prepared: Prepared, settings: AnthropicSettings, server_tools: ServerTools, speed: str | None, host: Host
) -> list[str]:
    """What has to be asked for by name, and what the operator asks for."""
    names = dict.fromkeys(settings.betas)
    names |= dict.fromkeys(server_tools.betas)
    if server_tools.tools:
        names |= dict.fromkeys(host.betas[tool.type] for tool in prepared.hosted_tools if tool.type in host.betas)
    if speed is not None:
        names[FAST_BETA] = None
    return list(names)


# --- instructions ---------------------------------------------------------------------------------------------------


def _system(
    instructions: str | None,
    leading: list[Block],
    model: Model,
    conversions: list[Conversion],
) -> list[Block]:
    blocks = list(leading)
    if instructions is not None and instructions.strip():
        blocks.insert(0, {"type": "text", "text": instructions})
    elif instructions:
        conversions.append(ignored("instructions", "blank text"))
    if not model.claude:
        # Imitating hosts join the blocks without a break.
        for block in blocks[:-1]:
            block["text"] = f"{block['text']}\n\n"
    return blocks


# --- structured output ------------------------------------------------------------------------------------------------


def format_obstacle(form: Mapping[str, object], prepared: Prepared) -> str | None:
    """Why `output_config.format` cannot carry a format; None when it can."""
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
    """`output_config.format`. Formats with an obstacle do not come here."""
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
    conversions.append(ignored("text.format.name", "the vendor does not name schemas"))
    if converted.losses:
        lost = ", ".join(converted.losses)
        conversions.append(approximated("text.format.schema", f"told, but not enforced: {lost}", contract=True))
    description = wanted.get("description")
    if description and "description" not in converted.schema:
        converted.schema["description"] = description
    return {"type": "json_schema", "schema": converted.schema}


# --- tools ----------------------------------------------------------------------------------------------------------


def _tools(prepared: Prepared, model: Model, strict: StrictLimits, server_tools: ServerTools) -> list[Block]:
    choice, offered = prepared.tool_choice, prepared.tools
    hosted = server_tools.tools
    if choice.allowed is not None:
        offered = [tool for tool in offered if tool.name in choice.allowed]
    forced_by_name = prepared.capabilities.forced_tool_choice and model.claude
    if choice.mode == "named" and not forced_by_name:
        offered = [tool for tool in offered if tool.name == choice.name]
        hosted = []
    if choice.hosted is not None and (not forced_by_name or choice.hosted.type == "mcp"):
        offered = []
    if choice.mode == "none" and not model.claude:
        # Imitating hosts do not know the choice `none`.
        return []
    tools = [_tool(tool, prepared, model, strict) for tool in offered]
    for tool, block in zip(offered, tools, strict=True):
        if tool.deferred and server_tools.searches_tools and tool.name != choice.name:
            block["defer_loading"] = True
        elif tool.deferred:
            prepared.conversions.append(
                approximated(f"{tool.path}.defer_loading", "the tool is offered from the start")
            )
    return tools + hosted


def _tool(tool: FunctionTool, prepared: Prepared, model: Model, strict: StrictLimits) -> Block:
    path = f"{tool.path}.parameters"
    schema: dict[str, object] = dict(tool.parameters or {"type": "object", "properties": {}})
    if schema.get("type") is None:
        schema = {"type": "object", **{name: value for name, value in schema.items() if name != "type"}}
    elif schema["type"] != "object":
        refuse(path, "The parameters of a function must be a JSON Schema of type 'object'.", value=True)
    if model.claude and has_alternatives(schema):
        schema = without_alternatives(schema)
        prepared.conversions.append(
            approximated(path, "told, but not enforced: the alternatives at the top", contract=True)
        )
    if model.claude and (names := vendor_names(schema)):
        schema = renamed(schema, names)
        prepared.conversions.append(approximated(path, "the vendor is told other names of some properties"))
    block: Block = {"name": tool.name}
    if tool.description:
        block["description"] = tool.description
    block["input_schema"] = schema
    if tool.strict:
        _make_strict(block, schema, tool, prepared, strict)
    return block


def _make_strict(
    block: Block, schema: dict[str, object], tool: FunctionTool, prepared: Prepared, strict: StrictLimits
) -> None:
    if not prepared.capabilities.json_schema:
        prepared.conversions.append(dropped(f"{tool.path}.strict", "the model has no structured outputs"))
        return
    try:
        converted = to_dialect(schema)
    except Unsupported as unsupported:
        prepared.conversions.append(dropped(f"{tool.path}.strict", f"the vendor does not take it: {unsupported}"))
        return
    if not strict.admit(converted.schema):
        prepared.conversions.append(dropped(f"{tool.path}.strict", "more strict schemas than the vendor takes"))
        return
    block["input_schema"] = converted.schema
    block["strict"] = True
    if converted.losses:
        lost = ", ".join(converted.losses)
        prepared.conversions.append(
            approximated(f"{tool.path}.parameters", f"told, but not enforced: {lost}", contract=True)
        )


def _tool_choice(prepared: Prepared, model: Model, tools: list[Block]) -> Block | None:
    choice = prepared.tool_choice
    forced = choice.mode in ("required", "named", "hosted")
    if not tools:
        if forced:
            refuse("tool_choice", "A tool is required, but none is offered that the model can call.", value=True)
        return None
    if choice.mode == "none":
        return {"type": "none"}
    block: Block = {"type": "auto"}
    if forced and not prepared.capabilities.forced_tool_choice:
        prepared.conversions.append(
            approximated("tool_choice", "the model cannot be forced; it may choose among these tools", contract=True)
        )
    elif choice.mode == "required":
        block = {"type": "any"}
    elif choice.mode == "named":
        block = {"type": "tool", "name": choice.name}
    elif choice.hosted is not None:
        block = _forced_hosted(prepared, choice.hosted)
    if prepared.request.parallel_tool_calls is False:
        return block | {"disable_parallel_tool_use": True}
    if block["type"] == "auto" and "tool_choice" not in prepared.request.given:
        return None
    return block


def _forced_hosted(prepared: Prepared, hosted: HostedTool) -> Block:
    if hosted.type in CHOICE_NAMES:
        return {"type": "tool", "name": CHOICE_NAMES[hosted.type]}
    reason = "the vendor cannot be told to use an MCP server: nothing else is offered"
    prepared.conversions.append(approximated("tool_choice", reason))
    return {"type": "any"}


# --- the settings ---------------------------------------------------------------------------------------------------


def _sampling(prepared: Prepared, model: Model, settings: AnthropicSettings, *, restricted: bool) -> dict[str, object]:
    """temperature and top_p as far as model, API version and thinking take them."""
    request, conversions = prepared.request, prepared.conversions
    reason = None
    if not prepared.capabilities.sampling:
        reason = "the model takes no sampling parameters"
    elif settings.api_version is not None and settings.api_version[-len(VERSION) :] >= VERSION:
        reason = "the API version takes no sampling parameters"
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
        elif sampling and not model.sampling_together:
            obstacle = obstacle or "the model takes either temperature or top_p"
        if obstacle is None:
            sampling["top_p"] = request.top_p
        elif request.top_p != 1:
            conversions.append(dropped("top_p", obstacle))
    return sampling


def _metadata(safety_identifier: str | None, user: str | None, conversions: list[Conversion]) -> dict[str, object]:
    if safety_identifier and user and user != safety_identifier:
        conversions.append(ignored("user", "safety_identifier names the user"))
    identifier = safety_identifier or user
    if not identifier:
        return {}
    if len(identifier) > MAX_USER_ID:
        identifier = hashlib.sha256(identifier.encode()).hexdigest()
    return {"user_id": identifier}


def _service_tier(prepared: Prepared, model: Model, host: Host) -> tuple[str | None, str | None]:
    """The host's name of the service tier, and `speed`."""
    if "service_tier" not in prepared.request.given:
        return None, None
    wanted = prepared.request.service_tier
    if wanted == "fast" and model.fast:
        return None, "fast"
    if wanted == "priority" and host.service_tiers.get(wanted) == "auto":
        prepared.conversions.append(approximated("service_tier", "priority capacity is used where the account has it"))
    elif wanted not in host.service_tiers and wanted in USUAL_TIERS:
        prepared.conversions.append(ignored("service_tier", "it is so anyhow"))
    elif wanted not in host.service_tiers:
        prepared.conversions.append(dropped("service_tier", f"the vendor has no tier '{wanted}' for the model"))
    return host.service_tiers.get(wanted), None


def _cache_ttl(prepared: Prepared) -> str | None:
    options = prepared.request.prompt_cache_options or {}
    return CACHE_TTLS.get(options.get("ttl") or "")


def _automatic_cache(prepared: Prepared, settings: AnthropicSettings, content: Content) -> Block | None:
    options = prepared.request.prompt_cache_options or {}
    automatic = settings.auto_cache and options.get("mode") != "explicit"
    report = prepared.conversions.append
    if options and not automatic and not content.breakpoints:
        report(ignored("prompt_cache_options", "nothing of the request is marked for the cache"))
        return None
    if content.cache_ttl is not None:
        report(approximated("prompt_cache_options.ttl", f"the vendor keeps it for {content.cache_ttl}"))
    for name in ("comparison_response_id", "prewarm"):
        if options.get(name) is not None:
            report(ignored(f"prompt_cache_options.{name}", "the vendor's cache has no such setting"))
    return content.cache_control() if automatic else None


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
    for index, included in enumerate(request.include):
        if included == "message.output_text.logprobs":
            conversions.append(dropped(f"include[{index}]", "the vendor has no log probabilities"))
        elif included not in GIVEN:
            conversions.append(ignored(f"include[{index}]", "nothing of the kind occurs"))
