"""Request bodies: read, decompressed and parsed, with a clear 400, 413 or 415 for what is none."""

import orjson
from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge

from proxy.responses.errors import ResponsesError

READABLE_ENCODINGS = frozenset({"", "identity", "gzip", "deflate", "zstd"})
"""What a body may be compressed with; aiohttp undoes it. zstd is what Codex sends."""


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
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ResponsesError(
            400,
            "We could not parse the JSON body of your request. A JSON payload is expected, but what was sent was not "
            f"valid JSON ({error.msg}, at character {error.pos}).",
        ) from None
