"""What was measured, as the table that is printed."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.benchmarks import accounting, scrape
from tests.benchmarks.accounting import Accounting
from tests.benchmarks.scrape import Delays


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of load. `bar` is the ratio to P that the gateway has to keep; `unit` is what the CPU time is for."""

    name: str
    model: str
    size: int
    connections: int
    total: int
    bar: float
    events: int = 0

    @property
    def unit(self) -> str:
        """What one measure of CPU time is for."""
        return "event" if self.events else "request"


@dataclass(frozen=True, slots=True)
class Storing:
    """A load that is sent twice: with nothing kept, and kept. With `history` the kept one continues a response of so
    many items, the other brings them in its body. `bar` is the CPU time, in microseconds, that keeping may add to a
    request (None: there is none)."""

    name: str
    model: str
    connections: int
    total: int
    bar: float | None = None
    events: int = 0
    history: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one round of a load took: CPU microseconds a request, and the seconds to the first deltas of streams."""

    cpu: float
    first_deltas: Sequence[float] = ()


@dataclass(slots=True)
class Figures:
    """CPU microseconds of both servers, one number a round, by scenario; what keeping costs; the gateway at rest."""

    gateway: Mapping[str, list[float]]
    passthrough: Mapping[str, list[float]]
    unkept: Mapping[str, list[Cost]]
    kept: Mapping[str, list[Cost]]
    start_seconds: list[float] = field(default_factory=list)
    passthrough_start_seconds: list[float] = field(default_factory=list)
    memory_mib: float = 0.0
    passthrough_memory_mib: float = 0.0
    memory_after_mib: float = 0.0
    accounting: Accounting | None = None
    delays: Delays | None = None
    idle_ms_per_second: float = 0.0
    passthrough_idle_ms_per_second: float = 0.0


START_BAR = 1.5
MEMORY_BAR = 80.0

_ROW = "{:<28}{:>12}{:>12}{:>8}{:>8}  {:<7}{:>22}"
_COUNTING_ROW = "{:<62}{:>7}{:>6}  {:<7}{:>24}"
_STORING_ROW = "{:<40}{:>9}{:>9}{:>8}{:>6}  {:<7}{:>5}{:>20}"


def table(scenarios: Sequence[Scenario], storing: Sequence[Storing], figures: Figures) -> Iterator[str]:
    """The lines of the report."""
    yield from _ratios(scenarios, figures)
    yield ""
    yield from _storing(storing, figures, statistics.median(figures.passthrough[scenarios[0].name]))
    yield ""
    yield from _counting(figures)
    yield ""
    yield from _rest(figures)


def _ratios(scenarios: Sequence[Scenario], figures: Figures) -> Iterator[str]:
    yield _ROW.format("CPU microseconds", "gateway", "P", "ratio", "bar", "", "ratios of the rounds")
    for scenario in scenarios:
        gateway, passthrough = figures.gateway[scenario.name], figures.passthrough[scenario.name]
        ratios = [mine / bare for mine, bare in zip(gateway, passthrough, strict=True)]
        ratio = statistics.median(gateway) / statistics.median(passthrough)
        yield _ROW.format(
            f"{scenario.name}, per {scenario.unit}",
            f"{statistics.median(gateway):.1f}",
            f"{statistics.median(passthrough):.1f}",
            f"{ratio:.2f}",
            f"{scenario.bar:.2f}",
            _verdict(ratio, scenario.bar),
            f"{min(ratios):.2f} to {max(ratios):.2f}",
        ).rstrip()


def _storing(storing: Sequence[Storing], figures: Figures, bare: float) -> Iterator[str]:
    """What keeping adds; `bare` is what a request costs P."""
    yield _STORING_ROW.format("CPU microseconds", "kept", "not kept", "more", "bar", "", "of P", "more in the rounds")
    for load in storing:
        kept, unkept = figures.kept[load.name], figures.unkept[load.name]
        more = [one.cpu - other.cpu for one, other in zip(kept, unkept, strict=True)]
        median = statistics.median(more)
        yield _STORING_ROW.format(
            f"{load.name}, per request",
            f"{statistics.median(cost.cpu for cost in kept):.1f}",
            f"{statistics.median(cost.cpu for cost in unkept):.1f}",
            f"{median:.1f}",
            "" if load.bar is None else f"{load.bar:.0f}",
            "" if load.bar is None else _verdict(median, load.bar),
            f"{median / bare:.2f}",
            f"{min(more):.1f} to {max(more):.1f}",
        ).rstrip()
    for load in storing:
        if load.events:
            kept_ms, unkept_ms = (
                statistics.median(time for cost in costs[load.name] for time in cost.first_deltas) * 1e3
                for costs in (figures.kept, figures.unkept)
            )
            yield _STORING_ROW.format(
                f"{load.name}, ms to the first delta",
                f"{kept_ms:.2f}", f"{unkept_ms:.2f}", f"{kept_ms - unkept_ms:.2f}", "", "", "", "",
            ).rstrip()  # fmt: skip


def _counting(figures: Figures) -> Iterator[str]:
    """What counting costs, and what a scrape of the counts does to streams."""
    if figures.accounting is not None:
        counting, writing = figures.accounting.counting, figures.accounting.writing
        yield _COUNTING_ROW.format(
            "usage, cost, budget and metrics, CPU us a request", f"{statistics.median(counting):.1f}",
            f"{accounting.BAR:.0f}", _verdict(statistics.median(counting), accounting.BAR),
            f"{min(counting):.1f} to {max(counting):.1f}",
        ).rstrip()  # fmt: skip
        yield _COUNTING_ROW.format(
            "its row of the spend record", f"{statistics.median(writing):.1f}",
            "", "", f"{min(writing):.1f} to {max(writing):.1f}",
        ).rstrip()  # fmt: skip
    if figures.delays is not None:
        delays = figures.delays
        yield _COUNTING_ROW.format(
            f"delay of events, p99, ms, {delays.lines} lines scraped each second", f"{delays.scraped_p99:.1f}",
            f"{scrape.P99_BAR:.0f}", _verdict(delays.scraped_p99, scrape.P99_BAR),
            f"{delays.quiet_p99:.1f} without a scrape",
        ).rstrip()  # fmt: skip


def _rest(figures: Figures) -> Iterator[str]:
    yield _ROW.format("at rest", "gateway", "P", "", "bar", "", "").rstrip()
    start = statistics.median(figures.start_seconds)
    yield _ROW.format(
        "start to ready, s", f"{start:.2f}", f"{statistics.median(figures.passthrough_start_seconds):.2f}",
        "", f"{START_BAR:.2f}", _verdict(start, START_BAR), "",
    ).rstrip()  # fmt: skip
    yield _ROW.format(
        "resident memory, MiB", f"{figures.memory_mib:.1f}", f"{figures.passthrough_memory_mib:.1f}",
        "", f"{MEMORY_BAR:.0f}", _verdict(figures.memory_mib, MEMORY_BAR), "",
    ).rstrip()  # fmt: skip
    yield _ROW.format("after the load, MiB", f"{figures.memory_after_mib:.1f}", "", "", "", "", "").rstrip()
    yield _ROW.format(
        "idle CPU, ms/s", f"{figures.idle_ms_per_second:.2f}", f"{figures.passthrough_idle_ms_per_second:.2f}",
        "", "", "", "",
    ).rstrip()  # fmt: skip


def _verdict(figure: float, bar: float) -> str:
    return "met" if figure <= bar else "missed"
