"""Moonshot: Kimi."""

from typing import Any

from .exchange import (
    CLOCK,
    DONE,
    SCHEMA_IN_WORDS,
    WEATHER,
    Exchange,
    Failed,
    Found,
    Refused,
    Sent,
    Streamed,
    answered,
    called,
    chunk,
    said,
    thought,
)

MODEL = "kimi-k3"
ON = {"thinking": {"type": "enabled"}}
OFF = {"thinking": {"type": "disabled"}}
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}},
    {"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"]}},
]
IMAGE = "data:image/png;base64,iVBORw0KGgo="


def asked(model: str, effort: str, sent: dict[str, Any], loss: str | None = None) -> Sent:
    losses = {} if loss is None else {"reasoning.effort": loss}
    return Sent(f"{model}: the effort {effort}", model, {"reasoning": {"effort": effort}}, sent, losses)


def choosing(model: str, choice: Any, body: dict[str, Any], losses: dict[str, str] | None = None) -> Sent:
    shows = f"{model}: the choice {choice if isinstance(choice, str) else 'of one tool'}"
    return Sent(shows, model, {"tools": [WEATHER, CLOCK], "tool_choice": choice}, body, losses or {})


def refusal(message: str, kind: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind}}


EXCHANGES: list[Exchange] = [
    Sent(
        "Kimi's sampling is fixed",
        MODEL,
        {
            "max_output_tokens": 50,
            "temperature": 0.5,
            "frequency_penalty": 0,
            "top_logprobs": 3,
            "prompt_cache_key": "k",
            "stream": True,
        },
        {
            "max_completion_tokens": 50,
            "prompt_cache_key": "k",
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        {"temperature": "dropped", "frequency_penalty": "ignored", "top_logprobs": "dropped"},
    ),
    Sent(
        "that of the older models is not, up to a temperature of 1",
        "moonshot-v1-128k",
        {
            "temperature": 1.4,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "prompt_cache_key": "k",
            "reasoning": {"effort": "high"},
        },
        {
            "temperature": 1.0,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "prompt_cache_key": "k",
        },
        {"temperature": "approximated", "reasoning.effort": "dropped"},
    ),
    Sent(
        "nor is that of those that see",
        "moonshot-v1-8k-vision-preview",
        {
            "temperature": 1.4,
            "presence_penalty": 0.1,
            "reasoning": {"effort": "high"},
            "input": [said("user", [{"type": "input_image", "image_url": IMAGE, "detail": "original"}])],
        },
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE, "detail": "high"}}]}
            ],
            "temperature": 1.0,
            "presence_penalty": 0.1,
        },
        {
            "input[0].content[0].detail": "approximated",
            "temperature": "approximated",
            "reasoning.effort": "dropped",
        },
    ),
    Refused(
        "most older models see nothing",
        "moonshot-v1-8k",
        {"input": [said("user", [{"type": "input_image", "image_url": IMAGE}])]},
        "input[0].content[0]",
    ),
    asked(MODEL, "none", {"reasoning_effort": "low"}, "approximated"),
    asked(MODEL, "medium", {"reasoning_effort": "high"}, "approximated"),
    asked(MODEL, "max", {"reasoning_effort": "max"}),
    asked("kimi-k2.6", "none", OFF),
    asked("kimi-k2.6", "low", ON, "approximated"),
    asked("kimi-k2.5", "high", ON),
    asked("kimi-k2.7-code", "none", ON, "approximated"),
    choosing(MODEL, "none", {"tools": TOOLS, "tool_choice": "none"}),
    choosing(MODEL, "auto", {"tools": TOOLS, "tool_choice": "auto"}),
    choosing(MODEL, "required", {"tools": TOOLS, "tool_choice": "required"}),
    choosing(
        MODEL,
        {"type": "function", "name": "clock"},
        {"tools": TOOLS[1:], "tool_choice": "required"},
        {"tool_choice": "approximated"},
    ),
    choosing("kimi-k2.6", "required", {**OFF, "tools": TOOLS, "tool_choice": "required"}),
    Refused(
        "a model that always thinks cannot be made to call a tool",
        "kimi-k2.7-code",
        {"tools": [WEATHER], "tool_choice": "required"},
        "tool_choice",
    ),
    Refused(
        "nor can its predecessor",
        "kimi-k2-thinking-turbo",
        {"tools": [WEATHER], "tool_choice": "required"},
        "tool_choice",
    ),
    Refused(
        "nor can the older ones",
        "moonshot-v1-128k",
        {"tools": [WEATHER], "tool_choice": "required"},
        "tool_choice",
    ),
    Refused(
        "nor can those that see",
        "moonshot-v1-128k-vision-preview",
        {"tools": [WEATHER], "tool_choice": "required"},
        "tool_choice",
    ),
    Sent(
        "the thoughts of turns with calls go back, a space where they were lost, and text is a plain string",
        MODEL,
        {
            "input": [
                said("user", "Hi"),
                thought("reasoning_text", model=MODEL, text="A greeting"),
                said("assistant", "Hello"),
                said("user", [{"type": "input_text", "text": "Weather?"}, {"type": "input_text", "text": "Oslo."}]),
                thought("reasoning_text", model=MODEL, text="Look it up"),
                called(),
                answered(),
                called("call_b", "clock", "{}"),
                answered("12:00", "call_b"),
                said("user", "So?"),
            ],
        },
        {
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "Weather?\nOslo."},
                {"role": "assistant", "content": "", "reasoning_content": "Look it up", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
                {
                    "role": "assistant",
                    "content": "",
                    "reasoning_content": " ",
                    "tool_calls": [
                        {"id": "call_b", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
                    ],
                },
                {"role": "tool", "tool_call_id": "call_b", "content": "12:00"},
                {"role": "user", "content": "So?"},
            ]
        },
        {"input[1]": "ignored"},
    ),
    Sent(
        "it holds to no schema, so it is told in words",
        MODEL,
        {"text": {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}}}},
        {"messages": [{"role": "system", "content": SCHEMA_IN_WORDS}, {"role": "user", "content": "Hi"}]},
        {"text.format": "approximated"},
    ),
    Streamed(
        "usage stands in the last choice",
        MODEL,
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"reasoning_content": "Hm"}),
            chunk({"content": "Yes"}),
            {
                "id": "c1",
                "object": "chat.completion.chunk",
                "model": "m",
                "choices": [
                    {
                        "index": 0,
                        "delta": {},
                        "finish_reason": "stop",
                        "usage": {
                            "prompt_tokens": 9,
                            "completion_tokens": 5,
                            "total_tokens": 14,
                            "cached_tokens": 4,
                        },
                    }
                ],
            },
            DONE,
        ],
        [("raw", "Hm", "reasoning_text||Hm"), ("text", "Yes")],
        (9, 4, 5, 0),
    ),
    Failed("an empty account", 429, refusal("Your account is suspended", "exceeded_current_quota_error"), "quota"),
    Failed("too many requests", 429, refusal("Reached max RPM: 3", "rate_limit_reached_error"), "rate_limit"),
    Failed("overload", 429, refusal("The engine is overloaded", "engine_overloaded_error"), "overloaded"),
    Failed("a prompt that it refuses", 400, refusal("The request was rejected", "content_filter"), "prompt_blocked"),
    Found("its address", "https://api.moonshot.ai/v1", "https://api.moonshot.ai/v1"),
    Found("its address in China", "https://api.moonshot.cn/v1", "https://api.moonshot.ai/v1"),
]
