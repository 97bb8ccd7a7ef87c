"""A Responses request as the body of `generateContent`, in the order of the request's parameters.

Every element of the request is mapped here, declared in `prepared.conversions`, or refused. Source: the references of
the Gemini API (v1beta) and of Vertex AI (v1).
"""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

import orjson

from providers.gemini.address import method_path
from providers.gemini.contents import Contents
from providers.gemini.hosts import Endpoint, Host
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

NO_TIER: Final = "the vendor has no tier"

MAX_LABELS: Final = 64
_LABEL_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL: Final = re.compile(r"[a-z0-9_-]{0,63}")

WITHOUT_MEANING: Final[Mapping[str, str]] = {
    "prompt_cache_key": "the vendor caches by content",
    "prompt_cache_options": "the vendor caches by content",
    "prompt_cache_retention": "the vendor caches by content",
    "safety_identifier": "the vendor is told of no end users",
    "user": "the vendor is told of no end users",
}
"""Parameters that the vendor has nothing for and that the answer does not depend on."""


def encode(prepared: Prepared, model: Model, settings: GeminiSettings, endpoint: Endpoint) -> Call:
    """The call. Raises RefusedError for what cannot be carried and must not be lost, and for too long a body."""
    host = endpoint.host
    path = method_path(endpoint.models, prepared.model, stream=prepared.stream)
    form = output_format(prepared, model)
    contents = _contents(prepared, model, settings, endpoint)
    server_tools = offered_server_tools(prepared, settings)
    tools, tool_config = tools_and_config(
        prepared, model, form, server_tools, circulates=contents.circulates, shows_tools=host.shows_tools
    )
    service_tier = _service_tier(prepared, host)
    body: Json = {
        "systemInstruction": {"parts": contents.system} if contents.system else None,
        "contents": contents.contents,
        "tools": tools,
        "toolConfig": tool_config,
        "generationConfig": _generation_config(prepared, model, form, host) | server_tools.generation,
        "safetySettings": [setting.model_dump() for setting in settings.safety_settings],
        "serviceTier": None if host.tier_header else service_tier,
        "labels": _labels(prepared) if settings.metadata and host.labels else None,
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
    headers = {host.tier_header: service_tier} if host.tier_header and service_tier else {}
    return Call(path, written, headers, stream=prepared.stream)


def _contents(prepared: Prepared, model: Model, settings: GeminiSettings, endpoint: Endpoint) -> Contents:
    """The conversation, with the instructions in front of everything."""
    contents = Contents(prepared, PartWriter(prepared, model, endpoint), settings.mid_system)
    instructions = prepared.request.instructions
    if instructions is not None:
        if instructions.strip():
            contents.system.append({"text": instructions})
        else:
            prepared.conversions.append(ignored("instructions", "blank text"))
    contents.add_all(prepared.items)
    return contents


# --- generationConfig -------------------------------------------------------------------------------------------------


def _generation_config(prepared: Prepared, model: Model, form: OutputFormat, host: Host) -> Json:
    config: Json = {}
    _max_output_tokens(config, prepared)
    _sampling(config, prepared)
    _logprobs(config, prepared)
    if (thinking := thinking_config(prepared, model, host)) is not None:
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


def _service_tier(prepared: Prepared, host: Host) -> str | None:
    tier = prepared.request.service_tier
    if tier not in host.service_tiers and tier != "auto":
        usual = tier == "default"
        report = ignored("service_tier", "it is so anyhow") if usual else dropped("service_tier", f"{NO_TIER} '{tier}'")
        prepared.conversions.append(report)
    return host.service_tiers.get(tier)


def _labels(prepared: Prepared) -> dict[str, str]:
    """The client's metadata, as far as they are labels: these are small letters, digits, `_` and `-`."""
    labels: dict[str, str] = {}
    for name, value in (prepared.request.metadata or {}).items():
        fits = _LABEL_NAME.fullmatch(name) and isinstance(value, str) and _LABEL.fullmatch(value)
        if fits and len(labels) < MAX_LABELS:
            labels[name] = value
        else:
            prepared.conversions.append(ignored("metadata", "some of it is no label of the vendor's"))
    return labels


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
