"""Prometheus metrics. The names and labels are relied upon by dashboards; label values come only from the
configuration, from closed sets, or from a bounded number of names that a vendor accepted.

On the hot path nothing is looked up by label: `series` hands out bound series, kept per provider, model and client.
"""

import re
from typing import Final, Literal, TypeAlias, get_args

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import generate_latest

from proxy.provider.conversions import Conversion
from proxy.provider.errors import Outcome
from proxy.responses.usage import TokenCount, UsageSource
from proxy.usage.elements import OTHER, element_of
from proxy.usage.gen_ai import GenAiMetrics
from proxy.usage.instruments import Counter, CounterSeries, Histogram
from proxy.usage.prices import PER_USD, PriceSource

RefusalReason: TypeAlias = Literal["concurrency", "queue", "breaker", "connections", "request_read", "client_stall"]
"""Why the gateway refused a request, or dropped a connection, to protect itself or a vendor."""

REFUSAL_REASONS: Final[tuple[RefusalReason, ...]] = get_args(RefusalReason)

_BREAKER_VALUES: Final = {"closed": 0.0, "half_open": 0.5, "open": 1.0}

RequestOutcome: TypeAlias = Literal["completed", "incomplete", "failed", "cancelled", "rejected"]

LimitName: TypeAlias = Literal["budget", "unpriced", "requests", "tokens", "streams"]

KINDS = ("input", "cache_read", "cache_write", "output", "reasoning")

MAX_LEARNED_MODELS = 200
"""How many model names that stand in no configuration may get series of their own; the rest is `other`."""

DURATION_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1800)
FIRST_TOKEN_BUCKETS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12, 25, 50, 100)
OVERHEAD_BUCKETS = (0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.05, 0.2, 1)

MAX_UNMAPPED = 100
"""How many parts of answers without a form are told apart."""

_UNMAPPED_NAME = re.compile(r"[a-z0-9_.]{1,64}")


