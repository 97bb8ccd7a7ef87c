"""Probes and metrics: local, fast, without a call to any provider."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from proxy.http.surface import GATEWAY
from proxy.usage.budget_gauges import BudgetGauges


@dataclass(slots=True)
class Readiness:
    """Whether the process takes work."""

    ready: bool = False


READINESS = web.AppKey("readiness", Readiness)
BUDGETS = web.AppKey("budgets", BudgetGauges)
METRICS_TYPE = "text/plain; version=1.0.0; charset=utf-8"


async def healthz(request: web.Request) -> web.Response:
    """The process lives."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """The process takes work: 200, else 503. Targets that are left alone are named, and change nothing: that a vendor
    is down is no reason to take the gateway away."""
    ready = request.app[READINESS].ready
    body: dict[str, object] = {"status": "ready" if ready else "not ready"}
    gateway = request.app[GATEWAY]
    known = gateway.metrics.has_series
    if targets := {"/".join(name): state for name, state in gateway.breakers.states().items() if known(*name)}:
        body["targets"] = targets
    return web.json_response(body, status=200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """The exposition, rendered off the event loop: thousands of lines take tens of milliseconds."""
    await request.app[BUDGETS].refresh()
    text = await asyncio.get_running_loop().run_in_executor(None, request.app[GATEWAY].metrics.render)
    return web.Response(body=text, headers={"Content-Type": METRICS_TYPE})


def routes() -> list[web.RouteDef]:
    """The paths of probes and metrics."""
    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]
