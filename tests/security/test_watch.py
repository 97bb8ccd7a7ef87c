"""The watch over the test suite sees what it is there for."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from proxy.http.surface import error_response
from proxy.provider.secret import Secret
from proxy.responses import sse
from proxy.responses.assembler import Assembler
from proxy.responses.errors import ResponsesError
from proxy.responses.events import Text
from proxy.responses.request import parse_create
from proxy.usage.metrics import Metrics
from tests.security.watch import Watch
from tests.vendors.gateway import MODELS, VENDOR_KEYS, Gateway, Gateways
from tests.vendors.journal import Journal

CREDENTIAL = "sk-canary-of-the-watch"
PROMPT = "What nobody else may read."


@pytest.fixture
def planted(watch: Watch) -> Iterator[Watch]:
    """A watch that knows of a credential and a prompt."""
    Secret(CREDENTIAL).reveal()
    parse_create({"model": "m", "input": PROMPT})
    yield watch
    watch.findings.clear()


def found(watch: Watch) -> list[str]:
    """Where something was seen."""
    return [finding.partition(":")[0] for finding in watch.findings]


def crash() -> None:
    key = CREDENTIAL
    raise ValueError(f"bad key {key}")


@pytest.mark.parametrize(
    ("told", "kind"), [(CREDENTIAL, "credential"), (PROMPT, "prompt")], ids=["credential", "prompt"]
)
def test_it_sees_what_is_logged(planted: Watch, journal: Journal, told: str, kind: str) -> None:
    structlog.get_logger("dragoman.test").debug("said", value=["deep", {"in": told}])
    assert found(planted) == [f"the log shows the {kind} {told!r}"]


def test_it_sees_tracebacks(planted: Watch, journal: Journal) -> None:
    try:
        crash()
    except ValueError as error:
        structlog.get_logger("dragoman.test").error("unexpected", exc_info=error)
    assert found(planted) == [f"the log shows the credential {CREDENTIAL!r}"]


def test_it_sees_what_libraries_log(planted: Watch) -> None:
    logging.getLogger("some.library").warning("connecting with %s", CREDENTIAL)
    assert found(planted) == [f"the log of some.library shows the credential {CREDENTIAL!r}"]


def test_it_sees_errors(planted: Watch) -> None:
    error_response(ResponsesError(502, f"The vendor refused {CREDENTIAL}."))
    assert found(planted) == [f"an error shows the credential {CREDENTIAL!r}"]


def test_it_sees_streams(planted: Watch) -> None:
    assembler = Assembler({"id": "resp_1"})
    assembler.begin()
    assembler.feed([Text("t", CREDENTIAL)])
    sse.frame(assembler.take())
    assert f"a stream shows the credential {CREDENTIAL!r}" in found(planted)


def test_it_sees_metrics(planted: Watch) -> None:
    metrics = Metrics()
    metrics.key_files.labels(CREDENTIAL).set(1)
    metrics.render()
    assert found(planted) == [f"the metrics shows the credential {CREDENTIAL!r}"]


def test_it_sees_stores(planted: Watch, tmp_path: Path) -> None:
    log = tmp_path / "dragoman.db-wal"
    log.write_bytes(b"\x00" + CREDENTIAL.encode())
    planted.kept(tmp_path)
    log.unlink()
    assert found(planted) == [f"dragoman.db-wal shows the credential {CREDENTIAL!r}"]


async def test_it_looks_at_every_gateway(gateways: Gateways, watch: Watch, journal: Journal, tmp_path: Path) -> None:
    gateway: Gateway = await gateways.start(
        store=f"sqlite:///{tmp_path}/kept.db", clients=[{"name": "app", "key": CREDENTIAL}]
    )
    before = watch.looked
    answer = await gateway.create(key=CREDENTIAL, model=MODELS["openai_chat"], input=PROMPT, stream=True)
    assert answer.response["status"] == "completed"
    assert {CREDENTIAL, VENDOR_KEYS["chat"]} <= watch.credentials
    assert watch.prompts == {PROMPT}
    assert (await gateway.request("GET", "/metrics")).status == 200
    assert watch.looked > before + 3
