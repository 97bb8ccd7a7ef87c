"""xAI: Grok."""

from .exchange import (
    CLOCK,
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

MODEL = "grok-4.7"
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
IMAGE = "https://example.org/a.png"
COUNTED = {
    "prompt_tokens": 32,
    "completion_tokens": 9,
    "total_tokens": 135,
    "prompt_tokens_details": {"text_tokens": 32, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 6},
    "completion_tokens_details": {"reasoning_tokens": 94, "audio_tokens": 0},
    "num_sources_used": 0,
    "cost_in_usd_ticks": 1553800,
}


def asked(model: str, effort: str, sent: str | None, loss: str | None = None) -> Sent:
    body = {} if sent is None else {"reasoning_effort": sent}
    losses = {} if loss is None else {"reasoning.effort": loss}
    return Sent(f"{model}: the effort {effort}", model, {"reasoning": {"effort": effort}}, body, losses)


EXCHANGES: list[Exchange] = [
    Sent(
        "models that reason take sampling and alternatives, but no penalties",
        MODEL,
        {
            "max_output_tokens": 50,
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "top_logprobs": 20,
            "user": "u",
            "prompt_cache_key": "k",
        },
        {
            "max_tokens": 50,
            "temperature": 0.5,
            "top_p": 0.9,
            "logprobs": True,
            "top_logprobs": 8,
            "user": "u",
        },
        {
            "presence_penalty": "dropped",
            "frequency_penalty": "dropped",
            "top_logprobs": "approximated",
            "prompt_cache_key": "ignored",
        },
    ),
    Sent(
        "those that do not take penalties too",
        "grok-3",
        {
            "temperature": 0.5,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "reasoning": {"effort": "none"},
        },
        {"temperature": 0.5, "presence_penalty": 0.1, "frequency_penalty": 0.2},
        {"reasoning.effort": "ignored"},
    ),
    asked(MODEL, "none", "low", "approximated"),
    asked(MODEL, "xhigh", "xhigh"),
    asked(MODEL, "max", "xhigh", "approximated"),
    asked("grok-4.6", "xhigh", "high", "approximated"),
    asked("grok-4.3", "none", "none"),
    asked("grok-3-mini", "medium", "high", "approximated"),
    asked("grok-4-0709", "high", None, "dropped"),
    asked("grok-code-fast-1", "low", None, "dropped"),
    asked("grok-4.20-multi-agent-0309", "xhigh", "xhigh"),
    asked("grok-4.9", "medium", "medium"),
    Sent(
        "every choice of tools, a schema that is held to, system messages in any place",
        MODEL,
        {
            "instructions": "Be brief",
            "input": [
                said("user", [{"type": "input_text", "text": "Weather?"}, {"type": "input_text", "text": "Oslo."}]),
                said("developer", "In German"),
            ],
            "tools": [WEATHER, {**CLOCK, "strict": True}],
            "tool_choice": {"type": "function", "name": "weather"},
            "parallel_tool_calls": False,
            "text": {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, "strict": True}},
        },
        {
            "messages": [
                {"role": "system", "content": "Be brief"},
                {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "text", "text": "Oslo."}]},
                {"role": "system", "content": "In German"},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": {"type": "object"}},
            },
            "tools": [
                {"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}},
                {"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"]}},
            ],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
            "parallel_tool_calls": False,
        },
        {"tools[1].strict": "approximated"},
    ),
    Sent(
        "thoughts do not go back, and no image is original",
        MODEL,
        {
            "input": [
                said("user", [{"type": "input_image", "image_url": IMAGE, "detail": "original"}]),
                thought("reasoning_text", model=MODEL, text="Hm"),
                called(),
                answered(),
            ],
        },
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE, "detail": "high"}}]},
                {"role": "assistant", "content": "", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ]
        },
        {"input[0].content[0].detail": "approximated", "input[1]": "ignored"},
    ),
    Amended(
        "a model that takes no effort after all says so in its own spelling",
        "grok-4.9",
        {"reasoning": {"effort": "high"}},
        400,
        {
            "code": "Client specified an invalid argument",
            "error": "Argument not supported on this model: reasoningEffort",
        },
        ["reasoning_effort"],
        ("reasoning.effort", "dropped"),
    ),
    Streamed(
        "calls come whole, and the thoughts' tokens are counted beside the completion's",
        "grok-code-fast-1",
        [
            chunk({"role": "assistant", "reasoning_content": "Look"}),
            chunk({"reasoning_content": " up"}),
            chunk({"tool_calls": [{"index": 0, **CALL}]}),
            chunk({}, finish="tool_calls"),
            {"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [], "usage": COUNTED},
            DONE,
        ],
        [("raw", "Look up", None), ("call", "weather", '{"city":"Oslo"}')],
        (32, 6, 103, 94),
    ),
    Whole(
        "a total that has the thoughts' tokens in the completion",
        MODEL,
        whole({"content": "Yes", "refusal": None}, usage={**COUNTED, "completion_tokens": 103}),
        [("text", "Yes")],
        (32, 6, 103, 94),
    ),
    Failed(
        "a bad key is answered with 400",
        400,
        {
            "code": "Client specified an invalid argument",
            "error": "Incorrect API key provided: xa***yz. You can obtain an API key from https://console.x.ai.",
        },
        "bad_credential",
    ),
    Failed(
        "spent credits are answered with 403",
        403,
        {
            "code": "The caller does not have permission to execute the specified operation",
            "error": "Your team has either used all available credits or reached its monthly spending limit.",
        },
        "quota",
    ),
    Failed(
        "too long a prompt",
        400,
        {
            "code": "Client specified an invalid argument",
            "error": "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
        },
        "context_too_long",
    ),
    Failed(
        "an unknown model",
        404,
        {
            "code": "Some requested entity was not found",
            "error": "The model grok-9 does not exist or your team does not have access to it.",
        },
        "model_unknown",
    ),
    Found("its address", "https://api.x.ai/v1", "https://api.x.ai/v1"),
]
