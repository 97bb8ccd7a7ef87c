"""A server on a loopback socket that plays the services which issue credentials: the metadata of instances, containers
and machines, token endpoints of AWS, Google and Microsoft."""

import asyncio
import base64
import json
import ssl
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from aiohttp import web

Reply = dict[str, Any] | str

ASSUMED = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><SubjectFromWebIdentityToken>pod</SubjectFromWebIdentityToken>
<AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/gateway/s</Arn><AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>{AccessKeyId}</AccessKeyId><SecretAccessKey>{SecretAccessKey}</SecretAccessKey>
<SessionToken>{Token}</SessionToken><Expiration>{Expiration}</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>"""


class Clock:
    """The time as it is, and what a test adds to it."""

    def __init__(self) -> None:
        self.added = 0.0

    def __call__(self) -> float:
        return time.time() + self.added


class Asked:
    """A request to an issuer."""

    def __init__(self, request: web.Request, body: str) -> None:
        self.method = request.method
        self.path = request.path
        self.query = dict(request.query)
        self.headers = request.headers
        self.body = body

    @property
    def form(self) -> dict[str, str]:
        """The body's form."""
        return {name: values[0] for name, values in parse_qs(self.body).items()}


class Issuers:
    """The server. What it issues is numbered: `issued` of them so far, each good for `lifetime` seconds by `clock`, to
    the time in `ends`.

    `down`: it refuses whoever asks, and repeats in its answer all that it was sent. `held`: it issues when that is set.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lifetime = 3600.0
        self.issued = 0
        self.ends: dict[int, float] = {}
        self.down = False
        self.held: asyncio.Event | None = None
        self.arrived = asyncio.Event()
        self.asked: list[Asked] = []
        self.tls: ssl.SSLContext | None = None
        self.port = 0
        self.tls_port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._runner is not None
        if self.held is not None:
            self.held.set()
        await self._runner.cleanup()

    async def listen_with_tls(self, context: ssl.SSLContext) -> None:
        """Answer on another port, too, with TLS."""
        assert self._runner is not None
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        self.tls_port = int(self._runner.addresses[-1][1])

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """Where it listens with TLS."""
        return f"https://localhost:{self.tls_port}"

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [asked.path for asked in self.asked]

    # --- answers -----------------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        response = await self._reply(request)
        # Nothing stays open between the threads of clients and the end of the event loop.
        response.force_close()
        return response

    async def _reply(self, request: web.Request) -> web.Response:
        asked = Asked(request, await request.text())
        self.asked.append(asked)
        path = asked.path
        if path == "/latest/api/token":
            return web.Response(text="imds-session")
        if path in ("/", "/latest/meta-data/iam/security-credentials/"):
            return web.Response(text="gateway-role", headers={"metadata-flavor": "Google"})
        if path.endswith("/.well-known/openid-configuration"):
            return web.json_response(_authority(self.tls_url, path))
        if path == "/computeMetadata/v1/project/project-id":
            return web.Response(text="machine-project", headers={"metadata-flavor": "Google"})
        if path == "/subject":
            return web.Response(text="subject-token")
        # From here on something is issued.
        if path == "/computeMetadata/v1/instance/service-accounts/default/":
            return web.json_response(
                {"email": "m@machine-project", "scopes": ["s"]}, headers={"metadata-flavor": "Google"}
            )
        self.arrived.set()
        if self.held is not None:
            await self.held.wait()
        if self.down:
            return web.json_response(self._refusal(asked), status=403)
        self.issued += 1
        made = self._made(path)
        if isinstance(made, str):
            return web.Response(text=made, content_type="text/xml")
        return web.json_response(made, headers={"metadata-flavor": "Google"})

    def _refusal(self, asked: Asked) -> dict[str, Any]:
        told = f"not for {asked.body} {dict(asked.headers)} {asked.query}"
        return {"error": "invalid_client", "error_description": told, "message": told, "access_token": told}

    def _made(self, path: str) -> Reply:
        number, ends = self.issued, self.clock() + self.lifetime
        self.ends[number] = ends
        if path in ("/container", "/latest/meta-data/iam/security-credentials/gateway-role", "/sts"):
            keys = {
                "Code": "Success",
                "AccessKeyId": f"AKID{number}",
                "SecretAccessKey": f"secret-{number}",
                "Token": f"token-{number}",
                "Expiration": datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            return ASSUMED.format_map({name: escape(value) for name, value in keys.items()}) if path == "/sts" else keys
        token: dict[str, Any] = {
            "access_token": f"token-{number}",
            "token_type": "Bearer",
            "expires_in": round(ends - time.time()),
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        }
        if path == "/azure/identity":
            # An absolute time, and text: so App Service writes it.
            token |= {"expires_on": str(round(ends)), "resource": "r"}
        return token


def _authority(base: str, path: str) -> dict[str, Any]:
    tenant = path.split("/")[1]
    return {
        "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
        "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
        "issuer": f"{base}/{tenant}/v2.0",
    }


def claims(token: str) -> dict[str, Any]:
    """What a JSON web token says."""
    body = token.split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return read
