"""Background responses: what every store has to do with them, and with the replicas that work at them."""

import asyncio

import pytest

from proxy.state.records import Conversation, EventBatch, Status
from proxy.state.store import HistoryGoneError, Store
from tests.state.kit import (
    ENDED,
    FOREVER,
    LATER,
    LEASE,
    NOW,
    OTHER_OWNER,
    OWNER,
    Backend,
    answer,
    batch,
    beginning,
    end_of,
    ending,
    exists,
    found,
    history,
    holds,
    item,
    items,
    kept,
    listed,
    mark,
    run_of,
    started,
    talk,
)


async def test_a_background_response_that_begins(store: Store) -> None:
    response = await started(store, "a")
    assert (response.id, response.owner, response.status, response.background) == ("a", OWNER, "queued", True)
    assert (response.body, response.journal) == (mark("begun a"), None)
    assert response.place.depth == response.input_end
    assert await store.output(response) == []
    assert await history(store, response.place) == ["a_in"]
    assert await store.find_items(["a_in"], OWNER, NOW) == {"a_in": item("a_in").body}
    assert await store.response("a", OTHER_OWNER, NOW) is None


async def test_a_queued_response_is_being_worked_at(store: Store) -> None:
    await started(store, "a")
    await store.set_in_progress("a")
    assert (await found(store, "a")).status == "in_progress"
    await store.set_in_progress("a")
    assert (await found(store, "a")).status == "in_progress"


async def test_what_has_ended_is_not_worked_at(store: Store) -> None:
    await started(store, "a")
    assert await store.finish_run("a", "one", ending("a", status="cancelled"))
    await store.save(answer("b"))
    for name in ("a", "b", "nothing"):
        await store.set_in_progress(name)
    assert (await found(store, "a")).status == "cancelled"
    assert (await found(store, "b")).status == "completed"
    assert not await exists(store, "nothing")


async def test_an_unfinished_response_cannot_be_deleted(store: Store) -> None:
    begun = await started(store, "a")
    assert not await store.delete_response("a", OWNER, NOW)
    await store.set_in_progress("a")
    assert not await store.delete_response("a", OWNER, NOW)
    assert await history(store, begun.place) == ["a_in"]
    assert await store.finish_run("a", "one", ending("a"))
    assert await store.delete_response("a", OWNER, NOW)


async def test_an_unfinished_response_is_neither_deleted_nor_expired_nor_trimmed(store: Store) -> None:
    await store.start_run(beginning("a", expires_at=NOW - 5), run_of("a"), LEASE)
    await store.set_in_progress("a")
    assert not await store.delete_response("a", OWNER, NOW)
    assert await store.sweep(FOREVER, 100) == 0
    assert await store.trim(0, 100) == 0
    response = await found(store, "a", now=FOREVER)
    assert await history(store, response.place) == ["a_in"]
    assert await store.find_items(["a_in"], OWNER, FOREVER) == {"a_in": item("a_in").body}


async def test_a_finished_response_expires(store: Store, backend: Backend) -> None:
    await started(store, "a")
    assert await store.finish_run("a", "one", ending("a", expires_at=NOW + 100))
    assert await exists(store, "a", now=NOW + 99)
    assert not await exists(store, "a", now=NOW + 101)
    assert await store.sweep(NOW + 99, 100) == 0
    assert await store.sweep(NOW + 101, 100) == 1
    await holds(backend, set())


@pytest.mark.parametrize("status", ENDED)
async def test_a_run_that_ends_leaves_a_response(store: Store, backend: Backend, status: Status) -> None:
    begun = await started(store, "a")
    result = ending("a", status=status, output=items("o1", "o2"))
    assert await store.finish_run("a", "one", result)
    response = await found(store, "a")
    assert (response.status, response.background, response.expires_at) == (status, True, FOREVER)
    assert (response.body, response.journal) == (result.body, result.journal)
    assert (response.start, response.input_end) == (begun.start, begun.input_end)
    assert await store.output(response) == [item("o1").body, item("o2").body]
    assert await history(store, response.place) == ["a_in", "o1", "o2"]
    assert set(await store.find_items(["o1", "o2"], OWNER, NOW)) == {"o1", "o2"}
    await holds(backend, {"a_in", "o1", "o2", "body a", "journal a"})
    assert await store.delete_response("a", OWNER, NOW)
    await holds(backend, set())


