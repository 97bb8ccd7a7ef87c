"""The HTTP client side: one connection pool a process, time-outs that fit models, errors as ProviderError."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import aiohttp
from yarl import URL

from proxy.provider.contract import Call, CannedAnswer, HttpAnswer, Pause
from proxy.provider.errors import ProviderError

MAX_BODY = 64 * 2**20
"""The largest whole answer that is read, in bytes."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. `first_byte` runs from the connection to the answer's headers, `idle` between two pieces of the body,
    `total` over everything."""

    connect: float = 5.0
    first_byte: float = 60.0
    idle: float = 120.0
    total: float = 1800.0


class Answer(Protocol):
    """A vendor's answer whose headers are here and whose body is to be read."""

    status: int
    headers: Mapping[str, str]

    async def read(self) -> bytes:
        """The whole body. Raises ProviderError (cut, timeout, vendor_failure)."""
        ...

    async def next_piece(self) -> bytes:
        """The next bytes of the body as they arrive, empty at its end. Raises ProviderError (cut, timeout)."""
        ...

    def abort(self) -> None:
        """Close the connection: the vendor sees that nobody reads on. Harmless after the end."""
        ...


class Upstream:
    """The connection pool. `open` before use and `close` at the end, both on the event loop."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool. No limit of its own on connections; names are resolved anew every five minutes."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            auto_decompress=True,
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, base_url: str, call: Call, headers: Mapping[str, str], timeouts: Timeouts) -> Answer:
        """Send a call and wait for the answer's headers.

        Raises ProviderError (connect, timeout, cut). Redirects are not followed: they would carry the key elsewhere.
        """
        if call.canned is not None:
            return _CannedReply(call.canned)
        session = self._session
        assert session is not None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeouts.total
        try:
            async with asyncio.timeout(min(timeouts.connect + timeouts.first_byte, timeouts.total)):
                response = await session.request(
                    call.method,
                    _url(base_url, call.path),
                    data=call.body or None,
                    headers={
                        "User-Agent": "dragoman",
                        "Accept": "text/event-stream" if call.stream else "application/json",
                        "Accept-Encoding": "identity",
                        "Content-Type": "application/json",
                        **call.headers,
                        **headers,
                    },
                    allow_redirects=False,
                    timeout=_client_timeout(timeouts),
                )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _provider_error(error) from error
        return _HttpReply(response, deadline, timeouts)


class HttpClient:
    """The small client that providers are handed for `authorize` and `list_models`."""

    def __init__(self, upstream: Upstream, timeouts: Timeouts) -> None:
        self._upstream = upstream
        self._timeouts = timeouts

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        """Send one request and read the whole answer. Raises ProviderError."""
        call = Call(path="", body=body or b"", method=method)
        answer = await self._upstream.send(url, call, headers or {}, self._timeouts)
        return HttpAnswer(answer.status, answer.headers, await answer.read())


class _HttpReply:
    __slots__ = ("_content", "_deadline", "_idle", "_loop", "_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse, deadline: float, timeouts: Timeouts) -> None:
        self._response = response
        self._content = response.content
        self._loop = asyncio.get_running_loop()
        self._deadline = deadline
        # aiohttp's read time-out also covers the wait for the headers; a shorter one for the body is ours to keep.
        self._idle = timeouts.idle if timeouts.idle < timeouts.first_byte else None
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while piece := await self.next_piece():
            pieces.append(piece)
            size += len(piece)
            if size > MAX_BODY:
                self.abort()
                raise ProviderError("vendor_failure", "The provider's answer is larger than the gateway reads.")
        return b"".join(pieces)

    async def next_piece(self) -> bytes:
        try:
            if self._idle is None:
                piece = await self._content.readany()
            else:
                async with asyncio.timeout(self._idle):
                    piece = await self._content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.abort()
            raise _provider_error(error) from error
        if self._loop.time() > self._deadline:
            self.abort()
            raise ProviderError("timeout", "The provider's answer took longer than the gateway allows.")
        return piece

    def abort(self) -> None:
        self._response.close()


class _CannedReply:
    __slots__ = ("_aborted", "_answer", "_position", "headers", "status")

    def __init__(self, answer: CannedAnswer) -> None:
        self._answer = answer
        self._position = 0
        self._aborted = False
        self.status = answer.status
        self.headers = answer.headers

    async def read(self) -> bytes:
        pieces = []
        while piece := await self.next_piece():
            pieces.append(piece)
        return b"".join(pieces)

    async def next_piece(self) -> bytes:
        pieces = self._answer.pieces
        while self._position < len(pieces) and not self._aborted:
            piece = pieces[self._position]
            self._position += 1
            if isinstance(piece, Pause):
                await asyncio.sleep(piece.seconds)
            elif piece:
                return piece
        if self._answer.cut:
            raise ProviderError("cut", CUT)
        return b""

    def abort(self) -> None:
        self._aborted = True


CUT = "The connection to the provider broke before its answer was complete."


@lru_cache(1024)
def _url(base_url: str, path: str) -> URL:
    # Encoded as it is: providers quote what they put into a path, and aiohttp must not quote it again.
    return URL(base_url + path, encoded=True)


@lru_cache(256)
def _client_timeout(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None, connect=None, sock_connect=timeouts.connect, sock_read=max(timeouts.idle, timeouts.first_byte)
    )


def _provider_error(error: Exception) -> ProviderError:
    """What a failure below HTTP means for the client. The details (addresses, ports) are for the log: `__cause__`."""
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return ProviderError("connect", "The provider could not be reached: the TLS connection failed.")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ProviderError("connect", "The provider could not be reached: connecting took too long.")
    if isinstance(error, TimeoutError):
        return ProviderError("timeout", "The provider did not answer in time.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ProviderError("connect", "The provider could not be reached.")
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return ProviderError("connect", "The provider's address is not a valid URL; look at its base_url.")
    return ProviderError("cut", CUT)
