"""Validate Responses objects and streams against the rules of the Responses reference (sections 5, 7, 8 and 11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from proxy.testing.grammar.response import check_response_object
from proxy.testing.grammar.rules import RULES, Report, Violation
from proxy.testing.grammar.sse import Frame, decode, parse
from proxy.testing.grammar.stream import StreamChecker

__all__ = ["RULES", "Violation", "check_events", "check_response", "check_stream"]


def check_stream(body: bytes, *, overlap: bool = False, native: bool = False) -> list[Violation]:
    """Check the whole body of a streamed answer: framing (11.1), events and lifecycle (11.2 to 11.5).

    With `overlap` several items may be open at once, as in OpenAI's own streams (11.3); with `native` the ways in
    which OpenAI itself departs from the rules are tolerated (`NATIVE_TOLERATED`).
    """
    report = Report()
    checker = StreamChecker(report, overlap=overlap)
    done = False
    for number, frame in enumerate(parse(body)):
        report.violations.extend(frame.violations)
        if done:
            report.add("done-last", f"frame {number}", "a frame after [DONE]")
        if frame.is_done:
            done = True
        elif frame.data is not None:
            _feed(checker, report, frame, f"frame {number}")
    checker.finish()
    if not done:
        report.add("done-missing", "end", "the body ends without [DONE]")
    return report.result(native=native)


def check_events(
    events: Iterable[Mapping[str, Any]], *, overlap: bool = False, native: bool = False
) -> list[Violation]:
    """Check decoded events from the first to the last, from any transport (sections 11.2 to 11.5).

    A resumed stream is checked together with what came before it, as one counter runs through both (11.2).
    """
    report = Report()
    checker = StreamChecker(report, overlap=overlap)
    for event in events:
        checker.feed(event)
    checker.finish()
    return report.result(native=native)


def check_response(response: Mapping[str, Any], *, native: bool = False) -> list[Violation]:
    """Check a response object of any status: members, status, usage, items (sections 5, 7 and 8)."""
    report = Report()
    check_response_object(response, "response", report)
    return report.result(native=native)


def _feed(checker: StreamChecker, report: Report, frame: Frame, at: str) -> None:
    event = decode(frame)
    if event is None:
        report.add("frame-json", at, f"data is {frame.data!r:.80}")
        return
    if frame.event is not None and frame.event != event.get("type"):
        report.add("event-name", at, f"{frame.event} instead of {event.get('type')}")
    checker.feed(event)
