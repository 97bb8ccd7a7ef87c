"""Conversations: what every store has to do with them."""

import asyncio

import pytest

from proxy.state.records import Conversation, Place, StoredItem
from proxy.state.store import HistoryGoneError, Store
from tests.state.kit import (
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
)


async def talk(store: Store, *names: str, conversation_id: str = "conv", owner: str = OWNER) -> Place:
    """A new conversation with these items; its end."""
    await store.create_conversation(Conversation(conversation_id, owner, 7, {"topic": "x"}), items(*names))
    return await end_of(store, conversation_id, owner)


async def test_a_conversation_is_found_as_it_was_created(store: Store) -> None:
    metadata = {"a": "1", "": "", "ü": "漢字\n\"'"}
    await store.create_conversation(Conversation("conv", OWNER, 7, metadata, length=99), items("i1", "i2"))
    conversation = await store.conversation("conv", OWNER)
    assert conversation is not None
    assert (conversation.id, conversation.owner, conversation.created_at) == ("conv", OWNER, 7)
    assert dict(conversation.metadata) == metadata
    assert await listed(store, "conv") == ["i1", "i2"]
    assert await history(store, conversation.end) == ["i1", "i2"]


async def test_a_conversation_may_be_empty(store: Store) -> None:
    end = await talk(store)
    assert await listed(store, "conv") == []
    assert await history(store, end) == []


async def test_an_unknown_conversation_is_not_found(store: Store) -> None:
    assert await store.conversation("conv", OWNER) is None
    assert await store.set_metadata("conv", OWNER, {}) is None
    assert not await store.add_items("conv", OWNER, items("i1"))
    assert await store.conversation_items("conv", OWNER, order="asc", after=None, limit=10) is None
    assert await store.conversation_items("conv", OWNER, order="asc", after="i1", limit=10) is None
    assert await store.conversation_item("conv", OWNER, "i1") is None
    assert not await store.remove_item("conv", OWNER, "i1")
    assert not await store.delete_conversation("conv", OWNER)


async def test_a_foreign_conversation_is_like_an_unknown_one(store: Store) -> None:
    await talk(store, "i1")
    assert await store.conversation("conv", OTHER_OWNER) is None
    assert await store.set_metadata("conv", OTHER_OWNER, {"topic": "stolen"}) is None
    assert not await store.add_items("conv", OTHER_OWNER, items("i2"))
    assert await store.conversation_items("conv", OTHER_OWNER, order="asc", after=None, limit=10) is None
    assert await store.conversation_item("conv", OTHER_OWNER, "i1") is None
    assert not await store.remove_item("conv", OTHER_OWNER, "i1")
    assert not await store.delete_conversation("conv", OTHER_OWNER)
    assert await store.find_items(["i1"], OTHER_OWNER, NOW) == {}
    conversation = await store.conversation("conv", OWNER)
    assert conversation is not None
    assert dict(conversation.metadata) == {"topic": "x"}
    assert await listed(store, "conv") == ["i1"]


async def test_a_response_is_no_conversation(store: Store) -> None:
    await store.save(answer("a"))
    assert await store.conversation("a", OWNER) is None
    assert not await store.add_items("a", OWNER, items("i1"))
    assert await store.conversation_items("a", OWNER, order="asc", after=None, limit=10) is None
    assert not await store.remove_item("a", OWNER, "a_in")
    assert not await store.delete_conversation("a", OWNER)
    await talk(store, "i1")
    assert await store.response("conv", OWNER, NOW) is None
    assert not await store.delete_response("conv", OWNER, NOW)


async def test_metadata_are_replaced(store: Store) -> None:
    end = await talk(store, "i1")
    conversation = await store.set_metadata("conv", OWNER, {"b": "2"})
    assert conversation is not None
    assert dict(conversation.metadata) == {"b": "2"}
    assert conversation.end == end
    assert conversation.created_at == 7
    assert await store.conversation("conv", OWNER) == conversation
    cleared = await store.set_metadata("conv", OWNER, {})
    assert cleared is not None
    assert dict(cleared.metadata) == {}


