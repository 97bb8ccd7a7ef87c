"""Items of built-in tools: those that a server runs, and computer, shell and patches, which the client runs.

Plain dictionaries, described by TypedDicts; `id` and `status` are optional on input everywhere.
"""

from typing import Annotated, Any, Literal, NotRequired, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

from proxy.responses.content_parts import Caller, CallId, ImageURL, LongText, Status
from proxy.responses.tools import ContainerReference, LocalEnvironment

# --- run by the server ------------------------------------------------------------------------------------------------


class WebSearchSource(TypedDict):
    """A page that a search found; newer sources may be of other kinds."""

    type: str
    url: NotRequired[str | None]
    name: NotRequired[str | None]


class SearchAction(TypedDict):
    """A search."""

    type: Literal["search"]
    query: NotRequired[str | None]
    queries: NotRequired[list[str] | None]
    sources: NotRequired[list[WebSearchSource] | None]


class OpenPageAction(TypedDict):
    """A page was opened."""

    type: Literal["open_page"]
    url: NotRequired[str | None]


class FindInPageAction(TypedDict):
    """A page was searched for a text."""

    type: Literal["find_in_page"]
    url: NotRequired[str | None]
    pattern: NotRequired[str | None]


class WebSearchCall(TypedDict):
    """One step of a web search; calls of early 2025 have no action."""

    type: Literal["web_search_call"]
    id: NotRequired[str | None]
    status: NotRequired[Literal["in_progress", "searching", "completed", "failed", "incomplete"] | None]
    action: NotRequired[Annotated[SearchAction | OpenPageAction | FindInPageAction, Field(discriminator="type")] | None]


class FileSearchResult(TypedDict):
    """A passage of a file; `score` is 0..1."""

    file_id: NotRequired[str | None]
    filename: NotRequired[str | None]
    text: NotRequired[str | None]
    score: NotRequired[float | None]
    attributes: NotRequired[dict[str, str | bool | int | float] | None]
    vector_store_id: NotRequired[str | None]


class FileSearchCall(TypedDict):
    """A search in vector stores."""

    type: Literal["file_search_call"]
    queries: list[str]
    id: NotRequired[str | None]
    status: NotRequired[Literal["in_progress", "searching", "completed", "incomplete", "failed"] | None]
    results: NotRequired[list[FileSearchResult] | None]


class CodeInterpreterLogs(TypedDict):
    """What the code printed."""

    type: Literal["logs"]
    logs: str


class CodeInterpreterImage(TypedDict):
    """An image that the code made."""

    type: Literal["image"]
    url: str


class CodeInterpreterCall(TypedDict):
    """Python code that ran in a container."""

    type: Literal["code_interpreter_call"]
    id: NotRequired[str | None]
    container_id: NotRequired[str | None]
    code: NotRequired[str | None]
    outputs: NotRequired[
        list[Annotated[CodeInterpreterLogs | CodeInterpreterImage, Field(discriminator="type")]] | None
    ]
    status: NotRequired[Literal["in_progress", "interpreting", "completed", "incomplete", "failed"] | None]


class ImageGenerationCall(TypedDict):
    """An image that was made; `result` is base64."""

    type: Literal["image_generation_call"]
    id: NotRequired[str | None]
    result: NotRequired[str | None]
    status: NotRequired[Literal["in_progress", "completed", "generating", "failed"] | None]
    action: NotRequired[Literal["generate", "edit", "auto"] | None]
    background: NotRequired[Literal["transparent", "opaque", "auto"] | None]
    error: NotRequired[dict[str, Any] | None]
    output_format: NotRequired[Literal["png", "webp", "jpeg", "gif", "svg"] | None]
    quality: NotRequired[Literal["low", "medium", "high", "xhigh", "max", "auto"] | None]
    revised_prompt: NotRequired[str | None]
    size: NotRequired[str | None]
    svg_usage: NotRequired[dict[str, Any] | None]


class MCPListedTool(TypedDict):
    """A tool that an MCP server offers."""

    name: str
    input_schema: Any
    description: NotRequired[str | None]
    annotations: NotRequired[Any]


class MCPListTools(TypedDict):
    """The tools that an MCP server offers."""

    type: Literal["mcp_list_tools"]
    server_label: str
    tools: list[MCPListedTool]
    id: NotRequired[str | None]
    error: NotRequired[Any]


class MCPCall(TypedDict):
    """A call of a tool of an MCP server; `error` was a string in 2025 and is an object now."""

    type: Literal["mcp_call"]
    name: str
    server_label: str
    arguments: LongText
    id: NotRequired[str | None]
    output: NotRequired[str | None]
    error: NotRequired[Any]
    approval_request_id: NotRequired[str | None]
    status: NotRequired[Literal["in_progress", "calling", "completed", "incomplete", "failed"] | None]


class MCPApprovalRequest(TypedDict):
    """The question whether a tool may be called."""

    type: Literal["mcp_approval_request"]
    name: str
    server_label: str
    arguments: LongText
    id: NotRequired[str | None]


class MCPApprovalResponse(TypedDict):
    """The client's answer to an approval request."""

    type: Literal["mcp_approval_response"]
    approval_request_id: str
    approve: bool
    id: NotRequired[str | None]
    reason: NotRequired[str | None]


# --- run by the client ------------------------------------------------------------------------------------------------


class SafetyCheck(TypedDict):
    """A warning that a person has to acknowledge."""

    id: str
    code: NotRequired[str | None]
    message: NotRequired[str | None]


class Point(TypedDict):
    """A place on the screen, in pixels."""

    x: int
    y: int


class KeysMember(TypedDict):
    """The keys that are held down meanwhile."""

    keys: NotRequired[list[str] | None]


