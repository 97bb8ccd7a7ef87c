"""The WebSocket mode: the handshake, the events, and what goes wrong at the vendor."""

import asyncio
import re
from typing import Any

import aiohttp
import pytest

from tests.http.sockets import (
    CHAT,
    Socket,
    connected,
    error_of,
    said,
    text_of,
)
from tests.vendors.gateway import Gateway, Gateways, Whole
from tests.vendors.journal import Journal
from tests.vendors.script import CUT, Called, Reply, Turn, failure
from tests.vendors.server import Vendor

# --- the handshake ----------------------------------------------------------------------------------------------------


async def test_a_plain_get_is_not_allowed(gateway: Gateway) -> None:
    answer = await gateway.request("GET", "/v1/responses")
    assert answer.status == 405
    assert "POST" in answer.error["message"]
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-websocket-version": "13"},
        {"sec-websocket-version": "13", "sec-websocket-key": "eA=="},
        {"sec-websocket-version": "13", "sec-websocket-key": "~~~"},
        {"sec-websocket-version": "1", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA=="},
    ],
)
async def test_a_handshake_that_is_not_complete(gateway: Gateway, headers: dict[str, str]) -> None:
    answer = await gateway.request(
        "GET", "/v1/responses", headers={"connection": "Upgrade", "upgrade": "websocket", **headers}
    )
    assert answer.status == 400
    assert "handshake" in answer.error["message"]


@pytest.mark.parametrize("key", [None, "sk-wrong"])
async def test_a_wrong_key_is_refused_over_http(gateways: Gateways, key: str | None) -> None:
    gateway = await gateways.start(clients=[{"name": "shop", "key": "sk-shop"}])
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with connected(gateway, key=key):
            pass
    assert refusal.value.status == 401


