"""Counters and histograms for one writer: all of them are changed on the event loop alone, and read by the thread that
renders a scrape. So they need no locks, and cost a tenth of the library's, which renders them.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar


class CounterSeries:
    """One series of a counter."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def inc(self, amount: float = 1) -> None:
        """Add an amount, which is not negative."""
        self.value += amount


class Counter(Collector):
    """A counter, named without `_total`."""

    def __init__(self, name: str, description: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self.name, self.label_names = name, tuple(labels)
        self._description = description
        self._series: dict[tuple[str, ...], CounterSeries] = {}
        if not labels:
            self.labels()
        registry.register(self)

    def labels(self, *values: str) -> CounterSeries:
        """The series with these label values; there is one from then on."""
        series = self._series.get(values)
        if series is None:
            assert len(values) == len(self.label_names)
            series = self._series[values] = CounterSeries()
        return series

    def describe(self) -> Iterator[CounterMetricFamily]:
        """What the registry asks for the name."""
        yield CounterMetricFamily(self.name, self._description, labels=self.label_names)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """What the registry asks for at each scrape."""
        family = CounterMetricFamily(self.name, self._description, labels=self.label_names)
        for values, series in list(self._series.items()):
            family.add_metric(values, series.value)
        yield family


class HistogramSeries:
    """One series of a histogram: how many values each bucket has by itself, the last one those beyond all bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total: float = 0.0

    def observe(self, value: float) -> None:
        """Take in one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add(self, other: "HistogramSeries") -> None:
        """Take in all values of a series with the same bounds."""
        counts = self.counts
        for index, count in enumerate(other.counts):
            if count:
                counts[index] += count
        self.total += other.total


class Histogram(Collector):
    """A histogram with these upper bounds of its buckets, in rising order."""

    def __init__(
        self,
        name: str,
        description: str,
        labels: Sequence[str],
        registry: CollectorRegistry,
        *,
        buckets: Sequence[float],
    ) -> None:
        self.name, self.label_names = name, tuple(labels)
        self._description = description
        self._bounds = tuple(map(float, buckets))
        self._names = [*map(str, self._bounds), "+Inf"]
        self._series: dict[tuple[str, ...], HistogramSeries] = {}
        registry.register(self)

    def labels(self, *values: str) -> HistogramSeries:
        """The series with these label values; there is one from then on."""
        series = self._series.get(values)
        if series is None:
            assert len(values) == len(self.label_names)
            series = self._series[values] = HistogramSeries(self._bounds)
        return series

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """What the registry asks for the name."""
        yield HistogramMetricFamily(self.name, self._description, labels=self.label_names)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What the registry asks for at each scrape."""
        family = HistogramMetricFamily(self.name, self._description, labels=self.label_names)
        for values, series in list(self._series.items()):
            buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
            below = 0
            for bound, count in zip(self._names, tuple(series.counts), strict=True):
                below += count
                buckets.append((bound, below))
            family.add_metric(values, buckets, series.total)
        yield family
