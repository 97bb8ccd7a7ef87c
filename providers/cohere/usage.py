"""Token counts of one answer. `tokens` is what the model read and wrote; `billed_units` leaves out the vendor's own
preamble and counts only where nothing else is told. All are floats by their type."""

from providers.cohere.reading import Json, count, mapping
from proxy.responses.events import Usage


def usage_of(usage: Json) -> list[Usage]:
    """The counts that the object tells, or nothing."""
    tokens, billed = mapping(usage.get("tokens")), mapping(usage.get("billed_units"))
    counts: list[int | None] = []
    for name in ("input_tokens", "output_tokens"):
        told = count(tokens.get(name))
        counts.append(count(billed.get(name)) if told is None else told)
    read, written = counts
    if read is None and written is None:
        return []
    cached, thought = count(usage.get("cached_tokens")), count(tokens.get("reasoning_tokens"))
    return [
        Usage(
            input_tokens=read,
            cached_tokens=cached if cached is None or read is None else min(cached, read),
            cache_write_tokens=0,
            output_tokens=written,
            reasoning_tokens=thought if thought is None or written is None else min(thought, written),
        )
    ]
