"""The values of Anthropic's Messages API: which members each has and of which kind. Everything else is refused, as the
vendor refuses what it does not know.

Source: the types of the `anthropic` package, 2.12.0, with the beta ones of the MCP connector.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

Kind: TypeAlias = str
"""A JSON kind, the name of another value, or one of both with `*` behind it for a list; `'a','b'` for the texts that
may stand there; several of them with `|` between. `!` in front: the member must be there. Null counts as absent."""

Fault: TypeAlias = tuple[str, str, str]
"""(rule, path, detail)."""

_CACHED: Final = {"type": "!string", "cache_control": "cache_control"}
_CALLERS: Final = "'direct','code_execution_20250825','code_execution_20260120','code_execution_20260521'"
_RESULT: Final = {**_CACHED, "tool_use_id": "!string"}
_TOOL: Final = {
    **_CACHED,
    "name": "!string",
    "allowed_callers": f"{_CALLERS}*",
    "defer_loading": "boolean",
    "strict": "boolean",
}
_WEB_TOOL: Final = {
    **_TOOL,
    "allowed_domains": "string*",
    "blocked_domains": "string*",
    "max_uses": "integer",
}
_WEB_SEARCH: Final = {**_WEB_TOOL, "user_location": "user_location"}
_WEB_FETCH: Final = {
    **_WEB_TOOL,
    "citations": "citations_config",
    "max_content_tokens": "integer",
    "url_sources": "object",
}
_INCLUSION: Final = {"response_inclusion": "'full','excluded'"}
_USE: Final = {**_CACHED, "id": "!string", "name": "!string", "input": "!object"}
_LOCATION: Final = {"type": "!string", "cited_text": "!string"}
_IN_DOCUMENT: Final = {**_LOCATION, "document_index": "!integer", "document_title": "string"}
_OUTPUT: Final = {"type": "!string", "return_code": "!integer", "stderr": "!string"}

SHAPES: Final[Mapping[str, Mapping[str, Kind]]] = {
    "request": {
        "model": "!string",
        "max_tokens": "!integer",
        "messages": "!message*",
        "system": "string|text*",
        "cache_control": "cache_control",
        "container": "string|container",
        "diagnostics": "object",
        "inference_geo": "string",
        "mcp_servers": "mcp_server*",
        "metadata": "metadata",
        "output_config": "output_config",
        "service_tier": "'auto','standard_only'",
        "speed": "'fast','standard'",
        "stop_sequences": "string*",
        "stream": "boolean",
        "temperature": "number",
        "thinking": "thinking_config",
        "tool_choice": "tool_choice",
        "tools": "tool*",
        "top_k": "integer",
        "top_p": "number",
    },
    "cache_control": {"type": "!'ephemeral'", "ttl": "'5m','1h'"},
    "container": {"id": "string", "skills": "object*"},
    "metadata": {"user_id": "string"},
    "output_config": {"effort": "'low','medium','high','xhigh','max'", "format": "format"},
    "format": {"type": "!'json_schema'", "schema": "!object"},
    "mcp_server": {"type": "!'url'", "name": "!string", "url": "!string", "authorization_token": "string"},
    "citations_config": {"enabled": "boolean"},
    "user_location": {
        "type": "!'approximate'",
        "city": "string",
        "country": "string",
        "region": "string",
        "timezone": "string",
    },
    "toggles": {"enabled": "boolean", "defer_loading": "boolean"},
    # thinking, tool_choice
    "enabled": {"type": "!string", "budget_tokens": "!integer", "display": "'summarized','omitted'"},
    "adaptive": {"type": "!string", "display": "'summarized','omitted'"},
    "disabled": {"type": "!string"},
    "between_tools": {"type": "!string"},
    "auto": {"type": "!string", "disable_parallel_tool_use": "boolean"},
    "any": {"type": "!string", "disable_parallel_tool_use": "boolean"},
    "named": {"type": "!string", "name": "!string", "disable_parallel_tool_use": "boolean"},
    "none": {"type": "!string"},
    # messages
    "user": {"role": "!string", "content": "!string|block*"},
    "assistant": {"role": "!string", "content": "!string|block*"},
    "system": {"role": "!string", "content": "!string|text*"},
    # blocks
    "text": {**_CACHED, "text": "!string", "citations": "citation*"},
    "image": {**_CACHED, "source": "!image_source"},
    "document": {
        **_CACHED,
        "source": "!document_source",
        "citations": "citations_config",
        "context": "string",
        "title": "string",
    },
    "search_result": {
        **_CACHED,
        "content": "!text*",
        "source": "!string",
        "title": "!string",
        "citations": "citations_config",
    },
    "thinking": {"type": "!string", "thinking": "!string", "signature": "!string"},
    "redacted_thinking": {"type": "!string", "data": "!string"},
    "tool_use": {**_USE, "caller": "object"},
    "tool_result": {**_RESULT, "content": "string|block*", "is_error": "boolean"},
    "tool_reference": {**_CACHED, "tool_name": "!string"},
    "server_tool_use": {**_USE, "caller": "object"},
    "web_search_tool_result": {**_RESULT, "content": "!search_results", "caller": "object"},
    "web_fetch_tool_result": {**_RESULT, "content": "!server_result", "caller": "object"},
    "code_execution_tool_result": {**_RESULT, "content": "!server_result"},
    "bash_code_execution_tool_result": {**_RESULT, "content": "!server_result"},
    "text_editor_code_execution_tool_result": {**_RESULT, "content": "!server_result"},
    "tool_search_tool_result": {**_RESULT, "content": "!server_result"},
    "container_upload": {**_CACHED, "file_id": "!string"},
    "mcp_tool_use": {**_USE, "server_name": "!string"},
    "mcp_tool_result": {**_RESULT, "content": "string|text*", "is_error": "boolean"},
    # sources
    "base64": {"type": "!string", "media_type": "!string", "data": "!bytes"},
    "url": {"type": "!string", "url": "!string"},
    "file": {"type": "!string", "file_id": "!string"},
    "plain": {"type": "!string", "media_type": "!'text/plain'", "data": "!string"},
    "content": {"type": "!string", "content": "!string|block*"},
    # citations
    "char_location": {**_IN_DOCUMENT, "start_char_index": "!integer", "end_char_index": "!integer"},
    "page_location": {**_IN_DOCUMENT, "start_page_number": "!integer", "end_page_number": "!integer"},
    "content_block_location": {**_IN_DOCUMENT, "start_block_index": "!integer", "end_block_index": "!integer"},
    "web_search_result_location": {
        **_LOCATION,
        "encrypted_index": "!string",
        "title": "string",
        "url": "!string",
    },
    "search_result_location": {
        **_LOCATION,
        "end_block_index": "!integer",
        "search_result_index": "!integer",
        "source": "!string",
        "start_block_index": "!integer",
        "title": "string",
    },
    # results of server tools
    "web_search_result": {
        "type": "!string",
        "encrypted_content": "!string",
        "title": "!string",
        "url": "!string",
        "page_age": "string",
    },
    "web_fetch_result": {"type": "!string", "content": "!block", "url": "!string", "retrieved_at": "string"},
    "code_execution_result": {**_OUTPUT, "stdout": "!string", "content": "!object*"},
    "encrypted_code_execution_result": {**_OUTPUT, "encrypted_stdout": "!string", "content": "!object*"},
    "bash_code_execution_result": {**_OUTPUT, "stdout": "!string", "content": "!object*"},
    "text_editor_code_execution_view_result": {
        "type": "!string",
        "content": "!string",
        "file_type": "!'text','image','pdf'",
        "num_lines": "integer",
        "start_line": "integer",
        "total_lines": "integer",
    },
    "text_editor_code_execution_create_result": {"type": "!string", "is_file_update": "!boolean"},
    "text_editor_code_execution_str_replace_result": {
        "type": "!string",
        "lines": "string*",
        "new_lines": "integer",
        "new_start": "integer",
        "old_lines": "integer",
        "old_start": "integer",
    },
    "tool_search_tool_search_result": {"type": "!string", "tool_references": "!block*"},
    "error": {"type": "!string", "error_code": "!string", "error_message": "string"},
    # tools
    "custom": {
        **_TOOL,
        "type": "string",
        "description": "string",
        "eager_input_streaming": "boolean",
        "input_examples": "object*",
        "input_schema": "!object",
    },
    "code_execution": _TOOL,
    "tool_search": _TOOL,
    "web_search_20250305": _WEB_SEARCH,
    "web_search_20260209": _WEB_SEARCH,
    "web_search_20260318": {**_WEB_SEARCH, **_INCLUSION},
    "web_fetch_20250910": _WEB_FETCH,
    "web_fetch_20260209": _WEB_FETCH,
    "web_fetch_20260309": {**_WEB_FETCH, "use_cache": "boolean"},
    "web_fetch_20260318": {**_WEB_FETCH, **_INCLUSION, "use_cache": "boolean"},
    "mcp_toolset": {
        **_CACHED,
        "mcp_server_name": "!string",
        "configs": "object",
        "default_config": "toggles",
        "tools": "object*",
    },
}

BLOCKS: Final = (
    "text",
    "image",
    "document",
    "search_result",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "tool_result",
    "tool_reference",
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "container_upload",
    "mcp_tool_use",
    "mcp_tool_result",
)

_RESULT_FORMS: Final = (
    "web_fetch_result",
    "code_execution_result",
    "encrypted_code_execution_result",
    "bash_code_execution_result",
    "text_editor_code_execution_view_result",
    "text_editor_code_execution_create_result",
    "text_editor_code_execution_str_replace_result",
    "tool_search_tool_search_result",
)
_ERRORS: Final = (
    "web_search_tool_result_error",
    "web_fetch_tool_result_error",
    "code_execution_tool_result_error",
    "bash_code_execution_tool_result_error",
    "text_editor_code_execution_tool_result_error",
    "tool_search_tool_result_error",
)


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


UNIONS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "message": ("role", _same("user", "assistant", "system")),
    "block": ("type", _same(*BLOCKS)),
    "citation": (
        "type",
        _same(
            "char_location",
            "page_location",
            "content_block_location",
            "web_search_result_location",
            "search_result_location",
        ),
    ),
    "image_source": ("type", _same("base64", "url", "file")),
    "document_source": ("type", {**_same("base64", "url", "file", "content"), "text": "plain"}),
    "thinking_config": ("type", _same("enabled", "adaptive", "disabled", "between_tools")),
    "tool_choice": ("type", {**_same("auto", "any", "none"), "tool": "named"}),
    "server_result": ("type", {**_same(*_RESULT_FORMS), **dict.fromkeys(_ERRORS, "error")}),
    "tool": (
        "type",
        {
            **_same("custom", "mcp_toolset"),
            **_same("web_search_20250305", "web_search_20260209", "web_search_20260318"),
            **_same("web_fetch_20250910", "web_fetch_20260209", "web_fetch_20260309", "web_fetch_20260318"),
            **dict.fromkeys(
                (f"code_execution_{day}" for day in ("20250522", "20250825", "20260120", "20260521")), "code_execution"
            ),
            "tool_search_tool_bm25_20251119": "tool_search",
            "tool_search_tool_regex_20251119": "tool_search",
        },
    ),
}
"""Values that are one of several: the member that tells which, and the value for each of its texts."""

_DEFAULT_TAGS: Final = {"tool": "custom"}
_WORDS: Final = {
    "string": "a valid string",
    "integer": "a valid integer",
    "number": "a valid number",
    "boolean": "a valid boolean",
    "object": "a valid dictionary",
    "bytes": "valid base64",
}
_TAGGED: Final = ("block", "tool", "image_source", "document_source")
"""Unions whose tags stand in the paths of errors."""


def faults(value: Any, kind: Kind = "request", path: str = "") -> Iterator[Fault]:
    """What does not fit."""
    options = kind.split("|")
    if len(options) > 1:
        # A text, or a list of values.
        kind = options[0] if isinstance(value, str) else options[1]
    if kind == "search_results":
        yield from _search_results(value, path)
    elif kind.endswith("*"):
        if not isinstance(value, list):
            yield "wrong-kind", path, "a valid list"
            return
        for index, entry in enumerate(value):
            yield from faults(entry, kind[:-1], f"{path}.{index}")
    elif kind in UNIONS:
        yield from _union_faults(value, kind, path)
    elif kind in SHAPES:
        yield from _members(value, SHAPES[kind], path)
    elif kind.startswith("'"):
        if not isinstance(value, str) or f"'{value}'" not in kind.split(","):
            yield "wrong-kind", path, kind.replace(",", " or ")
    elif not _is(value, kind):
        yield "wrong-kind", path, _WORDS[kind]


def _union_faults(value: Any, kind: Kind, path: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield "wrong-kind", path, "a valid dictionary or object"
        return
    member, shapes = UNIONS[kind]
    tag = value.get(member) or _DEFAULT_TAGS.get(kind)
    if tag is None:
        yield "required", f"{path}.{member}", ""
    elif not isinstance(tag, str) or tag not in shapes:
        yield "unknown-tag", path, str(tag)
    else:
        yield from _members(value, SHAPES[shapes[tag]], f"{path}.{tag}" if kind in _TAGGED else path)


def _members(value: Any, shape: Mapping[str, Kind], path: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield "wrong-kind", path, "a valid dictionary"
        return
    for name, entry in value.items():
        below = f"{path}.{name}" if path else name
        if name not in shape:
            yield "unknown-member", below, ""
        elif entry is not None:
            yield from faults(entry, shape[name].removeprefix("!"), below)
    for name, kind in shape.items():
        if kind.startswith("!") and value.get(name) is None:
            yield "required", f"{path}.{name}" if path else name, ""


def _search_results(value: Any, path: str) -> Iterator[Fault]:
    """A list of results, or one error."""
    if isinstance(value, dict):
        yield from _members(value, SHAPES["error"], path)
        return
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        yield from _members(entry, SHAPES["web_search_result"], f"{path}.{index}")
    if not isinstance(value, list):
        yield "wrong-kind", path, "a valid list"


def _is(value: object, kind: Kind) -> bool:
    if kind == "bytes":
        return isinstance(value, str) and _is_base64(value)
    if isinstance(value, bool):
        return kind == "boolean"
    kinds: Mapping[str, tuple[type, ...]] = {
        "string": (str,),
        "object": (dict,),
        "integer": (int,),
        "number": (int, float),
        "boolean": (),
    }
    return isinstance(value, kinds[kind])


_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def _is_base64(text: str) -> bool:
    """Whether the text is padded base64 in the usual alphabet, and not empty."""
    if not text or not _BASE64.fullmatch(text):
        return False
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True
