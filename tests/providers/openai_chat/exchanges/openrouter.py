"""OpenRouter."""

from typing import Any

import orjson

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

CLAUDE, GEMINI, GPT, GLM = "anthropic/claude-sonnet-5.5", "google/gemini-3-pro", "openai/gpt-6-sol", "z-ai/glm-5.2"
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}

TEXT = {"type": "reasoning.text", "text": "Look it up", "signature": "S1", "format": "anthropic-claude-v1", "index": 0}
SECRET = {"type": "reasoning.encrypted", "data": "RU5D", "format": "google-gemini-v1", "id": "call_a", "index": 0}
SUMMARY = {"type": "reasoning.summary", "summary": "Looked", "format": "openai-responses-v1", "index": 0}


def details(*entries: Any) -> str:
    return orjson.dumps(entries).decode()


EXCHANGES: list[Exchange] = [
    # --- what is sent ---
    Sent(
        "nearly everything has a place; what a model does not take is left out there",
        GPT,
        {
            "max_output_tokens": 500,
            "temperature": 0.5,
            "top_p": 0.9,
            "frequency_penalty": 0.2,
            "presence_penalty": 0.1,
            "top_logprobs": 3,
            "user": "u",
            "prompt_cache_key": "k",
            "text": {"verbosity": "low"},
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
            "top_logprobs": 3,
            "user": "u",
            "verbosity": "low",
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "weather", "parameters": WEATHER["parameters"], "strict": True},
                }
            ],
            "parallel_tool_calls": False,
        },
        {"prompt_cache_key": "ignored"},
    ),
    Sent("usage comes unasked", GPT, {"stream": True}, {"stream": True}),
    *(
        Sent(f"the service tier {tier}", GPT, {"service_tier": tier}, {"service_tier": tier})
        for tier in ("auto", "default", "flex", "priority")
    ),
    *(
        Sent(
            f"the effort {effort}",
            CLAUDE,
            {"reasoning": {"effort": effort}},
            {"reasoning": {"effort": effort}},
        )
        for effort in ("none", "minimal", "low", "medium", "high", "xhigh")
    ),
    Sent(
        "no effort is higher",
        CLAUDE,
        {"reasoning": {"effort": "max"}},
        {"reasoning": {"effort": "xhigh"}},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "reasoning details go back as they came, in their order, with every turn",
        GEMINI,
        {
            "input": [
                said("user", "Hi"),
                thought("reasoning_details", details(SUMMARY), model=GEMINI, text="Looked", verbatim=False),
                said("assistant", "Hello"),
                said("user", "Weather?"),
                thought("reasoning_details", details(TEXT), model=GEMINI, text="Look it up", verbatim=False),
                thought("reasoning_details", details(SECRET), model=GEMINI, verbatim=False),
                called(),
                answered(),
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello", "reasoning_details": [SUMMARY]},
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": "", "reasoning_details": [TEXT, SECRET], "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ]
        },
    ),
    Sent(
        "files by address and as data, images, sound, and texts that stay apart",
        GEMINI,
        {
            "input": [
                said(
                    "user",
                    [
                        {"type": "input_text", "text": "Read"},
                        {"type": "input_file", "file_url": "https://example.com/a.pdf", "filename": "a.pdf"},
                        {"type": "input_file", "file_data": "JVBERi0=", "filename": "b.pdf"},
                        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
                    ],
                ),
                said("user", [{"type": "input_text", "text": "Both."}, {"type": "input_text", "text": "Now."}]),
            ]
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Read"},
                        {"type": "file", "file": {"file_data": "https://example.com/a.pdf", "filename": "a.pdf"}},
                        {
                            "type": "file",
                            "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "b.pdf"},
                        },
                        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
                    ],
                },
                {"role": "user", "content": [{"type": "text", "text": "Both."}, {"type": "text", "text": "Now."}]},
            ]
        },
    ),
    Sent(
        "the large vendors' models take system messages where they stand",
        CLAUDE,
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
        "open weights want one at the front",
        GLM,
        {"instructions": "Be brief", "input": [said("user", "Hi"), said("developer", "In German")]},
        {"messages": [{"role": "system", "content": "Be brief\n\nIn German"}, {"role": "user", "content": "Hi"}]},
        {"input[1]": "approximated"},
    ),
    Sent(
        "a schema may be strict",
        GPT,
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
            }
        },
    ),
    Amended(
        "a model that cannot rest says so",
        GPT,
        {"reasoning": {"effort": "none"}},
        400,
        {"error": {"code": 400, "message": "Reasoning is mandatory for this endpoint and cannot be disabled."}},
        gone=["reasoning"],
        lost=("reasoning.effort", "dropped"),
    ),
    # --- what comes back ---
    Streamed(
        "reasoning in pieces becomes one entry again, with the signature that follows it",
        CLAUDE,
        [
            chunk({"role": "assistant", "content": "", "reasoning": None}, provider="Anthropic"),
            chunk(
                {
                    "content": "",
                    "reasoning": "Look ",
                    "reasoning_details": [{**TEXT, "text": "Look ", "signature": None}],
                }
            ),
            chunk(
                {
                    "content": "",
                    "reasoning": "it up",
                    "reasoning_details": [{**TEXT, "text": "it up", "signature": None}],
                }
            ),
            chunk({"content": "", "reasoning_details": [{"type": "reasoning.text", "signature": "S1", "index": 0}]}),
            chunk({"content": "3 C"}),
            chunk({"content": ""}, finish="stop"),
            chunk(
                {"content": ""},
                finish="stop",
                usage={
                    "prompt_tokens": 25612,
                    "completion_tokens": 14,
                    "total_tokens": 25626,
                    "cost": 0.3,
                    "prompt_tokens_details": {"cached_tokens": 12, "cache_write_tokens": 25600},
                    "completion_tokens_details": {"reasoning_tokens": 4},
                },
            ),
            DONE,
        ],
        [("raw", "Look it up", f"reasoning_details|{details(TEXT)}|None"), ("text", "3 C")],
        (25612, 12, 14, 4),
    ),
    Streamed(
        "an encrypted entry comes without a text, before the call that it belongs to",
        GEMINI,
        [
            chunk({"role": "assistant", "content": "", "reasoning": None, "reasoning_details": [SECRET]}),
            chunk({"content": None, "tool_calls": [{**CALL, "index": 0}]}),
            chunk({"content": ""}, finish="tool_calls"),
            DONE,
        ],
        [
            ("summary", "", f"reasoning_details|{details(SECRET)}|None"),
            ("call", "weather", '{"city":"Oslo"}'),
        ],
    ),
    Streamed(
        "or at the end, when the text is said",
        GPT,
        [
            chunk({"content": "", "reasoning": "Looked", "reasoning_details": [SUMMARY]}),
            chunk({"content": "3 C"}),
            chunk({"content": "", "reasoning_details": [SECRET]}),
            chunk({"content": ""}, finish="stop"),
            DONE,
        ],
        [
            ("summary", "Looked", f"reasoning_details|{details(SUMMARY)}|None"),
            ("text", "3 C"),
            ("summary", "", f"reasoning_details|{details(SECRET)}|None"),
        ],
    ),
    Whole(
        "the entries of a whole answer are no pieces of each other",
        GPT,
        whole(
            {
                "content": "3 C",
                "reasoning": "LookedLooked",
                "reasoning_details": [SUMMARY, SUMMARY, {**SECRET, "index": 1}],
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"url": "https://example.com", "title": "T", "start_index": 0, "end_index": 3},
                    },
                    {"type": "file", "file": {"hash": "x"}},
                ],
            }
        ),
        [
            (
                "summary",
                "LookedLooked",
                f"reasoning_details|{details(SUMMARY, SUMMARY, {**SECRET, 'index': 1})}|None",
            ),
            ("text", "3 C", ("https://example.com", 0, 3)),
        ],
    ),
    Streamed(
        "a vendor dies in the midst of its answer",
        CLAUDE,
        [
            chunk({"content": "Par"}),
            chunk({"content": ""}, finish="error", error={"code": 502, "message": "upstream died"}),
            DONE,
        ],
        [("text", "Par")],
        status="failed",
        error="vendor_failure",
    ),
    Whole(
        "a choice may have failed by itself",
        CLAUDE,
        {
            "choices": [
                {"finish_reason": "error", "message": {"content": ""}, "error": {"code": 429, "message": "busy"}}
            ]
        },
        [],
        status="failed",
        error="rate_limit",
    ),
    Whole(
        "an answer without choices is worth another attempt",
        GLM,
        {"id": "gen-1", "object": "chat.completion", "choices": None, "usage": {"prompt_tokens": 9}},
        [],
        status="failed",
        error="vendor_failure",
    ),
    # --- errors ---
    Failed(
        "the prompt was flagged",
        403,
        {
            "error": {
                "code": 403,
                "message": "Your input was flagged",
                "metadata": {"reasons": ["violence"], "flagged_input": "...", "provider_name": "OpenAI"},
            }
        },
        "prompt_blocked",
    ),
    Failed("a key that may not", 403, {"error": {"code": 403, "message": "Key limit exceeded"}}, "forbidden"),
    Failed("no credit", 402, {"error": {"code": 402, "message": "Insufficient credits"}}, "quota"),
    Failed(
        "what the vendor behind it said",
        400,
        {
            "error": {
                "code": 400,
                "message": "Provider returned error",
                "metadata": {"raw": '{"error":{"message":"prompt is too long: 210000 tokens > 200000 maximum"}}'},
            }
        },
        "context_too_long",
    ),
    Failed(
        "a name that is no model",
        400,
        {"error": {"code": 400, "message": "x/y is not a valid model ID"}},
        "model_unknown",
    ),
    Failed(
        "nobody offers it", 404, {"error": {"code": 404, "message": "No endpoints found for x/y."}}, "model_unknown"
    ),
    Failed("nobody is left", 503, {"error": {"code": 503, "message": "No provider is available"}}, "overloaded"),
    # --- where it is found ---
    Found("the public address", "https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
]
