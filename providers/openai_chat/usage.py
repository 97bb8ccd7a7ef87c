"""Token counts of Chat Completions in the neutral form. They are inclusive: cached tokens are part of the prompt."""

from collections.abc import Mapping
from typing import Any

from providers.openai_chat.dialect import Dialect
from proxy.responses.events import Usage


def usage_of(counts: Mapping[str, Any], dialect: Dialect, timings: object = None) -> Usage | None:
    """The counts, None when there is not one of them.

    Cached tokens stand in the details, or beside the total (Together; Mistral as `num_cached_tokens`), or as
    `prompt_cache_hit_tokens` (DeepSeek) or `cache_read_input_tokens` (Databricks), or in llama.cpp's `timings`;
    reasoning tokens in the details or beside the total (SGLang).
    """
    read = _mapping(counts.get("prompt_tokens_details"))
    made = _mapping(counts.get("completion_tokens_details"))
    usage = Usage(
        input_tokens=_first(counts, "prompt_tokens", "input_tokens"),
        cached_tokens=_count(read.get("cached_tokens")),
        cache_write_tokens=_count(read.get("cache_write_tokens")),
        output_tokens=_first(counts, "completion_tokens", "output_tokens"),
        reasoning_tokens=_count(made.get("reasoning_tokens")),
    )
    if usage.cached_tokens is None:
        usage.cached_tokens = _first(
            counts, "cached_tokens", "num_cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"
        )
    if usage.cached_tokens is None and isinstance(timings, dict):
        usage.cached_tokens = _count(timings.get("cache_n"))
    if usage.cache_write_tokens is None:
        usage.cache_write_tokens = _first(counts, "cache_creation_input_tokens")
    if usage.reasoning_tokens is None:
        usage.reasoning_tokens = _first(counts, "reasoning_tokens")
    if dialect.audio_outside_input:
        _include_audio(usage, _count(read.get("audio_tokens")), _count(counts.get("total_tokens")))
    if dialect.reasoning_outside_output:
        _include_reasoning(usage, _count(counts.get("total_tokens")))
    return usage if usage.input_tokens is not None or usage != Usage() else None


def _include_reasoning(usage: Usage, total: int | None) -> None:
    """Add reasoning tokens to the output where the total says that they are not part of it (xAI)."""
    if usage.reasoning_tokens and usage.input_tokens is not None and usage.output_tokens is not None:
        together = usage.output_tokens + usage.reasoning_tokens
        if total == usage.input_tokens + together:
            usage.output_tokens = together


def _include_audio(usage: Usage, audio: int | None, total: int | None) -> None:
    """Add audio tokens to the input where the total says that they are not part of it (Mistral)."""
    if audio and usage.input_tokens is not None and usage.output_tokens is not None:
        together = usage.input_tokens + audio
        if total == together + usage.output_tokens:
            usage.input_tokens = together


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(counts: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        if (count := _count(counts.get(name))) is not None:
            return count
    return None


def _count(value: object) -> int | None:
    """A number of tokens; what is none counts as absent."""
    if type(value) is int and 0 <= value < 2**53:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        return None
    return int(value)
