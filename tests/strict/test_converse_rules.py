"""Each rule of the strict Converse has a request that breaks it, and what the vendor took is not complained of."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.strict import converse
from tests.strict.complaint import Request

KEY = "key"
NOVA = "us.amazon.nova-pro-v1:0"
NOVA_2 = "global.amazon.nova-2-lite-v1:0"
MICRO = "amazon.nova-micro-v1:0"
OPUS = "us.anthropic.claude-opus-4-8"
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
NEWEST = "us.anthropic.claude-opus-5-5"
MISTRAL = "mistral.mistral-large-2407-v1:0"
LLAMA = "us.meta.llama4-maverick-17b-instruct-v1:0"
TITAN = "amazon.titan-text-express-v1"
WRITER = "us.writer.palmyra-x5-v1:0"
OSS = "openai.gpt-oss-120b-1:0"
GROK = "us.xai.grok-4.7"

CORPUS = os.environ.get("DRAGOMAN_CORPUS")
FILES = sorted(Path(CORPUS, "bedrock_converse").glob("*.json")) if CORPUS else []

ALLOWED: dict[str, set[str]] = {
    "bedrock_converse-test-guardrail-converse-stream-dcdd4a1c": {"alternation"},
    "bedrock_converse-testnovainvokemodel-test-nova-converse-99d8eb9e": set(),
}
"""What older servers took and newer ones are not relied upon to take."""

JSON_RESULT = {"json": {"output": "x"}}
WX = {"toolSpec": {"name": "wx", "inputSchema": {"json": {"type": "object"}}}}
PNG = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}
POINT = {"cachePoint": {"type": "default"}}
HOUR = {"cachePoint": {"type": "default", "ttl": "1h"}}


def pdf(name: str = "doc-1") -> dict[str, Any]:
    return {"document": {"format": "pdf", "name": name, "source": {"bytes": "JVBERi0="}}}


def said(*blocks: Any, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": [{"text": block} if isinstance(block, str) else block for block in blocks]}


def model_said(*blocks: Any) -> dict[str, Any]:
    return said(*blocks, role="assistant")


def used(call_id: str = "a", given: Any = None) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": call_id, "name": "wx", "input": {} if given is None else given}}


def answered(*content: Any, call_id: str = "a", **members: Any) -> dict[str, Any]:
    blocks = [{"text": each} if isinstance(each, str) else each for each in content]
    return {"toolResult": {"toolUseId": call_id, "content": blocks, **members}}


def thought(text: str = "Hm", signature: str = "S") -> dict[str, Any]:
    return {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}


def body(*messages: Any, **members: Any) -> dict[str, Any]:
    return {"messages": list(messages) or [said("Hi")], **members}


def loop(*after: Any, result: Any = None, **members: Any) -> dict[str, Any]:
    """A call and its result."""
    return body(
        said("A"), model_said(used()), said(result or answered("3 C"), *after), **{"toolConfig": tools(), **members}
    )


def tools(*offered: Any, **members: Any) -> dict[str, Any]:
    return {"tools": list(offered) or [WX], **members}


def spec(schema: Any, **members: Any) -> dict[str, Any]:
    return {"toolSpec": {"name": "f", "inputSchema": {"json": schema}, **members}}


def own(**fields: Any) -> dict[str, Any]:
    return {"additionalModelRequestFields": fields}


def form(schema: Any) -> dict[str, Any]:
    inner = {"schema": schema if isinstance(schema, str) else json.dumps(schema), "name": "x"}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": inner}}}}


def broken(sent: Any, model: str = NOVA, operation: str = "converse", key: str = KEY) -> set[str]:
    """The rules that a request breaks."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    request = Request(f"/model/{model.replace(':', '%3A')}/{operation}", headers, sent)
    return {complaint.rule for complaint in converse.complaints(request, KEY, {"S"})}


OPEN = {"type": "object", "properties": {}}
CLOSED = {**OPEN, "additionalProperties": False}
ALL_TEXT = [said("x", *[pdf(f"doc-{number}") for number in range(6)])]

