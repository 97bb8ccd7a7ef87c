"""The conformance kit, over exchanges of every host, written by hand and recorded."""

from typing import Final

import pytest

from proxy.testing import Check, Exchange, checks
from tests.corpus.recordings import sampled
from tests.providers.anthropic.exchanges import FOLDERS, recorded, written
from tests.providers.anthropic.hosts import on

PLACES: Final = ("anthropic", "bedrock", "compatible")
"""Hosts that differ in their framing or in their models."""

ONCE: Final = frozenset({"endless answers", "processes"})
"""Checks that take long, for which one host stands for all."""


def _of(host: str, exchanges: list[Exchange]) -> list[object]:
    found = checks(on(host), exchanges) if exchanges else []
    return [
        pytest.param(check, id=f"{host}-{check}")
        for check in found
        if check.rule not in ONCE or (host == "bedrock" and exchanges[0].id == "plain")
    ]


def _written() -> list[object]:
    return [check for host in PLACES for check in _of(host, written(host))]


def _recorded() -> list[object]:
    return [check for host in FOLDERS for check in _of(host, sampled(recorded(host), 6))]


@pytest.mark.parametrize("check", _written())
def test_written_exchanges_conform(check: Check) -> None:
    assert check.run() == []


@pytest.mark.skipif(not recorded("anthropic"), reason="no recordings: DRAGOMAN_CORPUS not set")
@pytest.mark.parametrize("check", _recorded())
def test_recorded_exchanges_conform(check: Check) -> None:
    assert check.run() == []
