"""`/v1/responses`: create, whole or streamed."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import orjson
from aiohttp import web

from proxy.exchange.accept import accept
from proxy.exchange.background import shutting_down
from proxy.exchange.record import record
from proxy.exchange.run import Run
from proxy.http.body import read_body
from proxy.http.dry_run import answer_dry_run
from proxy.http.headers import dropped_header, header_text
from proxy.http.modes import dry_run_asked, strict_asked, time_limit
from proxy.http.places import PLACES
from proxy.http.streams import BACKGROUND, HEARTBEAT, follow
from proxy.http.surface import CLIENT, GATEWAY, REQUEST_ID, error_response
from proxy.responses import errors, sse
from proxy.responses.assembler import Outgoing
from proxy.responses.errors import ResponsesError
from proxy.state.store import HistoryGoneError
from proxy.upstream.trace import trace_of
from proxy.usage.prices import dollars

COMMIT_AFTER = web.AppKey("stream_commit_after", float)
STREAMS: "web.AppKey[set[Interruptible]]" = web.AppKey("streams")
"""What waits for vendors: streams, over SSE and over WebSockets, and answers that are sent whole."""


class Interruptible(Protocol):
    """What ends with its terminal events, or with an error, when it is told to."""

    def interrupt(self) -> None:
        """Stop waiting for the vendor."""


def interrupt_streams(app: web.Application) -> None:
    """End what waits for vendors now, a stream with its terminal event: the process is about to end."""
    streams: set[Interruptible] = app[STREAMS]
    for stream in list(streams):
        stream.interrupt()


MAX_STARTS = 5
"""How often a background response is begun whose history changes each time before it is kept."""

MULTI_AGENT = "responses_multi_agent"
"""The beta that would make the answer something else; others, such as `responses_websockets`, change nothing."""


async def create(request: web.Request) -> web.StreamResponse:
    """`POST /v1/responses`."""
    arrived = time.perf_counter()
    gateway = request.app[GATEWAY]
    if MULTI_AGENT in request.headers.get("OpenAI-Beta", ""):
        raise ResponsesError(400, f"This gateway does not offer multi-agent runs (OpenAI-Beta: {MULTI_AGENT}).")
    if dry_run_asked(request):
        return await answer_dry_run(request)
    strict, limit = strict_asked(request), time_limit(request)
    with request.app[PLACES].place():
        body = await read_body(request)
        run = await accept(
            gateway,
            body,
            request[CLIENT],
            arrived=arrived,
            strict=strict,
            trace=trace_of(request.headers),
            time_limit=limit,
        )
        if run.request.background:
            return await _background(run, body, request)
        return await (_stream(run, request) if run.prepared.stream else whole(run, request, _response))


async def _background(run: Run, body: bytes, request: web.Request) -> web.StreamResponse:
    """Begin, and answer at once: with the queued object, or with the events as they come."""
    background = request.app[BACKGROUND]
    run, response = await _started(run, body, request)
    if run.prepared.stream:
        return await follow(request, background.record(run), -1, _headers(run))
    headers = _headers(run)
    headers["Content-Type"] = "application/json"
    return web.Response(body=orjson.dumps(response), headers=headers)


async def _started(run: Run, body: bytes, request: web.Request) -> tuple[Run, dict[str, object]]:
    """The run that was begun, and the object that its client is given. A request whose history changed while it was
    prepared is accepted anew: nothing of it was shown yet."""
    background = request.app[BACKGROUND]
    for _ in range(MAX_STARTS):
        try:
            return run, await background.start(run, body, request[REQUEST_ID])
        except HistoryGoneError:
            run = await accept(
                request.app[GATEWAY],
                body,
                request[CLIENT],
                arrived=run.arrived,
                strict=run.strict,
                trace=run.trace,
                time_limit=None if run.attempts.deadline is None else run.attempts.deadline - run.arrived,
            )
    await run.discard()
    raise errors.history_changing()


def _response(run: Run) -> dict[str, object]:
    return run.assembler.response


async def whole(run: Run, request: web.Request, answer: Callable[[Run], dict[str, object]]) -> web.Response:
    """Drive the run to its end; what it is answered with is said by `answer`."""
    streams, waiting = request.app[STREAMS], _Waiting()
    streams.add(waiting)
    try:
        try:
            while await run.advance():
                pass
        except asyncio.CancelledError:
            if not waiting.interrupted:
                raise
            waiting.resume()
            # What the store has by now is announced all the same.
            if not run.assembler.announced:
                await run.give_up(shutting_down())
                raise shutting_down() from None
        finally:
            streams.discard(waiting)
            try:
                await run.close()
            finally:
                record(request.app[GATEWAY], run, request[REQUEST_ID])
    except ResponsesError as error:
        return error_response(error, _headers(run) | _cost_headers(run))
    headers = _headers(run) | _cost_headers(run)
    headers["x-dragoman-overhead-ms"] = f"{run.overhead * 1e3:.2f}"
    headers["Content-Type"] = "application/json"
    return web.Response(body=orjson.dumps(answer(run)), headers=headers)


async def _stream(run: Run, request: web.Request) -> web.StreamResponse:
    gateway, request_id = request.app[GATEWAY], request[REQUEST_ID]
    sink, waiting, streams = _Sink(run, request), _Waiting(), request.app[STREAMS]
    streams.add(waiting)
    gateway.metrics.streams_open.inc()
    recorded = False
    try:
        try:
            while await run.advance():
                await sink.write(sse.frame(run.assembler.take()))
                await run.pump(sink.push)
        except ResponsesError as error:
            if not sink.committed:
                return error_response(error, _headers(run))
            await run.fail(error)
        # Whoever has seen the terminal event finds it in the metrics.
        record(gateway, run, request_id)
        recorded = True
        await sink.write(sse.frame(run.assembler.take()) + sse.DONE)
        await sink.end()
    except ConnectionError:
        # The client left; what the vendor still sends is of no use to anyone.
        if not recorded:
            run.outcome = "cancelled"
    except asyncio.CancelledError:
        if recorded or not waiting.interrupted:
            raise
        waiting.resume()
        await run.fail(shutting_down())
        record(gateway, run, request_id)
        recorded = True
        await sink.write(sse.frame(run.assembler.take()) + sse.DONE)
        await sink.end()
    finally:
        streams.discard(waiting)
        sink.stop()
        gateway.metrics.streams_open.dec()
        try:
            await run.close()
        finally:
            if not recorded:
                record(gateway, run, request_id)
    return sink.response


class _Waiting:
    """The task that makes an answer, and whether it was interrupted."""

    def __init__(self) -> None:
        self.interrupted = False
        self._task = asyncio.current_task()

    def interrupt(self) -> None:
        """Stop waiting for the vendor."""
        if self._task is not None and not self.interrupted:
            self.interrupted = True
            self._task.cancel()

    def resume(self) -> None:
        """The interruption was taken note of: what follows may wait again."""
        if self._task is not None:
            self._task.uncancel()


class _Sink:
    """A client's SSE stream. Status and headers are held back until there is output, or until the commit time; from
    then on silence is filled with comments."""

    def __init__(self, run: Run, request: web.Request) -> None:
        self.response = web.StreamResponse()
        self.committed = False
        self._run = run
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._heartbeat = request.app[HEARTBEAT]
        self._written = self._loop.time()
        self._timer = self._loop.call_later(request.app[COMMIT_AFTER], self._tick)
        self._beat: asyncio.Task[None] | None = None
        self._chunked = False

    async def write(self, data: bytes) -> None:
        """Send whole events. Raises ConnectionError when the client has left."""
        if self._beat is not None:
            beat, self._beat = self._beat, None
            await beat
        if not self.committed:
            await self._commit()
        self._written = self._loop.time()
        if data:
            await self.response.write(data)

    def push(self, events: list[Outgoing]) -> bool:
        """Send events without waiting. False when the client has left or does not keep up; what was given is on its way
        all the same."""
        if not events:
            return True
        transport = self._request.transport
        if transport is None or transport.is_closing():
            return False
        data = sse.frame(events)
        # aiohttp's writer would do the same in four calls, and it can only be awaited.
        transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        self._written = self._loop.time()
        return not self._request.protocol.writing_paused

    async def end(self) -> None:
        """Send the end of the body."""
        await self.response.write_eof()

    def stop(self) -> None:
        """No more heart-beats."""
        self._timer.cancel()
        if self._beat is not None:
            self._beat.cancel()

    async def _commit(self) -> None:
        self.committed = self._run.told = True
        self._timer.cancel()
        self._timer = self._loop.call_later(self._heartbeat, self._tick)
        headers = self.response.headers
        headers.update(sse.HEADERS)
        headers["x-request-id"] = self._request[REQUEST_ID]
        headers.update(_headers(self._run))
        await self.response.prepare(self._request)
        self._chunked = headers.get("Transfer-Encoding") == "chunked"

    def _tick(self) -> None:
        due = self._written + self._heartbeat
        if not self.committed or self._loop.time() >= due - 0.001:
            # A client that does not read has an earlier comment still to come.
            if self._beat is None or self._beat.done():
                self._beat = self._loop.create_task(self._fill_silence())
            due = self._loop.time() + self._heartbeat
        self._timer = self._loop.call_at(due, self._tick)

    async def _fill_silence(self) -> None:
        try:
            data = sse.HEARTBEAT
            if not self.committed:
                data = sse.frame(self._run.assembler.take())
                await self._commit()
            self._written = self._loop.time()
            await self.response.write(data)
        except ConnectionError:
            # The next write of an event finds out as well, and ends the run.
            return


def _headers(run: Run) -> dict[str, str]:
    headers = {
        "x-dragoman-provider": run.target.endpoint.name,
        "x-dragoman-model": header_text(run.target.model),
        "x-dragoman-attempts": str(run.attempts.number),
    }
    if run.prepared.conversions:
        headers |= dropped_header(run.dropped)
    if run.admission is not None:
        headers |= run.admission.headers()
    return headers


def _cost_headers(run: Run) -> dict[str, str]:
    """What a run that was recorded is known to have cost; also one that failed."""
    headers: dict[str, str] = {}
    if run.usage_source == "estimated":
        headers["x-dragoman-usage-source"] = "estimated"
    if run.cost is not None:
        headers["x-dragoman-cost-usd"] = dollars(run.cost)
    return headers


def routes(prefix: str) -> list[web.RouteDef]:
    """The paths of this resource, under a prefix."""
    return [
        web.post(f"{prefix}/responses", create),
    ]
