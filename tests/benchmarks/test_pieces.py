"""The pieces of the benchmark agree with each other. Nothing here looks at the time."""

import asyncio
import sys

import orjson
import pytest
from aiohttp import web

from proxy.testing.grammar import check_response, check_stream
from tests.benchmarks import material
from tests.benchmarks.load import Load, request_bytes
from tests.benchmarks.report import Cost, Figures, Scenario, Storing, table

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


async def test_requests_are_sent_in_turn() -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(4):
            head = await reader.readuntil(b"\r\n\r\n")
            seen.append(await reader.readexactly(int(head.rpartition(b"Content-Length: ")[2])))
            writer.write(vendor.ALIVE)
        writer.close()

    from tests.benchmarks import vendor

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        requests = [request_bytes("/", body, "sk-any") for body in (b"one", b"three")]
        result = await Load(server.sockets[0].getsockname()[1], requests, connections=1, total=4).run()
    assert result.problems == []
    assert sorted(seen) == [b"one", b"one", b"three", b"three"]


@pytest.mark.parametrize("path", PATHS)
async def test_each_stream_has_a_time_to_its_first_delta(path: str) -> None:
    load = await _load(path, material.BURST, total=4, events=material.BURST_EVENTS)
    expected = 4 if path == material.RESPONSES_PATH else 0
    assert len(load.result.first_deltas) == expected
    assert all(seconds > 0 for seconds in load.result.first_deltas)


async def test_whole_answers_have_no_first_delta() -> None:
    assert (await _load(material.RESPONSES_PATH, material.WHOLE, total=4)).result.first_deltas == []


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


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("store", [False, True])
def test_kept_and_unkept_requests_differ_in_that_alone(stream: bool, store: bool) -> None:
    bodies = [material.request_body(material.WHOLE, 1_000, stream=stream, store=kept) for kept in (store, not store)]
    one, other = (orjson.loads(body) for body in bodies)
    assert one.pop("store") is not other.pop("store")
    assert one == other


def test_a_chained_turn_stands_for_the_whole_one() -> None:
    first, chained = orjson.loads(material.first_turn(100)), orjson.loads(material.chained_turn("resp_1"))
    whole = orjson.loads(material.whole_turn(100))
    answer = 1
    assert len(first["input"]) + answer == 100
    assert len(whole["input"]) == len(first["input"]) + answer + len(chained["input"])
    assert chained.pop("previous_response_id") == "resp_1"
    assert (first.pop("store"), chained.pop("store"), whole.pop("store")) == (True, True, False)
    assert len({orjson.dumps({**body, "input": []}) for body in (first, chained, whole)}) == 1


def test_the_report_tells_what_keeping_costs() -> None:
    scenario = Scenario("json", material.WHOLE, 1_000, 1, 1, bar=2.0)
    loads = [Storing("kept", material.BURST, 1, 1, bar=150.0, events=1), Storing("free", material.WHOLE, 1, 1)]
    figures = Figures(
        {"json": [300.0]},
        {"json": [200.0]},
        unkept={"kept": [Cost(300.0, [0.002])] * 3, "free": [Cost(300.0)]},
        kept={"kept": [Cost(400.0, [0.003]), Cost(500.0, [0.003]), Cost(480.0, [0.003])], "free": [Cost(310.0)]},
        start_seconds=[1.0],
        passthrough_start_seconds=[1.0],
    )
    lines = [" ".join(line.split()) for line in table([scenario], loads, figures)]
    assert "kept, per request 480.0 300.0 180.0 150 missed 0.90 100.0 to 200.0" in lines
    assert "free, per request 310.0 300.0 10.0 0.05 10.0 to 10.0" in lines
    assert "kept, ms to the first delta 3.00 2.00 1.00" in lines


def test_what_passes_through_is_a_good_answer() -> None:
    assert check_response(orjson.loads(_body(material.RESPONSES_PATH, material.WHOLE))) == []
    pieces = material.replies()[material.RESPONSES_PATH, material.BURST].pieces
    chunks = b"".join(pieces).partition(b"\r\n\r\n")[2].split(b"\r\n")
    assert check_stream(b"".join(chunks[1::2])) == []
