"""Short ways to build what the provider is handed, and to read what it makes of it. Whatever is encoded here is held
against the strict vendor and against botocore's own validation, unless a test says that it breaks a rule of a model."""

import base64
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson
from botocore.validate import ParamValidator

from providers.bedrock import Bedrock, BedrockSettings
from proxy.provider.contract import Call, Prepared
from proxy.provider.history import (
    AUTO,
    CallItem,
    FunctionTool,
    HistoryItem,
    HostedTool,
    MessageItem,
    OpenedProof,
    Part,
    ReasoningItem,
    ResultItem,
    Role,
    ToolChoice,
)
from proxy.responses.request import CreateRequest
from tests.strict import converse
from tests.strict.complaint import Complaint, Request
from tests.strict.converse_shapes import input_shape

KEY = "bedrock-api-key"

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
OPUS = "us.anthropic.claude-opus-4-8"
NEWEST = "global.anthropic.claude-opus-5-5"
NOVA = "us.amazon.nova-pro-v1:0"
NOVA_2 = "global.amazon.nova-2-lite-v1:0"
LLAMA = "us.meta.llama4-maverick-17b-instruct-v1:0"
MISTRAL = "mistral.mistral-large-2407-v1:0"
OSS = "openai.gpt-oss-120b-1:0"
GPT = "openai.gpt-5.6"
QWEN = "qwen.qwen3-32b-v1:0"
GROK = "global.xai.grok-4.7"
WRITER = "us.writer.palmyra-x5-v1:0"
TITAN = "amazon.titan-text-express-v1"
KIMI = "global.moonshotai.kimi-k3"
MODELS = (HAIKU, OPUS, NEWEST, NOVA, NOVA_2, LLAMA, MISTRAL, OSS, GPT, QWEN, GROK, WRITER, TITAN, KIMI)
"""One model of each kind."""

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
PDF = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.4 " + bytes(20)).decode()

WEATHER = FunctionTool("wx", None, {"type": "object", "properties": {"city": {"type": "string"}}}, None, "tools[0]")
NOW = FunctionTool("now", "The time.", None, None, "tools[1]")


def provider(**settings: Any) -> Bedrock:
    return Bedrock(BedrockSettings(region="us-east-1", api_key=KEY, **settings))


PROVIDER = provider()


def text(value: str, **members: Any) -> dict[str, Any]:
    return {"type": "input_text", "text": value, **members}


def image(**members: Any) -> dict[str, Any]:
    return {"type": "input_image", "image_url": PNG, **members}


def document(filename: str = "a.pdf", **members: Any) -> dict[str, Any]:
    return {"type": "input_file", "file_data": PDF, "filename": filename, **members}


def message(*content: str | Part, role: Role = "user", path: str = "input[0]") -> MessageItem:
    return MessageItem(role, [text(part) if isinstance(part, str) else part for part in content], path)


def assistant(*content: str | Part, path: str = "input[1]") -> MessageItem:
    return message(*content, role="assistant", path=path)


def developer(*content: str | Part, path: str = "input[2]") -> MessageItem:
    return message(*content, role="developer", path=path)


def call(call_id: str = "tooluse_1", arguments: str = '{"city":"Oslo"}', path: str = "input[1]") -> CallItem:
    return CallItem(call_id, "wx", arguments, path)


def result(
    output: str | list[Part] = "3 C", call_id: str = "tooluse_1", *, failed: bool = False, path: str = "input[2]"
) -> ResultItem:
    return ResultItem(call_id, "wx", output, failed, path)


def thought(shown: str = "Need weather", signature: str = "S1", path: str = "input[0]") -> ReasoningItem:
    return ReasoningItem([shown], [], OpenedProof("thinking", signature, "self", shown), path)


def prepared(
    *items: HistoryItem,
    model: str = OPUS,
    tools: Iterable[FunctionTool] = (),
    hosted: Iterable[HostedTool] = (),
    choice: ToolChoice = AUTO,
    stream: bool = False,
    by: Bedrock = PROVIDER,
    **parameters: Any,
) -> Prepared:
    request = CreateRequest(model=model, input=[], given=frozenset(parameters), **parameters)
    conversation = list(items) or [message("Hello")]
    able = by.capabilities(model)
    return Prepared(model, request, conversation, list(tools), choice, able, stream, hosted_tools=list(hosted))


def body_of(sent: Call) -> Any:
    return orjson.loads(sent.body)


def encoded(
    *items: HistoryItem, by: Bedrock = PROVIDER, given: Collection[str] = ("S1",), **options: Any
) -> tuple[Any, list[str]]:
    """The body, and the conversions as `disposition path` (with a star for contracts)."""
    request = prepared(*items, by=by, **options)
    sent = by.encode(request)
    assert complaints(sent, given) == []
    assert rejected(sent) is None
    return body_of(sent), losses(request)


def complaints(sent: Call, given: Collection[str] = ()) -> list[Complaint]:
    """What a strict vendor has against the call."""
    request = Request(sent.path, {"authorization": f"Bearer {KEY}", **sent.headers}, orjson.loads(sent.body))
    return converse.complaints(request, KEY, given)


def rejected(sent: Call) -> str | None:
    """What botocore has against the call; None where it would send it."""
    asked = converse.asked_of(sent.path)
    assert asked is not None
    model, operation = asked
    shape = input_shape(converse.OPERATIONS[operation])
    parameters = {"modelId": model, **_with_bytes(orjson.loads(sent.body), shape)}
    report = ParamValidator().validate(parameters, shape)
    return str(report.generate_report()) if report.has_errors() else None


def _with_bytes(value: Any, shape: Any) -> Any:
    """The value with its blobs as bytes, as a program hands them to botocore."""
    if shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    if shape.type_name == "list":
        return [_with_bytes(entry, shape.member) for entry in value]
    if shape.type_name == "structure" and isinstance(value, Mapping) and not shape.is_document_type:
        return {
            name: _with_bytes(entry, shape.members[name]) if name in shape.members else entry
            for name, entry in value.items()
        }
    return value


def losses(request: Prepared) -> list[str]:
    return [f"{entry.disposition}{'*' * entry.contract} {entry.path}" for entry in request.conversions]


def messages_of(*items: HistoryItem, **options: Any) -> Any:
    return encoded(*items, **options)[0]["messages"]


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": _blocks(blocks)}


def model_turn(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": _blocks(blocks)}


def _blocks(blocks: Iterable[Any]) -> list[Any]:
    return [{"text": block} if isinstance(block, str) else block for block in blocks]


def used(call_id: str = "tooluse_1", **arguments: Any) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": call_id, "name": "wx", "input": arguments or {"city": "Oslo"}}}


def answered(*content: Any, call_id: str = "tooluse_1", **members: Any) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": call_id, "content": _blocks(content), **members}}
