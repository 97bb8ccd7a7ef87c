"""What an answer took of its vendor: by the vendor's numbers, and by an estimate where it gave none."""

from collections.abc import Awaitable, Callable, Sequence
from functools import reduce
from typing import NamedTuple

from proxy.exchange.endpoint import Target
from proxy.exchange.structured import Holding
from proxy.responses.assembler import Assembler
from proxy.responses.usage import NO_TOKENS, TokenCount, UsageSource


class Share(NamedTuple):
    """What one target did for an answer: one count for each upstream call, as far as calls are known apart."""

    target: Target
    counts: Sequence[TokenCount]
    source: UsageSource


class Counted(NamedTuple):
    """What the upstream calls for an answer took; `estimated`: not all of it is the vendor's own count."""

    calls: Sequence[TokenCount]
    estimated: bool


async def counted(
    assembler: Assembler,
    holding: Holding | None,
    estimate: Callable[[], Awaitable[TokenCount]],
    *,
    stream: bool,
    taken: bool,
) -> Counted:
    """The calls for an answer by the vendor's numbers; where it gave none, or not those of all that it sent before it
    was cut, the last one by an estimate. `taken`: the vendor has worked at it, so that what it was sent is spent."""
    tally = assembler.tally
    reported, calls = tally.total(), tally.calls()
    guessed = None if _is_counted(assembler, holding, reported, stream=stream, taken=taken) else await estimate()
    if guessed is None or (tally.reported and guessed.output_tokens <= reported.output_tokens):
        # A call of which the vendor counted nothing may have a price all the same.
        return Counted(calls or (NO_TOKENS,) * tally.reported, estimated=False)
    count = guessed._replace(web_searches=reported.web_searches)
    if reported.input_tokens:
        count = reported._replace(
            output_tokens=max(guessed.output_tokens, reported.output_tokens),
            reasoning_tokens=max(guessed.reasoning_tokens, reported.reasoning_tokens),
        )
    elif reported.output_tokens:
        count = reported._replace(input_tokens=guessed.input_tokens)
    earlier = calls[:-1]
    return Counted((*earlier, reduce(TokenCount.minus, earlier, count)), estimated=True)


def _is_counted(
    assembler: Assembler, holding: Holding | None, reported: TokenCount, *, stream: bool, taken: bool
) -> bool:
    """Whether the vendor's numbers are those of all that there is."""
    held = holding is not None and bool(holding.text)
    finished = assembler.finished is not None or (holding is not None and holding.finished is not None)
    if not (assembler.has_output or finished or held):
        # What a vendor was sent that did not refuse it is spent, whether or not it says so.
        return assembler.tally.reported or reported.input_tokens > 0 or not taken
    if not assembler.tally.reported:
        return False
    if finished:
        # Some servers count the input when they begin, and say nothing when they end.
        return not (assembler.uncounted and stream and not reported.output_tokens)
    return not (assembler.uncounted or held)
