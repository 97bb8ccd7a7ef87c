"""HTTP/1.1 connections to vendors: httptools parses, an asyncio protocol moves the bytes, a pool keeps what is alive.

aiohttp's own client does the same work and more; a bare pass-through takes half the CPU a request with this one. It
speaks only what the gateway needs: one request at a time on a connection, the whole body at hand, no redirects, no
cookies, no proxies.
"""

import asyncio
import socket
import ssl
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import aiohappyeyeballs
import httptools

from proxy.upstream.trust import SYSTEM, Contexts, Trust

MAX_HEAD = 256 * 2**10
"""The largest head of an answer, in bytes."""

READ_AHEAD = 256 * 2**10
"""How many bytes are taken in before somebody reads them; beyond it the vendor has to wait."""

KEEP_ALIVE = 20.0
"""How long an idle connection is kept for the next request, in seconds: shorter than servers keep theirs."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. `first_byte` runs from the sent request to the answer's headers, `idle` between two pieces of the
    body, `total` over everything."""

    connect: float = 5.0
    first_byte: float = 60.0
    idle: float = 120.0
    total: float = 1800.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection goes, and whom it trusts there. `prefix` is the path of the base URL."""

    host: str
    port: int
    tls: bool
    authority: str
    prefix: str
    trust: Trust = SYSTEM


@dataclass(frozen=True, slots=True)
class Tls:
    """How a connection is secured: the protocol's version, and who issued the verified certificate that ends then, in
    Unix seconds."""

    version: str
    issuer: str
    ends: float | None


class ConnectFailedError(Exception):
    """No connection could be made; the cause says why."""


MAX_INFLATED = 8 * 2**20
"""How many bytes may come of compressed ones before somebody reads them: of one piece, or of many small ones."""


class ConnectionCutError(Exception):
    """The connection ended before the answer did."""


class NotHttpError(Exception):
    """What came back is not HTTP, or is compressed in a way that was not asked for."""


class AnswerTimeoutError(Exception):
    """The answer, or its next piece, took too long."""


@lru_cache(256)
def origin_of(base_url: str, trust: Trust = SYSTEM) -> Origin:
    """The origin of a base URL. Raises ValueError."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the address is not an http:// or https:// URL")
    tls = parts.scheme == "https"
    host = parts.hostname
    shown = f"[{host}]" if ":" in host else host.encode("idna").decode() if not host.isascii() else host
    authority = shown if parts.port is None else f"{shown}:{parts.port}"
    return Origin(host, parts.port or (443 if tls else 80), tls, authority, parts.path.rstrip("/"), trust)


