"""The vendor of the laboratory: a server that plays actions, byte by byte, in each vendor's protocol."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Self

import orjson

from tests.faults.laboratory.faults import CLOSE, HANG, RESET, Action, Endless, Fault, Good, Wait, right
from tests.vendors import converse, gemini, ollama
from tests.vendors.script import Turn
from tests.vendors.server import form_of

TLS_HELLO = b"\x16"

ANSWER = Turn("Hello", " there,", " this", " is", " a", " longer", " answer", ".", tokens=(11, 7))


class FaultyVendor:
    """Plays `fault` for the first `times` calls (None: all), and is right afterwards. `calls` counts."""

    def __init__(self) -> None:
        self.fault: Fault = right
        self.times: int | None = None
        self.calls = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0, limit=2**20)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()

    def play(self, fault: Fault, times: int | None = None) -> None:
        """Go wrong like this from now on."""
        self.fault, self.times, self.calls = fault, times, 0

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                if (first := await reader.readexactly(1)) == TLS_HELLO:
                    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    return
                head = first + await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
                body = await reader.readexactly(length)
                self.calls += 1
                fault = self.fault if self.times is None or self.calls <= self.times else right
                path = head.split(b" ", 2)[1].decode()
                for action in fault(_good(path, body)):
                    if not await _act(action, reader, writer):
                        break
        finally:
            self._tasks.discard(task)
            writer.close()


async def _act(action: Action, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Play one action; whether there is a next one."""
    match action:
        case bytes():
            writer.write(action)
            await writer.drain()
        case Wait(milliseconds):
            await asyncio.sleep(milliseconds / 1000)
        case Endless(piece):
            while True:
                writer.write(piece)
                await writer.drain()
                # The other side is read as well, so that its leaving is seen.
                if reader.at_eof():
                    return False
                await asyncio.sleep(0)
        case _ if action is HANG:
            await reader.read()
            return False
        case _ if action is RESET:
            held: socket.socket = writer.get_extra_info("socket")
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        case _ if action is CLOSE:
            return False
    return True


def _good(path: str, body: bytes) -> Good:
    form, asked = form_of(path), orjson.loads(body)
    named = gemini.asked(path) or converse.asked(path)
    # Ollama streams unless it is told not to.
    model, streamed = named or (asked["model"], bool(asked.get("stream", form is ollama)))
    if not streamed:
        return Good("application/json", [form.whole(ANSWER, model)], streamed=False)
    pieces = [step for step in form.stream(ANSWER, model) if isinstance(step, bytes)]
    return Good(form.STREAM if form in (converse, ollama) else "text/event-stream", pieces, streamed=True)
