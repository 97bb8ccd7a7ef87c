"""Z.ai (Zhipu): GLM."""

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

MODEL = "glm-5.3"
ON = {"thinking": {"type": "enabled"}}
OFF = {"thinking": {"type": "disabled"}}
KEPT = {"thinking": {"type": "enabled", "clear_thinking": False}}
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}},
    {"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"]}},
]
IMAGE = {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "low"}
SENT_IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
THOUGHT = [
    said("user", "Hi"),
    thought("reasoning_text", model="glm-5.2", text="A greeting"),
    said("assistant", "Hello"),
    said("user", "Well?"),
]
SENT_THOUGHT = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello", "reasoning_content": "A greeting"},
    {"role": "user", "content": "Well?"},
]


def asked(model: str, effort: str, sent: dict[str, Any], loss: str | None = None) -> Sent:
    losses = {} if loss is None else {"reasoning.effort": loss}
    return Sent(f"{model}: the effort {effort}", model, {"reasoning": {"effort": effort}}, sent, losses)


def sees_nothing(model: str) -> Refused:
    request = {"input": [said("user", [IMAGE])]}
    return Refused(f"{model} sees nothing", model, request, "input[0].content[0]")


def sees(model: str) -> Sent:
    return Sent(
        f"{model} sees, without a detail",
        model,
        {"input": [said("user", [IMAGE])], "reasoning": {"effort": "low"}},
        {**ON, "messages": [{"role": "user", "content": [SENT_IMAGE]}]},
        {"input[0].content[0].detail": "dropped", "reasoning.effort": "approximated"},
    )


def refusal(code: str, message: str = "That did not work") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


