"""Mistral's counter of a request's tokens. It belongs to the Responses endpoint and reads that endpoint's items, so it
is asked only for what both endpoints take alike: text, functions, and their calls and results."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from proxy.provider.contract import Call, Prepared
from proxy.provider.history import CallItem, FunctionTool, HistoryItem, MessageItem, Part, ResultItem

PATH: Final = "/responses/input_tokens"

_TEXTS: Final[Mapping[object, str]] = {"input_text": "text", "output_text": "text", "refusal": "refusal"}


def counting(prepared: Prepared) -> Call | None:
    """The counter's call for the request; None where something in it is more than text."""
    items = [_item(item) for item in prepared.items]
    if not items or any(item is None for item in items):
        return None
    body: dict[str, Any] = {"model": prepared.model, "input": items}
    if prepared.request.instructions is not None:
        body["instructions"] = prepared.request.instructions
    if prepared.tools and prepared.tool_choice.mode != "none":
        body["tools"] = [_tool(tool) for tool in prepared.tools]
    return Call(PATH, orjson.dumps(body))


def counted_tokens(body: bytes) -> int:
    """The number in the counter's answer. Raises ValueError for anything else."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    tokens = answer.get("input_tokens") if isinstance(answer, dict) else None
    if type(tokens) is not int or tokens < 0:
        raise ValueError("the counter's answer has no number of tokens")
    return tokens


def _item(item: HistoryItem) -> dict[str, object] | None:
    if isinstance(item, MessageItem):
        text = _text(item.parts)
        return None if text is None else {"type": "message", "role": item.role, "content": text}
    if isinstance(item, CallItem):
        call = {"call_id": item.call_id, "name": item.name, "arguments": item.arguments}
        return {"type": "function_call", **call}
    if isinstance(item, ResultItem):
        output = item.output if isinstance(item.output, str) else _text(item.output)
        return None if output is None else {"type": "function_call_output", "call_id": item.call_id, "output": output}
    return None


def _text(parts: Sequence[Part]) -> str | None:
    """The parts as one text; None where one is no text."""
    texts = [part.get(_TEXTS.get(part.get("type"), "")) for part in parts]
    found = [text for text in texts if isinstance(text, str)]
    return "\n".join(found) if len(found) == len(texts) else None


def _tool(tool: FunctionTool) -> dict[str, object]:
    parameters = tool.parameters or {"type": "object", "properties": {}}
    written: dict[str, object] = {"type": "function", "name": tool.name, "parameters": parameters}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.strict is not None:
        written["strict"] = tool.strict
    return written
