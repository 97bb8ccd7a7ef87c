"""Every provider with answers of its vendor: those of the tests' own, and the recorded ones where there is a corpus."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Final, NamedTuple, TypeVar

import orjson

from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.openai_chat.dialects import DIALECTS
from providers.responses.profiles import PROFILES
from proxy.provider.contract import Provider
from proxy.responses.errors import ResponsesError
from proxy.testing import Exchange
from proxy.testing.replay import translate
from tests.corpus.recordings import recordings, sampled
from tests.corpus.replay import exchange_of, provider_of
from tests.providers.anthropic import exchanges as anthropic
from tests.providers.anthropic import hosts
from tests.providers.azure import exchanges as azure
from tests.providers.bedrock import exchanges as bedrock
from tests.providers.bedrock.requests import PROVIDER as BEDROCK
from tests.providers.cohere import exchanges as cohere
from tests.providers.cohere.material import COHERE
from tests.providers.gemini import exchanges as gemini
from tests.providers.mistral import exchanges as mistral
from tests.providers.mistral.material import MISTRAL
from tests.providers.ollama import exchanges as ollama
from tests.providers.openai_chat.exchanges import exchange as chat
from tests.providers.responses import exchanges as native
from tests.testing.test_shipped import SCRIPTED, SCRIPTS, played

ElementT = TypeVar("ElementT")

MOST_RECORDED: Final = 6
"""How many recordings of one provider are damaged, unless all are asked for."""


class Source(NamedTuple):
    """A provider, and one exchange with its vendor."""

    provider: Provider
    exchange: Exchange


@cache
def sources(name: str) -> tuple[Source, ...]:
    """What there is of a provider: at least one answer."""
    found = tuple(filter(_can_be_asked, _SOURCES[name]()))
    assert found, name
    return found


def _can_be_asked(source: Source) -> bool:
    """Whether the request is one that the provider sends: a few recorded answers have lost theirs."""
    exchange = source.exchange
    try:
        translate(source.provider, exchange.model, exchange.request, stream=exchange.stream)
    except ResponsesError:
        return False
    return True


def _anthropic(host: str) -> Iterator[Source]:
    provider = hosts.on(host)
    for exchange in (*anthropic.written(host), *_some(anthropic.recorded(host))):
        yield Source(provider, exchange)


def _azure(api: str) -> Iterator[Source]:
    folder = {"responses": "azure_openai_responses", "chat": "azure_openai_chat"}[api]
    provider = azure.provider(api=api)
    written = native.written() if api == "responses" else [source.exchange for source in _written_chat()]
    for exchange in (*written, *_some(azure.recorded(folder))):
        yield Source(provider, exchange)


def _gemini(host: str) -> Iterator[Source]:
    provider = gemini.on(host)
    for exchange in (*gemini.written(host), *_some(gemini.recorded(host))):
        yield Source(provider, exchange)


def _written_chat() -> Iterator[Source]:
    """The answers of every dialect's exchanges."""
    for name in DIALECTS:
        provider = OpenAIChat(OpenAIChatSettings(base_url=chat.BASE_URL, dialect=name), "chat")
        for each in import_module(f"tests.providers.openai_chat.exchanges.{name}").EXCHANGES:
            label = f"{name}: {each.shows}"
            if isinstance(each, chat.Streamed):
                datas = [data if isinstance(data, bytes) else orjson.dumps(data) for data in each.chunks]
                body = b"".join(b"data: %b\n\n" % data for data in datas)
                yield Source(provider, Exchange(label, each.model, body, stream=True, request=each.request))
            elif isinstance(each, chat.Whole | chat.Failed):
                answer = each.answer if isinstance(each, chat.Whole) else each.body
                body = answer if isinstance(answer, bytes) else orjson.dumps(answer)
                status = each.status if isinstance(each, chat.Failed) else 200
                yield Source(provider, Exchange(label, each.model, body, status_code=status))


def _openai_chat() -> Iterator[Source]:
    yield from _written_chat()
    for recording in _some([each for each in recordings() if each.family == "openai_chat"]):
        yield Source(provider_of(recording), exchange_of(recording))


def _responses() -> Iterator[Source]:
    for profile in PROFILES:
        provider = native.provider(profile)
        for exchange in (*native.written(), *_some(native.recorded(profile))):
            yield Source(provider, exchange)


def _scripted() -> Iterator[Source]:
    for name, script in SCRIPTS.items():
        for stream in (True, False):
            yield Source(SCRIPTED, played(name, script, stream=stream))


def _only(provider: Provider, exchanges: list[Exchange]) -> Iterator[Source]:
    return (Source(provider, exchange) for exchange in exchanges)


def _some(found: list[ElementT]) -> list[ElementT]:
    return sampled(found, MOST_RECORDED)


_SOURCES: Final[Mapping[str, Callable[[], Iterator[Source]]]] = {
    "anthropic": lambda: _anthropic("anthropic"),
    "anthropic on bedrock": lambda: _anthropic("bedrock"),
    "azure": lambda: _azure("responses"),
    "azure chat": lambda: _azure("chat"),
    "bedrock": lambda: _only(BEDROCK, [*bedrock.written(), *_some(bedrock.recorded())]),
    "cohere": lambda: _only(COHERE, [*cohere.written(), *_some(cohere.recorded())]),
    "gemini": lambda: _gemini("gemini"),
    "vertex": lambda: _gemini("vertex"),
    "mistral": lambda: _only(MISTRAL, [*mistral.written(), *_some(mistral.recorded())]),
    "ollama": lambda: _only(ollama.provider(), [*ollama.written(), *_some(ollama.recorded())]),
    "openai_chat": _openai_chat,
    "responses": _responses,
    "scripted": _scripted,
}

NAMES: Final = tuple(_SOURCES)
"""The providers, some on more than one host."""
