"""Dry runs of requests to create or to compact: the vendor's request and the report, without a vendor."""

import time

from aiohttp import web

from proxy.exchange.accept import Reader
from proxy.exchange.dry_run import DryRun, dry_run
from proxy.exchange.record import record_dry_run
from proxy.http.body import read_body
from proxy.http.headers import dropped_header, header_text
from proxy.http.modes import strict_asked
from proxy.http.surface import CLIENT, GATEWAY, REQUEST_ID, error_response
from proxy.responses.errors import ResponsesError


async def answer_dry_run(request: web.Request, reader: Reader | None = None) -> web.Response:
    """What the request would become; `reader` reads its body. A refusal is the real one's."""
    arrived = time.perf_counter()
    gateway, client = request.app[GATEWAY], request[CLIENT]
    result: DryRun | ResponsesError
    try:
        strict = strict_asked(request)
        result = await dry_run(gateway, await read_body(request), client, strict=strict, reader=reader)
    except ResponsesError as error:
        result = error
    record_dry_run(client, request[REQUEST_ID], arrived, result, {"method": request.method, "path": request.path[:200]})
    if isinstance(result, ResponsesError):
        return error_response(result)
    headers = {
        "Content-Type": "application/json",
        "x-dragoman-provider": result.target.endpoint.name,
        "x-dragoman-model": header_text(result.target.model),
        **dropped_header(result.dropped),
    }
    return web.Response(body=result.as_json(), headers=headers)
