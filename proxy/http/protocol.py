"""What goes on below the handlers: how many connections there are and how long they may take, and requests that
aiohttp's parser refuses, which get the envelope like all others.

aiohttp answers them in plain text and logs the offending bytes, which may be a key.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

import structlog
from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError, LineTooLong

from proxy.exchange.gateway import Gateway
from proxy.exchange.record import record_rejected
from proxy.http.surface import GATEWAY, error_response
from proxy.responses import identifiers
from proxy.responses.errors import ResponsesError
from proxy.usage.metrics import RefusalReason

CUTTING_TIME = 2.0
"""How long, in seconds, what was interrupted at the end of the grace has to end: a terminal event may need the tokens
counted, and the vocabulary for that read first."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`connections` are open at a time; a request's head is there within `request_read` seconds after its first byte,
    or after the connection was made; a client that takes nothing for `client_stall` seconds is dropped."""

    connections: int = 10_000
    request_read: float = 60.0
    client_stall: float = 30.0


RequestHandler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_log = structlog.get_logger("dragoman.http")


class Runner(web.AppRunner):
    """An application's runner whose connections keep to limits, and answer in the envelope whatever comes."""

    def __init__(self, app: web.Application, *, limits: ConnectionLimits, **arguments: object) -> None:
        super().__init__(app, **arguments)  # type: ignore[arg-type] # handed through
        self._limits = limits
        self._current = app
        # How many requests each application is at work at that is not over.
        self._at_work: dict[web.Application, int] = {app: 0}
        self._closing: set[asyncio.Task[None]] = set()

    async def switch(self, app: web.Application) -> None:
        """Serve every request from now on by another application. Those at work end where they began."""
        # aiohttp knows one application for a server; this is what its runner does with it.
        app._set_loop(asyncio.get_running_loop())
        app.on_startup.freeze()
        await app.startup()
        app.freeze()
        self._at_work[app] = 0
        earlier, self._current = self._current, app
        self._leave(earlier)

    async def shutdown(self) -> None:
        """aiohttp: the server takes nothing new."""
        for app in list(self._at_work):
            await app.shutdown()

    async def _cleanup_server(self) -> None:
        for app in list(self._at_work):
            await app.cleanup()
        if self._closing:
            await asyncio.wait(self._closing)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        app = self._current
        self._at_work[app] += 1
        try:
            return await app._handle(request)
        finally:
            self._at_work[app] -= 1
            self._leave(app)

    def _leave(self, app: web.Application) -> None:
        """Close an application that is neither current nor at work."""
        if app is not self._current and not self._at_work.get(app, 1):
            del self._at_work[app]
            task = asyncio.get_running_loop().create_task(app.cleanup())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _make_server(self) -> web.Server:
        # aiohttp has no public place to name the class of its connections.
        server = await super()._make_server()
        server.__class__ = _Server
        cast(_Server, server).gateway = self.app[GATEWAY]
        cast(_Server, server).limits = self._limits
        server.request_handler = _enveloped(cast(RequestHandler, self._serve))
        server.request_factory = lambda *arguments: self._current._make_request(*arguments)
        return server


def _enveloped(handler: RequestHandler) -> RequestHandler:
    """The application's handler; what aiohttp refuses before the middlewares (an `Expect` it does not know) gets the
    envelope too."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            reason = ResponsesError(error.status, f"The request was refused: {error.reason}.")
            return error_response(reason, {"x-request-id": identifiers.request_id()})

    return handle


class _Server(web.Server):
    gateway: Gateway
    limits: ConnectionLimits

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ("_gateway", "_head_timer", "_limits", "_stall_timer", "_unsent")

    def __init__(self, server: _Server, **arguments: object) -> None:
        super().__init__(server, **arguments)  # type: ignore[arg-type] # handed through
        self._gateway = server.gateway
        self._limits = server.limits
        # Runs while a request's head is not there yet.
        self._head_timer: asyncio.TimerHandle | None = None
        # Runs while the client does not take what was written.
        self._stall_timer: asyncio.TimerHandle | None = None
        self._unsent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: a client has connected."""
        super().connection_made(transport)
        server = self._manager
        if server is not None and len(server.connections) > self._limits.connections:
            self._gateway.metrics.count_refused("connections")
            cast(asyncio.Transport, transport).abort()
            return
        self._await_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """asyncio: the connection is over."""
        for timer in (self._head_timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """asyncio: the client has sent something."""
        super().data_received(data)
        if self._messages or self._current_request is not None or self._upgraded:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
        elif self._head_timer is None and data:
            self._await_head()

    def pause_writing(self) -> None:
        """asyncio: the client does not take what is written."""
        super().pause_writing()
        self._watch_stall()

    def resume_writing(self) -> None:
        """asyncio: the client has taken it."""
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        super().resume_writing()

    def _await_head(self) -> None:
        self._head_timer = self._loop.call_later(self._limits.request_read, self._drop, "request_read")

    def _watch_stall(self) -> None:
        self._unsent = self._left_unsent()
        self._stall_timer = self._loop.call_later(self._limits.client_stall, self._look_at_stall)

    def _look_at_stall(self) -> None:
        if 0 < self._left_unsent() < self._unsent:
            # It is slow, and goes on.
            self._watch_stall()
        else:
            self._drop("client_stall")

    def _left_unsent(self) -> int:
        return self.transport.get_write_buffer_size() if self.transport is not None else 0

    def _drop(self, reason: RefusalReason) -> None:
        if self.transport is not None:
            self._gateway.metrics.count_refused(reason)
            self.transport.abort()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's
        """aiohttp: take nothing new, and wait for the request at work. What outlasts the time would get the same time
        once more; here it is cut soon."""
        try:
            async with asyncio.timeout(None if timeout is None else timeout + CUTTING_TIME):
                await super().shutdown(timeout)
        except TimeoutError:
            if self._task_handler is not None:
                self._task_handler.cancel()
            self.force_close()

    def log_exception(self, *args: object, **kwargs: object) -> None:
        """aiohttp: a connection ends by an error after its answer. What a client sent wrong is no news."""
        error = kwargs.get("exc_info")
        # The second one is a race of aiohttp's: a connection that is closed in the moment in which its request ends.
        if not isinstance(error, web.RequestPayloadError | asyncio.InvalidStateError):
            _log.error("unexpected", reason=str(args[0]) if args else "", exc_info=error)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """aiohttp: no handler answers this request. The connection closes after it."""
        request_id = identifiers.request_id()
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer was sent already")
        if status >= 500:
            _log.error("unexpected", request_id=request_id, exc_info=exc)
            error = ResponsesError(500, "The gateway failed; its log says why.", type="server_error")
        else:
            error = ResponsesError(status, _explained(exc))
        record_rejected(self._gateway, None, request_id, error, {"method": "unknown", "path": ""})
        response = error_response(error, {"x-request-id": request_id})
        response.force_close()
        return response


def _explained(error: BaseException | None) -> str:
    """A sentence without the client's own bytes."""
    if isinstance(error, ContentEncodingError):
        return (
            "The request body could not be decompressed: its content encoding is not supported, or the data is not "
            "valid. Use gzip, deflate or zstd, one at a time."
        )
    if isinstance(error, LineTooLong):
        return "The request line or a header is longer than the gateway reads."
    return "The request is not valid HTTP: its request line, a header or the framing of its body could not be read."
