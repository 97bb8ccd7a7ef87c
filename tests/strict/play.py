"""Strict vendors at work: each checks what it gets, and answers with the next turn or with its own error."""

from collections import deque
from typing import Final

from tests.strict import (
    chat,
    chat_reasoning,
    gemini,
    gemini_signatures,
    messages,
    messages_answers,
    messages_thinking,
    responses,
)
from tests.strict.chat_servers import Server
from tests.strict.complaint import Complaint, received
from tests.strict.messages_answers import Blocks
from tests.vendors import gemini as gemini_form
from tests.vendors.gateway import VENDOR_KEYS
from tests.vendors.script import Reply, Script, Turn
from tests.vendors.server import Recorded

GREETING: Final = Turn("Hello", " there", ".")


class StrictGemini:
    """Gemini's API, as `Vendor.responder`. `complaints` is everything that it had to complain of."""

    def __init__(self, *turns: Turn) -> None:
        self.complaints: list[Complaint] = []
        self.requests: list[Recorded] = []
        self._turns = deque(turns)
        self._given: list[gemini_signatures.GivenStep] = []

    def __call__(self, recorded: Recorded) -> Script:
        self.requests.append(recorded)
        found = gemini.complaints(received(recorded), VENDOR_KEYS["google"], self._given)
        if found:
            self.complaints += found
            return gemini.answer(found)
        turn = self._turns.popleft() if self._turns else GREETING
        asked = gemini_form.asked(recorded.path)
        self._given.append(gemini_signatures.given_by(turn, streamed=asked is not None and asked[1]))
        return turn

    def play(self, *turns: Turn) -> None:
        """Write down what the next requests are answered with, one each."""
        self._turns.extend(turns)

    def forget(self) -> None:
        """Take the calls made so far for those of another model, as a client without their signatures has to."""
        self._given.clear()


class StrictChat:
    """A server of Chat Completions, as `Vendor.responder`. `complaints` is everything that it had to complain of."""

    def __init__(self, server: Server, *turns: Turn) -> None:
        self.complaints: list[Complaint] = []
        self.requests: list[Recorded] = []
        self._server = server
        self._turns = deque(turns)
        self._given: list[chat_reasoning.GivenReasoning] = []

    def __call__(self, recorded: Recorded) -> Script:
        self.requests.append(recorded)
        found = chat.complaints(received(recorded), self._server, VENDOR_KEYS["chat"], self._given)
        if found:
            self.complaints += found
            return chat.answer(found, self._server)
        turn = self._turns.popleft() if self._turns else GREETING
        form = self._server.reasoning
        self._given.append(chat_reasoning.given_by(turn, form))
        asked = recorded.json
        if asked.get("stream"):
            steps = chat_reasoning.stream(turn, asked["model"], form)
            return Reply(200, tuple(steps), {"content-type": "text/event-stream"})
        body = chat_reasoning.whole(turn, asked["model"], form)
        return Reply(200, (body,), {"content-type": "application/json"})

    def play(self, *turns: Turn) -> None:
        """Write down what the next requests are answered with, one each."""
        self._turns.extend(turns)

    def forget(self) -> None:
        """Take the calls made so far for those of another model."""
        self._given.clear()


class StrictMessages:
    """Anthropic's API, as `Vendor.responder`. `complaints` is everything that it had to complain of."""

    def __init__(self, *turns: Turn | Blocks) -> None:
        self.complaints: list[Complaint] = []
        self.requests: list[Recorded] = []
        self._turns = deque(turns)
        self._given: list[messages_thinking.GivenAnswer] = []

    def __call__(self, recorded: Recorded) -> Script:
        self.requests.append(recorded)
        found = messages.complaints(received(recorded), VENDOR_KEYS["claude"], self._given)
        if found:
            self.complaints += found
            return messages.answer(found)
        turn = self._turns.popleft() if self._turns else GREETING
        asked = recorded.json
        self._given.append(messages_thinking.given_by(asked, messages_answers.content_of(turn, asked["model"])))
        if isinstance(turn, Turn):
            return turn
        if asked.get("stream"):
            steps = messages_answers.stream(turn, asked["model"])
            return Reply(200, steps, {"content-type": "text/event-stream"})
        body = messages_answers.whole(turn, asked["model"])
        return Reply(200, (body,), {"content-type": "application/json"})

    def play(self, *turns: Turn | Blocks) -> None:
        """Write down what the next requests are answered with, one each."""
        self._turns.extend(turns)

    def forget(self) -> None:
        """Take the thinking given so far for that of another model."""
        self._given.clear()


class StrictResponses:
    """OpenAI's Responses API, as `Vendor.responder`. `complaints` is everything that it had to complain of."""

    def __init__(self, *turns: Turn) -> None:
        self.complaints: list[Complaint] = []
        self.requests: list[Recorded] = []
        self._turns = deque(turns)
        self._given: set[str] = set()

    def __call__(self, recorded: Recorded) -> Script:
        self.requests.append(recorded)
        found = responses.complaints(received(recorded), VENDOR_KEYS["native"], self._given)
        if found:
            self.complaints += found
            return responses.answer(found)
        turn = self._turns.popleft() if self._turns else GREETING
        if turn.signature:
            self._given.add(turn.signature)
        return turn

    def play(self, *turns: Turn) -> None:
        """Write down what the next requests are answered with, one each."""
        self._turns.extend(turns)

    def forget(self) -> None:
        """Take the reasoning given so far for that of another account."""
        self._given.clear()
