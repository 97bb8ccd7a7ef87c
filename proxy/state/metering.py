"""What the stores share of meters and of spend rows: buckets, what a row may hold, and how groups are added up.

A bucket is kept as its level and the time when it had that level. Levels are whole millionths of a unit, so that all
stores come to the same numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple, TypeVar

from proxy.state.records import Charge, Claim, SpendColumn, SpendGroup, SpendRow

MICRO: Final = 1_000_000
"""The parts of a unit that levels are counted in."""

MAX_AMOUNT: Final = 2**63 - 1
"""What amounts and limits of budgets are cut to, and what was charged to one."""

MAX_UNITS: Final = 10**9
"""What amounts and limits of buckets are cut to."""

METERS_KEPT: Final = 100 * 86_400.0
"""How long a meter is kept after it was used last, in seconds: longer than any window of a budget."""

METERS_TOUCHED: Final = 86_400.0
"""How old the time of a budget's last use may be that is not written anew, in seconds."""

RESERVATIONS_KEPT: Final = 3_600.0
"""How long a reservation is kept after its end, in seconds: it holds nothing back, but a late release finds it."""

ENDLESS: Final = "/total"
"""How the names of budgets end that have no window and are never forgotten."""

_MAX_COST: Final = 10**18
_MAX_COUNT: Final = 10**12
_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY: Final = 86_400


# --- buckets ----------------------------------------------------------------------------------------------------------


class Bucket(NamedTuple):
    """The level of a bucket, in millionths of a unit (below zero: more was taken than there was), and when."""

    level: int
    at: float


def full(limit: int, now: float) -> Bucket:
    """A bucket that was never used."""
    return Bucket(min(limit, MAX_UNITS) * MICRO, now)


def refilled(bucket: Bucket, limit: int, now: float) -> Bucket:
    """The bucket as it is now. A clock that is behind takes nothing away."""
    limit = min(limit, MAX_UNITS)
    gained = int(max(0.0, now - bucket.at) * limit * MICRO / 60)
    return Bucket(min(limit * MICRO, bucket.level + gained), max(bucket.at, now))


def units(bucket: Bucket) -> int:
    """The whole units that a bucket has left."""
    return max(0, bucket.level // MICRO)


def seconds_until(bucket: Bucket, limit: int, amount: int) -> float | None:
    """How long until a bucket has an amount that it does not have now. None: it never will."""
    return (amount * MICRO - bucket.level) * 60 / (limit * MICRO) if limit > 0 and amount <= limit else None


def taken(bucket: Bucket, limit: int, amount: int) -> Bucket:
    """The bucket without an amount (negative: with it)."""
    level = bucket.level - amount * MICRO
    return Bucket(max(-MAX_UNITS * MICRO, min(level, min(limit, MAX_UNITS) * MICRO)), bucket.at)


# --- claims and charges -----------------------------------------------------------------------------------------------

Entry = TypeVar("Entry", Claim, Charge)


def checked(claims: Sequence[Claim]) -> list[Claim]:
    """Claims that can be kept. Raises ValueError for two on one meter, and for negative amounts."""
    if len({claim.meter for claim in claims}) < len(claims):
        raise ValueError("Two claims name the same meter.")
    if any(claim.amount < 0 for claim in claims):
        raise ValueError("A claim cannot be negative.")
    return bounded(claims)


def bounded(entries: Iterable[Entry]) -> list[Entry]:
    """Claims or charges whose numbers are cut to what can be counted."""
    return [
        entry._replace(limit=min(entry.limit, most), amount=max(-most, min(entry.amount, most)))
        for entry in entries
        for most in (MAX_AMOUNT if entry.kind == "budget" else MAX_UNITS,)
    ]


# --- rows -------------------------------------------------------------------------------------------------------------


def storable(row: SpendRow) -> SpendRow:
    """The row as all stores can keep it: numbers without sense are cut, and so are characters no database takes."""
    return row._replace(
        client=_clean(row.client),
        provider=_clean(row.provider),
        model=_clean(row.model),
        input_tokens=_count(row.input_tokens),
        cache_read_tokens=_count(row.cache_read_tokens),
        cache_write_tokens=_count(row.cache_write_tokens),
        output_tokens=_count(row.output_tokens),
        reasoning_tokens=_count(row.reasoning_tokens),
        cost=None if row.cost is None else max(-_MAX_COST, min(row.cost, _MAX_COST)),
        attempts=_count(row.attempts),
        duration_ms=_count(row.duration_ms),
        first_output_ms=None if row.first_output_ms is None else _count(row.first_output_ms),
    )


def day_of(at: float) -> int:
    """The number of the UTC day, counted from the epoch."""
    return int(at // _DAY)


def date_of(day: int) -> str:
    """The date of a day's number, as 2026-11-23."""
    return date.fromordinal(_EPOCH + day).isoformat()


def _count(number: int) -> int:
    return max(0, min(number, _MAX_COUNT))


def _clean(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


# --- groups -----------------------------------------------------------------------------------------------------------

COLUMNS: Final[Sequence[SpendColumn]] = ("client", "provider", "model", "outcome", "source", "price_source", "day")
"""What rows can be grouped by."""


def check_columns(by: Iterable[SpendColumn]) -> None:
    """Raises ValueError for a column that there is not."""
    for column in by:
        if column not in COLUMNS:
            raise ValueError(f"Rows cannot be grouped by {column!r}; known are {', '.join(COLUMNS)}.")


Totals = dict[tuple[str | None, ...], SpendGroup]
"""Groups by their values."""


def add_group(totals: Totals, group: SpendGroup) -> None:
    """Add a group to the one with the same values."""
    kept = totals.get(group.by)
    if kept is None:
        totals[group.by] = group
    else:
        totals[group.by] = SpendGroup(group.by, *[one + other for one, other in zip(kept[1:], group[1:], strict=True)])


def in_order(totals: Mapping[tuple[str | None, ...], SpendGroup]) -> list[SpendGroup]:
    """The groups, the most expensive first, those of the same cost by their values; no value comes first."""
    return sorted(
        totals.values(), key=lambda group: (-group.cost, [(value is not None, value or "") for value in group.by])
    )
