"""Clients that count: raw connections, so that thousands fit into the process of the tests."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import orjson

_REQUEST = (
    b"POST /v1/responses HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%b\r\n%b"
)


@dataclass(frozen=True, slots=True)
class Streamed:
    """A stream as its client saw it: the terminal event's type ("" without one), and how many pieces of text."""

    terminal: str
    deltas: int


def request(*, stream: bool, close: bool = True) -> bytes:
    """A create request in bytes; `close`: its connection is not used again."""
    body = orjson.dumps({"model": "chat/gpt-4o", "input": "hi", "stream": stream, "store": False})
    return _REQUEST % (len(body), b"connection: close\r\n" if close else b"", body)


async def stream(port: int, begun: asyncio.Semaphore) -> Streamed:
    """Ask for a stream and read it to its end; `begun` is released when its first text is there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(stream=True))
    deltas, terminal, first = 0, "", True
    try:
        while line := await reader.readline():
            if line.startswith(b"event: response.output_text.delta"):
                deltas += 1
                if first:
                    begun.release()
                    first = False
            elif line.startswith((b"event: response.completed", b"event: response.failed", b"event: response.inc")):
                terminal = line[7:].strip().decode()
    except ConnectionError:
        pass
    finally:
        writer.close()
    if first:
        begun.release()
    return Streamed(terminal, deltas)


async def ask(port: int, times: int) -> int:
    """Ask `times` times over one connection; how many answers were complete."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered, asked = 0, request(stream=False, close=False)
    try:
        for _ in range(times):
            writer.write(asked)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            answered += head.startswith(b"HTTP/1.1 200 ") and b'"status":"completed"' in body
    finally:
        writer.close()
    return answered


def resident(pid: int) -> int:
    """The memory of a process, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the process is gone")


def descriptors(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
