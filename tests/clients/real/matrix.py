"""The matrix that a run prints: for each family the clients by scenario, and below it why something failed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from tests.clients.real.programs import Result

SIGNS: Final = {"ok": "ok", "failed": "FAILED", "skipped": "-"}
EVERY: Final = "*"
"""Stands for every client in a known gap."""

LONGEST: Final = 800
"""Of a reason, in characters."""

GAP: Final = "gap"
CLOSED: Final = "CLOSED"
"""A known gap that is none any more: its line has to go."""


UNKNOWN: Final = "this program has no such scenario"
"""What programs say of scenarios that are for other clients."""


class Cell(NamedTuple):
    """A client, a family, a scenario."""

    client: str
    family: str
    scenario: str


def is_good(cell: Cell, result: Result, gaps: Mapping[Cell, str]) -> bool:
    """Whether the cell is as it should be: a known gap has to be one."""
    return (result.verdict == "failed") == (_gap(cell, gaps) is not None)


def _gap(cell: Cell, gaps: Mapping[Cell, str]) -> Cell | None:
    """The line of the known gaps that is about the cell."""
    return next((line for line in (cell, cell._replace(client=EVERY)) if line in gaps), None)


def lines(results: Mapping[Cell, Result], scenarios: Sequence[str], gaps: Mapping[Cell, str]) -> Iterator[str]:
    """The whole report."""
    yield from _tables(results, scenarios, gaps)
    skipped: dict[tuple[str, str], dict[str, None]] = {}
    bad: dict[tuple[str, str, str], list[str]] = {}
    met: dict[Cell, None] = {}
    for cell, result in results.items():
        if result.verdict == "skipped" and result.reason != UNKNOWN:
            skipped.setdefault((cell.scenario, result.reason), {})[cell.client] = None
        if (gap := _gap(cell, gaps)) is not None:
            met[gap] = None
        if not is_good(cell, result, gaps):
            reason = result.reason or "the gap is closed"
            bad.setdefault((cell.client, cell.family, reason[:LONGEST]), []).append(cell.scenario)
    clients = {cell.client for cell in results}
    yield from _section("not there", (f"{name}: {why} ({_list(n, clients)})" for (name, why), n in skipped.items()))
    yield from _section("known gaps", (f"{_name(gap)}: {gaps[gap]}" for gap in met))
    yield from _section("failed", (f"{c} with {f}, {', '.join(names)}: {why}" for (c, f, why), names in bad.items()))


def _list(names: Collection[str], of_all: Collection[str]) -> str:
    return "every client" if len(names) == len(of_all) > 1 else ", ".join(names)


def _tables(results: Mapping[Cell, Result], scenarios: Sequence[str], gaps: Mapping[Cell, str]) -> Iterator[str]:
    clients = list(dict.fromkeys(cell.client for cell in results))
    width = max(map(len, clients), default=0)
    for family in dict.fromkeys(cell.family for cell in results):
        yield ""
        yield f"{family:{width}}  {_row(scenarios, scenarios)}"
        for client in clients:
            signs = [_sign(Cell(client, family, scenario), results, gaps) for scenario in scenarios]
            yield f"{client:{width}}  {_row(signs, scenarios)}".rstrip()


def _row(signs: Sequence[str], scenarios: Sequence[str]) -> str:
    least = max(map(len, [*SIGNS.values(), GAP, CLOSED]))
    return "  ".join(f"{sign:{max(least, len(name))}}" for sign, name in zip(signs, scenarios, strict=True))


def _sign(cell: Cell, results: Mapping[Cell, Result], gaps: Mapping[Cell, str]) -> str:
    if cell not in results:
        return ""
    if _gap(cell, gaps) is not None:
        return GAP if is_good(cell, results[cell], gaps) else CLOSED
    return SIGNS[results[cell].verdict]


def _section(title: str, entries: Iterator[str]) -> Iterator[str]:
    written = list(entries)
    if written:
        yield ""
        yield f"{title}:"
        yield from (f"  {entry}" for entry in written)


def _name(cell: Cell) -> str:
    client = "every client" if cell.client == EVERY else cell.client
    return f"{client} with {cell.family}, {cell.scenario}"
