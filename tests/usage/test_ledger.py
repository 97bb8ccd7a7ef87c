"""The ledger: nobody spends a dollar that somebody else holds back, whoever comes at the same time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.state.opening import store_from
from proxy.state.records import Charge, Claim, Grant, Shortfall, Spending, SpendRow
from proxy.state.store import Store, StoreUnavailableError
from proxy.usage import ledger as ledger_module
from proxy.usage.ledger import HELD_FOR, BudgetState, Ledger, LocalLedger, SharedLedger
from proxy.usage.limits import Budget, Limits
from proxy.usage.spending import SpendWriter
from tests.exchange.faulty_store import FaultyStore
from tests.state.kit import Kind, backend_of, server_of
from tests.vendors.waiting import eventually

NOW = 1_795_437_296.0  # 2026-11-23


def budget(amount: int, limit: int = 100, meter: str = "shop/usd/total") -> Claim:
    return Claim(meter, "budget", limit, amount)


def rate(amount: int, limit: int = 60, meter: str = "shop/requests") -> Claim:
    return Claim(meter, "rate", limit, amount)


def charge(claim: Claim, amount: int) -> Charge:
    return Charge(claim.meter, claim.kind, claim.limit, amount)


def row(name: str) -> SpendRow:
    return SpendRow(
        name, NOW, "shop", "p", "m", "completed", 1, 0, 0, 1, 0, "provider", 5, "config", 1, 10, None
    )  # fmt: skip


@pytest.fixture
async def store() -> AsyncIterator[FaultyStore]:
    store = FaultyStore()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def ledger(store: FaultyStore) -> LocalLedger:
    return LocalLedger(store)


async def fitting(ledger: Ledger, *claims: Claim, times: int, first: int = 0) -> int:
    """How many of so many simultaneous requests are granted."""
    found = await asyncio.gather(*(ledger.reserve(f"r{first + each}", claims, NOW) for each in range(times)))
    return sum(isinstance(each, Grant) for each in found)


# --- in one process ---------------------------------------------------------------------------------------------------


async def test_exactly_those_that_fit_are_granted_at_once(ledger: LocalLedger) -> None:
    assert await fitting(ledger, budget(3, limit=100), times=200) == 33


async def test_a_bucket_admits_exactly_what_it_holds(ledger: LocalLedger) -> None:
    assert await fitting(ledger, rate(1, limit=17), times=200) == 17


async def test_of_several_claims_all_or_none_are_granted(ledger: LocalLedger) -> None:
    assert await ledger.reserve("a", [rate(50), budget(101)], NOW) == Shortfall(1, 100, None)
    assert await ledger.reserve("b", [rate(50), budget(100)], NOW) == Grant([10, 0])
    assert await ledger.reserve("c", [budget(0), rate(11)], NOW) == Shortfall(1, 10, 1.0)
    assert await ledger.reserve("d", [budget(0), rate(10)], NOW) == Grant([0, 0])


async def test_what_was_held_back_is_free_and_what_was_spent_is_gone(ledger: LocalLedger) -> None:
    claims = [budget(90), rate(10)]
    await ledger.reserve("a", claims, NOW)
    assert ledger.settle("a", [charge(claims[0], 30), charge(claims[1], -4)], NOW) == [charge(claims[0], 30)]
    assert await ledger.reserve("b", [budget(70), rate(54)], NOW) == Grant([0, 0])


async def test_a_request_may_cost_more_than_it_held_back(ledger: LocalLedger) -> None:
    claims = [budget(1), rate(1)]
    await ledger.reserve("a", claims, NOW)
    ledger.settle("a", [charge(claims[0], 250), charge(claims[1], 119)], NOW)
    assert await ledger.reserve("b", [budget(0)], NOW) == Shortfall(0, 0, None)
    assert await ledger.reserve("b", [rate(1)], NOW) == Shortfall(0, 0, 61.0)
    assert await ledger.reserve("b", [rate(1)], NOW + 61) == Grant([0])


async def test_a_repeated_id_takes_nothing_twice(ledger: LocalLedger) -> None:
    claims = [budget(60), rate(40)]
    assert await ledger.reserve("a", claims, NOW) == Grant([40, 20])
    assert await ledger.reserve("a", claims, NOW) == Grant([40, 20])
    ledger.settle("a", ())
    assert await ledger.reserve("a", [budget(60)], NOW) == Grant([40])


async def test_a_released_request_leaves_nothing_behind(ledger: LocalLedger) -> None:
    claims = [budget(60), rate(40)]
    await ledger.reserve("a", claims, NOW)
    for _ in range(2):
        await ledger.release("a", [charge(claims[1], -40)], NOW)
    await ledger.release("unknown", [charge(claims[1], -40)], NOW)
    assert await ledger.reserve("b", [budget(100), rate(60)], NOW) == Grant([0, 0])


async def test_what_is_lost_is_free_again_in_its_time(ledger: LocalLedger) -> None:
    await ledger.reserve("a", [budget(60)], NOW)
    await ledger.reserve("b", [budget(40)], NOW + 10)
    assert isinstance(await ledger.reserve("c", [budget(1)], NOW + HELD_FOR - 0.001), Shortfall)
    assert await ledger.reserve("c", [budget(60)], NOW + HELD_FOR) == Grant([0])
    assert await ledger.reserve("d", [budget(40)], NOW + HELD_FOR + 10) == Grant([0])
    ledger.settle("a", [charge(budget(60), 60)], NOW)
    assert isinstance(await ledger.reserve("e", [budget(1)], NOW + HELD_FOR + 11), Shortfall)


async def test_a_bucket_fills_evenly_and_never_beyond_its_limit(ledger: LocalLedger) -> None:
    await ledger.reserve("a", [rate(60)], NOW)
    assert await ledger.reserve("b", [rate(30)], NOW + 15) == Shortfall(0, 15, 15.0)
    assert await ledger.reserve("c", [rate(30)], NOW + 30) == Grant([0])
    assert await ledger.reserve("d", [rate(60)], NOW + 9_000) == Grant([0])
    assert await ledger.reserve("e", [rate(1)], NOW + 9_000) == Shortfall(0, 0, 1.0)


async def test_a_bucket_is_given_back_no_more_than_it_holds(ledger: LocalLedger) -> None:
    await ledger.reserve("a", [rate(40)], NOW)
    await ledger.release("a", [charge(rate(40), -40)], NOW + 30)
    assert ledger.left(rate(1), NOW + 30) == 60
    assert await ledger.reserve("b", [rate(60)], NOW + 30) == Grant([0])


async def test_the_debt_of_a_bucket_is_bounded(ledger: LocalLedger) -> None:
    await ledger.reserve("a", [rate(1)], NOW)
    ledger.settle("a", [charge(rate(1), 10**18)], NOW)
    assert await ledger.reserve("b", [rate(1)], NOW) == Shortfall(0, 0, 10**9 + 1.0)


async def test_more_than_a_bucket_holds_never_fits(ledger: LocalLedger) -> None:
    assert await ledger.reserve("a", [rate(61)], NOW) == Shortfall(0, 60, None)


async def test_a_limit_may_change(ledger: LocalLedger) -> None:
    await ledger.reserve("a", [rate(10, limit=60), budget(50)], NOW)
    assert await ledger.reserve("b", [rate(21, limit=20)], NOW) == Shortfall(0, 20, None)
    assert await ledger.reserve("c", [budget(10, limit=40)], NOW) == Shortfall(0, 0, None)
    assert await ledger.reserve("d", [budget(10, limit=60)], NOW) == Grant([0])


async def test_a_clock_that_is_set_back_gives_nothing_away(ledger: LocalLedger) -> None:
    await ledger.reserve("a", [rate(60)], NOW)
    assert await ledger.reserve("b", [rate(1)], NOW - 500) == Shortfall(0, 0, 1.0)
    assert await ledger.reserve("c", [rate(1)], NOW + 1) == Grant([0])


async def test_what_is_left_is_known_without_taking(ledger: LocalLedger) -> None:
    assert ledger.left(rate(1), NOW) == 60
    assert ledger.left(budget(1), NOW) is None
    await ledger.reserve("a", [budget(60), rate(40)], NOW)
    assert (ledger.left(budget(1), NOW), ledger.left(rate(1), NOW)) == (40, 20)


# --- what the store knows ---------------------------------------------------------------------------------------------


async def test_what_was_spent_before_is_asked_of_the_store_once(store: FaultyStore) -> None:
    claims = [budget(0)]
    await store.add_spend([Spending(row("old"), [charge(claims[0], 70)])], NOW)
    ledger = LocalLedger(store)
    gate = store.hold("spent")
    first = [asyncio.create_task(ledger.reserve(f"r{each}", [budget(10)], NOW)) for each in range(20)]
    await store.begun("spent")
    gate.set()
    assert sum(isinstance(each, Grant) for each in await asyncio.gather(*first)) == 3
    # From here on everything is in memory.
    store.fail("spent", times=1000)
    assert await ledger.reserve("last", [budget(0)], NOW) == Grant([0])


async def test_who_learns_late_does_not_undo_what_was_spent_meanwhile(store: FaultyStore) -> None:
    ledger = LocalLedger(store)
    late = store.hold("spent", done=True)
    slow = asyncio.create_task(ledger.reserve("slow", [budget(50)], NOW))
    await store.begun("spent")
    quick = asyncio.create_task(ledger.reserve("quick", [budget(80)], NOW))
    late.set()
    assert sorted([type(await slow).__name__, type(await quick).__name__]) == ["Grant", "Shortfall"]


async def test_nothing_is_granted_while_nobody_knows_what_was_spent(store: FaultyStore, ledger: LocalLedger) -> None:
    store.fail("spent")
    with pytest.raises(StoreUnavailableError):
        await ledger.reserve("a", [budget(1), rate(60)], NOW)
    assert await ledger.reserve("a", [budget(100), rate(60)], NOW) == Grant([0, 0])


async def test_limits_without_a_budget_need_no_store(store: FaultyStore, ledger: LocalLedger) -> None:
    store.fail("spent", times=1000)
    assert await ledger.reserve("a", [rate(60)], NOW) == Grant([0])


async def test_what_was_spent_of_an_unknown_meter_is_known_before_it_is_used(store: FaultyStore) -> None:
    writer = SpendWriter(store, clock=lambda: NOW)
    ledger = LocalLedger(store, flush=writer.flush)
    spent = charge(budget(0), 70)
    writer.add(Spending(row("taken-over"), ledger.settle("taken-over", [spent], NOW)))
    assert await ledger.reserve("a", [budget(31)], NOW) == Shortfall(0, 30, None)
    assert await ledger.reserve("a", [budget(30)], NOW) == Grant([0])


async def test_every_window_has_a_meter_of_its_own(ledger: LocalLedger) -> None:
    today, tomorrow = budget(100, meter="shop/usd/day/2026-11-23"), budget(100, meter="shop/usd/day/2026-11-24")
    assert await ledger.reserve("a", [today], NOW) == Grant([0])
    ledger.settle("a", [charge(today, 100)], NOW)
    assert await ledger.reserve("b", [today], NOW) == Shortfall(0, 0, None)
    assert await ledger.reserve("b", [tomorrow], NOW + 86_400) == Grant([0])


async def test_old_meters_leave_the_memory_and_nothing_is_forgotten(store: FaultyStore) -> None:
    ledger = LocalLedger(store)
    claims = [budget(10), rate(1)]
    await ledger.reserve("a", claims, NOW)
    charges = ledger.settle("a", [charge(claims[0], 60)], NOW)
    await store.add_spend([Spending(row("a"), charges)], NOW)
    later = NOW + ledger_module.FORGOTTEN_AFTER + ledger_module.SWEEP_INTERVAL
    await ledger.reserve("b", [budget(1, meter="shop/usd/day/2027-01-02")], later)
    assert ledger.left(budget(0), later) is None
    assert await ledger.reserve("c", [budget(41)], later) == Shortfall(0, 40, None)
    # One that is used again after all that time is not forgotten on the way.
    later += ledger_module.FORGOTTEN_AFTER + ledger_module.SWEEP_INTERVAL
    assert await ledger.reserve("d", [budget(40)], later) == Grant([0])


async def test_the_budgets_of_all_clients_are_told(store: FaultyStore) -> None:
    limits = {
        "shop": Limits(budgets=(Budget("month", 500), Budget("day", 100))),
        "desk": Limits(requests_per_minute=5),
    }
    for ledger in (LocalLedger(store, limits), SharedLedger(store, limits)):
        assert sorted(await ledger.budgets(NOW)) == [
            BudgetState("shop", "day", 100, 0),
            BudgetState("shop", "month", 500, 0),
        ]
    local = LocalLedger(store, limits)
    day = budget(40, meter="shop/usd/day/2026-11-23")
    await local.reserve("a", [day], NOW)
    local.settle("a", [charge(day, 30)], NOW)
    await local.reserve("b", [day], NOW)
    assert min(await local.budgets(NOW)) == BudgetState("shop", "day", 100, 30)
    assert min(await local.budgets(NOW + 86_400)) == BudgetState("shop", "day", 100, 0)


# --- against a plain model --------------------------------------------------------------------------------------------


@dataclass
class Model:
    """The rules as they are said: everything is looked at anew each time."""

    spent: dict[str, int] = field(default_factory=dict)
    taken: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    held: dict[str, tuple[float, Sequence[Claim]]] = field(default_factory=dict)

    def level(self, meter: str, limit: int, now: float) -> float:
        level, at = float(limit), 0.0
        for when, amount in self.taken.get(meter, ()):
            level = min(limit, level + (when - at) * limit / 60)
            level, at = min(limit, level - amount), when
        return min(limit, level + (now - at) * limit / 60)

    def free(self, claim: Claim, now: float) -> float:
        if claim.kind == "rate":
            return self.level(claim.meter, claim.limit, now)
        holding = [each for until, claims in self.held.values() if until > now for each in claims]
        return (
            claim.limit
            - self.spent.get(claim.meter, 0)
            - sum(each.amount for each in holding if each.meter == claim.meter)
        )

    def reserve(self, name: str, claims: Sequence[Claim], now: float) -> int | None:
        """The claim that does not fit; None: all are granted."""
        if name in self.held and self.held[name][0] > now:
            return None
        for index, claim in enumerate(claims):
            if self.free(claim, now) < claim.amount:
                return index
        self.held[name] = (now + HELD_FOR, claims)
        for claim in claims:
            if claim.kind == "rate":
                self.taken.setdefault(claim.meter, []).append((now, claim.amount))
        return None

    def settle(self, name: str, charges: Sequence[Charge], now: float) -> None:
        self.held.pop(name, None)
        for each in charges:
            if each.kind == "rate":
                self.taken.setdefault(each.meter, []).append((now, each.amount))
            else:
                self.spent[each.meter] = self.spent.get(each.meter, 0) + each.amount


# Times are multiples of 15 s and buckets of 4, so that levels are whole in both.
SIZES = {"a/usd": 50, "b/usd": 10**18, "a/requests": 8, "b/tokens": 400}


@st.composite
def some_claims(draw: st.DrawFn) -> list[Claim]:
    meters = draw(st.lists(st.sampled_from(sorted(SIZES)), min_size=1, max_size=4, unique=True))
    found = []
    for meter in meters:
        limit = SIZES[meter]
        kind = "budget" if meter.endswith("usd") else "rate"
        found.append(Claim(meter, kind, limit, draw(st.integers(0, limit + 1))))  # type: ignore[arg-type] # one of two
    return found


steps = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "reserve", "settle", "release"]),
        st.sampled_from("abcdef"),
        some_claims(),
        st.integers(0, 60),
        st.sampled_from([0, 0, 0, 15, 30, 1800, 3600]),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_the_ledger_keeps_to_the_rules(
    script: list[tuple[str, str, list[Claim], int, int]],
) -> None:
    async def play() -> None:
        store = store_from("memory://", durability="process")
        await store.open()
        try:
            ledger, model, now = LocalLedger(store), Model(), NOW
            for action, name, claims, amount, passed in script:
                now += passed
                if action == "reserve":
                    granted = await ledger.reserve(name, claims, now)
                    short = model.reserve(name, claims, now)
                    assert short == (granted.claim if isinstance(granted, Shortfall) else None)
                    for index, claim in enumerate(claims):
                        left = max(0, int(model.free(claim, now) // 1))
                        if isinstance(granted, Grant):
                            assert granted.left[index] == left
                        assert ledger.left(claim, now) == left
                elif action == "settle":
                    charges = [charge(claim, amount if claim.kind == "budget" else amount - 30) for claim in claims]
                    # What was never reserved in this ledger is not settled in it either.
                    charges = [each for each in charges if ledger.left(Claim(*each), now) is not None]
                    ledger.settle(name, charges, now)
                    model.settle(name, charges, now)
                else:
                    await ledger.release(name, (), now)
                    model.settle(name, (), now)
        finally:
            await store.close()

    asyncio.run(play())


# --- shared -----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["redis", "postgres"])
async def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[Store]]:
    """Two stores on one database."""
    kind: Kind = request.param
    server: str = request.getfixturevalue(server_of(kind) or "")
    async with backend_of(kind, server, tmp_path) as backend, AsyncExitStack() as stack:
        stores = [backend.replica() for _ in range(2)]
        for store in stores:
            await store.open()
            stack.push_async_callback(store.close)
        yield stores


async def test_replicas_grant_exactly_what_fits(replicas: list[Store]) -> None:
    one, other = (SharedLedger(store) for store in replicas)
    claims = [budget(3, limit=100), rate(1, limit=10**6)]
    granted = await asyncio.gather(fitting(one, *claims, times=100), fitting(other, *claims, times=100, first=100))
    assert sum(granted) == 33


async def test_a_row_settles_for_all_replicas(replicas: list[Store]) -> None:
    one, other = (SharedLedger(store) for store in replicas)
    writer = SpendWriter(replicas[0], clock=lambda: NOW)
    claims = [budget(90), rate(10)]
    await one.reserve("a", claims, NOW)
    assert await other.reserve("b", [budget(11)], NOW) == Shortfall(0, 10, None)
    charges = [charge(claims[0], 30), charge(claims[1], -4)]
    writer.add(Spending(row("a"), one.settle("a", charges)))
    await writer.flush()
    assert await other.reserve("b", [budget(70), rate(54)], NOW) == Grant((0, 0))


async def test_a_released_request_is_released_for_all_replicas(replicas: list[Store]) -> None:
    one, other = (SharedLedger(store) for store in replicas)
    claims = [budget(90), rate(10)]
    await one.reserve("a", claims, NOW)
    for _ in range(2):
        await one.release("a", [charge(claims[1], -10)], NOW)
    assert await other.reserve("b", [budget(100), rate(60)], NOW) == Grant((0, 0))


async def test_who_leaves_while_the_store_reserves_holds_nothing(store: FaultyStore) -> None:
    ledger = SharedLedger(store)
    late = store.hold("reserve", done=True)
    leaving = asyncio.create_task(ledger.reserve("a", [budget(100), rate(60)], NOW))
    await store.begun("reserve")
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    late.set()
    await store.begun("release")
    assert await ledger.reserve("b", [budget(100), rate(60)], NOW) == Grant((0, 0))
    await ledger.close()


async def test_what_a_failing_store_may_have_reserved_is_let_go(store: FaultyStore) -> None:
    ledger = SharedLedger(store)
    store.fail("reserve", done=True)
    with pytest.raises(StoreUnavailableError):
        await ledger.reserve("a", [budget(100), rate(60)], NOW)
    await store.begun("release")
    assert await ledger.reserve("b", [budget(100), rate(60)], NOW) == Grant((0, 0))
    await ledger.close()


async def test_what_cannot_be_let_go_now_is_let_go_later(store: FaultyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "RETRY_INTERVAL", 0.0)
    ledger = SharedLedger(store)
    claims = [budget(100), rate(60)]
    await ledger.reserve("a", claims, NOW)
    store.fail("release", times=3)
    await ledger.release("a", [charge(claims[1], -60)], NOW)
    await eventually(lambda: ledger.reserve("b", claims, NOW), lambda found: isinstance(found, Grant), every=0.001)
    await ledger.close()


async def test_a_shared_ledger_does_not_guess_what_is_left(store: FaultyStore) -> None:
    assert SharedLedger(store).left(rate(1), NOW) is None
