"""The WebSocket mode under the released `openai` SDK, and under what other released clients were seen to send."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.resources.responses.responses import AsyncResponsesConnection
from openai.types.responses import ResponseFunctionToolCall

from tests.http.sockets import Socket
from tests.vendors.gateway import MODELS, Gateway, Gateways
from tests.vendors.script import Called, Turn, failure
from tests.vendors.server import Vendor

pytest.importorskip("websockets", reason="the SDK's extra `realtime` is not installed")

CHAT = MODELS["openai_chat"]


async def until(connection: AsyncResponsesConnection, *kinds: str) -> Any:
    """The next event of one of these types."""
    async with asyncio.timeout(10):
        async for event in connection:
            if event.type in kinds:
                return event
    raise AssertionError("the connection ended")


async def test_create(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("Good ", "day.", tokens=(12, 3)))
    async with client.responses.connect() as connection:
        await connection.response.create(model=model, input="Hello", instructions="Be brief.")
        seen: list[Any] = []
        async for event in connection:
            seen.append(event)
            if event.type == "response.completed":
                break
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    assert [event.delta for event in seen if event.type == "response.output_text.delta"] == ["Good ", "day."]
    final = seen[-1].response
    assert final.output_text == "Good day."
    assert final.usage.total_tokens == 15
    stored = await client.responses.retrieve(final.id)
    assert stored.output_text == "Good day."


async def test_a_chain_without_store(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    previous: Any = openai.omit
    async with client.responses.connect() as connection:
        await connection.response.create(model=model, input="Be brief.", store=False, generate=False)
        warm = await until(connection, "response.completed")
        assert warm.response.output == []
        assert vendor.requests == []
        previous = warm.response.id
        for number in range(3):
            await connection.response.create(
                model=model, input=f"Question {number}", store=False, previous_response_id=previous
            )
            previous = (await until(connection, "response.completed")).response.id
    sent = str(vendor.last.json)
    for text in ("Be brief.", "Question 0", "Question 1", "Question 2"):
        assert sent.count(text) == 1


async def test_a_tool_loop(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    tool: Any = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    vendor.play(Turn(calls=(Called("weather"),)), Turn("Rain."))
    async with client.responses.connect() as connection:
        await connection.response.create(model=model, input="Weather?", tools=[tool], store=False)
        first = await until(connection, "response.completed")
        (call,) = [item for item in first.response.output if isinstance(item, ResponseFunctionToolCall)]
        await connection.response.create(
            model=model,
            input=[{"type": "function_call_output", "call_id": call.call_id, "output": "wet"}],
            tools=[tool],
            store=False,
            previous_response_id=first.response.id,
        )
        assert (await until(connection, "response.completed")).response.output_text == "Rain."


async def test_lanes(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    async with client.responses.connect() as connection:
        for lane in range(40):
            await connection.response.create(model=CHAT, input="hi", stream_id=f"lane-{lane}", store=False)
        ended = {(await until(connection, "response.completed")).stream_id for _ in range(40)}
    assert ended == {f"lane-{lane}" for lane in range(40)}


async def test_errors(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    vendor.play(failure(429, "Slow down.", headers={"retry-after": "30"}))
    async with client.responses.connect() as connection:
        await connection.response.create(model="nope", input="hi", stream_id="a")
        event = await until(connection, "error")
        assert (event.status, event.error.code, event.stream_id) == (400, "model_not_found", "a")
        await connection.response.create(model=CHAT, input="hi")
        event = await until(connection, "error")
        assert event.status == 429
        assert event.error.message == "Slow down."
        assert event.error.headers == {"retry-after": "30"}
        await connection.response.create(model=CHAT, input="hi", previous_response_id="resp_x")
        event = await until(connection, "error")
        assert (event.status, event.error.code) == (400, "previous_response_not_found")


async def test_steering(client: openai.AsyncOpenAI) -> None:
    async with client.responses.connect() as connection:
        await connection.response.steer(previous_response_id="resp_x", input="Stop")
        event = await until(connection, "response.steer.failed")
    assert event.error.code == "steering_not_supported"
    assert event.steer.previous_response_id == "resp_x"
    assert event.steer.input == "Stop"


async def test_a_wrong_key(gateways: Gateways) -> None:
    gateway = await gateways.start(clients=[{"name": "shop", "key": "sk-shop"}])
    async with gateway.openai("sk-wrong") as client:
        with pytest.raises(Exception, match="401"):
            async with client.responses.connect():
                pass
    async with gateway.openai("sk-shop") as client, client.responses.connect() as connection:
        await connection.response.create(model=CHAT, input="hi")
        assert await until(connection, "response.completed")


@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")  # of the SDK
async def test_the_synchronous_client(gateway: Gateway) -> None:
    def use() -> list[str]:
        found = []
        with (
            openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-any") as client,
            client.responses.connect() as connection,
        ):
            for _ in range(3):
                connection.response.create(model=CHAT, input="hi", store=False)
                for event in connection:
                    if event.type == "response.completed":
                        found.append(event.response.output_text)
                        break
        return found

    assert await asyncio.to_thread(use) == ["Hello there."] * 3


async def test_the_end_of_the_process_is_one_to_reconnect_after(gateway: Gateway) -> None:
    reconnected: list[int] = []

    def refuse(event: Any) -> None:
        reconnected.append(event.close_code)

    async with (
        gateway.openai() as client,
        client.responses.connect(
            on_reconnecting=refuse, max_retries=1, initial_delay=0.001, max_delay=0.001
        ) as connection,
    ):
        await connection.response.create(model=CHAT, input="hi")
        await until(connection, "response.completed")
        await gateway.server.stop()
        with pytest.raises((OSError, openai.OpenAIError, AssertionError)):
            await until(connection, "response.completed")
    assert reconnected[0] == 1001


# --- what was recorded of other clients -------------------------------------------------------------------------------


def recordings() -> list[Any]:
    """The connections of released clients, as pytest's parameters."""
    folder = Path(os.environ.get("DRAGOMAN_CLIENTS", "/nowhere"))
    found = []
    for path in sorted(folder.glob("*/*.json")):
        recording = json.loads(path.read_text())
        if recording.get("ws_messages"):
            found.append(pytest.param(recording, id=f"{path.parent.name}-{path.stem}"))
    return found or [pytest.param(None, marks=pytest.mark.skip("DRAGOMAN_CLIENTS names no folder with recordings"))]


