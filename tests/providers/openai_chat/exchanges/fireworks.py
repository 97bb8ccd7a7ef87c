"""Fireworks."""

from .exchange import (
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

FOLDER = "accounts/fireworks/models"
QWEN, KIMI = f"{FOLDER}/qwen3-235b-a22b", f"{FOLDER}/kimi-k2p6"
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def two_turns(model: str) -> list[object]:
    """A conversation with reasoning in an earlier turn and in the open one."""
    return [
        said("user", "Hi"),
        thought("reasoning_text", model=model, text="A greeting"),
        said("assistant", "Hello"),
        said("user", "Weather?"),
        thought("reasoning_text", model=model, text="Look it up"),
        called(),
        answered(),
    ]


EXCHANGES: list[Exchange] = [
    # --- what is sent ---
    Sent(
        "sampling, the key of a cache, the user, parallel calls, and five alternatives at most",
        QWEN,
        {
            "max_output_tokens": 500,
            "temperature": 0.5,
            "top_p": 0.9,
            "frequency_penalty": 0.2,
            "presence_penalty": 0.1,
            "top_logprobs": 8,
            "user": "u",
            "prompt_cache_key": "k",
            "tools": [{**WEATHER, "strict": True}],
            "parallel_tool_calls": False,
        },
        {
            "max_tokens": 500,
            "temperature": 0.5,
            "top_p": 0.9,
            "frequency_penalty": 0.2,
            "presence_penalty": 0.1,
            "logprobs": True,
            "top_logprobs": 5,
            "user": "u",
            "prompt_cache_key": "k",
            "tools": [{"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}}],
            "parallel_tool_calls": False,
        },
        {"top_logprobs": "approximated", "tools[0].strict": "approximated"},
    ),
    Sent("one tier is known", QWEN, {"service_tier": "priority"}, {"service_tier": "priority"}),
    Sent("no other is", QWEN, {"service_tier": "flex"}, {}, {"service_tier": "dropped"}),
    Sent("a model rests", QWEN, {"reasoning": {"effort": "none"}}, {"reasoning_effort": "none"}),
    Sent(
        "or reasons, in three levels",
        QWEN,
        {"reasoning": {"effort": "xhigh"}},
        {"reasoning_effort": "high"},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "GLM-5 knows two",
        f"{FOLDER}/glm-5p1",
        {"reasoning": {"effort": "xhigh"}},
        {"reasoning_effort": "max"},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "DeepSeek-V4 has one more",
        f"{FOLDER}/deepseek-v4-pro",
        {"reasoning": {"effort": "xhigh"}},
        {"reasoning_effort": "xhigh"},
    ),
    Sent(
        "the reasoning of the open turn goes back",
        QWEN,
        {"input": two_turns(QWEN)},
        {
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": "", "reasoning_content": "Look it up", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ]
        },
        {"input[1]": "ignored"},
    ),
    *(
        Sent(
            f"of {name} all of it, and it is kept",
            model,
            {"input": two_turns(model)},
            {
                "messages": [
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "Hello", "reasoning_content": "A greeting"},
                    {"role": "user", "content": "Weather?"},
                    {"role": "assistant", "content": "", "reasoning_content": "Look it up", "tool_calls": [CALL]},
                    {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
                ],
                "reasoning_history": "preserved",
            },
        )
        for name, model in (("Kimi", KIMI), ("GLM-5", f"{FOLDER}/glm-5p1"))
    ),
    Sent(
        "schemas are held to, whether they are called strict or not",
        QWEN,
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}},
    ),
    # --- what comes back ---
    Streamed(
        "reasoning apart, and usage on the last chunk",
        KIMI,
        [
            chunk({"role": "assistant"}),
            chunk({"reasoning_content": "Hm"}),
            chunk({"content": "Yes"}),
            chunk(
                {},
                finish="stop",
                usage={
                    "prompt_tokens": 9,
                    "completion_tokens": 4,
                    "total_tokens": 13,
                    "prompt_tokens_details": {"cached_tokens": 8},
                },
            ),
            DONE,
        ],
        [("raw", "Hm", "reasoning_text||Hm"), ("text", "Yes")],
        (9, 8, 4, 0),
    ),
    Whole(
        "some models leave their reasoning in the text",
        QWEN,
        whole({"content": "<think>Hm</think>\n\nYes"}),
        [("raw", "Hm", "reasoning_text||Hm"), ("text", "Yes")],
    ),
    # --- errors ---
    Failed(
        "an account that was stopped",
        412,
        {"error": {"message": "Account a is suspended, possibly due to reaching the monthly spending limit."}},
        "quota",
    ),
    Failed(
        "a model that is not there",
        404,
        {
            "error": {
                "object": "error",
                "code": "NOT_FOUND",
                "message": "Model not found, inaccessible, or not deployed",
            }
        },
        "model_unknown",
    ),
    Failed("too many at once", 503, {"error": {"message": "Service overloaded"}}, "overloaded"),
    # --- where it is found ---
    Found("the public address", "https://api.fireworks.ai/inference/v1", "https://api.fireworks.ai/inference/v1"),
]
