"""Replicas that share a store, one of which dies, stands still, or does not hear that it lost its run."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from config.loader import load
from proxy import app
from proxy.exchange.accept import accept
from proxy.exchange.background import BackgroundRuns, Timing
from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.kept_events import batch_of
from proxy.exchange.run import Run
from proxy.responses import identifiers, sse
from proxy.responses.assembler import Outgoing
from proxy.state.records import STREAMING, UNFINISHED, BackgroundRun, Grant, NewResponse, StoredResponse
from proxy.state.store import StoreUnavailableError
from proxy.testing.grammar import check_response, check_stream
from proxy.usage.estimate import Estimator
from proxy.usage.limits import Limits
from tests.exchange.faulty_store import FaultyStore
from tests.vendors.gateway import MODELS, configuration
from tests.vendors.script import SILENCE, Called, Turn, failure
from tests.vendors.server import Vendor
from tests.vendors.waiting import eventually

CHAT = MODELS["openai_chat"]
ANYONE = Client()
ONE_STREAM = Client(limits=Limits(concurrent_streams=1))
OVER = Timing(lease=-1.0, poll=0.005, patience=0.0)
"""Leases that are over at once: any other replica takes the runs."""
USUAL = Timing(poll=0.005)


class House:
    """A gateway without its server. `replica` works at its background runs, as often as it is called."""

    def __init__(self, gateway: Gateway, store: FaultyStore) -> None:
        self.gateway = gateway
        self.store = store
        self._replicas: list[BackgroundRuns] = []

    def replica(self, timing: Timing = USUAL, clients: dict[str, Client] | None = None) -> BackgroundRuns:
        """One more replica."""
        runs = BackgroundRuns(self.gateway, {"default": ANYONE} if clients is None else clients, timing)
        self._replicas.append(runs)
        return runs

    async def begin(self, replica: BackgroundRuns, **body: Any) -> str:
        """Begin a background response; its id."""
        data = orjson.dumps({"model": CHAT, "input": "Hello", "background": True, **body})
        run = await accept(self.gateway, data, ANYONE, arrived=time.perf_counter())
        response = await replica.start(run, data, "req_1")
        return str(response["id"])

    async def found(self, response_id: str) -> StoredResponse:
        """What the store has."""
        found = await self.gateway.store.response(response_id, "default", time.time())
        assert found is not None
        return found

    async def has_ended(self, response_id: str) -> bool:
        """Whether the response has ended."""
        return (await self.found(response_id)).status not in UNFINISHED

    async def has_shown(self, response_id: str, number: int) -> bool:
        """Whether the event with this number is kept."""
        return bool(await self.gateway.store.events(response_id, number - 1))

    async def ended(self, response_id: str) -> dict[str, Any]:
        """The response object, when it has ended."""
        await eventually(partial(self.has_ended, response_id), bool)
        found = await self.found(response_id)
        response: dict[str, Any] = orjson.loads(found.body)
        response["output"] = [orjson.loads(item) for item in await self.gateway.store.output(found)]
        assert check_response(response) == []
        return response

    async def follow(self, replica: BackgroundRuns, response_id: str, after: int = -1) -> list[Outgoing]:
        """The events of a response above a number, up to its end."""
        events: list[Outgoing] = []
        async with asyncio.timeout(10):
            async for batch in replica.follow(await self.found(response_id), after):
                events += batch
        return events

    async def legal(self, events: list[Outgoing]) -> dict[str, Any]:
        """The response that a legal stream ends with, which is the one in the store."""
        assert check_stream(sse.frame(events) + sse.DONE) == []
        last: dict[str, Any] = orjson.loads(events[-1][1])["response"]
        assert last == await self.ended(last["id"])
        return last

    async def stop(self) -> None:
        """End what still runs."""
        for replica in self._replicas:
            await replica.stop(0.0)


@pytest.fixture
async def house(
    vendor: Vendor, tmp_path: Path, estimator: Estimator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """A gateway on a store that fails when it is told to."""
    store = FaultyStore()
    monkeypatch.setattr(app, "Estimator", lambda: estimator)
    monkeypatch.setattr(app, "store_of", lambda settings: store)
    path = tmp_path / "dragoman.yaml"
    path.write_text(yaml.safe_dump(configuration(vendor.url)))
    plugins = app.Plugins()
    gateway = app.build_gateway(load(path, {}, plugins), plugins)
    await gateway.upstream.open()
    await store.open()
    house = House(gateway, store)
    yield house
    await house.stop()
    await gateway.upstream.close()
    await store.close()
    own = str(Path(app.__file__).parent)
    assert [task for task in asyncio.all_tasks() if own in repr(task)] == []


async def has_left(replica: BackgroundRuns, response_id: str) -> bool:
    return response_id not in replica._active


def text_of(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] for part in item.get("content", ()))


# --- a replica that lost its run --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
async def test_who_was_replaced_tells_nothing_of_its_own(house: House, vendor: Vendor, stream: bool) -> None:
    going, thinking = asyncio.Event(), asyncio.Event()
    vendor.play(Turn(going, "From the first."), Turn("From the ", thinking, "second."))
    first, second = house.replica(OVER), house.replica()
    response_id = await house.begin(first, stream=stream)
    await vendor.arrival()
    if stream:
        await eventually(partial(house.has_shown, response_id, 2), bool)
    followers = [asyncio.create_task(house.follow(first, response_id)) for _ in range(3)] if stream else []
    await second.take_over()
    await vendor.arrival()
    going.set()
    await eventually(partial(has_left, first, response_id), bool)
    assert (await house.found(response_id)).status in UNFINISHED
    thinking.set()
    last = await house.ended(response_id)
    assert (last["status"], text_of(last)) == ("completed", "From the second.")
    for follower in followers:
        assert text_of(await house.legal(await follower)) == "From the second."
    if stream:
        await house.legal(await house.follow(second, response_id))


async def test_a_run_whose_end_cannot_be_kept_tells_no_end(house: House, vendor: Vendor) -> None:
    """The store comes back, and whoever takes over decides."""
    going = asyncio.Event()
    vendor.play(Turn(going, "Lost."), Turn("Kept."))
    first = house.replica(Timing(lease=60.0, poll=0.005, patience=0.0))
    response_id = await house.begin(first, stream=True)
    await vendor.arrival()
    following = asyncio.create_task(house.follow(house.replica(), response_id))
    house.store.fail("append_events", 10**6)
    house.store.fail("finish_run")
    going.set()
    await eventually(partial(has_left, first, response_id), bool)
    house.store.fail("append_events", 0)
    await first.take_over()
    assert text_of(await house.legal(await following)) == "Kept."


# --- events that are kept late ----------------------------------------------------------------------------------------


async def test_no_event_is_lost_when_the_end_overtakes_the_events(house: House, vendor: Vendor) -> None:
    vendor.play(Turn("Good ", "day."))
    held = house.store.hold("append_events")
    replica = house.replica()
    response_id = await house.begin(replica, stream=True)
    following = asyncio.create_task(house.follow(replica, response_id))
    await house.store.begun("append_events")
    await eventually(partial(house.has_ended, response_id), bool)
    held.set()
    assert text_of(await house.legal(await following)) == "Good day."


async def test_no_event_is_lost_when_the_store_refuses_it_after_the_end(house: House, vendor: Vendor) -> None:
    vendor.play(Turn("Good ", "day."))
    held, ending = house.store.hold("append_events"), house.store.hold("finish_run", done=True)
    replica = house.replica()
    response_id = await house.begin(replica, stream=True)
    following = asyncio.create_task(house.follow(replica, response_id))
    await house.store.begun("append_events")
    await eventually(partial(house.has_ended, response_id), bool)
    held.set()
    await house.store.ping()
    await house.store.ping()
    ending.set()
    assert text_of(await house.legal(await following)) == "Good day."


@pytest.mark.parametrize("done", [False, True])
async def test_events_are_kept_again_when_the_store_failed(house: House, vendor: Vendor, done: bool) -> None:
    going = asyncio.Event()
    vendor.play(Turn("Good ", going, "day."))
    house.store.fail("append_events", 2, done=done)
    replica = house.replica()
    response_id = await house.begin(replica, stream=True)
    following = asyncio.create_task(house.follow(house.replica(), response_id))
    await eventually(partial(house.has_shown, response_id, 3), bool)
    going.set()
    assert text_of(await house.legal(await following)) == "Good day."


async def test_a_follower_waits_for_a_store_that_is_down(
    house: House, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.exchange.following.STORE_RETRY", 0.005)
    going = asyncio.Event()
    vendor.play(Turn("Good ", going, "day."))
    response_id = await house.begin(house.replica(), stream=True)
    found = await house.found(response_id)
    house.store.fail("response", 3)
    house.store.fail("events", 3)
    events: list[Outgoing] = []
    going.set()
    async for batch in house.replica().follow(found, -1):
        events += batch
    await house.legal(events)


async def test_a_follower_does_not_wait_for_ever(house: House, vendor: Vendor) -> None:
    vendor.play(Turn("Good ", SILENCE))
    response_id = await house.begin(house.replica(), stream=True)
    found = await house.found(response_id)
    house.store.fail("response", 10**6)
    with pytest.raises(StoreUnavailableError):
        async for _ in house.replica(OVER).follow(found, -1):
            pass
    house.store.fail("response", 0)


# --- runs that nobody works at ----------------------------------------------------------------------------------------


async def test_a_take_over_that_is_cut_off_is_taken_up_again(house: House, vendor: Vendor) -> None:
    vendor.always(Turn(SILENCE))
    first, second = house.replica(OVER), house.replica(Timing(lease=60.0, poll=0.005))
    ids = [await house.begin(first) for _ in range(4)]
    for _ in ids:
        await vendor.arrival()
    await first.stop(0.0)
    vendor.always(Turn("Done."))
    house.store.fail("response", 2)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await second.take_over()
    await second.take_over()
    for response_id in ids:
        assert text_of(await house.ended(response_id)) == "Done."


@pytest.mark.parametrize("done", [False, True])
async def test_a_start_that_the_store_did_not_confirm_leaves_nothing_running(
    house: House, vendor: Vendor, done: bool
) -> None:
    replica = house.replica(Timing(lease=60.0, poll=0.005))
    house.store.fail("start_run", done=done)
    data = orjson.dumps({"model": CHAT, "input": "Hello", "background": True})
    run = await accept(house.gateway, data, ANYONE, arrived=time.perf_counter())
    with pytest.raises(StoreUnavailableError):
        await replica.start(run, data, "req_1")
    await replica.take_over()
    response_id = str(run.assembler.response["id"])
    if done:
        assert (await house.ended(response_id))["status"] == "cancelled"
    else:
        assert await house.gateway.store.response(response_id, "default", time.time()) is None
    assert vendor.requests == []
    assert await house.gateway.store.renew_runs(replica.replica, time.time() + 60) == {}


async def test_a_client_that_leaves_while_it_is_begun_leaves_it_running(house: House, vendor: Vendor) -> None:
    replica = house.replica()
    held = house.store.hold("start_run")
    data = orjson.dumps({"model": CHAT, "input": "Hello", "background": True})
    run = await accept(house.gateway, data, ANYONE, arrived=time.perf_counter())
    starting = asyncio.create_task(replica.start(run, data, "req_1"))
    await house.store.begun("start_run")
    starting.cancel()
    await asyncio.wait([starting])
    held.set()
    await vendor.arrival()
    assert (await house.ended(str(run.assembler.response["id"])))["status"] == "completed"


@pytest.mark.parametrize("left", [False, True])
async def test_a_run_that_is_not_begun_holds_nothing_back(house: House, vendor: Vendor, left: bool) -> None:
    replica = house.replica()
    held = house.store.hold("start_run")
    house.store.fail("start_run")
    run, starting = await starting_of_one(house, replica)
    if left:
        starting.cancel()
        await asyncio.wait([starting])
    held.set()
    await eventually(partial(may_begin, house, run), bool)
    await asyncio.wait([starting])
    assert vendor.requests == []


async def test_a_run_whose_replica_died_holds_nothing_back(house: House, vendor: Vendor) -> None:
    vendor.play(Turn(SILENCE), Turn("Done."))
    run, starting = await starting_of_one(house, house.replica(OVER))
    await starting
    await vendor.arrival()
    assert not await may_begin(house, run)
    await house.replica(clients={"default": ONE_STREAM}).take_over()
    assert await may_begin(house, run)
    assert text_of(await house.ended(str(run.assembler.response["id"]))) == "Done."


async def starting_of_one(house: House, replica: BackgroundRuns) -> tuple[Run, asyncio.Task[dict[str, object]]]:
    """The only stream that its client may have, which is begun."""
    data = orjson.dumps({"model": CHAT, "input": "Hello", "background": True, "stream": True})
    run = await accept(house.gateway, data, ONE_STREAM, arrived=time.perf_counter())
    starting = asyncio.create_task(replica.start(run, data, "req_1"))
    await house.store.begun("start_run")
    return run, starting


async def may_begin(house: House, run: Run) -> bool:
    """Whether another stream of this client could begin."""
    assert run.admission is not None
    ledger, claims = house.gateway.ledger, run.admission.claims
    found = isinstance(await ledger.reserve("another", claims, time.time()), Grant)
    await ledger.release("another")
    return found


async def test_a_replica_that_stops_takes_nothing_over(house: House, vendor: Vendor) -> None:
    vendor.play(Turn(SILENCE), Turn("Done."))
    first = house.replica()
    response_id = await house.begin(first)
    await vendor.arrival()
    await first.stop(0.0)
    await first.take_over()
    assert len(vendor.requests) == 1
    await house.replica().take_over()
    assert text_of(await house.ended(response_id)) == "Done."


@pytest.mark.parametrize("strict", [False, True])
async def test_a_strict_request_that_is_begun_again_stays_strict(house: House, vendor: Vendor, strict: bool) -> None:
    vendor.play(
        Turn(SILENCE), failure(400, "Unsupported parameter: 'temperature'.", param="temperature"), Turn("Done.")
    )
    first = house.replica()
    data = orjson.dumps({"model": CHAT, "input": "Hello", "background": True, "temperature": 0.5})
    run = await accept(house.gateway, data, ANYONE, arrived=time.perf_counter(), strict=strict)
    response_id = str((await first.start(run, data, "req_1"))["id"])
    await vendor.arrival()
    await first.stop(0.0)
    await house.replica().take_over()
    ended = await house.ended(response_id)
    if strict:
        assert ended["status"] == "failed"
        assert "temperature" in ended["error"]["message"]
    else:
        assert text_of(ended) == "Done."
    assert [recorded.json.get("temperature") for recorded in vendor.requests][:2] == [0.5, 0.5]


async def test_a_request_that_kills_its_process_is_given_up(house: House, vendor: Vendor) -> None:
    vendor.always(Turn(SILENCE))
    response_id = await house.begin(house.replica(OVER))
    await vendor.arrival()
    for _ in range(2):
        await house.replica(OVER).take_over()
        await vendor.arrival()
    for _ in range(3):
        await house.replica(OVER).take_over()
    last = await house.ended(response_id)
    assert last["status"] == "failed"
    assert len(vendor.requests) == 3


async def test_the_run_of_a_client_that_is_gone_fails(house: House, vendor: Vendor) -> None:
    vendor.always(Turn(SILENCE))
    response_id = await house.begin(house.replica(OVER), stream=True)
    await vendor.arrival()
    await house.replica(clients={}).take_over()
    events = await house.follow(house.replica(), response_id)
    assert (await house.legal(events))["status"] == "failed"


async def test_the_run_of_a_deleted_history_goes_on(house: House, vendor: Vendor) -> None:
    vendor.play(Turn("Before."), Turn(SILENCE), Turn("After."))
    replica = house.replica(OVER)
    before = await house.begin(replica, input="One")
    await house.ended(before)
    response_id = await house.begin(replica, input="Two", previous_response_id=before)
    await vendor.arrival()
    await vendor.arrival()
    assert await house.gateway.store.delete_response(before, "default", time.time())
    await house.replica().take_over()
    assert text_of(await house.ended(response_id)) == "After."
    assert b"Before." in vendor.last.body


# --- what was shown ---------------------------------------------------------------------------------------------------


def turns() -> list[Turn]:
    return [
        Turn("Good ", "day, ", SILENCE),
        Turn("Let me ", calls=(Called("wave", ('{"a"', ": 1}")),), stop="length"),
        Turn("So.", SILENCE, thinking="Long thoughts", signature="c2lnbmVk"),
    ]


@pytest.mark.parametrize("cancel", [False, True])
@pytest.mark.parametrize("number", range(3))
async def test_a_stream_that_was_partly_shown_is_closed(
    house: House, vendor: Vendor, model: str, number: int, cancel: bool
) -> None:
    """Whatever of it was shown: the first replica's store stands still behind each event."""
    tools = [{"type": "function", "name": "wave", "parameters": {"type": "object", "properties": {}}}]
    vendor.always(turns()[number])
    shown: list[Outgoing] = []
    first = house.replica(OVER)
    response_id = await house.begin(first, model=model, stream=True, tools=tools)
    async with asyncio.timeout(10):
        while len(shown) < 6:
            active = first._active.get(response_id)
            shown = list(active.log) if active is not None else await house.follow(first, response_id)
            await asyncio.sleep(0.005)
    store, whole = house.gateway.store, shown
    for length in range(3, len(whole) + 1):
        if whole[length - 1][0] in ("response.completed", "response.incomplete"):
            break
        copied = await copy_of(house, response_id, whole[:length])
        if cancel:
            assert await store.request_cancel(copied, "default")
        await house.replica(clients={}).take_over()
        events = await house.follow(house.replica(), copied)
        assert events[:length] == [(name, renamed(data, response_id, copied)) for name, data in whole[:length]]
        last = await house.legal(events)
        assert last["status"] == ("cancelled" if cancel else "failed")
        deltas = [orjson.loads(data)["delta"] for name, data in whole[:length] if name == "response.output_text.delta"]
        assert text_of(last) == "".join(deltas)
        again = await house.follow(house.replica(), copied, 4)
        assert again == events[5:]


