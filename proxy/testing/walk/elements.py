"""Every element that a request can have, each in a request that has it and in the same request without it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.responses.content_parts import AssistantContent, InputContent, OutputContent
from proxy.responses.items import InputItem
from proxy.responses.tools import Tool, ToolChoiceObject
from proxy.testing.walk.variants import MARK, PNG, Json, TypeForm, Variant, alternatives, members, variants

Request = dict[str, Any]


@dataclass(frozen=True)
class Element:
    """A member of a tool, an item, a content part or the tool choice. `name` tells its type and its path there
    (`tool custom: format.definition`), `path` its place in `request`; `base` is the request without it. `whole`: the
    thing itself, without any member that may be left out."""

    group: str
    type: str
    member: str
    path: str
    request: Request
    base: Request

    @property
    def name(self) -> str:
        """The name of the type and the member."""
        return f"{self.group} {self.type}: {self.member}" if self.member else f"{self.group} {self.type}"

    @property
    def whole(self) -> bool:
        """Whether it is the thing itself."""
        return not self.member


ASK: Request = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "ping"}]}
FUNCTION: Request = {"type": "function", "name": "other", "parameters": {"type": "object", "properties": {}}}
OUTPUTS: Mapping[str, Request] = {
    "function_call": {"type": "function_call_output", "call_id": "call_1", "output": "done"},
    "custom_tool_call": {"type": "custom_tool_call_output", "call_id": "call_1", "output": "done"},
    "local_shell_call": {"type": "local_shell_call_output", "call_id": "call_1", "output": "done"},
    "shell_call": {"type": "shell_call_output", "call_id": "call_1", "output": []},
    "apply_patch_call": {"type": "apply_patch_call_output", "call_id": "call_1", "status": "completed"},
    "computer_call": {
        "type": "computer_call_output",
        "call_id": "call_1",
        "output": {"type": "computer_screenshot", "image_url": PNG},
    },
    "tool_search_call": {"type": "tool_search_output", "call_id": "call_1", "execution": "client", "tools": []},
}
"""What has to follow a call."""

CALLS: Mapping[str, Request] = {
    "function_call_output": {"type": "function_call", "call_id": "call_1", "name": "other", "arguments": "{}"},
    "custom_tool_call_output": {"type": "custom_tool_call", "call_id": "call_1", "name": "other", "input": "x"},
    "local_shell_call_output": {
        "type": "local_shell_call",
        "call_id": "call_1",
        "action": {"type": "exec", "command": ["ls"]},
    },
    "shell_call_output": {"type": "shell_call", "call_id": "call_1", "action": {"commands": ["ls"]}},
    "apply_patch_call_output": {
        "type": "apply_patch_call",
        "call_id": "call_1",
        "operation": {"type": "delete_file", "path": "p"},
    },
    "computer_call_output": {"type": "computer_call", "call_id": "call_1", "action": {"type": "screenshot"}},
    "tool_search_output": {
        "type": "tool_search_call",
        "call_id": "call_1",
        "execution": "client",
        "arguments": {"query": "q"},
    },
}
"""What has to stand before an output."""

EXPLAINED: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("tool", "code_interpreter"): {"container": {"type": "auto"}},
    ("tool", "computer_use_preview"): {"display_width": 1024, "display_height": 768},
    ("item", "computer_call"): {"action": {"type": "screenshot"}},
    ("item", "computer_call_output"): {"output": {"type": "computer_screenshot", "image_url": PNG}},
    ("item", "tool_search_call"): {"arguments": {"query": MARK}, "call_id": "call_1", "execution": "client"},
    ("item", "tool_search_output"): {"tools": [{"type": "function", "name": MARK}], "call_id": "call_1"},
    ("item", "additional_tools"): {"tools": [{"type": "function", "name": MARK}]},
    ("item", "configuration_update"): {"reasoning": {"effort": "high"}},
    ("item", "web_search_call"): {"action": {"type": "search", "query": "q", "sources": [{"type": "url", "url": "u"}]}},
}
"""What a type does not say that it needs; or what makes the smallest value of it mean something."""

CHOSEN: Mapping[str, Request] = {
    "function": {"type": "function", "name": MARK},
    "custom": {"type": "custom", "name": MARK},
    "mcp": {"type": "mcp", "server_label": MARK, "server_url": "https://example.com", "require_approval": "never"},
    "file_search": {"type": "file_search", "vector_store_ids": ["vs_1"]},
    "code_interpreter": {"type": "code_interpreter", "container": {"type": "auto"}},
    "web_search_2025_08_26": {"type": "web_search"},
    "web_search_preview_2025_03_11": {"type": "web_search_preview"},
    "computer_use": {"type": "computer"},
    "computer_use_preview": {
        "type": "computer_use_preview",
        "display_width": 1,
        "display_height": 1,
        "environment": "linux",
    },
    "allowed_tools": {"type": "function", "name": MARK},
}
"""The tool that a choice names, where its type alone does not say it."""


def elements() -> Iterator[Element]:
    """All of them."""
    for kind in alternatives(Tool):
        for variant, base in _varied("tool", kind):
            tools = [variant.value, FUNCTION]
            request = {"input": "ping", "tools": tools}
            yield _element("tool", variant, "tools[0]", request, {"input": "ping", "tools": [*base, FUNCTION]})
    for kind in alternatives(ToolChoiceObject):
        for variant, base in _varied("choice", kind):
            yield _choice(variant, base)
    for kind in alternatives(InputItem):
        for variant, base in _varied("item", kind):
            yield _item(variant, base)
    for group, union, around in (
        ("part", InputContent, ASK),
        ("assistant's part", AssistantContent, {"type": "message", "role": "assistant"}),
        ("result's part", OutputContent, None),
    ):
        for kind in alternatives(union):
            for variant, base in _varied("part", kind):
                yield _part(group, variant, base, around)


def _varied(group: str, kind: TypeForm) -> Iterator[tuple[Variant, list[Any]]]:
    """The variants of a type, and what each of them is compared with."""
    name = type_of(kind)
    added = EXPLAINED.get((group, name), {})
    for number, variant in enumerate(variants(kind)):
        if variant.path.partition(".")[0] == "tools" and (group, name) in EXPLAINED:
            continue
        own = variant.path.partition(".")[0]
        value = {**variant.value, **{member: content for member, content in added.items() if member != own}}
        first: dict[str, Any] = {**next(variants(kind)).value, **added}
        if number and value == first:
            continue
        yield Variant(variant.path, value), [first] if number else []


def type_of(kind: TypeForm) -> str:
    """The name under which a type is told apart from others."""
    hints = members(kind)
    if "role" in hints and "content" in hints:
        return "message"
    return str(next(variants(kind)).value.get("type", "item_reference"))


def _element(group: str, variant: Variant, path: str, request: Request, base: Request) -> Element:
    kind = variant.value.get("type") or "message"
    return Element(group, kind, variant.path, path, {"model": "M", **request}, {"model": "M", **base})


def _choice(variant: Variant, base: list[Any]) -> Element:
    choice = variant.value
    tool = CHOSEN.get(choice["type"], {"type": choice["type"]})
    if choice["type"] == "allowed_tools":
        choice = {**choice, "tools": [{"type": "function", "name": MARK}]}
    if choice.get("namespace"):
        tool = {"type": "namespace", "name": MARK, "description": "d", "tools": [tool]}
    tools = [tool, FUNCTION]
    request = {"input": "ping", "tools": tools, "tool_choice": choice}
    return _element("tool_choice", variant, "tool_choice", request, {"input": "ping", "tools": tools})


def _item(variant: Variant, base: list[Any]) -> Element:
    item, kind = variant.value, variant.value.get("type", "message")
    before = [ASK, *([CALLS[kind]] if kind in CALLS and item.get("call_id", "call_1") is not None else [])]
    after = [OUTPUTS[kind]] if kind in OUTPUTS else []
    if kind == "message" or kind == "reasoning":
        after = [ASK]
    path = f"input[{len(before)}]"

    def request(*items: Json) -> Request:
        return {"input": [*before, *items, *after] if items else [ASK], "tools": [FUNCTION]}

    # What a setting is changed from is another request's matter.
    compared = [] if kind == "configuration_update" else base
    return _element("item", variant, path, request(item), request(*compared))


def _part(group: str, variant: Variant, base: list[Any], around: Request | None) -> Element:
    text = {"type": "output_text" if group == "assistant's part" else "input_text", "text": "ping"}

    def request(*parts: Json) -> Request:
        if around is None:
            output = {"type": "function_call_output", "call_id": "call_1", "output": [text, *parts]}
            return {"input": [ASK, CALLS["function_call_output"], output], "tools": [FUNCTION]}
        return {"input": [ASK, {**around, "content": [text, *parts]}, ASK]}

    place = "input[2].output[1]" if around is None else "input[1].content[1]"
    return _element(group, variant, place, request(variant.value), request(*base))
