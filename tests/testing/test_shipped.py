"""The providers that come with the gateway conform: on recordings of every protocol, and for models of each kind."""

import pytest

from providers.anthropic import Anthropic, AnthropicSettings
from providers.gemini import Gemini, GeminiSettings
from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.scripted import Scripted, ScriptedSettings
from proxy.provider.contract import Provider
from proxy.testing import Check, Exchange, checks
from proxy.testing.replay import translate
from tests.corpus.recordings import CORPUS, Recording, as_parameters, recordings, sampled
from tests.corpus.replay import exchange_of, provider_of

ANTHROPIC = Anthropic(AnthropicSettings(), "anthropic")
GEMINI = Gemini(GeminiSettings(), "gemini")
SCRIPTED = Scripted(ScriptedSettings(), "scripted")

ANSWERED_WITH_200 = {"groq_chat-test-tool-use-failed-error-a57ca385"}
"""Errors that hold the model's answer."""

MODELS: list[tuple[Provider, list[str], list[str]]] = [
    (ANTHROPIC, ["claude-opus-5-5", "claude-opus-4-8"], ["reasoning.effort=none"]),
    (
        GEMINI,
        ["gemini-2.5-pro", "gemini-3.5-flash"],
        # It holds to every schema, unless a tool says that it need not.
        ["tool function: strict", "tool namespace: tools.0.strict"],
    ),
    *(
        (OpenAIChat(OpenAIChatSettings(base_url="http://vendor.test/v1", dialect=dialect), "chat"), models, [])
        for dialect, models in (("openai", ["gpt-5.6-sol", "gpt-4.1"]), ("generic", ["qwen3"]), ("ollama", ["qwen3"]))
    ),
]
"""Providers, models, and what their vendors do without being told."""


def chosen() -> list[Recording]:
    """Some recordings of each protocol."""
    found = []
    for family, most in (("anthropic", 5), ("gemini", 5), ("openai_chat", 14)):
        found += sampled([each for each in recordings() if each.family == family], most)
    return [each for each in found if each.id not in ANSWERED_WITH_200]


@pytest.mark.parametrize("recording", as_parameters(chosen(), lambda recording: recording.id, CORPUS))
def test_recorded_exchanges_conform(recording: Recording) -> None:
    every = checks(provider_of(recording), [exchange_of(recording)])
    own = [check for check in every if check.subject == recording.id]
    assert own
    assert [problem for check in own for problem in check.run()] == []


def of_models() -> list[Check]:
    every = [
        check for provider, models, anyhow in MODELS for check in checks(provider, [], models=models, anyhow=anyhow)
    ]
    # Other processes are slow to start: `tests/corpus` has one for all these.
    return [check for check in every if check.rule != "processes"]


@pytest.mark.parametrize("check", of_models(), ids=str)
def test_models_conform(check: Check) -> None:
    assert check.run() == []


SCRIPTS = {
    "text": "/say Hello there",
    "reasoning": "/think hm\n/say Hello",
    "call": '/call get_weather {"city": "Oslo"}',
    "cut": "/say Hello\n/cut",
    "failure": "/fail 429",
}


def played(name: str, script: str, *, stream: bool) -> Exchange:
    """An exchange with the scripted model, which brings its answers along."""
    request = {"input": script, "tools": [{"type": "function", "name": "get_weather"}]}
    answer = translate(SCRIPTED, "demo", request, stream=stream).call.canned
    assert answer is not None
    return Exchange(
        f"{name}{', streamed' if stream else ''}",
        "demo",
        b"".join(piece for piece in answer.pieces if isinstance(piece, bytes)),
        status_code=answer.status,
        headers=answer.headers,
        stream=stream and answer.status == 200,
        request=request,
    )


def of_scripted() -> list[Check]:
    exchanges = [played(name, script, stream=stream) for name, script in SCRIPTS.items() for stream in (True, False)]
    # It weighs no words, and shows no more of the tools and images than it needs.
    return [check for check in checks(SCRIPTED, exchanges) if not check.subject.startswith(("model ", "all models"))]


@pytest.mark.parametrize("check", of_scripted(), ids=str)
def test_the_scripted_model_conforms(check: Check) -> None:
    assert check.run() == []
