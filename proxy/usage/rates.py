"""What a model's tokens cost, as whole numbers: the one place where tokens become money.

Money is a whole number of pico-USD (`PER_USD` of them are a dollar), so that a price of six decimals for a million
tokens is a whole number for each token, and sums are exact.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from proxy.responses.usage import TokenCount

PER_USD: Final = 10**12

PriceSource: TypeAlias = Literal["config", "catalogue"]
"""Who says the price: the operator, or the price catalogue."""


def dollars(amount: int) -> str:
    """The exact amount in USD, in plain decimal notation without trailing zeros."""
    whole, rest = divmod(abs(amount), PER_USD)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{rest:012}".rstrip("0").rstrip(".")


WrittenRates: TypeAlias = Mapping[str, int]
"""The rates that a price names, by the names of `Rates`."""


class Rates(NamedTuple):
    """Pico-USD for each token, each request and each web search."""

    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    reasoning: int
    input_audio: int
    cached_audio: int
    output_audio: int
    output_image: int
    request: int
    web_search: int

    @classmethod
    def of(cls, written: WrittenRates) -> "Rates":
        """All rates, from those that are written: `input` and `output` at least."""
        text_in, text_out = written["input"], written["output"]
        write = written.get("cache_write_5m", text_in)
        sound_in = written.get("input_audio", text_in)
        return cls(
            input=text_in,
            cache_read=written.get("cache_read", text_in),
            cache_write_5m=write,
            cache_write_1h=written.get("cache_write_1h", write),
            output=text_out,
            reasoning=written.get("reasoning", text_out),
            input_audio=sound_in,
            cached_audio=written.get("cached_audio", written.get("cache_read", sound_in)),
            output_audio=written.get("output_audio", text_out),
            output_image=written.get("output_image", text_out),
            request=written.get("request", 0),
            web_search=written.get("web_search", 0),
        )


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What the calls of a model cost, at one service tier and for some time.

    `rates` hold for small calls; `tiers` has those of calls with strictly more input tokens than its numbers, the
    greatest number first.
    """

    source: PriceSource
    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()

    def cost(self, count: TokenCount) -> int:
        """The pico-USD of one upstream call; never negative."""
        rates = self._rates_of(count.input_tokens) if self.tiers else self.rates
        (
            text_in,
            read,
            write_5m,
            write_1h,
            text_out,
            reasoning,
            sound_in,
            cached_sound,
            sound_out,
            image,
            each,
            search,
        ) = rates
        cached, written, lasting = count.cached_tokens, count.cache_write_tokens, count.cache_write_1h_tokens
        fresh, visible, thought = count.input_tokens - cached - written, count.output_tokens, count.reasoning_tokens
        cost = each + cached * read + (written - lasting) * write_5m + lasting * write_1h
        if count.input_audio_tokens:
            heard, again = count.input_audio_tokens - count.cached_audio_tokens, count.cached_audio_tokens
            fresh -= heard
            cost += heard * sound_in + again * (cached_sound - read)
        if count.output_audio_tokens or count.output_image_tokens:
            visible -= count.output_audio_tokens + count.output_image_tokens
            cost += count.output_audio_tokens * sound_out + count.output_image_tokens * image
            # sound may be counted among the reasoning, too: no token is paid twice
            thought = min(thought, visible)
        if count.web_searches:
            cost += count.web_searches * search
        return cost + fresh * text_in + (visible - thought) * text_out + thought * reasoning

    def saved(self, count: TokenCount) -> int:
        """The pico-USD that reading from the cache spared in one upstream call, less what writing to it cost beyond
        plain input; negative where writing cost more."""
        rates = self._rates_of(count.input_tokens)
        lasting = count.cache_write_1h_tokens
        return (
            (count.cached_tokens - count.cached_audio_tokens) * (rates.input - rates.cache_read)
            + count.cached_audio_tokens * (rates.input_audio - rates.cached_audio)
            - (count.cache_write_tokens - lasting) * (rates.cache_write_5m - rates.input)
            - lasting * (rates.cache_write_1h - rates.input)
        )

    def _rates_of(self, input_tokens: int) -> Rates:
        for above, rates in self.tiers:
            if input_tokens > above:
                return rates
        return self.rates


def priced(source: PriceSource, written: Callable[[int], WrittenRates], steps: Iterable[int]) -> ModelPrice:
    """The price whose rates change where the input tokens exceed one of the steps. `written` gives the rates of calls
    with more than so many; -1: of all others."""
    large = tuple((step, Rates.of(written(step))) for step in sorted(set(steps), reverse=True))
    return ModelPrice(source, Rates.of(written(-1)), large)
