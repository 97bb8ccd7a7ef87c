"""The table of the fault laboratory is what it says; every fault is over soon, legal and counted."""

import os
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.faults.laboratory.faults import CLOSE, FAULTS, Fault, head
from tests.faults.laboratory.table import MODELS, TABLE, measured, settings, try_out
from tests.faults.laboratory.vendor import FaultyVendor
from tests.vendors.gateway import Gateways
from tests.vendors.journal import Journal


@pytest.fixture
async def faulty() -> AsyncIterator[FaultyVendor]:
    async with FaultyVendor() as vendor:
        yield vendor


async def test_what_comes_of_every_fault(gateways: Gateways, faulty: FaultyVendor, journal: Journal) -> None:
    found = await measured(gateways, faulty, journal, TABLE.read_text())
    if os.environ.get("DRAGOMAN_WRITE_TABLE"):
        TABLE.write_text(found)
    assert found == TABLE.read_text()


PASSING = [
    name for name in FAULTS if name not in ("none", "slow drip", "400", "401", "403", "404", "413", "429 for an hour")
]


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
async def test_what_goes_wrong_once_before_any_output_is_not_noticed(
    gateways: Gateways, faulty: FaultyVendor, journal: Journal, model: str
) -> None:
    gateway = await gateways.start(**settings(faulty.url))
    for name in PASSING:
        for stream in (False, True):
            if stream and "middle" in name:
                # Some of it was shown by then.
                continue
            if stream and name in ("hang after a beginning", "length too long"):
                continue
            faulty.play(FAULTS[name], times=1)
            outcome = await try_out(gateway, faulty, journal, model, stream=stream)
            assert (name, stream, outcome.result.split()[-1]) == (name, stream, "completed")
            assert (name, stream, outcome.calls) in ((name, stream, 1), (name, stream, 2))
    slots = [endpoint.slots.taken for endpoint in gateway.server.gateway.endpoints.values()]
    assert set(slots) == {0}


def throttled(status: int, **headers: str) -> Fault:
    body = b'{"error": {"message": "Slow down.", "type": "x"}}'
    return lambda good: [head(status, "application/json", len(body), **headers), body, CLOSE]


SOON = format_datetime(datetime.now(UTC) + timedelta(days=300), usegmt=True)


@pytest.mark.parametrize("status", [429, 503, 529])
@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"retry_after": "17"}, "17"),
        ({"retry_after": "16.2"}, "17"),
        ({"retry_after_ms": "17000"}, "17"),
        ({"retry_after": SOON}, "86400"),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-5"}, None),
        ({}, None),
    ],
    ids=["seconds", "fraction", "milliseconds", "date", "word", "negative", "none"],
)
async def test_every_form_of_retry_after_is_passed_on(
    gateways: Gateways, faulty: FaultyVendor, journal: Journal, status: int, headers: dict[str, str], told: str | None
) -> None:
    gateway = await gateways.start(**settings(faulty.url))
    faulty.play(throttled(status, **headers))
    for model in MODELS.values():
        outcome = await try_out(gateway, faulty, journal, model, stream=False)
        assert (model, outcome.retry_after) == (model, told or "-")
        # Longer than 5 s is not waited for.
        assert (model, outcome.calls) == (model, 2 if told is None else 1)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_googles_retry_info_is_one_of_them(
    gateways: Gateways, faulty: FaultyVendor, journal: Journal, stream: bool
) -> None:
    body = (
        b'{"error": {"code": 429, "message": "Quota per minute.", "status": "RESOURCE_EXHAUSTED", "details": '
        b'[{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "14s"}]}}'
    )
    gateway = await gateways.start(**settings(faulty.url))
    faulty.play(lambda good: [head(429, "application/json", len(body)), body, CLOSE])
    outcome = await try_out(gateway, faulty, journal, MODELS["gemini"], stream=stream)
    assert (outcome.result, outcome.retry_after, outcome.calls) == ("429", "14", 1)


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("http://127.0.0.1:{free}", "could not be reached"),
        ("http://nobody.invalid", "could not be reached"),
        ("https://127.0.0.1:{vendor}", "TLS"),
    ],
    ids=["refused", "dns", "tls"],
)
async def test_a_vendor_that_cannot_be_reached_is_a_bad_gateway(
    gateways: Gateways, faulty: FaultyVendor, journal: Journal, base: str, words: str
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = base.format(free=unused.getsockname()[1], vendor=faulty.url.rpartition(":")[2])
        gateway = await gateways.start(**settings(address))
        for model in MODELS.values():
            answer = await gateway.create(model=model, input="hi")
            assert (model, answer.status) == (model, 502)
            assert words in answer.error["message"]
            entry = await journal.entry(model=model.partition("/")[2])
            assert entry["tries"] == [f"{model}: connect", f"{model}: connect"]
            assert "input_tokens" not in entry or entry["input_tokens"] == 0
