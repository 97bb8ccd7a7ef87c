"""Tools and tool_choice of a request: plain dictionaries whose form is described by TypedDicts.

The members are those of the newest OpenAI SDK (3.54.0). Members that may be left out may be null as well, as clients
send both. What is accepted here is what OpenAI accepts; what can be served is decided later.
"""

from typing import Annotated, Any, Literal, NotRequired, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag
from typing_extensions import TypedDict

JSONObject: TypeAlias = dict[str, Any]

#: The name of a function, a custom tool or a namespace, in characters; no pattern, as vendors differ and OpenAI's own
#: clients send dots.
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]

AllowedCallers: TypeAlias = list[Literal["direct", "programmatic"]]
Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

#: The tags of unions which are told apart by JSON type; in angle brackets, as no member is called so.
KIND_TAGS = {str: "<string>", list: "<array>", dict: "<object>", bool: "<boolean>", int: "<number>", float: "<number>"}


def json_kind(value: object) -> str:
    """The tag of a value in a union of JSON types."""
    return KIND_TAGS.get(type(value), "<null>")


class AsyncMember(TypedDict("AsyncMember", {"async": NotRequired[bool | None]})):
    """The member `async`, whose name is a keyword of Python."""


# --- functions and custom tools: the client runs them -----------------------------------------------------------------


class FunctionTool(AsyncMember):
    """A function of the client; `parameters` is a JSON Schema."""

    type: Literal["function"]
    name: Name
    description: NotRequired[str | None]
    parameters: NotRequired[JSONObject | None]
    strict: NotRequired[bool | None]
    output_schema: NotRequired[JSONObject | None]
    defer_loading: NotRequired[bool | None]
    allowed_callers: NotRequired[AllowedCallers | None]


class CustomTextFormat(TypedDict):
    """Any text as the input of a custom tool."""

    type: Literal["text"]


class CustomGrammarFormat(TypedDict):
    """The input of a custom tool follows a grammar."""

    type: Literal["grammar"]
    syntax: Literal["lark", "regex"]
    definition: str


CustomToolFormat: TypeAlias = Annotated[CustomTextFormat | CustomGrammarFormat, Field(discriminator="type")]


class CustomTool(AsyncMember):
    """A tool of the client whose input is text instead of JSON."""

    type: Literal["custom"]
    name: Name
    description: NotRequired[str | None]
    format: NotRequired[CustomToolFormat | None]
    defer_loading: NotRequired[bool | None]
    allowed_callers: NotRequired[AllowedCallers | None]


class NamespaceTool(TypedDict):
    """A named group of tools; a call to one of them carries the group's name as `namespace`."""

    type: Literal["namespace"]
    name: Name
    description: NotRequired[str | None]
    tools: list[Annotated[FunctionTool | CustomTool, Field(discriminator="type")]]


class ToolSearchTool(TypedDict):
    """The search for deferred tools, run by the server or by the client."""

    type: Literal["tool_search"]
    description: NotRequired[str | None]
    execution: NotRequired[Literal["server", "client"] | None]
    parameters: NotRequired[Any]


# --- file search ------------------------------------------------------------------------------------------------------


class ComparisonFilter(TypedDict):
    """One attribute of a file compared with a value."""

    type: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]
    key: str
    value: str | bool | int | float | list[str | int | float]


class CompoundFilter(TypedDict):
    """Filters joined by and / or; they nest."""

    type: Literal["and", "or"]
    filters: "list[FileSearchFilter]"


FileSearchFilter: TypeAlias = Annotated[ComparisonFilter | CompoundFilter, Field(discriminator="type")]

Weight: TypeAlias = Annotated[float, Field(ge=0, le=1)]


class HybridSearch(TypedDict):
    """The weights of the two searches that are merged."""

    embedding_weight: float
    text_weight: float


class RankingOptions(TypedDict):
    """How found passages are ranked; `score_threshold` is 0..1."""

    ranker: NotRequired[Literal["auto", "default-2024-11-15"] | None]
    score_threshold: NotRequired[Weight | None]
    hybrid_search: NotRequired[HybridSearch | None]


