"""Stored responses: what every store has to do with them."""

import asyncio
from collections.abc import Sequence
from itertools import permutations

import pytest

from proxy.state.records import Place, StoredItem
from proxy.state.store import HistoryGoneError, Store
from tests.state.kit import (
    FOREVER,
    NOW,
    OTHER_OWNER,
    OWNER,
    Backend,
    answer,
    content,
    exists,
    found,
    history,
    holds,
    is_gone,
    item,
    items,
    kept,
    numbered,
)

ODD_IDS = (
    "with space",
    "colon:slash/dash-dot.",
    "quote'\"`",
    "%s %(name)s {braces} $1 ?",
    "back\\slash",
    "line\nbreak\ttab",
    "umlaut-ü-漢字-🦉",
    "*[a-z]?",
    "0",
    "-1",
    "null",
    "x" * 500,
)


async def test_an_open_store_answers(store: Store) -> None:
    await store.ping()


async def test_a_response_is_found_as_it_was_saved(store: Store) -> None:
    new = answer(
        "a", input=items("i1", "i2"), output=items("o1"), status="incomplete", created_at=5, expires_at=FOREVER
    )
    await store.save(new)
    response = await found(store, "a")
    assert (response.id, response.owner, response.status) == ("a", OWNER, "incomplete")
    assert (response.created_at, response.expires_at) == (5, FOREVER)
    assert (response.body, response.journal, response.background) == (new.body, new.journal, False)
    assert response.input_end - response.start == 2
    assert response.place.depth - response.input_end == 1


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed", "cancelled"])
async def test_each_status_is_kept(store: Store, status: str) -> None:
    new = answer("a", status=status)  # type: ignore[arg-type] # the parameters are exactly these
    assert (await kept(store, new)).status == status


async def test_an_expiry_between_two_seconds_is_kept(store: Store) -> None:
    response = await kept(store, answer("a", expires_at=NOW + 0.25))
    assert response.expires_at == NOW + 0.25
    assert await exists(store, "a", now=NOW + 0.2)
    assert not await exists(store, "a", now=NOW + 0.3)


async def test_a_response_without_a_journal_has_none(store: Store) -> None:
    new = answer("a")
    await store.save(type(new)(new.id, new.owner, new.status, new.created_at, new.expires_at, new.body))
    response = await found(store, "a")
    assert response.journal is None
    assert await store.output(response) == []
    assert await store.history(response.place) == []


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe\x80 no text", bytes(range(256)) * 10])
async def test_bodies_and_journals_are_any_bytes(store: Store, content: bytes) -> None:
    new = answer("a")
    await store.save(
        type(new)(
            id="a",
            owner=OWNER,
            status="completed",
            created_at=1,
            expires_at=FOREVER,
            body=content,
            input=[StoredItem("i", content)],
            output=[StoredItem("o", content)],
            journal=content,
        )
    )
    response = await found(store, "a")
    assert (response.body, response.journal) == (content, content)
    assert await store.output(response) == [content]
    assert await store.history(response.place) == [StoredItem("i", content), StoredItem("o", content)]


async def test_an_unknown_response_is_not_found(store: Store) -> None:
    assert await store.response("nothing", OWNER, NOW) is None


async def test_a_foreign_response_is_like_an_unknown_one(store: Store) -> None:
    await store.save(answer("a"))
    assert await store.response("a", OTHER_OWNER, NOW) is None
    assert not await store.delete_response("a", OTHER_OWNER, NOW)
    assert await store.find_items(["a_in", "a_out"], OTHER_OWNER, NOW) == {}
    assert await exists(store, "a")


async def test_an_expired_response_is_like_an_unknown_one_before_any_sweep(store: Store) -> None:
    await store.save(answer("a", expires_at=NOW + 10))
    assert await exists(store, "a", now=NOW + 9)
    assert await store.response("a", OWNER, NOW + 11) is None
    assert not await store.delete_response("a", OWNER, NOW + 11)
    assert await store.find_items(["a_in", "a_out"], OWNER, NOW + 11) == {}


async def test_the_output_is_in_order_and_without_the_input(store: Store) -> None:
    output = numbered("o", 20)
    response = await kept(store, answer("a", input=numbered("i", 15), output=output))
    assert await store.output(response) == [entry.body for entry in output]


async def test_the_history_of_a_first_response_is_empty(store: Store) -> None:
    response = await kept(store, answer("a"))
    assert await history(store, Place(response.place.chain, response.start)) == []
    assert await history(store, Place(response.place.chain, response.input_end)) == ["a_in"]
    assert await history(store, response.place) == ["a_in", "a_out"]


