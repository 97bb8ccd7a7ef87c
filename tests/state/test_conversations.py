"""Conversations: what every store has to do with them."""

import asyncio

import pytest

from proxy.state.records import Conversation, Order, StoredItem
from proxy.state.store import Store
from tests.state.kit import (
    NOW,
    OTHER_OWNER,
    OWNER,
    Backend,
    answer,
    end_of,
    history,
    holds,
    is_gone,
    item,
    items,
    kept,
    listed,
    numbered,
    talk,
)

ORDERS: tuple[Order, ...] = ("asc", "desc")


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
@pytest.mark.parametrize("order", ORDERS)
async def test_the_pages_of_a_list_make_the_whole(store: Store, order: Order, limit: int) -> None:
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
            order=order,
            after=collected[-1].id if collected else None,
            limit=limit,
        )
        assert page is not None
        assert len(page.items) == min(limit, len(expected) - len(collected))
        collected += page.items
        more = len(collected) < len(expected)
        assert page.has_more == more
    assert collected == expected


async def test_behind_the_last_item_there_is_nothing(store: Store) -> None:
    await talk(store, "i1", "i2")
    for order, last in zip(ORDERS, ("i2", "i1"), strict=True):
        page = await store.conversation_items("conv", OWNER, order=order, after=last, limit=5)
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
