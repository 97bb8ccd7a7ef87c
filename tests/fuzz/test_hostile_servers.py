"""Servers that speak HTTP to do harm: what is read of them is bounded, and the client is told of a vendor's failure."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import repeat

import pytest

from proxy.exchange import upstream_call
from proxy.upstream.connection import MAX_INFLATED, Connection, NotHttpError, Timeouts
from tests.fuzz.scale import scaled
from tests.vendors.gateway import Gateway, Gateways, Whole

MIB = 2**20
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


class Hostile:
    """A server that answers every request with the pieces, as far as somebody reads them. `sent` counts their bytes."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]]) -> None:
        self.sent = 0
        self.port = 0
        self._pieces = pieces

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            for piece in self._pieces():
                writer.write(piece)
                await writer.drain()
                self.sent += len(piece)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the gateway has gone away, as it should
        finally:
            writer.close()


@asynccontextmanager
async def gateway_before(
    gateways: Gateways, pieces: Callable[[], Iterator[bytes]]
) -> AsyncIterator[tuple[Gateway, Hostile]]:
    hostile = Hostile(pieces)
    server = await asyncio.start_server(hostile.answer, "127.0.0.1", 0)
    hostile.port = server.sockets[0].getsockname()[1]
    address = {"base_url": f"http://127.0.0.1:{hostile.port}/v1"}
    try:
        yield await gateways.start(providers={"chat": address}), hostile
    finally:
        server.close()


async def failure(gateway: Gateway, *, stream: bool) -> str:
    """How the answer failed: the message of an HTTP error, or of the failed response that a stream ends with."""
    whole: Whole = await gateway.create(model="chat/gpt-4o", input="Hi", stream=stream)
    if whole.status == 200:
        terminal = whole.terminal
        assert terminal["type"] == "response.failed"
        return str(terminal["response"]["error"]["message"])
    assert whole.status in (502, 504)
    return str(whole.error["message"])


