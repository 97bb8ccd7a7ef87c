"""What the models on Bedrock can do: the rows stand in `models.toml`, what their members mean stands here.

A model is found by its id without what stands in front of it: the region of an inference profile (`us.`, `global.`),
and all of an ARN up to the id. ARNs that name a model of the account (a provisioned, imported or custom one, an
application's profile) tell nothing of it: they have the default row, unless the configuration says what they are.

Claude models have the row of `anthropic.claude`, and what single ones differ in from `providers.anthropic.models`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from providers.anthropic import models as anthropic
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Prepared
from proxy.provider.families import Changes, Families, changed, shipped_rows

Reasoning: TypeAlias = Literal["none", "claude", "nova", "effort", "effort_object", "qwen"]
BesideResults: TypeAlias = Literal["no_documents", "nothing"]

REQUEST_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""The values of `reasoning.effort`, from the least to the most; all are translated for every model that has it."""

HOSTED_TOOLS: Final[Mapping[str, str]] = {"web_search": "web_search", "code_interpreter": "code_interpreter"}
"""Tools that a model runs itself: the plain name, and the column with the vendor's name."""

CLAUDE: Final = "claude"
"""The member of an operator's row whose members are columns of `providers.anthropic.models.Model`."""


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the table.

    `reasoning`: the form in which the effort is asked for, `efforts` the values that it takes; `raw_reasoning`: shows
    the chain itself and no summary; `hidden_reasoning`: the text that stands where nothing is shown. `sampling`: takes
    temperature and top_p. `tools`: takes tools; `forced_choice`: can be made to call one; `strict_tools`: is held to
    their schemas, `json_schema`: to that of the answer. `inline_schemas`: takes no references in schemas. `system`:
    takes system messages; `system_role`: also inside the conversation. `leading_assistant`: the conversation may begin
    with the assistant; `prefill`: may end with it. `cache`: has cache points; `cache_1h`: that last an hour.
    `result_media`: what may stand in a tool's result, by kind (`image`, `document`) or format (`csv`).
    `beside_results`: what may stand in a turn with results: all but documents, or nothing. `result_form`: text, or an
    object; `result_status`: is told whether the tool failed. `trims_start`: begins its text with white space that means
    nothing. `web_search`, `code_interpreter`: the vendor's own tools. `counts`: has a counter of tokens.
    `gross_streams`: the input of a stream's usage has the cache in it. `claude`: the row of a Claude model.
    """

    reasoning: Reasoning = "none"
    efforts: tuple[str, ...] = ()
    raw_reasoning: bool = True
    hidden_reasoning: str = ""
    sampling: bool = True
    tools: bool = True
    forced_choice: bool = False
    strict_tools: bool = False
    json_schema: bool = False
    inline_schemas: bool = True
    system: bool = True
    system_role: bool = False
    leading_assistant: bool = False
    prefill: bool = False
    cache: bool = False
    cache_1h: bool = False
    images: bool = True
    files: bool = True
    audio: bool = False
    result_media: tuple[str, ...] = ()
    beside_results: BesideResults = "no_documents"
    result_form: Literal["text", "json"] = "text"
    result_status: bool = True
    trims_start: bool = False
    web_search: str = ""
    code_interpreter: str = ""
    counts: bool = False
    gross_streams: bool = False
    context_window: int | None = None
    max_output_tokens: int | None = None
    claude: anthropic.Model | None = None


FAMILIES: Final = Families(Model(), shipped_rows("providers.bedrock"))

_REGION: Final = re.compile(r"(?:us-gov|us|eu|apac|jp|au|ca|sa|me|mx|af|il|in|uk|kr|global)\.(?=[a-z0-9-]+\.)")
_ARN: Final = re.compile(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:(?P<kind>[a-z-]+)/(?P<id>.+)", re.IGNORECASE)
_NAMED: Final = frozenset({"foundation-model", "inference-profile"})
"""Kinds of resources whose ids are those of models."""


def plain_id(name: str) -> str:
    """The model's id in lower case, without the region of a profile and without the ARN around it."""
    found = _ARN.fullmatch(name)
    if found is not None and found["kind"].lower() in _NAMED:
        name = found["id"]
    return _REGION.sub("", name.lower(), count=1) if _REGION.match(name.lower()) else name.lower()


