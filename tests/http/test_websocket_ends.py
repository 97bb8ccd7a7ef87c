"""The WebSocket mode: how connections end, and what becomes of their responses."""

import asyncio

import aiohttp
import orjson
import pytest

from proxy.http import websocket
from tests.http.sockets import (
    CHAT,
    Socket,
    connected,
    connection_of,
    error_of,
    eventually,
    no_connections,
    text_of,
)
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.journal import Journal
from tests.vendors.script import SILENCE, Reply, Turn
from tests.vendors.server import Vendor

# --- ends -------------------------------------------------------------------------------------------------------------


async def test_a_client_that_closes_cancels_what_runs(gateway: Gateway, vendor: Vendor, journal: Journal) -> None:
    vendor.always(Turn("One ", SILENCE))
    async with connected(gateway) as socket:
        for lane in ("a", "b"):
            await socket.create(model=CHAT, input="hi", stream_id=lane)
            await socket.until("response.output_text.delta")
        await socket.create(model=CHAT, input="waits", stream_id="a")
    await everything_cancelled(gateway, vendor, journal, 2)
    assert len(vendor.requests) == 2


async def test_a_client_that_vanishes_cancels_what_runs(gateway: Gateway, vendor: Vendor, journal: Journal) -> None:
    vendor.always(Turn("One ", SILENCE))
    async with connected(gateway) as socket:
        for lane in ("a", "b"):
            await socket.create(model=CHAT, input="hi", stream_id=lane)
            await socket.until("response.output_text.delta")
        socket.socket._writer.transport.abort()
        await everything_cancelled(gateway, vendor, journal, 2)


async def test_a_client_that_leaves_before_the_vendor_answers(
    gateway: Gateway, vendor: Vendor, journal: Journal
) -> None:
    vendor.play(Reply(held=asyncio.Event()))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="hi")
        await vendor.arrival()
        assert await gateway.metric("dragoman_requests_in_flight") == 1
        assert await gateway.metric("dragoman_streams_open") == 1
    await everything_cancelled(gateway, vendor, journal, 1)


async def everything_cancelled(gateway: Gateway, vendor: Vendor, journal: Journal, count: int) -> None:
    for recorded in vendor.requests:
        await asyncio.wait_for(recorded.closed.wait(), 10)
    await no_connections(gateway)
    outcomes = [entry["outcome"] for entry in journal.entries if entry["event"] == "request"]
    assert outcomes == ["cancelled"] * count
    assert await gateway.metric("dragoman_requests_total", outcome="cancelled") == count
    assert await gateway.metric("dragoman_requests_total") == count
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="cancelled") == count
    assert await gateway.metric("dragoman_requests_in_flight") == 0
    assert await gateway.metric("dragoman_streams_open") == 0
    assert not [entry for entry in journal.entries if entry["level"] == "error"]


