"""The models that tool loops are tried with, each behind a strict vendor."""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from tests.strict.chat_servers import DASHSCOPE, DEEPSEEK, GLM, MISTRAL, MOONSHOT, OPENAI, OPENROUTER, VLLM, Server
from tests.strict.play import StrictChat, StrictGemini, StrictMessages, StrictResponses

StrictVendor: TypeAlias = StrictGemini | StrictChat | StrictMessages | StrictResponses


@dataclass(frozen=True, slots=True)
class Target:
    """A model, as clients ask for it, and the server of Chat Completions behind it; without one it is Gemini, Claude
    or OpenAI's Responses API."""

    model: str
    server: Server | None = None

    @property
    def id(self) -> str:
        """The name of a test's case."""
        return self.model.partition("/")[2] if self.server is None else self.server.name

    @property
    def changes(self) -> dict[str, Any]:
        """What a gateway is configured with to reach it."""
        return {} if self.server is None else {"providers": {"chat": {"dialect": self.server.name}}}

    @property
    def has_call_ids(self) -> bool:
        """Whether the model names its calls, which Gemini does only since its third generation."""
        return self.model != GEMINI_2_5.model

    @property
    def takes_reasoning_back(self) -> bool:
        """Whether earlier reasoning goes back to the model inside a tool loop."""
        return self.server is None or self.server.takes_reasoning_back

    def strict(self) -> StrictVendor:
        """The vendor, which nothing was asked of yet."""
        if self.server is not None:
            return StrictChat(self.server)
        if self.model.startswith("native/"):
            return StrictResponses()
        return StrictMessages() if self.model.startswith("claude/") else StrictGemini()


GEMINI_3: Final = Target("google/gemini-3.5-flash")
GEMINI_2_5: Final = Target("google/gemini-2.5-pro")
CLAUDE: Final = Target("claude/claude-opus-4-8")
CLAUDE_BOUND: Final = Target("claude/claude-opus-5-5")
"""Its thinking counts only behind the very conversation that it was given in."""

CLAUDE_BUDGET: Final = Target("claude/claude-sonnet-4-5")
CLAUDES: Final = (CLAUDE, CLAUDE_BOUND, CLAUDE_BUDGET)
CHAT: Final = tuple(
    Target(model, server)
    for model, server in (
        ("chat/gpt-4.1", OPENAI),
        ("chat/qwen3", VLLM),
        ("chat/deepseek-v4-pro", DEEPSEEK),
        ("chat/kimi-k3", MOONSHOT),
        ("chat/anthropic/claude-sonnet-5", OPENROUTER),
        ("chat/magistral-medium-latest", MISTRAL),
        ("chat/glm-5.3", GLM),
        ("chat/qwen3-max", DASHSCOPE),
    )
)
NATIVE: Final = Target("native/gpt-5.6-sol")
"""OpenAI's own API, which is sent what others are sent a translation of."""

TARGETS: Final = (GEMINI_3, GEMINI_2_5, *CLAUDES, *CHAT)