async def test_a_response_may_have_no_items_at_all(store: Store) -> None:
    first = await kept(store, answer("a"))
    empty = await kept(store, answer("b", after=first.place, input=[], output=[]))
    last = await kept(store, answer("c", after=empty.place))
    assert await store.output(empty) == []
    assert await history(store, empty.place) == ["a_in", "a_out"]
    assert await history(store, last.place) == ["a_in", "a_out", "c_in", "c_out"]


async def test_responses_without_items_stay_apart(store: Store) -> None:
    first = await kept(store, answer("a", input=[], output=[]))
    assert await history(store, first.place) == []
    second = await kept(store, answer("b", after=first.place))
    third = await kept(store, answer("c", after=first.place))
    assert await history(store, second.place) == ["b_in", "b_out"]
    assert await history(store, third.place) == ["c_in", "c_out"]


async def test_a_response_that_continues_the_end_is_appended(store: Store) -> None:
    first = await kept(store, answer("a"))
    second = await kept(store, answer("b", after=first.place))
    assert second.place.chain == first.place.chain
    assert second.start == first.place.depth
    assert await history(store, second.place) == ["a_in", "a_out", "b_in", "b_out"]
    assert await history(store, Place(second.place.chain, second.start)) == ["a_in", "a_out"]
    assert await history(store, Place(second.place.chain, second.input_end)) == ["a_in", "a_out", "b_in"]
    assert await history(store, first.place) == ["a_in", "a_out"]
    assert await store.output(second) == [item("b_out").body]


async def test_a_response_that_continues_an_earlier_place_is_a_fork(store: Store) -> None:
    first = await kept(store, answer("a"))
    second = await kept(store, answer("b", after=first.place))
    fork = await kept(store, answer("c", after=first.place))
    assert fork.place.chain == "c"
    assert await history(store, fork.place) == ["a_in", "a_out", "c_in", "c_out"]
    assert await history(store, Place(fork.place.chain, fork.start)) == ["a_in", "a_out"]
    assert await history(store, second.place) == ["a_in", "a_out", "b_in", "b_out"]
    assert await store.output(fork) == [item("c_out").body]


async def test_a_history_passes_through_many_forks(store: Store) -> None:
    before = await kept(store, answer("r0"))
    expected = ["r0_in", "r0_out"]
    for level in range(1, 8):
        # The side answer takes the end of the chain, so that the next one has to fork.
        await store.save(answer(f"side{level}", after=before.place))
        before = await kept(store, answer(f"r{level}", after=before.place))
        expected += [f"r{level}_in", f"r{level}_out"]
        assert before.place.chain == f"r{level}"
        assert await history(store, before.place) == expected


async def test_a_fork_of_the_middle_does_not_see_what_came_later(store: Store) -> None:
    one = await kept(store, answer("a"))
    two = await kept(store, answer("b", after=one.place))
    await store.save(answer("c", after=two.place))
    fork = await kept(store, answer("d", after=one.place))
    fork_of_fork = await kept(store, answer("e", after=Place(fork.place.chain, fork.input_end)))
    assert await history(store, fork_of_fork.place) == ["a_in", "a_out", "d_in", "e_in", "e_out"]


async def test_of_many_that_continue_one_place_at_once_one_is_appended(store: Store, other: Store) -> None:
    first = await kept(store, answer("a"))
    names = [f"r{number}" for number in range(24)]
    await asyncio.gather(
        *((store, other)[number % 2].save(answer(name, after=first.place)) for number, name in enumerate(names))
    )
    responses = [await found(store, name) for name in names]
    assert sum(response.place.chain == first.place.chain for response in responses) == 1
    for name, response in zip(names, responses, strict=True):
        assert await history(other, response.place) == ["a_in", "a_out", f"{name}_in", f"{name}_out"]


async def test_many_responses_are_saved_at_once(store: Store, other: Store) -> None:
    names = [f"r{number}" for number in range(120)]
    await asyncio.gather(*((store, other)[number % 2].save(answer(name)) for number, name in enumerate(names)))
    for name in names:
        assert await history(store, (await found(store, name)).place) == [f"{name}_in", f"{name}_out"]


async def test_what_is_saved_is_known_to_every_replica_at_once(store: Store, other: Store) -> None:
    before = await kept(store, answer("r0"))
    for number in range(1, 20):
        one, another = (store, other) if number % 2 else (other, store)
        await one.save(answer(f"r{number}", after=before.place))
        before = await found(another, f"r{number}")
    assert len(await history(store, before.place)) == 40


