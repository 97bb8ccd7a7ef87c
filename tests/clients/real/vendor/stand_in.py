"""The vendors: each checks a request as strictly as the real one, wants its own calls and its own thinking back, and
then does what the script says."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from tests.clients.real.vendor.asked import Asked
from tests.clients.real.vendor.behaviours import Answer, Limited, answer
from tests.clients.real.vendor.protocols import Chat, Form, Gemini, Messages
from tests.strict.complaint import Complaint
from tests.vendors import gemini, messages
from tests.vendors.script import Called, Script, Turn
from tests.vendors.server import Recorded, form_of


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that a vendor refused: its path, and all that it complained of."""

    path: str
    complaints: tuple[Complaint, ...]


class StandIns:
    """All vendors, as `Vendor.responder`. `refused` is everything that they had to refuse."""

    def __init__(self, chat: Chat, messages: Messages, gemini: Gemini) -> None:
        self.refused: list[Refused] = []
        self._chat = chat
        self._messages = messages
        self._gemini = gemini
        self._turns: dict[str, Turn] = {}
        self._answers = 0

    def __call__(self, recorded: Recorded) -> Script:
        vendor = self._vendor(recorded)
        found = vendor.complaints(recorded)
        if not found:
            asked = vendor.asked(recorded)
            found = list(self._missing(vendor, asked))
        if found:
            self.refused.append(Refused(recorded.path, tuple(found)))
            return vendor.refusal(found)
        outcome = answer(asked)
        if isinstance(outcome, Limited):
            return vendor.limited(outcome.seconds)
        return vendor.play(self._turn(outcome), recorded)

    def _vendor(self, recorded: Recorded) -> Form:
        form = form_of(recorded.path)
        if form is gemini:
            return self._gemini
        return self._messages if form is messages else self._chat

    def _missing(self, vendor: Form, asked: Asked) -> Iterator[Complaint]:
        """Calls since the last prompt that are not the model's own, or came back without its thinking."""
        for call in asked.calls:
            turn = self._turns.get(call.id)
            if turn is None:
                yield Complaint("call-unknown", call.name, f"The model made no call with the id {call.id!r}.")
            elif turn.thinking and not vendor.carries(call, turn, asked.model):
                yield Complaint("thinking-lost", call.name, f"What led to the call {call.id!r} did not come back.")

    def _turn(self, answer: Answer) -> Turn:
        """The answer with ids and a signature of its own."""
        self._answers += 1
        calls = tuple(
            Called(name, _halves(orjson.dumps(arguments).decode()), id=f"call_{self._answers}_{index}")
            for index, (name, arguments) in enumerate(answer.calls)
        )
        signature = base64.b64encode(hashlib.sha256(b"%d" % self._answers).digest()).decode()
        turn = Turn(*answer.text, calls=calls, thinking=answer.thinking, signature=signature)
        self._turns.update((call.id, turn) for call in calls)
        return turn


def _halves(text: str) -> tuple[str, str]:
    middle = len(text) // 2
    return text[:middle], text[middle:]
