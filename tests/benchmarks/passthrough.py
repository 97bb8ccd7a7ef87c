"""P, the yardstick: the least that a Python gateway can cost. aiohttp and uvloop, bytes through, nothing is read.

`python -m tests.benchmarks.passthrough PORT VENDOR_URL`
"""

import sys
from collections.abc import AsyncIterator

import aiohttp
import uvloop
from aiohttp import web

HOP_BY_HOP = frozenset({"host", "content-length", "transfer-encoding", "connection", "keep-alive", "accept-encoding"})
SESSION = web.AppKey("session", aiohttp.ClientSession)
VENDOR = web.AppKey("vendor", str)


async def forward(request: web.Request) -> web.StreamResponse:
    """Hand the request on, and the answer back."""
    body = await request.read()
    headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
    async with request.app[SESSION].request(
        request.method, request.app[VENDOR] + request.path_qs, data=body or None, headers=headers
    ) as answer:
        content_type = answer.headers.get("Content-Type", "application/json")
        if not content_type.startswith("text/event-stream"):
            return web.Response(body=await answer.read(), status=answer.status, headers={"Content-Type": content_type})
        response = web.StreamResponse(
            status=answer.status, headers={"Content-Type": content_type, "Cache-Control": "no-cache"}
        )
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        await response.write_eof()
        return response


async def _session(app: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
    ) as session:
        app[SESSION] = session
        yield


def build_app(vendor: str) -> web.Application:
    """The pass-through before a vendor."""
    app = web.Application(client_max_size=64 * 2**20)
    app[VENDOR] = vendor
    app.cleanup_ctx.append(_session)
    app.router.add_route("*", "/{path:.*}", forward)
    return app


if __name__ == "__main__":
    port, vendor = sys.argv[1:]
    web.run_app(
        build_app(vendor),
        host="127.0.0.1",
        port=int(port),
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )
