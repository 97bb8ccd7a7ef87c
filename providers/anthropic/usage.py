"""Token counts of one answer. Anthropic's input excludes what was read from and written to the cache: it is added here,
once (SDK types `Usage`, `MessageDeltaUsage`)."""

from collections.abc import Sequence

from providers.anthropic.lenient import Json, count, mapping
from proxy.responses.events import Usage


class UsageReport:
    """The vendor's counts so far: within a stream each field that is present replaces its earlier value."""

    __slots__ = ("_fresh", "_output", "_read", "_thinking", "_written", "_written_1h")

    def __init__(self) -> None:
        self._fresh: int | None = None
        self._read: int | None = None
        self._written: int | None = None
        self._written_1h: int | None = None
        self._output: int | None = None
        self._thinking: int | None = None

    def replace(self, usage: Json) -> Sequence[Usage]:
        """Take over what the usage object says; the whole counts afterwards, or nothing if it says nothing."""
        if not usage:
            return ()
        self._fresh = _newer(usage.get("input_tokens"), self._fresh)
        self._read = _newer(usage.get("cache_read_input_tokens"), self._read)
        self._written = _newer(usage.get("cache_creation_input_tokens"), self._written)
        creation = mapping(usage.get("cache_creation"))
        self._written_1h = _newer(creation.get("ephemeral_1h_input_tokens"), self._written_1h)
        self._output = _newer(usage.get("output_tokens"), self._output)
        details = mapping(usage.get("output_tokens_details"))
        self._thinking = _newer(details.get("thinking_tokens"), self._thinking)
        return (self._counts(),)

    @property
    def output(self) -> int | None:
        """The output tokens so far."""
        return self._output

    def _counts(self) -> Usage:
        read, written = self._read or 0, self._written or 0
        known = (self._fresh, self._read, self._written) != (None, None, None)
        return Usage(
            input_tokens=(self._fresh or 0) + read + written if known else None,
            cached_tokens=self._read,
            cache_write_tokens=self._written,
            cache_write_1h_tokens=None if self._written_1h is None else min(self._written_1h, written),
            output_tokens=self._output,
            reasoning_tokens=None if self._thinking is None else min(self._thinking, self._output or 0),
        )


def _newer(value: object, earlier: int | None) -> int | None:
    number = count(value)
    return earlier if number is None else number
