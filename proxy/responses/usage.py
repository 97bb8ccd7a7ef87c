"""Token counts of one response, under the invariants that every consumer relies on.

input  = everything read: fresh + cache reads + cache writes      cached + cache_write <= input
output = visible + reasoning                                      reasoning <= output
total  = input + output, always computed, never copied
"""

from functools import reduce
from operator import add, sub
from typing import Literal, NamedTuple, TypeAlias

from proxy.responses.events import Usage

UsageSource: TypeAlias = Literal["provider", "estimated"]


class TokenCount(NamedTuple):
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

    def plus(self, other: "TokenCount") -> "TokenCount":
        """Both together."""
        return TokenCount(*map(add, self, other))

    def minus(self, part: "TokenCount") -> "TokenCount":
        """The rest without a part of it."""
        return TokenCount(*map(sub, self, part))

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

    __slots__ = ("_call", "_earlier", "_known", "_reported")

    def __init__(self) -> None:
        self._earlier: list[TokenCount] = []
        self._call = Usage()
        # What the reports of this call come to; None: not worked out since the last one.
        self._known: TokenCount | None = NO_TOKENS
        self._reported = False

    @property
    def reported(self) -> bool:
        """Whether a vendor gave both numbers that matter, at least once."""
        return self._reported

    def replace(self, usage: Usage) -> None:
        """Take over the numbers that this report has; what it leaves out stays as it was."""
        call, self._known = self._call, None
        for name in TokenCount._fields:
            number = getattr(usage, name)
            if number is not None:
                setattr(call, name, number)
        self._reported = self._reported or (call.input_tokens is not None and call.output_tokens is not None)

    def next_call(self) -> None:
        """The upstream call is over; further reports belong to another."""
        self._earlier = self.calls()
        self._call, self._known = Usage(), NO_TOKENS

    def calls(self) -> list[TokenCount]:
        """The counts of each upstream call so far of which anything was reported: prices depend on the size of one."""
        count = self._current()
        some = count.input_tokens or count.output_tokens or count.web_searches
        return [*self._earlier, count] if some else list(self._earlier)

    def total(self) -> TokenCount:
        """All calls so far."""
        return reduce(TokenCount.plus, self._earlier, self._current())

    def _current(self) -> TokenCount:
        if self._known is None:
            self._known = _consistent(self._call)
        return self._known


def _consistent(usage: Usage) -> TokenCount:
    """The counts of a call, with numbers that contradict each other brought back under the invariants."""
    count_in, count_out = _within(usage.input_tokens), _within(usage.output_tokens)
    cached = _within(usage.cached_tokens, count_in)
    written = _within(usage.cache_write_tokens, count_in - cached)
    lasting = _within(usage.cache_write_1h_tokens, written)
    thought = _within(usage.reasoning_tokens, count_out)
    cached_sound = _within(usage.cached_audio_tokens, cached)
    sound = _within(usage.input_audio_tokens, count_in - cached - written + cached_sound)
    sound_out = _within(usage.output_audio_tokens, count_out)
    pictures = _within(usage.output_image_tokens, count_out - sound_out)
    searches = _within(usage.web_searches)
    return TokenCount(
        count_in,
        cached,
        written,
        lasting,
        count_out,
        thought,
        max(sound, cached_sound),
        cached_sound,
        sound_out,
        pictures,
        searches,
    )


def _within(number: int | None, most: int | None = None) -> int:
    if not number or number < 0:
        return 0
    return number if most is None or number <= most else most
