"""Recorded answers of Gemini's `generateContent`, read without the product: what they say, count, and end with."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

Chunk: TypeAlias = Mapping[str, Any]

FINISH_NUMBERS: Final = {0: "", 1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION"}
"""The enum's numbers, which Vertex sends when it is asked for them."""

STATUSES: Final[Mapping[str, str]] = {
    "STOP": "completed",
    "MAX_TOKENS": "incomplete",
    "SAFETY": "incomplete",
    "BLOCKED": "incomplete",
    "": "failed",
}
"""What the vendor's words for the end mean; `BLOCKED` is a prompt that was not answered."""


def parts_of(chunk: Chunk) -> list[dict[str, Any]]:
    """The parts of the first candidate."""
    candidates = [each for each in chunk.get("candidates") or () if each.get("index", 0) == 0]
    return [part for each in candidates[:1] for part in (each.get("content") or {}).get("parts") or ()]


def finish_of(chunk: Chunk) -> str:
    """The finish reason of the first candidate, by its name; "" when there is none yet."""
    if (chunk.get("promptFeedback") or {}).get("blockReason"):
        return "BLOCKED"
    for candidate in chunk.get("candidates") or ():
        if candidate.get("index", 0) == 0:
            reason = candidate.get("finishReason", "")
            return FINISH_NUMBERS[reason] if isinstance(reason, int) else reason
    return ""


def text_of(chunk: Chunk) -> str:
    """The visible text."""
    return "".join(part.get("text", "") for part in parts_of(chunk) if not part.get("thought"))


def calls_of(chunk: Chunk) -> list[str]:
    """The names of the calls; a call that comes in pieces has its name in the first one only."""
    return [part["functionCall"]["name"] for part in parts_of(chunk) if (part.get("functionCall") or {}).get("name")]


def counts_of(chunks: list[dict[str, Any]]) -> tuple[int, int, int, int, int] | None:
    """Input, cached, written to the cache, output and reasoning tokens: each count is the greatest that was told.
    Thoughts and the tools' prompts are counted beside the candidates and the prompt."""
    most: dict[str, int] = {}
    for chunk in chunks:
        for name, count in (chunk.get("usageMetadata") or {}).items():
            if isinstance(count, int):
                most[name] = max(count, most.get(name, 0))
    if not most:
        return None
    read = most.get("promptTokenCount", 0) + most.get("toolUsePromptTokenCount", 0)
    thought = most.get("thoughtsTokenCount", 0)
    return read, most.get("cachedContentTokenCount", 0), 0, most.get("candidatesTokenCount", 0) + thought, thought


def as_stream(chunks: list[dict[str, Any]], piece: int) -> bytes:
    """A whole answer, told in chunks whose texts have so many characters, with the line ends that Google sends."""
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(chunk).encode() for chunk in _chunks(chunks, piece))


def _chunks(chunks: list[dict[str, Any]], piece: int) -> Iterator[dict[str, Any]]:
    for chunk in chunks:
        candidate = next((each for each in chunk.get("candidates") or () if each.get("index", 0) == 0), None)
        if candidate is None:
            yield chunk
            continue
        head = {name: value for name, value in chunk.items() if name != "candidates"}
        for part in parts_of(chunk):
            for delta in _pieces(part, piece):
                yield head | {"candidates": [{"content": {"parts": [delta], "role": "model"}, "index": 0}]}
        rest = {name: value for name, value in candidate.items() if name != "content"}
        yield head | {"candidates": [rest]}


def _pieces(part: dict[str, Any], piece: int) -> Iterator[dict[str, Any]]:
    """A signed part stays whole: in pieces, its signature would come after its text and stand behind it."""
    text = part.get("text")
    if not text or "thoughtSignature" in part:
        yield part
        return
    rest = {name: value for name, value in part.items() if name != "text"}
    for start in range(0, len(text), piece):
        yield {"text": text[start : start + piece]} | rest
