"""Random spending, step by step beside the plain model of the rules, by two replicas in turns."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from proxy.state.records import Charge, Claim, MeterKind, SpendColumn, Spending
from proxy.state.store import Store
from tests.state.kit import NOW, ONE_PROCESS, Backend, Kind, backend_of, server_of, spend_row
from tests.state.spend_model import SpendModel
from tests.state.test_model import EXAMPLES, FULL, LENGTH

ResultT = TypeVar("ResultT")

METERS: dict[str, MeterKind] = {
    "ann/usd/day/2027-01-15": "budget",
    "ann/usd/total": "budget",
    "bob/usd/total": "budget",
    "ann/streams": "budget",
    "ann/requests": "rate",
    "ann/tokens": "rate",
}

LARGE = 9 * 10**16
"""A sum that is larger than what some stores can count in one number."""

NAMES = st.integers(0, 15).map(lambda number: f"resp_{number}")
AMOUNTS = {
    "budget": st.sampled_from([0, 1, 7, 10**9 - 1, 10**9, LARGE, LARGE + 1]) | st.integers(0, 2**54),
    "rate": st.integers(0, 200),
}
# The limits of buckets and the steps of time are such that levels are whole millionths.
LIMITS = {"budget": st.sampled_from([0, 10, 3 * LARGE, 9 * LARGE]), "rate": st.sampled_from([0, 60, 120, 6_000])}
AGES = st.sampled_from([0.5, 1.0, 20.0, 3_601.0, 86_400.0, 50 * 86_400.0])
# Meters go after 100 days; of budgets the time of the last use is a day old at most.
STEPS = st.sampled_from([0.5, 1.0, 20.0, 3_601.0, 60 * 86_400.0])
COLUMNS: st.SearchStrategy[list[SpendColumn]] = st.lists(
    st.sampled_from(["client", "provider", "model", "outcome", "source", "price_source", "day"]), max_size=4
)


@st.composite
def claims(draw: st.DrawFn) -> list[Claim]:
    """On some of the meters, in any order."""
    names = draw(st.lists(st.sampled_from(list(METERS)), unique=True, max_size=len(METERS)))
    return [Claim(name, METERS[name], draw(LIMITS[METERS[name]]), draw(AMOUNTS[METERS[name]])) for name in names]


@st.composite
def charges(draw: st.DrawFn) -> list[Charge]:
    """On any meters, some twice, some below zero."""
    names = draw(st.lists(st.sampled_from(list(METERS)), max_size=4))
    return [
        Charge(
            name,
            METERS[name],
            draw(LIMITS[METERS[name]]),
            draw(st.sampled_from([1, 1, -1])) * draw(AMOUNTS[METERS[name]]),
        )
        for name in names
    ]


class Lives(RuleBasedStateMachine):
    """One life: what is done to the store is done to the model, and they have to tell the same."""

    def __init__(self, backend: Callable[[], AbstractAsyncContextManager[Backend]]) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.context = backend()
        opened = self.wait(self.context.__aenter__())
        self.replicas = [opened.replica() for _ in range(1 if opened.kind in ONE_PROCESS else 2)]
        for store in self.replicas:
            self.wait(store.open())
        self.model = SpendModel()
        self.now = NOW
        self.turn = 0

    def wait(self, call: Coroutine[object, object, ResultT]) -> ResultT:
        return self.runner.run(call)

    @property
    def store(self) -> Store:
        self.turn += 1
        return self.replicas[self.turn % len(self.replicas)]

    @rule(name=NAMES, claims=claims(), lasts=st.sampled_from([1, 5, 3_600]))
    def reserve(self, name: str, claims: list[Claim], lasts: float) -> None:
        until = self.now + lasts
        granted = self.wait(self.store.reserve(name, claims, self.now, until))
        assert granted == self.model.reserve(name, claims, self.now, until)

    @rule(name=NAMES, charges=charges())
    def release(self, name: str, charges: list[Charge]) -> None:
        self.wait(self.store.release(name, charges, self.now))
        self.model.release(name, charges, self.now)

    @rule(
        names=st.lists(NAMES, max_size=6),
        charges=charges(),
        cost=st.none() | AMOUNTS["budget"],
        client=st.sampled_from(["ann", "bob"]),
        source=st.sampled_from(["provider", "estimated"]),
        before=st.sampled_from([0.0, 0.5, 86_400.0]),
    )
    def add_spend(
        self, names: list[str], charges: list[Charge], cost: int | None, client: str, source: str, before: float
    ) -> None:
        spendings = [
            Spending(spend_row(name, cost=cost, client=client, source=source, at=self.now - before), charges)
            for name in names
        ]
        self.wait(self.store.add_spend(spendings, self.now))
        self.model.add_spend(spendings, self.now)

    @rule(by=COLUMNS, since=AGES, until=AGES)
    def report(self, by: list[SpendColumn], since: float, until: float) -> None:
        span = (self.now - since, self.now - 3_601.0 + until)
        assert self.wait(self.store.spend(by, *span)) == self.model.spend(by, *span)

    @rule(age=AGES, limit=st.integers(1, 5))
    def sweep(self, age: float, limit: int) -> None:
        before = self.now - age
        # Of rows of one moment any may go first, so only all or none of them are to go.
        moments = sorted(row.at for row in self.model.rows.values() if row.at < before)
        if len(moments) > limit and moments[limit - 1] == moments[limit]:
            limit = len(moments) + 1
        assert self.wait(self.store.sweep_spend(before, self.now, limit)) == self.model.sweep(before, self.now, limit)

    @rule(step=STEPS)
    def pass_time(self, step: float) -> None:
        self.now += step

    @invariant()
    def what_was_spent_is_the_models(self) -> None:
        budgets = [name for name, kind in METERS.items() if kind == "budget"]
        assert self.wait(self.store.spent(budgets)) == self.model.spent(budgets)

    @invariant()
    def the_rows_are_the_models(self) -> None:
        assert self.wait(self.store.spend(["client", "day"], 0, 2 * NOW)) == self.model.spend(
            ["client", "day"], 0, 2 * NOW
        )

    def teardown(self) -> None:
        for store in self.replicas:
            self.wait(store.close())
        self.wait(self.context.__aexit__(None, None, None))
        self.runner.close()


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_store_spends_as_the_model_does(kind: Kind, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    fixture = server_of(kind)
    server: str = "" if fixture is None else request.getfixturevalue(fixture)
    run_state_machine_as_test(
        lambda: Lives(lambda: backend_of(kind, server, tmp_path)),  # type: ignore[arg-type] # it only calls it
        settings=settings(
            max_examples=EXAMPLES[kind] * (10 if FULL else 2),
            stateful_step_count=LENGTH,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
