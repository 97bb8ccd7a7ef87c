"""Composition: from settings to a server. It wires the parts and holds no logic of its own."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import Final, Literal, TypeAlias

from aiohttp import web
from pydantic import BaseModel

from config.naming import Names
from config.quantities import ListenAddress
from config.settings import KeyReference, ProviderType, Settings
from proxy.exchange.background import BackgroundRuns
from proxy.exchange.breaker import BreakerRules, Breakers
from proxy.exchange.check_findings import Report
from proxy.exchange.checking import check_all
from proxy.exchange.dry_run import DryRun, dry_run
from proxy.exchange.endpoint import Endpoint
from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.housekeeping import Housekeeping
from proxy.exchange.key_files import KeyFiles
from proxy.exchange.model_list import ModelList
from proxy.exchange.prepare import Rules
from proxy.exchange.prompts import read_prompts
from proxy.exchange.slots import Slots
from proxy.http import (
    admin,
    compact,
    conversations,
    description,
    health,
    input_tokens,
    models,
    responses,
    stored,
    streams,
    websocket,
)
from proxy.http.access import ANYONE, Keys
from proxy.http.body import BODY_TIME
from proxy.http.places import PLACES, Places
from proxy.http.protocol import ConnectionLimits, Runner
from proxy.http.surface import GATEWAY, KEYS, surface
from proxy.provider.contract import Provider
from proxy.provider.secret import Secret
from proxy.responses.seal import Sealer, SealKey
from proxy.state.opening import default_store_url, file_of, is_shared, store_from
from proxy.state.records import SpendGroup
from proxy.state.store import Store, StoreOpenError
from proxy.upstream.client import HttpClient, Upstream
from proxy.upstream.connection import Timeouts
from proxy.upstream.fetcher import Fetcher, FetchRules, allowed_host
from proxy.upstream.trust import Trust
from proxy.usage.budget_gauges import BudgetGauges
from proxy.usage.estimate import Estimator
from proxy.usage.ledger import Ledger, LocalLedger, SharedLedger
from proxy.usage.limits import Limits, limits_of
from proxy.usage.metrics import Metrics
from proxy.usage.prices import Catalogue, PriceBook
from proxy.usage.report import Query
from proxy.usage.spending import DELAY, SHARED_DELAY, SpendWriter

PROVIDER_GROUP = "dragoman.providers"

MEMORY_LIMIT = 256 * 2**20
"""How many bytes of responses are kept in memory where nothing else is configured."""

BUDGETS_ASKED = 5.0
"""How often, in seconds, a shared store is asked at most what budgets are left."""

LAST_WORDS = 1.0
"""How long before the end of the grace, in seconds, open streams are given their terminal event."""


Role: TypeAlias = Literal["main", "metrics", "admin"]
"""What an address is for."""

FIXED: Final = ("listen", "metrics", "admin", "store", "durability", "grace")
"""Settings that hold from one start of the process to the next."""


class Plugins(Mapping[str, ProviderType]):
    """The installed providers, by type. A plugin's module is imported when it is first looked at."""

    def __init__(self) -> None:
        self._found: dict[str, EntryPoint] = {entry.name: entry for entry in entry_points(group=PROVIDER_GROUP)}
        self._loaded: dict[str, type[Provider]] = {}

    def provider(self, name: str) -> type[Provider]:
        """The provider class of a type. Raises KeyError for a type that is not installed."""
        if name not in self._loaded:
            self._loaded[name] = self._found[name].load()
        return self._loaded[name]

    def __getitem__(self, name: str) -> ProviderType:
        provider = self.provider(name)
        return ProviderType(provider.Settings, provider.environment_key)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._found))

    def __len__(self) -> int:
        return len(self._found)


