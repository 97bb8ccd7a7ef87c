"""Token counts of one answer. The vendor's input excludes what was read from and written to the cache: it is added
here, once. In streams of OpenAI's models it is in the input already, though not in whole answers of the same models."""

from providers.anthropic.lenient import Json, count, mapping, sequence
from proxy.responses.events import Usage


def counts(usage: Json, *, gross: bool) -> Usage | None:
    """What a usage object says; None where it says nothing. `gross`: the cache is in the input, where it fits in."""
    fresh, output = count(usage.get("inputTokens")), count(usage.get("outputTokens"))
    read, written = count(usage.get("cacheReadInputTokens")), count(usage.get("cacheWriteInputTokens"))
    if (fresh, output, read, written) == (None, None, None, None):
        return None
    cached = (read or 0) + (written or 0)
    whole = (fresh or 0) + cached
    if gross and fresh is not None and fresh >= cached:
        whole = fresh
    hour = _for_an_hour(usage)
    return Usage(
        input_tokens=None if (fresh, read, written) == (None, None, None) else whole,
        cached_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=None if hour is None else min(hour, written or 0),
        output_tokens=output,
    )


def _for_an_hour(usage: Json) -> int | None:
    """What was written to the cache for an hour."""
    details = [mapping(detail) for detail in sequence(usage.get("cacheDetails"))]
    if not details:
        return None
    return sum(count(detail.get("inputTokens")) or 0 for detail in details if detail.get("ttl") == "1h")