DAMAGES: list[tuple[str, str, Any]] = [
    ("messages-empty", NOVA, {"messages": []}),
    ("required", NOVA, body({"role": "user"})),
    ("unknown-member", NOVA, body(temperature=1)),
    ("wrong-kind", NOVA, body(said({"text": 1}))),
    ("union", NOVA, body(said({"text": "a", **PNG}))),
    ("enum", NOVA, body(serviceTier={"type": "fast"})),
    ("pattern", NOVA, body(toolConfig=tools({"toolSpec": {"name": "a b", "inputSchema": {"json": OPEN}}}))),
    ("bounds", NOVA, body(inferenceConfig={"temperature": 1.5})),
    ("bounds", NOVA, body(toolConfig={"tools": []})),
    ("first-role", NOVA, body(model_said("A"), said("B"))),
    ("alternation", NOVA, body(said("A"), said("B"))),
    ("system", TITAN, body(system=[{"text": "Be kind"}])),
    ("system-role", NOVA, body(said("A"), said("B", role="system"))),
    ("system-position", OPUS, body(said("A"), model_said("B"), said("C", role="system"))),
    ("prefill", OPUS, body(said("A"), model_said("B"))),
    ("content-empty", NOVA, body(said(POINT))),
    ("text-blank", NOVA, body(said(" "))),
    ("text-blank", NOVA, loop(result=answered(""))),
    ("block-role", OPUS, body(said("A", used()))),
    ("reasoning", NOVA, body(said("A"), model_said(thought(), "B"), said("C"))),
    ("reasoning-empty", OPUS, body(said("A"), model_said(thought(""), "B"), said("C"))),
    ("reasoning-last", OPUS, body(said("A"), model_said(thought()), said("C"))),
    ("reasoning-signature", OPUS, body(said("A"), model_said(thought(signature="T"), "B"), said("C"))),
    (
        "use-repeated",
        NOVA,
        body(
            said("A"),
            model_said(used()),
            said(answered("x")),
            model_said(used()),
            said(answered("x")),
            toolConfig=tools(),
        ),
    ),
    ("use-input", NOVA, body(said("A"), model_said(used(given=[1])), said(answered("x")), toolConfig=tools())),
    ("use-unanswered", NOVA, body(said("A"), model_said(used()), said("B"), toolConfig=tools())),
    ("result-orphan", NOVA, body(said(answered("x")), toolConfig=tools())),
    ("result-repeated", NOVA, loop(answered("4 C"))),
    ("result-position", NOVA, body(said("A"), model_said(used()), said("B", answered("x")), toolConfig=tools())),
    ("result-shares", LLAMA, loop("B")),
    ("result-shares", OPUS, loop("B", pdf())),
    ("result-content", MISTRAL, loop(result=answered("x"))),
    ("result-content", NOVA, loop(result=answered(pdf()))),
    ("result-empty", NOVA, loop(result=answered())),
    ("result-status", WRITER, loop(result=answered("x", status="error"))),
    ("document-alone", NOVA, body(said(pdf()))),
    ("document-name", NOVA, body(said("x", pdf("a.pdf")))),
    ("document-repeated", NOVA, body(said("x", pdf(), pdf()))),
    ("document-count", NOVA, body(*ALL_TEXT)),
    ("images", MICRO, body(said("x", PNG))),
    ("image-count", NOVA, body(said("x", *[PNG] * 21))),
    ("cache", LLAMA, body(said("x", POINT))),
    ("cache-first", NOVA, body(said(POINT, "x"))),
    ("cache-count", NOVA, body(said(*["x", POINT] * 5))),
    ("cache-life", NOVA, body(said("x", HOUR))),
    ("cache-order", OPUS, body(said("x", POINT, "y", HOUR))),
    ("tools", TITAN, body(toolConfig=tools())),
    ("tools-missing", NOVA, body(said("A"), model_said(used()), said(answered("x")))),
    ("tool-repeated", NOVA, body(toolConfig=tools(WX, WX))),
    ("tool-schema", NOVA, body(toolConfig=tools(spec({"type": "string"})))),
    ("tool-schema-keyword", NOVA, body(toolConfig=tools(spec({**OPEN, "$schema": "x"})))),
    ("tool-schema-keyword", NOVA, body(toolConfig=tools(spec({**OPEN, "properties": {"a": {"$ref": "#/$defs/b"}}})))),
    ("tool-schema-union", OPUS, body(toolConfig=tools(spec({**OPEN, "anyOf": [{}]})))),
    ("strict", NOVA, body(toolConfig=tools(spec(CLOSED, strict=True)))),
    ("choice", LLAMA, body(toolConfig=tools(toolChoice={"any": {}}))),
    ("choice", NEWEST, body(toolConfig=tools(toolChoice={"tool": {"name": "wx"}}))),
    ("choice-unknown", NOVA, body(toolConfig=tools(toolChoice={"tool": {"name": "other"}}))),
    (
        "choice-thinking",
        HAIKU,
        body(
            toolConfig=tools(toolChoice={"any": {}}),
            inferenceConfig={"maxTokens": 9000},
            **own(thinking={"type": "enabled", "budget_tokens": 2000}),
        ),
    ),
    (
        "claude-choice-twice",
        OPUS,
        body(toolConfig=tools(toolChoice={"auto": {}}), **own(tool_choice={"type": "auto"})),
    ),
    (
        "claude-choice-type",
        OPUS,
        body(toolConfig=tools(), **own(tool_choice={"disable_parallel_tool_use": True})),
    ),
    ("sampling", GROK, body(inferenceConfig={"temperature": 0.5})),
    ("sampling-both", HAIKU, body(inferenceConfig={"temperature": 0.5, "topP": 0.5})),
    ("field", LLAMA, body(**own(reasoning_effort="low"))),
    ("field-value", OSS, body(**own(reasoning_effort="minimal"))),
    ("field-value", NOVA_2, body(**own(reasoningConfig={"type": "enabled"}))),
    ("field-value", GROK, body(**own(reasoning={"effort": "maximal"}))),
    ("thinking-type", OPUS, body(**own(thinking={"type": "enabled", "budget_tokens": 2000}))),
    ("thinking-budget", HAIKU, body(**own(thinking={"type": "enabled", "budget_tokens": 1}))),
    (
        "thinking-temperature",
        HAIKU,
        body(
            inferenceConfig={"maxTokens": 9000, "temperature": 0.5},
            **own(thinking={"type": "enabled", "budget_tokens": 2000}),
        ),
    ),
    ("effort", HAIKU, body(**own(output_config={"effort": "low"}))),
    ("structured", NOVA, body(**form(CLOSED))),
    ("structured-schema", HAIKU, body(**form("{"))),
    ("schema-open", HAIKU, body(**form(OPEN))),
    ("schema-keyword", HAIKU, body(**form({**CLOSED, "minProperties": 1}))),
    ("schema-type", HAIKU, body(**form({**CLOSED, "properties": {"a": {"type": "tuple"}}}))),
    ("schema-format", HAIKU, body(**form({**CLOSED, "properties": {"a": {"type": "string", "format": "regex"}}}))),
    ("schema-literal", HAIKU, body(**form({**CLOSED, "properties": {"a": {"enum": [{}]}}}))),
    ("schema-min-items", HAIKU, body(**form({**CLOSED, "properties": {"a": {"type": "array", "minItems": 5}}}))),
    ("schema-reference", HAIKU, body(**form({**CLOSED, "properties": {"a": {"$ref": "https://x"}}}))),
    (
        "schema-recursion",
        HAIKU,
        body(
            **form(
                {
                    **CLOSED,
                    "properties": {"a": {"$ref": "#/$defs/n"}},
                    "$defs": {"n": {**CLOSED, "properties": {"a": {"$ref": "#/$defs/n"}}}},
                }
            )
        ),
    ),
]


