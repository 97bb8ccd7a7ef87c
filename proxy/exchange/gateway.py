"""What all requests share: the endpoints, the names that lead to them, the rules, the numbers."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from config.naming import Names, permits
from proxy.exchange.breaker import Breakers
from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.open_runs import OpenRuns
from proxy.exchange.prepare import Rules
from proxy.exchange.prompts import Prompts
from proxy.exchange.route import Candidate
from proxy.responses import errors
from proxy.responses.seal import Sealer
from proxy.state.store import Store
from proxy.upstream.client import Upstream
from proxy.upstream.fetcher import Fetcher
from proxy.usage.estimate import Estimator
from proxy.usage.ledger import Ledger
from proxy.usage.limits import Limits
from proxy.usage.metrics import Metrics
from proxy.usage.prices import PriceBook
from proxy.usage.spending import SpendWriter

SCHEMA_WORKERS = 2
"""How many processes check answers at a time."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks. `models` are the names it may use, or patterns with one `*`; `strict`: all its requests are;
    `limits` is what it may spend and ask for (None: anything)."""

    name: str = "default"
    models: tuple[str, ...] = ("*",)
    strict: bool = False
    limits: Limits | None = None

    def may_use(self, model: str) -> bool:
        """Whether the client may ask for the model."""
        return self.models == ("*",) or permits(self.models, model)


@dataclass(slots=True)
class StoreHealth:
    """Whether the store failed when it was last needed."""

    down: bool = False


@dataclass(frozen=True, slots=True)
class Gateway:
    """One process's gateway. `attempts` is how often an upstream call is tried before the first output; `retention` is
    in seconds, `history_limit` in bytes; `compaction_model` writes summaries (None: the model that is asked for);
    `fetcher` fetches what requests name by URL (None: nothing is fetched); `schema_workers` are slots for processes
    that check answers. `drain` is how long, in seconds, an answer is read on whose client has left; `refuse_unpriced`:
    clients with a budget cannot use models without a price; rows of the spend record are kept for `usage_retention`
    seconds."""

    endpoints: Mapping[str, Endpoint]
    names: Names
    upstream: Upstream
    sealer: Sealer
    metrics: Metrics
    estimator: Estimator
    store: Store
    prices: PriceBook
    ledger: Ledger
    spending: SpendWriter
    rules: Rules = field(default_factory=Rules)
    prompts: Prompts = field(default_factory=Prompts)
    default_model: str | None = None
    compaction_model: str | None = None
    attempts: int = 2
    retention: float = 30 * 86_400.0
    history_limit: int = 64 * 2**20
    drain: float = 1.0
    refuse_unpriced: bool = False
    usage_retention: float = 90 * 86_400.0
    fetcher: Fetcher | None = None
    schema_workers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SCHEMA_WORKERS))
    store_health: StoreHealth = field(default_factory=StoreHealth)
    open_runs: OpenRuns = field(default_factory=OpenRuns)
    breakers: Breakers = field(default_factory=Breakers)

    def store_failed(self) -> None:
        """The store could not be reached."""
        self.store_health.down = True
        self.metrics.store_failures.inc()

    async def check_store(self) -> None:
        """Raise StoreUnavailableError while the store is down: before the vendor is paid for what cannot be kept."""
        if self.store_health.down:
            await self.store.ping()
            self.store_health.down = False

    def rules_for(self, client: Client, *, strict: bool = False) -> Rules:
        """The rules for one request, which may itself ask to be `strict`; nothing makes them looser."""
        return replace(self.rules, strict=True) if strict or client.strict else self.rules

    def candidates(self, model: str, client: Client) -> list[Candidate]:
        """Where a request for the model may go, at least one place. Raises ResponsesError (400 model_not_found), which
        is also the answer for a model that the client may not use: what exists is not told."""
        found = self._named(model) if client.may_use(model) else []
        if not found:
            raise errors.model_not_found(model)
        return found

    def compacting(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Where the history of a request for these is compacted. The client need not be allowed to use it."""
        found = self._named(self.compaction_model) if self.compaction_model is not None else []
        return found or candidates

    def _named(self, model: str) -> list[Candidate]:
        return [
            Candidate(Target(self.endpoints[found.provider], found.model), found.weight)
            for found in self.names.resolve(model)
        ]
