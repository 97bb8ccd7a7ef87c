"""Anthropic's Messages API as strictly as it can be: every rule that its servers are known to enforce, as one function.

`complaints` is pure. What the server remembers of its own answers, the thinking, is handed in.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from tests.strict import messages_shapes
from tests.strict.complaint import Complaint, Request
from tests.strict.messages_content import NEW_VERSION, all_blocks, content_faults
from tests.strict.messages_models import Model, model_named
from tests.strict.messages_schema import dialect_faults
from tests.strict.messages_shapes import Fault
from tests.strict.messages_thinking import GivenAnswer, thinking_faults
from tests.strict.messages_tools import tool_faults
from tests.vendors.script import Reply

PATH: Final = "/v1/messages"
VERSIONS: Final = ("2023-06-01", NEW_VERSION)

RULES: Final[Mapping[str, str]] = {
    # the request as such
    "key-missing": "x-api-key header is required",
    "key-invalid": "invalid x-api-key",
    "path-unknown": "Not Found",
    "version-missing": "anthropic-version: header is required",
    "version": 'anthropic-version: "{detail}" is not a valid version',
    "beta": "Unexpected value(s) `{detail}` for the `anthropic-beta` header.",
    "beta-missing": "{path}: Extra inputs are not permitted",
    "not-an-object": "Input should be a valid dictionary",
    "model-unknown": "model: {detail}",
    "required": "{path}: Field required",
    "unknown-member": "{path}: Extra inputs are not permitted",
    "unknown-tag": "{path}: Input tag '{detail}' does not match any of the expected tags",
    "wrong-kind": "{path}: Input should be {detail}",
    # settings
    "max-tokens": "max_tokens: Input should be greater than or equal to 1",
    "max-tokens-limit": (
        "max_tokens: {detail}, which is the maximum allowed number of output tokens for the model requested"
    ),
    "sampling-version": "{path}: is not supported in this API version",
    "sampling-model": "`{path}` is deprecated for this model.",
    "sampling-range": "{path}: Input should be between 0 and 1",
    "sampling-both": "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
    "stop-sequence": "stop_sequences: each stop sequence must contain non-whitespace",
    "user-id": "metadata.user_id: String should have at most 256 characters",
    "speed": "'{detail}' does not support the `speed` parameter.",
    "effort": "{path}: the effort '{detail}' is not supported by this model.",
    "effort-quiet": "{path}: the effort '{detail}' is not supported while thinking is turned off.",
    "thinking-type": '"thinking.type.{detail}" is not supported for this model.',
    "thinking-budget-least": "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    "thinking-budget-most": "`max_tokens` must be greater than `thinking.budget_tokens`.",
    "thinking-temperature": "`temperature` may only be set to 1 when thinking is enabled.",
    "thinking-top-p": "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.",
    "thinking-top-k": "`top_k` must be unset when thinking is enabled.",
    "structured": "{path}: structured outputs are not supported by this model.",
    "format-citations": "Citations are not supported with output_config.format.",
    "schema-keyword": "{path}: property '{detail}' is not supported",
    "schema-literal": "{path}: enum and const take only primitive values",
    "schema-type": "{path}: Invalid schema: type '{detail}' is not supported",
    "schema-open": "{path}: For 'object' type, 'additionalProperties' must be explicitly set to false",
    "schema-min-items": "{path}: For 'array' type, 'minItems' values other than 0 or 1 are not supported",
    "schema-format": "{path}: For 'string' type, format '{detail}' is not supported",
    "schema-reference": "{path}: Invalid schema: reference '{detail}' is not supported",
    "schema-recursion": "{path}: Circular reference detected in schema definitions",
    "strict-tools": "Too many strict tools: {detail}.",
    "strict-optional": "Schemas contain too many optional parameters: {detail}.",
    "strict-unions": "Schemas contain too many parameters with union types: {detail}.",
    # tools
    "tool-name": "{path}: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'",
    "tool-duplicate": "tools: Tool names must be unique.",
    "tool-schema-type": "{path}: Input should be 'object'",
    "tool-schema-union": "{path}: input_schema does not support oneOf, allOf, or anyOf at the top level",
    "tool-schema-key": "{path}: Property keys should match pattern '^[a-zA-Z0-9_.-]{{1,64}}$'",
    "tool-schema-invalid": "{path}: JSON schema is invalid. It must match JSON Schema draft 2020-12",
    "server-tool-name": "{path}: Input should be '{detail}'",
    "server-tool-model": "{path}: the model does not support tool types: {detail}",
    "domains-both": "{path}: allowed_domains and blocked_domains cannot both be specified",
    "domain": "{path}: a domain has no scheme and is not empty",
    "max-uses": "{path}: Input should be greater than 0",
    "deferred-cached": "{path}: cache_control cannot be set on a tool with defer_loading",
    "all-deferred": "At least one tool must have defer_loading=false.",
    "mcp-duplicate": "mcp_servers: server names must be unique",
    "mcp-address": "{path}: the URL must start with https://",
    "mcp-toolset": "mcp_servers: '{detail}' must be referenced by exactly one mcp_toolset in tools",
    "mcp-server": "tools: the mcp_toolset names the server '{detail}', which is not in mcp_servers",
    "choice-alone": "tool_choice may only be specified while providing tools",
    "choice-unknown": "Tool '{detail}' not found in provided tools",
    "choice-forced": "tool_choice '{detail}' is not supported by this model.",
    "choice-thinking": "Thinking may not be enabled when tool_choice forces tool use.",
    # messages
    "messages-empty": "messages: at least one message is required",
    "first-role": 'messages: first message must use the "user" role',
    "content-empty": "{path}: all messages must have non-empty content except for the optional final assistant message",
    "system-role": "{path}: role 'system' is not supported on this model",
    "system-position": (
        "{path}: a system message must follow a user message and be followed by an assistant message or the end"
    ),
    "prefill": (
        "This model does not support assistant message prefill. The conversation must end with a user message."
    ),
    "final-whitespace": "messages: final assistant content cannot end with trailing whitespace",
    "block-role": "{path}: {detail} are not permitted",
    "citations-version": "{path}: citations are not permitted in user turns",
    "text-empty": "{detail}: text content blocks must be non-empty",
    "text-blank": "{detail}: text content blocks must contain non-whitespace text",
    "use-id": "{path}: String should match pattern '^[a-zA-Z0-9_-]+$'",
    "use-name": "{path}: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'",
    "use-repeated": "{path}: `tool_use` ids must be unique",
    "use-unanswered": (
        "{path}: `tool_use` ids were found without `tool_result` blocks immediately after: {detail}. Each `tool_use`"
        " block must have a corresponding `tool_result` block in the next message."
    ),
    "result-position": (
        "{path}: `tool_use` ids were found without `tool_result` blocks immediately after: {detail}. `tool_result`"
        " blocks come before any other content."
    ),
    "result-orphan": (
        "{path}: unexpected `tool_use_id` found in `tool_result` blocks: {detail}. Each `tool_result` block must have"
        " a corresponding `tool_use` block in the previous message."
    ),
    "result-repeated": (
        "{path}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {detail}"
    ),
    "error-empty": "{path}: content cannot be empty if `is_error` is true",
    "server-use-name": "{path}: '{detail}' is no tool of the server",
    "server-use-unanswered": "{path}: a tool use was found without its result block: {detail}",
    "server-result-orphan": "{path}: unexpected `tool_use_id` found in a server tool's result: {detail}",
    "server-result-kind": "{path}: the result is not of the kind of its tool use: {detail}",
    "image-type": "{path}: Input should be {detail}",
    "image-size": "{path}: image exceeds 5 MB maximum: {detail} bytes > 5242880 bytes",
    "image-mismatch": "{path}: The image does not match the provided media type {detail}",
    "image-count": "messages: too many images: {detail} > 100",
    "document-type": "{path}: Input should be 'application/pdf'",
    "document-data": "{path}: The PDF specified was not valid.",
    "address": "{path}: Only HTTP and HTTPS URLs are supported, not {detail}",
    "cache-count": "A maximum of 4 blocks with cache_control may be provided. Found {detail}.",
    "cache-order": "{path}: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.",
    # thinking of earlier turns
    "thinking-signature": "{path}: Invalid `signature` in `thinking` block",
    "thinking-altered": (
        "{path}: `thinking` or `redacted_thinking` blocks cannot be modified. These blocks must remain as they were in"
        " the original response."
    ),
    "redacted-data": "{path}: Invalid `data` in `redacted_thinking` block: Invalid `signature`",
    "thinking-partial": (
        "{path}: `thinking` blocks of a sequence cannot be modified: the sequence must match the original response."
    ),
    "thinking-moved": "{path}: `thinking` blocks cannot be modified: the block does not stand before what it led to.",
    "thinking-last": "{path}: The final block in an assistant message cannot be `{detail}`.",
    "thinking-missing": (
        "{path}: Expected `thinking` or `redacted_thinking`, but found `{detail}`. When `thinking` is enabled, a final"
        " `assistant` message must start with a thinking block."
    ),
    "thinking-bound": "{path}: The block is bound to a different conversation.",
}
"""Every rule, and what the vendor says; where its sentence is not known, one that says the same."""

BETAS: Final = frozenset(
    {
        "context-1m-2025-08-07",
        "fast-mode-2026-02-01",
        "files-api-2025-04-14",
        "interleaved-thinking-2025-05-14",
        "mcp-client-2025-11-20",
        "mcp-client-2026-09-15",
        "prompt-caching-2024-07-31",
        "thinking-binding-controls-2026-08-01",
    }
)
"""The betas that are known here."""

GATED: Final[Mapping[str, str]] = {"mcp_servers": "mcp-client-", "speed": "fast-mode-"}
"""Members that need a beta: the beginning of its name."""

_KINDS: Final[Mapping[str, tuple[int, str]]] = {
    "key-missing": (401, "authentication_error"),
    "key-invalid": (401, "authentication_error"),
    "path-unknown": (404, "not_found_error"),
    "model-unknown": (404, "not_found_error"),
}
_SAMPLING: Final = ("temperature", "top_p", "top_k")
_MAX_USER_ID: Final = 256


def complaints(request: Request, key: str, given: Sequence[GivenAnswer] = ()) -> list[Complaint]:
    """Everything that the vendor would refuse the request for. `key` is the valid one, `given` the answers that this
    server has made."""
    if refused := list(_access_faults(request, key)):
        return [_complaint(*fault) for fault in refused]
    body = request.body
    if not isinstance(body, dict):
        return [_complaint("not-an-object")]
    version = request.headers["anthropic-version"]
    betas = [name.strip() for name in request.headers.get("anthropic-beta", "").split(",") if name.strip()]
    if unread := list(chain(_gated_faults(body, betas), messages_shapes.faults(body))):
        return [_complaint(*fault) for fault in unread]
    model = model_named(body["model"])
    if model is None:
        return [_complaint("model-unknown", "", body["model"])]
    found = chain(
        _setting_faults(body, model),
        _sampling_faults(body, model, version),
        _thinking_setting_faults(body, model),
        _format_faults(body, model),
        tool_faults(body, model),
        content_faults(body, model, version),
        thinking_faults(body, model, given),
    )
    return [_complaint(*fault) for fault in found]


def answer(found: Sequence[Complaint]) -> Reply:
    """The error answer for the complaints: the first one's status and sentence."""
    first = found[0]
    status, kind = _KINDS.get(first.rule, (400, "invalid_request_error"))
    body = {"type": "error", "error": {"type": kind, "message": first.message}, "request_id": "req_1"}
    return Reply(status, (orjson.dumps(body),), {"content-type": "application/json", "request-id": "req_1"})


