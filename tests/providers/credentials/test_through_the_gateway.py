"""Requests through the whole gateway, to vendors that look at the credential of each call."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreKeys

from providers.bedrock import Bedrock
from proxy.app import Plugins
from proxy.provider.contract import Provider
from tests.providers.credentials import sources
from tests.providers.credentials.issuers import Issuers
from tests.providers.credentials.sources import SECRETS, Place
from tests.vendors import gateway as gateways_module
from tests.vendors.gateway import Gateway, Gateways, Whole
from tests.vendors.journal import Journal
from tests.vendors.script import END, Reply, Script, Turn
from tests.vendors.server import JSON, Recorded, Vendor

MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"
STATIC = {"access_key_id": "AKIDSTATIC", "secret_access_key": "secret-static"}


class WithBedrock(Plugins):
    """The installed providers, and Bedrock in any case."""

    def provider(self, name: str) -> type[Provider]:
        """As there."""
        return Bedrock if name == "bedrock" else super().provider(name)


@pytest.fixture
def place(issuers: Issuers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    monkeypatch.setattr(gateways_module, "Plugins", WithBedrock)
    return Place(issuers, monkeypatch, tmp_path)


async def asked(gateway: Gateway, model: str, **more: Any) -> Whole:
    return await gateway.create(model=model, input="Hi", max_output_tokens=100, **more)


# --- Azure: a bearer token --------------------------------------------------------------------------------------------


def bearer(recorded: Recorded) -> int:
    """The number of the token of a call."""
    return int(recorded.headers["authorization"].removeprefix("Bearer token-"))


def refusing(vendor: Vendor, refused: Callable[[int], bool]) -> None:
    """Have the vendor answer 401 to some tokens."""
    no = Reply(401, (orjson.dumps({"error": {"code": "401", "message": "token expired"}}), END), JSON)

    def answer(recorded: Recorded) -> Script:
        return no if refused(bearer(recorded)) else Turn("Hello", " there", ".")

    vendor.responder = answer


async def azure(place: Place, gateways: Gateways, vendor: Vendor) -> Gateway:
    """A gateway with a provider that uses the identity of the machine."""
    sources.managed_identity(place)
    entry = {
        "type": "azure",
        "base_url": vendor.url,
        "api": "chat",
        "entra": {"managed_identity": True, "client_id": sources.CLIENT},
    }
    return await gateways.start(providers={"house": entry})


@pytest.mark.parametrize("stream", [False, True])
async def test_a_token_that_was_refused_is_renewed_and_the_call_sent_again(
    place: Place, gateways: Gateways, vendor: Vendor, stream: bool
) -> None:
    gateway = await azure(place, gateways, vendor)
    assert (await asked(gateway, "house/gpt-4o", stream=stream)).text == "Hello there."
    refusing(vendor, lambda number: number < 2)
    answers = await asyncio.gather(*(asked(gateway, "house/gpt-4o", stream=stream) for _ in range(50)))
    assert {answer.text for answer in answers} == {"Hello there."}
    assert place.issuers.issued == 2
    assert {answer.headers["x-dragoman-attempts"] for answer in answers} == {"1"}


async def test_a_vendor_that_refuses_every_token_is_asked_twice(
    place: Place, gateways: Gateways, vendor: Vendor, journal: Journal
) -> None:
    gateway = await azure(place, gateways, vendor)
    refusing(vendor, lambda number: True)
    error = (await asked(gateway, "house/gpt-4o")).error
    assert error["code"] == "provider_authentication_failed"
    assert [bearer(recorded) for recorded in vendor.requests] == [1, 2]
    assert "token-" not in str(journal.entries)


async def test_no_request_fails_while_tokens_end_one_after_another(
    place: Place, gateways: Gateways, vendor: Vendor
) -> None:
    place.issuers.lifetime = 1
    gateway = await azure(place, gateways, vendor)
    refusing(vendor, lambda number: time.time() >= place.issuers.ends[number])
    statuses: list[int] = []

    async def go_on() -> None:
        while place.issuers.issued < 4:
            statuses.append((await asked(gateway, "house/gpt-4o")).status)

    await asyncio.gather(*(go_on() for _ in range(10)))
    assert set(statuses) == {200}
    assert place.issuers.issued < len(statuses) / 4


async def test_without_an_issuer_the_client_learns_nothing_and_the_operator_why(
    place: Place, gateways: Gateways, vendor: Vendor, journal: Journal
) -> None:
    gateway = await azure(place, gateways, vendor)
    place.issuers.down = True
    answer = await asked(gateway, "house/gpt-4o")
    assert (answer.status, answer.error["code"]) == (502, "provider_authentication_failed")
    assert answer.headers["x-should-retry"] == "false"
    assert vendor.requests == []
    assert "Entra ID gave no credential" not in answer.error["message"]
    told = str(journal.entries)
    assert "Entra ID gave no credential" in told
    for secret in SECRETS:
        assert secret not in told
        assert secret not in answer.body.decode()


# --- AWS: a signature -------------------------------------------------------------------------------------------------


class Converse:
    """Answers Converse, for calls that are signed well. `keys` gives what a key id signs with; `now` is its time."""

    def __init__(self) -> None:
        self.keys: dict[str, BotocoreKeys] = {"AKIDSTATIC": BotocoreKeys("AKIDSTATIC", "secret-static")}
        self.expired: set[str] = set()
        self.now = time.time
        self.calls: list[tuple[str, str]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Check the signature as the service does, and answer."""
        body = await request.read()
        proof = request.headers["authorization"]
        stamp = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        key = proof.partition("Credential=")[2].partition("/")[0]
        self.calls.append((key, request.raw_path))
        if key in self.expired:
            return self._refusal("ExpiredTokenException", "The security token included in the request is expired")
        if abs(stamp.timestamp() - self.now()) > 300:
            return self._refusal(
                "InvalidSignatureException", f"Signature expired: {stamp:%Y%m%dT%H%M%SZ} is now earlier"
            )
        names = proof.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        again = AWSRequest(
            method=request.method,
            url=f"{self.url}{request.raw_path}",
            data=body,
            headers={name: request.headers[name] for name in names if name != "x-amz-date"},
        )
        with patch("botocore.auth.get_current_datetime", lambda: stamp):
            SigV4Auth(self.keys[key], "bedrock", "eu-west-1").add_auth(again)
        if again.headers["authorization"] != proof:
            return self._refusal("InvalidSignatureException", "The request signature we calculated does not match")
        message = {"role": "assistant", "content": [{"text": "Hello there."}]}
        usage = {"inputTokens": 3, "outputTokens": 3, "totalTokens": 6}
        return web.json_response({"output": {"message": message}, "stopReason": "end_turn", "usage": usage})

    def _refusal(self, name: str, message: str) -> web.Response:
        date = format_datetime(datetime.fromtimestamp(self.now(), UTC), usegmt=True)
        return web.json_response(
            {"message": message}, status=403, headers={"x-amzn-errortype": f"{name}:http://x/", "date": date}
        )


