"""OpenRouter's `reasoning_details`: parts of the reasoning that go back exactly as they came, in their order."""

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

    def add(self, entries: list[Detail]) -> None:
        """The entries of one delta."""
        for entry in entries:
            last = self._entries[-1] if self._entries else None
            member = _TEXTS.get(str(entry.get("type")))
            if last is None or member is None or not _continues(last, entry):
                self._entries.append(dict(entry))
                continue
            text = f"{last.get(member) or ''}{entry.get(member) or ''}"
            last.update({name: value for name, value in entry.items() if value is not None})
            last[member] = text

    def take(self) -> str:
        """The entries as JSON; they are forgotten."""
        entries, self._entries = self._entries, []
        return orjson.dumps(entries).decode()


def _continues(last: Detail, entry: Detail) -> bool:
    """Whether the entry is the next piece of the last one: the same kind and place, and no other id."""
    same = last.get("type") == entry.get("type") and last.get("index") == entry.get("index")
    return same and (not last.get("id") or not entry.get("id") or last["id"] == entry["id"])
