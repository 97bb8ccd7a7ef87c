"""No I/O where there must be none: what is opened, connected to or waited for while code runs is written down."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import get_ident
from typing import Final

from proxy.provider.contract import Provider
from proxy.responses.errors import ResponsesError
from proxy.testing.exchange import Exchange
from proxy.testing.problem import Problem
from proxy.testing.replay import play

CONNECTING: Final = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "time.sleep",
    "urllib.",
    "http.client.",
    "sqlite3.",
    "webbrowser.",
    "ctypes.dlopen",
)
"""Events of the interpreter that no translation and no reader may cause."""

FILES: Final = (
    "open",
    "os.listdir",
    "os.scandir",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "shutil.",
    "tempfile.",
    "glob.",
)
"""Events that may happen only the first time: data that a package brings along is read when it is needed."""


class _Watch:
    """What the interpreter did, in one thread, while it was watched. The interpreter's hook cannot be taken away again,
    so there is one for all."""

    def __init__(self) -> None:
        self.thread: int | None = None
        self.names: tuple[str, ...] = ()
        self.seen: list[str] = []
        self._hooked = False

    def begin(self, names: tuple[str, ...]) -> None:
        if not self._hooked:
            self._hooked = True
            sys.addaudithook(self.note)
        self.seen, self.names, self.thread = [], names, get_ident()

    def end(self) -> None:
        self.thread = None

    def note(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.thread is not None and get_ident() == self.thread and event.startswith(self.names):
            if event == "open" and arguments and isinstance(arguments[0], int):
                return
            self.seen.append(f"{event} {arguments!r:.150}")


_watch = _Watch()


@contextmanager
def watched(*, files: bool) -> Iterator[list[str]]:
    """What happens inside that nothing pure does; `files`: reading files counts, too."""
    seen: list[str] = []
    sleep = time.sleep

    def slept(seconds: float, /) -> None:
        _watch.note("time.sleep", (seconds,))
        sleep(seconds)

    _watch.begin((*CONNECTING, *(FILES if files else ())))
    # Before Python 3.13 the interpreter does not tell of it.
    vars(time)["sleep"] = slept
    try:
        yield seen
    finally:
        vars(time)["sleep"] = sleep
        seen += _watch.seen
        _watch.end()


def no_io_in_reading(provider: Provider, exchange: Exchange) -> Iterator[Problem]:
    """The decoders do no I/O, nor does `encode` for the request of the exchange."""
    for stream in (True, False):
        yield from pure("encode and the decoders", exchange.id, partial(play, provider, exchange, stream=stream))


def pure(what: str, subject: str, action: Callable[[], object]) -> Iterator[Problem]:
    """The I/O that an action does; files that it reads the first time only do not count."""
    for files in (False, True):
        # A refusal is an answer, too.
        with watched(files=files) as seen, suppress(ResponsesError):
            action()
        for event in dict.fromkeys(seen):
            yield Problem("no I/O", subject, f"no I/O in {what}", event)
