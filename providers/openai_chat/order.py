"""The order of messages that some servers insist upon, made after all of them were written."""

import hashlib
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from providers.openai_chat.dialect import Dialect
from providers.openai_chat.parts import ChatPart
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated

Message: TypeAlias = dict[str, Any]
Content: TypeAlias = str | list[ChatPart]

#: What is said in the name of a side that has to speak and has nothing to say.
GO_ON: Final = "Continue."
UNDERSTOOD: Final = "OK"

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH: Final = 9


def arranged(messages: list[Message], prepared: Prepared, dialect: Dialect) -> list[Message]:
    """The messages in the order that the server takes; what had to be added or joined is declared."""
    report = prepared.conversions.append
    if dialect.order != "free":
        written = messages
        messages = _with_a_beginning(_merged(_separated(messages) if dialect.order == "mistral" else messages))
        if messages != written:
            report(approximated("input", "the server wants turns that alternate: messages were joined, or one added"))
    if dialect.needs_user_message and not any(message["role"] == "user" for message in messages):
        messages.append({"role": "user", "content": GO_ON})
        report(approximated("input", "the server wants a user message: a short one was added"))
    last = messages[-1] if messages else None
    if last is not None and last["role"] == "assistant" and not last.get("tool_calls"):
        if dialect.last_assistant == "prefix":
            last["prefix"] = True
        elif dialect.last_assistant == "followed":
            messages.append({"role": "user", "content": GO_ON})
            report(approximated("input", "the server wants the user to speak last: a short message was added"))
    return messages


def joined(first: Content, second: Content) -> Content:
    """Two contents as one: a string as long as both are."""
    if not first or not second:
        return first or second
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    return [*_as_parts(first), *_as_parts(second)]


def nine_letters(call_ids: Iterable[str]) -> dict[str, str]:
    """For each call id one of nine letters and digits: itself where it is one, else the beginning of its hash."""
    names: dict[str, str] = {}
    for call_id in call_ids:
        if call_id in names:
            continue
        name, attempt = call_id, 0
        while not _is_nine_letters(name) or name in names.values():
            name = _hash_of(f"{call_id}{attempt or ''}")
            attempt += 1
        names[call_id] = name
    return names


def _is_nine_letters(name: str) -> bool:
    return len(name) == _ID_LENGTH and name.isascii() and name.isalnum()


def _hash_of(text: str) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest())
    digits = []
    for _ in range(_ID_LENGTH):
        number, rest = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[rest])
    return "".join(digits)


def _separated(messages: list[Message]) -> list[Message]:
    """A word of the assistant's between a tool message and the user's next."""
    made: list[Message] = []
    for message in messages:
        if message["role"] == "user" and made and made[-1]["role"] == "tool":
            made.append({"role": "assistant", "content": UNDERSTOOD})
        made.append(message)
    return made


def _merged(messages: list[Message]) -> list[Message]:
    """Neighbours of one side as one message."""
    made: list[Message] = []
    for message in messages:
        last = made[-1] if made else None
        if last is not None and last["role"] == message["role"] and last["role"] in ("user", "assistant"):
            first, second = last["content"], message["content"]
            made[-1] = {**last, **message, "content": joined(first, second) if first and second else first or second}
        else:
            made.append(message)
    return made


def _with_a_beginning(messages: list[Message]) -> list[Message]:
    """The user begins."""
    start = next((index for index, message in enumerate(messages) if message["role"] != "system"), len(messages))
    if start < len(messages) and messages[start]["role"] == "user":
        return messages
    return [*messages[:start], {"role": "user", "content": GO_ON}, *messages[start:]]


def _as_parts(content: Content) -> list[ChatPart]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
