"""Reasoning effort -> the fields in which each family of models is asked for it, and the limit of the answer.

Claude has the fields of its own API; they stand, as those of all others, in `additionalModelRequestFields`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from providers.anthropic.thinking import EFFORT_PATH, SUMMARY_PATH, ThinkingInput, plan_thinking
from providers.bedrock.models import REQUEST_EFFORTS, Model, Reasoning
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse


@dataclass(frozen=True, slots=True)
class ReasoningPlan:
    """`fields` of the model's own, and `maxTokens`. `restricted`: thinking rules out sampling and prefill."""

    max_tokens: int | None
    fields: Mapping[str, object] = field(default_factory=dict)
    restricted: bool = False


FIELDS: Final[Mapping[Reasoning, Callable[[str], dict[str, object]]]] = {
    "nova": lambda effort: {
        "reasoningConfig": {"type": "disabled"}
        if effort == "none"
        else {"type": "enabled", "maxReasoningEffort": effort}
    },
    "effort": lambda effort: {"reasoning_effort": effort},
    "effort_object": lambda effort: {"reasoning": {"effort": effort}},
    "qwen": lambda effort: {"reasoning_config": effort},
}
"""How an effort is told, in each form but Claude's."""


def plan_reasoning(model: Model, wanted: ThinkingInput, conversions: list[Conversion]) -> ReasoningPlan:
    """Choose the fields, and report what they do not carry."""
    if model.claude is not None:
        plan = plan_thinking(model.claude, wanted, conversions)
        told: dict[str, object] = {"thinking": plan.thinking} if plan.thinking is not None else {}
        if plan.effort is not None:
            told["output_config"] = {"effort": plan.effort}
        return ReasoningPlan(plan.max_tokens, told, plan.budgeted and model.claude.thinking_restricts)
    if wanted.summary is not None:
        conversions.append(ignored(SUMMARY_PATH, "the model shows what it thinks, if anything, and makes no summary"))
    return ReasoningPlan(_max_tokens(wanted, conversions), _fields(model, wanted.effort, conversions))


def _max_tokens(wanted: ThinkingInput, conversions: list[Conversion]) -> int | None:
    most, ceiling = wanted.max_tokens, wanted.ceiling
    if most is not None and ceiling is not None and most > ceiling:
        conversions.append(approximated("max_output_tokens", f"the model writes at most {ceiling} tokens"))
        return ceiling
    return most


def _fields(model: Model, effort: str | None, conversions: list[Conversion]) -> dict[str, object]:
    if effort is None:
        return {}
    if effort not in REQUEST_EFFORTS:
        refuse(EFFORT_PATH, f"Unknown reasoning effort '{effort[:64]}'.", value=True)
    if model.reasoning not in FIELDS or not model.efforts:
        if effort != "none":
            conversions.append(dropped(EFFORT_PATH, "the model does not think, or cannot be told how much"))
        else:
            conversions.append(ignored(EFFORT_PATH, "the model does not think, or cannot be told how much"))
        return {}
    offered = nearest(effort, model.efforts)
    if effort == "none" and offered != effort:
        conversions.append(dropped(EFFORT_PATH, "the model always thinks; the lowest effort is used"))
    elif offered != effort:
        conversions.append(approximated(EFFORT_PATH, f"the model is asked for the effort '{offered}'"))
    return FIELDS[model.reasoning](offered)


def nearest(effort: str, offered: tuple[str, ...]) -> str:
    """The effort, or the next higher one that is offered, else the highest."""
    place = REQUEST_EFFORTS.index(effort)
    above = [each for each in offered if each in REQUEST_EFFORTS and REQUEST_EFFORTS.index(each) >= place]
    return min(above, key=REQUEST_EFFORTS.index) if above else offered[-1]
