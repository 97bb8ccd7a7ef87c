"""Token counts of Responses: inclusive, as the gateway's own. Totals are never copied, and details never exceed what
they are part of."""

from proxy.responses.events import Usage


def usage_of(value: object) -> Usage | None:
    """The counts; None when there is not one of them."""
    counts = value if isinstance(value, dict) else {}
    read, made = (_mapping(counts.get(name)) for name in ("input_tokens_details", "output_tokens_details"))
    given = _count(counts.get("input_tokens"))
    written = _count(counts.get("output_tokens"))
    if given is None and written is None:
        return None
    return Usage(
        input_tokens=given,
        cached_tokens=_within(read.get("cached_tokens"), given),
        cache_write_tokens=_within(read.get("cache_write_tokens"), given),
        output_tokens=written,
        reasoning_tokens=_within(made.get("reasoning_tokens"), written),
        web_searches=_searches(counts),
    )


def _searches(counts: dict[str, object]) -> int | None:
    details = _mapping(counts.get("server_side_tool_usage_details"))
    return _count(details.get("web_search_calls"))


def _within(value: object, whole: int | None) -> int | None:
    part = _count(value)
    return part if part is None or whole is None else min(part, whole)


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        return None
    return int(value)


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
