"""`/v1/responses/input_tokens`: how many tokens a request would have as its input. No model is asked."""

import time

import orjson
import structlog
from aiohttp import web

from proxy.exchange.accept import needs_state
from proxy.exchange.context import NO_CONTEXT, parsed, resolve
from proxy.exchange.counting import count_input
from proxy.exchange.fetching import fetch_media
from proxy.exchange.prepare import prepare
from proxy.exchange.truncation import shorten
from proxy.http.body import read_json
from proxy.http.headers import dropped_header, header_text
from proxy.http.modes import refuse_dry_run
from proxy.http.surface import CLIENT, GATEWAY, REQUEST_ID
from proxy.responses import errors
from proxy.responses.count_request import parse_count
from proxy.responses.errors import ResponsesError
from proxy.responses.request import CreateRequest

_log = structlog.get_logger("dragoman.request")


async def count(request: web.Request) -> web.Response:
    """`POST /v1/responses/input_tokens`: what a create request with this body would send, history included."""
    arrived = time.perf_counter()
    gateway, client = request.app[GATEWAY], request[CLIENT]
    refuse_dry_run(request)
    body = await read_json(request)
    if gateway.default_model is not None and isinstance(body, dict):
        body.setdefault("model", gateway.default_model)
    asked = parse_count(body, unknown_parameters=gateway.rules.unknown_parameters)
    target = gateway.candidates(asked.model, client)[0].target
    context = await resolve(gateway, asked, client) if needs_state(asked) else NO_CONTEXT
    if not asked.input and not context.items:
        raise errors.input_missing()
    _check_depth(asked)
    asked.input = [*parsed(context.items), *asked.input]
    prepared, _ = prepare(
        asked,
        target,
        rules=gateway.rules,
        sealer=gateway.sealer,
        client=client.name,
        inherited=len(context.items),
    )
    if asked.truncation == "auto":
        await shorten(gateway, target, prepared)
    await fetch_media(prepared, gateway.fetcher, target.endpoint.name)
    counted = await count_input(gateway, target, prepared)
    headers = {
        "Content-Type": "application/json",
        "x-dragoman-provider": target.endpoint.name,
        "x-dragoman-model": header_text(target.model),
    }
    if counted.source == "estimated":
        headers["x-dragoman-usage-source"] = "estimated"
    headers |= dropped_header([one.path for one in prepared.conversions if one.disposition == "dropped"])
    _log.info(
        "input_tokens",
        request_id=request[REQUEST_ID],
        client=client.name,
        provider=target.endpoint.name,
        model=target.model,
        requested_model=asked.model,
        input_tokens=counted.tokens,
        usage_source=counted.source,
        duration_ms=round((time.perf_counter() - arrived) * 1e3, 1),
    )
    answer = {"object": "response.input_tokens", "input_tokens": counted.tokens}
    return web.Response(body=orjson.dumps(answer), headers=headers)


def _check_depth(asked: CreateRequest) -> None:
    """Refuse what could be read and cannot be written, as a create request does."""
    try:
        orjson.dumps([[[[[[asked.tools, asked.text]]]]]])
    except (orjson.JSONEncodeError, RecursionError):
        raise ResponsesError(400, "The request is nested deeper than the gateway can write.") from None


def routes(prefix: str) -> list[web.RouteDef]:
    """The path of this resource, under a prefix."""
    return [web.post(f"{prefix}/responses/input_tokens", count)]
