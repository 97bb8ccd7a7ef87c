"""The reasoning of an answer: each stretch of it becomes an item, sealed with what the server wants back of it."""

from collections.abc import Sequence

from providers.openai_chat.details import Detail, Details
from providers.openai_chat.dialect import Replay
from providers.openai_chat.reasoning import REASONING_DETAILS, REASONING_TEXT
from proxy.responses.events import Event, Proof, Reasoning


class Stretches:
    """The reasoning of one answer; the events go into the list that is given. `key` names the open stretch."""

    __slots__ = ("_count", "_details", "_raw", "_seals_text", "_signature", "key")

    def __init__(self, replay: Replay | None) -> None:
        self.key: str | None = None
        self._count = 0
        self._raw = True
        self._signature = ""
        self._details = Details() if replay is not None and replay.form == "details" else None
        self._seals_text = replay is not None and self._details is None

    def text(self, text: str, events: list[Event], *, raw: bool) -> None:
        """A piece of reasoning; `raw`: the model's own chain, which is no summary."""
        if self.key is not None and self._raw != raw:
            self.end(events)
        if self.key is None:
            self._count += 1
            self.key = "reasoning" if self._count == 1 else f"reasoning:{self._count}"
            self._raw = raw
        events.append(Reasoning(self.key, text, raw))

    def details(self, entries: Sequence[Detail], *, whole: bool) -> None:
        """The `reasoning_details` of a delta, or of a whole answer."""
        if self._details is not None:
            add = self._details.add_whole if whole else self._details.add
            add(entries)

    def sign(self, signature: str | None) -> None:
        """The server's signature of the open stretch."""
        self._signature = signature or self._signature

    def end(self, events: list[Event], *, in_text: bool = False) -> None:
        """The stretch is over. Details that came without a text are an item of their own, but not in the midst of the
        answer's text."""
        key, self.key = self.key, None
        if self._details and (key is not None or not in_text):
            self._count += key is None
            payload = self._details.take()
            events.append(Proof(key or f"reasoning:{self._count}", REASONING_DETAILS, payload))
        elif key is not None and self._raw and self._seals_text:
            events.append(Proof(key, REASONING_TEXT, self._signature, verbatim=True))
        self._signature = ""

    def finish(self, events: list[Event]) -> None:
        """The answer is over: what is left belongs to all of it."""
        if self._details:
            events.append(Proof("reasoning:end", REASONING_DETAILS, self._details.take(), "turn_end"))