class Server:
    """The gateway, listening. `start` and `stop` on the event loop."""

    def __init__(self, settings: Settings, plugins: Plugins) -> None:
        self.gateway = build_gateway(settings, plugins)
        self.background = BackgroundRuns(
            self.gateway, {client.name: client for client, _ in _clients(settings)} or {ANYONE.name: ANYONE}
        )
        self._housekeeping = Housekeeping(
            self.gateway,
            self.background,
            size_limit=_size_limit(settings),
            own_seal_key=not settings.seal_keys,
        )
        self._key_files = KeyFiles(self.gateway.metrics, _secrets_in_files(settings))
        self._watching: asyncio.Task[None] | None = None
        self._settings = settings
        self._plugins = plugins
        self._readiness = health.Readiness()
        self._runners: dict[Role, Runner] = {}
        self._loading: asyncio.Task[None] | None = None
        self.admin_port: int | None = None

    async def start(self) -> None:
        """Listen. Raises OSError, with the address as its `filename`, when one cannot be had, StoreOpenError when the
        store cannot be used."""
        await self.gateway.upstream.open()
        await self._housekeeping.start()
        self.gateway.spending.start()
        self._watching = asyncio.create_task(self._key_files.watch())
        # Whoever asks for a price before that waits for it.
        self._loading = asyncio.create_task(asyncio.to_thread(self.gateway.prices.load, self.gateway.metrics.known()))
        await self._listen("main", self._settings.listen)
        if self._settings.metrics.listen is not None:
            await self._listen("metrics", self._settings.metrics.listen)
        if self._settings.admin.listen is not None and self._settings.admin.key is not None:
            self.admin_port = await self._listen("admin", self._settings.admin.listen)
        self._readiness.ready = True

    async def stop(self) -> None:
        """Take nothing new, let what runs end within the grace, close everything."""
        self._readiness.ready = False
        grace = self._settings.grace
        # Shortly before aiohttp cuts what is left, streams are ended properly.
        patience = max(grace - LAST_WORDS, grace / 2)
        loop = asyncio.get_running_loop()
        over = loop.time() + patience
        ending = loop.call_later(patience, self._interrupt)
        background = asyncio.create_task(self._stop_background(patience))
        for runner in self._runners.values():
            await runner.cleanup()
        ending.cancel()
        await background
        if self._watching is not None:
            self._watching.cancel()
        if self._loading is not None:
            await asyncio.wait([self._loading])
        await self.gateway.open_runs.wait(over - loop.time())
        await self.gateway.ledger.close()
        await self.gateway.spending.stop()
        await self._housekeeping.stop()
        await self.gateway.upstream.close()
        if self.gateway.fetcher is not None:
            self.gateway.fetcher.close()

    async def reload(self, settings: Settings) -> list[str]:
        """Go on with other settings; no request is dropped, and what is at work ends as it began. The names of settings
        that differ and hold only from the next start on. Raises what building a gateway raises; nothing has changed
        then."""
        fixed = {name: value for name in FIXED if getattr(settings, name) != (value := getattr(self._settings, name))}
        if self._settings.seal_keys and not settings.seal_keys:
            fixed["seal_keys"] = self._settings.seal_keys
        settings = settings.model_copy(update=fixed)
        earlier = self.gateway
        gateway = build_gateway(settings, self._plugins, earlier)
        keys = Keys([(client, _secret(key)) for client, key in _clients(settings)])
        secrets = _secrets_in_files(settings)
        apps = [
            _application(role, settings, gateway, self.background, self._readiness, runner.app, keys)
            for role, runner in self._runners.items()
        ]
        await asyncio.to_thread(gateway.prices.load, gateway.metrics.known())
        # From here on nothing fails, and nobody else has a turn.
        for name, endpoint in gateway.endpoints.items():
            if name in earlier.endpoints:
                entry = settings.providers[name]
                endpoint.slots = earlier.endpoints[name].slots
                endpoint.slots.resize(entry.concurrency, settings.limits.queue)
        gateway.breakers.keep(earlier.breakers, lambda name: name[0] in gateway.endpoints)
        gateway.ledger.follow_limits(_limits(settings))
        clients = {client.name: client for client, _ in _clients(settings)} or {ANYONE.name: ANYONE}
        self.background.follow_gateway(gateway, clients)
        self._housekeeping.follow_gateway(gateway, _size_limit(settings))
        self._key_files.follow(secrets)
        self._settings, self.gateway = settings, gateway
        for app, runner in zip(apps, self._runners.values(), strict=True):
            await runner.switch(app)
        main = self._runners["main"].app
        main[PLACES].resize(settings.limits.concurrency)
        websocket.follow(main, gateway, keys)
        if earlier.fetcher is not None:
            earlier.fetcher.close()
        return list(fixed)

    def _interrupt(self) -> None:
        for runner in self._runners.values():
            if responses.STREAMS in runner.app:
                responses.interrupt_streams(runner.app)

    async def _stop_background(self, patience: float) -> None:
        """End the background runs; whoever follows one of them is told of its end first."""
        loop = asyncio.get_running_loop()
        over = loop.time() + patience
        await self.background.stop(patience)
        left = max(over - loop.time(), (self._settings.grace - patience) / 2)
        for runner in self._runners.values():
            if streams.FOLLOWERS in runner.app:
                await runner.app[streams.FOLLOWERS].release(left)

    @property
    def port(self) -> int:
        """The main port that is listened on (interesting when 0 was asked for)."""
        address = self._runners["main"].addresses[0]
        return int(address[1])

    async def _listen(self, role: "Role", address: ListenAddress) -> int:
        """Listen there, and return the port."""
        app = _application(role, self._settings, self.gateway, self.background, self._readiness)
        limits = self._settings.limits
        runner = Runner(
            app,
            limits=ConnectionLimits(limits.connections, limits.request_read, limits.client_stall),
            access_log=None,
            handle_signals=False,
            handler_cancellation=True,
            shutdown_timeout=self._settings.grace,
        )
        self._runners[role] = runner
        await runner.setup()
        try:
            await web.TCPSite(runner, address.host or None, address.port, backlog=2048).start()
        except OSError as error:
            error.filename = str(address)
            raise
        return int(runner.addresses[0][1])