async def test_a_deleted_response_is_gone(store: Store, backend: Backend) -> None:
    response = await kept(store, answer("a"))
    assert await store.delete_response("a", OWNER, NOW)
    assert await store.response("a", OWNER, NOW) is None
    assert await store.find_items(["a_in", "a_out"], OWNER, NOW) == {}
    assert await is_gone(store, response.place)
    assert not await store.delete_response("a", OWNER, NOW)
    await holds(backend, set())


async def test_of_many_deletes_one_succeeds(store: Store, other: Store) -> None:
    await store.save(answer("a"))
    results = await asyncio.gather(*(one.delete_response("a", OWNER, NOW) for one in (store, other) * 8))
    assert sum(results) == 1


async def test_an_unknown_response_cannot_be_deleted(store: Store) -> None:
    assert not await store.delete_response("nothing", OWNER, NOW)


async def test_what_continues_a_deleted_response_keeps_its_history(store: Store, backend: Backend) -> None:
    first = await kept(store, answer("a"))
    second = await kept(store, answer("b", after=first.place))
    assert await store.delete_response("a", OWNER, NOW)
    assert await history(store, second.place) == ["a_in", "a_out", "b_in", "b_out"]
    assert await store.find_items(["a_in", "b_in"], OWNER, NOW) == {"b_in": item("b_in").body}
    await holds(backend, {"a_in", "a_out", "b_in", "b_out", "body b", "journal b"})


async def test_the_end_of_a_chain_goes_with_its_last_response(store: Store, backend: Backend) -> None:
    first = await kept(store, answer("a"))
    second = await kept(store, answer("b", after=first.place))
    assert await store.delete_response("b", OWNER, NOW)
    assert await is_gone(store, second.place)
    assert await history(store, first.place) == ["a_in", "a_out"]
    await holds(backend, {"a_in", "a_out", "body a", "journal a"})


async def test_responses_go_in_every_order(store: Store, backend: Backend) -> None:
    # a - b - c in one chain, d forks behind a, e continues d, f forks behind b
    shape = {"a": "", "b": "a", "c": "b", "d": "a", "e": "d", "f": "b"}
    whole = {"a": "a", "b": "ab", "c": "abc", "d": "ad", "e": "ade", "f": "abf"}
    orders = list(permutations(shape))[:: 7 if backend.kind in {"model", "memory", "sqlite"} else 37]
    for number, order in enumerate(orders):
        responses = {}
        for name, parent in shape.items():
            after = responses[parent].place if parent else None
            responses[name] = await kept(store, answer(f"{name}{number}", after=after))
        alive = dict(responses)
        for name in order:
            assert await store.delete_response(f"{name}{number}", OWNER, NOW)
            del alive[name]
            for other, response in alive.items():
                expected = [f"{part}{number}_{side}" for part in whole[other] for side in ("in", "out")]
                assert await history(store, response.place) == expected, (order, name, other)
    await holds(backend, set())


async def test_content_goes_as_soon_as_nothing_needs_it(store: Store, backend: Backend) -> None:
    first = await kept(store, answer("a"))
    second = await kept(store, answer("b", after=first.place))
    await store.save(answer("c", after=second.place))
    await store.save(answer("d", after=first.place))
    steps: list[tuple[str, str]] = [("a", "abcd"), ("b", "abcd"), ("c", "ad"), ("d", "")]
    for name, needed in steps:
        assert await store.delete_response(name, OWNER, NOW)
        held = await content(backend)
        if held is not None:
            assert {mark for mark in held if mark.endswith(("_in", "_out"))} == {
                f"{part}_{side}" for part in needed for side in ("in", "out")
            }


async def test_content_goes_through_all_parents_of_a_fork(store: Store, backend: Backend) -> None:
    before = await kept(store, answer("r0"))
    for level in range(1, 6):
        await store.save(answer(f"side{level}", after=before.place))
        before = await kept(store, answer(f"r{level}", after=before.place))
    for level in range(1, 6):
        assert await store.delete_response(f"side{level}", OWNER, NOW)
    for level in range(5):
        assert await store.delete_response(f"r{level}", OWNER, NOW)
    assert len(await history(store, before.place)) == 12
    assert await store.delete_response("r5", OWNER, NOW)
    await holds(backend, set())


async def test_a_response_whose_predecessor_vanished_is_not_kept(store: Store, backend: Backend) -> None:
    first = await kept(store, answer("a"))
    assert await store.delete_response("a", OWNER, NOW)
    with pytest.raises(HistoryGoneError):
        await store.save(answer("b", after=first.place))
    assert not await exists(store, "b")
    assert await store.find_items(["b_in", "b_out"], OWNER, NOW) == {}
    await holds(backend, set())


