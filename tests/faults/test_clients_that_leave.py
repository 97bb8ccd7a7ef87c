"""The client goes away, or reads slowly: the vendor must notice, and nothing stays behind."""

import asyncio

import pytest

from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.journal import Journal
from tests.vendors.script import END, SILENCE, Reply, Turn
from tests.vendors.server import Vendor


async def cancelled(gateway: Gateway, journal: Journal, vendor: Vendor) -> None:
    """The vendor saw the connection close, and the request is over and counted as cancelled."""
    await asyncio.wait_for(vendor.last.closed.wait(), 10)
    await journal.entry(outcome="cancelled")
    assert await gateway.metric("dragoman_requests_total", outcome="cancelled") == 1
    assert await gateway.metric("dragoman_requests_total") == 1
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="cancelled") == 1
    assert await gateway.metric("dragoman_upstream_attempts_total") == 1
    assert await gateway.metric("dragoman_requests_in_flight") == 0
    assert await gateway.metric("dragoman_streams_open") == 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_client_that_leaves_before_the_headers_of_the_answer(
    gateway: Gateway, vendor: Vendor, journal: Journal, model: str, stream: bool
) -> None:
    vendor.play(Reply(held=asyncio.Event()))
    wire = await gateway.open(model=model, input="hi", stream=stream)
    await vendor.arrival()
    assert await gateway.metric("dragoman_requests_in_flight") == 1
    assert await gateway.metric("dragoman_streams_open") == int(stream)
    await wire.close()
    await cancelled(gateway, journal, vendor)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_client_that_leaves_before_the_output(
    gateway: Gateway, vendor: Vendor, journal: Journal, model: str, stream: bool
) -> None:
    vendor.play(Turn(SILENCE))
    wire = await gateway.open(model=model, input="hi", stream=stream)
    await vendor.arrival()
    await wire.close()
    await cancelled(gateway, journal, vendor)


async def test_a_client_that_leaves_in_the_middle_of_a_stream(
    gateway: Gateway, vendor: Vendor, journal: Journal, model: str
) -> None:
    vendor.play(Turn("One ", SILENCE))
    wire = await gateway.open(model=model, input="hi", stream=True)
    await wire.until(b"event: response.output_text.delta")
    await wire.close()
    await cancelled(gateway, journal, vendor)
    assert await gateway.metric("dragoman_tokens_total", kind="input") > 0


async def test_a_client_that_leaves_after_the_commit_and_before_the_output(
    gateways: Gateways, vendor: Vendor, journal: Journal, model: str
) -> None:
    gateway = await gateways.start(stream_commit_after="0ms")
    vendor.play(Turn(SILENCE))
    wire = await gateway.open(model=model, input="hi", stream=True)
    await wire.until(b"event: response.in_progress")
    await vendor.arrival()
    await wire.close()
    await cancelled(gateway, journal, vendor)


async def test_a_client_that_leaves_while_the_vendor_talks(
    gateway: Gateway, vendor: Vendor, journal: Journal, model: str
) -> None:
    vendor.play(Turn(*["word " * 1000] * 5000))
    wire = await gateway.open(model=model, input="hi", stream=True)
    await wire.until(b"event: response.output_text.delta")
    await wire.close()
    await cancelled(gateway, journal, vendor)


async def test_a_client_that_does_not_read_holds_the_vendor_back(
    gateway: Gateway, vendor: Vendor, journal: Journal
) -> None:
    size = 64 * 2**20
    piece = b'data: {"id":"x","model":"m","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % (b"x" * 65_000)
    vendor.play(Reply(steps=(piece,) * (size // len(piece)), headers={"content-type": "text/event-stream"}))
    wire = await gateway.open(model="chat/gpt-4o", input="hi", stream=True)
    await wire.until(b"event: response.output_text.delta")
    recorded = vendor.last
    sent = -1
    while sent != recorded.sent:  # until the vendor stands still
        sent = recorded.sent
        await gateway.metric("dragoman_streams_open")
        await gateway.metric("dragoman_streams_open")
    assert sent < size / 2
    await wire.close()
    await cancelled(gateway, journal, vendor)


async def test_a_client_that_leaves_does_not_disturb_the_others(
    gateway: Gateway, vendor: Vendor, journal: Journal, model: str
) -> None:
    gate = asyncio.Event()
    vendor.play(Turn("One ", SILENCE), Turn("Two ", gate, "three."))
    leaver = await gateway.open(model=model, input="hi", stream=True)
    await leaver.until(b"event: response.output_text.delta")
    stayer = await gateway.open(model=model, input="hi", stream=True)
    await stayer.until(b"event: response.output_text.delta")
    await leaver.close()
    await journal.entry(outcome="cancelled")
    gate.set()
    assert b"event: response.completed" in await stayer.until(b"data: [DONE]\n\n")


async def test_the_scripted_model_stops_when_the_client_leaves(gateway: Gateway, journal: Journal) -> None:
    wire = await gateway.open(model="toy/any", input="/say One\n/delay 60\n/say two", stream=True)
    await wire.until(b"event: response.output_text.delta")
    await wire.close()
    await journal.entry(outcome="cancelled")
    assert await gateway.metric("dragoman_requests_in_flight") == 0


async def test_half_closed_connections_do_not_hang(gateway: Gateway, vendor: Vendor, journal: Journal) -> None:
    vendor.play(Turn("One ", END))
    wire = await gateway.open(model="chat/gpt-4o", input="hi", stream=True)
    wire.writer.write_eof()
    await journal.entry(event="request")
    assert await gateway.metric("dragoman_requests_in_flight") == 0