async def test_items_are_added_at_the_end(store: Store) -> None:
    await talk(store, "i1")
    assert await store.add_items("conv", OWNER, items("i2", "i3"))
    assert await store.add_items("conv", OWNER, [])
    assert await store.add_items("conv", OWNER, items("i4"))
    assert await listed(store, "conv") == ["i1", "i2", "i3", "i4"]
    assert await history(store, await end_of(store, "conv")) == ["i1", "i2", "i3", "i4"]


async def test_items_that_are_added_at_once_stay_together(store: Store, other: Store) -> None:
    await talk(store)
    batches = [[f"b{number}_{part}" for part in range(5)] for number in range(16)]
    results = await asyncio.gather(
        *((store, other)[number % 2].add_items("conv", OWNER, items(*batch)) for number, batch in enumerate(batches))
    )
    assert all(results)
    names = await listed(other, "conv")
    pieces = [names[start : start + 5] for start in range(0, len(names), 5)]
    assert sorted(pieces) == sorted(batches)
    assert await history(store, await end_of(store, "conv")) == names


async def test_items_are_listed_from_either_end(store: Store) -> None:
    names = [entry.id for entry in numbered("i", 9)]
    await talk(store, *names)
    page = await store.conversation_items("conv", OWNER, order="asc", after=None, limit=4)
    assert page is not None
    assert ([entry.id for entry in page.items], page.has_more) == (names[:4], True)
    page = await store.conversation_items("conv", OWNER, order="desc", after=None, limit=4)
    assert page is not None
    assert ([entry.id for entry in page.items], page.has_more) == (names[:-5:-1], True)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 100])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_the_pages_of_a_list_make_the_whole(store: Store, order: str, limit: int) -> None:
    await talk(store, *(entry.id for entry in numbered("i", 8)))
    await store.remove_item("conv", OWNER, "i_3")
    await store.add_items("conv", OWNER, items("i_8"))
    expected = [item(f"i_{number}") for number in (0, 1, 2, 4, 5, 6, 7, 8)]
    if order == "desc":
        expected.reverse()
    collected: list[StoredItem] = []
    more = True
    while more:
        page = await store.conversation_items(
            "conv",
            OWNER,
            order="asc" if order == "asc" else "desc",
            after=collected[-1].id if collected else None,
            limit=limit,
        )
        assert page is not None
        assert len(page.items) == min(limit, len(expected) - len(collected))
        collected += page.items
        more = page.has_more
    assert collected == expected


async def test_behind_the_last_item_there_is_nothing(store: Store) -> None:
    await talk(store, "i1", "i2")
    for order, last in (("asc", "i2"), ("desc", "i1")):
        page = await store.conversation_items(
            "conv", OWNER, order="asc" if order == "asc" else "desc", after=last, limit=5
        )
        assert page is not None
        assert (page.items, page.has_more) == ([], False)


async def test_a_list_begins_only_behind_items_of_the_conversation(store: Store) -> None:
    await talk(store, "i1", "i2", "i3")
    await talk(store, "foreign", conversation_id="conv2")
    await store.remove_item("conv", OWNER, "i2")
    for unknown in ("nothing", "foreign", "i2", ""):
        with pytest.raises(KeyError):
            await store.conversation_items("conv", OWNER, order="asc", after=unknown, limit=5)


async def test_an_item_is_found_by_its_id(store: Store) -> None:
    await talk(store, "i1", "i2")
    assert await store.conversation_item("conv", OWNER, "i2") == item("i2").body
    assert await store.conversation_item("conv", OWNER, "i3") is None


