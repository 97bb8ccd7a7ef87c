"""The features of the capability table: a small request each, and whose doing it is where nothing of it is lost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.provider.capabilities import Capabilities
from proxy.testing.requests import PDF, PNG

Item = dict[str, Any]

WAV: Final = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA="
SCHEMA: Final = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FUNCTION: Final[Item] = {"type": "function", "name": "wx", "description": "The weather", "parameters": SCHEMA}
OTHER: Final[Item] = {**FUNCTION, "name": "tides"}
GRAMMAR: Final = {"type": "grammar", "syntax": "regex", "definition": "[a-z]+"}
USER: Final[Item] = {"role": "user", "content": "Oslo?"}
SAID: Final[Item] = {"role": "assistant", "content": "Cold."}

Native = Callable[[Capabilities], bool]


def never(able: Capabilities) -> bool:
    """It is always the gateway's doing."""
    return False


def always(able: Capabilities) -> bool:
    """It is always the vendor's doing."""
    return True


@dataclass(frozen=True, slots=True)
class Feature:
    """One row. `request` is what it takes beyond `base`; None: it is the gateway's business alone. `native`: whether a
    model has it itself, where nothing is lost; else the gateway does it."""

    title: str
    request: Mapping[str, Any] | None
    base: Mapping[str, Any]
    native: Native = always


def _user(*parts: Item) -> Mapping[str, Any]:
    return {"input": [{"role": "user", "content": [{"type": "input_text", "text": "What is it?"}, *parts]}]}


def _calls(*outputs: object) -> list[Item]:
    ids = [f"call_{number}" for number, _ in enumerate(outputs)]
    return [
        USER,
        *({"type": "function_call", "call_id": name, "name": "wx", "arguments": '{"city":"Oslo"}'} for name in ids),
        *(
            {"type": "function_call_output", "call_id": name, "output": output}
            for name, output in zip(ids, outputs, strict=True)
        ),
    ]


def _tool(tool: Item, **more: object) -> Mapping[str, Any]:
    return {"tools": [FUNCTION, tool], **more}


def _format(kind: str, **members: object) -> Mapping[str, Any]:
    return {"text": {"format": {"type": kind, **members}}, "input": "The city as JSON"}


def _own_tool(name: str) -> Native:
    return lambda able: name in able.native_tools


def _images(able: Capabilities) -> bool:
    return not able.images or able.image_urls


IMAGE: Final[Item] = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
FILE: Final[Item] = {
    "type": "input_file",
    "filename": "a.pdf",
    "file_data": f"data:application/pdf;base64,{PDF}",
}
PLAIN: Final[Mapping[str, Any]] = {"input": "ping"}
TOOLS: Final[Mapping[str, Any]] = {"input": "ping", "tools": [FUNCTION, OTHER]}
CALLED: Final[Mapping[str, Any]] = {"tools": [FUNCTION], "input": _calls("4 C")}


def _of(base: Mapping[str, Any], title: str, native: Native = always, **members: Any) -> Feature:
    return Feature(title, {**base, **members}, base, native)


