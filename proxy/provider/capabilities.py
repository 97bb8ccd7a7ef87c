"""What a model can do, as far as the core has to know it. Data: providers ship it, operators extend it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One model's abilities. The default is a modern text-and-image model with function tools.

    `image_urls`, `file_urls`: the vendor reads http(s) addresses itself; else it is given the content.
    `efforts` are the accepted values of `reasoning.effort` (None: not known, all are handed to the provider).
    `tool_name_limit` is in characters; `tool_name_starts_with_letter`: the first one has to be a letter or `_`.
    `family` is the model family inside which a reasoning proof stays valid. `custom_tools`: tools whose input is plain
    text; others get them as functions. `hosted_tools` are the tools that the vendor runs itself, by their plain names
    (`web_search`, `code_interpreter`, `mcp`, `tool_search`, ...); `hosted_with_functions`: beside the client's own.

    Of a vendor that speaks Responses itself: the types of items and of tools that it is given as the client sent them
    (`allowed_tools` among the tools: it takes that choice), and the parameters that are left to its provider although
    the gateway acts upon them for everybody else.
    """

    family: str = ""
    images: bool = True
    files: bool = True
    image_urls: bool = True
    file_urls: bool = True
    audio: bool = False
    tools: bool = True
    allowed_tools: bool = False
    custom_tools: bool = False
    hosted_tools: tuple[str, ...] = ()
    hosted_with_functions: bool = True
    native_items: tuple[str, ...] = ()
    native_tools: tuple[str, ...] = ()
    native_parameters: tuple[str, ...] = ()
    forced_tool_choice: bool = True
    tool_name_limit: int = 64
    tool_name_starts_with_letter: bool = False
    json_schema: bool = True
    json_object: bool = True
    reasoning: bool = False
    efforts: tuple[str, ...] | None = None
    sampling: bool = True
    logprobs: bool = False
    verbosity: bool = False
    context_window: int | None = None
    max_output_tokens: int | None = None


def extended(capabilities: Capabilities, changes: Mapping[str, object]) -> Capabilities:
    """The capabilities with an operator's changes from the configuration (already checked against the field types).
    What a provider's code has to do itself can be taken away and not added: custom and hosted tools, what is native."""
    if not changes:
        return capabilities
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()}
    if not capabilities.custom_tools:
        values.pop("custom_tools", None)
    for member in ("hosted_tools", "native_items", "native_tools", "native_parameters"):
        wanted = values.get(member)
        if isinstance(wanted, tuple):
            values[member] = tuple(name for name in getattr(capabilities, member) if name in wanted)
    return replace(capabilities, **values)  # type: ignore[arg-type] # checked by the loader against these very fields
