"""Every recorded answer can be streamed once more, from what a store keeps of it."""

import orjson
import pytest

from proxy.responses import sse
from proxy.responses.replay import replay as stream_again
from proxy.responses.replay import sequence_length

from .recordings import CORPUS, Recording, answers, as_parameters
from .replay import Replay, replay

STREAMS = as_parameters(answers(stream=True), lambda recording: recording.id, CORPUS)
WHOLE = as_parameters(answers(stream=False), lambda recording: recording.id, CORPUS)


def _again(played: Replay, after: int = -1) -> bytes:
    assert played.made.journal is not None
    response = orjson.loads(played.made.response)
    return sse.frame(stream_again(response, played.made.journal, after=after)) + sse.DONE


@pytest.mark.parametrize("recording", [*STREAMS, *WHOLE])
def test_the_stream_is_the_same_a_second_time(recording: Recording) -> None:
    played = replay(recording, stream=True)
    assert _again(played) == played.made.body
    assert played.made.journal is not None
    assert sequence_length(played.made.journal) == len(played.events)


@pytest.mark.parametrize("recording", STREAMS)
def test_the_stream_goes_on_after_any_event(recording: Recording) -> None:
    played = replay(recording, stream=True)
    events = [piece + b"\n\n" for piece in played.made.body.split(b"\n\n")[:-1]]
    steps = max(1, len(events) // 50)
    for after in range(-1, len(events), steps):
        assert _again(played, after) == b"".join(events[after + 1 : -1]) + sse.DONE


@pytest.mark.parametrize("recording", WHOLE)
def test_a_plain_answer_has_no_journal(recording: Recording) -> None:
    assert replay(recording, stream=False).made.journal is None
