"""The histories of responses, in chains and forks: what every store has to do with them."""

import asyncio
from itertools import permutations

import pytest

from proxy.state.records import Place, StoredResponse
from proxy.state.store import HistoryGoneError, Store
from tests.state.kit import (
    NOW,
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
    kept,
    numbered,
)


async def test_the_history_of_a_first_response_is_empty(store: Store) -> None:
    response = await kept(store, answer("a"))
    assert await history(store, Place(response.place.chain, response.start)) == []
    assert await history(store, Place(response.place.chain, response.input_end)) == ["a_in"]
    assert await history(store, response.place) == ["a_in", "a_out"]


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
        responses: dict[str, StoredResponse] = {}
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
