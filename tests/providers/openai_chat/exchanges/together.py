"""Together."""

from .exchange import (
    DONE,
    WEATHER,
    Amended,
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

GLM = "zai-org/GLM-5.1"
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
ALWAYS = {"context_length_exceeded_behavior": "error"}

EXCHANGES: list[Exchange] = [
    # --- what is sent ---
    Sent(
        "sampling and a number of alternatives; nothing of identity, caches or tiers",
        GLM,
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
            **ALWAYS,
            "max_tokens": 500,
            "temperature": 0.5,
            "top_p": 0.9,
            "frequency_penalty": 0.2,
            "presence_penalty": 0.1,
            "logprobs": 3,
            "tools": [{"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}}],
        },
        {
            "user": "ignored",
            "prompt_cache_key": "ignored",
            "service_tier": "dropped",
            "parallel_tool_calls": "dropped",
        },
    ),
    Sent(
        "log probabilities without alternatives are one of them",
        GLM,
        {"include": ["message.output_text.logprobs"]},
        {**ALWAYS, "logprobs": 1},
    ),
    Sent("usage need not be asked for", GLM, {"stream": True}, {**ALWAYS, "stream": True}),
    Sent(
        "most models reason or do not",
        GLM,
        {"reasoning": {"effort": "none"}},
        {**ALWAYS, "reasoning": {"enabled": False}},
    ),
    Sent(
        "how much they reason is their own affair",
        GLM,
        {"reasoning": {"effort": "high"}},
        {**ALWAYS, "reasoning": {"enabled": True}},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "gpt-oss has levels",
        "openai/gpt-oss-120b",
        {"reasoning": {"effort": "minimal"}},
        {**ALWAYS, "reasoning_effort": "low"},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "some always reason",
        "deepseek-ai/DeepSeek-R1",
        {"reasoning": {"effort": "low"}},
        ALWAYS,
        {"reasoning.effort": "dropped"},
    ),
    Sent(
        "some never do",
        "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        {"reasoning": {"effort": "low", "summary": "auto"}},
        ALWAYS,
        {"reasoning.effort": "dropped", "reasoning.summary": "ignored"},
    ),
    Sent(
        "earlier reasoning stays here",
        GLM,
        {
            "input": [
                said("user", "Weather?"),
                thought("reasoning_text", model=GLM, text="Look it up"),
                called(),
                answered(),
            ]
        },
        {
            **ALWAYS,
            "messages": [
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": "", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ],
        },
        {"input[1]": "ignored"},
    ),
    Sent(
        "a schema may be strict",
        GLM,
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
        {
            **ALWAYS,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
            },
        },
    ),
    Amended(
        "a model that is new here may have no switch",
        "maker/new-1",
        {"reasoning": {"effort": "none"}},
        400,
        {"error": {"message": "The model does not support reasoning", "type": "invalid_request_error"}},
        gone=["reasoning"],
        lost=("reasoning.effort", "dropped"),
    ),
    # --- what comes back ---
    Streamed(
        "usage is on the last chunk, with the cached tokens beside the total, and eos is an end",
        GLM,
        [
            chunk({"role": "assistant", "reasoning": "Hm", "token_id": 7}, usage=None),
            chunk({"role": "assistant", "content": "Yes", "token_id": 8}, usage=None),
            chunk(
                {"role": "assistant", "content": "", "token_id": 9},
                finish="eos",
                usage={"prompt_tokens": 41, "completion_tokens": 15, "total_tokens": 56, "cached_tokens": 32},
            ),
            DONE,
        ],
        [("raw", "Hm", None), ("text", "Yes")],
        (41, 32, 15, 0),
    ),
    Whole(
        "DeepSeek-R1 leaves its reasoning in the text",
        "deepseek-ai/DeepSeek-R1",
        whole({"content": "<think>\nHm\n</think>\n\nYes", "tool_calls": []}, finish="eos"),
        [("raw", "Hm", None), ("text", "Yes")],
    ),
    # --- errors ---
    Failed(
        "the context is full",
        422,
        {
            "error": {
                "message": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193.",
                "type": "invalid_request_error",
                "param": "max_tokens",
                "code": None,
            }
        },
        "context_too_long",
    ),
    Failed(
        "the credit is used up",
        403,
        {"error": {"message": "Credit limit exceeded", "type": "credit_limit", "param": None, "code": None}},
        "quota",
    ),
    Failed(
        "a model that this key cannot have",
        404,
        {"error": {"message": "Unable to access m", "type": "invalid_request_error", "code": "model_not_available"}},
        "model_unknown",
    ),
    # --- where it is found ---
    Found("the public address", "https://api.together.xyz/v1", "https://api.together.xyz/v1"),
    Found("its other name", "https://api.together.ai/v1", "https://api.together.xyz/v1"),
]
