"""OpenRouter's `reasoning_details`: parts of the reasoning that go back exactly as they came, in their order."""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import orjson

Detail: TypeAlias = dict[str, Any]

#: Kinds whose text comes in pieces, and the member that holds it.
_TEXTS: Final = {"reasoning.text": "text", "reasoning.summary": "summary"}


class Details:
    """Collects the entries of one stretch of an answer; what came in pieces becomes whole."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: list[Detail] = []

    def __bool__(self) -> bool:
        return bool(self._entries)

    def add(self, entries: Sequence[Detail]) -> None:
        """The entries of one delta: new ones, or the next piece of the last one."""
        for entry in entries:
            last = self._entries[-1] if self._entries else None
            member = _TEXTS.get(str(entry.get("type")))
            if last is None or member is None or not _continues(last, entry, member):
                self._entries.append(dict(entry))
                continue
            pieces = [text for text in (last.get(member), entry.get(member)) if isinstance(text, str)]
            last |= {name: value for name, value in entry.items() if value is not None}
            if pieces:
                last[member] = "".join(pieces)

    def add_whole(self, entries: Sequence[Detail]) -> None:
        """The entries of a whole answer, of which none is a piece."""
        self._entries += entries

    def take(self) -> str:
        """The entries as JSON; they are forgotten."""
        entries, self._entries = self._entries, []
        return orjson.dumps(entries).decode()


def _continues(last: Detail, entry: Detail, member: str) -> bool:
    """Whether the entry is the next piece of the last one: the same kind and place, no other id, and no text after a
    signature, which ends a stretch of reasoning."""
    if last.get("type") != entry.get("type") or last.get("index") != entry.get("index"):
        return False
    if last.get("signature") and entry.get(member):
        return False
    return not last.get("id") or not entry.get("id") or last["id"] == entry["id"]
