"""Logs: one line a request, as JSON when nobody watches and readable in a terminal. No prompts, no keys."""

import asyncio
import atexit
import json
import sys
from datetime import UTC, datetime
from typing import BinaryIO, TextIO

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

FLUSH_AFTER = 0.05
"""How long, in seconds, lines are gathered before they are written together: a system call a line costs more than
making the line. Errors are written at once, and everything at the end of the process."""


def configure(stream: TextIO | None = None) -> None:
    """Set structlog up for the whole process: standard error unless another stream is given."""
    stream = stream or sys.stderr
    if stream.isatty():
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                # The richer tracebacks show local variables, and with them prompts.
                structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
            ],
            logger_factory=structlog.PrintLoggerFactory(stream),
            wrapper_class=structlog.make_filtering_bound_logger("info"),
            cache_logger_on_first_use=True,
        )
        return
    gathered = _GatheredLines(stream.buffer)
    atexit.register(gathered.flush)
    structlog.configure(
        processors=[structlog.processors.format_exc_info, _as_json],
        logger_factory=lambda *names: gathered,
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        cache_logger_on_first_use=True,
    )


def _as_json(logger: WrappedLogger, method: str, event: EventDict) -> bytes:
    event["level"] = method
    event["timestamp"] = datetime.now(UTC).isoformat()
    try:
        return orjson.dumps(event, default=str)
    except orjson.JSONEncodeError:
        # A lone surrogate, as a path may hold: no text in UTF-8, and no reason to lose the line.
        return json.dumps(event, default=str).encode()


class _GatheredLines:
    """A logger in structlog's sense: its methods take a finished line."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._lines: list[bytes] = []
        self._scheduled_on: asyncio.AbstractEventLoop | None = None

    def info(self, line: bytes) -> None:
        """Keep a line for the next flush; the first of a batch sees to it that there is one."""
        self._lines.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        if self._scheduled_on is not loop:
            self._scheduled_on = loop
            loop.call_later(FLUSH_AFTER, self.flush)

    def error(self, line: bytes) -> None:
        """Write a line at once, after those that wait."""
        self._lines.append(line)
        self.flush()

    warning = info
    critical = exception = error

    def flush(self) -> None:
        """Write what waits."""
        self._scheduled_on = None
        lines, self._lines = self._lines, []
        if lines and not self._output.closed:
            self._output.write(b"\n".join(lines) + b"\n")
            self._output.flush()
