"""Authorities of one's own, certificates for vendors that want one, and files that change."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from config.errors import ConfigurationError
from tests.upstream.certificates import Authority, Signed
from tests.vendors import chat
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.journal import Journal
from tests.vendors.script import Turn

MODEL = "chat/gpt-4o"


class Shown:
    """What clients have shown: the common names of their certificates, "" for none."""

    def __init__(self) -> None:
        self.names: list[str] = []


@asynccontextmanager
async def secured(own: Signed, wanted: Authority | None = None, shown: Shown | None = None) -> AsyncIterator[str]:
    """A vendor over TLS that has this certificate and, where an authority is given, wants one of it from its clients;
    its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.cert, own.key)
    if wanted is not None:
        context.load_verify_locations(wanted.file)
        context.verify_mode = ssl.CERT_REQUIRED

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        certificate: dict[str, Any] = writer.get_extra_info("peercert") or {}
        if shown is not None:
            names = {name: value for part in certificate.get("subject", ()) for name, value in part}
            shown.names.append(names.get("commonName", ""))
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
        body = chat.whole(Turn("Hello."), "gpt-4o")
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def start(gateways: Gateways, url: str, **tls: object) -> Gateway:
    entry = {"base_url": url, "tls": {name: str(path) for name, path in tls.items()}}
    return await gateways.start(providers={"chat": entry}, retry={"attempts": 1})


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_an_authority_of_ones_own_is_trusted(gateways: Gateways, authority: Authority) -> None:
    async with secured(authority.sign("vendor")) as url:
        gateway = await start(gateways, url, ca=authority.file)
        assert (await gateway.create(model=MODEL, input="hi")).text == "Hello."


async def test_nobody_is_trusted_unless_it_is_said(gateways: Gateways, authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    async with secured(authority.sign("vendor")) as url:
        for files in ({}, {"ca": other.file}):
            gateway = await start(gateways, url, **files)
            answer = await gateway.create(model=MODEL, input="hi")
            assert answer.status == 502
            assert "the TLS connection failed" in answer.error["message"]


async def test_the_certificate_is_shown_to_a_vendor_that_wants_one(gateways: Gateways, authority: Authority) -> None:
    mine, shown = authority.sign("gateway"), Shown()
    async with secured(authority.sign("vendor"), authority, shown) as url:
        with_it = await start(gateways, url, ca=authority.file, cert=mine.cert, key=mine.key)
        assert (await with_it.create(model=MODEL, input="hi")).status == 200
        without = await start(gateways, url, ca=authority.file)
        assert (await without.create(model=MODEL, input="hi")).status == 502
    assert shown.names == ["gateway"]


async def test_files_that_change_hold_for_new_connections(
    gateways: Gateways, authority: Authority, tmp_path: Path, journal: Journal
) -> None:
    (tmp_path / "new").mkdir()
    other = Authority(tmp_path / "new", "other")
    both = tmp_path / "both.pem"
    both.write_bytes(authority.file.read_bytes())
    async with secured(authority.sign("vendor")) as first, secured(other.sign("vendor")) as second:
        gateway = await gateways.start(
            providers={
                "chat": {"base_url": first, "tls": {"ca": str(both)}},
                "router": {"base_url": second, "tls": {"ca": str(both)}},
            },
            retry={"attempts": 1},
        )
        router = "router/gpt-4o"
        assert (await gateway.create(model=MODEL, input="hi")).status == 200
        assert (await gateway.create(model=router, input="hi")).status == 502
        replaced = both.with_suffix(".new")
        replaced.write_bytes(authority.file.read_bytes() + other.file.read_bytes())
        replaced.replace(both)
        assert (await gateway.create(model=router, input="hi")).status == 200
        both.unlink()
        assert (await gateway.create(model=MODEL, input="hi")).status == 200
        assert (await gateway.create(model=MODEL, input="hi")).status == 200
    found = [entry for entry in journal.entries if entry["event"] == "certificates not read"]
    assert len(found) >= 1


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"ca": "nothing.pem"}, "cannot use ca"),
        ({"ca": "empty.pem"}, "it holds no certificates"),
        ({"cert": "empty.pem"}, "it is no certificate with its key"),
        ({"cert": "vendor.crt"}, "it is no certificate with its key"),
        ({"cert": "vendor.crt", "key": "gateway.key"}, "it is no certificate with its key"),
        ({"key": "gateway.key"}, "expected `cert` beside `key`"),
    ],
    ids=["absent", "no-certificates", "no-certificate", "no-key", "wrong-key", "key-alone"],
)
async def test_files_that_cannot_be_used_are_told_at_the_start(
    gateways: Gateways, authority: Authority, tmp_path: Path, files: dict[str, str], problem: str
) -> None:
    authority.sign("vendor")
    authority.sign("gateway")
    (tmp_path / "empty.pem").write_bytes(b"")
    # Relative paths start from the configuration's folder.
    with pytest.raises(ConfigurationError) as caught:
        await start(gateways, "https://127.0.0.1:1/v1", **files)
    assert "providers.chat.tls" in str(caught.value)
    assert problem in str(caught.value)


async def test_a_locked_key_is_refused_and_nobody_is_asked_for_its_password(
    gateways: Gateways, authority: Authority
) -> None:
    mine = authority.sign("gateway")
    key = serialization.load_pem_private_key(mine.key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"sesame")
    mine.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    with pytest.raises(ConfigurationError, match="it is no certificate with its key"):
        await start(gateways, "https://127.0.0.1:1/v1", cert=mine.cert, key=mine.key)
