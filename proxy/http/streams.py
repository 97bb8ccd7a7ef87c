"""Streams of events that are kept: of stored responses, and of background responses while they run."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress

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
FOLLOWERS: "web.AppKey[set[asyncio.Task[object]]]" = web.AppKey("followers")
"""The tasks that serve streams of background responses; these go on without them."""

LOOK_AGAIN = 0.02
"""How often is looked, in seconds, whether all followers have gone."""

_log = structlog.get_logger("dragoman.http")


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
    followers, task = request.app[FOLLOWERS], asyncio.current_task()
    assert task is not None
    followers.add(task)
    try:
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
    except ResponsesError as error:
        _log.warning("stream broken off", request_id=request[REQUEST_ID], response_id=record.id, error=error.message)
        _break_off(request)
    except Exception as error:  # the headers are sent: nothing else may follow them
        _log.error("unexpected", request_id=request[REQUEST_ID], response_id=record.id, exc_info=error)
        _break_off(request)
    finally:
        followers.discard(task)
    return response


async def release_followers(app: web.Application, patience: float) -> None:
    """End the streams of background responses that do not end by themselves within `patience` seconds: the process is
    about to end, and the clients can come back."""
    followers: set[asyncio.Task[object]] = app[FOLLOWERS]
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while followers:
                await asyncio.sleep(LOOK_AGAIN)
    for task in list(followers):
        task.cancel()


def _break_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


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
