"""The WebSocket mode: messages, lanes, what a connection remembers, errors, limits and ends."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson
import pytest

from proxy.http import websocket
from tests.http.sockets import Socket, connected, error_of
from tests.vendors.gateway import Gateway, Gateways, Whole
from tests.vendors.journal import Journal
from tests.vendors.script import CUT, SILENCE, Called, Reply, Turn, failure
from tests.vendors.server import Recorded, Vendor

CHAT = "chat/gpt-4o"


def said(recorded: Recorded) -> list[tuple[str, str]]:
    """The roles and texts of a chat."""
    found = []
    for message in recorded.json["messages"]:
        content = message["content"]
        if isinstance(content, list):
            content = "".join(part["text"] for part in content)
        found.append((message["role"], content))
    return found


def connection_of(gateway: Gateway) -> websocket.Connection:
    """The gateway's only connection."""
    connections: set[websocket.Connection] = gateway.server._runners[0].app[websocket.CONNECTIONS]
    (connection,) = connections
    return connection


async def eventually(gateway: Gateway, condition: Callable[[], bool]) -> None:
    """Wait, for ten seconds at most, while the gateway goes on with its work."""
    async with asyncio.timeout(10):
        while not condition():
            await gateway.metric("dragoman_streams_open")


async def no_connections(gateway: Gateway) -> None:
    """Wait for the last connection to end."""
    app = gateway.server._runners[0].app
    await eventually(gateway, lambda: not app[websocket.CONNECTIONS])


def echo(recorded: Recorded) -> Turn:
    """A model that repeats the last message."""
    return Turn(said(recorded)[-1][1])


def text_of(response: dict[str, Any]) -> str:
    """The response's text."""
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


async def closed(vendor: Vendor) -> None:
    """The vendor saw its latest connection close."""
    await asyncio.wait_for(vendor.last.closed.wait(), 10)


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


# --- state ------------------------------------------------------------------------------------------------------------


async def test_unstored_turns_send_the_vendor_the_whole_history(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("One."), Turn("Two."), Turn("Three."))
    previous: str | None = None
    async with connected(gateway) as socket:
        for question in ("First?", "Second?", "Third?"):
            response = await socket.respond(
                model=model, input=question, store=False, previous_response_id=previous, instructions="Count."
            )
            assert response["store"] is False
            assert response["previous_response_id"] == previous
            previous = response["id"]
        assert (await gateway.request("GET", f"/v1/responses/{previous}")).status == 404
    first = await gateway.create(
        model=model,
        instructions="Count.",
        stream=True,
        store=False,
        input=[
            {"role": "user", "content": "First?"},
            {"role": "assistant", "content": "One."},
            {"role": "user", "content": "Second?"},
            {"role": "assistant", "content": "Two."},
            {"role": "user", "content": "Third?"},
        ],
    )
    assert first.status == 200
    assert vendor.requests[-2].body == vendor.requests[-1].body


async def test_a_tool_loop_without_store(gateway: Gateway, vendor: Vendor, model: str) -> None:
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    vendor.play(Turn(calls=(Called("weather"),)), Turn("Rain."))
    async with connected(gateway) as socket:
        first = await socket.respond(model=model, input="?", store=False, tools=[tool])
        output = {"type": "function_call_output", "call_id": first["output"][-1]["call_id"], "output": "wet"}
        second = await socket.respond(
            model=model, input=[output], store=False, tools=[tool], previous_response_id=first["id"]
        )
    assert text_of(second) == "Rain."


async def test_what_is_not_stored_is_unknown_to_others(gateway: Gateway) -> None:
    async with connected(gateway) as socket, connected(gateway) as other:
        response = await socket.respond(model=CHAT, input="hi", store=False)
        error = await other.refusal(model=CHAT, input="?", previous_response_id=response["id"])
        assert error["code"] == "previous_response_not_found"
        assert error["param"] == "previous_response_id"
        answer = await gateway.create(model=CHAT, input="?", previous_response_id=response["id"])
        assert answer.error["code"] == "previous_response_not_found"
        assert await socket.respond(model=CHAT, input="?", previous_response_id=response["id"])


