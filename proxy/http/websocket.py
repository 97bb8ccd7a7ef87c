"""`GET /v1/responses`, upgraded: the WebSocket mode.

Each text frame is one message of the client or one event of ours. A lane (`stream_id`) makes its responses one after
the other, lanes run side by side, and what a lane does is what a stream over SSE does.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine, Sequence

import structlog
from aiohttp import WSCloseCode, web

from proxy.exchange.accept import accept
from proxy.exchange.background import shutting_down
from proxy.exchange.gateway import Gateway
from proxy.exchange.keeping import DONE, output_items
from proxy.exchange.lanes import (
    CreateMessage,
    Lane,
    Memory,
    MessageError,
    error_event,
    lane_member,
    read_message,
    steer_failed,
)
from proxy.exchange.record import record, record_rejected
from proxy.exchange.run import Run
from proxy.http.access import Keys
from proxy.http.modes import refuse_dry_run, strict_asked, time_limit
from proxy.http.places import PLACES
from proxy.http.responses import COMMIT_AFTER, STREAMS
from proxy.http.streams import HEARTBEAT
from proxy.http.surface import CLIENT, GATEWAY, REQUEST_ID
from proxy.http.websocket_frames import PING, Framing
from proxy.responses import errors
from proxy.responses.assembler import Outgoing
from proxy.responses.errors import ResponsesError
from proxy.upstream.trace import trace_of

CONNECTION_LIMIT = web.AppKey("websocket_limit", float)
"""How long a connection may last, in seconds; what runs then is finished first."""
CONNECTIONS: "web.AppKey[set[Connection]]" = web.AppKey("websockets")
"""The connections that are open."""

LIMIT = 3600.0
MAX_PARALLEL = 32
"""How many lanes of a connection make a response at once; further ones wait for their turn."""
MAX_QUEUED = 64
MAX_QUEUED_BYTES = 4 * 2**20
"""How many messages of a connection may wait, and how many bytes; beyond either nothing more is read from it."""
CLOSING_TIME = 2.0
"""How long, in seconds, a client has for its part of the closing handshake."""

_log = structlog.get_logger("dragoman.http")


def install(app: web.Application, earlier: web.Application | None = None) -> None:
    """Make an application ready for this resource; it takes the connections over from an `earlier` one."""
    # aiohttp warns of sub-protocols with their text, and that is where browsers put keys.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
    app[CONNECTIONS] = set() if earlier is None else earlier[CONNECTIONS]
    app[CONNECTION_LIMIT] = LIMIT
    app.on_shutdown.append(_take_nothing_new)


async def _take_nothing_new(app: web.Application) -> None:
    connections: set[Connection] = app[CONNECTIONS]
    for connection in list(connections):
        connection.end(shutting_down(), WSCloseCode.GOING_AWAY)


def follow(app: web.Application, gateway: Gateway, keys: Keys) -> None:
    """Have the open connections go on with another configuration."""
    connections: set[Connection] = app[CONNECTIONS]
    for connection in list(connections):
        connection.follow(gateway, keys)


async def connect(request: web.Request) -> web.StreamResponse:
    """`GET /v1/responses`. Raises ResponsesError (405, 400) for what is no WebSocket handshake."""
    if request.headers.get("Upgrade", "").strip().lower() != "websocket":
        raise ResponsesError(
            405,
            "Not allowed to GET on /v1/responses without an upgrade to a WebSocket. Use POST to create a response.",
            headers={"Allow": "POST"},
        )
    socket: web.WebSocketResponse[bool] = web.WebSocketResponse(
        max_msg_size=request.client_max_size + 1, decode_text=False
    )
    if not socket.can_prepare(request):
        raise ResponsesError(400, "The WebSocket handshake is not complete: see RFC 6455, section 4.2.1.")
    refuse_dry_run(request)
    strict, limit = strict_asked(request), time_limit(request)
    socket.headers["x-request-id"] = request[REQUEST_ID]
    await socket.prepare(request)
    connection = Connection(request, socket, strict=strict, time_limit=limit)
    request.app[CONNECTIONS].add(connection)
    request.app[STREAMS].add(connection)
    try:
        await connection.serve()
    finally:
        request.app[CONNECTIONS].discard(connection)
        request.app[STREAMS].discard(connection)
    return socket


class Connection:
    """One client's WebSocket. `serve` it; `end` and `interrupt` may be called meanwhile."""

    def __init__(
        self,
        request: web.Request,
        socket: "web.WebSocketResponse[bool]",
        *,
        strict: bool = False,
        time_limit: float | None = None,
    ) -> None:
        """`strict`: all that is asked for over this connection is; `time_limit` is how long, in seconds, each answer
        is waited for (None: as long as the gateway does)."""
        self._interrupted = False
        self.gateway = request.app[GATEWAY]
        self.commit_after = request.app[COMMIT_AFTER]
        self._client = request[CLIENT]
        self._strict = strict
        self._time_limit = time_limit
        self._trace = trace_of(request.headers)
        self._request = request
        self._socket = socket
        self._framing = Framing.negotiated(socket)
        self._loop = asyncio.get_running_loop()
        self._memory = Memory(self.gateway.history_limit)
        self._lanes: dict[Lane, deque[CreateMessage]] = {}
        self._running: dict[str, Lane] = {}
        self._waiting = 0
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        self._parallel = asyncio.Semaphore(MAX_PARALLEL)
        self._tasks: set[asyncio.Task[None]] = set()
        self._responding: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Timeout | None = None
        self._ending: tuple[ResponsesError, int] | None = None
        self._heartbeat = request.app[HEARTBEAT]
        self._written = self._loop.time()

    async def serve(self) -> None:
        """Serve the client until it leaves, or the connection has to end."""
        limit = self._loop.call_later(self._request.app[CONNECTION_LIMIT], self._reach_limit)
        pings = asyncio.create_task(self._ping())
        try:
            await self._read()
            if self._ending is not None:
                await self._say_goodbye(*self._ending)
        except ConnectionError:
            pass
        except Exception:
            self._break_off()
        finally:
            limit.cancel()
            pings.cancel()
            await self._wind_up()

    def follow(self, gateway: Gateway, keys: Keys) -> None:
        """Go on with another configuration; a client whose key it does not know any more may end what runs."""
        try:
            self._client = keys.identify(self._request.headers.get("Authorization"))
        except ResponsesError as error:
            self.end(error, WSCloseCode.POLICY_VIOLATION)
        else:
            self.gateway = gateway

    def end(self, error: ResponsesError, code: int) -> None:
        """Take nothing new, which is answered by the error from now on, and close once what runs has ended."""
        if self._ending is None:
            self._ending = error, code
            self._close_when_idle()

    def interrupt(self) -> None:
        """End what runs now, each response with its terminal event, and close."""
        self._interrupted = True
        self.end(shutting_down(), WSCloseCode.GOING_AWAY)
        for task in list(self._responding):
            task.cancel()

    # --- reading -----------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(None) as self._reading:
                while True:
                    while self._waiting >= MAX_QUEUED or self._waiting_bytes >= MAX_QUEUED_BYTES:
                        self._room.clear()
                        await self._room.wait()
                    frame = await self._socket.receive()
                    if frame.type is web.WSMsgType.TEXT:
                        await self._take(frame.data)
                    elif frame.type is web.WSMsgType.BINARY:
                        await self._refuse(
                            errors.invalid_body("Invalid message: binary frames are not taken. Send JSON text frames.")
                        )
                    else:
                        return
        except TimeoutError:
            return
        finally:
            self._reading = None

    async def _take(self, data: bytes) -> None:
        try:
            message = read_message(data)
        except MessageError as problem:
            await self._refuse(problem.error, problem.lane, problem.previous)
            return
        except UnicodeDecodeError:
            # RFC 6455, section 8.1.
            await self._close(WSCloseCode.INVALID_TEXT)
            return
        if not isinstance(message, CreateMessage):
            await self.send([steer_failed(message)], lane_member(self._running.get(message.previous)))
        elif self._ending is not None:
            await self._refuse(self._ending[0], message.lane, message.previous)
        else:
            self._waiting += 1
            self._waiting_bytes += len(message.body)
            if (lane := self._lanes.get(message.lane)) is not None:
                lane.append(message)
            else:
                self._lanes[message.lane] = deque([message])
                self._start(self._work(message.lane), self._tasks)

    async def _refuse(self, error: ResponsesError, lane: Lane = None, previous: str | None = None) -> None:
        self._memory.forget(previous)
        extra = {"method": "WEBSOCKET", "path": self._request.path}
        record_rejected(self.gateway, self._client, self._request[REQUEST_ID], error, extra)
        await self.send([error_event(error)], lane_member(lane))

    # --- responses ---------------------------------------------------------------------------------------------------

    async def _work(self, lane: Lane) -> None:
        """Answer a lane's messages, one after the other, until there are none."""
        queue, task = self._lanes[lane], asyncio.current_task()
        assert task is not None
        try:
            while queue:
                async with self._parallel:
                    message = queue.popleft()
                    self._waiting -= 1
                    self._waiting_bytes -= len(message.body)
                    self._room.set()
                    if self._ending is not None:
                        await self._refuse(self._ending[0], message.lane, message.previous)
                        continue
                    self._responding.add(task)
                    try:
                        await self._respond(message)
                    finally:
                        self._responding.discard(task)
        except ConnectionError:
            # The client left. `serve` finds that out as well.
            return
        except Exception:
            self._break_off()
        finally:
            del self._lanes[lane]
            self._close_when_idle()

    async def _respond(self, message: CreateMessage) -> None:
        try:
            with self._request.app[PLACES].place():
                await self._answer(message)
        except ResponsesError as error:
            await self._refuse(error, message.lane, message.previous)

    async def _answer(self, message: CreateMessage) -> None:
        try:
            run = await self._accept(message)
        except ResponsesError as error:
            await self._refuse(error, message.lane, message.previous)
            return
        delivery, refusal = _Delivery(self, run, lane_member(message.lane)), None
        response_id = str(run.assembler.response["id"])
        self._running[response_id] = message.lane
        metrics = self.gateway.metrics
        metrics.streams_open.inc()
        recorded = False
        try:
            try:
                if message.generate:
                    while await run.advance():
                        await delivery.send(run.assembler.take())
                        await run.pump(delivery.push)
                else:
                    await run.finish_at_once()
            except ResponsesError as error:
                if delivery.begun:
                    await run.fail(error)
                else:
                    refusal = error
            except asyncio.CancelledError:
                self._take_interruption()
                await run.fail(shutting_down())
            if refusal is None:
                # Whoever has seen the terminal event finds it in the metrics, and can continue the response.
                record(self.gateway, run, self._request[REQUEST_ID])
                recorded = True
                self._remember(message, run)
                await delivery.send(run.assembler.take())
        except ConnectionError:
            if not recorded:
                run.outcome = "cancelled"
            raise
        except asyncio.CancelledError:
            # What was to be sent is on its way when this response had ended.
            if not recorded:
                raise
            self._take_interruption()
        finally:
            delivery.stop()
            metrics.streams_open.dec()
            del self._running[response_id]
            # The vendor's last bytes are no reason for the lane to wait, and its end is none to stop half-way.
            closing = self._start(self._conclude(run, recorded=recorded), self._closing)
        if refusal is not None:
            await asyncio.wait([closing])
            self._memory.forget(message.previous)
            await self.send([error_event(refusal)], delivery.member)

    async def _conclude(self, run: Run, *, recorded: bool) -> None:
        try:
            await run.close()
        finally:
            if not recorded:
                record(self.gateway, run, self._request[REQUEST_ID])

    async def _accept(self, message: CreateMessage) -> Run:
        try:
            return await accept(
                self.gateway,
                message.body,
                self._client,
                arrived=time.perf_counter(),
                remembered=self._memory.responses,
                reader=message.read,
                generate=message.generate,
                strict=self._strict,
                time_limit=self._time_limit,
                trace=self._trace,
            )
        except asyncio.CancelledError:
            self._take_interruption()
            raise shutting_down() from None
        except ResponsesError:
            raise
        except Exception as error:  # the last resort, as for every other path
            _log.exception("unexpected", request_id=self._request[REQUEST_ID], path=self._request.path)
            failure = ResponsesError(500, "The gateway failed; its log says why.", type="server_error")
            raise failure from error

    def _take_interruption(self) -> None:
        """Go on after `interrupt`; raises what is being handled when it was something else."""
        task = asyncio.current_task()
        if not self._interrupted or task is None or task.uncancel():
            raise asyncio.CancelledError

    def _remember(self, message: CreateMessage, run: Run) -> None:
        response = run.assembler.response
        if response["status"] not in DONE:
            self._memory.forget(message.previous)
        elif not run.request.store:
            items = [*run.context.items, *run.input, *output_items(response)]
            self._memory.remember(message.lane, str(response["id"]), items)

    # --- writing -----------------------------------------------------------------------------------------------------

    def push(self, events: Sequence[Outgoing], member: bytes = b"") -> bool:
        """Send events without waiting, each with the member. False when the client has left or does not keep up; what
        was given is on its way all the same."""
        if not events:
            return True
        transport = self._request.transport
        if transport is None or transport.is_closing() or self._socket.closed:
            return False
        # aiohttp's writer can only be awaited.
        transport.write(self._framing.frames(events, member))
        self._written = self._loop.time()
        return not self._request.protocol.writing_paused

    async def send(self, events: Sequence[Outgoing], member: bytes = b"") -> None:
        """Send events and wait for a client that does not keep up. Raises ConnectionError when it has left."""
        if not self.push(events, member):
            transport = self._request.transport
            if transport is None or transport.is_closing() or self._socket.closed:
                raise ConnectionResetError("the client has left")
            await self._request.writer.drain()

    async def _ping(self) -> None:
        """Fill silence with pings, for what stands between here and the client. A missing answer proves nothing: a
        client that is at work does not read. That its machine is gone, TCP finds out."""
        while True:
            await asyncio.sleep(self._written + self._heartbeat - self._loop.time())
            transport = self._request.transport
            if transport is None or transport.is_closing() or self._socket.closed:
                return
            if self._loop.time() >= self._written + self._heartbeat - 0.001:
                self._written = self._loop.time()
                if not self._request.protocol.writing_paused:
                    transport.write(PING)

    # --- the end -----------------------------------------------------------------------------------------------------

    def _reach_limit(self) -> None:
        minutes = self._request.app[CONNECTION_LIMIT] / 60
        self.end(errors.connection_limit_reached(minutes), WSCloseCode.OK)

    def _close_when_idle(self) -> None:
        reading = self._reading
        if reading is not None and reading.when() is None and self._ending is not None and not self._lanes:
            reading.reschedule(self._loop.time())

    async def _wind_up(self) -> None:
        """Cancel what still runs, and wait until all of it is recorded, also when the connection is lost meanwhile."""
        for task in self._tasks:
            task.cancel()
        lost: asyncio.CancelledError | None = None
        while left := [*self._tasks, *self._closing]:
            try:
                await asyncio.wait(left)
            except asyncio.CancelledError as error:
                lost = error
        if lost is not None:
            raise lost

    async def _say_goodbye(self, error: ResponsesError, code: int) -> None:
        if code == WSCloseCode.OK:
            self.push([error_event(error)])
        await self._close(code)

    async def _close(self, code: int) -> None:
        try:
            async with asyncio.timeout(CLOSING_TIME):
                await self._socket.close(code=code)
        except TimeoutError:
            self._abort()

    def _break_off(self) -> None:
        """The last resort: nothing but frames may reach the client now, and it must not wait for them."""
        _log.exception("unexpected", request_id=self._request[REQUEST_ID], path=self._request.path)
        self._abort()

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    def _start(self, work: Coroutine[object, object, None], tasks: set[asyncio.Task[None]]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task


class _Delivery:
    """A response's way to the client. What it begins with is held back until there is output, or until the commit
    time: until then a failure is an error event with a status."""

    def __init__(self, connection: Connection, run: Run, member: bytes) -> None:
        self.begun = False
        self.member = member
        self._connection = connection
        self._run = run
        self._timer = asyncio.get_running_loop().call_later(connection.commit_after, self._commit)

    def push(self, events: list[Outgoing]) -> bool:
        """As `Connection.push`."""
        return self._connection.push(events, self.member)

    async def send(self, events: list[Outgoing]) -> None:
        """As `Connection.send`."""
        if not self.begun:
            self.begun = True
            self._timer.cancel()
        await self._connection.send(events, self.member)

    def stop(self) -> None:
        """Nothing more is to come."""
        self._timer.cancel()

    def _commit(self) -> None:
        self.begun = self._run.told = True
        self._connection.push(self._run.assembler.take(), self.member)


def routes(prefix: str) -> list[web.RouteDef]:
    """The paths of this resource, under a prefix."""
    return [web.get(f"{prefix}/responses", connect, allow_head=False)]
