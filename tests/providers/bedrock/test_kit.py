"""The conformance kit over what was written and what was recorded."""

from collections.abc import Sequence

import pytest

from proxy.testing import Check, Exchange, checks
from tests.providers.bedrock.exchanges import recorded, written
from tests.providers.bedrock.requests import MODELS, PROVIDER

RECORDED = recorded()

WITH_TOOLS = frozenset({"no parameter vanishes", "no tool, item or part vanishes"})
"""Rules whose requests all have a function, which some models take none of."""


def applicable(exchanges: Sequence[Exchange], models: Sequence[str] = ()) -> list[Check]:
    """The checks of models, without those that their requests rule out."""
    bare = {f"model {each}" for each in (*models, *(one.model for one in exchanges)) if not takes_tools(each)}
    found = checks(PROVIDER, exchanges, models=models)
    return [check for check in found if check.rule not in WITH_TOOLS or check.subject not in bare]


def takes_tools(model: str) -> bool:
    return PROVIDER.capabilities(model).tools


@pytest.mark.parametrize("check", applicable(written(), MODELS), ids=str)
def test_the_provider_conforms(check: Check) -> None:
    assert check.run() == []


@pytest.mark.skipif(not RECORDED, reason="DRAGOMAN_CORPUS does not name a folder of recorded traffic")
@pytest.mark.parametrize("check", applicable(RECORDED), ids=str)
def test_the_recordings_conform(check: Check) -> None:
    assert check.run() == []
