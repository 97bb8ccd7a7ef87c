"""`/v1/models`: the names that can be asked for."""

import orjson
from aiohttp import web

from proxy.http.surface import CLIENT, GATEWAY
from proxy.responses.errors import ResponsesError, quoted

SERVING_SINCE = web.AppKey("serving_since", int)
"""When the process began to serve, in Unix seconds: the `created` of every model."""


async def list_models(request: web.Request) -> web.Response:
    """`GET /v1/models`: aliases and configured models that this client may use."""
    client, names = request[CLIENT], request.app[GATEWAY].names
    data = [_model(request, name) for name in names.known() if client.may_use(name)]
    return _json({"object": "list", "data": data})


async def retrieve_model(request: web.Request) -> web.Response:
    """`GET /v1/models/{id}`: any name that leads somewhere."""
    name = request.match_info["id"]
    gateway, client = request.app[GATEWAY], request[CLIENT]
    if not client.may_use(name) or not gateway.names.resolve(name):
        raise ResponsesError(
            404, f"The model {quoted(name)} does not exist or you do not have access to it.", code="model_not_found"
        )
    return _json(_model(request, name))


def _model(request: web.Request, name: str) -> dict[str, object]:
    targets = request.app[GATEWAY].names.resolve(name)
    owner = targets[0].provider if targets else "dragoman"
    return {"id": name, "object": "model", "created": request.app[SERVING_SINCE], "owned_by": owner}


def _json(value: object) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


def routes(prefix: str) -> list[web.RouteDef]:
    """The paths of this resource, under a prefix."""
    return [
        web.get(f"{prefix}/models", list_models, allow_head=False),
        web.get(f"{prefix}/models/{{id:.+}}", retrieve_model, allow_head=False),
    ]
