"""The conformance kit over what Ollama answers."""

import pytest

from proxy.testing import Check, checks
from tests.providers.ollama.exchanges import provider, recorded, written

CHECKS = checks(provider(), [*written(), *recorded()], models=("llama3.2", "gpt-oss:20b"))


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_the_provider_conforms(check: Check) -> None:
    assert check.run() == []
