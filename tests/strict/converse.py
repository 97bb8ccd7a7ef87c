"""Bedrock's Converse as strictly as it can be: every rule that its servers are known to enforce, as one function.

`complaints` is pure. What the server remembers of its own answers, the signatures of reasoning, is handed in.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final
from urllib.parse import unquote

import orjson

from tests.strict import converse_shapes
from tests.strict.complaint import Complaint, Request
from tests.strict.converse_content import all_blocks, content_faults
from tests.strict.converse_families import Family, family_of
from tests.strict.converse_shapes import Fault
from tests.strict.messages_schema import dialect_faults
from tests.vendors.script import Reply

OPERATIONS: Final[Mapping[str, str]] = {"converse": "Converse", "converse-stream": "ConverseStream"}

RULES: Final[Mapping[str, str]] = {
    # the request as such
    "key-missing": "Missing Authentication Token",
    "key-invalid": "Authentication failed: Please make sure your API Key is valid.",
    "path-unknown": "Unable to determine service/operation name to be authorized",
    "model-unknown": "The provided model identifier is invalid.",
    "not-an-object": "Unable to parse the request",
    "required": "1 validation error detected: Value null at '{path}' failed to satisfy constraint: not null",
    "unknown-member": "Malformed input request: extraneous key [{path}] is not permitted",
    "wrong-kind": "Malformed input request: {path} is not {detail}",
    "union": "Malformed input request: {path} has to have one of its members, not: {detail}",
    "enum": "Value '{detail}' at '{path}' failed to satisfy constraint: Member must satisfy enum value set",
    "pattern": "Value '{detail}' at '{path}' failed to satisfy constraint: Member must satisfy regular expression",
    "bounds": "Value {detail} at '{path}' failed to satisfy constraint: Member must be within its bounds",
    # messages
    "messages-empty": "A conversation must have at least one message. Try again with a different conversation.",
    "first-role": "A conversation must start with a user message. Try again with a conversation that does.",
    "alternation": "A conversation must alternate between user and assistant roles: two turns of '{detail}' at {path}.",
    "system": "This model doesn't support system messages. Try again without a system message.",
    "system-role": "This model doesn't support the role 'system' in messages.",
    "system-position": "{path}: a system message must follow a user message and stand before an assistant message",
    "prefill": "This model does not support assistant message prefill. The conversation must end with a user message.",
    "content-empty": "The content field in the Message object at {path} is empty. Add a ContentBlock and try again.",
    "text-blank": "The text field in the ContentBlock object at {path} is blank. Add text and try again.",
    "block-role": "{path}: the block {detail} does not belong into a message of this role",
    "reasoning": "This model doesn't support the reasoningContent field. Remove reasoningContent and try again.",
    "reasoning-empty": "{path}: reasoning without text",
    "reasoning-last": "{path}: The final block in an assistant message cannot be `thinking`.",
    "reasoning-signature": "{path}: Invalid `signature` in `thinking` block",
    "use-repeated": "{path}: toolUse ids must be unique: {detail}",
    "use-input": "{path}: the input of toolUse has to be an object",
    "use-unanswered": "Expected toolResult blocks at {path} for the following Ids: {detail}",
    "result-orphan": "The number of toolResult blocks at {path} exceeds the number of toolUse blocks: {detail}",
    "result-repeated": "{path}: each tool_use must have a single result: {detail}",
    "result-position": "{path}: toolResult blocks come before any other content",
    "result-shares": "{path}: ToolResult and {detail} can't be in the same conversation turn",
    "result-content": "{path}: This model doesn't support the toolResult.content.{detail} field.",
    "result-empty": "The content field in the toolResult at {path} is empty.",
    "result-status": "This model doesn't support the toolResult.status field. Remove toolResult.status and try again.",
    "document-alone": "{path}: a document must be accompanied by a text block",
    "document-name": "{path}: The document file name can only contain alphanumeric characters: {detail}",
    "document-repeated": "{path}: The conversation contains duplicate document names: {detail}",
    "document-count": "too many documents: {detail} > 5",
    "images": "This model doesn't support the image content block that you provided.",
    "image-count": "too many images: {detail} > 20",
    "cache": "You invoked an unsupported model or your request did not allow prompt caching.",
    "cache-first": "{path}: a cachePoint has nothing before it",
    "cache-count": "The maximum number of cachePoint blocks is 4, found {detail}.",
    "cache-life": "This model doesn't support the cachePoint.ttl field.",
    "cache-order": "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.",
    # tools
    "tools": "This model doesn't support tool use.",
    "tools-missing": "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
    "tool-repeated": "The tool {detail} is already defined at toolConfig.tools.",
    "tool-schema": "{path}: the schema of a tool has to be of type object",
    "tool-schema-keyword": "{path}: the keyword {detail} is not supported in this model's schemas",
    "tool-schema-union": "{path}: input_schema does not support oneOf, allOf, or anyOf at the top level",
    "strict": "This model doesn't support the toolSpec.strict field.",
    "choice": "This model doesn't support the toolConfig.toolChoice.{detail} field.",
    "choice-unknown": "The tool {detail} of toolChoice is not defined.",
    "choice-thinking": "Thinking may not be enabled when tool_choice forces tool use.",
    "claude-choice-twice": "tool_choice.type: Extra inputs are not permitted",
    "claude-choice-type": "tool_choice.type: Field required",
    # settings
    "sampling": "`{detail}` is deprecated for this model.",
    "sampling-both": "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
    "field": "Malformed input request: #: extraneous key [{detail}] is not permitted",
    "field-value": "Malformed input request: {path} has not the value {detail}",
    "thinking-type": '"thinking.type.{detail}" is not supported for this model.',
    "thinking-budget": "`max_tokens` must be greater than `thinking.budget_tokens`, which is at least 1024.",
    "thinking-temperature": "`temperature` may only be set to 1 when thinking is enabled.",
    "effort": "{path}: the effort '{detail}' is not supported by this model.",
    "structured": "This model doesn't support the outputConfig.textFormat field.",
    "structured-schema": "{path}: the schema is no JSON",
    "schema-keyword": "{path}: property '{detail}' is not supported",
    "schema-literal": "{path}: enum and const take only primitive values",
    "schema-type": "{path}: Invalid schema: type '{detail}' is not supported",
    "schema-open": "{path}: For 'object' type, 'additionalProperties' must be explicitly set to false",
    "schema-min-items": "{path}: For 'array' type, 'minItems' values other than 0 or 1 are not supported",
    "schema-format": "{path}: For 'string' type, format '{detail}' is not supported",
    "schema-reference": "{path}: Invalid schema: reference '{detail}' is not supported",
    "schema-recursion": "{path}: Circular reference detected in schema definitions",
}
"""Every rule, and what the vendor says; where its sentence is not known, one that says the same."""

_KINDS: Final[Mapping[str, tuple[int, str]]] = {
    "key-missing": (403, "MissingAuthenticationTokenException"),
    "key-invalid": (403, "AccessDeniedException"),
    "path-unknown": (404, "UnknownOperationException"),
}
_INFERENCE: Final[Mapping[str, str]] = {"temperature": "temperature", "topP": "top_p"}
_REFUSED_KEYWORDS: Final = ("$schema", "contains")


def complaints(request: Request, key: str, given: Collection[str] = ()) -> list[Complaint]:
    """Everything that the vendor would refuse the request for. `key` is the valid one; `given` are the signatures, and
    the encrypted reasoning, that this server has made."""
    sent = request.headers.get("authorization", "").removeprefix("Bearer ")
    if sent != key:
        return [_complaint("key-invalid" if sent else "key-missing")]
    asked = asked_of(request.path)
    if asked is None:
        return [_complaint("path-unknown")]
    model, operation = asked
    family = family_of(model)
    if family is None:
        return [_complaint("model-unknown", detail=model)]
    body = request.body
    if not isinstance(body, dict):
        return [_complaint("not-an-object")]
    if unread := list(converse_shapes.faults(body, OPERATIONS[operation])):
        return [_complaint(*fault) for fault in unread]
    found = chain(
        content_faults(body, family),
        _reasoning_faults(body, given),
        _tool_faults(body, family),
        _setting_faults(body, family),
        _format_faults(body, family),
    )
    return [_complaint(*fault) for fault in found]


def asked_of(path: str) -> tuple[str, str] | None:
    """The model and the operation that a path names; None for another path. The model is one segment of it."""
    steps = path.partition("?")[0].split("/")
    if len(steps) != 4 or steps[:2] != ["", "model"] or steps[3] not in OPERATIONS or not steps[2]:
        return None
    return unquote(steps[2]), steps[3]


def answer(found: Sequence[Complaint]) -> Reply:
    """The error answer for the complaints: the first one's status and sentence."""
    first = found[0]
    status, kind = _KINDS.get(first.rule, (400, "ValidationException"))
    headers = {"content-type": "application/json", "x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/"}
    return Reply(status, (orjson.dumps({"message": first.message}),), headers)


