"""`dragoman demo`: one question, answered through two vendor protocols, before the reader's eyes."""

import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import orjson
import structlog

from config.loader import load
from config.settings import Settings
from proxy.app import Plugins, Server
from proxy.demo import engine as local
from proxy.usage import log

QUESTION = "In two short sentences: what does an interpreter do at a royal court?"
MAX_OUTPUT_TOKENS = 64
METRICS = ("dragoman_tokens_total", "dragoman_requests_total")

SCRIPTED_QUESTION = (
    "What does an interpreter do at a royal court?\n"
    "/pace 0.03\n"
    "/say An interpreter lets two courts talk that share no language. "
    "I am the scripted model, and I say what the prompt tells me to say."
)


class Running(Protocol):
    """A gateway that serves."""

    @property
    def port(self) -> int:
        """The port that it listens on."""
        ...

    async def stop(self) -> None:
        """Stop serving."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """What the demo is played on: the gateway's configuration, the models to ask, with the protocol that each goes
    through, and the question."""

    configuration: dict[str, object]
    models: dict[str, str]
    question: str


@dataclass(slots=True)
class Answer:
    """What came back for one question. `problem` is set when it is not a whole answer."""

    text: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    first_text_seconds: float | None = None
    problem: str | None = "the stream ended without a terminal event"


async def run(once: bool, host: str, port: int) -> int:
    """Play the demo and stay up until interrupted; `once`: end after the answers. Returns the exit code."""
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    interrupted: list[int] = []

    def interrupt(number: int) -> None:
        # Once is enough: a second cancellation would break into the clean-up of the first.
        if not interrupted:
            interrupted.append(number)
            task.cancel()

    signals = (signal.SIGINT, signal.SIGTERM)
    # Where a loop has no signal handlers (Windows), asyncio.run() turns Ctrl-C into the same cancellation.
    with contextlib.suppress(NotImplementedError):
        for number in signals:
            loop.add_signal_handler(number, interrupt, number)
    try:
        return await _play(once, host, port)
    except asyncio.CancelledError:
        if not interrupted:
            raise
        say("\nStopped.")
        return 0
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in signals:
                loop.remove_signal_handler(number)


def say(text: str = "", end: str = "\n") -> None:
    """Speak to the person at the terminal."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


async def _play(once: bool, host: str, port: int) -> int:
    async with contextlib.AsyncExitStack() as stack:
        engine = await _start_engine()
        if engine is not None:
            stack.push_async_callback(engine.stop)
        stage = scripted_stage() if engine is None else engine_stage(engine)
        stage.configuration.update({"auth": "none", "store": "memory://"})
        # Log lines would break into the answers; they begin when the demo is over and the gateway stays.
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        try:
            gateway = await serve(stage.configuration, host, port)
        except OSError as error:
            say(f"Cannot listen on {host}:{port}: {error.strerror or error}. Choose another port with --port.")
            return 1
        stack.push_async_callback(gateway.stop)

        address = base_url(host, gateway.port)
        say(f"Dragoman listens on {address}")
        whole = await _ask_all(address, stage)
        await _show_metrics(address, len(stage.models))
        _show_next_steps(address, next(iter(stage.models)), stage.question.splitlines()[0])
        if once:
            return 0 if whole else 1
        log.configure()
        say("The demo stays up. Ctrl-C ends it.")
        await asyncio.Event().wait()
    return 0


async def _start_engine() -> local.Engine | None:
    weights = local.available()
    if isinstance(weights, local.Unavailable):
        say(f"{weights.reason} The scripted model answers in its place.")
        if weights.install is not None:
            say(f"To see a real model (about 127 MB):\n\n    {weights.install}\n")
        return None
    say("Starting llama.cpp with SmolLM2 (135 million parameters) on this machine ...")
    try:
        engine = await local.start(weights)
    except local.EngineError as error:
        say(f"{error} The scripted model answers in its place.")
        return None
    say(f"The model was ready after {engine.ready_seconds:.1f} s. It is tiny: judge the protocol, not the wisdom.")
    return engine


def engine_stage(engine: local.Engine) -> Stage:
    """One engine behind two vendor protocols."""
    return Stage(
        {
            "providers": {
                "openai_chat": {"type": "openai_chat", "dialect": "llama_cpp", "base_url": f"{engine.url}/v1"},
                # The server asks for no key, the protocol does.
                "anthropic": {"type": "anthropic", "base_url": engine.url, "api_key": "not-needed"},
            }
        },
        {
            f"openai_chat/{local.MODEL}": f"Chat Completions ({engine.url}/v1/chat/completions)",
            f"anthropic/{local.MODEL}": f"Anthropic Messages ({engine.url}/v1/messages)",
        },
        QUESTION,
    )


def scripted_stage() -> Stage:
    """Two scripted models, for a machine without the engine."""
    return Stage(
        {"providers": {"scripted": {"type": "scripted"}, "understudy": {"type": "scripted"}}},
        {"scripted/one": "the scripted model", "understudy/two": "the scripted model under another name"},
        SCRIPTED_QUESTION,
    )


def base_url(host: str, port: int) -> str:
    """The address under which this machine reaches a server that listens on `host`."""
    reachable = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


# --- asking -----------------------------------------------------------------------------------------------------------


