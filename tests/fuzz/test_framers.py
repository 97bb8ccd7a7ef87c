"""Framers: any bytes, cut anywhere, are the same frames or the same complaint, and what is kept of them is bounded."""

from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.provider.contract import Frame, Framing
from proxy.testing.frames import stream_of
from proxy.upstream import framers
from proxy.upstream.framers import FRAMERS, FrameDamagedError, FrameTooLargeError
from tests.fuzz.damage import damaged_bytes
from tests.fuzz.scale import tries

FRAMINGS: tuple[Framing, ...] = get_args(Framing)

ALPHABETS: dict[Framing, str] = {
    "sse": "da:t \n\r\ufeffev{[",
    "ndjson": '{}"a: \n\r\t[',
    "aws_event_stream": "\x00\x01\x07\x10\xff",
}
NAMES = st.sampled_from(["", "a", "error"])
DATA = st.text('{}[]"a: é', max_size=12).map(str.encode)


@st.composite
def bodies(draw: st.DrawFn, framing: Framing) -> bytes:
    """Whole streams, damaged ones, and bytes that mean something to the framer."""
    whole = stream_of(framing, draw(st.lists(st.builds(Frame, NAMES, DATA), max_size=5)))
    return draw(
        st.just(whole)
        | damaged_bytes(whole)
        | st.binary(max_size=60)
        | st.text(ALPHABETS[framing], max_size=60).map(str.encode)
    )


def read(framing: Framing, pieces: Sequence[bytes]) -> list[Frame] | type[Exception]:
    """The frames of the pieces, or what the framer complains of."""
    framer = FRAMERS[framing]()
    try:
        return [*(frame for piece in pieces for frame in framer.feed(piece)), *framer.end()]
    except (FrameDamagedError, FrameTooLargeError) as complaint:
        return type(complaint)


@pytest.mark.parametrize("framing", FRAMINGS)
@tries(200)
@given(data=st.data())
def test_no_cut_changes_what_is_read(framing: Framing, data: st.DataObject) -> None:
    body = data.draw(bodies(framing))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert read(framing, pieces) == read(framing, [body])
    assert read(framing, [body[place : place + 1] for place in range(len(body))]) == read(framing, [body])


@pytest.mark.parametrize("framing", FRAMINGS)
@tries(60)
@given(data=st.data())
def test_what_is_kept_is_bounded(framing: Framing, data: st.DataObject) -> None:
    pieces = data.draw(st.lists(st.text(ALPHABETS[framing], max_size=40).map(str.encode), max_size=60))
    framer, most = FRAMERS[framing](), 100
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framers, "MAX_FRAME", most)
        try:
            for piece in pieces:
                framer.feed(piece)
                assert kept(framer) <= most + 2
        except (FrameDamagedError, FrameTooLargeError):
            assert framing == "aws_event_stream" or sum(map(len, pieces)) > most


def kept(framer: object) -> int:
    """How many bytes a framer holds."""
    pending: bytearray | list[bytes] = getattr(framer, "_pending", bytearray())
    waiting = len(pending) if isinstance(pending, bytearray) else sum(map(len, pending))
    return waiting + len(getattr(framer, "_held", b""))
