"""Mistral's own server (La Plateforme)."""

from typing import Any

from .exchange import (
    CLOCK,
    DONE,
    WEATHER,
    Amended,
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

MODEL = "mistral-small-latest"
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}},
    {"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"], "strict": True}},
]
STRICT = [WEATHER, {**CLOCK, "strict": True}]
IMAGE = {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "original"}
SENT_IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "high"}}
SPEECH = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
PDF = {"type": "input_file", "file_data": "JVBERi0=", "filename": "a.pdf"}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "Look it up"}], "closed": True}

#: The ids `call_a` and `k3PzQ81aZ` as the server takes them: the latter is nine letters and digits already.
CALL_A, CALL_B = "iTo00JcVY", "k3PzQ81aZ"


def call(call_id: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}


def result(call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "name": "weather", "content": "3 C"}


def asked(model: str, effort: str, sent: dict[str, Any], loss: str | None = None) -> Sent:
    losses = {} if loss is None else {"reasoning.effort": loss}
    return Sent(f"{model}: the effort {effort}", model, {"reasoning": {"effort": effort}}, sent, losses)


def choosing(choice: Any, body: dict[str, Any]) -> Sent:
    shows = f"the choice {choice if isinstance(choice, str) else 'of one tool'}"
    return Sent(shows, MODEL, {"tools": STRICT, "tool_choice": choice}, body)


def sees_nothing(model: str) -> Refused:
    return Refused(f"{model} sees nothing", model, {"input": [said("user", [IMAGE])]}, "input[0].content[0]")


def counted(**details: int) -> dict[str, Any]:
    return {
        "prompt_tokens": 9,
        "completion_tokens": 11,
        "total_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 4},
        "service_tier": "standard",
        **details,
    }


