"""The gauges of budgets, on a store that does not answer."""

from collections.abc import AsyncIterator

import pytest

from proxy.usage import budget_gauges
from proxy.usage.budget_gauges import BudgetGauges
from proxy.usage.ledger import SharedLedger
from proxy.usage.limits import Budget, Limits
from proxy.usage.metrics import Metrics
from tests.exchange.faulty_store import FaultyStore

LIMITS = {"shop": Limits(budgets=(Budget("total", 5 * 10**12),))}


@pytest.fixture
async def store() -> AsyncIterator[FaultyStore]:
    store = FaultyStore()
    await store.open()
    yield store
    await store.close()


async def test_a_scrape_does_not_wait_for_a_store_that_hangs(
    store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget_gauges, "PATIENCE", 0.01)
    metrics = Metrics()
    gauges = BudgetGauges(SharedLedger(store, LIMITS), metrics, 0.0)
    held = store.hold("spent")
    await gauges.refresh()
    assert b"dragoman_budget_limit_usd{" not in metrics.render()
    held.set()
    await gauges.refresh()
    assert b'dragoman_budget_limit_usd{client="shop",per="total"} 5.0' in metrics.render()


async def test_a_scrape_does_not_fail_with_the_store(store: FaultyStore) -> None:
    metrics = Metrics()
    gauges = BudgetGauges(SharedLedger(store, LIMITS), metrics, 0.0)
    store.fail("spent")
    await gauges.refresh()
    assert b"dragoman_budget_limit_usd{" not in metrics.render()