def _application(
    role: Role,
    settings: Settings,
    gateway: Gateway,
    background: BackgroundRuns,
    readiness: health.Readiness,
    earlier: web.Application | None = None,
    keys: Keys | None = None,
) -> web.Application:
    """What is served at one address."""
    match role:
        case "main":
            return build_app(settings, gateway, background, readiness, earlier, keys)
        case "metrics":
            return _metrics_app(settings, gateway, readiness)
        case "admin":
            assert settings.admin.key is not None
            return _admin_app(gateway, _secret(settings.admin.key))


def build_gateway(settings: Settings, plugins: Plugins, earlier: Gateway | None = None) -> Gateway:
    """The exchange's parts for these settings. What lives as long as the process comes from an `earlier` gateway."""
    upstream = Upstream() if earlier is None else earlier.upstream
    metrics = Metrics() if earlier is None else earlier.metrics
    breakers = Breakers(metrics.set_breaker)
    endpoints: dict[str, Endpoint] = {}
    for name, entry in settings.providers.items():
        timeouts = Timeouts(entry.timeout.connect, entry.timeout.first_byte, entry.timeout.idle, entry.timeout.total)
        trust = Trust(entry.tls.ca, entry.tls.cert, entry.tls.key)
        endpoints[name] = Endpoint(
            name=name,
            provider=plugins.provider(entry.type)(entry.options, name),
            http=HttpClient(upstream, timeouts, trust),
            timeouts=timeouts,
            trust=trust,
            slots=Slots(entry.concurrency, settings.limits.queue),
            breaker=BreakerRules(entry.breaker.failures, entry.breaker.pause),
            changes={model: known.capabilities for model, known in entry.models.items()},
            base_models={model: known.base_model for model, known in entry.models.items() if known.base_model},
        )
        metrics.know_provider(name, endpoints[name].provider.price_catalogue)
        for model in entry.models:
            metrics.know_model(name, model)
    names = Names(settings)
    store = store_of(settings) if earlier is None else earlier.store
    shared = is_shared(store_url(settings))
    limits = _limits(settings)
    spending = (
        SpendWriter(store, metrics.count_spend_rows, delay=SHARED_DELAY if shared else DELAY)
        if earlier is None
        else earlier.spending
    )
    ledger: Ledger
    if earlier is not None:
        ledger = earlier.ledger
    else:
        ledger = SharedLedger(store, limits) if shared else LocalLedger(store, limits, spending.flush)
    for known in names.known():
        for target in names.resolve(known):
            metrics.know_model(target.provider, target.model)
    gateway = Gateway(
        endpoints=endpoints,
        names=names,
        upstream=upstream,
        sealer=_sealer(settings) if earlier is None or settings.seal_keys else earlier.sealer,
        metrics=metrics,
        estimator=Estimator() if earlier is None else earlier.estimator,
        store=store,
        prices=_prices(settings, endpoints),
        ledger=ledger,
        spending=spending,
        rules=Rules(
            strict=settings.strict,
            history=settings.history,
            unsupported_hosted_tools=settings.unsupported_hosted_tools,
            unknown_parameters=settings.unknown_parameters,
            compaction_instructions=settings.compaction.instructions,
        ),
        prompts=read_prompts(settings),
        default_model=settings.default_model,
        compaction_model=settings.compaction.model,
        attempts=settings.retry.attempts,
        retention=settings.retention,
        history_limit=settings.limits.history,
        drain=settings.on_disconnect.drain,
        refuse_unpriced=settings.unpriced == "refuse",
        usage_retention=settings.usage_retention,
        fetcher=_fetcher(settings),
        breakers=breakers,
    )
    if earlier is None:
        return gateway
    return replace(
        gateway,
        schema_workers=earlier.schema_workers,
        store_health=earlier.store_health,
        open_runs=earlier.open_runs,
    )


