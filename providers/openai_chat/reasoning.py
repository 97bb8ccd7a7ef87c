"""Earlier reasoning on its way back to the server, in the form in which the server wants it.

The decoder seals what the server gave; here it becomes members of the assistant message again.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from providers.openai_chat.dialect import Replay
from proxy.provider.contract import Prepared
from proxy.provider.conversions import ignored
from proxy.provider.history import ReasoningItem

Message: TypeAlias = dict[str, Any]

#: The kinds of proofs: the reasoning's own text, and the list of `reasoning_details` as JSON.
REASONING_TEXT: Final = "reasoning_text"
REASONING_DETAILS: Final = "reasoning_details"


class Thought(NamedTuple):
    """One reasoning item: its place in the request, its text, and the details or the signature that the server gave
    with it. `sealed`: the text is what the server gave."""

    path: str
    text: str
    details: list[object]
    signature: str = ""
    sealed: bool = False


def thought(item: ReasoningItem) -> Thought:
    """What can go back of a reasoning item."""
    proof = item.proof
    if proof is not None and proof.kind == REASONING_DETAILS:
        details = orjson.loads(proof.payload)
        return Thought(item.path, "".join(item.content), details if isinstance(details, list) else [])
    if proof is not None and proof.kind == REASONING_TEXT and proof.text:
        return Thought(item.path, proof.text, [], proof.payload, sealed=True)
    return Thought(item.path, "".join(item.content), [])


def put_back(message: Message, thoughts: Sequence[Thought], replay: Replay, prepared: Prepared) -> bool:
    """Write the thoughts into the assistant's message; whether there was anything. What has nothing to go back is
    declared."""
    thoughts = sorted(thoughts, key=_number)
    if replay.form == "details":
        details = [detail for each in thoughts for detail in each.details]
        text = "".join(each.text for each in thoughts) if replay.tagged_text and not details else ""
        lost = [each for each in thoughts if not (each.text if text else each.details)]
        _declare(lost, "the server did not give it in this form", prepared)
        if details:
            message[replay.member] = details
        elif text:
            _tag(message, text)
        return bool(details or text)
    _declare([each for each in thoughts if not each.text], "it has no text", prepared)
    if replay.sealed:
        foreign = [each for each in thoughts if each.text and not each.sealed]
        _declare(foreign, "the server takes only its own reasoning back", prepared)
        thoughts = [each for each in thoughts if each.sealed]
    if replay.form == "thinking_part":
        parts = [_thinking_part(each) for each in thoughts if each.text]
        if parts:
            text = message["content"]
            message["content"] = [*parts, {"type": "text", "text": text}] if text else parts
        return bool(parts)
    # What a call interrupted is one text, which goes back unchanged.
    given = "".join(each.text for each in thoughts) or replay.placeholder
    if given is None:
        return False
    if replay.form == "think_tags":
        _tag(message, given)
    else:
        message[replay.member] = given
    return True


def _number(thought: Thought) -> int:
    """The thought's number among the request's items: what is said after a call may have been moved in front of it."""
    number = thought.path.removeprefix("input[").removesuffix("]")
    return int(number) if number.isdecimal() else 0


def _tag(message: Message, text: str) -> None:
    message["content"] = f"<think>\n{text}\n</think>\n\n{message['content'] or ''}"


def _thinking_part(thought: Thought) -> dict[str, object]:
    part = {"type": "thinking", "thinking": [{"type": "text", "text": thought.text}], "closed": True}
    return {**part, "signature": thought.signature} if thought.signature else part


def _declare(thoughts: Sequence[Thought], reason: str, prepared: Prepared) -> None:
    prepared.conversions.extend(ignored(each.path, reason) for each in thoughts)