async def test_a_client_that_does_not_read_holds_the_vendor_back(
    gateway: Gateway, vendor: Vendor, journal: Journal
) -> None:
    size = 64 * 2**20
    noise = " ".join(hex(number * number) for number in range(1 << 20, (1 << 20) + 5_000))
    piece = b'data: {"id":"x","model":"m","choices":[{"index":0,"delta":{"content":%b}}]}\n\n' % orjson.dumps(noise)
    vendor.play(Reply(steps=(piece,) * (size // len(piece)), headers={"content-type": "text/event-stream"}))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="hi")
        await socket.until("response.output_text.delta")
        socket.socket._reader._protocol.pause_reading()
        recorded, sent = vendor.last, -1
        while sent != recorded.sent:  # until the vendor stands still
            sent = recorded.sent
            for _ in range(2):
                await gateway.metric("dragoman_streams_open")
        assert sent < size / 2
        socket.socket._writer.transport.abort()
        await everything_cancelled(gateway, vendor, journal, 1)


async def test_a_connection_ends_after_its_time(
    gateway: Gateway, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    vendor.play(Turn("One ", gate, "two."))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="1", stream_id="a")
        await socket.until("response.output_text.delta")
        await socket.create(model=CHAT, input="2", stream_id="a")
        connection = connection_of(gateway)
        await eventually(gateway, lambda: connection._waiting == 1)
        connection._reach_limit()
        await socket.create(model=CHAT, input="3", stream_id="b")
        refused = await socket.event()
        assert refused["stream_id"] == "b"
        gate.set()
        rest = await socket.until("error")
        assert rest[-2]["type"] == "response.completed"
        final = await socket.event()
        for event, lane in ((refused, "b"), (rest[-1], "a"), (final, None)):
            assert error_of(event)["code"] == "websocket_connection_limit_reached"
            assert event.get("stream_id") == lane
            assert event["status"] == 400
        assert await socket.end() == 1000
    assert len(vendor.requests) == 1


async def test_an_idle_connection_ends_after_its_time(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gateway.server._runners["main"].app._state, websocket.CONNECTION_LIMIT, 0.01)
    async with connected(gateway) as socket:
        error = error_of(await socket.event())
        assert error["code"] == "websocket_connection_limit_reached"
        assert await socket.end() == 1000


async def test_a_client_that_ignores_the_end_is_cut_off(
    gateway: Gateway, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "CLOSING_TIME", 0.01)
    async with connected(gateway) as socket:
        await socket.respond(model=CHAT, input="hi")
        socket.socket._reader._protocol.pause_reading()
        connection_of(gateway)._reach_limit()
        await no_connections(gateway)
        socket.socket._writer.transport.abort()


async def test_silence_is_filled_with_pings(gateways: Gateways) -> None:
    gateway = await gateways.start(heartbeat="5ms")
    async with gateway.http.ws_connect(f"{gateway.url}/v1/responses", autoping=False) as socket:
        for _ in range(3):
            frame = await asyncio.wait_for(socket.receive(), 10)
            assert frame.type is aiohttp.WSMsgType.PING
        assert frame.data == b""


async def test_a_ping_is_answered_while_a_response_is_made(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("One ", SILENCE))
    async with gateway.http.ws_connect(f"{gateway.url}/v1/responses", autoping=False) as socket:
        await Socket(socket).create(model=CHAT, input="hi")
        await Socket(socket).until("response.output_text.delta")
        await socket.ping(b"there?")
        frame = await asyncio.wait_for(socket.receive(), 10)
        assert (frame.type, frame.data) == (aiohttp.WSMsgType.PONG, b"there?")


# --- shutdown ---------------------------------------------------------------------------------------------------------


async def test_an_idle_connection_is_no_reason_to_wait(gateways: Gateways) -> None:
    gateway = await gateways.start(grace="60s")
    async with connected(gateway) as socket:
        assert await socket.respond(model=CHAT, input="hi")
        stopping = asyncio.create_task(gateway.server.stop())
        assert await socket.end() == 1001
        await asyncio.wait_for(stopping, 20)


async def test_what_runs_is_finished_before_the_process_ends(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(grace="60s")
    gate = asyncio.Event()
    vendor.play(Turn("One ", gate, "two."))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="hi")
        await socket.until("response.output_text.delta")
        await gateway.server._runners["main"].shutdown()
        stopping = asyncio.create_task(gateway.server.stop())
        error = await socket.refusal(model=CHAT, input="too late", stream_id="b")
        assert error["type"] == "service_unavailable_error"
        gate.set()
        assert text_of((await socket.until("response.completed"))[-1]["response"]) == "One two."
        assert await socket.end() == 1001
        await asyncio.wait_for(stopping, 20)


async def test_what_outlasts_the_grace_gets_its_terminal_event(
    gateways: Gateways, vendor: Vendor, journal: Journal
) -> None:
    gateway = await gateways.start(grace="200ms")
    vendor.play(Turn("One ", SILENCE), Reply(held=asyncio.Event()))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="hi", stream_id="a")
        await socket.until("response.output_text.delta")
        await socket.create(model=CHAT, input="hi", stream_id="b")
        await socket.create(model=CHAT, input="waits", stream_id="a")
        await vendor.arrival()
        await vendor.arrival()
        stopping = asyncio.create_task(gateway.server.stop())
        events = [await socket.event() for _ in range(8)]
        last = {event["stream_id"]: event for event in events if event["type"] == "response.failed"}
        assert last.keys() == {"a", "b"}
        assert text_of(last["a"]["response"]) == "One "
        (refused,) = [event for event in events if event["type"] == "error"]
        assert (refused["stream_id"], refused["status"]) == ("a", 503)
        assert await socket.end() == 1001
        await asyncio.wait_for(stopping, 20)
    outcomes = sorted(entry["outcome"] for entry in journal.entries if entry["event"] == "request")
    assert outcomes == ["failed", "failed", "rejected"]