def _limits(settings: Settings) -> dict[str, Limits]:
    """What the clients may spend and ask for that may not do as they like, by name."""
    return {client.name: client.limits for client, _ in _clients(settings) if client.limits is not None}


async def translate(settings: Settings, plugins: Plugins, body: bytes, *, strict: bool = False) -> DryRun:
    """What the create request in a body would become. No network is used, and nothing is stored or found in the store.

    Raises ResponsesError for a request that would be refused.
    """
    gateway = build_gateway(settings.model_copy(update={"store": "memory://"}), plugins)
    await gateway.store.open()
    try:
        return await dry_run(gateway, body, ANYONE, strict=strict)
    finally:
        await gateway.store.close()


async def spent(settings: Settings, query: Query) -> list[SpendGroup]:
    """What was spent, as the configured store knows it. Raises StoreOpenError for a store that cannot be used or knows
    nothing, StoreUnavailableError for one that cannot be reached."""
    url = store_url(settings)
    if url.lower().startswith("memory:"):
        raise StoreOpenError(
            "The store is memory://: what was spent is known to the running process alone, which tells it at "
            "/admin/usage where admin.listen is configured."
        )
    file = file_of(url)
    if file is not None and not file.exists():
        raise StoreOpenError(f"There is no store {file}: nothing was kept yet, or it is kept elsewhere.")
    store = store_of(settings)
    await store.open()
    try:
        return await store.spend(query.by, query.since, query.until)
    finally:
        await store.close()


async def checked(settings: Settings, plugins: Plugins) -> AsyncIterator[Report]:
    """What the configured providers say when they are asked for their models, in the configured order."""
    gateway = build_gateway(settings.model_copy(update={"store": "memory://"}), plugins)
    await gateway.upstream.open()
    try:
        async for report in check_all(gateway):
            yield report
    finally:
        await gateway.upstream.close()


def store_url(settings: Settings) -> str:
    """Where responses are kept. Raises StoreOpenError where nothing is configured and there is no default."""
    return settings.store or default_store_url(os.environ)


def store_of(settings: Settings) -> Store:
    """The store, not opened yet. Raises StoreOpenError for one that cannot be had on this machine."""
    return store_from(store_url(settings), durability=settings.durability)


def build_app(
    settings: Settings,
    gateway: Gateway,
    background: BackgroundRuns,
    readiness: health.Readiness,
    earlier: web.Application | None = None,
    keys: Keys | None = None,
) -> web.Application:
    """The outer surface. What is at work in an `earlier` one can be ended by way of this one as well."""
    app = web.Application(middlewares=[surface], client_max_size=settings.limits.body)
    app[GATEWAY] = gateway
    app[KEYS] = keys or Keys([(client, _secret(key)) for client, key in _clients(settings)])
    app[streams.BACKGROUND] = background
    app[streams.HEARTBEAT] = settings.heartbeat
    app[streams.FOLLOWERS] = streams.Followers() if earlier is None else earlier[streams.FOLLOWERS]
    app[health.READINESS] = readiness
    app[health.BUDGETS] = _budget_gauges(settings, gateway)
    app[models.SERVING_SINCE] = int(time.time()) if earlier is None else earlier[models.SERVING_SINCE]
    app[models.CODEX] = settings.codex
    app[models.MODELS] = listed = _model_list(settings, gateway)
    app.on_cleanup.append(lambda _: listed.close())
    app[responses.COMMIT_AFTER] = settings.stream_commit_after
    app[responses.STREAMS] = set() if earlier is None else earlier[responses.STREAMS]
    app[PLACES] = Places(settings.limits.concurrency, gateway.metrics) if earlier is None else earlier[PLACES]
    app[BODY_TIME] = settings.limits.request_read
    websocket.install(app, earlier)
    app.router.add_routes(api_routes())
    return app


