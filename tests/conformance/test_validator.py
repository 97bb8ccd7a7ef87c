"""The validator accepts good streams and responses, names every damage, and agrees with recorded traffic."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.testing.grammar import RULES, check_events, check_response, check_stream
from proxy.testing.grammar.events import EVENTS
from proxy.testing.grammar.rules import NATIVE_TOLERATED, Violation
from proxy.testing.grammar.sse import parse

from .builder import encode
from .damages import BODY_DAMAGES, EVENT_DAMAGES
from .good_streams import RESPONSES, STREAMS
from .response_damages import RESPONSE_DAMAGES

DAMAGES = {**EVENT_DAMAGES, **BODY_DAMAGES, **RESPONSE_DAMAGES}


def broken(violations: list[Violation]) -> set[str]:
    return {violation.rule for violation in violations}


# good streams and responses


@pytest.mark.parametrize("name", STREAMS)
def test_good_stream_has_no_violation(name: str) -> None:
    assert check_stream(encode(STREAMS[name]())) == []


@pytest.mark.parametrize("name", RESPONSES)
def test_good_response_has_no_violation(name: str) -> None:
    assert check_response(RESPONSES[name]()) == []


def test_comments_between_events_are_allowed() -> None:
    body = encode(STREAMS["text"]())
    body = b": open\n\n" + body.replace(b"event: response.completed", b": ping\n: ping\nevent: response.completed")
    assert check_stream(body) == []
    assert [frame.comments for frame in parse(body) if frame.comments] == [("open",), ("ping", "ping")]


def test_line_separators_inside_json_end_no_line() -> None:
    events = STREAMS["text"]()
    body = b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode() for event in events
    )
    assert check_stream(body.replace(b"Hel", "a\u2028\u0085b".encode()) + b"data: [DONE]\n\n") == []


def test_overlapping_items_are_allowed_on_request() -> None:
    events = STREAMS["two calls"]()
    EVENT_DAMAGES["items overlap"][1](events)
    assert broken(check_events(events)) == {"item-overlap"}
    assert check_events(events, overlap=True) == []


def test_encrypted_content_and_rounded_logprobs_may_differ_in_the_terminal_response() -> None:
    events = STREAMS["reasoning"]()
    events[-1]["response"]["output"][0]["encrypted_content"] = "xyz"
    content = [events[-2]["item"]["content"][0], events[-1]["response"]["output"][1]["content"][0]]
    for part, number in zip(content, (-0.0624313, -0.0624), strict=True):
        part["logprobs"] = [{"token": "Hi", "logprob": number, "bytes": [72, 105], "top_logprobs": []}]
    assert check_events(events) == []
    content[1]["logprobs"][0]["token"] = "Ho"
    assert broken(check_events(events)) == {"terminal-output"}


# damaged streams and responses


@pytest.mark.parametrize("name", EVENT_DAMAGES)
def test_damaged_events_break_exactly_the_named_rules(name: str) -> None:
    good, damage, rules = EVENT_DAMAGES[name]
    events = STREAMS[good]()
    damage(events)
    assert broken(check_events(events)) == rules


@pytest.mark.parametrize("name", BODY_DAMAGES)
def test_damaged_body_breaks_exactly_the_named_rules(name: str) -> None:
    good, damage, rules = BODY_DAMAGES[name]
    assert broken(check_stream(damage(encode(STREAMS[good]())))) == rules


@pytest.mark.parametrize("name", RESPONSE_DAMAGES)
def test_damaged_response_breaks_exactly_the_named_rules(name: str) -> None:
    good, damage, rules = RESPONSE_DAMAGES[name]
    response = RESPONSES[good]()
    damage(response)
    assert broken(check_response(response)) == rules


def test_every_rule_is_covered_by_a_damage() -> None:
    assert set().union(*(rules for _, _, rules in DAMAGES.values())) == set(RULES)


def test_every_event_of_the_table_loses_no_member_unseen() -> None:
    seen = set[str]()
    for build in STREAMS.values():
        for index, event in enumerate(build()):
            for member in EVENTS[event["type"]].members if event["type"] not in seen else ():
                events = build()
                del events[index][member]
                assert "member-missing" in broken(check_events(events)), (event["type"], member)
            seen.add(event["type"])
    assert "response.output_text.delta" in seen


@pytest.mark.parametrize("name", EVENT_DAMAGES)
def test_native_streams_are_excused_from_the_tolerated_rules_only(name: str) -> None:
    good, damage, rules = EVENT_DAMAGES[name]
    events = STREAMS[good]()
    damage(events)
    assert broken(check_events(events, native=True)) == rules - NATIVE_TOLERATED


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of every value inside a JSON value."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from paths_in(inner, (*path, key))


@pytest.mark.parametrize("value", [None, [], {}, 7, -1, ["a"], {"type": []}])
@pytest.mark.parametrize("name", ["web search", "reasoning", "raw reasoning", "mcp", "shell", "failed"])
def test_any_value_in_any_place_is_judged_without_an_exception(name: str, value: Any) -> None:
    events = STREAMS[name]()
    for index in {event["type"]: index for index, event in enumerate(events)}.values():
        for path in paths_in(events[index]):
            damaged = [*events[:index], copy.deepcopy(events[index]), *events[index + 1 :]]
            target: Any = damaged[index]
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = value
            check_events(damaged)


# recorded traffic


def recordings(*, stream: bool) -> list[Any]:
    """Give the recorded answers of OpenAI, or one skipped case when there is no corpus."""
    corpus = os.environ.get("DRAGOMAN_CORPUS")
    if not corpus:
        return [pytest.param(None, marks=pytest.mark.skip(reason="DRAGOMAN_CORPUS names no folder of recordings"))]
    found = []
    for path in sorted(Path(corpus, "openai_responses").glob("*.json")):
        recording = json.loads(path.read_text())
        # Other servers that speak the protocol are recorded among OpenAI's own answers.
        if recording["status"] != 200 or "openai_compatible" in recording["source"]:
            continue
        body = recording["response_body"]
        if stream:
            wanted = recording["stream"] and recording["response_body_kind"] == "text"
        else:
            wanted = isinstance(body, dict) and body.get("object") == "response"
        if wanted:
            found.append(pytest.param(recording, id=path.stem))
    return found


@pytest.mark.parametrize("recording", recordings(stream=True))
def test_recorded_stream_of_openai_keeps_the_rules(recording: dict[str, Any]) -> None:
    violations = check_stream(recording["response_body"].encode(), overlap=True, native=True)
    # Deltas were removed from some recordings of this kind to shorten them.
    shortened = {"text-done"} if recording["fidelity"] == "chunks_only" else set[str]()
    assert broken(violations) <= shortened, "\n".join(map(str, violations))


@pytest.mark.parametrize("recording", recordings(stream=False))
def test_recorded_response_of_openai_keeps_the_rules(recording: dict[str, Any]) -> None:
    assert check_response(recording["response_body"], native=True) == []
