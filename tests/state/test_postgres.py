"""What is special to the store in PostgreSQL."""

import asyncio
import socket

import asyncpg  # type: ignore[import-untyped]  # it brings no types
import pytest

from proxy.state.postgres import PostgresStore
from proxy.state.records import Conversation, Place
from proxy.state.sql_chains import Operation, Query
from proxy.state.store import StoreOpenError, StoreUnavailableError
from tests.state.kit import OWNER, answer, found, history, items, listed

SECRET = "correct-horse"


def with_password(url: str) -> str:
    return url.replace("postgres@", f"postgres:{SECRET}@")


def everything_said(error: BaseException) -> str:
    said = [f"{error!r} {error}"]
    while error.__cause__ is not None:
        error = error.__cause__
        said.append(f"{error!r} {error}")
    return "\n".join(said)


async def test_a_database_that_is_not_there_is_not_waited_for(postgres_url: str) -> None:
    url = f"{with_password(postgres_url).rpartition('/')[0]}/nowhere"
    with pytest.raises(StoreOpenError, match='database "nowhere" does not exist') as refused:
        await PostgresStore(url).open()
    assert SECRET not in everything_said(refused.value)


async def test_a_user_who_may_not_come_in_is_not_waited_for(fresh_postgres_url: str) -> None:
    url = fresh_postgres_url.replace("postgres@", f"nobody:{SECRET}@")
    with pytest.raises(StoreOpenError, match="nobody") as refused:
        await PostgresStore(url).open()
    assert SECRET not in everything_said(refused.value)


async def test_a_user_who_may_not_make_tables_is_told(fresh_postgres_url: str) -> None:
    connection = await asyncpg.connect(fresh_postgres_url)
    try:
        await connection.execute("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN")
        await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        with pytest.raises(StoreOpenError, match="permission denied"):
            await PostgresStore(fresh_postgres_url.replace("postgres@", "reader@")).open()
        await connection.execute("DROP ROLE reader")
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "url",
    [f"postgresql://u:{SECRET}@h:port/x", f"postgresql://u:{SECRET}@h:99999/x", f"postgresql://u:{SECRET}@[::1/x"],
)
async def test_a_url_that_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    with pytest.raises((StoreOpenError, StoreUnavailableError)) as refused:
        await PostgresStore(url).open()
    assert SECRET not in str(refused.value)


async def test_a_server_that_is_not_there_yet_may_come() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        store = PostgresStore(f"postgresql://u:{SECRET}@127.0.0.1:{probe.getsockname()[1]}/x")
        for _ in range(2):
            with pytest.raises(StoreUnavailableError) as refused:
                await store.open()
            assert SECRET not in everything_said(refused.value)
    await store.close()


async def test_other_tables_of_the_database_are_left_alone(fresh_postgres_url: str) -> None:
    connection = await asyncpg.connect(fresh_postgres_url)
    try:
        await connection.execute("CREATE TABLE responses (id INTEGER); INSERT INTO responses VALUES (7)")
        store = PostgresStore(fresh_postgres_url)
        await store.open()
        await store.save(answer("r"))
        await store.close()
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert {row[0] for row in tables if not row[0].startswith("dragoman_")} == {"responses"}
        assert await connection.fetchval("SELECT id FROM responses") == 7
    finally:
        await connection.close()


async def test_the_durability_is_the_servers_unless_all_of_it_is_asked_for(fresh_postgres_url: str) -> None:
    def asked() -> Operation[str]:
        rows = yield Query("SHOW synchronous_commit")
        level: str = rows[0][0]
        return level

    connection = await asyncpg.connect(fresh_postgres_url)
    name = fresh_postgres_url.rpartition("/")[2]
    await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    await connection.close()
    levels = []
    for store in (PostgresStore(fresh_postgres_url), PostgresStore(fresh_postgres_url, "full")):
        await store.open()
        levels.append(await store._driver.read(asked))
        await store.close()
    assert levels == ["off", "on"]


async def test_transactions_that_stand_in_each_others_way_are_tried_again(fresh_postgres_url: str) -> None:
    store = PostgresStore(fresh_postgres_url)
    await store.open()
    for name in ("one", "other"):
        await store.create_conversation(Conversation(name, OWNER, 1, {}), [])
    locked = [asyncio.Event(), asyncio.Event()]

    async def cross(first: str, second: str, own: asyncio.Event, foreign: asyncio.Event) -> int:
        attempts = 0

        def step() -> Operation[int]:
            nonlocal attempts
            attempts += 1
            yield Query("SELECT length FROM dragoman_chains WHERE id = ? FOR UPDATE", (first,))
            own.set()
            # Until the other one has its lock as well: then neither can go on without a retry.
            while not foreign.is_set():
                yield Query("SELECT pg_sleep(0.001)")
            yield Query("SELECT length FROM dragoman_chains WHERE id = ? FOR UPDATE", (second,))
            return attempts

        return await store._driver.write(step)

    attempts = await asyncio.gather(cross("one", "other", *locked), cross("other", "one", *reversed(locked)))
    await store.close()
    assert sorted(attempts) == [1, 2]


async def test_replicas_that_continue_one_conversation_at_once_all_land(fresh_postgres_url: str) -> None:
    stores = [PostgresStore(fresh_postgres_url) for _ in range(3)]
    await asyncio.gather(*(store.open() for store in stores))
    await stores[0].create_conversation(Conversation("conv", OWNER, 1, {}), items("first"))
    end = Place("conv", 1)
    await asyncio.gather(
        *(
            store.save(answer(f"r{replica}_{number}", after=end, conversation="conv"))
            for number in range(10)
            for replica, store in enumerate(stores)
        )
    )
    names = await listed(stores[0], "conv")
    assert len(names) == 61
    assert [name.removesuffix("_in") for name in names[1::2]] == [name.removesuffix("_out") for name in names[2::2]]
    for replica, store in enumerate(stores):
        place = (await found(stores[0], f"r{replica}_9")).place
        assert await history(store, place) == ["first", f"r{replica}_9_in", f"r{replica}_9_out"]
    for store in stores:
        await store.close()


async def test_a_caller_that_leaves_in_the_middle_leaves_the_connections_whole(fresh_postgres_url: str) -> None:
    store = PostgresStore(fresh_postgres_url)
    await store.open()
    for round_ in range(20):
        calls = [asyncio.ensure_future(store.save(answer(f"r{round_}_{number}"))) for number in range(12)]
        for _ in range(round_):
            await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    await asyncio.gather(*(store.save(answer(f"after{number}")) for number in range(30)))
    for number in range(30):
        assert (await found(store, f"after{number}")).id == f"after{number}"
    await store.close()


async def test_tables_that_were_dropped_make_the_store_unavailable(fresh_postgres_url: str) -> None:
    store = PostgresStore(fresh_postgres_url)
    await store.open()
    connection = await asyncpg.connect(fresh_postgres_url)
    await connection.execute("DROP TABLE dragoman_responses")
    await connection.close()
    with pytest.raises(StoreUnavailableError) as refused:
        await store.save(answer("r"))
    assert "dragoman_responses" in str(refused.value.__cause__)
    await store.close()
