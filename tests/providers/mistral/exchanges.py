"""Exchanges with Mistral for the conformance kit: some written by hand, and those that public projects recorded."""

import json
import os
from pathlib import Path
from typing import Any, Final

import orjson

from proxy.testing.exchange import Exchange, ExpectedCall
from tests.providers.mistral.material import CLOCK, MODEL, WEATHER, called, chunk, said, whole

THINKER: Final = "magistral-medium-latest"
COUNTED: Final = {"prompt_tokens": 9, "completion_tokens": 11, "total_tokens": 20}
USAGE: Final = {"input_tokens": 9, "cached_tokens": 0, "output_tokens": 11, "reasoning_tokens": 0}
TOOLS: Final = {"tools": [WEATHER, CLOCK]}


def stream(*chunks: object, done: bool = True) -> bytes:
    """The chunks as the vendor's server sends them."""
    lines = [b"data: " + orjson.dumps(each) for each in chunks]
    return b"\n\n".join([*lines, *([b"data: [DONE]"] if done else []), b""])


def calls(*names: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"aaaaaaaa{index}",
            "type": "function",
            "index": index,
            "function": {"name": name, "arguments": '{"city":"Oslo"}' if name == "weather" else "{}"},
        }
        for index, name in enumerate(names)
    ]


def thinking(words: str, **members: Any) -> dict[str, Any]:
    return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": words}], **members}]}


def written() -> list[Exchange]:
    """Exchanges by hand."""
    start = chunk({"role": "assistant", "content": ""})
    both = (ExpectedCall("weather", '{"city":"Oslo"}'), ExpectedCall("clock", "{}"))
    error = {
        "object": "error",
        "message": "Service tier capacity exceeded for this model.",
        "type": "x",
        "code": "3505",
    }
    extra = {"detail": [{"type": "extra_forbidden", "loc": ["body", "x"], "msg": "Extra inputs are not permitted"}]}
    return [
        Exchange(
            "plain",
            "mistral-small-latest",
            orjson.dumps(whole({"content": "Hello"}, usage={**COUNTED, "prompt_tokens": 8, "completion_tokens": 2})),
            request={"instructions": "Short", "input": "Hi", "max_output_tokens": 20},
            sent={
                "model": "mistral-small-latest",
                "messages": [{"role": "system", "content": "Short"}, {"role": "user", "content": "Hi"}],
                "max_tokens": 20,
            },
            text="Hello",
            usage={"input_tokens": 8, "cached_tokens": 0, "cache_write_tokens": 0, "output_tokens": 2},
            status="completed",
        ),
        Exchange(
            "thinking-stream",
            THINKER,
            stream(
                start,
                chunk(thinking("2+2")),
                chunk(thinking(" is 4", closed=True, signature="sig")),
                chunk({"content": "4"}),
                chunk({"content": ""}, "stop", usage=COUNTED),
            ),
            stream=True,
            text="4",
            reasoning="2+2 is 4",
            usage=USAGE,
            status="completed",
        ),
        Exchange(
            "thinking-plain",
            THINKER,
            orjson.dumps(
                whole(
                    {"content": [*thinking("Hm", closed=True)["content"], {"type": "text", "text": "4"}]}, usage=COUNTED
                )
            ),
            text="4",
            reasoning="Hm",
            usage=USAGE,
            status="completed",
        ),
        Exchange(
            "calls-stream",
            MODEL,
            stream(start, chunk({"tool_calls": calls("weather", "clock")}, "tool_calls", usage=COUNTED)),
            stream=True,
            request=TOOLS,
            calls=both,
            usage=USAGE,
            status="completed",
        ),
        Exchange(
            "calls-plain",
            MODEL,
            orjson.dumps(
                whole({"content": "Both.", "tool_calls": calls("weather", "clock")}, "tool_calls", usage=COUNTED)
            ),
            request=TOOLS,
            text="Both.",
            calls=both,
            status="completed",
        ),
        Exchange(
            "a-result-and-then-the-user",
            MODEL,
            stream(start, chunk({"content": "17 C"}), chunk({"content": ""}, "stop", usage=COUNTED)),
            stream=True,
            request={
                **TOOLS,
                "input": [
                    said("user", "Oslo?"),
                    called("call_abcdef123456"),
                    {"type": "function_call_output", "call_id": "call_abcdef123456", "output": "3 C"},
                    said("user", "And Rome?"),
                ],
            },
            text="17 C",
            status="completed",
        ),
        Exchange(
            "too-long",
            MODEL,
            stream(start, chunk({"content": "a"}), chunk({"content": "b"}, "model_length", usage=COUNTED)),
            stream=True,
            text="ab",
            status="incomplete",
        ),
        Exchange(
            "a-setting-that-is-dropped",
            MODEL,
            orjson.dumps(whole({"content": "Hi"}, usage=COUNTED)),
            request={"text": {"verbosity": "low"}},
            text="Hi",
            dropped=["text.verbosity"],
        ),
        Exchange(
            "cut",
            MODEL,
            stream(start, chunk({"content": "Par"}), done=False),
            stream=True,
            text="Par",
            status="failed",
            error_code="server_error",
        ),
        Exchange(
            "an-error-in-the-stream",
            MODEL,
            stream(
                start, chunk({"content": "Par"}), {"object": "error", "message": "Internal server error", "code": 3700}
            ),
            stream=True,
            text="Par",
            status="failed",
            error_code="server_error",
        ),
        Exchange(
            "capacity",
            MODEL,
            orjson.dumps(error),
            status_code=429,
            headers={"retry-after": "2"},
            error_code="rate_limit_exceeded",
            http_status=429,
        ),
        Exchange("extra", MODEL, orjson.dumps(extra), status_code=422, http_status=400),
        Exchange(
            "key",
            MODEL,
            b'{"detail":"Invalid API Key"}',
            status_code=401,
            error_code="provider_authentication_failed",
            http_status=502,
        ),
    ]


