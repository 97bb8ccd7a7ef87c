"""The runs that are not recorded yet. A client that leaves takes its connection with it, and nobody else knows then
that its run is still read and counted."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

HURRY: Final = 1.0
"""How long, in seconds, the last runs have to be counted in when nothing of them is read any more."""


class OpenRuns:
    """The runs of one process between their making and their record. Used from one event loop."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._drains: set[asyncio.Timeout] = set()
        self._empty = asyncio.Event()

    def add(self, run_id: str) -> None:
        """There is a run."""
        self._ids.add(run_id)
        self._empty.clear()

    def remove(self, run_id: str) -> None:
        """A run was recorded, or is not made at all."""
        self._ids.discard(run_id)
        if not self._ids:
            self._empty.set()

    @contextmanager
    def draining(self, timeout: asyncio.Timeout) -> Iterator[None]:
        """An answer is read on whose client has left, until the time-out."""
        self._drains.add(timeout)
        try:
            yield
        finally:
            self._drains.discard(timeout)

    async def wait(self, patience: float) -> None:
        """Return when all runs are recorded. After `patience` seconds nothing is read on for clients that have left."""
        for seconds in (patience, HURRY):
            if not self._ids:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, seconds)):
                    await self._empty.wait()
            now = asyncio.get_running_loop().time()
            for drain in self._drains:
                if not drain.expired():
                    drain.reschedule(now)
