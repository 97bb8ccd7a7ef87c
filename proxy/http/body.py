"""Request bodies: read and decompressed, with a clear 400, 413 or 415 for what cannot be."""

import asyncio

from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError

from proxy.exchange.accept import decoded
from proxy.responses.errors import ResponsesError

BODY_TIME = web.AppKey("body_time", float)
"""How long, in seconds, a body may take to arrive."""

READABLE_ENCODINGS = frozenset({"", "identity", "gzip", "deflate", "zstd"})
"""What a body may be compressed with; aiohttp undoes it. zstd is what Codex sends."""


async def read_body(request: web.Request) -> bytes:
    """The body, decompressed. Raises ResponsesError."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in READABLE_ENCODINGS:
        raise ResponsesError(
            415,
            f"The content encoding '{encoding[:60]}' is not supported. Use gzip, deflate or zstd, one at a time.",
            code="unsupported_content_encoding",
        )
    # Not `request.read`, which would keep the body for as long as the request is served.
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(request.app[BODY_TIME]):
            while piece := await request.content.readany():
                pieces.append(piece)
                size += len(piece)
                if size > request.client_max_size:
                    raise ResponsesError(
                        413, "The request body is larger than the gateway takes.", code="request_too_large"
                    )
    except TimeoutError:
        raise ResponsesError(408, "The request body did not arrive in time.", code="request_timeout") from None
    except (ContentEncodingError, web.RequestPayloadError):
        raise ResponsesError(
            400, f"The request body could not be read: it is not valid {encoding or 'HTTP'} data."
        ) from None
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def read_json(request: web.Request, *, may_be_empty: bool = False) -> object:
    """The body's JSON; `{}` for an empty body that may be empty. Raises ResponsesError."""
    body = await read_body(request)
    return {} if may_be_empty and not body else decoded(body)