FEATURES: Final[tuple[Feature, ...]] = (
    _of(PLAIN, "text"),
    _of(PLAIN, "`instructions`", instructions="Be brief"),
    _of(PLAIN, "system or developer message at the beginning", input=[{"role": "developer", "content": "x"}, USER]),
    _of(PLAIN, "the same inside the conversation", input=[USER, SAID, {"role": "developer", "content": "x"}, USER]),
    _of(PLAIN, "several turns", input=[USER, SAID, USER]),
    _of(PLAIN, "answer that begins as given (prefill)", input=[USER, SAID]),
    _of(PLAIN, "image by URL", _images, **_user({**IMAGE, "image_url": "https://example.com/a.png"})),
    _of(PLAIN, "image", **_user(IMAGE)),
    _of(PLAIN, "file (PDF)", **_user(FILE)),
    _of(PLAIN, "audio", **_user({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}})),
    _of(PLAIN, "function tools", tools=[FUNCTION]),
    _of(TOOLS, "strict function schema", tools=[{**FUNCTION, "strict": True}, OTHER]),
    _of(TOOLS, "custom tool (free text)", **_tool({"type": "custom", "name": "note"})),
    _of(TOOLS, "custom tool with a grammar", **_tool({"type": "custom", "name": "note", "format": GRAMMAR})),
    _of(
        TOOLS,
        "namespace of tools",
        _own_tool("namespace"),
        **_tool({"type": "namespace", "name": "ns", "description": "More", "tools": [OTHER]}),
    ),
    _of(
        TOOLS,
        "`additional_tools`",
        lambda able: "additional_tools" in able.native_items,
        input=[{"type": "additional_tools", "role": "developer", "tools": [OTHER]}, USER],
    ),
    _of(TOOLS, "`parallel_tool_calls: false`", parallel_tool_calls=False),
    _of(TOOLS, "`tool_choice: none`", tool_choice="none"),
    _of(TOOLS, "`tool_choice: required`", tool_choice="required"),
    _of(TOOLS, "`tool_choice` of one function", tool_choice={"type": "function", "name": "wx"}),
    _of(
        TOOLS,
        "`tool_choice: allowed_tools`",
        lambda able: able.allowed_tools or "allowed_tools" in able.native_tools,
        tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "wx"}]},
    ),
    _of(CALLED, "several calls in one turn", input=_calls("4 C", "5 C")),
    _of(CALLED, "tool output with an image", input=_calls([IMAGE])),
    _of(CALLED, "tool output with a file", input=_calls([FILE])),
    _of(PLAIN, "`json_object`", **_format("json_object")),
    _of(PLAIN, "`json_schema`", **_format("json_schema", name="city", schema=SCHEMA, strict=True)),
    _of(PLAIN, "`reasoning.effort`", reasoning={"effort": "high"}),
    Feature(
        "`reasoning.summary`",
        {"input": "ping", "reasoning": {"effort": "high", "summary": "auto"}},
        {"input": "ping", "reasoning": {"effort": "high"}},
    ),
    _of(TOOLS, "`web_search`", **_tool({"type": "web_search"})),
    _of(TOOLS, "`code_interpreter`", **_tool({"type": "code_interpreter", "container": {"type": "auto"}})),
    _of(TOOLS, "`file_search`", **_tool({"type": "file_search", "vector_store_ids": ["vs_1"]})),
    _of(
        TOOLS,
        "`mcp`",
        **_tool(
            {"type": "mcp", "server_label": "s", "server_url": "https://mcp.example.com", "require_approval": "never"}
        ),
    ),
    _of(TOOLS, "`image_generation`", **_tool({"type": "image_generation"})),
    _of(
        TOOLS,
        "`computer`",
        **_tool({"type": "computer_use_preview", "display_width": 9, "display_height": 9, "environment": "linux"}),
    ),
    _of(TOOLS, "`shell`", **_tool({"type": "shell"})),
    _of(TOOLS, "`apply_patch`", **_tool({"type": "apply_patch"})),
    _of(TOOLS, "`tool_search`", **_tool({"type": "tool_search"})),
    _of(PLAIN, "`temperature`, `top_p`", temperature=0.5, top_p=0.9),
    _of(PLAIN, "`max_output_tokens`", max_output_tokens=2000),
    _of(PLAIN, "`top_logprobs`", top_logprobs=2, include=["message.output_text.logprobs"]),
    _of(PLAIN, "`text.verbosity`", text={"verbosity": "low"}),
    _of(PLAIN, "`service_tier: flex`", service_tier="flex"),
    _of(PLAIN, "`prompt_cache_key`", prompt_cache_key="a"),
    _of(
        PLAIN,
        "cache breakpoints",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
                    {"type": "input_text", "text": "b"},
                ],
            }
        ],
    ),
    _of(PLAIN, "`safety_identifier`", safety_identifier="someone"),
    _of(PLAIN, "`metadata`", never, metadata={"a": "b"}),
    Feature("`store`, `background`, `conversation`, `previous_response_id`", None, PLAIN, never),
    Feature("`truncation: auto`, prompt templates, compaction", None, PLAIN, never),
)
