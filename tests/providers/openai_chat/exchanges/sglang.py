"""SGLang."""

from typing import Any

from .exchange import (
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
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

EXCHANGES: list[Exchange] = [
    # --- what is sent ---
    Sent(
        "settings, sampling, alternatives, and functions that are strict",
        "qwen3-32b",
        {
            "max_output_tokens": 500,
            "reasoning": {"effort": "none"},
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "top_logprobs": 3,
            "tools": [{**WEATHER, "strict": True}],
            "tool_choice": "required",
            "parallel_tool_calls": False,
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
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "weather", "parameters": WEATHER["parameters"], "strict": True},
                }
            ],
            "tool_choice": "required",
            "parallel_tool_calls": False,
        },
    ),
    Sent(
        "reasoning goes back as reasoning_content, and cut arguments as an object",
        "qwen3-32b",
        {
            "input": [
                said("user", [{"type": "input_text", "text": "Weather?"}, {"type": "input_text", "text": "Oslo."}]),
                thought("reasoning_text", model="qwen3-32b", text="Look it up"),
                called(arguments='{"city":'),
                answered("Bad arguments"),
            ]
        },
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "text", "text": "Oslo."}]},
                {
                    "role": "assistant",
                    "content": "",
                    "reasoning_content": "Look it up",
                    "tool_calls": [{**CALL, "function": {"name": "weather", "arguments": '{"_raw":"{\\"city\\":"}'}}],
                },
                {"role": "tool", "tool_call_id": "call_a", "content": "Bad arguments"},
            ]
        },
        {"input[2].arguments": "approximated"},
    ),
    Sent(
        "the assistant does not speak last, because the server would take its words for the user's",
        "qwen3-32b",
        {"input": [said("user", "Hi"), said("assistant", "Hello")]},
        {
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "Continue."},
            ]
        },
        {"input": "approximated"},
    ),
    Sent(
        "every schema is held to",
        "qwen3-32b",
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}},
    ),
    Sent(
        "JSON mode needs no word",
        "qwen3-32b",
        {"text": {"format": {"type": "json_object"}}},
        {"response_format": {"type": "json_object"}},
    ),
    Sent(
        "MiniMax-M2: reasoning goes back as a block of the content",
        "MiniMax-M2",
        {
            "input": [
                said("user", "Weather?"),
                thought("reasoning_text", model="MiniMax-M2", text="Look it up"),
                called(),
                answered(),
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": "<think>\nLook it up\n</think>\n\n", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ]
        },
    ),
    # --- what comes back ---
    Streamed(
        "reasoning and text; the reasoning's tokens stand beside the total",
        "qwen3-32b",
        [
            chunk({"role": "assistant", "content": "", "reasoning_content": None, "tool_calls": None}),
            chunk({"role": None, "content": None, "reasoning_content": "Hm", "tool_calls": None}),
            chunk({"role": None, "content": "Yes", "reasoning_content": None, "tool_calls": None}),
            {
                **chunk(),
                "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "matched_stop": 151645}],
                "usage": None,
            },
            {
                **chunk(),
                "choices": [],
                "usage": {
                    "prompt_tokens": 20,
                    "total_tokens": 30,
                    "completion_tokens": 10,
                    "prompt_tokens_details": {"cached_tokens": 4},
                    "reasoning_tokens": 6,
                },
            },
            DONE,
        ],
        [("raw", "Hm", "reasoning_text||Hm"), ("text", "Yes")],
        (20, 4, 10, 6),
    ),
    Whole(
        "a call of a model with ids of its own",
        "kimi-k2",
        whole(
            {
                "content": "",
                "reasoning_content": None,
                "tool_calls": [{**CALL, "id": "functions.weather:0", "index": 0}],
            },
            finish="tool_calls",
            metadata={"weight_version": "default"},
        ),
        [("call", "weather", '{"city":"Oslo"}')],
    ),
    Streamed(
        "without a reasoning parser the think block stands in the text",
        "qwen3-32b",
        [chunk({"content": "<think>Hm</think>"}), chunk({"content": "Yes"}, finish="stop"), DONE],
        [("raw", "Hm", "reasoning_text||Hm"), ("text", "Yes")],
    ),
    Streamed(
        "a request that was aborted has failed",
        "qwen3-32b",
        [chunk({"content": "Ye"}), chunk(finish="abort"), DONE],
        [("text", "Ye")],
        status="failed",
        error="vendor_failure",
    ),
    # --- errors ---
    Streamed(
        "an error in the stream",
        "qwen3-32b",
        [
            chunk({"content": "Ye"}),
            {"error": {"object": "error", "message": "out of memory", "type": "INTERNAL_SERVER_ERROR", "code": 500}},
            DONE,
        ],
        [("text", "Ye")],
        status="failed",
        error="vendor_failure",
    ),
    Failed(
        "too long",
        400,
        {
            "object": "error",
            "message": "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
        "context_too_long",
    ),
    Failed(
        "calls and results that do not pair",
        400,
        {
            "object": "error",
            "message": "Tool message with tool_call_id 'x' does not match any preceding tool call.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
        "bad_request",
    ),
]
