"""`/v1/responses/compact`: a history becomes its user's messages, its settings, and one item with a summary."""

import time

from aiohttp import web

from proxy.exchange.accept import accept, read_compact
from proxy.exchange.run import Run
from proxy.http.body import read_body
from proxy.http.dry_run import answer_dry_run
from proxy.http.modes import dry_run_asked, strict_asked, time_limit
from proxy.http.places import PLACES
from proxy.http.responses import whole
from proxy.http.surface import CLIENT, GATEWAY
from proxy.responses.compaction import compacted
from proxy.upstream.trace import trace_of


async def compact(request: web.Request) -> web.StreamResponse:
    """`POST /v1/responses/compact`. Nothing is stored."""
    arrived = time.perf_counter()
    gateway = request.app[GATEWAY]
    if dry_run_asked(request):
        return await answer_dry_run(request, read_compact)
    strict, limit = strict_asked(request), time_limit(request)
    with request.app[PLACES].place():
        body = await read_body(request)
        run = await accept(
            gateway,
            body,
            request[CLIENT],
            arrived=arrived,
            remembered={},
            reader=read_compact,
            strict=strict,
            trace=trace_of(request.headers),
            time_limit=limit,
        )
        return await whole(run, request, _answer)


def _answer(run: Run) -> dict[str, object]:
    return compacted(run.assembler.response, [item.body for item in (*run.context.items, *run.input)])


def routes(prefix: str) -> list[web.RouteDef]:
    """The path of this resource, under a prefix."""
    return [web.post(f"{prefix}/responses/compact", compact)]
