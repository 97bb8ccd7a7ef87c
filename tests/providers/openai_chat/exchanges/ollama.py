"""Ollama, at /v1."""

from typing import Any

from .exchange import (
    CLOCK,
    DONE,
    HELLO,
    WEATHER,
    Amended,
    Exchange,
    Failed,
    Found,
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
    "id": "call_a",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
}
WEATHER_TOOL = {"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}}
CLOCK_TOOL = {"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"]}}
IMAGE = "data:image/png;base64,iVBORw0KGgo="

EXCHANGES: list[Exchange] = [
    # --- what is sent ---
    Sent(
        "settings, sampling and alternatives; its highest effort is high",
        "qwen3:8b",
        {
            "max_output_tokens": 500,
            "reasoning": {"effort": "xhigh"},
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "top_logprobs": 3,
        },
        {
            "max_tokens": 500,
            "reasoning_effort": "high",
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "logprobs": True,
            "top_logprobs": 3,
        },
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "reasoning is switched off",
        "qwen3:8b",
        {"reasoning": {"effort": "none"}},
        {"reasoning_effort": "none"},
    ),
    Sent(
        "the choice of a tool is not read there, so it is not sent",
        "qwen3:8b",
        {"tools": [WEATHER], "tool_choice": "auto", "parallel_tool_calls": False},
        {"tools": [WEATHER_TOOL]},
        {"parallel_tool_calls": "dropped"},
    ),
    Sent("no choice: no tools", "qwen3:8b", {"tools": [WEATHER], "tool_choice": "none"}, {}),
    Sent(
        "a named tool is the only one that is offered, and the model may still answer in words",
        "qwen3:8b",
        {"tools": [WEATHER, CLOCK], "tool_choice": {"type": "function", "name": "clock"}},
        {"tools": [CLOCK_TOOL]},
        {"tool_choice": "dropped"},
    ),
    Sent(
        "no call can be required",
        "qwen3:8b",
        {"tools": [WEATHER, {**CLOCK, "strict": True}], "tool_choice": "required"},
        {"tools": [WEATHER_TOOL, CLOCK_TOOL]},
        {"tool_choice": "dropped", "tools[1].strict": "approximated"},
    ),
    Sent(
        "texts are joined, reasoning goes back in the open turn, and cut arguments go as an object",
        "qwen3:8b",
        {
            "instructions": "Be brief",
            "input": [
                said("user", [{"type": "input_text", "text": "Weather?"}, {"type": "input_text", "text": "Oslo."}]),
                thought("reasoning_text", model="qwen3:8b", text="Look it up"),
                called(),
                answered(),
                called("call_b", arguments='{"city":'),
                answered("Bad arguments", "call_b"),
            ],
        },
        {
            "messages": [
                {"role": "system", "content": "Be brief"},
                {"role": "user", "content": "Weather?\nOslo."},
                {"role": "assistant", "content": "", "reasoning": "Look it up", "tool_calls": [CALL]},
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
        "an image goes as data; there is no detail",
        "qwen3-vl:8b",
        {
            "input": [
                said(
                    "user",
                    [
                        {"type": "input_text", "text": "What is it?"},
                        {"type": "input_image", "image_url": IMAGE, "detail": "high"},
                    ],
                )
            ]
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is it?"},
                        {"type": "image_url", "image_url": {"url": IMAGE}},
                    ],
                }
            ]
        },
        {"input[0].content[1].detail": "dropped"},
    ),
    Refused(
        "an image by address is not taken",
        "qwen3-vl:8b",
        {"input": [said("user", [{"type": "input_image", "image_url": "https://example.org/a.png"}])]},
        "input[0].content[0].image_url",
    ),
    Sent(
        "a schema is not promised to be held to (models in the cloud are not held to it)",
        "qwen3:8b",
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}},
        {"text.format.strict": "approximated"},
    ),
    Sent(
        "JSON mode without the word would give white space for ever",
        "qwen3:8b",
        {"text": {"format": {"type": "json_object"}}},
        {
            "response_format": {"type": "json_object"},
            "messages": [{"role": "system", "content": "Answer with JSON."}, *HELLO],
        },
        {"text.format": "approximated"},
    ),
    # --- what comes back ---
    Streamed(
        "reasoning, a whole call in one delta, and the usage last",
        "qwen3:8b",
        [
            chunk({"role": "assistant", "content": "", "reasoning": "Look "}),
            chunk({"role": "assistant", "content": "", "reasoning": "it up"}),
            chunk({"role": "assistant", "content": "", "tool_calls": [{**CALL, "index": 0}]}),
            chunk({"role": "assistant", "content": ""}, finish="tool_calls"),
            {
                **chunk(),
                "choices": [],
                "usage": {"prompt_tokens": 195, "completion_tokens": 140, "total_tokens": 335},
            },
            DONE,
        ],
        [("raw", "Look it up", "reasoning_text||Look it up"), ("call", "weather", '{"city":"Oslo"}')],
        (195, 0, 140, 0),
    ),
    Streamed(
        "a stream may end without a finish signal",
        "qwen3:8b",
        [chunk({"role": "assistant", "content": "Yes"})],
        [("text", "Yes")],
    ),
    Streamed(
        "arguments that are not whole were cut all the same",
        "qwen3:8b",
        [chunk({"tool_calls": [{**CALL, "index": 0, "function": {"name": "weather", "arguments": '{"ci'}}]})],
        [("call", "weather", '{"ci')],
        status="failed",
        error="cut",
    ),
    Streamed(
        "a model whose template marks no reasoning writes the think block as text",
        "deepseek-r1:8b",
        [chunk({"content": "<think>Hm</think>"}), chunk({"content": "Yes"}, finish="stop"), DONE],
        [("raw", "Hm", "reasoning_text||Hm"), ("text", "Yes")],
    ),
    Whole(
        "a whole answer",
        "qwen3:8b",
        whole(
            {"content": "Yes", "reasoning": "Hm"},
            system_fingerprint="fp_ollama",
            usage={"prompt_tokens": 136, "completion_tokens": 15, "total_tokens": 151},
        ),
        [("raw", "Hm", "reasoning_text||Hm"), ("text", "Yes")],
        (136, 0, 15, 0),
    ),
    # --- errors ---
    Amended(
        "a model that does not reason refuses every effort",
        "qwen2.5:7b",
        {"reasoning": {"effort": "low"}},
        400,
        {
            "error": {
                "message": '"qwen2.5:7b" does not support thinking',
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            }
        },
        ["reasoning_effort"],
        ("reasoning.effort", "dropped"),
    ),
    Failed(
        "a model that is not there",
        404,
        {
            "error": {
                "message": 'model "x" not found, try pulling it first',
                "type": "not_found_error",
                "param": None,
                "code": None,
            }
        },
        "model_unknown",
    ),
    Failed(
        "a model without tools",
        400,
        {
            "error": {
                "message": "registry.ollama.ai/library/gemma3:4b does not support tools",
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            }
        },
        "bad_request",
    ),
    Failed(
        "too long",
        400,
        {
            "error": {
                "message": "prompt too long; exceeded max context length by 12 tokens",
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            }
        },
        "context_too_long",
    ),
    Failed(
        "too many wait",
        503,
        {
            "error": {
                "message": "server busy, please try again.  maximum pending requests exceeded",
                "type": "api_error",
                "param": None,
                "code": None,
            }
        },
        "overloaded",
    ),
    # --- where it is found ---
    Found("in its maker's cloud", "https://ollama.com/v1"),
]
