"""What a client program is told and how it answers: settings come by environment, one JSON line a scenario goes to
standard output. Of the standard library only, because it runs in the client's own environment."""

import asyncio
import hashlib
import inspect
import json
import os
import re
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

BASE_URL = os.environ["BASE_URL"]
API_KEY = os.environ["API_KEY"]
MODEL = os.environ["MODEL"]

SECONDS = 60

Scenario = Callable[[], Awaitable[None] | None]


class Skip(Exception):  # noqa: N818 - it is no error
    """A feature that the client does not have."""


def run(scenarios: Mapping[str, Scenario]) -> None:
    """Run the scenarios that were asked for, in the order of the table, and print what became of each."""
    asked = [name for name in os.environ.get("SCENARIOS", "").split(",") if name]
    with asyncio.Runner() as runner:  # one loop for all, because some clients keep connections for good
        for name, scenario in scenarios.items():
            if not asked or name in asked:
                _say(scenario=name, **_outcome(runner, scenario))
    for name in asked:
        if name not in scenarios:
            _say(scenario=name, skip="this program has no such scenario")


def _say(**members: Any) -> None:
    sys.stdout.write(f"{json.dumps(members)}\n")
    sys.stdout.flush()


def _outcome(runner: asyncio.Runner, scenario: Scenario) -> dict[str, Any]:
    try:
        runner.run(_within_time(scenario))
    except Skip as skip:
        return {"skip": str(skip)}
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)
        places = [f"{frame.name}:{frame.lineno}" for frame in last if frame.filename.endswith("main.py")]
        return {"ok": False, "error": f"{type(error).__name__}: {error} ({' > '.join(places)})"[:2000]}
    return {"ok": True}


async def _within_time(scenario: Scenario) -> None:
    """A scenario that is no coroutine runs in a thread, as a client's synchronous half wants it."""
    async with asyncio.timeout(SECONDS):
        if inspect.iscoroutinefunction(scenario):
            await scenario()
        else:
            await asyncio.to_thread(scenario)


def expect(holds: object, what: str) -> None:
    """Fail with what was found."""
    if not holds:
        raise AssertionError(what)


def expect_equal(found: object, wanted: object, what: str) -> None:
    """Both are the same."""
    expect(found == wanted, f"{what}: {found!r}, expected {wanted!r}")


async def rejection(awaitable: Awaitable[object]) -> Exception:
    """The error that comes instead of a result."""
    try:
        result = await awaitable
    except Exception as error:
        return error
    raise AssertionError(f"no error came, but {result!r}")


# --- what all programs ask for ----------------------------------------------------------------------------------------

GREETING = "Hello from the model."

DEGREES = {"Oslo": "4 degrees", "Bergen": "9 degrees"}

WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The city's name."}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


def weather(city: str) -> str:
    """What the tool returns; fails for a city that the model does not ask for."""
    expect(city in DEGREES, f"get_weather was called for {city!r}")
    return f"{city}: {DEGREES[city]}"


def expect_both_results(text: str) -> None:
    """The model has seen both results, in the order of its calls."""
    expect_equal(text.strip(), "get_weather said Oslo: 4 degrees. get_weather said Bergen: 9 degrees.", "the answer")


def expect_one_result(text: str) -> None:
    """The model has seen the result of its only call."""
    expect_equal(text.strip(), "get_weather said Oslo: 4 degrees.", "the answer")


CUSTOM_TOOL = {
    "name": "write_sql",
    "description": "Run one SQL statement.",
    "grammar": 'start: "SELECT " /[a-z*]+/ " FROM " /[a-z]+/\n',
}


def rows(statement: str) -> str:
    """What the custom tool returns for raw text."""
    expect_equal(statement, "SELECT name FROM users", "the input of write_sql")
    return "3 rows"


def expect_rows(text: str) -> None:
    """The model has seen the rows."""
    expect_equal(text.strip(), "write_sql said 3 rows.", "the answer")


def expect_report(city: object, temperature: object) -> None:
    """The structured answer has its form and its content."""
    expect_equal((city, temperature), ("Oslo", 4), "the report")


IMAGE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)
"""A PNG image of one red dot."""


def expect_seen(text: str) -> None:
    """The model was shown these bytes."""
    found = re.search(r"\b[0-9a-f]{16}\b", text)
    digest = hashlib.sha256(IMAGE).hexdigest()
    expect(found is not None and digest.startswith(found[0]), f"the image: {text!r}, expected a part of {digest}")