async def test_a_response_whose_predecessor_was_swept_is_not_kept(store: Store) -> None:
    first = await kept(store, answer("a", expires_at=NOW + 1))
    assert await store.sweep(NOW + 2, 10) == 1
    with pytest.raises(HistoryGoneError):
        await store.save(answer("b", after=first.place))


async def test_a_place_that_never_was_has_no_history(store: Store) -> None:
    first = await kept(store, answer("a"))
    beyond = Place(first.place.chain, first.place.depth + 5)
    for place in (Place("nothing", 0), Place("nothing", 3), beyond):
        with pytest.raises(HistoryGoneError):
            await store.history(place)
        with pytest.raises(HistoryGoneError):
            await store.save(answer("b", after=place))
    assert not await exists(store, "b")
    assert await history(store, first.place) == ["a_in", "a_out"]


async def test_a_place_is_never_used_again(store: Store) -> None:
    root = await kept(store, answer("root"))
    deleted = await kept(store, answer("a", after=root.place))
    assert await store.delete_response("a", OWNER, NOW)
    later = await kept(store, answer("c", after=root.place))
    assert later.place != deleted.place
    with pytest.raises(HistoryGoneError):
        await store.save(answer("b", after=deleted.place))
    with pytest.raises(HistoryGoneError):
        await store.history(deleted.place)
    longest = await kept(store, answer("d", after=later.place, input=numbered("d_in", 10)))
    with pytest.raises(HistoryGoneError):
        await store.save(answer("b", after=deleted.place))
    assert await history(store, later.place) == ["root_in", "root_out", "c_in", "c_out"]
    assert len(await history(store, longest.place)) == 15


async def test_after_a_delete_the_end_of_the_chain_is_what_remains(store: Store) -> None:
    root = await kept(store, answer("root"))
    for number in range(5):
        response = await kept(store, answer(f"r{number}", after=root.place))
        assert await history(store, response.place) == ["root_in", "root_out", f"r{number}_in", f"r{number}_out"]
        assert await store.delete_response(f"r{number}", OWNER, NOW)
    assert await history(store, root.place) == ["root_in", "root_out"]


async def test_a_delete_and_a_continuation_at_once_never_lose_a_history(store: Store, other: Store) -> None:
    for number in range(15):
        first = await kept(store, answer(f"a{number}"))
        deleted, saved = await asyncio.gather(
            other.delete_response(f"a{number}", OWNER, NOW),
            store.save(answer(f"b{number}", after=first.place)),
            return_exceptions=True,
        )
        assert deleted is True
        response = await store.response(f"b{number}", OWNER, NOW)
        if response is None:
            assert isinstance(saved, HistoryGoneError)
        else:
            assert saved is None
            expected = [f"{name}{number}_{side}" for name in "ab" for side in ("in", "out")]
            assert await history(store, response.place) == expected


async def test_a_fork_of_a_forks_beginning_survives_its_parents(store: Store, backend: Backend) -> None:
    root = await kept(store, answer("root"))
    fork = await kept(store, answer("fork", after=Place(root.place.chain, root.start)))
    deep = await kept(store, answer("deep", after=Place(fork.place.chain, fork.start)))
    assert await history(store, deep.place) == ["deep_in", "deep_out"]
    assert await store.delete_response("root", OWNER, NOW)
    assert await store.delete_response("fork", OWNER, NOW)
    assert await history(store, deep.place) == ["deep_in", "deep_out"]
    assert await store.delete_response("deep", OWNER, NOW)
    await holds(backend, set())


async def test_items_are_found_by_their_ids(store: Store) -> None:
    first = await kept(store, answer("a"))
    await store.save(answer("b", after=first.place))
    assert await store.find_items(["a_in", "b_out", "nothing"], OWNER, NOW) == {
        "a_in": item("a_in").body,
        "b_out": item("b_out").body,
    }
    assert await store.find_items([], OWNER, NOW) == {}
    assert await store.find_items(["a_in", "a_in"], OWNER, NOW) == {"a_in": item("a_in").body}


async def test_many_items_are_found_at_once(store: Store) -> None:
    entries = numbered("i", 3000)
    await store.save(answer("a", input=entries))
    assert await store.find_items([entry.id for entry in entries], OWNER, NOW) == dict(entries)


async def test_an_item_that_two_responses_brought_along_outlives_one_of_them(store: Store, backend: Backend) -> None:
    shared = items("shared")
    await store.save(answer("a", input=shared))
    await store.save(answer("b", input=shared))
    assert await store.delete_response("a", OWNER, NOW)
    assert await store.find_items(["shared"], OWNER, NOW) == dict(shared)
    assert await store.delete_response("b", OWNER, NOW)
    assert await store.find_items(["shared"], OWNER, NOW) == {}
    await holds(backend, set())


