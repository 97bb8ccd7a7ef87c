"""Stores whose server goes away and comes back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager

import pytest

from proxy.state.postgres import PostgresStore
from proxy.state.records import Charge, Claim, Place, Spending
from proxy.state.redis import RedisStore
from proxy.state.store import Store, StoreUnavailableError
from tests.state.kit import NOW, OWNER, answer, beginning, exists, history, kept, run_of, spend_row
from tests.state.servers import Server, postgres_server, redis_server

SERVERS: Mapping[str, Callable[[], AbstractContextManager[Server]]] = {
    "redis": redis_server,
    "postgres": postgres_server,
}

STORES: Mapping[str, Callable[[str], Store]] = {"redis": RedisStore, "postgres": PostgresStore}


CLAIM = Claim("ann/usd/total", "budget", 10**6, 1)


@pytest.fixture(scope="module", params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def module_server(kind: str) -> Iterator[Server]:
    with SERVERS[kind]() as server:
        yield server


@pytest.fixture
def server(module_server: Server) -> Server:
    """A server of these tests alone, running."""
    module_server.start()
    return module_server


@pytest.fixture
async def store(kind: str, server: Server) -> AsyncIterator[Store]:
    store = STORES[kind](server.url)
    await store.open()
    yield store
    await store.close()


async def restart(server: Server) -> None:
    await asyncio.to_thread(server.start)


async def test_without_its_server_every_call_says_so(store: Store, server: Server) -> None:
    response = await kept(store, answer("without"))
    server.stop()
    calls: list[Callable[[], Awaitable[object]]] = [
        store.ping,
        lambda: store.save(answer("later")),
        lambda: store.response("without", OWNER, NOW),
        lambda: store.output(response),
        lambda: store.history(response.place),
        lambda: store.delete_response("without", OWNER, NOW),
        lambda: store.find_items(["without_in"], OWNER, NOW),
        lambda: store.start_run(beginning("run"), run_of("run"), NOW),
        lambda: store.renew_runs("one", NOW),
        lambda: store.take_over_runs("one", NOW, NOW),
        lambda: store.secret("seal", b"candidate"),
        lambda: store.sweep(NOW, 10),
        lambda: store.trim(0, 10),
        lambda: store.reserve("claim", [CLAIM], NOW, NOW + 10),
        lambda: store.release("claim", [], NOW),
        lambda: store.add_spend([Spending(spend_row("row"))], NOW),
        lambda: store.spent([CLAIM.meter]),
        lambda: store.spend(["client"], 0, NOW),
        lambda: store.sweep_spend(NOW, NOW, 10),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailableError) as raised:
            await call()
        assert raised.value.status == 503
        assert raised.value.headers["retry-after"] == "5"
        assert raised.value.__cause__ is not None
        assert server.url not in raised.value.message


async def test_a_store_works_again_when_its_server_is_back(store: Store, server: Server) -> None:
    first = await kept(store, answer("before"))
    for number in range(3):
        server.stop()
        with pytest.raises(StoreUnavailableError):
            await store.ping()
        await restart(server)
        await store.ping()
        await store.save(answer(f"again{number}", after=first.place))
    assert await history(store, first.place) == ["before_in", "before_out"]


async def test_a_restart_that_no_call_saw_is_not_noticed(store: Store, server: Server) -> None:
    await asyncio.gather(*(store.save(answer(f"unseen{number}")) for number in range(20)))
    server.stop()
    await restart(server)
    # The connections that were idle are all dead now.
    await asyncio.gather(*(store.response(f"unseen{number}", OWNER, NOW) for number in range(20)))


async def test_a_store_is_opened_once_its_server_is_there(kind: str, server: Server) -> None:
    server.stop()
    store = STORES[kind](server.url)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError) as raised:
            await store.open()
        assert raised.value.__cause__ is not None
    with pytest.raises(StoreUnavailableError):
        await store.ping()
    await store.close()
    await restart(server)
    await store.open()
    await store.save(answer("opened"))
    assert await exists(store, "opened")
    await store.close()


async def test_what_was_acknowledged_survives_the_crash_of_the_server(store: Store, server: Server) -> None:
    acknowledged: list[str] = []

    async def save_on(worker: int) -> None:
        place: Place | None = None
        for number in range(1_000):
            name = f"crash_{worker}_{number}"
            await store.save(answer(name, after=place))
            acknowledged.append(name)
            if len(acknowledged) == 200:
                await asyncio.to_thread(server.crash)
            response = await store.response(name, OWNER, NOW)
            assert response is not None
            place = response.place

    ended = await asyncio.gather(*(save_on(worker) for worker in range(8)), return_exceptions=True)
    assert [type(outcome) for outcome in ended] == [StoreUnavailableError] * 8
    await restart(server)
    assert len(acknowledged) >= 200
    for name in acknowledged:
        response = await store.response(name, OWNER, NOW)
        assert response is not None
        number = int(name.rpartition("_")[2])
        assert len(await history(store, response.place)) == 2 * number + 2


async def test_rows_that_are_added_again_after_a_crash_are_charged_once(store: Store, server: Server) -> None:
    meter = "crash/usd/total"
    spendings = [
        Spending(spend_row(f"crash_{number}", client="crash"), [Charge(meter, "budget", 10**6, 1)])
        for number in range(2_000)
    ]
    told = asyncio.Event()

    async def write(rows: list[Spending]) -> None:
        while True:
            try:
                await store.add_spend(rows, NOW)
            except StoreUnavailableError:
                await told.wait()
            else:
                return

    batches = [spendings[start : start + 50] for start in range(0, len(spendings), 50)]
    await asyncio.gather(*(write(rows) for rows in batches[:20]))
    writes = [asyncio.create_task(write(rows)) for rows in batches]
    await asyncio.to_thread(server.crash)
    await restart(server)
    told.set()
    await asyncio.gather(*writes)
    assert await store.spent([meter]) == {meter: 2_000}
    groups = await store.spend(["client"], 0, NOW + 1)
    assert [group.requests for group in groups if group.by == ("crash",)] == [2_000]
