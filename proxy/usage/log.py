"""Logs: one line a request, as JSON when nobody watches and readable in a terminal. No prompts, no keys."""

import asyncio
import atexit
import json
import sys
from datetime import UTC, datetime
from typing import BinaryIO, TextIO

import orjson
import structlog

FLUSH_AFTER = 0.05
"""How long, in seconds, lines are gathered before they are written together, to save a system call a line. Errors are
written at once, and everything at the end of the process."""


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
        processors=[],
        logger_factory=lambda *names: gathered,
        wrapper_class=_LineLogger,
        cache_logger_on_first_use=True,
    )


class _LineLogger(structlog.BoundLoggerBase):
    """structlog's logger for JSON lines. The usual chain of processors costs half as much again."""

    _logger: "_GatheredLines"

    def debug(self, event: str, **members: object) -> None:
        """Not logged."""

    def info(self, event: str, **members: object) -> None:
        self._logger.keep(self._line("info", event, members))

    def warning(self, event: str, **members: object) -> None:
        self._logger.keep(self._line("warning", event, members))

    def error(self, event: str, **members: object) -> None:
        self._logger.write(self._line("error", event, members))

    def critical(self, event: str, **members: object) -> None:
        self._logger.write(self._line("critical", event, members))

    def exception(self, event: str, **members: object) -> None:
        self.error(event, **{"exc_info": True, **members})

    def _line(self, level: str, event: str, members: dict[str, object]) -> bytes:
        if self._context:
            members = {**self._context, **members}
        if "exc_info" in members:
            members = dict(structlog.processors.format_exc_info(self._logger, level, members))
        line = {"timestamp": datetime.now(UTC).isoformat(), "level": level, "event": event, **members}
        try:
            return orjson.dumps(line, default=str)
        except orjson.JSONEncodeError:
            # A lone surrogate, as a path may hold: no text in UTF-8, and no reason to lose the line.
            return json.dumps(line, default=str).encode()


class _GatheredLines:
    """Finished lines on their way out."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._lines: list[bytes] = []
        self._scheduled_on: asyncio.AbstractEventLoop | None = None

    def keep(self, line: bytes) -> None:
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

    def write(self, line: bytes) -> None:
        """Write a line at once, after those that wait."""
        self._lines.append(line)
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        self._scheduled_on = None
        lines, self._lines = self._lines, []
        if lines and not self._output.closed:
            self._output.write(b"\n".join(lines) + b"\n")
            self._output.flush()