async def test_of_items_with_one_id_the_latest_is_found(store: Store) -> None:
    await store.create_conversation(Conversation("conv", OWNER, 7, {}), [StoredItem("same", b"old")])
    await store.add_items("conv", OWNER, [StoredItem("same", b"new"), *items("i1")])
    assert await store.conversation_item("conv", OWNER, "same") == b"new"


async def test_an_item_is_taken_out(store: Store, backend: Backend) -> None:
    await talk(store, "i1", "i2", "i3")
    assert await store.remove_item("conv", OWNER, "i2")
    assert await listed(store, "conv") == ["i1", "i3"]
    assert await store.conversation_item("conv", OWNER, "i2") is None
    assert await store.find_items(["i1", "i2"], OWNER, NOW) == {"i1": item("i1").body}
    assert await history(store, await end_of(store, "conv")) == ["i1", "i3"]
    assert not await store.remove_item("conv", OWNER, "i2")
    assert not await store.remove_item("conv", OWNER, "nothing")
    await holds(backend, {"i1", "i3"})


async def test_of_many_that_take_an_item_out_one_succeeds(store: Store, other: Store) -> None:
    await talk(store, "i1", "i2")
    results = await asyncio.gather(*(one.remove_item("conv", OWNER, "i1") for one in (store, other) * 6))
    assert sum(results) == 1
    assert await listed(store, "conv") == ["i2"]


async def test_all_items_can_be_taken_out_and_new_ones_added(store: Store) -> None:
    await talk(store, "i1", "i2")
    await store.remove_item("conv", OWNER, "i1")
    await store.remove_item("conv", OWNER, "i2")
    assert await listed(store, "conv") == []
    assert await history(store, await end_of(store, "conv")) == []
    await store.add_items("conv", OWNER, items("i3"))
    response = await kept(store, answer("a", after=await end_of(store, "conv"), conversation="conv"))
    assert await history(store, response.place) == ["i3", "a_in", "a_out"]


async def test_a_response_made_with_an_item_keeps_it_when_it_is_taken_out(store: Store, backend: Backend) -> None:
    end = await talk(store, "i1", "i2")
    before = await kept(store, answer("a", after=end, conversation="conv"))
    assert await store.remove_item("conv", OWNER, "i1")
    after = await kept(store, answer("b", after=await end_of(store, "conv"), conversation="conv"))
    assert await history(store, before.place) == ["i1", "i2", "a_in", "a_out"]
    assert await history(store, after.place) == ["i2", "a_in", "a_out", "b_in", "b_out"]
    assert await listed(store, "conv") == ["i2", "a_in", "a_out", "b_in", "b_out"]
    await holds(backend, {"i1", "i2", "a_in", "a_out", "b_in", "b_out", *own("a"), *own("b")})
    assert await store.delete_response("a", OWNER, NOW)
    await holds(backend, {"i2", "a_in", "a_out", "b_in", "b_out", *own("b")})
    assert await history(store, after.place) == ["i2", "a_in", "a_out", "b_in", "b_out"]


async def test_a_response_keeps_its_own_items_when_they_are_taken_out(store: Store) -> None:
    end = await talk(store, "i1")
    response = await kept(store, answer("a", after=end, conversation="conv"))
    assert await store.remove_item("conv", OWNER, "a_out")
    assert await store.remove_item("conv", OWNER, "a_in")
    assert await store.output(response) == [item("a_out").body]
    assert await history(store, response.place) == ["i1", "a_in", "a_out"]
    assert await listed(store, "conv") == ["i1"]
    assert await store.find_items(["a_in", "a_out", "i1"], OWNER, NOW) == {"i1": item("i1").body}


