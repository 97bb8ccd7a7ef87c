"""Tokens of the clouds: asked for where they are issued, and anew when the host refuses one."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.mistral import Mistral, MistralSettings
from proxy.provider.contract import Call, HttpAnswer

CALL = Call("/mistral-medium-3:rawPredict", b"{}")


class Refusing:
    """An HTTP client that nobody may use."""

    async def request(self, method: str, url: str, **rest: Any) -> HttpAnswer:
        raise AssertionError(url)


@asynccontextmanager
async def issuer(asked: list[str]) -> AsyncIterator[str]:
    """A token endpoint that numbers its tokens."""

    async def token(request: web.Request) -> web.Response:
        asked.append(str((await request.post())["grant_type"]))
        return web.json_response({"access_token": f"token-{len(asked)}", "expires_in": 3600, "token_type": "Bearer"})

    app = web.Application()
    app.router.add_post("/token", token)
    async with TestServer(app) as server:
        yield str(server.make_url("/token"))


def account(folder: Path, token_uri: str) -> Path:
    """The file of a service account."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    file = folder / "account.json"
    members = {
        "type": "service_account",
        "project_id": "of-the-file",
        "private_key": pem,
        "client_email": "house@of-the-file.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }
    file.write_text(json.dumps(members))
    return file


async def test_a_service_account_leads_to_vertex(tmp_path: Path) -> None:
    asked: list[str] = []
    async with issuer(asked) as address:
        given = {"location": "europe-west4", "google": {"credentials_file": str(account(tmp_path, address))}}
        provider = Mistral(MistralSettings.model_validate(given))
        assert "/projects/of-the-file/locations/europe-west4/" in provider.base_url
        first = await provider.authorize(CALL, Refusing())
        assert first == {"authorization": "Bearer token-1"}
        assert list(provider.credential_headers()) == list(first)
        assert await provider.authorize(CALL, Refusing()) == first
        assert not provider.renew(403, {}, b"")
        assert provider.renew(401, {}, b"")
        assert await provider.authorize(CALL, Refusing()) == {"authorization": "Bearer token-2"}
    assert len(asked) == 2
    assert len(provider.origin("m").account) == 16


async def test_a_key_is_not_renewed() -> None:
    provider = Mistral(MistralSettings.model_validate({"api_key": "k"}))
    assert not provider.renew(401, {}, b"")


def test_an_application_of_entra_leads_to_azure() -> None:
    entra = {"tenant_id": "t", "client_id": "c", "client_secret": "shh"}
    given = {"base_url": "https://gateway.example/models", "entra": entra}
    provider = Mistral(MistralSettings.model_validate(given))
    assert provider.settings.host_name == "azure"
    assert provider.credential_headers() == ("authorization",)
    assert "shh" not in repr(provider.settings)