async def test_an_item_of_another_owner_with_the_same_id_is_another_one(store: Store) -> None:
    await store.save(answer("a", input=[StoredItem("same", b"mine")]))
    await store.save(answer("b", input=[StoredItem("same", b"theirs")], owner=OTHER_OWNER))
    assert await store.find_items(["same"], OWNER, NOW) == {"same": b"mine"}
    assert await store.find_items(["same"], OTHER_OWNER, NOW) == {"same": b"theirs"}
    assert await store.delete_response("a", OWNER, NOW)
    assert await store.find_items(["same"], OWNER, NOW) == {}
    assert await store.find_items(["same"], OTHER_OWNER, NOW) == {"same": b"theirs"}


async def test_an_item_may_stand_in_a_history_more_than_once(store: Store) -> None:
    response = await kept(store, answer("a", input=items("x", "y", "x"), output=items("x")))
    assert await history(store, response.place) == ["x", "y", "x", "x"]
    assert await store.output(response) == [item("x").body]


@pytest.mark.parametrize("odd", ODD_IDS)
async def test_ids_may_hold_any_characters(store: Store, odd: str) -> None:
    entries = [StoredItem(odd, b"{}")]
    first = await kept(store, answer(odd, input=entries, output=entries, owner=odd))
    second = await kept(store, answer(f"{odd}2", after=first.place, input=entries, output=[], owner=odd))
    assert await store.history(second.place) == entries * 3
    assert await store.find_items([odd], odd, NOW) == {odd: b"{}"}
    assert not await exists(store, odd)
    assert await store.delete_response(odd, odd, NOW)
    assert await store.history(second.place) == entries * 3
    assert await store.delete_response(f"{odd}2", odd, NOW)


async def test_ids_and_owners_are_not_run_together(store: Store) -> None:
    await store.save(answer("b:c", owner="a"))
    await store.save(answer("c", owner="a:b"))
    assert await store.response("b:c", "a:b", NOW) is None
    assert await store.response("c", "a", NOW) is None
    assert (await found(store, "c", "a:b")).body != (await found(store, "b:c", "a")).body
    assert not await exists(store, "B:C", "a")


async def test_a_history_of_three_thousand_items(store: Store, backend: Backend) -> None:
    first = await kept(store, answer("a", input=numbered("i", 2999)))
    second = await kept(store, answer("b", after=first.place))
    assert await history(store, second.place) == [
        *(entry.id for entry in numbered("i", 2999)),
        "a_out",
        "b_in",
        "b_out",
    ]
    assert await store.delete_response("b", OWNER, NOW)
    assert await store.delete_response("a", OWNER, NOW)
    await holds(backend, set())


async def test_a_body_of_five_megabytes(store: Store) -> None:
    large = b"x" * 5_000_000
    new = answer("a", input=[StoredItem("i", large)], output=[StoredItem("o", large)])
    response = await kept(store, new)
    assert await store.output(response) == [large]
    assert await store.history(response.place) == [StoredItem("i", large), StoredItem("o", large)]


async def test_a_caller_that_leaves_breaks_nothing(store: Store) -> None:
    names = [f"r{number}" for number in range(60)]
    callers = [asyncio.create_task(store.save(answer(name))) for name in names]
    for number, caller in enumerate(callers):
        if number % 3 == 0:
            caller.cancel()
        elif number % 3 == 1:
            await asyncio.sleep(0)
            caller.cancel()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
    for name, result in zip(names, results, strict=True):
        response = await store.response(name, OWNER, NOW)
        if response is not None:
            assert await history(store, response.place) == [f"{name}_in", f"{name}_out"]
        else:
            assert result is not None
    await store.save(answer("after"))
    assert await exists(store, "after")


async def test_readers_that_leave_do_not_disturb_the_others(store: Store) -> None:
    responses = [await kept(store, answer(f"r{number}", input=numbered(f"r{number}", 50))) for number in range(6)]

    async def read(number: int) -> Sequence[StoredItem]:
        return await store.history(responses[number].place)

    for round_number in range(6):
        readers = [asyncio.create_task(read(number)) for number in range(6)]
        for _ in range(round_number * 3):
            await asyncio.sleep(0)
        readers[round_number].cancel()
        results = await asyncio.gather(*readers, return_exceptions=True)
        for number, result in enumerate(results):
            if isinstance(result, asyncio.CancelledError):
                assert number == round_number
                continue
            assert not isinstance(result, BaseException)
            assert [entry.id for entry in result[:50]] == [entry.id for entry in numbered(f"r{number}", 50)]
