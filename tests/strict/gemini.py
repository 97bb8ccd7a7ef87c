"""Gemini's API as strictly as it can be: every rule that Google's servers are known to enforce, as one function.

`complaints` is pure. What the server remembers of its own answers, the thought signatures, is handed in.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from tests.strict import gemini_schema, gemini_shapes
from tests.strict.complaint import Complaint, Request
from tests.strict.gemini_contents import content_faults
from tests.strict.gemini_models import MODELS, Model
from tests.strict.gemini_signatures import GivenStep, signature_faults
from tests.vendors import gemini as form
from tests.vendors.script import Reply

KEY_HEADER: Final = "x-goog-api-key"

RULES: Final[Mapping[str, str]] = {
    # the request as such
    "key-in-query": "Request had invalid authentication credentials. API keys belong into the header x-goog-api-key.",
    "key-invalid": "API key not valid. Please pass a valid API key.",
    "model-unknown": (
        "{detail} is not found for API version v1beta, or is not supported for generateContent. Call"
        " ModelService.ListModels to see the list of available models and their supported methods."
    ),
    "not-an-object": "Invalid JSON payload received. Unexpected token.",
    "unknown-member": 'Invalid JSON payload received. Unknown name "{detail}"{at}: Cannot find field.',
    "wrong-kind": "Invalid value{at} ({detail}).",
    "service-tier": "Invalid value{at} (ServiceTier), {detail}.",
    # generationConfig
    "candidate-count": "Only one candidate can be generated.",
    "max-output-tokens": "max_output_tokens must be positive.",
    "temperature": "temperature must be in the range [0.0, 2.0].",
    "top-p": "top_p must be in the range [0.0, 1.0].",
    "logprobs": "logprobs must be in the range [1, 20].",
    "logprobs-alone": "logprobs can be set only if response_logprobs is true.",
    "response-mime-type": "Unsupported response mime type: {detail}.",
    "response-schema-type": "response_json_schema is supported only with the response mime type application/json.",
    "response-schema-twice": "response_schema and response_json_schema are mutually exclusive.",
    "response-schema-tools": "Function calling with a response mime type: 'application/json' is unsupported",
    "thinking-unsupported": "Thinking is not supported by this model.",
    "thinking-both": "You can only set only one of thinking budget and thinking level.",
    "thinking-level": "Thinking level {detail} is not supported for this model.",
    "thinking-budget-unsupported": "Thinking budget is not supported for this model. Please use the thinking level.",
    "thinking-budget": "The thinking budget {detail} is invalid for this model.",
    # contents
    "contents-empty": "contents is not specified",
    "role": "Please use a valid role: user, model.",
    "first-role": "Please ensure that multiturn requests begin with a user turn.",
    "parts-empty": "contents.parts must not be empty.",
    "part-empty": "required oneof field 'data' must have one initialized field",
    "part-twice": "oneof field 'data' is already set. Cannot set '{detail}'",
    "text-empty": "Unable to submit request because it has an empty text parameter.",
    "part-role": "A part of type {detail} is not allowed in a content of this role.",
    "call-position": (
        "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
    ),
    "response-position": "Please ensure that function response turn comes immediately after a function call turn.",
    "response-count": (
        "Please ensure that the number of function response parts is equal to the number of function call parts of the"
        " function call turn."
    ),
    "response-name": "The function response {detail} does not answer the function call in its place.",
    "response-id": "The id of the function response {detail} is not that of the function call in its place.",
    "response-mixed": "A content with function responses must not have parts of another kind.",
    "response-missing": "function_response.response is required.",
    "response-reference": "function_response.response: reference {detail} not found.",
    "response-media": "Function responses with media of type {detail} are not supported by this model.",
    "media-type": "Unsupported MIME type: {detail}",
    "media-empty": "Unable to process input: the inline data is empty.",
    "file-uri": "Cannot fetch content from the provided URL: {detail}.",
    # tools
    "tool-empty": "tool_type must be set.",
    "function-name": (
        "Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9),"
        " underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of {detail}."
    ),
    "function-duplicate": "Duplicate function declaration found: {detail}",
    "parameters-twice": "parameters and parameters_json_schema are mutually exclusive.",
    "parameters-type": "parameters schema should be of type OBJECT.",
    "schema-keyword": 'Unknown name "{detail}"{at}: Cannot find field.',
    "schema-type": 'Invalid value{at} (Type), "{detail}"',
    "schema-reference": "reference to undefined schema{at}: {detail}",
    "schema-recursion": "the schema contains itself in a place that every value needs{at}: {detail}",
    "hosted-with-functions": "Tool use with function calling is unsupported",
    "server-side-missing": (
        "Please enable tool_config.include_server_side_tool_invocations to use Built-in tools with Function calling."
    ),
    "server-side-unsupported": "include_server_side_tool_invocations is not supported by this model.",
    "config-without-functions": "Function calling config is set without function_declarations.",
    "calling-mode": "Invalid value{at} (Mode), {detail}",
    "allowed-names-mode": ("Allowed function names should be set only when function calling mode is ANY or VALIDATED."),
    "allowed-names-unknown": "Allowed function {detail} is not among the function_declarations.",
    "allowed-names-empty": "Function calling mode {detail} needs at least one allowed function.",
    # signatures
    "signature-missing": (
        "Function call is missing a thought_signature in functionCall parts. This is required for tools to work"
        " correctly, and missing thought_signature may lead to degraded model performance. Additional data, function"
        " call `default_api:{detail}` , position {position}."
    ),
    "signature-corrupted": "Corrupted thought signature.",
    "signature-on-sibling": "A thought signature was given for none of the parallel calls after the first.",
    "signature-misplaced": "Invalid thought signature: a {detail} has none.",
}
"""Every rule, and what Google says; where its sentence is not known, one that says the same."""

_CODES: Final[Mapping[str, int]] = {"key-in-query": 401, "model-unknown": 404}
_MIME_TYPES: Final = ("text/plain", "application/json", "text/x.enum")
_TIERS: Final = ("standard", "flex", "priority")
_MODES: Final = ("AUTO", "ANY", "NONE", "VALIDATED")
_CONFIG: Final = "generation_config"


def complaints(request: Request, key: str, given: Sequence[GivenStep] = ()) -> list[Complaint]:
    """Everything that Google would refuse the request for. `key` is the valid one, `given` the steps that this server
    has answered with."""
    refused = list(_access_faults(request, key))
    if refused:
        return refused
    asked = form.asked(request.path)
    if asked is None or asked[0] not in MODELS:
        return [_complaint("model-unknown", detail=f"models/{asked[0]}" if asked else "the path")]
    body = request.body
    if not isinstance(body, dict):
        return [_complaint("not-an-object")]
    if unread := list(_payload_faults(body)):
        return unread
    model = MODELS[asked[0]]
    return [
        *_generation_faults(body.get("generationConfig") or {}, model, has_functions=bool(_declarations(body))),
        *(_complaint(rule, path, detail) for rule, path, detail in content_faults(body, model)),
        *_tool_faults(body, model),
        *_calling_faults(body, model),
        *(_complaint(*fault) for fault in signature_faults(body.get("contents") or [], model, given)),
    ]


def answer(found: Sequence[Complaint]) -> Reply:
    """The error answer for the complaints: the first one's status and sentence."""
    first = found[0]
    details: list[dict[str, Any]] = []
    if first.rule == "key-invalid":
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        details.append(
            {**info, "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"}}
        )
    elif first.path:
        violations = [{"field": each.path, "description": each.message} for each in found if each.path]
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
    return form.refusal(_CODES.get(first.rule, 400), first.message, *details)


