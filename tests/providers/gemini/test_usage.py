"""Token counts: what the vendor's numbers add up to."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.responses.events import Usage
from proxy.responses.usage import UsageTally
from tests.providers.gemini.answers import chunk, said, stop, streamed, whole


def counts(
    P: Any = None,  # noqa: N803 - the letters of the vendor's arithmetic
    C: Any = None,  # noqa: N803 - as above
    U: Any = None,  # noqa: N803 - as above
    T: Any = None,  # noqa: N803 - as above
    K: Any = None,  # noqa: N803 - as above
    total: Any = None,
) -> dict[str, Any]:
    named = {
        "promptTokenCount": P,
        "candidatesTokenCount": C,
        "toolUsePromptTokenCount": U,
        "thoughtsTokenCount": T,
        "cachedContentTokenCount": K,
        "totalTokenCount": total,
    }
    return {name: value for name, value in named.items() if value is not None}


def last_usage(*reports: Any) -> Usage | None:
    events = streamed(*(chunk(said("A"), usage=report) for report in reports), stop())
    return next((event for event in reversed(events) if isinstance(event, Usage)), None)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (counts(P=500, C=120, U=300, T=10, total=930), Usage(800, output_tokens=130, reasoning_tokens=10)),
        (counts(P=50, C=20, T=30, total=100), Usage(50, output_tokens=50, reasoning_tokens=30)),
        (counts(P=10, C=5, total=15), Usage(10, output_tokens=5)),
        (counts(P=100, C=5, K=90, total=105), Usage(100, 90, output_tokens=5)),
        # The thoughts are part of the candidates' tokens.
        (counts(P=10, C=50, T=30, total=60), Usage(10, output_tokens=50, reasoning_tokens=30)),
        (counts(P=10, C=50, U=5, T=30, total=65), Usage(15, output_tokens=50, reasoning_tokens=30)),
        (counts(P=10, C=50, U=5, T=30, total=60), Usage(15, output_tokens=80, reasoning_tokens=30)),
        (counts(P=10, C=20, T=30, total=30), Usage(10, output_tokens=20, reasoning_tokens=20)),
        # A number that is zero is left out.
        (counts(P=15, T=2, total=17), Usage(15, output_tokens=2, reasoning_tokens=2)),
        (counts(P=15, T=2), Usage(15, output_tokens=2, reasoning_tokens=2)),
        (counts(P=7, total=7), Usage(7, output_tokens=0)),
        (counts(P=7, total=9), Usage(7, output_tokens=2)),
        (counts(P=7, C=0, T=0, total=7), Usage(7, output_tokens=0, reasoning_tokens=0)),
        # But no prompt has none.
        (counts(C=18, T=58), Usage(output_tokens=76, reasoning_tokens=58)),
        (counts(C=18, T=58, total=80), Usage(4, output_tokens=76, reasoning_tokens=58)),
        (counts(C=18, U=3, T=58, total=80), Usage(4, output_tokens=76, reasoning_tokens=58)),
        (counts(C=18, total=18), Usage(output_tokens=18)),
        # What is not said stays unknown.
        (counts(P=7), Usage(7)),
        (counts(total=9), Usage()),
        (counts(P=None, C="5", T=True, U=-1, K=2.0), Usage(cached_tokens=2)),
        (counts(P=2**60, C=1), Usage(output_tokens=1)),
        ({"trafficType": "ON_DEMAND"}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_arithmetic(report: Any, expected: Usage | None) -> None:
    events = whole(stop(said("A"), usage=report) if report is not None else stop(said("A")))
    assert next((event for event in events if isinstance(event, Usage)), None) == expected
    if report is not None:
        assert last_usage(report) == expected


def test_the_highest_number_of_a_stream_counts() -> None:
    reports = [
        counts(P=46, C=13, T=38, total=97),
        counts(P=258, C=44, U=1479, T=250, K=20, total=2031),
        counts(P=258, C=44, total=302),
    ]
    assert last_usage(*reports) == Usage(1737, 20, output_tokens=294, reasoning_tokens=250)


def test_numbers_are_told_when_they_change() -> None:
    report = counts(P=5, C=1, total=6)
    events = streamed(*(chunk(said("A"), usage=report) for _ in range(3)), stop(usage=counts(P=5, C=2, total=7)))
    assert [event for event in events if isinstance(event, Usage)] == [
        Usage(5, output_tokens=1),
        Usage(5, output_tokens=2),
    ]


NUMBERS = st.none() | st.integers(0, 2000)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.lists(st.builds(counts, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=4))
def test_numbers_never_contradict_each_other(reports: list[dict[str, Any]]) -> None:
    tally = UsageTally()
    for event in streamed(*(chunk(said("A"), usage=report) for report in reports), stop()):
        if isinstance(event, Usage):
            assert (event.reasoning_tokens or 0) <= (event.output_tokens or 0)
            tally.replace(event)
    highest = {name: max(report.get(name, 0) for report in reports) for name in counts(*[0] * 6)}
    total = tally.total()
    if any("promptTokenCount" in report for report in reports):
        assert total.input_tokens == highest["promptTokenCount"] + highest["toolUsePromptTokenCount"]
    assert total.cached_tokens <= total.input_tokens


# --- sound, pictures and searches -------------------------------------------------------------------------------------


def details(name: str, **tokens: int) -> dict[str, Any]:
    return {name: [{"modality": modality, "tokenCount": number} for modality, number in tokens.items()]}


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (
            counts(P=100, C=5, total=105) | details("promptTokensDetails", TEXT=40, AUDIO=60),
            Usage(100, output_tokens=5, input_audio_tokens=60),
        ),
        (
            counts(P=100, C=5, U=50, total=155)
            | details("promptTokensDetails", AUDIO=60)
            | details("toolUsePromptTokensDetails", AUDIO=7, TEXT=43),
            Usage(150, output_tokens=5, input_audio_tokens=67),
        ),
        (
            counts(P=100, C=5, K=90, total=105)
            | details("cacheTokensDetails", AUDIO=30, VIDEO=60)
            | details("promptTokensDetails", AUDIO=32),
            Usage(100, 90, output_tokens=5, input_audio_tokens=32, cached_audio_tokens=30),
        ),
        (
            counts(P=9, C=1310, total=1319) | details("candidatesTokensDetails", IMAGE=1290, AUDIO=8, TEXT=12),
            Usage(9, output_tokens=1310, output_audio_tokens=8, output_image_tokens=1290),
        ),
        (
            counts(P=9, C=5, total=14)
            | {"promptTokensDetails": [{"modality": 4, "tokenCount": 6}, {"modality": 1, "tokenCount": 3}]},
            Usage(9, output_tokens=5, input_audio_tokens=6),
        ),
        (
            counts(P=9, C=5, total=14)
            | {"promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}, {"modality": "audio", "tokenCount": 3}]},
            Usage(9, output_tokens=5, input_audio_tokens=5),
        ),
        (
            counts(P=9, C=5, total=14)
            | {"promptTokensDetails": [None, {"modality": []}, {"modality": True, "tokenCount": 9}, {"tokenCount": 2}]}
            | {"cacheTokensDetails": "AUDIO", "candidatesTokensDetails": {"modality": "AUDIO"}},
            Usage(9, output_tokens=5),
        ),
    ],
)
def test_modalities(report: Any, expected: Usage) -> None:
    assert next(event for event in whole(stop(said("A"), usage=report)) if isinstance(event, Usage)) == expected
    assert last_usage(report, report) == expected


QUERIES: dict[str, Any] = {"groundingMetadata": {"webSearchQueries": ["a", "", "b", "a"], "imageSearchQueries": ["c"]}}


def searches(events: Any) -> list[int]:
    return [event.web_searches for event in events if isinstance(event, Usage) and event.web_searches is not None]


def test_each_different_query_is_a_search() -> None:
    assert searches(whole(stop(said("A"), **QUERIES))) == [3]
    assert searches(streamed(chunk(said("A"), **QUERIES), chunk(said("B")), stop(**QUERIES))) == [3]
    assert searches(whole(stop(said("A"), groundingMetadata={"webSearchQueries": [""]}))) == []


def test_a_call_of_the_search_tool_is_a_search() -> None:
    def asked(*queries: str, tool: Any = "GOOGLE_SEARCH_WEB") -> dict[str, Any]:
        return {"toolCall": {"toolType": tool, "id": "t", "args": {"queries": list(queries)}}}

    assert searches(streamed(chunk(asked("a", "b")), chunk(asked("c")), stop(said("A")))) == [2, 3]
    assert searches(streamed(chunk(asked("a", "b")), stop(said("A"), **QUERIES))) == [2, 3]
    assert searches(streamed(chunk(asked("a", tool="FILE_SEARCH"), asked("a", tool=["x"])), stop(said("A")))) == []


def test_searches_of_an_answer_that_is_cut_are_counted() -> None:
    assert searches(streamed(chunk(said("A"), **QUERIES))) == [3]


def test_details_that_grow_are_told() -> None:
    reports = [counts(P=100, C=5, total=105) | details("promptTokensDetails", AUDIO=number) for number in (6, 6, 8, 7)]
    events = streamed(*(chunk(said("A"), usage=report) for report in reports), stop())
    assert [event.input_audio_tokens for event in events if isinstance(event, Usage)] == [6, 8]
