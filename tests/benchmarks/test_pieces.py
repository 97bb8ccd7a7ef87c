"""The pieces of the benchmark agree with each other. Nothing here looks at the time."""

import asyncio
import sys

import orjson
import pytest
from aiohttp import web

from tests.benchmarks import material
from tests.benchmarks.load import Load, request_bytes
from tests.conformance.validator import check_response, check_stream

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the benchmark runs on Linux only")

PATHS = (material.CHAT_PATH, material.RESPONSES_PATH)


def _request(path: str, model: str, *, stream: bool) -> bytes:
    return request_bytes(path, material.request_body(model, 1_000, stream=stream), "sk-any")


def _body(path: str, model: str) -> bytes:
    return b"".join(material.replies()[path, model].pieces).partition(b"\r\n\r\n")[2]


async def _load(path: str, model: str, *, total: int, events: int = 0) -> Load:
    from tests.benchmarks import vendor

    server = await vendor.start(0)
    port = server.sockets[0].getsockname()[1]
    load = Load(port, [_request(path, model, stream=events > 0)], connections=3, total=total, events=events)
    await load.run()
    server.close()
    return load


@pytest.mark.parametrize("path", PATHS)
async def test_whole_answers_are_counted(path: str) -> None:
    result = (await _load(path, material.WHOLE, total=10)).result
    assert (result.answers, result.events, result.problems) == (10, 0, [])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("model", "least"), [(material.BURST, material.BURST_EVENTS), (material.PACED, material.PACED_EVENTS)]
)
async def test_events_are_counted_however_they_arrive(
    path: str, model: str, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(material, "PACE", 0.0001)
    result = (await _load(path, model, total=4, events=least)).result
    sent = _body(path, model).count(b"\ndata:") * 4
    assert (result.answers, result.events, result.problems) == (4, sent, [])
    assert sent >= 4 * least


async def test_failures_are_told() -> None:
    result = (await _load("/v1/nowhere", material.WHOLE, total=2)).result
    assert (result.answers, result.failures) == (0, 2)
    assert result.problems[0] == "an answer had the status 404"


async def test_short_streams_are_failures() -> None:
    result = (await _load(material.CHAT_PATH, material.BURST, total=1, events=10_000)).result
    assert "instead of 10000 or more" in result.problems[0]


async def test_a_broken_connection_is_a_failure() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        request = _request(material.CHAT_PATH, material.WHOLE, stream=False)
        result = await Load(port, [request], connections=1, total=3).run()
    assert result.answers == 0
    assert "broke before" in result.problems[0]


async def test_passthrough_hands_on_every_event() -> None:
    from tests.benchmarks import passthrough, vendor

    server = await vendor.start(0)
    runner = web.AppRunner(passthrough.build_app(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    request = _request(material.RESPONSES_PATH, material.BURST, stream=True)
    result = await Load(runner.addresses[0][1], [request], connections=2, total=4, events=material.BURST_EVENTS).run()
    await runner.cleanup()
    server.close()
    assert result.problems == []
    assert result.events == 4 * _body(material.RESPONSES_PATH, material.BURST).count(b"\ndata:")


def test_requests_have_the_sizes_that_are_promised() -> None:
    assert 900 <= len(material.request_body(material.WHOLE, 1_000, stream=False)) <= 1_200
    assert 95_000 <= len(material.request_body(material.WHOLE, 100_000, stream=False)) <= 110_000


def test_what_passes_through_is_a_good_answer() -> None:
    assert check_response(orjson.loads(_body(material.RESPONSES_PATH, material.WHOLE))) == []
    pieces = material.replies()[material.RESPONSES_PATH, material.BURST].pieces
    chunks = b"".join(pieces).partition(b"\r\n\r\n")[2].split(b"\r\n")
    assert check_stream(b"".join(chunks[1::2])) == []