async def test_a_fork_of_before_a_removal_keeps_the_item(store: Store, backend: Backend) -> None:
    end = await talk(store, "i1", "i2")
    before = await kept(store, answer("a", after=end, conversation="conv"))
    assert await store.remove_item("conv", OWNER, "i1")
    fork = await kept(store, answer("f", after=before.place))
    deep = await kept(store, answer("g", after=Place(fork.place.chain, fork.input_end)))
    assert await store.delete_response("a", OWNER, NOW)
    assert await store.delete_response("f", OWNER, NOW)
    assert await history(store, deep.place) == ["i1", "i2", "a_in", "a_out", "f_in", "g_in", "g_out"]
    assert await store.delete_response("g", OWNER, NOW)
    await holds(backend, {"i2", "a_in", "a_out"})


async def test_a_response_that_began_before_a_removal_has_the_item_while_another_keeps_it(store: Store) -> None:
    begun_at = await talk(store, "i1", "i2")
    await store.save(answer("keeper", after=begun_at))
    assert await store.remove_item("conv", OWNER, "i1")
    late = await kept(store, answer("a", after=begun_at, conversation="conv"))
    assert await history(store, late.place) == ["i1", "i2", "a_in", "a_out"]
    assert await listed(store, "conv") == ["i2", "a_in", "a_out"]


async def test_a_response_that_began_before_a_removal_never_loses_the_item_silently(store: Store) -> None:
    begun_at = await talk(store, "i1", "i2")
    assert await store.remove_item("conv", OWNER, "i1")
    try:
        await store.save(answer("a", after=begun_at, conversation="conv"))
    except HistoryGoneError:
        assert not await exists(store, "a")
        assert await listed(store, "conv") == ["i2"]
        assert await is_gone(store, begun_at)
    else:
        assert await history(store, (await found(store, "a")).place) == ["i1", "i2", "a_in", "a_out"]


async def test_input_and_output_go_to_the_conversation_together(store: Store) -> None:
    end = await talk(store, "i1")
    response = await kept(store, answer("a", after=end, conversation="conv"))
    assert await listed(store, "conv") == ["i1", "a_in", "a_out"]
    assert response.place == await end_of(store, "conv")
    assert response.place.chain == "conv"
    assert await history(store, response.place) == ["i1", "a_in", "a_out"]
    assert await store.output(response) == [item("a_out").body]


async def test_the_turns_of_a_conversation_are_one_chain(store: Store) -> None:
    await talk(store)
    expected = []
    for number in range(10):
        end = await end_of(store, "conv")
        response = await kept(store, answer(f"r{number}", after=end, conversation="conv"))
        expected += [f"r{number}_in", f"r{number}_out"]
        assert response.place.chain == "conv"
        assert await history(store, response.place) == expected
    assert await listed(store, "conv") == expected


async def test_responses_that_race_for_a_conversation_all_land(store: Store, other: Store) -> None:
    end = await talk(store, "i1")
    names = [f"r{number}" for number in range(12)]
    await asyncio.gather(
        *(
            (store, other)[number % 2].save(answer(name, after=end, conversation="conv"))
            for number, name in enumerate(names)
        )
    )
    listing = await listed(store, "conv")
    assert listing[0] == "i1"
    pairs = [tuple(listing[start : start + 2]) for start in range(1, len(listing), 2)]
    assert sorted(pairs) == sorted((f"{name}_in", f"{name}_out") for name in names)
    for name in names:
        assert await history(other, (await found(other, name)).place) == ["i1", f"{name}_in", f"{name}_out"]
    assert await history(store, await end_of(store, "conv")) == listing


async def test_items_and_responses_that_race_for_a_conversation_all_land(store: Store, other: Store) -> None:
    end = await talk(store, "i1", "i2")
    results = await asyncio.gather(
        store.save(answer("a", after=end, conversation="conv")),
        other.add_items("conv", OWNER, items("x", "y")),
        store.remove_item("conv", OWNER, "i1"),
        other.save(answer("b", after=end)),
        return_exceptions=True,
    )
    listing = await listed(store, "conv")
    assert results[1:3] == [True, True]
    joined = ",".join(listing)
    assert "x,y" in joined
    assert "i1" not in listing
    for name, result in (("a", results[0]), ("b", results[3])):
        if result is None:
            place = (await found(store, name)).place
            assert await history(store, place) == ["i1", "i2", f"{name}_in", f"{name}_out"]
        else:
            assert isinstance(result, HistoryGoneError)
    assert ("a_in,a_out" in joined) == (results[0] is None)
    assert "b_in" not in listing