class FileSearchTool(TypedDict):
    """A search in vector stores."""

    type: Literal["file_search"]
    vector_store_ids: list[str]
    max_num_results: NotRequired[Annotated[int, Field(ge=1, le=50)] | None]
    filters: NotRequired[FileSearchFilter | None]
    ranking_options: NotRequired[RankingOptions | None]


# --- web search -------------------------------------------------------------------------------------------------------


class UserLocation(TypedDict):
    """Where the user is, roughly; `country` is an ISO code, `timezone` an IANA name."""

    type: NotRequired[Literal["approximate"] | None]
    city: NotRequired[str | None]
    country: NotRequired[str | None]
    region: NotRequired[str | None]
    timezone: NotRequired[str | None]


class WebSearchFilters(TypedDict):
    """Which sites are searched."""

    allowed_domains: NotRequired[list[str] | None]


class WebSearchTool(TypedDict):
    """A search in the web."""

    type: Literal["web_search", "web_search_2025_08_26"]
    filters: NotRequired[WebSearchFilters | None]
    search_context_size: NotRequired[Literal["low", "medium", "high"] | None]
    user_location: NotRequired[UserLocation | None]
    external_web_access: NotRequired[bool | None]
    search_content_types: NotRequired[list[Literal["text", "image"]] | None]
    return_token_budget: NotRequired[str | None]


class WebSearchPreviewTool(TypedDict):
    """The older web search."""

    type: Literal["web_search_preview", "web_search_preview_2025_03_11"]
    search_content_types: NotRequired[list[Literal["text", "image"]] | None]
    search_context_size: NotRequired[Literal["low", "medium", "high"] | None]
    user_location: NotRequired[UserLocation | None]


# --- code, containers and shells --------------------------------------------------------------------------------------


class DomainSecret(TypedDict):
    """A secret which the container's network layer puts into requests to one domain."""

    domain: str
    name: str
    value: str


class NetworkDisabled(TypedDict):
    """A container without network."""

    type: Literal["disabled"]


class NetworkAllowlist(TypedDict):
    """A container that reaches some domains."""

    type: Literal["allowlist"]
    allowed_domains: list[str]
    domain_secrets: NotRequired[list[DomainSecret] | None]


NetworkPolicy: TypeAlias = Annotated[NetworkDisabled | NetworkAllowlist, Field(discriminator="type")]
MemoryLimit: TypeAlias = Literal["1g", "4g", "16g", "64g"]
FileIds: TypeAlias = Annotated[list[str], Field(max_length=50)]


class AutomaticContainer(TypedDict):
    """A container that is made for the code interpreter when it is needed."""

    type: Literal["auto"]
    file_ids: NotRequired[FileIds | None]
    memory_limit: NotRequired[MemoryLimit | None]
    network_policy: NotRequired[NetworkPolicy | None]


class CodeInterpreterTool(TypedDict):
    """Python code, run in a container that is given by its id or made automatically."""

    type: Literal["code_interpreter"]
    container: Annotated[
        Annotated[str, Tag("<string>")] | Annotated[AutomaticContainer, Tag("<object>")], Discriminator(json_kind)
    ]
    allowed_callers: NotRequired[AllowedCallers | None]


class SkillReference(TypedDict):
    """A stored skill."""

    type: Literal["skill_reference"]
    skill_id: str
    version: NotRequired[str | None]


class InlineSkillSource(TypedDict):
    """The files of a skill: a zip archive in base64."""

    type: Literal["base64"]
    media_type: Literal["application/zip"]
    data: str


class InlineSkill(TypedDict):
    """A skill that comes with the request."""

    type: Literal["inline"]
    name: str
    description: str
    source: InlineSkillSource


class LocalSkill(TypedDict):
    """A skill on the client's own machine."""

    name: str
    description: str
    path: str


