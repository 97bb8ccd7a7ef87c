"""A stream that breaks off before the vendor said that it is over never becomes a completed response."""

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from providers.openai_chat.dialects import DIALECTS
from proxy.provider.contract import Provider
from proxy.testing.grammar import check_stream

from .frames import finish_signal, frame_ends
from .recordings import CORPUS, Recording, answers, as_parameters, sampled, tell
from .replay import Replay, provider_of, provider_with, replay

TERMINAL = ("response.completed", "response.incomplete", "response.failed")

MOST = 150
"""How many cuts of one recording are played unless all are asked for."""


def may_lack_its_end(recording: Recording) -> bool:
    """Whether the dialect's servers are known to leave out the finish signal: then an answer without one counts."""
    return recording.family == "openai_chat" and DIALECTS[recording.dialect].finish_optional


STREAMS = as_parameters(answers(stream=True), lambda recording: recording.id, CORPUS)
CHAT_STREAMS = as_parameters(
    [recording for recording in answers(stream=True) if recording.family == "openai_chat"],
    lambda recording: recording.id,
    CORPUS,
)

counted = Counter[str]()


@cache
def cuts(recording: Recording) -> tuple[int, ...]:
    """Where the recording is cut: at the frames' ends before the finish signal, and in the middle of each frame, that
    of the signal included."""
    last = finish_signal(recording)
    boundaries = [0, *(end for end in frame_ends(recording) if end <= last)]
    ends = frame_ends(recording)
    middles = [(start + end) // 2 for start, end in zip([0, *ends], ends, strict=False) if start <= last]
    chosen = sampled(sorted({*boundaries, *middles}), MOST)
    counted["cuts possible"] += len({*boundaries, *middles})
    counted["cuts played"] += len(chosen)
    return tuple(chosen)


def cut_replays(recording: Recording, provider: Provider) -> list[Replay]:
    return [replay(recording, body=recording.body[:cut], provider=provider) for cut in cuts(recording)]


def strict_reader(recording: Recording) -> Provider:
    """The recording's provider, its dialect without the leave to end as it likes."""
    if recording.family != "openai_chat":
        return provider_of(recording)
    return provider_with(replace(DIALECTS[recording.dialect], finish_optional=False))


def lenient_reader(recording: Recording) -> Provider:
    """The recording's provider, its dialect with the leave to end as it likes."""
    if recording.family != "openai_chat":
        return provider_of(recording)
    return provider_with(replace(DIALECTS[recording.dialect], finish_optional=True))


def terminals(played: Replay) -> list[str]:
    return [event["type"] for event in played.events if event["type"] in TERMINAL]


@pytest.mark.parametrize("recording", STREAMS)
def test_cut_stream_fails(recording: Recording) -> None:
    for played in cut_replays(recording, strict_reader(recording)):
        assert terminals(played) == ["response.failed"]
        assert played.response["status"] == "failed"
        assert played.error is not None


@pytest.mark.parametrize("recording", STREAMS)
def test_cut_stream_is_a_legal_stream(recording: Recording) -> None:
    for played in cut_replays(recording, strict_reader(recording)):
        assert check_stream(played.body) == []


@pytest.mark.parametrize("recording", STREAMS)
def test_cut_before_any_output_can_still_be_an_http_error(recording: Recording) -> None:
    for played in cut_replays(recording, strict_reader(recording)):
        assert played.before_output is (played.response["output"] == [])


@pytest.mark.parametrize("recording", STREAMS)
def test_cut_call_is_not_offered_as_complete(recording: Recording) -> None:
    for provider in (strict_reader(recording), lenient_reader(recording)):
        for played in cut_replays(recording, provider):
            for item in played.response["output"]:
                if item["type"] == "function_call" and item["status"] == "completed":
                    assert isinstance(json.loads(item["arguments"]), dict)


@pytest.mark.parametrize("recording", CHAT_STREAMS)
def test_stream_whose_end_may_be_missing_still_ends_once(recording: Recording) -> None:
    for played in cut_replays(recording, lenient_reader(recording)):
        assert len(terminals(played)) == 1
        assert check_stream(played.body) == []
        if played.response["output"] == []:
            assert terminals(played) == ["response.failed"]


def test_only_servers_known_for_it_may_leave_out_the_end() -> None:
    excepted = Counter(recording.folder for recording in answers(stream=True) if may_lack_its_end(recording))
    tell(f"the finish signal may be missing, so that any whole output counts: {dict(excepted) or 'none'}")
    assert excepted.keys().isdisjoint({"openai_chat", "llamacpp_openai_chat"})
    assert {name for name, dialect in DIALECTS.items() if not dialect.finish_optional} >= {
        "openai",
        "vllm",
        "llama_cpp",
    }


@pytest.mark.skipif(not answers(stream=True), reason=f"no recordings: {CORPUS} not set")
def test_cuts_are_sampled_evenly() -> None:
    counts: dict[str, Any] = {recording.id: len(cuts(recording)) for recording in answers(stream=True)}
    tell(f"{len(counts)} streams, {dict(counted)}")
    # A whole answer in one frame can be cut in front of it and within it.
    assert min(counts.values()) >= 2
