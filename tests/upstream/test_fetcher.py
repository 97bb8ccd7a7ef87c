# ruff: noqa: RUF001 - characters that stand for others are what the tests are about
"""The fetcher over real sockets: what it reaches, what it never reaches, and every way in which a server can misbehave.

The resolver and the dialer are the tests' own, because nothing here can stand at a public address: the first says where
names lead, the second notes what would have been reached and goes to a server on the loopback.
"""

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.upstream.fetcher import (
    MAX_URL,
    REFUSED,
    AllowedHost,
    Fetcher,
    FetchError,
    FetchRules,
    allowed_host,
)

PUBLIC = "93.184.215.14"
OTHER = "8.8.8.8"
URL = "https://img.example/a.png"
IMAGE = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 5\r\n\r\nbytes"

Script = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def says(answer: bytes) -> Script:
    async def script(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return script


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n".encode()


def sized(body: bytes, media_type: str = "image/png") -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


class Site:
    """A server on the loopback that answers each request by a script, and notes what it was asked."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None) -> None:
        self.script = script
        self.heads: list[bytes] = []
        self.connections = 0
        self.gone = asyncio.Event()
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._visited, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            playing = asyncio.ensure_future(self.script(head, writer))
            try:
                # Nothing more is asked: this is the end.
                await reader.read()
            finally:
                playing.cancel()
                await asyncio.wait([playing])
                self.gone.set()
                if not playing.cancelled() and not isinstance(playing.exception(), ConnectionError):
                    await playing
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server.close()
        await self._server.wait_closed()


class World:
    """Where names lead, and what is reached."""

    def __init__(self, site: Site, tls: ssl.SSLContext | None) -> None:
        self.site = site
        self.tls = tls
        self.names: dict[str, list[list[str]]] = {"img.example": [[PUBLIC]], "cdn.example": [[OTHER]]}
        self.resolved: list[str] = []
        self.reached: list[tuple[str, ...]] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.resolved.append(host)
        answers = self.names.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def dial(self, addresses: Sequence[str], port: int) -> socket.socket:
        self.reached.append((*addresses, str(port)))
        connected = socket.socket()
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, ("127.0.0.1", self.site.port))
        return connected

    def fetcher(self, rules: FetchRules = FetchRules()) -> Fetcher:  # noqa: B008 - a frozen value
        return Fetcher(rules, resolve=self.resolve, dial=self.dial, tls=self.tls)

    async def fetch(self, url: str = URL, rules: FetchRules = FetchRules()) -> bytes:  # noqa: B008 - a frozen value
        return (await self.fetcher(rules).fetch(url, "image/*", lambda known: known.startswith("image/"))).body

    async def failure(self, url: str = URL, rules: FetchRules = FetchRules()) -> FetchError:  # noqa: B008 - frozen
        with pytest.raises(FetchError) as caught:
            await self.fetch(url, rules)
        return caught.value


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of the names in these tests, which vouches for itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=img.example", "-days", "1", "-keyout", str(key), "-out", str(made)]
    command += ["-addext", f"subjectAltName=DNS:img.example,DNS:cdn.example,DNS:a.b.example,IP:{PUBLIC}"]
    subprocess.run(command, check=True, capture_output=True)
    return made, key


@pytest.fixture(autouse=True)
async def quiet() -> None:
    """Servers whose client refuses their certificate complain to the loop."""
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)


@pytest.fixture
async def world(certificate: tuple[Path, Path]) -> AsyncIterator[World]:
    """A site with TLS."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    site = Site(says(IMAGE), server)
    await site.open()
    yield World(site, ssl.create_default_context(cafile=str(certificate[0])))
    await site.close()


@pytest.fixture
async def plain() -> AsyncIterator[World]:
    """A site without TLS."""
    site = Site(says(IMAGE), None)
    await site.open()
    yield World(site, None)
    await site.close()


def own(*entries: str, **limits: float) -> FetchRules:
    return replace(FetchRules(tuple(map(allowed_host, entries))), **limits)  # type: ignore[arg-type] # by name


PLAIN = own("img.example")
"""Plain HTTP to the site."""

# --- what is fetched --------------------------------------------------------------------------------------------------


async def test_a_public_address_is_fetched_from_by_its_name(world: World) -> None:
    found = await world.fetcher().fetch("https://IMG.example/a%20b/é.png?q=1&x=ü#part", "image/*", lambda _: True)
    assert (found.type, found.body) == ("image/png", b"bytes")
    assert world.reached == [(PUBLIC, "443")]
    assert world.resolved == ["img.example"]


async def test_nothing_of_the_client_or_the_machine_goes_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    await world.fetch("https://img.example/é.png?q=1#part")
    assert world.site.heads == [
        b"GET /%C3%A9.png?q=1 HTTP/1.1\r\nhost: img.example\r\nuser-agent: dragoman\r\naccept: image/*\r\n"
        b"accept-encoding: identity\r\nconnection: close\r\n\r\n"
    ]


async def test_the_certificate_has_to_be_that_of_the_name(world: World) -> None:
    world.names["evil.example"] = [[PUBLIC]]
    error = await world.failure("https://evil.example/a.png")
    assert (error.failure, error.message) == ("failed", "the connection to the server failed")
    assert world.site.heads == []


async def test_an_address_in_the_url_is_not_looked_up(world: World) -> None:
    assert await world.fetch(f"https://{PUBLIC}/a.png") == b"bytes"
    assert world.resolved == []
    assert world.reached == [(PUBLIC, "443")]


async def test_the_real_resolver_and_the_real_sockets(plain: World) -> None:
    fetcher = Fetcher(own(f"localhost:{plain.site.port}"))
    url = f"http://localhost:{plain.site.port}/"
    assert (await fetcher.fetch(url, "*/*", lambda _: True)).body == b"bytes"
    fetcher.close()
    with pytest.raises(FetchError):
        await Fetcher(FetchRules()).fetch("https://localhost/", "*/*", lambda _: True)
    assert plain.site.connections == 1


# --- addresses that are not reached -----------------------------------------------------------------------------------

FORMS = [
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "100.64.0.1"),
    *("0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "168.63.129.16"),
    *("[::1]", "[::]", "[fe80::1]", "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]", "[fc00::1]"),
    *("[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::a9fe:a9fe]"),
    *("[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[0:0:0:0:0:ffff:7f00:0001]", "[::ffff:0:127.0.0.1]"),
    *("2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "127.0.0.1.", "0"),
    *("①②⑦.0.0.1", "127。0。0。1", "１２７.0.0.1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "%31%32%37.0.0.1", "127%2e0%2e0%2e1"),
    *("localhost", "LOCALHOST", "a.localhost", "localhost.", "img.local", "metadata.google.internal", "metadata"),
    *("img.example.", "inner.example", "mixed.example", "nowhere.example", "mapped.example", "v6.example"),
]


def internal(world: World) -> World:
    world.names |= {
        "inner.example": [["10.0.0.7"]],
        "mixed.example": [[PUBLIC, "169.254.169.254"]],
        "mapped.example": [["::ffff:10.0.0.7"]],
        "v6.example": [["fd00:ec2::254"]],
        "localhost": [["127.0.0.1"]],
        "a.localhost": [[PUBLIC]],
        "metadata": [[PUBLIC]],
        "img.local": [[PUBLIC]],
    }
    return world


@pytest.mark.parametrize("host", FORMS)
async def test_no_form_of_an_inner_address_is_reached(host: str, plain: World) -> None:
    error = await internal(plain).failure(f"https://{host}/a.png")
    assert (error.failure, error.message) in [("refused", REFUSED), ("invalid_url", "it is not a URL")]
    assert plain.reached == []
    assert plain.site.connections == 0


@pytest.mark.parametrize("host", FORMS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_leads_to_an_inner_address(host: str, status: int, world: World) -> None:
    internal(world).site.script = says(redirect(f"https://{host}/a.png", status))
    error = await world.failure()
    assert (error.failure, error.message) == ("refused", REFUSED)
    assert world.reached == [(PUBLIC, "443")]
    assert world.site.connections == 1


@pytest.mark.parametrize("host", [one for one in FORMS if one not in ("localhost", "LOCALHOST")])
async def test_an_allow_list_opens_nothing_else(host: str, plain: World) -> None:
    rules = own("img.example", "*.example", "localhost:8080")
    error = await internal(plain).failure(f"https://{host}/a.png", rules)
    assert error.failure in ("refused", "invalid_url")
    assert plain.reached == []


async def test_a_refused_address_is_told_apart_from_nothing(plain: World) -> None:
    internal(plain)
    urls = [f"https://{host}/" for host in ("10.0.0.1", "inner.example", "nowhere.example", "127.1", "localhost")]
    assert {(await plain.failure(url)).message for url in urls} == {REFUSED}


async def test_the_address_that_was_checked_is_the_one_that_is_reached(world: World) -> None:
    world.names["img.example"] = [[PUBLIC], ["127.0.0.1"]]
    assert await world.fetch() == b"bytes"
    assert world.resolved == ["img.example"]
    assert world.reached == [(PUBLIC, "443")]
    assert (await world.failure()).message == REFUSED
    assert world.reached == [(PUBLIC, "443")]


async def test_a_name_that_leads_elsewhere_after_a_redirect_is_checked_again(world: World) -> None:
    world.names["img.example"] = [[PUBLIC], ["127.0.0.1"]]
    world.site.script = says(redirect("/again"))
    assert (await world.failure()).message == REFUSED
    assert world.reached == [(PUBLIC, "443")]


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("http://img.example/a.png", "only https:// URLs are fetched"),
        ("ftp://img.example/a.png", "only http:// and https:// URLs are fetched"),
        ("file:///etc/passwd", "only http:// and https:// URLs are fetched"),
        ("gopher://img.example/", "only http:// and https:// URLs are fetched"),
        ("https:///a.png", "only http:// and https:// URLs are fetched"),
        ("https:img.example", "only http:// and https:// URLs are fetched"),
        ("//img.example/", "only http:// and https:// URLs are fetched"),
        ("https://user@img.example/", "a URL that is fetched has no user name or password"),
        ("https://img.example@10.0.0.1/", "a URL that is fetched has no user name or password"),
        ("https://@img.example/", "a URL that is fetched has no user name or password"),
        ("https://img.example:8443/", "only the ports 80 and 443 are fetched from"),
        ("https://img.example:22/", "only the ports 80 and 443 are fetched from"),
        ("https://img.example:0/", "only the ports 80 and 443 are fetched from"),
        ("https://img.example:99999/", "it is not a URL"),
        ("https://img.example:a/", "it is not a URL"),
        ("https://[::1/", "it is not a URL"),
        ("https://img.example\\@10.0.0.1/", "a URL has no spaces, control characters or backslashes"),
        ("https://img.example/a b", "a URL has no spaces, control characters or backslashes"),
        ("https://img.exa\tmple/", "a URL has no spaces, control characters or backslashes"),
        ("https://img.example/\r\nx-evil: 1", "a URL has no spaces, control characters or backslashes"),
        ("\x00https://img.example/", "a URL has no spaces, control characters or backslashes"),
        (f"https://img.example/{'a' * MAX_URL}", f"a URL has at most {MAX_URL} characters"),
    ],
)
async def test_urls_that_are_not_fetched(url: str, failure: str, plain: World) -> None:
    error = await plain.failure(url)
    assert (error.failure, error.message) == ("invalid_url", failure)
    assert plain.reached == []


@pytest.mark.parametrize(
    "location",
    [
        *("http://img.example/", "file:///etc/passwd", "https://u@img.example/", "https://img.example:22/", "//[::1/"),
        *("https://img.example/a b", "gopher://img.example/", f"https://img.example/{'a' * MAX_URL}"),
    ],
)
async def test_a_redirect_to_such_a_url_is_refused(location: str, world: World) -> None:
    world.site.script = says(redirect(location))
    assert (await world.failure()).failure in ("refused", "failed", "invalid_url")
    assert world.site.connections == 1


# --- the allow-list ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "allowed"),
    [
        ("a.example", AllowedHost("a.example")),
        ("A.example:8443", AllowedHost("a.example", 8443)),
        ("*.a.example", AllowedHost("a.example", subdomains=True)),
        ("*.a.example:8443", AllowedHost("a.example", 8443, subdomains=True)),
        ("10.0.0.5:80", AllowedHost("10.0.0.5", 80)),
        ("[FD00::1]:80", AllowedHost("fd00::1", 80)),
        ("[::1]", AllowedHost("::1")),
    ],
)
def test_entries(entry: str, allowed: AllowedHost) -> None:
    assert allowed_host(entry) == allowed


@pytest.mark.parametrize("entry", ["", "*", "a.example/x", "u@a.example", "127.1", "a.example:x", "a?x", "a..b"])
def test_entries_that_are_none(entry: str) -> None:
    with pytest.raises(ValueError, match=r"expected HOST|Port"):
        allowed_host(entry)


@pytest.mark.parametrize(
    ("entry", "url", "address"),
    [
        ("img.example", "https://img.example/", PUBLIC),
        ("img.example", "https://IMG.EXAMPLE:443/", "10.0.0.1"),
        ("img.example:443", "https://img.example/", "127.0.0.1"),
        ("*.b.example", "https://a.b.example/", PUBLIC),
        (PUBLIC, f"https://{PUBLIC}/", PUBLIC),
    ],
)
async def test_what_an_entry_opens(entry: str, url: str, address: str, world: World) -> None:
    world.names |= {"img.example": [[address]], "a.b.example": [[address]]}
    assert await world.fetch(url, own(entry)) == b"bytes"
    assert world.reached == [(address, "443")]


@pytest.mark.parametrize(
    ("entry", "url", "address"),
    [
        ("img.example", "http://img.example/", "10.0.0.1"),
        ("img.example", "http://img.example:443/", PUBLIC),
        ("img.example:8080", "http://img.example:8080/", "192.168.0.1"),
        ("localhost:8080", "http://localhost:8080/", "127.0.0.1"),
        ("10.0.0.5", "http://10.0.0.5/", "10.0.0.5"),
        ("[fd00::1]:81", "http://[fd00::1]:81/", "fd00::1"),
        ("100.64.1.1", "http://100.64.1.1/", "100.64.1.1"),
    ],
)
async def test_an_own_host_may_be_inside_and_without_tls(entry: str, url: str, address: str, plain: World) -> None:
    plain.names |= {"img.example": [[address]], "localhost": [[address]]}
    assert await plain.fetch(url, own(entry)) == b"bytes"
    assert [reached[0] for reached in plain.reached] == [address]


@pytest.mark.parametrize(
    ("entry", "url", "address"),
    [
        ("img.example", "https://cdn.example/", PUBLIC),
        ("img.example", "https://a.img.example/", PUBLIC),
        ("img.example", "https://evilimg.example/", PUBLIC),
        ("img.example", "https://img.example.evil.example/", PUBLIC),
        ("img.example", "https://img.example:8443/", PUBLIC),
        ("img.example:8443", "https://img.example/", PUBLIC),
        ("*.b.example", "https://b.example/", PUBLIC),
        ("*.b.example", "https://evilb.example/", PUBLIC),
        ("*.b.example", "http://a.b.example/", PUBLIC),
        ("*.b.example", "https://a.b.example:8443/", PUBLIC),
        ("*.b.example", "https://a.b.example/", "10.0.0.1"),
        ("*.b.example", "https://a.b.example/", "127.0.0.1"),
        ("img.example", "https://img.example/", "169.254.169.254"),
        ("img.example", "https://img.example/", "fd00:ec2::254"),
        ("img.example", "https://img.example/", "fe80::1"),
        ("169.254.169.254", "http://169.254.169.254/", "169.254.169.254"),
        ("img.example", "https://93.184.215.14/", PUBLIC),
    ],
)
async def test_what_an_entry_does_not_open(entry: str, url: str, address: str, plain: World) -> None:
    plain.names = {
        name: [[address]]
        for name in ("img.example", "cdn.example", "a.img.example", "evilimg.example", "img.example.evil.example")
    } | {name: [[address]] for name in ("b.example", "a.b.example", "evilb.example")}
    assert (await plain.failure(url, own(entry))).message == REFUSED
    assert plain.reached == []


# --- redirects --------------------------------------------------------------------------------------------------------


def hops(*answers: bytes) -> Script:
    rest: Iterator[bytes] = iter(answers)

    async def script(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(next(rest))

    return script


async def test_redirects_are_followed_from_host_to_host(world: World) -> None:
    world.site.script = hops(redirect("../b.png?x"), redirect("//cdn.example/c"), redirect("#d", 308), IMAGE)
    assert await world.fetch("https://img.example/1/a.png") == b"bytes"
    asked = [head.split(b"\r\n")[:2] for head in world.site.heads]
    assert asked == [
        [b"GET /1/a.png HTTP/1.1", b"host: img.example"],
        [b"GET /b.png?x HTTP/1.1", b"host: img.example"],
        [b"GET /c HTTP/1.1", b"host: cdn.example"],
        [b"GET /c HTTP/1.1", b"host: cdn.example"],
    ]
    assert [reached[0] for reached in world.reached] == [PUBLIC, PUBLIC, OTHER, OTHER]


@pytest.mark.parametrize("most", [0, 1, 3])
async def test_a_loop_of_redirects_ends(most: int, world: World) -> None:
    world.site.script = says(redirect("/a.png"))
    error = await world.failure(rules=FetchRules(max_redirects=most))
    assert (error.failure, error.message) == ("failed", "the server redirects too often")
    assert world.site.connections == most + 1


async def test_a_redirect_that_leads_nowhere_is_a_failure(plain: World) -> None:
    plain.site.script = says(b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n")
    assert (await plain.failure("http://img.example/", PLAIN)).message == "the server answered with status 302"


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 404, 500, 503])
async def test_only_a_200_is_an_answer(status: int, plain: World) -> None:
    plain.site.script = says(f"HTTP/1.1 {status} X\r\ncontent-type: image/png\r\ncontent-length: 0\r\n\r\n".encode())
    error = await plain.failure("http://img.example/", PLAIN)
    assert (error.failure, error.message) == ("failed", f"the server answered with status {status}")


@pytest.mark.parametrize(
    ("header", "media_type"),
    [
        ("image/png", "image/png"),
        ("IMAGE/PNG ; charset=x", "image/png"),
        ("image/svg+xml;a=b,c", "image/svg+xml"),
        ("", ""),
        ("image/png,evil", ""),
        ("image/p ng", ""),
        ("png", ""),
        ("image/" + "a" * 300, ""),
    ],
)
async def test_the_media_type_is_what_the_server_says(header: str, media_type: str, plain: World) -> None:
    plain.site.script = says(sized(b"x", header))
    found = await plain.fetcher(PLAIN).fetch("http://img.example/", "*/*", lambda _: True)
    assert found.type == media_type


async def test_another_type_is_not_read(plain: World) -> None:
    plain.site.script = says(b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=x\r\n\r\n")
    error = await plain.failure("http://img.example/", PLAIN)
    assert (error.failure, error.message) == ("unsupported_type", "what the server answered is of type 'text/html'")


def chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"


def closed(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\nconnection: close\r\n\r\n" + body


@pytest.mark.parametrize("form", [sized, chunked, closed])
@pytest.mark.parametrize("size", [0, 99, 100, 101, 5000])
async def test_the_limit_is_exact(form: Callable[[bytes], bytes], size: int, plain: World) -> None:
    async def script(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(form(b"x" * size))
        await writer.drain()
        writer.close()

    plain.site.script = script
    rules = own("img.example", max_bytes=100)
    if size <= 100:
        assert await plain.fetch("http://img.example/", rules) == b"x" * size
    else:
        error = await plain.failure("http://img.example/", rules)
        assert (error.failure, error.message) == ("too_large", "it is larger than 100 bytes")


async def test_what_is_said_to_be_too_large_is_not_read(plain: World) -> None:
    plain.site.script = says(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 99999999999999999\r\n\r\n")
    assert (await plain.failure("http://img.example/", PLAIN)).failure == "too_large"


async def endless(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def test_an_endless_body_is_cut_at_the_limit(plain: World) -> None:
    plain.site.script = endless
    assert (await plain.failure("http://img.example/", own("img.example", max_bytes=2**20))).failure == "too_large"
    async with asyncio.timeout(10):
        await plain.site.gone.wait()


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP"])
async def test_a_compressed_answer_is_not_opened(encoding: str, plain: World) -> None:
    bomb = gzip.compress(bytes(50 * 2**20))
    head = f"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-encoding: {encoding}\r\n"
    plain.site.script = says(f"{head}content-length: {len(bomb)}\r\n\r\n".encode() + bomb)
    error = await plain.failure("http://img.example/", PLAIN)
    assert error.failure == "failed"
    assert error.message == "the server's answer is compressed, which was not asked for"


async def forever(head: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def stops(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 10\r\n\r\nxy")
    await forever(head, writer)


async def drips(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 1000000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.001)


async def drips_headers(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"a: b\r\n")
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("script", [forever, stops, drips, drips_headers])
async def test_a_slow_server_is_left_in_time(script: Script, plain: World) -> None:
    plain.site.script = script
    error = await plain.failure("http://img.example/", own("img.example", timeout=0.1))
    assert (error.failure, error.message) == ("failed", "the server took too long")
    async with asyncio.timeout(10):
        await plain.site.gone.wait()


async def test_a_name_that_is_not_resolved_in_time_is_left(plain: World) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    fetcher = Fetcher(replace(PLAIN, timeout=0.05), resolve=resolve)
    with pytest.raises(FetchError) as caught:
        await fetcher.fetch("http://img.example/", "*/*", lambda _: True)
    assert caught.value.message == "the server took too long"


async def trailers(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
    number = 0
    while not writer.is_closing():
        number += 1
        writer.write(b"x-%d: %b\r\n" % (number, b"a" * 1000))
        await writer.drain()


async def extensions(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n1;")
    while not writer.is_closing():
        writer.write(b"a" * 1000)
        await writer.drain()


async def headers(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    number = 0
    while not writer.is_closing():
        number += 1
        writer.write(b"x-%d: %b\r\n" % (number, b"a" * 1000))
        await writer.drain()


@pytest.mark.parametrize("script", [trailers, extensions, headers])
async def test_what_stands_around_a_body_has_an_end(script: Script, plain: World) -> None:
    plain.site.script = script
    error = await plain.failure("http://img.example/", PLAIN)
    assert (error.failure, error.message) == ("failed", "the server's answer cannot be read")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "the connection to the server failed"),
        (
            sized(b"123456789")[:-1],
            "the connection to the server failed",
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "the server's answer cannot be read"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "the server's answer cannot be read"),
    ],
)
async def test_an_answer_that_is_none(answer: bytes, message: str, plain: World) -> None:
    async def script(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    plain.site.script = script
    error = await plain.failure("http://img.example/", PLAIN)
    assert (error.failure, error.message) == ("failed", message)


async def test_a_server_that_is_not_there(plain: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(FetchError) as caught:
        await Fetcher(own(f"127.0.0.1:{port}")).fetch(f"http://127.0.0.1:{port}/", "*/*", lambda _: True)
    assert caught.value.message == "the connection to the server failed"


# --- many at once -----------------------------------------------------------------------------------------------------


async def test_no_more_than_a_few_run_at_a_time(plain: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.upstream.fetcher.CONCURRENCY", 2)
    go, two = asyncio.Event(), asyncio.Event()

    async def script(head: bytes, writer: asyncio.StreamWriter) -> None:
        if plain.site.connections >= 2:
            two.set()
        await go.wait()
        writer.write(IMAGE)

    plain.site.script = script
    fetcher = plain.fetcher(PLAIN)
    tasks = [asyncio.create_task(fetcher.fetch("http://img.example/", "*/*", lambda _: True)) for _ in range(5)]
    async with asyncio.timeout(10):
        await two.wait()
        assert len(plain.reached) == 2
        go.set()
        assert {found.body for found in await asyncio.gather(*tasks)} == {b"bytes"}
    assert len(plain.reached) == 5


async def test_a_fetch_that_nobody_waits_for_ends(plain: World) -> None:
    asked = asyncio.Event()

    async def script(head: bytes, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await forever(head, writer)

    plain.site.script = script
    task = asyncio.create_task(plain.fetch("http://img.example/", PLAIN))
    async with asyncio.timeout(10):
        await asked.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
