"""What each Claude model can do, as data.

Source: Anthropic's model list and API migration guides (state 2026-11). A model is found by its family and version, so
date suffixes (`-20260101`, `@20260101`), host prefixes (`us.anthropic.`) and either order of family and version make no
difference. A version that is not listed behaves like the newest models when it is newer than the oldest of the table:
adaptive thinking, no sampling parameters, no prefill, no forced tool choice.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from proxy.provider.capabilities import Capabilities

Effort: TypeAlias = str
Thinking: TypeAlias = Literal["none", "budget", "adaptive"]
ThinkingOff: TypeAlias = Literal["omit", "disabled", "between_tools", "never"]

REQUEST_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""The values of `reasoning.effort`; every one of them is translated for every model that can think."""

TO_HIGH: Final = ("low", "medium", "high")
TO_MAX: Final = ("low", "medium", "high", "max")
ALL_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the table.

    `thinks`: thinks without being asked. `off`: how thinking is turned off. `efforts`: the values of
    `output_config.effort`. `sampling`: takes temperature and top_p; `sampling_together`: both in one request.
    `forced_choice`: takes a forced tool choice. `prefill`: goes on with a trailing assistant text. `system_role`:
    obeys `role: system` inside the conversation. `structured`: has structured outputs. `fast`: has `speed: fast`.
    `thinking_restricts`: budget thinking rules out sampling parameters, a forced tool choice and prefill. `claude`: the
    model is Anthropic's own; others stand behind hosts that imitate the API.
    """

    thinking: Thinking = "adaptive"
    thinks: bool = True
    off: ThinkingOff = "never"
    efforts: tuple[Effort, ...] = ALL_EFFORTS
    sampling: bool = False
    sampling_together: bool = False
    forced_choice: bool = False
    prefill: bool = False
    system_role: bool = True
    structured: bool = True
    fast: bool = False
    thinking_restricts: bool = True
    claude: bool = True
    context_window: int | None = None
    max_output_tokens: int | None = 128_000


NEWEST: Final = Model()
BUDGET: Final = Model(
    thinking="budget",
    thinks=False,
    off="omit",
    efforts=(),
    sampling=True,
    forced_choice=True,
    prefill=True,
    system_role=False,
    context_window=200_000,
    max_output_tokens=64_000,
)
ADAPTIVE_4: Final = Model(thinks=False, off="omit", forced_choice=True, system_role=False)

FIRST_THINKING: Final = replace(BUDGET, structured=False, sampling_together=True, max_output_tokens=32_000)
BEFORE_THINKING: Final = replace(FIRST_THINKING, thinking="none", max_output_tokens=4_096)
COMPATIBLE: Final = replace(
    BUDGET,
    off="disabled",
    sampling_together=True,
    structured=False,
    thinking_restricts=False,
    claude=False,
    context_window=None,
    max_output_tokens=None,
)
"""A model behind a host that imitates the API (llama.cpp, DeepSeek, MiniMax, ...)."""

Version: TypeAlias = tuple[int, int]

MODELS: Final[dict[tuple[str, Version], Model]] = {
    ("haiku", (4, 5)): BUDGET,
    ("sonnet", (4, 5)): BUDGET,
    ("opus", (4, 5)): replace(BUDGET, efforts=TO_HIGH),
    ("sonnet", (4, 6)): replace(ADAPTIVE_4, efforts=TO_MAX, sampling=True),
    ("opus", (4, 6)): replace(ADAPTIVE_4, efforts=TO_MAX, sampling=True, fast=True),
    ("opus", (4, 7)): replace(ADAPTIVE_4, fast=True),
    ("opus", (4, 8)): replace(ADAPTIVE_4, system_role=True, fast=True),
    ("opus", (5, 0)): Model(off="disabled", forced_choice=True, fast=True),
    # Accepts the system role and ignores it.
    ("sonnet", (5, 0)): Model(off="disabled", forced_choice=True, system_role=False),
    # Both list the system role, yet follow tagged user text better, Haiku above all after tool results.
    ("sonnet", (5, 5)): Model(off="between_tools", system_role=False),
    ("haiku", (5, 5)): Model(off="disabled", forced_choice=True, system_role=False),
    ("opus", (5, 5)): Model(fast=True),
    ("fable", (5, 0)): Model(forced_choice=True),
    ("fable", (5, 1)): Model(),
    ("fable", (5, 2)): Model(fast=True),
    ("mythos", (5, 0)): Model(forced_choice=True),
    ("mythos", (5, 1)): Model(),
    ("mythos", (5, 2)): Model(fast=True),
}

OLDER: Final[tuple[tuple[Version, Model], ...]] = (
    ((3, 7), BEFORE_THINKING),
    ((4, 5), FIRST_THINKING),
)
"""Versions below the bound, whatever their family: the first row that fits."""

DEFAULT_MAX_TOKENS: Final = 8_192
"""`max_tokens` when neither the client nor the table knows one; the vendor requires the field."""

_VERSION = r"(?P<major>\d{1,2})(?!\d)(?:-(?P<minor>\d{1,2})(?!\d))?"
_FAMILIES: Final = "opus|sonnet|haiku|fable|mythos"
_NAMES: Final = (
    re.compile(rf"(?:^|-)claude-(?P<family>[a-z]+)-{_VERSION}"),
    re.compile(rf"(?:^|-)claude-{_VERSION}(?:-(?P<family>[a-z]+))?"),
    re.compile(rf"^(?P<family>{_FAMILIES})-{_VERSION}"),
    re.compile(r"(?:^|-)claude-(?P<family>[a-z]+)"),
    re.compile(rf"^(?P<family>{_FAMILIES})(?:-|$)"),
    re.compile(r"(?:^|-)(?P<family>claude)(?:-|$)"),
)


@lru_cache(maxsize=1024)
def _identified(name: str) -> tuple[str, Version | None] | None:
    """The family and version that a Claude model's name holds; None for other vendors' models."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower())
    for pattern in _NAMES:
        if found := pattern.search(plain):
            parts = found.groupdict()
            major = parts.get("major")
            version = (int(major), int(parts["minor"] or 0)) if major else None
            return parts["family"] or "claude", version
    return None


@lru_cache(maxsize=1024)
def model_named(name: str) -> Model:
    """The table's row for a model name; total, and the same for a name and its `family_of`."""
    identified = _identified(name)
    if identified is None:
        return COMPATIBLE
    family, version = identified
    if version is None:
        return NEWEST
    listed = MODELS.get((family, version))
    if listed is not None:
        return listed
    return next((model for bound, model in OLDER if version < bound), NEWEST)


def family_of(name: str) -> str:
    """The model family inside which a thinking signature stays valid: `claude-opus-4-8` for every spelling of it."""
    identified = _identified(name)
    if identified is None:
        return name.lower()
    family, version = identified
    if version is None:
        return f"claude-{family}" if family != "claude" else re.sub(r"[^a-z0-9]+", "-", name.lower())
    return f"claude-{family}-{version[0]}-{version[1]}"


def capabilities_of(name: str) -> Capabilities:
    """The row as the core reads it."""
    model = model_named(name)
    return Capabilities(
        family=family_of(name),
        # Imitating hosts leave documents out without a word.
        files=model.claude,
        forced_tool_choice=model.forced_choice,
        json_schema=model.structured,
        reasoning=model.thinking != "none",
        efforts=REQUEST_EFFORTS if model.thinking != "none" else None,
        sampling=model.sampling,
        context_window=model.context_window,
        max_output_tokens=model.max_output_tokens,
    )
