"""What is special to the store in Redis: its scripts, its keys, and servers that refuse."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from proxy.state.records import Charge, Claim, Conversation, EventBatch, Grant, Place, Spending, StoredItem
from proxy.state.redis import RedisStore
from proxy.state.redis_server import MAX_CONNECTIONS, PREFIX
from proxy.state.store import HistoryGoneError, StoreOpenError, StoreUnavailableError
from tests.state.kit import (
    NOW,
    OWNER,
    answer,
    beginning,
    end_of,
    ending,
    exists,
    history,
    items,
    kept,
    listed,
    run_of,
    spend_row,
)
from tests.state.servers import Server, redis_server

PASSWORD = "open-sesame"


@pytest.fixture
async def store(fresh_redis_url: str) -> AsyncIterator[RedisStore]:
    async with opened(fresh_redis_url) as store:
        yield store


@pytest.fixture
async def client(fresh_redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(fresh_redis_url) as client:
        yield client


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that the test may set as it likes."""
    with redis_server() as server:
        yield server


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(url)
    await store.open()
    yield store
    await store.close()


async def one_of_each(store: RedisStore) -> None:
    """Uses every kind of key."""
    first = await kept(store, answer("a"))
    await kept(store, answer("b", after=first.place))
    await kept(store, answer("c", after=first.place))
    await store.create_conversation(Conversation("conv", OWNER, int(NOW), {"topic": "tests"}), items("i1", "i2"))
    await kept(store, answer("d", after=await end_of(store, "conv"), conversation="conv"))
    assert await store.remove_item("conv", OWNER, "i2")
    for response_id in ("e", "f"):
        await store.start_run(beginning(response_id), run_of(response_id), NOW + 10)
        assert await store.append_events(response_id, "one", EventBatch(0, 1, b"data"))
    assert await store.finish_run("e", "one", ending("e", keep_events=True))
    assert await store.secret("seal", b"candidate") == b"candidate"
    claims = [Claim("ann/usd/day/2027-01-15", "budget", 100, 10), Claim("ann/requests", "rate", 60, 1)]
    for name in ("a", "b", "c"):
        assert isinstance(await store.reserve(name, claims, NOW, NOW + 10), Grant)
    await store.add_spend([Spending(spend_row("a"), [Charge(claims[0].meter, "budget", 100, 5)])], NOW)
    assert await store.reserve("late", claims, NOW + 20, NOW + 30) == Grant((85, 59))


async def test_all_keys_lie_in_one_slot_of_a_cluster(store: RedisStore, client: Redis) -> None:
    await one_of_each(store)
    keys = await client.keys()
    assert len(keys) > 20
    assert PREFIX == "{dragoman}:"
    assert all(key.startswith(PREFIX.encode()) for key in keys)


async def test_nothing_is_left_of_what_was_deleted(store: RedisStore, client: Redis) -> None:
    await one_of_each(store)
    assert await store.finish_run("f", "one", ending("f", conversation="conv"))
    assert await store.delete_conversation("conv", OWNER)
    for response_id in "adbcef":
        assert await store.delete_response(response_id, OWNER, NOW)
    assert await store.sweep_spend(NOW + 1, NOW + 101 * 86_400, 100) == 1
    kept_keys = {key.removeprefix(PREFIX.encode()) for key in await client.keys()}
    assert kept_keys == {b"schema", b"sequence", b"secrets", b"size"}
    assert await client.get(f"{PREFIX}size") == b"0"


async def test_scripts_that_the_server_forgot_are_sent_again(store: RedisStore, client: Redis) -> None:
    await kept(store, answer("a"))
    await client.script_flush()
    second = await kept(store, answer("b"))
    assert await history(store, second.place) == ["b_in", "b_out"]


async def test_a_server_that_was_emptied_begins_anew(store: RedisStore, client: Redis) -> None:
    await kept(store, answer("a"))
    await client.flushall()
    await store.ping()
    assert await client.get(f"{PREFIX}schema") == b"1"
    assert not await exists(store, "a")
    assert await exists(store, (await kept(store, answer("b"))).id)


async def test_a_long_history_of_large_items_comes_back(store: RedisStore) -> None:
    long = [StoredItem(f"item_{number}", b"%d:" % number + bytes(4096)) for number in range(5000)]
    first = await kept(store, answer("a", input=long[:4000], output=long[4000:4500]))
    second = await kept(store, answer("b", after=first.place, input=long[4500:], output=[]))
    assert await store.history(second.place) == long
    assert await store.find_items([entry.id for entry in long], OWNER, NOW) == dict(long)
    assert await store.delete_response("b", OWNER, NOW)
    assert await store.history(first.place) == long[:4500]


