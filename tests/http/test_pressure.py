"""Clients that are too many, too slow, or never say what they want."""

import asyncio
import resource
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest

from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.journal import Journal
from tests.vendors.script import Turn
from tests.vendors.server import Vendor
from tests.vendors.waiting import eventually

MODEL = "chat/gpt-4o"


async def refused(gateway: Gateway, reason: str) -> float:
    return await gateway.metric("dragoman_refused_requests_total", reason=reason)


async def closed(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection ends."""
    received = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(10):
            while piece := await reader.read(65536):
                received += piece
    return received


async def test_more_requests_than_places_are_told_at_once(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(limits={"concurrency": 2})
    gate = asyncio.Event()
    vendor.play(Turn("One", gate), Turn("Two", gate))
    busy = [asyncio.create_task(gateway.create(model=MODEL, input="hi", stream=stream)) for stream in (False, True)]
    for _ in busy:
        await vendor.arrival()
    for path in ("/v1/responses", "/v1/responses/compact"):
        answer = await gateway.create(path=path, model=MODEL, input="hi")
        assert (answer.status, answer.error["code"]) == (503, "server_is_overloaded")
        assert answer.headers["retry-after"] == "1"
    assert await refused(gateway, "concurrency") == 2
    assert (await gateway.request("GET", "/healthz")).status == 200
    gate.set()
    assert {answer.status for answer in await asyncio.gather(*busy)} == {200}
    assert (await gateway.create(model=MODEL, input="hi")).status == 200
    assert await gateway.metric("dragoman_requests_in_flight") == 0


async def test_on_a_websocket_as_well(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(limits={"concurrency": 1})
    gate = asyncio.Event()
    vendor.play(Turn("One", gate))
    busy = asyncio.create_task(gateway.create(model=MODEL, input="hi"))
    await vendor.arrival()
    async with gateway.http.ws_connect(f"{gateway.url}/v1/responses") as socket:
        await socket.send_json({"type": "response.create", "model": MODEL, "input": "hi"})
        event = await socket.receive_json(timeout=10)
        assert (event["type"], event["error"]["code"]) == ("error", "server_is_overloaded")
        gate.set()
        assert (await busy).status == 200
        await socket.send_json({"type": "response.create", "model": MODEL, "input": "hi"})
        while event["type"] != "response.completed":
            event = await socket.receive_json(timeout=10)


async def test_more_connections_than_allowed_are_closed(gateways: Gateways) -> None:
    gateway = await gateways.start(limits={"connections": 3}, metrics={"listen": "127.0.0.1:0"})
    opened = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(3)]
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    assert await closed(reader) == b""
    for _, other in (*opened, (reader, writer)):
        other.close()
    answer = await eventually(lambda: tried(gateway), lambda status: status == 200)
    assert answer == 200
    assert await refused(gateway, "connections") >= 1


async def tried(gateway: Gateway) -> int:
    try:
        return (await gateway.request("GET", "/healthz")).status
    except (ConnectionError, OSError):
        return 0
    except Exception as error:
        if "disconnected" in str(error).lower():
            return 0
        raise


@pytest.mark.parametrize("sent", [b"", b"POST /v1/resp", b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: "])
async def test_a_request_whose_head_does_not_come_is_dropped(gateways: Gateways, sent: bytes) -> None:
    gateway = await gateways.start(limits={"request_read": "200ms"})
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(sent)
    assert await closed(reader) == b""
    assert await refused(gateway, "request_read") == 1
    writer.close()


async def test_a_head_that_drips_is_no_excuse(gateways: Gateways) -> None:
    gateway = await gateways.start(limits={"request_read": "300ms"})
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"GET /healthz HTTP/1.1\r\n")

    async def drip() -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    assert await closed(reader) == b""
    dripping.cancel()
    assert await refused(gateway, "request_read") == 1
    writer.close()


async def test_a_body_that_does_not_come_is_told(gateways: Gateways) -> None:
    gateway = await gateways.start(limits={"request_read": "200ms"})
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert await gateway.metric("dragoman_requests_in_flight") == 0
    writer.close()


async def test_a_connection_between_two_requests_may_rest(gateways: Gateways) -> None:
    gateway = await gateways.start(limits={"request_read": "500ms"})
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    for _ in range(2):
        writer.write(request)
        async with asyncio.timeout(10):
            await reader.readuntil(b'{"status": "ok"}')
        await asyncio.sleep(0.7)
    assert await refused(gateway, "request_read") == 0
    writer.close()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_client_that_takes_nothing_is_dropped_and_counted(
    gateways: Gateways, vendor: Vendor, journal: Journal, stream: bool
) -> None:
    gateway = await gateways.start(limits={"client_stall": "300ms"})
    vendor.always(Turn(*["x" * 65536] * 400, tokens=(3, 5)))
    wire = await gateway.open(model=MODEL, input="hi", stream=stream)
    await eventually(lambda: refused(gateway, "client_stall"), lambda number: number == 1)
    entry = await journal.entry(event="request")
    assert entry["outcome"] in ("cancelled", "completed")
    assert await gateway.metric("dragoman_tokens_total") > 0

    async def at_work() -> float:
        return await gateway.metric("dragoman_requests_in_flight")

    await eventually(at_work, lambda number: number == 0)
    await wire.close()


async def test_a_client_that_reads_slowly_gets_all(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(limits={"client_stall": "1s"})
    vendor.always(Turn(*["x" * 65536] * 30, tokens=(3, 5)))
    wire = await gateway.open(model=MODEL, input="hi", stream=True)
    received = bytearray()
    async with asyncio.timeout(30):
        while b"data: [DONE]" not in received[-200:]:
            received += await wire.reader.read(2**20)
            await asyncio.sleep(0.05)
    assert b"response.completed" in received
    assert await refused(gateway, "client_stall") == 0


def test_the_limit_of_open_files_is_raised_as_far_as_allowed() -> None:
    program = (
        "import resource\n"
        "from proxy.http.kernel import raise_file_limit\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))\n"
        "print(raise_file_limit(), raise_file_limit(16))\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    hard: Any = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    expected = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    assert told.split() == [str(expected), str(expected)]