def _complaint(rule: str, path: str = "", detail: str = "") -> Complaint:
    return Complaint(rule, path, RULES[rule].format(path=path, detail=detail))


def _reasoning_faults(body: Mapping[str, Any], given: Collection[str]) -> Iterator[Fault]:
    for path, block in all_blocks(body):
        if reasoning := block.get("reasoningContent"):
            proof = reasoning.get("redactedContent") or (reasoning.get("reasoningText") or {}).get("signature")
            if proof not in given:
                yield "reasoning-signature", path, ""


# --- tools ------------------------------------------------------------------------------------------------------------


def _tool_faults(body: Mapping[str, Any], family: Family) -> Iterator[Fault]:
    config = body.get("toolConfig")
    if config is None:
        if any("toolUse" in block or "toolResult" in block for _, block in all_blocks(body)):
            yield "tools-missing", "toolConfig", ""
        return
    if not family.tools:
        yield "tools", "toolConfig", ""
    names: list[str] = []
    for index, tool in enumerate(config["tools"]):
        spec = tool.get("toolSpec")
        if spec is None:
            continue
        if spec["name"] in names:
            yield "tool-repeated", "toolConfig.tools", spec["name"]
        names.append(spec["name"])
        yield from _spec_faults(spec, f"toolConfig.tools.{index}.toolSpec", family)
    for kind, choice in (config.get("toolChoice") or {}).items():
        if kind != "auto" and not family.forced:
            yield "choice", "toolConfig.toolChoice", kind
        if kind == "tool" and choice["name"] not in names:
            yield "choice-unknown", "toolConfig.toolChoice", choice["name"]


