"""Reasoning that goes back to a server of Chat Completions: how it is told, and what has to come back unchanged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from tests.strict.chat_servers import ReasoningForm, Server
from tests.vendors import chat
from tests.vendors.script import Step, Turn

Members: TypeAlias = Mapping[str, Any]

_PREFIX: Final = b"data: "


@dataclass(frozen=True, slots=True)
class GivenReasoning:
    """What one answer said before its calls: the ids of the calls, and the members of the message that hold its
    reasoning."""

    call_ids: tuple[str, ...]
    members: Members


def members_of(turn: Turn, form: ReasoningForm | None) -> Members:
    """The members of a whole message that hold the turn's reasoning."""
    if not turn.thinking or form is None:
        return {}
    if form == "details":
        details = [
            {"type": "reasoning.text", "text": turn.thinking, "format": "anthropic-claude-v1", "index": 0},
            {"type": "reasoning.encrypted", "data": turn.signature, "format": "anthropic-claude-v1", "index": 1},
        ]
        return {"reasoning": turn.thinking, "reasoning_details": details}
    if form == "chunks":
        thinking = {"type": "thinking", "thinking": [{"type": "text", "text": turn.thinking}], "closed": True}
        return {"content": [thinking, *([{"type": "text", "text": turn.text}] if turn.text else [])]}
    return {form: turn.thinking}


def given_by(turn: Turn, form: ReasoningForm | None) -> GivenReasoning:
    """What the server has to remember of an answer."""
    return GivenReasoning(tuple(call.id for call in turn.calls), members_of(turn, form))


def whole(turn: Turn, model: str, form: ReasoningForm | None) -> bytes:
    """The body of an answer that is not streamed."""
    body = orjson.loads(chat.whole(turn, model))
    body["choices"][0]["message"].update(members_of(turn, form))
    return orjson.dumps(body)


def stream(turn: Turn, model: str, form: ReasoningForm | None) -> list[Step]:
    """The steps of a streamed answer: the reasoning comes after the first chunk, in two pieces."""
    first, *rest = chat.stream(turn, model)
    assert isinstance(first, bytes)
    steps: list[Step] = [first]
    for delta in _deltas(turn, form):
        chunk = orjson.loads(first.removeprefix(_PREFIX))
        chunk["choices"][0]["delta"] = delta
        steps.append(b"%b%b\n\n" % (_PREFIX, orjson.dumps(chunk)))
    return [*steps, *rest]


def _deltas(turn: Turn, form: ReasoningForm | None) -> Iterator[Members]:
    if not turn.thinking or form is None:
        return
    if form == "details":
        members = members_of(turn, form)
        for detail in members["reasoning_details"]:
            yield {"reasoning": detail.get("text"), "reasoning_details": [detail]}
        return
    middle = len(turn.thinking) // 2
    for piece in (turn.thinking[:middle], turn.thinking[middle:]):
        if form == "chunks":
            yield {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": piece}]}]}
        else:
            yield {form: piece}


# --- what comes back --------------------------------------------------------------------------------------------------


def reasoning_faults(
    messages: Sequence[Members], server: Server, given: Sequence[GivenReasoning]
) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the reasoning of earlier assistant messages."""
    for index, message in enumerate(messages):
        calls = message.get("tool_calls")
        if message.get("role") != "assistant" or not calls:
            continue
        path = f"messages[{index}]"
        if server.reasoning_required and not message.get("reasoning_content"):
            yield "reasoning-missing", path, ""
        ids = tuple(str(call.get("id")) for call in calls)
        members = next((each.members for each in given if each.call_ids == ids), None)
        if members is None:
            if message.get("reasoning_details") is not None:
                yield "details-altered", path, str(index)
            continue
        if message.get("reasoning_details", members.get("reasoning_details")) != members.get("reasoning_details"):
            yield "details-altered", path, str(index)
        for name in ("reasoning", "reasoning_content"):
            sent = message.get(name)
            if sent is not None and sent.strip() and sent != members.get(name, sent):
                yield "reasoning-altered", path, str(index)
        if server.reasoning == "chunks" and _thoughts(message) not in ("", _thoughts(members)):
            yield "reasoning-altered", path, str(index)


def _thoughts(message: Members) -> str:
    """The text of the thinking chunks of a content."""
    content = message.get("content")
    return "".join(
        str(piece.get("text"))
        for chunk in (content if isinstance(content, list) else ())
        if chunk.get("type") == "thinking"
        for piece in chunk.get("thinking") or ()
    )
