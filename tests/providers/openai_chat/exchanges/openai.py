"""OpenAI itself."""

from typing import Any

from .exchange import (
    CLOCK,
    DONE,
    HELLO,
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

CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
WEATHER_FUNCTION = {"name": "weather", "parameters": WEATHER["parameters"]}
CLOCK_FUNCTION = {"name": "clock", "parameters": CLOCK["parameters"]}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


def family(
    model: str,
    shows: str,
    asked: str,
    sent: str | None,
    *,
    thinks: bool = True,
    verbosity: bool = True,
    breakpoints: bool = False,
    role: str = "developer",
) -> Exchange:
    """What the model's family makes of instructions, an effort, a verbosity and a breakpoint; with `thinks` False, of a
    temperature and no effort."""
    part = {"type": "input_text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "explicit"}}
    request: dict[str, Any] = {
        "instructions": "Be brief",
        "input": [said("user", [part])],
        "text": {"verbosity": "low"},
        **({"reasoning": {"effort": asked}} if thinks else {"temperature": 0.5}),
    }
    marked = [{"type": "text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "explicit"}}]
    body: dict[str, Any] = {
        "messages": [said(role, "Be brief"), said("user", marked if breakpoints else "Hi")],
        **({"reasoning_effort": sent} if thinks and sent is not None else {}),
        **({} if thinks else {"temperature": 0.5}),
        **({"verbosity": "low"} if verbosity else {}),
    }
    losses = {} if breakpoints else {"input[0].content[0].prompt_cache_breakpoint": "ignored"}
    if not verbosity:
        losses["text.verbosity"] = "dropped"
    if thinks and sent != asked:
        losses["reasoning.effort"] = "dropped" if sent is None else "approximated"
    return Sent(f"{model}: {shows}", model, request, body, losses)


GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": 'start: "a"'}
PATCH: dict[str, Any] = {"type": "custom", "name": "patch", "description": "Patches.", "format": GRAMMAR}
NOTE: dict[str, Any] = {"type": "custom", "name": "note"}
CUSTOM_CALL = {"type": "custom_tool_call", "call_id": "call_p", "name": "patch", "input": "a\n"}


def wrapped(model: str, role: str = "system") -> Exchange:
    """A custom tool, offered to a model that does not know such tools."""
    told = "The argument is the raw text that the tool gets: no JSON inside it and no code fence around it."
    parameters = {
        "type": "object",
        "properties": {"input": {"type": "string", "description": "The raw text."}},
        "required": ["input"],
        "additionalProperties": False,
    }
    function = {"name": "note", "description": told, "parameters": parameters}
    body = {"tools": [{"type": "function", "function": function}]}
    return Sent(f"{model}: knows no custom tools", model, {"tools": [NOTE]}, body, {"tools[0]": "approximated"})


def searching(model: str) -> Exchange:
    """The web search of a model that is made for it."""
    search = {
        "type": "web_search",
        "search_context_size": "low",
        "user_location": {"type": "approximate", "city": "Oslo", "country": None},
        "external_web_access": False,
        "search_content_types": ["text"],
    }
    options = {
        "search_context_size": "low",
        "user_location": {"type": "approximate", "approximate": {"city": "Oslo"}},
    }
    losses = {
        "max_tool_calls": "dropped",
        "tools[0].external_web_access": "dropped",
        "tools[0].search_content_types": "ignored",
    }
    request = {"tools": [search], "max_tool_calls": 2}
    return Sent(f"{model}: searches the web", model, request, {"web_search_options": options}, losses)


def searched(model: str) -> Exchange:
    """An answer of such a model, which does not say that it searched."""
    usage = {"prompt_tokens": 13, "completion_tokens": 4, "total_tokens": 17}
    answer = whole({"content": "Cold"}, usage=usage)
    return Whole(f"{model}: has searched once", model, answer, [("text", "Cold")], (13, 0, 4, 0), searches=1)


EXCHANGES: list[Exchange] = [
    # --- what is sent ---
    Sent(
        "settings of a request go under the names of Chat Completions",
        "gpt-6-sol",
        {
            "max_output_tokens": 500,
            "reasoning": {"effort": "high"},
            "text": {"verbosity": "low"},
            "tools": [WEATHER],
            "parallel_tool_calls": False,
            "prompt_cache_key": "k",
            "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
            "prompt_cache_retention": "24h",
            "safety_identifier": "s",
            "user": "u",
        },
        {
            "max_completion_tokens": 500,
            "reasoning_effort": "high",
            "verbosity": "low",
            "tools": [{"type": "function", "function": WEATHER_FUNCTION}],
            "parallel_tool_calls": False,
            "prompt_cache_key": "k",
            "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
            "prompt_cache_retention": "24h",
            "safety_identifier": "s",
            "user": "u",
        },
    ),
    Sent(
        "sampling and alternatives are for a model that does not reason",
        "gpt-6-sol",
        {
            "reasoning": {"effort": "none"},
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "top_logprobs": 3,
        },
        {
            "reasoning_effort": "none",
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "logprobs": True,
            "top_logprobs": 3,
        },
    ),
    Sent(
        "arguments that broke off are sent as they are",
        "gpt-4.1",
        {"input": [said("user", "Hi"), called(arguments='{"ci'), answered()]},
        {
            "messages": [
                said("user", "Hi"),
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{**CALL, "function": {"name": "weather", "arguments": '{"ci'}}],
                },
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ]
        },
    ),
    Sent(
        "a model that reasons unasked takes no temperature, and shows no reasoning; its highest effort is xhigh",
        "gpt-6-sol",
        {"temperature": 0.5, "top_logprobs": 3, "reasoning": {"effort": "max", "summary": "auto"}},
        {"reasoning_effort": "xhigh"},
        {
            "temperature": "dropped",
            "top_logprobs": "dropped",
            "reasoning.summary": "dropped",
            "reasoning.effort": "approximated",
        },
    ),
    Sent(
        "a conversation keeps its developer messages, parts and refusals; earlier reasoning does not go back",
        "gpt-6-sol",
        {
            "instructions": "Be brief",
            "input": [
                said("user", [{"type": "input_text", "text": "Weather?"}, {"type": "input_text", "text": "Oslo."}]),
                thought("reasoning_text", model="gpt-6-sol", text="Hm"),
                called(),
                answered(),
                said("developer", "Now in German"),
                {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
                said("user", "Please"),
            ],
        },
        {
            "messages": [
                {"role": "developer", "content": "Be brief"},
                {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "text", "text": "Oslo."}]},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
                {"role": "developer", "content": "Now in German"},
                {"role": "assistant", "content": None, "refusal": "No."},
                {"role": "user", "content": "Please"},
            ]
        },
        {"input[1]": "ignored"},
    ),
    Sent(
        "strict is said as the client said it, and an allowed subset is a choice of its own",
        "gpt-6-sol",
        {
            "tools": [{**WEATHER, "strict": True}, {**CLOCK, "strict": False}],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "clock"}],
            },
            "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}},
        },
        {
            "tools": [
                {"type": "function", "function": {**WEATHER_FUNCTION, "strict": True}},
                {"type": "function", "function": {**CLOCK_FUNCTION, "strict": False}},
            ],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "clock"}}]},
            },
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
            },
        },
    ),
    Sent(
        "custom tools are the model's own, in the client's order, and so are their calls",
        "gpt-6-sol",
        {
            "tools": [PATCH, WEATHER, NOTE],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "custom", "name": "note"}, {"type": "function", "name": "weather"}],
            },
            "input": [
                said("user", "Hi"),
                CUSTOM_CALL,
                called(),
                {"type": "custom_tool_call_output", "call_id": "call_p", "output": "Done"},
                answered(),
            ],
        },
        {
            "tools": [
                {
                    "type": "custom",
                    "custom": {
                        "name": "patch",
                        "description": "Patches.",
                        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": 'start: "a"'}},
                    },
                },
                {"type": "function", "function": WEATHER_FUNCTION},
                {"type": "custom", "custom": {"name": "note"}},
            ],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [
                        {"type": "custom", "custom": {"name": "note"}},
                        {"type": "function", "function": {"name": "weather"}},
                    ],
                },
            },
            "messages": [
                {"role": "user", "content": "Hi"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "call_p", "type": "custom", "custom": {"name": "patch", "input": "a\n"}},
                        CALL,
                    ],
                },
                {"role": "tool", "tool_call_id": "call_p", "content": "Done"},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ],
        },
    ),
    Sent(
        "a custom tool is chosen by its name; plain text is a format, too",
        "gpt-6-sol",
        {"tools": [{**NOTE, "format": {"type": "text"}}], "tool_choice": {"type": "custom", "name": "note"}},
        {
            "tools": [{"type": "custom", "custom": {"name": "note", "format": {"type": "text"}}}],
            "tool_choice": {"type": "custom", "custom": {"name": "note"}},
        },
    ),
    searching("gpt-5-search-api"),
    searching("gpt-4o-search-preview"),
    searched("gpt-5-search-api"),
    searched("gpt-4o-search-preview"),
    Refused(
        "a search cannot be held to some domains",
        "gpt-5-search-api",
        {"tools": [{"type": "web_search", "filters": {"allowed_domains": ["example.org"]}}]},
        "tools[0].filters.allowed_domains",
        "unsupported_parameter",
    ),
    Refused(
        "a search cannot be forced",
        "gpt-5-search-api",
        {"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}},
        "tool_choice",
    ),
    Refused(
        "a search cannot be required",
        "gpt-5-search-api",
        {"tools": [{"type": "web_search"}], "tool_choice": "required"},
        "tool_choice",
    ),
    Sent(
        "no search where no tool may be called",
        "gpt-5-search-api",
        {"tools": [{"type": "web_search"}], "tool_choice": "none"},
        {},
        {"tools[0]": "ignored"},
    ),
    Sent(
        "JSON mode wants the word in a message",
        "gpt-6-sol",
        {"text": {"format": {"type": "json_object"}}},
        {
            "response_format": {"type": "json_object"},
            "messages": [*HELLO, {"role": "developer", "content": "Answer with JSON."}],
        },
        {"text.format": "approximated"},
    ),
    Sent(
        "PDF files go as data or by id",
        "gpt-6-sol",
        {
            "input": [
                said(
                    "user",
                    [
                        {"type": "input_file", "file_data": "JVBERi0=", "filename": "a.pdf"},
                        {"type": "input_file", "file_id": "file-1"},
                    ],
                )
            ]
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "file",
                            "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"},
                        },
                        {"type": "file", "file": {"file_id": "file-1"}},
                    ],
                }
            ]
        },
    ),
    Refused(
        "a file that is neither PDF nor text is not taken",
        "gpt-6-sol",
        {"input": [said("user", [{"type": "input_file", "file_data": "UEsDBA==", "filename": "a.docx"}])]},
        "input[0].content[0].file_data",
    ),
    Refused(
        "a file by address is not taken",
        "gpt-6-sol",
        {"input": [said("user", [{"type": "input_file", "file_url": "https://example.org/a.pdf"}])]},
        "input[0].content[0].file_url",
        "unsupported_parameter",
    ),
    Sent(
        "usage is asked for, padding is not",
        "gpt-6-sol",
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}},
    ),
    *(
        Sent(f"the service tier {tier}", "gpt-6-sol", {"service_tier": tier}, {"service_tier": tier})
        for tier in ("auto", "default", "flex", "priority", "fast")
    ),
    # --- what the families differ in ---
    family("gpt-6-terra", "a newer name than the table has the newest rules", "minimal", "low", breakpoints=True),
    family("gpt-6-astra", "always reasons", "none", "low", breakpoints=True),
    family("gpt-6.1-sol", "always reasons", "none", "low", breakpoints=True),
    family("gpt-5.6-terra", "the first with cache breakpoints", "none", "none", breakpoints=True),
    family("gpt-5.5", "no cache breakpoints", "xhigh", "xhigh"),
    family("gpt-5.4-mini", "rests unless it is asked to reason", "", None, thinks=False),
    family("gpt-5.1", "rests unless it is asked to reason", "", None, thinks=False),
    family("gpt-5.1-codex", "its highest effort is high", "xhigh", "high"),
    family("gpt-5.4-pro", "its lowest effort is medium", "low", "medium"),
    family("gpt-5-pro", "has one effort", "low", "high"),
    family("gpt-5.3-chat-latest", "has one effort", "high", "medium"),
    family("gpt-5-mini", "always reasons", "none", "minimal"),
    family("gpt-5-chat-latest", "does not reason", "low", None),
    family("gpt-5-search-api", "always reasons", "none", "minimal"),
    family("o3-mini", "its highest effort is high, and it has no verbosity", "xhigh", "high", verbosity=False),
    family("gpt-4.1", "does not reason, and knows no developer", "low", None, verbosity=False, role="system"),
    family("gpt-4o-audio-preview", "does not reason", "low", None, verbosity=False, role="system"),
    family("gpt-4o-search-preview", "does not reason", "low", None, verbosity=False, role="system"),
    *map(wrapped, ("o3-mini", "gpt-4.1", "gpt-4o-audio-preview", "gpt-4o-search-preview")),
    Sent(
        "models for audio hear",
        "gpt-4o-audio-preview",
        {"input": [said("user", [{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}])]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}],
                }
            ]
        },
    ),
    # --- what comes back ---
    Streamed(
        "a call, with the usage in a chunk without choices",
        "gpt-6-sol",
        [
            chunk({"role": "assistant", "content": None, "refusal": None}, service_tier="default", usage=None),
            chunk(
                {
                    "tool_calls": [
                        {
                            "index": 0,
                            "id": "call_a",
                            "type": "function",
                            "function": {"name": "weather", "arguments": ""},
                        }
                    ]
                }
            ),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"Oslo"}'}}]}),
            chunk(finish="tool_calls"),
            {
                **chunk(),
                "choices": [],
                "usage": {
                    "prompt_tokens": 61,
                    "completion_tokens": 17,
                    "total_tokens": 78,
                    "prompt_tokens_details": {"cached_tokens": 5},
                    "completion_tokens_details": {"reasoning_tokens": 9},
                },
            },
            DONE,
        ],
        [("call", "weather", '{"city":"Oslo"}')],
        (61, 5, 17, 9),
    ),
    Streamed(
        "calls of custom tools bring plain text, of which each brace is a character",
        "gpt-6-sol",
        [
            chunk(
                {
                    "tool_calls": [
                        {"index": 0, "id": "call_p", "type": "custom", "custom": {"name": "patch", "input": ""}}
                    ]
                }
            ),
            chunk({"tool_calls": [{"index": 0, "custom": {"input": '{"a": 1}'}}]}),
            chunk({"tool_calls": [{"index": 1, "id": "call_q", "type": "custom", "custom": {"name": "note"}}]}),
            chunk({"tool_calls": [{"index": 0, "custom": {"input": "\n}"}}]}),
            chunk({"tool_calls": [{"index": 1, "custom": {"input": "b"}}]}),
            chunk(finish="tool_calls"),
            DONE,
        ],
        [("custom", "patch", '{"a": 1}\n}'), ("custom", "note", "b")],
        request={"tools": [PATCH, NOTE]},
    ),
    Whole(
        "a whole call of a custom tool",
        "gpt-6-sol",
        whole(
            {
                "content": None,
                "tool_calls": [{"id": "call_p", "type": "custom", "custom": {"name": "patch", "input": ""}}],
            },
            finish="tool_calls",
        ),
        [("custom", "patch", "")],
    ),
    Streamed(
        "a search that was asked for is shown with what it found",
        "gpt-5-search-api",
        [
            chunk({"content": "Yes (a)."}),
            chunk(
                {
                    "annotations": [
                        {
                            "type": "url_citation",
                            "url_citation": {"start_index": 4, "end_index": 7, "url": "https://example.org/a"},
                        }
                    ]
                }
            ),
            chunk(finish="stop"),
            DONE,
        ],
        [("text", "Yes (a).", ("https://example.org/a", 4, 7)), ("web_search_call",)],
        request={"tools": [{"type": "web_search"}]},
        searches=1,
    ),
    Streamed(
        "a refusal has a delta of its own",
        "gpt-6-sol",
        [chunk({"refusal": "I "}), chunk({"refusal": "won't."}), chunk(finish="stop"), DONE],
        [("refusal", "I won't.")],
    ),
    Streamed(
        "the limit was reached",
        "gpt-6-sol",
        [chunk({"content": "Ye"}), chunk(finish="length"), DONE],
        [("text", "Ye")],
        status="incomplete: length",
    ),
    Whole(
        "search models cite",
        "gpt-5-search-api",
        whole(
            {
                "content": "Yes (a).",
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {
                            "start_index": 4,
                            "end_index": 7,
                            "url": "https://example.org/a",
                            "title": "A",
                        },
                    }
                ],
            }
        ),
        [("text", "Yes (a).", ("https://example.org/a", 4, 7))],
        searches=1,
    ),
    Whole(
        "the answer was filtered",
        "gpt-4.1",
        whole({"content": "Ye"}, finish="content_filter"),
        [("text", "Ye")],
        status="incomplete: content_filter",
    ),
    # --- errors ---
    Failed(
        "too long",
        400,
        {
            "error": {
                "message": "This model's maximum context length is 128000 tokens.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        },
        "context_too_long",
    ),
    Failed(
        "a limit, and when to come again",
        429,
        {"error": {"message": "Rate limit reached", "type": "requests", "param": None, "code": "rate_limit_exceeded"}},
        "rate_limit",
        headers={"retry-after-ms": "1500"},
        retry_after=1.5,
    ),
    Failed(
        "no money",
        429,
        {
            "error": {
                "message": "You exceeded your current quota",
                "type": "insufficient_quota",
                "param": None,
                "code": "insufficient_quota",
            }
        },
        "quota",
    ),
    Failed(
        "a key that is none",
        401,
        {
            "error": {
                "message": "Incorrect API key provided",
                "type": "invalid_request_error",
                "param": None,
                "code": "invalid_api_key",
            }
        },
        "bad_credential",
    ),
    Failed(
        "a model that is none",
        404,
        {
            "error": {
                "message": "The model `gpt-9` does not exist",
                "type": "invalid_request_error",
                "param": None,
                "code": "model_not_found",
            }
        },
        "model_unknown",
    ),
    Amended(
        "a member that the model has not is left out",
        "gpt-6-sol",
        {"text": {"verbosity": "low"}},
        400,
        {
            "error": {
                "message": "Unsupported parameter: 'verbosity' is not supported with this model.",
                "type": "invalid_request_error",
                "param": "verbosity",
                "code": "unsupported_parameter",
            }
        },
        ["verbosity"],
        ("text.verbosity", "dropped"),
    ),
    # --- where it is found ---
    Found("at its public address", "https://api.openai.com/v1", "https://api.openai.com/v1"),
    Found("at a regional address", "https://eu.api.openai.com/v1", "https://api.openai.com/v1"),
]
