"""The gateway's log, as entries that a test can wait for."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import structlog


class Journal:
    """The log entries so far. `entry` waits for the next one that fits."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._wake: set[asyncio.Event] = set()

    def write(self, logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Take in one entry; the last processor of structlog's chain."""
        self.entries.append({"level": method, **event})
        for waiter in self._wake:
            waiter.set()
        raise structlog.DropEvent

    async def entry(self, **members: object) -> dict[str, Any]:
        """The first entry that has these members; it has to be there within ten seconds."""
        written = asyncio.Event()
        self._wake.add(written)
        try:
            async with asyncio.timeout(10):
                while True:
                    written.clear()
                    for entry in self.entries:
                        if members.items() <= entry.items():
                            return entry
                    await written.wait()
        finally:
            self._wake.discard(written)