async def test_a_lane_remembers_its_last_response_only(gateway: Gateway) -> None:
    async with connected(gateway) as socket:
        first = await socket.respond(model=CHAT, input="1", store=False)
        second = await socket.respond(model=CHAT, input="2", store=False)
        error = await socket.refusal(model=CHAT, input="?", store=False, previous_response_id=first["id"])
        assert error["code"] == "previous_response_not_found"
        assert await socket.respond(model=CHAT, input="?", store=False, previous_response_id=second["id"])


async def test_any_lane_can_continue_what_another_made(gateway: Gateway, vendor: Vendor) -> None:
    async with connected(gateway) as socket:
        first = await socket.respond(model=CHAT, input="1", store=False, stream_id="a")
        for lane in ("b", "c", None):
            await socket.respond(model=CHAT, input="2", store=False, previous_response_id=first["id"], stream_id=lane)
            assert [text for _, text in said(vendor.last)] == ["1", "Hello there.", "2"]


async def test_what_is_stored_and_what_is_not_continue_each_other(gateway: Gateway, vendor: Vendor) -> None:
    previous: str | None = None
    async with connected(gateway) as socket:
        for number, store in enumerate((True, False, True, True, False, False)):
            response = await socket.respond(model=CHAT, input=str(number), store=store, previous_response_id=previous)
            previous = response["id"]
            asked = [text for role, text in said(vendor.last) if role == "user"]
            assert asked == [str(earlier) for earlier in range(number + 1)]


async def test_a_deleted_response_cannot_be_continued(gateway: Gateway) -> None:
    async with connected(gateway) as socket:
        response = await socket.respond(model=CHAT, input="hi")
        assert (await gateway.request("DELETE", f"/v1/responses/{response['id']}")).status == 200
        error = await socket.refusal(model=CHAT, input="?", previous_response_id=response["id"])
        assert error["code"] == "previous_response_not_found"


@pytest.mark.parametrize(
    ("change", "script"),
    [
        ({"temperature": 5}, None),
        ({"background": True}, None),
        ({}, failure(400)),
        ({}, failure(429)),
        ({}, failure(401)),
        ({}, Turn("Half", CUT)),
    ],
    ids=["form", "background", "400", "429", "401", "cut"],
)
async def test_a_continuation_that_fails_evicts_what_it_continued(
    gateways: Gateways, vendor: Vendor, change: dict[str, Any], script: Reply | Turn | None
) -> None:
    gateway = await gateways.start(retry={"attempts": 1})
    async with connected(gateway) as socket:
        first = await socket.respond(model=CHAT, input="1", store=False)
        if script is not None:
            vendor.play(script)
        await socket.create(model=CHAT, input="2", store=False, previous_response_id=first["id"], **change)
        assert (await socket.events())[-1]["type"] in ("error", "response.failed")
        error = await socket.refusal(model=CHAT, input="3", store=False, previous_response_id=first["id"])
        assert error["code"] == "previous_response_not_found"


async def test_a_failure_leaves_what_is_stored(gateway: Gateway) -> None:
    async with connected(gateway) as socket:
        first = await socket.respond(model=CHAT, input="1")
        await socket.refusal(model=CHAT, input="2", previous_response_id=first["id"], temperature=5)
        assert await socket.respond(model=CHAT, input="3", previous_response_id=first["id"])


async def test_a_history_beyond_the_limit_is_not_remembered(gateways: Gateways) -> None:
    gateway = await gateways.start(limits={"history": "1KiB"})
    async with connected(gateway) as socket:
        small = await socket.respond(model=CHAT, input="1", store=False)
        large = await socket.respond(model=CHAT, input="x" * 2000, store=False, stream_id="b")
        error = await socket.refusal(model=CHAT, input="?", store=False, previous_response_id=large["id"])
        assert error["code"] == "previous_response_not_found"
        assert await socket.respond(model=CHAT, input="?", store=False, previous_response_id=small["id"])


