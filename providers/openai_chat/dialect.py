"""What servers that speak Chat Completions differ in: the columns of the table whose rows stand in `dialects`.

A column that OpenAI and most servers agree upon is not here. What the answers differ in is read tolerantly for every
server (`decode`), so most columns are about what may be sent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, TypeAlias

from pydantic import ConfigDict

from providers.openai_chat.efforts import EFFORTS
from proxy.provider.capabilities import Capabilities
from proxy.provider.errors import ErrorClass
from proxy.responses.events import FinishReason

Members: TypeAlias = Mapping[str, object]
"""Members of a request body."""

ReplayScope: TypeAlias = Literal["open_turn", "call_turns", "all"]
"""On which earlier assistant messages reasoning goes back: those since the last user message, those of turns with tool
calls, or every one."""

ReplayForm: TypeAlias = Literal["text", "details", "think_tags", "thinking_part"]
"""As the text of a member, as the list of `reasoning_details` that the server gave, byte by byte, as a `<think>` block
in front of the content, or as a content part of type `thinking`."""

MessageOrder: TypeAlias = Literal["free", "alternating", "mistral"]
"""`alternating`: user and assistant take turns, so neighbours of one side become one message. `mistral`: the same, and
no user message may follow a tool message directly."""

LastAssistant: TypeAlias = Literal["kept", "prefix", "followed"]
"""What becomes of an assistant message at the end: sent as it is, marked with `prefix: true`, or followed by a short
user message, where the server takes none there."""


@dataclass(frozen=True, slots=True)
class Replay:
    """How earlier reasoning goes back to the server: as a `member` of the assistant messages in `scope`.

    `placeholder` stands for text that was lost, where the server refuses a message without the field. `tagged_text`:
    of details that were lost the text goes back, as a `<think>` block. `sealed`: only what this server gave itself goes
    back, not the text of reasoning that comes without its proof.
    `members` are told beside it, in the body, whenever reasoning goes back to a model that reasons.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    member: str = "reasoning_content"
    scope: ReplayScope = "open_turn"
    form: ReplayForm = "text"
    placeholder: str | None = None
    tagged_text: bool = False
    sealed: bool = False
    members: Members = field(default_factory=dict)


