"""What servers that speak Responses differ in: one row a server, changed by what its models differ in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from proxy.provider.capabilities import Capabilities

Members: TypeAlias = Mapping[str, object]

SystemMessages: TypeAlias = Literal["developer", "system", "instructions"]
"""Where messages to the model go: as they are; `developer` as `system`; or the leading ones into `instructions` and the
later ones as `system`."""

Replay: TypeAlias = Literal["encrypted", "text", "both", "none"]
"""How earlier reasoning goes back: the server's own encrypted content, the text, either, or not at all."""

PARAMETERS: Final = (
    "access_programs",
    "frequency_penalty",
    "image",
    "max_output_tokens",
    "max_tool_calls",
    "moderation",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning.context",
    "reasoning.effort",
    "reasoning.mode",
    "reasoning.summary",
    "safety_identifier",
    "service_tier",
    "stream_options",
    "temperature",
    "text.verbosity",
    "tool_choice",
    "top_logprobs",
    "top_p",
    "user",
)
"""What a server may take or not."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One server's Responses API, or what it is for one family of models.

    * `base_url`: its public address, when the configuration names none; `{region}` in it is the configured one.
      `hosts`: the hosts by which `profile: auto` knows it, subdomains included. `path`: what is appended for a
      response, `models_path` for the list of models (empty: there is none), `counter_path` for a number of tokens.
    * `price_catalogue`: the vendor's id in the price catalogue.
    * `models`: the dialect of `openai_chat` whose families tell what the models can do.
    * `capabilities`: what the server knows itself; the members that models differ in come from those families.
    * `parameters`: those of PARAMETERS that it takes; `include`: the values of `include`; `service_tiers`.
    * `efforts`: for an effort that the server does not know by its name, the one that is sent.
    * `states_storage`: requests say `store: false`.
    * `system_messages`, `replay`: see their types. `phases`: messages of the assistant have a `phase`.
      `refusals`: and parts that are refusals. `result_parts`: results of tools may be parts, else they are text.
      `file_ids`: files of the server's own may be named. `cache_breakpoints`: parts may end a cached beginning.
    * `tool_members`: of a hosted tool the members that are known, by its plain type (absent: all).
    * `choices`: the forms of `tool_choice` that are honoured.
    """

    name: str
    title: str
    capabilities: Capabilities
    base_url: str = ""
    hosts: tuple[str, ...] = ()
    path: str = "/responses"
    models_path: str = "/models"
    counter_path: str = ""
    price_catalogue: str | None = None
    models: str = "generic"
    parameters: frozenset[str] = frozenset()
    include: frozenset[str] = frozenset()
    service_tiers: tuple[str, ...] = ()
    efforts: Mapping[str, str] = field(default_factory=dict)
    states_storage: bool = True
    system_messages: SystemMessages = "developer"
    replay: Replay = "text"
    phases: bool = False
    refusals: bool = False
    result_parts: bool = True
    file_ids: bool = False
    cache_breakpoints: bool = False
    tool_members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    choices: frozenset[str] = frozenset({"none", "auto", "required", "named"})
    constants: Members = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError for a word that means nothing in its column."""
        for word in sorted(self.parameters):
            if word not in PARAMETERS:
                raise ValueError(f"parameters: found {word!r}; expected one of {', '.join(PARAMETERS)}")
