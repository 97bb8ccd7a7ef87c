"""A watch over the whole test suite: what any gateway logs, answers, counts or keeps is searched for every credential
that was configured, and its log and its metrics for every prompt.

It stands where things leave the gateway: structlog before any filter or processor, Python's own logging at its lowest
level, the error envelope, the frames of streams, the exposition, and the files of SQLite.
"""

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from unittest.mock import patch

import structlog
from structlog._base import BoundLoggerBase

from proxy.http import surface
from proxy.provider.secret import Secret
from proxy.responses import errors, sse
from proxy.responses.request import CreateRequest
from proxy.usage.metrics import Metrics

SHORTEST: Final = 8
"""From how many characters on a text is looked for: shorter ones stand in other words."""

SHORTEST_PROMPT: Final = 12


class Watch:
    """What must not be seen, and where it was seen all the same."""

    def __init__(self) -> None:
        self.credentials: set[str] = set()
        self.prompts: set[str] = set()
        self.findings: list[str] = []
        self.looked = 0

    def forget(self) -> None:
        """Begin anew: the next test has its own."""
        self.credentials.clear()
        self.prompts.clear()
        self.findings.clear()

    def configured(self, value: str) -> None:
        """A credential is known from now on."""
        if len(value) >= SHORTEST:
            self.credentials.add(value)

    def asked(self, request: CreateRequest) -> None:
        """The words of a request are known from now on."""
        self.prompts.update(text for text in _texts(request) if len(text) >= SHORTEST_PROMPT)

    def told(self, place: str, text: str, *, prompts: bool = False) -> None:
        """Something left the gateway."""
        self.looked += 1
        for secret in self.credentials:
            if secret in text:
                self.findings.append(f"{place} shows the credential {secret!r}: {_around(text, secret)}")
        for prompt in self.prompts if prompts else ():
            if prompt in text:
                self.findings.append(f"{place} shows the prompt {prompt!r}: {_around(text, prompt)}")

    def kept(self, folder: Path) -> None:
        """Look at the stores below a folder: prompts are kept there, credentials are not."""
        for file in folder.rglob("*.db*"):
            if file.is_file():
                self.told(file.name, file.read_bytes().decode("latin-1"))


def _texts(request: CreateRequest) -> Iterator[str]:
    if request.instructions is not None:
        yield request.instructions
    for item in request.input:
        content: Any = item.get("content")
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]


def _around(text: str, secret: str) -> str:
    place = text.index(secret)
    return text[max(0, place - 200) : place + len(secret) + 50]


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch everything that gateways of this process do."""
    watch = Watch()
    handler = _Handler(watch)
    logging.getLogger().addHandler(handler)
    with (
        patch.object(Secret, "reveal", _revealing(watch, Secret.reveal)),
        patch.object(CreateRequest, "__init__", _asking(watch, CreateRequest.__init__)),
        patch.object(BoundLoggerBase, "_process_event", _logging(watch, BoundLoggerBase._process_event)),
        patch.object(surface, "envelope", _refusing(watch, errors.envelope)),
        patch.object(sse, "frame", _framing(watch, sse.frame)),
        patch.object(Metrics, "render", _rendering(watch, Metrics.render)),
    ):
        yield watch
    logging.getLogger().removeHandler(handler)


def _revealing(watch: Watch, reveal: Callable[[Secret], str]) -> Callable[[Secret], str]:
    def watched(secret: Secret) -> str:
        value = reveal(secret)
        watch.configured(value)
        return value

    return watched


def _asking(watch: Watch, create: Callable[..., None]) -> Callable[..., None]:
    def watched(request: CreateRequest, *values: Any, **named: Any) -> None:
        create(request, *values, **named)
        watch.asked(request)

    return watched


def _logging(watch: Watch, process: Callable[..., Any]) -> Callable[..., Any]:
    def watched(logger: BoundLoggerBase, method: str, event: str | None, members: dict[str, Any]) -> Any:
        said = repr((event, members, structlog.get_context(logger)))
        watch.told("the log", said + _traceback(members.get("exc_info")), prompts=True)
        return process(logger, method, event, members)

    return watched


def _traceback(raised: object) -> str:
    if isinstance(raised, BaseException):
        return "".join(traceback.format_exception(raised))
    return traceback.format_exc() if raised else ""


def _refusing(watch: Watch, envelope: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def watched(error: Any) -> dict[str, Any]:
        body = envelope(error)
        watch.told("an error", repr((body, dict(error.headers))))
        return body

    return watched


def _framing(watch: Watch, frame: Callable[..., bytes]) -> Callable[..., bytes]:
    def watched(events: Any) -> bytes:
        data = frame(events)
        watch.told("a stream", data.decode())
        return data

    return watched


def _rendering(watch: Watch, render: Callable[[Metrics], bytes]) -> Callable[[Metrics], bytes]:
    def watched(metrics: Metrics) -> bytes:
        text = render(metrics)
        watch.told("the metrics", text.decode(), prompts=True)
        return text

    return watched


class _Handler(logging.Handler):
    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.NOTSET)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if record.exc_info and isinstance(record.exc_info[2], TracebackType):
            said += "".join(traceback.format_exception(*record.exc_info))
        self._watch.told(f"the log of {record.name}", said, prompts=True)
