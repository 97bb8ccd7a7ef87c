"""What a run of the real clients says of its cells."""

import sys
from typing import Final

from tests.clients.real import programs
from tests.clients.real.matrix import EVERY, Cell, is_good, lines
from tests.clients.real.programs import Result

CELL: Final = Cell("python/openai", "anthropic", "text")
FAILED: Final = Result("failed", "it broke")
OK: Final = Result("ok")


def program(code: str) -> list[str]:
    """A client program of one line."""
    return [sys.executable, "-c", code]


async def test_a_program_says_what_became_of_each_scenario() -> None:
    printed = (b'{"scenario": "text", "ok": true}', b"noise", b'{"scenario": "stream", "skip": "none"}')
    code = f"import sys; sys.stdout.buffer.writelines({[line + bytes([10]) for line in printed]!r})"
    found = await programs.run(program(code), ["text", "stream"], {})
    assert found == {"text": OK, "stream": Result("skipped", "none")}


async def test_what_a_program_says_nothing_of_has_failed() -> None:
    found = await programs.run(program("import sys; sys.exit('no such package')"), ["text"], {})
    assert found["text"].verdict == "failed"
    assert "ended with 1: no such package" in found["text"].reason


async def test_a_line_that_is_cut_says_nothing() -> None:
    found = await programs.run(program("""print('{"scenario": "text", "ok": tr')"""), ["text"], {})
    assert found["text"].verdict == "failed"


async def test_a_program_knows_its_settings_and_no_more() -> None:
    code = """import os, json; print(json.dumps({"scenario": "text", "ok": False, "error": str(sorted(os.environ))}))"""
    found = await programs.run(program(code), ["text"], {"MODEL": "gpt-5.5"})
    assert "'MODEL'" in found["text"].reason
    assert "PYTEST" not in found["text"].reason


def test_a_failure_is_good_only_as_a_known_gap() -> None:
    assert not is_good(CELL, FAILED, {})
    assert is_good(CELL, FAILED, {CELL: "not yet"})
    assert is_good(CELL, FAILED, {CELL._replace(client=EVERY): "not yet"})
    assert not is_good(CELL, FAILED, {CELL._replace(family="gemini"): "not yet"})


def test_a_gap_that_is_closed_is_not_good() -> None:
    assert is_good(CELL, OK, {})
    assert not is_good(CELL, OK, {CELL: "not yet"})
    assert not is_good(CELL, Result("skipped", "none"), {CELL: "not yet"})


def test_the_report_has_a_row_a_client_and_every_reason() -> None:
    results = {
        CELL: OK,
        CELL._replace(scenario="stream"): FAILED,
        CELL._replace(scenario="tools"): Result("skipped", "it has no tools"),
        CELL._replace(scenario="image"): FAILED,
    }
    gaps = {CELL._replace(client=EVERY, scenario="image"): "not yet"}
    report = [" ".join(line.split()) for line in lines(results, ["text", "stream", "tools", "image"], gaps)]
    assert report == [
        "",
        "anthropic text stream tools image",
        "python/openai ok FAILED - gap",
        "",
        "not there:",
        "tools: it has no tools (python/openai)",
        "",
        "known gaps:",
        "every client with anthropic, image: not yet",
        "",
        "failed:",
        "python/openai with anthropic, stream: it broke",
    ]