async def test_sub_protocols_are_not_logged(
    gateway: Gateway, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway.http.ws_connect(f"{gateway.url}/v1/responses", protocols=["openai-key.sk-secret"]) as socket:
        assert socket.protocol is None
        assert await Socket(socket).respond(model=CHAT, input="hi")
    assert "sk-secret" not in caplog.text + "".join(capfd.readouterr())


@pytest.mark.parametrize("path", ["/v1/responses", "/responses"])
async def test_the_connection_has_a_request_id(gateway: Gateway, journal: Journal, path: str) -> None:
    async with gateway.http.ws_connect(gateway.url + path) as socket:
        response = await Socket(socket).respond(model=CHAT, input="hi")
        identifier = socket._response.headers["x-request-id"]
    entry = await journal.entry(event="request", response_id=response["id"])
    assert entry["request_id"] == identifier
    assert entry["outcome"] == "completed"


# --- events -----------------------------------------------------------------------------------------------------------


ALIKE = re.compile(rb"(?:resp|msg|rs|fc|req)_[0-9a-f]{48}|call_\w+|(?<=_at\":)\d+")


@pytest.mark.parametrize(
    "turn",
    [
        Turn("Good ", "day", "."),
        Turn("Half", stop="length"),
        Turn("Let me see.", calls=(Called("weather", ('{"city": ', '"Oslo"}')),)),
        Turn("Half", CUT),
    ],
    ids=["text", "incomplete", "call", "cut"],
)
async def test_the_events_are_those_of_sse(gateway: Gateway, vendor: Vendor, turn: Turn, model: str) -> None:
    vendor.always(turn)
    body: dict[str, Any] = {"model": model, "input": "Hello ä", "metadata": {"a": "b"}, "store": False}
    whole: Whole = await gateway.create(**body, stream=True)
    lines = [line for line in whole.body.split(b"\n") if line.startswith(b"data: {")]
    expected = [ALIKE.sub(b"X", line.removeprefix(b"data: ")) for line in lines]
    for compress in (0, 15):
        async with connected(gateway, compress=compress) as socket:
            await socket.create(**body)
            await socket.events()
            assert [ALIKE.sub(b"X", frame.encode()) for frame in socket.frames] == expected


@pytest.mark.parametrize("stream", [True, False, None])
async def test_everything_is_streamed(gateway: Gateway, vendor: Vendor, stream: bool | None) -> None:
    async with connected(gateway) as socket:
        response = await socket.respond(model=CHAT, input="hi", stream=stream)
    assert text_of(response) == "Hello there."
    assert vendor.last.json["stream"] is True


async def test_each_response_counts_its_events_from_zero(gateway: Gateway) -> None:
    async with connected(gateway) as socket:
        for _ in range(3):
            await socket.create(model=CHAT, input="hi")
            events = await socket.events()
            assert [event["sequence_number"] for event in events] == list(range(len(events)))


@pytest.mark.parametrize("compress", [0, 9, 15])
async def test_large_and_small_events_survive_compression(gateway: Gateway, vendor: Vendor, compress: int) -> None:
    text = "".join(f"{number} " for number in range(30_000))
    vendor.always(Turn("small ", text, " é"))
    async with connected(gateway, compress=compress) as socket:
        assert bool(socket.socket.compress) == bool(compress)
        for _ in range(3):
            response = await socket.respond(model=CHAT, input=text)
            assert text_of(response) == f"small {text} é"
            assert said(vendor.last)[-1][1] == text


async def test_compression_without_context_takeover(gateway: Gateway) -> None:
    headers = {"sec-websocket-extensions": "permessage-deflate; server_no_context_takeover"}
    async with gateway.http.ws_connect(f"{gateway.url}/v1/responses", compress=15, headers=headers) as socket:
        for _ in range(3):
            assert text_of(await Socket(socket).respond(model=CHAT, input="hi")) == "Hello there."


async def test_a_stored_response_can_be_retrieved_when_its_end_is_read(gateway: Gateway) -> None:
    async with connected(gateway) as socket:
        response = await socket.respond(model=CHAT, input="hi")
        found = await gateway.request("GET", f"/v1/responses/{response['id']}")
        assert found.json == response
        assert await gateway.metric("dragoman_requests_total", outcome="completed") == 1


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        (failure(400), 400, None),
        (failure(429, headers={"retry-after": "30"}), 429, "rate_limit_exceeded"),
        (failure(500), 502, None),
    ],
    ids=["400", "429", "500"],
)
async def test_a_failure_before_the_output_is_an_error_event(
    gateways: Gateways, vendor: Vendor, journal: Journal, script: Reply, status: int, code: str | None
) -> None:
    gateway = await gateways.start(retry={"attempts": 1})
    vendor.play(script)
    plain = await gateway.create(model=CHAT, input="hi")
    vendor.play(script)
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="hi")
        event = await socket.event()
        error = error_of(event)
        headers = error.pop("headers", {})
        assert event["status"] == plain.status == status
        assert error == plain.error
        assert headers == {name: plain.headers[name] for name in headers}
        assert headers.get("retry-after") == ("30" if status == 429 else None)
        assert await gateway.metric("dragoman_requests_total", outcome="failed") == 2
        assert await socket.respond(model=CHAT, input="again")
    assert code is None or error["code"] == code


async def test_a_failure_after_the_output_is_a_failed_response(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("Half", CUT))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="hi")
        terminal = await socket.terminal()
        assert terminal["type"] == "response.failed"
        assert text_of(terminal["response"]) == "Half"
        assert terminal["response"]["error"]["code"] == "server_error"
        assert await socket.respond(model=CHAT, input="again")


async def test_a_second_attempt_is_not_seen(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(failure(503))
    async with connected(gateway) as socket:
        assert text_of(await socket.respond(model=CHAT, input="hi")) == "Hello there."
    assert len(vendor.requests) == 2


async def test_a_silent_vendor_has_its_response_begin_after_a_while(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(stream_commit_after="10ms", retry={"attempts": 1})
    gate = asyncio.Event()
    vendor.play(Reply(status=500, held=gate, headers={"content-type": "application/json"}))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="hi", stream_id="a")
        begun = [await socket.event(), await socket.event()]
        assert [event["type"] for event in begun] == ["response.created", "response.in_progress"]
        gate.set()
        terminal = await socket.event()
        assert terminal["type"] == "response.failed"
        assert terminal["stream_id"] == "a"
        assert terminal["response"]["id"] == begun[0]["response"]["id"]
