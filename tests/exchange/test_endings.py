"""The end of a response whose client, or whose process, goes while it is kept."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

from config.loader import load
from proxy import app
from proxy.exchange.accept import accept
from proxy.exchange.background import BackgroundRuns, Timing
from proxy.exchange.gateway import Client
from proxy.exchange.record import record
from proxy.exchange.run import Run
from proxy.http.responses import interrupt_streams
from proxy.responses.errors import ResponsesError
from proxy.state.records import Conversation, StoredResponse
from proxy.testing.grammar import check_stream
from tests.exchange.faulty_store import FaultyStore
from tests.vendors.gateway import MODELS, Gateway, configuration
from tests.vendors.journal import Journal
from tests.vendors.script import SILENCE, Turn, failure
from tests.vendors.server import Vendor

CHAT = MODELS["openai_chat"]
ANYONE = Client()


@pytest.fixture
def store() -> FaultyStore:
    """The gateway's store."""
    return FaultyStore()


@pytest.fixture
async def gateway(
    vendor: Vendor, tmp_path: Path, store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    """A gateway on that store."""
    monkeypatch.setattr(app, "store_of", lambda settings: store)
    path = tmp_path / "dragoman.yaml"
    path.write_text(yaml.safe_dump(configuration(vendor.url)))
    plugins = app.Plugins()
    server = app.Server(load(path, {}, plugins), plugins)
    await server.start()
    async with aiohttp.ClientSession() as http:
        yield Gateway(server, http, server.port)
    await server.stop()


async def found(store: FaultyStore, response_id: str) -> StoredResponse | None:
    return await store.response(response_id, "default", time.time())


async def test_a_stream_that_is_interrupted_while_it_is_kept_tells_what_was_kept(
    gateway: Gateway, store: FaultyStore
) -> None:
    held = store.hold("save")
    streaming = asyncio.create_task(gateway.create(model=CHAT, input="Hi", stream=True))
    await store.begun("save")
    [runner] = gateway.server._runners.values()
    interrupt_streams(runner.app)
    await store.ping()
    held.set()
    answer = await streaming
    assert check_stream(answer.body) == []
    last = answer.response
    kept = await found(store, last["id"])
    assert kept is not None
    assert (last["status"], kept.status) == ("completed", "completed")
    assert orjson.loads(kept.body)["error"] is None


async def test_what_was_being_kept_when_its_client_left_is_kept(
    gateway: Gateway, store: FaultyStore, journal: Journal
) -> None:
    held = store.hold("save")
    wire = await gateway.open(model=CHAT, input="Hi", stream=True)
    text = await wire.until(b"output_text.delta")
    response_id = orjson.loads(text.partition(b"data: ")[2].partition(b"\n")[0])["response"]["id"]
    await store.begun("save")
    await wire.close()
    held.set()
    assert (await journal.entry(response_id=response_id))["outcome"] == "completed"
    kept = await found(store, response_id)
    assert kept is not None
    assert kept.status == "completed"


# --- conversations that nobody knows of -------------------------------------------------------------------------------


async def begun(gateway: Gateway, store: FaultyStore, **body: Any) -> tuple[Run, str]:
    data = orjson.dumps({"model": CHAT, "input": "Hi", "conversation": {}, **body})
    run = await accept(gateway.server.gateway, data, ANYONE, arrived=time.perf_counter())
    assert run.context.new_conversation is not None
    conversation_id = run.context.new_conversation[0].id
    assert await kept(store, conversation_id) is not None
    return run, conversation_id


async def kept(store: FaultyStore, conversation_id: str) -> Conversation | None:
    return await store.conversation(conversation_id, "default")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_new_conversation_goes_when_its_client_leaves_without_having_heard_of_it(
    gateway: Gateway, store: FaultyStore, vendor: Vendor, stream: bool
) -> None:
    vendor.play(Turn(SILENCE))
    run, conversation_id = await begun(gateway, store, stream=stream)
    running = asyncio.create_task(run.advance())
    await vendor.arrival()
    running.cancel()
    await asyncio.wait([running])
    await run.close()
    record(gateway.server.gateway, run, "req_1")
    assert await kept(store, conversation_id) is None


async def test_a_new_conversation_stays_when_its_client_was_told_of_it(
    gateway: Gateway, store: FaultyStore, vendor: Vendor
) -> None:
    vendor.play(Turn("One ", SILENCE))
    run, conversation_id = await begun(gateway, store, stream=True)
    assert await run.advance()
    await run.close()
    record(gateway.server.gateway, run, "req_1")
    assert await kept(store, conversation_id) is not None
    cancelled = await found(store, str(run.assembler.response["id"]))
    assert cancelled is not None
    assert cancelled.status == "cancelled"


async def test_a_new_conversation_goes_when_its_request_fails(
    gateway: Gateway, store: FaultyStore, vendor: Vendor
) -> None:
    vendor.play(failure(400, "No."))
    run, conversation_id = await begun(gateway, store)
    with pytest.raises(ResponsesError):
        await run.advance()
    await run.close()
    record(gateway.server.gateway, run, "req_1")
    assert await kept(store, conversation_id) is None


# --- followers --------------------------------------------------------------------------------------------------------


async def test_a_follower_of_a_response_that_is_deleted_meanwhile_is_left_without_an_end(
    gateway: Gateway, store: FaultyStore, vendor: Vendor
) -> None:
    going = asyncio.Event()
    vendor.play(Turn("Good ", going, "day."))
    other = BackgroundRuns(gateway.server.gateway, {}, Timing(lease=600.0))
    data = orjson.dumps({"model": CHAT, "input": "Hi", "background": True, "stream": True})
    run = await accept(gateway.server.gateway, data, ANYONE, arrived=time.perf_counter())
    response_id = str((await other.start(run, data, "req_1"))["id"])
    async with gateway.http.get(f"{gateway.url}/v1/responses/{response_id}?stream=true") as answer:
        body = b""
        while b"Good " not in body:
            body += await answer.content.readany()
        held = store.hold("response")
        going.set()
        await other.stop(10.0)
        assert await store.delete_response(response_id, "default", time.time())
        held.set()
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await answer.content.read()
    assert b"[DONE]" not in body
