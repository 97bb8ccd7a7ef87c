"""What Ollama answered: recorded by others, and written after its documents."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from providers.ollama import Ollama, OllamaSettings
from proxy.testing import Exchange, ExpectedCall

WX: Final = {"type": "function", "name": "wx", "parameters": {"type": "object", "properties": {}}}
END: Final = {"done": True, "done_reason": "stop", "prompt_eval_count": 50, "eval_count": 20}


def provider(**settings: Any) -> Ollama:
    """A server that nobody asks."""
    return Ollama(OllamaSettings(**settings), "ollama")


def lines(*objects: dict[str, Any]) -> bytes:
    """A stream."""
    return b"".join(json.dumps({"model": "qwen3:4b", **each}).encode() + b"\n" for each in objects)


def said(**message: Any) -> dict[str, Any]:
    """One line of an answer."""
    return {"message": {"role": "assistant", "content": "", **message}, "done": False}


def written() -> list[Exchange]:
    """Exchanges after the vendor's documents."""
    call = {"function": {"name": "wx", "arguments": {"city": "Oslo"}}}
    return [
        Exchange(
            id="plain",
            model="llama3.2",
            request={"instructions": "Short", "input": "Hi", "max_output_tokens": 30},
            sent={
                "model": "llama3.2",
                "messages": [{"role": "system", "content": "Short"}, {"role": "user", "content": "Hi"}],
                "options": {"num_ctx": 8192, "num_predict": 30},
                "truncate": False,
                "shift": False,
                "stream": False,
            },
            answer=json.dumps(
                {
                    "model": "llama3.2",
                    "message": {"role": "assistant", "content": "Hello"},
                    "done": True,
                    "done_reason": "stop",
                    "prompt_eval_count": 31,
                    "eval_count": 3,
                }
            ).encode(),
            text="Hello",
            usage={"input_tokens": 31, "cached_tokens": 0, "output_tokens": 3, "reasoning_tokens": 0},
            status="completed",
        ),
        Exchange(
            id="thinking and a call",
            model="qwen3:4b",
            stream=True,
            request={"input": "Weather?", "tools": [WX]},
            answer=lines(said(thinking="Need"), said(thinking=" weather"), said(tool_calls=[call]), {**said(), **END}),
            reasoning="Need weather",
            calls=[ExpectedCall("wx", '{"city":"Oslo"}')],
            usage={"input_tokens": 50, "output_tokens": 20},
            status="completed",
        ),
        Exchange(
            id="two calls on lines of their own",
            model="qwen3:4b",
            stream=True,
            request={"input": "Weather?", "tools": [WX]},
            answer=lines(said(tool_calls=[{"id": "c1", **call}]), said(tool_calls=[call]), {**said(), **END}),
            calls=[ExpectedCall("wx", '{"city":"Oslo"}'), ExpectedCall("wx", '{"city":"Oslo"}')],
            status="completed",
        ),
        Exchange(
            id="thinking in tags",
            model="deepseek-r1:7b",
            stream=True,
            answer=lines(
                said(content="<th"),
                said(content="ink>Hm"),
                said(content=" so</th"),
                said(content="ink>\n\nFine"),
                {**said(), **END},
            ),
            reasoning="Hm so",
            text="Fine",
            status="completed",
        ),
        Exchange(
            id="the output limit",
            model="qwen3:4b",
            stream=True,
            answer=lines(said(content="Par"), {**said(), **END, "done_reason": "length"}),
            text="Par",
            status="incomplete",
        ),
        Exchange(
            id="an error amid the stream",
            model="qwen3:4b",
            stream=True,
            answer=lines(said(content="Par"), {"error": "llama runner process has terminated"}),
            text="Par",
            status="failed",
            error_code="server_error",
        ),
        Exchange(
            id="an unknown model",
            model="nothing",
            status_code=404,
            answer=b'{"error":"model \'nothing\' not found"}',
            http_status=400,
            error_code="model_not_found",
        ),
        Exchange(
            id="a prompt that is too long",
            model="qwen3:4b",
            status_code=400,
            answer=b'{"error":"the input length exceeds the context length"}',
            http_status=400,
            error_code="context_length_exceeded",
        ),
    ]


def recorded() -> list[Exchange]:
    """The recorded answers; none without recordings."""
    return list(_recorded())


def _recorded() -> Iterator[Exchange]:
    corpus = os.environ.get("DRAGOMAN_CORPUS")
    for path in sorted(Path(corpus, "ollama_chat").glob("*.json")) if corpus else ():
        exchange = json.loads(path.read_bytes())
        body, streamed = exchange["response_body"], exchange["response_body_kind"] == "text"
        asked = exchange["request_body"]
        tools = [{"type": "function", **tool["function"]} for tool in asked.get("tools") or ()]
        yield Exchange(
            id=path.stem,
            model=asked["model"],
            answer=(body if streamed else json.dumps(body)).encode(),
            status_code=exchange["status"],
            headers={"content-type": "application/x-ndjson" if streamed else "application/json"},
            stream=streamed,
            request={"input": "ping", **({"tools": tools} if tools else {})},
        )