EXCHANGES: list[Exchange] = [
    Sent(
        "thoughts that a call interrupted go back unchanged",
        "glm-5.2",
        {
            "input": [
                said("user", "Weather?"),
                thought("reasoning_text", model="glm-5.2", text="Look"),
                called(),
                thought("reasoning_text", model="glm-5.2", text=" twice"),
                called("call_b", "clock", "{}"),
                answered(),
                answered("12:00", "call_b"),
            ]
        },
        {
            "thinking": {"type": "enabled", "clear_thinking": False},
            "messages": [
                {"role": "user", "content": "Weather?"},
                {
                    "role": "assistant",
                    "content": "",
                    "reasoning_content": "Look twice",
                    "tool_calls": [
                        {
                            "id": "call_a",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
                        },
                        {"id": "call_b", "type": "function", "function": {"name": "clock", "arguments": "{}"}},
                    ],
                },
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
                {"role": "tool", "tool_call_id": "call_b", "content": "12:00"},
            ],
        },
    ),
    Sent(
        "its ranges are narrower, and it has neither penalties nor options of a stream",
        MODEL,
        {
            "max_output_tokens": 50,
            "temperature": 1.5,
            "top_p": 0,
            "presence_penalty": 0.1,
            "parallel_tool_calls": False,
            "tools": [WEATHER],
            "stream": True,
        },
        {"max_tokens": 50, "temperature": 1.0, "top_p": 0.01, "stream": True, "tools": TOOLS[:1], "tool_stream": True},
        {
            "temperature": "approximated",
            "top_p": "approximated",
            "presence_penalty": "dropped",
            "parallel_tool_calls": "dropped",
        },
    ),
    asked(MODEL, "none", {"reasoning_effort": "low"}, "approximated"),
    asked(MODEL, "medium", {"reasoning_effort": "high"}, "approximated"),
    asked(MODEL, "max", {"reasoning_effort": "max"}),
    asked("glm-5.2", "none", OFF),
    *(
        asked("glm-5.2", effort, {"reasoning_effort": effort})
        for effort in ("minimal", "low", "medium", "high", "xhigh", "max")
    ),
    asked("glm-4.7", "none", OFF),
    asked("glm-5", "max", ON, "approximated"),
    asked("glm-4.5v", "none", OFF),
    asked("glm-4-plus", "high", {}, "dropped"),
    sees_nothing(MODEL),
    sees_nothing("glm-5.2"),
    sees_nothing("glm-4.7"),
    sees("glm-4.6v"),
    Sent(
        "a forced choice is offered alone, and not forced",
        MODEL,
        {"tools": [WEATHER, CLOCK], "tool_choice": {"type": "function", "name": "clock"}},
        {"tools": TOOLS[1:], "tool_choice": "auto"},
        {"tool_choice": "dropped"},
    ),
    Sent(
        "so is a call of any tool",
        MODEL,
        {"tools": [WEATHER, CLOCK], "tool_choice": "required"},
        {"tools": TOOLS, "tool_choice": "auto"},
        {"tool_choice": "dropped"},
    ),
    Sent(
        "a free choice is told",
        MODEL,
        {"tools": [CLOCK], "tool_choice": "auto"},
        {"tools": TOOLS[1:], "tool_choice": "auto"},
    ),
    Sent("none leaves the tools out", MODEL, {"tools": [WEATHER], "tool_choice": "none"}, {}),
    Sent(
        "schemas of tools have no references",
        MODEL,
        {
            "tools": [
                {
                    "type": "function",
                    "name": "move",
                    "parameters": {
                        "type": "object",
                        "properties": {"to": {"$ref": "#/$defs/place"}},
                        "$defs": {"place": {"type": "object", "properties": {"city": {"type": "string"}}}},
                    },
                }
            ]
        },
        {
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "move",
                        "parameters": {
                            "type": "object",
                            "properties": {"to": {"type": "object", "properties": {"city": {"type": "string"}}}},
                        },
                    },
                }
            ]
        },
    ),
    Sent(
        "somebody has to ask",
        MODEL,
        {"instructions": "Say something", "input": [said("developer", "In German")]},
        {
            "messages": [
                {"role": "system", "content": "Say something\n\nIn German"},
                {"role": "user", "content": "Continue."},
            ]
        },
        {"input": "approximated"},
    ),
    Sent(
        "thoughts go back and are not to be cleared",
        "glm-5.2",
        {"input": THOUGHT, "reasoning": {"effort": "high"}},
        {**KEPT, "reasoning_effort": "high", "messages": SENT_THOUGHT},
    ),
    Sent(
        "a model that does not think is told nothing of them",
        "glm-5.2",
        {"input": THOUGHT, "reasoning": {"effort": "none"}},
        {**OFF, "messages": SENT_THOUGHT},
    ),
    Sent(
        "calls have an empty content",
        MODEL,
        {"input": [said("user", "Weather in Oslo?"), called(), answered()]},
        {
            "messages": [
                {"role": "user", "content": "Weather in Oslo?"},
                {"role": "assistant", "content": "", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ]
        },
    ),
    Sent(
        "it holds to no schema, so it is told in words",
        MODEL,
        {"text": {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}}}},
        {"messages": [{"role": "system", "content": SCHEMA_IN_WORDS}, {"role": "user", "content": "Hi"}]},
        {"text.format": "approximated"},
    ),
    Streamed(
        "usage comes with the end, unasked",
        MODEL,
        [
            chunk({"role": "assistant", "reasoning_content": "Look it up"}),
            chunk({"role": "assistant", "tool_calls": [{"index": 0, **CALL}]}),
            chunk(
                {"role": "assistant", "content": ""},
                finish="tool_calls",
                usage={
                    "prompt_tokens": 20,
                    "completion_tokens": 12,
                    "total_tokens": 32,
                    "prompt_tokens_details": {"cached_tokens": 8},
                    "completion_tokens_details": {"reasoning_tokens": 4},
                },
            ),
            DONE,
        ],
        [("raw", "Look it up", "reasoning_text||Look it up"), ("call", "weather", '{"city":"Oslo"}')],
        (20, 8, 12, 4),
    ),
    *(
        Whole(f"an answer that ended with {reason}", MODEL, whole({"content": "4"}, finish=reason), output, None, *end)
        for reason, output, end in (
            ("sensitive", [("text", "4")], ("incomplete: content_filter",)),
            ("model_context_window_exceeded", [("text", "4")], ("incomplete: length",)),
            ("network_error", [("text", "4")], ("failed", "vendor_failure")),
        )
    ),
    Failed("an unknown model", 400, refusal("1211"), "model_unknown"),
    Failed("a prompt that is too long", 400, refusal("1261"), "context_too_long"),
    Failed("a prompt that it refuses", 400, refusal("1301"), "prompt_blocked"),
    Streamed(
        "too many requests, told in the stream",
        MODEL,
        [chunk({"content": "4"}), refusal("1302")],
        [("text", "4")],
        status="failed",
        error="rate_limit",
    ),
    Failed("overload", 429, refusal("1305"), "overloaded"),
    *(
        Failed(f"an account or a plan that is used up: {code}", 429, refusal(str(code)), "quota")
        for code in (1113, *range(1308, 1322))
    ),
    Found("its address", "https://api.z.ai/api/coding/paas/v4", "https://api.z.ai/api/paas/v4"),
    Found("its address in China", "https://open.bigmodel.cn/api/paas/v4", "https://api.z.ai/api/paas/v4"),
]