async def test_a_conversation(gateway: Gateway, vendor: Vendor) -> None:
    made = (await gateway.request("POST", "/v1/conversations", body=b"{}")).json
    async with connected(gateway) as socket:
        await socket.respond(model=CHAT, input="1", conversation=made["id"])
        await socket.respond(model=CHAT, input="2", conversation=made["id"], store=False)
    assert [text for _, text in said(vendor.last)] == ["1", "Hello there.", "2"]
    items = (await gateway.request("GET", f"/v1/conversations/{made['id']}/items")).json["data"]
    assert len(items) == 4


# --- generate: false --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", [False, True])
async def test_a_warm_up_asks_no_model_and_can_be_continued(
    gateway: Gateway, vendor: Vendor, model: str, store: bool
) -> None:
    system = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]}
    async with connected(gateway) as socket:
        await socket.create(model=model, input=[system], generate=False, store=store, stream=True)
        events = await socket.events()
        assert [event["type"] for event in events] == [
            "response.created",
            "response.in_progress",
            "response.completed",
        ]
        response = events[-1]["response"]
        assert response["output"] == []
        assert response["usage"]["total_tokens"] == 0
        assert vendor.requests == []
        await socket.respond(model=model, input="hi", store=store, previous_response_id=response["id"])
    assert "Be brief." in str(vendor.last.json)
    assert "hi" in str(vendor.last.json)
    found = await gateway.request("GET", f"/v1/responses/{response['id']}")
    assert found.status == (200 if store else 404)


@pytest.mark.parametrize("body", [{}, {"input": []}, {"input": None}, {"instructions": "Be brief."}])
async def test_a_warm_up_needs_no_input(gateway: Gateway, model: str, body: dict[str, Any]) -> None:
    async with connected(gateway) as socket:
        warm = await socket.respond(model=model, generate=False, store=False, **body)
        assert await socket.respond(model=model, input="hi", store=False, previous_response_id=warm["id"])
        warm = await socket.respond(model=model, generate=False, store=False, **body)
        error = await socket.refusal(model=model, input=[], store=False, previous_response_id=warm["id"])
        assert error["code"] == "missing_required_parameter"


async def test_a_warm_up_is_checked(gateway: Gateway, vendor: Vendor) -> None:
    async with connected(gateway) as socket:
        for body in ({"model": "nope"}, {"model": CHAT, "temperature": 5}, {"model": CHAT, "tools": "x"}):
            error = await socket.refusal(**body, input="hi", generate=False)
            assert error["param"] in body
    assert vendor.requests == []


async def test_a_warm_up_in_the_middle_of_a_chain(gateway: Gateway, vendor: Vendor) -> None:
    async with connected(gateway) as socket:
        first = await socket.respond(model=CHAT, input="1", store=False)
        warm = await socket.respond(
            model=CHAT, input="2", store=False, generate=False, previous_response_id=first["id"]
        )
        await socket.respond(model=CHAT, input="3", store=False, previous_response_id=warm["id"])
    assert [text for role, text in said(vendor.last) if role == "user"] == ["1", "2", "3"]


# --- lanes ------------------------------------------------------------------------------------------------------------


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


# --- messages that cannot be read -------------------------------------------------------------------------------------


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


# --- ends -------------------------------------------------------------------------------------------------------------


async def test_a_client_that_closes_cancels_what_runs(gateway: Gateway, vendor: Vendor, journal: Journal) -> None:
    vendor.always(Turn("One ", SILENCE))
    async with connected(gateway) as socket:
        for lane in ("a", "b"):
            await socket.create(model=CHAT, input="hi", stream_id=lane)
            await socket.until("response.output_text.delta")
        await socket.create(model=CHAT, input="waits", stream_id="a")
    await everything_cancelled(gateway, vendor, journal, 2)
    assert len(vendor.requests) == 2


