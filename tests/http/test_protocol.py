"""Requests that are not HTTP, or only nearly: the envelope, a closed connection, and a server that lives on."""

import asyncio

import pytest

from proxy.testing.grammar import check_stream
from tests.vendors.gateway import Gateway, Whole
from tests.vendors.journal import Journal
from tests.vendors.script import Turn
from tests.vendors.server import Vendor


async def exchange(gateway: Gateway, *pieces: bytes) -> bytes:
    """Send the bytes and read until the gateway closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def whole(answer: bytes) -> Whole:
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    return Whole(int(lines[0].split(" ")[1]), headers, body)


def post(body: bytes = b"{}", *headers: bytes, target: bytes = b"/v1/responses") -> bytes:
    lines = [b"POST " + target + b" HTTP/1.1", b"host: test", b"connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /v1/models HTTP/9.9\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nno colon here\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nhost: a\r\nx-nul: a\x00b\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nhost: a\r\n folded: header\r\n\r\n",
        b"G\x00ET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n",
        b"BREW /v1/responses HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /v1/\xc3\xa9 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        post(b"{}", b"content-length: abc"),
        post(b"{}", b"content-length: -5"),
        post(b"{}", b"content-length: 2", b"content-length: 3"),
        post(b"{}", b"content-length: 99999999999999999999999999"),
        post(b"{}", b"content-length: 2", b"transfer-encoding: chunked"),
        post(b"zz\r\n{}\r\n0\r\n\r\n", b"transfer-encoding: chunked"),
        post(b"{}", b"content-length: 2", b"x-long: " + b"a" * 100_000),
        post(b"{}", b"content-length: 2", target=b"/v1/responses?" + b"a" * 100_000),
    ],
)
async def test_what_is_not_http_gets_the_envelope(
    gateway: Gateway, vendor: Vendor, journal: Journal, request_bytes: bytes
) -> None:
    answer = await exchange(gateway, request_bytes)
    if answer:
        error = whole(answer)
        assert 400 <= error.status < 500
        assert error.error["type"] == "invalid_request_error"
    assert vendor.requests == []
    assert (await gateway.create(model="chat/gpt-4o", input="hi")).status == 200
    assert all(entry["level"] == "info" for entry in journal.entries)


async def test_broken_compression_that_arrives_late_is_answered(gateway: Gateway, vendor: Vendor) -> None:
    head = post(b"", b"content-encoding: deflate", b"content-length: 12")
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(head)
    await writer.drain()
    assert await gateway.metric("dragoman_streams_open") == 0  # the head has arrived, too
    writer.write(b"not deflate!")
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    assert whole(answer).status == 400
    assert whole(answer).error["type"] == "invalid_request_error"
    assert vendor.requests == []


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"zstd"])
async def test_broken_compression_is_logged_as_a_rejected_request_alone(
    gateway: Gateway, journal: Journal, caplog: pytest.LogCaptureFixture, encoding: bytes
) -> None:
    body = b'{"model": "chat/gpt-4o", "input": "hi"}'
    request = post(body, b"content-encoding: " + encoding, b"content-length: %d" % len(body))
    assert whole(await exchange(gateway, request)).status == 400
    assert [entry["outcome"] for entry in journal.entries] == ["rejected"]
    assert caplog.records == []


async def test_a_body_that_ends_early_reaches_no_vendor(gateway: Gateway, vendor: Vendor) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(post(b'{"model": "chat/gpt-4o", "input": "hi"}', b"content-length: 500"))
    writer.write_eof()
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()
    assert vendor.requests == []
    assert await gateway.metric("dragoman_requests_in_flight") == 0


async def test_a_chunked_body_is_accepted(gateway: Gateway) -> None:
    body = b'{"model": "chat/gpt-4o", "input": "hi"}'
    pieces = [b"%x\r\n%b\r\n" % (1, body[index : index + 1]) for index in range(len(body))]
    answer = whole(await exchange(gateway, post(b"", b"transfer-encoding: chunked"), *pieces, b"0\r\n\r\n"))
    assert answer.status == 200


async def test_expect_100_continue_is_answered(gateway: Gateway) -> None:
    body = b'{"model": "chat/gpt-4o", "input": "hi"}'
    request = post(b"", b"expect: 100-continue", b"content-length: %d" % len(body))
    answer = await exchange(gateway, request, body)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


async def test_an_unknown_expectation_is_refused(gateway: Gateway) -> None:
    answer = whole(await exchange(gateway, post(b"{}", b"expect: a-miracle", b"content-length: 2")))
    assert answer.status == 417
    assert answer.error["type"] == "invalid_request_error"


async def test_a_stream_over_http_1_0_is_not_chunked(gateway: Gateway, vendor: Vendor, model: str) -> None:
    gate = asyncio.Event()
    vendor.play(Turn("One ", "two ", gate, "three."))
    body = b'{"model": "%b", "input": "hi", "stream": true}' % model.encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /v1/responses HTTP/1.0\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    begun = await asyncio.wait_for(reader.readuntil(b"event: response.output_text.delta"), 10)
    gate.set()
    rest = await asyncio.wait_for(reader.read(), 10)
    head, _, events = (begun + rest).partition(b"\r\n\r\n")
    writer.close()
    assert b"chunked" not in head.lower()
    assert check_stream(events) == []
