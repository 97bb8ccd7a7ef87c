"""A client of the WebSocket mode, over aiohttp's client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from proxy.http import websocket
from proxy.testing.grammar import check_events
from tests.vendors.gateway import Gateway
from tests.vendors.script import Turn
from tests.vendors.server import Recorded, Vendor

CHAT = "chat/gpt-4o"

TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


class Socket:
    """One connection. `frames` are the received text frames, as they came."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: list[str] = []

    async def send(self, **message: Any) -> None:
        """Send a message."""
        await self.socket.send_str(orjson.dumps(message).decode())

    async def create(self, **body: Any) -> None:
        """Send `response.create`."""
        await self.send(type="response.create", **body)

    async def event(self) -> dict[str, Any]:
        """The next event, which has to come within ten seconds."""
        frame = await asyncio.wait_for(self.socket.receive(), 10)
        assert frame.type is aiohttp.WSMsgType.TEXT, frame
        self.frames.append(frame.data)
        event: dict[str, Any] = orjson.loads(frame.data)
        return event

    async def events(self) -> list[dict[str, Any]]:
        """The events up to a terminal one, of a connection with one response at a time."""
        found = [await self.event()]
        while found[-1]["type"] not in TERMINAL:
            found.append(await self.event())
        if found[-1]["type"] != "error":
            assert check_events(found) == []
        return found

    async def terminal(self) -> dict[str, Any]:
        """The terminal event of the response that is made next."""
        return (await self.events())[-1]

    async def respond(self, **body: Any) -> dict[str, Any]:
        """Create a response and read it to its end: the response."""
        await self.create(**body)
        terminal = await self.terminal()
        assert terminal["type"] == "response.completed", terminal
        response: dict[str, Any] = terminal["response"]
        return response

    async def refusal(self, **body: Any) -> dict[str, Any]:
        """Create what is refused: the error event."""
        await self.create(**body)
        return error_of(await self.event())

    async def until(self, kind: str) -> list[dict[str, Any]]:
        """The events up to the first one of a type."""
        found = [await self.event()]
        while found[-1]["type"] != kind:
            found.append(await self.event())
        return found

    async def end(self) -> int | None:
        """The code that the gateway closes with, which has to be the next thing it does."""
        frame = await asyncio.wait_for(self.socket.receive(), 10)
        assert frame.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING), frame
        return self.socket.close_code


@asynccontextmanager
async def connected(
    gateway: Gateway, *, path: str = "/v1/responses", key: str | None = None, compress: int = 0
) -> AsyncIterator[Socket]:
    """A connection to the gateway."""
    headers = {"authorization": f"Bearer {key}"} if key is not None else {}
    async with gateway.http.ws_connect(
        gateway.url + path, headers=headers, compress=compress, max_msg_size=0, autoping=True
    ) as socket:
        yield Socket(socket)


def error_of(event: dict[str, Any]) -> dict[str, Any]:
    """The error in an error event that has the documented form."""
    assert event["type"] == "error", event
    assert event.keys() - {"stream_id"} == {"type", "status", "error"}
    error: dict[str, Any] = event["error"]
    assert error.keys() - {"headers"} == {"type", "code", "message", "param"}
    assert isinstance(event["status"], int)
    assert error["message"]
    return error


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
    connections: set[websocket.Connection] = gateway.server._runners["main"].app[websocket.CONNECTIONS]
    (connection,) = connections
    return connection


async def eventually(gateway: Gateway, condition: Callable[[], bool]) -> None:
    """Wait, for ten seconds at most, while the gateway goes on with its work."""
    async with asyncio.timeout(10):
        while not condition():
            await gateway.metric("dragoman_streams_open")


async def no_connections(gateway: Gateway) -> None:
    """Wait for the last connection to end."""
    app = gateway.server._runners["main"].app
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