class Models:
    """The rows of models, as the shipped table has them and the configuration changes them.

    `extensions`: by the beginning of a model's id, or of a Claude model's family and version (`claude-opus-6`), the
    members that differ from its row, whatever the region; the member `claude` holds those of a Claude model's row.
    Raises ValueError for members that there are not and values that do not fit.
    """

    def __init__(self, extensions: Mapping[str, Changes] | None = None) -> None:
        of_claude: dict[str, Changes] = {}
        extended: list[tuple[str, Changes]] = []
        for prefix, changes in (extensions or {}).items():
            inner = changes.get(CLAUDE)
            if isinstance(inner, Mapping):
                of_claude[plain_id(prefix)] = inner
            elif inner is not None:
                raise ValueError(f"{prefix}.{CLAUDE}: found {inner!r}; a mapping is expected")
            own = {name: value for name, value in changes.items() if name != CLAUDE}
            changed(Model(), own, prefix)
            extended.append((plain_id(prefix), own))
        self._claude = anthropic.Models(of_claude) if of_claude else None
        self._extended = sorted(extended, key=lambda entry: len(entry[0]), reverse=True)

    def named(self, name: str) -> Model:
        """The row for a model's name; total, and the same for a name and its `family_of`."""
        row = shipped_row(name) if self._claude is None else _with_claude(name, self._claude.named(plain_id(name)))
        if self._extended:
            spellings = {plain_id(name), family_of(name)}
            for prefix, changes in self._extended:
                if any(spelling.startswith(prefix) for spelling in spellings):
                    return changed(row, changes, prefix)
        return row

    def asked(self, prepared: Prepared) -> Model:
        """The row for a request: that of its model's name, unless the configuration says which model is behind it."""
        family = prepared.capabilities.family
        return self.named(family if family and family != family_of(prepared.model) else prepared.model)

    def capabilities(self, name: str) -> Capabilities:
        """The row as the core reads it."""
        model = self.named(name)
        thinks = model.reasoning != "none" and (model.claude is None or model.claude.thinking != "none")
        return Capabilities(
            family=family_of(name),
            images=model.images,
            files=model.files,
            image_urls=False,
            file_urls=False,
            audio=model.audio,
            tools=model.tools,
            hosted_tools=tuple(name for name, column in HOSTED_TOOLS.items() if getattr(model, column)),
            forced_tool_choice=model.forced_choice,
            json_schema=model.json_schema,
            json_object=False,
            reasoning=thinks,
            efforts=REQUEST_EFFORTS if thinks else None,
            sampling=model.sampling,
            context_window=model.context_window,
            max_output_tokens=model.max_output_tokens,
        )


@lru_cache(maxsize=1024)
def shipped_row(name: str) -> Model:
    """The shipped tables' row for a model's name."""
    return _with_claude(name, anthropic.model_named(plain_id(name)))


def _with_claude(name: str, claude: anthropic.Model) -> Model:
    if not claude.claude:
        return FAMILIES.find(plain_id(name)).row
    return replace(
        FAMILIES.find("anthropic.claude").row,
        sampling=claude.sampling,
        forced_choice=claude.forced_choice,
        strict_tools=claude.structured,
        json_schema=claude.structured,
        system_role=claude.system_role,
        prefill=claude.prefill,
        context_window=claude.context_window,
        max_output_tokens=claude.max_output_tokens,
        claude=claude,
    )


def family_of(name: str) -> str:
    """The model family inside which a reasoning proof stays valid: Claude's family and version, else the plain id."""
    plain = plain_id(name)
    return anthropic.family_of(plain) if anthropic.model_named(plain).claude else plain
