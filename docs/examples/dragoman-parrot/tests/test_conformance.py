"""Parrot conforms to what the gateway asks of its providers."""

import pytest
from exchanges import EXCHANGES
from proxy.testing import Check, checks

from dragoman_parrot import Parrot, ParrotSettings

PROVIDER = Parrot(ParrotSettings(), "parrot")


@pytest.mark.parametrize("check", checks(PROVIDER, EXCHANGES), ids=str)
def test_the_provider_conforms(check: Check) -> None:
    assert check.run() == []
