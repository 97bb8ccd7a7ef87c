"""Reasoning effort -> `thinking`, `output_config.effort` and `max_tokens`: a legal combination for every input.

Source: Anthropic's extended- and adaptive-thinking guides; the budgets are those in common use.
"""

from dataclasses import dataclass
from typing import Final

from providers.anthropic.models import ALL_EFFORTS, DEFAULT_MAX_TOKENS, Model
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse

EFFORT_PATH: Final = "reasoning.effort"
SUMMARY_PATH: Final = "reasoning.summary"
MIN_BUDGET: Final = 1024
BUDGETS: Final = {
    "minimal": MIN_BUDGET,
    "low": 2_048,
    "medium": 10_000,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 32_768,
}
EFFORTS: Final = {"minimal": "low", **{effort: effort for effort in ALL_EFFORTS}}


@dataclass(frozen=True, slots=True)
class ThinkingInput:
    """What decides over thinking.

    `max_tokens` is the client's limit, `ceiling` the model's. `forced_choice`: a tool is forced. `open_step`: the
    conversation ends with results of a step whose own thinking is not there.
    """

    effort: str | None
    summary: str | None
    max_tokens: int | None
    ceiling: int | None
    forced_choice: bool
    open_step: bool


@dataclass(frozen=True, slots=True)
class ThinkingPlan:
    """The members of the body; None and absent mean the same. `budgeted`: budget thinking is on."""

    max_tokens: int
    thinking: dict[str, object] | None = None
    effort: str | None = None

    @property
    def budgeted(self) -> bool:
        """Whether thinking with a token budget is on, which restricts other parameters on some models."""
        return self.thinking is not None and self.thinking["type"] == "enabled"


def plan_thinking(model: Model, wanted: ThinkingInput, conversions: list[Conversion]) -> ThinkingPlan:
    """Choose the combination, and report what it does not carry."""
    if wanted.effort is not None and wanted.effort != "none" and wanted.effort not in EFFORTS:
        refuse(EFFORT_PATH, f"Unknown reasoning effort '{wanted.effort[:64]}'.", value=True)
    max_tokens = _max_tokens(wanted, conversions)
    if model.thinking == "none":
        plan = ThinkingPlan(max_tokens)
        if wanted.effort == "none":
            conversions.append(ignored(EFFORT_PATH, "the model does not think"))
        elif wanted.effort is not None:
            conversions.append(dropped(EFFORT_PATH, "the model does not think"))
    elif wanted.effort == "none":
        plan = _off(model, max_tokens, conversions)
    elif model.thinking == "budget":
        plan = _budget(model, wanted, max_tokens, conversions)
    else:
        plan = _adaptive(model, wanted, max_tokens, conversions)
    return _with_summary(model, plan, wanted, conversions)


def _max_tokens(wanted: ThinkingInput, conversions: list[Conversion]) -> int:
    if wanted.max_tokens is None:
        return wanted.ceiling or DEFAULT_MAX_TOKENS
    if wanted.ceiling is not None and wanted.max_tokens > wanted.ceiling:
        conversions.append(approximated("max_output_tokens", f"the model writes at most {wanted.ceiling} tokens"))
        return wanted.ceiling
    return wanted.max_tokens


def _off(model: Model, max_tokens: int, conversions: list[Conversion]) -> ThinkingPlan:
    if model.off == "never":
        conversions.append(dropped(EFFORT_PATH, "the model always thinks; the lowest effort is used"))
        return ThinkingPlan(max_tokens, {"type": "adaptive"}, "low")
    if model.off == "omit":
        conversions.append(ignored(EFFORT_PATH, "the model thinks only when it is asked to"))
        return ThinkingPlan(max_tokens)
    if model.off == "between_tools":
        conversions.append(approximated(EFFORT_PATH, "the model still thinks between tool calls"))
    return ThinkingPlan(max_tokens, {"type": model.off})


def _adaptive(model: Model, wanted: ThinkingInput, max_tokens: int, conversions: list[Conversion]) -> ThinkingPlan:
    if wanted.effort is None:
        return ThinkingPlan(max_tokens)
    return ThinkingPlan(max_tokens, {"type": "adaptive"}, _offered_effort(model, wanted.effort, conversions))


def _offered_effort(model: Model, wanted: str, conversions: list[Conversion]) -> str:
    """The wanted effort, or the next one that the model has."""
    effort = EFFORTS[wanted]
    if effort not in model.efforts:
        above = [offered for offered in model.efforts if ALL_EFFORTS.index(offered) > ALL_EFFORTS.index(effort)]
        effort = above[0] if above else model.efforts[-1]
    if effort != wanted:
        conversions.append(approximated(EFFORT_PATH, f"the model is asked for the effort '{effort}'"))
    return effort


def _budget(model: Model, wanted: ThinkingInput, max_tokens: int, conversions: list[Conversion]) -> ThinkingPlan:
    if wanted.effort is None:
        return ThinkingPlan(max_tokens)
    effort = _offered_effort(model, wanted.effort, conversions) if model.efforts else None
    obstacle = None
    if model.thinking_restricts and wanted.forced_choice:
        obstacle = "the model cannot think when a tool is forced"
    elif model.thinking_restricts and wanted.open_step:
        obstacle = "the model cannot begin to think between a tool call and the answer to it"
    elif max_tokens <= MIN_BUDGET and wanted.max_tokens is not None:
        obstacle = f"max_output_tokens leaves no room to think; the least is {MIN_BUDGET + 1}"
    if obstacle is not None:
        conversions.append(dropped(EFFORT_PATH, obstacle))
        return ThinkingPlan(max_tokens, effort=effort)
    budget = BUDGETS[wanted.effort]
    if budget >= max_tokens:
        if wanted.max_tokens is None and wanted.ceiling is None:
            max_tokens += budget
        else:
            budget = max_tokens - 1
            conversions.append(approximated(EFFORT_PATH, f"max_output_tokens bounds thinking to {budget} tokens"))
    if budget < MIN_BUDGET:
        conversions.append(dropped(EFFORT_PATH, "the model's output limit leaves no room to think"))
        return ThinkingPlan(max_tokens, effort=effort)
    return ThinkingPlan(max_tokens, {"type": "enabled", "budget_tokens": budget}, effort)


def _with_summary(
    model: Model, plan: ThinkingPlan, wanted: ThinkingInput, conversions: list[Conversion]
) -> ThinkingPlan:
    """Ask for readable thinking where a summary is wanted and the model thinks."""
    if wanted.summary is None:
        return plan
    thinking = plan.thinking
    if thinking is None and model.thinking == "adaptive" and model.thinks:
        thinking = {"type": "adaptive"}
    if thinking is None or thinking["type"] not in ("adaptive", "enabled"):
        conversions.append(ignored(SUMMARY_PATH, "the model does not think in this request"))
        return plan
    if wanted.summary != "auto":
        conversions.append(approximated(SUMMARY_PATH, "the vendor knows only one kind of summary"))
    return ThinkingPlan(plan.max_tokens, thinking | {"display": "summarized"}, plan.effort)
