"""What a vendor does wrong: for each fault the actions on the wire, made from an answer that would have been right."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

import orjson


class Wire(Enum):
    """`CLOSE`: end in order. `RESET`: break the connection. `HANG`: stay silent until the other side goes."""

    CLOSE = auto()
    RESET = auto()
    HANG = auto()


CLOSE, RESET, HANG = Wire.CLOSE, Wire.RESET, Wire.HANG


@dataclass(frozen=True, slots=True)
class Wait:
    """Silence, in milliseconds."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Endless:
    """The same bytes again and again, until the other side goes."""

    piece: bytes


Action: TypeAlias = bytes | Wire | Wait | Endless


@dataclass(frozen=True, slots=True)
class Good:
    """The answer that would have been right: its type, its pieces (one where it is whole), and whether it streams."""

    content_type: str
    pieces: Sequence[bytes]
    streamed: bool

    @property
    def body(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces)


Fault: TypeAlias = Callable[[Good], Sequence[Action]]


def head(status: int, content_type: str, length: int | None = None, **more: str) -> bytes:
    """The head of an answer whose end is its connection's, or which has a length."""
    fields = {"content-type": content_type, "connection": "close", **more}
    if length is not None:
        fields["content-length"] = str(length)
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode()


def right(good: Good) -> Sequence[Action]:
    """The answer as it should be."""
    return [head(200, good.content_type, len(good.body)), good.body, CLOSE]


def _refused(status: int, **headers: str) -> Fault:
    body = orjson.dumps({"error": {"message": "It went wrong.", "type": "x", "code": None}})
    return lambda good: [head(status, "application/json", len(body), **headers), body, CLOSE]


def _begun(*then: Action, share: float = 0.0) -> Fault:
    """A right beginning, which is a share of the body (0: the first piece of a stream, none of a whole answer), then
    this."""

    def play(good: Good) -> Sequence[Action]:
        body = good.body
        size = int(len(body) * share) if share else len(good.pieces[0]) * good.streamed
        return [head(200, good.content_type), body[:size], *then]

    return play


def _instead(content_type: str | None, body: bytes) -> Fault:
    return lambda good: [head(200, content_type or good.content_type, len(body)), body, CLOSE]


def _dripping(good: Good) -> Sequence[Action]:
    """Right, in pieces of a few bytes, with pauses below every time-out."""
    body, actions = good.body, [head(200, good.content_type, len(good.body))]
    size = max(1, len(body) // 12)
    steps: list[Action] = [*actions]
    for at in range(0, len(body), size):
        steps += [body[at : at + size], Wait(5)]
    return [*steps, CLOSE]


def _wrong_length(by: int) -> Fault:
    return lambda good: [head(200, good.content_type, len(good.body) + by), good.body, CLOSE]


FAULTS: Final[Mapping[str, Fault]] = {
    "none": right,
    "slow drip": _dripping,
    "hang before headers": lambda good: [HANG],
    "close before headers": lambda good: [CLOSE],
    "reset before headers": lambda good: [RESET],
    "half a status line": lambda good: [b"HTTP/1.", CLOSE],
    "half a header": lambda good: [b"HTTP/1.1 200 OK\r\ncontent-ty", RESET],
    "no HTTP": lambda good: [b"220 mail.example.com ESMTP ready\r\n", CLOSE],
    "endless header": lambda good: [b"HTTP/1.1 200 OK\r\n", Endless(b"x-more: " + b"a" * 30_000 + b"\r\n")],
    "close after headers": lambda good: [head(200, good.content_type), CLOSE],
    "reset after headers": lambda good: [head(200, good.content_type), RESET],
    "hang after headers": lambda good: [head(200, good.content_type), HANG],
    "close in the first frame": _begun(CLOSE, share=0.02),
    "hang after a beginning": _begun(HANG),
    "reset in the middle": _begun(RESET, share=0.5),
    "close in the middle": _begun(CLOSE, share=0.5),
    "hang in the middle": _begun(HANG, share=0.5),
    "length too long": _wrong_length(100),
    "empty body": _instead(None, b""),
    "garbage": _instead(None, bytes(range(256)) * 4),
    "html": _instead("text/html", b"<!DOCTYPE html><html><body>Welcome</body></html>"),
    "null": _instead("application/json", b"null"),
    "endless line": lambda good: [head(200, good.content_type), Endless(b"data: " + b"x" * 65_536)],
    "400": _refused(400),
    "401": _refused(401),
    "403": _refused(403),
    "404": _refused(404),
    "413": _refused(413),
    "429": _refused(429),
    "429 for an hour": _refused(429, retry_after="3600"),
    "500": _refused(500),
    "502": _refused(502),
    "503 for a moment": _refused(503, retry_after="0"),
    "529": _refused(529),
    "302": _refused(302, location="http://127.0.0.1:1/"),
}
"""The faults, by their names."""
