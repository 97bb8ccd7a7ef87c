"""Servers of Chat Completions as strictly as each can be: what it refuses, as one row of switches.

Source: the servers' API references and recorded refusals, as of November 2026.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

ErrorForm: TypeAlias = Literal["envelope", "flat", "detail", "coded"]
"""`{error: {...}}`, `{object: "error", ...}`, FastAPI's `{detail: [...]}`, `{code, message, request_id}`."""

ReasoningForm: TypeAlias = Literal["reasoning_content", "reasoning", "details", "chunks"]
"""How the model's reasoning stands in a message: a member of that name, OpenRouter's `reasoning_details` beside
`reasoning`, or Mistral's thinking chunks in the content."""

CORE: Final = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "messages",
        "model",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
    }
)
"""Members of the body that nearly every server knows."""

MESSAGE: Final[Mapping[str, frozenset[str]]] = {
    "system": frozenset({"role", "content", "name"}),
    "developer": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "tool_calls"}),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}
"""Members of the messages of each role that every server knows."""


_REASONING: Final = frozenset({"reasoning", "reasoning_content", "reasoning_details"})


@dataclass(frozen=True, slots=True)
class Server:
    """What one server takes; whatever it does not take is a complaint.

    * `members`: of the body, `assistant_members`: of an assistant message beside the common ones, `tool_members`: of a
      tool message. `tokens_members`: the names of the output limit, of which one may be sent.
    * `developer_role`. `system_messages`: anywhere, at the front only, or at most one, at the front.
    * `null_content`: an assistant message may have no content. `list_content`: contents may be lists of parts.
      `empty_texts`: texts may be empty (that of an assistant message with calls, and a tool's, always may).
    * `call_ids`: what an id of a call looks like. `user_after_tool`: a user message may follow a tool's.
      `alternates`: user and assistant take turns. `ends_with_assistant`: the last message may be the assistant's.
      `needs_user`: some message is the user's.
    * `reasoning`: how the model reasons. `reasoning_required`: assistant messages with calls have to carry it.
    * `stream_options`. `response_formats`. `tool_choices`: by string, and `named` for an object.
      `forced_while_thinking`: a tool may be forced although thinking is not disabled. `strict_tools`.
      `custom_tools`: tools and choices of OpenAI's own types.
    * `form`: of error answers; `validation_form`: of those about unknown members (status 422 for FastAPI's).
    """

    name: str
    members: frozenset[str] = CORE
    assistant_members: frozenset[str] = frozenset()
    tool_members: frozenset[str] = frozenset()
    tokens_members: frozenset[str] = frozenset({"max_tokens"})
    developer_role: bool = False
    system_messages: Literal["any", "front", "one"] = "any"
    null_content: bool = True
    list_content: bool = True
    empty_texts: bool = False
    call_ids: re.Pattern[str] = re.compile(r".{1,64}", re.DOTALL)
    user_after_tool: bool = True
    alternates: bool = False
    ends_with_assistant: bool = True
    needs_user: bool = False
    reasoning: ReasoningForm | None = None
    reasoning_required: bool = False
    stream_options: bool = True
    response_formats: frozenset[str] = frozenset({"text", "json_object", "json_schema"})
    tool_choices: frozenset[str] = frozenset({"none", "auto", "required", "named"})
    forced_while_thinking: bool = True
    strict_tools: bool = False
    custom_tools: bool = False
    form: ErrorForm = "envelope"
    validation_form: ErrorForm = "envelope"
    part_types: frozenset[str] = field(default=frozenset({"text", "image_url"}))

    @property
    def takes_reasoning_back(self) -> bool:
        """Whether an assistant message may carry the reasoning that the server gave."""
        return self.reasoning == "chunks" or not self.assistant_members.isdisjoint(_REASONING)


OPENAI: Final = Server(
    name="openai",
    members=CORE
    | {
        "max_completion_tokens",
        "metadata",
        "moderation",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
        "verbosity",
        "web_search_options",
    },
    assistant_members=frozenset({"refusal", "audio"}),
    tokens_members=frozenset({"max_completion_tokens"}),
    developer_role=True,
    empty_texts=True,
    strict_tools=True,
    custom_tools=True,
    part_types=frozenset({"text", "image_url", "file", "input_audio", "refusal"}),
)