def as_reasoning_effort() -> Mapping[str, Members]:
    """Every effort under its own name, as `reasoning_effort`."""
    return {effort: {"reasoning_effort": effort} for effort in EFFORTS}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One server's Chat Completions, or what it is for one family of models.

    Where it is found:

    * `base_url`: the server's public address, when the configuration names none. `hosts`: the hosts by which
      `dialect: auto` knows it, subdomains included.
    * `price_catalogue`: the vendor's id in the price catalogue; None where nobody knows what the models cost.

    What may be sent:

    * `capabilities`: what the models can do, their accepted efforts included.
    * `optional`: members of the body that the server takes (`logprobs` stands for `top_logprobs` too); the others are
      left out and declared.
    * `constants`: members that every request has. `streamed_tools`: members of a streamed request with tools.
    * `tokens_member`: the name of the output limit. `ranges`: bounds of sampling parameters; what lies outside is moved
      to the bound.
    * `developer_role`: system messages have the role `developer`. `one_system_message`: all system messages are merged
      into one at the front. `tagged_system`: only leading system messages are taken, so later ones become user text in
      `<system>` tags.
    * `order`, `last_assistant`: what the order of messages must be. `needs_user_message`: a request without one is
      refused, so a short one is added. `named_results`: tool messages carry the tool's name. `nine_letter_ids`: call
      ids are nine letters and digits. `object_arguments`: servers parse the arguments of earlier calls, so text that
      is no JSON object is wrapped into one.
    * `text_parts`: several text parts stay a list; else they are joined, because some servers take only strings.
    * `null_content`: an assistant message of tool calls alone has null content, else "". `refusal_member`: earlier
      refusals have a member of their own.
    * `image_urls`: images may be given by address. `image_detail`: images have a `detail`. `original_images`: of which
      `original` is one. `pdf`: PDF files are taken (text files become text everywhere). `document_urls`: they are parts
      of type `document_url`, and those of files by id have it beside the type. `file_urls`, `file_ids`: files may be
      given by address, by id. `audio_data_urls`: audio is given as a data URL. `plain_audio`: as base64
      text alone. `cache_breakpoints`: parts may end a cached beginning.
    * `efforts`: for each effort of Responses the members that ask for it. `thinks`: the model reasons when no effort is
      asked for. `forced_effort`: the effort that is asked for when a tool is forced, because reasoning rules that out.
    * `replay`: how earlier reasoning goes back. `shows_reasoning`: the answer has the model's reasoning.
      `sampling_while_reasoning`: temperature and its kin are allowed while the model reasons. `greedy_top_p`: at a
      temperature of 0 `top_p` has to be 1.
    * `tool_choices`: the forms that are honoured, of none, auto, required, named; `required_word` is the server's word
      for the third. `unforced`: what becomes of a forced choice where there is none: `refused`, or sent as `auto` and
      declared as dropped. `hides_tools`: to choose none, tools are left out as long as none was called, because the
      model calls them all the same. `strict_tools`: functions take `strict`. `parallel_tool_calls`: what the server
      does when it is not told. `inline_references`: schemas may not have `$ref`.
    * `strict_schema`: `sent` as the client said, `always` (the server holds to every schema), or `never`.
      `says_json`: json_object is refused unless a message has the word.
    * `logprobs_number`: `logprobs` is the number of alternatives. `max_top_logprobs`: the most alternatives.
    * `service_tiers`: the server's names of Responses' tiers; a tier that is missing is dropped.
    * `usage_option`: `stream_options.include_usage` is sent. `obfuscation_option`: padding is switched off.
      `stream_only`: whole answers are not to be had, so they are collected from a stream.

    What is read differently: `think_tags` (a leading `<think>` block in the text is reasoning), `thinks_first` (the
    text begins inside such a block, whose opening tag the prompt has already), `numbered_citations`
    (marks like `[1]` in the text cite a list beside the choices), `salvages_calls` (a tool call that the server refused
    stands in its error answer), `finish_optional` (the stream may end without a finish signal),
    `reasoning_outside_output` and `audio_outside_input` (reasoning tokens may not be part of the completion tokens,
    those of audio not of the prompt's; the total tells), `counts_apart` (reasoning tokens never are part of the
    completion's, those of citations never of the prompt's, and the total leaves both out), `searches_always` (each
    answer is preceded by one search of the web, which is billed and not told), and the server's own `finish_reasons`
    and `error_codes`.
    """

    name: str
    capabilities: Capabilities
    base_url: str = ""
    hosts: tuple[str, ...] = ()
    price_catalogue: str | None = None
    optional: frozenset[str] = frozenset()
    constants: Members = field(default_factory=dict)
    streamed_tools: Members = field(default_factory=dict)
    tokens_member: str = "max_tokens"
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    developer_role: bool = False
    one_system_message: bool = True
    tagged_system: bool = False
    order: MessageOrder = "free"
    last_assistant: LastAssistant = "kept"
    needs_user_message: bool = False
    named_results: bool = False
    nine_letter_ids: bool = False
    object_arguments: bool = True
    text_parts: bool = False
    null_content: bool = False
    refusal_member: bool = False
    image_urls: bool = True
    image_detail: bool = True
    original_images: bool = True
    pdf: bool = False
    document_urls: bool = False
    file_urls: bool = False
    file_ids: bool = False
    audio_data_urls: bool = False
    plain_audio: bool = False
    cache_breakpoints: bool = False
    efforts: Mapping[str, Members] = field(default_factory=as_reasoning_effort)
    thinks: bool = True
    forced_effort: str | None = None
    replay: Replay | None = None
    shows_reasoning: bool = True
    sampling_while_reasoning: bool = True
    greedy_top_p: bool = False
    tool_choices: frozenset[str] = frozenset({"none", "auto", "required", "named"})
    required_word: str = "required"
    unforced: Literal["refused", "auto"] = "refused"
    hides_tools: bool = False
    strict_tools: bool = False
    parallel_tool_calls: bool = True
    inline_references: bool = False
    strict_schema: Literal["sent", "always", "never"] = "never"
    says_json: bool = True
    logprobs_number: bool = False
    max_top_logprobs: int = 20
    service_tiers: Mapping[str, str] = field(default_factory=dict)
    usage_option: bool = True
    obfuscation_option: bool = False
    stream_only: bool = False
    think_tags: bool = False
    thinks_first: bool = False
    numbered_citations: bool = False
    salvages_calls: bool = False
    finish_optional: bool = False
    reasoning_outside_output: bool = False
    audio_outside_input: bool = False
    counts_apart: bool = False
    searches_always: bool = False
    finish_reasons: Mapping[str, FinishReason] = field(default_factory=dict)
    error_codes: Mapping[str, ErrorClass] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError for a word that means nothing in its column: what is configured so would have no effect."""
        forced = () if self.forced_effort is None else (self.forced_effort,)
        written: tuple[tuple[str, Iterable[str], Iterable[str]], ...] = (
            ("capabilities.efforts", self.capabilities.efforts or (), EFFORTS),
            ("efforts", self.efforts, EFFORTS),
            ("forced_effort", forced, EFFORTS),
            ("optional", self.optional, _OPTIONAL),
            ("ranges", self.ranges, sorted(SAMPLING)),
            ("service_tiers", self.service_tiers, _TIERS),
            ("tool_choices", self.tool_choices, _CHOICES),
        )
        for column, words, known in written:
            for word in sorted(words):
                if word not in known:
                    raise ValueError(f"{column}: found {word!r}; expected one of {', '.join(known)}")


SAMPLING: Final = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})
LOGPROBS: Final = "logprobs"

_OPTIONAL: Final = (
    *sorted(SAMPLING),
    LOGPROBS,
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "user",
    "verbosity",
)
_TIERS: Final = ("auto", "default", "flex", "priority", "fast", "scale")
_CHOICES: Final = ("none", "auto", "required", "named")
