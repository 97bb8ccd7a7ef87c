"""What tests of the running gateway share: a vendor, gateways in front of it, clients, and the log."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import openai
import pytest
import structlog

from proxy import app
from proxy.usage.estimate import Estimator
from tests.security.watch import Watch, watching
from tests.state.servers import fresh_postgres_url, fresh_redis_url, postgres_url, redis_url
from tests.vendors.gateway import MODELS, PROTOCOLS, Gateway, Gateways
from tests.vendors.journal import Journal
from tests.vendors.server import Vendor

__all__ = ["fresh_postgres_url", "fresh_redis_url", "postgres_url", "redis_url"]


@pytest.fixture(scope="session")
def watch() -> Iterator[Watch]:
    """The watch over what must not be seen."""
    with watching() as watch:
        yield watch


@pytest.fixture(autouse=True)
def nothing_is_told(watch: Watch, request: pytest.FixtureRequest) -> Iterator[None]:
    """No test has a gateway show a credential, or a prompt in its log."""
    watch.forget()
    folder: Path | None = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        watch.kept(folder)
    assert watch.findings == []


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """A vendor on a loopback socket."""
    async with Vendor() as vendor:
        yield vendor


@pytest.fixture(scope="session")
def estimator() -> Estimator:
    """An estimator with its vocabulary, which takes a third of a second to load."""
    estimator = Estimator()
    asyncio.run(estimator.load())
    return estimator


@pytest.fixture
async def gateways(
    vendor: Vendor, tmp_path: Path, estimator: Estimator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateways]:
    """Starts gateways from configurations of the test's own."""
    monkeypatch.setattr(app, "Estimator", lambda: estimator)
    gateways = Gateways(vendor, tmp_path)
    yield gateways
    await gateways.stop()


@pytest.fixture
async def gateway(gateways: Gateways) -> Gateway:
    """A gateway with the usual configuration."""
    return await gateways.start()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    """The SDK's client of that gateway."""
    async with gateway.openai() as client:
        yield client


@pytest.fixture(params=PROTOCOLS)
def model(request: pytest.FixtureRequest) -> str:
    """A model behind each of the vendor's protocols."""
    return MODELS[request.param]


@pytest.fixture
def journal() -> Iterator[Journal]:
    """The gateway's log."""
    journal = Journal()
    earlier = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, journal.write],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=False,
    )
    yield journal
    structlog.configure(**earlier)
