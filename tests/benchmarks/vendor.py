"""The mock vendor: Chat Completions and Responses, answered from ready-made bytes at a few microseconds a request.

`python -m tests.benchmarks.vendor PORT`
"""

import asyncio
import sys

import uvloop

from tests.benchmarks.material import Reply, replies

MODEL_MARK = b'"model":"'
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
ALIVE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Vendor(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, answers: dict[tuple[str, str], Reply]) -> None:
        self._answers = answers
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # a stream's transport

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = buffer[:end].lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].partition(b"\r")[0]) if at >= 0 else 0
        if len(buffer) < end + 4 + length:
            return
        self._buffer = b""
        self._answer(buffer[:end], buffer[end + 4 :])

    def _answer(self, head: bytes, body: bytes) -> None:
        assert self._transport is not None
        method, path, _ = head.split(b" ", 2)
        if method != b"POST":
            self._transport.write(ALIVE)
            return
        at = body.find(MODEL_MARK) + len(MODEL_MARK)
        model = body[at : body.find(b'"', at)].decode()
        reply = self._answers.get((path.decode(), model))
        if reply is None:
            self._transport.write(NOT_FOUND)
        elif reply.interval:
            self._play(reply, 0)
        else:
            self._transport.write(reply.pieces[0])

    def _play(self, reply: Reply, position: int) -> None:
        if self._transport is None:
            return
        self._transport.write(reply.pieces[position])
        if position + 1 < len(reply.pieces):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(reply.interval, self._play, reply, position + 1)


async def start(port: int) -> asyncio.Server:
    """Listen on a port of the loopback address."""
    answers = replies()
    return await asyncio.get_running_loop().create_server(lambda: Vendor(answers), "127.0.0.1", port, backlog=1024)


async def _serve(port: int) -> None:
    await (await start(port)).serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1])))
