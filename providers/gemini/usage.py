"""Token counts of one answer. Source: the reference of `UsageMetadata`; the service tier stands there too.

The input is the prompt, cached tokens included, and what server-side tools put in front of the model. The output is
what candidates and thoughts cost together; some gateways and older versions of Vertex AI count the thoughts among the
candidates' tokens, which the total gives away. The details name the sound and the pictures within the sums, which have
prices of their own.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from providers.gemini.reading import Json, count, sequence
from proxy.responses.events import Usage

SERVICE_TIERS: Final[Mapping[object, str]] = {
    "standard": "default",
    "flex": "flex",
    "priority": "priority",
    "ON_DEMAND": "default",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_PRIORITY": "priority",
    1: "default",
}
"""Values of `serviceTier` (Gemini API) and `trafficType` (Vertex AI, `ON_DEMAND` also as a number)."""

_COUNTS: Final = frozenset(
    {
        "promptTokenCount",
        "candidatesTokenCount",
        "toolUsePromptTokenCount",
        "thoughtsTokenCount",
        "cachedContentTokenCount",
        "totalTokenCount",
    }
)

_DETAILS: Final[Mapping[str, Mapping[object, str]]] = {
    "promptTokensDetails": {"AUDIO": "prompt_audio", 4: "prompt_audio"},
    "toolUsePromptTokensDetails": {"AUDIO": "tools_audio", 4: "tools_audio"},
    "cacheTokensDetails": {"AUDIO": "cached_audio", 4: "cached_audio"},
    "candidatesTokensDetails": {"AUDIO": "output_audio", 4: "output_audio", "IMAGE": "output_image", 2: "output_image"},
}
"""What of each list is counted, by modality: a name, or its number on Vertex AI."""


class UsageReport:
    """The vendor's counts so far. Each chunk of a stream repeats them, later ones may lack some: the highest counts."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def replace(self, metadata: Json) -> Sequence[Usage]:
        """Take over what a `usageMetadata` says; the whole counts afterwards, or nothing if it says nothing new."""
        counts = self._counts
        changed = False
        for name, value in metadata.items():
            if name in _DETAILS:
                changed = self._detail(name, value) or changed
                continue
            if name not in _COUNTS or (known := counts.get(name, -1)) == value:
                continue
            number = count(value)
            if number is not None and number > known:
                counts[name] = number
                changed = True
        return (self._usage(),) if changed else ()

    def _detail(self, name: str, value: object) -> bool:
        """Take over one list of the details; whether it says anything new."""
        found: dict[str, int] = {}
        for detail in sequence(value):
            # Nearly all chunks of a stream have text alone.
            if not isinstance(detail, dict) or (modality := detail.get("modality")) == "TEXT":
                continue
            key = _DETAILS[name].get(modality.upper() if isinstance(modality, str) else _number(modality))
            if key is not None:
                found[key] = found.get(key, 0) + (count(detail.get("tokenCount")) or 0)
        if not found:
            return False
        higher = {key: number for key, number in found.items() if number > self._counts.get(key, 0)}
        self._counts.update(higher)
        return bool(higher)

    def _usage(self) -> Usage:
        counts = self._counts
        prompt = counts.get("promptTokenCount")
        tools = counts.get("toolUsePromptTokenCount", 0)
        candidates = counts.get("candidatesTokenCount")
        thoughts = counts.get("thoughtsTokenCount")
        total = counts.get("totalTokenCount")
        output: int | None
        if candidates is None and thoughts is None:
            output = max(0, total - prompt - tools) if total is not None and prompt is not None else None
        else:
            output = (candidates or 0) + (thoughts or 0)
            if candidates and prompt is not None and prompt + tools + candidates == total:
                output = candidates
        if prompt is None and output and total is not None and total > output + tools:
            prompt = total - output - tools
        return Usage(
            # Counts of zero are left out on the wire, but no prompt has none.
            input_tokens=None if prompt is None else prompt + tools,
            cached_tokens=counts.get("cachedContentTokenCount"),
            output_tokens=output,
            reasoning_tokens=None if thoughts is None or output is None else min(thoughts, output),
            input_audio_tokens=counts.get("prompt_audio", 0) + counts.get("tools_audio", 0) or None,
            cached_audio_tokens=counts.get("cached_audio"),
            output_audio_tokens=counts.get("output_audio"),
            output_image_tokens=counts.get("output_image"),
        )


def _number(value: object) -> int | None:
    return value if type(value) is int else None


def service_tier(metadata: Json) -> str | None:
    """The service tier that answered, where OpenAI has a name for it."""
    for name in ("serviceTier", "trafficType"):
        value = metadata.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value in SERVICE_TIERS:
            return SERVICE_TIERS[value]
    return None
