"""`/v1/models`: the names that can be asked for, and what is known of each."""

from collections.abc import Sequence
from functools import lru_cache

import orjson
from aiohttp import web

from proxy.exchange.model_list import ListedModel, ModelList
from proxy.http.codex_models import codex_model
from proxy.http.surface import CLIENT
from proxy.provider.capabilities import Capabilities
from proxy.responses.errors import ResponsesError, quoted
from proxy.usage.listed import told_price

SERVING_SINCE = web.AppKey("serving_since", int)
"""When the process began to serve, in Unix seconds: the `created` of every model."""

MODELS = web.AppKey("models", ModelList)

CODEX = web.AppKey("codex", bool)
"""Whether Codex is given its catalogue."""


async def list_models(request: web.Request) -> web.Response:
    """`GET /v1/models`: what this client may use of the aliases, the configured models and the providers' offers."""
    client = request[CLIENT]
    models = [model for model in await request.app[MODELS].models() if client.may_use(model.name)]
    since = request.app[SERVING_SINCE]
    listed: dict[str, object] = {"object": "list", "data": [_object(model, since) for model in models]}
    if request.app[CODEX] and "client_version" in request.query:
        listed["models"] = [codex_model(model, place) for place, model in enumerate(models)]
    return _json(listed)


async def retrieve_model(request: web.Request) -> web.Response:
    """`GET /v1/models/{id}`: any name that leads somewhere."""
    name = request.match_info["id"]
    model = request.app[MODELS].model(name) if request[CLIENT].may_use(name) else None
    if model is None:
        raise ResponsesError(
            404, f"The model {quoted(name)} does not exist or you do not have access to it.", code="model_not_found"
        )
    return _json(_object(model, request.app[SERVING_SINCE]))


@lru_cache(8192)
def _object(model: ListedModel, since: int) -> orjson.Fragment:
    """OpenAI's object, and what is known beyond it. Offers stay the same for a while, and there may be thousands."""
    able = model.capabilities
    told = {
        "id": model.name,
        "object": "model",
        "created": since,
        "owned_by": model.provider,
        "context_window": model.context_window,
        "max_output_tokens": able.max_output_tokens,
        "input_modalities": input_modalities(able),
        "output_modalities": output_modalities(able),
        "prices": told_price(model.price) if model.price is not None else None,
    }
    return orjson.Fragment(orjson.dumps({name: value for name, value in told.items() if value is not None}))


def input_modalities(able: Capabilities) -> Sequence[str]:
    """What requests may hold."""
    kinds = {"text": True, "image": able.images, "file": able.files, "audio": able.audio}
    return [name for name, there in kinds.items() if there]


def output_modalities(able: Capabilities) -> Sequence[str]:
    """What answers may hold."""
    return ["text", "image"] if "image_generation" in able.hosted_tools else ["text"]


def _json(value: object) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


def routes(prefix: str) -> list[web.RouteDef]:
    """The paths of this resource, under a prefix."""
    return [
        web.get(f"{prefix}/models", list_models, allow_head=False),
        web.get(f"{prefix}/models/{{id:.+}}", retrieve_model, allow_head=False),
    ]
