"""What a gateway does beside its requests, for its store: connect, renew leases, take runs over, forget old things."""

import asyncio
import secrets
import time
from dataclasses import dataclass

import structlog

from proxy.exchange.background import BackgroundRuns
from proxy.exchange.gateway import Gateway
from proxy.responses.seal import SealKey
from proxy.state.store import StoreOpenError, StoreUnavailableError

SEAL_KEY = "seal_key"
"""The name under which the store keeps the key that seals reasoning where none is configured."""

SWEPT_AT_ONCE = 200
"""How many responses, or rows, one step forgets; between two steps others have their turn."""

SPEND_STEPS = 500
"""How many of those steps a sweep of rows takes at most: the leases of runs are not renewed meanwhile."""

_log = structlog.get_logger("dragoman.store")


@dataclass(frozen=True, slots=True)
class Intervals:
    """How often the duties come up, in seconds. `renew` must be well below the lease of runs."""

    renew: float = 1.0
    take_over: float = 5.0
    trim: float = 5.0
    sweep: float = 60.0


class Housekeeping:
    """Looks after the store of one gateway. `size_limit` is in bytes (None: none); `own_seal_key`: no key is
    configured, the store's is used."""

    def __init__(
        self,
        gateway: Gateway,
        background: BackgroundRuns,
        *,
        size_limit: int | None,
        own_seal_key: bool,
        intervals: Intervals | None = None,
    ) -> None:
        self._gateway = gateway
        self._background = background
        self._size_limit = size_limit
        self._own_seal_key = own_seal_key
        self._intervals = intervals or Intervals()
        self._open = False
        self._reached = True
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect to the store and begin. A store that cannot be reached is tried again until it can; raises
        StoreOpenError for one that never will."""
        try:
            await self._connect()
        except StoreUnavailableError as error:
            self._note_failure(error)
        self._task = asyncio.get_running_loop().create_task(self._keep_house())

    def follow_gateway(self, gateway: Gateway, size_limit: int | None) -> None:
        """Go on with another configuration of the same store."""
        self._gateway, self._size_limit = gateway, size_limit

    async def stop(self) -> None:
        """End the duties and let go of the store."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._gateway.store.close()

    async def _connect(self) -> None:
        store = self._gateway.store
        await store.open()
        if self._own_seal_key:
            # The id travels with each seal, so that another store's key is told from a wrong one.
            candidate = secrets.token_hex(4).encode() + b"." + secrets.token_hex(32).encode()
            key_id, _, key = (await store.secret(SEAL_KEY, candidate)).partition(b".")
            self._gateway.sealer.adopt(SealKey(key_id.decode(), bytes.fromhex(key.decode())))
        self._open = True

    async def _keep_house(self) -> None:
        intervals = self._intervals
        next_take_over = next_trim = next_sweep = 0.0
        while True:
            try:
                if not self._open:
                    await self._connect()
                    self._note_success()
                await self._background.renew()
                now = time.monotonic()
                if now >= next_take_over:
                    next_take_over = now + intervals.take_over
                    await self._background.take_over()
                    self._note_success()
                if now >= next_trim and self._size_limit is not None:
                    next_trim = now + intervals.trim
                    await self._trim(self._size_limit)
                if now >= next_sweep:
                    next_sweep = now + intervals.sweep
                    await self._sweep()
                    await self._sweep_spend()
            except (StoreUnavailableError, StoreOpenError) as error:
                self._note_failure(error)
            except Exception as error:  # whatever it was, the leases of what runs must be renewed
                _log.error("unexpected", exc_info=error)
            await asyncio.sleep(intervals.renew)

    def _note_failure(self, error: Exception) -> None:
        """Say that the store cannot be used, once until it can be used again."""
        self._gateway.store_failed()
        if self._reached:
            self._reached = False
            _log.warning("store not reached", reason=str(error.__cause__ or error))

    def _note_success(self) -> None:
        if not self._reached:
            self._reached = True
            _log.info("store reached")

    async def _sweep(self) -> None:
        forgotten = SWEPT_AT_ONCE
        while forgotten == SWEPT_AT_ONCE:
            forgotten = await self._gateway.store.sweep(time.time(), SWEPT_AT_ONCE)
            self._gateway.metrics.forgotten.labels("expired").inc(forgotten)

    async def _sweep_spend(self) -> None:
        now = time.time()
        before = now - self._gateway.usage_retention
        for _ in range(SPEND_STEPS):
            if await self._gateway.store.sweep_spend(before, now, SWEPT_AT_ONCE) < SWEPT_AT_ONCE:
                break

    async def _trim(self, size: int) -> None:
        forgotten = SWEPT_AT_ONCE
        while forgotten == SWEPT_AT_ONCE:
            forgotten = await self._gateway.store.trim(size, SWEPT_AT_ONCE)
            self._gateway.metrics.forgotten.labels("size").inc(forgotten)
