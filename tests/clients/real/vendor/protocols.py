"""Each vendor's own form: what it refuses, what it is asked, how it answers, and where its thinking comes back."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import orjson

from tests.clients.real.vendor.asked import (
    PLAIN_INPUT,
    Asked,
    Returning,
    custom_tools,
    of_chat,
    of_gemini,
    of_messages,
)
from tests.strict import chat, chat_reasoning, gemini, gemini_signatures, messages, messages_answers, messages_thinking
from tests.strict.chat_servers import Server
from tests.strict.complaint import Complaint, received
from tests.vendors import gemini as gemini_form
from tests.vendors.script import Reply, Script, Turn, failure
from tests.vendors.server import Recorded


class Form(Protocol):
    """One vendor. `complaints` are the vendor's own rules; they are asked first, the rest only of a sound request."""

    def complaints(self, recorded: Recorded) -> list[Complaint]:
        """Everything that the vendor would refuse the request for."""

    def asked(self, recorded: Recorded) -> Asked:
        """What the request asks of the model."""

    def carries(self, call: Returning, turn: Turn, model: str) -> bool:
        """Whether a call that came back has with it what the model thought before it, to the letter."""

    def refusal(self, found: list[Complaint]) -> Reply:
        """The error answer."""

    def limited(self, seconds: int) -> Reply:
        """The answer to one request too many."""

    def play(self, turn: Turn, recorded: Recorded) -> Script:
        """Answer, and remember what has to come back."""


class Chat:
    """Servers of Chat Completions, by the names of their models."""

    def __init__(self, key: str, servers: Mapping[str, Server]) -> None:
        self._key = key
        self._servers = servers
        self._given: list[chat_reasoning.GivenReasoning] = []

    def complaints(self, recorded: Recorded) -> list[Complaint]:
        """Those of the server that the model is on."""
        return chat.complaints(received(recorded), self._server(recorded), self._key, self._given)

    def asked(self, recorded: Recorded) -> Asked:
        """What stands in the messages."""
        return of_chat(recorded.json)

    def carries(self, call: Returning, turn: Turn, model: str) -> bool:
        """The members of the message, in the server's form: the details where there are any. Some give nothing away."""
        message: Any = call.origin
        members = chat_reasoning.members_of(turn, self._servers[model].reasoning)
        needed = ["reasoning_details"] if "reasoning_details" in members else list(members)
        return all(message.get(name) == members[name] for name in needed)

    def refusal(self, found: list[Complaint]) -> Reply:
        """In OpenAI's envelope, which every client of these servers understands."""
        return chat.answer(found, next(iter(self._servers.values())))

    def limited(self, seconds: int) -> Reply:
        """OpenAI's."""
        return failure(429, "Rate limit reached.", headers={"retry-after": str(seconds)}, code="rate_limit_exceeded")

    def play(self, turn: Turn, recorded: Recorded) -> Script:
        """With the reasoning in the server's form."""
        turn = _with_plain_text(turn, custom_tools(recorded.json))
        model, form = recorded.json["model"], self._server(recorded).reasoning
        self._given.append(chat_reasoning.given_by(turn, form))
        if recorded.json.get("stream"):
            steps = chat_reasoning.stream(turn, model, form)
            return Reply(200, tuple(steps), {"content-type": "text/event-stream"})
        return Reply(200, (chat_reasoning.whole(turn, model, form),), {"content-type": "application/json"})

    def _server(self, recorded: Recorded) -> Server:
        return self._servers[recorded.json["model"]]


def _with_plain_text(turn: Turn, names: list[str]) -> Turn:
    """The turn with the calls of custom tools as OpenAI makes them: in two pieces of plain text."""
    if not any(call.name in names for call in turn.calls):
        return turn
    calls = []
    for call in turn.calls:
        if call.name in names:
            text = orjson.loads(call.json)[PLAIN_INPUT]
            call = replace(call, arguments=(text[:5], text[5:]), custom=True)
        calls.append(call)
    changed = copy.copy(turn)
    changed.calls = tuple(calls)
    return changed


class Gemini:
    """Gemini's API."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._given: list[gemini_signatures.GivenStep] = []

    def complaints(self, recorded: Recorded) -> list[Complaint]:
        """Google's."""
        return gemini.complaints(received(recorded), self._key, self._given)

    def asked(self, recorded: Recorded) -> Asked:
        """What stands in the contents."""
        return of_gemini(recorded.json, _asked_of_gemini(recorded)[0])

    def carries(self, call: Returning, turn: Turn, model: str) -> bool:
        """The signature stands on the very call."""
        parts: Any = call.origin
        return any(
            part.get("functionCall", {}).get("id") == call.id and part.get("thoughtSignature") == turn.signature
            for part in parts
        )

    def refusal(self, found: list[Complaint]) -> Reply:
        """Google's."""
        return gemini.answer(found)

    def limited(self, seconds: int) -> Reply:
        """Google tells the time in the body."""
        info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}
        return gemini_form.refusal(429, "You exceeded your current quota.", info)

    def play(self, turn: Turn, recorded: Recorded) -> Script:
        """Where the model did not think, the placeholder may come back for a signature: some clients keep none."""
        step = gemini_signatures.given_by(turn, streamed=_asked_of_gemini(recorded)[1])
        self._given.append(step)
        if not turn.thinking:
            unsigned = tuple((identity, "") for identity, _ in step.calls)
            self._given.append(gemini_signatures.GivenStep(unsigned))
        return turn


class Messages:
    """Anthropic's API."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._given: list[messages_thinking.GivenAnswer] = []

    def complaints(self, recorded: Recorded) -> list[Complaint]:
        """Anthropic's."""
        return messages.complaints(received(recorded), self._key, self._given)

    def asked(self, recorded: Recorded) -> Asked:
        """What stands in the messages."""
        return of_messages(recorded.json)

    def carries(self, call: Returning, turn: Turn, model: str) -> bool:
        """The block of thinking stands right before the call."""
        message: Any = call.origin
        blocks = message["content"]
        place = [block.get("id") for block in blocks].index(call.id)
        wanted = {"type": "thinking", "thinking": turn.thinking, "signature": turn.signature}
        return place > 0 and blocks[place - 1] == wanted

    def refusal(self, found: list[Complaint]) -> Reply:
        """Anthropic's."""
        return messages.answer(found)

    def limited(self, seconds: int) -> Reply:
        """Anthropic's."""
        error = {"type": "rate_limit_error", "message": "This request would exceed your rate limit."}
        body = orjson.dumps({"type": "error", "error": error, "request_id": "req_1"})
        return Reply(429, (body,), {"content-type": "application/json", "retry-after": str(seconds)})

    def play(self, turn: Turn, recorded: Recorded) -> Script:
        """Thinking is remembered with all that was read before it."""
        body = recorded.json
        self._given.append(messages_thinking.given_by(body, messages_answers.content_of(turn, body["model"])))
        return turn


def _asked_of_gemini(recorded: Recorded) -> tuple[str, bool]:
    found = gemini_form.asked(recorded.path)
    assert found is not None
    return found
