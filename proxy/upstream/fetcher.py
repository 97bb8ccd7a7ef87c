"""Fetches what a client names by URL: over connections that lead only where the operator lets strangers lead it.

A name is resolved once, each address that comes back is checked, and the connection goes to a checked address itself,
so that a second look at DNS cannot lead elsewhere. A redirect is a new URL. Nothing of the client goes out.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import quote, urljoin, urlsplit

import aiohappyeyeballs

from proxy.upstream.addresses import OPERATORS, is_internal_name, kind_of, normal_host
from proxy.upstream.connection import (
    AnswerTimeoutError,
    Connection,
    ConnectionCutError,
    NotHttpError,
    Timeouts,
)

AddressInfo: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]
Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a name and a port to IP addresses. Raises OSError."""

Dialer: TypeAlias = Callable[[Sequence[str], int], Awaitable[socket.socket]]
"""From IP addresses and a port to a connected socket that does not block. Raises OSError."""

Failure: TypeAlias = Literal["invalid_url", "refused", "failed", "too_large", "unsupported_type"]

MAX_URL: Final = 8192
"""The longest URL that is fetched, in characters."""

CONCURRENCY: Final = 16
"""How many fetches run at a time, in the whole process; others wait."""

RESOLVER_THREADS: Final = 8
"""Names are looked up in threads of the fetcher's own, so that slow ones hold nobody else up."""