async def test_a_client_that_vanishes_cancels_what_runs(gateway: Gateway, vendor: Vendor, journal: Journal) -> None:
    vendor.always(Turn("One ", SILENCE))
    async with connected(gateway) as socket:
        for lane in ("a", "b"):
            await socket.create(model=CHAT, input="hi", stream_id=lane)
            await socket.until("response.output_text.delta")
        socket.socket._writer.transport.abort()
        await everything_cancelled(gateway, vendor, journal, 2)


async def test_a_client_that_leaves_before_the_vendor_answers(
    gateway: Gateway, vendor: Vendor, journal: Journal
) -> None:
    vendor.play(Reply(held=asyncio.Event()))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="hi")
        await vendor.arrival()
        assert await gateway.metric("dragoman_requests_in_flight") == 1
        assert await gateway.metric("dragoman_streams_open") == 1
    await everything_cancelled(gateway, vendor, journal, 1)


async def everything_cancelled(gateway: Gateway, vendor: Vendor, journal: Journal, count: int) -> None:
    for recorded in vendor.requests:
        await asyncio.wait_for(recorded.closed.wait(), 10)
    await no_connections(gateway)
    outcomes = [entry["outcome"] for entry in journal.entries if entry["event"] == "request"]
    assert outcomes == ["cancelled"] * count
    assert await gateway.metric("dragoman_requests_total", outcome="cancelled") == count
    assert await gateway.metric("dragoman_requests_total") == count
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="cancelled") == count
    assert await gateway.metric("dragoman_requests_in_flight") == 0
    assert await gateway.metric("dragoman_streams_open") == 0
    assert not [entry for entry in journal.entries if entry["level"] == "error"]


