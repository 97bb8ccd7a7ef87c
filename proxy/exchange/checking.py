"""Whether the configured providers can be used: each is asked for its models, which costs nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from proxy.exchange import check_findings as findings
from proxy.exchange.check_findings import Asked, Report
from proxy.exchange.endpoint import Endpoint
from proxy.exchange.gateway import Gateway
from proxy.provider.contract import Call, HttpAnswer
from proxy.provider.errors import ProviderError
from proxy.upstream.client import Upstream, tls_of, written_url
from proxy.upstream.connection import Timeouts

LIMIT: Final = 20.0
"""How long one provider is checked at most, in seconds."""

PATIENCE: Final = 10.0
"""How long one answer may take, in seconds."""

BEGINNING: Final = 512
"""How much of an answer is kept, in bytes."""


async def check_all(gateway: Gateway) -> AsyncIterator[Report]:
    """What there is to say of each endpoint, in the configured order. All are asked at the same time."""
    wanted = wanted_models(gateway)
    checks = [
        asyncio.create_task(check(endpoint, gateway.upstream, wanted.get(name, ())))
        for name, endpoint in gateway.endpoints.items()
    ]
    try:
        for each in checks:
            yield await each
    finally:
        for each in checks:
            each.cancel()
        await asyncio.gather(*checks, return_exceptions=True)


def wanted_models(gateway: Gateway) -> Mapping[str, Sequence[str]]:
    """The models that the configuration names, by endpoint. Those that behave like a known model have names that only
    the operator knows, and are left out."""
    names = [*gateway.names.known(), gateway.default_model, gateway.compaction_model]
    wanted: dict[str, dict[str, None]] = {}
    for name in names:
        for target in gateway.names.resolve(name) if name is not None else ():
            if target.model not in gateway.endpoints[target.provider].base_models:
                wanted.setdefault(target.provider, {})[target.model] = None
    return {provider: list(models) for provider, models in wanted.items()}


async def check(endpoint: Endpoint, upstream: Upstream, wanted: Sequence[str] = ()) -> Report:
    """What there is to say of one endpoint. `wanted` are the models that it is to have. Never fails."""
    watched = _Watched(upstream, endpoint)
    try:
        async with asyncio.timeout(LIMIT):
            return await _checked(endpoint, watched, wanted)
    except TimeoutError:
        return watched.report(findings.too_late(LIMIT))
    except Exception as error:  # a provider of somebody else's
        return watched.report(findings.broken(error))


async def _checked(endpoint: Endpoint, watched: "_Watched", wanted: Sequence[str]) -> Report:
    provider = endpoint.provider
    try:
        await provider.authorize(Call("", b"", method="GET"), watched)
    except ProviderError as error:
        return watched.report(findings.no_credential(error, watched.last))
    watched.last = None
    try:
        models = await provider.list_models(watched)
    except ProviderError as error:
        asked = watched.last
        better = await _better_base(watched, asked) if asked is not None and findings.elsewhere(asked) else None
        return watched.report(findings.failure(error, asked, better), asked)
    asked = watched.last
    if asked is None:
        return await _without_list(endpoint, watched, models)
    accepted = await _is_asked_for(watched, asked) if watched.credential_headers else None
    return watched.report(findings.listed(models, wanted, accepted), asked)


async def _without_list(endpoint: Endpoint, watched: "_Watched", models: Sequence[str]) -> Report:
    """Of a provider that answered without asking anybody."""
    if models or not watched.is_remote:
        return watched.report(findings.needs_nobody(models))
    try:
        await watched.request("GET", endpoint.provider.base_url)
    except ProviderError as error:
        return watched.report(findings.failure(error, watched.last, None), watched.last)
    return watched.report(findings.no_list(), watched.last)


async def _is_asked_for(watched: "_Watched", asked: Asked) -> bool | None:
    """Whether the list is given to those alone who have a credential; None: nobody knows."""
    bare = {name: value for name, value in asked.headers.items() if name.lower() not in watched.credential_headers}
    try:
        answer = await watched.request("GET", asked.url, headers=bare)
    except ProviderError:
        return None
    return not 200 <= answer.status < 300


async def _better_base(watched: "_Watched", asked: Asked) -> str | None:
    """A base URL at which something answers, where at the configured one nothing did. No credential is sent there."""
    if not asked.url.startswith(watched.raw_base_url):
        # The list is elsewhere: its address says nothing of the base.
        return None
    for base in findings.other_bases(watched.base_url):
        try:
            answer = await watched.request("GET", base + asked.url.removeprefix(watched.raw_base_url))
        except ProviderError:
            return None
        if answer.status in (401, 403) or (answer.status == 200 and answer.body.lstrip()[:1] in (b"{", b"[")):
            return base
    return None


class _Watched:
    """The client that the provider is handed, which keeps how the last question went."""

    def __init__(self, upstream: Upstream, endpoint: Endpoint) -> None:
        self._upstream = upstream
        self._endpoint = endpoint
        self._timeouts = Timeouts(min(endpoint.timeouts.connect, PATIENCE), PATIENCE, PATIENCE, LIMIT)
        self._secrets: set[str] = set()
        self.last: Asked | None = None
        self.raw_base_url = endpoint.provider.base_url
        self.credential_headers = frozenset(name.lower() for name in endpoint.provider.credential_headers())
        try:
            self.base_url = written_url(self.raw_base_url, Call("", b""))
            self.is_remote = True
        except ValueError:
            self.base_url = findings.without_secrets(self.raw_base_url)
            self.is_remote = "://" in self.raw_base_url

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        """Send one request and read the whole answer. Raises ProviderError."""
        headers = headers or {}
        self._secrets |= {
            word
            for name, value in headers.items()
            if name.lower() in self.credential_headers
            for word in (value, *value.split())
            if len(word) > len("Bearer ")
        }
        base, mark, query = url.partition("?")
        call = Call(mark + query, body or b"", method=method)
        began = time.time()
        asked = self.last = Asked(url, headers)
        try:
            answer = await self._upstream.send(base, call, headers, self._timeouts, trust=self._endpoint.trust)
            self.last = asked = Asked(
                url, headers, answer.status, answer.headers, tls=tls_of(answer), skew=_skew(answer.headers, began)
            )
            try:
                whole = await answer.read()
            except BaseException:
                answer.abort()
                raise
        except ProviderError as error:
            self.last = asked.failing(error)
            raise
        self.last = asked.beginning(whole[:BEGINNING])
        return HttpAnswer(answer.status, answer.headers, whole)

    def report(self, finding: findings.Finding, asked: Asked | None = None) -> Report:
        """What there is to say, with what the connection was like."""
        endpoint = self._endpoint
        return findings.report(
            endpoint.name,
            endpoint.provider.type,
            self.base_url,
            finding,
            asked,
            secrets=self._secrets,
            secured=not self.is_remote or self.base_url.startswith("https://"),
            credential=bool(self.credential_headers),
        )


def _skew(headers: Mapping[str, str], began: float) -> float | None:
    """How many seconds this machine's clock is ahead of the server's; an answer from a cache is as old as it says."""
    try:
        told = parsedate_to_datetime(headers.get("date", "")).timestamp() + float(headers.get("age", "0"))
    except (TypeError, ValueError, OverflowError):
        return None
    # The server's clock is cut to whole seconds, and was read while the question was under way.
    return (began + time.time()) / 2 - (told + 0.5)
