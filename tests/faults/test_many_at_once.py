"""Many requests at once: nothing is mixed up, and connections are used again."""

import asyncio

from tests.vendors import chat
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import CUT, Turn
from tests.vendors.server import Recorded, Vendor

STREAMS = 200


async def test_streams_at_the_same_time_do_not_mix(gateway: Gateway, vendor: Vendor, model: str) -> None:
    everyone_is_here = asyncio.Event()

    def tagged(recorded: Recorded) -> Turn:
        if len(vendor.requests) == STREAMS:
            everyone_is_here.set()
        tag = recorded.body.decode().rpartition("tag-")[2].partition("-end")[0]
        return Turn(f"[{tag}] ", everyone_is_here, f"[{tag}] ", f"[{tag}]")

    vendor.responder = tagged
    answers = await asyncio.gather(
        *(gateway.create(model=model, input=f"tag-{number}-end", stream=True) for number in range(STREAMS))
    )
    for number, answer in enumerate(answers):
        assert answer.text == f"[{number}] [{number}] [{number}]"
    assert len({answer.response["id"] for answer in answers}) == STREAMS
    assert len({answer.headers["x-request-id"] for answer in answers}) == STREAMS
    assert await gateway.metric("dragoman_requests_total", outcome="completed") == STREAMS
    assert await gateway.metric("dragoman_streams_open") == 0


async def test_connections_to_the_vendor_are_used_again(gateway: Gateway, vendor: Vendor, model: str) -> None:
    for stream in (False, True) * 10:
        assert (await gateway.create(model=model, input="hi", stream=stream)).text == "Hello there."
    assert len(vendor.connections) == 1


async def test_a_broken_connection_is_not_used_again(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("One ", CUT))
    assert (await gateway.create(model=model, input="hi", stream=True)).terminal["type"] == "response.failed"
    assert (await gateway.create(model=model, input="hi", stream=True)).text == "Hello there."
    assert len(vendor.connections) == 2


async def test_an_idle_connection_that_the_vendor_closed_does_no_harm(gateway: Gateway, vendor: Vendor) -> None:
    await gateway.create(model="chat/gpt-4o", input="hi")
    await vendor.close_connections()
    answer = await gateway.create(model="chat/gpt-4o", input="hi")
    assert answer.text == "Hello there."
    assert answer.headers["x-dragoman-attempts"] == "1"


async def test_what_follows_an_answer_is_not_the_next_one(gateways: Gateways) -> None:
    body = chat.whole(Turn("Asked for."), "m")
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    farewell = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(65_536)
        writer.write(head % len(body) + body + farewell)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        gateway = await gateways.start(providers={"chat": {"base_url": address}})
        for _ in range(3):
            answer = await gateway.create(model="chat/gpt-4o", input="hi")
            assert answer.text == "Asked for."
            assert answer.headers["x-dragoman-attempts"] == "1"
    assert connections == 3
