"""The rules for what was spent as the plainest code there is: exact fractions, and everything looked through."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction

from proxy.state.metering import bounded, checked, storable
from proxy.state.records import Charge, Claim, Grant, Shortfall, SpendColumn, SpendGroup, Spending, SpendRow

DAYS = 100
"""How long meters without use are kept."""

LATE = 3_600
"""How long claims that have ended are known, in seconds."""


@dataclass(frozen=True)
class Bucket:
    level: Fraction
    at: Fraction


@dataclass(frozen=True)
class Reservation:
    budgets: dict[str, int]
    until: float


class SpendModel:
    """Rows, what was charged, buckets, and who holds what back."""

    def __init__(self) -> None:
        self.rows: dict[str, SpendRow] = {}
        self.charged: dict[str, int] = {}
        self.buckets: dict[str, Bucket] = {}
        self.used: dict[str, float] = {}
        self.reservations: dict[str, Reservation] = {}

    def reserve(self, name: str, claims: Sequence[Claim], now: float, until: float) -> Grant | Shortfall:
        claims = checked(claims)
        held = self.reservations.get(name)
        if claims and (held is None or held.until <= now):
            for number, claim in enumerate(claims):
                left = self._left(claim, now, name)
                if claim.amount > left:
                    wait = None
                    if claim.kind == "rate" and claim.amount <= claim.limit and claim.limit:
                        wait = float((claim.amount - left) * 60 / claim.limit)
                    return Shortfall(number, max(0, int(left)), wait)
            budgets = {claim.meter: claim.amount for claim in claims if claim.kind == "budget"}
            self.reservations[name] = Reservation(budgets, until)
            for claim in claims:
                self._touch(claim.meter, now)
                if claim.kind == "rate":
                    self._take(claim, now)
        return Grant(tuple(max(0, int(self._left(claim, now))) for claim in claims))

    def release(self, name: str, charges: Sequence[Charge], now: float) -> None:
        if self.reservations.pop(name, None) is not None:
            self._charge(charges, now)

    def add_spend(self, spendings: Sequence[Spending], now: float) -> None:
        for row, charges in spendings:
            if row.id not in self.rows:
                self.rows[row.id] = storable(row)
                self._charge(charges, now)
                self.reservations.pop(row.id, None)

    def spent(self, meters: Sequence[str]) -> dict[str, int]:
        return {meter: self.charged.get(meter, 0) for meter in meters}

    def spend(self, by: Sequence[SpendColumn], since: float, until: float) -> list[SpendGroup]:
        if not {*by} <= {"client", "provider", "model", "outcome", "source", "price_source", "day"}:
            raise ValueError("A row cannot be grouped by this.")
        groups: dict[tuple[str | None, ...], list[SpendRow]] = {}
        for row in self.rows.values():
            if since <= row.at < until:
                day = datetime.fromtimestamp(row.at, UTC).date().isoformat()
                values = tuple(day if column == "day" else getattr(row, column) for column in by)
                groups.setdefault(values, []).append(row)
        found = [
            SpendGroup(
                by=values,
                requests=len(rows),
                input_tokens=sum(row.input_tokens for row in rows),
                cache_read_tokens=sum(row.cache_read_tokens for row in rows),
                cache_write_tokens=sum(row.cache_write_tokens for row in rows),
                output_tokens=sum(row.output_tokens for row in rows),
                reasoning_tokens=sum(row.reasoning_tokens for row in rows),
                unpriced_tokens=sum(sum(row[6:11]) for row in rows if row.cost is None),
                cost=sum(row.cost or 0 for row in rows),
                estimated_cost=sum(row.cost or 0 for row in rows if row.source == "estimated"),
            )
            for values, rows in groups.items()
        ]
        # A text that sorts before all others stands for none.
        return sorted(found, key=lambda group: (-group.cost, [f" {value}" if value else "" for value in group.by]))

    def sweep(self, before: float, now: float, limit: int) -> int:
        old = sorted((row for row in self.rows.values() if row.at < before), key=lambda row: row.at)[:limit]
        for row in old:
            del self.rows[row.id]
        if len(old) < limit:
            self._sweep_meters(now)
        return len(old)

    def _sweep_meters(self, now: float) -> None:
        for name, reservation in list(self.reservations.items()):
            if reservation.until < now - LATE:
                del self.reservations[name]
        for meter, at in list(self.used.items()):
            if at < now - DAYS * 86_400 and not meter.endswith("/total"):
                del self.used[meter]
                self.charged.pop(meter, None)
                self.buckets.pop(meter, None)

    def _left(self, claim: Claim, now: float, name: str | None = None) -> Fraction:
        if claim.kind == "rate":
            return self._bucket(claim, now).level
        held = sum(
            reservation.budgets.get(claim.meter, 0)
            for holder, reservation in self.reservations.items()
            if reservation.until > now and holder != name
        )
        return Fraction(claim.limit - self.charged.get(claim.meter, 0) - held)

    def _bucket(self, entry: Claim | Charge, now: float) -> Bucket:
        time = Fraction(now)
        kept = self.buckets.get(entry.meter, Bucket(Fraction(entry.limit), time))
        passed = max(Fraction(0), time - kept.at)
        return Bucket(min(Fraction(entry.limit), kept.level + passed * entry.limit / 60), max(kept.at, time))

    def _take(self, entry: Claim | Charge, now: float) -> None:
        bucket = self._bucket(entry, now)
        level = min(bucket.level - entry.amount, Fraction(entry.limit))
        self.buckets[entry.meter] = replace(bucket, level=level)

    def _charge(self, charges: Sequence[Charge], now: float) -> None:
        for charge in bounded(charges):
            self._touch(charge.meter, now)
            if charge.kind == "rate":
                self._take(charge, now)
            else:
                self.charged[charge.meter] = self.charged.get(charge.meter, 0) + charge.amount

    def _touch(self, meter: str, now: float) -> None:
        self.used[meter] = max(now, self.used.get(meter, now))