async def test_what_only_reads_a_conversation_leaves_it_alone(store: Store) -> None:
    end = await talk(store, "i1")
    response = await kept(store, answer("a", after=end))
    assert response.place.chain == "a"
    assert await history(store, response.place) == ["i1", "a_in", "a_out"]
    assert await listed(store, "conv") == ["i1"]
    assert await end_of(store, "conv") == end


async def test_what_continues_a_response_of_a_conversation_leaves_it_alone(store: Store) -> None:
    end = await talk(store, "i1")
    first = await kept(store, answer("a", after=end, conversation="conv"))
    second = await kept(store, answer("b", after=first.place))
    third = await kept(store, answer("c", after=second.place))
    assert second.place.chain == third.place.chain == "b"
    assert await history(store, third.place) == ["i1", "a_in", "a_out", "b_in", "b_out", "c_in", "c_out"]
    assert await listed(store, "conv") == ["i1", "a_in", "a_out"]
    assert await end_of(store, "conv") == first.place


async def test_the_end_of_one_conversation_is_forked_for_another(store: Store) -> None:
    end = await talk(store, "i1")
    await talk(store, "j1", conversation_id="conv2")
    response = await kept(store, answer("a", after=end, conversation="conv2"))
    assert await history(store, response.place) == ["i1", "a_in", "a_out"]
    assert await listed(store, "conv") == ["i1"]
    assert await listed(store, "conv2") == ["j1", "a_in", "a_out"]


async def test_a_response_with_another_history_is_added_to_its_conversation(store: Store, backend: Backend) -> None:
    await talk(store, "i1")
    elsewhere = await kept(store, answer("a"))
    appended = await kept(store, answer("b", after=elsewhere.place, conversation="conv"))
    alone = await kept(store, answer("c", conversation="conv"))
    assert await history(store, appended.place) == ["a_in", "a_out", "b_in", "b_out"]
    assert await history(store, alone.place) == ["c_in", "c_out"]
    expected = ["i1", "b_in", "b_out", "c_in", "c_out"]
    assert await listed(store, "conv") == expected
    assert await history(store, await end_of(store, "conv")) == expected
    for name in "abc":
        assert await store.delete_response(name, OWNER, NOW)
    assert await listed(store, "conv") == expected
    await holds(backend, set(expected))


async def test_an_earlier_place_of_a_conversation_is_forked(store: Store) -> None:
    early = await talk(store, "i1")
    await store.add_items("conv", OWNER, items("i2"))
    response = await kept(store, answer("a", after=early, conversation="conv"))
    assert await history(store, response.place) == ["i1", "a_in", "a_out"]
    assert await listed(store, "conv") == ["i1", "i2", "a_in", "a_out"]


async def test_a_deleted_response_leaves_its_items_in_the_conversation(store: Store) -> None:
    end = await talk(store, "i1")
    response = await kept(store, answer("a", after=end, conversation="conv"))
    assert await store.delete_response("a", OWNER, NOW)
    assert await listed(store, "conv") == ["i1", "a_in", "a_out"]
    assert await store.conversation_item("conv", OWNER, "a_out") == item("a_out").body
    assert await history(store, await end_of(store, "conv")) == ["i1", "a_in", "a_out"]
    following = await kept(store, answer("b", after=response.place, conversation="conv"))
    assert await history(store, following.place) == ["i1", "a_in", "a_out", "b_in", "b_out"]


