"""The log: JSON lines when nobody watches, readable in a terminal, and never a prompt in a traceback."""

import io
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson
import pytest
import structlog

from proxy.usage import log

PROMPT = "the-prompt-of-a-client"


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal, or not."""

    def __init__(self, *, terminal: bool) -> None:
        self.bytes = io.BytesIO()
        self._terminal = terminal
        super().__init__(self.bytes, "utf-8", write_through=True)

    def isatty(self) -> bool:
        return self._terminal

    @property
    def text(self) -> str:
        return self.bytes.getvalue().decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.text.splitlines()]


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    earlier = structlog.get_config()
    yield
    structlog.configure(**earlier)


def configured(*, terminal: bool) -> Terminal:
    stream = Terminal(terminal=terminal)
    log.configure(stream)
    return stream


def fail(secret: str) -> None:
    local = [secret, {"nested": secret}]
    raise RuntimeError(f"failed with {len(local)} locals")


def log_a_failure() -> None:
    try:
        fail(PROMPT)
    except RuntimeError:
        structlog.get_logger().exception("broken", request="req_1")


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_a_line_is_one_json_object() -> None:
    stream = configured(terminal=False)
    structlog.get_logger().info("request", status=200, seconds=0.25, text="line\nbreak é", nothing=None)
    [line] = stream.lines
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo is not None
    assert line == {
        "event": "request",
        "level": "info",
        "status": 200,
        "seconds": 0.25,
        "text": "line\nbreak é",
        "nothing": None,
    }


def test_what_json_does_not_know_is_written_as_text() -> None:
    stream = configured(terminal=False)
    structlog.get_logger().info("request", error=ValueError("bad"), path={1})
    assert (stream.lines[0]["error"], stream.lines[0]["path"]) == ("bad", "{1}")


def test_debug_is_left_out() -> None:
    stream = configured(terminal=False)
    structlog.get_logger().debug("detail")
    assert stream.text == ""


@pytest.mark.parametrize("level", ["info", "warning", "error", "critical"])
def test_levels_are_named(level: str) -> None:
    stream = configured(terminal=False)
    getattr(structlog.get_logger(), level)("event")
    assert stream.lines[0]["level"] == level


def test_a_traceback_is_one_member_and_shows_no_variables() -> None:
    stream = configured(terminal=False)
    log_a_failure()
    [line] = stream.lines
    assert "RuntimeError: failed with 2 locals" in line["exception"]
    assert PROMPT not in stream.text


async def test_lines_of_a_loop_are_written_together_and_errors_at_once() -> None:
    stream = configured(terminal=False)
    logger = structlog.get_logger()
    logger.info("one")
    logger.info("two")
    assert stream.text == ""
    logger.error("three")
    assert [line["event"] for line in stream.lines] == ["one", "two", "three"]


# --- a terminal -------------------------------------------------------------------------------------------------------


def test_a_terminal_gets_readable_lines() -> None:
    stream = configured(terminal=True)
    structlog.get_logger().info("request", status=200)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.text)
    assert re.search(r"\[info\s*\] request\s+status=200", plain)
    assert not plain.startswith("{")


def test_a_traceback_on_a_terminal_shows_no_variables() -> None:
    stream = configured(terminal=True)
    log_a_failure()
    assert "RuntimeError: failed with 2 locals" in stream.text
    assert "in fail" in stream.text
    assert PROMPT not in stream.text


def test_a_lone_surrogate_does_not_lose_the_line() -> None:
    stream = Terminal(terminal=False)
    log.configure(stream)
    structlog.get_logger("surrogate").error("request", path="/\udcff")
    assert json.loads(stream.text)["path"] == "/\udcff"
