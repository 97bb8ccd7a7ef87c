"""Token counts of one answer. Anthropic's input excludes what was read from and written to the cache: it is added here,
once (SDK types `Usage`, `MessageDeltaUsage`). What compaction took is in none of the sums: it is added, too."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from providers.anthropic.lenient import Json, count, mapping, sequence
from proxy.responses.events import Usage


class Compaction(NamedTuple):
    """What was spent to compact the conversation: the counts of a report, not added up."""

    fresh: int
    read: int
    written: int
    written_1h: int
    output: int


_NONE: Final = Compaction(0, 0, 0, 0, 0)


class UsageReport:
    """The vendor's counts so far: within a stream each field that is present replaces its earlier value. A zero takes
    nothing back: hosts that imitate the API end their streams with some."""

    __slots__ = ("_compaction", "_fresh", "_output", "_read", "_searches", "_thinking", "_written", "_written_1h")

    def __init__(self) -> None:
        self._fresh: int | None = None
        self._read: int | None = None
        self._written: int | None = None
        self._written_1h: int | None = None
        self._output: int | None = None
        self._thinking: int | None = None
        self._searches: int | None = None
        self._compaction = _NONE

    def replace(self, usage: Json) -> Sequence[Usage]:
        """Take over what the usage object says; the whole counts afterwards, or nothing if it says nothing."""
        if not usage:
            return ()
        self._fresh = _newer(usage.get("input_tokens"), self._fresh)
        self._read = _newer(usage.get("cache_read_input_tokens"), self._read)
        written, written_1h = _writes(usage)
        self._written = _newer(written, self._written)
        self._written_1h = _newer(written_1h, self._written_1h)
        self._output = _newer(usage.get("output_tokens"), self._output)
        details = mapping(usage.get("output_tokens_details"))
        self._thinking = _newer(details.get("thinking_tokens"), self._thinking)
        tools = mapping(usage.get("server_tool_use"))
        self._searches = _newer(tools.get("web_search_requests"), self._searches)
        if iterations := sequence(usage.get("iterations")):
            self._compaction = _compaction(iterations)
        return (self._counts(),)

    @property
    def output(self) -> int | None:
        """The output tokens so far."""
        return self._output

    def _counts(self) -> Usage:
        apart = self._compaction
        read, written = self._read or 0, self._written or 0
        known = (self._fresh, self._read, self._written) != (None, None, None)
        usage = Usage(
            input_tokens=(self._fresh or 0) + read + written if known else None,
            cached_tokens=self._read,
            cache_write_tokens=self._written,
            cache_write_1h_tokens=None if self._written_1h is None else min(self._written_1h, written),
            output_tokens=self._output,
            reasoning_tokens=None if self._thinking is None else min(self._thinking, self._output or 0),
            web_searches=self._searches or None,
        )
        if apart is not _NONE:
            usage.input_tokens = (usage.input_tokens or 0) + apart.fresh + apart.read + apart.written
            usage.cached_tokens = read + apart.read
            usage.cache_write_tokens = written + apart.written
            usage.cache_write_1h_tokens = (usage.cache_write_1h_tokens or 0) + apart.written_1h
            usage.output_tokens = (usage.output_tokens or 0) + apart.output
        return usage


def _writes(usage: Json) -> tuple[int | None, int | None]:
    """What was written to the cache, in all and for an hour. Some hosts tell the parts alone."""
    creation = mapping(usage.get("cache_creation"))
    brief, hour = count(creation.get("ephemeral_5m_input_tokens")), count(creation.get("ephemeral_1h_input_tokens"))
    written = count(usage.get("cache_creation_input_tokens"))
    if written is None and (brief is not None or hour is not None):
        written = (brief or 0) + (hour or 0)
    return written, hour


def _compaction(iterations: Sequence[object]) -> Compaction:
    """The sum of the iterations that compacted; all others are in the sums already, or another model's."""
    fresh = read = written = written_1h = output = 0
    for iteration in map(mapping, iterations):
        if iteration.get("type") == "compaction":
            total, hour = _writes(iteration)
            fresh += count(iteration.get("input_tokens")) or 0
            read += count(iteration.get("cache_read_input_tokens")) or 0
            written += total or 0
            written_1h += min(hour or 0, total or 0)
            output += count(iteration.get("output_tokens")) or 0
    return Compaction(fresh, read, written, written_1h, output) if fresh + read + written + output else _NONE


def _newer(value: object, earlier: int | None) -> int | None:
    number = count(value)
    return number if earlier is None else number or earlier
