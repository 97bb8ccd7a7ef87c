"""Damaged answers: JSON as no writer of JSON would write it, frames that are missing, doubled or torn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson
from hypothesis import strategies as st

from proxy.provider.contract import Frame, Framing
from proxy.testing.frames import frames_of, stream_of

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that stand in the place of a value, JSON or not."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Doubled:
    """An object in which one name stands twice."""

    members: dict[str, object]
    name: str
    value: object


HOSTILE: Final = tuple(
    Raw(data)
    for data in (
        *(b"null", b"true", b"false", b"0", b"-1", b"7", b"0.5", b"-0.0", b"1e308", b"1e400", b"-1e400"),
        *(b"NaN", b"Infinity", b"-Infinity", b"9" * 30, b"-9223372036854775809", b"9" * 5000, b"18446744073709551616"),
        *(
            b'""',
            b'" "',
            b'"\\u0000"',
            b'"\\ud800"',
            b'"\\udc00 x"',
            b'"\\ud83d\\ude42"',
            b'"\xff\xfe"',
            b'"\xed\xa0\x80"',
        ),
        *(
            b'"\\n\\nevent: response.completed\\ndata: {}\\n\\n"',
            b'"data: [DONE]\\n\\n"',
            b'"\xe2\x80\xa8"',
            b'"\\r\\n"',
        ),
        *(b'"%s%n{}"', b'"{\\"a\\":1}"', b'"{"', b'"["', b'"true"', b'"1.5"', b'"-1"', b'"9999999999999999999999"'),
        *(
            b"[]",
            b"{}",
            b"[null]",
            b"[[]]",
            b"[{}]",
            b'{"":null}',
            b'{"type":null}',
            b'{"type":"text"}',
            b"[7]",
            b'["a"]',
        ),
        *(
            b"[" * 300 + b"]" * 300,
            b'{"a":' * 300 + b"1" + b"}" * 300,
            b"[" * 3000 + b"]" * 3000,
            b'"' + b"x" * 70_000 + b'"',
        ),
        *(b"", b"{", b"[", b"}", b'"', b"nul", b"//", b"1.2.3", b"'a'", b"undefined", b'{"a":1,}', b"\xef\xbb\xbf{}"),
    )
)
"""Values that a careless reader falls over, and some that are none."""

JUNK: Final = (
    *(b"", b" ", b"{", b"[]", b"null", b'"text"', b"7", b"[DONE]", b"\xff\xfe", b"[" * 3000, b"<html>", b"\x00"),
    *(b'{"error":{}}', b'{"error":"x"}', b'{"error":null}', b'{"type":"error"}', b'{"message":7}', b"{}"),
)
"""Data of frames that hold nothing a vendor says."""


def written(value: object) -> bytes:
    """A JSON value that may hold raw bytes and doubled names."""
    if isinstance(value, Raw):
        return value.data
    if isinstance(value, Doubled):
        members = [*value.members.items(), (value.name, value.value)]
        return b"{" + b",".join(orjson.dumps(name) + b":" + written(inner) for name, inner in members) + b"}"
    if isinstance(value, dict):
        return b"{" + b",".join(orjson.dumps(name) + b":" + written(inner) for name, inner in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(written, value)) + b"]"
    return orjson.dumps(value)


def parsed(data: bytes) -> object:
    """The JSON value; None where it is none."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def paths(value: object, path: Path = ()) -> list[Path]:
    """Every place in a JSON value, itself first."""
    found = [path]
    if isinstance(value, dict):
        for name, inner in value.items():
            found += paths(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += paths(inner, (*path, index))
    return found


def at(value: Any, path: Path) -> Any:
    """What stands at a place."""
    for step in path:
        value = value[step]
    return value


GONE: Final = Raw(b"")
"""In the place of a value: it is taken away, with its name."""


def replaced(value: object, path: Path, new: object) -> object:
    """A copy with another value at a place."""
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, dict) else list(value)  # type: ignore[call-overload]
    if len(path) > 1:
        copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    elif new is GONE:
        del copy[path[0]]
    else:
        copy[path[0]] = new
    return copy