async def test_a_history_of_many_forks_comes_back(store: RedisStore) -> None:
    # Each chain is cut, so each next response makes a fork.
    last = await kept(store, answer("r0"))
    for number in range(1, 200):
        await kept(store, answer(f"deleted{number}", after=last.place))
        assert await store.delete_response(f"deleted{number}", OWNER, NOW)
        last = await kept(store, answer(f"r{number}", after=last.place))
        assert last.place.chain == last.id
    assert await history(store, last.place) == [f"r{number}_{side}" for number in range(200) for side in ("in", "out")]


async def test_positions_of_deleted_items_are_never_given_to_others(store: RedisStore) -> None:
    first = await kept(store, answer("a"))
    second = await kept(store, answer("b", after=first.place))
    assert await store.delete_response("b", OWNER, NOW)
    third = await kept(store, answer("c", after=first.place))
    assert await history(store, third.place) == ["a_in", "a_out", "c_in", "c_out"]
    with pytest.raises(HistoryGoneError):
        await store.save(answer("d", after=second.place))


async def test_a_place_that_lost_a_removed_item_is_gone_and_its_neighbours_are_not(store: RedisStore) -> None:
    await store.create_conversation(Conversation("conv", OWNER, int(NOW), {}), items("i1", "i2", "i3", "i4"))
    places = [await end_of(store, "conv")]
    for name in ("i4", "i2", "i3"):
        assert await store.remove_item("conv", OWNER, name)
        places.append(await end_of(store, "conv"))
    assert await history(store, places[-1]) == ["i1"]
    assert await history(store, Place("conv", 1)) == ["i1"]
    for place in (*places[:-1], Place("conv", 2), Place("conv", 3)):
        with pytest.raises(HistoryGoneError):
            await store.history(place)
        with pytest.raises(HistoryGoneError):
            await store.save(answer("a", after=place))
    await kept(store, answer("a", after=places[-1], conversation="conv"))
    assert await listed(store, "conv") == ["i1", "a_in", "a_out"]


async def test_a_response_that_is_saved_again_is_kept_once(store: RedisStore) -> None:
    await store.create_conversation(Conversation("conv", OWNER, int(NOW), {}), [])
    for _ in range(2):
        await store.save(answer("a", after=Place("conv", 0), conversation="conv"))
    assert await listed(store, "conv") == ["a_in", "a_out"]


async def test_calls_beyond_the_connections_wait_their_turn(store: RedisStore, client: Redis) -> None:
    names = [f"r{number}" for number in range(MAX_CONNECTIONS * 10)]
    await asyncio.gather(*(store.save(answer(name)) for name in names))
    found = await asyncio.gather(*(store.response(name, OWNER, NOW) for name in names))
    assert [response.id for response in found if response] == names
    assert len(await client.client_list()) <= MAX_CONNECTIONS + 1


async def test_callers_that_give_up_leave_no_answers_to_others(store: RedisStore) -> None:
    names = [f"r{number}" for number in range(50)]
    for name in names:
        await store.save(answer(name, input=items(*(f"{name}_{number}" for number in range(50))), output=[]))

    async def read(name: str) -> list[str]:
        return await history(store, Place(name, 50))

    for turns in range(40):
        tasks = [asyncio.create_task(read(name)) for name in names]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        read_on = await asyncio.gather(*tasks[1::2])
        await asyncio.gather(*tasks, return_exceptions=True)
        assert read_on == [[f"{name}_{number}" for number in range(50)] for name in names[1::2]]


async def test_what_is_underway_when_the_store_closes_is_kept(fresh_redis_url: str, store: RedisStore) -> None:
    closing = RedisStore(fresh_redis_url)
    await closing.open()
    saves = [asyncio.create_task(closing.save(answer(f"r{number}"))) for number in range(100)]
    await asyncio.sleep(0)
    await closing.close()
    await asyncio.gather(*saves)
    assert all([await exists(store, f"r{number}") for number in range(100)])
    with pytest.raises(StoreUnavailableError):
        await closing.ping()
    await closing.close()


async def test_a_store_that_was_closed_opens_again(store: RedisStore) -> None:
    await store.save(answer("a"))
    await store.close()
    await store.open()
    await store.open()
    assert await exists(store, "a")


async def test_what_a_later_release_wrote_is_not_touched(fresh_redis_url: str, client: Redis) -> None:
    await client.set(f"{PREFIX}schema", 2)
    with pytest.raises(StoreOpenError, match="later release"):
        await RedisStore(fresh_redis_url).open()
    assert await client.keys() == [f"{PREFIX}schema".encode()]