def _complaint(rule: str, path: str = "", detail: str = "", position: int = 0) -> Complaint:
    at = f" at '{path}'" if path else ""
    return Complaint(rule, path, RULES[rule].format(detail=detail, at=at, position=position))


def _access_faults(request: Request, key: str) -> Iterator[Complaint]:
    if "key" in parse_qs(urlsplit(request.path).query, keep_blank_values=True):
        yield _complaint("key-in-query")
    elif request.headers.get(KEY_HEADER) != key:
        yield _complaint("key-invalid")


def _payload_faults(body: Mapping[str, Any]) -> Iterator[Complaint]:
    for rule, path, detail in gemini_shapes.faults(body):
        yield _complaint(rule, path, detail)
    tier = body.get("serviceTier")
    if isinstance(tier, str) and tier not in _TIERS:
        yield _complaint("service-tier", "service_tier", tier)


# --- generationConfig -------------------------------------------------------------------------------------------------


def _generation_faults(config: Mapping[str, Any], model: Model, *, has_functions: bool) -> Iterator[Complaint]:
    for name, rule, lowest, highest in (
        ("candidateCount", "candidate-count", 1, 1),
        ("maxOutputTokens", "max-output-tokens", 1, float("inf")),
        ("temperature", "temperature", 0, 2),
        ("topP", "top-p", 0, 1),
        ("logprobs", "logprobs", 1, 20),
    ):
        value = config.get(name)
        if value is not None and not lowest <= value <= highest:
            yield _complaint(rule, f"{_CONFIG}.{gemini_shapes.snake(name)}")
    if config.get("logprobs") is not None and not config.get("responseLogprobs"):
        yield _complaint("logprobs-alone", f"{_CONFIG}.logprobs")
    yield from _format_faults(config, model, has_functions=has_functions)
    if (thinking := config.get("thinkingConfig")) is not None:
        yield from _thinking_faults(thinking, model)


