"""Token counts of Chat Completions in the neutral form. They are inclusive: cached tokens are part of the prompt and
reasoning is part of the completion; where a server does it otherwise, its numbers are added up here."""

from collections.abc import Mapping
from typing import Any, Final

from providers.openai_chat.dialect import Dialect
from proxy.responses.events import Usage

_CACHED: Final = ("cached_tokens", "num_cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens")


def usage_of(counts: Mapping[str, Any], dialect: Dialect, timings: object = None) -> Usage | None:
    """The counts, None when there is not one of them.

    Cached tokens stand in the details, or beside the total (Together; Mistral as `num_cached_tokens`), or as
    `prompt_cache_hit_tokens` (DeepSeek) or `cache_read_input_tokens` (Databricks), or in llama.cpp's `timings`;
    reasoning tokens in the details or beside the total (SGLang, Perplexity). A count that is missing beside a total is
    what the total leaves for it.
    """
    read = _mapping(counts.get("prompt_tokens_details"))
    made = _mapping(counts.get("completion_tokens_details"))
    total = _count(counts.get("total_tokens"))
    usage = Usage(
        input_tokens=_first(counts, "prompt_tokens", "input_tokens"),
        cached_tokens=_count(read.get("cached_tokens")),
        cache_write_tokens=_count(read.get("cache_write_tokens")),
        output_tokens=_first(counts, "completion_tokens", "output_tokens"),
        reasoning_tokens=_count(made.get("reasoning_tokens")),
        input_audio_tokens=_count(read.get("audio_tokens")) or None,
        output_audio_tokens=_count(made.get("audio_tokens")) or None,
        output_image_tokens=_count(made.get("image_tokens")) or None,
        web_searches=_searches(counts),
    )
    if usage.cached_tokens is None:
        usage.cached_tokens = _first(counts, *_CACHED)
    if usage.cached_tokens is None and isinstance(timings, dict):
        usage.cached_tokens = _count(timings.get("cache_n"))
    if usage.cache_write_tokens is None:
        usage.cache_write_tokens = _first(counts, "cache_creation_input_tokens")
    if usage.reasoning_tokens is None:
        usage.reasoning_tokens = _first(counts, "reasoning_tokens")
    if usage.input_tokens is None or usage.output_tokens is None:
        _complete(usage, counts, total)
    if usage.input_tokens is not None and usage.output_tokens is not None:
        if dialect.audio_outside_input:
            _include_audio(usage, total, counts.get("prompt_audio_seconds"))
        if dialect.reasoning_outside_output:
            _include_reasoning(usage, total)
        if dialect.counts_apart:
            usage.output_tokens += usage.reasoning_tokens or 0
            usage.input_tokens += _count(counts.get("citation_tokens")) or 0
    return usage if usage != Usage() else None


def _complete(usage: Usage, counts: Mapping[str, Any], total: int | None) -> None:
    """Find out the prompt or the completion where the other one is told."""
    if usage.input_tokens is None and (missed := _count(counts.get("prompt_cache_miss_tokens"))) is not None:
        usage.input_tokens = missed + (usage.cached_tokens or 0)
    if total is None:
        return
    if usage.output_tokens is None and usage.input_tokens:
        usage.output_tokens = max(0, total - usage.input_tokens)
    elif usage.input_tokens is None and usage.output_tokens:
        usage.input_tokens = max(0, total - usage.output_tokens)


def _include_reasoning(usage: Usage, total: int | None) -> None:
    """Add reasoning tokens to the output where they are not part of it: the total says so (xAI), or they are more (as
    Vercel tells of Gemini), or they stand in the total alone (Google's compatible endpoint)."""
    given, made, thought = usage.input_tokens or 0, usage.output_tokens or 0, usage.reasoning_tokens or 0
    if thought and (thought > made or total == given + made + thought):
        usage.output_tokens = made + thought
    elif not thought and total is not None and made and total > given + made:
        usage.output_tokens, usage.reasoning_tokens = total - given, total - given - made


def _include_audio(usage: Usage, total: int | None, seconds: object) -> None:
    """Add audio tokens to the input where the total says that they are not part of it (Mistral). Where there is sound
    and no token at all was counted, the input is not known."""
    given, made, heard = usage.input_tokens or 0, usage.output_tokens or 0, usage.input_audio_tokens or 0
    if heard and total == given + heard + made:
        usage.input_tokens = given + heard
    elif not given and _count(seconds):
        usage.input_tokens = None


def _searches(counts: Mapping[str, Any]) -> int | None:
    """What is billed of the server's own searches: queries (Perplexity, OpenRouter) or sources (xAI)."""
    told = _first(counts, "num_search_queries", "num_sources_used")
    if told is None:
        for name in ("server_tool_use_details", "server_tool_use"):
            if (told := _count(_mapping(counts.get(name)).get("web_search_requests"))) is not None:
                break
    return told or None


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