class ContainerAutoEnvironment(TypedDict):
    """A container that is made for the shell when it is needed."""

    type: Literal["container_auto"]
    file_ids: NotRequired[FileIds | None]
    memory_limit: NotRequired[MemoryLimit | None]
    network_policy: NotRequired[NetworkPolicy | None]
    skills: NotRequired[list[Annotated[SkillReference | InlineSkill, Field(discriminator="type")]] | None]


class LocalEnvironment(TypedDict):
    """The client's own machine runs the commands."""

    type: Literal["local"]
    skills: NotRequired[list[LocalSkill] | None]


class ContainerReference(TypedDict):
    """A container that exists."""

    type: Literal["container_reference"]
    container_id: str


class ShellTool(TypedDict):
    """Shell commands, run by the client or in a container."""

    type: Literal["shell"]
    environment: NotRequired[
        Annotated[ContainerAutoEnvironment | LocalEnvironment | ContainerReference, Field(discriminator="type")] | None
    ]
    allowed_callers: NotRequired[AllowedCallers | None]


class LocalShellTool(TypedDict):
    """The older shell, always run by the client."""

    type: Literal["local_shell"]


class ApplyPatchTool(TypedDict):
    """Changes to files, applied by the client."""

    type: Literal["apply_patch"]
    allowed_callers: NotRequired[AllowedCallers | None]


class ProgrammaticToolCallingTool(TypedDict):
    """Programs of the model that call tools."""

    type: Literal["programmatic_tool_calling"]


class ComputerTool(TypedDict):
    """A computer that the client controls for the model."""

    type: Literal["computer"]


class ComputerUsePreviewTool(TypedDict):
    """The older computer tool; sizes are pixels."""

    type: Literal["computer_use_preview"]
    display_width: int
    display_height: int
    environment: Literal["windows", "mac", "linux", "ubuntu", "browser"]


# --- images -----------------------------------------------------------------------------------------------------------


class ImageMask(TypedDict):
    """The part of an image that is to be changed."""

    file_id: NotRequired[str | None]
    image_url: NotRequired[str | None]


class VectorImageReasoning(TypedDict):
    """How much the model for vector images thinks."""

    effort: NotRequired[Effort | None]


class VectorImageOptions(TypedDict):
    """The model for vector images."""

    model: NotRequired[str | None]
    reasoning: NotRequired[VectorImageReasoning | None]


class ImageGenerationTool(TypedDict):
    """Images made or edited by an image model."""

    type: Literal["image_generation"]
    action: NotRequired[Literal["generate", "edit", "auto"] | None]
    background: NotRequired[Literal["transparent", "opaque", "auto"] | None]
    complexity: NotRequired[Literal["low", "medium", "high"] | None]
    frame_count: NotRequired[int | None]
    frame_duration_ms: NotRequired[int | None]
    input_fidelity: NotRequired[Literal["high", "low"] | None]
    input_image_mask: NotRequired[ImageMask | None]
    model: NotRequired[str | None]
    moderation: NotRequired[Literal["auto", "low"] | None]
    output_compression: NotRequired[Annotated[int, Field(ge=0, le=100)] | None]
    output_format: NotRequired[Literal["png", "webp", "jpeg", "gif", "svg"] | None]
    partial_images: NotRequired[Annotated[int, Field(ge=0, le=3)] | None]
    quality: NotRequired[Literal["low", "medium", "high", "xhigh", "max", "auto"] | None]
    size: NotRequired[str | None]
    svg: NotRequired[VectorImageOptions | None]


# --- MCP --------------------------------------------------------------------------------------------------------------


class MCPToolFilter(TypedDict):
    """Some tools of a server, by name or by their read-only mark."""

    tool_names: NotRequired[list[str] | None]
    read_only: NotRequired[bool | None]


class MCPApprovalFilter(TypedDict):
    """Which tools of a server need an approval."""

    always: NotRequired[MCPToolFilter | None]
    never: NotRequired[MCPToolFilter | None]