VLLM: Final = Server(
    name="vllm",
    members=CORE | {"chat_template_kwargs", "include_reasoning", "max_completion_tokens", "thinking_token_budget"},
    assistant_members=frozenset({"reasoning"}),
    tokens_members=frozenset({"max_tokens", "max_completion_tokens"}),
    system_messages="one",
    null_content=False,
    reasoning="reasoning",
)

DEEPSEEK: Final = Server(
    name="deepseek",
    members=CORE | {"thinking"},
    assistant_members=frozenset({"reasoning_content", "prefix"}),
    reasoning="reasoning_content",
    reasoning_required=True,
    response_formats=frozenset({"text", "json_object"}),
    forced_while_thinking=False,
    part_types=frozenset({"text"}),
)

MOONSHOT: Final = Server(
    name="moonshot",
    members=CORE | {"max_completion_tokens", "prompt_cache_key", "safety_identifier", "thinking"},
    assistant_members=frozenset({"reasoning_content"}),
    tokens_members=frozenset({"max_tokens", "max_completion_tokens"}),
    reasoning="reasoning_content",
    reasoning_required=True,
    response_formats=frozenset({"text", "json_object"}),
    tool_choices=frozenset({"none", "auto", "required"}),
    list_content=False,
)

OPENROUTER: Final = Server(
    name="openrouter",
    members=CORE
    | {
        "max_completion_tokens",
        "metadata",
        "models",
        "plugins",
        "prompt_cache_key",
        "provider",
        "reasoning",
        "service_tier",
        "structured_outputs",
        "usage",
        "user",
        "verbosity",
    },
    assistant_members=frozenset({"reasoning", "reasoning_content", "reasoning_details", "refusal"}),
    tokens_members=frozenset({"max_tokens", "max_completion_tokens"}),
    developer_role=True,
    reasoning="details",
    strict_tools=True,
    part_types=frozenset({"text", "image_url", "file", "input_audio"}),
)

MISTRAL: Final = Server(
    name="mistral",
    members=(CORE - {"logit_bias", "seed", "stream_options"})
    | {
        "guardrails",
        "metadata",
        "prediction",
        "prompt_cache_key",
        "prompt_mode",
        "random_seed",
        "safe_prompt",
        "service_tier",
    },
    assistant_members=frozenset({"prefix"}),
    tool_members=frozenset({"name"}),
    system_messages="front",
    call_ids=re.compile(r"[a-zA-Z0-9]{9}"),
    user_after_tool=False,
    ends_with_assistant=False,
    reasoning="chunks",
    stream_options=False,
    tool_choices=frozenset({"none", "auto", "any", "required", "named"}),
    strict_tools=True,
    form="flat",
    validation_form="detail",
    part_types=frozenset({"text", "image_url", "document_url", "input_audio", "thinking"}),
)

GLM: Final = Server(
    name="glm",
    members=CORE - {"frequency_penalty", "logit_bias", "parallel_tool_calls", "presence_penalty", "stream_options"}
    | {"do_sample", "request_id", "thinking", "tool_stream", "user_id"},
    assistant_members=frozenset({"reasoning_content"}),
    needs_user=True,
    reasoning="reasoning_content",
    stream_options=False,
    response_formats=frozenset({"text", "json_object"}),
    tool_choices=frozenset({"auto"}),
)

DASHSCOPE: Final = Server(
    name="dashscope",
    members=CORE | {"enable_search", "enable_thinking", "preserve_thinking", "thinking_budget"},
    system_messages="front",
    reasoning="reasoning_content",
    response_formats=frozenset({"text", "json_object"}),
    tool_choices=frozenset({"none", "auto", "named"}),
    form="coded",
    validation_form="coded",
)

PERPLEXITY: Final = Server(
    name="perplexity",
    members=CORE | {"search_domain_filter", "web_search_options"},
    system_messages="front",
    alternates=True,
    ends_with_assistant=False,
    tool_choices=frozenset({"none", "auto", "required"}),
)

SERVERS: Final = (OPENAI, VLLM, DEEPSEEK, MOONSHOT, OPENROUTER, MISTRAL, GLM, DASHSCOPE, PERPLEXITY)