@pytest.mark.parametrize("recording", recordings())
@pytest.mark.parametrize("target", [CHAT, MODELS["anthropic"], MODELS["gemini"]])
async def test_the_connections_of_real_clients(
    gateways: Gateways, vendor: Vendor, recording: dict[str, Any], target: str
) -> None:
    messages = [frame["message"] for frame in recording["ws_messages"] if frame["message"]["type"] == "response.create"]
    gateway = await gateways.start(models={message["model"]: [target] for message in messages})
    skipped = ("host", "connection", "upgrade", "authorization")
    headers = {
        name: value
        for name, value in recording["headers"].items()
        if name not in skipped and not name.startswith("sec-websocket")
    }
    compress = 15 if "sec-websocket-extensions" in recording["headers"] else 0
    previous = None
    async with gateway.http.ws_connect(f"{gateway.url}/v1/responses", headers=headers, compress=compress) as raw:
        assert bool(raw.compress) == bool(compress)
        socket = Socket(raw)
        for message, following in zip(messages, [*messages[1:], {}], strict=True):
            if message.get("generate") is not False:
                vendor.play(Turn("Very well.", calls=calls_answered(following)))
            body = {name: value for name, value in message.items() if name != "type"}
            if "previous_response_id" in body:
                assert previous is not None
                body["previous_response_id"] = previous
            previous = (await socket.respond(**body))["id"]


def calls_answered(message: dict[str, Any]) -> tuple[Called, ...]:
    """The calls whose results a message brings without them: what the model must have called before."""
    items = [item for item in message.get("input", ()) if isinstance(item, dict)]
    own = {item["call_id"] for item in items if str(item.get("type", "")).endswith("_call")}
    results = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    return tuple(Called(tool["name"], id=name) for name in results if name not in own for tool in message["tools"][:1])
