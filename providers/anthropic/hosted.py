"""Tools that Anthropic runs itself -> the items of OpenAI's hosted tools."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from providers.anthropic.lenient import Json, mapping, sequence, text
from proxy.responses.events import Hosted, HostedPhase, Key

WEB: Final = "web_search_call"
CODE: Final = "code_interpreter_call"

KINDS: Final[Mapping[str, str]] = {
    "web_search": WEB,
    "web_fetch": WEB,
    "code_execution": CODE,
    "bash_code_execution": CODE,
    "text_editor_code_execution": CODE,
}
"""The item for each server tool; others (tool search, advisor) show nothing."""

RESULTS: Final = tuple(f"{name}_tool_result" for name in KINDS)

WORKING: Final[Mapping[str, HostedPhase]] = {WEB: "searching", CODE: "interpreting"}


@dataclass(slots=True)
class ServerCall:
    """A call under way; `fields` are the item's members known so far."""

    key: Key
    kind: str
    name: str
    fields: dict[str, object] = field(default_factory=dict)


def asked(call: ServerCall, whole: Json, fragments: str, container: str) -> Hosted:
    """The input is complete: it came whole, or in fragments."""
    arguments = whole
    if fragments:
        try:
            arguments = mapping(orjson.loads(fragments))
        except orjson.JSONDecodeError:
            arguments = whole
    call.fields.update(_INPUTS[call.name](arguments))
    if call.kind == CODE:
        call.fields["container_id"] = container
    return Hosted(call.key, call.kind, WORKING[call.kind], dict(call.fields))


def answered(call: ServerCall, content: object, container: str) -> Hosted:
    """The result is there."""
    failed = text(mapping(content).get("type")).endswith("_error")
    if call.kind == CODE:
        call.fields["container_id"] = container or call.fields.get("container_id", "")
        call.fields["outputs"] = _logs(mapping(content))
    elif call.name == "web_search":
        action = mapping(call.fields.get("action"))
        call.fields["action"] = action | {"sources": _sources(content)}
    return Hosted(call.key, call.kind, "failed" if failed else "completed", dict(call.fields))


def _search(arguments: Json) -> dict[str, object]:
    query = text(arguments.get("query"))
    return {"action": {"type": "search", "query": query, "queries": [query], "sources": []}}


def _fetch(arguments: Json) -> dict[str, object]:
    return {"action": {"type": "open_page", "url": text(arguments.get("url"))}}


def _code(arguments: Json) -> dict[str, object]:
    return {"code": text(arguments.get("code")) or text(arguments.get("command"))}


_INPUTS: Final[Mapping[str, Callable[[Json], dict[str, object]]]] = {
    "web_search": _search,
    "web_fetch": _fetch,
    "code_execution": _code,
    "bash_code_execution": _code,
    "text_editor_code_execution": _code,
}


def _sources(content: object) -> list[dict[str, object]]:
    addresses = (text(mapping(result).get("url")) for result in sequence(content))
    return [{"type": "url", "url": address} for address in addresses if address]


def _logs(content: Json) -> list[dict[str, object]]:
    logs = text(content.get("stdout")) + text(content.get("stderr")) + text(content.get("error_code"))
    return [{"type": "logs", "logs": logs}] if logs else []