class Series:
    """The bound series of one provider, model and client."""

    __slots__ = (
        "_client",
        "_costs",
        "_estimated",
        "_metrics",
        "_model",
        "_provider",
        "_requests",
        "_saved",
        "_tokens",
        "_unpriced",
        "duration",
        "gen_ai",
        "overhead",
        "ttft",
    )

    def __init__(self, metrics: "Metrics", provider: str, model: str, client: str) -> None:
        self._metrics = metrics
        self._provider, self._model, self._client = provider, model, client
        self._requests: dict[RequestOutcome, CounterSeries] = {}
        self._tokens: dict[UsageSource, tuple[CounterSeries, ...]] = {}
        self.duration = metrics.request_seconds.labels(provider, model)
        self.ttft = metrics.time_to_first_token_seconds.labels(provider, model)
        self.overhead = metrics.overhead_seconds.labels(provider, model)
        self.gen_ai = metrics.gen_ai.series(provider, model)
        self._costs: dict[PriceSource, CounterSeries] = {}
        self._estimated: CounterSeries | None = None
        self._saved: Gauge | None = None
        self._unpriced: CounterSeries | None = None

    @property
    def model(self) -> str:
        """The value of the label, which is the target's model or `other`."""
        return self._model

    def count_request(self, outcome: RequestOutcome) -> None:
        """One request ended so."""
        child = self._requests.get(outcome)
        if child is None:
            child = self._metrics.requests.labels(self._provider, self._model, self._client, outcome)
            self._requests[outcome] = child
        child.inc()

    def count_tokens(self, count: TokenCount, source: UsageSource) -> None:
        """Add the counts, cut into disjoint kinds that sum to the total."""
        children = self._tokens.get(source)
        if children is None:
            labels = (self._provider, self._model, self._client)
            children = self._tokens[source] = tuple(
                self._metrics.tokens.labels(*labels, kind, source) for kind in KINDS
            )
        for child, number in zip(children, disjoint(count), strict=True):
            if number:
                child.value += number

    def count_cost(self, cost: int, price_source: PriceSource, *, estimated: bool) -> None:
        """Add a cost, in USD * 10**12; `estimated`: of tokens that nobody but us has counted."""
        child = self._costs.get(price_source)
        if child is None:
            labels = (self._provider, self._model, self._client, price_source)
            child = self._costs[price_source] = self._metrics.cost.labels(*labels)
        child.inc(cost / PER_USD)
        if estimated:
            if self._estimated is None:
                self._estimated = self._metrics.estimated_cost.labels(self._provider, self._model, self._client)
            self._estimated.inc(cost / PER_USD)

    def count_saved(self, amount: int) -> None:
        """Add what the vendor's cache spared, in USD * 10**12; below zero where writing to it cost more."""
        if self._saved is None:
            self._saved = self._metrics.cache_saved.labels(self._provider, self._model, self._client)
        self._saved.inc(amount / PER_USD)

    def count_unpriced(self, tokens: int) -> None:
        """Add tokens that nobody has a price for."""
        if self._unpriced is None:
            self._unpriced = self._metrics.unpriced.labels(self._provider, self._model)
        self._unpriced.inc(tokens)


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self._unmapped: set[str] = set()
        self._unpriced_models: set[tuple[str, str]] = set()
        registry = self.registry = CollectorRegistry()
        target = ("provider", "model")
        self.requests = Counter(
            "dragoman_requests", "Requests, by how they ended.", (*target, "client", "outcome"), registry=registry
        )
        self.tokens = Counter(
            "dragoman_tokens",
            "Tokens; the kinds are disjoint and sum to the total.",
            (*target, "client", "kind", "source"),
            registry=registry,
        )
        self.request_seconds = Histogram(
            "dragoman_request_seconds", "From the request's arrival to the end of its answer.", target,
            buckets=DURATION_BUCKETS, registry=registry,
        )  # fmt: skip
        self.time_to_first_token_seconds = Histogram(
            "dragoman_time_to_first_token_seconds", "From the request's arrival to the first output.", target,
            buckets=FIRST_TOKEN_BUCKETS, registry=registry,
        )  # fmt: skip
        self.overhead_seconds = Histogram(
            "dragoman_overhead_seconds", "What the gateway itself took: all but the waiting for the vendor.", target,
            buckets=OVERHEAD_BUCKETS, registry=registry,
        )  # fmt: skip
        priced = ("provider", "model", "client")
        self.cost = Counter(
            "dragoman_cost_usd", "What tokens cost, in USD.", (*priced, "price_source"), registry=registry
        )
        self.estimated_cost = Counter(
            "dragoman_estimated_cost_usd",
            "The part of the cost whose tokens are estimated, in USD.",
            priced,
            registry=registry,
        )
        self.cache_saved = Gauge(
            "dragoman_cache_saved_usd",
            "What reading from the vendors' caches spared since the start, less what writing to them cost, in USD.",
            priced,
            registry=registry,
        )
        self.unpriced = Counter(
            "dragoman_unpriced_tokens", "Tokens of models without a price.", target, registry=registry
        )
        self.budget_limit = Gauge(
            "dragoman_budget_limit_usd", "What a client may spend, in USD.", ("client", "per"), registry=registry
        )
        self.budget_spent = Gauge(
            "dragoman_budget_spent_usd",
            "What a client has spent in the current day, month or in all, in USD.",
            ("client", "per"),
            registry=registry,
        )
        self.limited = Counter(
            "dragoman_limited_requests",
            "Requests that were refused because of a client's budget or limit.",
            ("client", "limit"),
            registry=registry,
        )
        self.key_files = Gauge(
            "dragoman_key_file_unusable",
            "Key files that cannot be read: 1 while the last key that was read holds, else 0.",
            ("setting",),
            registry=registry,
        )
        self.reloads = Counter(
            "dragoman_config_reloads", "Times that the configuration was read again.", ("result",), registry=registry
        )
        for result in ("taken", "refused"):
            self.reloads.labels(result)
        self.refused = Counter(
            "dragoman_refused_requests",
            "Requests that were refused, and connections that were dropped, for the sake of all others.",
            ("reason",),
            registry=registry,
        )
        for reason in REFUSAL_REASONS:
            self.refused.labels(reason)
        self.spend_rows = Counter(
            "dragoman_spend_rows", "Rows of the spend record, by what became of them.", ("result",), registry=registry
        )
        for result in ("written", "lost"):
            # A first lost row is to be seen as a rise.
            self.spend_rows.labels(result)
        self.gen_ai = GenAiMetrics(registry)
        self.attempts = Counter(
            "dragoman_upstream_attempts", "Calls to a provider, by outcome.", ("provider", "outcome"), registry=registry
        )
        self.breakers = Gauge(
            "dragoman_breaker_open",
            "Targets that failed again and again: 1 while one is left alone, 0.5 while it is tried, else 0.",
            target,
            registry=registry,
        )
        self.conversions = Counter(
            "dragoman_conversions",
            "Elements of requests that were not carried as they are.",
            ("provider", "element", "disposition"),
            registry=registry,
        )
        self.forgotten = Counter(
            "dragoman_store_forgotten_total",
            "Stored responses that were forgotten: because they expired, or to stay within the size limit.",
            ("reason",),
            registry=registry,
        )
        self.store_failures = Counter(
            "dragoman_store_failures_total", "Times that the store could not be reached.", (), registry
        ).labels()
        # A counter that began again is told from one that is new by this.
        self.start_time = Gauge(
            "dragoman_start_time_seconds", "When this process began to count, in Unix time.", registry=registry
        )
        self.start_time.set_to_current_time()
        self.background_runs = Gauge(
            "dragoman_background_runs", "Background responses that this process works at.", registry=registry
        )
        self.in_flight = Gauge("dragoman_requests_in_flight", "Requests being served.", registry=registry)
        self.streams_open = Gauge("dragoman_streams_open", "Streams being served.", registry=registry)
        self._series: dict[tuple[str, str, str], Series] = {}
        self._attempts: dict[tuple[str, Outcome], CounterSeries] = {}
        self._known_models: set[tuple[str, str]] = set()
        self._learned = 0

    def know_provider(self, provider: str, catalogue_id: str | None) -> None:
        """Tell of a configured provider, and whose prices hold for it."""
        self.gen_ai.know_provider(provider, catalogue_id)

    def know_model(self, provider: str, model: str) -> None:
        """Give a configured model a series of its own from the start."""
        self._known_models.add((provider, model))

    def known(self) -> list[tuple[str, str]]:
        """The providers and models that have a series of their own."""
        return list(self._known_models)

    def has_series(self, provider: str, model: str) -> bool:
        """Whether a model has a series of its own."""
        return (provider, model) in self._known_models

    def series(self, provider: str, model: str, client: str, *, vendor_accepted: bool) -> Series:
        """The children for a target. A model that is in no configuration gets its own name only after the vendor
        answered it once, and only while there are fewer than `MAX_LEARNED_MODELS` of them."""
        if (provider, model) not in self._known_models:
            if vendor_accepted and self._learned < MAX_LEARNED_MODELS:
                self._known_models.add((provider, model))
                self._learned += 1
            else:
                model = "other"
        key = (provider, model, client)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(self, provider, model, client)
        return series

    def count_rejected(self, client: str) -> None:
        """A request that was refused before it had a target."""
        self.requests.labels("none", "none", client, "rejected").inc()

    def first_unpriced(self, provider: str, model: str) -> bool:
        """Whether nothing was said yet of this target, whose names are known to be bounded, having no price."""
        known = len(self._unpriced_models)
        self._unpriced_models.add((provider, model))
        return len(self._unpriced_models) > known

    def count_limited(self, client: str, limit: LimitName) -> None:
        """A request was refused because of a client's budget or limit."""
        self.limited.labels(client, limit).inc()

    def count_refused(self, reason: RefusalReason) -> None:
        """A request was refused, or a connection dropped, because there is too much to do."""
        self.refused.labels(reason).inc()

    def count_spend_rows(self, result: str, rows: int) -> None:
        """Rows of the spend record were written, or lost."""
        self.spend_rows.labels(result).inc(rows)

    def set_budget(self, client: str, per: str, limit: int, spent: int) -> None:
        """What a client may spend, and has spent, in USD * 10**12."""
        self.budget_limit.labels(client, per).set(limit / PER_USD)
        self.budget_spent.labels(client, per).set(spent / PER_USD)

    def count_attempt(self, provider: str, outcome: Outcome) -> None:
        """One call to a provider ended so."""
        child = self._attempts.get((provider, outcome))
        if child is None:
            child = self._attempts[provider, outcome] = self.attempts.labels(provider, outcome)
        child.inc()

    def set_breaker(self, target: tuple[str, str], state: Literal["closed", "half_open", "open"]) -> None:
        """The breaker of a target, which is a provider's name and a model, has another state now. Names that nobody
        configured, and no vendor knows, have no series."""
        if target in self._known_models:
            self.breakers.labels(*target).set(_BREAKER_VALUES[state])

    def count_conversion(self, provider: str, conversion: Conversion) -> None:
        """One element was carried in another form, or not at all."""
        self.conversions.labels(provider, element_of(conversion.path), conversion.disposition).inc()

    def count_refusal(self, provider: str, path: str) -> None:
        """One element was refused."""
        self.conversions.labels(provider, element_of(path), "refused").inc()

    def count_unmapped(self, provider: str, name: str) -> str:
        """Count a part of an answer that has no form here, and give the element that it counts as: `output.` and its
        provider's name for it. Names come from the providers' code; of more than a hundred the rest are `other`."""
        if name not in self._unmapped:
            known = len(self._unmapped) < MAX_UNMAPPED and _UNMAPPED_NAME.fullmatch(name) is not None
            name = name if known else OTHER
            self._unmapped.add(name)
        element = f"output.{name}"
        self.conversions.labels(provider, element, "dropped").inc()
        return element

    def render(self) -> bytes:
        """The exposition text. Takes milliseconds for thousands of lines: call it off the event loop."""
        return generate_latest(self.registry)


def disjoint(count: TokenCount) -> tuple[int, int, int, int, int]:
    """The count cut into the disjoint `KINDS`, in their order."""
    return (
        count.input_tokens - count.cached_tokens - count.cache_write_tokens,
        count.cached_tokens,
        count.cache_write_tokens,
        count.output_tokens - count.reasoning_tokens,
        count.reasoning_tokens,
    )
