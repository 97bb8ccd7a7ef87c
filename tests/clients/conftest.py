"""The clients' tests run over every protocol, and over servers that speak one of them after their own fashion."""

import pytest

from tests.vendors.gateway import DIALECTS, MODELS, PROTOCOLS


@pytest.fixture(params=[*PROTOCOLS, *DIALECTS])
def model(request: pytest.FixtureRequest) -> str:
    """A model behind each of the vendor's protocols and dialects."""
    return MODELS[request.param]
