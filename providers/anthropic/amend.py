"""What is changed in a call that the vendor refused with a 400 or 404, so that it can be tried once more.

Nothing is remembered: one client's request must not change another's.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import orjson

from providers.anthropic.lenient import Json, mapping, sequence
from providers.anthropic.messages import THINKING_TYPES
from proxy.provider.contract import Call
from proxy.provider.conversions import Conversion, approximated, dropped, ignored
from proxy.provider.errors import ProviderError

Amendment = Callable[[Json, str], list[Conversion]]
"""Changes the body in view of the vendor's message, and says what that lost; nothing: nothing could be changed."""


def amended(call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
    """The changed call and what the change lost."""
    if error.error_class != "bad_request" and error.vendor_status != 404:
        return None
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict):
        return None
    for pattern, amendment in AMENDMENTS:
        if pattern.search(error.message) and (conversions := amendment(body, error.message)):
            return replace(call, body=orjson.dumps(body)), conversions
    return None


def _without_thinking_blocks(body: Json, message: str) -> list[Conversion]:
    kept: list[object] = []
    found = False
    for entry in sequence(body.get("messages")):
        turn = mapping(entry)
        blocks = sequence(turn.get("content"))
        visible = [block for block in blocks if mapping(block).get("type") not in THINKING_TYPES]
        found = found or len(visible) < len(blocks)
        if visible or not blocks:
            kept.append(turn | {"content": visible} if blocks else turn)
    if not found:
        return []
    body["messages"] = kept
    if mapping(body.get("thinking")).get("type") == "enabled" and _ends_in_results(kept):
        # With a thinking budget the step that is still open would have to begin with its thinking.
        del body["thinking"]
    return [dropped("input", "the provider refused the reasoning of earlier turns")]


def _ends_in_results(messages: list[object]) -> bool:
    blocks = sequence(mapping(messages[-1]).get("content")) if messages else []
    return any(mapping(block).get("type") == "tool_result" for block in blocks)


def _without_strict(body: Json, message: str) -> list[Conversion]:
    strict = [tool for tool in map(mapping, sequence(body.get("tools"))) if tool.pop("strict", None)]
    return [dropped("tools.strict", "the provider finds the schemas too complex")] if strict else []


def _without_sampling(body: Json, message: str) -> list[Conversion]:
    named = [name for name in ("top_p", "temperature") if name in message and name in body]
    if re.search(r"\bboth\b", message):
        # One of them is taken.
        named = named[:1]
    for name in named:
        del body[name]
    return [dropped(name, "the provider does not take it for the model") for name in named]


def _without(name: str, path: str, reason: str = "the provider does not take it for the model") -> Amendment:
    def amendment(body: Json, message: str) -> list[Conversion]:
        return [] if body.pop(name, None) is None else [dropped(path, reason)]

    return amendment


def _without_effort(body: Json, message: str) -> list[Conversion]:
    output_config = mapping(body.get("output_config"))
    if output_config.pop("effort", None) is None:
        return []
    if not output_config:
        body.pop("output_config", None)
    return [dropped("reasoning.effort", "the provider does not take it for the model")]


def _without_system_role(body: Json, message: str) -> list[Conversion]:
    """Instructions inside the conversation as tagged text of the user's turn that they follow."""
    kept: list[object] = []
    found = False
    for entry in sequence(body.get("messages")):
        turn = mapping(entry)
        if turn.get("role") == "system" and kept:
            blocks = [mapping(block) for block in sequence(turn.get("content"))]
            told = [block | {"text": f"<system>{block.get('text')}</system>"} for block in blocks]
            last = mapping(kept[-1])
            kept[-1] = last | {"content": [*sequence(last.get("content")), *told]}
            found = True
        else:
            kept.append(turn)
    body["messages"] = kept
    return [approximated("input", "the provider takes no instructions inside the conversation")] if found else []


def _without_user(body: Json, message: str) -> list[Conversion]:
    if body.pop("metadata", None) is None:
        return []
    return [ignored("safety_identifier", "the provider is told of no end users")]


OLDER_TOOLS: Final = (
    ("web_search_2026", "web_search_20250305", "web_search"),
    ("code_execution_2026", "code_execution_20250825", "code_interpreter"),
)
"""The beginning of a newer version, the older one, and the plain name."""


def _with_older_tools(body: Json, message: str) -> list[Conversion]:
    found: str | None = None
    for tool in map(mapping, sequence(body.get("tools"))):
        for newer, older, name in OLDER_TOOLS:
            if str(tool.get("type")).startswith(newer) and newer in message:
                tool["type"] = older
                tool.pop("allowed_callers", None)
                found = name
    return [] if found is None else [approximated("tools", f"the provider has only an older version of its {found}")]


AMENDMENTS: Final[tuple[tuple[re.Pattern[str], Amendment], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), amendment)
    for pattern, amendment in (
        (r"invalid `?signature`?|thinking.{0,80}cannot be modified|bound to a different", _without_thinking_blocks),
        (
            r"\bcontainer\b.{0,80}(?:not found|expired|does not exist)",
            _without("container", "tools.container", "the container is gone; the code begins in a new one"),
        ),
        (r"(?:web_search|code_execution)_2026", _with_older_tools),
        (r"schemas? (?:is|are) too complex|compiled grammar is too large", _without_strict),
        (r"\b(?:temperature|top_p)\b", _without_sampling),
        (r"\bthinking\.type\b|\badaptive thinking\b", _without("thinking", "reasoning.effort")),
        (r"\beffort\b", _without_effort),
        (r"\bmessages\.\d+\.role\b|\brole\b.{0,40}\bsystem\b", _without_system_role),
        (r"\bmetadata\b", _without_user),
        (r"\bservice_tier\b", _without("service_tier", "service_tier")),
        (r"\bspeed\b", _without("speed", "service_tier")),
    )
)
