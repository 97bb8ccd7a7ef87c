"""Metrics under the names of OpenTelemetry's conventions for generative AI, as they stood in November 2026. They are
still in development there: what they call things stands in this module alone.

Names and units are written as OpenTelemetry's exporter for Prometheus writes them.
"""

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry

from proxy.responses.usage import TokenCount
from proxy.usage.instruments import Histogram, HistogramSeries

OPERATION: Final = "chat"

PROVIDER_NAMES: Final[Mapping[str, str]] = {
    "anthropic": "anthropic",
    "aws": "aws.bedrock",
    "azure": "azure.ai.openai",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "google": "gcp.gemini",
    "groq": "groq",
    "mistral": "mistral_ai",
    "openai": "openai",
    "perplexity": "perplexity",
    "x-ai": "x_ai",
}
"""The well-known values of `gen_ai.provider.name`, by the vendor's id in the price catalogue; others keep the name that
they are configured under."""

TOKEN_BUCKETS: Final = tuple(4**power for power in range(14))
DURATION_BUCKETS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST_CHUNK_BUCKETS: Final = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 25.0, 50.0,
)  # fmt: skip
CHUNK_BUCKETS: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)

_LABELS: Final = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")


class ChunkTimes:
    """The times between the chunks of one stream, kept apart until its end: only then is it known whose they are."""

    __slots__ = ("_last", "series")

    def __init__(self) -> None:
        self.series = HistogramSeries(CHUNK_BUCKETS)
        self._last = 0.0

    def chunk(self, now: float) -> None:
        """Output arrived, at `now` by `time.perf_counter`."""
        last, self._last = self._last, now
        if last:
            self.series.observe(now - last)

    def again(self) -> None:
        """What comes next is another call's: the time until then is none between chunks."""
        self._last = 0.0


class GenAiSeries:
    """The bound series of one provider and model."""

    __slots__ = ("_chunks", "_duration", "_errors", "_first_chunk", "_input", "_labels", "_output")

    def __init__(self, metrics: "GenAiMetrics", provider: str, model: str) -> None:
        self._labels = (OPERATION, provider, model)
        self._duration = metrics.duration
        self._errors: dict[str, HistogramSeries] = {}
        self._first_chunk = metrics.first_chunk.labels(*self._labels)
        self._chunks = metrics.chunks.labels(*self._labels)
        self._input = metrics.tokens.labels(*self._labels, "input")
        self._output = metrics.tokens.labels(*self._labels, "output")

    def observe_tokens(self, count: TokenCount) -> None:
        """The tokens of one response."""
        self._input.observe(count.input_tokens)
        self._output.observe(count.output_tokens)

    def observe_duration(self, seconds: float, error_type: str) -> None:
        """How long the operation took; `error_type` is empty for one that did not fail."""
        series = self._errors.get(error_type)
        if series is None:
            series = self._errors[error_type] = self._duration.labels(*self._labels, error_type)
        series.observe(seconds)

    def observe_chunks(self, first: float, times: ChunkTimes) -> None:
        """A stream's: how long after the call its first output came, and the times between the others."""
        self._first_chunk.observe(first)
        self._chunks.add(times.series)


class GenAiMetrics:
    """The metrics; labels are the operation, the provider by its conventional name, and the target's model."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of a response.",
            (*_LABELS, "gen_ai_token_type"),
            registry,
            buckets=TOKEN_BUCKETS,
        )
        self.duration = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "From the first call to the provider to the end of the answer.",
            (*_LABELS, "error_type"),
            registry,
            buckets=DURATION_BUCKETS,
        )
        self.first_chunk = Histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "From the first call to the provider to its first output.",
            _LABELS,
            registry,
            buckets=FIRST_CHUNK_BUCKETS,
        )
        self.chunks = Histogram(
            "gen_ai_client_operation_time_per_output_chunk_seconds",
            "From one piece of a streamed answer to the next.",
            _LABELS,
            registry,
            buckets=CHUNK_BUCKETS,
        )
        self._names: dict[str, str] = {}
        self._series: dict[tuple[str, str], GenAiSeries] = {}

    def know_provider(self, provider: str, catalogue_id: str | None) -> None:
        """Give a configured provider its conventional name."""
        self._names[provider] = PROVIDER_NAMES.get(catalogue_id or "", provider)

    def series(self, provider: str, model: str) -> GenAiSeries:
        """The children for a target, whose names are known to be bounded."""
        name = self._names.get(provider, provider)
        series = self._series.get((name, model))
        if series is None:
            series = self._series[name, model] = GenAiSeries(self, name, model)
        return series
