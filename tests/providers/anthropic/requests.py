"""Short ways to build what the provider is handed, and to read what it makes of it."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from providers.anthropic import Anthropic, AnthropicSettings
from proxy.provider.contract import Call, Prepared
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
    Role,
    ToolChoice,
)
from proxy.responses.request import CreateRequest

OPUS = "claude-opus-4-8"
HAIKU = "claude-haiku-4-5"

WEATHER = FunctionTool("wx", None, {"type": "object", "properties": {"city": {"type": "string"}}}, None, "tools[0]")


def text(value: str) -> dict[str, Any]:
    return {"type": "input_text", "text": value}


def message(*content: str | Part, role: Role = "user", path: str = "input[0]") -> MessageItem:
    return MessageItem(role, [text(part) if isinstance(part, str) else part for part in content], path)


def assistant(*content: str | Part, path: str = "input[1]") -> MessageItem:
    return message(*content, role="assistant", path=path)


def developer(*content: str | Part, path: str = "input[2]") -> MessageItem:
    return message(*content, role="developer", path=path)


def call(call_id: str = "toolu_1", arguments: str = '{"city":"Oslo"}', path: str = "input[1]") -> CallItem:
    return CallItem(call_id, "wx", arguments, path)


def result(
    output: str | list[Part] = "3 C", call_id: str = "toolu_1", *, failed: bool = False, path: str = "input[2]"
) -> ResultItem:
    return ResultItem(call_id, "wx", output, failed, path)


def thought(text: str = "Need weather", signature: str = "S1", path: str = "input[0]") -> ReasoningItem:
    return ReasoningItem([text], [], OpenedProof("thinking", signature, "self", text), path)


def prepared(
    *items: HistoryItem,
    model: str = OPUS,
    tools: Iterable[FunctionTool] = (),
    choice: ToolChoice = AUTO,
    stream: bool = False,
    provider: Anthropic | None = None,
    **parameters: Any,
) -> Prepared:
    request = CreateRequest(model=model, input=[], given=frozenset(parameters), **parameters)
    capabilities = (provider or Anthropic(AnthropicSettings())).capabilities(model)
    conversation = list(items) or [message("Hello")]
    return Prepared(model, request, conversation, list(tools), choice, capabilities, stream)


def body_of(call: Call) -> Any:
    return orjson.loads(call.body)


def encoded(*items: HistoryItem, settings: AnthropicSettings | None = None, **options: Any) -> tuple[Any, list[str]]:
    """The body, and the conversions as `disposition path` (with a star for contracts)."""
    request = prepared(*items, **options)
    sent = Anthropic(settings or AnthropicSettings()).encode(request)
    return body_of(sent), losses(request)


def losses(request: Prepared) -> list[str]:
    return [f"{entry.disposition}{'*' * entry.contract} {entry.path}" for entry in request.conversions]


def messages_of(*items: Any, **options: Any) -> Any:
    return encoded(*items, **options)[0]["messages"]


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": _blocks(blocks)}


def model_turn(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": _blocks(blocks)}


def system(*blocks: Any) -> dict[str, Any]:
    return {"role": "system", "content": _blocks(blocks)}


def _blocks(blocks: Sequence[Any]) -> list[Any]:
    return [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks]
