"""Alibaba Cloud's DashScope (Model Studio): Qwen."""

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
    Whole,
    answered,
    called,
    chunk,
    said,
    thought,
    whole,
)

MODEL = "qwen3.8-max"
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}},
    {"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"]}},
]
SCHEMA = {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, "strict": True}
SENT_SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True}}
IMAGE = "data:image/png;base64,iVBORw0KGgo="
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
SPEECH = [{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]
PUBLIC = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"


def asked(model: str, effort: str, sent: dict[str, Any], loss: str | None = None) -> Sent:
    losses = {} if loss is None else {"reasoning.effort": loss}
    return Sent(f"{model}: the effort {effort}", model, {"reasoning": {"effort": effort}}, sent, losses)


def choosing(model: str, choice: Any, body: dict[str, Any], losses: dict[str, str] | None = None) -> Sent:
    shows = f"{model}: the choice {choice if isinstance(choice, str) else 'of one tool'}"
    request = {"tools": [WEATHER, CLOCK], "tool_choice": choice, "parallel_tool_calls": False}
    return Sent(shows, model, request, body, losses or {})


def in_one_turn(model: str, members: dict[str, Any]) -> Sent:
    return Sent(
        f"{model}: thoughts go back and are to be kept",
        model,
        {
            "input": [
                said("user", "Hi"),
                thought("reasoning_text", model=model, text="A greeting"),
                said("assistant", "Hello"),
                said("user", "Well?"),
            ],
        },
        {
            **members,
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello", "reasoning_content": "A greeting"},
                {"role": "user", "content": "Well?"},
            ],
        },
    )


