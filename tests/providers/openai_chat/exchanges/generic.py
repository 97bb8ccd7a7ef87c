"""A server that nothing is known of."""

from .exchange import (
    CLOCK,
    DONE,
    WEATHER,
    Exchange,
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

EXCHANGES: list[Exchange] = [
    Sent(
        "sampling, alternatives and parallel calls are taken; identity and caches are not",
        "phi-5",
        {
            "temperature": 0.5,
            "top_p": 0.9,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "top_logprobs": 3,
            "max_output_tokens": 50,
            "tools": [WEATHER],
            "parallel_tool_calls": False,
            "user": "u",
            "prompt_cache_key": "k",
            "service_tier": "flex",
            "text": {"verbosity": "low"},
            "reasoning": {"effort": "low", "summary": "auto"},
        },
        {
            "max_tokens": 50,
            "reasoning_effort": "low",
            "frequency_penalty": 0.2,
            "presence_penalty": 0.1,
            "temperature": 0.5,
            "top_p": 0.9,
            "logprobs": True,
            "top_logprobs": 3,
            "tools": [{"type": "function", "function": {"name": "weather", "parameters": WEATHER["parameters"]}}],
            "parallel_tool_calls": False,
        },
        {
            "reasoning.summary": "approximated",
            "text.verbosity": "dropped",
            "service_tier": "dropped",
            "prompt_cache_key": "ignored",
            "user": "ignored",
        },
    ),
    Sent(
        "one system message, plain strings, no null content, no reasoning back, and cut arguments as an object",
        "phi-5",
        {
            "instructions": "Be brief",
            "input": [
                said("user", [{"type": "input_text", "text": "Weather?"}, {"type": "input_text", "text": "Oslo."}]),
                thought("reasoning_text", model="phi-5", text="Hm"),
                called(),
                answered(),
                called("call_b", arguments='{"city":'),
                answered("Bad arguments", "call_b"),
                said("developer", "Now in German"),
            ],
        },
        {
            "messages": [
                {"role": "system", "content": "Be brief\n\nNow in German"},
                {"role": "user", "content": "Weather?\nOslo."},
                {"role": "assistant", "content": "", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {
                            "id": "call_b",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"_raw":"{\\"city\\":"}'},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "call_b", "content": "Bad arguments"},
            ]
        },
        {"input[1]": "ignored", "input[4].arguments": "approximated", "input[6]": "approximated"},
    ),
    Sent(
        "an allowed subset is what is offered, and strict is not promised",
        "phi-5",
        {
            "tools": [WEATHER, {**CLOCK, "strict": True}],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "clock"}],
            },
        },
        {
            "tools": [{"type": "function", "function": {"name": "clock", "parameters": CLOCK["parameters"]}}],
            "tool_choice": "required",
        },
        {"tools[1].strict": "approximated"},
    ),
    Sent("usage is asked for", "phi-5", {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
    Refused(
        "PDF files are not taken",
        "phi-5",
        {"input": [said("user", [{"type": "input_file", "file_data": "JVBERi0=", "filename": "a.pdf"}])]},
        "input[0].content[0].file_data",
    ),
    Streamed(
        "a think block in front of the text is reasoning",
        "phi-5",
        [chunk({"content": "<thi"}), chunk({"content": "nk>Hm</think>\n\nYes"}, finish="stop"), DONE],
        [("raw", "Hm", None), ("text", "Yes")],
    ),
    Streamed(
        "what ends without a finish signal was cut",
        "phi-5",
        [chunk({"content": "Ye"})],
        [("text", "Ye")],
        status="failed",
        error="cut",
    ),
    Whole(
        "reasoning that the total counts besides the completion is output",
        "phi-5",
        whole(
            {"content": "Yes"},
            usage={
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "total_tokens": 20,
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
        ),
        [("text", "Yes")],
        (9, 0, 11, 7),
    ),
]
