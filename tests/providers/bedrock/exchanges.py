"""Exchanges with Bedrock: written ones, and those of the corpus (folder in the variable DRAGOMAN_CORPUS)."""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from proxy.provider.contract import Frame
from proxy.testing.exchange import Exchange, ExpectedCall
from tests.providers.bedrock.answers import as_bytes, delta, ending, event, start, stop
from tests.providers.bedrock.requests import GPT, HAIKU, NOVA, NOVA_2, OPUS, OSS

FOLDER = "bedrock_converse"
WX = {"type": "function", "name": "wx", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
SEARCH = {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use"}
CODE = {"toolUseId": "c", "name": "nova_code_interpreter", "type": "server_tool_use"}


def written() -> list[Exchange]:
    """What the vendor's documents and other people's reports say of its answers."""
    return [
        _whole(
            "plain",
            NOVA,
            {"text": "Hello"},
            usage={"inputTokens": 9, "outputTokens": 3, "totalTokens": 12},
            request={"instructions": "Be brief", "input": "Hi", "max_output_tokens": 50, "temperature": 0.2},
            sent={
                "system": [{"text": "Be brief"}],
                "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
                "inferenceConfig": {"maxTokens": 50, "temperature": 0.2},
            },
            text="Hello",
            expected={"input_tokens": 9, "output_tokens": 3},
        ),
        _stream(
            "claude calls a tool",
            OPUS,
            delta(0, reasoningContent={"text": "Look up"}),
            delta(0, reasoningContent={"signature": "S"}),
            stop(0),
            start(1, toolUse={"toolUseId": "tooluse_1", "name": "wx"}),
            delta(1, toolUse={"input": '{"city":'}),
            delta(1, toolUse={"input": '"Oslo"}'}),
            stop(1),
            *ending("tool_use", cacheReadInputTokens=90),
            request={"input": "Oslo?", "tools": [WX], "reasoning": {"effort": "high"}},
            reasoning="Look up",
            calls=[ExpectedCall("wx", '{"city":"Oslo"}')],
            usage={"input_tokens": 100, "cached_tokens": 90, "output_tokens": 22},
        ),
        _stream(
            "parallel calls",
            NOVA,
            delta(0, text="Both."),
            stop(0),
            start(1, toolUse={"toolUseId": "a", "name": "wx"}),
            delta(1, toolUse={"input": '{"city":"Oslo"}'}),
            stop(1),
            start(2, toolUse={"toolUseId": "b", "name": "wx"}),
            stop(2),
            *ending("tool_use"),
            request={"input": "Both?", "tools": [WX]},
            text="Both.",
            calls=[ExpectedCall("wx", '{"city":"Oslo"}'), ExpectedCall("wx", "{}")],
        ),
        _stream(
            "encrypted reasoning",
            HAIKU,
            delta(0, reasoningContent={"redactedContent": "QUJD"}),
            stop(0),
            delta(1, text="Hi"),
            stop(1),
            *ending(),
            text="Hi",
            reasoning="",
        ),
        _stream(
            "reasoning in the open",
            OSS,
            delta(0, reasoningContent={"text": "Hm."}),
            stop(0),
            delta(1, text="Hi"),
            stop(1),
            *ending(),
            text="Hi",
            reasoning="Hm.",
        ),
        _stream(
            "reasoning that is not shown",
            NOVA_2,
            delta(0, reasoningContent={"text": "[REDACTED]"}),
            stop(0),
            delta(1, text="Hi"),
            stop(1),
            *ending(),
            text="Hi",
            reasoning="",
        ),
        _stream(
            "a search",
            NOVA_2,
            start(0, toolUse=SEARCH),
            delta(0, toolUse={"input": '{"query":"ruby"}'}),
            stop(0),
            start(1, toolResult={"toolUseId": "s", "type": "nova_grounding_result", "status": "success"}),
            delta(1, toolResult=[{"text": "[HIDDEN]"}]),
            stop(1),
            delta(2, text="It is 4.0"),
            stop(2),
            delta(3, citation={"location": {"web": {"url": "https://ruby.test", "domain": "ruby.test"}}}),
            stop(3),
            delta(4, text="."),
            stop(4),
            *ending(),
            request={"input": "Ruby?", "tools": [{"type": "web_search"}]},
            text="It is 4.0.",
        ),
        _stream(
            "code",
            NOVA_2,
            start(0, toolUse=CODE),
            delta(0, toolUse={"input": '{"snippet":"print(1)"}'}),
            stop(0),
            start(1, toolResult={"toolUseId": "c", "type": "nova_code_interpreter_result"}),
            delta(1, toolResult=[{"json": {"stdOut": "1", "stdErr": "", "exitCode": 0}}]),
            stop(1),
            delta(2, text="One."),
            stop(2),
            *ending(),
            request={"input": "Count.", "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
            text="One.",
        ),
        _stream(
            "the usage comes first",
            NOVA,
            delta(0, text="Hi"),
            *reversed(ending()),
            text="Hi",
            status="completed",
        ),
        _stream(
            "a stream of OpenAI's",
            GPT,
            delta(0, text="Hi"),
            stop(0),
            *ending(inputTokens=4995, cacheReadInputTokens=0, cacheWriteInputTokens=4993, outputTokens=19),
            text="Hi",
            usage={"input_tokens": 4995, "cache_write_tokens": 4993, "output_tokens": 19},
        ),
        _whole(
            "a whole answer of OpenAI's",
            GPT,
            {"text": "Hi"},
            usage={"inputTokens": 2, "outputTokens": 19, "cacheWriteInputTokens": 4993, "totalTokens": 5014},
            text="Hi",
            expected={"input_tokens": 4995, "cache_write_tokens": 4993, "output_tokens": 19},
        ),
        _stream("the limit", NOVA, delta(0, text="So"), stop(0), *ending("max_tokens"), text="So", status="incomplete"),
        _stream(
            "a guardrail",
            NOVA,
            delta(0, text="I cannot."),
            stop(0),
            *ending("guardrail_intervened"),
            text="I cannot.",
            status="incomplete",
        ),
        _stream(
            "a malformed call",
            NOVA,
            delta(0, text="So"),
            stop(0),
            *ending("malformed_tool_use"),
            status="failed",
            error_code="server_error",
        ),
        _stream(
            "throttled amid the stream",
            NOVA,
            delta(0, text="One "),
            delta(0, text="two"),
            Frame("exception/throttlingException", b'{"message":"Too many requests"}'),
            text="One two",
            status="failed",
            error_code="rate_limit_exceeded",
        ),
        _error("throttled", 429, "ThrottlingException", "Too many requests", "rate_limit_exceeded", 429),
        _error("too long", 400, "ValidationException", "Input is too long.", "context_length_exceeded", 400),
        _error(
            "no such model", 400, "ValidationException", "The provided model identifier is invalid.",
            "model_not_found", 400,
        ),
        _error(
            "a wrong key", 403, "UnrecognizedClientException", "The security token is invalid.",
            "provider_authentication_failed", 502,
        ),
        _error("quota", 400, "ServiceQuotaExceededException", "No more.", "insufficient_quota", 429),
        _error("busy", 503, "ServiceUnavailableException", "Later.", "server_is_overloaded", 503),
    ]  # fmt: skip


def recorded() -> list[Exchange]:
    """The corpus; empty without one."""
    folder = os.environ.get("DRAGOMAN_CORPUS")
    files = sorted(Path(folder, FOLDER).glob("*.json")) if folder else []
    return [_recorded(json.loads(path.read_bytes())) for path in files]


def _recorded(found: Mapping[str, Any]) -> Exchange:
    streamed = found["response_body_kind"] == "base64"
    body = found["response_body"]
    return Exchange(
        id=found["id"],
        model=unquote(found["path"].split("/")[2]),
        answer=base64.b64decode(body) if streamed else json.dumps(body).encode(),
        status_code=found["status"],
        headers=found["response_headers"],
        stream=streamed,
        request=_request(found["request_body"]),
    )


def _request(sent: Mapping[str, Any]) -> dict[str, Any]:
    """A request with the tools that were offered in the recorded one."""
    tools: list[dict[str, Any]] = []
    for tool in (sent.get("toolConfig") or {}).get("tools") or ():
        if spec := tool.get("toolSpec"):
            tools.append({"type": "function", "name": spec["name"], "parameters": spec["inputSchema"]["json"]})
        elif tool.get("systemTool"):
            tools.append({"type": "web_search"})
    return {"input": "ping", **({"tools": tools} if tools else {})}


def _stream(
    name: str, model: str, *frames: Frame, request: Mapping[str, Any] | None = None, **expected: Any
) -> Exchange:
    body = as_bytes([event("messageStart", role="assistant"), *frames])
    return Exchange(name, model, body, stream=True, request=request or {}, **expected)


def _whole(
    name: str,
    model: str,
    *content: Any,
    usage: Mapping[str, int],
    request: Mapping[str, Any] | None = None,
    sent: object = None,
    text: str | None = None,
    expected: Mapping[str, int],
) -> Exchange:
    body = {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": "end_turn",
        "usage": usage,
        "metrics": {"latencyMs": 5},
    }
    answer = json.dumps(body).encode()
    return Exchange(name, model, answer, request=request or {}, sent=sent, text=text, usage=expected)


def _error(name: str, status: int, exception: str, message: str, code: str, http_status: int) -> Exchange:
    headers = {"content-type": "application/json", "x-amzn-errortype": exception}
    body = json.dumps({"message": message}).encode()
    return Exchange(
        name, NOVA, body, status_code=status, headers=headers, status="failed", error_code=code, http_status=http_status
    )