async def test_a_server_that_throws_keys_away_is_refused(server: Server) -> None:
    async with Redis.from_url(server.url) as client:
        await client.config_set("maxmemory", "100mb")
        await client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(StoreOpenError, match="noeviction"):
            await RedisStore(server.url).open()
        await client.config_set("maxmemory-policy", "noeviction")
        async with opened(server.url) as store:
            await store.ping()


async def test_a_server_without_memory_still_reads_and_forgets(server: Server) -> None:
    async with opened(server.url) as store, Redis.from_url(server.url) as client:
        await store.create_conversation(Conversation("conv", OWNER, int(NOW), {}), items("i1"))
        first = await kept(store, answer("a", after=await end_of(store, "conv"), conversation="conv"))
        await store.start_run(beginning("run"), run_of("run"), NOW)
        claim = Claim("ann/usd/total", "budget", 100, 10)
        assert isinstance(await store.reserve("claim", [claim], NOW, NOW + 10), Grant)
        await store.add_spend([Spending(spend_row("a"))], NOW)
        await client.config_set("maxmemory", 1)
        for refused in (
            store.reserve("more", [claim], NOW, NOW + 10),
            store.add_spend([Spending(spend_row("b"))], NOW),
        ):
            with pytest.raises(StoreUnavailableError):
                await refused
        assert await store.spent([claim.meter]) == {claim.meter: 0}
        assert len(await store.spend([], 0, NOW + 1)) == 1
        await store.release("claim", [Charge(claim.meter, "budget", 100, 1)], NOW)
        assert await store.sweep_spend(NOW + 1, NOW, 10) == 1
        with pytest.raises(StoreUnavailableError):
            await store.save(answer("b", after=first.place, conversation="conv"))
        with pytest.raises(StoreUnavailableError):
            await store.ping()
        assert not await exists(store, "b")
        assert await history(store, first.place) == ["i1", "a_in", "a_out"]
        assert await store.renew_runs("one", NOW + 10) == {"run": False}
        assert await store.remove_item("conv", OWNER, "i1")
        assert await store.delete_response("a", OWNER, NOW)
        assert await listed(store, "conv") == ["a_in", "a_out"]
        await client.config_set("maxmemory", 0)
        await store.save(answer("b"))


async def test_a_server_that_only_reads_refuses_to_keep(server: Server) -> None:
    async with opened(server.url) as store, Redis.from_url(server.url) as client:
        await kept(store, answer("a"))
        await client.replicaof("127.0.0.1", "1")
        with pytest.raises(StoreUnavailableError):
            await store.save(answer("b"))
        with pytest.raises(StoreUnavailableError):
            await store.ping()
        assert await exists(store, "a")
        await client.replicaof("NO", "ONE")
        await store.save(answer("b"))


async def test_a_server_that_hangs_is_not_waited_for(server: Server) -> None:
    async with opened(f"{server.url}?socket_timeout=0.2&socket_connect_timeout=0.2") as store:
        await store.save(answer("a"))
        server.pause()
        with pytest.raises(StoreUnavailableError):
            await store.ping()
        server.resume()
        assert await exists(store, "a")


async def test_a_wrong_password_is_the_operators_matter_and_not_shown(server: Server) -> None:
    async with Redis.from_url(server.url) as client:
        await client.config_set("requirepass", PASSWORD)
        for url in (server.url, server.url.replace("//", f"//:{PASSWORD}-wrong@")):
            with pytest.raises(StoreOpenError) as refused:
                await RedisStore(url).open()
            assert PASSWORD not in str(refused.value)
    async with opened(server.url.replace("//", f"//:{PASSWORD}@")) as store:
        await store.ping()


@pytest.mark.parametrize(
    "url", [f"redis://user:{PASSWORD}@host:port/0", f"http://user:{PASSWORD}@host/0", f"redis://:{PASSWORD}@host?db=x"]
)
async def test_what_is_no_url_of_redis_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StoreOpenError) as refused:
        await RedisStore(url).open()
    assert PASSWORD not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


async def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(StoreOpenError, match=r"dragoman\[redis\]"):
        await RedisStore("redis://127.0.0.1/0").open()


async def test_options_of_the_url_do_not_change_what_is_read(fresh_redis_url: str) -> None:
    async with opened(f"{fresh_redis_url}?decode_responses=true&protocol=3&max_connections=2") as store:
        await one_of_each(store)
        assert await listed(store, "conv") == ["i1", "d_in", "d_out"]
