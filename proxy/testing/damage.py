"""Answers in which something is of another type than it should be: whatever a vendor sends, nothing is raised."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias, cast

import orjson

from proxy.provider.contract import Frame, Framing, Provider
from proxy.testing.answers import breaches, is_native, raised
from proxy.testing.exchange import Exchange
from proxy.testing.frames import frames_of, is_streamed, sampled, stream_of
from proxy.testing.problem import Problem
from proxy.testing.replay import play, translate

Path: TypeAlias = tuple[str | int, ...]

MOST_DAMAGES: Final = 80
"""How many damages are tried on one exchange."""

MOST_FRAMES: Final = 60
"""How many frames of a stream are damaged; a longer stream is shortened to the kinds of frames that it has."""

VENDORS_OWN: Final = ("call-arguments", "annotation-span")
"""Rules about what a vendor wrote and nobody corrects: arguments that are no object, places outside of the text."""

CITED: Final = ("annotation-span", "text-done")
"""What a vendor that speaks Responses says of its own text, which is another one where pieces of it are missing."""

VALUES: Final[tuple[object, ...]] = (
    None,
    True,
    7,
    -1,
    1e300,
    "",
    "unheard-of",
    [],
    {},
    [None],
    ["a"],
    [[]],
    [{}],
    {"type": []},
    {"type": "unheard-of"},
    [{"type": "unheard-of", "text": 7}],
    2**70,
)
"""What stands in the place of something else."""


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


ABSENT: Final = _Absent()


def damaged(provider: Provider, exchange: Exchange) -> Iterator[Problem]:
    """Values of wrong types in each place of the answer, one at a time, and frames that are missing, doubled,
    moved or no JSON: events or `Failed`, one terminal event, a legal stream, and no exception."""
    framing = translate(provider, exchange.model, exchange.request, stream=True).call.framing
    damages = _of_stream(framing, exchange) if is_streamed(framing, exchange) else _of_whole(exchange)
    # Other exchanges of the same kind are damaged in other places.
    for what, body in sampled(damages, MOST_DAMAGES, offset=zlib.crc32(exchange.id.encode())):
        subject = f"{exchange.id}, {what}"
        played = play(provider, exchange, stream=True, answer=body)
        yield from raised("damaged answers", subject, played)
        yield from breaches(
            "damaged answers", subject, played, but=(*VENDORS_OWN, *(CITED if is_native(played) else ()))
        )


def _of_whole(exchange: Exchange) -> list[tuple[str, bytes]]:
    try:
        value = orjson.loads(exchange.answer)
    except orjson.JSONDecodeError:
        return []
    return [(what, orjson.dumps(changed, option=_BIG)) for what, changed in _changes(value, "")]


def _of_stream(framing: Framing, exchange: Exchange) -> list[tuple[str, bytes]]:
    frames = _kinds([frame for _, frame in frames_of(framing, exchange.answer)])
    found: list[tuple[str, bytes]] = []

    def with_frames(what: str, changed: Sequence[Frame]) -> None:
        found.append((what, stream_of(framing, changed)))

    for index, frame in enumerate(frames):
        where, before, after = f"frame {index}", frames[:index], frames[index + 1 :]
        with_frames(f"without {where}", [*before, *after])
        with_frames(f"{where} twice", [*before, frame, frame, *after])
        with_frames(f"{where} at the beginning", [frame, *before, *after])
        with_frames(f"{where} at the end", [*before, *after, frame])
        with_frames(f"{where} under another name", [*before, Frame("unheard-of", frame.data), *after])
        for data in (b"{", b"nonsense", b"[]", b"null", b'"text"', b"7", b"\xff\xfe", b"[" * 3000):
            with_frames(f"{where} being {data[:20]!r}", [*before, Frame(frame.event, data), *after])
        try:
            value = orjson.loads(frame.data)
        except orjson.JSONDecodeError:
            continue
        for what, changed in _changes(value, f" of {where}"):
            data = orjson.dumps(changed, option=_BIG)
            with_frames(what, [*before, Frame(frame.event, data), *after])
    return found


_BIG: Final = orjson.OPT_NON_STR_KEYS


def _changes(value: object, where: str) -> Iterator[tuple[str, object]]:
    for number, path in enumerate(_paths(value)):
        # Each place is given some of the values, and all the places together all of them, several times.
        for step in range(3):
            new = (*VALUES[:-1], ABSENT)[(number * 5 + step * 7) % len(VALUES)]
            yield f"{new!r} at {_written(path)}{where}", _with(value, path, new)


def _paths(value: object, path: Path = ()) -> Iterator[Path]:
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:3]):
            yield from _paths(inner, (*path, index))


def _with(value: object, path: Path, new: object) -> object:
    """A copy of a JSON value with another one at the path."""
    if not path:
        return {} if new is ABSENT else new
    step, rest = path[0], path[1:]
    copy: Any = dict(value) if isinstance(value, dict) else list(cast("list[object]", value))
    if not rest and new is ABSENT:
        del copy[step]
    else:
        copy[step] = _with(copy[step], rest, new)
    return copy


def _written(path: Path) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "the top"


def _kinds(frames: Sequence[Frame]) -> list[Frame]:
    """The frames, of a run of frames of the same kind only the first and the last."""
    kept: list[Frame] = []
    for index, frame in enumerate(frames):
        alike = [_kind(other) for other in (*frames[max(0, index - 1) : index], *frames[index + 1 : index + 2])]
        if not 0 < index < len(frames) - 1 or alike != [_kind(frame)] * 2:
            kept.append(frame)
    return sampled(kept, MOST_FRAMES)


def _kind(frame: Frame) -> tuple[str, object]:
    try:
        return frame.event, _shape(orjson.loads(frame.data))
    except orjson.JSONDecodeError:
        return frame.event, frame.data


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return tuple((name, _shape(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return [_shape(inner) for inner in value]
    return type(value)


def endless(provider: Provider, exchange: Exchange) -> Iterator[Problem]:
    """A stream whose every frame comes two thousand times, and one of a single huge text, end in order."""
    call = translate(provider, exchange.model, exchange.request, stream=True).call
    frames = _kinds([frame for _, frame in frames_of(call.framing, exchange.answer)])
    for index, frame in enumerate(sampled(frames, 6)):
        place = frames.index(frame)
        body = stream_of(call.framing, [*frames[:place], *[frame] * 2000, *frames[place + 1 :]])
        subject = f"{exchange.id}, with frame {index} two thousand times"
        played = play(provider, replace(exchange, answer=body), stream=True)
        yield from raised("endless answers", subject, played)
        yield from breaches(
            "endless answers", subject, played, but=(*VENDORS_OWN, *(CITED if is_native(played) else ()))
        )
