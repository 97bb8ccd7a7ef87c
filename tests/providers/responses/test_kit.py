"""The conformance kit over every profile, with what its server was recorded to answer."""

import pytest

from providers.responses.profiles import PROFILES
from proxy.testing import Check, checks
from tests.corpus.recordings import sampled
from tests.providers.responses.exchanges import provider, recorded, written

MOST = 14
"""How many recordings of a profile the kit goes over, unless all are asked for."""

MODELS = {"openai": ("gpt-5.6-sol", "gpt-4.1"), "xai": ("grok-4.6",), "bedrock_mantle": ("openai.gpt-oss-120b",)}

CHECKS = [
    pytest.param(check, id=f"{profile}: {check}")
    for profile in PROFILES
    for check in checks(
        provider(profile),
        [*(written() if profile == "openai" else ()), *sampled(recorded(profile), MOST)],
        models=MODELS.get(profile, ("a-model",)),
    )
    # That other processes write the same bytes does not depend on the row.
    if check.rule != "processes" or profile in ("openai", "generic")
]


@pytest.mark.parametrize("check", CHECKS)
def test_every_profile_conforms(check: Check) -> None:
    assert check.run() == []
