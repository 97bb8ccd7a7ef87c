"""Input items and their content parts: plain dictionaries whose form is described by TypedDicts.

The members are those of the newest OpenAI SDK (3.54.0); `id` and `status` are optional on input everywhere, because
histories come back with and without them. Members that may be left out may be null as well, as clients send both.
Every type of item that a server emits can be sent back.
"""

from typing import Annotated, Any, Literal, NotRequired, TypeAlias

from pydantic import BeforeValidator, Discriminator, FailFast, Field, Tag
from typing_extensions import TypedDict

from proxy.responses.content_parts import (
    AssistantContent,
    Caller,
    CallId,
    InputContent,
    LongText,
    Phase,
    Status,
    ToolOutput,
)
from proxy.responses.hosted_items import (
    ApplyPatchCall,
    ApplyPatchCallOutput,
    CodeInterpreterCall,
    ComputerCall,
    ComputerCallOutput,
    FileSearchCall,
    ImageGenerationCall,
    LocalShellCall,
    LocalShellCallOutput,
    MCPApprovalRequest,
    MCPApprovalResponse,
    MCPCall,
    MCPListTools,
    ShellCall,
    ShellCallOutput,
    WebSearchCall,
)
from proxy.responses.tools import AsyncMember, Effort, Tool

# --- messages ---------------------------------------------------------------------------------------------------------


def string_as_input_text(content: object) -> object:
    """Content given as a string is one part."""
    return [{"type": "input_text", "text": content}] if type(content) is str else content


def string_as_output_text(content: object) -> object:
    """Content of the assistant given as a string is one part."""
    return [{"type": "output_text", "text": content}] if type(content) is str else content


MessageType: TypeAlias = Annotated[Literal["message"], Field(default="message")]


class InputMessage(TypedDict):
    """A message of the user, the developer or the system."""

    type: NotRequired[MessageType]
    role: Literal["user", "system", "developer"]
    content: Annotated[list[InputContent], FailFast(), BeforeValidator(string_as_input_text)]
    id: NotRequired[str | None]
    status: NotRequired[Status | None]


class OutputMessage(TypedDict):
    """A message of the assistant."""

    type: NotRequired[MessageType]
    role: Literal["assistant"]
    content: Annotated[list[AssistantContent], FailFast(), BeforeValidator(string_as_output_text)]
    id: NotRequired[str | None]
    status: NotRequired[Status | None]
    phase: NotRequired[Phase | None]


Message: TypeAlias = InputMessage | OutputMessage


# --- functions and custom tools ---------------------------------------------------------------------------------------


class FunctionCall(AsyncMember):
    """The model calls a function; `arguments` is JSON text."""

    type: Literal["function_call"]
    call_id: CallId
    name: str
    arguments: LongText
    id: NotRequired[str | None]
    status: NotRequired[Status | None]
    namespace: NotRequired[str | None]
    caller: NotRequired[Caller | None]


class FunctionCallOutput(TypedDict):
    """What the function answered."""

    type: Literal["function_call_output"]
    call_id: CallId
    output: ToolOutput
    id: NotRequired[str | None]
    status: NotRequired[Status | None]
    name: NotRequired[str | None]
    namespace: NotRequired[str | None]
    caller: NotRequired[Caller | None]


class CustomToolCall(AsyncMember):
    """The model calls a custom tool; `input` is text."""

    type: Literal["custom_tool_call"]
    call_id: CallId
    name: str
    input: LongText
    id: NotRequired[str | None]
    status: NotRequired[Status | None]
    namespace: NotRequired[str | None]
    caller: NotRequired[Caller | None]


class CustomToolCallOutput(TypedDict):
    """What the custom tool answered."""

    type: Literal["custom_tool_call_output"]
    call_id: CallId
    output: ToolOutput
    id: NotRequired[str | None]
    status: NotRequired[Status | None]
    name: NotRequired[str | None]
    caller: NotRequired[Caller | None]


# --- reasoning, references and context --------------------------------------------------------------------------------


class SummaryText(TypedDict):
    """A paragraph of a reasoning summary."""

    type: Literal["summary_text"]
    text: LongText


class ReasoningText(TypedDict):
    """Reasoning in the model's own words."""

    type: Literal["reasoning_text"]
    text: LongText


class Reasoning(TypedDict):
    """What the model thought; `encrypted_content` is opaque to clients."""

    type: Literal["reasoning"]
    summary: list[SummaryText]
    id: NotRequired[str | None]
    content: NotRequired[list[ReasoningText] | None]
    encrypted_content: NotRequired[str | None]
    status: NotRequired[Status | None]


class ItemReference(TypedDict):
    """A stored item, named by its id."""

    type: NotRequired[Annotated[Literal["item_reference"], Field(default="item_reference")]]
    id: str


class Compaction(TypedDict):
    """A shortened history; `encrypted_content` is opaque to clients."""

    type: Literal["compaction"]
    encrypted_content: str
    id: NotRequired[str | None]


class CompactionTrigger(TypedDict):
    """The wish to shorten the history now; the last item."""

    type: Literal["compaction_trigger"]
    id: NotRequired[str | None]


class ReasoningUpdate(TypedDict):
    """A new reasoning effort."""

    effort: NotRequired[Effort | None]


class PlainTextFormat(TypedDict):
    """Answers are text."""

    type: Literal["text"]


class JSONObjectFormat(TypedDict):
    """Answers are JSON objects of any form."""

    type: Literal["json_object"]


class JSONSchemaFormat(TypedDict):
    """Answers are JSON that follows a schema."""

    type: Literal["json_schema"]
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")]
    schema: dict[str, Any]
    description: NotRequired[str | None]
    strict: NotRequired[bool | None]


