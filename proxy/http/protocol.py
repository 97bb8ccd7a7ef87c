"""What goes wrong below the handlers: requests that aiohttp's parser refuses get the envelope like all others.

aiohttp answers them in plain text and logs the offending bytes, which may be a key.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, cast

import structlog
from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError, LineTooLong

from proxy.exchange.gateway import Gateway
from proxy.exchange.record import record_rejected
from proxy.http.surface import GATEWAY, error_response
from proxy.responses import identifiers
from proxy.responses.errors import ResponsesError

CUTTING_TIME = 2.0
"""How long, in seconds, what was interrupted at the end of the grace has to end: a terminal event may need the tokens
counted, and the vocabulary for that read first."""

RequestHandler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_log = structlog.get_logger("dragoman.http")


class Runner(web.AppRunner):
    """An application's runner whose connections answer in the envelope whatever comes."""

    async def _make_server(self) -> web.Server:
        # aiohttp has no public place to name the class of its connections.
        server = await super()._make_server()
        server.__class__ = _Server
        cast(_Server, server).gateway = self.app[GATEWAY]
        server.request_handler = _enveloped(server.request_handler)
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

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ("_gateway",)

    def __init__(self, server: _Server, **arguments: object) -> None:
        super().__init__(server, **arguments)  # type: ignore[arg-type] # handed through
        self._gateway = server.gateway

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
        if not isinstance(error, web.RequestPayloadError):
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
