"""The differences between servers that speak Chat Completions, as data: one `Dialect` a row.

A column that OpenAI and most servers agree upon is not here; what the answers differ in is read tolerantly for
everyone (`decode`), so the rows are mostly about what may be sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from providers.openai_chat.models import EFFORTS, OPENAI_FAMILIES, ModelFamily
from proxy.provider.capabilities import Capabilities
from proxy.provider.errors import ErrorClass
from proxy.responses.events import FinishReason

Members: TypeAlias = Mapping[str, object]
"""Members of a request body."""

ReplayScope: TypeAlias = Literal["open_turn", "call_turns", "all"]
"""On which earlier assistant messages reasoning goes back: those since the last user message, those with tool calls,
or every one."""


@dataclass(frozen=True, slots=True)
class Replay:
    """How earlier reasoning goes back to the server: the `field` of the assistant message, on the messages in `scope`.

    `placeholder` stands for text that was lost, where the server refuses a message without the field.
    """

    field: str
    scope: ReplayScope
    placeholder: str | None = None


def _as_reasoning_effort() -> Mapping[str, Members]:
    return {effort: {"reasoning_effort": effort} for effort in EFFORTS}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One server's Chat Completions.

    What may be sent:

    * `capabilities`: of a model that nothing else is known of; `families`: what its models differ in.
    * `optional`: members of the body that the server takes; the others are left out and declared.
    * `constants`: members that every request has.
    * `tokens_member`: the name of the output limit.
    * `developer_role`: families that want it get system messages as `developer`. `one_system_message`: all system
      messages are merged into one at the front.
    * `text_parts`: several text parts stay a list; else they are joined, because some servers take only strings.
    * `null_content`: an assistant message of tool calls alone has null content, else "". `refusal_member`: earlier
      refusals have a member of their own. `image_urls`: images may be given by address. `pdf`: PDF files are taken
      (text files become text everywhere). `file_ids`: files may be given by id.
    * `efforts`: for each effort of Responses the members that ask for it. `replay`: how earlier reasoning goes back.
      `shows_reasoning`: the answer has the model's reasoning. `sampling_while_reasoning`: temperature and its kin are
      allowed while the model reasons.
    * `tool_choices`: the forms that are honoured, of none, auto, required, named. `strict_tools`: functions take
      `strict`. `parallel_tool_calls`: what the server does when it is not told.
    * `strict_schema`: `sent` as the client said, `always` (the server holds to every schema), or `never`.
      `says_json`: json_object is refused unless a message has the word.
    * `service_tiers`: the server's names of Responses' tiers; a tier that is missing is dropped.
    * `usage_option`: `stream_options.include_usage` is sent. `obfuscation_option`: padding is switched off.

    What is read differently: `think_tags` (a leading `<think>` block in the text is reasoning), `finish_optional` (the
    stream may end without a finish signal), `reasoning_outside_output` (reasoning tokens may not be part of the
    completion tokens; the total tells), and the server's own `finish_reasons` and `error_codes`.
    """

    name: str
    capabilities: Capabilities
    families: tuple[ModelFamily, ...] = ()
    optional: frozenset[str] = frozenset()
    constants: Members = field(default_factory=dict)
    tokens_member: str = "max_tokens"
    developer_role: bool = False
    one_system_message: bool = True
    text_parts: bool = False
    null_content: bool = False
    refusal_member: bool = False
    image_urls: bool = True
    pdf: bool = False
    file_ids: bool = False
    efforts: Mapping[str, Members] = field(default_factory=_as_reasoning_effort)
    replay: Replay | None = None
    shows_reasoning: bool = True
    sampling_while_reasoning: bool = True
    tool_choices: frozenset[str] = frozenset({"none", "auto", "required", "named"})
    strict_tools: bool = False
    parallel_tool_calls: bool = True
    strict_schema: Literal["sent", "always", "never"] = "never"
    says_json: bool = True
    service_tiers: Mapping[str, str] = field(default_factory=dict)
    usage_option: bool = True
    obfuscation_option: bool = False
    think_tags: bool = False
    finish_optional: bool = False
    reasoning_outside_output: bool = False
    finish_reasons: Mapping[str, FinishReason] = field(default_factory=dict)
    error_codes: Mapping[str, ErrorClass] = field(default_factory=dict)


SAMPLING: Final = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})
LOGPROBS: Final = frozenset({"logprobs", "top_logprobs"})

OPENAI: Final = Dialect(
    name="openai",
    capabilities=Capabilities(allowed_tools=True, reasoning=True, logprobs=True, verbosity=True),
    families=OPENAI_FAMILIES,
    optional=SAMPLING
    | LOGPROBS
    | {
        "parallel_tool_calls",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "user",
        "verbosity",
    },
    tokens_member="max_completion_tokens",
    developer_role=True,
    one_system_message=False,
    text_parts=True,
    null_content=True,
    refusal_member=True,
    pdf=True,
    file_ids=True,
    shows_reasoning=False,
    sampling_while_reasoning=False,
    strict_tools=True,
    strict_schema="sent",
    service_tiers={tier: tier for tier in ("auto", "default", "flex", "scale", "priority", "fast")},
    obfuscation_option=True,
)

_SELF_HOSTED: Final = Capabilities(reasoning=True, logprobs=True)

#: Source: vLLM 0.33 (`reasoning` on earlier messages: PR 27752, 33402).
VLLM: Final = Dialect(
    name="vllm",
    capabilities=_SELF_HOSTED,
    optional=SAMPLING | LOGPROBS | {"parallel_tool_calls"},
    text_parts=True,
    replay=Replay("reasoning", "open_turn"),
    strict_schema="always",
    says_json=False,
)

#: Source: the llama.cpp server's README; the object form of `tool_choice` is ignored there, parallel calls are off.
LLAMA_CPP: Final = Dialect(
    name="llama_cpp",
    capabilities=_SELF_HOSTED,
    optional=SAMPLING | LOGPROBS | {"parallel_tool_calls"},
    text_parts=True,
    replay=Replay("reasoning_content", "open_turn"),
    tool_choices=frozenset({"none", "auto", "required"}),
    parallel_tool_calls=False,
    strict_schema="always",
    says_json=False,
)

#: A server that nothing is known of: only what the least of them understands.
GENERIC: Final = Dialect(
    name="generic",
    capabilities=_SELF_HOSTED,
    optional=SAMPLING | LOGPROBS | {"parallel_tool_calls"},
    think_tags=True,
    reasoning_outside_output=True,
)

DIALECTS: Final[Mapping[str, Dialect]] = {dialect.name: dialect for dialect in (OPENAI, VLLM, LLAMA_CPP, GENERIC)}


def detected(base_url: str) -> Dialect:
    """The dialect of `dialect: auto`: OpenAI's at its own hosts (regional ones included), else the generic one."""
    host = urlsplit(base_url).hostname or ""
    return OPENAI if host == "api.openai.com" or host.endswith(".api.openai.com") else GENERIC
