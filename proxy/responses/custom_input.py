"""Custom tools as functions: the text that a custom tool is given, wrapped into `{"input": "..."}` and taken out again,
also while it streams: escapes may be cut anywhere.
"""

import json
import re
from typing import Final, Literal

import orjson

INPUT: Final = "input"
"""The one parameter of the function that stands for a custom tool."""

_HEAD: Final = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_PARTIAL_HEAD: Final = re.compile(r'\s*(?:\{\s*(?:"(?:i(?:n(?:p(?:u(?:t(?:"\s*(?::\s*)?)?)?)?)?)?)?)?)?')
_HEAD_LIMIT: Final = 4096
"""Where the beginning of the input is looked for, in characters: more white space than that is no JSON of a model."""

_PLAIN: Final = re.compile(r'[^"\\]*')


def wrapped(text: str) -> str:
    """The arguments of the function for a custom tool's input."""
    return orjson.dumps({INPUT: text}).decode()


def unwrapped(arguments: str) -> str:
    """The input in whole arguments. What is no object with an input is the input itself."""
    try:
        value = json.loads(arguments, strict=False)
    except (ValueError, RecursionError):
        return arguments
    if not isinstance(value, dict) or INPUT not in value:
        return arguments if arguments.strip() not in ("", "{}") else ""
    text = value[INPUT]
    return _writable(text if isinstance(text, str) else json.dumps(text, ensure_ascii=False))


class InputReader:
    """Takes a custom tool's input out of arguments that arrive in pieces.

    `feed` answers with the text that a piece adds, `end` with what is left when the arguments are whole. What they
    answer, joined, is `unwrapped` of all the pieces, as long as the arguments are JSON whose first member is the input.
    """

    __slots__ = ("_held", "_pieces", "_state")

    def __init__(self) -> None:
        self._state: Literal["head", "text", "done", "other"] = "head"
        self._held = ""
        self._pieces: list[str] = []

    @property
    def arguments(self) -> str:
        """All pieces so far."""
        return "".join(self._pieces)

    @property
    def count(self) -> int:
        """How many pieces there are."""
        return len(self._pieces)

    def feed(self, piece: str) -> str:
        """Take in a piece of the arguments."""
        self._pieces.append(piece)
        if self._state in ("done", "other"):
            return ""
        self._held += piece
        if self._state == "head":
            head = _HEAD.match(self._held)
            if head is None:
                if not _may_become_head(self._held):
                    self._state = "other"
                return ""
            self._state = "text"
            self._held = self._held[head.end() :]
        return self._decoded()

    def end(self) -> str:
        """The arguments are whole, or cut: what `feed` has not answered yet."""
        state, self._state = self._state, "done"
        if state in ("head", "other"):
            return unwrapped(self.arguments)
        # A string that is cut in the middle of an escape ends before it.
        return ""

    def _decoded(self) -> str:
        """Decode what is certain of the held text, and keep the rest."""
        held = self._held
        position, ended = 0, False
        while position < len(held):
            plain = _PLAIN.match(held, position)
            assert plain is not None
            position = plain.end()
            if position == len(held):
                break
            if held[position] == '"':
                ended = True
                break
            length = _escape_length(held, position)
            if not length:
                break
            position += length
        self._held = held[position:]
        if ended:
            self._state, self._held = "done", ""
        return _string(held[:position])


def _may_become_head(text: str) -> bool:
    return len(text) <= _HEAD_LIMIT and _PARTIAL_HEAD.fullmatch(text) is not None


def _escape_length(text: str, start: int) -> int:
    """The length of the escape at `start`, a surrogate pair counted as one; 0 when it is not whole yet."""
    if len(text) < start + 2:
        return 0
    if text[start + 1] != "u":
        return 2
    if len(text) < start + 6:
        return 0
    if text[start + 2 : start + 3] in "dD" and text[start + 3 : start + 4] in "89abAB":
        following = text[start + 6 : start + 8]
        if following == "\\u":
            return 12 if len(text) >= start + 12 else 0
        return 0 if "\\u".startswith(following) else 6
    return 6


def _string(escaped: str) -> str:
    """The text of the inside of a JSON string. What is no legal escape stays as it is."""
    if "\\" not in escaped:
        return escaped
    try:
        value = json.loads(f'"{escaped}"', strict=False)
    except ValueError:
        return escaped
    return _writable(value)


def _writable(text: str) -> str:
    """The text without halves of surrogate pairs, which no JSON can carry on."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
