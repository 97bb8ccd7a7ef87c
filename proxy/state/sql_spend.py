"""What was spent, in SQL: rows, meters, reservations. Operations as in `sql_chains`; what each promises stands in
`Store`.

Whoever looks at meters to change them locks their rows first, in the order of their names: so nobody waits for another
who waits for him, and what follows the lock sees all of the earlier holders.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from proxy.state.metering import (
    ENDLESS,
    MAX_AMOUNT,
    METERS_KEPT,
    METERS_TOUCHED,
    MICRO,
    RESERVATIONS_KEPT,
    Bucket,
    bounded,
    checked,
    date_of,
    day_of,
    refilled,
    seconds_until,
    storable,
    taken,
    units,
)
from proxy.state.records import REROUTED, Charge, Claim, Grant, Shortfall, SpendColumn, SpendGroup, Spending, SpendRow
from proxy.state.sql_chains import Batch, Operation, Query, Row, Value, portions

SLICE: Final = 20_000
"""How many rows are added up at once: as long as that takes, other calls may have to wait."""

_SIZES: Final = (1, 2, 4, 8, 64)
_ROW_SIZES: Final = (1, 4, 16, 64)


def _marks(count: int) -> str:
    return ", ".join(["?"] * count)


# --- meters -----------------------------------------------------------------------------------------------------------

_NEW_METERS: Final[Mapping[int, str]] = {
    size: "INSERT INTO dragoman_meters (id, kind, value, at) VALUES "  # noqa: S608
    + ", ".join(["(?, ?, ?, ?)"] * size)
    + " ON CONFLICT (id) DO NOTHING"
    for size in _SIZES
}
_LOCKED: Final[Mapping[int, str]] = {
    size: f"SELECT id, value, at FROM dragoman_meters WHERE id IN ({_marks(size)}) ORDER BY id FOR UPDATE"  # noqa: S608
    for size in _SIZES
}
_SET_METER = "UPDATE dragoman_meters SET value = ?, at = ? WHERE id = ?"
_SPENT: Final[Mapping[int, str]] = {
    size: f"SELECT id, value FROM dragoman_meters WHERE kind = 'budget' AND id IN ({_marks(size)})"  # noqa: S608
    for size in _SIZES
}
_HELD: Final[Mapping[int, str]] = {
    size: "SELECT meter, CAST(sum(amount) AS BIGINT), max(CASE WHEN id = ? THEN 1 ELSE 0 END) "  # noqa: S608
    f"FROM dragoman_reservations WHERE until > ? AND (id = ? OR meter IN ({_marks(size)})) GROUP BY meter"
    for size in _SIZES
}
# One that has expired is taken up again.
_RESERVE = (
    "INSERT INTO dragoman_reservations (id, meter, amount, until) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (id, meter) DO UPDATE SET amount = excluded.amount, until = excluded.until"
)
_LET_GO = "DELETE FROM dragoman_reservations WHERE id = ?"
_RELEASE = "DELETE FROM dragoman_reservations WHERE id = ? RETURNING meter"


class _Held(NamedTuple):
    amounts: Mapping[str, int]
    by_itself: bool
    """Whether the one who asks is among the holders."""


def reserve(reservation_id: str, claims: Sequence[Claim], now: float, until: float) -> Operation[Grant | Shortfall]:
    """`Store.reserve`."""
    claims = checked(claims)
    if not claims:
        return Grant(())
    meters = yield from _lock(claims, now)
    held = yield from _held(reservation_id, sorted(meters), now)
    left: list[int] = []
    changed: list[tuple[Value, ...]] = []
    for number, (meter, kind, limit, asked) in enumerate(claims):
        amount = 0 if held.by_itself else asked
        if kind == "budget":
            free = limit - meters[meter].level - held.amounts.get(meter, 0)
            if amount > free and not held.by_itself:
                return Shortfall(number, max(0, free), None)
            left.append(max(0, free - amount))
            if meters[meter].at < now - METERS_TOUCHED:
                changed.append((meters[meter].level, now, meter))
        else:
            bucket = refilled(meters[meter], limit, now)
            if amount * MICRO > bucket.level and not held.by_itself:
                return Shortfall(number, units(bucket), seconds_until(bucket, limit, amount))
            bucket = taken(bucket, limit, amount)
            left.append(units(bucket))
            changed.append((*bucket, meter))
    if not held.by_itself:
        if changed:
            yield Batch(_SET_METER, changed)
        budgets = [claim for claim in claims if claim.kind == "budget"]
        # Who holds nothing back has a row all the same, to be known again.
        holds = [(claim.meter, claim.amount) for claim in budgets] or [(claims[0].meter, 0)]
        yield Batch(_RESERVE, [(reservation_id, meter, amount, until) for meter, amount in holds])
    return Grant(tuple(left))


def release(reservation_id: str, charges: Sequence[Charge], now: float) -> Operation[None]:
    """`Store.release`."""
    if not charges:
        yield Query(_RELEASE, (reservation_id,))
        return
    meters = yield from _lock(charges, now)
    # Behind the lock, so that of two who release the same id at once only one finds it.
    if (yield Query(_RELEASE, (reservation_id,))):
        yield from _charge(meters, charges, now)


def spent(meters: Sequence[str]) -> Operation[dict[str, int]]:
    """`Store.spent`."""
    found = dict.fromkeys(meters, 0)
    for names in portions(list(found), _SIZES):
        rows = yield Query(_SPENT[len(names)], tuple(names))
        found.update((row[0], row[1]) for row in rows)
    return found


def _lock(entries: Iterable[Claim | Charge], now: float) -> Operation[dict[str, Bucket]]:
    """The meters of claims or charges, locked. What was spent of a budget stands where a bucket has its level."""
    kinds = {entry.meter: entry.kind for entry in entries}
    # A bucket that was never used is one that was empty long ago.
    unused = [(meter, kind, 0, now if kind == "budget" else 0.0) for meter, kind in sorted(kinds.items())]
    meters: dict[str, Bucket] = {}
    # Again where one was swept between the two statements.
    while len(meters) < len(unused):
        for rows in portions(unused, _SIZES):
            yield Query(_NEW_METERS[len(rows)], tuple(chain.from_iterable(rows)))
        for names in portions(sorted(kinds), _SIZES):
            found = yield Query(_LOCKED[len(names)], tuple(names))
            meters.update((row[0], Bucket(row[1], row[2])) for row in found)
    return meters


def _held(reservation_id: str, meters: Sequence[str], now: float) -> Operation[_Held]:
    amounts: dict[str, int] = {}
    by_itself = False
    for names in portions(meters, _SIZES):
        rows = yield Query(_HELD[len(names)], (reservation_id, now, reservation_id, *names))
        for meter, amount, own in rows:
            amounts[meter] = amount
            by_itself = by_itself or bool(own)
    return _Held(amounts, by_itself)


def _charge(meters: dict[str, Bucket], charges: Iterable[Charge], now: float) -> Operation[None]:
    """Charge meters that are locked."""
    for meter, kind, limit, amount in bounded(charges):
        level, at = meters[meter]
        if kind == "budget":
            meters[meter] = Bucket(_within(level + amount), max(at, now))
        else:
            bucket = refilled(meters[meter], limit, now)
            meters[meter] = taken(bucket, limit, amount)
    if meters:
        yield Batch(_SET_METER, [(*bucket, meter) for meter, bucket in sorted(meters.items())])


def _within(value: int) -> int:
    return max(-MAX_AMOUNT, min(value, MAX_AMOUNT))


# --- rows -------------------------------------------------------------------------------------------------------------

_ROW: Final = (*SpendRow._fields, "day")
_NEW_ROWS: Final[Mapping[int, str]] = {
    size: f"INSERT INTO dragoman_spend ({', '.join(_ROW)}) VALUES "  # noqa: S608
    + ", ".join([f"({_marks(len(_ROW))})"] * size)
    + " ON CONFLICT (id) DO NOTHING RETURNING id"
    for size in _ROW_SIZES
}
# In the order of SpendGroup. A sum of costs does not fit into 64 bits: its millions are added up by themselves.
_TOKENS: Final = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
_SUMS: Final = ", ".join(
    [
        f"CAST(coalesce(sum(CASE WHEN outcome = '{REROUTED}' THEN 0 ELSE 1 END), 0) AS BIGINT)",
        *(f"CAST(coalesce(sum({column}), 0) AS BIGINT)" for column in _TOKENS),
        f"CAST(coalesce(sum(CASE WHEN cost IS NULL THEN {' + '.join(_TOKENS)} ELSE 0 END), 0) AS BIGINT)",
        *(
            f"CAST(coalesce(sum({part}), 0) AS BIGINT)"
            for cost in ("cost", "CASE WHEN source = 'estimated' THEN cost ELSE 0 END")
            for part in (f"({cost}) / 1000000", f"({cost}) % 1000000")
        ),
    ]
)
_BETWEEN: Final = "FROM dragoman_spend WHERE at >= ? AND at < ?"
_SLICE_END: Final = f"SELECT at {_BETWEEN} ORDER BY at LIMIT 1 OFFSET ?"
_NEXT: Final = "SELECT min(at) FROM dragoman_spend WHERE at > ? AND at < ?"
_OLDEST_KEPT = "SELECT at FROM dragoman_spend ORDER BY at DESC LIMIT 1 OFFSET ?"
_OLD_ROWS = "SELECT id FROM dragoman_spend WHERE at < ? ORDER BY at LIMIT ? FOR UPDATE SKIP LOCKED"
_FORGET_ROW = "DELETE FROM dragoman_spend WHERE id = ?"
_IDLE_METERS = f"SELECT id FROM dragoman_meters WHERE at < ? AND id NOT LIKE '%{ENDLESS}' FOR UPDATE SKIP LOCKED"  # noqa: S608
_FORGET_METER = "DELETE FROM dragoman_meters WHERE id = ?"
_FORGET_RESERVATIONS = "DELETE FROM dragoman_reservations WHERE until < ?"


class Slice(NamedTuple):
    """Some of the groups, and where the rest begins (None: that is all)."""

    groups: Sequence[SpendGroup]
    next: float | None


def add_spend(spendings: Sequence[Spending], now: float) -> Operation[None]:
    """`Store.add_spend`."""
    by_id = {spending.row.id: spending for spending in reversed(spendings)}
    rows = [(*storable(by_id[name].row), day_of(by_id[name].row.at)) for name in sorted(by_id)]
    new: list[str] = []
    for portion in portions(rows, _ROW_SIZES):
        kept = yield Query(_NEW_ROWS[len(portion)], tuple(chain.from_iterable(portion)))
        new += [row[0] for row in kept]
    charges = [charge for name in new for charge in by_id[name].charges]
    meters = yield from _lock(charges, now)
    yield from _charge(meters, charges, now)
    if new:
        yield Batch(_LET_GO, [(name,) for name in new])


def spend_slice(by: Sequence[SpendColumn], since: float, until: float) -> Operation[Slice]:
    """The groups of `Store.spend` for the first rows, about `SLICE` of them."""
    ends = yield Query(_SLICE_END, (since, until, SLICE))
    end = ends[0][0] if ends else None
    if end == since:
        # More rows of one moment than a slice has: they are taken together.
        ((end,),) = yield Query(_NEXT, (since, until))
    rows = yield Query(_grouped(by), (since, until if end is None else end))
    return Slice([_group(by, row) for row in rows if by or any(row)], end)


def sweep_spend(before: float, now: float, limit: int, most: int | None) -> Operation[int]:
    """`Store.sweep_spend`. Where there is a limit to them, rows beyond the `most` newest go as well."""
    if most is not None:
        kept = yield Query(_OLDEST_KEPT, (most - 1,))
        before = max([before, *(row[0] for row in kept)])
    rows = yield Query(_OLD_ROWS, (before, limit))
    if rows:
        yield Batch(_FORGET_ROW, [(row[0],) for row in rows])
    if len(rows) < limit:
        yield Query(_FORGET_RESERVATIONS, (now - RESERVATIONS_KEPT,))
        idle = yield Query(_IDLE_METERS, (now - METERS_KEPT,))
        if idle:
            yield Batch(_FORGET_METER, [(row[0],) for row in idle])
    return len(rows)


def _grouped(by: Sequence[SpendColumn]) -> str:
    columns = ", ".join(by)
    # The columns were checked against a table.
    return f"SELECT {columns}, {_SUMS} {_BETWEEN} GROUP BY {columns}" if by else f"SELECT {_SUMS} {_BETWEEN}"


def _group(by: Sequence[SpendColumn], row: Row) -> SpendGroup:
    values = tuple(date_of(value) if column == "day" else value for column, value in zip(by, row, strict=False))
    *counts, cost_millions, cost, estimated_millions, estimated = row[len(by) :]
    sums = [*counts, cost_millions * 1_000_000 + cost, estimated_millions * 1_000_000 + estimated]
    return SpendGroup(values, *sums)
