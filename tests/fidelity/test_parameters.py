"""No parameter of a request vanishes silently: it stands in the vendor's body, or is declared, or is refused, or the
gateway itself acts upon it and says why the vendor need not know."""

from typing import Any

import pytest

from proxy.provider.conversions import Conversion
from proxy.responses.request import (
    PARAMETERS,
    ImageConfig,
    PromptCacheOptions,
    ReasoningConfig,
    StreamOptions,
    TextConfig,
    parse_create,
)
from proxy.responses.response import opening
from proxy.testing.walk.parameters import INCLUDED_ANYHOW, MINIMAL, OF_THE_CORE, PARAMETER_VALUES
from tests.corpus.targets import DESTINATIONS, MORE_DESTINATIONS, Declined, Destination, Translated, translate

EACH_DESTINATION = pytest.mark.parametrize(
    "destination", [*DESTINATIONS, *MORE_DESTINATIONS], ids=lambda destination: destination.id
)

#: A missing state is told as OpenAI tells it: without naming the parameter.
REFUSED_WITHOUT_PARAM = frozenset({"conversation", "prompt"})

#: Models that do not think unless they are told to: asking for that changes nothing.
NOT_THINKING_ANYHOW = frozenset({"claude-haiku-4-5", "claude-opus-4-5", "claude-sonnet-4-6", "claude-opus-4-8"})


@EACH_DESTINATION
@pytest.mark.parametrize(
    ("path", "values"), PARAMETER_VALUES, ids=[f"{p}={list(v.values())[-1]}" for p, v in PARAMETER_VALUES]
)
def test_parameter_does_not_vanish(path: str, values: dict[str, Any], destination: Destination) -> None:
    base = translate(MINIMAL | _context(path), destination)
    found = translate(MINIMAL | values, destination)
    assert isinstance(base, Translated)
    if isinstance(found, Declined):
        assert found.status in (400, 404)
        root = path.partition(".")[0]
        assert (found.param or "").startswith(root) or (found.param is None and path in REFUSED_WITHOUT_PARAM)
    elif not _asks_for_nothing(path, values, destination):
        assert _told(found) != _told(base) or _declared(path, found, base)


@pytest.mark.parametrize("path", ["background", "metadata", "store"])
def test_parameter_of_the_core_is_echoed(path: str) -> None:
    values = next(values for name, values in PARAMETER_VALUES if name == path)
    assert opening(parse_create(MINIMAL | values))[path] == values[path]


def test_every_parameter_is_tried() -> None:
    paths = {path for path, _ in PARAMETER_VALUES}
    assert {path.partition(".")[0] for path in paths} == PARAMETERS
    for name, config in {
        "image": ImageConfig,
        "prompt_cache_options": PromptCacheOptions,
        "reasoning": ReasoningConfig,
        "stream_options": StreamOptions,
        "text": TextConfig,
    }.items():
        assert {path.partition(".")[2] for path in paths if path.startswith(f"{name}.")} == set(config.__annotations__)


# --- what became of it ------------------------------------------------------------------------------------------------


def _context(path: str) -> dict[str, Any]:
    """What a value needs beside it and is no part of it."""
    if path in ("reasoning.summary", "reasoning.generate_summary"):
        return {"reasoning": {"effort": "high"}}
    return {"stream": True} if path.startswith("stream_options") else {}


def _asks_for_nothing(path: str, values: dict[str, Any], destination: Destination) -> bool:
    if path == "include":
        return values["include"][0] in INCLUDED_ANYHOW
    if values == {"reasoning": {"effort": "none"}}:
        return destination.model in NOT_THINKING_ANYHOW
    return path in OF_THE_CORE


def _told(translated: Translated) -> tuple[bytes, dict[str, str]]:
    """All that the vendor is told."""
    return translated.call.body, dict(translated.call.headers)


def _declared(path: str, found: Translated, base: Translated) -> list[Conversion]:
    """The conversions that name the parameter, and that the request without it does not have."""
    name = path.replace("generate_summary", "summary")
    roots = (name, name.partition(".")[0])
    return [
        conversion
        for conversion in found.conversions
        if conversion not in base.conversions and (conversion.path.startswith(name) or conversion.path in roots)
    ]
