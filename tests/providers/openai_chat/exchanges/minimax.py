"""MiniMax's own server."""

from typing import Any

import orjson

from .exchange import (
    CLOCK,
    DONE,
    OBJECT_IN_WORDS,
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

MODEL = "MiniMax-M3"
SPLIT = {"reasoning_split": True}
ADAPTIVE = {"thinking": {"type": "adaptive"}}
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
DETAIL = {
    "type": "reasoning.text",
    "id": "reasoning-text-1",
    "format": "MiniMax-response-v1",
    "index": 0,
    "text": "Look it up",
}
SEALED = f"reasoning_details|{orjson.dumps([DETAIL]).decode()}|None"
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}},
    {"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"]}},
]
IMAGE = [{"type": "input_image", "image_url": "https://example.org/a.png", "detail": "original"}]
COUNTED = {
    "prompt_tokens": 20,
    "completion_tokens": 12,
    "total_tokens": 32,
    "total_characters": 0,
    "completion_tokens_details": {"reasoning_tokens": 4},
}
WELL = {"status_code": 0, "status_msg": ""}


def asked(model: str, effort: str, sent: dict[str, Any], loss: str | None = None) -> Sent:
    losses = {} if loss is None else {"reasoning.effort": loss}
    return Sent(f"{model}: the effort {effort}", model, {"reasoning": {"effort": effort}}, {**SPLIT, **sent}, losses)


def told(code: int, message: str) -> dict[str, Any]:
    """An answer with the status 200 that is none."""
    return {"id": "c1", "choices": None, "base_resp": {"status_code": code, "status_msg": message}}


def refused(message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "bad_request_error", "message": message, "http_code": "400"}}


