"""The request of POST /v1/responses: what it may contain, and its normal form.

`parse_create` checks a body in OpenAI's order (measured 2026-08-30): required parameters, unknown parameters, then one
parameter after the other. `check_state` and `check_not_empty` are the next two steps; what a model takes and whether
the history is whole is checked where models and histories are known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, NotRequired, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Discriminator, FailFast, Field, Tag, TypeAdapter
from typing_extensions import TypedDict

from proxy.responses import errors
from proxy.responses.content_parts import MAX_TEXT_LENGTH, LongText, OutputContent
from proxy.responses.errors import ResponsesError
from proxy.responses.items import InputItem, TextFormat
from proxy.responses.tools import Effort, Tool, ToolChoice, json_kind
from proxy.responses.validation import UnknownParameters, Validator

# --- parameters -------------------------------------------------------------------------------------------------------


#: 16 pairs; a key has up to 64 characters, a value up to 512.
Metadata: TypeAlias = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)
]


class Prompt(TypedDict):
    """A stored prompt template and what is put into it."""

    id: str
    version: NotRequired[str | None]
    variables: NotRequired[
        dict[
            str,
            Annotated[
                Annotated[str, Tag("<string>")] | Annotated[OutputContent, Tag("<object>")], Discriminator(json_kind)
            ],
        ]
        | None
    ]


class ConversationReference(TypedDict):
    """A stored conversation, or without an id: a new one, with this metadata and these items."""

    id: NotRequired[str]
    metadata: NotRequired[Metadata | None]
    items: NotRequired[Annotated[list[InputItem], Field(max_length=20)] | None]


class ModerationMode(TypedDict):
    """What happens to text that the moderation objects to."""

    mode: Literal["score", "block"]


class ModerationPolicy(TypedDict):
    """Moderation of what goes in and of what comes out."""

    input: NotRequired[ModerationMode | None]
    output: NotRequired[ModerationMode | None]


class Moderation(TypedDict):
    """Moderation by a model."""

    model: str
    policy: NotRequired[ModerationPolicy | None]


class TextConfig(TypedDict):
    """The form of the answer."""

    format: NotRequired[TextFormat | None]
    verbosity: NotRequired[Literal["low", "medium", "high"] | None]


class StreamOptions(TypedDict):
    """Options of a stream; `include_usage` belongs to Chat Completions."""

    include_obfuscation: NotRequired[bool | None]


SummaryDetail: TypeAlias = Literal["concise", "detailed", "auto"]


class ReasoningConfig(TypedDict):
    """How the model thinks; `generate_summary` is the old name of `summary` and never left in a parsed request."""

    effort: NotRequired[Effort | None]
    summary: NotRequired[SummaryDetail | None]
    generate_summary: NotRequired[SummaryDetail | None]
    context: NotRequired[Literal["auto", "current_turn", "all_turns"] | None]
    mode: NotRequired[str | None]


class PromptCacheOptions(TypedDict):
    """How prompts are cached."""

    mode: NotRequired[Literal["implicit", "explicit"] | None]
    ttl: NotRequired[Literal["30m", "12h"] | None]
    comparison_response_id: NotRequired[str | None]
    prewarm: NotRequired[bool | None]


class ContextManagement(TypedDict):
    """Compaction by the server; `compact_threshold` is tokens."""

    type: Literal["compaction"]
    compact_threshold: NotRequired[Annotated[int, Field(ge=1000)] | None]


class BackgroundOptions(TypedDict):
    """When a background response has to be ready."""

    completion_window: NotRequired[Literal["soonest", "2h", "8h"] | None]
    continuation_id: NotRequired[str | None]


class ImageConfig(TypedDict):
    """How images are counted."""

    context_compression: NotRequired[Literal["auto", "enabled", "disabled"] | None]


class AccessPrograms(TypedDict):
    """Programs of OpenAI."""

    cyber: NotRequired[Literal["standard", "daybreak_blue", "daybreak_red"] | None]


Include: TypeAlias = Literal[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
]
#: What the live API accepts; the SDK's types know more tiers.
ServiceTier: TypeAlias = Literal["auto", "default", "fast", "flex", "priority"]
Penalty: TypeAlias = Annotated[float, Field(ge=-2, le=2)]


def string_as_message(value: object) -> object:
    """Input given as a string is one message of the user; an empty string is no input."""
    if not isinstance(value, str):
        return value
    content = [{"type": "input_text", "text": value}]
    return [{"type": "message", "role": "user", "content": content}] if value else []


def string_as_reference(value: object) -> object:
    """A conversation given by its id alone."""
    return {"id": value} if isinstance(value, str) else value


def rename_generate_summary(config: ReasoningConfig) -> ReasoningConfig:
    """The old name of `summary` replaced; the new one wins if both are given."""
    if "generate_summary" in config:
        summary = config.pop("generate_summary")
        if config.get("summary") is None:
            config["summary"] = summary
    return config


class CreateParameters(TypedDict):
    """The parameters in the order in which OpenAI checks them (measured); those not measured stand at the end."""

    model: str
    input: Annotated[list[InputItem], FailFast(), BeforeValidator(string_as_message)]
    previous_response_id: NotRequired[str]
    prompt: NotRequired[Prompt]
    moderation: NotRequired[Moderation]
    include: NotRequired[Annotated[list[Include], FailFast()]]
    tools: NotRequired[Annotated[list[Tool], FailFast()]]
    tool_choice: NotRequired[ToolChoice]
    metadata: NotRequired[Metadata]
    text: NotRequired[TextConfig]
    temperature: NotRequired[Annotated[float, Field(ge=0, le=2)]]
    top_p: NotRequired[Annotated[float, Field(ge=0, le=1)]]
    presence_penalty: NotRequired[Penalty]
    frequency_penalty: NotRequired[Penalty]
    parallel_tool_calls: NotRequired[bool]
    stream: NotRequired[bool]
    stream_options: NotRequired[StreamOptions]
    background: NotRequired[bool]
    max_output_tokens: NotRequired[Annotated[int, Field(ge=16)]]
    max_tool_calls: NotRequired[Annotated[int, Field(ge=1)]]
    reasoning: NotRequired[Annotated[ReasoningConfig, AfterValidator(rename_generate_summary)]]
    user: NotRequired[str]
    safety_identifier: NotRequired[Annotated[str, Field(max_length=128)]]
    prompt_cache_options: NotRequired[PromptCacheOptions]
    prompt_cache_key: NotRequired[Annotated[str, Field(max_length=64)]]
    prompt_cache_retention: NotRequired[Literal["in_memory", "24h"]]
    truncation: NotRequired[Literal["auto", "disabled"]]
    instructions: NotRequired[LongText]
    store: NotRequired[bool]
    service_tier: NotRequired[ServiceTier]
    top_logprobs: NotRequired[Annotated[int, Field(ge=0, le=20)]]
    context_management: NotRequired[Annotated[list[ContextManagement], FailFast()]]
    conversation: NotRequired[Annotated[ConversationReference, BeforeValidator(string_as_reference)]]
    background_options: NotRequired[BackgroundOptions]
    image: NotRequired[ImageConfig]
    access_programs: NotRequired[AccessPrograms]


CREATE: Final = Validator(TypeAdapter(CreateParameters))

PARAMETERS: Final = frozenset(CreateParameters.__annotations__)
REQUIRED_PARAMETERS: Final = ("model", "input")

#: Parameters and members of items which clients of OpenAI's own house send although they are no part of the API.
IGNORED_PARAMETERS: Final = frozenset({"client_metadata"})
IGNORED_ITEM_MEMBERS: Final = frozenset({"internal_chat_message_metadata_passthrough"})

#: Parameters of Chat Completions which have another name here.
MOVED_PARAMETERS: Final[Mapping[str, str]] = {"messages": "input"}

#: How many edits may lie between an unknown parameter and the one that was meant (measured).
MAX_EDITS: Final = 2


# --- the parsed request -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class CreateRequest:
    """A request that passed `parse_create`; one attribute per parameter, its default where absent or null.

    `temperature`, `top_p`, the penalties and `top_logprobs` are None where absent: the vendor's own default applies.
    Members of nested objects may be null where the client sent null.

    Attributes:
        model: The name that the client asked for.
        input: The items; a string has become a message, every item has its `type`, messages have lists as content.
        given: The names of the parameters that the client sent with a value other than null.
        conversation: The stored conversation, or what a new one is to hold; an id alone has become an object.
        reasoning: As sent; `generate_summary` has become `summary`.
        text: As sent; empty when absent.
    """

    model: str
    input: list[InputItem]
    given: frozenset[str] = frozenset()
    instructions: str | None = None
    previous_response_id: str | None = None
    conversation: ConversationReference | None = None
    store: bool = True
    background: bool = False
    background_options: BackgroundOptions | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    top_logprobs: int | None = None
    reasoning: ReasoningConfig = field(default_factory=lambda: ReasoningConfig())
    text: TextConfig = field(default_factory=lambda: TextConfig())
    tools: list[Tool] = field(default_factory=list)
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    include: list[Include] = field(default_factory=list)
    truncation: Literal["auto", "disabled"] = "disabled"
    metadata: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: PromptCacheOptions | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    service_tier: ServiceTier = "auto"
    prompt: Prompt | None = None
    context_management: list[ContextManagement] = field(default_factory=list)
    moderation: Moderation | None = None
    image: ImageConfig | None = None
    access_programs: AccessPrograms | None = None


LONG_HISTORY = 16
"""From how many items on a history is looked at for being plain."""

PLAIN_PART = {"user": "input_text", "system": "input_text", "developer": "input_text", "assistant": "output_text"}
"""The content part that holds the text of each role."""


def parse_create(body: object, *, unknown_parameters: UnknownParameters = "reject") -> CreateRequest:
    """The request in a decoded JSON body; raises `ResponsesError` (400) with the error that OpenAI would report.

    With `unknown_parameters="ignore"` parameters and members that do not exist are dropped at every level.
    """
    if not isinstance(body, dict):
        raise errors.invalid_body("Invalid body: expected a JSON object with the parameters of the request.")
    for name in REQUIRED_PARAMETERS:
        if name not in body:
            raise errors.missing_parameter(name)
    if not body.keys() <= PARAMETERS:
        body = _without_unknown(body, unknown_parameters)
    if body["model"] == "":
        raise errors.model_not_found("")
    # An explicit null means absent, except for a required parameter, where it is of the wrong type (measured).
    given = {name: value for name, value in body.items() if value is not None or name in REQUIRED_PARAMETERS}
    items = given["input"]
    if isinstance(items, list) and len(items) >= LONG_HISTORY and are_plain(items):
        parameters = CREATE.validate(given | {"input": "plain"}, unknown_parameters=unknown_parameters)
        return CreateRequest(**(parameters | {"input": items}), given=frozenset(given))
    try:
        parameters = CREATE.validate(given, unknown_parameters=unknown_parameters)
    except ResponsesError:
        # Only the rare request that fails pays for the search for members to be overlooked.
        overlooked = _without_ignored_members(given["input"])
        if overlooked is None:
            raise
        parameters = CREATE.validate(given | {"input": overlooked}, unknown_parameters=unknown_parameters)
    return CreateRequest(**parameters, given=frozenset(given))


def are_plain(items: Sequence[Any]) -> bool:
    """Whether every item is a message of texts in the very form that validation would give it.

    Most of a long history is, and then the schema has nothing to say and nothing to change; the look costs a third.
    """
    try:
        for item in items:
            if item.__class__ is not dict or len(item) != 3 or item["type"] != "message":
                return False
            kind, parts = PLAIN_PART[item["role"]], item["content"]
            if parts.__class__ is not list or not parts:
                return False
            for part in parts:
                if part.__class__ is not dict or len(part) != 2 or part["type"] != kind:
                    return False
                text = part["text"]
                if text.__class__ is not str or len(text) > MAX_TEXT_LENGTH:
                    return False
    except (KeyError, TypeError):
        return False
    return True


def _without_unknown(body: Mapping[str, Any], unknown_parameters: UnknownParameters) -> dict[str, Any]:
    if unknown_parameters == "reject":
        for name in body:
            if name not in PARAMETERS and name not in IGNORED_PARAMETERS:
                if name in MOVED_PARAMETERS:
                    raise errors.moved_parameter(name, MOVED_PARAMETERS[name])
                raise errors.unknown_parameter(name, similar(name, PARAMETERS.difference(body)))
    return {name: value for name, value in body.items() if name in PARAMETERS}


def _without_ignored_members(items: object) -> list[object] | None:
    """The items without members that are overlooked and without a null `type`; None if there are none of them."""
    if not isinstance(items, list):
        return None
    found = False
    result: list[object] = []
    for item in items:
        if isinstance(item, dict) and (not IGNORED_ITEM_MEMBERS.isdisjoint(item) or item.get("type", "") is None):
            found = True
            result.append(
                {
                    name: value
                    for name, value in item.items()
                    if name not in IGNORED_ITEM_MEMBERS and not (name == "type" and value is None)
                }
            )
        else:
            result.append(item)
    return result if found else None


# --- unknown parameters -----------------------------------------------------------------------------------------------


def similar(name: str, candidates: Iterable[str]) -> list[str]:
    """The candidates within `MAX_EDITS` edits of a name, the nearest first."""
    distances = ((edit_distance(name, candidate), candidate) for candidate in candidates)
    return [candidate for distance, candidate in sorted(distances) if distance <= MAX_EDITS]


def edit_distance(left: str, right: str) -> int:
    """How many characters have to be inserted, removed or replaced; more than `MAX_EDITS` for any far one."""
    if abs(len(left) - len(right)) > MAX_EDITS:
        return MAX_EDITS + 1
    previous = list(range(len(right) + 1))
    for row, character in enumerate(left, start=1):
        current = [row]
        for column, other in enumerate(right, start=1):
            replaced = previous[column - 1] + (character != other)
            current.append(min(previous[column] + 1, current[-1] + 1, replaced))
        previous = current
    return previous[-1]


# --- state ------------------------------------------------------------------------------------------------------------


def check_state(request: CreateRequest) -> None:
    """Refuses what contradicts itself in what a request says of stored state."""
    if request.previous_response_id is not None and request.conversation is not None:
        raise errors.mutually_exclusive()
    conversation = request.conversation
    if conversation is not None and "id" in conversation and len(conversation) > 1:
        raise errors.malformed_value(
            "conversation", "metadata and items belong to a new conversation, which is asked for without an id"
        )


def check_not_empty(request: CreateRequest) -> None:
    """Refuses an empty input unless a stored response, conversation or prompt gives the model something to answer."""
    if request.input or not request.given.isdisjoint(("previous_response_id", "conversation", "prompt")):
        return
    raise errors.input_missing()