async def test_an_expired_response_leaves_its_items_in_the_conversation(store: Store) -> None:
    end = await talk(store, "i1")
    await store.save(answer("a", after=end, conversation="conv", expires_at=NOW + 1))
    assert await store.sweep(NOW + 2, 10) == 1
    assert await listed(store, "conv") == ["i1", "a_in", "a_out"]
    assert await history(store, await end_of(store, "conv")) == ["i1", "a_in", "a_out"]


async def test_a_deleted_conversation_is_gone(store: Store, backend: Backend) -> None:
    end = await talk(store, "i1", "i2")
    assert await store.delete_conversation("conv", OWNER)
    assert await store.conversation("conv", OWNER) is None
    assert await store.conversation_items("conv", OWNER, order="asc", after=None, limit=5) is None
    assert await store.conversation_item("conv", OWNER, "i1") is None
    assert not await store.add_items("conv", OWNER, items("i3"))
    assert not await store.remove_item("conv", OWNER, "i1")
    assert await store.set_metadata("conv", OWNER, {}) is None
    assert await store.find_items(["i1"], OWNER, NOW) == {}
    assert await is_gone(store, end)
    assert not await store.delete_conversation("conv", OWNER)
    await holds(backend, set())


async def test_the_responses_of_a_deleted_conversation_stay(store: Store, backend: Backend) -> None:
    first = await kept(store, answer("a", after=await talk(store, "i1"), conversation="conv"))
    await store.add_items("conv", OWNER, items("i2"))
    fork = await kept(store, answer("b", after=first.place))
    assert await store.delete_conversation("conv", OWNER)
    assert await history(store, first.place) == ["i1", "a_in", "a_out"]
    assert await history(store, fork.place) == ["i1", "a_in", "a_out", "b_in", "b_out"]
    assert await store.output(first) == [item("a_out").body]
    following = await kept(store, answer("c", after=first.place))
    assert await history(store, following.place) == ["i1", "a_in", "a_out", "c_in", "c_out"]
    everything = {"i1", *(f"{name}_{side}" for name in "abc" for side in ("in", "out"))}
    await holds(backend, {*everything, *own("a"), *own("b"), *own("c")})
    for name in "acb":
        assert await store.delete_response(name, OWNER, NOW)
    await holds(backend, set())


async def test_a_conversation_may_go_after_its_responses(store: Store, backend: Backend) -> None:
    first = await kept(store, answer("a", after=await talk(store, "i1"), conversation="conv"))
    await store.save(answer("b", after=first.place))
    assert await store.delete_response("a", OWNER, NOW)
    assert await store.delete_conversation("conv", OWNER)
    assert await history(store, (await found(store, "b")).place) == ["i1", "a_in", "a_out", "b_in", "b_out"]
    assert await store.delete_response("b", OWNER, NOW)
    await holds(backend, set())


async def test_items_removed_before_a_conversation_goes_stay_with_their_responses(
    store: Store, backend: Backend
) -> None:
    first = await kept(store, answer("a", after=await talk(store, "i1", "i2"), conversation="conv"))
    assert await store.remove_item("conv", OWNER, "i1")
    second = await kept(store, answer("b", after=await end_of(store, "conv"), conversation="conv"))
    assert await store.delete_conversation("conv", OWNER)
    assert await history(store, first.place) == ["i1", "i2", "a_in", "a_out"]
    assert await history(store, second.place) == ["i2", "a_in", "a_out", "b_in", "b_out"]
    assert await store.delete_response("a", OWNER, NOW)
    await holds(backend, {"i2", "a_in", "a_out", "b_in", "b_out", *own("b")})
    assert await history(store, second.place) == ["i2", "a_in", "a_out", "b_in", "b_out"]
    assert await store.delete_response("b", OWNER, NOW)
    await holds(backend, set())


