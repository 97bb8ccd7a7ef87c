"""A Responses request as the body of `generateContent`, in the order of the request's parameters.

Every element of the request is mapped here, declared in `prepared.conversions`, or refused. Source: the Gemini API
reference (v1beta).
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

import orjson

from providers.gemini.address import method_path
from providers.gemini.contents import Contents
from providers.gemini.models import Model
from providers.gemini.parts import PartWriter
from providers.gemini.server_tools import offered_server_tools
from providers.gemini.settings import GeminiSettings
from providers.gemini.structured import OutputFormat, output_format
from providers.gemini.thinking import thinking_config
from providers.gemini.tools import tools_and_config
from proxy.provider.contract import Call, Prepared
from proxy.provider.conversions import RefusedError, approximated, dropped, ignored, unneeded_includes

Json: TypeAlias = dict[str, object]

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

SAMPLING: Final = {"temperature": "temperature", "top_p": "topP"}
PENALTIES: Final = {"presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty"}
LOGPROBS_INCLUDE: Final = "message.output_text.logprobs"

GIVEN: Final = ("code_interpreter_call.outputs", "file_search_call.results", "web_search_call.action.sources")
"""Values of `include` for what answers have anyhow."""

SERVICE_TIERS: Final = {"default": "standard", "flex": "flex", "priority": "priority"}
"""The vendor's tiers; `auto` is said by saying nothing."""

WITHOUT_MEANING: Final[Mapping[str, str]] = {
    "prompt_cache_key": "the vendor caches by content",
    "prompt_cache_options": "the vendor caches by content",
    "prompt_cache_retention": "the vendor caches by content",
    "safety_identifier": "the vendor is told of no end users",
    "user": "the vendor is told of no end users",
}
"""Parameters that the vendor has nothing for and that the answer does not depend on."""


def encode(prepared: Prepared, model: Model, settings: GeminiSettings) -> Call:
    """The call. Raises RefusedError for what cannot be carried and must not be lost, and for too long a body."""
    path = method_path(prepared.model, stream=prepared.stream)
    form = output_format(prepared, model)
    contents = _contents(prepared, model, settings)
    server_tools = offered_server_tools(prepared, settings)
    tools, tool_config = tools_and_config(prepared, model, form, server_tools, circulates=contents.circulates)
    body: Json = {
        "systemInstruction": {"parts": contents.system} if contents.system else None,
        "contents": contents.contents,
        "tools": tools,
        "toolConfig": tool_config,
        "generationConfig": _generation_config(prepared, model, form) | server_tools.generation,
        "safetySettings": [setting.model_dump() for setting in settings.safety_settings],
        "serviceTier": _service_tier(prepared),
    }
    _report_the_rest(prepared)
    body = {name: value for name, value in body.items() if value}
    written = orjson.dumps(_with_extra(body, settings.extra_body))
    if len(written) > settings.max_request_bytes:
        raise RefusedError(
            413,
            f"The request has {len(written)} bytes in the vendor's form; Gemini takes {settings.max_request_bytes}. "
            "Send fewer or smaller files.",
            param="input",
            code="request_too_large",
        )
    return Call(path, written, stream=prepared.stream)


def _contents(prepared: Prepared, model: Model, settings: GeminiSettings) -> Contents:
    """The conversation, with the instructions in front of everything."""
    contents = Contents(prepared, PartWriter(prepared, model, settings.base_url), settings.mid_system)
    instructions = prepared.request.instructions
    if instructions is not None:
        if instructions.strip():
            contents.system.append({"text": instructions})
        else:
            prepared.conversions.append(ignored("instructions", "blank text"))
    contents.add_all(prepared.items)
    return contents


# --- generationConfig -------------------------------------------------------------------------------------------------


def _generation_config(prepared: Prepared, model: Model, form: OutputFormat) -> Json:
    config: Json = {}
    _max_output_tokens(config, prepared)
    _sampling(config, prepared)
    _logprobs(config, prepared)
    if (thinking := thinking_config(prepared, model)) is not None:
        config["thinkingConfig"] = thinking
    return {**config, **form.generation}


def _max_output_tokens(config: Json, prepared: Prepared) -> None:
    """Thoughts count as output at this vendor, as they do in Responses."""
    wanted, ceiling = prepared.request.max_output_tokens, prepared.capabilities.max_output_tokens
    if wanted is None:
        return
    if ceiling is not None and wanted > ceiling:
        prepared.conversions.append(approximated("max_output_tokens", f"the model writes at most {ceiling} tokens"))
    config["maxOutputTokens"] = min(wanted, ceiling or wanted)


def _sampling(config: Json, prepared: Prepared) -> None:
    for name, member in (SAMPLING | PENALTIES).items():
        value = getattr(prepared.request, name)
        if value is None:
            continue
        if name in PENALTIES and not value:
            prepared.conversions.append(ignored(name, "no penalty"))
        elif prepared.capabilities.sampling:
            config[member] = value
        else:
            prepared.conversions.append(dropped(name, "the model takes no sampling parameters"))


def _logprobs(config: Json, prepared: Prepared) -> None:
    top = prepared.request.top_logprobs
    include: list[str] = [*prepared.request.include]
    prepared.conversions += unneeded_includes(include, LOGPROBS_INCLUDE, GIVEN)
    asked = LOGPROBS_INCLUDE in include
    if not top and not asked:
        return
    if not prepared.capabilities.logprobs:
        reason = "the model gives no log probabilities"
        if asked:
            prepared.conversions.append(dropped(f"include[{include.index(LOGPROBS_INCLUDE)}]", reason))
        if top:
            prepared.conversions.append(dropped("top_logprobs", reason))
        return
    config["responseLogprobs"] = True
    if top:
        config["logprobs"] = top


# --- the rest ---------------------------------------------------------------------------------------------------------


def _service_tier(prepared: Prepared) -> str | None:
    tier = prepared.request.service_tier
    if tier not in SERVICE_TIERS and tier != "auto":
        prepared.conversions.append(dropped("service_tier", f"the vendor has no tier '{tier}'"))
    return SERVICE_TIERS.get(tier)


def _report_the_rest(prepared: Prepared) -> None:
    """Conversions for what has no place in the body."""
    for name, reason in WITHOUT_MEANING.items():
        if getattr(prepared.request, name) not in (None, {}):
            prepared.conversions.append(ignored(name, reason))


def _with_extra(body: Json, extra_body: Mapping[str, object]) -> Json:
    """The body with the operator's members, which win; those of `generationConfig` one by one."""
    merged = body | dict(extra_body)
    config, extra = body.get("generationConfig"), extra_body.get("generationConfig")
    if isinstance(config, Mapping) and isinstance(extra, Mapping):
        merged["generationConfig"] = {**config, **extra}
    return merged
