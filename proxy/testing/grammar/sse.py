"""A reader of server-sent events that reports every deviation from the framing of the Responses API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from proxy.testing.grammar.rules import Report, Violation

DONE: Final = "[DONE]"


@dataclass(frozen=True, slots=True)
class Frame:
    """One block of lines up to an empty line, with the violations of the framing found in it (section 11.1)."""

    event: str | None
    data: str | None
    comments: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether this is the end mark `data: [DONE]`."""
        return self.data == DONE


def parse(body: bytes) -> list[Frame]:
    """Split a whole body into frames; violations of section 11.1 are values in the frames, never exceptions."""
    report = Report()
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        report.add("utf8", f"byte {error.start}", error.reason)
        text = body.decode(errors="replace")
    if "\r" in text:
        report.add("line-ending", f"line {text[: text.index(chr(13))].count(chr(10)) + 1}", "carriage return")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    frames = [_frame(number, lines, ended=ended) for number, lines, ended in _blocks(text)]
    if report.violations:
        frames.insert(0, Frame(None, None, violations=tuple(report.violations)))
    return frames


def decode(frame: Frame) -> dict[str, Any] | None:
    """Give the JSON object in the data of a frame, or None when it holds no such thing."""
    if frame.data is None:
        return None
    try:
        value = json.loads(frame.data, parse_constant=_refuse_constant)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _refuse_constant(name: str) -> None:
    # Python reads NaN and Infinity, which JSON does not have.
    raise ValueError(name)


def _blocks(text: str) -> Iterator[tuple[int, list[str], bool]]:
    """Yield the number of the first line, the lines, and whether an empty line ended the block."""
    # Only LF separates lines: U+2028 and its kind may stand inside a JSON string.
    lines = text.split("\n")
    tail = lines.pop()
    first, block = 1, list[str]()
    for number, line in enumerate(lines, start=1):
        if line:
            block.append(line)
        else:
            yield first, block, True
            first, block = number + 1, []
    if tail:
        block.append(tail)
    if block:
        yield first, block, False


def _frame(number: int, lines: list[str], *, ended: bool) -> Frame:
    report, at = Report(), f"line {number}"
    comments = tuple(line[1:].strip() for line in lines if line.startswith(":"))
    fields = [line for line in lines if not line.startswith(":")]
    values: dict[str, list[str]] = {"event": [], "data": []}
    for line in fields:
        name, separator, value = line.partition(": ")
        if separator and name in values:
            values[name].append(value)
        else:
            report.add("frame-field", at, f"{line!r:.80}")
    names = [line.partition(":")[0] for line in fields]
    if not ended:
        report.add("frame-unterminated", at, "the body ends inside a frame")
    if DONE in values["data"]:
        if names != ["data"]:
            report.add("done-form", at, f"lines {names}")
    elif (fields or not comments) and names != ["event", "data"] and not report.violations:
        report.add("frame-lines", at, f"lines {names}")
    elif fields and any(line.startswith(":") for line in lines[lines.index(fields[0]) :]):
        report.add("frame-lines", at, "a comment inside an event")
    event = values["event"][0] if values["event"] else None
    data = "\n".join(values["data"]) if values["data"] else None
    return Frame(event, data, comments, tuple(report.violations))
