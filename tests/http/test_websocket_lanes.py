"""The WebSocket mode: lanes, and how much of a client is taken on."""

import asyncio

import pytest

from proxy.http import websocket
from tests.http.sockets import (
    CHAT,
    connected,
    connection_of,
    echo,
    said,
    text_of,
)
from tests.vendors.gateway import Gateway
from tests.vendors.script import CUT, Turn, failure
from tests.vendors.server import Vendor


async def test_every_event_of_a_lane_names_it(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("One."), failure(400), Turn("Half", CUT))
    longest = "a-Z_0." * 42 + "abcd"
    async with connected(gateway) as socket:
        for lane in (longest, "x", "x"):
            await socket.create(model=CHAT, input="hi", stream_id=lane)
            assert {event["stream_id"] for event in await socket.events()} == {lane}
        await socket.create(model="nope", input="hi", stream_id="y")
        assert (await socket.event())["stream_id"] == "y"
        await socket.create(model=CHAT, input="hi")
        assert all("stream_id" not in event for event in await socket.events())


async def test_a_lane_is_in_order_and_lanes_are_not_in_each_others_way(gateway: Gateway, vendor: Vendor) -> None:
    gate = asyncio.Event()
    vendor.play(Turn("slow ", gate, "end"), Turn("quick"), Turn("second"))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="1", stream_id="a")
        await socket.until("response.output_text.delta")
        await socket.create(model=CHAT, input="2", stream_id="b")
        assert (await socket.until("response.completed"))[-1]["stream_id"] == "b"
        await socket.create(model=CHAT, input="3", stream_id="a")
        await socket.create(model=CHAT, input="4", stream_id="b")
        assert (await socket.until("response.completed"))[-1]["stream_id"] == "b"
        assert len(vendor.requests) == 3
        gate.set()
        ended = [(await socket.until("response.completed"))[-1] for _ in range(2)]
    assert [event["stream_id"] for event in ended] == ["a", "a"]
    assert text_of(ended[0]["response"]) == "slow end"
    assert [said(request)[0][1] for request in vendor.requests] == ["1", "2", "4", "3"]


async def test_the_default_lane_is_in_order(gateway: Gateway, vendor: Vendor) -> None:
    vendor.responder = echo
    async with connected(gateway) as socket:
        for number in range(20):
            await socket.create(model=CHAT, input=f"number {number}")
        for number in range(20):
            assert text_of((await socket.terminal())["response"]) == f"number {number}"


async def test_a_hundred_lanes(gateway: Gateway, vendor: Vendor) -> None:
    vendor.responder = echo
    async with connected(gateway, compress=15) as socket:
        for turn in range(2):
            for lane in range(100):
                await socket.create(model=CHAT, input=f"{lane}/{turn}", stream_id=f"lane-{lane}")
        texts: dict[str, list[str]] = {}
        numbers: dict[str, list[int]] = {}
        ended = 0
        while ended < 200:
            event = await socket.event()
            lane = event["stream_id"]
            numbers.setdefault(lane, []).append(event["sequence_number"])
            if event["type"] == "response.completed":
                ended += 1
                texts.setdefault(lane, []).append(text_of(event["response"]))
                assert numbers.pop(lane) == list(range(event["sequence_number"] + 1))
    assert texts == {f"lane-{lane}": [f"{lane}/0", f"{lane}/1"] for lane in range(100)}


async def test_so_many_lanes_are_served_at_once(gateway: Gateway, vendor: Vendor) -> None:
    gate = asyncio.Event()
    vendor.always(Turn("One ", gate, "two."))
    count = websocket.MAX_PARALLEL + 3
    async with connected(gateway) as socket:
        for lane in range(count):
            await socket.create(model=CHAT, input="hi", stream_id=str(lane))
        for _ in range(websocket.MAX_PARALLEL):
            await socket.until("response.output_text.delta")
        assert await gateway.metric("dragoman_requests_in_flight") == websocket.MAX_PARALLEL
        assert await gateway.metric("dragoman_streams_open") == websocket.MAX_PARALLEL
        assert len(vendor.requests) == websocket.MAX_PARALLEL
        gate.set()
        for _ in range(count):
            await socket.until("response.completed")
    assert await gateway.metric("dragoman_requests_in_flight") == 0
    assert await gateway.metric("dragoman_streams_open") == 0


async def test_a_client_that_sends_too_much_is_not_read_from(
    gateway: Gateway, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "MAX_QUEUED", 4)
    gate = asyncio.Event()
    vendor.play(Turn("slow", gate))
    vendor.responder = echo
    text = "x" * 100_000
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="first")
        await vendor.arrival()
        connection = connection_of(gateway)
        sending = [asyncio.create_task(socket.create(model=CHAT, input=f"{number}{text}")) for number in range(100)]
        for _ in range(50):
            await gateway.metric("dragoman_streams_open")
        assert connection._waiting == 4
        assert not all(task.done() for task in sending)
        gate.set()
        for _ in range(101):
            assert (await socket.until("response.completed"))[-1]
        await asyncio.gather(*sending)
    assert len(vendor.requests) == 101
