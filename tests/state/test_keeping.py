"""What every store has to do with time, size, secrets, and its own end."""

import asyncio
from collections.abc import Sequence

import pytest

from proxy.state.records import BackgroundRun, Conversation, EventBatch, NewResponse, StoredItem
from proxy.state.store import HistoryGoneError, Store
from tests.state.kit import (
    FOREVER,
    NOW,
    ONE_PROCESS,
    OWNER,
    Backend,
    answer,
    beginning,
    end_of,
    ending,
    exists,
    found,
    history,
    holds,
    items,
    kept,
    listed,
    run_of,
)

# --- time -------------------------------------------------------------------------------------------------------------


async def test_a_sweep_forgets_what_has_expired(store: Store, backend: Backend) -> None:
    first = await kept(store, answer("a", expires_at=NOW + 10))
    second = await kept(store, answer("b", after=first.place, expires_at=NOW + 20))
    third = await kept(store, answer("c", after=second.place, expires_at=NOW + 30))
    assert await store.sweep(NOW, 100) == 0
    assert await store.sweep(NOW + 25, 100) == 2
    assert await store.sweep(NOW + 25, 100) == 0
    assert len(await history(store, third.place)) == 6
    assert not await exists(store, "b", now=NOW)
    assert await store.sweep(NOW + 35, 100) == 1
    await holds(backend, set())


async def test_a_sweep_goes_as_far_as_its_limit(store: Store, backend: Backend) -> None:
    for number in range(7):
        await store.save(answer(f"r{number}", expires_at=NOW + 1))
    await store.save(answer("stays"))
    assert [await store.sweep(NOW + 2, 3) for _ in range(4)] == [3, 3, 1, 0]
    assert await exists(store, "stays")
    await holds(backend, {"stays_in", "stays_out", "body stays", "journal stays"})


async def test_sweeps_at_once_count_each_response_once(store: Store, other: Store) -> None:
    for number in range(30):
        await store.save(answer(f"r{number}", expires_at=NOW + 1))
    counts = await asyncio.gather(*(one.sweep(NOW + 2, 7) for one in (store, other) * 5))
    assert sum(counts) == 30


async def test_a_response_expires_for_readers_and_sweeps_in_the_same_moment(store: Store) -> None:
    await store.save(answer("a", expires_at=NOW + 1))
    readable = await exists(store, "a", now=NOW + 1)
    assert await store.sweep(NOW + 1, 10) == (0 if readable else 1)


async def test_a_sweep_of_nothing(store: Store) -> None:
    assert await store.sweep(FOREVER, 100) == 0
    await store.save(answer("a", expires_at=NOW + 1))
    assert await store.sweep(NOW + 2, 0) == 0


async def test_a_sweep_of_many(store: Store, backend: Backend) -> None:
    before = None
    for number in range(60):
        response = await kept(store, answer(f"r{number}", after=before, expires_at=NOW + 1 + number))
        before = response.place
    assert await store.sweep(FOREVER, 1000) == 60
    await holds(backend, set())


# --- size -------------------------------------------------------------------------------------------------------------


def large(response_id: str, age: int, size: int = 100_000) -> NewResponse:
    """A response with about `size` bytes, all of them in one item."""
    content = [StoredItem(f"{response_id}_in", bytes(size))]
    return answer(response_id, input=content, output=[], created_at=int(NOW) + age)


async def test_a_store_within_its_size_is_not_trimmed(store: Store) -> None:
    assert await store.trim(0, 100) == 0
    for number in range(5):
        await store.save(large(f"r{number}", number))
    assert await store.trim(2_000_000, 100) == 0
    assert await exists(store, "r0")


async def test_the_oldest_responses_are_trimmed_first(store: Store) -> None:
    for age in range(5):
        await store.save(answer(f"r{age}", created_at=int(NOW) + age))
    assert await store.trim(0, 2) == 2
    assert [await exists(store, f"r{age}") for age in range(5)] == [False, False, True, True, True]
    assert await store.trim(0, 100) == 3
    assert await store.trim(0, 100) == 0


async def test_no_more_is_trimmed_than_has_to_be(store: Store) -> None:
    for number in range(10):
        await store.save(large(f"r{number}", number))
    count = await store.trim(550_000, 100)
    assert 5 <= count <= 6
    assert [await exists(store, f"r{number}") for number in range(10)] == [number >= count for number in range(10)]
    assert await store.trim(550_000, 100) == 0


async def test_a_trim_passes_over_what_is_still_being_made(store: Store) -> None:
    await store.start_run(beginning("young", created_at=1), run_of("young"), FOREVER)
    await store.save(answer("old", created_at=2))
    assert await store.trim(0, 100) == 1
    assert await exists(store, "young")
    assert not await exists(store, "old")


async def test_conversations_are_not_trimmed(store: Store) -> None:
    await store.create_conversation(Conversation("conv", OWNER, 7, {}), items("i1"))
    await store.save(answer("a", after=await end_of(store, "conv"), conversation="conv"))
    assert await store.trim(0, 100) == 1
    assert await listed(store, "conv") == ["i1", "a_in", "a_out"]