class MCPTool(TypedDict):
    """A remote MCP server; one of `server_url`, `connector_id` and `tunnel_id` says where it is."""

    type: Literal["mcp"]
    server_label: str
    server_url: NotRequired[str | None]
    connector_id: NotRequired[
        Literal[
            "connector_dropbox",
            "connector_gmail",
            "connector_googlecalendar",
            "connector_googledrive",
            "connector_microsoftteams",
            "connector_outlookcalendar",
            "connector_outlookemail",
            "connector_sharepoint",
        ]
        | None
    ]
    tunnel_id: NotRequired[str | None]
    server_description: NotRequired[str | None]
    headers: NotRequired[dict[str, str] | None]
    authorization: NotRequired[str | None]
    allowed_tools: NotRequired[
        Annotated[
            Annotated[list[str], Tag("<array>")] | Annotated[MCPToolFilter, Tag("<object>")], Discriminator(json_kind)
        ]
        | None
    ]
    require_approval: NotRequired[
        Annotated[
            Annotated[MCPApprovalFilter, Tag("<object>")] | Annotated[Literal["always", "never"], Tag("<string>")],
            Discriminator(json_kind),
        ]
        | None
    ]
    defer_loading: NotRequired[bool | None]
    allowed_callers: NotRequired[AllowedCallers | None]


Tool: TypeAlias = Annotated[
    FunctionTool
    | FileSearchTool
    | ComputerTool
    | ComputerUsePreviewTool
    | WebSearchTool
    | MCPTool
    | CodeInterpreterTool
    | ProgrammaticToolCallingTool
    | ImageGenerationTool
    | LocalShellTool
    | ShellTool
    | CustomTool
    | NamespaceTool
    | ToolSearchTool
    | WebSearchPreviewTool
    | ApplyPatchTool,
    Field(discriminator="type"),
]


# --- tool_choice ------------------------------------------------------------------------------------------------------

ToolChoiceMode: TypeAlias = Literal["none", "auto", "required"]


class ToolChoiceFunction(TypedDict):
    """The model has to call this function; `namespace` says of which group, where it is in one."""

    type: Literal["function"]
    name: Name
    namespace: NotRequired[str | None]


class ToolChoiceCustom(TypedDict):
    """The model has to call this custom tool; `namespace` says of which group, where it is in one."""

    type: Literal["custom"]
    name: Name
    namespace: NotRequired[str | None]


class ToolChoiceMCP(TypedDict):
    """The model has to call a tool of this MCP server, or the named one."""

    type: Literal["mcp"]
    server_label: str
    name: NotRequired[str | None]


class ToolChoiceAllowed(TypedDict):
    """The model may call (or has to call) only these tools; each is named by its type and name."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: list[JSONObject]


class ToolChoiceHosted(TypedDict):
    """The model has to use this built-in tool."""

    type: Literal[
        "file_search",
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
        "computer",
        "computer_use",
        "computer_use_preview",
        "code_interpreter",
        "image_generation",
        "shell",
        "apply_patch",
        "programmatic_tool_calling",
    ]


ToolChoiceObject: TypeAlias = Annotated[
    ToolChoiceFunction | ToolChoiceCustom | ToolChoiceMCP | ToolChoiceAllowed | ToolChoiceHosted,
    Field(discriminator="type"),
]

#: The modes which some clients wrap into an object.
WRAPPED_MODES = frozenset({"auto", "none", "required"})


def unwrap_mode(value: object) -> object:
    """The string behind ``{"type": "auto"}`` and its like; any other value as it is."""
    if isinstance(value, dict) and len(value) == 1:
        mode = value.get("type")
        if isinstance(mode, str) and mode in WRAPPED_MODES:
            return mode
    return value


ToolChoice: TypeAlias = Annotated[
    Annotated[ToolChoiceMode, Tag("<string>")] | Annotated[ToolChoiceObject, Tag("<object>")],
    Discriminator(json_kind),
    BeforeValidator(unwrap_mode),
]
