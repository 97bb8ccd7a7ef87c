"""Exchanges with Gemini for the conformance kit: some written by hand, and those that public projects recorded."""

import json
import os
from pathlib import Path
from typing import Any, Final

import orjson

from providers.gemini import Gemini, GeminiSettings
from proxy.testing.exchange import Exchange, ExpectedCall
from tests.providers.gemini.answers import chunk

MODEL: Final = "gemini-3.8-flash"
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "gemini": {"api_key": "a-key"},
    "vertex": {"host": "vertex", "project": "house", "location": "eu", "api_key": "a-key"},
}
FOLDERS: Final = {"gemini": "gemini_generate_content", "vertex": "vertex_generate_content"}

WX: Final = {
    "type": "function",
    "name": "wx",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


UNKNOWN: Final = (
    "models/gemini-9 is not found for API version v1beta, or is not supported for generateContent. Call"
    " ModelService.ListModels to see the list of available models and their supported methods."
)


def on(host: str) -> Gemini:
    """A provider on the host."""
    return Gemini(GeminiSettings.model_validate(SETTINGS[host]), host)


def sse(*chunks: Any) -> bytes:
    """The chunks as Google streams them."""
    return b"".join(b"data: %b\r\n\r\n" % orjson.dumps(each) for each in chunks)


def _counts(host: str, **counts: int) -> dict[str, Any]:
    return counts | ({"trafficType": "ON_DEMAND"} if host == "vertex" else {})


def written(host: str = "gemini") -> list[Exchange]:
    """Exchanges by hand."""
    said = _counts(host, promptTokenCount=50, candidatesTokenCount=20, thoughtsTokenCount=30, totalTokenCount=100)
    calling = [
        chunk({"text": "Two lookups", "thought": True}),
        chunk(
            {"functionCall": {"id": "f1", "name": "wx", "args": {"city": "Oslo"}}, "thoughtSignature": "czE="},
            {"functionCall": {"id": "f2", "name": "wx", "args": {"city": "Bergen"}}},
        ),
        chunk(finishReason="STOP", usage=said),
    ]
    grounding = {
        "webSearchQueries": ["q"],
        "groundingChunks": [{"web": {"uri": "https://u.example", "title": "t"}}],
        "groundingSupports": [{"segment": {"endIndex": 9}, "groundingChunkIndices": [0]}],
    }
    return [
        Exchange(
            "plain",
            MODEL,
            orjson.dumps(
                chunk(
                    {"text": "Hello."}, finishReason="STOP", usage=_counts(host, promptTokenCount=3, totalTokenCount=5)
                )
            ),
            text="Hello.",
            usage={"input_tokens": 3, "output_tokens": 2},
            status="completed",
        ),
        Exchange(
            "stream",
            MODEL,
            sse(chunk({"text": "Hel"}), chunk({"text": "lo."}, finishReason="STOP", usage=said)),
            stream=True,
            text="Hello.",
            status="completed",
        ),
        Exchange(
            "calls-stream",
            MODEL,
            sse(*calling),
            stream=True,
            request={"tools": [WX], "reasoning": {"effort": "low", "summary": "auto"}},
            reasoning="Two lookups",
            calls=[ExpectedCall("wx", '{"city":"Oslo"}'), ExpectedCall("wx", '{"city":"Bergen"}')],
            usage={"input_tokens": 50, "cached_tokens": 0, "output_tokens": 50, "reasoning_tokens": 30},
            status="completed",
        ),
        Exchange(
            "grounded",
            MODEL,
            sse(
                chunk({"text": "Ünal won"}),
                chunk({"text": " in 2026."}),
                chunk(finishReason="STOP", groundingMetadata=grounding, usage=said),
            ),
            stream=True,
            request={"tools": [{"type": "web_search"}]},
            text="Ünal won in 2026.",
            status="completed",
        ),
        Exchange(
            "too-long",
            MODEL,
            sse(chunk({"text": "One"}), chunk({"text": " two"}, finishReason="MAX_TOKENS", usage=said)),
            stream=True,
            text="One two",
            status="incomplete",
        ),
        Exchange(
            "blocked",
            MODEL,
            orjson.dumps({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 7}}),
            status="incomplete",
        ),
        Exchange(
            "cut",
            MODEL,
            sse(chunk({"text": "Par"}), chunk({"text": "tly"})),
            stream=True,
            text="Partly",
            status="failed",
            error_code="server_error",
        ),
        Exchange(
            "an-error-in-the-stream",
            MODEL,
            sse(chunk({"text": "Par"}), {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}),
            stream=True,
            text="Par",
            status="failed",
            error_code="server_is_overloaded",
        ),
        Exchange(
            "a-setting-that-is-dropped",
            MODEL,
            orjson.dumps(chunk({"text": "Hi"}, finishReason="STOP", usage=said)),
            request={"text": {"verbosity": "low"}},
            text="Hi",
            dropped=["text.verbosity"],
        ),
        Exchange(
            "exhausted",
            MODEL,
            orjson.dumps({"error": {"code": 429, "message": "Try again later.", "status": "RESOURCE_EXHAUSTED"}}),
            status_code=429,
            error_code="rate_limit_exceeded",
            http_status=429,
        ),
        Exchange(
            "unknown",
            MODEL,
            orjson.dumps({"error": {"code": 404, "message": UNKNOWN, "status": "NOT_FOUND"}}),
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
    body = recording["response_body"]
    if "enerateContent" not in recording["path"]:
        return None
    return Exchange(
        id=recording["id"],
        model=recording["path"].rpartition("/models/")[2].partition(":")[0],
        answer=body.encode() if isinstance(body, str) else orjson.dumps(body),
        status_code=recording["status"],
        stream=recording["stream"] and recording["response_body_kind"] != "json",
    )