class Connection(asyncio.Protocol):
    """One connection. `send` a request, await `answered`, then `read` until it is empty."""

    __slots__ = (
        "_bare",
        "_body_waiter",
        "_complete",
        "_deadline",
        "_decompress",
        "_decompressor",
        "_error",
        "_fields",
        "_head_size",
        "_head_waiter",
        "_interim",
        "_last",
        "_loop",
        "_parser",
        "_paused",
        "_pieces",
        "_size",
        "_timeouts",
        "_timer",
        "_transport",
        "_until_closed",
        "closed",
        "headers",
        "idle_since",
        "listener",
        "reusable",
        "status",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, *, decompress: bool = True) -> None:
        """`decompress` false: an answer that is compressed is an error."""
        self._loop = loop
        self._decompress = decompress
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._timer: asyncio.TimerHandle | None = None
        self._timeouts = Timeouts()
        self._head_waiter: asyncio.Future[None] | None = None
        self._body_waiter: asyncio.Future[None] | None = None
        self.closed = False
        self.reusable = False
        self.idle_since = 0.0
        self.listener: Callable[[], None] | None = None
        self._begin()

    def _begin(self) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._fields: dict[str, str] = {}
        self._head_size = 0
        self._bare = 0
        self._pieces: list[bytes] = []
        self._size = 0
        self._complete = False
        self._interim = False
        self._until_closed = False
        self._paused = False
        self._error: Exception | None = None
        self._decompressor: zlib._Decompress | None = None

    # --- the request -------------------------------------------------------------------------------------------------

    def send(self, head: bytes, body: bytes, timeouts: Timeouts) -> None:
        """Send a request; its answer is the next one that arrives."""
        assert self._transport is not None
        self._begin()
        self.reusable = False
        self._timeouts = timeouts
        now = self._last = self._loop.time()
        self._deadline = now + timeouts.total
        self._timer = self._loop.call_at(now + min(timeouts.first_byte, timeouts.total), self._watch)
        if len(body) < 16_384:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    async def answered(self) -> None:
        """Wait for the answer's status and headers. Raises ConnectionCutError, NotHttpError, AnswerTimeoutError."""
        if self.status == 0 and self._error is None:
            self._head_waiter = self._loop.create_future()
            try:
                await self._head_waiter
            finally:
                self._head_waiter = None
        if self.status == 0 and self._error is not None:
            raise self._error

    async def read(self) -> bytes:
        """The next bytes of the body, empty at its end. Raises what `answered` raises."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._complete:
                return b""
            self._body_waiter = self._loop.create_future()
            try:
                await self._body_waiter
            finally:
                self._body_waiter = None
        return self._given()

    def read_now(self) -> bytes | None:
        """What is there of the body without waiting: bytes, empty at its end, or None. Raises what `read` raises."""
        if self._pieces:
            return self._given()
        if self._error is not None:
            raise self._error
        return b"" if self._complete else None

    def _given(self) -> bytes:
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        self._size = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._last = self._loop.time()
            self._transport.resume_reading()
        return data

    @property
    def tls(self) -> Tls | None:
        """How the connection is secured; None: it is plain."""
        secured = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        return _tls(secured) if secured is not None else None

    @property
    def silent(self) -> bool:
        """Whether nothing of an answer has arrived."""
        return self.status == 0 and self._head_size == 0

    @property
    def complete(self) -> bool:
        """Whether the answer has been read to its end."""
        return self._complete and not self._pieces and self._error is None

    def abort(self) -> None:
        """Close at once; nothing more is sent or read."""
        self._stop_timer()
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    # --- the transport -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection stands."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "writelines")
        self._transport = transport  # type: ignore[assignment] # uvloop's transports are not subclasses of asyncio's

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes of the answer."""
        if self._complete:
            # Nothing was asked: a farewell such as 408, or an answer that nobody could tell from the next one's.
            self.abort()
            return
        self._last = self._loop.time()
        self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self._complete:
                # Only what follows the answer is at fault; whoever waits for its end is still to be told.
                self.reusable = False
                self._notify()
                return
            self._fail(NotHttpError(f"the answer is not valid HTTP: {error}"))
            return
        if self.status == 0:
            if self._head_size > MAX_HEAD:
                self._fail(NotHttpError("the head of the answer is too large"))
        elif self._pieces or self._complete or self._error is not None:
            self._notify()
            if self._size > READ_AHEAD and not self._paused and not self._complete and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
        else:
            # Chunks' extensions and trailers, which the parser keeps.
            self._bare += len(data)
            if self._bare > MAX_HEAD:
                self._fail(NotHttpError("the answer has too much around its body"))

    def eof_received(self) -> bool:
        """asyncio: the vendor sends no more; the transport closes itself."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: the connection is gone."""
        self.closed = True
        if self._complete:
            return
        if self._until_closed and error is None:
            self._end()
            self._notify()
        else:
            cut = ConnectionCutError("the connection was closed")
            cut.__cause__ = error
            self._fail(cut)

    # --- the parser --------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """httptools: an answer begins. Behind the one that was asked for there must be none."""
        if self._complete:
            raise NotHttpError("more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header."""
        self._fields[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")

    def on_headers_complete(self) -> None:
        """httptools: the head of the answer, or of an interim one, is whole."""
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._interim, self._fields = True, {}
            return
        fields = self._fields
        encoding = fields.get("content-encoding", "").strip().lower()
        if encoding in ("gzip", "x-gzip", "deflate") and self._decompress:
            self._decompressor = zlib.decompressobj(47)
        elif encoding not in ("", "identity"):
            self._error = NotHttpError(f"the answer is compressed with {encoding[:40]}, which was not asked for")
        self._until_closed = "content-length" not in fields and "transfer-encoding" not in fields
        self.headers = fields
        self.status = status
        if self._timeouts.idle < self._timeouts.first_byte:
            # The timer would look for silence only when the time for the first byte is over.
            self._stop_timer()
            self._timer = self._loop.call_at(min(self._deadline, self._last + self._timeouts.idle), self._watch)
        self._wake(self._head_waiter)

    def on_body(self, body: bytes) -> None:
        """httptools: bytes of the body, without their chunk's frame."""
        if self._decompressor is not None:
            try:
                body = self._decompressor.decompress(body, MAX_INFLATED)
            except zlib.error:
                self._error = NotHttpError("the answer's compression is broken")
                return
            if self._decompressor.unconsumed_tail or self._size + len(body) > MAX_INFLATED:
                # To inflate more of it would hold everybody up.
                self._error = NotHttpError("the answer is compressed far more than text can be")
                return
            if not body:
                # An empty piece would stand for the end.
                return
        self._bare = 0
        self._pieces.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        """httptools: the answer, or an interim one, is whole."""
        if self._interim:
            self._interim = False
            return
        # An answer that came before its request was sent: nobody may ever read the rest of that.
        unsent = self._transport is not None and self._transport.get_write_buffer_size() > 0
        self.reusable = self._parser.should_keep_alive() and not unsent
        self._end()

    # --- the end -----------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        self._complete = True
        self._stop_timer()

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._wake(self._head_waiter)
        self._notify()
        self.abort()

    def _notify(self) -> None:
        """There is more of the body, or its end. Never from inside the parser: the listener may give the connection
        to another request."""
        if self.listener is not None:
            self.listener()
        else:
            self._wake(self._body_waiter)

    def _watch(self) -> None:
        """The timer: it runs rarely and looks at the clock, instead of being set anew by every piece."""
        now = self._loop.time()
        if self.status == 0:
            self._fail(AnswerTimeoutError("no answer"))
            return
        due = min(self._deadline, (now if self._paused else self._last) + self._timeouts.idle)
        if now >= due:
            self._fail(AnswerTimeoutError("no more of the answer"))
        else:
            self._timer = self._loop.call_at(due, self._watch)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @staticmethod
    def _wake(waiter: "asyncio.Future[None] | None") -> None:
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def _tls(secured: ssl.SSLObject) -> Tls:
    certificate: dict[str, Any] = dict(secured.getpeercert() or {})
    names = {name: value for part in certificate.get("issuer", ()) for name, value in part}
    ends = certificate.get("notAfter")
    return Tls(
        secured.version() or "TLS",
        names.get("organizationName") or names.get("commonName") or "",
        ssl.cert_time_to_seconds(ends) if ends is not None else None,
    )


_Place: TypeAlias = tuple[str, int, bool, Trust]


def _place(origin: Origin) -> _Place:
    """What connections have in common that can stand for each other."""
    return (origin.host, origin.port, origin.tls, origin.trust)


class Pool:
    """Idle connections, the most recent first. Belongs to one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle: dict[_Place, list[Connection]] = {}
        self._contexts = Contexts()
        # One for all idle connections; it runs while there are any.
        self._sweeping: asyncio.TimerHandle | None = None

    def reuse(self, origin: Origin) -> Connection | None:
        """An idle connection, if there is one. The vendor may close it at this very moment."""
        idle = self._idle.get(_place(origin))
        now = self._loop.time()
        while idle:
            connection = idle.pop()
            if not connection.closed and now - connection.idle_since <= KEEP_ALIVE:
                return connection
            connection.abort()
        return None

    async def connect(self, origin: Origin, timeouts: Timeouts) -> Connection:
        """A new connection. Raises ConnectFailedError."""
        try:
            async with asyncio.timeout(timeouts.connect):
                context = await self._contexts.get(origin.trust) if origin.tls else None
                addresses = await self._loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
                connected = await aiohappyeyeballs.start_connection(
                    addresses, happy_eyeballs_delay=0.25, interleave=1, loop=self._loop
                )
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self._loop),
                    sock=connected,
                    ssl=context,
                    server_hostname=origin.host if origin.tls else None,
                )
        except (OSError, TimeoutError) as error:
            raise ConnectFailedError(f"{origin.host} port {origin.port}: {error or 'it took too long'}") from error
        return connection

    def release(self, origin: Origin, connection: Connection) -> None:
        """Take a connection back, or close it when it cannot be used again."""
        if not connection.reusable or connection.closed:
            connection.abort()
            return
        connection.idle_since = self._loop.time()
        idle = self._idle.setdefault(_place(origin), [])
        idle.append(connection)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(KEEP_ALIVE, self._sweep)

    def _sweep(self) -> None:
        """Close what was idle for too long: after a rush hundreds of connections would stay."""
        self._sweeping = None
        oldest = self._loop.time() - KEEP_ALIVE
        for address, idle in list(self._idle.items()):
            # The oldest stand first.
            kept = next((at for at, each in enumerate(idle) if each.idle_since > oldest), len(idle))
            for connection in idle[:kept]:
                connection.abort()
            del idle[:kept]
            if not idle:
                del self._idle[address]
        if self._idle:
            self._sweeping = self._loop.call_later(KEEP_ALIVE / 2, self._sweep)

    def close(self) -> None:
        """Close every idle connection."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for idle in self._idle.values():
            for connection in idle:
                connection.abort()
        self._idle.clear()
