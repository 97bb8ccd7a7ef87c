"""Token counts of one response, under the invariants that every consumer relies on.

input  = everything read: fresh + cache reads + cache writes      cached + cache_write <= input
output = visible + reasoning                                      reasoning <= output
total  = input + output, always computed, never copied
"""

from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

from proxy.responses.events import Usage

UsageSource: TypeAlias = Literal["provider", "estimated"]


@dataclass(frozen=True, slots=True)
class TokenCount:
    """The counts of a whole response; all are numbers, none negative, the invariants hold."""

    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    cache_write_1h_tokens: int
    output_tokens: int
    reasoning_tokens: int

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "TokenCount") -> "TokenCount":
        """Both together."""
        return TokenCount(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def as_response(self) -> dict[str, object]:
        """The `usage` member of a response."""
        return {
            "input_tokens": self.input_tokens,
            "input_tokens_details": {
                "cached_tokens": self.cached_tokens,
                "cache_write_tokens": self.cache_write_tokens,
            },
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
            "total_tokens": self.total_tokens,
        }


NO_TOKENS = TokenCount(0, 0, 0, 0, 0, 0)


class UsageTally:
    """Adds up what vendors report: within one upstream call a later number replaces the earlier one, over several calls
    the numbers are summed."""

    __slots__ = ("_call", "_earlier", "_reported")

    def __init__(self) -> None:
        self._earlier = NO_TOKENS
        self._call = Usage()
        self._reported = False

    @property
    def reported(self) -> bool:
        """Whether a vendor gave both numbers that matter, at least once."""
        return self._reported

    def replace(self, usage: Usage) -> None:
        """Take over the numbers that this report has; what it leaves out stays as it was."""
        call = self._call
        if usage.input_tokens is not None:
            call.input_tokens = usage.input_tokens
        if usage.cached_tokens is not None:
            call.cached_tokens = usage.cached_tokens
        if usage.cache_write_tokens is not None:
            call.cache_write_tokens = usage.cache_write_tokens
        if usage.cache_write_1h_tokens is not None:
            call.cache_write_1h_tokens = usage.cache_write_1h_tokens
        if usage.output_tokens is not None:
            call.output_tokens = usage.output_tokens
        if usage.reasoning_tokens is not None:
            call.reasoning_tokens = usage.reasoning_tokens
        self._reported = self._reported or (call.input_tokens is not None and call.output_tokens is not None)

    def next_call(self) -> None:
        """The upstream call is over; further reports belong to another."""
        self._earlier = self.total()
        self._call = Usage()

    def total(self) -> TokenCount:
        """All calls so far, with numbers that contradict each other brought back under the invariants."""
        call, earlier = self._call, self._earlier
        count_in = max(0, call.input_tokens or 0)
        cached = min(max(0, call.cached_tokens or 0), count_in)
        written = min(max(0, call.cache_write_tokens or 0), count_in - cached)
        count_out = max(0, call.output_tokens or 0)
        return TokenCount(
            earlier.input_tokens + count_in,
            earlier.cached_tokens + cached,
            earlier.cache_write_tokens + written,
            earlier.cache_write_1h_tokens + min(max(0, call.cache_write_1h_tokens or 0), written),
            earlier.output_tokens + count_out,
            earlier.reasoning_tokens + min(max(0, call.reasoning_tokens or 0), count_out),
        )
