"""The elements of a request, by name: what metrics and logs call the place of a conversion.

A path may hold names that a client made up (the properties of a schema). So what is counted and logged is the beginning
of the path up to there, and every word of it comes from the table.
"""

import re
from typing import Final

ELEMENTS: Final = frozenset(
    {
        "access_programs",
        "background_options",
        "context_management",
        "frequency_penalty",
        "image",
        "include",
        "input",
        "input.action",
        "input.arguments",
        "input.content",
        "input.content.detail",
        "input.content.file_data",
        "input.content.file_id",
        "input.content.file_url",
        "input.content.filename",
        "input.content.image_url",
        "input.content.input_audio",
        "input.content.input_audio.format",
        "input.content.prompt_cache_breakpoint",
        "input.encrypted_content",
        "input.name",
        "input.namespace",
        "input.output",
        "input.output.detail",
        "input.output.file_data",
        "input.output.file_url",
        "input.output.filename",
        "input.output.image_url",
        "input.phase",
        "input.reasoning",
        "input.reasoning.effort",
        "input.summary",
        "input.text",
        "input.text.format",
        "input.text.verbosity",
        "input.tools",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "moderation",
        "parallel_tool_calls",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_options.mode",
        "prompt_cache_options.ttl",
        "prompt_cache_retention",
        "reasoning",
        "reasoning.context",
        "reasoning.effort",
        "reasoning.generate_summary",
        "reasoning.mode",
        "reasoning.summary",
        "safety_identifier",
        "service_tier",
        "stream_options",
        "stream_options.include_obfuscation",
        "temperature",
        "text",
        "text.format",
        "text.format.description",
        "text.format.name",
        "text.format.schema",
        "text.format.strict",
        "text.verbosity",
        "tool_choice",
        "tools",
        "tools.action",
        "tools.allowed_callers",
        "tools.allowed_tools",
        "tools.async",
        "tools.authorization",
        "tools.background",
        "tools.complexity",
        "tools.connector_id",
        "tools.container",
        "tools.container.file_ids",
        "tools.container.memory_limit",
        "tools.container.network_policy",
        "tools.defer_loading",
        "tools.description",
        "tools.external_web_access",
        "tools.filters",
        "tools.format",
        "tools.frame_count",
        "tools.frame_duration_ms",
        "tools.headers",
        "tools.input_fidelity",
        "tools.input_image_mask",
        "tools.model",
        "tools.moderation",
        "tools.name",
        "tools.output_compression",
        "tools.output_format",
        "tools.output_schema",
        "tools.parameters",
        "tools.partial_images",
        "tools.quality",
        "tools.ranking_options",
        "tools.require_approval",
        "tools.return_token_budget",
        "tools.search_content_types",
        "tools.search_context_size",
        "tools.server_description",
        "tools.server_label",
        "tools.server_url",
        "tools.size",
        "tools.strict",
        "tools.svg",
        "tools.tunnel_id",
        "tools.user_location",
        "tools.vector_store_ids",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    }
)
"""The values of the label `element`; anything else counts as its longest beginning that stands here, or as `other`."""

OTHER: Final = "other"

_INDEXES: Final = re.compile(r"(\[[0-9]{1,9}\])*$")
_FROM_STATE: Final = "history"


def element_of(path: str) -> str:
    """The element that a path leads to or into."""
    words: list[str] = []
    found = OTHER
    for segment in path.split("."):
        words.append(_INDEXES.sub("", segment))
        if words == [_FROM_STATE]:
            # What comes from state was input once.
            words = ["input"]
        known = ".".join(words)
        if known in ELEMENTS:
            found = known
        elif known not in _BEGINNINGS:
            break
    return found


def known_path(path: str) -> str:
    """The path, indexes included, as far as it consists of known words."""
    words: list[str] = []
    shown: list[str] = []
    for segment in path.split("."):
        words.append(_INDEXES.sub("", segment))
        if words == [_FROM_STATE]:
            words = ["input"]
        if ".".join(words) not in _BEGINNINGS:
            break
        shown.append(segment)
    return ".".join(shown) or OTHER


_BEGINNINGS: Final = frozenset(
    ".".join(words[: count + 1]) for words in (name.split(".") for name in ELEMENTS) for count in range(len(words))
)
