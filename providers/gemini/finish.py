"""Why an answer ended: `finishReason` of a candidate, `blockReason` of the prompt.

Source: the reference of `Candidate.FinishReason` and `PromptFeedback.BlockReason`. Behind `$alt=json;enum-encoding=int`
the values are numbers. They are read as Vertex AI's, whose clients ask for that form; the Gemini API counts differently
from 6 on.
"""

from collections.abc import Mapping
from typing import Final

from proxy.responses.events import FinishReason

FINISH_REASONS: Final[Mapping[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
}
"""Reasons that are in no table, OTHER among them, count as `unknown`."""

#: Reasons that say that the answer broke off.
FAILURES: Final = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "LANGUAGE",
        "NO_IMAGE",
        "IMAGE_OTHER",
        "PUP_LIMITED_DISABLED",
    }
)

_FINISH_NUMBERS: Final = (
    *("", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"),
    *("MALFORMED_FUNCTION_CALL", "MODEL_ARMOR", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    *("IMAGE_OTHER", "UNEXPECTED_TOOL_CALL", "NO_IMAGE"),
)
_BLOCK_NUMBERS: Final = ("", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "MODEL_ARMOR", "JAILBREAK")


def finish_reason(value: object) -> str | None:
    """The vendor's word for the end of a candidate; None while it goes on."""
    return _word(value, _FINISH_NUMBERS)


def block_reason(value: object) -> str | None:
    """The vendor's word for why it blocked the prompt; None when it did not."""
    return _word(value, _BLOCK_NUMBERS)


def _word(value: object, numbers: tuple[str, ...]) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return (numbers[value] if 0 <= value < len(numbers) else str(value)) or None
    if not isinstance(value, str) or value.upper().endswith("_UNSPECIFIED"):
        return None
    return value.upper() or None
