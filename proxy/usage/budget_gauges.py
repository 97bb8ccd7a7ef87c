"""The gauges of budgets, brought up to date when somebody looks at them."""

import asyncio
import time
from typing import Final

from proxy.state.store import StoreUnavailableError
from proxy.usage.ledger import Ledger
from proxy.usage.metrics import Metrics

PATIENCE: Final = 1.0
"""How long the ledger is waited for, in seconds: a scrape tells the rest without it."""


class BudgetGauges:
    """Shows what a ledger knows in the metrics. `interval`: the ledger is asked at most once in so many seconds."""

    def __init__(self, ledger: Ledger, metrics: Metrics, interval: float) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self._interval = interval
        self._asked = float("-inf")

    async def refresh(self) -> None:
        """Ask the ledger. While the store is down, or slow, the gauges stay as they are."""
        now = time.monotonic()
        if now - self._asked < self._interval:
            return
        self._asked = now
        try:
            async with asyncio.timeout(PATIENCE):
                states = await self._ledger.budgets(time.time())
        except (StoreUnavailableError, TimeoutError):
            return
        for state in states:
            self._metrics.set_budget(state.client, state.per, state.limit, state.spent)
