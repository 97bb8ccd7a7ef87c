"""Prometheus metrics. The names and labels are relied upon by dashboards; label values come only from the
configuration, from closed sets, or from a bounded number of names that a vendor accepted.

On the hot path nothing is looked up by label: `series` hands out bound children, kept per provider, model and client.
"""

import re
from typing import Literal, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest

from proxy.provider.conversions import Conversion
from proxy.provider.errors import Outcome
from proxy.responses.usage import TokenCount, UsageSource
from proxy.usage.elements import OTHER, element_of

disable_created_metrics()  # type: ignore[no-untyped-call] # the library leaves it untyped

RequestOutcome: TypeAlias = Literal["completed", "incomplete", "failed", "cancelled", "rejected"]

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
    """The bound children of one provider, model and client."""

    __slots__ = ("_client", "_metrics", "_model", "_provider", "_requests", "_tokens", "duration", "overhead", "ttft")

    def __init__(self, metrics: "Metrics", provider: str, model: str, client: str) -> None:
        self._metrics = metrics
        self._provider, self._model, self._client = provider, model, client
        self._requests: dict[RequestOutcome, Counter] = {}
        self._tokens: dict[UsageSource, tuple[Counter, ...]] = {}
        self.duration: Histogram = metrics.request_seconds.labels(provider, model)
        self.ttft: Histogram = metrics.time_to_first_token_seconds.labels(provider, model)
        self.overhead: Histogram = metrics.overhead_seconds.labels(provider, model)

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
                child.inc(number)


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self._unmapped: set[str] = set()
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
        self.attempts = Counter(
            "dragoman_upstream_attempts", "Calls to a provider, by outcome.", ("provider", "outcome"), registry=registry
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
            "dragoman_store_failures_total", "Times that the store could not be reached.", registry=registry
        )
        self.background_runs = Gauge(
            "dragoman_background_runs", "Background responses that this process works at.", registry=registry
        )
        self.in_flight = Gauge("dragoman_requests_in_flight", "Requests being served.", registry=registry)
        self.streams_open = Gauge("dragoman_streams_open", "Streams being served.", registry=registry)
        self._series: dict[tuple[str, str, str], Series] = {}
        self._attempts: dict[tuple[str, Outcome], Counter] = {}
        self._known_models: set[tuple[str, str]] = set()
        self._learned = 0

    def know_model(self, provider: str, model: str) -> None:
        """Give a configured model a series of its own from the start."""
        self._known_models.add((provider, model))

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

    def count_attempt(self, provider: str, outcome: Outcome) -> None:
        """One call to a provider ended so."""
        child = self._attempts.get((provider, outcome))
        if child is None:
            child = self._attempts[provider, outcome] = self.attempts.labels(provider, outcome)
        child.inc()

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