@st.composite
def damaged_json(draw: st.DrawFn, data: bytes) -> bytes:
    """The JSON with up to three damages; bytes that are no JSON are damaged as bytes."""
    value = parsed(data)
    if value is None:
        return draw(damaged_bytes(data))
    for _ in range(draw(st.integers(1, 3))):
        places = paths(value)
        place = draw(st.sampled_from(places))
        data = written(replaced(value, place, draw(_in_place_of(at(value, place), value, places))))
        value = parsed(data)
        if value is None:
            # What is no strict JSON any more has no places.
            break
    return data


@st.composite
def _in_place_of(draw: st.DrawFn, here: object, value: object, places: Sequence[Path]) -> object:
    kind = draw(st.sampled_from(("hostile", "hostile", "hostile", "gone", "moved", "wrapped", "doubled", "more")))
    if kind == "gone":
        return GONE
    if kind == "moved":
        return at(value, draw(st.sampled_from(places)))
    if kind == "wrapped":
        return draw(st.sampled_from(([here], {"type": here}, [here, here], {"a": {"b": here}})))
    if kind == "doubled" and isinstance(here, dict) and here:
        return Doubled(here, draw(st.sampled_from(sorted(here))), draw(st.sampled_from(HOSTILE)))
    if kind == "more":
        return here * 50 if isinstance(here, str | list) else [here] * 20
    return draw(st.sampled_from(HOSTILE))


@st.composite
def damaged_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with a few of them changed, missing or added."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(changed)))
        length = draw(st.integers(0, 8))
        changed[place : place + length] = draw(st.binary(max_size=6) | st.sampled_from(JUNK))
    return bytes(changed)


@st.composite
def damaged_frames(draw: st.DrawFn, framing: Framing, body: bytes) -> bytes:
    """The stream with up to four damages of its frames, or of its bytes."""
    frames = [frame for _, frame in frames_of(framing, body)]
    if not frames or draw(st.integers(0, 9)) == 0:
        return draw(damaged_bytes(body))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(frames) - 1))
        frame = frames[place]
        kind = draw(
            st.sampled_from(("damaged", "damaged", "damaged", "gone", "twice", "moved", "renamed", "junk", "end"))
        )
        if kind == "damaged":
            frames[place] = Frame(frame.event, draw(damaged_json(frame.data)))
        elif kind == "gone" and len(frames) > 1:
            del frames[place]
        elif kind == "twice":
            frames.insert(draw(st.integers(0, len(frames))), frame)
        elif kind == "moved":
            frames.insert(draw(st.integers(0, len(frames) - 1)), frames.pop(place))
        elif kind == "renamed":
            names = [other.event for other in frames]
            frames[place] = Frame(draw(st.sampled_from([*names, "error", "x", ""])), frame.data)
        elif kind == "junk":
            frames[place] = Frame(frame.event, draw(st.sampled_from(JUNK)))
        elif kind == "end":
            del frames[place + 1 :]
    return stream_of(framing, [Frame(frame.event, one_line(frame.data)) for frame in frames])


def one_line(data: bytes) -> bytes:
    """The data without line ends, which would end it."""
    return data.replace(b"\n", b" ").replace(b"\r", b" ")


def vocabulary(datas: Iterable[bytes]) -> tuple[Sequence[str], Sequence[str]]:
    """The names of members, and the short texts, in some JSON values."""
    names, words = set[str](), set[str]()
    for data in datas:
        value = parsed(data)
        for place in paths(value):
            here = at(value, place)
            if place and isinstance(place[-1], str):
                names.add(place[-1])
            if isinstance(here, str) and len(here) <= 40:
                words.add(here)
    return sorted(names), sorted(words)


def plausible(names: Sequence[str], words: Sequence[str], examples: Sequence[object]) -> st.SearchStrategy[object]:
    """JSON values in the words of a vendor: objects of its names, and pieces of what it really says."""
    leaves = (
        st.sampled_from(HOSTILE)
        | st.sampled_from([*words, ""])
        | st.integers(-3, 5)
        | st.booleans()
        | st.none()
        | st.sampled_from(examples)
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*names, "type", ""]), inner, max_size=5)
        ),
        max_leaves=10,
    )
