"""A call that was refused is changed where the vendor says what it does not take."""

from typing import Any

import orjson
import pytest

from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.provider.history import FunctionTool, HistoryItem
from tests.providers.bedrock.requests import (
    HAIKU,
    NOVA,
    NOVA_2,
    OPUS,
    PROVIDER,
    WEATHER,
    assistant,
    call,
    complaints,
    developer,
    message,
    prepared,
    rejected,
    result,
    text,
    thought,
)


def amended(said: str, *items: HistoryItem, **options: Any) -> tuple[Any, list[str]] | None:
    """The body after the change, and what was lost."""
    first = PROVIDER.encode(prepared(*items, **options))
    changed = PROVIDER.amend(first, ProviderError("bad_request", said, vendor_status=400))
    if changed is None:
        return None
    sent, lost = changed
    assert sent.path == first.path
    assert complaints(sent, ["S1"]) == []
    assert rejected(sent) is None
    return orjson.loads(sent.body), [f"{each.disposition} {each.path}" for each in lost]


def found(change: tuple[Any, list[str]] | None) -> tuple[Any, list[str]]:
    assert change is not None
    return change


def test_nova_thinks_hard_without_limits() -> None:
    said = "Invalid value: maxTokens must be unset when maxReasoningEffort is high"
    body, lost = found(
        amended(said, model=NOVA_2, max_output_tokens=100, temperature=0.5, reasoning={"effort": "high"})
    )
    assert body["inferenceConfig"] == {}
    assert lost == ["dropped max_output_tokens", "dropped temperature"]


def test_a_limit_is_kept_where_nothing_thinks() -> None:
    assert amended("maxTokens: reasoning effort", model=NOVA, max_output_tokens=100) is None


@pytest.mark.parametrize(
    ("said", "kept", "lost"),
    [
        ("temperature is deprecated for this model", {"topP": 0.5}, ["dropped temperature"]),
        ("`temperature` and `top_p` cannot both be specified", {"temperature": 0.5}, ["dropped top_p"]),
        ("This model doesn't support the topP field.", {"temperature": 0.5}, ["dropped top_p"]),
    ],
)
def test_sampling_parameters_go(said: str, kept: Any, lost: list[str]) -> None:
    body, losses = found(amended(said, model=NOVA, temperature=0.5, top_p=0.5))
    assert (body["inferenceConfig"], losses) == (kept, lost)


def test_reasoning_that_is_refused_goes() -> None:
    items = (message("A"), thought(), call(), result())
    body, lost = found(
        amended(
            "Invalid `signature` in `thinking` block", *items, model=HAIKU, tools=[WEATHER], reasoning={"effort": "low"}
        )
    )
    assert "reasoningContent" not in str(body["messages"])
    assert "thinking" not in body["additionalModelRequestFields"]
    assert lost == ["dropped input"]
    assert amended("Invalid `signature` in `thinking` block", message("A")) is None


def test_instructions_amid_the_conversation_become_the_users() -> None:
    items = (message("A"), assistant("B"), message("C"), developer("D"))
    body, lost = found(amended("This model doesn't support the role 'system' in messages.", *items, model=OPUS))
    assert body["messages"][-1] == {"role": "user", "content": [{"text": "C"}, {"text": "<system>D</system>"}]}
    assert lost == ["approximated input"]


def test_cache_points_go() -> None:
    marked = message(text("A", prompt_cache_breakpoint={"mode": "explicit", "ttl": "12h"}))
    body, lost = found(amended("your request did not allow prompt caching.", marked, model=OPUS))
    assert body["messages"][0]["content"] == [{"text": "A"}]
    assert lost == ["ignored input.content.prompt_cache_breakpoint"]
    body, _ = found(amended("This model doesn't support the cachePoint.ttl field.", marked, model=OPUS))
    assert body["messages"][0]["content"][1] == {"cachePoint": {"type": "default"}}


def test_strict_goes() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    tool = FunctionTool("f", None, schema, True, "tools[0]")
    body, lost = found(amended("tools.0: Schema is too complex", model=HAIKU, tools=[tool]))
    assert "strict" not in body["toolConfig"]["tools"][0]["toolSpec"]
    assert lost == ["dropped tools.strict"]


def test_what_a_result_and_a_request_say_besides_goes() -> None:
    items = (message("A"), call(), result("x", failed=True))
    _, lost = found(amended("doesn't support the toolResult.status field.", *items, model=OPUS, tools=[WEATHER]))
    assert lost == ["dropped input.status"]
    _, lost = found(amended("This model doesn't support the serviceTier field.", model=NOVA, service_tier="flex"))
    assert lost == ["dropped service_tier"]
    _, lost = found(amended('"thinking.type.adaptive" is not supported', model=OPUS, reasoning={"effort": "low"}))
    assert lost == ["dropped reasoning.effort"]


@pytest.mark.parametrize("said", ["", "The input is bad", "temperature", "ttl", "strict", "effort"])
def test_what_is_not_there_cannot_go(said: str) -> None:
    assert amended(said, message("A"), model=NOVA) is None


def test_only_refusals_are_answered() -> None:
    sent = PROVIDER.encode(prepared(model=NOVA, temperature=0.5))
    assert PROVIDER.amend(sent, ProviderError("rate_limit", "temperature")) is None


def test_losses_are_conversions() -> None:
    sent = PROVIDER.encode(prepared(model=NOVA, temperature=0.5))
    changed = PROVIDER.amend(sent, ProviderError("bad_request", "temperature"))
    assert changed is not None
    assert all(isinstance(each, Conversion) for each in changed[1])
