"""The router of Hugging Face, which hands requests on to other hosts."""

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

KIMI = "moonshotai/Kimi-K2-Instruct-0905:groq"
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}

EXCHANGES: list[Exchange] = [
    # --- what is sent ---
    Sent(
        "sampling, parallel calls and five alternatives at most; the rest is not handed on everywhere",
        KIMI,
        {
            "max_output_tokens": 500,
            "temperature": 0.5,
            "top_p": 0.9,
            "frequency_penalty": 0.2,
            "presence_penalty": 0.1,
            "top_logprobs": 8,
            "user": "u",
            "service_tier": "flex",
            "tools": [WEATHER],
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
            "tools": [{"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}}],
            "parallel_tool_calls": False,
        },
        {"top_logprobs": "approximated", "user": "ignored", "service_tier": "dropped"},
    ),
    Sent(
        "efforts in the usual way, up to the highest level",
        "zai-org/GLM-5.2:fastest",
        {"reasoning": {"effort": "max"}},
        {"reasoning_effort": "high"},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "earlier reasoning stays here",
        KIMI,
        {
            "input": [
                said("user", "Weather?"),
                thought("reasoning_text", model=KIMI, text="Look it up"),
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
        KIMI,
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
        "what the other host sends is handed on as it is",
        KIMI,
        [
            chunk({"role": "assistant", "content": ""}, x_groq={"id": "req_1"}),
            chunk({"content": "Yes"}),
            chunk({}, finish="stop", x_groq={"usage": {"prompt_tokens": 9, "completion_tokens": 4}}),
            {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}, "service_tier": "on_demand"},
            DONE,
        ],
        [("text", "Yes")],
        (9, 0, 4, 0),
    ),
    Whole(
        "reasoning in the text too",
        "deepseek-ai/DeepSeek-R1:together",
        whole({"content": "<think>\nHm\n</think>\n\nYes", "tool_calls": []}),
        [("raw", "Hm", None), ("text", "Yes")],
    ),
    # --- errors ---
    Failed(
        "and a refused call",
        400,
        {
            "error": {
                "message": "Failed to call a function",
                "code": "tool_use_failed",
                "failed_generation": '{"name": "weather", "arguments": {"town": "Oslo"}}',
            }
        },
        salvaged=[("call", "weather", '{"town":"Oslo"}')],
        request={"tools": [WEATHER]},
    ),
    Failed("a wrong token", 401, {"error": "Invalid username or password."}, "bad_credential"),
    Failed("no credit", 402, {"error": "You have exceeded your monthly included credits."}, "quota"),
    Failed(
        "no host has the model",
        400,
        {"error": {"message": "not supported by any provider", "param": "model", "code": "model_not_supported"}},
        "model_unknown",
    ),
    # --- where it is found ---
    Found("the public address", "https://router.huggingface.co/v1", "https://router.huggingface.co/v1"),
]
