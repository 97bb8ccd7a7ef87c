"""How much the fuzz tests try: the share of every change, and ten times that with `DRAGOMAN_SCALE=full`."""

import os
from typing import Final

from hypothesis import HealthCheck, Phase, settings

SCALE: Final = "DRAGOMAN_SCALE"
"""The variable that asks for more; its only value is `full`."""

FULL_FACTOR: Final = 10
"""How many times more is tried at full scale."""


def full() -> bool:
    """Whether everything is asked for."""
    return os.environ.get(SCALE) == "full"


def scaled(usual: int) -> int:
    """How many examples, requests or bytes are tried, where a change is checked with `usual`."""
    return usual * FULL_FACTOR if full() else usual


def tries(usual: int) -> settings:
    """The settings of a hypothesis test that tries `usual` examples for every change.

    Without a clock, because the machine may be busy; without the phase that explains, which runs failures again.
    """
    return settings(
        max_examples=scaled(usual),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    )
