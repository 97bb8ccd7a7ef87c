"""The WebSocket mode: messages that cannot be used, and bytes that are none."""

import asyncio
import json
from typing import Any

import aiohttp
import orjson
import pytest

from tests.http.sockets import (
    CHAT,
    connected,
    error_of,
    no_connections,
)
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.journal import Journal
from tests.vendors.script import Turn
from tests.vendors.server import Vendor


@pytest.mark.parametrize(
    ("frame", "param", "code"),
    [
        (b"", None, None),
        (b"x", None, None),
        (b"null", None, None),
        (b"[]", None, None),
        (b'"response.create"', None, None),
        (b"[" * 100_000, None, None),
        (b'{"type":"response.create","input":' + b"[" * 2000 + b"]" * 2000 + b"}", None, None),
        (b'{"type":"response.create","model":"\\ud800","input":"hi"}', None, None),
        (b"{}", "type", "missing_required_parameter"),
        (b'{"type":null}', "type", "missing_required_parameter"),
        (b'{"type":7}', "type", "invalid_type"),
        (b'{"type":["response.create"]}', "type", "invalid_type"),
        (b'{"type":"response.cancel"}', "type", "invalid_value"),
        (b'{"type":"session.update","session":{}}', "type", "invalid_value"),
        (b'{"type":"response.create"}', "model", "missing_required_parameter"),
        (b'{"type":"response.create","response":{"model":"x"}}', "model", "missing_required_parameter"),
        (b'{"type":"response.create","model":"chat/gpt-4o"}', "input", "missing_required_parameter"),
        (b'{"type":"response.create","model":"chat/gpt-4o","input":7}', "input", "invalid_type"),
        (
            b'{"type":"response.create","model":"chat/gpt-4o","input":"x","event_id":"e"}',
            "event_id",
            "unknown_parameter",
        ),
        (b'{"type":"response.create","model":"chat/gpt-4o","input":"x","stream":"yes"}', "stream", "invalid_type"),
        (b'{"type":"response.create","model":"chat/gpt-4o","input":"x","stream":0}', "stream", "invalid_type"),
        (b'{"type":"response.create","model":"chat/gpt-4o","input":"x","generate":"no"}', "generate", "invalid_type"),
        (b'{"type":"response.create","model":"chat/gpt-4o","input":"x","generate":0}', "generate", "invalid_type"),
        (b'{"type":"response.create","model":"chat/gpt-4o","input":"x","stream_id":7}', "stream_id", "invalid_type"),
        (b'{"type":"response.create","model":"chat/gpt-4o","input":"x","stream_id":""}', "stream_id", "invalid_value"),
        (b'{"type":"response.create","stream_id":"a b"}', "stream_id", "invalid_value"),
        (b'{"type":"response.create","stream_id":"a\\n"}', "stream_id", "invalid_value"),
        ('{"type":"response.create","stream_id":"ä"}'.encode(), "stream_id", "invalid_value"),
        (b'{"type":"response.create","stream_id":"%b"}' % (b"a" * 257), "stream_id", "invalid_value"),
        (
            b'{"type":"response.create","model":"chat/gpt-4o","input":"x","background":true}',
            "background",
            "unsupported_parameter",
        ),
        (
            b'{"type":"response.create","model":"chat/gpt-4o","input":"x","background":"y"}',
            "background",
            "invalid_type",
        ),
        (
            b'{"type":"response.create","model":"chat/gpt-4o","input":"x","previous_response_id":7}',
            "previous_response_id",
            "invalid_type",
        ),
        (
            b'{"type":"response.create","model":"chat/gpt-4o","input":"x","previous_response_id":"resp_x"}',
            "previous_response_id",
            "previous_response_not_found",
        ),
        (
            b'{"type":"response.create","model":"c","input":"x","previous_response_id":"a","conversation":"b"}',
            "model",
            "model_not_found",
        ),
        (b'{"type":"response.steer"}', "previous_response_id", "missing_required_parameter"),
        (b'{"type":"response.steer","previous_response_id":7,"input":"x"}', "previous_response_id", "invalid_type"),
        (b'{"type":"response.steer","previous_response_id":"resp_x","input":7}', "input", "invalid_type"),
    ],
)
async def test_a_message_that_cannot_be_used(
    gateway: Gateway, vendor: Vendor, frame: bytes, param: str | None, code: str | None
) -> None:
    async with connected(gateway) as socket:
        await socket.socket.send_frame(frame, aiohttp.WSMsgType.TEXT)
        event = await socket.event()
        error = error_of(event)
        assert event["status"] == 400
        assert (error["param"], error["code"], error["type"]) == (param, code, "invalid_request_error")
        assert vendor.requests == []
        assert await socket.respond(model=CHAT, input="still here")
    assert await gateway.metric("dragoman_requests_total", outcome="rejected") == 1


async def test_binary_frames_are_refused(gateway: Gateway) -> None:
    async with connected(gateway) as socket:
        await socket.socket.send_bytes(b'{"type":"response.create","model":"chat/gpt-4o","input":"hi"}')
        assert "binary" in error_of(await socket.event())["message"]
        assert await socket.respond(model=CHAT, input="still here")


