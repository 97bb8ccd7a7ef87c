"""Framers: a vendor's bytes, cut anywhere, to whole frames. Without I/O.

Lines are never decoded before they are whole, so a character cut in two survives. A frame may be megabytes long.
"""

from typing import Protocol

from proxy.provider.contract import Frame, Framing

MAX_FRAME = 64 * 2**20
"""The largest frame, in bytes."""


class FrameTooLargeError(Exception):
    """A frame grew beyond `MAX_FRAME`."""


class Framer(Protocol):
    """Collects bytes and gives out whole frames."""

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that are complete now. Raises FrameTooLargeError."""
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


FRAMERS: dict[Framing, type[SSEFramer]] = {"sse": SSEFramer}
