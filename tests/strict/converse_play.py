"""A strict Bedrock at work: it checks what it gets, and answers with the next turn or with its own error."""

from collections import deque

from tests.strict import converse
from tests.strict.complaint import Complaint, received
from tests.strict.converse_families import family_of
from tests.vendors.script import Script, Turn
from tests.vendors.server import Recorded


class StrictConverse:
    """Bedrock's Converse, as `Vendor.responder`. `complaints` is everything that it had to complain of."""

    def __init__(self, key: str, *turns: Turn) -> None:
        self.complaints: list[Complaint] = []
        self.requests: list[Recorded] = []
        self._key = key
        self._turns = deque(turns)
        self._given: list[str] = []

    def __call__(self, recorded: Recorded) -> Script:
        self.requests.append(recorded)
        found = converse.complaints(received(recorded), self._key, self._given)
        if found:
            self.complaints += found
            return converse.answer(found)
        turn = self._turns.popleft() if self._turns else Turn("Hello", " there", ".")
        asked = converse.asked_of(recorded.path)
        family = family_of(asked[0]) if asked is not None else None
        if family is not None and family.claude is not None:
            self._given.append(turn.signature)
            return turn
        # Other models sign nothing.
        return Turn(*turn.pieces, calls=turn.calls, thinking=turn.thinking, stop=turn.stop, tokens=turn.tokens)

    def play(self, *turns: Turn) -> None:
        """Write down what the next requests are answered with, one each."""
        self._turns.extend(turns)

    def forget(self) -> None:
        """Take the reasoning given so far for that of another model."""
        self._given.clear()
