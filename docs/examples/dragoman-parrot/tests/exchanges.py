"""Exchanges with Parrot, and what a client has to get from each."""

import json
from typing import Any

from proxy.testing import Exchange, ExpectedCall

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def lines(*values: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)


def over(why: str, heard: int, spoken: int, remembered: int = 0) -> dict[str, Any]:
    return {
        "kind": "over",
        "why": why,
        "counts": {"heard": heard, "remembered": remembered, "spoken": spoken},
    }


EXCHANGES = [
    Exchange(
        "text, streamed",
        "macaw-2",
        lines(
            {"kind": "said", "text": "Guten"},
            {"kind": "said", "text": " Tag, schöne"},
            {"kind": "perched", "where": "on a new branch"},
            {"kind": "said", "text": " Welt"},
            over("done", 12, 4, remembered=100),
        ),
        stream=True,
        request={"instructions": "Be kind", "input": "Greet", "temperature": 0.5, "max_output_tokens": 100},
        sent={
            "model": "macaw-2",
            "manners": "Be kind",
            "turns": [{"speaker": "human", "said": ["Greet"]}],
            "longest": 100,
            "wildness": 0.5,
            "stream": True,
        },
        text="Guten Tag, schöne Welt",
        status="completed",
        usage={"input_tokens": 112, "cached_tokens": 100, "output_tokens": 4},
    ),
    Exchange(
        "text, whole",
        "macaw-2",
        json.dumps({"said": "Hello", "why": "done", "counts": {"heard": 12, "remembered": 0, "spoken": 1}}).encode(),
        text="Hello",
        status="completed",
        usage={"input_tokens": 12, "cached_tokens": 0, "output_tokens": 1},
    ),
    Exchange(
        "two calls, streamed",
        "macaw-2",
        lines(
            {"kind": "said", "text": "I look"},
            {"kind": "call", "id": "c1", "tool": "get_weather"},
            {"kind": "input", "piece": '{"city":'},
            {"kind": "input", "piece": '"Oslo"}'},
            {"kind": "call", "id": "c2", "tool": "get_weather"},
            {"kind": "input", "piece": '{"city":"Rome"}'},
            over("calls", 80, 30),
        ),
        stream=True,
        request={"input": "Oslo or Rome?", "tools": [WEATHER]},
        text="I look",
        calls=[ExpectedCall("get_weather", '{"city":"Oslo"}'), ExpectedCall("get_weather", '{"city":"Rome"}')],
        status="completed",
        usage={"input_tokens": 80, "output_tokens": 30},
    ),
    Exchange(
        "a call, whole",
        "budgie-1",
        json.dumps(
            {
                "calls": [{"id": "c1", "tool": "get_weather", "input": {"city": "Oslo"}}],
                "why": "calls",
                "counts": {"heard": 80, "spoken": 15},
            }
        ).encode(),
        request={
            "input": [
                {"role": "user", "content": "Rome?"},
                {"type": "function_call", "call_id": "c0", "name": "get_weather", "arguments": '{"city":"Rome"}'},
                {"type": "function_call_output", "call_id": "c0", "output": "sun"},
                {"role": "user", "content": "And Oslo?"},
            ],
            "tools": [WEATHER],
            "parallel_tool_calls": False,
        },
        sent={
            "model": "budgie-1",
            "turns": [
                {"speaker": "human", "said": ["Rome?"]},
                {"speaker": "parrot", "calls": [{"id": "c0", "tool": "get_weather", "input": {"city": "Rome"}}]},
                {"speaker": "tools", "results": [{"id": "c0", "said": "sun", "failed": False}]},
                {"speaker": "human", "said": ["And Oslo?"]},
            ],
            "tools": [{"name": "get_weather", "about": "Tells the weather", "input": WEATHER["parameters"]}],
            "choose": "auto",
            "one_call": True,
            "stream": False,
        },
        calls=[ExpectedCall("get_weather", '{"city":"Oslo"}')],
        status="completed",
    ),
    Exchange(
        "the limit is reached",
        "macaw-2",
        lines({"kind": "said", "text": "Once upon"}, over("longest", 3, 2)),
        stream=True,
        text="Once upon",
        status="incomplete",
        usage={"input_tokens": 3, "output_tokens": 2},
    ),
    Exchange(
        "trouble amid the stream",
        "macaw-2",
        lines(
            {"kind": "said", "text": "Once"}, {"kind": "trouble", "trouble": {"name": "hoarse", "message": "Water!"}}
        ),
        stream=True,
        text="Once",
        status="failed",
    ),
    Exchange(
        "too many requests",
        "macaw-2",
        b'{"trouble": {"name": "too_fast", "message": "Not so fast, please"}}',
        status_code=429,
        headers={"retry-after": "3"},
        http_status=429,
        error_code="rate_limit_exceeded",
    ),
    Exchange(
        "a wrong key",
        "macaw-2",
        b'{"trouble": {"name": "bad_seed", "message": "Unknown key sk-0123456789"}}',
        status_code=401,
        http_status=502,
        error_code="provider_authentication_failed",
    ),
    Exchange(
        "a history that is too long",
        "macaw-2",
        b'{"trouble": {"name": "too_long", "message": "More than 32000 tokens"}}',
        status_code=400,
        http_status=400,
        error_code="context_length_exceeded",
    ),
]
