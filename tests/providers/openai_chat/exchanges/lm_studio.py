"""LM Studio."""

from typing import Any

from .exchange import (
    CLOCK,
    DONE,
    WEATHER,
    Exchange,
    Failed,
    Refused,
    Sent,
    Streamed,
    Whole,
    answered,
    called,
    chunk,
    said,
    thought,
    whole,
)

CALL: dict[str, Any] = {
    "id": "123456789",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
}
CLOCK_TOOL = {"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"]}}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

EXCHANGES: list[Exchange] = [
    # --- what is sent ---
    Sent(
        "settings and sampling; no alternatives, and parallel calls cannot be forbidden",
        "qwen/qwen3-8b",
        {
            "max_output_tokens": 500,
            "reasoning": {"effort": "max"},
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "top_logprobs": 3,
            "tools": [CLOCK],
            "tool_choice": "auto",
            "parallel_tool_calls": False,
        },
        {
            "max_tokens": 500,
            "reasoning_effort": "xhigh",
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "tools": [CLOCK_TOOL],
            "tool_choice": "auto",
        },
        {"reasoning.effort": "approximated", "top_logprobs": "dropped", "parallel_tool_calls": "dropped"},
    ),
    Sent(
        "a named tool is the only one that is offered, and required, because an object is refused",
        "qwen/qwen3-8b",
        {"tools": [WEATHER, CLOCK], "tool_choice": {"type": "function", "name": "clock"}},
        {"tools": [CLOCK_TOOL], "tool_choice": "required"},
        {"tool_choice": "approximated"},
    ),
    Sent(
        "no choice",
        "qwen/qwen3-8b",
        {"tools": [CLOCK], "tool_choice": "none"},
        {"tools": [CLOCK_TOOL], "tool_choice": "none"},
    ),
    Sent(
        "reasoning does not go back, and cut arguments go as an object",
        "qwen/qwen3-8b",
        {
            "input": [
                said("user", [{"type": "input_text", "text": "Weather?"}, {"type": "input_text", "text": "Oslo."}]),
                thought("reasoning_text", model="qwen/qwen3-8b", text="Look it up"),
                called("123456789", arguments='{"city":'),
                answered("Bad arguments", "123456789"),
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Weather?\nOslo."},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [{**CALL, "function": {"name": "weather", "arguments": '{"_raw":"{\\"city\\":"}'}}],
                },
                {"role": "tool", "tool_call_id": "123456789", "content": "Bad arguments"},
            ]
        },
        {"input[1]": "ignored", "input[2].arguments": "approximated"},
    ),
    Refused(
        "an image by address is not taken",
        "qwen/qwen3-vl-8b",
        {"input": [said("user", [{"type": "input_image", "image_url": "https://example.org/a.png"}])]},
        "input[0].content[0].image_url",
    ),
    Sent(
        "every schema is held to",
        "qwen/qwen3-8b",
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}},
    ),
    Sent(
        "there is no JSON mode, so any object is the schema",
        "qwen/qwen3-8b",
        {"text": {"format": {"type": "json_object"}}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "object", "schema": {"type": "object"}},
            }
        },
        {"text.format": "approximated"},
    ),
    # --- what comes back ---
    Streamed(
        "reasoning where the application takes it apart, and a call",
        "openai/gpt-oss-20b",
        [
            chunk({"role": "assistant", "reasoning_content": "Look it up"}),
            chunk({"tool_calls": [{**CALL, "index": 0, "function": {"name": "weather", "arguments": ""}}]}),
            chunk({"tool_calls": [{"index": 0, "type": "function", "function": {"arguments": '{"city":"Oslo"}'}}]}),
            chunk(finish="tool_calls"),
            {**chunk(), "choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}},
            DONE,
        ],
        [("raw", "Look it up", None), ("call", "weather", '{"city":"Oslo"}')],
        (30, 0, 12, 0),
    ),
    Whole(
        "a think block where it does not",
        "qwen/qwen3-8b",
        whole({"content": "<think>\nHm\n</think>\n\nYes", "tool_calls": []}, stats={}),
        [("raw", "Hm", None), ("text", "Yes")],
    ),
    # --- errors ---
    Failed(
        "errors are plain texts",
        400,
        {"error": "Invalid tool_choice type: 'object'. Supported string values: none, auto, required"},
        "bad_request",
    ),
    Failed(
        "too long to begin with",
        400,
        {"error": "The number of tokens to keep from the initial prompt is greater than the context length."},
        "context_too_long",
    ),
    Failed(
        "too long",
        400,
        {
            "error": "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded "
            "with context length of only 4096 tokens, which is not enough."
        },
        "context_too_long",
    ),
]