@pytest.fixture
async def converse() -> AsyncIterator[Converse]:
    vendor = Converse()
    app = web.Application()
    app.router.add_post("/{path:.*}", vendor.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    vendor.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield vendor
    await runner.cleanup()


async def bedrock(gateways: Gateways, converse: Converse, **aws: str) -> Gateway:
    entry = {"type": "bedrock", "region": "eu-west-1", "base_url": converse.url, "aws": aws}
    return await gateways.start(providers={"house": entry})


@pytest.mark.usefixtures("place")
async def test_the_signature_fits_the_path_that_is_sent(gateways: Gateways, converse: Converse) -> None:
    gateway = await bedrock(gateways, converse, **STATIC)
    arn = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc"
    for model in (MODEL, arn):
        assert (await asked(gateway, f"house/{model}")).text == "Hello there."
    assert [path for _, path in converse.calls] == [
        "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse",
        "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fabc/converse",
    ]


@pytest.mark.usefixtures("place")
async def test_a_clock_that_is_wrong_is_put_right_for_all_calls(gateways: Gateways, converse: Converse) -> None:
    converse.now = lambda: time.time() + 7200
    gateway = await bedrock(gateways, converse, **STATIC)
    answers = await asyncio.gather(*(asked(gateway, f"house/{MODEL}") for _ in range(20)))
    assert {answer.text for answer in answers} == {"Hello there."}
    before = len(converse.calls)
    assert (await asked(gateway, f"house/{MODEL}")).text == "Hello there."
    assert len(converse.calls) == before + 1


async def test_keys_that_have_ended_are_renewed_and_the_call_signed_again(
    place: Place, gateways: Gateways, converse: Converse
) -> None:
    converse.keys = {f"AKID{n}": BotocoreKeys(f"AKID{n}", f"secret-{n}", f"token-{n}") for n in (1, 2)}
    sources.container(place)
    gateway = await bedrock(gateways, converse)
    assert (await asked(gateway, f"house/{MODEL}")).text == "Hello there."
    converse.expired.add("AKID1")
    answers = await asyncio.gather(*(asked(gateway, f"house/{MODEL}") for _ in range(50)))
    assert {answer.text for answer in answers} == {"Hello there."}
    assert place.issuers.issued == 2


@pytest.mark.usefixtures("place")
async def test_configured_keys_that_are_refused_are_an_error(
    gateways: Gateways, converse: Converse, journal: Journal
) -> None:
    gateway = await bedrock(gateways, converse, access_key_id="AKIDSTATIC", secret_access_key="secret-wrong")
    answer = await asked(gateway, f"house/{MODEL}")
    assert (answer.status, answer.error["code"]) == (502, "provider_authentication_failed")
    assert len(converse.calls) == 1
    for shown in ("AKIDSTATIC", "secret-wrong"):
        assert shown not in str(journal.entries)
        assert shown not in answer.body.decode()
