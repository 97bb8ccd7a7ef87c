"""DeepSeek's own server."""

from typing import Any

from .exchange import (
    CLOCK,
    DONE,
    SCHEMA_IN_WORDS,
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

MODEL = "deepseek-flash"
ON = {"thinking": {"type": "enabled"}}
OFF = {"thinking": {"type": "disabled"}}
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}},
    {"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"]}},
]


def refusal(message: str, code: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def counted(output: int, reasoning: int = 0) -> dict[str, Any]:
    return {
        "prompt_tokens": 20,
        "completion_tokens": output,
        "total_tokens": 20 + output,
        "prompt_cache_hit_tokens": 16,
        "prompt_cache_miss_tokens": 4,
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


EXCHANGES: list[Exchange] = [
    Sent(
        "without thinking everything about sampling is taken",
        MODEL,
        {
            "reasoning": {"effort": "none"},
            "max_output_tokens": 50,
            "temperature": 1.3,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "top_logprobs": 3,
        },
        {
            **OFF,
            "max_tokens": 50,
            "temperature": 1.3,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "logprobs": True,
            "top_logprobs": 3,
        },
    ),
    Sent(
        "it thinks unasked, and then has no sampling",
        MODEL,
        {"temperature": 0.2, "top_p": 0.9, "reasoning": {"summary": "auto"}, "stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"temperature": "dropped", "top_p": "dropped", "reasoning.summary": "approximated"},
    ),
    *(
        Sent(f"the effort {effort}", MODEL, {"reasoning": {"effort": effort}}, {**ON, "reasoning_effort": sent}, losses)
        for effort, sent, losses in (
            ("minimal", "low", {"reasoning.effort": "approximated"}),
            ("low", "low", {}),
            ("medium", "high", {"reasoning.effort": "approximated"}),
            ("high", "high", {}),
            ("xhigh", "high", {"reasoning.effort": "approximated"}),
            ("max", "max", {}),
        )
    ),
    Sent(
        "a forced choice rules thinking out",
        MODEL,
        {"tools": [WEATHER, CLOCK], "tool_choice": "required", "reasoning": {"effort": "high"}},
        {**OFF, "tools": TOOLS, "tool_choice": "required"},
        {"reasoning.effort": "dropped"},
    ),
    Sent(
        "a free choice does not",
        MODEL,
        {
            "tools": [WEATHER, CLOCK],
            "tool_choice": "auto",
            "parallel_tool_calls": False,
            "reasoning": {"effort": "low"},
        },
        {**ON, "reasoning_effort": "low", "tools": TOOLS, "tool_choice": "auto"},
        {"parallel_tool_calls": "dropped"},
    ),
    Sent(
        "the thoughts of turns with calls go back, a space where they were lost",
        MODEL,
        {
            "input": [
                said("user", "Hi"),
                thought("reasoning_text", model=MODEL, text="A greeting"),
                said("assistant", "Hello"),
                said("user", "Weather in Oslo?"),
                thought("reasoning_text", model=MODEL, text="Look it up"),
                called(),
                answered(),
                said("assistant", "It is 3 C."),
                said("user", "And now?"),
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "Weather in Oslo?"},
                {"role": "assistant", "content": "", "reasoning_content": "Look it up", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
                {"role": "assistant", "content": "It is 3 C.", "reasoning_content": " "},
                {"role": "user", "content": "And now?"},
            ]
        },
        {"input[1]": "ignored"},
    ),
    Sent(
        "system messages keep their place",
        MODEL,
        {"instructions": "Be brief", "input": [said("user", "Hi"), said("developer", "In German")]},
        {
            "messages": [
                {"role": "system", "content": "Be brief"},
                {"role": "user", "content": "Hi"},
                {"role": "system", "content": "In German"},
            ]
        },
    ),
    Sent(
        "JSON needs the word",
        MODEL,
        {"text": {"format": {"type": "json_object"}}},
        {
            "messages": [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Answer with JSON."}],
            "response_format": {"type": "json_object"},
        },
        {"text.format": "approximated"},
    ),
    Sent(
        "it holds to no schema, so it is told in words",
        MODEL,
        {"text": {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}}}},
        {"messages": [{"role": "system", "content": SCHEMA_IN_WORDS}, {"role": "user", "content": "Hi"}]},
        {"text.format": "approximated"},
    ),
    Streamed(
        "thoughts come before the answer, usage with its end",
        MODEL,
        [
            chunk({"role": "assistant", "content": None, "reasoning_content": ""}, usage=None),
            chunk({"content": None, "reasoning_content": "6 times"}, usage=None),
            chunk({"content": None, "reasoning_content": " 7"}, usage=None),
            chunk({"content": "42", "reasoning_content": None}, usage=None),
            chunk({"content": "", "reasoning_content": None}, finish="stop", usage=counted(9, 7)),
            DONE,
        ],
        [("raw", "6 times 7", "reasoning_text||6 times 7"), ("text", "42")],
        (20, 16, 9, 7),
    ),
    Streamed(
        "a server that ran out of resources broke the answer off",
        MODEL,
        [chunk({"content": "4"}), chunk({"content": ""}, finish="insufficient_system_resource"), DONE],
        [("text", "4")],
        status="failed",
        error="vendor_failure",
    ),
    Whole(
        "thoughts without an answer, when the limit was reached",
        MODEL,
        whole({"content": "", "reasoning_content": "6 times 7"}, finish="length", usage=counted(7, 7)),
        [("raw", "6 times 7", "reasoning_text||6 times 7")],
        (20, 16, 7, 7),
        "incomplete: length",
    ),
    Failed("no balance", 402, refusal("Insufficient Balance"), "quota"),
    Failed("a member that it does not read", 422, refusal("Failed to deserialize the JSON body"), "bad_request"),
    Failed("too many requests", 429, refusal("Rate limit reached"), "rate_limit"),
    Failed("overload", 503, refusal("The server is overloaded", "service_unavailable_error"), "overloaded"),
    Found("its address", "https://api.deepseek.com/v1", "https://api.deepseek.com"),
]
