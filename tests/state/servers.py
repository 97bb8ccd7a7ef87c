"""Real Redis and PostgreSQL servers for tests: each on a port of its own, with its data in a folder that goes with it.

`redis_url` and `postgres_url` are servers of the whole test session, `fresh_redis_url` and `fresh_postgres_url` an
empty database of them. A test that stops a server takes one of its own: `redis_server()`, `postgres_server()`.
"""

import itertools
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from redis.asyncio import Redis

REQUIRED = "DRAGOMAN_SERVERS"
"""The environment variable; where it is `required`, tests without their server fail instead of being skipped."""

PATIENCE = 30.0
"""How long a server may take to start or to stop, in seconds."""

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian keeps PostgreSQL's programs, a folder for each version."""

REDIS_DATABASES = 4096

_GUARD = 'read -r _; kill -s "$1" "$2"; sleep 1; rm -r "$3"'
"""Ends a server, and removes its folder, when the process of the tests is gone without having done so."""

_numbers = itertools.count(1)


class Server:
    """A server process. It can be stopped and started again, and is then the same server with the same data."""

    def __init__(
        self,
        url: str,
        command: Sequence[str],
        log: Path,
        *,
        ready: Callable[[], bool],
        user: str | None = None,
        ending: signal.Signals = signal.SIGTERM,
        crashing: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.url = url
        self._command = command
        self._log = log
        self._ready = ready
        self._user = user
        self._ending = ending
        self._crashing = crashing
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, unless it runs, and return when it answers."""
        if self._process is not None:
            return
        with self._log.open("ab") as log:
            # A session of its own: the terminal's Ctrl-C is for the tests, which stop their servers in order.
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
                start_new_session=True,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
            )
        guarded = [self._crashing.name.removeprefix("SIG"), str(self._process.pid), str(self._log.parent)]
        self._guard = subprocess.Popen(
            ["sh", "-c", _GUARD, "guard", *guarded], stdin=subprocess.PIPE, start_new_session=True
        )
        deadline = time.monotonic() + PATIENCE
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self._command[0]} did not start: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.01)

    def stop(self) -> None:
        """End the server in order. Its data stay."""
        self._end(self._ending)

    def crash(self) -> None:
        """End the server at once. What it has not written yet is lost."""
        self._end(self._crashing)

    def pause(self) -> None:
        """Let the process hang: its connections stay open and get no answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def redis_server() -> Iterator[Server]:
    """A running Redis server that writes down what it is told. Skips or fails the test where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        _missing("redis-server", "redis-server")
    with _folder(None) as folder:
        port = _free_port()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        command += ["--appendonly", "yes", "--databases", str(REDIS_DATABASES), "--protected-mode", "no"]
        server = Server(
            f"redis://127.0.0.1:{port}/0", command, folder / "redis.log", ready=lambda: _redis_answers(port)
        )
        with _running(server):
            yield server


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A running PostgreSQL server whose user `postgres` needs no password. Skips or fails where there is none."""
    programs = _postgres_programs()
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    with _folder(user) as folder:
        port = _free_port()
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=folder,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder), "-F"]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]
        server = Server(
            f"postgresql://postgres@127.0.0.1:{port}/postgres",
            command,
            folder / "postgres.log",
            ready=lambda: _postgres_answers(port),
            user=user,
            ending=signal.SIGINT,
            crashing=signal.SIGQUIT,
        )
        with _running(server):
            yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis server of the test session."""
    with redis_server() as server:
        yield server.url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of the test session."""
    with postgres_server() as server:
        yield server.url


@pytest.fixture
async def fresh_redis_url(redis_url: str) -> AsyncIterator[str]:
    """An empty database of the session's Redis server."""
    url = f"{redis_url.removesuffix('/0')}/{next(_numbers) % REDIS_DATABASES}"
    yield url
    async with Redis.from_url(url) as client:
        await client.flushdb()


@pytest.fixture
def fresh_postgres_url(postgres_url: str) -> Iterator[str]:
    """An empty database of the session's PostgreSQL server."""
    programs = _postgres_programs()
    name = f"test_{next(_numbers)}"
    subprocess.run([programs / "createdb", "--maintenance-db", postgres_url, name], check=True)
    yield f"{postgres_url.removesuffix('/postgres')}/{name}"
    subprocess.run([programs / "dropdb", "--force", "--maintenance-db", postgres_url, name], check=True)


@contextmanager
def _running(server: Server) -> Iterator[None]:
    try:
        server.start()
        yield
    finally:
        server.crash()


@contextmanager
def _folder(owner: str | None) -> Iterator[Path]:
    # Not below pytest's own folders, which another user must not enter.
    folder = Path(tempfile.mkdtemp(prefix="dragoman-server-"))
    try:
        if owner is not None:
            shutil.chown(folder, owner)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_programs() -> Path:
    """The folder with `initdb` and `postgres`; Debian keeps it off the PATH."""
    found = shutil.which("postgres")
    if found is not None and shutil.which("initdb") is not None:
        return Path(found).resolve().parent
    versions = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not versions:
        _missing("postgres", "postgresql")
    return versions[-1].parent


def _missing(program: str, package: str) -> NoReturn:
    reason = f"The program {program} is missing (Debian package {package})."
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def _free_port() -> int:
    # Below the range that the system takes for outgoing connections: the port has to be free again after a stop.
    while True:
        port = random.SystemRandom().randrange(12_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _redis_answers(port: int) -> bool:
    return _answer(port, b"PING\r\n") == b"+"


def _postgres_answers(port: int) -> bool:
    startup = b"user\0postgres\0database\0postgres\0\0"
    # "R" begins the answer of a server that lets us in, "E" that of one that still starts.
    return _answer(port, struct.pack(">ii", len(startup) + 8, 3 << 16) + startup) == b"R"


def _answer(port: int, question: bytes) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(question)
            return connection.recv(1)
    except OSError:
        return b""
