"""The conformance kit over what was written and what was recorded."""

import pytest

from proxy.testing import Check, checks
from tests.providers.cohere.exchanges import recorded, written
from tests.providers.cohere.material import COHERE, MODEL, OLD, PLAIN

RECORDED = recorded()


@pytest.mark.parametrize("check", checks(COHERE, written(), models=(MODEL, PLAIN, OLD)), ids=str)
def test_the_provider_conforms(check: Check) -> None:
    assert check.run() == []


@pytest.mark.skipif(not RECORDED, reason="DRAGOMAN_CORPUS does not name a folder of recorded traffic")
@pytest.mark.parametrize("check", checks(COHERE, RECORDED), ids=str)
def test_the_recordings_conform(check: Check) -> None:
    assert check.run() == []
