"""Responses in conversations: what every store has to do with them."""

import asyncio
from contextlib import suppress

import pytest

from proxy.state.records import Place
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
    own,
    talk,
)


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
    assert results[1] is results[2] is True
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


async def test_items_of_a_deleted_conversation_are_not_found_though_a_history_has_them(store: Store) -> None:
    response = await kept(store, answer("a", after=await talk(store, "i1"), conversation="conv"))
    assert await store.delete_conversation("conv", OWNER)
    assert set(await store.find_items(["i1", "a_in", "a_out"], OWNER, NOW)) == {"a_in", "a_out"}
    assert await history(store, response.place) == ["i1", "a_in", "a_out"]


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


async def test_the_end_of_a_foreign_conversation_is_not_appended_to(store: Store) -> None:
    end = await talk(store, "i1")
    with suppress(HistoryGoneError):
        await store.save(answer("a", after=end, conversation="conv", owner=OTHER_OWNER))
    assert await listed(store, "conv") == ["i1"]
    assert await end_of(store, "conv") == end


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
