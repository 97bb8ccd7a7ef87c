"""What is changed in a call that the vendor refused with a 400, so that it can be tried once more.

What single models take differs more than any table knows, and the vendor names what it does not take. Nothing is
remembered: one client's request must not change another's. What a client relies upon is not taken away.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import orjson

from providers.anthropic.lenient import Json, mapping, sequence
from proxy.provider.contract import Call
from proxy.provider.conversions import Conversion, approximated, dropped, ignored
from proxy.provider.errors import ProviderError

Amendment = Callable[[Json, str], list[Conversion]]
"""Changes the body in view of the vendor's message, and says what that lost; nothing: nothing could be changed."""

NOT_TAKEN: Final = "the provider does not take it for the model"


def amended(call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
    """The changed call and what the change lost."""
    if error.error_class != "bad_request":
        return None
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict):
        return None
    for pattern, amendment in AMENDMENTS:
        if pattern.search(error.message) and (conversions := amendment(body, error.message)):
            return replace(call, body=orjson.dumps(body)), conversions
    return None


def _blocks(body: Json) -> Iterator[Json]:
    for message in map(mapping, sequence(body.get("messages"))):
        yield from map(mapping, sequence(message.get("content")))


def _without_reasoning(body: Json, message: str) -> list[Conversion]:
    kept: list[object] = []
    found = False
    for turn in map(mapping, sequence(body.get("messages"))):
        blocks = sequence(turn.get("content"))
        visible = [block for block in blocks if "reasoningContent" not in mapping(block)]
        found = found or len(visible) < len(blocks)
        if visible:
            kept.append(turn | {"content": visible})
    if not found:
        return []
    body["messages"] = kept
    fields = mapping(body.get("additionalModelRequestFields"))
    last = sequence(mapping(kept[-1]).get("content")) if kept else []
    if mapping(fields.get("thinking")).get("type") == "enabled" and any("toolResult" in mapping(each) for each in last):
        # With a thinking budget the step that is still open would have to begin with its thinking.
        del fields["thinking"]
    return [dropped("input", "the provider refused the reasoning of earlier turns")]


def _without_strict(body: Json, message: str) -> list[Conversion]:
    tools = map(mapping, sequence(mapping(body.get("toolConfig")).get("tools")))
    strict = [tool for tool in tools if mapping(tool.get("toolSpec")).pop("strict", None)]
    return [dropped("tools.strict", "the provider does not hold the model to these schemas")] if strict else []


def _without_sampling(body: Json, message: str) -> list[Conversion]:
    inference = mapping(body.get("inferenceConfig"))
    said = message.lower().replace("_", "")
    members = (("topP", "top_p"), ("temperature", "temperature"))
    named = [(member, path) for member, path in members if member.lower() in said and member in inference]
    if re.search(r"\bboth\b", said):
        # One of them is taken.
        named = named[:1]
    for member, _ in named:
        del inference[member]
    return [dropped(path, NOT_TAKEN) for _, path in named]


def _without_limit(body: Json, message: str) -> list[Conversion]:
    """Nova refuses a limit, and sampling, beside the highest effort."""
    inference = mapping(body.get("inferenceConfig"))
    fields = mapping(body.get("additionalModelRequestFields"))
    if "reasoningConfig" not in fields or inference.pop("maxTokens", None) is None:
        return []
    lost = [dropped("max_output_tokens", "the provider does not take it beside the effort")]
    return [*lost, *_without_sampling(body, "temperature, topP")]


def _without_cache_points(body: Json, message: str) -> list[Conversion]:
    found = False
    for holder in (body, *map(mapping, sequence(body.get("messages")))):
        member = "system" if holder is body else "content"
        blocks = sequence(holder.get(member))
        kept = [block for block in blocks if "cachePoint" not in mapping(block)]
        if len(kept) < len(blocks):
            found = True
            holder[member] = kept
    return [ignored("input.content.prompt_cache_breakpoint", NOT_TAKEN)] if found else []


def _with_short_lives(body: Json, message: str) -> list[Conversion]:
    blocks = [*_blocks(body), *map(mapping, sequence(body.get("system")))]
    long = [block for block in blocks if mapping(block.get("cachePoint")).pop("ttl", None)]
    return [approximated("input.content.prompt_cache_breakpoint.ttl", NOT_TAKEN)] if long else []


def _without_status(body: Json, message: str) -> list[Conversion]:
    failed = [block for block in _blocks(body) if mapping(block.get("toolResult")).pop("status", None)]
    return [dropped("input.status", "the provider is not told that the tool failed")] if failed else []


def _with_tagged_instructions(body: Json, message: str) -> list[Conversion]:
    """Instructions inside the conversation, as text of the user's turn before them."""
    turns: list[Json] = []
    found = False
    for turn in map(mapping, sequence(body.get("messages"))):
        if turn.get("role") != "system":
            turns.append(turn)
            continue
        found = True
        told = [
            {"text": f"<system>{mapping(block)['text']}</system>"} if "text" in mapping(block) else block
            for block in sequence(turn.get("content"))
        ]
        if turns and turns[-1].get("role") == "user":
            turns[-1] = turns[-1] | {"content": [*sequence(turns[-1].get("content")), *told]}
        else:
            turns.append({"role": "user", "content": told})
    if not found:
        return []
    body["messages"] = turns
    return [approximated("input", "instructions inside the conversation are sent as tagged user text")]


def _without(name: str, path: str) -> Amendment:
    def amendment(body: Json, message: str) -> list[Conversion]:
        return [] if body.pop(name, None) is None else [dropped(path, NOT_TAKEN)]

    return amendment


def _without_field(name: str) -> Amendment:
    def amendment(body: Json, message: str) -> list[Conversion]:
        fields = mapping(body.get("additionalModelRequestFields"))
        if fields.pop(name, None) is None:
            return []
        if not fields:
            body.pop("additionalModelRequestFields", None)
        return [dropped("reasoning.effort", NOT_TAKEN)]

    return amendment


AMENDMENTS: Final[tuple[tuple[re.Pattern[str], Amendment], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), amendment)
    for pattern, amendment in (
        (r"invalid `?signature`?|thinking.{0,80}cannot be modified|bound to a different", _without_reasoning),
        (r"schemas? (?:is|are) too complex|compiled grammar is too large|\bstrict\b", _without_strict),
        (r"\bmax_?tokens\b.{0,160}(?:reasoning|effort)|(?:reasoning|effort).{0,160}\bmax_?tokens\b", _without_limit),
        (r"\b(?:temperature|top_?p)\b", _without_sampling),
        (r"\bttl\b", _with_short_lives),
        (r"\bcache_?point\b|prompt caching", _without_cache_points),
        (r"\btool_?result\.status\b|\bstatus\b.{0,20}\bfield", _without_status),
        (r"role\W{0,4}system|system\W{0,4}role|\brole\b.{0,40}\bsystem\b", _with_tagged_instructions),
        (r"\bservice_?tier\b", _without("serviceTier", "service_tier")),
        (r"\bthinking\.type\b|\badaptive thinking\b", _without_field("thinking")),
        (r"\boutput_config\b|\beffort\b", _without_field("output_config")),
        (r"\breasoning_?effort\b", _without_field("reasoning_effort")),
        (r"\breasoning_?config\b", _without_field("reasoningConfig")),
    )
)
