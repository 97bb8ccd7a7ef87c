"""The HTTP client side: calls go out, answers come in, failures become ProviderError."""

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Protocol

from proxy.provider.contract import Call, CannedAnswer, HttpAnswer, Pause
from proxy.provider.errors import ProviderError
from proxy.upstream.connection import (
    AnswerTimeoutError,
    ConnectFailedError,
    Connection,
    ConnectionCutError,
    NotHttpError,
    Origin,
    Pool,
    Timeouts,
    Tls,
    origin_of,
)
from proxy.upstream.trust import SYSTEM, Trust

MAX_BODY = 64 * 2**20
"""The largest whole answer that is read, in bytes."""

CUT = "The connection to the provider broke before its answer was complete."


class Answer(Protocol):
    """A vendor's answer whose headers are here (names in lower case) and whose body is to be read."""

    status: int
    headers: Mapping[str, str]

    async def read(self) -> bytes:
        """The whole body. Raises ProviderError (cut, timeout, vendor_failure)."""
        ...

    async def next_piece(self) -> bytes:
        """The next bytes of the body as they arrive, empty at its end. Raises ProviderError (cut, timeout)."""
        ...

    def listen(self, listener: Callable[[], None] | None) -> bool:
        """Have `listener` called from the event loop whenever `piece_now` has something; None ends that. False where
        an answer cannot do it."""
        ...

    def piece_now(self) -> bytes | None:
        """What `next_piece` would give without waiting, else None. Raises ProviderError as it does."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the body was read to its end."""
        ...

    def abort(self) -> None:
        """Close the connection: the vendor sees that nobody reads on. Harmless after the end."""
        ...


def _unnoticed() -> None:
    pass


class Upstream:
    """The way to vendors. `open` before use and `close` at the end, both on the event loop."""

    def __init__(self) -> None:
        self._pool: Pool | None = None

    async def open(self) -> None:
        """Make the connection pool."""
        self._pool = Pool()

    async def close(self) -> None:
        """Close all idle connections."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    async def send(
        self,
        base_url: str,
        call: Call,
        headers: Mapping[str, str],
        timeouts: Timeouts,
        sent: Callable[[], None] = _unnoticed,
        trust: Trust = SYSTEM,
    ) -> Answer:
        """Send a call and wait for the answer's headers. `sent` is called when the call is on its way; `trust` is whom
        the connection trusts.

        Raises ProviderError (connect, timeout, cut). Redirects are not followed: they would carry the key elsewhere.
        """
        if call.canned is not None:
            sent()
            return _CannedReply(call.canned)
        pool = self._pool
        assert pool is not None
        try:
            origin = origin_of(base_url, trust)
            head = _head(origin, call, headers)
            connection = pool.reuse(origin)
            if connection is not None:
                try:
                    return await _ask(connection, head, call.body, timeouts, pool, origin, sent)
                except ConnectionCutError:
                    # The vendor closed an idle connection while the request was on its way: it was not read.
                    if not connection.silent:
                        raise
            connection = await pool.connect(origin, timeouts)
            return await _ask(connection, head, call.body, timeouts, pool, origin, sent)
        except (ConnectFailedError, ConnectionCutError, NotHttpError, AnswerTimeoutError, ValueError) as error:
            raise _provider_error(error) from error


async def _ask(
    connection: Connection,
    head: bytes,
    body: bytes,
    timeouts: Timeouts,
    pool: Pool,
    origin: Origin,
    sent: Callable[[], None],
) -> "_HttpReply":
    try:
        connection.send(head, body, timeouts)
        sent()
        await connection.answered()
    except BaseException:
        connection.abort()
        raise
    return _HttpReply(connection, pool, origin)


class HttpClient:
    """The small client that providers are handed for `authorize` and `list_models`."""

    def __init__(self, upstream: Upstream, timeouts: Timeouts, trust: Trust = SYSTEM) -> None:
        self._upstream = upstream
        self._timeouts = timeouts
        self._trust = trust

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        """Send one request and read the whole answer. Raises ProviderError."""
        base, mark, query = url.partition("?")
        call = Call(path=mark + query, body=body or b"", method=method)
        answer = await self._upstream.send(base, call, headers or {}, self._timeouts, trust=self._trust)
        try:
            return HttpAnswer(answer.status, answer.headers, await answer.read())
        except BaseException:
            answer.abort()
            raise


class _HttpReply:
    __slots__ = ("_connection", "_origin", "_pool", "headers", "status")

    def __init__(self, connection: Connection, pool: Pool, origin: Origin) -> None:
        self._connection: Connection | None = connection
        self._pool = pool
        self._origin = origin
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers

    async def read(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while piece := await self.next_piece():
            pieces.append(piece)
            size += len(piece)
            if size > MAX_BODY:
                self.abort()
                raise ProviderError("vendor_failure", "The provider's answer is larger than the gateway reads.")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def next_piece(self) -> bytes:
        connection = self._connection
        if connection is None:
            return b""
        try:
            piece = await connection.read()
        except (ConnectionCutError, NotHttpError, AnswerTimeoutError) as error:
            self.abort()
            raise _provider_error(error) from error
        if not piece or connection.complete:
            self._give_back(connection)
        return piece

    def listen(self, listener: Callable[[], None] | None) -> bool:
        if self._connection is not None:
            self._connection.listener = listener
        return True

    def piece_now(self) -> bytes | None:
        connection = self._connection
        if connection is None:
            return b""
        try:
            piece = connection.read_now()
        except (ConnectionCutError, NotHttpError, AnswerTimeoutError) as error:
            self.abort()
            raise _provider_error(error) from error
        if piece is not None and (not piece or connection.complete):
            self._give_back(connection)
        return piece

    def _give_back(self, connection: Connection) -> None:
        # At once: whoever reads on finds the end without waiting.
        self._connection = None
        connection.listener = None
        self._pool.release(self._origin, connection)

    @property
    def ended(self) -> bool:
        return self._connection is None

    @property
    def tls(self) -> Tls | None:
        return self._connection.tls if self._connection is not None else None

    def abort(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.listener = None
            connection.abort()


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

    def listen(self, listener: Callable[[], None] | None) -> bool:
        return False

    def piece_now(self) -> bytes | None:
        return None

    @property
    def ended(self) -> bool:
        return self._position == len(self._answer.pieces)

    def abort(self) -> None:
        self._aborted = True


def tls_of(answer: Answer) -> Tls | None:
    """How the connection of an answer is secured whose body was not yet read; None: it is plain, or there is none."""
    return answer.tls if isinstance(answer, _HttpReply) else None


def written_url(base_url: str, call: Call) -> str:
    """The URL that a call goes to. Raises ValueError for an address that is none."""
    origin = origin_of(base_url)
    return f"{'https' if origin.tls else 'http'}://{origin.authority}{origin.prefix}{call.path}"


def written_headers(base_url: str, call: Call, headers: Mapping[str, str]) -> dict[str, str]:
    """The header fields that a call is sent with, names in lower case. Raises ValueError as `written_url` does."""
    fields = _fields(origin_of(base_url), call.stream, (*call.headers.items(), *headers.items()))
    return {**fields, "content-length": str(len(call.body))}


def _head(origin: Origin, call: Call, headers: Mapping[str, str]) -> bytes:
    """The request's head. Raises ValueError for what would break out of its line."""
    fields = tuple(call.headers.items()) + tuple(headers.items())
    # A signature, or the place in a trace, is never the same again.
    varies = _VARYING.intersection(headers)
    written = _fixed_head.__wrapped__ if varies else _fixed_head
    fixed = written(origin, call.method, call.path, call.stream, fields)
    return b"%bcontent-length: %d\r\n\r\n" % (fixed, len(call.body))