def _format_faults(config: Mapping[str, Any], model: Model, *, has_functions: bool) -> Iterator[Complaint]:
    mime_type = config.get("responseMimeType")
    if mime_type is not None and mime_type not in _MIME_TYPES:
        yield _complaint("response-mime-type", f"{_CONFIG}.response_mime_type", mime_type)
    schema = config.get("responseJsonSchema")
    if schema is not None and config.get("responseSchema") is not None:
        yield _complaint("response-schema-twice", _CONFIG)
    if schema is not None and mime_type != "application/json":
        yield _complaint("response-schema-type", f"{_CONFIG}.response_json_schema")
    if mime_type == "application/json" and has_functions and not model.modern:
        yield _complaint("response-schema-tools", f"{_CONFIG}.response_mime_type")
    if schema is not None:
        for fault in gemini_schema.faults(schema, f"{_CONFIG}.response_json_schema"):
            yield _complaint(*fault)


def _thinking_faults(thinking: Mapping[str, Any], model: Model) -> Iterator[Complaint]:
    path = f"{_CONFIG}.thinking_config"
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    if not model.thinks:
        yield _complaint("thinking-unsupported", path)
        return
    if level is not None and budget is not None:
        yield _complaint("thinking-both", path)
    if level is not None and level not in model.levels:
        yield _complaint("thinking-level", f"{path}.thinking_level", level)
    if budget is not None and model.budgets is None:
        yield _complaint("thinking-budget-unsupported", f"{path}.thinking_budget")
    elif budget is not None and model.budgets is not None and budget != -1 and budget not in model.budgets:
        yield _complaint("thinking-budget", f"{path}.thinking_budget", str(budget))


# --- tools ------------------------------------------------------------------------------------------------------------


def _declarations(body: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The functions that are declared, each with its path."""
    return [
        (f"tools[{position}].function_declarations[{index}]", declaration)
        for position, tool in enumerate(body.get("tools") or ())
        for index, declaration in enumerate(tool.get("functionDeclarations") or ())
    ]


def _tool_faults(body: Mapping[str, Any], model: Model) -> Iterator[Complaint]:
    hosted = False
    for position, tool in enumerate(body.get("tools") or ()):
        if not any(value is not None and value != [] for value in tool.values()):
            yield _complaint("tool-empty", f"tools[{position}]")
        hosted = hosted or any(name != "functionDeclarations" for name in tool)
    names: set[str] = set()
    declarations = _declarations(body)
    for path, declaration in declarations:
        name = declaration.get("name") or ""
        if not _is_function_name(name, model.name_limit):
            yield _complaint("function-name", f"{path}.name", str(model.name_limit))
        if name in names:
            yield _complaint("function-duplicate", path, name)
        names.add(name)
        schema = declaration.get("parametersJsonSchema")
        if schema is None:
            continue
        if declaration.get("parameters") is not None:
            yield _complaint("parameters-twice", path)
        if schema.get("type") != "object":
            yield _complaint("parameters-type", f"{path}.parameters_json_schema")
        for fault in gemini_schema.faults(schema, f"{path}.parameters_json_schema"):
            yield _complaint(*fault)
    server_side = (body.get("toolConfig") or {}).get("includeServerSideToolInvocations")
    if hosted and declarations and not model.modern:
        yield _complaint("hosted-with-functions", "tools")
    elif hosted and declarations and not server_side:
        yield _complaint("server-side-missing", "tool_config")
    if server_side and not model.modern:
        yield _complaint("server-side-unsupported", "tool_config.include_server_side_tool_invocations")


def _is_function_name(name: str, limit: int) -> bool:
    others = name.translate(str.maketrans("", "", "_.:-"))
    return (
        0 < len(name) <= limit
        and (name[0].isalpha() or name[0] == "_")
        and name.isascii()
        and (others.isalnum() or not others)
    )


def _calling_faults(body: Mapping[str, Any], model: Model) -> Iterator[Complaint]:
    config = (body.get("toolConfig") or {}).get("functionCallingConfig")
    if config is None:
        return
    path = "tool_config.function_calling_config"
    declared = {declaration.get("name") for _, declaration in _declarations(body)}
    if not declared:
        yield _complaint("config-without-functions", path)
    mode = config.get("mode", "AUTO")
    if mode not in _MODES or (mode == "VALIDATED" and not model.thinks):
        yield _complaint("calling-mode", f"{path}.mode", mode)
    allowed = config.get("allowedFunctionNames")
    if allowed is None:
        return
    if mode not in ("ANY", "VALIDATED"):
        yield _complaint("allowed-names-mode", f"{path}.allowed_function_names")
    if not allowed:
        yield _complaint("allowed-names-empty", f"{path}.allowed_function_names", mode)
    for name in allowed:
        if name not in declared:
            yield _complaint("allowed-names-unknown", f"{path}.allowed_function_names", name)
