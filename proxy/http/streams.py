"""Streams of events that are kept: of stored responses, and of background responses while they run."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress

import structlog
from aiohttp import web

from proxy.exchange.background import BackgroundRuns
from proxy.exchange.kept_events import is_terminal
from proxy.http.surface import REQUEST_ID
from proxy.responses import errors, sse
from proxy.responses.assembler import Outgoing
from proxy.responses.errors import ResponsesError
from proxy.state.records import StoredResponse

BACKGROUND = web.AppKey("background", BackgroundRuns)
HEARTBEAT = web.AppKey("heartbeat", float)
_log = structlog.get_logger("dragoman.http")


class Followers:
    """The tasks that serve streams of background responses; these go on without them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self._left = asyncio.Event()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """The current task serves such a stream meanwhile."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)
            self._left.set()

    async def release(self, patience: float) -> None:
        """End the streams that do not end by themselves within `patience` seconds: the process is about to end, and the
        clients can come back."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._tasks:
                    self._left.clear()
                    await self._left.wait()
        for task in list(self._tasks):
            task.cancel()


FOLLOWERS = web.AppKey("followers", Followers)


async def stream_stored(request: web.Request, record: StoredResponse, starting_after: int | None) -> web.StreamResponse:
    """The events of a stored response above a sequence number; of one that still runs, also those to come.

    Raises ResponsesError (400) for a response that was not created with `stream`.
    """
    if record.journal is None:
        raise errors.malformed_value("stream", "the response was not created with stream: true")
    return await follow(request, record, -1 if starting_after is None else starting_after, {})


async def follow(
    request: web.Request, record: StoredResponse, after: int, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Send the events above `after` up to the terminal one. A client that leaves, leaves the response alone; one whose
    events cannot be had any more is left without an end, so that it sees that there is more."""
    response = web.StreamResponse(headers={**sse.HEADERS, **headers, "x-request-id": request[REQUEST_ID]})
    try:
        with request.app[FOLLOWERS].serving():
            await response.prepare(request)
            batches = request.app[BACKGROUND].follow(record, after)
            async with aclosing(_with_heartbeats(batches, request.app[HEARTBEAT])) as told:
                async for events in told:
                    # A write that is not awaited to its end would let memory grow with a client that does not read.
                    await response.write(sse.frame(events) if events else sse.HEARTBEAT)
                    if events and is_terminal(events[-1]):
                        break
            await response.write(sse.DONE)
            await response.write_eof()
    except ConnectionError:
        pass
    except Exception as error:  # the headers are sent: no other answer may follow them
        if isinstance(error, ResponsesError):
            _log.warning("stream broken off", response_id=record.id, error=error.message)
        else:
            _log.error("unexpected", request_id=request[REQUEST_ID], response_id=record.id, exc_info=error)
        if request.transport is not None:
            request.transport.abort()
    return response


async def _with_heartbeats(batches: AsyncIterator[list[Outgoing]], heartbeat: float) -> AsyncGenerator[list[Outgoing]]:
    """The batches; an empty one after each `heartbeat` seconds of silence."""
    iterator = aiter(batches)
    waiting: asyncio.Future[list[Outgoing]] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(_next(iterator))
            done, _ = await asyncio.wait([waiting], timeout=heartbeat)
            if not done:
                yield []
                continue
            finished, waiting = waiting, None
            events = finished.result()
            if not events:
                return
            yield events
    finally:
        if waiting is not None:
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting


async def _next(iterator: AsyncIterator[list[Outgoing]]) -> list[Outgoing]:
    """The next batch that holds something, or an empty one at the end."""
    async for events in iterator:
        if events:
            return events
    return []