EXCHANGES: list[Exchange] = [
    Sent(
        "thoughts are to come apart from the text; temperatures end at 1",
        MODEL,
        {
            "max_output_tokens": 50,
            "temperature": 1.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "top_logprobs": 3,
            "stream": True,
        },
        {
            **SPLIT,
            "max_completion_tokens": 50,
            "temperature": 1.0,
            "top_p": 0.9,
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        {"temperature": "approximated", "presence_penalty": "dropped", "top_logprobs": "dropped"},
    ),
    asked(MODEL, "none", {"thinking": {"type": "disabled"}}),
    asked(MODEL, "low", ADAPTIVE, "approximated"),
    asked(MODEL, "high", ADAPTIVE),
    asked("MiniMax-M2.7", "none", {}, "approximated"),
    Sent(
        "one system message",
        MODEL,
        {"instructions": "Be brief", "input": [said("developer", "In German"), said("user", "Hi")]},
        {
            **SPLIT,
            "messages": [{"role": "system", "content": "Be brief\n\nIn German"}, {"role": "user", "content": "Hi"}],
        },
    ),
    Sent(
        "no image is original",
        MODEL,
        {"input": [said("user", IMAGE)]},
        {
            **SPLIT,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "high"}}
                    ],
                }
            ],
        },
        {"input[0].content[0].detail": "approximated"},
    ),
    Refused("older models see nothing", "MiniMax-M2.7", {"input": [said("user", IMAGE)]}, "input[0].content[0]"),
    Sent(
        "a free choice is told",
        MODEL,
        {"tools": [WEATHER, CLOCK], "tool_choice": "auto", "parallel_tool_calls": False},
        {**SPLIT, "tools": TOOLS, "tool_choice": "auto"},
        {"parallel_tool_calls": "dropped"},
    ),
    Sent("none leaves the tools out", MODEL, {"tools": [WEATHER], "tool_choice": "none"}, SPLIT),
    Refused("no choice is forced", MODEL, {"tools": [WEATHER], "tool_choice": "required"}, "tool_choice"),
    Sent(
        "it holds to no schema, so it is told in words",
        MODEL,
        {"text": {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}}}},
        {**SPLIT, "messages": [{"role": "system", "content": SCHEMA_IN_WORDS}, {"role": "user", "content": "Hi"}]},
        {"text.format": "approximated"},
    ),
    Sent(
        "it has no JSON mode, so it is told in words",
        MODEL,
        {"text": {"format": {"type": "json_object"}}},
        {**SPLIT, "messages": [{"role": "system", "content": OBJECT_IN_WORDS}, {"role": "user", "content": "Hi"}]},
        {"text.format": "approximated"},
    ),
    Sent(
        "thoughts go back as they came",
        MODEL,
        {
            "input": [
                said("user", "Weather in Oslo?"),
                thought("reasoning_details", orjson.dumps([DETAIL]).decode(), model=MODEL, verbatim=False),
                called(),
                answered(),
                said("assistant", "It is 3 C."),
                said("user", "And now?"),
            ]
        },
        {
            **SPLIT,
            "messages": [
                {"role": "user", "content": "Weather in Oslo?"},
                {"role": "assistant", "content": "", "reasoning_details": [DETAIL], "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
                {"role": "assistant", "content": "It is 3 C."},
                {"role": "user", "content": "And now?"},
            ],
        },
    ),
    Sent(
        "where only their text is left, it goes back as a block in the content",
        MODEL,
        {
            "input": [
                said("user", "Weather in Oslo?"),
                {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Look it up"}]},
                called(),
                answered(),
                {"type": "reasoning", "summary": [], "content": []},
                said("assistant", "It is 3 C."),
                said("user", "And now?"),
            ]
        },
        {
            **SPLIT,
            "messages": [
                {"role": "user", "content": "Weather in Oslo?"},
                {"role": "assistant", "content": "<think>\nLook it up\n</think>\n\n", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
                {"role": "assistant", "content": "It is 3 C."},
                {"role": "user", "content": "And now?"},
            ],
        },
        {"input[4]": "ignored"},
    ),
    Streamed(
        "thoughts come twice, as text and as details",
        MODEL,
        [
            chunk(
                {
                    "role": "assistant",
                    "content": "",
                    "reasoning_content": "Look",
                    "reasoning_details": [{**DETAIL, "text": "Look"}],
                },
                usage={"total_tokens": 0, "total_characters": 0},
                input_sensitive=False,
            ),
            chunk(
                {"role": "", "reasoning_content": " it up", "reasoning_details": [{**DETAIL, "text": " it up"}]},
                base_resp=WELL,
            ),
            chunk({"role": "", "tool_calls": [{"index": 0, **CALL}]}),
            chunk({"role": ""}, finish="tool_calls", usage=COUNTED, base_resp=WELL),
            DONE,
        ],
        [("raw", "Look it up", SEALED), ("call", "weather", '{"city":"Oslo"}')],
        (20, 0, 12, 4),
    ),
    Streamed(
        "thoughts in the text, where they did not come apart",
        "MiniMax-M2.7",
        [chunk({"content": "<think>Hm</think>\n\nYes"}, finish="stop", usage=COUNTED), DONE],
        [("raw", "Hm", None), ("text", "Yes")],
        (20, 0, 12, 4),
    ),
    Streamed(
        "an answer that is broken off because of what it says",
        MODEL,
        [
            chunk({"content": "First"}),
            chunk({}, finish="stop", usage=COUNTED, base_resp={"status_code": 1027, "status_msg": "output sensitive"}),
            DONE,
        ],
        [("text", "First")],
        (20, 0, 12, 4),
        "incomplete: content_filter",
    ),
    Streamed(
        "a limit, told in the stream",
        MODEL,
        [chunk({"content": "First"}), {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}],
        [("text", "First")],
        status="failed",
        error="rate_limit",
    ),
    Whole(
        "a whole answer",
        MODEL,
        whole({"content": "Yes", "reasoning_content": "Look it up", "reasoning_details": [DETAIL]}, base_resp=WELL),
        [("raw", "Look it up", SEALED), ("text", "Yes")],
    ),
    Whole(
        "nothing, because of what it would say",
        MODEL,
        told(1027, "output new_sensitive"),
        [],
        status="incomplete: content_filter",
    ),
    *(
        Whole(f"an error with the status 200: {code}, {message}", MODEL, told(code, message), [], None, "failed", error)
        for code, message, error in (
            (1000, "unknown error", "vendor_failure"),
            (1001, "timeout", "timeout"),
            (1002, "rate limit", "rate_limit"),
            (1004, "not authorized", "bad_credential"),
            (1008, "insufficient balance", "quota"),
            (1024, "internal error", "vendor_failure"),
            (1026, "input new_sensitive", "prompt_blocked"),
            (1033, "system error", "vendor_failure"),
            (1039, "token limit", "rate_limit"),
            (2013, "invalid params", "bad_request"),
            (2049, "invalid api key", "bad_credential"),
        )
    ),
    Failed("a mistake of the request", 400, refused("invalid params, invalid chat setting (2013)"), "bad_request"),
    Streamed(
        "a mistake of the request, told in the stream",
        MODEL,
        [refused("invalid params, function name or parameters is empty (2013)")],
        [],
        status="failed",
        error="bad_request",
    ),
    Found("its address", "https://api.minimax.io/v1", "https://api.minimax.io/v1"),
    Found("its address in China", "https://api.minimaxi.com/v1", "https://api.minimax.io/v1"),
]