def _complaint(rule: str, path: str = "", detail: str = "") -> Complaint:
    return Complaint(rule, path, RULES[rule].format(path=path, detail=detail))


def _access_faults(request: Request, key: str) -> Iterator[Fault]:
    headers = request.headers
    sent = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
    if not sent:
        yield "key-missing", "", ""
    elif sent != key:
        yield "key-invalid", "", ""
    elif urlsplit(request.path).path != PATH:
        yield "path-unknown", "", ""
    elif "anthropic-version" not in headers:
        yield "version-missing", "", ""
    elif headers["anthropic-version"] not in VERSIONS:
        yield "version", "", headers["anthropic-version"]
    else:
        for name in headers.get("anthropic-beta", "").split(","):
            if name.strip() and name.strip() not in BETAS:
                yield "beta", "", name.strip()


def _gated_faults(body: Mapping[str, Any], betas: Sequence[str]) -> Iterator[Fault]:
    for name, prefix in GATED.items():
        if body.get(name) is not None and not any(beta.startswith(prefix) for beta in betas):
            yield "beta-missing", name, ""


# --- settings ---------------------------------------------------------------------------------------------------------


def _setting_faults(body: Mapping[str, Any], model: Model) -> Iterator[Fault]:
    most = body["max_tokens"]
    if most < 1:
        yield "max-tokens", "max_tokens", ""
    elif most > model.max_tokens:
        yield "max-tokens-limit", "max_tokens", f"{most} > {model.max_tokens}"
    if any(not stop.strip() for stop in body.get("stop_sequences") or ()):
        yield "stop-sequence", "stop_sequences", ""
    if len((body.get("metadata") or {}).get("user_id") or "") > _MAX_USER_ID:
        yield "user-id", "metadata.user_id", ""
    if body.get("speed") == "fast" and not model.fast:
        yield "speed", "speed", body["model"]


