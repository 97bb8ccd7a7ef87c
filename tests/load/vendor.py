"""A vendor that holds thousands of streams: bytes that were made before, and nothing else."""

import asyncio
from contextlib import suppress
from typing import Self

import orjson

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\nconnection: close\r\n\r\n"


def _chunk(delta: dict[str, object], **members: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None, **members}
    return b"data: " + orjson.dumps({"id": "x", "object": "chat.completion.chunk", "choices": [choice]}) + b"\n\n"


_FIRST = _chunk({"role": "assistant", "content": "Begun."})
_PIECE = _chunk({"content": " More."})
_LAST = (
    _chunk({}, finish_reason="stop")
    + b'data: {"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}\n\n'
    + b"data: [DONE]\n\n"
)
_WHOLE = orjson.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }
)


class LoadVendor:
    """Answers every call by `/chat/completions`: with a stream that has an event each `interval` seconds for `duration`
    seconds, or for as long as nobody calls `finish`; or whole."""

    def __init__(self, interval: float, duration: float | None) -> None:
        self._interval = interval
        self._duration = duration
        self._over = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=4096)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._over.set()
        self._server.close()

    @property
    def url(self) -> str:
        """Its base URL."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def finish(self) -> None:
        """End all streams in order."""
        self._over.set()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            if b'"stream":true' in body:
                await self._stream(writer)
            else:
                writer.write(_HEAD % b"application/json" + _WHOLE)
            await writer.drain()
        writer.close()

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        writer.write(_HEAD % b"text/event-stream" + _FIRST)
        events = None if self._duration is None else round(self._duration / self._interval)
        while (events is None or events > 0) and not self._over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._over.wait()
            writer.write(_PIECE)
            await writer.drain()
            events = None if events is None else events - 1
        writer.write(_LAST)
