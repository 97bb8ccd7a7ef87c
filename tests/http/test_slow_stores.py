"""A store that takes its time holds back the terminal event, and nothing before it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.vendors.gateway import Gateway, Gateways

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
FIRST = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"One "}}]}\n\n'
LAST = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"two"},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture(params=["lingers", "hangs up"])
async def gateway(request: pytest.FixtureRequest, gateways: Gateways, file: Path) -> AsyncIterator[Gateway]:
    """A gateway before a vendor that sends its whole answer in one packet, and hangs up then or does not."""
    over = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + FIRST + LAST + DONE)
        if request.param == "lingers":
            await over.wait()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    yield await gateways.start(providers={"chat": {"base_url": base_url}}, store=f"sqlite:///{file}")
    over.set()
    server.close()


async def test_a_stream_that_comes_at_once_is_sent_before_it_is_kept(gateway: Gateway, file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        wire = await gateway.open(model="chat/gpt-4o", input="hi", stream=True)
        sent = await wire.until(b"two")
        assert b"response.completed" not in sent
        assert other.execute("SELECT count(*) FROM dragoman_responses").fetchone() == (0,)
        other.execute("ROLLBACK")
        sent = await wire.until(b"0\r\n\r\n")
        assert b"event: response.completed" in sent
        assert other.execute("SELECT count(*) FROM dragoman_responses").fetchone() == (1,)


async def test_what_is_not_kept_does_not_wait(gateway: Gateway, file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        wire = await gateway.open(model="chat/gpt-4o", input="hi", stream=True, store=False)
        assert b"event: response.completed" in await wire.until(b"0\r\n\r\n")
        other.execute("ROLLBACK")
