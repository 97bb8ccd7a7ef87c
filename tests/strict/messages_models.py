"""What Claude models differ in, as far as the rules ask for it. Written from the vendor's model table, and not from the
gateway's own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

ALL_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `thinking`: the types of `thinking` that it takes. `efforts`: those it takes; `quiet_efforts`: those
    it takes while thinking is turned off. `sampling`: temperature, top_p and top_k. `forced`: a forced tool choice.
    `prefill`: goes on with an assistant's text. `system_role`: obeys messages of the system. `bound`: its thinking
    counts only behind the very conversation that it was given in. `fast`: has the speed `fast`. `dynamic`: has the
    server tools of 2026."""

    thinking: tuple[str, ...] = ("adaptive",)
    efforts: tuple[str, ...] = ALL_EFFORTS
    quiet_efforts: tuple[str, ...] = ALL_EFFORTS
    sampling: bool = False
    forced: bool = False
    prefill: bool = False
    system_role: bool = True
    bound: bool = False
    fast: bool = False
    dynamic: bool = True
    structured: bool = True
    max_tokens: int = 128_000


_BUDGET: Final = Model(
    thinking=("enabled", "disabled"),
    efforts=(),
    sampling=True,
    forced=True,
    prefill=True,
    system_role=False,
    dynamic=False,
    max_tokens=64_000,
)
_FOUR_SIX: Final = Model(
    thinking=("adaptive", "enabled", "disabled"),
    efforts=("low", "medium", "high", "max"),
    sampling=True,
    forced=True,
    system_role=False,
)
_QUIET: Final = ("low", "medium", "high")
_ALWAYS: Final = Model()

MODELS: Final[Mapping[str, Model]] = {
    "claude-haiku-4-5": _BUDGET,
    "claude-sonnet-4-5": _BUDGET,
    "claude-opus-4-5": replace(_BUDGET, efforts=_QUIET),
    "claude-sonnet-4-6": _FOUR_SIX,
    "claude-opus-4-6": replace(_FOUR_SIX, fast=True),
    "claude-opus-4-7": Model(thinking=("adaptive", "disabled"), forced=True, system_role=False, fast=True),
    "claude-opus-4-8": Model(thinking=("adaptive", "disabled"), forced=True, fast=True),
    "claude-opus-5": Model(thinking=("adaptive", "disabled"), forced=True, quiet_efforts=_QUIET, fast=True),
    "claude-sonnet-5": Model(thinking=("adaptive", "disabled"), forced=True, system_role=False),
    "claude-sonnet-5-5": Model(thinking=("adaptive", "between_tools"), quiet_efforts=_QUIET, bound=True),
    "claude-haiku-5-5": Model(thinking=("adaptive", "disabled"), forced=True, quiet_efforts=_QUIET, bound=True),
    "claude-opus-5-5": replace(_ALWAYS, bound=True, fast=True),
    "claude-fable-5": replace(_ALWAYS, forced=True),
    "claude-mythos-5": replace(_ALWAYS, forced=True),
    "claude-fable-5-1": replace(_ALWAYS, bound=True),
    "claude-mythos-5-1": _ALWAYS,
    "claude-fable-5-2": replace(_ALWAYS, bound=True, fast=True),
    "claude-mythos-5-2": replace(_ALWAYS, bound=True, fast=True),
    # Retired, still in the recordings.
    "claude-sonnet-4": replace(_BUDGET, structured=False),
}


def model_named(name: str) -> Model | None:
    """The model of that name, which may end in a date."""
    found = MODELS.get(name)
    if found is None and len(name) > 9 and name[-9] == "-" and name[-8:].isdigit():
        found = MODELS.get(name[:-9])
    return found
