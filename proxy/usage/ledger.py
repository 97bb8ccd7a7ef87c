"""What clients have spent, have asked for, and hold back: looked at and taken in one step.

A request reserves what it may cost at most before its vendor is called, and settles what it did cost. What is held back
is let go at the latest after `HELD_FOR`, so that nothing that is lost on the way locks a client out for ever.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import structlog

from config.settings import BudgetPeriod
from proxy.state.metering import MAX_UNITS, MICRO
from proxy.state.records import Charge, Claim, Grant, Shortfall
from proxy.state.store import Store, StoreUnavailableError
from proxy.usage.limits import Limits, budget_meter, returned

HELD_FOR: Final = 3600.0
"""How long a claim is held back at most, in seconds."""

FORGOTTEN_AFTER: Final = 40 * 86_400.0
"""When a meter that nobody used leaves the memory, in seconds; the longest window of the calendar is shorter."""

SWEEP_INTERVAL: Final = 3600.0
RETRY_INTERVAL: Final = 1.0

MAX_UNRELEASED: Final = 10_000
"""How many reservations wait to be let go while the store is down; others are free again in their time."""

_log = structlog.get_logger("dragoman.spending")


class BudgetState(NamedTuple):
    """A client's budget in its current window, in USD * 10**12."""

    client: str
    per: BudgetPeriod
    limit: int
    spent: int


