"""The command `dragoman` as a process of its own."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import orjson

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """A running `dragoman`; `within` is a command that runs it with less than a process usually has."""

    def __init__(self, *arguments: str, environ: Mapping[str, str] | None = None, within: Sequence[str] = ()) -> None:
        self._arguments = arguments
        self._environ = environ or {}
        self._within = within
        self._state = tempfile.TemporaryDirectory()
        self._log: list[bytes] = []

    async def __aenter__(self) -> Self:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.process = await asyncio.create_subprocess_exec(
            *self._within, sys.executable, "-c", "import sys; from proxy.cli import main; sys.exit(main())",
            *self._arguments,
            cwd=ROOT,
            env={**kept, "XDG_STATE_HOME": self._state.name, **self._environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        # A process whose log nobody reads stands still once the pipe is full.
        self._lines: asyncio.Queue[bytes] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())
        return self

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self._log.append(line)
            self._lines.put_nowait(line)
        self._lines.put_nowait(b"")

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.end()
        self._state.cleanup()

    @property
    def log(self) -> bytes:
        """What it wrote to standard error so far."""
        return b"".join(self._log)

    async def listening(self) -> int:
        """The port, once it listens."""
        return int((await self.entry("listening"))["port"])

    async def entry(self, event: str) -> dict[str, str]:
        """The next log entry of this kind."""
        async with asyncio.timeout(20):
            while line := await self._lines.get():
                if line.startswith(b"{") and orjson.loads(line)["event"] == event:
                    entry: dict[str, str] = orjson.loads(line)
                    return entry
        raise AssertionError(f"ended without {event}: {self.log.decode()}")

    async def end(self) -> tuple[int, str]:
        """Wait for the process; its exit status, and what it wrote to standard output."""
        async with asyncio.timeout(30):
            assert self.process.stdout is not None
            output = await self.process.stdout.read()
            await self.process.wait()
            await self._reading
        assert self.process.returncode is not None
        return self.process.returncode, output.decode()


async def run(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run `dragoman` to its end: exit status, standard output, standard error."""
    async with Process(*arguments, environ=environ) as process:
        status, output = await process.end()
        return status, output, process.log.decode()