class Click(Point, KeysMember):
    """A click with the mouse."""

    type: Literal["click"]
    button: Literal["left", "right", "wheel", "back", "forward"]


class DoubleClick(Point, KeysMember):
    """A double click with the left button."""

    type: Literal["double_click"]


class Drag(KeysMember):
    """A drag along a path."""

    type: Literal["drag"]
    path: list[Point]


class Keypress(TypedDict):
    """Keys that are pressed together."""

    type: Literal["keypress"]
    keys: list[str]


class Move(Point, KeysMember):
    """A move of the mouse."""

    type: Literal["move"]


class Screenshot(TypedDict):
    """A wish for a screenshot."""

    type: Literal["screenshot"]


class Scroll(Point, KeysMember):
    """A turn of the wheel, in pixels."""

    type: Literal["scroll"]
    scroll_x: int
    scroll_y: int


class TypeText(TypedDict):
    """Text that is typed."""

    type: Literal["type"]
    text: str


class Wait(TypedDict):
    """A pause."""

    type: Literal["wait"]


ComputerAction: TypeAlias = Annotated[
    Click | DoubleClick | Drag | Keypress | Move | Screenshot | Scroll | TypeText | Wait, Field(discriminator="type")
]


class ComputerCall(TypedDict):
    """What the model wants done at the computer: one action (preview) or several."""

    type: Literal["computer_call"]
    call_id: CallId
    id: NotRequired[str | None]
    action: NotRequired[ComputerAction | None]
    actions: NotRequired[list[ComputerAction] | None]
    pending_safety_checks: NotRequired[list[SafetyCheck] | None]
    status: NotRequired[Status | None]


class ComputerScreenshot(TypedDict):
    """The screen after an action."""

    type: Literal["computer_screenshot"]
    image_url: NotRequired[ImageURL | None]
    file_id: NotRequired[str | None]


class ComputerCallOutput(TypedDict):
    """The answer to a computer call."""

    type: Literal["computer_call_output"]
    call_id: CallId
    output: ComputerScreenshot
    id: NotRequired[str | None]
    acknowledged_safety_checks: NotRequired[list[SafetyCheck] | None]
    status: NotRequired[Status | None]


class LocalShellAction(TypedDict):
    """A command as a list of words; `timeout_ms` is milliseconds."""

    type: Literal["exec"]
    command: list[str]
    env: NotRequired[dict[str, str] | None]
    timeout_ms: NotRequired[int | None]
    user: NotRequired[str | None]
    working_directory: NotRequired[str | None]


class LocalShellCall(TypedDict):
    """A command for the older shell."""

    type: Literal["local_shell_call"]
    call_id: CallId
    action: LocalShellAction
    id: NotRequired[str | None]
    status: NotRequired[Status | None]


class LocalShellCallOutput(TypedDict):
    """What the command printed; clients name the call by `id`, by `call_id` or by both."""

    type: Literal["local_shell_call_output"]
    output: LongText
    id: NotRequired[str | None]
    call_id: NotRequired[CallId | None]
    status: NotRequired[Status | None]


class ShellAction(TypedDict):
    """Commands; `timeout_ms` is milliseconds, `max_output_length` characters."""

    commands: list[str]
    timeout_ms: NotRequired[int | None]
    max_output_length: NotRequired[int | None]


class ShellCall(TypedDict):
    """Commands for the shell."""

    type: Literal["shell_call"]
    call_id: CallId
    action: ShellAction
    id: NotRequired[str | None]
    environment: NotRequired[Annotated[LocalEnvironment | ContainerReference, Field(discriminator="type")] | None]
    status: NotRequired[Status | None]
    caller: NotRequired[Caller | None]
    created_by: NotRequired[str | None]


class TimeoutOutcome(TypedDict):
    """The command ran out of time."""

    type: Literal["timeout"]


class ExitOutcome(TypedDict):
    """The command ended."""

    type: Literal["exit"]
    exit_code: int


class ShellOutput(TypedDict):
    """What one command printed and how it ended."""

    stdout: LongText
    stderr: LongText
    outcome: Annotated[TimeoutOutcome | ExitOutcome, Field(discriminator="type")]
    created_by: NotRequired[str | None]


class ShellCallOutput(TypedDict):
    """The answer to a shell call."""

    type: Literal["shell_call_output"]
    call_id: CallId
    output: list[ShellOutput]
    id: NotRequired[str | None]
    max_output_length: NotRequired[int | None]
    status: NotRequired[Status | None]
    caller: NotRequired[Caller | None]
    created_by: NotRequired[str | None]


class CreateFile(TypedDict):
    """A new file with the content that the diff adds."""

    type: Literal["create_file"]
    path: str
    diff: str


class UpdateFile(TypedDict):
    """A file that is changed."""

    type: Literal["update_file"]
    path: str
    diff: str


class DeleteFile(TypedDict):
    """A file that is removed."""

    type: Literal["delete_file"]
    path: str


class ApplyPatchCall(TypedDict):
    """A change to a file."""

    type: Literal["apply_patch_call"]
    call_id: CallId
    operation: Annotated[CreateFile | DeleteFile | UpdateFile, Field(discriminator="type")]
    id: NotRequired[str | None]
    status: NotRequired[Literal["in_progress", "completed"] | None]
    caller: NotRequired[Caller | None]
    created_by: NotRequired[str | None]


class ApplyPatchCallOutput(TypedDict):
    """The answer to a change."""

    type: Literal["apply_patch_call_output"]
    call_id: CallId
    status: Literal["completed", "failed"]
    output: NotRequired[str | None]
    id: NotRequired[str | None]
    caller: NotRequired[Caller | None]
    created_by: NotRequired[str | None]
