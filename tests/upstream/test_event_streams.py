"""AWS event streams: the frames are the same however the bytes are cut, and no damage makes another frame of one."""

import base64
import json
import os
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from proxy.provider.contract import Frame
from proxy.upstream import framers
from proxy.upstream.framers import AWSEventStreamFramer, FrameDamagedError, FrameTooLargeError

CORPUS = os.environ.get("DRAGOMAN_CORPUS")
FILES = sorted(Path(CORPUS, "bedrock_converse").glob("*.json")) if CORPUS else []

Header = tuple[str, int, bytes]
"""Name, type, and the value as its bytes."""

FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


def text(name: str, value: str) -> Header:
    return name, 7, value.encode()


def frame(headers: list[Header], payload: bytes) -> bytes:
    block = b""
    for name, kind, value in headers:
        block += bytes([len(name.encode())]) + name.encode() + bytes([kind])
        block += (struct.pack(">H", len(value)) if kind in (6, 7) else b"") + value
    return framed(block, payload)


def framed(block: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    head = prelude + struct.pack(">I", crc32(prelude)) + block + payload
    return head + struct.pack(">I", crc32(head))


def event(name: str, payload: bytes = b"{}") -> bytes:
    return frame([text(":event-type", name), text(":message-type", "event")], payload)


def fed(*pieces: bytes) -> list[Frame]:
    framer = AWSEventStreamFramer()
    frames = [each for piece in pieces for each in framer.feed(piece)]
    return [*frames, *framer.end()]


STREAM = event("messageStart", b'{"role":"assistant"}') + event("x" * 200, b"") + event("messageStop", bytes(500))
FRAMES = [Frame("messageStart", b'{"role":"assistant"}'), Frame("x" * 200, b""), Frame("messageStop", bytes(500))]


def values(kind: int) -> st.SearchStrategy[bytes]:
    if kind == 7:
        return st.text(max_size=40).map(str.encode)
    return st.binary(max_size=40) if kind == 6 else st.binary(min_size=FIXED[kind], max_size=FIXED[kind])


NAMES = st.text(min_size=1, max_size=20).filter(lambda name: len(name.encode()) < 256)
HEADERS = st.sampled_from([*FIXED, 6, 7]).flatmap(lambda kind: st.tuples(NAMES, st.just(kind), values(kind)))
FRAME = st.builds(frame, st.lists(HEADERS, max_size=4, unique_by=lambda header: header[0]), st.binary(max_size=100))


# --- cutting ----------------------------------------------------------------------------------------------------------


def test_whole_frames_are_read() -> None:
    assert fed(STREAM) == FRAMES


def test_the_bytes_may_come_one_by_one() -> None:
    assert fed(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == FRAMES


@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_no_cut_makes_a_difference(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    assert fed(*(STREAM[start:end] for start, end in pairwise(places))) == FRAMES


@pytest.mark.parametrize("at", [1, 11, 12, 50, len(STREAM) - 1])
def test_a_frame_that_is_cut_off_is_none(at: int) -> None:
    found = fed(STREAM[:at])
    assert found == FRAMES[: len(found)]
    assert len(found) < len(FRAMES)


# --- what frames say --------------------------------------------------------------------------------------------------


def test_exceptions_and_errors_are_told_from_events() -> None:
    exception = [text(":message-type", "exception"), text(":exception-type", "throttlingException")]
    error = [text(":message-type", "error"), text(":error-code", "Oops"), text(":error-message", 'say "no"')]
    assert fed(frame(exception, b'{"message":"x"}') + frame(error, b"")) == [
        Frame("exception/throttlingException", b'{"message":"x"}'),
        Frame("error/Oops", b'{"message":"say \\"no\\""}'),
    ]


def test_headers_of_all_kinds_are_passed_over() -> None:
    odd = [(f"h{kind}", kind, bytes(size)) for kind, size in FIXED.items()]
    headers = [*odd, ("bytes", 6, b"\x00\x01"), text(":event-type", "metadata")]
    assert fed(frame(headers, b"{}")) == [Frame("metadata", b"{}")]


def test_a_frame_may_say_nothing() -> None:
    assert fed(frame([], b"")) == [Frame("", b"")]


# --- against botocore -------------------------------------------------------------------------------------------------


def by_botocore(data: bytes) -> list[tuple[str, bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(named(message.headers), message.payload) for message in buffer]


def named(headers: dict[str, Any]) -> str:
    told = {name: value for name, value in headers.items() if isinstance(value, str)}
    kind = told.get(":message-type", "event")
    if kind == "exception":
        return f"exception/{told.get(':exception-type', '')}"
    return f"error/{told.get(':error-code', '')}" if kind == "error" else told.get(":event-type", "")


def test_botocore_reads_the_same() -> None:
    assert by_botocore(STREAM) == [tuple(each) for each in FRAMES]


@given(st.lists(FRAME, max_size=4))
def test_botocore_reads_the_same_of_any_frames(frames: list[bytes]) -> None:
    data = b"".join(frames)
    assert [tuple(each) for each in fed(data)] == by_botocore(data)


@pytest.mark.skipif(not FILES, reason="DRAGOMAN_CORPUS does not name a folder of recorded traffic")
def test_botocore_reads_the_same_of_recorded_streams() -> None:
    exchanges = [json.loads(path.read_bytes()) for path in FILES]
    streams = [base64.b64decode(each["response_body"]) for each in exchanges if each["response_body_kind"] == "base64"]
    assert len(streams) > 5
    for stream in streams:
        frames = fed(stream)
        assert [tuple(each) for each in frames] == by_botocore(stream)
        assert frames[0].event == "messageStart"
        assert fed(*(stream[at : at + 7] for at in range(0, len(stream), 7))) == frames


# --- damage -----------------------------------------------------------------------------------------------------------


@given(st.integers(0, len(STREAM) * 8 - 1))
def test_a_flipped_bit_makes_no_other_frame(bit: int) -> None:
    damaged = bytearray(STREAM)
    damaged[bit // 8] ^= 1 << (bit % 8)
    framer = AWSEventStreamFramer()
    try:
        found = framer.feed(bytes(damaged))
    except (FrameDamagedError, FrameTooLargeError):
        return
    assert found == FRAMES[: len(found)]
    assert len(found) < len(FRAMES)


@given(st.binary(max_size=300))
def test_rubbish_is_no_frame(data: bytes) -> None:
    framer = AWSEventStreamFramer()
    try:
        found = framer.feed(data)
    except (FrameDamagedError, FrameTooLargeError):
        return
    assert found == [] or [tuple(each) for each in found] == by_botocore(data)


@pytest.mark.parametrize(
    "block",
    [
        b"\x05ab",
        b"\x01a",
        b"\x01a\x07",
        b"\x01a\x07\x00",
        b"\x01a\x07\x00\x05abc",
        b"\x01a\x05\x00",
        b"\x01a\x0a\x00\x00",
        b"\x01a\xff",
        b"\xff",
    ],
)
def test_headers_that_end_amid_a_value_are_damage(block: bytes) -> None:
    with pytest.raises(FrameDamagedError):
        fed(framed(block, b"{}"))


@pytest.mark.parametrize(("length", "headers"), [(0, 0), (15, 0), (16, 1), (100, 90), (20, 2**32 - 1)])
def test_lengths_that_cannot_be_are_damage(length: int, headers: int) -> None:
    prelude = struct.pack(">II", length, headers)
    with pytest.raises(FrameDamagedError):
        fed(prelude + struct.pack(">I", crc32(prelude)))


def test_a_frame_that_is_too_large_is_not_waited_for() -> None:
    prelude = struct.pack(">II", framers.MAX_FRAME + 1, 0)
    with pytest.raises(FrameTooLargeError):
        fed(prelude + struct.pack(">I", crc32(prelude)))


def test_damage_ends_a_stream_that_was_good_so_far() -> None:
    framer = AWSEventStreamFramer()
    assert framer.feed(event("one")) == [Frame("one", b"{}")]
    with pytest.raises(FrameDamagedError):
        framer.feed(bytes(12))