async def test_text_that_is_not_utf8_ends_the_connection(gateway: Gateway) -> None:
    async with connected(gateway) as socket:
        await socket.socket.send_frame(b'{"type":"\xff"}', aiohttp.WSMsgType.TEXT)
        assert await socket.end() == aiohttp.WSCloseCode.INVALID_TEXT


@pytest.mark.parametrize("compress", [0, 15])
async def test_a_message_that_is_too_large_ends_the_connection(gateways: Gateways, compress: int) -> None:
    gateway = await gateways.start(limits={"body": "1KiB"})
    message = orjson.dumps({"type": "response.create", "model": CHAT, "input": ""})
    async with connected(gateway, compress=compress) as socket:
        fits = message[:-2] + b"x" * (1024 - len(message)) + b'"}'
        await socket.socket.send_frame(fits, aiohttp.WSMsgType.TEXT)
        assert (await socket.terminal())["type"] == "response.completed"
        await socket.socket.send_frame(message[:-2] + b"x" * 100_000 + b'"}', aiohttp.WSMsgType.TEXT)
        assert await socket.end() == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_a_message_in_fragments(gateway: Gateway) -> None:
    message = orjson.dumps({"type": "response.create", "model": CHAT, "input": "hi"})
    async with connected(gateway) as socket:
        transport = socket.socket._writer.transport
        for position in range(len(message)):
            opcode = 0x01 if position == 0 else 0x00
            final = 0x80 if position == len(message) - 1 else 0x00
            transport.write(bytes((final | opcode, 0x81, 0, 0, 0, 0, message[position])))
            if position == 10:
                transport.write(b"\x89\x80\x00\x00\x00\x00")  # a ping between two fragments
        assert (await socket.terminal())["type"] == "response.completed"


@pytest.mark.parametrize("size", [1, 2, 5, 8, 50])
async def test_a_client_that_vanishes_in_the_middle_of_a_message(
    gateway: Gateway, vendor: Vendor, journal: Journal, size: int
) -> None:
    frame = b"\x81\xfe\x01\x00\x00\x00\x00\x00" + b'{"type":"response.create","model":"chat/gpt-4o","input":"'
    async with connected(gateway) as socket:
        transport = socket.socket._writer.transport
        transport.write(frame[:size])
        await gateway.metric("dragoman_streams_open")
        transport.abort()
        await no_connections(gateway)
    assert vendor.requests == []
    assert journal.entries == []


@pytest.mark.parametrize(
    "data",
    [
        b"\x83\x80\x00\x00\x00\x00",  # an opcode that does not exist
        b"\xf1\x80\x00\x00\x00\x00",  # reserved bits
        b"\x80\x80\x00\x00\x00\x00",  # a continuation of nothing
        b"\x09\x80\x00\x00\x00\x00",  # a fragmented ping
        b"\x89\xfe\x01\x00\x00\x00\x00\x00",  # a long ping
        b"\x88\x82\x00\x00\x00\x00\x03\xe6",  # a close code that may not be sent
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",  # 16 EiB
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_websocket_ends_the_connection(gateway: Gateway, journal: Journal, data: bytes) -> None:
    async with connected(gateway) as socket:
        socket.socket._writer.transport.write(data)
        assert await socket.end() in (1002, 1006, 1009)
    assert not [entry for entry in journal.entries if entry["level"] == "error"]
    async with connected(gateway) as socket:
        assert await socket.respond(model=CHAT, input="hi")


async def test_a_strange_message_is_refused_and_nothing_is_an_error_of_ours(
    gateway: Gateway, vendor: Vendor, journal: Journal
) -> None:
    values: list[Any] = [None, True, False, 0, -1, 1.5, 10**30, "", "x", "\x00", [], [None], [[]], {}, {"type": "x"}]
    names = ["type", "model", "input", "stream", "stream_id", "generate", "previous_response_id", "store", "tools"]
    names += ["conversation", "background", "instructions", "metadata", "text", "reasoning", "include", "truncation"]
    async with connected(gateway) as socket:
        for name in names:
            for value in values:
                body = {"type": "response.create", "model": CHAT, "input": "hi", name: value}
                await socket.socket.send_str(json.dumps(body))
                terminal = (await socket.events())[-1]
                if terminal["type"] == "error":
                    assert 400 <= terminal["status"] < 500, (name, value, terminal)
    assert not [entry for entry in journal.entries if entry["level"] == "error"]


async def test_steering_is_not_supported(gateway: Gateway, vendor: Vendor) -> None:
    gate = asyncio.Event()
    vendor.play(Turn("One ", gate, "two."))
    steered = [{"type": "message", "role": "user", "content": "Stop"}]
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="hi", stream_id="a")
        begun = await socket.until("response.output_text.delta")
        await socket.send(type="response.steer", previous_response_id=begun[0]["response"]["id"], input=steered)
        event = (await socket.until("response.steer.failed"))[-1]
        gate.set()
        assert (await socket.until("response.completed"))[-1]["response"]["status"] == "completed"
    assert event["error"]["code"] == "steering_not_supported"
    assert event["error"]["type"] == "invalid_request_error"
    assert event["error"]["message"]
    assert event["steer"] == {"previous_response_id": begun[0]["response"]["id"], "input": steered}
    assert event["sequence_number"] == 0
    assert event["stream_id"] == "a"
