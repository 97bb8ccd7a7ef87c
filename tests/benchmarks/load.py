"""The load generator: a raw asyncio protocol, so that it costs a few microseconds a request.

A closed loop: each connection sends its next request when the last answer is complete.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

EVENT_MARK = b"\ndata:"
DELTA_MARK = b"response.output_text.delta"
END_OF_CHUNKS = b"\r\n0\r\n\r\n"
PATIENCE = 60.0
"""Seconds after which a load that does not end has failed."""


@dataclass(slots=True)
class Result:
    """What came back. `first_deltas` are the seconds from a request to the first delta of its stream; `problems` are
    the first few failures, in words."""

    answers: int = 0
    events: int = 0
    failures: int = 0
    first_deltas: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def fail(self, problem: str) -> None:
        """Count a failure and keep the first few."""
        self.failures += 1
        if len(self.problems) < 3:
            self.problems.append(problem)


def request_bytes(path: str, body: bytes, key: str) -> bytes:
    """A whole HTTP request, with the headers that an SDK sends."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: OpenAI/Python 3.54.0\r\nAccept: application/json\r\n"
        f"Content-Type: application/json\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Load:
    """`total` requests over `connections` connections; `requests` are sent in turn. `events` is the least number of
    events in an answer (0: a whole answer is expected)."""

    def __init__(self, port: int, requests: Sequence[bytes], *, connections: int, total: int, events: int = 0) -> None:
        self.result = Result()
        self._port = port
        self._requests = requests
        self._connections = min(connections, total)
        self._left = total
        self._events = events
        self._open = 0
        self._ended = asyncio.Event()

    async def run(self) -> Result:
        """Send them all. Raises OSError when the server cannot be reached."""
        loop = asyncio.get_running_loop()
        pairs = [
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
            for _ in range(self._connections)
        ]
        self._open = len(pairs)
        for _, connection in pairs:
            self._next(connection)
        try:
            await asyncio.wait_for(self._ended.wait(), PATIENCE)
        except TimeoutError:
            self.result.fail(f"{self._open} connections were still waiting after {PATIENCE:.0f} s")
        for transport, _ in pairs:
            transport.abort()
        return self.result

    def answered(self, connection: "_Connection", problem: str | None) -> None:
        """A connection's answer is complete, or will never be."""
        if problem is None and connection.events < self._events:
            problem = f"a stream had {connection.events} events instead of {self._events} or more"
        if problem is None:
            self.result.answers += 1
            self.result.events += connection.events
            if connection.first_delta is not None:
                self.result.first_deltas.append(connection.first_delta)
        else:
            self.result.fail(problem)
        if connection.closed:
            self._close_one()
        else:
            self._next(connection)

    def _next(self, connection: "_Connection") -> None:
        if self._left:
            self._left -= 1
            connection.ask(self._requests[self._left % len(self._requests)])
        else:
            self._close_one()

    def _close_one(self) -> None:
        self._open -= 1
        if not self._open:
            self._ended.set()


class _Connection(asyncio.Protocol):
    """One keep-alive connection. The body is not parsed: its length, or the last chunk, ends it."""

    def __init__(self, load: Load) -> None:
        self.events = 0
        self.first_delta: float | None = None
        self.closed = False
        self._load = load
        self._transport: asyncio.WriteTransport | None = None
        self._busy = False
        self._head = b""
        self._status = 0
        self._rest: int | None = None
        self._tail = b""
        self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # a stream's transport

    def ask(self, request: bytes) -> None:
        """Send the request; `Load.answered` is told when its answer is complete."""
        assert self._transport is not None
        self._busy, self._head, self._status, self._rest, self._tail, self.events = True, b"", 0, None, b"", 0
        self.first_delta, self._asked = None, time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if not self._busy:
            return
        if not self._status:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            # One line break stays in front of the body: the marks begin with it.
            head, data = self._head[:end].lower(), self._head[end + 2 :]
            self._status = int(head[9:12])
            at = head.find(b"\r\ncontent-length:")
            if at >= 0:
                self._rest = int(head[at + 17 :].partition(b"\r")[0]) + 2
        if self._rest is not None:
            self._rest -= len(data)
            if self._rest <= 0:
                self._end()
            return
        seen = self._tail
        data = seen + data
        self.events += data.count(EVENT_MARK) - seen.count(EVENT_MARK)
        if self.first_delta is None and DELTA_MARK in data:
            self.first_delta = time.perf_counter() - self._asked
        self._tail = data[-len(END_OF_CHUNKS) :]
        if self._tail == END_OF_CHUNKS:
            self._end()

    def _end(self) -> None:
        self._busy = False
        self._load.answered(self, None if self._status == 200 else f"an answer had the status {self._status}")

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self._busy:
            self._busy = False
            self._load.answered(self, "a connection broke before its answer was complete")
