"""Servers as processes of their own, and what they use, by the scheduler's own count in /proc. Linux only."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_PATIENCE = 30.0
"""Seconds after which a server that is not ready has failed to start."""


class StartError(Exception):
    """A server did not become ready."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Process:
    """A running server and its descendants. `start_seconds` is the time from its start until it answered."""

    def __init__(self, command: Sequence[str], *, port: int, ready: str, core: int | None, log: Path) -> None:
        began = time.perf_counter()
        # Opened for appending: the log is that of every start.
        with log.open("ab") as output, pinned(core):
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.port = port
        while not _answers(f"http://127.0.0.1:{port}{ready}"):
            if self._process.poll() is not None or time.perf_counter() - began > START_PATIENCE:
                self.stop()
                raise StartError(f"{' '.join(command)} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.01)
        self.start_seconds = time.perf_counter() - began

    def cpu_seconds(self) -> float:
        """The CPU time of all threads of the process and its descendants so far."""
        return sum(_cpu_nanoseconds(pid) for pid in self._tree()) / 1e9

    def resident_mib(self) -> float:
        """The resident memory of the process and its descendants."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._tree())
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stop(self) -> None:
        """Ask it to end, then make it."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _tree(self) -> list[int]:
        found: list[int] = []
        waiting = [self._process.pid]
        while waiting:
            found.append(pid := waiting.pop())
            # Kernels without CONFIG_PROC_CHILDREN do not have the file; no server here has children.
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += [int(child) for child in children.read_text().split()]
        return found


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Run on one core for a while; processes that are started meanwhile stay on it. None: wherever there is room."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _cpu_nanoseconds(pid: int) -> int:
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