async def test_a_run_may_end_without_output(store: Store) -> None:
    begun = await started(store, "a")
    assert await store.finish_run("a", "one", ending("a", status="failed", output=[]))
    response = await found(store, "a")
    assert response.place == begun.place
    assert await store.output(response) == []


async def test_a_run_ends_once(store: Store, other: Store) -> None:
    await started(store, "a")
    results = await asyncio.gather(
        *(
            (store, other)[number % 2].finish_run(
                "a", "one", ending("a", status=ENDED[number % 4], output=items(f"o{number}"))
            )
            for number in range(8)
        )
    )
    response = await found(store, "a")
    assert results == [status == response.status for status in ENDED * 2]
    (output,) = await store.output(response)
    assert output in {item(f"o{number}").body for number in range(8) if ENDED[number % 4] == response.status}
    assert await store.renew_runs("one", LATER) == {}


async def test_a_replica_may_end_its_run_again(store: Store, backend: Backend) -> None:
    await talk(store, "i1")
    await started(store, "a", conversation="conv")
    result = ending("a", conversation="conv")
    assert await store.finish_run("a", "one", result)
    assert await store.finish_run("a", "one", result)
    assert not await store.finish_run("a", "one", ending("a", status="failed"))
    assert not await store.finish_run("a", "two", result)
    assert await listed(store, "conv") == ["i1", "a_in", "a_out"]
    assert await store.output(await found(store, "a")) == [item("a_out").body]
    assert await store.delete_response("a", OWNER, NOW)
    assert not await store.finish_run("a", "one", result)


async def test_a_run_that_was_taken_over_and_ended_is_not_the_former_replicas(store: Store) -> None:
    await started(store, "a")
    (run,) = await store.take_over_runs("two", LATER, FOREVER)
    assert not await store.finish_run(run.id, "one", ending("a"))
    assert await store.finish_run(run.id, "two", ending("a"))
    assert not await store.finish_run(run.id, "one", ending("a"))


async def test_a_run_that_is_started_again_is_left_as_it_is(store: Store, backend: Backend) -> None:
    first = await kept(store, answer("first"))
    begun = await started(store, "a", after=first.place)
    await store.append_events("a", "one", batch(0, 1))
    again = beginning("a", after=first.place, input=items("other"))
    await store.start_run(again, run_of("a", "two"), FOREVER)
    assert await found(store, "a") == begun
    assert await store.renew_runs("two", LATER) == {}
    assert await store.renew_runs("one", LATER) == {"a": False}
    assert await store.events("a", -1) == [batch(0, 1)]
    assert await store.finish_run("a", "one", ending("a"))
    await store.start_run(again, run_of("a", "two"), FOREVER)
    assert await history(store, (await found(store, "a")).place) == ["first_in", "first_out", "a_in", "a_out"]
    assert await store.renew_runs("two", LATER) == {}


async def test_only_the_replica_that_holds_a_run_ends_it(store: Store, backend: Backend) -> None:
    begun = await started(store, "a")
    for replica in ("two", "", "ONE"):
        assert not await store.finish_run("a", replica, ending("a"))
    assert not await store.finish_run("nothing", "one", ending("nothing"))
    assert await found(store, "a") == begun
    await holds(backend, {"a_in", "begun a", "request a"})


