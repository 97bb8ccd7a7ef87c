"""Token counts of one response, under the invariants that every consumer relies on.

input  = everything read: fresh + cache reads + cache writes      cached + cache_write <= input
output = visible + reasoning                                      reasoning <= output
total  = input + output, always computed, never copied
"""

from dataclasses import dataclass, fields
from typing import Final, Literal, TypeAlias

from proxy.responses.events import Usage

UsageSource: TypeAlias = Literal["provider", "estimated"]


@dataclass(frozen=True, slots=True)
class TokenCount:
    """The counts of one upstream call, or of a whole response; all are numbers, none negative, the invariants hold.

    The sound within the input and the cached input, the sound and the pictures within the output, and the vendor's web
    searches have prices of their own; responses do not tell them.
    """

    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    cache_write_1h_tokens: int
    output_tokens: int
    reasoning_tokens: int
    input_audio_tokens: int = 0
    cached_audio_tokens: int = 0
    output_audio_tokens: int = 0
    output_image_tokens: int = 0
    web_searches: int = 0

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "TokenCount") -> "TokenCount":
        """Both together."""
        return TokenCount(*(getattr(self, name) + getattr(other, name) for name in _COUNTS))

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


_COUNTS: Final = tuple(each.name for each in fields(TokenCount))

NO_TOKENS = TokenCount(0, 0, 0, 0, 0, 0)


class UsageTally:
    """Adds up what vendors report: within one upstream call a later number replaces the earlier one, over several calls
    the numbers are summed."""

    __slots__ = ("_call", "_earlier", "_reported")

    def __init__(self) -> None:
        self._earlier: list[TokenCount] = []
        self._call = Usage()
        self._reported = False

    @property
    def reported(self) -> bool:
        """Whether a vendor gave both numbers that matter, at least once."""
        return self._reported

    def replace(self, usage: Usage) -> None:
        """Take over the numbers that this report has; what it leaves out stays as it was."""
        call = self._call
        for name in _COUNTS:
            number = getattr(usage, name)
            if number is not None:
                setattr(call, name, number)
        self._reported = self._reported or (call.input_tokens is not None and call.output_tokens is not None)

    def next_call(self) -> None:
        """The upstream call is over; further reports belong to another."""
        count = _consistent(self._call)
        if count != NO_TOKENS:
            self._earlier.append(count)
        self._call = Usage()

    def calls(self) -> list[TokenCount]:
        """The counts of each upstream call so far of which anything was reported: prices depend on the size of one."""
        count = _consistent(self._call)
        return [*self._earlier, count] if count != NO_TOKENS else list(self._earlier)

    def total(self) -> TokenCount:
        """All calls so far."""
        return sum(self._earlier, start=_consistent(self._call))


def _consistent(usage: Usage) -> TokenCount:
    """The counts of a call, with numbers that contradict each other brought back under the invariants."""
    count_in = max(0, usage.input_tokens or 0)
    cached = min(max(0, usage.cached_tokens or 0), count_in)
    written = min(max(0, usage.cache_write_tokens or 0), count_in - cached)
    count_out = max(0, usage.output_tokens or 0)
    sound_out = min(max(0, usage.output_audio_tokens or 0), count_out)
    sound_read = min(max(0, usage.cached_audio_tokens or 0), cached)
    return TokenCount(
        count_in,
        cached,
        written,
        min(max(0, usage.cache_write_1h_tokens or 0), written),
        count_out,
        min(max(0, usage.reasoning_tokens or 0), count_out),
        min(max(sound_read, usage.input_audio_tokens or 0), count_in - cached - written + sound_read),
        sound_read,
        sound_out,
        min(max(0, usage.output_image_tokens or 0), count_out - sound_out),
        max(0, usage.web_searches or 0),
    )
