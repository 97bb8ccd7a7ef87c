"""A vendor on a real loopback socket: speaks Chat Completions, Messages, generateContent and Responses, plays
what a test has written down, and keeps every request."""

import asyncio
from collections import deque
from collections.abc import Callable
from types import ModuleType, TracebackType
from typing import Any, Self

import orjson
from aiohttp import web
from multidict import CIMultiDictProxy

from tests.vendors import chat, cohere, converse, gemini, messages, native, ollama
from tests.vendors.script import CUT, END, HANG_UP, SILENCE, Reply, Script, Step, Turn

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}


class Recorded:
    """One request as it came. `closed` is set when the other side went away before the answer was over."""

    def __init__(self, request: web.Request, body: bytes) -> None:
        self.method = request.method
        self.path = request.path_qs
        self.headers: CIMultiDictProxy[str] = request.headers
        self.body = body
        self.closed = asyncio.Event()
        self.sent = 0

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)


class Vendor:
    """The server. A request that finds nothing written down is answered with a greeting, or by `responder`. What asks
    for a number of tokens is kept in `counts` and answered by `counter`."""

    def __init__(self) -> None:
        self.requests: list[Recorded] = []
        self.counts: list[Recorded] = []
        self.counter: Callable[[Recorded], int | Reply] = lambda recorded: len(recorded.body) // 4
        self.connections: set[object] = set()
        self.responder: Callable[[Recorded], Script] = lambda recorded: Turn("Hello", " there", ".")
        self._scripts: deque[Script] = deque()
        self._arrivals: asyncio.Queue[Recorded] = asyncio.Queue()
        self._transports: set[asyncio.BaseTransport] = set()
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def last(self) -> Recorded:
        """The latest request."""
        return self.requests[-1]

    def play(self, *scripts: Script) -> None:
        """Write down what the next requests are answered with, one each."""
        self._scripts.extend(scripts)

    def always(self, script: Script) -> None:
        """Answer every request for which nothing is written down so."""
        self.responder = lambda recorded: script

    async def arrival(self) -> Recorded:
        """The next request that was not yet waited for."""
        return await asyncio.wait_for(self._arrivals.get(), 10)

    async def close_connections(self) -> None:
        """Close every connection, as servers do after a while."""
        for transport in self._transports:
            transport.close()
        await asyncio.sleep(0)

    # --- playing -----------------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        self._transports.add(request.transport)
        recorded = Recorded(request, await request.read())
        if (counting := _counting(recorded.path)) is not None:
            self.counts.append(recorded)
            number = self.counter(recorded)
            reply = number if isinstance(number, Reply) else Reply(200, (counting.counted(number), END), JSON)
        else:
            self.requests.append(recorded)
            self._arrivals.put_nowait(recorded)
            script = self._scripts.popleft() if self._scripts else self.responder(recorded)
            reply = script if isinstance(script, Reply) else _rendered(script, recorded)
        try:
            return await self._play(reply, request, recorded)
        except asyncio.CancelledError:
            recorded.closed.set()
            raise
        except ConnectionError:
            recorded.closed.set()
            return _break(request, web.Response())

    async def _play(self, reply: Reply, request: web.Request, recorded: Recorded) -> web.StreamResponse:
        if reply is HANG_UP:
            return _break(request, web.Response())
        if reply.held is not None:
            await reply.held.wait()
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        await response.prepare(request)
        for step in reply.steps:
            if isinstance(step, bytes):
                await response.write(step)
                recorded.sent += len(step)
            elif isinstance(step, asyncio.Event):
                await step.wait()
            elif step is CUT:
                return _break(request, response)
            elif step is SILENCE:
                await asyncio.Event().wait()
            else:
                break
        await response.write_eof()
        return response


def form_of(path: str) -> ModuleType:
    """The protocol of a path: the module that writes turns in it."""
    if gemini.asked(path) is not None:
        return gemini
    if converse.asked(path) is not None:
        return converse
    if path.endswith("/responses"):
        return native
    if path.endswith("/v2/chat"):
        return cohere
    if path.endswith("/api/chat"):
        return ollama
    return messages if path.endswith("/messages") else chat


def _counting(path: str) -> ModuleType | None:
    """The protocol of a path that counts tokens; None for other paths."""
    if path.endswith("/messages/count_tokens"):
        return messages
    if path.endswith("/count-tokens"):
        return converse
    if path.endswith("/responses/input_tokens"):
        return native
    if path.endswith("/v1/tokenize"):
        return cohere
    return gemini if path.endswith(":countTokens") else None


def _rendered(turn: Turn, recorded: Recorded) -> Reply:
    form = form_of(recorded.path)
    model, streamed = gemini.asked(recorded.path) or converse.asked(recorded.path) or _asked(recorded.json)
    if streamed:
        steps: list[Step] = form.stream(turn, model)
        if form is gemini and not gemini.asks_for_events(recorded.path):
            return Reply(200, tuple(gemini.as_array(steps)), {**JSON, **turn.headers})
        framed = {"content-type": form.STREAM} if form in (converse, ollama) else SSE
        return Reply(200, tuple(steps), {**framed, **turn.headers})
    body: bytes = form.whole(turn, model)
    steps = [*turn.steps, body, END]
    if CUT in steps:
        steps = [*(step for step in turn.steps if step is not CUT), body[: len(body) // 2], CUT]
    return Reply(200, tuple(steps), {**JSON, **turn.headers})


def _asked(body: Any) -> tuple[str, bool]:
    """The model that a body names, and whether the answer is to be streamed."""
    return body["model"], bool(body.get("stream"))


def _break(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return response
