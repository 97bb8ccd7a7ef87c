"""Effort -> thinking: the table, and a legal combination for every input."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.anthropic import Anthropic, AnthropicSettings
from providers.anthropic.models import model_named
from proxy.provider.history import HistoryItem, ToolChoice
from tests.providers.anthropic.requests import (
    WEATHER,
    assistant,
    body_of,
    call,
    encoded,
    losses,
    message,
    prepared,
    result,
    thought,
)

ADAPTIVE = {"type": "adaptive"}
EFFORT = "reasoning.effort"

EFFORTS = [
    # model, effort, thinking, output_config.effort, losses
    ("claude-opus-5", None, None, None, []),
    ("claude-opus-5", "none", {"type": "disabled"}, None, []),
    ("claude-opus-5", "minimal", ADAPTIVE, "low", [f"approximated {EFFORT}"]),
    ("claude-opus-5", "low", ADAPTIVE, "low", []),
    ("claude-opus-5", "medium", ADAPTIVE, "medium", []),
    ("claude-opus-5", "high", ADAPTIVE, "high", []),
    ("claude-opus-5", "xhigh", ADAPTIVE, "xhigh", []),
    ("claude-opus-5", "max", ADAPTIVE, "max", []),
    ("claude-opus-4-6", "none", None, None, [f"ignored {EFFORT}"]),
    ("claude-opus-4-6", "xhigh", ADAPTIVE, "max", [f"approximated {EFFORT}"]),
    ("claude-sonnet-5-5", "none", {"type": "between_tools"}, None, [f"approximated {EFFORT}"]),
    ("claude-opus-5-5", "none", ADAPTIVE, "low", [f"dropped {EFFORT}"]),
    ("claude-next-9", "xhigh", ADAPTIVE, "xhigh", []),
    ("claude-opus-4-5", "high", {"type": "enabled", "budget_tokens": 16384}, "high", []),
    ("claude-opus-4-5", "max", {"type": "enabled", "budget_tokens": 32768}, "high", [f"approximated {EFFORT}"]),
    ("claude-haiku-4-5", None, None, None, []),
    ("claude-haiku-4-5", "none", None, None, [f"ignored {EFFORT}"]),
    ("claude-3-opus", "none", None, None, [f"ignored {EFFORT}"]),
    ("claude-haiku-4-5", "minimal", {"type": "enabled", "budget_tokens": 1024}, None, []),
    ("claude-haiku-4-5", "low", {"type": "enabled", "budget_tokens": 2048}, None, []),
    ("claude-haiku-4-5", "medium", {"type": "enabled", "budget_tokens": 10000}, None, []),
    ("claude-haiku-4-5", "high", {"type": "enabled", "budget_tokens": 16384}, None, []),
    ("claude-haiku-4-5", "xhigh", {"type": "enabled", "budget_tokens": 32768}, None, []),
    ("claude-3-opus", "high", None, None, [f"dropped {EFFORT}"]),
    ("qwen3", "none", {"type": "disabled"}, None, []),
    ("qwen3", "low", {"type": "enabled", "budget_tokens": 2048}, None, []),
]


@pytest.mark.parametrize(("model", "effort", "thinking", "sent", "lost"), EFFORTS)
def test_efforts(model: Any, effort: Any, thinking: Any, sent: Any, lost: Any) -> None:
    body, reported = encoded(model=model, reasoning={"effort": effort})
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == sent
    assert reported == lost


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking", "lost"),
    [
        ("claude-opus-5", {"effort": "low", "summary": "auto"}, ADAPTIVE | {"display": "summarized"}, []),
        ("claude-opus-5", {"summary": "auto"}, ADAPTIVE | {"display": "summarized"}, []),
        (
            "claude-opus-5",
            {"summary": "detailed"},
            ADAPTIVE | {"display": "summarized"},
            ["approximated reasoning.summary"],
        ),
        ("claude-opus-5", {"effort": "none", "summary": "auto"}, {"type": "disabled"}, ["ignored reasoning.summary"]),
        ("claude-opus-4-8", {"summary": "auto"}, None, ["ignored reasoning.summary"]),
        (
            "claude-haiku-4-5",
            {"effort": "low", "summary": "auto"},
            {"type": "enabled", "budget_tokens": 2048, "display": "summarized"},
            [],
        ),
    ],
)
def test_summaries(model: Any, reasoning: Any, thinking: Any, lost: Any) -> None:
    body, reported = encoded(model=model, reasoning=reasoning)
    assert body.get("thinking") == thinking
    assert reported == lost


@pytest.mark.parametrize(
    ("limit", "budget", "lost"),
    [
        (1024, None, [f"dropped {EFFORT}"]),
        (1025, 1024, [f"approximated {EFFORT}"]),
        (16_384, 16_383, [f"approximated {EFFORT}"]),
        (16_385, 16_384, []),
    ],
)
def test_the_budget_stays_below_max_tokens(limit: Any, budget: Any, lost: Any) -> None:
    body, reported = encoded(model="claude-haiku-4-5", reasoning={"effort": "high"}, max_output_tokens=limit)
    assert body["max_tokens"] == limit
    assert body.get("thinking", {}).get("budget_tokens") == budget
    assert reported == lost


def test_a_host_without_known_limits_gets_room_beside_the_budget() -> None:
    body, lost = encoded(model="qwen3", reasoning={"effort": "high"})
    assert body["max_tokens"] == 8_192 + 16_384
    assert lost == []


def test_a_forced_tool_goes_before_budget_thinking() -> None:
    body, lost = encoded(
        model="claude-haiku-4-5", tools=[WEATHER], choice=ToolChoice("required"), reasoning={"effort": "high"}
    )
    assert body["tool_choice"] == {"type": "any"}
    assert "thinking" not in body
    assert lost == [f"dropped {EFFORT}"]


@pytest.mark.parametrize(("with_thought", "thinks"), [(True, True), (False, False)])
def test_budget_thinking_does_not_begin_inside_a_step(with_thought: Any, thinks: Any) -> None:
    step = [thought(path="input[1]")] if with_thought else []
    body, lost = encoded(message("A"), *step, call(), result(), model="claude-haiku-4-5", reasoning={"effort": "low"})
    assert ("thinking" in body) is thinks
    assert lost == ([] if thinks else [f"dropped {EFFORT}"])


def test_only_the_first_step_of_a_turn_has_to_think() -> None:
    steps: list[HistoryItem] = [
        thought(path="input[1]"),
        call("c1"),
        result("r1", "c1"),
        call("c2"),
        result("r2", "c2"),
    ]
    options: dict[str, Any] = {"model": "claude-haiku-4-5", "reasoning": {"effort": "low"}}
    assert encoded(message("A"), *steps, **options)[0]["thinking"]["type"] == "enabled"
    interrupted: list[HistoryItem] = [*steps[:3], message("B"), *steps[3:]]
    assert "thinking" not in encoded(message("A"), *interrupted, **options)[0]


def test_adaptive_thinking_needs_no_thinking_in_the_step() -> None:
    body, lost = encoded(message("A"), call(), result(), reasoning={"effort": "low"})
    assert body["thinking"] == ADAPTIVE
    assert lost == []


# --- every combination is legal ---------------------------------------------------------------------------------------

MODELS = [
    "claude-3-opus",
    "claude-opus-4-1",
    "claude-haiku-4-5",
    "claude-opus-4-5",
    "claude-sonnet-4-6",
    "claude-opus-4-6",
    "claude-opus-4-7",
    "claude-opus-4-8",
    "claude-opus-5",
    "claude-sonnet-5",
    "claude-sonnet-5-5",
    "claude-haiku-5-5",
    "claude-opus-5-5",
    "claude-fable-5",
    "claude-mythos-5-2",
    "claude-next-9",
]

HISTORIES: dict[str, list[HistoryItem]] = {
    "question": [message("A")],
    "prefill": [message("A"), assistant("B")],
    "step": [message("A"), thought(path="input[1]"), call(), result()],
    "bare step": [message("A"), call(), result()],
}


def violations(body: Any, version: Any) -> Any:
    """What the vendor would refuse, written from its documentation and not from the code."""
    model = model_named(body["model"])
    thinking = body.get("thinking", {"type": None})
    effort = body.get("output_config", {}).get("effort")
    choice = body.get("tool_choice", {"type": None})["type"]
    if body["max_tokens"] < 1 or (model.max_output_tokens and body["max_tokens"] > model.max_output_tokens):
        yield "max_tokens"
    if thinking["type"] == "enabled":
        if model.thinking != "budget":
            yield "thinking.enabled"
        if not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
            yield "budget_tokens"
        if "temperature" in body and body["temperature"] != 1:
            yield "temperature with thinking"
        if "top_p" in body and not 0.95 <= body["top_p"] <= 1:
            yield "top_p with thinking"
        if choice in ("any", "tool"):
            yield "forced tool with thinking"
        last = body["messages"][-1]["content"]
        step = body["messages"][-2]["content"] if len(body["messages"]) > 1 else last
        if last[0]["type"] == "tool_result" and step[0]["type"] not in ("thinking", "redacted_thinking"):
            yield "step without thinking"
    if thinking["type"] == "adaptive" and model.thinking != "adaptive":
        yield "thinking.adaptive"
    if thinking["type"] in ("disabled", "between_tools"):
        if model.off != thinking["type"]:
            yield "thinking off"
        if effort in ("xhigh", "max"):
            yield "effort without thinking"
    if effort is not None and effort not in model.efforts:
        yield "effort"
    if {"temperature", "top_p"} & set(body):
        if not model.sampling:
            yield "sampling"
        if version >= "2026-10-21":
            yield "sampling in this version"
    if not 0 <= body.get("temperature", 1) <= 1:
        yield "temperature"
    if choice in ("any", "tool") and not model.forced_choice:
        yield "tool_choice"
    if body["messages"][-1]["role"] == "assistant" and (not model.prefill or thinking["type"] == "enabled"):
        yield "prefill"
    if body["max_tokens"] > 21_333 and not body.get("stream"):
        yield "stream"


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(
    model=st.sampled_from(MODELS),
    effort=st.sampled_from([None, "none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    limit=st.one_of(
        st.none(), st.sampled_from([16, 1023, 1024, 1025, 2048, 2049, 64_001, 10**6]), st.integers(16, 40_000)
    ),
    temperature=st.sampled_from([None, 0, 0.5, 1, 1.0, 1.2, 2]),
    top_p=st.sampled_from([None, 0, 0.5, 0.95, 1]),
    choice=st.sampled_from([ToolChoice("auto"), ToolChoice("none"), ToolChoice("required"), ToolChoice("named", "wx")]),
    summary=st.sampled_from([None, "auto", "detailed"]),
    history=st.sampled_from(sorted(HISTORIES)),
    version=st.sampled_from([None, "2023-06-01", "2026-10-21"]),
)
def test_every_combination_is_legal(
    model: Any,
    effort: Any,
    limit: Any,
    temperature: Any,
    top_p: Any,
    choice: Any,
    summary: Any,
    history: Any,
    version: Any,
) -> None:
    given_parameters = {"max_output_tokens": limit, "temperature": temperature, "top_p": top_p}
    request = prepared(
        *HISTORIES[history],
        model=model,
        tools=[WEATHER],
        choice=choice,
        reasoning={"effort": effort, "summary": summary},
        **{name: value for name, value in given_parameters.items() if value is not None},
    )
    sent = Anthropic(AnthropicSettings(api_version=version)).encode(request)
    body = body_of(sent)
    assert list(violations(body, sent.headers["anthropic-version"])) == []
    reported = {loss.split(" ")[1] for loss in losses(request)}
    if temperature not in (None, 1) and body.get("temperature") != temperature:
        assert "temperature" in reported
    if top_p not in (None, 1) and "top_p" not in body:
        assert "top_p" in reported
    if effort not in (None, "none") and "thinking" not in body:
        assert EFFORT in reported
