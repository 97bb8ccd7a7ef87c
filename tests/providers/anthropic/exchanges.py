"""Exchanges with Claude and its hosts for the conformance kit: some written by hand, and those that public projects
recorded."""

import base64
import json
import os
from pathlib import Path
from typing import Any, Final

import orjson

from proxy.testing.exchange import Exchange, ExpectedCall
from tests.providers.anthropic.answers import block, start, stop, text_block
from tests.providers.anthropic.hosts import MODELS, exception, wrapped

WX: Final = {
    "type": "function",
    "name": "wx",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
USAGE: Final = {"input_tokens": 150, "cached_tokens": 100, "cache_write_tokens": 30, "output_tokens": 45}
COUNTED: Final = {"input_tokens": 20, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30}

FOLDERS: Final = {
    "anthropic": "anthropic_messages",
    "bedrock": "bedrock_invoke_anthropic",
    "vertex": "anthropic_vertex",
}


def sse(*payloads: Any) -> bytes:
    """The payloads as Anthropic's own stream."""
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (payload["type"].encode(), orjson.dumps(payload)) for payload in payloads
    )


def _calling() -> list[Any]:
    return [
        start(**COUNTED, output_tokens=1),
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "Need weather"},
            {"type": "signature_delta", "signature": "S1"},
        ),
        *block(
            1,
            {"type": "tool_use", "id": "toolu_1", "name": "wx", "input": {}},
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"city":"Oslo"}'},
        ),
        *stop("tool_use", {"output_tokens": 45, "output_tokens_details": {"thinking_tokens": 18}}),
    ]


def _saying() -> list[Any]:
    return [start(input_tokens=9, output_tokens=1), *text_block(0, "Hel", "lo."), *stop(usage={"output_tokens": 3})]


def written(host: str = "anthropic") -> list[Exchange]:
    """Exchanges by hand, as the host frames them."""
    framed = wrapped if host == "bedrock" else sse
    model = MODELS[host]
    saying = {"input_tokens": 9, "cached_tokens": 0, "output_tokens": 3}
    whole = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": "Hello."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 9, "output_tokens": 3},
    }
    return [
        Exchange("plain", model, orjson.dumps(whole), text="Hello.", usage=saying, status="completed"),
        Exchange("stream", model, framed(*_saying()), stream=True, text="Hello.", usage=saying, status="completed"),
        Exchange(
            "calls-stream",
            model,
            framed(*_calling()),
            stream=True,
            request={"tools": [WX], "reasoning": {"effort": "high", "summary": "auto"}},
            reasoning="Need weather",
            calls=[ExpectedCall("wx", '{"city":"Oslo"}')],
            usage=USAGE | {"reasoning_tokens": 18},
            status="completed",
        ),
        Exchange(
            "refused",
            model,
            framed(start(input_tokens=12, output_tokens=1), *text_block(0, "I can"), *stop("refusal")),
            stream=True,
            text="I can",
            status="incomplete",
        ),
        Exchange(
            "too-long",
            model,
            framed(start(input_tokens=9), *text_block(0, "One", " two"), *stop("max_tokens", {"output_tokens": 2})),
            stream=True,
            request={"max_output_tokens": 16},
            text="One two",
            status="incomplete",
        ),
        Exchange(
            "cut",
            model,
            framed(*_saying()[:-2]),
            stream=True,
            text="Hello.",
            status="failed",
            error_code="server_error",
        ),
        Exchange(
            "a-setting-that-is-dropped",
            model,
            orjson.dumps(whole),
            request={"text": {"verbosity": "low"}},
            text="Hello.",
            dropped=["text.verbosity"],
        ),
        *_failures(host),
    ]


def _failures(host: str) -> list[Exchange]:
    model = MODELS[host]
    begun = [start(input_tokens=9), *text_block(0, "Par")[:-1]]
    if host == "bedrock":
        throttled = exception("throttlingException", message="Too many requests, please wait.")
        named = {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/"}
        return [
            Exchange(
                "an-exception-in-the-stream",
                model,
                wrapped(*begun, throttled),
                stream=True,
                text="Par",
                status="failed",
                error_code="rate_limit_exceeded",
            ),
            Exchange(
                "throttled",
                model,
                b'{"message":"Too many requests, please wait."}',
                status_code=429,
                headers=named,
                error_code="rate_limit_exceeded",
                http_status=429,
            ),
            Exchange(
                "keys",
                model,
                b'{"message":"The security token included in the request is expired"}',
                status_code=403,
                headers={"x-amzn-errortype": "ExpiredTokenException"},
                error_code="provider_authentication_failed",
                http_status=502,
            ),
        ]
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    unknown: dict[str, Any] = {
        "error": {"code": 404, "message": "Publisher Model `x` was not found.", "status": "NOT_FOUND"}
    }
    if host != "vertex":
        unknown = {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}
    return [
        Exchange(
            "an-error-in-the-stream",
            model,
            sse(*begun, overloaded),
            stream=True,
            text="Par",
            status="failed",
            error_code="server_is_overloaded",
        ),
        Exchange(
            "unknown",
            model,
            orjson.dumps(unknown),
            status_code=404,
            error_code="model_not_found",
            http_status=400,
        ),
    ]


def recorded(host: str) -> list[Exchange]:
    """What `DRAGOMAN_CORPUS` has of the host; nothing where it is not set."""
    folder = os.environ.get("DRAGOMAN_CORPUS")
    if not folder:
        return []
    found = (_recorded(path) for path in sorted(Path(folder, FOLDERS[host]).glob("*.json")))
    return [exchange for exchange in found if exchange is not None]


def _recorded(path: Path) -> Exchange | None:
    recording = json.loads(path.read_bytes())
    given, body = recording["request_body"] or {}, recording["response_body"]
    if recording["path"].endswith("count_tokens") or "prompt" in given:
        return None
    if recording["response_body_kind"] == "base64":
        answer = base64.b64decode(body)
    else:
        answer = body.encode() if isinstance(body, str) else orjson.dumps(body)
    named = [tool["name"] for tool in given.get("tools") or () if "input_schema" in tool]
    said = recording["response_headers"]
    return Exchange(
        id=recording["id"],
        model=str(given.get("model") or MODELS["bedrock" if "bedrock" in recording["vendor"] else "vertex"]),
        answer=answer,
        status_code=recording["status"],
        headers={name: said[name] for name in ("x-amzn-errortype",) if name in said},
        stream=recording["stream"] and recording["response_body_kind"] != "json",
        request={
            "max_output_tokens": 1000,
            "tools": [{"type": "function", "name": name} for name in dict.fromkeys(named)],
        },
    )