async def test_the_responses_of_a_deleted_empty_conversation_stay(store: Store) -> None:
    end = await talk(store)
    response = await kept(store, answer("a", after=end))
    inside = await kept(store, answer("b", after=end, conversation="conv"))
    assert await store.delete_conversation("conv", OWNER)
    assert await history(store, response.place) == ["a_in", "a_out"]
    assert await history(store, inside.place) == ["b_in", "b_out"]
    assert await store.delete_response("b", OWNER, NOW)
    assert await history(store, response.place) == ["a_in", "a_out"]


async def test_a_conversation_that_was_deleted_meanwhile_gets_nothing(store: Store, backend: Backend) -> None:
    end = await talk(store, "i1")
    keeper = await kept(store, answer("keeper", after=end))
    elsewhere = await kept(store, answer("a"))
    assert await store.delete_conversation("conv", OWNER)
    late = await kept(store, answer("b", after=elsewhere.place, conversation="conv"))
    alone = await kept(store, answer("c", conversation="conv"))
    assert await history(store, late.place) == ["a_in", "a_out", "b_in", "b_out"]
    assert await history(store, alone.place) == ["c_in", "c_out"]
    assert await store.conversation("conv", OWNER) is None
    assert await history(store, keeper.place) == ["i1", "keeper_in", "keeper_out"]
    for name in ("keeper", "a", "b", "c"):
        assert await store.delete_response(name, OWNER, NOW)
    await holds(backend, set())


async def test_a_response_in_a_conversation_that_vanished_has_no_history(store: Store, backend: Backend) -> None:
    end = await talk(store, "i1")
    assert await store.delete_conversation("conv", OWNER)
    with pytest.raises(HistoryGoneError):
        await store.save(answer("a", after=end, conversation="conv"))
    assert not await exists(store, "a")
    await holds(backend, set())


async def test_what_fails_leaves_the_conversation_alone(store: Store) -> None:
    end = await talk(store, "i1")
    gone = await kept(store, answer("a"))
    assert await store.delete_response("a", OWNER, NOW)
    with pytest.raises(HistoryGoneError):
        await store.save(answer("b", after=gone.place, conversation="conv"))
    assert await listed(store, "conv") == ["i1"]
    assert await end_of(store, "conv") == end


async def test_a_foreign_conversation_gets_nothing(store: Store) -> None:
    await talk(store, "i1")
    response = await kept(store, answer("a", conversation="conv", owner=OTHER_OWNER))
    assert await history(store, response.place) == ["a_in", "a_out"]
    assert await listed(store, "conv") == ["i1"]


async def test_a_conversation_and_a_delete_at_once_lose_nothing(store: Store, other: Store) -> None:
    for number in range(10):
        name = f"conv{number}"
        end = await talk(store, f"{name}_i", conversation_id=name)
        deleted, saved = await asyncio.gather(
            other.delete_conversation(name, OWNER),
            store.save(answer(f"a{number}", after=end, conversation=name)),
            return_exceptions=True,
        )
        assert deleted is True
        assert await store.conversation(name, OWNER) is None
        response = await store.response(f"a{number}", OWNER, NOW)
        if response is None:
            assert isinstance(saved, HistoryGoneError)
        else:
            assert saved is None
            assert await history(store, response.place) == [f"{name}_i", f"a{number}_in", f"a{number}_out"]


async def test_a_conversation_of_three_thousand_items(store: Store) -> None:
    entries = numbered("i", 3000)
    await store.create_conversation(Conversation("conv", OWNER, 7, {}), entries[:1500])
    await store.add_items("conv", OWNER, entries[1500:])
    page = await store.conversation_items("conv", OWNER, order="desc", after="i_1000", limit=100)
    assert page is not None
    assert page.items == entries[999:899:-1]
    assert page.has_more
    assert await store.history(await end_of(store, "conv")) == entries
    assert await store.delete_conversation("conv", OWNER)


def own(response_id: str) -> set[str]:
    """The marks of what a response keeps beside its items."""
    return {f"body {response_id}", f"journal {response_id}"}
