"""Faults are retried at once here: the wait between two attempts is not what these tests are about."""

import pytest

from proxy.exchange import retrying


@pytest.fixture(autouse=True)
def _no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "BACK_OFF", 0.0)
