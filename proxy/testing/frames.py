"""The frames of a stream: where they end in its bytes, and bytes made of frames."""

import re
from binascii import crc32
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from proxy.provider.contract import Frame, Framing
from proxy.testing.exchange import Exchange
from proxy.upstream.framers import FRAMERS, FrameDamagedError, FrameTooLargeError

ElementT = TypeVar("ElementT")

_LINE_END: Final = re.compile(rb"[\r\n]")


def frames_of(framing: Framing, body: bytes) -> list[tuple[int, Frame]]:
    """Each frame of a stream with the position behind it, as far as the stream can be read."""
    framer, found, start = FRAMERS[framing](), list[tuple[int, Frame]](), 0
    try:
        for end in _places(framing, body):
            found += ((end, frame) for frame in framer.feed(body[start:end]))
            start = end
        found += ((len(body), frame) for frame in (*framer.feed(body[start:]), *framer.end()))
    except (FrameDamagedError, FrameTooLargeError):
        pass  # what a client gets of such a stream is another rule's matter
    return found


def is_streamed(framing: Framing, exchange: Exchange) -> bool:
    """Whether the answer is read as a stream: what its headers call JSON is whole, but for lines of it."""
    content_type = exchange.headers.get("content-type", "")
    return exchange.stream and ("json" not in content_type or framing == "ndjson")


def _places(framing: Framing, body: bytes) -> list[int]:
    """Where frames may end."""
    if framing != "aws_event_stream":
        return [found.end() for found in _LINE_END.finditer(body)]
    places, position = list[int](), 0
    while len(body) - position >= 12 and (length := int.from_bytes(body[position : position + 4], "big")) >= 16:
        position += length
        places.append(min(position, len(body)))
    return places


def stream_of(framing: Framing, frames: Sequence[Frame]) -> bytes:
    """A stream of the frames. Data of server-sent events and of lines must be without line ends."""
    return b"".join(map(_WRITERS[framing], frames))


def _sse(frame: Frame) -> bytes:
    name = f"event: {frame.event}\n".encode() if frame.event else b""
    return b"%bdata: %b\n\n" % (name, frame.data)


def _ndjson(frame: Frame) -> bytes:
    return frame.data + b"\n"


def _aws(frame: Frame) -> bytes:
    kind, _, name = frame.event.rpartition("/")
    headers = {":message-type": kind or "event", f":{'exception' if kind == 'exception' else 'event'}-type": name}
    if kind == "error":
        headers = {":message-type": "error", ":error-code": name, ":error-message": frame.data.decode(errors="replace")}
    block = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + len(value.encode()).to_bytes(2, "big") + value.encode()
        for key, value in headers.items()
    )
    head = (16 + len(block) + len(frame.data)).to_bytes(4, "big") + len(block).to_bytes(4, "big")
    head += crc32(head).to_bytes(4, "big")
    whole = head + block + frame.data
    return whole + crc32(whole).to_bytes(4, "big")


_WRITERS: Final[Mapping[Framing, Callable[[Frame], bytes]]] = {"sse": _sse, "ndjson": _ndjson, "aws_event_stream": _aws}


def sampled(elements: Sequence[ElementT], most: int, offset: int = 0) -> list[ElementT]:
    """At most so many of the elements, evenly spread, the first and the last included; `offset` moves those between."""
    if len(elements) <= most:
        return list(elements)
    step = (len(elements) - 1) / (most - 1)
    moved = offset % max(1, int(step))
    places = {
        0,
        len(elements) - 1,
        *(min(len(elements) - 1, round(number * step) + moved) for number in range(most - 1)),
    }
    return [elements[place] for place in sorted(places)]
