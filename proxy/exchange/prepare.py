"""From a request to what a provider translates: tools offered, history in order, proofs opened, losses reported."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Literal, TypeAlias, cast

from proxy.exchange.compaction import asks_for_compaction, open_summary, summary_request
from proxy.exchange.endpoint import Target
from proxy.exchange.history import HistoryMode, item_path, ordered
from proxy.exchange.media import check_media
from proxy.exchange.proofs import opening
from proxy.exchange.structured import instruct
from proxy.exchange.tools import Offer, Tool, UnsupportedTools, offer
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Prepared
from proxy.provider.conversions import Conversion, RefusedError, dropped, ignored, refuse
from proxy.responses.errors import quoted
from proxy.responses.request import CreateRequest, ReasoningConfig, TextConfig
from proxy.responses.seal import Sealer

UnknownParameters: TypeAlias = Literal["reject", "ignore"]


@dataclass(frozen=True, slots=True)
class Rules:
    """How the operator wants requests to be treated."""

    strict: bool = False
    history: HistoryMode = "refuse"
    unsupported_hosted_tools: UnsupportedTools = "drop"
    unknown_parameters: UnknownParameters = "reject"
    compaction_instructions: str | None = None


def prepare(
    request: CreateRequest, target: Target, *, rules: Rules, sealer: Sealer, client: str, inherited: int = 0
) -> tuple[Prepared, Offer]:
    """Resolve the request for its target. The first `inherited` items of its input come from state. What is prepared
    for a request that asks for a compaction is the writing of the summary.

    Raises ResponsesError for what cannot be carried and must not be lost.
    """
    if asks_for_compaction(request):
        request = summary_request(
            request,
            instructions=rules.compaction_instructions,
            sealer=sealer,
            client=client,
            paths=[item_path(index, inherited) for index in range(len(request.input))],
        )
        inherited = 0
    endpoint = target.endpoint
    capabilities = endpoint.capabilities(target.model)
    conversions: list[Conversion] = []
    kinds = {item["type"] for item in cast("list[Mapping[str, object]]", request.input)}
    if "configuration_update" in kinds:
        request = _updated(request, inherited, conversions)
    offered = offer(
        cast("list[Tool] | None", request.tools),
        request.tool_choice,
        capabilities,
        unsupported=rules.unsupported_hosted_tools,
        conversions=conversions,
        brought=() if kinds.isdisjoint(BRINGING_TOOLS) else _brought_tools(request, inherited),
    )
    items = ordered(
        cast("list[Mapping[str, object]]", request.input),
        mode=rules.history,
        offered_name=offered.offered_name,
        open_proof=opening(sealer, target, capabilities.family, client, conversions),
        open_summary=partial(open_summary, sealer, client),
        refused_parts=_refused_parts(capabilities),
        conversions=conversions,
        inherited=inherited,
        native_custom=capabilities.custom_tools,
        native=capabilities.native_items,
    )
    _core_parameters(request, conversions, capabilities.native_parameters, hosted=bool(offered.hosted_tools))
    prepared = Prepared(
        model=target.model,
        request=request,
        items=items,
        tools=offered.tools,
        tool_choice=offered.choice,
        capabilities=capabilities,
        stream=request.stream is True,
        conversions=conversions,
        custom_tools=offered.custom_tools,
        hosted_tools=offered.hosted_tools,
    )
    check_media(prepared)
    instruct(prepared, endpoint.provider)
    return prepared, offered


def encode(prepared: Prepared, target: Target, rules: Rules) -> Call:
    """Have the provider translate; under `strict` losses are refused, all at once."""
    call = target.endpoint.provider.encode(prepared)
    if rules.strict:
        refused: dict[str, Conversion] = {}
        for conversion in prepared.conversions:
            if conversion.strict_refuses:
                refused.setdefault(conversion.path, conversion)
        if refused:
            raise _refusal(list(refused.values()), target)
    return call


MAX_NAMED = 20
"""How many losses the error of a strict request names one by one."""


def _refusal(losses: Sequence[Conversion], target: Target) -> RefusedError:
    named = [f"{quoted(loss.path)} ({loss.reason or loss.disposition})" for loss in losses[:MAX_NAMED]]
    if len(losses) > MAX_NAMED:
        named.append(f"and {len(losses) - MAX_NAMED} more")
    error = RefusedError(
        400,
        "The request is strict, and some of it cannot be carried to "
        f"{quoted(f'{target.endpoint.name}/{target.model}')} as it is: {', '.join(named)}.",
        param=losses[0].path,
        code="unsupported_parameter",
    )
    error.more = [loss.path for loss in losses[1:]]
    return error


BRINGING_TOOLS = frozenset({"additional_tools", "tool_search_output"})
"""Items that bring tools along."""


def _brought_tools(request: CreateRequest, inherited: int) -> list[tuple[str, Tool]]:
    """The tools that items bring along, with their paths. What a search has found is not deferred any more."""
    return [
        (
            f"{item_path(index, inherited)}.tools[{position}]",
            _found(tool) if item["type"] == "tool_search_output" else tool,
        )
        for index, item in enumerate(cast("list[Mapping[str, object]]", request.input))
        if item["type"] in BRINGING_TOOLS
        for position, tool in enumerate(cast("list[Tool]", item["tools"]))
    ]


def _found(tool: Tool) -> Tool:
    """A tool, or a namespace of tools, that a search has found."""
    if tool["type"] == "namespace":
        return {**tool, "tools": [_found(member) for member in cast("list[Tool]", tool["tools"])]}
    return {**tool, "defer_loading": None} if tool.get("defer_loading") else tool


@lru_cache(256)
def _refused_parts(capabilities: Capabilities) -> list[str]:
    return [
        kind
        for kind, able in (
            ("input_image", capabilities.images),
            ("input_file", capabilities.files),
            ("input_audio", capabilities.audio),
        )
        if not able
    ]


def _updated(request: CreateRequest, inherited: int, conversions: list[Conversion]) -> CreateRequest:
    """The request with the settings that `configuration_update` items brought; what it says itself counts more."""
    reasoning: dict[str, object] = {}
    text: dict[str, object] = {}
    for index, item in enumerate(cast("list[Mapping[str, object]]", request.input)):
        if item["type"] != "configuration_update":
            continue
        path = item_path(index, inherited)
        for name, settings, own in (("reasoning", reasoning, request.reasoning), ("text", text, request.text)):
            update = cast("Mapping[str, object]", item.get(name) or {})
            for setting, value in update.items():
                if value is None:
                    continue
                if cast("Mapping[str, object]", own).get(setting) is not None:
                    conversions.append(ignored(f"{path}.{name}.{setting}", "the request says it itself"))
                else:
                    settings[setting] = value
    if not reasoning and not text:
        return request
    return replace(
        request,
        reasoning=cast("ReasoningConfig", {**request.reasoning, **reasoning}),
        text=cast("TextConfig", {**request.text, **text}),
        given=request.given | ({"reasoning"} if reasoning else set()) | ({"text"} if text else set()),
    )


def _core_parameters(
    request: CreateRequest, conversions: list[Conversion], native: Collection[str], *, hosted: bool
) -> None:
    """The parameters that mean something only to the gateway itself, or to a vendor that speaks Responses (`native`);
    `hosted`: the vendor runs tools itself."""
    given = request.given
    if request.stream_options is not None and request.stream_options.get("include_obfuscation"):
        path = "stream_options.include_obfuscation"
        conversions.append(ignored(path, "padding against eavesdroppers, which the gateway does not add"))
    if given.isdisjoint(_CORE):
        return
    for name, (disposition, reason) in _CORE.items():
        if name not in given or name in native or (name == "max_tool_calls" and hosted):
            continue
        if disposition == "refused":
            refuse(name, f"'{name}' {reason}.")
        conversions.append(dropped(name, reason) if disposition == "dropped" else ignored(name, reason))


_CORE: Mapping[str, tuple[Literal["dropped", "ignored", "refused"], str]] = {
    "access_programs": ("refused", "is a programme of OpenAI's own models"),
    "moderation": ("refused", "is not offered by this gateway"),
    "background_options": ("ignored", "background responses begin at once"),
    "context_management": ("dropped", "a history is compacted only when that is asked for"),
    "max_tool_calls": ("ignored", "limits hosted tools, of which none is offered"),
    "image": ("ignored", "concerns images of OpenAI's own models"),
}
