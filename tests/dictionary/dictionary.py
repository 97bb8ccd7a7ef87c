"""A dictionary: each entry is a Responses request, and beside it what each provider makes of it.

An entry is one JSON file in `entries`: `about` and `request` are written by hand, `vendors` by `python -m
tests.dictionary`. A test holds every entry to what the code makes today, so a change of the mapping shows as a change
of these files.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from tests.corpus.targets import Declined, Destination, translate

ENTRIES: Final = Path(__file__).parent / "entries"

VENDORS: Final = (
    Destination("openai_chat", "gpt-5.6-sol", "openai"),
    Destination("openai_chat", "deepseek-v4-pro", "deepseek"),
    Destination("openai_chat", "qwen3", "generic"),
    Destination("anthropic", "claude-opus-5"),
    Destination("gemini", "gemini-3.5-flash"),
)

_FORM: Final = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def completed(entry: Mapping[str, Any]) -> bytes:
    """The entry's file, with what each vendor is sent now."""
    vendors = {destination.id: _made(entry["request"], destination) for destination in VENDORS}
    return orjson.dumps({"about": entry["about"], "request": entry["request"], "vendors": vendors}, option=_FORM)


def _made(request: Mapping[str, Any], destination: Destination) -> dict[str, Any]:
    made = translate({"model": "M", **request}, destination)
    if isinstance(made, Declined):
        return {"refused": {"status": made.status, "param": made.param, "message": made.message}}
    entry: dict[str, Any] = {"path": made.call.path}
    if made.call.headers:
        entry["headers"] = dict(made.call.headers)
    entry["body"] = made.body
    if made.conversions:
        entry["report"] = [f"{one.path}: {one.disposition}: {one.reason}" for one in made.conversions]
    return entry
