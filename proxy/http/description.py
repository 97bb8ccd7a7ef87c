"""`/openapi.json`: the gateway's own API, described. `make docs` makes the file from the code."""

import hashlib
from functools import cache
from pathlib import Path

from aiohttp import web


@cache
def _document() -> tuple[bytes, str]:
    """The file and its tag, once somebody asks: a third of a megabyte that few processes need."""
    document = Path(__file__).with_name("openapi.json").read_bytes()
    return document, hashlib.sha256(document).hexdigest()[:32]


async def describe(request: web.Request) -> web.Response:
    """`GET /openapi.json`; 304 for whoever has it already."""
    document, tag = _document()
    if any(known.value in (tag, "*") for known in request.if_none_match or ()):
        answer = web.Response(status=304)
    else:
        answer = web.Response(body=document, content_type="application/json")
    answer.etag = tag
    return answer


def routes() -> list[web.RouteDef]:
    """The path of the description."""
    return [web.get("/openapi.json", describe)]
