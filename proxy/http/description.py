"""`/openapi.json`: the gateway's own API, described. `make docs` makes the file from the code."""

import hashlib
from pathlib import Path

from aiohttp import web

_DOCUMENT = Path(__file__).with_name("openapi.json").read_bytes()
_ETAG = hashlib.sha256(_DOCUMENT).hexdigest()[:32]


async def describe(request: web.Request) -> web.Response:
    """`GET /openapi.json`; 304 for whoever has it already."""
    known = request.if_none_match or ()
    if any(tag.value in (_ETAG, "*") for tag in known):
        answer = web.Response(status=304)
    else:
        answer = web.Response(body=_DOCUMENT, content_type="application/json")
    answer.etag = _ETAG
    return answer


def routes() -> list[web.RouteDef]:
    """The path of the description."""
    return [web.get("/openapi.json", describe)]
