"""What a client may spend and ask for, as values, and what one request claims of it.

A budget is an amount of USD in a UTC day, in a UTC month or in all, in USD * 10**12. A limit a minute is a bucket that
holds a minute's worth and fills again evenly. Streams that run at the same time are a budget of which nothing is ever
spent: each holds one back until it ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from config.settings import BudgetPeriod, ClientEntry
from proxy.state.records import Charge, Claim
from proxy.usage.prices import PER_USD

LimitKind: TypeAlias = Literal["budget", "requests", "tokens", "streams"]
"""What a claim is about."""

DEFAULT_OUTPUT_TOKENS: Final = 4096
"""What is set aside for the output of a request that does not say how long it may be."""

MOST: Final = 10**18
"""The largest amount that a meter is asked about or charged with, a million USD: sums of it stay within 64 bits."""

_LONGEST_FIRST: Final[Sequence[BudgetPeriod]] = ("total", "month", "day")


@dataclass(frozen=True, slots=True)
class Budget:
    """`limit` is in USD * 10**12, at most `MOST`."""

    per: BudgetPeriod
    limit: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may spend and ask for; None: as much as it likes. `default_output_tokens` are set aside for a
    request that names no `max_output_tokens`. `budgets` stand in the order in which a refusal names them."""

    budgets: tuple[Budget, ...] = ()
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_streams: int | None = None
    default_output_tokens: int = DEFAULT_OUTPUT_TOKENS


class Window:
    """The part of time that a budget is for: `name` is part of its meter's, `end` in seconds since the epoch (None: it
    has none)."""

    __slots__ = ("end", "name")

    def __init__(self, name: str, end: float | None) -> None:
        self.name = name
        self.end = end


def limits_of(entry: ClientEntry) -> Limits | None:
    """The limits of a configured client; None where it has none."""
    written = entry.limits
    limits = Limits(
        budgets=tuple(
            Budget(budget.per, int(budget.usd * PER_USD))
            for budget in sorted(entry.budget, key=lambda budget: _LONGEST_FIRST.index(budget.per))
        ),
        requests_per_minute=written.requests_per_minute,
        tokens_per_minute=written.tokens_per_minute,
        concurrent_streams=written.concurrent_streams,
        default_output_tokens=written.default_output_tokens,
    )
    return None if limits == Limits(default_output_tokens=limits.default_output_tokens) else limits


def claims(
    limits: Limits,
    client: str,
    now: float,
    *,
    input_tokens: int,
    output_tokens: int | None,
    amount: int | None,
    stream: bool,
) -> list[Claim]:
    """What one request claims, the claim that a refusal had best name first. `output_tokens` is what it may write at
    most (None: the client did not say). `amount` is what the request may cost (None: its model has no price)."""
    found = [
        Claim(
            budget_meter(client, budget.per, now),
            "budget",
            budget.limit,
            # What does not fit at all need not be told apart.
            min(amount or 0, budget.limit + 1),
        )
        for budget in limits.budgets
    ]
    if stream and limits.concurrent_streams is not None:
        found.append(Claim(f"{client}/streams", "budget", limits.concurrent_streams, 1))
    if limits.requests_per_minute is not None:
        found.append(Claim(f"{client}/requests", "rate", limits.requests_per_minute, 1))
    if limits.tokens_per_minute is not None:
        found.append(
            Claim(
                f"{client}/tokens",
                "rate",
                limits.tokens_per_minute,
                min(_claimed_tokens(limits, limits.tokens_per_minute, input_tokens, output_tokens), MOST),
            )
        )
    return found


def unclaimed(limits: Limits, client: str, now: float) -> list[Claim]:
    """The claims of a request that nothing was claimed for: what `charges` makes of them is all that it took."""
    everything = claims(limits, client, now, input_tokens=0, output_tokens=0, amount=0, stream=False)
    return [claim._replace(amount=0) for claim in everything]


def kind_of(claim: Claim) -> LimitKind:
    """What a claim of `claims` is about."""
    # A client's name has no slash.
    return _KINDS[claim.meter.split("/", 2)[1]]


def period_of(claim: Claim) -> BudgetPeriod:
    """The period of a claim on a budget of USD."""
    return _PERIODS[claim.meter.split("/", 3)[2]]


def budget_meter(client: str, per: BudgetPeriod, now: float) -> str:
    """The meter of a client's budget that holds now."""
    return f"{client}/usd/{window(per, now).name}"


def charges(claimed: Sequence[Claim], total_tokens: int, cost: int | None) -> list[Charge]:
    """What settles the claims of a request that took so many tokens and cost so much (None: nobody knows). What would
    change nothing is left out."""
    found = []
    for claim in claimed:
        match kind_of(claim):
            case "budget":
                amount = min(cost or 0, MOST)
            case "tokens":
                amount = min(total_tokens, MOST) - claim.amount
            case _:
                continue
        if amount:
            found.append(Charge(claim.meter, claim.kind, claim.limit, amount))
    return found


def returned(claimed: Sequence[Claim]) -> list[Charge]:
    """What gives the buckets back what a request claimed that is not made at all."""
    return [Charge(claim.meter, "rate", claim.limit, -claim.amount) for claim in claimed if claim.kind == "rate"]


def window(per: BudgetPeriod, now: float) -> Window:
    """The window of a period that holds now."""
    if per == "total":
        return _TOTAL
    return _windows(int(now // _DAY))[per]


_DAY: Final = 86_400
_TOTAL: Final = Window("total", None)
_KINDS: Final[dict[str, LimitKind]] = {
    "usd": "budget",
    "requests": "requests",
    "tokens": "tokens",
    "streams": "streams",
}
_PERIODS: Final[dict[str, BudgetPeriod]] = {"day": "day", "month": "month", "total": "total"}


@lru_cache(maxsize=4)
def _windows(day: int) -> dict[BudgetPeriod, Window]:
    """The windows of a day, which is counted from the epoch."""
    begin = datetime.fromtimestamp(day * _DAY, UTC)
    next_month = (begin.replace(day=1) + timedelta(days=32)).replace(day=1)
    return {
        "day": Window(f"day/{begin:%Y-%m-%d}", float((day + 1) * _DAY)),
        "month": Window(f"month/{begin:%Y-%m}", next_month.timestamp()),
    }


def _claimed_tokens(limits: Limits, limit: int, input_tokens: int, output_tokens: int | None) -> int:
    if output_tokens is not None:
        return input_tokens + output_tokens
    # Nobody asked for so long an answer: it does not make a request too large by itself.
    return max(input_tokens, min(input_tokens + limits.default_output_tokens, limit))
