"""What a vendor does with one request: values that a test writes down and the server plays."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Literal, TypeAlias

import orjson


class Fate(Enum):
    """How an answer ends before its time. `CUT`: the connection breaks. `SILENCE`: nothing more comes, until the other
    side closes. `END`: the body ends in order, without the finish signal."""

    CUT = auto()
    SILENCE = auto()
    END = auto()


CUT, SILENCE, END = Fate.CUT, Fate.SILENCE, Fate.END


@dataclass(frozen=True)
class ErrorEvent:
    """An error inside a stream, in the vendor's own form."""

    message: str
    type: str = "overloaded_error"


Step: TypeAlias = bytes | asyncio.Event | Fate
"""One step of an answer: bytes that are sent, an event that is waited for, an early end."""


@dataclass(frozen=True)
class Called:
    """A tool call of the model. `arguments` are sent in these fragments; steps among them are played. An empty `id` is
    left out where the protocol allows it; `signature` is the call's own thought signature, which only Gemini gives.
    `custom`: a custom tool of Chat Completions, whose arguments are plain text."""

    name: str
    arguments: tuple[str | asyncio.Event | Fate, ...] = ("{}",)
    id: str = "call_1"
    signature: str = ""
    custom: bool = False

    @property
    def json(self) -> str:
        """The whole arguments."""
        return "".join(fragment for fragment in self.arguments if isinstance(fragment, str))


Signed: TypeAlias = Literal["call", "text", "end"]
"""The part that carries Gemini's signature: the first call, the last piece of the text, an empty text at the end."""


class Turn:
    """One answer of the model, in whichever protocol it is asked for.

    `pieces` are the text, one delta each; steps among them are played where they stand. `signature` proves the
    thinking; `signed` says where Gemini puts it: by default on the first call, without calls at the end.
    """

    def __init__(
        self,
        *pieces: str | asyncio.Event | Fate | ErrorEvent,
        calls: tuple[Called, ...] = (),
        thinking: str = "",
        signature: str = "",
        signed: Signed | None = None,
        stop: str = "stop",
        tokens: tuple[int, int] = (11, 7),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.pieces = pieces
        self.calls = calls
        self.thinking = thinking
        self.signature = signature
        self.signed: Signed = signed or ("call" if calls else "end")
        self.stop = stop
        self.tokens = tokens
        self.headers = dict(headers or {})

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(piece for piece in self.pieces if isinstance(piece, str))

    @property
    def steps(self) -> list[asyncio.Event | Fate]:
        """The steps among the pieces, for an answer that is sent whole."""
        return [piece for piece in self.pieces if isinstance(piece, asyncio.Event | Fate)]


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, byte by byte. `held` is waited for before the headers are sent."""

    status: int = 200
    steps: tuple[Step, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    held: asyncio.Event | None = None


HANG_UP = Reply(status=0)
"""The connection is closed before a byte of the answer."""

HTML = Reply(
    steps=(b"<!DOCTYPE html><html><body>Welcome to the proxy</body></html>",), headers={"content-type": "text/html"}
)
GARBAGE = Reply(steps=(b'{"id": "x", "choices": [{"mess',), headers={"content-type": "application/json"})

Script: TypeAlias = Turn | Reply


def failure(
    status: int, message: str = "It went wrong.", *, headers: Mapping[str, str] | None = None, **members: Any
) -> Reply:
    """An error answer with a body that readers of both protocols understand."""
    body = {"type": "error", "error": {"type": "error", "message": message, **members}}
    return Reply(status, (orjson.dumps(body),), {"content-type": "application/json", **(headers or {})})
