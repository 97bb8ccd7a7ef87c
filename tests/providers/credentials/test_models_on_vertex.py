"""Claude and Gemini on Vertex AI through the whole gateway, with tokens that end while requests go on."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.providers.credentials import sources
from tests.providers.credentials.issuers import Issuers
from tests.providers.credentials.sources import SECRETS, Place
from tests.strict.messages_hosts import KEY, StrictHost
from tests.vendors.gateway import Gateway, Gateways, Whole
from tests.vendors.journal import Journal
from tests.vendors.script import END, Reply, Script, Turn
from tests.vendors.server import JSON, Recorded, Vendor

MODELS = {"claude": "claude-opus-4-8@20260501", "gemini": "gemini-3.5-flash"}
SAID = {
    "error": {"code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTHENTICATED"}
}


@pytest.fixture
def place(issuers: Issuers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    return Place(issuers, monkeypatch, tmp_path)


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    """Of whom the model is."""
    return str(request.param)


def token(recorded: Recorded) -> int:
    """The number of the token of a call."""
    return int(recorded.headers["authorization"].removeprefix("Bearer token-"))


class Vertex:
    """Vertex AI, as `Vendor.responder`: strict about Claude, for tokens that are `good`."""

    def __init__(self, good: Callable[[int], bool] = lambda number: True) -> None:
        self.good = good
        self.claude = StrictHost("vertex")

    def __call__(self, recorded: Recorded) -> Script:
        if not self.good(token(recorded)):
            return Reply(401, (orjson.dumps(SAID), END), JSON)
        if "/publishers/google/" in recorded.path:
            assert recorded.path.startswith(
                "/v1/projects/house/locations/eu/publishers/google/models/gemini-3.5-flash:"
            )
            return Turn("Hello", " there", ".")
        again = Recorded.__new__(Recorded)
        again.path, again.body = recorded.path, recorded.body
        again.headers = recorded.headers.copy()  # type: ignore[assignment] # a multidict that can be written
        again.headers["authorization"] = f"Bearer {KEY}"  # type: ignore[index]
        script = self.claude(again)
        assert self.claude.complaints == []
        return script


async def started(place: Place, gateways: Gateways, vendor: Vendor) -> Gateway:
    """A gateway with a service account, in front of both."""
    sources.service_account(place)
    place_there = {
        "project": "house",
        "location": "eu",
        "base_url": vendor.url,
        "google": {"credentials_file": str(place.folder / "google.json")},
    }
    entries = {
        f"vertex-{name}": {"type": kind, **place_there}
        for name, kind in (("claude", "anthropic"), ("gemini", "gemini"))
    }
    return await gateways.start(providers=entries)


async def asked(gateway: Gateway, model: str, **more: Any) -> Whole:
    return await gateway.create(model=f"vertex-{model}/{MODELS[model]}", input="Hi", max_output_tokens=100, **more)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_token_that_was_refused_is_renewed_and_the_call_sent_again(
    place: Place, gateways: Gateways, vendor: Vendor, model: str, stream: bool
) -> None:
    gateway = await started(place, gateways, vendor)
    vertex = vendor.responder = Vertex()
    assert (await asked(gateway, model, stream=stream)).text == "Hello there."
    vertex.good = lambda number: number >= 2
    answers = await asyncio.gather(*(asked(gateway, model, stream=stream) for _ in range(30)))
    assert {answer.text for answer in answers} == {"Hello there."}
    assert {answer.headers["x-dragoman-attempts"] for answer in answers} == {"1"}
    assert place.issuers.issued == 2


async def test_no_request_fails_while_tokens_end_one_after_another(
    place: Place, gateways: Gateways, vendor: Vendor, model: str
) -> None:
    place.issuers.lifetime = 1
    gateway = await started(place, gateways, vendor)
    vendor.responder = Vertex(lambda number: time.time() < place.issuers.ends[number])
    statuses: list[int] = []

    async def go_on() -> None:
        while place.issuers.issued < 3:
            statuses.append((await asked(gateway, model)).status)

    await asyncio.gather(*(go_on() for _ in range(5)))
    assert set(statuses) == {200}


async def test_a_token_that_nobody_takes_is_the_operators_affair(
    place: Place, gateways: Gateways, vendor: Vendor, model: str, journal: Journal
) -> None:
    gateway = await started(place, gateways, vendor)
    vendor.responder = Vertex(lambda number: False)
    answer = await asked(gateway, model)
    assert (answer.status, answer.error["code"]) == (502, "provider_authentication_failed")
    assert [token(recorded) for recorded in vendor.requests] == [1, 2]
    for secret in (*SECRETS, "token-1", "token-2"):
        assert secret not in str(journal.entries)
        assert secret not in answer.body.decode()
