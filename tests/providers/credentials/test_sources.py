"""Credentials of every cloud, from every place: no request fails, or waits, because one was renewed."""

import asyncio
from pathlib import Path

import pytest

from providers.credentials import Credentials
from proxy.provider.contract import Call
from proxy.provider.errors import ProviderError
from proxy.provider.renewal import EARLY, FAILED_PAUSE, PAUSE
from tests.providers.credentials.issuers import Clock, Issuers
from tests.providers.credentials.sources import SECRETS, SOURCES, WITH_TLS, Place, listen_with_tls
from tests.vendors.waiting import eventually

URL = "https://vendor.example/model/m%3A0/converse"
CALL = Call("/model/m%3A0/converse", b"{}")
REFUSED = {"x-amzn-errortype": "ExpiredTokenException:"}
"""What makes AWS's answer a refusal of the keys; elsewhere the status 401 is enough."""


@pytest.fixture(params=SOURCES)
async def credentials(
    request: pytest.FixtureRequest, issuers: Issuers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Credentials:
    """The credentials of each source in turn."""
    source, place = SOURCES[request.param], Place(issuers, monkeypatch, tmp_path)
    if source in WITH_TLS:
        await listen_with_tls(place)
    return source(place)


async def used(credentials: Credentials) -> str:
    """The token of one call."""
    headers = await credentials.authorize(CALL, URL)
    return headers.get("x-amz-security-token") or headers["authorization"].removeprefix("Bearer ")


async def test_the_first_calls_share_one_token(credentials: Credentials, issuers: Issuers) -> None:
    assert set(await asyncio.gather(*(used(credentials) for _ in range(50)))) == {"token-1"}
    assert await used(credentials) == "token-1"
    assert issuers.issued == 1


async def test_it_is_renewed_before_it_ends_while_calls_go_on(
    credentials: Credentials, issuers: Issuers, clock: Clock
) -> None:
    await used(credentials)
    clock.added += 3600 - EARLY + 1
    issuers.held = asyncio.Event()
    issuers.arrived.clear()
    assert set(await asyncio.gather(*(used(credentials) for _ in range(50)))) == {"token-1"}
    await asyncio.wait_for(issuers.arrived.wait(), 10)
    assert await used(credentials) == "token-1"
    issuers.held.set()
    assert await eventually(lambda: used(credentials), lambda token: token != "token-1") == "token-2"
    assert issuers.issued == 2


async def test_when_it_has_ended_all_calls_wait_for_one_new_one(
    credentials: Credentials, issuers: Issuers, clock: Clock
) -> None:
    await used(credentials)
    clock.added += 3601
    assert set(await asyncio.gather(*(used(credentials) for _ in range(50)))) == {"token-2"}
    assert issuers.issued == 2


async def test_an_issuer_that_is_down_is_not_noticed_while_the_old_one_is_good(
    credentials: Credentials, issuers: Issuers, clock: Clock
) -> None:
    await used(credentials)
    clock.added += 3600 - EARLY + 1
    issuers.down = True
    issuers.arrived.clear()
    assert await used(credentials) == "token-1"
    await asyncio.wait_for(issuers.arrived.wait(), 10)
    assert set(await asyncio.gather(*(used(credentials) for _ in range(50)))) == {"token-1"}
    issuers.down = False

    async def used_later() -> str:
        clock.added += PAUSE
        return await used(credentials)

    assert await eventually(used_later, lambda token: token != "token-1", every=0.05) == "token-2"


async def test_without_issuer_and_token_the_error_is_clear_and_shows_no_secret(
    credentials: Credentials, issuers: Issuers, clock: Clock
) -> None:
    await used(credentials)
    clock.added += 3601
    issuers.down = True
    outcomes = await asyncio.gather(*(used(credentials) for _ in range(20)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {ProviderError}
    for error in outcomes:
        assert isinstance(error, ProviderError)
        assert (error.error_class, error.status) == ("bad_credential", 502)
        told = f"{error!r} {error.__cause__!r} {error.__cause__}"
        assert str(error.__cause__).startswith(("AWS gave no", "Google gave no", "Entra ID gave no", "no AWS credent"))
        for shown in (*SECRETS, "token-1", "secret-1", "eyJ"):
            assert shown not in told
    issuers.down = False
    clock.added += FAILED_PAUSE
    assert await used(credentials) == "token-2"


async def test_a_refused_token_is_replaced_once_for_all_calls(credentials: Credentials, issuers: Issuers) -> None:
    assert await used(credentials) == "token-1"

    async def sent_again() -> str:
        assert credentials.renew(401, REFUSED, b"{}")
        return await used(credentials)

    assert set(await asyncio.gather(*(sent_again() for _ in range(50)))) == {"token-2"}
    assert issuers.issued == 2


async def test_another_refusal_changes_nothing(credentials: Credentials, issuers: Issuers) -> None:
    await used(credentials)
    assert not credentials.renew(403, {"x-amzn-errortype": "AccessDeniedException"}, b'{"message": "no"}')
    assert not credentials.renew(400, {}, b"{}")
    assert not credentials.renew(429, {}, b"")
    assert await used(credentials) == "token-1"
    assert issuers.issued == 1


async def test_headers_and_account_have_names_before_anybody_is_asked(
    credentials: Credentials, issuers: Issuers
) -> None:
    name, headers = credentials.fingerprint(), credentials.credential_headers()
    assert issuers.asked == []
    given = await credentials.authorize(CALL, URL)
    assert set(given) - {"x-goog-user-project"} == set(headers)
    assert credentials.fingerprint() == name
    assert len(name) == 16
    assert int(name, 16) >= 0