#: In the order in which OpenAI's error names them.
TextFormat: TypeAlias = Annotated[JSONObjectFormat | PlainTextFormat | JSONSchemaFormat, Field(discriminator="type")]


class TextUpdate(TypedDict):
    """A new text format."""

    format: TextFormat


class ConfigurationUpdate(TypedDict):
    """Settings for the responses from here on."""

    type: Literal["configuration_update"]
    id: NotRequired[str | None]
    reasoning: NotRequired[ReasoningUpdate | None]
    text: NotRequired[TextUpdate | None]


class AdditionalTools(TypedDict):
    """Tools that exist from here on."""

    type: Literal["additional_tools"]
    role: Literal["developer"]
    tools: list[Tool]
    id: NotRequired[str | None]


class ToolSearchCall(TypedDict):
    """The search for a deferred tool."""

    type: Literal["tool_search_call"]
    arguments: Any
    id: NotRequired[str | None]
    call_id: NotRequired[str | None]
    execution: NotRequired[Literal["server", "client"] | None]
    status: NotRequired[Status | None]


class ToolSearchOutput(TypedDict):
    """The tools that were found."""

    type: Literal["tool_search_output"]
    tools: list[Tool]
    id: NotRequired[str | None]
    call_id: NotRequired[str | None]
    execution: NotRequired[Literal["server", "client"] | None]
    status: NotRequired[Status | None]


class Program(TypedDict):
    """A program of the model that calls tools."""

    type: Literal["program"]
    call_id: CallId
    code: str
    fingerprint: str
    id: NotRequired[str | None]


class ProgramOutput(TypedDict):
    """What the program answered."""

    type: Literal["program_output"]
    call_id: CallId
    result: str
    id: NotRequired[str | None]
    status: NotRequired[Literal["completed", "incomplete"] | None]


# --- the union --------------------------------------------------------------------------------------------------------

#: The roles in the order in which OpenAI's error names them, each with the kind of message that it makes.
MESSAGE_TAGS = {
    "assistant": "<output message>",
    "system": "<input message>",
    "developer": "<input message>",
    "user": "<input message>",
}

#: The types of items, in the order of OpenAI's SDK.
ITEM_TAGS = {
    name: f"<{name}>"
    for name in (
        "message",
        "file_search_call",
        "computer_call",
        "computer_call_output",
        "web_search_call",
        "function_call",
        "function_call_output",
        "tool_search_call",
        "tool_search_output",
        "additional_tools",
        "configuration_update",
        "reasoning",
        "compaction",
        "image_generation_call",
        "code_interpreter_call",
        "local_shell_call",
        "local_shell_call_output",
        "shell_call",
        "shell_call_output",
        "apply_patch_call",
        "apply_patch_call_output",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "custom_tool_call_output",
        "custom_tool_call",
        "compaction_trigger",
        "item_reference",
        "program",
        "program_output",
    )
}


def item_kind(item: object) -> str | None:
    """The tag of an item: its type, for messages by role; None if it is no item."""
    if not isinstance(item, dict):
        return None
    kind = item.get("type")
    if kind == "message" or kind is None:
        role = item.get("role")
        if isinstance(role, str):
            return MESSAGE_TAGS.get(role)
        return "<item_reference>" if kind is None and role is None and "id" in item else None
    return ITEM_TAGS.get(kind) if isinstance(kind, str) else None


InputItem: TypeAlias = Annotated[
    Annotated[InputMessage, Tag("<input message>")]
    | Annotated[OutputMessage, Tag("<output message>")]
    | Annotated[FileSearchCall, Tag("<file_search_call>")]
    | Annotated[ComputerCall, Tag("<computer_call>")]
    | Annotated[ComputerCallOutput, Tag("<computer_call_output>")]
    | Annotated[WebSearchCall, Tag("<web_search_call>")]
    | Annotated[FunctionCall, Tag("<function_call>")]
    | Annotated[FunctionCallOutput, Tag("<function_call_output>")]
    | Annotated[ToolSearchCall, Tag("<tool_search_call>")]
    | Annotated[ToolSearchOutput, Tag("<tool_search_output>")]
    | Annotated[AdditionalTools, Tag("<additional_tools>")]
    | Annotated[ConfigurationUpdate, Tag("<configuration_update>")]
    | Annotated[Reasoning, Tag("<reasoning>")]
    | Annotated[Compaction, Tag("<compaction>")]
    | Annotated[ImageGenerationCall, Tag("<image_generation_call>")]
    | Annotated[CodeInterpreterCall, Tag("<code_interpreter_call>")]
    | Annotated[LocalShellCall, Tag("<local_shell_call>")]
    | Annotated[LocalShellCallOutput, Tag("<local_shell_call_output>")]
    | Annotated[ShellCall, Tag("<shell_call>")]
    | Annotated[ShellCallOutput, Tag("<shell_call_output>")]
    | Annotated[ApplyPatchCall, Tag("<apply_patch_call>")]
    | Annotated[ApplyPatchCallOutput, Tag("<apply_patch_call_output>")]
    | Annotated[MCPListTools, Tag("<mcp_list_tools>")]
    | Annotated[MCPApprovalRequest, Tag("<mcp_approval_request>")]
    | Annotated[MCPApprovalResponse, Tag("<mcp_approval_response>")]
    | Annotated[MCPCall, Tag("<mcp_call>")]
    | Annotated[CustomToolCallOutput, Tag("<custom_tool_call_output>")]
    | Annotated[CustomToolCall, Tag("<custom_tool_call>")]
    | Annotated[CompactionTrigger, Tag("<compaction_trigger>")]
    | Annotated[ItemReference, Tag("<item_reference>")]
    | Annotated[Program, Tag("<program>")]
    | Annotated[ProgramOutput, Tag("<program_output>")],
    Discriminator(item_kind),
]