REFUSED: Final = "the gateway does not fetch from this address"
"""One sentence for every address that is not to be reached, so that it tells nothing of what is there, or whether."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = frozenset({80, 443})
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,128}")
_UNENCODED: Final = "!#$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """A host that the operator lets be fetched from. `port` None: the usual ones. With `subdomains` it stands for the
    names below it, which must have public addresses; else for itself, wherever it is."""

    host: str
    port: int | None = None
    subdomains: bool = False


@dataclass(frozen=True, slots=True)
class FetchRules:
    """What may be fetched. `hosts` None: everything at public addresses, by https. `max_bytes` of one body, `timeout`
    in seconds from the look-up of the name to the last byte, redirects included."""

    hosts: tuple[AllowedHost, ...] | None = None
    max_bytes: int = 20 * 2**20
    timeout: float = 10.0
    max_redirects: int = 3


class FetchError(Exception):
    """Nothing was fetched. The message is the end of a sentence, for the client."""

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """What stood at a URL. `type` is the media type that the server said, in lower case and without parameters."""

    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Place:
    """A checked URL. `own`: the operator named this very host."""

    host: str
    port: int
    tls: bool
    authority: str
    target: str
    own: bool


def allowed_host(entry: str) -> AllowedHost:
    """The host of an entry such as `example.com`, `example.com:8443`, `[fd00::1]:80` or `*.example.com`. Raises
    ValueError."""
    name = entry.removeprefix("*.")
    parts = urlsplit(f"//{name}")
    host = normal_host(parts.hostname or "")
    if host is None or parts.path or parts.query or parts.fragment or "@" in name:
        raise ValueError(f"expected HOST, HOST:PORT or *.DOMAIN, found {entry!r}")
    return AllowedHost(host, parts.port, subdomains=name != entry)


class Fetcher:
    """Fetches by one set of rules. Belongs to one event loop."""

    def __init__(
        self,
        rules: FetchRules,
        *,
        resolve: Resolver | None = None,
        dial: Dialer | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`resolve`, `dial` and `tls` take the place of the machine's resolver, sockets and trusted authorities."""
        self.rules = rules
        self._resolve = resolve or self._looked_up
        self._dial = dial or _dialled
        self._tls = tls
        self._threads: ThreadPoolExecutor | None = None
        self._slots = asyncio.Semaphore(CONCURRENCY)

    def close(self) -> None:
        """Let go of the resolver's threads."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    async def fetch(self, url: str, accept: str, takes: Callable[[str], bool]) -> FetchedFile:
        """What stands at an http(s) URL. `accept` is the header, `takes` says whether a media type is one that is asked
        for ("": the server says none).

        Raises FetchError.
        """
        async with self._slots:
            try:
                async with asyncio.timeout(self.rules.timeout):
                    return await self._followed(url, accept, takes)
            except (TimeoutError, AnswerTimeoutError):
                raise FetchError("failed", "the server took too long") from None
            except (OSError, ValueError, ConnectionCutError):
                raise FetchError("failed", "the connection to the server failed") from None
            except NotHttpError:
                raise FetchError("failed", "the server's answer cannot be read") from None

    async def _followed(self, url: str, accept: str, takes: Callable[[str], bool]) -> FetchedFile:
        for hop in range(self.rules.max_redirects + 1):
            try:
                place = self._checked(url)
            except FetchError:
                if hop:
                    raise FetchError("refused", REFUSED) from None
                raise
            found = await self._asked(place, accept, takes)
            if isinstance(found, FetchedFile):
                return found
            # The fragment never went out, and the new address brings its own.
            url = urljoin(url, found)
        raise FetchError("failed", "the server redirects too often")

    # --- where it may lead -------------------------------------------------------------------------------------------

    def _checked(self, url: str) -> _Place:
        """Where a URL leads, if it may. Raises FetchError."""
        if len(url) > MAX_URL:
            raise FetchError("invalid_url", f"a URL has at most {MAX_URL} characters")
        if "\\" in url or any(character <= " " or character == "\x7f" for character in url):
            raise FetchError("invalid_url", "a URL has no spaces, control characters or backslashes")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise FetchError("invalid_url", "it is not a URL") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise FetchError("invalid_url", "only http:// and https:// URLs are fetched")
        if "@" in parts.netloc:
            raise FetchError("invalid_url", "a URL that is fetched has no user name or password")
        host = normal_host(parts.hostname)
        if host is None:
            raise FetchError("refused", REFUSED)
        tls = parts.scheme == "https"
        usual = 443 if tls else 80
        port = usual if port is None else port
        own = self._permitted(host, port, tls=tls)
        shown = f"[{host}]" if ":" in host else host
        query = f"?{parts.query}" if parts.query else ""
        target = quote(parts.path or "/", safe=_UNENCODED) + quote(query, safe=_UNENCODED)
        authority = shown if port == usual else f"{shown}:{port}"
        return _Place(host, port, tls, authority, target, own)

    def _permitted(self, host: str, port: int, *, tls: bool) -> bool:
        """Whether the operator named the very host; raises FetchError where it is not permitted at all."""
        hosts = self.rules.hosts
        if hosts is None:
            if not tls:
                raise FetchError("invalid_url", "only https:// URLs are fetched")
            if port not in _PORTS:
                raise FetchError("invalid_url", "only the ports 80 and 443 are fetched from")
            if is_internal_name(host):
                raise FetchError("refused", REFUSED)
            return False
        below = False
        for allowed in hosts:
            if port not in (_PORTS if allowed.port is None else (allowed.port,)):
                continue
            if not allowed.subdomains and allowed.host == host:
                return True
            below = below or (allowed.subdomains and tls and host.endswith(f".{allowed.host}"))
        if not below:
            raise FetchError("refused", REFUSED)
        return False

    async def _addresses(self, place: _Place) -> Sequence[str]:
        """The addresses of a place, all of which may be reached. Raises FetchError."""
        if _is_address(place.host):
            addresses: Sequence[str] = (place.host,)
        else:
            try:
                addresses = await self._resolve(place.host, place.port)
            except (OSError, UnicodeError):
                addresses = ()
        for address in addresses:
            kind = kind_of(address)
            if kind != "public" and not (place.own and kind in OPERATORS):
                raise FetchError("refused", REFUSED)
        if not addresses:
            raise FetchError("refused", REFUSED)
        return addresses

    async def _looked_up(self, host: str, port: int) -> Sequence[str]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(RESOLVER_THREADS, "fetch-resolver")
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    # --- the request -------------------------------------------------------------------------------------------------

    async def _asked(self, place: _Place, accept: str, takes: Callable[[str], bool]) -> FetchedFile | str:
        """What stands at a place, or the URL that it redirects to. Raises FetchError, and what connections raise."""
        connected = await self._dial(await self._addresses(place), place.port)
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(loop, decompress=False),
                sock=connected,
                ssl=self._context() if place.tls else None,
                server_hostname=place.host if place.tls else None,
            )
        except BaseException:
            connected.close()
            raise
        try:
            seconds = self.rules.timeout
            connection.send(_head(place, accept), b"", Timeouts(seconds, seconds, seconds, seconds))
            await connection.answered()
            return await self._read(connection, takes)
        finally:
            connection.abort()

    async def _read(self, connection: Connection, takes: Callable[[str], bool]) -> FetchedFile | str:
        status, headers = connection.status, connection.headers
        if status in _REDIRECTS and (location := headers.get("location")):
            return location
        if status != 200:
            raise FetchError("failed", f"the server answered with status {status}")
        if headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
            raise FetchError("failed", "the server's answer is compressed, which was not asked for")
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if not _MEDIA_TYPE.fullmatch(media_type):
            media_type = ""
        if not takes(media_type):
            raise FetchError("unsupported_type", f"what the server answered is of type '{media_type[:64]}'")
        most = self.rules.max_bytes
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > most:
            raise _too_large(most)
        pieces: list[bytes] = []
        size = 0
        while piece := await connection.read():
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise _too_large(most)
        return FetchedFile(media_type, b"".join(pieces))

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


def _too_large(most: int) -> FetchError:
    return FetchError("too_large", f"it is larger than {most} bytes")


def _head(place: _Place, accept: str) -> bytes:
    return (
        f"GET {place.target} HTTP/1.1\r\nhost: {place.authority}\r\nuser-agent: dragoman\r\naccept: {accept}\r\n"
        "accept-encoding: identity\r\nconnection: close\r\n\r\n"
    ).encode("ascii")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _dialled(addresses: Sequence[str], port: int) -> socket.socket:
    """A connection to one of the addresses, the first that answers."""
    infos: list[AddressInfo] = [
        (
            socket.AF_INET6 if ":" in address else socket.AF_INET,
            socket.SOCK_STREAM,
            socket.IPPROTO_TCP,
            "",
            (address, port),
        )
        for address in addresses
    ]
    return await aiohappyeyeballs.start_connection(
        infos, happy_eyeballs_delay=0.25, interleave=1, loop=asyncio.get_running_loop()
    )
