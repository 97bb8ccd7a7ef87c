"""The last bytes of a vendor's stream and what ends it come in one packet, after which nothing arrives any more."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.vendors.gateway import Gateway, Gateways, Whole

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
FIRST = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"One "}}]}\n\n'
LAST = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"two"},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"

Serve = Callable[..., Awaitable[Gateway]]


@pytest.fixture
async def serve(gateways: Gateways) -> AsyncIterator[Serve]:
    """Starts a gateway before a vendor that sends these packets, each once the client has the one before, and then
    says nothing more and keeps the connection."""
    servers: list[asyncio.Server] = []
    over = asyncio.Event()

    async def start(*packets: bytes, seen: asyncio.Event) -> Gateway:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            first, *others = packets
            writer.write(first)
            for packet in others:
                await seen.wait()
                writer.write(packet)
            await over.wait()
            writer.close()

        servers.append(server := await asyncio.start_server(answer, "127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        return await gateways.start(providers={"chat": {"base_url": base_url}}, retry={"attempts": 1})

    yield start
    over.set()
    for server in servers:
        server.close()


async def streamed(serve: Serve, *packets: bytes) -> Whole:
    """The stream that comes of the packets."""
    seen = asyncio.Event()
    gateway = await serve(*packets, seen=seen)
    wire = await gateway.open(model="chat/gpt-4o", input="hi", stream=True)
    head = await wire.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    begun = await wire.until(b"One ")
    seen.set()
    body = _unchunked(begun + await wire.until(b"0\r\n\r\n"))
    return Whole(200, {"content-type": "text/event-stream; charset=utf-8"}, body)


def _unchunked(wire: bytes) -> bytes:
    body = b""
    while wire:
        size, _, wire = wire.partition(b"\r\n")
        length = int(size, 16)
        body, wire = body + wire[:length], wire[length + 2 :]
    return body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


SECOND_ANSWER = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize("surplus", [b"", b"surplus", SECOND_ANSWER], ids=["nothing", "bytes", "answer"])
async def test_a_stream_in_chunks_ends_with_its_last_bytes(surplus: bytes, serve: Serve) -> None:
    answer = await streamed(serve, CHUNKED + chunk(FIRST), chunk(LAST) + b"0\r\n\r\n" + surplus)
    assert answer.terminal["type"] == "response.completed"
    assert answer.text == "One two"


@pytest.mark.parametrize("surplus", [b"", b"surplus", SECOND_ANSWER], ids=["nothing", "bytes", "answer"])
async def test_a_stream_of_known_length_ends_with_its_last_bytes(surplus: bytes, serve: Serve) -> None:
    head = HEAD + b"content-length: %d\r\n\r\n" % len(FIRST + LAST + DONE)
    answer = await streamed(serve, head + FIRST, LAST + DONE + surplus)
    assert answer.terminal["type"] == "response.completed"
    assert answer.text == "One two"


async def test_bytes_before_a_chunk_that_is_none_are_sent_and_the_stream_fails(serve: Serve) -> None:
    answer = await streamed(serve, CHUNKED + chunk(FIRST), chunk(LAST.replace(b'"stop"', b"null")) + b"no chunk\r\n")
    assert answer.terminal["type"] == "response.failed"
    assert "One two" in str(answer.terminal["response"]["output"])


async def test_bytes_before_broken_compression_are_sent_and_the_stream_fails(serve: Serve) -> None:
    packer = zlib.compressobj(wbits=31)
    packed = [
        packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH) for data in (FIRST, LAST.replace(b'"stop"', b"null"))
    ]
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
    broken = chunk(b"\xff\xff\xff\xff") + b"0\r\n\r\n"
    answer = await streamed(serve, head + chunk(packed[0]), chunk(packed[1]) + broken)
    assert answer.terminal["type"] == "response.failed"
    assert "One two" in str(answer.terminal["response"]["output"])
