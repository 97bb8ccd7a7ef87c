"""SIGTERM: nothing new is taken, what runs is finished, and the exit status is 0."""

import asyncio
import signal
from pathlib import Path

import orjson
import pytest
import yaml

from proxy.testing.grammar import check_stream
from tests.vendors.gateway import Wire, configuration
from tests.vendors.process import Process
from tests.vendors.script import SILENCE, Turn
from tests.vendors.server import Vendor


def written(folder: Path, vendor: Vendor, **changes: object) -> str:
    path = folder / "dragoman.yaml"
    path.write_text(yaml.safe_dump(configuration(vendor.url, **changes)))
    return str(path)


async def asked(port: int, *, streamed: bool = True) -> Wire:
    """Ask for a stream, or for a plain answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    content = orjson.dumps({"model": "chat/gpt-4o", "input": "hi", "stream": streamed})
    writer.write(b"POST /v1/responses HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%b" % (len(content), content))
    return Wire(reader, writer)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stream_is_finished(vendor: Vendor, tmp_path: Path, number: signal.Signals) -> None:
    gate = asyncio.Event()
    vendor.play(Turn("One ", gate, "two."))
    async with Process("serve", "--config", written(tmp_path, vendor, grace="20s")) as process:
        port = await process.listening()
        wire = await asked(port)
        begun = await wire.until(b"event: response.output_text.delta")
        process.process.send_signal(number)
        await process.entry("stopping")
        with pytest.raises(OSError, match=r"."):
            await _until_refused(port)
        gate.set()
        rest = await wire.until(b"data: [DONE]\n\n")
        await wire.close()
        status, _ = await process.end()
    assert status == 0
    body = (begun + rest).partition(b"\r\n\r\n")[2]
    assert b"event: response.completed" in rest
    assert b"Traceback" not in process.log
    assert check_stream(_unchunked(body)) == []


async def _until_refused(port: int) -> None:
    """Connect until the listening socket is closed."""
    async with asyncio.timeout(10):
        while True:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await asyncio.sleep(0)


def _unchunked(body: bytes) -> bytes:
    pieces = []
    while body:
        size, _, body = body.partition(b"\r\n")
        if not size:
            break
        length = int(size, 16)
        pieces.append(body[:length])
        body = body[length + 2 :]
    return b"".join(pieces)


async def test_a_stream_that_outlasts_the_grace_gets_its_terminal_event(vendor: Vendor, tmp_path: Path) -> None:
    vendor.play(Turn("One ", SILENCE))
    async with Process("serve", "--config", written(tmp_path, vendor, grace="2s")) as process:
        wire = await asked(await process.listening())
        begun = await wire.until(b"event: response.output_text.delta")
        process.process.terminate()
        async with asyncio.timeout(10):
            rest = await wire.reader.read()
        await wire.close()
        status, _ = await process.end()
    assert status == 0
    events = _unchunked((begun + rest).partition(b"\r\n\r\n")[2])
    assert check_stream(events) == []
    assert events.count(b"event: response.failed") == 1
    await asyncio.wait_for(vendor.last.closed.wait(), 5)
    assert b'"outcome":"completed"' not in process.log


async def test_an_idle_process_stops_at_once(vendor: Vendor, tmp_path: Path) -> None:
    async with Process("serve", "--config", written(tmp_path, vendor, grace="60s")) as process:
        port = await process.listening()
        _, writer = await asyncio.open_connection("127.0.0.1", port)  # an idle connection is no reason to wait
        process.process.terminate()
        status, output = await process.end()
        writer.close()
    assert status == 0
    assert output == ""


async def test_a_plain_answer_that_outlasts_the_grace_is_an_error(vendor: Vendor, tmp_path: Path) -> None:
    vendor.play(Turn(SILENCE))
    async with Process("serve", "--config", written(tmp_path, vendor, grace="2s")) as process:
        wire = await asked(await process.listening(), streamed=False)
        await vendor.arrival()
        process.process.terminate()
        async with asyncio.timeout(10):
            answer = await wire.reader.read()
        await wire.close()
        status, _ = await process.end()
    assert status == 0
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"shutting down" in answer
    await asyncio.wait_for(vendor.last.closed.wait(), 5)
    assert b'"outcome":"failed"' in process.log
