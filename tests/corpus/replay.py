"""Plays a recorded answer to a Run of the exchange: no network, no event loop, no clock, no chance."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from providers.anthropic import Anthropic, AnthropicSettings
from providers.gemini import Gemini, GeminiSettings
from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.openai_chat.dialect import Dialect
from providers.openai_chat.dialects import DIALECTS
from proxy.provider.contract import Provider
from proxy.provider.families import Families
from proxy.testing import Exchange
from proxy.testing.replay import ESTIMATED as ESTIMATED
from proxy.testing.replay import Played, play
from proxy.testing.replay import pieces_at as pieces_at

from .recordings import Recording

Replay: TypeAlias = Played


HOSTS: Final[Mapping[str, Mapping[str, object]]] = {
    "anthropic_vertex": {"host": "vertex", "project": "PROJECT", "location": "us-east5"},
    "bedrock_invoke_anthropic": {"host": "bedrock", "region": "us-east-1", "api_key": "key"},
    "vertex_generate_content": {
        "host": "vertex",
        "project": "PROJECT",
        "location": "us-central1",
        "api_key": "key",
    },
}
"""The settings for folders whose host is another than the vendor itself."""


def provider_of(recording: Recording) -> Provider:
    """The provider that reads the recording."""
    if recording.family == "anthropic":
        return Anthropic(AnthropicSettings.model_validate(HOSTS.get(recording.folder, {})), "anthropic")
    if recording.family == "gemini":
        return Gemini(GeminiSettings.model_validate(HOSTS.get(recording.folder, {})), "gemini")
    return OpenAIChat(OpenAIChatSettings(base_url="http://vendor.test/v1", dialect=recording.dialect), "chat")


def provider_with(dialect: Dialect) -> Provider:
    """A provider with a dialect that is not in the table."""
    provider = OpenAIChat(OpenAIChatSettings(base_url="http://vendor.test/v1", dialect="generic"), "chat")
    provider._families = Families(dialect)
    return provider


def exchange_of(recording: Recording) -> Exchange:
    """The recording as an exchange of the kit. Its request offers the tools that the answer calls."""
    request = {
        "max_output_tokens": 1000,
        "tools": [{"type": "function", "name": name} for name in recording.tools],
    }
    return Exchange(
        recording.id,
        recording.model,
        recording.body,
        status_code=recording.status,
        headers={"content-type": recording.content_type},
        stream=recording.stream,
        request=request,
        end_optional=recording.family == "openai_chat" and DIALECTS[recording.dialect].finish_optional,
    )


def replay(
    recording: Recording,
    *,
    stream: bool | None = None,
    cuts: Iterable[int] = (),
    body: bytes | None = None,
    content_type: str | None = None,
    provider: Provider | None = None,
) -> Replay:
    """Play the recording, its body in pieces that end at the cuts.

    `stream`: the client streams (None: as recorded). `body` and `content_type` replace what was recorded.
    """
    return play(
        provider or provider_of(recording),
        exchange_of(recording),
        stream=stream,
        cuts=cuts,
        answer=body,
        content_type=content_type,
    )
