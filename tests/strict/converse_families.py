"""What the models on Bedrock differ in, as far as the rules ask for it. Written from the vendor's tables, and not from
the gateway's own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from tests.strict import messages_models


@dataclass(frozen=True, slots=True)
class Family:
    """One family. `leading`: a conversation may begin with the assistant. `prefill`: may end with it. `shares`: what
    may stand beside results in a turn. `in_results`: kinds of blocks, and formats of documents, that results may hold.
    `fields`: the fields of its own, and the values of theirs that are strings. `tools`, `forced`, `strict`,
    `structured`: takes tools, a forced choice, strict tools, a schema of the answer. `references`: takes references in
    schemas. `caches`: has cache points; `caches_long`: for an hour. `status`: takes the status of a result."""

    leading: bool = False
    prefill: bool = False
    shares: frozenset[str] = frozenset({"text", "image"})
    in_results: frozenset[str] = frozenset({"text", "json"})
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tools: bool = True
    forced: bool = False
    strict: bool = False
    structured: bool = False
    references: bool = False
    system: bool = True
    system_role: bool = False
    sampling: bool = True
    caches: bool = False
    caches_long: bool = False
    images: bool = True
    status: bool = True
    reasoning: bool = False
    claude: messages_models.Model | None = None


_EFFORTS: Final = ("low", "medium", "high")
_TEXT_ONLY: Final = Family(images=False)
_OPEN: Final = Family(fields={"reasoning_effort": _EFFORTS}, strict=True, structured=True)
_NOVA: Final = Family(
    in_results=frozenset({"text", "json", "image", "csv", "txt"}), forced=True, caches=True, leading=False
)
_MISTRAL: Final = Family(shares=frozenset(), in_results=frozenset({"json", "document"}), forced=True, images=False)
_CLAUDE: Final = Family(
    leading=True,
    in_results=frozenset({"text", "json", "image", "document"}),
    fields={"thinking": (), "output_config": (), "tool_choice": (), "top_k": (), "anthropic_beta": ()},
    references=True,
    caches=True,
    caches_long=True,
    reasoning=True,
)

FAMILIES: Final[Mapping[str, Family]] = {
    "amazon.nova-2": replace(_NOVA, fields={"reasoningConfig": ()}),
    "amazon.nova-micro": replace(_NOVA, images=False),
    "amazon.nova": _NOVA,
    "amazon.titan": Family(tools=False, system=False, images=False),
    "openai.gpt-oss": replace(_OPEN, images=False),
    "openai.gpt": Family(fields={"reasoning": ()}, strict=True, structured=True, sampling=False, forced=True),
    "meta.llama4": Family(shares=frozenset(), in_results=frozenset({"text", "json", "image", "document"})),
    "meta.llama": Family(shares=frozenset(), in_results=frozenset({"text", "json", "document"}), images=False),
    "mistral.mistral-large-3": replace(_MISTRAL, strict=True, structured=True),
    "mistral.": _MISTRAL,
    "deepseek.r1": replace(_TEXT_ONLY, tools=False),
    "deepseek.": replace(_OPEN, images=False),
    "qwen.": Family(fields={"reasoning_config": _EFFORTS}, strict=True, structured=True, images=False),
    "moonshotai.": replace(_OPEN, leading=True, forced=True),
    "zai.": replace(_OPEN, leading=True, forced=True, images=False),
    "xai.": Family(fields={"reasoning": ()}, sampling=False, forced=True),
    "writer.": Family(shares=frozenset(), status=False, images=False),
}
"""By the beginning of the id; the longest fits."""

_REGION: Final = re.compile(r"^(?:us-gov|us|eu|apac|jp|au|ca|global)\.")
_CLAUDE_ID: Final = re.compile(r"anthropic\.(claude-[a-z]+-[0-9-]+?)(?:-\d{8})?(?:-v\d+(?::\d+)?)?")


def family_of(model_id: str) -> Family | None:
    """The family of a model; None for one that there is not."""
    plain = _REGION.sub("", model_id.rpartition("/")[2])
    if found := _CLAUDE_ID.fullmatch(plain):
        model = messages_models.model_named(found[1])
        return None if model is None else _claude(model)
    best = max((prefix for prefix in FAMILIES if plain.startswith(prefix)), key=len, default=None)
    return None if best is None else FAMILIES[best]


def _claude(model: messages_models.Model) -> Family:
    return replace(
        _CLAUDE,
        claude=model,
        prefill=model.prefill,
        forced=model.forced,
        strict=model.structured,
        structured=model.structured,
        sampling=model.sampling,
        system_role=model.system_role,
    )
