"""What every store has to do with what was spent: claims, charges, rows, and their sums."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from proxy.state.opening import store_from
from proxy.state.records import Charge, Claim, Grant, Shortfall, SpendColumn, SpendGroup, Spending
from proxy.state.store import Store
from tests.state.kit import NOW, ONE_PROCESS, Backend, spend_row

USD = 10**12
DAY = 86_400.0
HOUR = 3_600.0
END = NOW + HOUR
"""When reservations end."""

TOTAL = "ann/usd/total"
TODAY = "ann/usd/day/2027-01-15"
REQUESTS = "ann/requests"
TOKENS = "ann/tokens"


def budget(amount: int, limit: int = 100, meter: str = TOTAL) -> Claim:
    return Claim(meter, "budget", limit, amount)


def rate(amount: int, limit: int = 60, meter: str = REQUESTS) -> Claim:
    return Claim(meter, "rate", limit, amount)


def spent(amount: int, meter: str = TOTAL) -> Charge:
    return Charge(meter, "budget", 100, amount)


def used(amount: int, limit: int = 60, meter: str = REQUESTS) -> Charge:
    return Charge(meter, "rate", limit, amount)


async def left(store: Store, limit: int = 100, meter: str = TOTAL, now: float = NOW) -> int:
    """What is left of a budget, which nothing is taken of."""
    found = await store.reserve("look", [budget(0, limit, meter)], now, END)
    await store.release("look", (), now)
    assert isinstance(found, Grant)
    return found.left[0]


async def level(store: Store, limit: int = 60, meter: str = REQUESTS, now: float = NOW) -> int:
    """What a bucket has left, which nothing is taken of."""
    found = await store.reserve("look", [rate(0, limit, meter)], now, END)
    await store.release("look", (), now)
    return found.left[0] if isinstance(found, Grant) else found.left


async def granted(store: Store, reservation_id: str, *claims: Claim, now: float = NOW, until: float = END) -> bool:
    return isinstance(await store.reserve(reservation_id, claims, now, until), Grant)


# --- budgets ----------------------------------------------------------------------------------------------------------


async def test_a_budget_holds_back_what_is_claimed_of_it(store: Store) -> None:
    assert await store.reserve("a", [budget(60)], NOW, END) == Grant((40,))
    assert await store.reserve("b", [budget(41)], NOW, END) == Shortfall(0, 40, None)
    assert await store.reserve("c", [budget(40)], NOW, END) == Grant((0,))
    assert await store.reserve("d", [budget(1)], NOW, END) == Shortfall(0, 0, None)
    assert await store.reserve("e", [budget(0)], NOW, END) == Grant((0,))
    assert await store.spent([TOTAL]) == {TOTAL: 0}


async def test_a_row_charges_its_budget_and_lets_go_of_what_was_held_back(store: Store) -> None:
    assert await granted(store, "a", budget(60))
    await store.add_spend([Spending(spend_row("a"), [spent(7)])], NOW)
    assert await left(store) == 93
    assert await store.spent([TOTAL]) == {TOTAL: 7}


async def test_a_row_may_cost_more_than_was_held_back_and_more_than_there_was(store: Store) -> None:
    assert await granted(store, "a", budget(60))
    await store.add_spend([Spending(spend_row("a"), [spent(130)])], NOW)
    assert await store.spent([TOTAL]) == {TOTAL: 130}
    assert await store.reserve("b", [budget(1)], NOW, END) == Shortfall(0, 0, None)
    assert await store.reserve("c", [budget(0)], NOW, END) == Shortfall(0, 0, None)


async def test_what_is_released_is_free_again(store: Store) -> None:
    assert await granted(store, "a", budget(60))
    await store.release("a", (), NOW)
    assert await left(store) == 100
    assert await store.spent([TOTAL]) == {TOTAL: 0}


async def test_a_release_charges_once(store: Store) -> None:
    assert await granted(store, "a", budget(60), rate(1))
    for _ in range(2):
        await store.release("a", [spent(5), used(2)], NOW)
    assert await store.spent([TOTAL]) == {TOTAL: 5}
    assert await level(store) == 57
    await store.release("unknown", [spent(5)], NOW)
    assert await store.spent([TOTAL]) == {TOTAL: 5}


async def test_releases_of_one_id_at_once_charge_once(store: Store, other: Store) -> None:
    assert await granted(store, "a", budget(60))
    await asyncio.gather(*(one.release("a", [spent(5)], NOW) for one in (store, other) * 4))
    assert await store.spent([TOTAL]) == {TOTAL: 5}


async def test_an_id_that_holds_claims_is_granted_again_and_takes_nothing(store: Store) -> None:
    first = await store.reserve("a", [budget(60), rate(10)], NOW, END)
    assert first == Grant((40, 50))
    assert await store.reserve("a", [budget(60), rate(10)], NOW, END) == first
    await store.release("a", (), NOW)
    assert await left(store) == 100
    assert await level(store) == 50


async def test_an_id_that_claims_buckets_alone_is_granted_again_too(store: Store) -> None:
    for _ in range(3):
        assert await store.reserve("a", [rate(10), rate(100, 1_000, TOKENS)], NOW, END) == Grant((50, 900))
    await store.release("a", (), NOW)
    assert await store.reserve("a", [rate(10), rate(100, 1_000, TOKENS)], NOW, END) == Grant((40, 800))


async def test_an_id_that_holds_claims_takes_nothing_of_other_meters_either(store: Store) -> None:
    assert await granted(store, "a", budget(60))
    assert await store.reserve("a", [budget(10, meter=TODAY), rate(10)], NOW, END) == Grant((100, 60))
    assert await store.reserve("a", [budget(101, meter=TODAY)], NOW, END) == Grant((100,))
    assert await left(store) == 40


async def test_one_claim_that_does_not_fit_takes_nothing_of_the_others(store: Store) -> None:
    short = await store.reserve("a", [rate(2), budget(50), budget(101, 100, TODAY)], NOW, END)
    assert short == Shortfall(2, 100, None)
    assert (await left(store), await left(store, meter=TODAY), await level(store)) == (100, 100, 60)
    assert await granted(store, "a", rate(2), budget(50))


async def test_what_a_dead_process_held_back_is_free_at_its_end(store: Store, other: Store) -> None:
    assert await granted(store, "a", budget(60), until=NOW + 10)
    assert await left(other, now=NOW + 9) == 40
    assert await left(other, now=NOW + 10) == 100
    assert await granted(other, "b", budget(100), now=NOW + 11)


async def test_what_ends_late_is_charged_all_the_same(store: Store) -> None:
    assert await granted(store, "a", budget(60), until=NOW + 10)
    assert await granted(store, "b", budget(40), until=NOW + 10)
    assert await left(store, now=NOW + 20) == 100
    await store.add_spend([Spending(spend_row("a"), [spent(30)])], NOW + 20)
    for _ in range(2):
        await store.release("b", [spent(20)], NOW + 20)
    assert await store.spent([TOTAL]) == {TOTAL: 50}
    assert await left(store, now=NOW + 21) == 50


async def test_an_id_whose_claims_have_ended_is_taken_anew(store: Store) -> None:
    assert await granted(store, "a", budget(60), rate(5), until=NOW + 10)
    assert await store.reserve("a", [budget(70)], NOW + 60, END) == Grant((30,))
    await store.release("a", (), NOW + 60)
    assert await left(store, now=NOW + 60) == 100


async def test_a_budget_may_become_smaller_and_larger(store: Store) -> None:
    assert await granted(store, "a", budget(60))
    assert await store.reserve("b", [budget(1, 50)], NOW, END) == Shortfall(0, 0, None)
    assert await store.reserve("b", [budget(1, 1_000)], NOW, END) == Grant((939,))


async def test_large_sums_are_exact(store: Store) -> None:
    limit = 900_000 * USD
    assert await store.reserve("a", [budget(limit - 1, limit)], NOW, END) == Grant((1,))
    assert await store.reserve("b", [budget(2, limit)], NOW, END) == Shortfall(0, 1, None)
    assert await store.reserve("c", [budget(1, limit)], NOW, END) == Grant((0,))
    await store.add_spend([Spending(spend_row("a"), [spent(limit - 3)])], NOW)
    assert await store.spent([TOTAL]) == {TOTAL: limit - 3}
    assert await store.reserve("d", [budget(3, limit)], NOW, END) == Shortfall(0, 2, None)
    assert await store.reserve("d", [budget(2, limit)], NOW, END) == Grant((0,))
    await store.release("d", (), NOW)
    await store.release("c", (), NOW)
    assert await left(store, limit) == 3


async def test_sums_around_the_ends_of_their_parts_are_exact(store: Store) -> None:
    limit = 10**9 * 10**9
    amounts = [1, 10**9 - 1, 10**9, 10**9 + 1, 2**53 - 1, 2**53 + 1, 7 * 10**15 + 999_999_999]
    for number, amount in enumerate(amounts):
        assert await store.reserve(f"r{number}", [budget(amount, limit)], NOW, END) == Grant(
            (limit - sum(amounts[: number + 1]),)
        )
    for number in range(0, len(amounts), 2):
        await store.release(f"r{number}", (), NOW)
    assert await left(store, limit) == limit - sum(amounts[1::2])
    await store.add_spend(
        [Spending(spend_row(f"r{number}"), [spent(amount)]) for number, amount in enumerate(amounts)], NOW
    )
    assert await store.spent([TOTAL]) == {TOTAL: sum(amounts)}


async def test_a_charge_may_give_back(store: Store) -> None:
    await store.add_spend([Spending(spend_row("a"), [spent(2 * USD)])], NOW)
    await store.add_spend([Spending(spend_row("b"), [spent(-USD - 5)])], NOW)
    assert await store.spent([TOTAL]) == {TOTAL: USD - 5}
    await store.add_spend([Spending(spend_row("c"), [spent(-USD)])], NOW)
    assert await store.spent([TOTAL]) == {TOTAL: -5}


async def test_amounts_beyond_all_measure_are_cut(store: Store) -> None:
    huge = 10**30
    assert await store.reserve("a", [budget(huge)], NOW, END) == Shortfall(0, 100, None)
    assert await store.reserve("b", [rate(huge)], NOW, END) == Shortfall(0, 60, None)
    row = spend_row("c", cost=huge)._replace(input_tokens=huge, model="\0\udfff model")
    await store.add_spend([Spending(row, [spent(huge), used(huge)])], NOW)
    assert (await store.spent([TOTAL]))[TOTAL] >= 2**62
    assert await granted(store, "d", budget(1)) is False
    (group,) = await store.spend(["model"], 0, NOW + 1)
    assert group.input_tokens == 10**12
    assert group.cost == 10**18
    assert group.by == ("?? model",)


async def test_spent_tells_of_all_meters_it_is_asked_for(store: Store) -> None:
    assert await store.spent([]) == {}
    names = [f"client{number}/usd/total" for number in range(150)]
    await store.add_spend([Spending(spend_row(name), [spent(number, name)]) for number, name in enumerate(names)], NOW)
    assert await store.spent([*names, "none"]) == {name: number for number, name in enumerate(names)} | {"none": 0}


async def test_claims_on_one_meter_twice_and_below_zero_are_errors(store: Store) -> None:
    with pytest.raises(ValueError, match="same meter"):
        await store.reserve("a", [budget(1), budget(1)], NOW, END)
    with pytest.raises(ValueError, match="negative"):
        await store.reserve("a", [budget(-1)], NOW, END)
    assert await store.reserve("a", [], NOW, END) == Grant(())


# --- buckets ----------------------------------------------------------------------------------------------------------


async def test_a_bucket_is_full_at_first_and_refills_evenly(store: Store) -> None:
    assert await store.reserve("a", [rate(60)], NOW, END) == Grant((0,))
    assert await store.reserve("b", [rate(1)], NOW, END) == Shortfall(0, 0, 1.0)
    assert await store.reserve("b", [rate(30)], NOW + 10, END) == Shortfall(0, 10, 20.0)
    assert await store.reserve("b", [rate(30)], NOW + 30, END) == Grant((0,))
    assert await level(store, now=NOW + 30 + 3_000) == 60


async def test_parts_of_units_add_up(store: Store) -> None:
    assert await granted(store, "a", rate(60))
    for step in range(1, 10):
        assert await level(store, now=NOW + step / 8) == step // 8


async def test_what_a_bucket_never_holds_is_not_waited_for(store: Store) -> None:
    assert await store.reserve("a", [rate(61)], NOW, END) == Shortfall(0, 60, None)
    assert await store.reserve("a", [rate(1, 0)], NOW, END) == Shortfall(0, 0, None)


async def test_a_bucket_is_charged_beyond_its_bottom_and_given_back_to_its_rim(store: Store) -> None:
    assert await granted(store, "a", rate(50))
    await store.add_spend([Spending(spend_row("a"), [used(40)])], NOW)
    assert await level(store) == 0
    assert await store.reserve("b", [rate(1)], NOW, END) == Shortfall(0, 0, 31.0)
    assert await granted(store, "b", rate(1), now=NOW + 31)
    await store.release("b", [used(-500)], NOW + 31)
    assert await level(store, now=NOW + 31) == 60


async def test_a_bucket_whose_limit_changes_goes_on_with_what_it_has(store: Store) -> None:
    assert await granted(store, "a", rate(20))
    assert await level(store, limit=600) == 40
    assert await level(store, limit=600, now=NOW + 1) == 50
    assert await store.reserve("b", [rate(10, 10)], NOW + 1, END) == Grant((0,))
    assert await level(store, limit=10, now=NOW + 1 + 6) == 1


async def test_a_clock_that_is_behind_changes_nothing(store: Store) -> None:
    assert await granted(store, "a", rate(60))
    assert await store.reserve("b", [rate(1)], NOW - 30, END) == Shortfall(0, 0, 1.0)
    assert await granted(store, "b", rate(1), now=NOW + 1)
    assert await level(store, now=NOW + 1) == 0


# --- many at once -----------------------------------------------------------------------------------------------------


async def test_of_many_at_once_exactly_those_that_fit_are_granted(store: Store, other: Store) -> None:
    claims = [budget(3 * USD, 100 * USD), budget(3 * USD, 1_000 * USD, TODAY), rate(1, 1_000)]
    outcomes = await asyncio.gather(
        *(one.reserve(f"r{number}", claims, NOW, END) for number in range(100) for one in (store, other))
    )
    # Each id was asked for twice, by replica and replica.
    assert sum(isinstance(outcome, Grant) for outcome in outcomes) == 66
    assert await left(store, 100 * USD) == USD
    assert await left(other, 1_000 * USD, TODAY) == 901 * USD
    assert await level(store, 1_000) == 967


async def test_of_two_hundred_different_ones_exactly_those_that_fit_are_granted(store: Store, other: Store) -> None:
    outcomes = await asyncio.gather(
        *(
            one.reserve(f"{name}{number}", [budget(3 * USD, 100 * USD), rate(1, 50)], NOW, END)
            for number in range(100)
            for name, one in (("a", store), ("b", other))
        )
    )
    assert sum(isinstance(outcome, Grant) for outcome in outcomes) == 33
    assert await level(store, 50) == 17


async def test_charges_and_claims_that_cross_each_other_all_count(store: Store, other: Store) -> None:
    meters = [f"{name}/usd/total" for name in "fbdace"]

    async def turn(one: Store, number: int) -> None:
        turned = meters[number % 6 :] + meters[: number % 6]
        claims = [budget(10, 10**6, meter) for meter in turned] + [rate(1, 10**6)]
        assert isinstance(await one.reserve(f"r{number}", claims, NOW, END), Grant)
        row = spend_row(f"r{number}", cost=6)
        await one.add_spend([Spending(row, [spent(1, meter) for meter in reversed(turned)])], NOW)

    await asyncio.gather(*(turn((store, other)[number % 2], number) for number in range(120)))
    assert await store.spent(meters) == dict.fromkeys(meters, 120)
    assert [await left(store, 1_000, meter) for meter in meters] == [880] * 6
    assert await level(store, 10**6) == 10**6 - 120
    (group,) = await other.spend([], 0, NOW + 1)
    assert (group.requests, group.cost) == (120, 720)


# --- rows -------------------------------------------------------------------------------------------------------------


async def test_batches_that_overlap_count_each_row_once(store: Store, other: Store) -> None:
    spendings = [Spending(spend_row(f"r{number}", cost=number), [spent(number), used(1)]) for number in range(50)]
    await store.add_spend(spendings[:30], NOW)
    await asyncio.gather(*(one.add_spend(spendings[10:], NOW) for one in (store, other) * 2))
    await store.add_spend([*spendings, *spendings], NOW)
    await store.add_spend([], NOW)
    total = sum(range(50))
    assert await store.spent([TOTAL]) == {TOTAL: total}
    assert await level(store) == 10
    (group,) = await store.spend([], 0, NOW + 1)
    assert (group.requests, group.cost) == (50, total)


async def test_a_repeated_row_does_not_let_go_of_what_a_later_claim_holds(store: Store) -> None:
    await store.add_spend([Spending(spend_row("a"), [spent(1)])], NOW)
    assert await granted(store, "a", budget(50))
    await store.add_spend([Spending(spend_row("a"), [spent(1)])], NOW)
    assert await left(store) == 49


async def test_rows_are_added_up_by_their_columns(store: Store) -> None:
    rows = [
        spend_row("a", cost=5 * USD),
        spend_row("b", client="bob", cost=7 * USD, source="estimated"),
        spend_row("c", client="bob", model="free", cost=None),
        spend_row("d", client="bob", cost=1, outcome="failed", at=NOW + DAY),
    ]
    await store.add_spend([Spending(row) for row in rows], NOW)

    async def told(*by: SpendColumn) -> list[tuple[object, ...]]:
        groups = await store.spend(by, NOW, NOW + 2 * DAY)
        return [
            (*group.by, group.requests, group.unpriced_tokens, group.cost, group.estimated_cost) for group in groups
        ]

    assert await told() == [(4, 15, 12 * USD + 1, 7 * USD)]
    assert await told("client") == [("bob", 3, 15, 7 * USD + 1, 7 * USD), ("ann", 1, 0, 5 * USD, 0)]
    assert await told("day", "outcome") == [
        ("2027-01-15", "completed", 3, 15, 12 * USD, 7 * USD),
        ("2027-01-16", "failed", 1, 0, 1, 0),
    ]
    assert await told("price_source") == [("catalogue", 3, 0, 12 * USD + 1, 7 * USD), (None, 1, 15, 0, 0)]
    assert await told("source", "provider", "model") == [
        ("estimated", "anthropic", "claude-sonnet-5", 1, 0, 7 * USD, 7 * USD),
        ("provider", "anthropic", "claude-sonnet-5", 2, 0, 5 * USD + 1, 0),
        ("provider", "anthropic", "free", 1, 15, 0, 0),
    ]


async def test_all_kinds_of_tokens_are_added_up(store: Store) -> None:
    await store.add_spend([Spending(spend_row(name, cost=2)) for name in ("a", "b")], NOW)
    assert await store.spend(["client"], 0, NOW + 1) == [SpendGroup(("ann",), 2, 2, 4, 6, 8, 10, 0, 4, 0)]


async def test_groups_of_the_same_cost_stand_in_the_order_of_their_values(store: Store) -> None:
    rows = [spend_row(f"r{name}", client=name) for name in ("c", "a", "é", "b", "B")]
    rows.append(spend_row("u", client="a")._replace(price_source=None))
    await store.add_spend([Spending(row._replace(cost=0)) for row in rows], NOW)
    groups = await store.spend(["client", "price_source"], 0, NOW + 1)
    assert [group.by for group in groups] == [
        ("B", "catalogue"),
        ("a", None),
        ("a", "catalogue"),
        ("b", "catalogue"),
        ("c", "catalogue"),
        ("é", "catalogue"),
    ]


async def test_rows_count_from_the_first_moment_on_and_before_the_last(store: Store) -> None:
    for number in range(5):
        await store.add_spend([Spending(spend_row(f"r{number}", at=NOW + number))], NOW)
    (group,) = await store.spend([], NOW + 1, NOW + 3)
    assert group.requests == 2
    assert await store.spend([], NOW + 5, NOW + 9) == []
    assert await store.spend(["client"], NOW + 3, NOW + 1) == []
    (group,) = await store.spend([], float("-inf"), float("inf"))
    assert group.requests == 5


async def test_sums_beyond_64_bits_are_exact(store: Store) -> None:
    cost = 10**18 - 7
    await store.add_spend([Spending(spend_row(f"r{number}", cost=cost)) for number in range(40)], NOW)
    (group,) = await store.spend([], 0, NOW + 1)
    assert group.cost == 40 * cost


async def test_more_rows_than_are_read_at_once_are_all_added_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (("sql_spend", "SLICE"), ("redis", "PAGE")):
        monkeypatch.setattr(f"proxy.state.{module}.{name}", 7)
    # Many of one moment, and some of others.
    moments = [NOW + number // 20 * (number % 3) for number in range(100)]
    rows = [spend_row(f"r{number}", cost=number, at=at) for number, at in enumerate(moments)]
    await store.add_spend([Spending(row) for row in rows], NOW)
    (group,) = await store.spend([], 0, NOW + 1_000)
    assert (group.requests, group.cost) == (100, sum(range(100)))
    for since, until in ((NOW, NOW + 4), (NOW + 1, NOW + 8), (NOW + 2, NOW + 3)):
        costs = [row.cost for row in rows if since <= row.at < until]
        groups = await store.spend([], since, until)
        assert [(group.requests, group.cost) for group in groups] == [(len(costs), sum(cost or 0 for cost in costs))]


async def test_rows_are_grouped_by_nothing_else(store: Store) -> None:
    for column in ("id", "cost", "Client", "", "client; DROP TABLE dragoman_spend"):
        with pytest.raises(ValueError, match="cannot be grouped"):
            await store.spend(cast(Sequence[SpendColumn], ["client", column]), 0, NOW)


async def test_what_was_spent_survives_the_end_of_the_process(store: Store, backend: Backend) -> None:
    if backend.kind in ONE_PROCESS:
        return
    assert await granted(store, "a", budget(10), rate(20))
    await store.add_spend([Spending(spend_row("b", cost=3), [spent(3)])], NOW)
    await store.close()
    again = backend.replica()
    await again.open()
    assert await again.spent([TOTAL]) == {TOTAL: 3}
    assert await left(again) == 87
    assert await level(again) == 40
    (group,) = await again.spend([], 0, NOW + 1)
    assert group.cost == 3
    await again.close()


# --- what goes --------------------------------------------------------------------------------------------------------


async def test_a_sweep_forgets_the_oldest_rows_as_far_as_its_limit(store: Store) -> None:
    await store.add_spend([Spending(spend_row(f"r{number}", at=NOW + number)) for number in range(10)], NOW)
    assert await store.sweep_spend(NOW, NOW, 100) == 0
    assert await store.sweep_spend(NOW + 8, NOW, 0) == 0
    assert [await store.sweep_spend(NOW + 8, NOW, 3) for _ in range(4)] == [3, 3, 2, 0]
    (group,) = await store.spend([], 0, NOW + 100)
    assert group.requests == 2


async def test_sweeps_at_once_count_each_row_once(store: Store, other: Store) -> None:
    await store.add_spend([Spending(spend_row(f"r{number}")) for number in range(30)], NOW)
    counts = await asyncio.gather(*(one.sweep_spend(NOW + 1, NOW, 7) for one in (store, other) * 5))
    assert sum(counts) == 30


async def test_in_memory_the_oldest_rows_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.state.sqlite.ROWS_IN_MEMORY", 10)
    store = store_from("memory://", durability="process")
    await store.open()
    await store.add_spend([Spending(spend_row(f"r{number}", at=NOW + number)) for number in range(30)], NOW)
    assert [await store.sweep_spend(0, NOW, 15) for _ in range(3)] == [15, 5, 0]
    (group,) = await store.spend([], 0, NOW + 100)
    assert group.requests == 10
    assert await store.spend([], 0, NOW + 20) == []
    await store.close()


async def test_what_was_spent_of_a_window_that_lasts_is_kept_when_its_rows_go(store: Store) -> None:
    month = "ann/usd/month/2027-01"
    charges = [spent(5), spent(6, month), spent(7, TODAY), used(8)]
    await store.add_spend([Spending(spend_row("a"), charges)], NOW)
    assert await store.sweep_spend(NOW + 1, NOW + 90 * DAY, 100) == 1
    assert await store.spent([TOTAL, month, TODAY]) == {TOTAL: 5, month: 6, TODAY: 7}
    assert await store.sweep_spend(NOW + 1, NOW + 101 * DAY, 100) == 0
    assert await store.spent([TOTAL, month, TODAY]) == {TOTAL: 5, month: 0, TODAY: 0}


async def test_a_meter_in_use_is_kept(store: Store) -> None:
    month = "ann/usd/month/2027-01"
    await store.add_spend([Spending(spend_row("a"), [spent(6, month)])], NOW)
    await store.add_spend([Spending(spend_row("b"), [spent(1, month)])], NOW + 60 * DAY)
    assert await store.sweep_spend(NOW + DAY, NOW + 110 * DAY, 100) == 2
    assert await store.spent([month]) == {month: 7}


async def test_a_meter_that_is_claimed_is_in_use(store: Store) -> None:
    month = "ann/usd/month/2027-01"
    await store.add_spend([Spending(spend_row("a"), [spent(6, month)])], NOW)
    now = NOW + 101 * DAY
    assert await granted(store, "b", budget(10, meter=month), now=now, until=now + HOUR)
    assert await store.sweep_spend(0, now, 100) == 0
    assert await left(store, meter=month, now=now) == 84
    await store.release("b", (), now)
    assert await left(store, meter=month, now=now) == 94


async def test_a_sweep_leaves_claims_that_last(store: Store) -> None:
    assert await granted(store, "a", budget(60), until=NOW + 10)
    assert await granted(store, "b", budget(10), until=NOW + 10 * HOUR)
    assert await store.sweep_spend(NOW, NOW + 5 * HOUR, 100) == 0
    assert await left(store, now=NOW + 5 * HOUR) == 90
    # What has ended long ago is not known any more.
    await store.release("a", [spent(9)], NOW + 5 * HOUR)
    await store.release("b", [spent(1)], NOW + 5 * HOUR)
    assert await left(store, now=NOW + 5 * HOUR) == 99