def api_routes() -> list[web.RouteDef]:
    """Everything that is served at the main address."""
    resources = (responses, websocket, input_tokens, compact, stored, conversations, models)
    return [
        *(route for prefix in ("/v1", "") for resource in resources for route in resource.routes(prefix)),
        *health.routes(),
        *description.routes(),
    ]


def _model_list(settings: Settings, gateway: Gateway) -> ModelList:
    told = {name for name, entry in settings.providers.items() if entry.list_models}
    return ModelList(
        gateway.endpoints, gateway.names, gateway.prices, gateway.upstream, told=told, keep=settings.models_cache
    )


def _clients(settings: Settings) -> list[tuple[Client, KeyReference]]:
    """The clients that are told apart, with their keys."""
    entries = settings.clients if settings.auth == "keys" else ()
    return [(Client(entry.name, entry.models, entry.strict, limits_of(entry)), entry.key) for entry in entries]


def _prices(settings: Settings, endpoints: Mapping[str, Endpoint]) -> PriceBook:
    entries = {
        (provider, model): known
        for provider, entry in settings.providers.items()
        for model, known in entry.models.items()
    }
    return PriceBook(
        {target: known.price for target, known in entries.items() if known.price is not None},
        {
            name: Catalogue(endpoint.provider.price_catalogue, endpoint.provider.base_url)
            for name, endpoint in endpoints.items()
        },
        {target: known.base_model for target, known in entries.items() if known.base_model is not None},
    )


def _size_limit(settings: Settings) -> int | None:
    """How many bytes the store may hold; memory is never without a limit."""
    if settings.limits.store is None and (settings.store or "").lower().startswith("memory:"):
        return MEMORY_LIMIT
    return settings.limits.store


def _fetcher(settings: Settings) -> Fetcher | None:
    """What fetches by the operator's rules; None where nothing is fetched."""
    fetch = settings.fetch
    if fetch.mode == "off":
        return None
    hosts = tuple(map(allowed_host, fetch.allow)) if fetch.mode == "allow" else None
    return Fetcher(FetchRules(hosts, fetch.max_bytes, fetch.timeout, fetch.max_redirects))


def _metrics_app(settings: Settings, gateway: Gateway, readiness: health.Readiness) -> web.Application:
    app = web.Application(middlewares=[surface])
    app[GATEWAY] = gateway
    app[KEYS] = Keys([])
    app[health.READINESS] = readiness
    app[health.BUDGETS] = _budget_gauges(settings, gateway)
    app.router.add_routes(health.routes())
    return app


def _budget_gauges(settings: Settings, gateway: Gateway) -> BudgetGauges:
    # Where the store has to be asked, it is not asked for every scrape.
    return BudgetGauges(gateway.ledger, gateway.metrics, BUDGETS_ASKED if is_shared(store_url(settings)) else 0.0)


def _admin_app(gateway: Gateway, key: Secret) -> web.Application:
    app = web.Application(middlewares=[surface])
    app[GATEWAY] = gateway
    app[KEYS] = admin.administrator(key)
    app.router.add_routes(admin.routes())
    return app


def _sealer(settings: Settings) -> Sealer:
    if not settings.seal_keys:
        return Sealer.ephemeral()
    return Sealer([SealKey(key.id, _secret(key.key).reveal().encode()) for key in settings.seal_keys])


def _secret(key: KeyReference) -> Secret:
    return Secret(path=key.file) if key.file is not None else Secret(key.text or "")


def _secrets_in_files(settings: Settings) -> dict[str, Secret]:
    """Every credential that stands in a file, by the name of its setting."""
    keys = {f"clients.{entry.name}.key": entry.key for entry in settings.clients}
    keys |= {f"seal_keys.{each.id}": each.key for each in settings.seal_keys}
    if settings.admin.key is not None:
        keys["admin.key"] = settings.admin.key
    found = {name: _secret(key) for name, key in keys.items()}
    for name, entry in settings.providers.items():
        found |= {f"providers.{name}.{place}": secret for place, secret in _secrets_of(entry.options)}
    return {name: secret for name, secret in found.items() if secret.file is not None}


def _secrets_of(options: BaseModel, prefix: str = "") -> Iterator[tuple[str, Secret]]:
    for name, value in options:
        if isinstance(value, Secret):
            yield prefix + name, value
        elif isinstance(value, BaseModel):
            yield from _secrets_of(value, f"{prefix}{name}.")
