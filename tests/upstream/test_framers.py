"""Framers: wherever the network cuts the bytes, the frames are the same."""

from collections.abc import Iterable
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.provider.contract import Frame, Framing
from proxy.upstream import framers
from proxy.upstream.framers import FRAMERS, FrameTooLargeError, SSEFramer


def frames(pieces: Iterable[bytes]) -> list[Frame]:
    framer = SSEFramer()
    made = [frame for piece in pieces for frame in framer.feed(piece)]
    return made + framer.end()


def whole(body: bytes) -> list[Frame]:
    return frames([body])


STREAM = (
    b"\xef\xbb\xbf: hello\n\n"
    b'event: message_start\ndata: {"text":"\xc3\xa9\xf0\x9f\x99\x82"}\n\n'
    b"data:no space\n\n"
    b"data:  two spaces\n\n"
    b"id: 7\nretry: 100\nevent:ping\ndata: one\n: between\ndata: two\ndata:\n\n"
    b"\n\n"
    b"event: nothing\n\n"
    b"data\n\n"
    b"data: [DONE]\n\n"
)
FRAMES = [
    Frame("message_start", '{"text":"é🙂"}'.encode()),
    Frame("", b"no space"),
    Frame("", b" two spaces"),
    Frame("ping", b"one\ntwo\n"),
    Frame("", b""),
    Frame("", b"[DONE]"),
]
ENDINGS = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_every_line_end_is_one(ending: bytes) -> None:
    assert whole(STREAM.replace(b"\n", ending)) == FRAMES


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_every_cut_gives_the_same_frames(ending: bytes) -> None:
    body = STREAM.replace(b"\n", ending)
    for position in range(len(body) + 1):
        assert frames([body[:position], body[position:]]) == FRAMES, position


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_single_bytes_give_the_same_frames(ending: bytes) -> None:
    body = STREAM.replace(b"\n", ending)
    assert frames(body[index : index + 1] for index in range(len(body))) == FRAMES


@settings(deadline=None)
@given(st.binary(max_size=80) | st.text("da:t \n\r\ufeffe", max_size=80).map(str.encode), st.data())
def test_no_cut_changes_the_frames_of_any_bytes(body: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert frames(pieces) == whole(body)


def test_a_frame_is_given_out_as_soon_as_it_is_whole() -> None:
    framer = SSEFramer()
    assert framer.feed(b"data: a\n") == []
    assert framer.feed(b"\ndata: b") == [Frame("", b"a")]
    assert framer.feed(b"\n\n") == [Frame("", b"b")]
    assert framer.end() == []


def test_a_frame_that_ends_in_crlf_waits_for_no_further_byte_but_its_last() -> None:
    framer = SSEFramer()
    assert framer.feed(b"data: a\r\n\r\n") == [Frame("", b"a")]


@pytest.mark.parametrize(
    "rest", [b"data: a", b"data: a\n", b"data: a\r", b"data: a\r\n", b"data: a\r\n\r", b"data: a\r\r"]
)
def test_the_last_frame_needs_no_blank_line(rest: bytes) -> None:
    assert whole(b"data: first\n\n" + rest) == [Frame("", b"first"), Frame("", b"a")]


@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n\r\n", b": only\n\n: comments\n\n", b"event: x\n\n", b"id: 1\n\n"])
def test_without_data_there_is_no_frame(body: bytes) -> None:
    assert whole(body) == []


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize(
    "bare", [b'{"error": {"code": 503}}', b'[{\n  "error": {}\n}\n,\n{}\n]', b'\n {\n "data": 1\n}']
)
def test_json_without_data_before_it_is_a_frame(bare: bytes, ending: bytes) -> None:
    for rest in (b"", b"\n", b"\n\n"):
        made = whole((b"data: first\n\n" + bare + rest).replace(b"\n", ending))
        assert made[0] == Frame("", b"first")
        assert [frame.data.strip() for frame in made[1:]] == [bare.strip()]


def test_an_end_twice_gives_nothing_twice() -> None:
    framer = SSEFramer()
    framer.feed(b"data: a")
    assert framer.end() == [Frame("", b"a")]
    assert framer.end() == []


def test_bytes_that_are_no_utf8_break_nothing() -> None:
    assert whole(b"event: \xff\ndata: \xff\xfe\n\n") == [Frame("\ufffd", b"\xff\xfe")]


def test_a_line_of_megabytes_passes() -> None:
    line = b"x" * (5 * 2**20)
    body = b"data: a\n\ndata: " + line + b"\n\ndata: b\n\n"
    pieces = (body[start : start + 16_384] for start in range(0, len(body), 16_384))
    assert frames(pieces) == [Frame("", b"a"), Frame("", line), Frame("", b"b")]


def test_many_lines_of_one_frame_pass() -> None:
    body = b"data: x\n" * 3_000 + b"\n"
    assert whole(body) == [Frame("", b"\n".join([b"x"] * 3_000))]


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_lines_of_one_frame_are_joined_once(ending: bytes) -> None:
    framer = SSEFramer()
    # To join them with each line would copy ten thousand times the frame.
    for _ in range(10_000):
        assert framer.feed(b"data: x" + ending) == []
    assert len(framer._pending) >= 9_999
    assert framer.feed(ending + b"data: y") == [Frame("", b"\n".join([b"x"] * 10_000))]
    assert framer.end() == [Frame("", b"y")]


@pytest.mark.parametrize("piece", [b"x" * 50, b"data: x\n" * 6, b"data: x\r\n" * 6])
def test_a_frame_that_grows_beyond_the_limit_is_refused(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framers, "MAX_FRAME", 1000)
    with pytest.raises(FrameTooLargeError):
        frames([piece] * 30)


def test_many_small_frames_are_not_one_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framers, "MAX_FRAME", 1000)
    assert len(whole(b"data: x\n\n" * 1000)) == 1000


def test_every_framing_has_its_framer() -> None:
    assert set(FRAMERS) == set(get_args(Framing))
