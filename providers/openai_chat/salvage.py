"""Tool calls that the server made and refused itself (Groq's `tool_use_failed`): what the model said stands in the
error, and a client can answer a call with wrong arguments better than an error."""

import re
from typing import Final

import orjson

from providers.openai_chat.tool_calls import dumped
from proxy.responses.events import CallArguments, CallClosed, CallOpened, Event, Finished

CODE: Final = "tool_use_failed"
KEY: Final = "salvaged"

#: `<function=name>{...}</function>` and `<function=name{...}</function>`, as Llama models write calls.
_TAGGED: Final = re.compile(r"<function=([\w.-]+)>?\s*(\{.*\})\s*(?:</function>)?", re.DOTALL)
_TAGS: Final = re.compile(r"</?tool_call>|<\|python_tag\|>")


def salvaged_call(status: int, body: bytes) -> list[Event] | None:
    """The events of the call in an error answer; None where there is none."""
    if status != 400:
        return None
    try:
        return calls_in_error(orjson.loads(body))
    except orjson.JSONDecodeError:
        return None


def calls_in_error(value: object) -> list[Event] | None:
    """The events of the call in an error object, ending in `Finished`; None where there is none."""
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict) or error.get("code") != CODE:
        return None
    generation = error.get("failed_generation")
    calls = _calls(generation) if isinstance(generation, str) else []
    if not calls:
        return None
    events: list[Event] = []
    for index, (name, arguments) in enumerate(calls):
        key = f"{KEY}:{index}"
        events += [CallOpened(key, name), CallArguments(key, arguments), CallClosed(key)]
    return [*events, Finished("stop", CODE)]


def _calls(generation: str) -> list[tuple[str, str]]:
    text = _TAGS.sub("", generation).strip()
    if tagged := _TAGGED.fullmatch(text):
        return [(tagged[1], tagged[2])]
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    found = []
    for call in value if isinstance(value, list) else [value]:
        if not isinstance(call, dict) or not isinstance(call.get("name"), str) or not call["name"]:
            return []
        arguments = call.get("arguments", call.get("parameters"))
        found.append((call["name"], arguments if isinstance(arguments, str) else dumped(arguments or {})))
    return found
