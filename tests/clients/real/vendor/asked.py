"""What a request asks of the model, read from each vendor's own form: the stand-ins answer this and nothing else."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson

from tests.clients.real.vendor import codex

Schema: TypeAlias = Mapping[str, Any]
Body: TypeAlias = Mapping[str, Any]

_DATA_URL: Final = re.compile(r"data:[^,]*;base64,(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Said:
    """A text of the user."""

    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An image of the user; None for one that came as an address."""

    content: bytes | None


@dataclass(frozen=True, slots=True)
class Returning:
    """A call that the model made earlier. `origin` is what stands with it in the vendor's own form: the message, or the
    parts of the content."""

    id: str
    name: str
    origin: object


@dataclass(frozen=True, slots=True)
class Returned:
    """The result of a call, as text."""

    call_id: str
    text: str


Event: TypeAlias = Said | Shown | Returning | Returned | None
"""None stands for what the model said."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`prompt` is what the user said last, `images` what was shown with it, `calls` and `results` what happened since.
    `tools` are the functions by name with the schemas of their arguments, `schema` is the wanted form of the answer,
    `instructions` is all that the system says."""

    model: str
    prompt: str = ""
    images: tuple[bytes | None, ...] = ()
    calls: tuple[Returning, ...] = ()
    results: tuple[Returned, ...] = ()
    tools: Mapping[str, Schema] = field(default_factory=dict)
    schema: Schema | None = None
    instructions: str = ""


PLAIN_INPUT: Final = "input"
"""Stands for the one text of a tool that takes plain text."""


def custom_tools(body: Body) -> list[str]:
    """The tools of a request of Chat Completions that take plain text."""
    return [tool["custom"]["name"] for tool in body.get("tools") or () if tool["type"] == "custom"]


def of_chat(body: Body) -> Asked:
    """A request of Chat Completions."""
    wanted = body.get("response_format") or {}
    return _asked(
        body["model"],
        _chat_events(body["messages"]),
        {
            tool["function"]["name"]: tool["function"].get("parameters") or {}
            for tool in body.get("tools") or ()
            if tool["type"] == "function"
        }
        | {name: {"required": [PLAIN_INPUT]} for name in custom_tools(body)},
        wanted["json_schema"]["schema"] if wanted.get("type") == "json_schema" else None,
        "\n".join(_text(each["content"]) for each in body["messages"] if each["role"] in ("system", "developer")),
    )


def of_messages(body: Body) -> Asked:
    """A request of Anthropic's Messages."""
    wanted = (body.get("output_config") or {}).get("format")
    tools = {tool["name"]: tool["input_schema"] for tool in body.get("tools") or () if "input_schema" in tool}
    schema = wanted["schema"] if wanted else None
    later = (_text(each["content"]) for each in body["messages"] if each["role"] == "system")
    instructions = "\n".join([_text(body.get("system")), *later])
    return _asked(body["model"], _messages_events(body["messages"]), tools, schema, instructions)


def of_gemini(body: Body, model: str) -> Asked:
    """A request of Gemini's generateContent."""
    declared = [each for tool in body.get("tools") or () for each in tool.get("functionDeclarations") or ()]
    tools = {each["name"]: each.get("parametersJsonSchema") or each.get("parameters") or {} for each in declared}
    wanted = body.get("generationConfig") or {}
    schema = wanted.get("responseJsonSchema") or wanted.get("responseSchema")
    instructions = "\n".join(part["text"] for part in (body.get("systemInstruction") or {}).get("parts") or ())
    return _asked(model, _gemini_events(body["contents"]), tools, schema, instructions)


def _asked(
    model: str, events: Iterator[Event], tools: Mapping[str, Schema], schema: Schema | None, instructions: str
) -> Asked:
    """What the user says after the model did, or after a result, is a new prompt."""
    texts: list[str] = []
    images: list[bytes | None] = []
    calls: list[Returning] = []
    results: list[Returned] = []
    goes_on = False
    for event in events:
        if isinstance(event, Said) and event.text.startswith(codex.NOTICE):
            continue
        if isinstance(event, Said | Shown):
            if not goes_on:
                for each in (texts, images, calls, results):
                    each.clear()
            if isinstance(event, Said):
                texts.append(event.text)
            else:
                images.append(event.content)
        elif isinstance(event, Returning):
            calls.append(event)
        elif isinstance(event, Returned):
            results.append(event)
        goes_on = isinstance(event, Said | Shown)
    return Asked(model, "\n".join(texts), tuple(images), tuple(calls), tuple(results), tools, schema, instructions)


# --- Chat Completions -------------------------------------------------------------------------------------------------


def _chat_events(messages: Sequence[Body]) -> Iterator[Event]:
    for message in messages:
        role = message["role"]
        if role == "user":
            for part in _parts(message["content"]):
                if part["type"] == "text":
                    yield Said(part["text"])
                elif part["type"] == "image_url":
                    yield Shown(_from_data_url(part["image_url"]["url"]))
        elif role == "assistant":
            yield None
            for call in message.get("tool_calls") or ():
                yield Returning(call["id"], call[call["type"]]["name"], message)
        elif role == "tool":
            yield Returned(message["tool_call_id"], _text(message["content"]))


def _parts(content: object) -> Sequence[Body]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def _text(content: object) -> str:
    return "".join(part["text"] for part in _parts(content) if part["type"] == "text")


def _from_data_url(url: str) -> bytes | None:
    match = _DATA_URL.fullmatch(url)
    return None if match is None else base64.b64decode(match[1], validate=True)


# --- Anthropic's Messages ---------------------------------------------------------------------------------------------


def _messages_events(messages: Sequence[Body]) -> Iterator[Event]:
    for message in messages:
        blocks = _parts(message["content"])
        if message["role"] == "assistant":
            yield None
        for block in blocks:
            kind = block["type"]
            if kind == "tool_use":
                yield Returning(block["id"], block["name"], message)
            elif kind == "tool_result":
                yield Returned(block["tool_use_id"], _text(block.get("content")))
            elif message["role"] == "user" and kind == "text":
                yield Said(block["text"])
            elif message["role"] == "user" and kind == "image":
                source = block["source"]
                is_here = source["type"] == "base64"
                yield Shown(base64.b64decode(source["data"], validate=True) if is_here else None)


# --- Gemini -----------------------------------------------------------------------------------------------------------


def _gemini_events(contents: Sequence[Body]) -> Iterator[Event]:
    for content in contents:
        if content["role"] == "model":
            yield None
        for part in content["parts"]:
            if "functionCall" in part:
                call = part["functionCall"]
                yield Returning(call.get("id") or "", call["name"], content["parts"])
            elif "functionResponse" in part:
                answer = part["functionResponse"]
                yield Returned(answer.get("id") or "", _plain(answer["response"]))
            elif content["role"] == "user" and "text" in part:
                yield Said(part["text"])
            elif content["role"] == "user" and "inlineData" in part:
                yield Shown(base64.b64decode(part["inlineData"]["data"], validate=True))


def _plain(response: Body) -> str:
    """The text of a function's response; an object of several members as JSON."""
    values = list(response.values())
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return orjson.dumps(response).decode()
