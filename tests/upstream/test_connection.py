"""The way to vendors over real sockets: every form of an answer, every way in which it can break."""

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from proxy.provider.contract import Call, CannedAnswer, Pause
from proxy.provider.errors import ErrorClass, ProviderError
from proxy.upstream import client as client_module
from proxy.upstream import connection as connection_module
from proxy.upstream.client import Answer, HttpClient, Upstream
from proxy.upstream.connection import Timeouts, origin_of

CALL = Call(path="/chat", body=b'{"a":1}')
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"
CUT = "The connection to the provider broke before its answer was complete."
NOT_HTTP = "The provider's answer could not be read as HTTP."

Script = Callable[["Visit"], Awaitable[None]]


class Visit:
    """One connection as the vendor sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def asked(self) -> bytes:
        """The next request, head and body; empty when the gateway closed the connection."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
        return head + await self.reader.readexactly(int(length[16:]))

    def say(self, data: bytes) -> None:
        self.writer.write(data)


class Vendor:
    """A server on the loopback that plays a script for each connection."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.visits = 0
        self.requests: list[bytes] = []
        self.port = 0
        self._script = script
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, host: str = "127.0.0.1") -> None:
        self._server = await asyncio.start_server(self._visited, host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._script(Visit(reader, writer))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort() if task.cancelling() else writer.close()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


async def turns() -> None:
    """Lets the loop take in what lies in the sockets."""
    for _ in range(50):
        await asyncio.sleep(0)


Serve = Callable[[Script], Awaitable[Vendor]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    vendors: list[Vendor] = []

    async def opened(script: Script) -> Vendor:
        vendor = Vendor(script)
        vendors.append(vendor)
        await vendor.open()
        return vendor

    yield opened
    for vendor in vendors:
        await vendor.close()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    made = Upstream()
    await made.open()
    yield made
    await made.close()


def says(*answers: bytes) -> Script:
    """Answers each request of a connection with the next of these, then closes it."""

    async def script(visit: Visit) -> None:
        for answer in answers:
            if not await visit.asked():
                return
            visit.say(answer)
        visit.writer.write_eof() if visit.writer.can_write_eof() else None

    return script


def keeps(answer: bytes, requests: list[bytes] | None = None) -> Script:
    """Answers every request alike and leaves the connection open."""

    async def script(visit: Visit) -> None:
        while request := await visit.asked():
            if requests is not None:
                requests.append(request)
            visit.say(answer)

    return script


async def send(
    upstream: Upstream,
    vendor: Vendor,
    call: Call = CALL,
    timeouts: Timeouts | None = None,
    headers: Mapping[str, str] | None = None,
    prefix: str = "",
) -> Answer:
    return await upstream.send(vendor.url + prefix, call, headers or {}, timeouts or Timeouts())


async def whole(upstream: Upstream, vendor: Vendor, timeouts: Timeouts | None = None) -> bytes:
    return await (await send(upstream, vendor, timeouts=timeouts)).read()


async def failure(
    upstream: Upstream, vendor: Vendor, expected: ErrorClass, timeouts: Timeouts | None = None
) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await whole(upstream, vendor, timeouts)
    assert caught.value.error_class == expected
    assert str(vendor.port) not in caught.value.message
    return caught.value


def sized(body: bytes, *headers: str, status: str = "200 OK", version: str = "1.1") -> bytes:
    lines = "".join(f"{line}\r\n" for line in (f"content-length: {len(body)}", *headers))
    return f"HTTP/{version} {status}\r\n{lines}\r\n".encode() + body


# --- the request ------------------------------------------------------------------------------------------------------


async def test_the_request_on_the_wire(serve: Serve, upstream: Upstream) -> None:
    requests: list[bytes] = []
    vendor = await serve(keeps(sized(b"{}"), requests))
    call = Call("/chat?x=1", b"{}", headers={"X-Version": "1"}, stream=True)
    await (await send(upstream, vendor, call, headers={"Authorization": "Bearer k"}, prefix="/v1/")).read()
    head, _, body = requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1/chat?x=1 HTTP/1.1"
    assert dict(line.split(": ", 1) for line in lines[1:]) == {
        "host": f"127.0.0.1:{vendor.port}",
        "user-agent": "dragoman",
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "x-version": "1",
        "authorization": "Bearer k",
        "content-length": "2",
    }
    assert body == b"{}"


@pytest.mark.parametrize("size", [0, 16_383, 16_384, 3_000_000])
async def test_a_body_of_any_size_arrives(size: int, serve: Serve, upstream: Upstream) -> None:
    requests: list[bytes] = []
    vendor = await serve(keeps(sized(b"{}"), requests))
    await (await send(upstream, vendor, Call("/chat", b"x" * size))).read()
    assert requests[0].partition(b"\r\n\r\n")[2] == b"x" * size


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nx-evil: 1", "a\0b", "a\r\n\r\nGET / HTTP/1.1", "\u20ac"])
@pytest.mark.parametrize("place", ["value", "name", "call"])
async def test_a_header_cannot_break_out_of_its_line(value: str, place: str, serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(sized(b"{}")))
    headers = {value: "a"} if place == "name" else {"x-tag": value}
    call = Call("/chat", b"{}", headers=headers if place == "call" else {})
    with pytest.raises(ProviderError) as caught:
        await send(upstream, vendor, call, headers={} if place == "call" else headers)
    assert (caught.value.error_class, vendor.visits) == ("connect", 0)
    assert value not in caught.value.message


@pytest.mark.parametrize("path", ["/a b", "/a\r\nx: y", "/\n", "/ü", "/a HTTP/1.1\r\n\r\n"])
async def test_a_path_cannot_break_out_of_its_line(path: str, serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(sized(b"{}")))
    with pytest.raises(ProviderError):
        await send(upstream, vendor, Call(path, b"{}"))
    assert vendor.visits == 0


@pytest.mark.parametrize(
    ("base", "path", "line"),
    [
        ("", "/chat/completions", "/chat/completions"),
        ("/", "/chat/completions", "/chat/completions"),
        ("/v1", "/chat/completions", "/v1/chat/completions"),
        ("/v1/", "/chat/completions", "/v1/chat/completions"),
        ("/v1//", "/chat/completions", "/v1/chat/completions"),
        ("/openai/deployments/gpt/", "/chat?api-version=1", "/openai/deployments/gpt/chat?api-version=1"),
        ("", "", "/"),
    ],
)
async def test_a_base_and_a_path_are_joined_by_one_rule(
    base: str, path: str, line: str, serve: Serve, upstream: Upstream
) -> None:
    requests: list[bytes] = []
    vendor = await serve(keeps(sized(b"{}"), requests))
    await (await send(upstream, vendor, Call(path, b"{}"), prefix=base)).read()
    assert requests[0].split(b"\r\n")[0].decode() == f"POST {line} HTTP/1.1"


@pytest.mark.parametrize(
    ("url", "host", "port", "authority"),
    [
        ("http://vendor.example", "vendor.example", 80, "vendor.example"),
        ("https://vendor.example/v1", "vendor.example", 443, "vendor.example"),
        ("https://vendor.example:8443", "vendor.example", 8443, "vendor.example:8443"),
        ("http://[::1]:8000/v1", "::1", 8000, "[::1]:8000"),
        ("http://[::1]", "::1", 80, "[::1]"),
        ("https://münchen.example", "münchen.example", 443, "xn--mnchen-3ya.example"),
    ],
)
def test_the_origin_of_a_base(url: str, host: str, port: int, authority: str) -> None:
    origin = origin_of(url)
    assert (origin.host, origin.port, origin.authority) == (host, port, authority)
    assert origin.tls == url.startswith("https")


@pytest.mark.parametrize(
    "url", ["", "vendor.example", "ftp://vendor.example", "http://", "http://x:y", "http://x:99999"]
)
async def test_a_base_that_is_no_address_is_said_to_be_none(url: str, upstream: Upstream) -> None:
    with pytest.raises(ProviderError) as caught:
        await upstream.send(url, CALL, {}, Timeouts())
    assert caught.value.error_class == "connect"
    assert "its address or a header is not valid" in caught.value.message


async def test_an_ipv6_address_is_reached(upstream: Upstream) -> None:
    vendor = Vendor(says(sized(b"six")))
    try:
        await vendor.open("::1")
    except OSError:
        pytest.skip("there is no IPv6 loopback on this machine")
    try:
        answer = await upstream.send(f"http://[::1]:{vendor.port}", CALL, {}, Timeouts())
        assert await answer.read() == b"six"
    finally:
        await vendor.close()


# --- the forms of an answer -------------------------------------------------------------------------------------------


async def test_an_answer_of_a_known_length(serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(sized(b"hello", "Content-Type: text/plain", "X-A: ü")))
    answer = await send(upstream, vendor)
    assert (answer.status, answer.headers["content-type"], answer.headers["x-a"]) == (200, "text/plain", "ü")
    assert await answer.read() == b"hello"
    assert await answer.next_piece() == b""


async def test_an_answer_in_chunks(serve: Serve, upstream: Upstream) -> None:
    assert await whole(upstream, await serve(keeps(CHUNKED))) == b"hello world"


async def test_an_answer_that_ends_with_its_connection(serve: Serve, upstream: Upstream) -> None:
    assert await whole(upstream, await serve(says(b"HTTP/1.1 200 OK\r\n\r\nto the end"))) == b"to the end"
    assert await whole(upstream, await serve(says(b"HTTP/1.0 200 OK\r\n\r\n"))) == b""


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_an_answer_without_a_body(status: str, serve: Serve, upstream: Upstream) -> None:
    answer = await send(upstream, await serve(keeps(f"HTTP/1.1 {status}\r\n\r\n".encode())))
    assert (answer.status, await answer.read()) == (int(status[:3]), b"")


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n",
    ],
)
async def test_interim_answers_are_passed_over(interim: bytes, serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(interim + sized(b"hello")))
    for _ in range(2):
        answer = await send(upstream, vendor)
        assert (answer.status, await answer.read()) == (200, b"hello")
        assert "link" not in answer.headers
    assert vendor.visits == 1


async def test_every_byte_may_come_alone(serve: Serve, upstream: Upstream) -> None:
    async def script(visit: Visit) -> None:
        await visit.asked()
        for index in range(len(CHUNKED)):
            visit.say(CHUNKED[index : index + 1])
            await visit.writer.drain()
            await asyncio.sleep(0)

    assert await whole(upstream, await serve(script)) == b"hello world"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "GZIP", "x-gzip"])
async def test_a_compressed_answer_is_unpacked(coding: str, serve: Serve, upstream: Upstream) -> None:
    packed = zlib.compress(b"hello" * 100) if coding == "deflate" else gzip.compress(b"hello" * 100)
    assert await whole(upstream, await serve(keeps(sized(packed, f"content-encoding: {coding}")))) == b"hello" * 100


@pytest.mark.parametrize("coding", ["", " ", "identity", "Identity"])
async def test_an_answer_that_says_that_it_is_not_compressed(coding: str, serve: Serve, upstream: Upstream) -> None:
    assert await whole(upstream, await serve(keeps(sized(b"hello", f"content-encoding: {coding}")))) == b"hello"


async def test_a_compressed_answer_may_come_in_any_pieces(serve: Serve, upstream: Upstream) -> None:
    packed = gzip.compress(b"hello")

    async def script(visit: Visit) -> None:
        await visit.asked()
        visit.say(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n")
        for index in range(len(packed)):
            visit.say(b"1\r\n%b\r\n" % packed[index : index + 1])
            await visit.writer.drain()
            await asyncio.sleep(0)
        visit.say(b"0\r\n\r\n")

    assert await whole(upstream, await serve(script)) == b"hello"


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br"])
async def test_a_coding_that_nobody_asked_for_is_no_answer(coding: str, serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(sized(b"hello", f"content-encoding: {coding}")))
    assert (await failure(upstream, vendor, "vendor_failure")).message == NOT_HTTP


async def test_what_inflates_without_measure_is_no_answer(serve: Serve, upstream: Upstream) -> None:
    packed = gzip.compress(bytes(64 * 2**20))
    await failure(upstream, await serve(keeps(sized(packed, "content-encoding: gzip"))), "vendor_failure")


async def test_a_broken_compression_is_no_answer(serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(sized(b"hello", "content-encoding: gzip")))
    await failure(upstream, vendor, "vendor_failure")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x00",
    ],
)
async def test_what_is_not_http_is_no_answer(nonsense: bytes, serve: Serve, upstream: Upstream) -> None:
    error = await failure(upstream, await serve(keeps(nonsense)), "vendor_failure")
    assert error.message == NOT_HTTP


async def test_a_head_without_end_is_no_answer(serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(b"HTTP/1.1 200 OK\r\n" + b"x-long: " + b"y" * (connection_module.MAX_HEAD + 10)))
    await failure(upstream, vendor, "vendor_failure")


async def test_a_long_head_is_read(serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(sized(b"hello", f"x-long: {'y' * 50_000}")))
    assert await whole(upstream, vendor) == b"hello"


async def test_a_body_beyond_the_limit_is_not_read(
    serve: Serve, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_BODY", 1000)
    await failure(upstream, await serve(keeps(sized(b"x" * 1001))), "vendor_failure")
    assert len(await whole(upstream, await serve(keeps(sized(b"x" * 1000))))) == 1000


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
async def test_a_redirect_is_not_followed(status: str, serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(sized(b"", "location: /elsewhere", status=status)))
    answer = await send(upstream, vendor)
    assert answer.status == int(status[:3])
    await answer.read()
    assert vendor.visits == 1


# --- connections that are used again ----------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [sized(b"hello world"), CHUNKED, sized(b"hello world", status="500 Oops")])
async def test_a_connection_is_used_again(answer: bytes, serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(answer))
    for _ in range(4):
        assert await whole(upstream, vendor) == b"hello world"
    assert vendor.visits == 1


async def test_calls_at_the_same_time_have_connections_of_their_own(serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(CHUNKED))
    for _ in range(2):
        assert await asyncio.gather(*(whole(upstream, vendor) for _ in range(5))) == [b"hello world"] * 5
    assert vendor.visits == 5


@pytest.mark.parametrize(
    "answer",
    [
        sized(b"hello", "connection: close"),
        sized(b"hello", version="1.0"),
        sized(b"hello", "Connection: Close", status="429 Too Many"),
    ],
)
async def test_a_connection_that_the_vendor_ends_is_not_used_again(
    answer: bytes, serve: Serve, upstream: Upstream
) -> None:
    vendor = await serve(keeps(answer))
    for _ in range(2):
        assert await whole(upstream, vendor) == b"hello"
    assert vendor.visits == 2


async def test_a_connection_whose_request_was_not_read_is_not_used_again(serve: Serve, upstream: Upstream) -> None:
    over = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        visit.say(sized(b"too long", status="413 Content Too Large"))
        await over.wait()

    vendor = await serve(script)
    async with asyncio.timeout(5):
        for _ in range(2):
            answer = await send(upstream, vendor, Call("/chat", b"x" * 30_000_000))
            assert (answer.status, await answer.read()) == (413, b"too long")
    assert vendor.visits == 2
    over.set()


async def test_an_aborted_answer_closes_its_connection(serve: Serve, upstream: Upstream) -> None:
    left = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.asked()
        visit.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello")
        if not await visit.asked():
            left.set()

    vendor = await serve(script)
    answer = await send(upstream, vendor)
    assert await answer.next_piece() == b"hello"
    answer.abort()
    answer.abort()
    async with asyncio.timeout(5):
        await left.wait()
    assert await answer.next_piece() == b""


async def test_a_cancelled_call_closes_its_connection(serve: Serve, upstream: Upstream) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.asked()
        asked.set()
        try:
            await visit.reader.read()
        finally:
            left.set()

    vendor = await serve(script)
    task = asyncio.create_task(send(upstream, vendor))
    async with asyncio.timeout(5):
        await asked.wait()
        task.cancel()
        await left.wait()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_connection_that_was_closed_while_idle_is_left_alone(serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(says(sized(b"hello")))
    for _ in range(3):
        assert await whole(upstream, vendor) == b"hello"
        await turns()
    assert vendor.visits == 3


async def test_a_request_that_met_a_closing_connection_is_asked_again(serve: Serve, upstream: Upstream) -> None:
    async def script(visit: Visit) -> None:
        await visit.asked()
        visit.say(sized(b"hello"))
        await visit.asked()
        # The second request on this connection is not answered.

    vendor = await serve(script)
    for _ in range(3):
        assert await whole(upstream, vendor) == b"hello"
    assert vendor.visits == 3


async def test_a_request_on_a_fresh_connection_is_asked_only_once(serve: Serve, upstream: Upstream) -> None:
    async def script(visit: Visit) -> None:
        await visit.asked()

    vendor = await serve(script)
    await failure(upstream, vendor, "cut")
    assert vendor.visits == 1


async def test_a_request_that_was_half_answered_is_not_asked_again(serve: Serve, upstream: Upstream) -> None:
    async def script(visit: Visit) -> None:
        await visit.asked()
        visit.say(sized(b"hello"))
        await visit.asked()
        visit.say(b"HTTP/1.1 2")

    vendor = await serve(script)
    assert await whole(upstream, vendor) == b"hello"
    await failure(upstream, vendor, "cut")
    assert vendor.visits == 1


SURPLUS = [b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n", b"x"]


@pytest.mark.parametrize("surplus", SURPLUS)
async def test_what_nobody_asked_for_answers_no_request(surplus: bytes, serve: Serve, upstream: Upstream) -> None:
    read, said = asyncio.Event(), asyncio.Event()

    async def script(visit: Visit) -> None:
        while await visit.asked():
            visit.say(sized(b"hello"))
            await read.wait()
            visit.say(surplus)
            read.clear()
            said.set()

    vendor = await serve(script)
    for _ in range(3):
        answer = await send(upstream, vendor)
        assert (answer.status, await answer.read()) == (200, b"hello")
        read.set()
        async with asyncio.timeout(5):
            await said.wait()
        said.clear()
        await turns()


@pytest.mark.parametrize("surplus", SURPLUS)
async def test_what_comes_with_an_answer_is_no_part_of_it(surplus: bytes, serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(sized(b"hello") + surplus))
    for _ in range(3):
        answer = await send(upstream, vendor)
        assert (answer.status, await answer.read()) == (200, b"hello")


@pytest.mark.parametrize("surplus", SURPLUS)
async def test_what_comes_with_the_last_bytes_does_not_hide_the_end(
    surplus: bytes, serve: Serve, upstream: Upstream
) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.asked()
        visit.say(sized(b"hello")[:-3])
        await begun.wait()
        visit.say(b"llo" + surplus)
        await over.wait()

    answer = await send(upstream, await serve(script))
    pieces = [await answer.next_piece()]
    waiting = asyncio.create_task(answer.read())
    await turns()
    begun.set()
    async with asyncio.timeout(5):
        pieces.append(await waiting)
    over.set()
    assert pieces == [b"he", b"llo"]
    assert answer.ended


async def test_a_connection_that_was_idle_for_long_is_not_used_again(
    serve: Serve, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = await serve(keeps(sized(b"hello")))
    await whole(upstream, vendor)
    monkeypatch.setattr(connection_module, "KEEP_ALIVE", 0.0)
    await whole(upstream, vendor)
    assert vendor.visits == 2


# --- answers that break -----------------------------------------------------------------------------------------------


async def test_a_cut_at_any_byte_is_a_cut(serve: Serve, upstream: Upstream) -> None:
    places = iter(range(len(CHUNKED)))

    async def script(visit: Visit) -> None:
        await visit.asked()
        visit.say(CHUNKED[: next(places)])

    vendor = await serve(script)
    for place in range(len(CHUNKED)):
        error = await failure(upstream, vendor, "cut")
        assert error.message == CUT, place
    assert vendor.visits == len(CHUNKED)


async def test_a_reset_is_a_cut_even_where_the_end_ends_the_answer(serve: Serve, upstream: Upstream) -> None:
    async def script(visit: Visit) -> None:
        await visit.asked()
        visit.say(b"HTTP/1.1 200 OK\r\n\r\nhello")
        await visit.writer.drain()
        sock = visit.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        visit.writer.transport.abort()

    await failure(upstream, await serve(script), "cut")


async def test_what_arrived_before_a_cut_is_read(serve: Serve, upstream: Upstream) -> None:
    answer = await send(upstream, await serve(says(CHUNKED[:60])))
    assert await answer.next_piece() == b"hello"
    with pytest.raises(ProviderError, match="broke before its answer was complete"):
        await answer.next_piece()


@pytest.mark.parametrize(
    ("timeouts", "answer"),
    [
        (Timeouts(first_byte=0.02), b""),
        (Timeouts(first_byte=0.02), b"HTTP/1.1 200 OK\r\n"),
        (Timeouts(first_byte=0.02), b"HTTP/1.1 100 Continue\r\n\r\n"),
        (Timeouts(idle=0.02), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello"),
        (Timeouts(total=0.02), b""),
        (Timeouts(total=0.02), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello"),
    ],
    ids=["first-byte", "half-a-head", "interim", "idle", "total", "total-in-the-body"],
)
async def test_silence_is_a_time_out(timeouts: Timeouts, answer: bytes, serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(answer))
    async with asyncio.timeout(5):
        error = await failure(upstream, vendor, "timeout", timeouts)
    assert (error.status, error.message) == (504, "The provider did not answer in time.")


async def test_a_connection_that_takes_too_long_is_said_to(serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(sized(b"{}")))
    error = await failure(upstream, vendor, "connect", Timeouts(connect=0.0))
    assert "took too long" in error.message


async def test_an_answer_in_time_stops_the_clock(serve: Serve, upstream: Upstream) -> None:
    vendor = await serve(keeps(sized(b"hello")))
    assert await whole(upstream, vendor) == b"hello"
    assert upstream._pool is not None
    [[connection]] = upstream._pool._idle.values()
    assert connection._timer is None


async def test_nobody_there_is_said_without_the_address(upstream: Upstream) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(ProviderError) as caught:
            await upstream.send(f"http://127.0.0.1:{port}", CALL, {}, Timeouts())
    assert (caught.value.error_class, caught.value.status) == ("connect", 502)
    assert caught.value.message == "The provider could not be reached."
    assert str(port) in str(caught.value.__cause__)


async def test_a_vendor_waits_while_nobody_reads(serve: Serve, upstream: Upstream) -> None:
    sent, done, size = 0, asyncio.Event(), 40 * 2**20

    async def script(visit: Visit) -> None:
        nonlocal sent
        await visit.asked()
        visit.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        piece = bytes(2**18)
        while sent < size:
            visit.say(piece)
            await visit.writer.drain()
            sent += len(piece)
        done.set()

    vendor = await serve(script)
    answer = await send(upstream, vendor)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(done.wait(), 0.15)
    assert sent < size
    assert len(await answer.read()) == size
    assert done.is_set()


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate that nobody vouches for, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    made, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=localhost", "-days", "1", "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made, key


async def test_a_certificate_of_ones_own_making_is_refused(certificate: tuple[Path, Path], upstream: Upstream) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    vendor = Vendor(says(sized(b"{}")), tls)
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    await vendor.open()
    try:
        with pytest.raises(ProviderError) as caught:
            await upstream.send(f"https://localhost:{vendor.port}", CALL, {}, Timeouts())
    finally:
        await vendor.close()
    assert caught.value.error_class == "connect"
    assert caught.value.message == "The provider could not be reached: the TLS connection failed."


async def test_a_vendor_that_speaks_no_tls_is_a_failed_tls_connection(serve: Serve, upstream: Upstream) -> None:
    async def script(visit: Visit) -> None:
        await visit.reader.read(1)
        visit.say(sized(b"plain"))

    vendor = await serve(script)
    with pytest.raises(ProviderError) as caught:
        await upstream.send(f"https://127.0.0.1:{vendor.port}", CALL, {}, Timeouts())
    assert caught.value.message == "The provider could not be reached: the TLS connection failed."


# --- canned answers and the small client ------------------------------------------------------------------------------


async def test_a_canned_answer_needs_no_network(upstream: Upstream) -> None:
    canned = CannedAnswer(200, {"content-type": "text/plain"}, [b"a", Pause(0.0), b"", b"b"])
    answer = await upstream.send("http://nowhere.invalid", Call("/", b"", canned=canned), {}, Timeouts())
    assert (answer.status, await answer.read()) == (200, b"ab")


async def test_a_canned_answer_may_be_cut(upstream: Upstream) -> None:
    canned = CannedAnswer(200, {}, [b"a"], cut=True)
    answer = await upstream.send("http://nowhere.invalid", Call("/", b"", canned=canned), {}, Timeouts())
    assert await answer.next_piece() == b"a"
    with pytest.raises(ProviderError) as caught:
        await answer.next_piece()
    assert caught.value.error_class == "cut"


@pytest.mark.parametrize(
    ("path", "line"), [("/v1/models", "GET /v1/models"), ("/models?a=b&c=d", "GET /models?a=b&c=d"), ("", "GET /")]
)
async def test_the_small_client_reads_a_whole_answer(path: str, line: str, serve: Serve, upstream: Upstream) -> None:
    requests: list[bytes] = []
    vendor = await serve(keeps(sized(b"[]", "x-a: 1", status="404 Not Found"), requests))
    answer = await HttpClient(upstream, Timeouts()).request("GET", vendor.url + path, headers={"x-key": "k"})
    assert (answer.status, answer.body, answer.headers["x-a"]) == (404, b"[]", "1")
    assert requests[0].split(b"\r\n")[0].decode() == f"{line} HTTP/1.1"
    assert b"x-key: k\r\n" in requests[0]
