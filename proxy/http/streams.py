"""Streams of events that are kept: of stored responses, and of background responses while they run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web

from proxy.exchange.background import BackgroundRuns
from proxy.exchange.kept_events import is_terminal
from proxy.http.surface import REQUEST_ID
from proxy.responses import errors, sse
from proxy.responses.assembler import Outgoing
from proxy.state.records import StoredResponse

BACKGROUND = web.AppKey("background", BackgroundRuns)
HEARTBEAT = web.AppKey("heartbeat", float)
FOLLOWERS: "web.AppKey[set[asyncio.Task[object]]]" = web.AppKey("followers")
"""The tasks that serve streams of background responses; these go on without them."""


async def stream_stored(request: web.Request, record: StoredResponse, starting_after: int | None) -> web.StreamResponse:
    """The events of a stored response above a sequence number; of one that still runs, also those to come.

    Raises ResponsesError (400) for a response that was not created with `stream`.
    """
    if record.journal is None:
        raise errors.malformed_value("stream", "the response was not created with stream: true")
    return await follow(request, record, -1 if starting_after is None else starting_after)


async def follow(request: web.Request, record: StoredResponse, after: int) -> web.StreamResponse:
    """Send the events above `after` up to the terminal one. A client that leaves, leaves the response alone."""
    response = web.StreamResponse(headers={**sse.HEADERS, "x-request-id": request[REQUEST_ID]})
    followers, task = request.app[FOLLOWERS], asyncio.current_task()
    assert task is not None
    followers.add(task)
    try:
        await response.prepare(request)
        batches = request.app[BACKGROUND].follow(record, after)
        async for events in _with_heartbeats(batches, request.app[HEARTBEAT]):
            # A write that is not awaited to its end would let memory grow with a client that does not read.
            await response.write(sse.frame(events) if events else sse.HEARTBEAT)
            if events and is_terminal(events[-1]):
                break
        await response.write(sse.DONE)
        await response.write_eof()
    except ConnectionError:
        pass
    finally:
        followers.discard(task)
    return response


def release_followers(app: web.Application) -> None:
    """End the streams of background responses: the process is about to end, and the clients can come back."""
    followers: set[asyncio.Task[object]] = app[FOLLOWERS]
    for task in list(followers):
        task.cancel()


async def _with_heartbeats(batches: AsyncIterator[list[Outgoing]], heartbeat: float) -> AsyncIterator[list[Outgoing]]:
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
