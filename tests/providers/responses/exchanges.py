"""What servers that speak Responses answered: recorded by others, each with the profile of its server."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from providers.responses import Responses, ResponsesSettings
from proxy.testing import Exchange, ExpectedCall

PROFILES: Final[Mapping[str, str]] = {
    "openai_responses": "openai",
    "azure_openai_responses": "azure",
    "xai_responses": "xai",
    "deepseek_responses": "deepseek",
    "openrouter_responses": "openrouter",
    "bedrock_mantle_responses": "bedrock_mantle",
    "llamacpp_responses": "llama_cpp",
    "lmstudio_responses": "lm_studio",
    "mistralrs_responses": "generic",
    "copilot_responses": "generic",
    "chatgpt_codex_responses": "openai",
}
"""The folders of recordings, and the profiles that read them."""


def provider(profile: str) -> Responses:
    """A server of the profile that nobody asks."""
    return Responses(ResponsesSettings(base_url="http://vendor.test/v1", profile=profile), "native")


def stream(*events: dict[str, Any]) -> bytes:
    """A stream of these events."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def _message(text: str, **members: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    message = {"id": "msg_0123456789abcdef0123", "type": "message", "role": "assistant", "status": "completed"}
    return {**message, "content": [part], **members}


USAGE: Final = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 99,
}


def written() -> list[Exchange]:
    """Streams as small and as broken servers write them."""
    delta = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hi"}
    ended = {"status": "completed", "output": [], "usage": USAGE}
    return [
        Exchange(
            id="nothing but deltas and an end",
            model="m",
            stream=True,
            answer=stream(delta, {**delta, "delta": " there"}, {"type": "response.completed", "response": ended}),
            text="Hi there",
            usage={"input_tokens": 10, "cached_tokens": 4, "output_tokens": 5, "reasoning_tokens": 2},
            status="completed",
        ),
        Exchange(
            id="an item that comes whole",
            model="m",
            stream=True,
            answer=stream(
                {"type": "response.output_item.done", "output_index": 0, "item": _message("Whole", phase="commentary")},
                {"type": "response.completed", "response": ended},
            ),
            text="Whole",
            status="completed",
        ),
        Exchange(
            id="only the end has the output",
            model="m",
            stream=True,
            answer=stream({"type": "response.completed", "response": {**ended, "output": [_message("Late")]}}),
            text="Late",
            status="completed",
        ),
        Exchange(
            id="a text that its end completes",
            model="m",
            stream=True,
            answer=stream(
                delta,
                {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hi, all"},
                {"type": "response.new_thing", "novel": 1},
                {"type": "keepalive"},
                {"type": "response.completed", "response": ended},
            ),
            text="Hi, all",
            status="completed",
        ),
        Exchange(
            id="items without indices",
            model="m",
            stream=True,
            answer=stream(
                {"type": "response.output_item.added", "item": {**_message(""), "content": []}},
                {"type": "response.output_text.delta", "item_id": _message("")["id"], "delta": "Once"},
                {"type": "response.output_item.done", "item": _message("Once")},
                {"type": "response.completed", "response": {**ended, "output": [_message("Once")]}},
            ),
            text="Once",
            status="completed",
        ),
        Exchange(
            id="items without indices, and other ids at the end",
            model="m",
            stream=True,
            answer=stream(
                {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "Once"},
                {"type": "response.completed", "response": {**ended, "output": [_message("Once more")]}},
            ),
            text="Once more",
            status="completed",
        ),
        Exchange(
            id="two items at once",
            model="m",
            stream=True,
            answer=stream(
                delta,
                {**delta, "output_index": 1, "delta": "Second"},
                {**delta, "delta": " first"},
                {"type": "response.output_item.done", "output_index": 0, "item": _message("Hi first")},
                {"type": "response.completed", "response": ended},
            ),
            text="Hi firstSecond",
            status="completed",
        ),
        Exchange(
            id="an error event amid the output",
            model="m",
            stream=True,
            answer=stream(
                delta, {"type": "error", "code": "rate_limit_exceeded", "message": "Slow down", "param": None}
            ),
            text="Hi",
            status="failed",
            error_code="rate_limit_exceeded",
        ),
        Exchange(
            id="a failed run",
            model="m",
            stream=True,
            answer=stream(
                delta,
                {
                    "type": "response.failed",
                    "response": {"status": "failed", "output": [], "error": {"code": "server_error", "message": "No."}},
                },
            ),
            status="failed",
            error_code="server_error",
        ),
        Exchange(
            id="a filtered answer",
            model="m",
            answer=json.dumps(
                {
                    "status": "incomplete",
                    "incomplete_details": {"reason": "content_filter"},
                    "output": [_message("Par", status="incomplete")],
                    "usage": USAGE,
                }
            ).encode(),
            text="Par",
            status="incomplete",
        ),
    ]


def recorded(profile: str) -> list[Exchange]:
    """The recorded answers of servers with the profile; none without recordings."""
    return [exchange for folder, name in PROFILES.items() if name == profile for exchange in _recorded(folder)]


def _recorded(folder: str) -> Iterator[Exchange]:
    corpus = os.environ.get("DRAGOMAN_CORPUS")
    for path in sorted(Path(corpus, folder).glob("*.json")) if corpus else ():
        exchange = json.loads(path.read_bytes())
        if not exchange["path"].endswith("/responses") or exchange["method"] != "POST":
            continue
        if (exchange["response_body"] or {}) and _status(exchange) == "queued":
            # Background responses of the server's own, which the gateway never asks for.
            continue
        body = exchange["response_body"]
        asked = exchange["request_body"] if isinstance(exchange["request_body"], dict) else {}
        yield Exchange(
            id=path.stem,
            model=str(asked.get("model") or "gpt-5.6-sol"),
            answer=(body if exchange["response_body_kind"] == "text" else json.dumps(body)).encode(),
            status_code=exchange["status"],
            headers={
                "content-type": "text/event-stream" if exchange["response_body_kind"] == "text" else "application/json"
            },
            stream=exchange["response_body_kind"] == "text",
            request={"input": "ping", **_tools(asked)},
            **_said(body),
        )


def _said(body: object) -> dict[str, Any]:
    """What the whole answer says, or the one that a stream ends with; nothing where it has no output."""
    if isinstance(body, str):
        ended = re.compile(r'data: ?\{.*"response\.(completed|incomplete)"')
        ends = [json.loads(line[5:]) for line in body.splitlines() if ended.match(line)]
        body = ends[-1].get("response") if ends else None
    output = (
        body.get("output") if isinstance(body, dict) and body.get("status") in ("completed", "incomplete") else None
    )
    if not output:
        return {}
    parts = [(item["type"], part) for item in output for part in item.get("content") or item.get("summary") or ()]
    calls = [item for item in output if item["type"] == "function_call"]
    return {
        "text": "".join(part["text"] for kind, part in parts if kind == "message" and part["type"] == "output_text"),
        "reasoning": "".join(part["text"] for kind, part in parts if kind == "reasoning"),
        "calls": [ExpectedCall(call["name"], call["arguments"]) for call in calls],
    }


def _status(exchange: Mapping[str, Any]) -> object:
    body = exchange["response_body"]
    return body.get("status") if isinstance(body, dict) else None


def _tools(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The functions that were offered: calls are restored by what is offered."""
    functions = [tool for tool in asked.get("tools") or () if tool.get("type") == "function"]
    return {"tools": functions} if functions else {}