async def test_a_response_that_was_no_run_cannot_be_finished(store: Store) -> None:
    saved = await kept(store, answer("a"))
    assert not await store.finish_run("a", "one", ending("a", status="failed"))
    assert not await store.append_events("a", "one", batch(0, 1))
    assert not await store.request_cancel("a", OWNER)
    assert await found(store, "a") == saved
    assert await store.events("a", -1) == []


async def test_a_run_continues_a_history(store: Store) -> None:
    first = await kept(store, answer("a"))
    begun = await started(store, "b", after=first.place)
    assert await history(store, begun.place) == ["a_in", "a_out", "b_in"]
    assert await store.finish_run("b", "one", ending("b"))
    second = await found(store, "b")
    assert await history(store, second.place) == ["a_in", "a_out", "b_in", "b_out"]
    assert second.place.chain == first.place.chain
    third = await kept(store, answer("c", after=second.place))
    assert await history(store, third.place) == ["a_in", "a_out", "b_in", "b_out", "c_in", "c_out"]
    assert third.place.chain == first.place.chain


async def test_runs_that_continue_one_place_at_once_do_not_mix(store: Store, other: Store) -> None:
    first = await kept(store, answer("a"))
    names = [f"r{number}" for number in range(8)]
    stores = [(store, other)[number % 2] for number in range(8)]
    await asyncio.gather(
        *(
            one.start_run(beginning(name, after=first.place), run_of(name), LEASE)
            for one, name in zip(stores, names, strict=True)
        )
    )
    await store.save(answer("b", after=first.place))
    results = await asyncio.gather(
        *(one.finish_run(name, "one", ending(name)) for one, name in zip(stores, names, strict=True))
    )
    assert all(results)
    for name in (*names, "b"):
        response = await found(store, name)
        assert await history(store, response.place) == ["a_in", "a_out", f"{name}_in", f"{name}_out"]
        assert await store.output(response) == [item(f"{name}_out").body]


async def test_what_continues_an_unfinished_response_does_not_mix_with_it(store: Store) -> None:
    begun = await started(store, "a")
    early = await kept(store, answer("b", after=begun.place))
    assert await store.finish_run("a", "one", ending("a"))
    finished = await found(store, "a")
    assert await history(store, finished.place) == ["a_in", "a_out"]
    assert await store.output(finished) == [item("a_out").body]
    assert await history(store, early.place) == ["a_in", "b_in", "b_out"]
    assert await store.output(early) == [item("b_out").body]


async def test_a_run_without_input_does_not_mix_with_what_stands_at_its_place(store: Store) -> None:
    first = await kept(store, answer("a"))
    await store.start_run(beginning("b", after=first.place, input=[]), run_of("b"), LEASE)
    await store.start_run(beginning("c", after=first.place, input=[]), run_of("c"), LEASE)
    beside = await kept(store, answer("d", after=first.place))
    for name in "bc":
        assert await store.finish_run(name, "one", ending(name))
        response = await found(store, name)
        assert await history(store, response.place) == ["a_in", "a_out", f"{name}_out"]
        assert await store.output(response) == [item(f"{name}_out").body]
    assert await history(store, beside.place) == ["a_in", "a_out", "d_in", "d_out"]


async def test_a_run_whose_predecessor_vanished_does_not_start(store: Store, backend: Backend) -> None:
    first = await kept(store, answer("a"))
    assert await store.delete_response("a", OWNER, NOW)
    with pytest.raises(HistoryGoneError):
        await store.start_run(beginning("b", after=first.place), run_of("b"), LEASE)
    assert not await exists(store, "b")
    assert await store.renew_runs("one", LEASE) == {}
    assert await store.take_over_runs("two", LATER, FOREVER) == []
    await holds(backend, set())


async def test_a_run_keeps_its_history_when_its_predecessor_is_deleted(store: Store, backend: Backend) -> None:
    first = await kept(store, answer("a"))
    begun = await started(store, "b", after=first.place)
    assert await store.delete_response("a", OWNER, NOW)
    assert await history(store, begun.place) == ["a_in", "a_out", "b_in"]
    assert await store.finish_run("b", "one", ending("b"))
    assert await history(store, (await found(store, "b")).place) == ["a_in", "a_out", "b_in", "b_out"]
    assert await store.delete_response("b", OWNER, NOW)
    await holds(backend, set())


