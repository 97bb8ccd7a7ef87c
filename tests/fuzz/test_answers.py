"""Whatever a vendor answers, a reader gives events, and the client gets a legal answer with one end."""

from functools import cache
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.provider.contract import Frame
from proxy.testing.answers import breaches, is_native, raised
from proxy.testing.cutting import TERMINAL
from proxy.testing.damage import CITED, VENDORS_OWN
from proxy.testing.frames import frames_of, is_streamed, stream_of
from proxy.testing.replay import Played, framing_of, play
from tests.fuzz.damage import (
    damaged_bytes,
    damaged_frames,
    damaged_json,
    one_line,
    parsed,
    plausible,
    vocabulary,
    written,
)
from tests.fuzz.scale import tries
from tests.fuzz.sources import NAMES, Source, sources

TOLERATED: tuple[str, ...] = (*VENDORS_OWN, "item-incomplete")
"""What vendors may do: several items may be half, of calls that were mixed and cut. None is, in a complete answer."""


class Said(NamedTuple):
    """What a vendor is known to say: its frames' names, and strategies for JSON in its words."""

    events: list[str]
    values: st.SearchStrategy[object]


@cache
def said(name: str) -> Said:
    events, datas = set[str](), []
    for provider, exchange in sources(name):
        if is_streamed(framing := framing_of(provider, exchange), exchange):
            for _, frame in frames_of(framing, exchange.answer):
                events.add(frame.event)
                datas.append(frame.data)
        else:
            datas.append(exchange.answer)
    names, words = vocabulary(datas)
    examples = [value for data in datas if (value := parsed(data)) is not None and len(data) < 2000]
    return Said(sorted(events) or [""], plausible(names, words, examples))


def answered(source: Source, body: bytes, *, stream: bool) -> Played:
    """What the client gets of the body, which has one end and keeps the rules."""
    played = play(source.provider, source.exchange, stream=stream, answer=body)
    but = (*TOLERATED, *(CITED if is_native(played) else ()))
    found = [*raised("fuzz", source.exchange.id, played), *breaches("fuzz", source.exchange.id, played, but=but)]
    assert found == []
    if played.response["status"] == "completed":
        assert all(item.get("status") != "incomplete" for item in played.response["output"])
    if stream:
        assert [event["type"] in TERMINAL for event in played.events].count(True) == 1
        *framed, done, after = played.body.split(b"\n\n")
        assert (done, after) == (b"data: [DONE]", b"")
        assert [each.partition(b"\n")[0] for each in framed] == [
            f"event: {event['type']}".encode() for event in played.events
        ]
    return played


@pytest.mark.parametrize("name", NAMES)
@tries(80)
@given(data=st.data())
def test_a_damaged_answer(name: str, data: Any) -> None:
    source = data.draw(st.sampled_from(sources(name)))
    exchange = source.exchange
    if is_streamed(framing := framing_of(*source), exchange):
        body = data.draw(damaged_frames(framing, exchange.answer))
    else:
        body = data.draw(damaged_json(exchange.answer))
    answered(source, body, stream=data.draw(st.booleans()))


@pytest.mark.parametrize("name", NAMES)
@tries(60)
@given(data=st.data())
def test_any_json_in_a_stream(name: str, data: Any) -> None:
    source = data.draw(st.sampled_from([each for each in sources(name) if each.exchange.stream]))
    known = said(name)
    names = st.sampled_from([*known.events, "", "error"])
    frames = st.lists(st.builds(Frame, names, known.values.map(written).map(one_line)), max_size=5)
    answered(source, stream_of(framing_of(*source), data.draw(frames)), stream=data.draw(st.booleans()))


@pytest.mark.parametrize("name", NAMES)
@tries(40)
@given(data=st.data())
def test_any_json_as_a_whole_answer(name: str, data: Any) -> None:
    source = data.draw(st.sampled_from([each for each in sources(name) if not each.exchange.stream]))
    answered(source, data.draw(said(name).values.map(written)), stream=data.draw(st.booleans()))


@pytest.mark.parametrize("name", NAMES)
@tries(20)
@given(data=st.data())
def test_any_bytes(name: str, data: Any) -> None:
    source = data.draw(st.sampled_from(sources(name)))
    body = data.draw(damaged_bytes(source.exchange.answer) | st.binary(max_size=60))
    answered(source, body, stream=data.draw(st.booleans()))
