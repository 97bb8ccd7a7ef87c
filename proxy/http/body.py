"""Request bodies: read, decompressed and parsed, with a clear 400, 413 or 415 for what is none."""

import orjson
from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge

from proxy.responses.errors import ResponsesError

READABLE_ENCODINGS = frozenset({"", "identity", "gzip", "deflate", "zstd"})
"""What a body may be compressed with; aiohttp undoes it. zstd is what Codex sends."""

MAX_DEPTH = 128
"""How deep the JSON may be nested. orjson reads 1024 levels and writes 254, of which vendors' forms need some more."""


async def read_json(request: web.Request) -> object:
    """The body as JSON. Raises ResponsesError."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in READABLE_ENCODINGS:
        raise ResponsesError(
            415,
            f"The content encoding '{encoding[:60]}' is not supported. Use gzip, deflate or zstd, one at a time.",
            code="unsupported_content_encoding",
        )
    try:
        body = await request.read()
    except HTTPRequestEntityTooLarge:
        raise ResponsesError(
            413, "The request body is larger than the gateway takes.", code="request_too_large"
        ) from None
    except (ContentEncodingError, web.RequestPayloadError):
        raise ResponsesError(
            400, f"The request body could not be read: it is not valid {encoding or 'HTTP'} data."
        ) from None
    if not body:
        raise ResponsesError(400, "The request body is empty. Send a JSON object.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ResponsesError(
            400,
            "We could not parse the JSON body of your request. A JSON payload is expected, but what was sent was not "
            f"valid JSON ({error.msg}, at character {error.pos}).",
        ) from None
    # A value is nested no deeper than it has brackets: most bodies need no look at their values.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _deeper(value, MAX_DEPTH):
        raise ResponsesError(400, f"The JSON body is nested deeper than {MAX_DEPTH} levels.")
    return value


def _deeper(value: object, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
