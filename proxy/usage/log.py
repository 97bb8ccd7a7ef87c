"""Logs: one line a request, as JSON when nobody watches and readable in a terminal. No prompts, no keys."""

import sys
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger


def configure(stream: TextIO | None = None) -> None:
    """Set structlog up for the whole process: standard error unless another stream is given."""
    stream = stream or sys.stderr
    timestamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    if stream.isatty():
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                timestamp,
                # The richer tracebacks show local variables, and with them prompts.
                structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
            ],
            logger_factory=structlog.PrintLoggerFactory(stream),
            wrapper_class=structlog.make_filtering_bound_logger("info"),
            cache_logger_on_first_use=True,
        )
        return
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            timestamp,
            structlog.processors.format_exc_info,
            _as_json,
        ],
        logger_factory=structlog.BytesLoggerFactory(stream.buffer),
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        cache_logger_on_first_use=True,
    )


def _as_json(logger: WrappedLogger, method: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=str)
