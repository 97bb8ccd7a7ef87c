"""vLLM."""

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
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

EXCHANGES: list[Exchange] = [
    # --- what is sent ---
    Sent(
        "settings, sampling and alternatives, whether the model reasons or not",
        "qwen3-32b",
        {
            "max_output_tokens": 500,
            "reasoning": {"effort": "xhigh"},
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "top_logprobs": 3,
            "tools": [{**WEATHER, "strict": True}, CLOCK],
            "tool_choice": {"type": "function", "name": "clock"},
            "parallel_tool_calls": False,
            "user": "u",
        },
        {
            "max_tokens": 500,
            "reasoning_effort": "xhigh",
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "logprobs": True,
            "top_logprobs": 3,
            "tools": [
                {"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}},
                {"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"]}},
            ],
            "tool_choice": {"type": "function", "function": {"name": "clock"}},
            "parallel_tool_calls": False,
        },
        {"tools[0].strict": "approximated", "user": "ignored"},
    ),
    Sent(
        "one system message, and reasoning back since the last user message",
        "qwen3-32b",
        {
            "instructions": "Be brief",
            "input": [
                said("user", [{"type": "input_text", "text": "Weather?"}, {"type": "input_text", "text": "Oslo."}]),
                thought("reasoning_text", model="qwen3-32b", text="Which day?"),
                said("assistant", "When?"),
                said("developer", "In German"),
                said("user", "Now"),
                thought("reasoning_text", model="qwen3-32b", text="Look it up"),
                called(),
                answered(),
            ],
        },
        {
            "messages": [
                {"role": "system", "content": "Be brief\n\nIn German"},
                {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "text", "text": "Oslo."}]},
                {"role": "assistant", "content": "When?"},
                {"role": "user", "content": "Now"},
                {"role": "assistant", "content": "", "reasoning": "Look it up", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ]
        },
        {"input[1]": "ignored", "input[3]": "approximated"},
    ),
    Sent(
        "the arguments of a call that was cut are wrapped, because the server parses them",
        "qwen3-32b",
        {"input": [said("user", "Weather?"), called(arguments='{"city":"Os'), answered("Bad arguments")]},
        {
            "messages": [
                {"role": "user", "content": "Weather?"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {**CALL, "function": {"name": "weather", "arguments": '{"_raw":"{\\"city\\":\\"Os"}'}}
                    ],
                },
                {"role": "tool", "tool_call_id": "call_a", "content": "Bad arguments"},
            ]
        },
        {"input[1].arguments": "approximated"},
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
        "usage is asked for",
        "qwen3-32b",
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
    ),
    # --- what families of open weights differ in ---
    Sent(
        "MiniMax-M2: reasoning goes back as a block of the content",
        "MiniMaxAI/MiniMax-M2",
        {
            "input": [
                said("user", "Weather?"),
                thought("reasoning_text", model="MiniMaxAI/MiniMax-M2", text="Look it up"),
                said("assistant", "One moment."),
                called(),
                answered(),
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Weather?"},
                {
                    "role": "assistant",
                    "content": "<think>\nLook it up\n</think>\n\nOne moment.",
                    "tool_calls": [CALL],
                },
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ]
        },
    ),
    Sent(
        "Mistral: turns alternate, no user message follows a tool's, and ids have nine letters",
        "mistralai/Mistral-Small-4-Instruct",
        {
            "input": [
                said("assistant", "Hello"),
                said("user", "Weather?"),
                said("user", "In Oslo."),
                called(),
                answered(),
                called("Zx81Zx81Z"),
                answered("4 C", "Zx81Zx81Z"),
                said("user", "Thanks"),
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Continue."},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "Weather?\n\nIn Oslo."},
                {"role": "assistant", "content": "", "tool_calls": [{**CALL, "id": "iTo00JcVY"}]},
                {"role": "tool", "tool_call_id": "iTo00JcVY", "content": "3 C"},
                {"role": "assistant", "content": "", "tool_calls": [{**CALL, "id": "Zx81Zx81Z"}]},
                {"role": "tool", "tool_call_id": "Zx81Zx81Z", "content": "4 C"},
                {"role": "assistant", "content": "OK"},
                {"role": "user", "content": "Thanks"},
            ]
        },
        {"input": "approximated"},
    ),
    Sent(
        "gpt-oss: three efforts",
        "openai/gpt-oss-120b",
        {"reasoning": {"effort": "xhigh"}},
        {"reasoning_effort": "high"},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "gpt-oss: reasoning cannot be switched off",
        "openai/gpt-oss-120b",
        {"reasoning": {"effort": "none"}},
        {"reasoning_effort": "low"},
        {"reasoning.effort": "approximated"},
    ),
    # --- what comes back ---
    Streamed(
        "reasoning, a call and its usage; members of its own are passed over",
        "qwen3-32b",
        [
            chunk({"role": "assistant", "content": ""}, prompt_token_ids=None),
            chunk({"reasoning": "Look "}),
            chunk({"reasoning": "it up"}),
            chunk({"tool_calls": [{**CALL, "index": 0, "function": {"name": "weather", "arguments": ""}}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"Oslo"}'}}]}),
            {
                **chunk(),
                "choices": [
                    {
                        "index": 0,
                        "delta": {},
                        "logprobs": None,
                        "finish_reason": "tool_calls",
                        "stop_reason": None,
                        "token_ids": None,
                    }
                ],
            },
            {
                **chunk(),
                "choices": [],
                "usage": {
                    "prompt_tokens": 30,
                    "total_tokens": 42,
                    "completion_tokens": 12,
                    "prompt_tokens_details": {"cached_tokens": 16},
                },
            },
            DONE,
        ],
        [("raw", "Look it up", "reasoning_text||Look it up"), ("call", "weather", '{"city":"Oslo"}')],
        (30, 16, 12, 0),
    ),
    Streamed(
        "usage in every chunk counts once",
        "qwen3-32b",
        [
            chunk({"content": "Ye"}, usage={"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}),
            chunk({"content": "s"}, usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}),
            chunk(finish="stop", usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}),
            DONE,
        ],
        [("text", "Yes")],
        (9, 0, 2, 0),
    ),
    Whole(
        "older servers call the reasoning reasoning_content",
        "qwen3-32b",
        whole({"content": "Yes", "reasoning_content": "Hm", "tool_calls": []}),
        [("raw", "Hm", "reasoning_text||Hm"), ("text", "Yes")],
    ),
    Streamed(
        "without a reasoning parser the think block stands in the text",
        "qwen3-32b",
        [
            chunk({"content": "<think>\n"}),
            chunk({"content": "Hm\n</th"}),
            chunk({"content": "ink>\n\nYes"}, finish="stop"),
            DONE,
        ],
        [("raw", "Hm", "reasoning_text||Hm"), ("text", "Yes")],
    ),
    # --- errors ---
    Streamed(
        "an error in the stream",
        "qwen3-32b",
        [
            chunk({"content": "Ye"}),
            {"error": {"message": "engine died", "type": "InternalServerError", "param": None, "code": 500}},
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
            "error": {
                "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
                "type": "BadRequestError",
                "param": "input_tokens",
                "code": 400,
            }
        },
        "context_too_long",
    ),
    Failed(
        "older servers answer flat",
        400,
        {"object": "error", "message": "bad top_p", "type": "BadRequestError", "param": None, "code": 400},
        "bad_request",
    ),
    Failed(
        "a model that it does not serve",
        404,
        {"error": {"message": "The model `x` does not exist.", "type": "NotFoundError", "param": "model", "code": 404}},
        "model_unknown",
    ),
]
