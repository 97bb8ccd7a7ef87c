"""Reasoning effort and summary -> `thinkingConfig`.

Source: Google's thinking guide and the profiles of pydantic-ai 2.68. Levels and budgets exclude each other: a model
takes one of them.
"""

from collections.abc import Mapping
from typing import Final

from providers.gemini.hosts import Host
from providers.gemini.models import REQUEST_EFFORTS, Model
from proxy.provider.contract import Prepared
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse

EFFORT_PATH: Final = "reasoning.effort"
SUMMARY_PATH: Final = "reasoning.summary"

LEVELS: Final = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")
"""The vendor's levels, from the least to the most."""

LEVEL_OF_EFFORT: Final[Mapping[str, str]] = {
    "none": "MINIMAL",
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "XHIGH",
    "max": "XHIGH",
}

EXACT_BUDGETS: Final = frozenset({"none", "minimal", "low", "medium", "high"})
"""Efforts that have a budget of their own."""


def thinking_config(prepared: Prepared, model: Model, host: Host) -> dict[str, object] | None:
    """`generationConfig.thinkingConfig`, None where the request says nothing of reasoning or the model does not think.
    Raises RefusedError for an unknown effort."""
    settings: Mapping[str, object] = prepared.request.reasoning
    conversions = prepared.conversions
    for name, usual in (("mode", "standard"), ("context", "auto")):
        if settings.get(name) not in (None, usual):
            conversions.append(dropped(f"reasoning.{name}", "the vendor has no such setting"))
    effort, summary = settings.get("effort"), settings.get("summary")
    if effort is not None and effort not in REQUEST_EFFORTS:
        refuse(EFFORT_PATH, f"Unknown reasoning effort '{str(effort)[:64]}'.", value=True)
    if not prepared.capabilities.reasoning or model.thinking == "none":
        _without_thinking(effort, summary, conversions)
        return None
    config: dict[str, object] = {}
    if isinstance(effort, str):
        if effort == "none" and host.name in model.off_at:
            config["thinkingBudget"] = 0
        elif model.thinking == "level":
            config["thinkingLevel"] = _level(effort, model, conversions)
        else:
            config["thinkingBudget"] = _budget(effort, model, conversions)
    if summary is not None:
        if config.get("thinkingBudget") == 0:
            conversions.append(ignored(SUMMARY_PATH, "the model does not think in this request"))
        else:
            config["includeThoughts"] = True
            if summary != "auto":
                conversions.append(approximated(SUMMARY_PATH, "the vendor knows only one kind of summary"))
    return config or None


def _without_thinking(effort: object, summary: object, conversions: list[Conversion]) -> None:
    if effort == "none":
        conversions.append(ignored(EFFORT_PATH, "the model does not think"))
    elif effort is not None:
        conversions.append(dropped(EFFORT_PATH, "the model does not think"))
    if summary is not None:
        conversions.append(ignored(SUMMARY_PATH, "the model does not think"))


def _level(effort: str, model: Model, conversions: list[Conversion]) -> str:
    """The nearest level that the model takes; of two that are equally near, the higher."""
    wanted = LEVELS.index(LEVEL_OF_EFFORT[effort])
    level = min(model.levels, key=lambda level: (abs(LEVELS.index(level) - wanted), -LEVELS.index(level)))
    if effort == "none":
        level = min(model.levels, key=LEVELS.index)
        conversions.append(approximated(EFFORT_PATH, f"the model always thinks; its lowest level is '{level}'"))
    elif level != LEVEL_OF_EFFORT[effort] or effort == "max":
        conversions.append(approximated(EFFORT_PATH, f"the model is asked for the level '{level}'"))
    return level


def _budget(effort: str, model: Model, conversions: list[Conversion]) -> int:
    """The effort's budget; that of the next effort which has one, else of the last."""
    above = REQUEST_EFFORTS[REQUEST_EFFORTS.index(effort) :]
    found = next((name for name in above if name in model.budgets), None)
    budget = model.budgets[found] if found is not None else max(model.budgets.values(), default=-1)
    if effort == "none" and found != "none":
        conversions.append(approximated(EFFORT_PATH, f"the model always thinks; it is given {budget} tokens for it"))
    elif effort not in EXACT_BUDGETS or found != effort:
        conversions.append(approximated(EFFORT_PATH, f"the model is given {budget} tokens to think"))
    return budget
