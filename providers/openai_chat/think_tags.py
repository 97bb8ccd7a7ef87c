"""Splits a leading `<think>...</think>` block from the text of an answer that comes in pieces.

Open-weight models write their reasoning so when the server does not take it apart. Only the beginning of the answer
counts, or what directly follows another such block: a `<think>` later on is text that the model writes about. White
space around the tags is no content of either side. Where the opening tag stands in the prompt already, the answer
begins inside the block; a model that opens it once more does no harm.
"""

from enum import Enum
from typing import Final, NamedTuple

_OPENING: Final = "<think>"
_CLOSING: Final = "</think>"


class Piece(NamedTuple):
    """A piece of the answer: reasoning or text."""

    reasoning: bool
    text: str


class _Place(Enum):
    BEFORE = 0
    INSIDE = 1
    AFTER = 2


class ThinkTags:
    """The splitter's state. `passing` is true once everything that follows is text. `inside`: the answer begins within
    a block."""

    __slots__ = ("_held", "_inside_first", "_place", "_thought", "passing")

    def __init__(self, *, inside: bool = False) -> None:
        self.passing = False
        self._inside_first = inside
        self._place = _Place.BEFORE
        self._held = ""
        self._thought = False

    def feed(self, text: str) -> list[Piece]:
        """The pieces that are certain now. A piece that may still become a tag is held back."""
        pieces: list[Piece] = []
        self._held += text
        while not self.passing and self._held:
            step = self._inside if self._place is _Place.INSIDE else self._outside
            if not step(pieces):
                return pieces
        if self._held:
            pieces.append(Piece(False, self._held))
            self._held = ""
        return pieces

    def end(self) -> list[Piece]:
        """What was held back when the answer ended."""
        held, self._held = self._held, ""
        if self._place is _Place.INSIDE or self._inside_first:
            return [Piece(True, held)] if held.strip() else []
        if self._place is _Place.AFTER:
            held = held.lstrip()
        return [Piece(False, held)] if held else []

    def _outside(self, pieces: list[Piece]) -> bool:
        """Look for the opening tag; False: more has to come."""
        stripped = self._held.lstrip()
        if stripped.startswith(_OPENING):
            self._held = stripped[len(_OPENING) :]
            self._place, self._thought, self._inside_first = _Place.INSIDE, False, False
            return True
        if _OPENING.startswith(stripped):
            return False
        if self._inside_first:
            self._place, self._inside_first = _Place.INSIDE, False
            return True
        if self._place is _Place.AFTER:
            self._held = stripped
        self.passing = True
        return True

    def _inside(self, pieces: list[Piece]) -> bool:
        """Give out reasoning up to the closing tag; False: more has to come."""
        if not self._thought:
            self._held = self._held.lstrip()
        end = self._held.find(_CLOSING)
        if end >= 0:
            self._reasoning(pieces, self._held[:end].rstrip())
            self._held = self._held[end + len(_CLOSING) :]
            self._place = _Place.AFTER
            return True
        safe = len(self._held.rstrip())
        for length in range(min(len(_CLOSING) - 1, len(self._held)), 0, -1):
            if _CLOSING.startswith(self._held[-length:]):
                safe = len(self._held[:-length].rstrip())
                break
        self._reasoning(pieces, self._held[:safe])
        self._held = self._held[safe:]
        return False

    def _reasoning(self, pieces: list[Piece], text: str) -> None:
        if text:
            self._thought = True
            pieces.append(Piece(True, text))