_VARYING = frozenset({"x-amz-date", "traceparent"})
"""Headers that make each head another one: it is not worth keeping."""


@lru_cache(512)
def _fixed_head(origin: Origin, method: str, path: str, stream: bool, fields: tuple[tuple[str, str], ...]) -> bytes:
    """The head but for the length of the body: it is the same for most requests to one provider."""
    target = origin.prefix + path
    merged = _fields(origin, stream, fields)
    for name, value in merged.items():
        if not _TOKEN.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise ValueError(f"the header {name!r} holds characters that no header can have")
    if not _TARGET.fullmatch(target or "/"):
        raise ValueError("the path holds characters that have to be quoted")
    lines = "".join([f"{name}: {value}\r\n" for name, value in merged.items()])
    return f"{method} {target or '/'} HTTP/1.1\r\n{lines}".encode("latin-1")


def _fields(origin: Origin, stream: bool, fields: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {
        "host": origin.authority,
        "user-agent": "dragoman",
        "accept": "text/event-stream" if stream else "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        **{name.lower(): value for name, value in fields},
    }


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TARGET = re.compile(r"[\x21-\x7e]+")


def _provider_error(error: Exception) -> ProviderError:
    """What a failure below HTTP means for the client. The details (addresses, ports) are for the log: `__cause__`."""
    if isinstance(error, ConnectFailedError):
        cause = error.__cause__
        if isinstance(cause, ssl.SSLError):
            return ProviderError("connect", "The provider could not be reached: the TLS connection failed.")
        if isinstance(cause, TimeoutError):
            return ProviderError("connect", "The provider could not be reached: connecting took too long.")
        return ProviderError("connect", "The provider could not be reached.")
    if isinstance(error, AnswerTimeoutError):
        return ProviderError("timeout", "The provider did not answer in time.")
    if isinstance(error, NotHttpError):
        return ProviderError("vendor_failure", "The provider's answer could not be read as HTTP.")
    if isinstance(error, ValueError):
        return ProviderError("connect", "The provider could not be asked: its address or a header is not valid.")
    return ProviderError("cut", CUT)
