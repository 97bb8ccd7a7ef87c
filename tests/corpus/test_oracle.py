"""The oracles accept what the vendors document and refuse what they do not know."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from .oracle import complaints

Body = dict[str, Any]

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PNG = {"type": "base64", "media_type": "image/png", "data": "aGk="}

MESSAGES: Body = {
    "model": "claude-opus-4-8",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "Be brief", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "image", "source": PNG}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Need it", "signature": "S1"},
                {"type": "tool_use", "id": "toolu_1", "name": "wx", "input": {"city": "Oslo"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "3 C"}]}
            ],
        },
    ],
    "tools": [{"name": "wx", "description": "Weather", "input_schema": SCHEMA, "strict": True}],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "adaptive", "display": "summarized"},
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
    "metadata": {"user_id": "u"},
    "service_tier": "auto",
    "stream": True,
}

CHAT: Body = {
    "model": "gpt-5.6-sol",
    "messages": [
        {"role": "developer", "content": "Be brief"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Weather?"},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "wx", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "3 C"},
    ],
    "tools": [{"type": "function", "function": {"name": "wx", "parameters": SCHEMA, "strict": True}}],
    "tool_choice": {"type": "function", "function": {"name": "wx"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}},
    "max_completion_tokens": 100,
    "reasoning_effort": "high",
    "stream": True,
    "stream_options": {"include_usage": True},
}

GEMINI: Body = {
    "systemInstruction": {"parts": [{"text": "Be brief"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Weather?"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]},
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "call_1", "name": "wx", "args": {"city": "Oslo"}}, "thoughtSignature": "U2ln"}
            ],
        },
        {
            "role": "user",
            "parts": [{"functionResponse": {"id": "call_1", "name": "wx", "response": {"output": "3 C"}}}],
        },
    ],
    "tools": [
        {"functionDeclarations": [{"name": "wx", "description": "Weather", "parametersJsonSchema": SCHEMA}]},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["wx"]}},
    "generationConfig": {
        "maxOutputTokens": 100,
        "temperature": 1,
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
        "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True},
    },
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "serviceTier": "flex",
}

Damage = Callable[[Body], object]


def _set(value: object, *path: str | int) -> Damage:
    def damage(body: Body) -> None:
        holder: Any = body
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = value

    return damage


def _without(name: str) -> Damage:
    return lambda body: body.pop(name)


DAMAGES: list[tuple[str, str, Damage]] = [
    ("anthropic", "no max_tokens", _without("max_tokens")),
    ("anthropic", "no messages", _without("messages")),
    ("anthropic", "unknown member", _set(1, "seed")),
    ("anthropic", "wrong role", _set("developer", "messages", 0, "role")),
    ("anthropic", "wrong block type", _set("input_text", "messages", 0, "content", 0, "type")),
    ("anthropic", "unknown member of a block", _set("auto", "messages", 0, "content", 1, "detail")),
    ("anthropic", "unknown member of a result", _set("wx", "messages", 2, "content", 0, "name")),
    ("anthropic", "arguments as text", _set("{}", "messages", 1, "content", 1, "input")),
    (
        "anthropic",
        "thinking without its signature",
        _set({"type": "thinking", "thinking": ""}, "messages", 1, "content", 0),
    ),
    (
        "anthropic",
        "media type that does not exist",
        _set("image/tiff", "messages", 0, "content", 1, "source", "media_type"),
    ),
    ("anthropic", "unknown member of a tool", _set({}, "tools", 0, "parameters")),
    ("anthropic", "tool without a schema", _set({"name": "wx"}, "tools", 0)),
    ("anthropic", "tool choice as text", _set("auto", "tool_choice")),
    ("anthropic", "number as text", _set("100", "max_tokens")),
    ("anthropic", "effort that does not exist", _set("minimal", "output_config", "effort")),
    ("openai_chat", "no model", _without("model")),
    ("openai_chat", "unknown member", _set(1, "max_output_tokens")),
    ("openai_chat", "wrong role", _set("bot", "messages", 1, "role")),
    ("openai_chat", "wrong part type", _set("input_text", "messages", 1, "content", 0, "type")),
    ("openai_chat", "unknown member of a part", _set("low", "messages", 1, "content", 1, "detail")),
    (
        "openai_chat",
        "image in a tool message",
        _set([{"type": "image_url", "image_url": {"url": "u"}}], "messages", 3, "content"),
    ),
    ("openai_chat", "result without its call", _set({"role": "tool", "content": "3 C"}, "messages", 3)),
    ("openai_chat", "arguments as an object", _set({}, "messages", 2, "tool_calls", 0, "function", "arguments")),
    ("openai_chat", "flat tool", _set({"type": "function", "name": "wx", "parameters": SCHEMA}, "tools", 0)),
    ("openai_chat", "flat schema", _set({"type": "json_schema", "name": "a", "schema": SCHEMA}, "response_format")),
    ("openai_chat", "effort that does not exist", _set("extreme", "reasoning_effort")),
    ("openai_chat", "number as text", _set("100", "max_completion_tokens")),
    ("gemini", "no contents", _without("contents")),
    ("gemini", "unknown member", _set(True, "stream")),
    ("gemini", "member in the spelling of Python", _set(100, "generationConfig", "max_output_tokens")),
    ("gemini", "unknown member of a part", _set("auto", "contents", 0, "parts", 0, "detail")),
    ("gemini", "signature that is not base64", _set("!", "contents", 1, "parts", 0, "thoughtSignature")),
    ("gemini", "arguments as text", _set("{}", "contents", 1, "parts", 0, "functionCall", "args")),
    ("gemini", "result as text", _set("3 C", "contents", 2, "parts", 0, "functionResponse", "response")),
    ("gemini", "unknown member of a function", _set(True, "tools", 0, "functionDeclarations", 0, "strict")),
    ("gemini", "number as text", _set("100", "generationConfig", "maxOutputTokens")),
    ("gemini", "tier that does not exist", _set("default", "serviceTier")),
    ("gemini", "image that is not base64", _set("?", "contents", 0, "parts", 1, "inlineData", "data")),
]

GOOD: dict[str, Body] = {"anthropic": MESSAGES, "openai_chat": CHAT, "gemini": GEMINI}


@pytest.mark.parametrize("vendor", GOOD)
@pytest.mark.parametrize("stream", [True, False])
def test_documented_request_is_accepted(vendor: str, stream: bool) -> None:
    body = GOOD[vendor] if stream else {name: value for name, value in GOOD[vendor].items() if "stream" not in name}
    assert complaints(vendor, body) == []


@pytest.mark.parametrize(
    ("vendor", "what", "damage"), DAMAGES, ids=[f"{vendor}, {what}" for vendor, what, _ in DAMAGES]
)
def test_damaged_request_is_refused(vendor: str, what: str, damage: Damage) -> None:
    body = copy.deepcopy(GOOD[vendor])
    damage(body)
    assert complaints(vendor, body) != []
