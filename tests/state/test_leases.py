"""Leases on background runs: what every store has to do when several replicas work."""

import asyncio

from proxy.state.records import BackgroundRun, Conversation
from proxy.state.store import Store
from tests.state.kit import (
    FOREVER,
    LATER,
    LEASE,
    NOW,
    OTHER_OWNER,
    OWNER,
    Backend,
    batch,
    beginning,
    ending,
    exists,
    found,
    history,
    holds,
    items,
    listed,
    mark,
    run_of,
    started,
)


async def test_a_renewed_lease_is_not_over(store: Store) -> None:
    await started(store, "a")
    assert await store.take_over_runs("two", NOW, FOREVER) == []
    assert await store.renew_runs("one", LATER + 10) == {"a": False}
    assert await store.take_over_runs("two", LATER, FOREVER) == []
    assert await store.renew_runs("two", FOREVER) == {}
    (run,) = await store.take_over_runs("two", LATER + 20, FOREVER)
    assert run.id == "a"


async def test_a_replica_renews_all_its_runs_and_no_others(store: Store) -> None:
    for number in range(5):
        await started(store, f"r{number}")
    await started(store, "x", replica="two")
    assert await store.finish_run("r0", "one", ending("r0"))
    assert await store.request_cancel("r3", OWNER)
    assert await store.renew_runs("one", FOREVER) == {"r1": False, "r2": False, "r3": True, "r4": False}
    assert [run.id for run in await store.take_over_runs("three", LATER, FOREVER)] == ["x"]


async def test_a_run_whose_lease_is_over_is_taken_over(store: Store) -> None:
    await started(store, "a")
    await store.set_in_progress("a")
    assert await store.take_over_runs("two", LATER, LATER + 30) == [
        BackgroundRun("a", OWNER, "two", mark("request a"), attempt=2)
    ]
    assert await store.take_over_runs("three", LATER, LATER + 30) == []
    assert await store.take_over_runs("three", LATER + 40, LATER + 70) == [
        BackgroundRun("a", OWNER, "three", mark("request a"), attempt=3)
    ]
    assert await store.finish_run("a", "three", ending("a"))
    assert await store.take_over_runs("four", FOREVER, FOREVER + 1) == []


async def test_who_takes_over_learns_what_was_shown_and_asked(store: Store) -> None:
    await started(store, "a")
    await started(store, "b")
    await store.append_events("a", "one", batch(0, 1))
    assert await store.request_cancel("b", OWNER)
    runs = {run.id: run for run in await store.take_over_runs("two", LATER, LATER + 30)}
    assert (runs["a"].shown, runs["a"].cancel) == (True, False)
    assert (runs["b"].shown, runs["b"].cancel) == (False, True)
    assert await store.events("a", -1) == [batch(0, 1)]
    assert await store.append_events("a", "two", batch(2, 3))
    assert await store.events("a", -1) == [batch(0, 1), batch(2, 3)]
    assert await store.renew_runs("two", FOREVER) == {"a": False, "b": True}


async def test_a_new_attempt_has_a_request_of_any_bytes(store: Store) -> None:
    request = b"\x00\xff" * 100_000
    await store.start_run(beginning("a"), BackgroundRun("a", OWNER, "one", request), LEASE)
    (run,) = await store.take_over_runs("two", LATER, FOREVER)
    assert run.request == request


async def test_each_run_is_taken_over_by_one_replica(store: Store, other: Store) -> None:
    names = {f"r{number}" for number in range(20)}
    for name in names:
        await started(store, name)
    taken = await asyncio.gather(
        *((store, other)[number % 2].take_over_runs(f"heir{number}", LATER, FOREVER) for number in range(10))
    )
    runs = [run for batch_of_runs in taken for run in batch_of_runs]
    assert len(runs) == len(names)
    assert {run.id for run in runs} == names
    assert {run.attempt for run in runs} == {2}
    for number, batch_of_runs in enumerate(taken):
        assert {run.replica for run in batch_of_runs} <= {f"heir{number}"}
        assert set(await other.renew_runs(f"heir{number}", FOREVER)) == {run.id for run in batch_of_runs}


async def test_a_replica_that_lost_its_lease_changes_nothing(store: Store, backend: Backend) -> None:
    await store.create_conversation(Conversation("conv", OWNER, 7, {}), [])
    await started(store, "a")
    await store.take_over_runs("two", LATER, FOREVER)
    before = await found(store, "a")
    assert not await store.append_events("a", "one", batch(0, 1))
    assert not await store.finish_run("a", "one", ending("a", conversation="conv"))
    assert await store.renew_runs("one", FOREVER) == {}
    assert await found(store, "a") == before
    assert await store.events("a", -1) == []
    assert await listed(store, "conv") == []
    assert await history(store, before.place) == ["a_in"]
    await holds(backend, {"a_in", "begun a", "request a"})
    assert await store.finish_run("a", "two", ending("a", output=items("late")))
    assert await history(store, (await found(store, "a")).place) == ["a_in", "late"]


async def test_a_replica_that_ends_lets_its_runs_go(store: Store, backend: Backend) -> None:
    await started(store, "a")
    await started(store, "b")
    await started(store, "c", replica="two")
    await store.release_runs("one")
    assert await store.renew_runs("one", FOREVER) == {}
    assert not await store.append_events("a", "one", batch(0, 1))
    assert not await store.finish_run("a", "one", ending("a"))
    runs = await store.take_over_runs("two", NOW, FOREVER)
    assert {(run.id, run.attempt, run.replica) for run in runs} == {("a", 2, "two"), ("b", 2, "two")}
    assert set(await store.renew_runs("two", FOREVER)) == {"a", "b", "c"}
    await store.release_runs("nobody")


async def test_a_cancel_reaches_whoever_works_at_the_run(store: Store, other: Store) -> None:
    await started(store, "a")
    assert not await store.request_cancel("a", OTHER_OWNER)
    assert await store.renew_runs("one", LEASE) == {"a": False}
    assert await other.request_cancel("a", OWNER)
    assert await other.request_cancel("a", OWNER)
    assert await store.renew_runs("one", LEASE) == {"a": True}
    assert (await found(store, "a")).status == "queued"
    assert await store.finish_run("a", "one", ending("a", status="cancelled"))
    assert not await store.request_cancel("a", OWNER)
    assert not await store.request_cancel("nothing", OWNER)


async def test_a_caller_that_leaves_does_not_lose_a_run(store: Store) -> None:
    names = [f"r{number}" for number in range(20)]
    callers = [asyncio.create_task(store.start_run(beginning(name), run_of(name), LEASE)) for name in names]
    await asyncio.sleep(0)
    for caller in callers[::2]:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    there = {name for name in names if await exists(store, name)}
    assert there >= set(names[1::2])
    # A response that is there has a run, so that somebody can end it.
    assert {run.id for run in await store.take_over_runs("two", LATER, FOREVER)} == there