def renamed(data: bytes, old: str, new: str) -> bytes:
    return data.replace(old.encode(), new.encode())


async def copy_of(house: House, response_id: str, events: list[Outgoing]) -> str:
    """A run of a replica that is dead, of which these events were kept; its id."""
    found = await house.found(response_id)
    copied = identifiers.response_id()
    opening = renamed(orjson.dumps(orjson.loads(events[0][1])["response"]), response_id, copied)
    new = NewResponse(
        id=copied, owner="default", status="queued", created_at=found.created_at, expires_at=found.expires_at,
        body=opening, journal=STREAMING, background=True,
    )  # fmt: skip
    await house.store.start_run(new, BackgroundRun(copied, "default", "dead", b"{}"), 0.0)
    kept = [(name, renamed(data, response_id, copied)) for name, data in events]
    assert await house.store.append_events(copied, "dead", batch_of(0, kept))
    return copied


async def test_an_end_that_was_half_kept_is_told_once(house: House, vendor: Vendor) -> None:
    """The replica that gave the run up died between its two steps."""
    vendor.play(Turn("Good ", SILENCE))
    first = house.replica(OVER)
    response_id = await house.begin(first, stream=True)
    await eventually(partial(house.has_shown, response_id, 4), bool)
    house.store.fail("finish_run")
    with pytest.raises(StoreUnavailableError):
        await house.replica(OVER).take_over()
    following = asyncio.create_task(house.follow(house.replica(), response_id))
    await house.store.begun("events")
    early = [event async for event in first_batches(house, response_id)]
    assert all(b"response.failed" not in data for _, data in early)
    await house.replica().take_over()
    last = await house.legal(await following)
    assert last["status"] == "failed"


async def first_batches(house: House, response_id: str) -> AsyncIterator[Outgoing]:
    found = await house.found(response_id)
    async for batch in house.replica().follow(found, -1):
        for event in batch:
            yield event
        return


async def test_many_followers_of_one_run_get_the_same(house: House, vendor: Vendor) -> None:
    going = asyncio.Event()
    vendor.play(Turn(*["word "] * 50, going, *["word "] * 50))
    replica = house.replica()
    response_id = await house.begin(replica, stream=True)
    followers = [asyncio.create_task(house.follow(replica, response_id, number % 40 - 1)) for number in range(500)]
    await asyncio.sleep(0)
    going.set()
    whole = await house.follow(house.replica(), response_id)
    await house.legal(whole)
    for number, follower in enumerate(followers):
        assert await follower == whole[number % 40 :]
