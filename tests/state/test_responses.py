"""Stored responses: what every store has to do with them."""

import asyncio
from collections.abc import Sequence

import pytest

from proxy.state.records import Conversation, Status, StoredItem
from proxy.state.store import HistoryGoneError, Store
from tests.state.kit import (
    ENDED,
    FOREVER,
    NOW,
    OTHER_OWNER,
    OWNER,
    Backend,
    answer,
    end_of,
    exists,
    found,
    history,
    holds,
    is_gone,
    item,
    items,
    kept,
    listed,
    numbered,
    started,
    talk,
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


@pytest.mark.parametrize("status", ENDED)
async def test_each_status_is_kept(store: Store, status: Status) -> None:
    new = answer("a", status=status)
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


async def test_a_response_may_have_no_items_at_all(store: Store) -> None:
    first = await kept(store, answer("a"))
    empty = await kept(store, answer("b", after=first.place, input=[], output=[]))
    last = await kept(store, answer("c", after=empty.place))
    assert await store.output(empty) == []
    assert await history(store, empty.place) == ["a_in", "a_out"]
    assert await history(store, last.place) == ["a_in", "a_out", "c_in", "c_out"]


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


async def test_items_are_found_by_their_ids(store: Store) -> None:
    first = await kept(store, answer("a"))
    await store.save(answer("b", after=first.place))
    assert await store.find_items(["a_in", "b_out", "nothing"], OWNER, NOW) == {
        "a_in": item("a_in").body,
        "b_out": item("b_out").body,
    }
    assert await store.find_items([], OWNER, NOW) == {}
    assert await store.find_items(["a_in", "a_in"], OWNER, NOW) == {"a_in": item("a_in").body}


async def test_items_of_a_deleted_response_are_not_found_though_a_history_has_them(store: Store) -> None:
    first = await kept(store, answer("a"))
    second = await kept(store, answer("b", after=first.place))
    third = await kept(store, answer("c", after=second.place))
    assert await store.delete_response("b", OWNER, NOW)
    found_items = await store.find_items(["a_in", "a_out", "b_in", "b_out", "c_in", "c_out"], OWNER, NOW)
    assert set(found_items) == {"a_in", "a_out", "c_in", "c_out"}
    assert len(await store.history(third.place)) == 6


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


# --- what is asked for again ------------------------------------------------------------------------------------------


async def test_a_response_that_is_saved_again_is_left_as_it_is(store: Store, backend: Backend) -> None:
    await talk(store, "i1")
    end = await end_of(store, "conv")
    for after, conversation in ((None, None), (None, "conv"), (end, "conv"), (end, None)):
        name = f"r{after is None}{conversation}"
        new = answer(name, after=after, conversation=conversation)
        response = await kept(store, new)
        before = (await listed(store, "conv"), await history(store, response.place))
        await store.save(new)
        await store.save(answer(name, input=items("other"), output=[], status="failed"))
        assert await found(store, name) == response
        assert (await listed(store, "conv"), await history(store, response.place)) == before
        assert await store.find_items(["other"], OWNER, NOW) == {}
    first = await kept(store, answer("first"))
    new = answer("next", after=first.place)
    second = await kept(store, new)
    await store.save(new)
    assert await found(store, "next") == second
    for name in ("next", "first", "rTrueNone", "rTrueconv", "rFalseNone", "rFalseconv"):
        assert await store.delete_response(name, OWNER, NOW)
    assert await store.delete_conversation("conv", OWNER)
    await holds(backend, set())


async def test_of_the_same_response_saved_at_once_one_is_kept(store: Store, other: Store) -> None:
    first = await kept(store, answer("first"))
    outputs = [numbered(f"o{number}", 2) for number in range(8)]
    for after in (None, first.place):
        name = f"after {after}"
        await asyncio.gather(
            *(
                (store, other)[number % 2].save(answer(name, after=after, output=output))
                for number, output in enumerate(outputs)
            )
        )
        response = await found(store, name)
        assert await store.output(response) in [[entry.body for entry in output] for output in outputs]
        assert len(await history(store, response.place)) == (3 if after is None else 5)


async def test_what_others_need_of_a_deleted_response_stays_when_it_is_saved_again(store: Store) -> None:
    new = answer("a")
    first = await kept(store, new)
    second = await kept(store, answer("b", after=first.place))
    assert await store.delete_response("a", OWNER, NOW)
    await store.save(new)
    assert await history(store, second.place) == ["a_in", "a_out", "b_in", "b_out"]


async def test_a_conversation_that_is_made_again_is_left_as_it_is(store: Store, backend: Backend) -> None:
    await talk(store, "i1", "i2")
    assert await store.remove_item("conv", OWNER, "i1")
    before = await store.conversation("conv", OWNER)
    for owner in (OWNER, OTHER_OWNER):
        await store.create_conversation(Conversation("conv", owner, 8, {"topic": "y"}), items("i3"))
        assert await store.conversation("conv", OTHER_OWNER) is None
    assert await store.conversation("conv", OWNER) == before
    assert await listed(store, "conv") == ["i2"]
    await holds(backend, {"i2"})


# --- with their history -----------------------------------------------------------------------------------------------


async def test_a_response_comes_with_its_history(store: Store) -> None:
    first = await kept(store, answer("a", expires_at=NOW + 10))
    fork = None
    for name in ("b", "c"):
        fork = await kept(store, answer(name, after=first.place, expires_at=NOW + 10))
    assert fork is not None
    assert fork.place.chain == "c"
    assert await store.response_with_history("c", OWNER, NOW) == (fork, items("a_in", "a_out", "c_in", "c_out"))
    assert await store.response_with_history("a", OWNER, NOW) == (first, items("a_in", "a_out"))
    for name, owner, now in (("c", OTHER_OWNER, NOW), ("nothing", OWNER, NOW), ("c", OWNER, NOW + 11)):
        assert await store.response_with_history(name, owner, now) is None
    assert await store.delete_response("c", OWNER, NOW)
    assert await store.response_with_history("c", OWNER, NOW) is None


async def test_a_response_without_items_comes_with_an_empty_history(store: Store) -> None:
    empty = await kept(store, answer("a", input=[], output=[]))
    assert await store.response_with_history("a", OWNER, NOW) == (empty, [])


async def test_a_response_that_is_being_made_comes_with_its_history(store: Store) -> None:
    begun = await started(store, "a")
    assert await store.response_with_history("a", OWNER, FOREVER * 2) == (begun, items("a_in"))


async def test_a_conversation_comes_with_its_items(store: Store) -> None:
    await talk(store, "i1", "i2", "i3")
    await store.save(answer("a", after=await end_of(store, "conv"), conversation="conv"))
    assert await store.remove_item("conv", OWNER, "i2")
    conversation = await store.conversation("conv", OWNER)
    expected = (conversation, items("i1", "i3", "a_in", "a_out"))
    assert await store.conversation_with_history("conv", OWNER) == expected
    assert await store.conversation_with_history("conv", OTHER_OWNER) is None
    assert await store.conversation_with_history("nothing", OWNER) is None
    assert await store.delete_conversation("conv", OWNER)
    assert await store.conversation_with_history("conv", OWNER) is None


async def test_an_empty_conversation_comes_without_items(store: Store) -> None:
    await talk(store)
    known = await store.conversation_with_history("conv", OWNER)
    assert known == (await store.conversation("conv", OWNER), [])


async def test_a_conversation_is_whole_whenever_it_is_read(store: Store, other: Store) -> None:
    names = [f"i{number}" for number in range(30)]
    await talk(store, *names)

    async def remove() -> None:
        for name in names[:-1]:
            assert await other.remove_item("conv", OWNER, name)

    removal = asyncio.create_task(remove())
    while not removal.done():
        known = await store.conversation_with_history("conv", OWNER)
        assert known is not None
        conversation, entries = known
        assert entries == items(*names[len(names) - len(entries) :])
        assert conversation.length == 2 * len(names) - len(entries)
        await asyncio.sleep(0)
    await removal


async def test_the_output_of_a_deleted_response_is_gone(store: Store) -> None:
    first = await kept(store, answer("a"))
    second = await kept(store, answer("b", after=first.place))
    empty = await kept(store, answer("c", output=[]))
    assert await store.output(empty) == []
    for response in (first, empty, second):
        assert await store.delete_response(response.id, OWNER, NOW)
        with pytest.raises(HistoryGoneError):
            await store.output(response)
