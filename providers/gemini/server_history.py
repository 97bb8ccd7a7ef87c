"""What Google's own tools did in earlier turns: the vendor's parts, put back where they came from.

A result without its call, or a call without its result, is not sent: the vendor refuses the conversation for it.
"""

from collections.abc import Sequence
from typing import Final

import orjson

from providers.gemini.parts import VendorPart
from providers.gemini.reading import Json, json_text, mapping, mappings, text
from proxy.provider.history import HOSTED_PROOF, HistoryItem, ReasoningItem

CALLS: Final = ("toolCall", "executableCode")
RESULTS: Final = ("toolResponse", "codeExecutionResult")
SERVER_PARTS: Final = frozenset({*CALLS, *RESULTS})
"""The member that a part of one of these tools has."""


def packed(parts: Sequence[Json]) -> str:
    """The payload of a proof: the vendor's parts as they came."""
    return json_text({"parts": list(parts)})


def parts_of(item: ReasoningItem) -> list[VendorPart] | None:
    """The parts in the item's proof; None where it is another kind of proof."""
    if item.proof is None or item.proof.kind != HOSTED_PROOF:
        return None
    try:
        return mappings(mapping(orjson.loads(item.proof.payload)).get("parts"))
    except orjson.JSONDecodeError:
        return []


def unpaired(items: Sequence[HistoryItem]) -> frozenset[str]:
    """The ids of calls without a result, and of results without a call."""
    called, answered = set[str](), set[str]()
    for item in items:
        if isinstance(item, ReasoningItem):
            for part in parts_of(item) or ():
                called.update(_ids(part, CALLS))
                answered.update(_ids(part, RESULTS))
    return frozenset(called ^ answered)


def id_of(part: VendorPart) -> str:
    """The id of the call that the part is, or answers; "" where it has none."""
    return next(iter(_ids(part, (*CALLS, *RESULTS))), "")


def _ids(part: VendorPart, members: Sequence[str]) -> list[str]:
    found = (text(mapping(part.get(member)).get("id")) for member in members)
    return [identifier for identifier in found if identifier]