def forever(start: bytes, piece: bytes, most: int) -> Callable[[], Iterator[bytes]]:
    """The piece again and again after the start, up to so many bytes: the end that nobody should get to."""

    def pieces() -> Iterator[bytes]:
        yield start
        yield from repeat(piece, most // len(piece))

    return pieces


ENDLESS_HEADS = {
    "an endless header": forever(HEAD + b"x: ", b"a" * 65_536, 64 * MIB),
    "endless headers": forever(HEAD, b"x-a: b\r\n" * 8000, 64 * MIB),
    "a header of a megabyte": forever(HEAD + b"x: " + b"a" * MIB + b"\r\n\r\n", b"data: [DONE]\n\n", 14),
    "endless interim answers": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000, 64 * MIB),
    "an endless status line": forever(b"HTTP/1.1 200 ", b"a" * 65_536, 64 * MIB),
}
AROUND_BODIES = {
    "an endless chunk extension": forever(HEAD + b"transfer-encoding: chunked\r\n\r\n1;", b"a" * 65_536, 64 * MIB),
    "endless trailers": forever(HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n", b"x-a: b\r\n" * 8000, 64 * MIB),
}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
@pytest.mark.parametrize("name", [*ENDLESS_HEADS, *AROUND_BODIES])
async def test_what_stands_around_an_answer_is_bounded(gateways: Gateways, name: str, stream: bool) -> None:
    async with gateway_before(gateways, {**ENDLESS_HEADS, **AROUND_BODIES}[name]) as (gateway, hostile):
        assert await failure(gateway, stream=stream)
        assert hostile.sent < 32 * MIB


LINE = {"sse": b"data: ", "no field": b""}


@pytest.mark.parametrize("start", LINE.values(), ids=LINE)
async def test_a_line_of_a_gigabyte_is_given_up(gateways: Gateways, start: bytes) -> None:
    pieces = forever(HEAD + b"\r\n" + start, b"a" * MIB, 1024 * MIB)
    async with gateway_before(gateways, pieces) as (gateway, hostile):
        assert "larger event" in await failure(gateway, stream=True)
        assert hostile.sent < 160 * MIB


async def test_a_stream_without_an_end_is_given_up(gateways: Gateways, monkeypatch: pytest.MonkeyPatch) -> None:
    # 256 MiB of small events would take a quarter of a minute.
    monkeypatch.setattr(upstream_call, "MAX_STREAM", 2 * MIB)
    event = b'data: {"choices": [{"index": 0, "delta": {"content": "more and more of it "}}]}\n\n'
    pieces = forever(HEAD + b"\r\n", event * 100, 64 * MIB)
    async with gateway_before(gateways, pieces) as (gateway, hostile):
        whole = await gateway.create(model="chat/gpt-4o", input="Hi", stream=True)
        response = whole.terminal["response"]
        assert response["status"] == "failed"
        assert len(response["output"][0]["content"][0]["text"]) < MIB
        assert response["usage"]["output_tokens"] > 50_000
        assert hostile.sent < 32 * MIB


async def test_a_whole_answer_of_a_gigabyte_is_given_up(gateways: Gateways) -> None:
    pieces = forever(JSON_HEAD + b"\r\n[", b"1," * (MIB // 2), 1024 * MIB)
    async with gateway_before(gateways, pieces) as (gateway, hostile):
        assert "larger than the gateway reads" in await failure(gateway, stream=False)
        assert hostile.sent < 160 * MIB


def bomb(encoding: str, size: int) -> bytes:
    """So many zero bytes, compressed."""
    if encoding == "gzip":
        return gzip.compress(bytes(size), 9)
    return zlib.compress(bytes(size), 9)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
@pytest.mark.parametrize("chunked", [True, False], ids=["small chunks", "at once"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compression_bomb_is_not_inflated(
    gateways: Gateways, encoding: str, chunked: bool, stream: bool
) -> None:
    body = bomb(encoding, scaled(64) * MIB)
    head = (HEAD if stream else JSON_HEAD) + f"content-encoding: {encoding}\r\n".encode()

    def pieces() -> Iterator[bytes]:
        if not chunked:
            yield head + b"content-length: %d\r\n\r\n" % len(body) + body
            return
        framed = [b"%x\r\n%b\r\n" % (len(part), part) for part in _parts(body, 4000)]
        yield head + b"transfer-encoding: chunked\r\n\r\n" + b"".join(framed) + b"0\r\n\r\n"

    async with gateway_before(gateways, pieces) as (gateway, _):
        assert await failure(gateway, stream=stream)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x", "compress"])
async def test_a_compression_that_nobody_asked_for_is_refused(gateways: Gateways, encoding: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield HEAD + f"content-encoding: {encoding}\r\n\r\n".encode() + b"\x1b\x00\x00" * 1000

    async with gateway_before(gateways, pieces) as (gateway, _):
        assert "HTTP" in await failure(gateway, stream=True)


LENGTHS = {
    "too short": b"content-length: 5\r\n\r\n" + b'{"choices":[]}',
    "too long": b"content-length: 500\r\n\r\n" + b'{"choices":[]}',
    "negative": b"content-length: -1\r\n\r\n" + b'{"choices":[]}',
    "huge": b"content-length: 99999999999999999999999\r\n\r\n" + b'{"choices":[]}',
    "no number": b"content-length: many\r\n\r\n" + b'{"choices":[]}',
    "two": b"content-length: 3\r\ncontent-length: 14\r\n\r\n" + b'{"choices":[]}',
    "both": b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n" + b'e\r\n{"choices":[]}',
    "no chunk": b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    "a huge chunk": b"transfer-encoding: chunked\r\n\r\nffffffffffffffffffff\r\n{}",
}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
@pytest.mark.parametrize("name", LENGTHS)
async def test_a_wrong_length_is_a_failure(gateways: Gateways, name: str, stream: bool) -> None:
    head = HEAD if stream else JSON_HEAD

    def pieces() -> Iterator[bytes]:
        yield head + LENGTHS[name]

    async with gateway_before(gateways, pieces) as (gateway, _):
        assert await failure(gateway, stream=stream)


def _parts(body: bytes, length: int) -> Iterator[bytes]:
    return (body[start : start + length] for start in range(0, len(body), length))


class Recorder(asyncio.Transport):
    """A transport that goes nowhere."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Nothing is sent."""

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Too late for what has arrived."""

    def abort(self) -> None:
        """There is nothing to close."""


async def test_many_small_bombs_in_one_read_are_not_all_inflated() -> None:
    connection = Connection(asyncio.get_running_loop())
    connection.connection_made(Recorder())
    connection.send(b"POST / HTTP/1.1\r\n\r\n", b"", Timeouts())
    parts = [b"%x\r\n%b\r\n" % (len(part), part) for part in _parts(bomb("gzip", 64 * MIB), 4000)]
    head = HEAD + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n"
    connection.data_received(head + b"".join(parts))
    assert sum(map(len, connection._pieces)) <= MAX_INFLATED
    connection._pieces.clear()
    with pytest.raises(NotHttpError):
        await connection.read()