async def test_what_was_deleted_counts_for_nothing(store: Store) -> None:
    content = bytes(50_000)
    for number in range(6):
        name = f"r{number}"
        await store.create_conversation(Conversation(f"{name}c", OWNER, 7, {}), [StoredItem(f"{name}x", content)])
        end = await end_of(store, f"{name}c")
        await store.save(answer(f"{name}a", after=end, input=[StoredItem("i", content)], conversation=f"{name}c"))
        await store.remove_item(f"{name}c", OWNER, f"{name}x")
        await store.start_run(
            beginning(f"{name}b", after=end, input=[StoredItem("i", content)], conversation=f"{name}c"),
            BackgroundRun(f"{name}b", OWNER, "one", content),
            FOREVER,
        )
        await store.append_events(f"{name}b", "one", EventBatch(0, 1, content))
        output = [StoredItem("o", content)]
        result = ending(f"{name}b", output=output, conversation=f"{name}c", keep_events=number % 2 == 0)
        assert await store.finish_run(f"{name}b", "one", result)
    for number in range(6):
        assert await store.delete_response(f"r{number}a", OWNER, NOW)
        assert await store.delete_conversation(f"r{number}c", OWNER)
        assert await store.delete_response(f"r{number}b", OWNER, NOW)
    await counts_rightly(store)


async def test_what_could_not_be_kept_counts_for_nothing(store: Store) -> None:
    gone = await kept(store, answer("gone"))
    assert await store.delete_response("gone", OWNER, NOW)
    for number in range(5):
        new = answer(f"r{number}", after=gone.place, input=[StoredItem("i", bytes(50_000))])
        with pytest.raises(HistoryGoneError):
            await store.save(new)
    await counts_rightly(store)


async def counts_rightly(store: Store) -> None:
    """An empty store counts what is put into it from zero."""
    await store.save(answer("small"))
    assert await store.trim(10_000, 10) == 0
    await store.save(large("big", 1))
    assert await store.trim(10_000, 10) == 2
    assert not await exists(store, "big")


# --- secrets ----------------------------------------------------------------------------------------------------------


async def test_all_get_the_same_secret(store: Store, other: Store) -> None:
    candidates = [bytes([number]) * 32 for number in range(100)]
    secrets = await asyncio.gather(
        *((store, other)[number % 2].secret("seal", candidate) for number, candidate in enumerate(candidates))
    )
    assert len(set(secrets)) == 1
    assert secrets[0] in candidates
    assert await store.secret("seal", b"another") == secrets[0]


async def test_secrets_of_two_names_are_two(store: Store) -> None:
    assert await store.secret("one", b"1") == b"1"
    assert await store.secret("two", b"2\x00\xff") == b"2\x00\xff"
    assert await store.secret("one", b"3") == b"1"
    assert await store.secret("two", b"") == b"2\x00\xff"


async def test_secrets_are_neither_swept_nor_trimmed(store: Store) -> None:
    await store.secret("seal", b"kept")
    await store.save(answer("a", expires_at=NOW + 1))
    await store.sweep(FOREVER, 100)
    await store.trim(0, 100)
    assert await store.secret("seal", b"other") == b"kept"


# --- its own end ------------------------------------------------------------------------------------------------------


async def test_a_store_that_is_not_open_is_left_alone(backend: Backend) -> None:
    store = backend.replica()
    await store.close()
    await store.open()
    await store.ping()
    await store.close()
    await store.close()


async def test_a_store_can_be_opened_again(backend: Backend, store: Store) -> None:
    if backend.kind in ONE_PROCESS:
        pytest.skip("ends with its process")
    first = await kept(store, answer("a"))
    second = await kept(store, answer("b", after=first.place))
    await store.create_conversation(Conversation("conv", OWNER, 7, {"k": "v"}), items("i1", "i2"))
    await store.remove_item("conv", OWNER, "i1")
    await store.start_run(beginning("c", after=second.place), run_of("c"), NOW + 30)
    await store.append_events("c", "one", EventBatch(0, 1, b"\xff"))
    await store.secret("seal", b"key")
    await store.close()

    again = backend.replica()
    await again.open()
    try:
        assert await found(again, "b") == second
        assert len(await history(again, second.place)) == 4
        assert await listed(again, "conv") == ["i2"]
        conversation = await again.conversation("conv", OWNER)
        assert conversation is not None
        assert dict(conversation.metadata) == {"k": "v"}
        assert await again.secret("seal", b"other") == b"key"
        assert await again.events("c", -1) == [EventBatch(0, 1, b"\xff")]
        (run,) = await again.take_over_runs("two", NOW + 60, FOREVER)
        assert (run.id, run.attempt, run.shown) == ("c", 2, True)
        assert await again.finish_run("c", "two", ending("c"))
        assert len(await history(again, (await found(again, "c")).place)) == 6
        assert await again.delete_response("a", OWNER, NOW)
        assert len(await history(again, second.place)) == 4
    finally:
        await again.close()


async def test_what_was_begun_is_finished_before_the_store_closes(backend: Backend) -> None:
    if backend.kind in ONE_PROCESS:
        pytest.skip("ends with its process")
    store = backend.replica()
    await store.open()
    saves = [asyncio.create_task(store.save(answer(f"r{number}"))) for number in range(50)]
    await asyncio.sleep(0)
    await store.close()
    results: Sequence[BaseException | None] = await asyncio.gather(*saves, return_exceptions=True)
    again = backend.replica()
    await again.open()
    try:
        for number, result in enumerate(results):
            # Who was told that it is kept finds it.
            assert result is not None or await exists(again, f"r{number}")
        assert set(results) == {None}
    finally:
        await again.close()


async def test_replicas_that_open_a_new_store_at_once(backend: Backend) -> None:
    if backend.kind in ONE_PROCESS:
        pytest.skip("ends with its process")
    replicas = [backend.replica() for _ in range(4)]
    try:
        await asyncio.gather(*(replica.open() for replica in replicas))
        await replicas[0].save(answer("a"))
        for replica in replicas:
            assert await exists(replica, "a")
    finally:
        for replica in replicas:
            await replica.close()