def refusal(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": code, "param": None, "code": code}, "request_id": "r1"}


EXCHANGES: list[Exchange] = [
    Sent(
        "sampling, alternatives and parallel calls, which it has to be asked for",
        MODEL,
        {
            "max_output_tokens": 50,
            "temperature": 2,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "top_logprobs": 20,
            "tools": [WEATHER],
            "user": "u",
        },
        {
            "max_tokens": 50,
            "temperature": 1.99,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "logprobs": True,
            "top_logprobs": 5,
            "tools": TOOLS[:1],
            "parallel_tool_calls": True,
        },
        {
            "temperature": "approximated",
            "frequency_penalty": "dropped",
            "top_logprobs": "approximated",
            "user": "ignored",
        },
    ),
    asked(MODEL, "none", {"enable_thinking": False}),
    asked(MODEL, "minimal", {"reasoning_effort": "minimal"}),
    asked(MODEL, "xhigh", {"reasoning_effort": "xhigh"}),
    asked("qwen3.7-plus", "none", {"enable_thinking": False}),
    asked("qwen-plus", "low", {"enable_thinking": True, "thinking_budget": 2048}),
    asked("qwen-plus", "medium", {"enable_thinking": True, "thinking_budget": 8192}),
    asked("qwen-plus", "max", {"enable_thinking": True}, "approximated"),
    asked("qwen-max", "high", {}, "dropped"),
    asked("qwen3-32b", "high", {"enable_thinking": True, **STREAMED}),
    asked("qwen3-235b-a22b-thinking-2507", "none", STREAMED, "approximated"),
    asked("deepseek-v4", "none", {"enable_thinking": False}),
    choosing(MODEL, "none", {"tools": TOOLS, "tool_choice": "none"}),
    choosing(MODEL, "auto", {"tools": TOOLS, "tool_choice": "auto"}),
    choosing(MODEL, "required", {"tools": TOOLS, "tool_choice": "auto"}, {"tool_choice": "dropped"}),
    choosing(
        MODEL,
        {"type": "function", "name": "clock"},
        {
            "enable_thinking": False,
            "tools": TOOLS,
            "tool_choice": {"type": "function", "function": {"name": "clock"}},
        },
    ),
    Sent(
        "one tool that is required is named",
        "qwen3.7-plus",
        {"tools": [CLOCK], "tool_choice": "required", "parallel_tool_calls": False, "reasoning": {"effort": "high"}},
        {
            "enable_thinking": False,
            "tools": TOOLS[1:],
            "tool_choice": {"type": "function", "function": {"name": "clock"}},
        },
        {"reasoning.effort": "dropped"},
    ),
    choosing(
        "qwq-plus",
        {"type": "function", "name": "clock"},
        {**STREAMED, "tools": TOOLS[1:], "tool_choice": "auto"},
        {"tool_choice": "dropped"},
    ),
    in_one_turn(MODEL, {"preserve_thinking": True}),
    in_one_turn("qwen3.7-plus", {"preserve_thinking": True}),
    in_one_turn("qwen3.6-plus", {"preserve_thinking": True}),
    Sent(
        "older models take no thoughts back, and contents are plain strings",
        "qwen-plus",
        {
            "instructions": "Be brief",
            "input": [
                said("user", [{"type": "input_text", "text": "Weather?"}, {"type": "input_text", "text": "Oslo."}]),
                thought("reasoning_text", model="qwen-plus", text="Look it up"),
                called(),
                answered(),
                said("developer", "In German"),
            ],
        },
        {
            "messages": [
                {"role": "system", "content": "Be brief\n\nIn German"},
                {"role": "user", "content": "Weather?\nOslo."},
                {"role": "assistant", "content": "", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ]
        },
        {"input[1]": "ignored", "input[4]": "approximated"},
    ),
    Sent("the newest model holds to a schema", MODEL, {"text": {"format": SCHEMA}}, {"response_format": SENT_SCHEMA}),
    Sent("so does the one before it", "qwen3.7-max", {"text": {"format": SCHEMA}}, {"response_format": SENT_SCHEMA}),
    Sent(
        "older ones are told in words",
        "qwen-plus",
        {"text": {"format": SCHEMA}},
        {"messages": [{"role": "system", "content": SCHEMA_IN_WORDS}, {"role": "user", "content": "Hi"}]},
        {"text.format": "approximated"},
    ),
    Sent(
        "images have no detail",
        MODEL,
        {"input": [said("user", [{"type": "input_image", "image_url": IMAGE, "detail": "high"}])]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE}}]}]},
        {"input[0].content[0].detail": "dropped"},
    ),
    Sent(
        "speech is a data URL, and its answer a stream",
        "qwen3-omni-flash",
        {"input": [said("user", SPEECH)]},
        {
            **STREAMED,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "input_audio",
                            "input_audio": {"data": "data:audio/wav;base64,UklGRg==", "format": "wav"},
                        }
                    ],
                }
            ],
        },
    ),
    Refused("other models hear nothing", MODEL, {"input": [said("user", SPEECH)]}, "input[0].content[0]"),
    Streamed(
        "ids and names are empty after the first piece of a call",
        MODEL,
        [
            chunk({"role": "assistant", "content": None, "reasoning_content": "Look it up"}),
            chunk({"content": None, "tool_calls": [{"index": 0, **CALL, "function": {"name": "weather"}}]}),
            chunk({"tool_calls": [{"index": 0, "id": "", "function": {"name": "", "arguments": '{"city":'}}]}),
            chunk({"tool_calls": [{"index": 0, "id": "", "function": {"name": None, "arguments": '"Oslo"}'}}]}),
            chunk({"content": ""}, finish="tool_calls"),
            {
                "id": "c1",
                "object": "chat.completion.chunk",
                "choices": [],
                "usage": {
                    "prompt_tokens": 20,
                    "completion_tokens": 12,
                    "total_tokens": 32,
                    "completion_tokens_details": {"reasoning_tokens": 4},
                    "prompt_tokens_details": {"cached_tokens": 8},
                },
            },
            DONE,
        ],
        [("raw", "Look it up", "reasoning_text||Look it up"), ("call", "weather", '{"city":"Oslo"}')],
        (20, 8, 12, 4),
    ),
    Whole(
        "a whole answer with its thoughts",
        "qwen-plus",
        whole({"content": "Yes", "reasoning_content": "Hm"}),
        [("raw", "Hm", None), ("text", "Yes")],
    ),
    Failed(
        "a request that it refuses",
        400,
        refusal(
            "<400> InternalError.Algo.InvalidParameter: The tool_choice parameter does not support being set to "
            "required or object in thinking mode",
            "invalid_parameter_error",
        ),
        "bad_request",
    ),
    Failed(
        "a prompt that it refuses", 400, refusal("Input data may be bad", "data_inspection_failed"), "prompt_blocked"
    ),
    Failed(
        "the same in the older form",
        400,
        {"code": "DataInspectionFailed", "message": "Input data may be bad", "request_id": "r1"},
        "prompt_blocked",
    ),
    Failed(
        "an unpaid account",
        400,
        {"code": "Arrearage", "message": "Access denied, your account is overdue", "request_id": "r1"},
        "quota",
    ),
    Failed(
        "a free tier that is used up",
        403,
        {"code": "AllocationQuota.FreeTierOnly", "message": "The free tier has been exhausted", "request_id": "r1"},
        "quota",
    ),
    Failed(
        "too long a prompt",
        400,
        refusal("Range of input length should be [1, 98304]", "invalid_parameter_error"),
        "context_too_long",
    ),
    Failed("too many requests", 429, refusal("Requests rate limit exceeded", "limit_requests"), "rate_limit"),
    Found("its address", "https://dashscope.aliyuncs.com/compatible-mode/v1", PUBLIC),
    Found("its address in Singapore", PUBLIC, PUBLIC),
    Found("its address in the United States", "https://dashscope-us.aliyuncs.com/compatible-mode/v1", PUBLIC),
    Found("a workspace's address", "https://ws1.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", PUBLIC),
]
