"""Framers: a vendor's bytes, cut anywhere, to whole frames. Without I/O.

Lines are never decoded before they are whole, so a character cut in two survives. A frame may be megabytes long.
"""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Final, Protocol
from zlib import crc32

import orjson

from proxy.provider.contract import Frame, Framing

MAX_FRAME = 64 * 2**20
"""The largest frame, in bytes."""


class FrameTooLargeError(Exception):
    """A frame grew beyond `MAX_FRAME`."""


class FrameDamagedError(Exception):
    """A frame is not what its checksums or lengths say."""


class Framer(Protocol):
    """Collects bytes and gives out whole frames."""

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that are complete now. Raises FrameTooLargeError, FrameDamagedError."""
        ...

    def end(self) -> list[Frame]:
        """The body ended: the last frame, where the vendor left out its final blank line."""
        ...


class SSEFramer:
    """Server-sent events with LF, CRLF or CR line ends. Comments, `id` and `retry` are left out.

    JSON without `data:` in front of it is a frame too: so some vendors, Google among them, tell an error amid a stream.
    """

    __slots__ = ("_held", "_pending", "_size")

    def __init__(self) -> None:
        self._held = b""
        self._pending: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that are complete now."""
        if self._held:
            piece, self._held = self._held + piece, b""
        if b"\r" in piece:
            # A CR at the very end may be the first half of a CRLF.
            if piece.endswith(b"\r"):
                piece, self._held = piece[:-1], b"\r"
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not piece:
            return []
        pending = self._pending
        if pending:
            # Only the seam is looked at again: a frame of many lines is not read anew with each of them.
            over = b"\n\n" in piece or (piece.startswith(b"\n") and pending[-1].endswith(b"\n"))
            pending.append(piece)
            self._size += len(piece)
            if not over:
                if self._size > MAX_FRAME:
                    raise FrameTooLargeError
                return []
            piece = b"".join(pending)
        blocks = piece.split(b"\n\n")
        rest = blocks.pop()
        if len(rest) > MAX_FRAME:
            raise FrameTooLargeError
        self._pending = [rest] if rest else []
        self._size = len(rest)
        frames = []
        for block in blocks:
            if block.startswith(b"data: ") and b"\n" not in block:
                frames.append(Frame("", block[6:]))
            elif frame := _frame(block):
                frames.append(frame)
        return frames

    def end(self) -> list[Frame]:
        """The last frame, if it lacks its blank line."""
        rest = b"".join(self._pending)
        self._held, self._pending = b"", []
        frame = _frame(rest)
        return [frame] if frame else []


_BEFORE_JSON = b"\xef\xbb\xbf \t\n"


def _frame(block: bytes) -> Frame | None:
    event, data = "", []
    for line in block.split(b"\n"):
        name, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif name == b"event":
            event = value.removeprefix(b" ").decode("utf-8", "replace")
    if not data:
        return Frame(event, block) if block.lstrip(_BEFORE_JSON)[:1] in (b"{", b"[") else None
    return Frame(event, data[0] if len(data) == 1 else b"\n".join(data))


class NDJSONFramer:
    """One JSON value a line, with LF or CRLF line ends; empty lines are left out."""

    __slots__ = ("_pending", "_size")

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that are complete now."""
        if b"\n" not in piece:
            self._hold(piece)
            return []
        lines = (b"".join(self._pending) + piece if self._pending else piece).split(b"\n")
        self._pending, self._size = [], 0
        self._hold(lines.pop())
        return [Frame("", line) for line in map(bytes.strip, lines) if line]

    def end(self) -> list[Frame]:
        """The last line, if it lacks its line end."""
        rest = b"".join(self._pending).strip()
        self._pending, self._size = [], 0
        return [Frame("", rest)] if rest else []

    def _hold(self, rest: bytes) -> None:
        if rest:
            self._pending.append(rest)
            self._size += len(rest)
            if self._size > MAX_FRAME:
                raise FrameTooLargeError


class AWSEventStreamFramer:
    """`application/vnd.amazon.eventstream`: two lengths and their checksum, headers, a payload, a checksum of it all.

    Source: the Amazon Event Stream encoding of the Smithy specification. A frame that is cut off at the end of the body
    is left to the decoder, which misses what it would have said.
    """

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that are complete now. Raises FrameTooLargeError, FrameDamagedError."""
        pending = self._pending
        pending += piece
        frames: list[Frame] = []
        start = 0
        while len(pending) - start >= _PRELUDE.size:
            length, header_length, checksum = _PRELUDE.unpack_from(pending, start)
            if crc32(pending[start : start + 8]) != checksum:
                raise FrameDamagedError
            if length > MAX_FRAME:
                raise FrameTooLargeError
            if header_length + _AROUND > length:
                raise FrameDamagedError
            if len(pending) - start < length:
                break
            frame = bytes(pending[start : start + length])
            if crc32(frame[:-4]) != int.from_bytes(frame[-4:], "big"):
                raise FrameDamagedError
            payload = _PRELUDE.size + header_length
            frames.append(_aws_frame(_aws_headers(frame[_PRELUDE.size : payload]), frame[payload:-4]))
            start += length
        del pending[:start]
        return frames

    def end(self) -> list[Frame]:
        """Nothing: a frame is whole or it is none."""
        self._pending.clear()
        return []


_PRELUDE: Final = Struct(">III")
_AROUND: Final = 16
"""How many bytes of a frame are neither headers nor payload."""

_FIXED_VALUES: Final[Mapping[int, int]] = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""The types of header values with a fixed size, and that size in bytes."""

_COUNTED_VALUES: Final = (6, 7)
"""The types of header values that begin with their length: bytes and text."""

_TEXT: Final = 7


def _aws_headers(block: bytes) -> dict[bytes, str]:
    """The headers of a frame that are text."""
    headers: dict[bytes, str] = {}
    position = 0
    while position < len(block):
        after_name = position + 1 + block[position]
        name, kind = block[position + 1 : after_name], block[after_name : after_name + 1]
        size = _FIXED_VALUES.get(kind[0]) if kind else None
        start = after_name + 1
        if size is None:
            if not kind or kind[0] not in _COUNTED_VALUES or start + 2 > len(block):
                raise FrameDamagedError
            size = int.from_bytes(block[start : start + 2], "big")
            start += 2
        position = start + size
        if position > len(block):
            raise FrameDamagedError
        if kind[0] == _TEXT:
            headers[name] = block[start:position].decode("utf-8", "replace")
    return headers


def _aws_frame(headers: Mapping[bytes, str], payload: bytes) -> Frame:
    kind = headers.get(b":message-type", "event")
    if kind == "exception":
        return Frame(f"exception/{headers.get(b':exception-type', '')}", payload)
    if kind == "error":
        message = {"message": headers.get(b":error-message", "")}
        return Frame(f"error/{headers.get(b':error-code', '')}", orjson.dumps(message))
    return Frame(headers.get(b":event-type", ""), payload)


FRAMERS: Mapping[Framing, Callable[[], Framer]] = {
    "sse": SSEFramer,
    "ndjson": NDJSONFramer,
    "aws_event_stream": AWSEventStreamFramer,
}