@pytest.mark.parametrize(("rule", "model", "sent"), DAMAGES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_rule_is_held(rule: str, model: str, sent: Any) -> None:
    assert rule in broken(sent, model)


def test_access() -> None:
    assert broken(body(), key="") == {"key-missing"}
    assert broken(body(), key="other") == {"key-invalid"}
    assert broken(body(), operation="invoke") == {"path-unknown"}
    assert broken(body(), model="a/b") == {"path-unknown"}
    assert broken(body(), model="acme.model-1") == {"model-unknown"}
    assert broken([]) == {"not-an-object"}


def test_every_rule_has_a_damage() -> None:
    of_access = {"key-missing", "key-invalid", "path-unknown", "model-unknown", "not-an-object"}
    assert {rule for rule, _, _ in DAMAGES} | of_access == set(converse.RULES)


GOOD: list[tuple[str, Any]] = [
    (NOVA, body(said("A"), model_said("B"), said("C", PNG), system=[{"text": "S"}, POINT])),
    (NOVA, loop("and?", PNG, result=answered("x", PNG, status="error"))),
    (OPUS, body(model_said("A"), said("B", pdf(), HOUR), said("D", role="system"))),
    (OPUS, loop("B", result=answered(pdf()), **own(tool_choice={"type": "none"}))),
    (HAIKU, body(said("A"), model_said(thought(), "B"))),
    (MISTRAL, loop(result=answered(JSON_RESULT))),
    (HAIKU, body(**form(CLOSED), toolConfig=tools(spec(CLOSED, strict=True), toolChoice={"any": {}}))),
    (NOVA_2, body(**own(reasoningConfig={"type": "disabled"}), toolConfig=tools({"systemTool": {"name": "n"}}))),
]


@pytest.mark.parametrize(("model", "sent"), GOOD)
def test_what_keeps_the_rules_is_taken(model: str, sent: Any) -> None:
    before = copy.deepcopy(sent)
    assert broken(sent, model) == set()
    assert broken(sent, model, "converse-stream") == set()
    assert sent == before


@pytest.mark.skipif(not FILES, reason="DRAGOMAN_CORPUS does not name a folder of recorded traffic")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem[-40:])
def test_what_the_vendor_took_is_taken(path: Path) -> None:
    exchange = json.loads(path.read_bytes())
    sent, status = exchange["request_body"], exchange["status"]
    if status != 200:
        return
    path_of_model = exchange["path"].split("/")[2].replace("%3A", ":")
    found = broken(sent, path_of_model, exchange["path"].split("/")[3])
    assert found - {"model-unknown"} <= ALLOWED.get(exchange["id"], set())