def _spec_faults(spec: Mapping[str, Any], path: str, family: Family) -> Iterator[Fault]:
    schema = spec["inputSchema"]["json"]
    where = f"{path}.inputSchema.json"
    if not isinstance(schema, dict) or schema.get("type") != "object":
        yield "tool-schema", where, ""
        return
    if family.claude is not None and any(name in schema for name in ("oneOf", "anyOf", "allOf")):
        yield "tool-schema-union", where, ""
    refused = (*_REFUSED_KEYWORDS, *(() if family.references else ("$ref",)))
    for keyword in refused:
        if any(keyword in part for part in _schemas(schema)):
            yield "tool-schema-keyword", where, keyword
    if spec.get("strict"):
        if not family.strict:
            yield "strict", path, ""
        yield from dialect_faults(schema, where)


def _schemas(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    for name, value in schema.items():
        below = (
            value.values() if name in ("properties", "$defs", "definitions") and isinstance(value, dict) else [value]
        )
        for inner in below:
            for part in inner if isinstance(inner, list) else [inner]:
                if isinstance(part, dict) and name not in ("enum", "const", "default", "examples"):
                    yield from _schemas(part)


# --- settings ---------------------------------------------------------------------------------------------------------


def _setting_faults(body: Mapping[str, Any], family: Family) -> Iterator[Fault]:
    inference = body.get("inferenceConfig") or {}
    fields = body.get("additionalModelRequestFields") or {}
    for member, name in _INFERENCE.items():
        if member in inference and not family.sampling:
            yield "sampling", f"inferenceConfig.{member}", name
    for name, value in fields.items():
        if name not in family.fields:
            yield "field", "additionalModelRequestFields", name
        elif family.fields[name] and value not in family.fields[name]:
            yield "field-value", f"additionalModelRequestFields.{name}", str(value)
    if family.claude is not None:
        yield from _claude_faults(body, family)
    for member, check in _FIELD_CHECKS.items():
        if member in fields and member in family.fields and not check(fields[member]):
            yield "field-value", f"additionalModelRequestFields.{member}", str(fields[member])


_EFFORTS: Final = ("none", "low", "medium", "high", "xhigh")
_FIELD_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "reasoningConfig": lambda value: (
        value == {"type": "disabled"}
        or (value.get("type") == "enabled" and value.get("maxReasoningEffort") in ("low", "medium", "high"))
    ),
    "reasoning": lambda value: value.keys() == {"effort"} and value["effort"] in _EFFORTS,
}


def _claude_faults(body: Mapping[str, Any], family: Family) -> Iterator[Fault]:
    model = family.claude
    assert model is not None
    inference = body.get("inferenceConfig") or {}
    fields = body.get("additionalModelRequestFields") or {}
    thinking = fields.get("thinking") or {}
    config = body.get("toolConfig") or {}
    kind = thinking.get("type")
    if {"temperature", "topP"} <= inference.keys() and model.structured:
        yield "sampling-both", "inferenceConfig", ""
    if kind is not None and kind not in model.thinking:
        yield "thinking-type", "additionalModelRequestFields.thinking", kind
    if kind == "enabled":
        if not 1024 <= thinking["budget_tokens"] < inference.get("maxTokens", 4096):
            yield "thinking-budget", "additionalModelRequestFields.thinking", ""
        if inference.get("temperature", 1) != 1:
            yield "thinking-temperature", "inferenceConfig.temperature", ""
        if set(config.get("toolChoice") or ()) & {"any", "tool"}:
            yield "choice-thinking", "toolConfig.toolChoice", ""
    effort = (fields.get("output_config") or {}).get("effort")
    if effort is not None and effort not in model.efforts:
        yield "effort", "additionalModelRequestFields.output_config", effort
    choice = fields.get("tool_choice")
    if choice is not None and config.get("toolChoice") and "type" in choice:
        yield "claude-choice-twice", "additionalModelRequestFields.tool_choice", ""
    if choice is not None and not config.get("toolChoice") and "type" not in choice:
        yield "claude-choice-type", "additionalModelRequestFields.tool_choice", ""


def _format_faults(body: Mapping[str, Any], family: Family) -> Iterator[Fault]:
    form = (body.get("outputConfig") or {}).get("textFormat")
    if form is None:
        return
    path = "outputConfig.textFormat.structure.jsonSchema.schema"
    if not family.structured:
        yield "structured", path, ""
    try:
        schema = orjson.loads(form["structure"]["jsonSchema"]["schema"])
    except orjson.JSONDecodeError:
        yield "structured-schema", path, ""
        return
    yield from dialect_faults(schema, path)