def recorded() -> list[Exchange]:
    """What `DRAGOMAN_CORPUS` has of the vendor; nothing where it is not set."""
    folder = os.environ.get("DRAGOMAN_CORPUS")
    return [_recorded(path) for path in sorted(Path(folder, "mistral_chat").glob("*.json"))] if folder else []


def _recorded(path: Path) -> Exchange:
    recording = json.loads(path.read_bytes())
    body = recording["response_body"]
    given = recording["request_body"]
    offered = [tool["function"] for tool in given.get("tools") or ()]
    tools = [{"type": "function", "name": each["name"], "parameters": each["parameters"]} for each in offered]
    told = _last(body)
    usage = told.get("usage") or {}
    limit = {"max_output_tokens": max(16, given["max_tokens"])} if given.get("max_tokens") else {}
    return Exchange(
        id=recording["id"],
        model=given["model"],
        answer=body.encode() if isinstance(body, str) else orjson.dumps(body),
        status_code=recording["status"],
        stream=recording["stream"],
        request={**limit, **({"tools": tools} if tools else {})},
        usage=_usage(usage) if usage else None,
        http_status={401: 502}.get(recording["status"]),
    )


def _last(body: Any) -> dict[str, Any]:
    """The answer, or the last chunk of a stream."""
    if not isinstance(body, str):
        return dict(body)
    lines = [line.removeprefix("data: ") for line in body.splitlines() if line.startswith("data: {")]
    return dict(json.loads(lines[-1]))


def _usage(counts: dict[str, Any]) -> dict[str, int]:
    details = counts.get("prompt_tokens_details") or {}
    sound = details.get("audio_tokens") or 0
    return {
        "input_tokens": counts["prompt_tokens"] + sound,
        "cached_tokens": details.get("cached_tokens") or 0,
        "output_tokens": counts["completion_tokens"],
    }
