"""Streams of JSON lines: wherever the network cuts the bytes, the lines are the same."""

import json
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.provider.contract import Frame
from proxy.upstream import framers
from proxy.upstream.framers import FrameTooLargeError, NDJSONFramer

STREAM = b'{"text":"\xc3\xa9\xf0\x9f\x99\x82"}\n\n  {"a": 1}  \n\n\n[1]\n"x"\n{"done":true}\n'
LINES = ['{"text":"é🙂"}'.encode(), b'{"a": 1}', b"[1]", b'"x"', b'{"done":true}']
ENDINGS = {"LF": b"\n", "CRLF": b"\r\n"}

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def lines(pieces: Iterable[bytes]) -> list[bytes]:
    framer = NDJSONFramer()
    frames = [frame for piece in pieces for frame in framer.feed(piece)] + framer.end()
    assert all(frame.event == "" for frame in frames)
    return [frame.data for frame in frames]


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    return [body[start:end] for start, end in pairwise([0, *sorted(places), len(body)])]


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_every_cut_gives_the_same_lines(ending: bytes) -> None:
    body = STREAM.replace(b"\n", ending)
    for place in range(len(body) + 1):
        assert lines(cut(body, [place])) == LINES, place


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_single_bytes_give_the_same_lines(ending: bytes) -> None:
    body = STREAM.replace(b"\n", ending)
    assert lines(cut(body, range(1, len(body)))) == LINES


@given(st.binary(max_size=80) | st.text('{}"a\r\n \t', max_size=80).map(str.encode), st.data())
def test_no_cut_changes_the_lines_of_any_bytes(body: bytes, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=6))
    assert lines(cut(body, places)) == lines([body])


@given(st.lists(VALUES, max_size=6), st.sampled_from([*ENDINGS.values()]), st.booleans(), st.data())
def test_values_come_back_whatever_is_between_them(
    values: list[object], ending: bytes, is_ended: bool, data: st.DataObject
) -> None:
    between = data.draw(st.lists(st.integers(1, 3), min_size=len(values), max_size=len(values)))
    body = b"".join(json.dumps(value).encode() + ending * count for value, count in zip(values, between, strict=True))
    whole = body if is_ended else body.removesuffix(ending)
    places = data.draw(st.lists(st.integers(0, len(whole)), max_size=6))
    assert [json.loads(line) for line in lines(cut(whole, places))] == values


@pytest.mark.parametrize("ending", [b"", b"\r", *ENDINGS.values()])
def test_the_last_line_needs_no_end(ending: bytes) -> None:
    assert lines([b'{"a":1}\n{"b":2}' + ending]) == [b'{"a":1}', b'{"b":2}']


@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n\r\n", b"  \n\t\n ", b"\n" * 1000])
def test_empty_lines_are_none(body: bytes) -> None:
    assert lines([body]) == []


def test_a_line_is_given_out_as_soon_as_it_is_whole() -> None:
    framer = NDJSONFramer()
    assert framer.feed(b'{"a":1}') == []
    assert framer.feed(b'\n{"b"') == [Frame("", b'{"a":1}')]
    assert framer.feed(b":2}\r") == []
    assert framer.feed(b"\n") == [Frame("", b'{"b":2}')]
    assert framer.end() == []


def test_an_end_twice_gives_nothing_twice() -> None:
    framer = NDJSONFramer()
    framer.feed(b"{}")
    assert framer.end() == [Frame("", b"{}")]
    assert framer.end() == []


def test_other_line_ends_of_unicode_end_no_line() -> None:
    line = '{"text":"a\u2028b\u0085c\u000bd"}'.encode()
    assert lines([line + b"\n"]) == [line]


def test_a_line_of_megabytes_passes() -> None:
    line = b'"' + b"x" * (5 * 2**20) + b'"'
    body = b"{}\n" + line + b"\n[]\n"
    assert lines(cut(body, range(16_384, len(body), 16_384))) == [b"{}", line, b"[]"]


def test_pieces_of_one_line_are_joined_once() -> None:
    framer = NDJSONFramer()
    # To join them with each piece would copy ten thousand times the line.
    for _ in range(10_000):
        assert framer.feed(b"x") == []
    assert len(framer._pending) == 10_000
    assert framer.feed(b"\n") == [Frame("", b"x" * 10_000)]


def test_a_line_that_grows_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framers, "MAX_FRAME", 1000)
    with pytest.raises(FrameTooLargeError):
        lines([b"x" * 50] * 30)
    with pytest.raises(FrameTooLargeError):
        lines([b"{}\n" + b"x" * 1001])


def test_many_small_lines_are_not_one_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framers, "MAX_FRAME", 1000)
    assert len(lines([b"{}\n" * 1000])) == 1000
    assert len(lines([b"{}", b"\n"] * 1000)) == 1000
