"""Exchanges with Cohere for the conformance kit: some written by hand, and those that public projects recorded."""

import json
import os
from pathlib import Path
from typing import Any, Final

import orjson

from proxy.testing.exchange import Exchange, ExpectedCall
from tests.providers.cohere.material import (
    CLOCK,
    MODEL,
    PLAIN,
    WEATHER,
    answered,
    block,
    called,
    calling,
    citing,
    document,
    event,
    finish,
    start,
    whole,
)

COUNTED: Final = {"input_tokens": 74, "cached_tokens": 0, "output_tokens": 3, "reasoning_tokens": 0}
SOURCE: Final = document("d1", title="A", url="https://ex.org/a")


def stream(*payloads: dict[str, Any], done: bool = True) -> bytes:
    """The events as the vendor's server sends them."""
    frames = [b"event: %b\ndata: %b\n\n" % (str(each["type"]).encode(), orjson.dumps(each)) for each in payloads]
    return b"".join([*frames, *([b"data: [DONE]\n\n"] if done else [])])


def written() -> list[Exchange]:
    """Exchanges by hand."""
    plan = [event("tool-plan-delta", tool_plan=piece) for piece in ("I will", " check")]
    found = {"id": "d1", "title": "A", "url": "https://ex.org/a"}
    lookup = [called("wx_1"), answered("wx_1", orjson.dumps(found).decode())]
    return [
        Exchange(
            "a short answer",
            MODEL,
            orjson.dumps(whole({"content": [{"type": "text", "text": "Hello"}]})),
            request={"instructions": "Short", "input": "Hi"},
            sent={
                "model": MODEL,
                "messages": [{"role": "system", "content": "Short"}, {"role": "user", "content": "Hi"}],
            },
            text="Hello",
            usage={**COUNTED, "cache_write_tokens": 0},
            status="completed",
        ),
        Exchange(
            "a forced tool, streamed",
            PLAIN,
            stream(start(), *plan, *calling(0, "weather", '{"city":', '"Oslo"}'), finish("TOOL_CALL"), done=False),
            stream=True,
            request={"input": "Hi", "tools": [WEATHER, CLOCK], "tool_choice": {"type": "function", "name": "weather"}},
            sent={
                "model": PLAIN,
                "messages": [{"role": "user", "content": "Hi"}],
                "tools": [
                    {
                        "type": "function",
                        "function": {name: WEATHER[name] for name in ("name", "description", "parameters")},
                    }
                ],
                "tool_choice": "REQUIRED",
                "stream": True,
            },
            text="",
            reasoning="I will check",
            calls=[ExpectedCall("weather", '{"city":"Oslo"}')],
            status="completed",
            dropped=(),
        ),
        Exchange(
            "two calls and a plan, whole",
            PLAIN,
            orjson.dumps(
                whole(
                    {
                        "tool_plan": "Both.",
                        "tool_calls": [
                            {
                                "id": f"{name}_1",
                                "type": "function",
                                "function": {"name": name, "arguments": arguments},
                            }
                            for name, arguments in (("weather", '{"city":"Oslo"}'), ("clock", None))
                        ],
                    },
                    "TOOL_CALL",
                )
            ),
            request={"tools": [WEATHER, CLOCK]},
            reasoning="Both.",
            calls=[ExpectedCall("weather", '{"city":"Oslo"}'), ExpectedCall("clock", "{}")],
            status="completed",
        ),
        Exchange(
            "thinking and a citation, streamed",
            MODEL,
            stream(
                start(),
                *block(0, "thinking", "Look", " it up"),
                *block(1, "text", "Oslo has", " 3 C."),
                citing(9, 12, SOURCE, content_index=1),
                {"type": "citation-end", "index": 0},
                finish(),
            ),
            stream=True,
            request={"input": [{"role": "user", "content": "Hi"}, *lookup], "tools": [WEATHER]},
            text="Oslo has 3 C.",
            reasoning="Look it up",
            usage=COUNTED,
            status="completed",
        ),
        Exchange(
            "cut by its limit",
            MODEL,
            stream(start(), *block(0, "text", "Oslo"), finish("MAX_TOKENS")),
            stream=True,
            request={"max_output_tokens": 16},
            text="Oslo",
            status="incomplete",
        ),
        Exchange(
            "an error at the end",
            MODEL,
            stream(start(), *block(0, "text", "Oslo"), finish("ERROR", error="it broke")),
            stream=True,
            text="Oslo",
            status="failed",
            error_code="server_error",
        ),
        Exchange(
            "too long",
            MODEL,
            orjson.dumps({"message": "too many tokens: total number of tokens in the prompt cannot exceed 256000"}),
            status_code=400,
            error_code="context_length_exceeded",
            http_status=400,
        ),
        Exchange(
            "a trial key that is used up",
            MODEL,
            orjson.dumps({"message": "You are using a Trial key, which is limited to 1000 API calls / month."}),
            status_code=429,
            error_code="insufficient_quota",
            http_status=429,
        ),
    ]


def recordings() -> list[dict[str, Any]]:
    """Recorded exchanges with the Chat API; none without the corpus."""
    corpus = os.environ.get("DRAGOMAN_CORPUS")
    folder = Path(corpus, "cohere_v2_chat") if corpus else None
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))] if folder else []


def recorded() -> list[Exchange]:
    """The same for the kit."""
    return [
        Exchange(
            each["id"],
            each["request_body"]["model"],
            _body(each["response_body"]),
            status_code=each["status"],
            headers=each["response_headers"],
            stream=each["stream"],
        )
        for each in recordings()
    ]


def _body(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else orjson.dumps(body)
