"""The spend record is written behind: no request waits for it, and what the store cannot take now is tried again."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal, TypeAlias

import structlog

from proxy.state.records import Spending
from proxy.state.store import Store, StoreUnavailableError

BATCH: Final = 500
"""How many rows are written at once."""

DELAY: Final = 0.2
"""How long a row waits for others, in seconds."""

SHARED_DELAY: Final = 0.02
"""The same where the row settles what is held back in the store itself."""

MAX_ROWS: Final = 100_000
"""How many rows wait for a store that is down; beyond it the oldest are lost."""

RETRY_INTERVAL: Final = 1.0
"""How long a store that failed is left alone, in seconds."""

STOP_PATIENCE: Final = 5.0

RowResult: TypeAlias = Literal["written", "lost"]

_log = structlog.get_logger("dragoman.spending")


def _uncounted(result: RowResult, rows: int) -> None:
    pass


class SpendWriter:
    """Writes the spend record of one process. `start` and `stop` on the event loop; rows that come before `start` wait
    for it. A row is kept once, also where its writing failed half-way and was repeated: the store sees to that."""

    def __init__(
        self,
        store: Store,
        counted: Callable[[RowResult, int], None] = _uncounted,
        *,
        delay: float = DELAY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`counted` is told of rows that were written or lost; `delay` is how long a row waits for others, in
        seconds; `clock` tells the moment at which rates are settled, in seconds since the epoch."""
        self._store = store
        self._counted = counted
        self._delay = delay
        self._clock = clock
        self._rows: deque[Spending] = deque()
        # What is being written, or is to be written again: nobody takes from it meanwhile.
        self._batch: list[Spending] = []
        self._writing = asyncio.Lock()
        self._some = asyncio.Event()
        self._full = asyncio.Event()
        self._failing = False
        self._losing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many rows are not kept yet."""
        return len(self._rows) + len(self._batch)

    def add(self, spending: Spending) -> None:
        """Take a row. It never waits and never fails."""
        rows = self._rows
        rows.append(spending)
        if not self._some.is_set():
            self._some.set()
        if len(rows) >= BATCH:
            self._full.set()
            if len(rows) + len(self._batch) > MAX_ROWS:
                rows.popleft()
                self._lose(1)

    async def flush(self) -> None:
        """Write all rows that are there now. Raises StoreUnavailableError; the rows are kept for later then."""
        # Rows may come as quickly as they are written: not all of them are waited for.
        due = self.waiting
        while due > 0 and self.waiting:
            due -= await self._write()

    def start(self) -> None:
        """Begin to write."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write_behind())

    async def stop(self, patience: float = STOP_PATIENCE) -> None:
        """Write what is left, for at most `patience` seconds, and end. What could not be written then is lost."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=patience)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self.waiting:
                    try:
                        await self.flush()
                    except StoreUnavailableError:
                        await asyncio.sleep(min(RETRY_INTERVAL, patience / 5))
        left = self.waiting
        if left:
            self._rows.clear()
            self._batch = []
            self._lose(left)

    async def _write_behind(self) -> None:
        while True:
            await self._some.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._delay):
                    await self._full.wait()
            try:
                await self.flush()
            except StoreUnavailableError:
                await asyncio.sleep(RETRY_INTERVAL)
            except Exception:
                _log.exception("unexpected")
                await asyncio.sleep(RETRY_INTERVAL)

    async def _write(self) -> int:
        """Write one batch; how many rows it had."""
        async with self._writing:
            if not self._batch:
                self._batch = [self._rows.popleft() for _ in range(min(BATCH, len(self._rows)))]
                if len(self._rows) < BATCH:
                    self._full.clear()
            batch = self._batch
            if batch:
                try:
                    written = await self._keep(batch)
                except StoreUnavailableError as error:
                    if not self._failing:
                        _log.warning("spend rows wait", rows=self.waiting, error=repr(error.__cause__ or error))
                    self._failing = True
                    raise
                self._batch = []
                self._counted("written", written)
                if self._failing:
                    self._failing = self._losing = False
                    _log.info("spend rows are written again", waiting=self.waiting)
            if not self._rows:
                self._some.clear()
            return len(batch)

    async def _keep(self, batch: list[Spending]) -> int:
        """Have the store keep rows; how many it took. One that it will never take must not hold up the others."""
        try:
            await self._store.add_spend(batch, self._clock())
        except StoreUnavailableError:
            raise
        except Exception as error:
            if len(batch) == 1:
                _log.error("spend row refused", id=batch[0].row.id, error=repr(error))
                self._counted("lost", 1)
                return 0
            half = len(batch) // 2
            return await self._keep(batch[:half]) + await self._keep(batch[half:])
        return len(batch)

    def _lose(self, rows: int) -> None:
        self._counted("lost", rows)
        if not self._losing:
            self._losing = True
            _log.error("spend rows are lost", rows=rows, hint="the store was down for too long")
