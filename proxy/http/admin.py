"""The administration, on a port of its own: what was spent. Asked for with the administration's key, which no client
has."""

import asyncio
import time
from typing import Final, Literal, cast

from aiohttp import web

from proxy.exchange.gateway import Client
from proxy.http.access import Keys
from proxy.http.health import healthz
from proxy.http.queries import single
from proxy.http.surface import GATEWAY
from proxy.provider.secret import Secret
from proxy.responses import errors
from proxy.responses.errors import ResponsesError
from proxy.state.store import StoreUnavailableError
from proxy.usage.report import QueryError, read_query, rendered

PARAMETERS: Final = ("by", "since", "until", "format")

CONTENT_TYPES: Final = {"json": "application/json", "csv": "text/csv; charset=utf-8; header=present"}
"""The formats of the answer."""

# Its requests are of no client; the name is that of requests without one.
_ADMINISTRATOR: Final = Client("none", models=())


def administrator(key: Secret) -> Keys:
    """The one who may ask."""
    return Keys([(_ADMINISTRATOR, key)])


async def usage(request: web.Request) -> web.Response:
    """What was spent, up to this instant on this replica."""
    for name in request.query:
        # What is misspelt would silently change the sums.
        if name not in PARAMETERS:
            raise errors.unknown_parameter(name, PARAMETERS)
    form = single(request, "format") or "json"
    if form not in CONTENT_TYPES:
        raise errors.invalid_value("format", form, tuple(CONTENT_TYPES))
    by, since, until = (single(request, name) for name in ("by", "since", "until"))
    gateway = request.app[GATEWAY]
    try:
        # First, so that a wrong query costs nothing.
        read_query(by, since, until, time.time())
        await gateway.spending.flush()
        query = read_query(by, since, until, time.time())
        groups = await gateway.store.spend(query.by, query.since, query.until)
    except QueryError as error:
        raise errors.malformed_value(error.parameter, str(error)) from None
    except StoreUnavailableError as error:
        unreachable = ResponsesError(
            error.status,
            "The gateway cannot reach its store, which keeps what was spent. Try again.",
            type=error.type,
            code=error.code,
            headers=error.headers,
        )
        raise unreachable from error.__cause__
    written = cast(Literal["json", "csv"], form)
    body = await asyncio.get_running_loop().run_in_executor(None, rendered, query, groups, written)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPES[form], "Cache-Control": "no-store"})


def routes() -> list[web.RouteDef]:
    """The paths of the administration."""
    return [web.get("/admin/usage", usage), web.get("/healthz", healthz)]