async def test_a_run_without_items_keeps_its_history_when_its_predecessor_is_deleted(store: Store) -> None:
    first = await kept(store, answer("a"))
    await store.start_run(beginning("b", after=first.place, input=[]), run_of("b"), LEASE)
    assert await store.delete_response("a", OWNER, NOW)
    assert await store.finish_run("b", "one", ending("b"))
    assert await history(store, (await found(store, "b")).place) == ["a_in", "a_out", "b_out"]


async def test_the_end_of_a_chain_goes_while_a_run_stands_in_it(store: Store) -> None:
    first = await kept(store, answer("a"))
    await started(store, "b", after=first.place)
    fork = await kept(store, answer("c", after=first.place))
    assert await store.delete_response("c", OWNER, NOW)
    assert await store.delete_response("a", OWNER, NOW)
    assert not await exists(store, "c")
    assert await store.finish_run("b", "one", ending("b"))
    assert await history(store, (await found(store, "b")).place) == ["a_in", "a_out", "b_in", "b_out"]
    assert fork.place.chain == "c"


# --- conversations ----------------------------------------------------------------------------------------------------


async def test_a_conversation_gets_what_a_run_made_at_its_end(store: Store) -> None:
    await store.create_conversation(Conversation("conv", OWNER, 7, {}), items("i1"))
    begun = await started(store, "a", after=await end_of(store, "conv"), conversation="conv")
    assert await history(store, begun.place) == ["i1", "a_in"]
    assert await listed(store, "conv") == ["i1"]
    assert await store.add_items("conv", OWNER, items("i2"))
    assert await store.finish_run("a", "one", ending("a", conversation="conv"))
    assert await listed(store, "conv") == ["i1", "i2", "a_in", "a_out"]
    assert await history(store, await end_of(store, "conv")) == ["i1", "i2", "a_in", "a_out"]
    response = await found(store, "a")
    assert await history(store, response.place) == ["i1", "a_in", "a_out"]
    assert await store.output(response) == [item("a_out").body]


async def test_a_conversation_gets_nothing_from_a_run_that_does_not_say_so(store: Store) -> None:
    await store.create_conversation(Conversation("conv", OWNER, 7, {}), items("i1"))
    await started(store, "a", after=await end_of(store, "conv"), conversation="conv")
    assert await store.finish_run("a", "one", ending("a", status="cancelled"))
    assert await listed(store, "conv") == ["i1"]


async def test_a_conversation_deleted_during_a_run_gets_nothing(store: Store, backend: Backend) -> None:
    await store.create_conversation(Conversation("conv", OWNER, 7, {}), items("i1"))
    await started(store, "a", after=await end_of(store, "conv"), conversation="conv")
    assert await store.delete_conversation("conv", OWNER)
    assert await store.finish_run("a", "one", ending("a", conversation="conv"))
    assert await history(store, (await found(store, "a")).place) == ["i1", "a_in", "a_out"]
    assert await store.conversation("conv", OWNER) is None
    assert await store.delete_response("a", OWNER, NOW)
    await holds(backend, set())


async def test_a_run_keeps_an_item_that_its_conversation_loses_meanwhile(store: Store) -> None:
    await store.create_conversation(Conversation("conv", OWNER, 7, {}), items("i1", "i2"))
    await started(store, "a", after=await end_of(store, "conv"), conversation="conv")
    assert await store.remove_item("conv", OWNER, "i1")
    assert await store.finish_run("a", "one", ending("a", conversation="conv"))
    assert await history(store, (await found(store, "a")).place) == ["i1", "i2", "a_in", "a_out"]
    assert await listed(store, "conv") == ["i2", "a_in", "a_out"]


async def test_a_foreign_conversation_gets_nothing_from_a_run(store: Store) -> None:
    await store.create_conversation(Conversation("conv", OTHER_OWNER, 7, {}), items("i1"))
    await started(store, "a")
    assert await store.finish_run("a", "one", ending("a", conversation="conv"))
    assert await listed(store, "conv", OTHER_OWNER) == ["i1"]


async def test_runs_that_race_for_a_conversation_all_land(store: Store, other: Store) -> None:
    await store.create_conversation(Conversation("conv", OWNER, 7, {}), items("i1"))
    end = await end_of(store, "conv")
    names = [f"r{number}" for number in range(8)]
    for name in names:
        await started(store, name, after=end, conversation="conv")
    await asyncio.gather(
        *(
            (store, other)[number % 2].finish_run(name, "one", ending(name, conversation="conv"))
            for number, name in enumerate(names)
        )
    )
    listing = await listed(store, "conv")
    pairs = [tuple(listing[start : start + 2]) for start in range(1, len(listing), 2)]
    assert sorted(pairs) == sorted((f"{name}_in", f"{name}_out") for name in names)


# --- events -----------------------------------------------------------------------------------------------------------


async def test_events_are_read_from_any_number_on(store: Store) -> None:
    await started(store, "a")
    batches = [batch(0, 2), batch(3, 3), batch(4, 11)]
    for one in batches:
        assert await store.append_events("a", "one", one)
    assert await store.events("a", -1) == batches
    assert await store.events("a", 1) == batches
    assert await store.events("a", 2) == batches[1:]
    assert await store.events("a", 3) == batches[2:]
    assert await store.events("a", 10) == batches[2:]
    assert await store.events("a", 11) == []
    assert await store.events("a", 10**9) == []


async def test_many_events_stay_in_order(store: Store) -> None:
    await started(store, "a")
    batches = [EventBatch(number, number, bytes([number % 256, 0, 255])) for number in range(150)]
    for one in batches:
        assert await store.append_events("a", "one", one)
    assert await store.events("a", -1) == batches
    assert await store.events("a", 98) == batches[99:]


async def test_events_of_two_runs_stay_apart(store: Store) -> None:
    await started(store, "a")
    await started(store, "a2")
    await store.append_events("a", "one", batch(0, 1))
    await store.append_events("a2", "one", batch(0, 5))
    assert await store.events("a", -1) == [batch(0, 1)]
    assert await store.events("nothing", -1) == []


async def test_only_the_replica_that_holds_a_run_appends_events(store: Store, backend: Backend) -> None:
    await started(store, "a")
    assert not await store.append_events("a", "two", batch(0, 1))
    assert not await store.append_events("nothing", "one", batch(0, 1))
    assert await store.events("a", -1) == []
    assert await store.events("nothing", -1) == []
    await holds(backend, {"a_in", "begun a", "request a"})
    (run,) = await store.take_over_runs("two", LATER, FOREVER)
    assert not run.shown


async def test_events_go_with_their_run(store: Store) -> None:
    await started(store, "a")
    await store.append_events("a", "one", batch(0, 1))
    assert await store.finish_run("a", "one", ending("a"))
    assert await store.events("a", -1) == []
    assert not await store.append_events("a", "one", batch(2, 3))
    assert await store.events("a", -1) == []


async def test_events_that_are_kept_go_with_their_response(store: Store, backend: Backend) -> None:
    await started(store, "a")
    await store.append_events("a", "one", batch(0, 1))
    assert await store.finish_run("a", "one", ending("a", keep_events=True))
    assert await store.events("a", -1) == [batch(0, 1)]
    assert not await store.append_events("a", "one", batch(2, 3))
    assert await store.events("a", -1) == [batch(0, 1)]
    assert await store.delete_response("a", OWNER, NOW)
    assert await store.events("a", -1) == []
    await holds(backend, set())
