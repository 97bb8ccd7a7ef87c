"""Perplexity: Sonar."""

from typing import Any

from .exchange import (
    CLOCK,
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
    said,
    thought,
    whole,
)

MODEL = "sonar-pro"
THINKER = "sonar-reasoning-pro"
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}},
    {"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"]}},
]
OSLO, BERGEN = "https://example.org/oslo", "https://example.org/bergen"
FOUND = [{"title": "Oslo", "url": OSLO, "date": None}, {"title": "Bergen", "url": BERGEN, "date": None}]


def piece(new: str, so_far: str, tokens: int, *, finish: str | None = None) -> dict[str, Any]:
    """A chunk: the new text, beside it the whole text so far, and what was counted so far."""
    return {
        "id": "c1",
        "model": "m",
        "created": 1,
        "object": "chat.completion.done" if finish else "chat.completion.chunk",
        "usage": {
            "prompt_tokens": 8,
            "completion_tokens": tokens,
            "total_tokens": 8 + tokens,
            "search_context_size": "low",
            "cost": {"total_cost": 0.006},
        },
        "citations": [OSLO, BERGEN],
        "search_results": FOUND,
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": new},
                "message": {"role": "assistant", "content": so_far},
                "finish_reason": finish,
            }
        ],
    }


EXCHANGES: list[Exchange] = [
    Sent(
        "sampling is taken, alternatives and parallel calls are not",
        MODEL,
        {
            "max_output_tokens": 50,
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "top_logprobs": 3,
            "stream": True,
        },
        {
            "max_tokens": 50,
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        {"top_logprobs": "dropped"},
    ),
    Sent(
        "models that reason are told how much",
        THINKER,
        {"reasoning": {"effort": "xhigh"}},
        {"reasoning_effort": "high"},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "also a little, in a long search",
        "sonar-deep-research",
        {"reasoning": {"effort": "none"}},
        {"reasoning_effort": "minimal"},
        {"reasoning.effort": "approximated"},
    ),
    Sent(
        "the others are not",
        MODEL,
        {"reasoning": {"effort": "high"}},
        {},
        {"reasoning.effort": "dropped"},
    ),
    Sent(
        "the system first, then turns that alternate, and the user last",
        THINKER,
        {
            "input": [
                said("user", "Hi"),
                said("developer", "Be brief"),
                said("user", "Weather in Oslo?"),
                thought("reasoning_text", model=THINKER, text="Hm"),
                said("assistant", "It is 3 C."),
            ],
        },
        {
            "messages": [
                {"role": "system", "content": "Be brief"},
                {"role": "user", "content": "Hi\n\nWeather in Oslo?"},
                {"role": "assistant", "content": "It is 3 C."},
                {"role": "user", "content": "Continue."},
            ]
        },
        {"input": "approximated", "input[1]": "approximated", "input[3]": "ignored"},
    ),
    Sent(
        "a call of one tool is that tool alone, required",
        MODEL,
        {
            "input": [said("user", "Weather in Oslo?"), called(), answered()],
            "tools": [WEATHER, CLOCK],
            "tool_choice": {"type": "function", "name": "clock"},
            "parallel_tool_calls": False,
        },
        {
            "messages": [
                {"role": "user", "content": "Weather in Oslo?"},
                {"role": "assistant", "content": "", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
            ],
            "tools": TOOLS[1:],
            "tool_choice": "required",
        },
        {"tool_choice": "approximated", "parallel_tool_calls": "dropped"},
    ),
    *(
        Sent(
            f"the choice {choice}",
            MODEL,
            {"tools": [WEATHER, CLOCK], "tool_choice": choice},
            {"tools": TOOLS, "tool_choice": choice},
        )
        for choice in ("none", "auto", "required")
    ),
    Sent(
        "every schema is held to",
        MODEL,
        {"text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}},
    ),
    Sent(
        "JSON is a schema of any object",
        MODEL,
        {"text": {"format": {"type": "json_object"}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "object", "schema": {"type": "object"}}}},
        {"text.format": "approximated"},
    ),
    Sent(
        "images have no detail",
        MODEL,
        {"input": [said("user", [{"type": "input_image", "image_url": OSLO, "detail": "high"}])]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": OSLO}}]}]},
        {"input[0].content[0].detail": "dropped"},
    ),
    Refused(
        "PDF files are not taken",
        MODEL,
        {"input": [said("user", [{"type": "input_file", "file_data": "JVBERi0=", "filename": "a.pdf"}])]},
        "input[0].content[0].file_data",
    ),
    Streamed(
        "each chunk has the whole text and all that was counted; marks cite, and no end is marked",
        MODEL,
        [
            piece("It is cold", "It is cold", 3),
            piece(" in Bergen [2", "It is cold in Bergen [2", 6),
            piece("].", "It is cold in Bergen [2].", 8),
            piece("", "It is cold in Bergen [2].", 8, finish="stop"),
        ],
        [("text", "It is cold in Bergen [2].", (BERGEN, 21, 24), (OSLO, 25, 25))],
        (8, 0, 8, 0),
    ),
    Streamed(
        "models that reason begin with a think block, which cites nothing",
        THINKER,
        [
            piece("<think>\nSee [1]", "<think>\nSee [1]", 4),
            piece("\n</think>\n\nCold [1][2]", "<think>\nSee [1]\n</think>\n\nCold [1][2]", 9, finish="stop"),
        ],
        [("raw", "See [1]", None), ("text", "Cold [1][2]", (OSLO, 5, 8), (BERGEN, 8, 11))],
        (8, 0, 9, 0),
    ),
    Whole(
        "a whole answer has an empty delta beside it",
        MODEL,
        {
            **piece("", "Cold [1]", 5, finish="stop"),
            "usage": {"prompt_tokens": 8, "completion_tokens": 5, "total_tokens": 13, "reasoning_tokens": 5},
            "search_results": [FOUND[0]],
            "citations": None,
        },
        [("text", "Cold [1]", (OSLO, 5, 8))],
        (8, 0, 10, 5),
    ),
    Whole(
        "reasoning, sources read and searches are counted beside the total",
        "sonar-deep-research",
        whole(
            {"content": "Cold"},
            usage={
                "prompt_tokens": 33,
                "completion_tokens": 7163,
                "total_tokens": 7196,
                "citation_tokens": 20016,
                "num_search_queries": 30,
                "reasoning_tokens": 73997,
            },
        ),
        [("text", "Cold")],
        (20049, 0, 81160, 73997),
        searches=30,
    ),
    Failed(
        "a bad key",
        401,
        {"error": {"message": "Invalid API key provided.", "type": "invalid_api_key", "code": 401}},
        "bad_credential",
    ),
    Failed(
        "a wrong order",
        400,
        {"error": {"message": "Last message must have role `user`.", "type": "invalid_message", "code": 400}},
        "bad_request",
    ),
    Found("its address", "https://api.perplexity.ai", "https://api.perplexity.ai"),
]
