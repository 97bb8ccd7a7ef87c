"""What the usage of an answer has to be: the vendors' arithmetic, done again from the recorded numbers."""

from collections.abc import Iterable, Mapping
from typing import Any

from .frames import payloads
from .generate_content import counts_of
from .recordings import Recording
from .replay import ESTIMATED


def expected_usage(recording: Recording) -> dict[str, Any] | None:
    """The `usage` of the response; None where the vendor gave no counts."""
    if recording.family == "gemini":
        counts = counts_of(payloads(recording))
    else:
        counts = _anthropic(recording) if recording.family == "anthropic" else _chat(recording)
    if counts is None:
        return None
    read, cached, written, made, thought = counts
    if not read:
        # A prompt that was not counted is estimated.
        read = ESTIMATED.input_tokens
    # Two vendors contradict themselves: more was cached than read, or more was thought than written.
    cached, thought = min(cached, read), min(thought, made)
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": read + made,
    }


def _anthropic(recording: Recording) -> tuple[int, int, int, int, int] | None:
    """Input leaves the cache out: reads and writes are added. In a stream each count replaces the one before."""
    reports = []
    for payload in payloads(recording):
        reports += [payload.get("usage"), (payload.get("message") or {}).get("usage")]
    last = _last(reports)
    if not last:
        return None
    read, written = last.get("cache_read_input_tokens", 0), last.get("cache_creation_input_tokens", 0)
    details = last.get("output_tokens_details") or {}
    return (
        last["input_tokens"] + read + written,
        read,
        written,
        last["output_tokens"],
        details.get("thinking_tokens", 0),
    )


def _chat(recording: Recording) -> tuple[int, int, int, int, int] | None:
    """Input includes the cache; reasoning is part of the output and audio of the input, except where only the sum with
    them gives the total. More reasoning than output is not part of it, and Google's reasoning is in the total alone."""
    reports = []
    for payload in payloads(recording):
        reports += [payload.get("usage"), (payload.get("x_groq") or {}).get("usage")]
        reports += [choice.get("usage") for choice in payload.get("choices") or ()]
    last = _last(reports)
    if not last:
        return None
    read, made = last["prompt_tokens"], last["completion_tokens"]
    of_input, of_output = last.get("prompt_tokens_details") or {}, last.get("completion_tokens_details") or {}
    audio = of_input.get("audio_tokens") or 0
    if audio and last.get("total_tokens") == read + audio + made:
        read += audio
    cached = _first(of_input.get("cached_tokens"), last.get("cached_tokens"), last.get("prompt_cache_hit_tokens"))
    if not cached:
        cached = _first(last.get("cache_read_input_tokens"), *_llama_cpp_cache(recording))
    written = _first(of_input.get("cache_write_tokens"), last.get("cache_creation_input_tokens"))
    thought = _first(of_output.get("reasoning_tokens"), last.get("reasoning_tokens"))
    if thought and (last.get("total_tokens") == read + made + thought or thought > made):
        made += thought
    if recording.folder == "gemini_openai_chat":
        thought = last["total_tokens"] - read - made
        made += thought
    return read, cached, written, made, thought


def _llama_cpp_cache(recording: Recording) -> list[Any]:
    return [(payload.get("timings") or {}).get("cache_n") for payload in payloads(recording)][-1:]


def _last(reports: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    for report in reports:
        counts |= {name: value for name, value in (report or {}).items() if value is not None}
    return counts


def _first(*counts: Any) -> int:
    return next((count for count in counts if count is not None), 0)
