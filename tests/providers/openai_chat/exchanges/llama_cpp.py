"""The llama.cpp server."""

from typing import Any

from .exchange import (
    CLOCK,
    DONE,
    WEATHER,
    Exchange,
    Failed,
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
    "id": "call_a",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
}
WEATHER_TOOL = {"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}}
CLOCK_TOOL = {"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"]}}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

EXCHANGES: list[Exchange] = [
    # --- what is sent ---
    Sent(
        "settings, sampling and alternatives; parallel calls are off unless they are asked for",
        "qwen3-8b",
        {
            "max_output_tokens": 500,
            "reasoning": {"effort": "none"},
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "top_logprobs": 3,
            "tools": [WEATHER],
            "tool_choice": "auto",
        },
        {
            "max_tokens": 500,
            "reasoning_effort": "none",
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "logprobs": True,
            "top_logprobs": 3,
            "tools": [WEATHER_TOOL],
            "tool_choice": "auto",
            "parallel_tool_calls": True,
        },
    ),
    Sent(
        "no choice",
        "qwen3-8b",
        {"tools": [WEATHER], "tool_choice": "none", "parallel_tool_calls": False},
        {"tools": [WEATHER_TOOL], "tool_choice": "none"},
    ),
    Sent(
        "a named tool is the only one that is offered, and required",
        "qwen3-8b",
        {
            "tools": [WEATHER, CLOCK],
            "tool_choice": {"type": "function", "name": "clock"},
            "parallel_tool_calls": False,
        },
        {"tools": [CLOCK_TOOL], "tool_choice": "required"},
        {"tool_choice": "approximated"},
    ),
    Sent(
        "one system message, reasoning back since the last user message, and cut arguments as an object",
        "gpt-oss-20b",
        {
            "instructions": "Be brief",
            "input": [
                said("user", [{"type": "input_text", "text": "Weather?"}, {"type": "input_text", "text": "Oslo."}]),
                thought("reasoning_text", model="gpt-oss-20b", text="Look it up"),
                called(),
                answered(),
                called("call_b", arguments='{"city":'),
                answered("Bad arguments", "call_b"),
            ],
        },
        {
            "messages": [
                {"role": "system", "content": "Be brief"},
                {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "text", "text": "Oslo."}]},
                {"role": "assistant", "content": "", "reasoning_content": "Look it up", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {
                            "id": "call_b",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"_raw":"{\\"city\\":"}'},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "call_b", "content": "Bad arguments"},
            ]
        },
        {"input[4].arguments": "approximated"},
    ),
    Sent(
        "every schema is held to",
        "qwen3-8b",
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}},
    ),
    Sent(
        "JSON mode needs no word",
        "qwen3-8b",
        {"text": {"format": {"type": "json_object"}}},
        {"response_format": {"type": "json_object"}},
    ),
    # --- what comes back ---
    Streamed(
        "reasoning and text; what was cached stands beside the usage",
        "qwen3-8b",
        [
            chunk({"role": "assistant", "content": None}),
            chunk({"reasoning_content": "Hm"}),
            chunk({"content": "Yes"}),
            chunk(finish="stop"),
            {
                **chunk(),
                "choices": [],
                "usage": {"prompt_tokens": 28, "completion_tokens": 8, "total_tokens": 36},
                "timings": {"cache_n": 27, "prompt_n": 1, "predicted_n": 8, "predicted_ms": 55.5},
            },
            DONE,
        ],
        [("raw", "Hm", "reasoning_text||Hm"), ("text", "Yes")],
        (28, 27, 8, 0),
    ),
    Whole(
        "a call without content",
        "gpt-oss-20b",
        whole({"reasoning_content": "Look it up", "content": None, "tool_calls": [CALL]}, finish="tool_calls"),
        [("raw", "Look it up", "reasoning_text||Look it up"), ("call", "weather", '{"city":"Oslo"}')],
    ),
    Streamed(
        "with `--reasoning-format none` the think block stands in the text",
        "qwen3-8b",
        [chunk({"content": "<think>Hm</think>"}), chunk({"content": "Yes"}, finish="stop"), DONE],
        [("raw", "Hm", "reasoning_text||Hm"), ("text", "Yes")],
    ),
    # --- errors ---
    Failed(
        "the model is being loaded, which passes",
        503,
        {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
        "overloaded",
    ),
    Failed(
        "too long",
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size (4096 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 5000,
                "n_ctx": 4096,
            }
        },
        "context_too_long",
    ),
    Failed(
        "tools without --jinja",
        500,
        {"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}},
        "vendor_failure",
    ),
    Streamed(
        "an error in the stream",
        "qwen3-8b",
        [chunk({"content": "Ye"}), {"error": {"code": 500, "message": "decode failed", "type": "server_error"}}],
        [("text", "Ye")],
        status="failed",
        error="vendor_failure",
    ),
]