class LocalLedger:
    """The ledger of the only process that uses a store. It keeps everything in memory; what was spent before is read
    from the store when a meter is first used. Used from one event loop."""

    def __init__(
        self,
        store: Store,
        limits: Mapping[str, Limits] | None = None,
        flush: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`limits` are those of the configured clients; `flush` has the store keep all spend rows there are."""
        self._store = store
        self._limits = dict(limits or {})
        self._flush = flush
        # How often something was spent of a meter that is not in memory.
        self._strays = 0
        self._accounts: dict[str, _Account] = {}
        self._buckets: dict[str, _Bucket] = {}
        self._reservations: dict[str, _Reservation] = {}
        # No reservation ends before this.
        self._first_end = _NEVER
        self._next_sweep = 0.0

    async def reserve(self, reservation_id: str, claims: Sequence[Claim], now: float) -> Grant | Shortfall:
        """Take what is claimed, all or nothing. An id that has a reservation is granted once more, and nothing taken.
        Raises StoreUnavailableError while it is not known what was spent before."""
        # Again where one was forgotten meanwhile.
        while unknown := [
            claim.meter for claim in claims if claim.kind == "budget" and claim.meter not in self._accounts
        ]:
            await self._learn(unknown, now)
        # From here on nobody else has a turn.
        if now >= self._first_end:
            self._expire(now)
        if now >= self._next_sweep:
            self._sweep(now, keep=claims)
        if reservation_id in self._reservations:
            return Grant([self._left(claim, now) for claim in claims])
        left: list[int] = []
        accounts, buckets = self._accounts, self._buckets
        for index, claim in enumerate(claims):
            meter, kind, limit, amount = claim
            if kind == "budget":
                account = accounts[meter]
                rest = limit - account.spent - account.held - amount
                if rest < 0:
                    return Shortfall(index, max(0, rest + amount), None)
                left.append(rest)
            else:
                bucket = buckets.get(meter)
                if bucket is None:
                    bucket = buckets[meter] = _Bucket(limit, now)
                else:
                    bucket.fill(limit, now)
                rest = bucket.level - amount * MICRO
                if rest < 0:
                    wait = -rest * 60 / (limit * MICRO) if amount <= limit else None
                    return Shortfall(index, max(0, bucket.level // MICRO), wait)
                left.append(rest // MICRO)
        holds: list[tuple[_Account, int]] = []
        for meter, kind, _, amount in claims:
            if kind == "budget":
                account = accounts[meter]
                account.held += amount
                account.used = now
                holds.append((account, amount))
            else:
                buckets[meter].level -= amount * MICRO
        until = now + HELD_FOR
        self._reservations[reservation_id] = _Reservation(until, holds)
        self._first_end = min(self._first_end, until)
        return Grant(left)

    def settle(self, reservation_id: str, charges: Sequence[Charge], now: float | None = None) -> Sequence[Charge]:
        """Let go of what is held back under an id, and take what it did cost. What is returned has to be kept with the
        spend row. `now` is the time where it is not the present."""
        self._let_go(reservation_id)
        if not charges:
            return charges
        now = time.time() if now is None else now
        kept = []
        for charge in charges:
            if charge.kind == "budget":
                kept.append(charge)
                account = self._accounts.get(charge.meter)
                if account is not None:
                    account.spent += charge.amount
                    account.used = now
                else:
                    self._strays += 1
            else:
                self._correct(charge, now)
        return kept

    async def release(self, reservation_id: str, charges: Sequence[Charge] = (), now: float | None = None) -> None:
        """Let go of what is held back under an id, and correct its buckets; once, however often it is called."""
        if self._let_go(reservation_id):
            now = time.time() if now is None else now
            for charge in charges:
                if charge.kind == "rate":
                    self._correct(charge, now)

    def left(self, claim: Claim, now: float) -> int | None:
        """What is left of a claim's meter; None where that is not known here."""
        if claim.kind == "budget" and claim.meter not in self._accounts:
            return None
        return self._left(claim, now)

    async def budgets(self, now: float) -> list[BudgetState]:
        """The budgets of the configured clients. Raises StoreUnavailableError."""
        current = current_budgets(self._limits, now)
        while unknown := [meter for meter in current if meter not in self._accounts]:
            await self._learn(unknown, now)
        return [state._replace(spent=self._accounts[meter].spent) for meter, state in current.items()]

    def follow_limits(self, limits: Mapping[str, Limits]) -> None:
        """The clients are configured otherwise now."""
        self._limits = dict(limits)

    async def close(self) -> None:
        """Nothing is left to be done."""

    async def _learn(self, meters: Sequence[str], now: float) -> None:
        while True:
            strays = self._strays
            if strays and self._flush is not None:
                await self._flush()
            spent = await self._store.spent(meters)
            if strays == self._strays:
                break
        for meter in meters:
            # Somebody else may have learnt it, and spent of it, meanwhile.
            if meter not in self._accounts:
                self._accounts[meter] = _Account(spent.get(meter, 0), now)

    def _left(self, claim: Claim, now: float) -> int:
        if claim.kind == "budget":
            account = self._accounts[claim.meter]
            return max(0, claim.limit - account.spent - account.held)
        return max(0, self._bucket(claim, now).level // MICRO)

    def _bucket(self, entry: Claim | Charge, now: float) -> "_Bucket":
        bucket = self._buckets.get(entry.meter)
        if bucket is None:
            bucket = self._buckets[entry.meter] = _Bucket(entry.limit, now)
        else:
            bucket.fill(entry.limit, now)
        return bucket

    def _correct(self, charge: Charge, now: float) -> None:
        bucket = self._bucket(charge, now)
        # Beyond its limit nothing is left of it when it is looked at next.
        bucket.level = max(-MAX_UNITS * MICRO, bucket.level - charge.amount * MICRO)

    def _let_go(self, reservation_id: str) -> bool:
        """Whether there was anything."""
        reservation = self._reservations.pop(reservation_id, None)
        if reservation is None:
            return False
        for account, amount in reservation.holds:
            account.held -= amount
        return True

    def _expire(self, now: float) -> None:
        for reservation_id in [name for name, reservation in self._reservations.items() if reservation.until <= now]:
            self._let_go(reservation_id)
        self._first_end = min((reservation.until for reservation in self._reservations.values()), default=_NEVER)

    def _sweep(self, now: float, keep: Iterable[Claim]) -> None:
        """Forget meters of which the store knows as much, and buckets that are full."""
        self._next_sweep = now + SWEEP_INTERVAL
        used = {claim.meter for claim in keep}
        for meter, account in list(self._accounts.items()):
            # Of these nothing is held back any more.
            if account.used < now - FORGOTTEN_AFTER and meter not in used:
                del self._accounts[meter]
        # After a minute a bucket is full again, unless it was in debt.
        for meter, bucket in list(self._buckets.items()):
            if bucket.level >= 0 and bucket.at < now - 60.0:
                del self._buckets[meter]


class SharedLedger:
    """The ledger of several processes on one store, which is asked every time. Used from one event loop."""

    def __init__(self, store: Store, limits: Mapping[str, Limits] | None = None) -> None:
        """`limits` are those of the configured clients."""
        self._store = store
        self._limits = dict(limits or {})
        self._unreleased: dict[str, Sequence[Charge]] = {}
        self._releasing: asyncio.Task[None] | None = None

    async def reserve(self, reservation_id: str, claims: Sequence[Claim], now: float) -> Grant | Shortfall:
        """Take what is claimed, all or nothing, across all processes. An id that has a reservation is granted once
        more, and nothing taken. Raises StoreUnavailableError."""
        reserving = asyncio.ensure_future(self._store.reserve(reservation_id, claims, now, now + HELD_FOR))
        try:
            await asyncio.wait([reserving])
            return reserving.result()
        except asyncio.CancelledError:
            # The store does it all the same, and nobody will settle it.
            reserving.add_done_callback(lambda done: self._undo(reservation_id, claims, done))
            raise
        except StoreUnavailableError:
            # It may have been done.
            self._release_later(reservation_id, returned(claims))
            raise

    def settle(self, reservation_id: str, charges: Sequence[Charge], now: float | None = None) -> Sequence[Charge]:
        """Nothing by itself: the store settles with the spend row, which has to bring what is returned."""
        return charges

    async def release(self, reservation_id: str, charges: Sequence[Charge] = (), now: float | None = None) -> None:
        """Let go of what is held back under an id, and correct its buckets: at once, or when the store is there
        again."""
        try:
            await self._store.release(reservation_id, charges, time.time() if now is None else now)
        except (StoreUnavailableError, asyncio.CancelledError) as error:
            # The store does it once, however often it is told to.
            self._release_later(reservation_id, charges)
            if isinstance(error, asyncio.CancelledError):
                raise

    def left(self, claim: Claim, now: float) -> int | None:
        """What is left of a claim's meter: not known without asking."""
        return None

    async def budgets(self, now: float) -> list[BudgetState]:
        """The budgets of the configured clients. Raises StoreUnavailableError."""
        current = current_budgets(self._limits, now)
        spent = await self._store.spent(list(current)) if current else {}
        return [state._replace(spent=spent.get(meter, 0)) for meter, state in current.items()]

    def follow_limits(self, limits: Mapping[str, Limits]) -> None:
        """The clients are configured otherwise now."""
        self._limits = dict(limits)

    async def close(self) -> None:
        """Stop trying to let go; what is left is free again in its time."""
        if self._releasing is not None:
            self._releasing.cancel()
            await asyncio.wait([self._releasing])

    def _undo(self, reservation_id: str, claims: Sequence[Claim], done: asyncio.Future[Grant | Shortfall]) -> None:
        if done.cancelled():
            return
        if done.exception() is not None or isinstance(done.result(), Grant):
            self._release_later(reservation_id, returned(claims))

    def _release_later(self, reservation_id: str, charges: Sequence[Charge]) -> None:
        if len(self._unreleased) < MAX_UNRELEASED:
            self._unreleased[reservation_id] = charges
        if self._releasing is None or self._releasing.done():
            self._releasing = asyncio.get_running_loop().create_task(self._release_all())

    async def _release_all(self) -> None:
        while self._unreleased:
            reservation_id, charges = next(iter(self._unreleased.items()))
            try:
                await self._store.release(reservation_id, charges, time.time())
            except StoreUnavailableError:
                await asyncio.sleep(RETRY_INTERVAL)
                continue
            except Exception as error:
                _log.error("release failed", error=repr(error))
            self._unreleased.pop(reservation_id, None)


Ledger: TypeAlias = LocalLedger | SharedLedger


def current_budgets(limits: Mapping[str, Limits], now: float) -> dict[str, BudgetState]:
    """The budgets of these clients by the meter that holds now, as if nothing was spent."""
    return {
        budget_meter(client, budget.per, now): BudgetState(client, budget.per, budget.limit, 0)
        for client, own in limits.items()
        for budget in own.budgets
    }


_NEVER: Final = float("inf")


class _Account:
    """What was spent of a budget and is held back of it; `used`: when it was last used."""

    __slots__ = ("held", "spent", "used")

    def __init__(self, spent: int, used: float) -> None:
        self.spent = spent
        self.held = 0
        self.used = used


class _Bucket:
    """A bucket that holds `level` millionths of a unit at the time `at`; below zero where more was taken than it had.
    The same rules as in `proxy.state.metering`, without new values for each request."""

    __slots__ = ("at", "level")

    def __init__(self, limit: int, at: float) -> None:
        self.level = limit * MICRO
        self.at = at

    def fill(self, limit: int, now: float) -> None:
        """Go on to the present, under a limit that may have changed. A clock that is behind takes nothing away."""
        most = limit * MICRO
        elapsed = now - self.at
        if elapsed > 0.0:
            self.at = now
            self.level += int(elapsed * most / 60)
        if self.level > most:
            self.level = most


class _Reservation(NamedTuple):
    until: float
    holds: list[tuple[_Account, int]]
