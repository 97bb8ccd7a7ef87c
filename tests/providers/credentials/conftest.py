"""Issuers on this machine only, and an environment in which no other can be found."""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.auth.compute_engine import _metadata

from tests.providers.credentials.issuers import Clock, Issuers

FOREIGN = ("AWS_", "AZURE_", "BOTO", "CLOUDSDK_", "GCE_", "GCLOUD_", "GOOGLE_", "IDENTITY_", "IMDS_", "MSI_", "NO_GCE")


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(FOREIGN) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    # Read when the module is loaded: the variables of the environment come too late here.
    monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", True)
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", "127.0.0.1:9")
    monkeypatch.setenv("GCE_METADATA_IP", "127.0.0.1:9")


@pytest.fixture(autouse=True)
def _nobody_outside_is_asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    asked: list[object] = []
    look_up = socket.getaddrinfo

    def guarded(host: object, *others: Any, **options: Any) -> Any:
        if host in ("127.0.0.1", "localhost", "::1"):
            return look_up(host, *others, **options)
        asked.append(host)
        raise socket.gaierror("the tests ask nobody outside")

    monkeypatch.setattr(socket, "getaddrinfo", guarded)
    yield
    assert asked == []


@pytest.fixture
def clock() -> Clock:
    """The time, which a test can set forward."""
    return Clock()


@pytest.fixture
async def issuers(clock: Clock) -> AsyncIterator[Issuers]:
    """Every service that issues credentials."""
    async with Issuers(clock) as server:
        yield server