async def test_a_client_that_does_not_read_holds_the_vendor_back(
    gateway: Gateway, vendor: Vendor, journal: Journal
) -> None:
    size = 64 * 2**20
    noise = " ".join(hex(number * number) for number in range(1 << 20, (1 << 20) + 5_000))
    piece = b'data: {"id":"x","model":"m","choices":[{"index":0,"delta":{"content":%b}}]}\n\n' % orjson.dumps(noise)
    vendor.play(Reply(steps=(piece,) * (size // len(piece)), headers={"content-type": "text/event-stream"}))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="hi")
        await socket.until("response.output_text.delta")
        socket.socket._reader._protocol.pause_reading()
        recorded, sent = vendor.last, -1
        while sent != recorded.sent:  # until the vendor stands still
            sent = recorded.sent
            for _ in range(2):
                await gateway.metric("dragoman_streams_open")
        assert sent < size / 2
        socket.socket._writer.transport.abort()
        await everything_cancelled(gateway, vendor, journal, 1)


async def test_a_connection_ends_after_its_time(
    gateway: Gateway, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    vendor.play(Turn("One ", gate, "two."))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="1", stream_id="a")
        await socket.until("response.output_text.delta")
        await socket.create(model=CHAT, input="2", stream_id="a")
        connection = connection_of(gateway)
        await eventually(gateway, lambda: connection._waiting == 1)
        connection._reach_limit()
        await socket.create(model=CHAT, input="3", stream_id="b")
        refused = await socket.event()
        assert refused["stream_id"] == "b"
        gate.set()
        rest = await socket.until("error")
        assert rest[-2]["type"] == "response.completed"
        final = await socket.event()
        for event, lane in ((refused, "b"), (rest[-1], "a"), (final, None)):
            assert error_of(event)["code"] == "websocket_connection_limit_reached"
            assert event.get("stream_id") == lane
            assert event["status"] == 400
        assert await socket.end() == 1000
    assert len(vendor.requests) == 1


async def test_an_idle_connection_ends_after_its_time(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gateway.server._runners[0].app._state, websocket.CONNECTION_LIMIT, 0.01)
    async with connected(gateway) as socket:
        error = error_of(await socket.event())
        assert error["code"] == "websocket_connection_limit_reached"
        assert await socket.end() == 1000


async def test_a_client_that_ignores_the_end_is_cut_off(
    gateway: Gateway, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "CLOSING_TIME", 0.01)
    async with connected(gateway) as socket:
        await socket.respond(model=CHAT, input="hi")
        socket.socket._reader._protocol.pause_reading()
        connection_of(gateway)._reach_limit()
        await no_connections(gateway)
        socket.socket._writer.transport.abort()


async def test_silence_is_filled_with_pings(gateways: Gateways) -> None:
    gateway = await gateways.start(heartbeat="5ms")
    async with gateway.http.ws_connect(f"{gateway.url}/v1/responses", autoping=False) as socket:
        for _ in range(3):
            frame = await asyncio.wait_for(socket.receive(), 10)
            assert frame.type is aiohttp.WSMsgType.PING
        assert frame.data == b""


async def test_a_ping_is_answered_while_a_response_is_made(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("One ", SILENCE))
    async with gateway.http.ws_connect(f"{gateway.url}/v1/responses", autoping=False) as socket:
        await Socket(socket).create(model=CHAT, input="hi")
        await Socket(socket).until("response.output_text.delta")
        await socket.ping(b"there?")
        frame = await asyncio.wait_for(socket.receive(), 10)
        assert (frame.type, frame.data) == (aiohttp.WSMsgType.PONG, b"there?")


# --- shutdown ---------------------------------------------------------------------------------------------------------


async def test_an_idle_connection_is_no_reason_to_wait(gateways: Gateways) -> None:
    gateway = await gateways.start(grace="60s")
    async with connected(gateway) as socket:
        assert await socket.respond(model=CHAT, input="hi")
        stopping = asyncio.create_task(gateway.server.stop())
        assert await socket.end() == 1001
        await asyncio.wait_for(stopping, 20)


async def test_what_runs_is_finished_before_the_process_ends(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(grace="60s")
    gate = asyncio.Event()
    vendor.play(Turn("One ", gate, "two."))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="hi")
        await socket.until("response.output_text.delta")
        await gateway.server._runners[0].shutdown()
        stopping = asyncio.create_task(gateway.server.stop())
        error = await socket.refusal(model=CHAT, input="too late", stream_id="b")
        assert error["type"] == "service_unavailable_error"
        gate.set()
        assert text_of((await socket.until("response.completed"))[-1]["response"]) == "One two."
        assert await socket.end() == 1001
        await asyncio.wait_for(stopping, 20)


async def test_what_outlasts_the_grace_gets_its_terminal_event(
    gateways: Gateways, vendor: Vendor, journal: Journal
) -> None:
    gateway = await gateways.start(grace="200ms")
    vendor.play(Turn("One ", SILENCE), Reply(held=asyncio.Event()))
    async with connected(gateway) as socket:
        await socket.create(model=CHAT, input="hi", stream_id="a")
        await socket.until("response.output_text.delta")
        await socket.create(model=CHAT, input="hi", stream_id="b")
        await socket.create(model=CHAT, input="waits", stream_id="a")
        await vendor.arrival()
        await vendor.arrival()
        stopping = asyncio.create_task(gateway.server.stop())
        events = [await socket.event() for _ in range(8)]
        last = {event["stream_id"]: event for event in events if event["type"] == "response.failed"}
        assert last.keys() == {"a", "b"}
        assert text_of(last["a"]["response"]) == "One "
        (refused,) = [event for event in events if event["type"] == "error"]
        assert (refused["stream_id"], refused["status"]) == ("a", 503)
        assert await socket.end() == 1001
        await asyncio.wait_for(stopping, 20)
    outcomes = sorted(entry["outcome"] for entry in journal.entries if entry["event"] == "request")
    assert outcomes == ["failed", "failed", "rejected"]
