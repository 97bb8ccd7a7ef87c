"""The stores that the contract is tried on: all of them, and the plain model of the rules."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.state.store import Store
from tests.state.kit import KINDS, ONE_PROCESS, Backend, Kind, backend_of, server_of


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of store."""
    kind: Kind = request.param
    return kind


@pytest.fixture
async def backend(kind: Kind, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """An empty backend of that kind."""
    fixture = server_of(kind)
    server: str = "" if fixture is None else request.getfixturevalue(fixture)
    async with backend_of(kind, server, tmp_path) as backend:
        yield backend


@pytest.fixture
async def store(backend: Backend) -> AsyncIterator[Store]:
    """An open store."""
    store = backend.replica()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def other(backend: Backend, store: Store) -> AsyncIterator[Store]:
    """A second replica on the same backend; the same one where replicas cannot share."""
    if backend.kind in ONE_PROCESS:
        yield store
        return
    other = backend.replica()
    await other.open()
    yield other
    await other.close()
