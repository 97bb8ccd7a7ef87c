"""No parameter of a request vanishes silently: it stands in the vendor's body, or is declared, or is refused, or the
gateway itself acts upon it and says why the vendor need not know."""

from typing import Any

import pytest

from proxy.provider.conversions import Conversion
from proxy.responses.request import (
    PARAMETERS,
    ImageConfig,
    PromptCacheOptions,
    ReasoningConfig,
    StreamOptions,
    TextConfig,
    parse_create,
)
from proxy.responses.response import opening
from tests.corpus.targets import DESTINATIONS, Declined, Destination, Translated, translate

EACH_DESTINATION = pytest.mark.parametrize("destination", DESTINATIONS, ids=lambda destination: destination.id)

MARK = "mark3141"
WX = {"type": "function", "name": "wx", "parameters": {"type": "object", "properties": {}}}
MINIMAL: dict[str, Any] = {"model": "M", "input": "ping", "tools": [WX], "tool_choice": "auto"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def _format(kind: str, **members: object) -> dict[str, Any]:
    return {"text": {"format": {"type": kind, **members}}}


#: A parameter, or one member of it, with values that are not the default.
PARAMETER_VALUES: list[tuple[str, dict[str, Any]]] = [
    ("access_programs", {"access_programs": {"cyber": "standard"}}),
    ("background", {"background": True}),
    ("background_options", {"background_options": {"completion_window": "2h"}}),
    ("context_management", {"context_management": [{"type": "compaction", "compact_threshold": 5000}]}),
    ("conversation", {"conversation": "conv_1"}),
    ("frequency_penalty", {"frequency_penalty": 0.5}),
    ("image.context_compression", {"image": {"context_compression": "enabled"}}),
    ("include", {"include": ["message.output_text.logprobs"]}),
    ("include", {"include": ["reasoning.encrypted_content"]}),
    ("include", {"include": ["file_search_call.results"]}),
    ("include", {"include": ["web_search_call.results"]}),
    ("include", {"include": ["web_search_call.action.sources"]}),
    ("include", {"include": ["message.input_image.image_url"]}),
    ("include", {"include": ["computer_call_output.output.image_url"]}),
    ("include", {"include": ["code_interpreter_call.outputs"]}),
    ("input", {"input": MARK}),
    ("instructions", {"instructions": MARK}),
    ("max_output_tokens", {"max_output_tokens": 3141}),
    ("max_tool_calls", {"max_tool_calls": 2}),
    ("metadata", {"metadata": {"a": "b"}}),
    ("model", {"model": "N"}),
    ("moderation", {"moderation": {"model": "omni-moderation-latest"}}),
    ("parallel_tool_calls", {"parallel_tool_calls": False}),
    ("presence_penalty", {"presence_penalty": 0.5}),
    ("previous_response_id", {"previous_response_id": "resp_1"}),
    ("prompt", {"prompt": {"id": "pmpt_1"}}),
    ("prompt_cache_key", {"prompt_cache_key": MARK}),
    ("prompt_cache_options.mode", {"prompt_cache_options": {"mode": "explicit"}}),
    ("prompt_cache_options.ttl", {"prompt_cache_options": {"ttl": "12h"}}),
    ("prompt_cache_options.comparison_response_id", {"prompt_cache_options": {"comparison_response_id": "resp_1"}}),
    ("prompt_cache_options.prewarm", {"prompt_cache_options": {"prewarm": True}}),
    ("prompt_cache_retention", {"prompt_cache_retention": "24h"}),
    *[
        ("reasoning.effort", {"reasoning": {"effort": effort}})
        for effort in ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    ],
    *[
        ("reasoning.summary", {"reasoning": {"effort": "high", "summary": summary}})
        for summary in ("auto", "concise", "detailed")
    ],
    ("reasoning.generate_summary", {"reasoning": {"effort": "high", "generate_summary": "concise"}}),
    ("reasoning.context", {"reasoning": {"context": "all_turns"}}),
    ("reasoning.context", {"reasoning": {"context": "current_turn"}}),
    ("reasoning.mode", {"reasoning": {"mode": "pro"}}),
    ("safety_identifier", {"safety_identifier": MARK}),
    *[("service_tier", {"service_tier": tier}) for tier in ("default", "fast", "flex", "priority")],
    ("store", {"store": False}),
    ("stream", {"stream": True}),
    ("stream_options.include_obfuscation", {"stream": True, "stream_options": {"include_obfuscation": True}}),
    ("temperature", {"temperature": 0.3}),
    ("temperature", {"temperature": 1.7}),
    ("text.format", _format("json_object")),
    ("text.format", _format("json_schema", name="a", schema=SCHEMA)),
    ("text.format", _format("json_schema", name="a", schema=SCHEMA, strict=True)),
    ("text.format", _format("json_schema", name="a", schema=SCHEMA, description=MARK)),
    ("text.verbosity", {"text": {"verbosity": "low"}}),
    ("text.verbosity", {"text": {"verbosity": "high"}}),
    ("tool_choice", {"tool_choice": "none"}),
    ("tool_choice", {"tool_choice": "required"}),
    ("tool_choice", {"tool_choice": {"type": "function", "name": "wx"}}),
    (
        "tool_choice",
        {"tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [WX | {"parameters": None}]}},
    ),
    ("tool_choice", {"tool_choice": {"type": "web_search"}}),
    ("tools", {"tools": [WX | {"description": MARK}]}),
    ("top_logprobs", {"top_logprobs": 3}),
    ("top_p", {"top_p": 0.3}),
    ("truncation", {"truncation": "auto"}),
    ("user", {"user": MARK}),
]

#: Parameters that the gateway itself acts upon without telling the vendor, and how.
OF_THE_CORE: dict[str, str] = {
    "metadata": "kept with the response and echoed; vendors have no use for it",
    "model": "resolved to the target before anything is translated",
    "background": "decides when the client is answered; the vendor is asked in the same way",
    "store": "decides whether the response is kept here; vendors keep nothing",
    "stream": "decides how the client is answered; the vendor may be asked for another form",
    "truncation": "what it leaves out of a history is declared item by item",
}

#: Values of `include` that ask for nothing, and why.
INCLUDED_ANYHOW: dict[str, str] = {
    "reasoning.encrypted_content": "always given where there is a proof",
    "file_search_call.results": "no such items occur",
    "web_search_call.results": "always given where the vendor tells them",
    "web_search_call.action.sources": "always given where the vendor tells them",
    "message.input_image.image_url": "listed items are always whole",
    "computer_call_output.output.image_url": "no such items occur",
    "code_interpreter_call.outputs": "always given where the vendor tells them",
}

#: A missing state is told as OpenAI tells it: without naming the parameter.
REFUSED_WITHOUT_PARAM = frozenset({"conversation", "prompt"})

#: Models that do not think unless they are told to: asking for that changes nothing.
NOT_THINKING_ANYHOW = frozenset({"claude-haiku-4-5", "claude-opus-4-5", "claude-sonnet-4-6", "claude-opus-4-8"})


@EACH_DESTINATION
@pytest.mark.parametrize(
    ("path", "values"), PARAMETER_VALUES, ids=[f"{p}={list(v.values())[-1]}" for p, v in PARAMETER_VALUES]
)
def test_parameter_does_not_vanish(path: str, values: dict[str, Any], destination: Destination) -> None:
    base = translate(MINIMAL | _context(path), destination)
    found = translate(MINIMAL | values, destination)
    assert isinstance(base, Translated)
    if isinstance(found, Declined):
        assert found.status in (400, 404)
        root = path.partition(".")[0]
        assert (found.param or "").startswith(root) or (found.param is None and path in REFUSED_WITHOUT_PARAM)
    elif not _asks_for_nothing(path, values, destination):
        assert _told(found) != _told(base) or _declared(path, found, base)


@pytest.mark.parametrize("path", ["background", "metadata", "store"])
def test_parameter_of_the_core_is_echoed(path: str) -> None:
    values = next(values for name, values in PARAMETER_VALUES if name == path)
    assert opening(parse_create(MINIMAL | values))[path] == values[path]


def test_every_parameter_is_tried() -> None:
    paths = {path for path, _ in PARAMETER_VALUES}
    assert {path.partition(".")[0] for path in paths} == PARAMETERS
    for name, config in {
        "image": ImageConfig,
        "prompt_cache_options": PromptCacheOptions,
        "reasoning": ReasoningConfig,
        "stream_options": StreamOptions,
        "text": TextConfig,
    }.items():
        assert {path.partition(".")[2] for path in paths if path.startswith(f"{name}.")} == set(config.__annotations__)


# --- what became of it ------------------------------------------------------------------------------------------------


def _context(path: str) -> dict[str, Any]:
    """What a value needs beside it and is no part of it."""
    if path in ("reasoning.summary", "reasoning.generate_summary"):
        return {"reasoning": {"effort": "high"}}
    return {"stream": True} if path.startswith("stream_options") else {}


def _asks_for_nothing(path: str, values: dict[str, Any], destination: Destination) -> bool:
    if path == "include":
        return values["include"][0] in INCLUDED_ANYHOW
    if values == {"reasoning": {"effort": "none"}}:
        return destination.model in NOT_THINKING_ANYHOW
    return path in OF_THE_CORE


def _told(translated: Translated) -> tuple[bytes, dict[str, str]]:
    """All that the vendor is told."""
    return translated.call.body, dict(translated.call.headers)


def _declared(path: str, found: Translated, base: Translated) -> list[Conversion]:
    """The conversions that name the parameter, and that the request without it does not have."""
    name = path.replace("generate_summary", "summary")
    roots = (name, name.partition(".")[0])
    return [
        conversion
        for conversion in found.conversions
        if conversion not in base.conversions and (conversion.path.startswith(name) or conversion.path in roots)
    ]
