"""The conformance kit, over exchanges with both hosts, written by hand and recorded."""

from typing import Final

import pytest

from proxy.testing import Check, Exchange, checks
from tests.corpus.recordings import sampled
from tests.providers.gemini.exchanges import FOLDERS, on, recorded, written

ANYHOW: Final = frozenset({"tool function: strict", "tool namespace: tools.0.strict"})
"""The vendor holds to every schema unless a tool says that it need not."""

ONCE: Final = frozenset({"endless answers", "processes"})
"""Checks that take long, for which one host stands for both."""


def _of(host: str, exchanges: list[Exchange]) -> list[object]:
    found = checks(on(host), exchanges, anyhow=ANYHOW) if exchanges else []
    return [
        pytest.param(check, id=f"{host}-{check}")
        for check in found
        if check.rule not in ONCE or (host == "vertex" and exchanges[0].id == "plain")
    ]


def _written() -> list[object]:
    return [check for host in FOLDERS for check in _of(host, written(host))]


def _recorded() -> list[object]:
    return [check for host in FOLDERS for check in _of(host, sampled(recorded(host), 6))]


@pytest.mark.parametrize("check", _written())
def test_written_exchanges_conform(check: Check) -> None:
    assert check.run() == []


@pytest.mark.skipif(not recorded("gemini"), reason="no recordings: DRAGOMAN_CORPUS not set")
@pytest.mark.parametrize("check", _recorded())
def test_recorded_exchanges_conform(check: Check) -> None:
    assert check.run() == []
