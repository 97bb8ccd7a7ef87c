"""What a scrape does to streams: the delay of each event, from the vendor's write to the client's read, while thousands
of lines of `/metrics` are read every second.

Vendor and clients are one process, so both times are of one clock.
"""

import asyncio
import re
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.benchmarks.processes import Process, free_port, pinned

KEY = "sk-benchmark-0123456789abcdef"
MODELS = 36
CLIENTS = 2
STREAMS = 16
PACE = 0.01
SECONDS = 8.0

P99_BAR = 15.0
"""How late, in milliseconds, one event of a hundred may be."""

_STAMP = re.compile(rb'"type":"response.output_text.delta".{0,300}?"delta":"([0-9]+)"')

_CONFIGURATION = """\
listen: 127.0.0.1:{port}
store: memory://
providers:
  mock:
    type: openai_chat
    dialect: generic
    base_url: "http://127.0.0.1:{vendor}/v1"
    api_key: sk-vendor
    models: {{{models}}}
models:
  "mock-*": mock/mock-*
clients: [{clients}]
"""


@dataclass(frozen=True, slots=True)
class Delays:
    """The delays of events in milliseconds: without a scrape, and with one a second; `lines` is the size of one, in
    lines, `scrapes` how many there were."""

    quiet: Sequence[float]
    scraped: Sequence[float]
    lines: int
    scrapes: int

    @property
    def quiet_p99(self) -> float:
        """In milliseconds."""
        return statistics.quantiles(self.quiet, n=100)[98]

    @property
    def scraped_p99(self) -> float:
        """In milliseconds."""
        return statistics.quantiles(self.scraped, n=100)[98]


def measure(folder: Path, *, server_core: int | None, load_core: int | None, seconds: float = SECONDS) -> Delays:
    """Start a gateway in front of a vendor that stamps its events, and measure. Raises StartError."""
    port, vendor = free_port(), free_port()
    path = folder / "scraped.yaml"
    path.write_text(
        _CONFIGURATION.format(
            port=port,
            vendor=vendor,
            models=", ".join(f"mock-{number}: {{price: {{input: 1, output: 2}}}}" for number in range(MODELS)),
            clients=", ".join(f"{{name: client-{number}, key: {KEY}{number}}}" for number in range(CLIENTS)),
        )
    )
    command = [str(Path(sys.executable).with_name("dragoman")), "serve", "--config", str(path)]
    with ExitStack() as stack:
        stack.enter_context(pinned(load_core))
        gateway = Process(command, port=port, ready="/readyz", core=server_core, log=folder / "scraped.log")
        stack.callback(gateway.stop)
        return asyncio.run(_measure(port, vendor, seconds))


async def _measure(port: int, vendor: int, seconds: float) -> Delays:
    server = await asyncio.start_server(_stamp, "127.0.0.1", vendor)
    for number in range(MODELS):
        for client in range(CLIENTS):
            await _stream(port, f"mock-{number}", client, events=3)
    quiet = await _delays(port, seconds)
    sizes: list[int] = []
    scraping = asyncio.create_task(_scrape(port, sizes))
    scraped = await _delays(port, seconds)
    scraping.cancel()
    server.close()
    return Delays(quiet, scraped, max(sizes), len(sizes))


async def _delays(port: int, seconds: float) -> list[float]:
    events = int(seconds / PACE)
    streams = [_stream(port, f"mock-{number}", 0, events=events) for number in range(STREAMS)]
    return [delay for delays in await asyncio.gather(*streams) for delay in delays]


async def _scrape(port: int, sizes: list[int]) -> None:
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
        sizes.append((await reader.read()).count(b"\n"))
        writer.close()
        await asyncio.sleep(1.0)


async def _stream(port: int, model: str, client: int, *, events: int) -> list[float]:
    body = orjson.dumps({"model": model, "input": f"{events}", "stream": True, "store": False})
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /v1/responses HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %b%d\r\nContent-Length: %d\r\n\r\n%b" % (KEY.encode(), client, len(body), body)
    )
    delays: list[float] = []
    while piece := await reader.read(65_536):
        now = time.monotonic_ns()
        delays += [(now - int(stamp)) / 1e6 for stamp in _STAMP.findall(piece)]
    writer.close()
    assert len(delays) >= events - 1, f"{len(delays)} of {events} events"
    return delays


async def _stamp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The vendor: as many events as the last message says, each holding the time at which it was sent."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(re.search(rb"content-length: *([0-9]+)", head, re.IGNORECASE)[1])  # type: ignore[index] # the gateway always says it
            request = orjson.loads(await reader.readexactly(length))
            events = int(request["messages"][-1]["content"])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            began = time.monotonic()
            for number in range(events):
                await asyncio.sleep(began + number * PACE - time.monotonic())
                _write(writer, {"choices": [{"index": 0, "delta": {"content": str(time.monotonic_ns())}}]})
            usage = {"prompt_tokens": 10, "completion_tokens": events, "total_tokens": 10 + events}
            _write(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})
            end = b"data: [DONE]\n\n"
            writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(end), end))
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        # The streams of Python 3.11 make a traceback of every handler that ends as cancelled.
        writer.close()


def _write(writer: asyncio.StreamWriter, chunk: dict[str, object]) -> None:
    event = b"data: %b\n\n" % orjson.dumps({"id": "x", "object": "chat.completion.chunk", "model": "m", **chunk})
    writer.write(b"%x\r\n%b\r\n" % (len(event), event))
