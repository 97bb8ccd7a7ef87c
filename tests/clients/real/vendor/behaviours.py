"""What the model does, by what the user says: one script for every vendor and every client.

| the user says | the model |
|---|---|
| say hello | greets |
| use tools | calls get_weather for Oslo, after its result for Bergen, then tells both results |
| two at once | calls get_weather for both in one answer, then tells both results |
| structured | answers in the wanted form, or calls the tool that takes a report |
| look at the image | tells the beginning of the SHA-256 of the bytes that it was shown |
| think | thinks, and calls get_weather for Oslo; then tells the result |
| use the custom tool | calls write_sql, then tells the result |
| fail 429 | is over its limit |
| codex: ... | see `codex.py` |
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from tests.clients.real.vendor import codex
from tests.clients.real.vendor.asked import Asked, Schema

TOOL: Final = "get_weather"
CUSTOM_TOOL: Final = "write_sql"
STATEMENT: Final = "SELECT name FROM users"
DIGEST: Final = 16
"""How much of a SHA-256 is told, in hexadecimal digits."""

REPORT: Final = {"city": "Oslo", "temperature": 4}
"""What a form that is only described is filled in with."""

OSLO: Final = (TOOL, {"city": "Oslo"})
BERGEN: Final = (TOOL, {"city": "Bergen"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says, in pieces, what it calls, each with its arguments, and what it thought before."""

    text: tuple[str, ...] = ()
    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    thinking: str = ""


@dataclass(frozen=True, slots=True)
class Limited:
    """The vendor takes no request for some seconds."""

    seconds: int


Outcome: TypeAlias = Answer | Limited


def answer(asked: Asked) -> Outcome:
    """What the model does. Of several prompts the one that was written last counts, and of those the longest."""
    turns = [
        {"role": "user", "text": asked.prompt},
        *({"role": "tool", "text": result.text} for result in asked.results),
    ]
    offered = [{"name": name, "parameters": schema} for name, schema in asked.tools.items()]
    if (step := codex.next_step(offered, turns)) is not None:
        return Answer((step.text,) if step.text else (), step.calls)
    said = asked.prompt.lower()
    found = [(said.rindex(prompt) + len(prompt), len(prompt), prompt) for prompt in BEHAVIOURS if prompt in said]
    if not found:
        return Answer(("I have no instructions for this: ", asked.prompt))
    return BEHAVIOURS[max(found)[2]](asked)


# --- behaviours -------------------------------------------------------------------------------------------------------


def _greet(asked: Asked) -> Answer:
    return Answer(("Hello", " from the", " model."))


def _use_tools(asked: Asked) -> Answer:
    steps = (OSLO, BERGEN)
    return Answer(calls=steps[len(asked.results) :][:1]) if len(asked.results) < len(steps) else _told(asked)


def _two_at_once(asked: Asked) -> Answer:
    return _told(asked) if asked.results else Answer(calls=(OSLO, BERGEN))


def _told(asked: Asked) -> Answer:
    """The results, each after the name of the call that it answers: a mix-up would be seen."""
    names = {call.id: call.name for call in asked.calls}
    return Answer(tuple(f"{names.get(each.call_id, 'unknown')} said {each.text}. " for each in asked.results))


def _structured(asked: Asked) -> Answer:
    if asked.results:
        return Answer(("Reported.",))
    if asked.schema is not None:
        return Answer(tuple(_halves(orjson.dumps(example(asked.schema)).decode())))
    for name, schema in asked.tools.items():
        if REPORT.keys() <= _properties(schema):
            return Answer(calls=((name, example(schema)),))
    if all(name in asked.instructions for name in REPORT):
        return Answer((orjson.dumps(REPORT).decode(),))
    return Answer(("No form of the answer was asked for.",))


def _look(asked: Asked) -> Answer:
    digests = ["nothing" if each is None else hashlib.sha256(each).hexdigest()[:DIGEST] for each in asked.images]
    return Answer(("I see ", ", ".join(digests) or "nothing", "."))


def _think(asked: Asked) -> Answer:
    if asked.results:
        return _told(asked)
    return Answer(calls=(OSLO,), thinking="They want the weather, and Oslo is a city. I look it up.")


def _use_custom_tool(asked: Asked) -> Answer:
    if asked.results:
        return _told(asked)
    required = list(asked.tools.get(CUSTOM_TOOL, {}).get("required") or ())
    if len(required) != 1:
        return Answer((f"{CUSTOM_TOOL} is not offered as a tool of one text.",))
    return Answer(calls=((CUSTOM_TOOL, {required[0]: STATEMENT}),))


def _fail(asked: Asked) -> Limited:
    return Limited(30)


BEHAVIOURS: Final[Mapping[str, Callable[[Asked], Outcome]]] = {
    "say hello": _greet,
    "use tools": _use_tools,
    "two at once": _two_at_once,
    "structured": _structured,
    "look at the image": _look,
    "think": _think,
    "use the custom tool": _use_custom_tool,
    "fail 429": _fail,
}


# --- forms ------------------------------------------------------------------------------------------------------------

_EXAMPLES: Final[Mapping[str, object]] = {"string": "Oslo", "integer": 4, "number": 4.5, "boolean": True, "null": None}


def example(schema: Schema, root: Schema | None = None) -> Any:
    """A value of the form that a schema describes; enough of JSON Schema for what clients send."""
    root = schema if root is None else root
    if "$ref" in schema:
        target: Any = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        return example(target, root)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return example(schema[several][0], root)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        kind = kind[0]
    kind = kind.lower()
    if kind == "object":
        return {name: example(inner, root) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema["items"], root)]
    return _EXAMPLES[kind]


def _properties(schema: Schema) -> set[str]:
    return set(schema.get("properties") or ())


def _halves(text: str) -> tuple[str, str]:
    middle = len(text) // 2
    return text[:middle], text[middle:]