async def _ask_all(address: str, stage: Stage) -> bool:
    """Whether every model gave a whole answer."""
    whole = True
    say(f"\nQuestion: {stage.question.splitlines()[0]}")
    for model, protocol in stage.models.items():
        say(f"\n{model}  through {protocol}\n")
        answer = await ask(address, model, stage.question)
        say()
        if answer.problem is not None:
            whole = False
            say(f"\n  No answer: {answer.problem}")
            continue
        say(f"\n  {describe(answer)}")
    return whole


async def ask(address: str, model: str, question: str) -> Answer:
    """Ask the gateway as any client would, and print the text as it comes."""
    body = {"model": model, "input": question, "stream": True, "max_output_tokens": MAX_OUTPUT_TOKENS}
    answer = Answer()
    begun = time.monotonic()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=120)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(f"{address}/v1/responses", json=body) as response,
        ):
            if response.status != 200:
                answer.problem = f"status {response.status}: {(await response.text())[:500]}"
                return answer
            async for event in events(response.content):
                _take(answer, event, begun)
    except (aiohttp.ClientError, TimeoutError) as error:
        answer.problem = str(error) or type(error).__name__
    if answer.problem is None and not answer.text:
        answer.problem = "it has no text"
    return answer


async def events(stream: aiohttp.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of a server-sent event stream, up to `[DONE]`."""
    rest = b""
    async for chunk in stream.iter_any():
        *frames, rest = (rest + chunk).split(b"\n\n")
        for frame in frames:
            data = b"".join(line[5:].strip() for line in frame.split(b"\n") if line.startswith(b"data:"))
            if data == b"[DONE]":
                return
            if data:
                yield orjson.loads(data)


def _take(answer: Answer, event: dict[str, Any], begun: float) -> None:
    match event["type"]:
        case "response.output_text.delta":
            if answer.first_text_seconds is None:
                answer.first_text_seconds = time.monotonic() - begun
            answer.text += event["delta"]
            say(event["delta"], end="")
        case "response.completed" | "response.incomplete":
            # A short answer may well reach the output limit that we set ourselves; that is an answer, too.
            answer.usage = event["response"].get("usage") or {}
            answer.problem = None
        case "response.failed":
            answer.problem = str((event["response"].get("error") or {}).get("message"))
        case "error":
            answer.problem = str(event.get("message") or (event.get("error") or {}).get("message"))


def describe(answer: Answer) -> str:
    """The token counts of one answer and how fast it began."""
    usage = answer.usage
    cached = (usage.get("input_tokens_details") or {}).get("cached_tokens") or 0
    counts = (
        f"{usage.get('input_tokens', '?')} input{f' ({cached} from the cache)' if cached else ''} + "
        f"{usage.get('output_tokens', '?')} output = {usage.get('total_tokens', '?')} tokens"
    )
    return f"{counts}, first text after {answer.first_text_seconds or 0:.2f} s"


# --- what to look at next ---------------------------------------------------------------------------------------------


async def _show_metrics(address: str, answers: int) -> None:
    try:
        lines = await _metrics(address)
        # An answer is counted when its stream has been closed, which may be a moment after we have read all of it.
        patience = 20
        while _counted(lines) < answers and patience:
            await asyncio.sleep(0.05)
            lines = await _metrics(address)
            patience -= 1
    except (aiohttp.ClientError, TimeoutError) as error:
        say(f"\n{address}/metrics cannot be read: {error}")
        return
    say(f"\nFrom {address}/metrics:\n")
    for line in lines:
        say(f"  {line}")


async def _metrics(address: str) -> list[str]:
    """The counters that matter here, as they stand in the exposition, without those that are still at zero."""
    async with aiohttp.ClientSession() as session, session.get(f"{address}/metrics") as response:
        lines = (await response.text()).splitlines()
    return [line for line in lines if line.startswith(METRICS) and not line.endswith(" 0.0")]


def _counted(lines: list[str]) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("dragoman_requests_total"))


def _show_next_steps(address: str, model: str, question: str) -> None:
    question = question.replace("'", "")
    say(
        f"""
Try next, in another terminal:

  curl -N {address}/v1/responses -H 'content-type: application/json' \\
    -d '{{"model": "{model}", "input": "{question}", "stream": true}}'

  # pip install openai
  from openai import OpenAI
  client = OpenAI(base_url="{address}/v1", api_key="not-needed")
  print(client.responses.create(model="{model}", input="{question}").output_text)
"""
    )


# --- the gateway ------------------------------------------------------------------------------------------------------


async def serve(configuration: dict[str, object], host: str, port: int) -> Running:
    """Start the gateway in this process with the given configuration (as it would stand in a file). Raises OSError
    when it cannot listen."""
    plugins = Plugins()
    settings = _settings(configuration, plugins, host, port)
    server = Server(settings, plugins)
    try:
        await server.start()
    except OSError:
        await server.stop()
        raise
    return server


def _settings(configuration: dict[str, object], plugins: Plugins, host: str, port: int) -> Settings:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "demo.yaml")
        path.write_bytes(orjson.dumps(configuration))  # JSON is YAML
        # Without the environment: the demo is the same for everyone, whichever keys they have.
        return load(path, {}, plugins, host=host, port=port)