def _sampling_faults(body: Mapping[str, Any], model: Model, version: str) -> Iterator[Fault]:
    sent = [name for name in _SAMPLING if body.get(name) is not None]
    for name in sent:
        if version >= NEW_VERSION:
            yield "sampling-version", name, ""
        elif not model.sampling:
            yield "sampling-model", name, ""
        if name != "top_k" and not 0 <= body[name] <= 1:
            yield "sampling-range", name, ""
    # Only the retired models take both.
    if {"temperature", "top_p"} <= set(sent) and model.structured:
        yield "sampling-both", "top_p", ""


def _thinking_setting_faults(body: Mapping[str, Any], model: Model) -> Iterator[Fault]:
    config = body.get("thinking") or {}
    kind = config.get("type")
    effort = (body.get("output_config") or {}).get("effort")
    if kind is not None and kind not in model.thinking:
        yield "thinking-type", "thinking", kind
    if effort is not None and effort not in model.efforts:
        yield "effort", "output_config.effort", effort
    elif effort is not None and kind in ("disabled", "between_tools") and effort not in model.quiet_efforts:
        yield "effort-quiet", "output_config.effort", effort
    if kind != "enabled":
        return
    if config["budget_tokens"] < 1024:
        yield "thinking-budget-least", "thinking", ""
    if config["budget_tokens"] >= body["max_tokens"]:
        yield "thinking-budget-most", "thinking", ""
    if body.get("temperature", 1) != 1:
        yield "thinking-temperature", "temperature", ""
    if (body.get("top_p") or 1) < 0.95:
        yield "thinking-top-p", "top_p", ""
    if body.get("top_k") is not None:
        yield "thinking-top-k", "top_k", ""


def _format_faults(body: Mapping[str, Any], model: Model) -> Iterator[Fault]:
    asked = (body.get("output_config") or {}).get("format")
    if asked is None:
        return
    if not model.structured:
        yield "structured", "output_config.format", ""
    yield from dialect_faults(asked["schema"], "output_config.format.schema")
    for path, block in all_blocks(body):
        if block["type"] == "document" and (block.get("citations") or {}).get("enabled"):
            yield "format-citations", path, ""
