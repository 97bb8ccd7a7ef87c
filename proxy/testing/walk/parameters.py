"""Every parameter of a request, or one member of it, with values that are not the default."""

from collections.abc import Mapping
from typing import Any, Final

from proxy.testing.walk.variants import MARK

WX: Final[Mapping[str, Any]] = {"type": "function", "name": "wx", "parameters": {"type": "object", "properties": {}}}
MINIMAL: Final[dict[str, Any]] = {"model": "M", "input": "ping", "tools": [dict(WX)], "tool_choice": "auto"}
SCHEMA: Final = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


def _format(kind: str, **members: object) -> dict[str, Any]:
    return {"text": {"format": {"type": kind, **members}}}


PARAMETER_VALUES: Final[list[tuple[str, dict[str, Any]]]] = [
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
        {"tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{**WX, "parameters": None}]}},
    ),
    ("tool_choice", {"tool_choice": {"type": "web_search"}}),
    ("tools", {"tools": [{**WX, "description": MARK}]}),
    ("top_logprobs", {"top_logprobs": 3}),
    ("top_p", {"top_p": 0.3}),
    ("truncation", {"truncation": "auto"}),
    ("user", {"user": MARK}),
]
"""A parameter, or one member of it, and what a request has beside `MINIMAL`."""

OF_THE_CORE: Final[Mapping[str, str]] = {
    "metadata": "kept with the response and echoed; vendors have no use for it",
    "model": "resolved to the target before anything is translated",
    "background": "decides when the client is answered; the vendor is asked in the same way",
    "store": "decides whether the response is kept here; vendors keep nothing",
    "stream": "decides how the client is answered; the vendor may be asked for another form",
    "truncation": "what it leaves out of a history is declared item by item",
}
"""Parameters that the gateway itself acts upon without telling the vendor, and how."""

INCLUDED_ANYHOW: Final[Mapping[str, str]] = {
    "reasoning.encrypted_content": "always given where there is a proof",
    "file_search_call.results": "no such items occur",
    "web_search_call.results": "always given where the vendor tells them",
    "web_search_call.action.sources": "always given where the vendor tells them",
    "message.input_image.image_url": "listed items are always whole",
    "computer_call_output.output.image_url": "no such items occur",
    "code_interpreter_call.outputs": "always given where the vendor tells them",
}
"""Values of `include` that ask for nothing, and why."""
