"""The content of an answer, put together again as the vendor wrote it: to be sent back, word for word."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from providers.anthropic.lenient import Json, mapping, text

JOINED: Final[Mapping[str, tuple[str, str]]] = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
}
"""By a delta's type: its member, and the block's member that it goes on with."""


@dataclass(slots=True)
class _Growing:
    """A block under way: as it started, and what its deltas added."""

    block: Json
    pieces: dict[str, list[str]] = field(default_factory=dict)
    input: list[str] = field(default_factory=list)
    citations: list[object] = field(default_factory=list)

    def whole(self) -> Json:
        made = dict(self.block)
        for member, pieces in self.pieces.items():
            made[member] = text(made.get(member)) + "".join(pieces)
        if self.citations:
            started = made.get("citations")
            made["citations"] = [*(started if isinstance(started, list) else ()), *self.citations]
        if self.input:
            made["input"] = _input("".join(self.input), made.get("input"))
        return made


class Transcript:
    """Collects the blocks of one call's answer."""

    __slots__ = ("_growing", "blocks")

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self._growing: dict[int, _Growing] = {}

    def start(self, index: int, block: Json) -> None:
        """A block began."""
        self.stop(index)
        self._growing[index] = _Growing(block)

    def add(self, index: int, delta: Json) -> None:
        """A block goes on."""
        growing = self._growing.get(index)
        if growing is None:
            return
        kind = delta.get("type")
        if isinstance(kind, str) and (joined := JOINED.get(kind)) is not None:
            growing.pieces.setdefault(joined[1], []).append(text(delta.get(joined[0])))
        elif kind == "input_json_delta":
            growing.input.append(text(delta.get("partial_json")))
        elif kind == "citations_delta":
            growing.citations.append(mapping(delta.get("citation")))

    def stop(self, index: int) -> bytes:
        """A block is whole: its JSON, empty where it cannot be written."""
        growing = self._growing.pop(index, None)
        if growing is None:
            return b""
        try:
            made = orjson.dumps(growing.whole())
        except orjson.JSONEncodeError:
            return b""
        self.blocks.append(made)
        return made


def _input(written: str, otherwise: object) -> object:
    """What was written as a call's input, as it stands; no input is an empty object."""
    if not written.strip():
        return otherwise if isinstance(otherwise, dict) else {}
    try:
        return orjson.Fragment(written) if isinstance(orjson.loads(written), dict) else otherwise
    except orjson.JSONDecodeError:
        return otherwise