EXCHANGES: list[Exchange] = [
    Sent(
        "everything that it knows, and nothing else, for it refuses what it does not",
        MODEL,
        {
            "max_output_tokens": 50,
            "temperature": 2,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "top_logprobs": 3,
            "prompt_cache_key": "k",
            "service_tier": "priority",
            "user": "u",
            "text": {"verbosity": "low"},
            "stream": True,
        },
        {
            "max_tokens": 50,
            "temperature": 1.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "logprobs": True,
            "top_logprobs": 3,
            "prompt_cache_key": "k",
            "service_tier": "auto",
            "stream": True,
        },
        {"temperature": "approximated", "service_tier": "approximated", "user": "ignored", "text.verbosity": "dropped"},
    ),
    Sent("the usual tier", MODEL, {"service_tier": "default"}, {"service_tier": "standard_only"}),
    Sent("a tier that it lacks", MODEL, {"service_tier": "flex"}, {}, {"service_tier": "dropped"}),
    Sent(
        "without chance every token counts",
        MODEL,
        {"temperature": 0, "top_p": 0.9},
        {"temperature": 0, "top_p": 1},
        {"top_p": "approximated"},
    ),
    asked(MODEL, "minimal", {"reasoning_effort": "none"}, "approximated"),
    asked(MODEL, "none", {"reasoning_effort": "none"}),
    asked(MODEL, "low", {"reasoning_effort": "high"}, "approximated"),
    asked("magistral-medium-latest", "none", {}, "dropped"),
    *(
        asked(model, "high", {}, "dropped")
        for model in ("mistral-large-latest", "ministral-3b-latest", "codestral-latest", "voxtral-small-latest")
    ),
    choosing("auto", {"tools": TOOLS, "tool_choice": "auto"}),
    choosing("none", {}),
    choosing("required", {"tools": TOOLS, "tool_choice": "any"}),
    choosing(
        {"type": "function", "name": "clock"},
        {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "clock"}}},
    ),
    Sent(
        "none, after a tool was called",
        MODEL,
        {
            "tools": STRICT,
            "tool_choice": "none",
            "parallel_tool_calls": False,
            "input": [said("user", "Weather in Oslo?"), called(CALL_B), answered(call_id=CALL_B)],
        },
        {
            "messages": [
                {"role": "user", "content": "Weather in Oslo?"},
                {"role": "assistant", "content": "", "tool_calls": [call(CALL_B)]},
                result(CALL_B),
            ],
            "tools": TOOLS,
            "tool_choice": "none",
            "parallel_tool_calls": False,
        },
    ),
    Sent(
        "system messages in front, later ones as the user's, and a word between a result and a question",
        MODEL,
        {
            "instructions": "Be brief",
            "input": [
                said("developer", "In German"),
                said("user", "Weather in Oslo?"),
                called(),
                answered(),
                said("user", "And Rome?"),
                said("developer", "In French"),
            ],
        },
        {
            "messages": [
                {"role": "system", "content": "Be brief"},
                {"role": "system", "content": "In German"},
                {"role": "user", "content": "Weather in Oslo?"},
                {"role": "assistant", "content": "", "tool_calls": [call(CALL_A)]},
                result(CALL_A),
                {"role": "assistant", "content": "OK"},
                {"role": "user", "content": "And Rome?\n\n<system>In French</system>"},
            ]
        },
        {"input": "approximated", "input[5]": "approximated"},
    ),
    Sent(
        "a later system message of several parts",
        MODEL,
        {
            "input": [
                said("user", "Hi"),
                said("assistant", "Hello"),
                said("developer", [{"type": "input_text", "text": "In"}, {"type": "input_text", "text": "French"}]),
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": text} for text in ("<system>", "In", "French", "</system>")],
                },
            ]
        },
        {"input[2]": "approximated"},
    ),
    Sent(
        "somebody has to ask",
        MODEL,
        {"instructions": "Say something", "input": []},
        {"messages": [{"role": "system", "content": "Say something"}, {"role": "user", "content": "Continue."}]},
        {"input": "approximated"},
    ),
    Sent(
        "an answer that is begun is gone on with",
        MODEL,
        {"input": [said("user", "Hi"), said("assistant", "Hel")]},
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hel", "prefix": True}]},
    ),
    Sent(
        "thoughts go back as a part of the content",
        MODEL,
        {
            "input": [
                said("user", "Weather in Oslo?"),
                thought("reasoning_text", "sig", model=MODEL, text="Look it up"),
                called(CALL_B),
                answered(call_id=CALL_B),
                thought("reasoning_text", model=MODEL, text="Look it up"),
                said("assistant", "It is 3 C."),
                said("user", [{"type": "input_text", "text": "And"}, {"type": "input_text", "text": "now?"}]),
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Weather in Oslo?"},
                {
                    "role": "assistant",
                    "content": [{**THINKING, "signature": "sig"}],
                    "tool_calls": [call(CALL_B)],
                },
                result(CALL_B),
                {"role": "assistant", "content": [THINKING, {"type": "text", "text": "It is 3 C."}]},
                {"role": "user", "content": [{"type": "text", "text": "And"}, {"type": "text", "text": "now?"}]},
            ]
        },
    ),
    Sent(
        "a schema with its strictness",
        MODEL,
        {"text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True},
            }
        },
    ),
    Sent(
        "GLM has no references in a schema",
        "zai-glm-5-3",
        {
            "text": {
                "format": {
                    "type": "json_schema",
                    "name": "a",
                    "schema": {"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "number"}}},
                }
            }
        },
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": {"type": "array", "items": {"type": "number"}}},
            }
        },
    ),
    Sent(
        "JSON needs the word, said at the front",
        MODEL,
        {"text": {"format": {"type": "json_object"}}},
        {
            "messages": [{"role": "system", "content": "Answer with JSON."}, {"role": "user", "content": "Hi"}],
            "response_format": {"type": "json_object"},
        },
        {"text.format": "approximated"},
    ),
    Sent(
        "texts, images and documents",
        MODEL,
        {
            "input": [
                said(
                    "user",
                    [
                        {"type": "input_text", "text": "What"},
                        {"type": "input_text", "text": "is it?"},
                        IMAGE,
                        PDF,
                        {"type": "input_file", "file_url": "https://example.org/b.pdf"},
                    ],
                )
            ]
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What"},
                        {"type": "text", "text": "is it?"},
                        SENT_IMAGE,
                        {
                            "type": "document_url",
                            "document_url": "data:application/pdf;base64,JVBERi0=",
                            "document_name": "a.pdf",
                        },
                        {
                            "type": "document_url",
                            "document_url": "https://example.org/b.pdf",
                            "document_name": "file.pdf",
                        },
                    ],
                }
            ]
        },
        {"input[0].content[2].detail": "approximated"},
    ),
    Sent(
        "speech",
        "voxtral-small-latest",
        {"input": [said("user", [SPEECH])]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": "UklGRg=="}]}]},
        {"input[0].content[0].input_audio.format": "ignored"},
    ),
    Sent(
        "arguments that broke off",
        MODEL,
        {"input": [said("user", "Hi"), called(CALL_B, arguments='{"city'), answered(call_id=CALL_B)]},
        {
            "messages": [
                {"role": "user", "content": "Hi"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {
                            "id": CALL_B,
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"_raw":"{\\"city"}'},
                        }
                    ],
                },
                result(CALL_B),
            ]
        },
        {"input[1].arguments": "approximated"},
    ),
    Sent(
        "thoughts of others stay away",
        MODEL,
        {
            "input": [
                said("user", "Weather in Oslo?"),
                {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Look it up"}]},
                said("assistant", "It is 3 C."),
                said("user", "And now?"),
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Weather in Oslo?"},
                {"role": "assistant", "content": "It is 3 C."},
                {"role": "user", "content": "And now?"},
            ]
        },
        {"input[1]": "ignored"},
    ),
    Refused("other models hear nothing", MODEL, {"input": [said("user", [SPEECH])]}, "input[0].content[0]"),
    sees_nothing("codestral-latest"),
    sees_nothing("voxtral-small-latest"),
    Streamed(
        "thoughts are parts of the content, calls come whole, and the tier stands in the usage",
        "magistral-medium-latest",
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Look"}]}]}),
            chunk(
                {
                    "content": [
                        {
                            "type": "thinking",
                            "thinking": [{"type": "text", "text": " it up"}],
                            "signature": "sig",
                            "closed": True,
                        }
                    ]
                }
            ),
            chunk({"content": [{"type": "text", "text": "Well:"}]}),
            chunk(
                {"tool_calls": [{**call(CALL_B), "index": 0}, {**call("null"), "index": 0}]},
                finish="tool_calls",
                usage=counted(),
            ),
            DONE,
        ],
        [
            ("raw", "Look it up", "reasoning_text|sig|Look it up"),
            ("text", "Well:"),
            ("call", "weather", '{"city":"Oslo"}'),
            ("call", "weather", '{"city":"Oslo"}'),
        ],
        (9, 4, 11, 0),
    ),
    Whole(
        "a whole answer",
        "magistral-medium-latest",
        whole({"content": [THINKING, {"type": "text", "text": "It is 3 C."}], "tool_calls": None}, usage=counted()),
        [("raw", "Look it up", "reasoning_text||Look it up"), ("text", "It is 3 C.")],
        (9, 4, 11, 0),
    ),
    Whole(
        "the tokens of speech are counted beside those of the prompt",
        "voxtral-small-latest",
        whole(
            {"content": "Hello."},
            finish="model_length",
            usage={
                **counted(),
                "prompt_audio_seconds": 4,
                "total_tokens": 395,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 375},
            },
        ),
        [("text", "Hello.")],
        (384, 0, 11, 0),
        "incomplete: length",
    ),
    Streamed(
        "an error in the stream",
        MODEL,
        [
            chunk({"content": "It"}),
            {"object": "error", "message": "Internal server error", "type": "internal_error", "code": 3700},
        ],
        [("text", "It")],
        status="failed",
        error="vendor_failure",
    ),
    Failed(
        "too long a prompt",
        400,
        {"object": "error", "message": "Too many tokens", "type": "invalid_request_prompt", "code": 3051},
        "context_too_long",
    ),
    Failed(
        "an unknown model",
        400,
        {"object": "error", "message": "mistral-9 is unknown", "type": "invalid_model", "code": None},
        "model_unknown",
    ),
    Failed(
        "the same by its text",
        400,
        {"object": "error", "message": "Invalid model: mistral-9", "type": "invalid_request_error", "code": None},
        "model_unknown",
    ),
    Failed(
        "the same by its number",
        400,
        {"object": "error", "message": "mistral-9 is unknown", "type": "invalid_request_error", "code": "1500"},
        "model_unknown",
    ),
    Failed(
        "a wrong order",
        400,
        {
            "object": "error",
            "message": "Unexpected role 'user' after role 'tool'",
            "type": "invalid_request_message_order",
            "code": "3230",
        },
        "bad_request",
    ),
    Failed("a bad key", 401, {"detail": "Invalid API Key"}, "bad_credential"),
    Failed(
        "a prompt that a guardrail stops",
        403,
        {"object": "error", "message": "Blocked by guardrail.", "type": "guardrail_violation", "code": None},
        "prompt_blocked",
    ),
    Amended(
        "a refused member, told of in place of a text",
        MODEL,
        {"reasoning": {"effort": "high"}},
        422,
        {
            "object": "error",
            "message": {
                "detail": [
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "reasoning_effort"],
                        "msg": "Extra inputs are not permitted",
                    }
                ]
            },
            "type": "invalid_request_error",
            "code": None,
        },
        ["reasoning_effort"],
        ("reasoning.effort", "dropped"),
    ),
    Amended(
        "the same as a bare list",
        MODEL,
        {"service_tier": "priority"},
        422,
        {
            "object": "Error",
            "message": [
                {"type": "extra_forbidden", "loc": ["body", "service_tier"], "msg": "Extra inputs are not permitted"}
            ],
            "type": "invalid_request_error",
            "code": 3001,
        },
        ["service_tier"],
        ("service_tier", "dropped"),
    ),
    Streamed(
        "an error in the stream without a text",
        MODEL,
        [
            chunk({"content": "It"}),
            {
                "object": "error",
                "message": {"detail": [{"loc": ["body"], "msg": "bad"}]},
                "type": "internal_error",
                "code": 3700,
            },
            chunk({}, finish="stop"),
            DONE,
        ],
        [("text", "It")],
        status="failed",
        error="vendor_failure",
    ),
    Whole(
        "several messages of one choice are one answer",
        MODEL,
        {
            "id": "c1",
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "messages": [
                        {"role": "assistant", "content": "It "},
                        {"role": "assistant", "content": [{"type": "text", "text": "is."}], "tool_calls": None},
                        {"role": "assistant", "content": None, "tool_calls": [call(CALL_B)]},
                    ],
                    "finish_reason": "tool_calls",
                }
            ],
            "usage": {"prompt_tokens": 9, "completion_tokens": 11, "total_tokens": 20, "num_cached_tokens": 6},
        },
        [("text", "It is."), ("call", "weather", '{"city":"Oslo"}')],
        (9, 6, 11, 0),
    ),
    Failed(
        "a member that it does not know",
        422,
        {
            "detail": [
                {"type": "extra_forbidden", "loc": ["body", "verbosity"], "msg": "Extra inputs are not permitted"}
            ]
        },
        "bad_request",
    ),
    Failed(
        "no capacity",
        429,
        {
            "object": "error",
            "message": "Service tier capacity exceeded for this model.",
            "type": "service_tier_capacity_exceeded",
            "code": "3505",
        },
        "rate_limit",
        headers={"retry-after": "2"},
        retry_after=2.0,
    ),
    Failed(
        "a month's tokens",
        429,
        {"message": "Monthly token limit exceeded", "request_id": "r1"},
        "quota",
    ),
    Found("its address", "https://api.mistral.ai/v1", "https://api.mistral.ai/v1"),
]
