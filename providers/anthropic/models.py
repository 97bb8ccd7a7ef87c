"""What each Claude model can do: the rows stand in `models.toml`, what their members mean stands here.

A model is found by its family and version, so date suffixes (`-20260101`, `@20260101`), host prefixes (`us.anthropic.`)
and either order of family and version make no difference. A version that is not listed behaves like the newest models
when it is newer than the oldest of the table: adaptive thinking, no sampling parameters, no prefill, no forced tool
choice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from providers.anthropic.hosts import HOSTS, Host
from proxy.provider.capabilities import Capabilities
from proxy.provider.families import Changes, Families, changed, shipped_rows

Effort: TypeAlias = str
Version: TypeAlias = tuple[int, int]
Thinking: TypeAlias = Literal["none", "budget", "adaptive"]
ThinkingOff: TypeAlias = Literal["omit", "disabled", "between_tools", "never"]

REQUEST_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""The values of `reasoning.effort`; every one of them is translated for every model that can think."""

ALL_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the table.

    `thinks`: thinks without being asked. `off`: how thinking is turned off. `efforts`: the values of
    `output_config.effort`. `sampling`: takes temperature and top_p; `sampling_together`: both in one request.
    `forced_choice`: takes a forced tool choice. `prefill`: goes on with a trailing assistant text. `system_role`:
    obeys `role: system` inside the conversation. `structured`: has structured outputs. `fast`: has `speed: fast`.
    `thinking_restricts`: budget thinking rules out sampling parameters, a forced tool choice and prefill. `web_search`,
    `code_execution` and `tool_search`: the version of the vendor's tool that is asked for, `mcp`: the beta with which
    it calls MCP servers; "" where there is none. `claude`: the model is Anthropic's own; others stand behind hosts that
    imitate the API.
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
    web_search: str = "web_search_20260209"
    code_execution: str = "code_execution_20260120"
    tool_search: str = "tool_search_tool_bm25_20251119"
    mcp: str = "mcp-client-2025-11-20"
    claude: bool = True
    context_window: int | None = None
    max_output_tokens: int | None = 128_000


NEWEST: Final = Model()
COMPATIBLE: Final = Model(
    thinking="budget",
    thinks=False,
    off="disabled",
    efforts=(),
    sampling=True,
    sampling_together=True,
    forced_choice=True,
    prefill=True,
    system_role=False,
    structured=False,
    thinking_restricts=False,
    web_search="",
    code_execution="",
    tool_search="",
    mcp="",
    claude=False,
    max_output_tokens=None,
)
"""A model behind a host that imitates the API (llama.cpp, DeepSeek, MiniMax, ...)."""

FAMILIES: Final = Families(NEWEST, shipped_rows("providers.anthropic"))

HOSTED_TOOLS: Final[Mapping[str, str]] = {
    "web_search": "web_search",
    "code_interpreter": "code_execution",
    "tool_search": "tool_search",
    "mcp": "mcp",
}
"""Tools that the vendor runs itself: the plain name, and the column that says how the model is given it."""

OLDER: Final[tuple[tuple[Version, str], ...]] = (((3, 7), "before-3-7"), ((4, 5), "before-4-5"))
"""Versions below the bound, whatever their family: the first that fits."""

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


class Models:
    """The rows of models, as the shipped table has them, the host restricts them and the configuration changes them.

    `extensions`: by the beginning of a model's name, or of its family and version (`claude-opus-6`), the members that
    differ from its row. Raises ValueError for members that there are not and values that do not fit.
    """

    def __init__(self, extensions: Mapping[str, Changes] | None = None, host: Host = HOSTS["anthropic"]) -> None:
        self._host = host
        extended = {
            prefix.lower(): changed(served(prefix, host), changes, prefix)
            for prefix, changes in (extensions or {}).items()
        }
        self._extended = sorted(extended.items(), key=lambda entry: len(entry[0]), reverse=True)

    def named(self, name: str) -> Model:
        """The row for a model name; total, and the same for a name and its `family_of`."""
        if self._extended:
            spellings = (name.lower(), family_of(name))
            for prefix, model in self._extended:
                if any(spelling.startswith(prefix) for spelling in spellings):
                    return model
        return served(name, self._host)

    def capabilities(self, name: str) -> Capabilities:
        """The row as the core reads it."""
        model = self.named(name)
        return Capabilities(
            family=family_of(name),
            # Imitating hosts leave documents out without a word.
            files=model.claude,
            image_urls=self._host.urls,
            file_urls=self._host.urls,
            hosted_tools=tuple(name for name, column in HOSTED_TOOLS.items() if getattr(model, column)),
            forced_tool_choice=model.forced_choice,
            json_schema=model.structured,
            reasoning=model.thinking != "none",
            efforts=REQUEST_EFFORTS if model.thinking != "none" else None,
            sampling=model.sampling,
            context_window=model.context_window,
            max_output_tokens=model.max_output_tokens,
        )


@lru_cache(maxsize=1024)
def model_named(name: str) -> Model:
    """The shipped table's row for a model name; total, and the same for a name and its `family_of`."""
    identified = _identified(name)
    if identified is None:
        return COMPATIBLE
    family, version = identified
    if version is None:
        return NEWEST
    found = FAMILIES.find(f"claude-{family}-{version[0]}-{version[1]}")
    if found.prefix:
        return found.row
    return next((FAMILIES.find(bound).row for below, bound in OLDER if version < below), NEWEST)


@lru_cache(maxsize=1024)
def served(name: str, host: Host) -> Model:
    """The row for a model name, as far as the host serves it."""
    if host.no_claude:
        return COMPATIBLE
    model = model_named(name)
    if host.only_claude and not model.claude:
        model = NEWEST
    # What the model itself has not, it has nowhere.
    columns = {column: value for column, value in host.columns.items() if getattr(model, column)}
    if host.structured is not None and not family_of(name).startswith(host.structured):
        columns["structured"] = False
    return changed(model, columns)


def family_of(name: str) -> str:
    """The model family inside which a thinking signature stays valid: `claude-opus-4-8` for every spelling of it."""
    identified = _identified(name)
    if identified is None:
        return name.lower()
    family, version = identified
    if version is None:
        return f"claude-{family}" if family != "claude" else re.sub(r"[^a-z0-9]+", "-", name.lower())
    return f"claude-{family}-{version[0]}-{version[1]}"
