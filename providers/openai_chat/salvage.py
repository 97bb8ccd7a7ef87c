"""Tool calls that the server made and refused itself (Groq's `tool_use_failed`): what the model said stands in the
error, and a client can answer a call with wrong arguments better than an error.

Only calls to tools that were offered are taken over, with arguments that are a JSON object. What the server refused
because the model may not call it stays refused: a client may run whatever it is told to call.
"""

import re
from collections.abc import Collection
from typing import Final, TypeAlias

import orjson

from providers.openai_chat.tool_calls import dumped, is_object
from proxy.responses.events import CallArguments, CallClosed, CallOpened, Event, Finished

NamedCall: TypeAlias = tuple[str, str]
"""A call's name and its arguments as JSON text."""

CODE: Final = "tool_use_failed"
KEY: Final = "salvaged"

_TAGS: Final = re.compile(r"</?tool_call>|<\|python_tag\|>|^```(json)?|```$", re.MULTILINE)
#: `<function=name>{...}</function>`, `<function=name{...}</function>` and `name{...}</function>`: Llama models.
_TAGGED: Final = re.compile(r"(?:<function=)?([\w.-]+)>?\s*(\{.*\})\s*", re.DOTALL)
_END: Final = "</function>"


def salvaged_call(status: int, body: bytes, offered: Collection[str]) -> list[Event] | None:
    """The events of the calls in an error answer; None where there are none that may be taken over."""
    if status != 400:
        return None
    try:
        return calls_in_error(orjson.loads(body), offered)
    except orjson.JSONDecodeError:
        return None


def calls_in_error(value: object, offered: Collection[str]) -> list[Event] | None:
    """The events of the calls in an error object, ending in `Finished`; None where there are none that may be taken
    over."""
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict) or error.get("code") != CODE:
        return None
    generation = error.get("failed_generation")
    calls = _calls(generation) if isinstance(generation, str) else None
    if not calls or any(name not in offered or not is_object(arguments) for name, arguments in calls):
        return None
    events: list[Event] = []
    for index, (name, arguments) in enumerate(calls):
        key = f"{KEY}:{index}"
        events += [CallOpened(key, name), CallArguments(key, arguments), CallClosed(key)]
    return [*events, Finished("stop", CODE)]


def _calls(generation: str) -> list[NamedCall] | None:
    """The calls in what the model said; None where it is not calls alone."""
    text = _TAGS.sub("", generation).strip()
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _tagged(text)
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    calls = [_call(each) for each in (value if isinstance(value, list) else [value])]
    return None if None in calls else [call for call in calls if call is not None]


def _tagged(text: str) -> list[NamedCall] | None:
    found = [_TAGGED.fullmatch(piece.strip()) for piece in text.removesuffix(_END).split(_END)]
    return None if None in found else [(match[1], match[2]) for match in found if match is not None]


def _call(value: object) -> NamedCall | None:
    """One call as an object: by itself, or as a member of `tool_calls`."""
    call = value.get("function", value) if isinstance(value, dict) else None
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        return None
    arguments = call.get("arguments", call.get("parameters"))
    if isinstance(arguments, str):
        return call["name"], arguments if arguments.strip() else "{}"
    return call["name"], dumped({} if arguments is None else arguments)
