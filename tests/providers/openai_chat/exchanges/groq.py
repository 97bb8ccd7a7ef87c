"""Groq."""

from typing import Any

from .exchange import (
    CLOCK,
    DONE,
    WEATHER,
    Exchange,
    Failed,
    Found,
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

OSS = "openai/gpt-oss-120b"
LLAMA = "llama-3.3-70b-versatile"
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


def tool_use_failed(generation: str) -> dict[str, Any]:
    """The error of a call that Groq does not let pass."""
    message = "Tool call validation failed: parameters for tool weather did not match schema"
    error = {"message": message, "type": "invalid_request_error", "code": "tool_use_failed"}
    return {"error": {**error, "failed_generation": generation}}


EXCHANGES: list[Exchange] = [
    # --- what is sent ---
    Sent(
        "the limit, sampling, the user and the tier have a place; penalties and log probabilities have none",
        OSS,
        {
            "max_output_tokens": 500,
            "temperature": 0.5,
            "top_p": 0.9,
            "frequency_penalty": 0.2,
            "presence_penalty": 0.1,
            "top_logprobs": 3,
            "user": "u",
            "prompt_cache_key": "k",
            "service_tier": "priority",
            "tools": [WEATHER],
            "parallel_tool_calls": False,
        },
        {
            "max_completion_tokens": 500,
            "temperature": 0.5,
            "top_p": 0.9,
            "user": "u",
            "service_tier": "performance",
            "tools": [{"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}}],
            "parallel_tool_calls": False,
        },
        {
            "frequency_penalty": "dropped",
            "presence_penalty": "dropped",
            "top_logprobs": "dropped",
            "prompt_cache_key": "ignored",
        },
    ),
    Sent("the usual tier is on_demand", OSS, {"service_tier": "default"}, {"service_tier": "on_demand"}),
    Sent("the tier may be left to Groq", OSS, {"service_tier": "auto"}, {"service_tier": "auto"}),
    Sent("a tier may be cheap", OSS, {"service_tier": "flex"}, {"service_tier": "flex"}),
    Sent("gpt-oss has three efforts", OSS, {"reasoning": {"effort": "high"}}, {"reasoning_effort": "high"}),
    Sent(
        "gpt-oss cannot rest",
        OSS,
        {"reasoning": {"effort": "none"}},
        {"reasoning_effort": "low"},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "qwen3 reasons or does not, and tells its reasoning apart when asked",
        "qwen/qwen3-32b",
        {"reasoning": {"effort": "high"}},
        {"reasoning_effort": "default", "reasoning_format": "parsed"},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "qwen3 rests",
        "qwen/qwen3-32b",
        {"reasoning": {"effort": "none"}},
        {"reasoning_effort": "none", "reasoning_format": "parsed"},
    ),
    Sent(
        "qwen3.8 has levels",
        "qwen/qwen3.8-max",
        {"reasoning": {"effort": "low"}},
        {"reasoning_effort": "low", "reasoning_format": "parsed"},
    ),
    Sent(
        "a model that is new here is asked in the usual way, up to the highest level",
        "maker/new-1",
        {"reasoning": {"effort": "max"}},
        {"reasoning_effort": "high"},
        {"reasoning.effort": "approximated"},
    ),
    Sent("Llama does not reason", LLAMA, {"reasoning": {"effort": "low"}}, {}, {"reasoning.effort": "dropped"}),
    Sent(
        "earlier reasoning would be refused",
        OSS,
        {
            "input": [
                said("user", "Weather?"),
                thought("reasoning_text", model=OSS, text="Look it up"),
                called(),
                answered(),
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": "", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ]
        },
        {"input[1]": "ignored"},
    ),
    Sent(
        "a schema may be strict",
        OSS,
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
            }
        },
    ),
    # --- what comes back ---
    Streamed(
        "usage stands in x_groq too",
        OSS,
        [
            chunk({"role": "assistant", "content": ""}, x_groq={"id": "req_1", "seed": 1}),
            chunk({"reasoning": "Hm", "channel": "analysis"}),
            chunk({"content": "Yes"}),
            chunk(
                {},
                finish="stop",
                x_groq={
                    "id": "req_1",
                    "usage": {
                        "queue_time": 0.1,
                        "prompt_tokens": 9,
                        "completion_tokens": 4,
                        "total_tokens": 13,
                        "completion_tokens_details": {"reasoning_tokens": 2},
                    },
                },
            ),
            DONE,
        ],
        [("raw", "Hm", None), ("text", "Yes")],
        (9, 0, 4, 2),
    ),
    Whole(
        "a new model may leave its reasoning in the text",
        "maker/new-1",
        whole({"content": "<think>Hm</think>\n\nYes"}),
        [("raw", "Hm", None), ("text", "Yes")],
    ),
    Streamed(
        "a call that Groq refuses is the client's to answer",
        OSS,
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"reasoning": "Call it", "channel": "analysis"}),
            tool_use_failed('{"name": "weather", "arguments": {\n  "town": "Oslo"\n}}'),
        ],
        [("raw", "Call it", None), ("call", "weather", '{"town":"Oslo"}')],
        request={"tools": [WEATHER]},
    ),
    Streamed(
        "a call to another tool than those offered is none",
        OSS,
        [chunk({"reasoning": "Call it"}), tool_use_failed('{"name": "shell", "arguments": {"command": "ls"}}')],
        [("raw", "Call it", None)],
        status="failed",
        error="vendor_failure",
        request={"tools": [WEATHER]},
    ),
    Streamed(
        "a stream may be stopped by an error beside the choices",
        OSS,
        [chunk({"content": "Ye"}), {"choices": [], "x_groq": {"id": "req_1", "error": "the model is overloaded"}}],
        [("text", "Ye")],
        status="failed",
        error="overloaded",
    ),
    # --- errors ---
    Failed(
        "a refused call stands in the error of a whole answer",
        400,
        tool_use_failed('{"name": "weather", "arguments": {"town": "Oslo"}}'),
        salvaged=[("call", "weather", '{"town":"Oslo"}')],
        request={"tools": [WEATHER, CLOCK]},
    ),
    Failed(
        "Llama's own way to write calls",
        400,
        tool_use_failed('<function=weather>{"city": "Oslo"}</function>'),
        salvaged=[("call", "weather", '{"city": "Oslo"}')],
        model=LLAMA,
        request={"tools": [WEATHER]},
    ),
    Failed(
        "a call that cannot be read is the model's failure, not the request's",
        400,
        tool_use_failed('<function=weather>{"city": </function>'),
        "vendor_failure",
        request={"tools": [WEATHER]},
    ),
    Failed(
        "bad JSON is the model's failure too",
        400,
        {"error": {"message": "Failed to generate JSON", "code": "json_validate_failed", "failed_generation": "{"}},
        "vendor_failure",
    ),
    Failed(
        "the flex tier has no room",
        498,
        {
            "error": {
                "message": "Flex tier capacity exceeded",
                "type": "invalid_request_error",
                "code": "capacity_exceeded",
            }
        },
        "overloaded",
    ),
    Failed(
        "a request larger than the limit of a minute never passes",
        413,
        {"error": {"message": "Request too large for model", "type": "tokens", "code": "rate_limit_exceeded"}},
        "too_large",
    ),
    Failed(
        "a limit of requests, and when to come back",
        429,
        {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}},
        "rate_limit",
        headers={"retry-after": "7"},
        retry_after=7.0,
    ),
    # --- where it is found ---
    Found("the public address", "https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1"),
]
