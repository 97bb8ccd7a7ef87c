"""Content parts of items, and the few types that all items share.

Plain dictionaries, described by TypedDicts; members that may be left out may be null as well.
"""

from typing import Annotated, Literal, NotRequired, TypeAlias

from pydantic import Discriminator, Field, Tag
from typing_extensions import TypedDict

from proxy.responses.tools import json_kind

# Limits in characters (Open Responses 2026-04-24).
MAX_TEXT_LENGTH = 10_485_760
MAX_IMAGE_URL_LENGTH = 20_971_520
MAX_FILE_DATA_LENGTH = 33_554_432

LongText: TypeAlias = Annotated[str, Field(max_length=MAX_TEXT_LENGTH)]
ImageURL: TypeAlias = Annotated[str, Field(max_length=MAX_IMAGE_URL_LENGTH)]
CallId: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]

Status: TypeAlias = Literal["in_progress", "completed", "incomplete"]
Phase: TypeAlias = Literal["commentary", "final_answer"]


class PromptCacheBreakpoint(TypedDict):
    """A mark: everything up to here is worth caching."""

    mode: Literal["explicit"]
    ttl: NotRequired[Literal["30m", "12h"] | None]


class InputText(TypedDict):
    """Text for the model."""

    type: Literal["input_text"]
    text: LongText
    prompt_cache_breakpoint: NotRequired[PromptCacheBreakpoint | None]


class InputImage(TypedDict):
    """An image, given by a URL, a data URL or the id of a file."""

    type: Literal["input_image"]
    image_url: NotRequired[ImageURL | None]
    file_id: NotRequired[str | None]
    detail: NotRequired[Literal["low", "high", "auto", "original"] | None]
    prompt_cache_breakpoint: NotRequired[PromptCacheBreakpoint | None]


class InputFile(TypedDict):
    """A file, given by its data in base64, a URL or the id of a file."""

    type: Literal["input_file"]
    file_data: NotRequired[Annotated[str, Field(max_length=MAX_FILE_DATA_LENGTH)] | None]
    file_url: NotRequired[str | None]
    file_id: NotRequired[str | None]
    filename: NotRequired[str | None]
    detail: NotRequired[Literal["auto", "low", "high"] | None]
    prompt_cache_breakpoint: NotRequired[PromptCacheBreakpoint | None]


class AudioData(TypedDict):
    """Sound in base64."""

    data: str
    format: Literal["mp3", "wav"]


class InputAudio(TypedDict):
    """Sound for the model."""

    type: Literal["input_audio"]
    input_audio: AudioData


InputContent: TypeAlias = Annotated[InputText | InputImage | InputFile | InputAudio, Field(discriminator="type")]

#: What a tool may answer besides a string.
OutputContent: TypeAlias = Annotated[InputText | InputImage | InputFile, Field(discriminator="type")]


class URLCitation(TypedDict):
    """A web page that supports the text from `start_index` to `end_index`, in characters."""

    type: Literal["url_citation"]
    url: NotRequired[str | None]
    title: NotRequired[str | None]
    start_index: NotRequired[int | None]
    end_index: NotRequired[int | None]


class FileCitation(TypedDict):
    """A file that supports the text at `index`, in characters."""

    type: Literal["file_citation"]
    file_id: NotRequired[str | None]
    filename: NotRequired[str | None]
    index: NotRequired[int | None]


class ContainerFileCitation(TypedDict):
    """A file of a container that the text from `start_index` to `end_index` names, in characters."""

    type: Literal["container_file_citation"]
    container_id: NotRequired[str | None]
    file_id: NotRequired[str | None]
    filename: NotRequired[str | None]
    start_index: NotRequired[int | None]
    end_index: NotRequired[int | None]


class FilePath(TypedDict):
    """A generated file that the text at `index` names, in characters."""

    type: Literal["file_path"]
    file_id: NotRequired[str | None]
    index: NotRequired[int | None]


Annotation: TypeAlias = Annotated[
    FileCitation | URLCitation | ContainerFileCitation | FilePath, Field(discriminator="type")
]


class TopLogprob(TypedDict):
    """One alternative of a token; `logprob` is a natural logarithm."""

    token: str
    logprob: float
    bytes: NotRequired[list[int] | None]


class Logprob(TopLogprob):
    """A token of the answer with its alternatives."""

    top_logprobs: NotRequired[list[TopLogprob] | None]


class OutputText(TypedDict):
    """Text that the model said."""

    type: Literal["output_text"]
    text: LongText
    annotations: NotRequired[list[Annotation] | None]
    logprobs: NotRequired[list[Logprob] | None]


class Refusal(TypedDict):
    """The model's refusal to answer."""

    type: Literal["refusal"]
    refusal: LongText


AssistantContent: TypeAlias = Annotated[OutputText | Refusal, Field(discriminator="type")]


#: The parts that each place takes.
INPUT_PARTS = ("input_text", "input_image", "input_file", "input_audio")
ASSISTANT_PARTS = ("output_text", "refusal")
TOOL_OUTPUT_PARTS = ("input_text", "input_image", "input_file")


# --- callers and outputs of tools -------------------------------------------------------------------------------------


class DirectCaller(TypedDict):
    """The model itself made the call."""

    type: Literal["direct"]


class ProgramCaller(TypedDict):
    """A program of the model made the call."""

    type: Literal["program"]
    caller_id: str


Caller: TypeAlias = Annotated[DirectCaller | ProgramCaller, Field(discriminator="type")]

#: What a tool answered: a string or parts.
ToolOutput: TypeAlias = Annotated[
    Annotated[LongText, Tag("<string>")] | Annotated[list[OutputContent], Tag("<array>")], Discriminator(json_kind)
]
