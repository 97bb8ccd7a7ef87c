"""What every path shares: request ids, client keys, and errors in OpenAI's envelope."""

from collections.abc import Mapping

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.record import record_rejected
from proxy.http.access import Keys
from proxy.responses import identifiers
from proxy.responses.errors import ResponsesError, envelope

GATEWAY = web.AppKey("gateway", Gateway)
KEYS = web.AppKey("keys", Keys)
REQUEST_ID = web.RequestKey("request_id", str)
CLIENT = web.RequestKey("client", Client)

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json"})
"""What probes, Prometheus and makers of clients read without a key."""

_log = structlog.get_logger("dragoman.http")


def error_response(error: ResponsesError, headers: Mapping[str, str] | None = None) -> web.Response:
    """The one place where an error becomes an answer."""
    return web.Response(
        status=error.status,
        body=orjson.dumps(envelope(error)),
        content_type="application/json",
        headers={**error.headers, **(headers or {})},
    )


def unknown_url(request: web.BaseRequest) -> ResponsesError:
    """No such path."""
    return ResponsesError(404, f"Invalid URL ({request.method} {request.path[:200]})", code="unknown_url")


@web.middleware
async def surface(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Identify the client, call the handler, and render whatever goes wrong."""
    request_id = request[REQUEST_ID] = identifiers.request_id()
    client: Client | None = None
    try:
        if request.path not in OPEN_PATHS:
            client = request[CLIENT] = request.app[KEYS].identify(request.headers.get("Authorization"))
        response = await handler(request)
    except ResponsesError as error:
        response = _rejected(request, client, error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _rejected(request, client, _of_aiohttp(request, error), _kept(error))
    except Exception as error:  # the last resort: nothing of ours may reach a client as a traceback
        _log.exception("unexpected", request_id=request_id, path=request.path)
        failure = ResponsesError(500, "The gateway failed; its log says why.", type="server_error")
        failure.__cause__ = error
        response = _rejected(request, client, failure)
    if not response.prepared:
        response.headers["x-request-id"] = request_id
    return response


def _rejected(
    request: web.Request, client: Client | None, error: ResponsesError, headers: Mapping[str, str] | None = None
) -> web.Response:
    extra = {"method": request.method, "path": request.path[:200]}
    record_rejected(request.app[GATEWAY], client, request[REQUEST_ID], error, extra)
    return error_response(error, headers)


def _kept(error: web.HTTPException) -> Mapping[str, str]:
    return {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}


def _of_aiohttp(request: web.Request, error: web.HTTPException) -> ResponsesError:
    if error.status == 404:
        return unknown_url(request)
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return ResponsesError(
            405, f"Not allowed to {request.method} on {request.path[:200]}. Allowed methods: {allowed}."
        )
    if error.status == 413:
        return ResponsesError(413, "The request body is larger than the gateway takes.", code="request_too_large")
    return ResponsesError(error.status, error.reason or "The request could not be read.")
