"""What waits for an open item comes in order, item by item, and whole."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.responses.assembler import Assembler
from proxy.responses.events import CallArguments, CallClosed, CallOpened, Event, Text
from proxy.responses.request import parse_create
from proxy.responses.response import opening
from tests.fuzz.scale import tries


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[Event], list[tuple[str, str]]]:
    """Several calls whose events are mixed, and what they are: each call's events stay in order."""
    calls = [(f"f{number}", "{" + draw(st.text(" ", max_size=2)) + "}") for number in range(draw(st.integers(1, 6)))]
    rows: list[list[Event]] = [
        [
            CallOpened(number, name, f"call_{number}"),
            *(CallArguments(number, letter) for letter in arguments),
            *([CallClosed(number)] if draw(st.booleans()) else []),
        ]
        for number, (name, arguments) in enumerate(calls)
    ]
    events: list[Event] = [row.pop(0) for row in rows]
    while any(rows):
        row = draw(st.sampled_from([row for row in rows if row]))
        events.append(row.pop(0))
    return events, calls


@tries(150)
@given(mixed=interleaved(), words=st.lists(st.integers(0, 20), max_size=3))
def test_mixed_calls_come_one_after_the_other(
    mixed: tuple[list[Event], list[tuple[str, str]]], words: list[int]
) -> None:
    events, calls = mixed
    for place in words:
        events.insert(1 + min(place, len(events) - 1), Text("t", "a"))
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x"})))
    assembler.begin()
    assembler.feed(events)
    assembler.settle(completed=True)
    made = [(item["name"], item["arguments"]) for item in assembler.output if item["type"] == "function_call"]
    assert made == calls
    said = [part for item in assembler.output if item["type"] == "message" for part in _parts(item["content"])]
    assert "".join(said) == "a" * len(words)


def _parts(content: object) -> list[str]:
    assert isinstance(content, list)
    return [part["text"] for part in content]
