"""The conformance kit, over exchanges written by hand and recorded ones."""

import pytest

from proxy.testing import Check, checks
from tests.providers.mistral.exchanges import recorded, written
from tests.providers.mistral.material import MISTRAL


@pytest.mark.parametrize("check", checks(MISTRAL, written()), ids=str)
def test_written_exchanges_conform(check: Check) -> None:
    assert check.run() == []


@pytest.mark.skipif(not recorded(), reason="no recordings: DRAGOMAN_CORPUS not set")
@pytest.mark.parametrize("check", checks(MISTRAL, recorded()) if recorded() else [], ids=str)
def test_recorded_exchanges_conform(check: Check) -> None:
    assert check.run() == []
