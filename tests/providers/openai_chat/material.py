"""What the tests are made of: providers, prepared requests, chunks, and the events they decode to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.openai_chat.decode import ChatDecoder
from providers.openai_chat.dialect import Dialect
from providers.openai_chat.dialects import DIALECTS
from proxy.provider.contract import Frame, Prepared
from proxy.provider.history import (
    AUTO,
    CallItem,
    FunctionTool,
    HistoryItem,
    MessageItem,
    OpenedProof,
    Part,
    ReasoningItem,
    ResultItem,
    ToolChoice,
)
from proxy.responses.events import CallArguments, CallOpened, Event, Reasoning, Refusal, Text
from proxy.responses.request import CreateRequest

OPENAI = OpenAIChat(OpenAIChatSettings())
VLLM = OpenAIChat(OpenAIChatSettings(base_url="http://lab:8000/v1", dialect="vllm"))
LLAMA_CPP = OpenAIChat(OpenAIChatSettings(base_url="http://lab:8080/v1", dialect="llama_cpp"))
GENERIC = OpenAIChat(OpenAIChatSettings(base_url="http://lab:9000/v1"))

PROVIDERS = {"openai": OPENAI, "vllm": VLLM, "llama_cpp": LLAMA_CPP, "generic": GENERIC}

WEATHER = FunctionTool(
    "weather", "Tells the weather.", {"type": "object", "properties": {"city": {"type": "string"}}}, None, "tools[0]"
)
CLOCK = FunctionTool("clock", None, None, None, "tools[1]")


def text(value: str) -> Part:
    return {"type": "input_text", "text": value}


def user(*parts: str | Part, path: str = "input[0]") -> MessageItem:
    return MessageItem("user", [text(part) if isinstance(part, str) else part for part in parts], path)


def system(value: str, path: str = "input[0]") -> MessageItem:
    return MessageItem("system", [text(value)], path)


def assistant(*parts: str | Part, path: str = "input[1]") -> MessageItem:
    written: list[Part] = [{"type": "output_text", "text": part} if isinstance(part, str) else part for part in parts]
    return MessageItem("assistant", written, path)


def call(call_id: str = "call_a", name: str = "weather", arguments: str = '{"city":"Oslo"}') -> CallItem:
    return CallItem(call_id, name, arguments, "input[1]")


def result(output: str | list[Part], call_id: str = "call_a", *, failed: bool = False) -> ResultItem:
    return ResultItem(call_id, "weather", output, failed, "input[2]")


def thought(content: str = "", *, sealed: str | None = None, path: str = "input[1]") -> ReasoningItem:
    proof = OpenedProof("reasoning_text", "", "self", sealed) if sealed is not None else None
    return ReasoningItem([], [content] if content else [], proof, path)


def prepared(
    provider: OpenAIChat = OPENAI,
    *items: HistoryItem,
    model: str = "gpt-4.1",
    tools: Sequence[FunctionTool] = (),
    choice: ToolChoice = AUTO,
    stream: bool = False,
    capabilities: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> Prepared:
    """A request as the exchange would hand it over; `parameters` are the client's."""
    able = provider.capabilities(model)
    able = replace(able, **capabilities) if capabilities else able
    return Prepared(
        model=model,
        request=CreateRequest(model="any", input=[], given=frozenset(parameters), **parameters),
        items=list(items) or [user("Hello")],
        tools=list(tools),
        tool_choice=choice,
        capabilities=able,
        stream=stream,
    )


def encoded(provider: OpenAIChat, request: Prepared) -> dict[str, Any]:
    body = orjson.loads(provider.encode(request).body)
    assert isinstance(body, dict)
    return body


def settings_of(provider: OpenAIChat, request: Prepared) -> dict[str, Any]:
    """The body without model and messages."""
    return {name: value for name, value in encoded(provider, request).items() if name not in ("model", "messages")}


def messages_of(provider: OpenAIChat, request: Prepared) -> list[dict[str, Any]]:
    messages = encoded(provider, request)["messages"]
    assert isinstance(messages, list)
    return messages


def conversions_of(request: Prepared) -> list[tuple[str, str]]:
    return [(conversion.path, conversion.disposition) for conversion in request.conversions]


def chunk(delta: object = None, **choice: Any) -> dict[str, Any]:
    """A chunk with one choice."""
    return {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": delta if delta is not None else {}, **choice}]}


def streamed(*chunks: object, dialect: str | Dialect = "openai", done: bool = True, start: bool = False) -> list[Event]:
    """The events of a stream: chunks are values, or bytes as they are."""
    decoder = ChatDecoder(DIALECTS[dialect] if isinstance(dialect, str) else dialect)
    events: list[Event] = []
    for each in chunks:
        events += decoder.feed(Frame("", each if isinstance(each, bytes) else orjson.dumps(each)))
    if done:
        events += decoder.feed(Frame("", b"[DONE]"))
    events += decoder.end()
    return events if start else [event for event in events if type(event).__name__ != "Started"]


def whole(answer: object, dialect: str = "openai") -> list[Event]:
    """The events of a whole answer, without `Started`."""
    body = answer if isinstance(answer, bytes) else orjson.dumps(answer)
    return [event for event in ChatDecoder(DIALECTS[dialect]).whole(body) if type(event).__name__ != "Started"]


def merged(events: Sequence[Event]) -> list[Event]:
    """Neighbouring deltas of one key as one."""
    joined: list[Event] = []
    for event in events:
        last = joined[-1] if joined else None
        if isinstance(event, Text) and isinstance(last, Text) and event.key == last.key:
            logprobs = [*(last.logprobs or ()), *(event.logprobs or ())] or None
            joined[-1] = Text(event.key, last.delta + event.delta, logprobs)
        elif isinstance(event, Reasoning) and isinstance(last, Reasoning) and event.key == last.key:
            joined[-1] = Reasoning(event.key, last.delta + event.delta, event.raw)
        elif isinstance(event, Refusal) and isinstance(last, Refusal) and event.key == last.key:
            joined[-1] = Refusal(event.key, last.delta + event.delta)
        elif isinstance(event, CallArguments) and isinstance(last, CallArguments) and event.key == last.key:
            joined[-1] = CallArguments(event.key, last.delta + event.delta)
        else:
            joined.append(event)
    return joined


def calls_in(events: Sequence[Event]) -> list[tuple[str | None, str, str]]:
    """(call id, name, arguments) of each call."""
    opened = {event.key: event for event in events if isinstance(event, CallOpened)}
    arguments = dict.fromkeys(opened, "")
    for event in events:
        if isinstance(event, CallArguments):
            arguments[event.key] += event.delta
    return [(event.call_id, event.name, arguments[key]) for key, event in opened.items()]


def text_in(events: Sequence[Event]) -> str:
    return "".join(event.delta for event in events if isinstance(event, Text))


def reasoning_in(events: Sequence[Event]) -> str:
    return "".join(event.delta for event in events if isinstance(event, Reasoning))
