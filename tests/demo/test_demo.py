import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
import structlog
from aiohttp import web

from proxy.demo import demo, engine

USAGE = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 14,
}
METRICS = """\
# HELP dragoman_requests_total Requests.
dragoman_requests_total{provider="scripted"} 2.0
python_info 1.0
dragoman_tokens_total{provider="scripted",kind="input"} 24.0
"""


class Gateway:
    """Answers every request with the given events."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = [
            {"type": "response.created", "response": {}},
            {"type": "response.output_text.delta", "delta": "Good "},
            {"type": "response.output_text.delta", "delta": "day"},
            {"type": "response.completed", "response": {"usage": USAGE}},
        ]
        self.status = 200
        self.requests: list[dict[str, Any]] = []
        self.configuration: dict[str, object] = {}
        self.stopped = False
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def serve(self, configuration: dict[str, object], host: str, port: int) -> "Gateway":
        self.configuration = configuration
        application = web.Application()
        application.router.add_post("/v1/responses", self._respond)
        application.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        self.stopped = True
        assert self._runner is not None
        await self._runner.cleanup()

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(await request.json())
        if self.status != 200:
            return web.json_response({"error": {"message": "nothing works"}}, status=self.status)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for event in self.events:
            await response.write(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event)))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(text=METRICS)


@pytest.fixture
async def gateway(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    gateway = Gateway()
    monkeypatch.setattr(demo, "serve", gateway.serve)
    monkeypatch.setattr(engine, "available", lambda: engine.Unavailable("No engine here.", engine.INSTALL))
    yield gateway
    structlog.reset_defaults()
    assert gateway.stopped


async def test_once(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    assert await demo.run(once=True, host="127.0.0.1", port=0) == 0

    output = capsys.readouterr().out
    assert "No engine here. The scripted model answers in its place." in output
    assert engine.INSTALL in output
    assert output.count("Good day\n") == 2
    assert output.count("12 input (4 from the cache) + 2 output = 14 tokens, first text after") == 2
    assert 'dragoman_requests_total{provider="scripted"} 2.0' in output
    assert "python_info" not in output
    assert "# HELP" not in output
    assert f"curl -N http://127.0.0.1:{gateway.port}/v1/responses" in output
    assert f'OpenAI(base_url="http://127.0.0.1:{gateway.port}/v1"' in output
    assert [request["model"] for request in gateway.requests] == ["scripted/one", "understudy/two"]
    assert all(request["stream"] is True for request in gateway.requests)
    # A look around leaves nothing on the disk.
    assert gateway.configuration["store"] == "memory://"


@pytest.mark.parametrize(
    ("last", "problem"),
    [
        ({"type": "response.failed", "response": {"error": {"message": "out of words"}}}, "out of words"),
        ({"type": "error", "message": "out of order"}, "out of order"),
        ({"type": "response.in_progress"}, "without a terminal event"),
    ],
)
async def test_failed_answers_fail_the_demo(
    gateway: Gateway, capsys: pytest.CaptureFixture[str], last: dict[str, Any], problem: str
) -> None:
    gateway.events[-1] = last
    assert await demo.run(once=True, host="127.0.0.1", port=0) == 1
    assert problem in capsys.readouterr().out


async def test_empty_answers_fail_the_demo(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    del gateway.events[1:3]
    assert await demo.run(once=True, host="127.0.0.1", port=0) == 1
    assert "it has no text" in capsys.readouterr().out


async def test_http_errors_fail_the_demo(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.status = 503
    assert await demo.run(once=True, host="127.0.0.1", port=0) == 1
    assert "status 503" in capsys.readouterr().out


async def test_stays_up_until_interrupted(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    up = asyncio.Event()
    say: Callable[..., None] = demo.say

    def listen(text: str = "", end: str = "\n") -> None:
        say(text, end)
        if "stays up" in text:
            up.set()

    monkeypatch.setattr(demo, "say", listen)
    running = asyncio.create_task(demo.run(once=False, host="127.0.0.1", port=0))
    await asyncio.wait_for(up.wait(), 10)
    assert not running.done()

    os.kill(os.getpid(), signal.SIGINT)
    assert await asyncio.wait_for(running, 10) == 0
    assert "Stopped." in capsys.readouterr().out


async def test_taken_port_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def serve(configuration: dict[str, object], host: str, port: int) -> demo.Running:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(demo, "serve", serve)
    monkeypatch.setattr(engine, "available", lambda: engine.Unavailable("No engine.", None))
    assert await demo.run(once=True, host="127.0.0.1", port=80) == 1
    structlog.reset_defaults()
    assert "Cannot listen on 127.0.0.1:80: Address already in use." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:9"),
        ("0.0.0.0", "http://127.0.0.1:9"),
        ("::", "http://[::1]:9"),
        ("::1", "http://[::1]:9"),
        ("lab.example", "http://lab.example:9"),
    ],
)
def test_base_url(host: str, address: str) -> None:
    assert demo.base_url(host, 9) == address
