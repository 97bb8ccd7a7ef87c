"""Cerebras."""

from .exchange import (
    DONE,
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

OSS, GLM, NEW_GLM = "gpt-oss-120b", "zai-glm-4.7", "zai-glm-5.3"
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}}]
CLOCK = {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


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


KEPT = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "<think>\nA greeting\n</think>\n\nHello"},
    {"role": "user", "content": "Weather?"},
    {"role": "assistant", "content": "<think>\nLook it up\n</think>\n\n", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
]

EXCHANGES: list[Exchange] = [
    # --- what is sent ---
    Sent(
        "the limit, sampling within its range, alternatives, the user, strict functions",
        OSS,
        {
            "max_output_tokens": 500,
            "temperature": 1.8,
            "top_p": 0.9,
            "frequency_penalty": 0.2,
            "presence_penalty": 0.1,
            "top_logprobs": 3,
            "user": "u",
            "prompt_cache_key": "k",
            "tools": [{**WEATHER, "strict": True}],
            "parallel_tool_calls": False,
        },
        {
            "max_completion_tokens": 500,
            "temperature": 1.5,
            "top_p": 0.9,
            "frequency_penalty": 0.2,
            "presence_penalty": 0.1,
            "logprobs": True,
            "top_logprobs": 3,
            "user": "u",
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "weather", "parameters": WEATHER["parameters"], "strict": True},
                }
            ],
            "parallel_tool_calls": False,
        },
        {"temperature": "approximated", "prompt_cache_key": "ignored"},
    ),
    *(
        Sent(f"the service tier {tier}", OSS, {"service_tier": tier}, {"service_tier": tier})
        for tier in ("auto", "default", "flex", "priority")
    ),
    Sent(
        "gpt-oss cannot rest",
        OSS,
        {"reasoning": {"effort": "none"}},
        {"reasoning_effort": "low"},
        {"reasoning.effort": "approximated"},
    ),
    Sent("GLM is told to rest", GLM, {"reasoning": {"effort": "none"}}, {"disable_reasoning": True}),
    Sent(
        "or to reason",
        GLM,
        {"reasoning": {"effort": "high"}},
        {"disable_reasoning": False},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "newer GLM always reasons, in three levels",
        NEW_GLM,
        {"reasoning": {"effort": "xhigh"}},
        {"reasoning_effort": "max"},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "so does Kimi",
        "kimi-k3",
        {"reasoning": {"effort": "medium"}},
        {"reasoning_effort": "high"},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "a model that is new here rests when it is told so, in the usual way",
        "new-1",
        {"reasoning": {"effort": "none"}},
        {"reasoning_effort": "none"},
    ),
    Sent(
        "and reasons up to the highest level",
        "new-1",
        {"reasoning": {"effort": "max"}},
        {"reasoning_effort": "high"},
        {"reasoning.effort": "approximated"},
    ),
    Sent("Llama does not reason", "llama3.1-8b", {"reasoning": {"effort": "low"}}, {}, {"reasoning.effort": "dropped"}),
    Sent(
        "GLM's reasoning goes back inside the text of every turn, and is kept",
        GLM,
        {"input": two_turns(GLM)},
        {"messages": KEPT, "clear_thinking": False},
    ),
    Sent(
        "that of newer GLM too",
        NEW_GLM,
        {"input": two_turns(NEW_GLM)},
        {"messages": KEPT, "clear_thinking": False},
    ),
    Refused(
        "gpt-oss cannot be forced to call one of several tools",
        OSS,
        {"tools": [WEATHER, CLOCK], "tool_choice": "required"},
        "tool_choice",
    ),
    Sent(
        "one tool can be forced",
        OSS,
        {"tools": [WEATHER], "tool_choice": "required"},
        {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "weather"}}},
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
        "reasoning apart, and times that nobody needs",
        GLM,
        [
            chunk({"role": "assistant", "reasoning": "Hm"}),
            chunk({"content": "Yes"}),
            chunk(
                {},
                finish="stop",
                usage={
                    "prompt_tokens": 74,
                    "completion_tokens": 36,
                    "total_tokens": 110,
                    "prompt_tokens_details": {"cached_tokens": 64},
                },
                time_info={"queue_time": 0.1},
            ),
            DONE,
        ],
        [("raw", "Hm", "reasoning_text||Hm"), ("text", "Yes")],
        (74, 64, 36, 0),
    ),
    Whole(
        "some models leave their reasoning in the text",
        "qwen-3-32b",
        whole({"content": "<think>Hm</think>\n\nYes"}),
        [("raw", "Hm", None), ("text", "Yes")],
    ),
    # --- errors ---
    Failed(
        "the context is full",
        400,
        {
            "message": "Please reduce the length. Current length is 9000 while limit is 8192",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "wrong_api_format",
        },
        "context_too_long",
    ),
    Failed(
        "too many wait",
        429,
        {
            "message": "We're experiencing high traffic right now!",
            "type": "too_many_requests_error",
            "param": "queue",
            "code": "queue_exceeded",
        },
        "overloaded",
    ),
    Failed("a wrong key", 401, {"message": "Wrong API Key", "code": "wrong_api_key"}, "bad_credential"),
    # --- where it is found ---
    Found("the public address", "https://api.cerebras.ai/v1", "https://api.cerebras.ai/v1"),
]
