"""What the model was given, as plain JSON: the body of the call, the answer to `/history`, and what tokens count."""

from collections.abc import Sequence
from typing import Any

from proxy.provider.contract import Prepared
from proxy.provider.history import CallItem, HistoryItem, MessageItem, Part, ResultItem

SETTINGS = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "top_logprobs",
    "max_output_tokens",
    "max_tool_calls",
    "parallel_tool_calls",
    "reasoning",
    "text",
    "service_tier",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "user",
    "moderation",
    "image",
    "access_programs",
)
"""The settings of a request that a vendor is told. The answer depends on none but the form and the output limit."""

INSTRUCTIONS = "instructions"

_SHOWN = 64


def given(prepared: Prepared) -> dict[str, Any]:
    """The whole request as the model sees it."""
    body: dict[str, Any] = {"model": prepared.model, "items": [_item(item) for item in conversation(prepared)]}
    if prepared.tools:
        choice = prepared.tool_choice
        body["tools"] = [tool.name for tool in prepared.tools]
        body["tool_choice"] = choice.name if choice.mode == "named" else choice.mode
        if choice.allowed is not None:
            body["allowed_tools"] = list(choice.allowed)
    if settings := {name: value for name in SETTINGS if (value := setting(prepared, name)) is not None}:
        body["settings"] = settings
    return body


def conversation(prepared: Prepared) -> list[HistoryItem]:
    """The items, with the instructions in front where the core has not put them there."""
    instructions = prepared.request.instructions
    if not instructions or any(isinstance(item, MessageItem) and item.path == INSTRUCTIONS for item in prepared.items):
        return prepared.items
    return [MessageItem("developer", [{"type": "input_text", "text": instructions}], INSTRUCTIONS), *prepared.items]


def setting(prepared: Prepared, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """One setting of the request; None where the client did not send it."""
    return getattr(prepared.request, name) if name in prepared.request.given else None


def words(text: str) -> int:
    """The scripted model's tokens are words."""
    return len(text.split())


def input_tokens(prepared: Prepared) -> int:
    """The words of the conversation and of the tools' descriptions; an image, file or sound is one."""
    total = 0
    for item in conversation(prepared):
        match item:
            case MessageItem():
                total += _part_tokens(item.parts)
            case CallItem():
                total += words(item.arguments) or 1
            case ResultItem():
                total += words(item.output) if isinstance(item.output, str) else _part_tokens(item.output)
            case _:
                total += sum(words(text) for text in (*item.summary, *item.content))
    return total + sum(1 + words(tool.description or "") for tool in prepared.tools)


def joined_text(parts: Sequence[Part]) -> str:
    """The text of the parts, one line each."""
    return "\n".join(text for part in parts if (text := part_text(part)) is not None)


def part_text(part: Part) -> str | None:
    """The text of one part; None for an image, file or sound."""
    text = part.get("text", part.get("refusal"))
    return text if isinstance(text, str) else None


def _part_tokens(parts: Sequence[Part]) -> int:
    return sum(1 if (text := part_text(part)) is None else words(text) for part in parts)


def _item(item: HistoryItem) -> dict[str, Any]:
    match item:
        case MessageItem():
            return {"role": item.role, **_content(item.parts)}
        case CallItem():
            return {"call": item.name, "call_id": item.call_id, "arguments": item.arguments}
        case ResultItem():
            content = {"text": item.output} if isinstance(item.output, str) else _content(item.output)
            return {
                "result": item.name,
                "call_id": item.call_id,
                **content,
                **({"failed": True} if item.failed else {}),
            }
    shown: dict[str, Any] = {"reasoning": "\n".join(item.summary)}
    if item.content:
        shown["content"] = "\n".join(item.content)
    if item.proof is not None:
        shown["proof"] = item.proof.payload
    return shown


def _content(parts: Sequence[Part]) -> dict[str, Any]:
    others = [
        {name: value[:_SHOWN] if isinstance(value, str) else value for name, value in part.items()}
        for part in parts
        if part_text(part) is None
    ]
    return {"text": joined_text(parts), **({"parts": others} if others else {})}
