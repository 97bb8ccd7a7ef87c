"""Token counts of one answer. Source: the reference of `UsageMetadata`; the service tier stands there too.

The input is the prompt, cached tokens included, and what server-side tools put in front of the model. The output is
what candidates and thoughts cost together; some gateways and older versions of Vertex AI count the thoughts among the
candidates' tokens, which the total gives away.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from providers.gemini.reading import Json, count
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
            if name not in _COUNTS or (known := counts.get(name, -1)) == value:
                continue
            number = count(value)
            if number is not None and number > known:
                counts[name] = number
                changed = True
        return (self._usage(),) if changed else ()

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
        return Usage(
            # Counts of zero are left out on the wire: beside a count of the output, a missing one of the prompt is 0.
            input_tokens=None if prompt is None and output is None else (prompt or 0) + tools,
            cached_tokens=counts.get("cachedContentTokenCount"),
            output_tokens=output,
            reasoning_tokens=None if thoughts is None or output is None else min(thoughts, output),
        )


def service_tier(metadata: Json) -> str | None:
    """The service tier that answered, where OpenAI has a name for it."""
    for name in ("serviceTier", "trafficType"):
        value = metadata.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value in SERVICE_TIERS:
            return SERVICE_TIERS[value]
    return None
