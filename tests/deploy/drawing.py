"""Draws a dashboard as SVG: the panels where they stand, with what a Prometheus answers to their queries."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

Labels = Mapping[str, str]
Series = Sequence[tuple[float, float]]
"""Points of time and value."""

COLUMN: Final = 50
ROW: Final = 36
GAP: Final = 8
COLOURS: Final = ("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0", "#508642")
LEGEND: Final = 5
"""How many series a legend names."""

STEPS: Final[Mapping[str, str]] = {"green": "#73bf69", "yellow": "#f2cc0c", "red": "#f2495c", "blue": "#5794f2"}


@dataclass(frozen=True, slots=True)
class Answers:
    """What Prometheus says: of an instant, and over the time that is drawn."""

    instant: Callable[[str], Sequence[tuple[Labels, float]]]
    over_time: Callable[[str], Sequence[tuple[Labels, Series]]]


def drawn(dashboard: Mapping[str, Any], answers: Answers) -> str:
    """The dashboard as the text of an SVG."""
    panels = dashboard["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) * ROW + 60
    parts = [text(12, 30, dashboard["title"], size=20, colour="#d8d9da", weight="600")]
    for panel in panels:
        parts += _panel(panel, answers)
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {24 * COLUMN} {height}" font-family="sans-serif">\n'
        f'<rect width="100%" height="100%" fill="#111217"/>\n{body}\n</svg>\n'
    )


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 12,
    colour: str = "#9fa7b3",
    weight: str = "400",
    anchor: str = "start",
) -> str:
    """Words at a place."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )


def _panel(panel: Mapping[str, Any], answers: Answers) -> Iterator[str]:
    place = panel["gridPos"]
    x, y = place["x"] * COLUMN + GAP / 2, place["y"] * ROW + 50
    width, height = place["w"] * COLUMN - GAP, place["h"] * ROW - GAP
    if panel["type"] == "row":
        yield text(x + 4, y + 20, f"▾ {panel['title']}", size=14, colour="#d8d9da", weight="600")
        return
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="#181b1f" stroke="#25272e"/>'
    yield text(x + 8, y + 18, panel["title"], size=13, colour="#d8d9da", weight="500")
    defaults = panel["fieldConfig"]["defaults"]
    unit = defaults.get("unit", "short")
    match panel["type"]:
        case "stat":
            values = [value for target in panel["targets"] for _, value in answers.instant(target["expr"])]
            shown = in_unit(values[0], unit) if values else "No data"
            size = 26 if len(shown) < 12 else 20
            colour = _colour(defaults, values[0]) if values else "#9fa7b3"
            yield text(
                x + width / 2, y + height / 2 + 16, shown, size=size, colour=colour, weight="600", anchor="middle"
            )
        case "table":
            yield from _table(panel, answers, x, y, width, height)
        case "bargauge":
            yield from _bars(panel, answers, x, y, width, unit)
        case _:
            yield from _lines(panel, answers, (x, y, width, height), unit)


def _lines(
    panel: Mapping[str, Any], answers: Answers, frame: tuple[float, float, float, float], unit: str
) -> Iterator[str]:
    x, y, width, height = frame
    found = [
        (named(target.get("legendFormat", "__auto"), labels), points)
        for target in panel["targets"]
        for labels, points in answers.over_time(target["expr"])
    ]
    found = [(name, [point for point in points if math.isfinite(point[1])]) for name, points in found]
    found = sorted(
        ((name, points) for name, points in found if points), key=lambda each: -max(value for _, value in each[1])
    )
    left, top, right, bottom = x + 58, y + 30, x + width - 10, y + height - 16 - 15 * min(len(found), LEGEND)
    if not found:
        yield text(x + width / 2, y + height / 2, "No data", anchor="middle")
        return
    times = [moment for _, points in found for moment, _ in points]
    first, last = min(times), max(max(times), min(times) + 1)
    most = max(value for _, points in found for _, value in points) or 1.0
    for step in range(3):
        level = bottom - (bottom - top) * step / 2
        yield f'<line x1="{left}" y1="{level:.1f}" x2="{right}" y2="{level:.1f}" stroke="#25272e"/>'
        yield text(left - 6, level + 4, in_unit(most * step / 2, unit), size=10, anchor="end")
    for index, (_, points) in reversed(list(enumerate(found))):
        path = " ".join(
            f"{left + (moment - first) / (last - first) * (right - left):.1f},"
            f"{bottom - value / most * (bottom - top):.1f}"
            for moment, value in points
        )
        colour = COLOURS[index % len(COLOURS)]
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    for index, (name, points) in enumerate(found[:LEGEND]):
        level = bottom + 18 + 15 * index
        yield f'<rect x="{x + 10}" y="{level - 6}" width="12" height="4" fill="{COLOURS[index % len(COLOURS)]}"/>'
        yield text(x + 28, level, _short(name, width / 9), size=11)
        yield text(right, level, in_unit(points[-1][1], unit), size=11, anchor="end")


def _bars(panel: Mapping[str, Any], answers: Answers, x: float, y: float, width: float, unit: str) -> Iterator[str]:
    found = [
        (named(target.get("legendFormat", "__auto"), labels), value)
        for target in panel["targets"]
        for labels, value in answers.instant(target["expr"])
        if math.isfinite(value)
    ]
    for index, (name, value) in enumerate(found[:6]):
        level = y + 38 + 24 * index
        yield text(x + 10, level + 12, _short(name, 24), size=12)
        long = max(0.0, min(1.0, value)) * (width - 290)
        colour = _colour(panel["fieldConfig"]["defaults"], value)
        yield f'<rect x="{x + 190}" y="{level}" width="{width - 290:.1f}" height="15" fill="#25272e"/>'
        yield f'<rect x="{x + 190}" y="{level}" width="{long:.1f}" height="15" fill="{colour}"/>'
        yield text(x + width - 12, level + 12, in_unit(value, unit), size=12, anchor="end")


def _table(
    panel: Mapping[str, Any], answers: Answers, x: float, y: float, width: float, height: float
) -> Iterator[str]:
    columns: list[str] = []
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for target in panel["targets"]:
        for labels, value in answers.instant(target["expr"]):
            columns = columns or [name for name in labels if name != "__name__"]
            rows.setdefault(tuple(labels.get(name, "") for name in columns), {})[target["refId"]] = value
    if not rows:
        yield text(x + width / 2, y + height / 2, "Nothing", anchor="middle")
        return
    titles = _titles(panel)
    shown = [*columns, *(target["refId"] for target in panel["targets"])]
    each = (width - 20) / len(shown)
    for index, name in enumerate(shown):
        title, _ = titles.get(name, (name, "short"))
        yield text(x + 10 + each * index, y + 42, _short(title, each / 7), size=11, colour="#6e9fff")
    order = sorted(rows.items(), key=lambda row: -max(row[1].values()))
    for line, (key, values) in enumerate(order[: int((height - 50) / 20)]):
        level = y + 62 + 20 * line
        for index, name in enumerate(shown):
            _, unit = titles.get(name, (name, "short"))
            cell = key[index] if index < len(columns) else in_unit(values[name], unit) if name in values else ""
            yield text(x + 10 + each * index, level, _short(cell, each / 7), size=12, colour="#ccccdc")


def _titles(panel: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Title and unit of each column, which Grafana's transformations and overrides give it."""
    renamed: dict[str, str] = {}
    for step in panel.get("transformations", ()):
        renamed |= step.get("options", {}).get("renameByName", {})
    units = {
        override["matcher"]["options"]: entry["value"]
        for override in panel["fieldConfig"]["overrides"]
        for entry in override["properties"]
        if entry["id"] == "unit"
    }
    titles = {}
    for target in panel["targets"]:
        name = target["refId"]
        title = renamed.get(f"Value #{name}") or renamed.get("Value", name)
        titles[name] = (title, units.get(title, panel["fieldConfig"]["defaults"].get("unit", "short")))
    return {**{name: (title, "short") for name, title in renamed.items()}, **titles}


def _colour(defaults: Mapping[str, Any], value: float) -> str:
    colour = "green"
    for step in defaults.get("thresholds", {}).get("steps", ()):
        if step["value"] is None or value >= step["value"]:
            colour = step["color"]
    return STEPS.get(colour, colour)


def named(form: str, labels: Labels) -> str:
    """The name of a series, as Grafana writes it."""
    if form == "__auto":
        return ", ".join(value for name, value in labels.items() if name != "__name__") or "value"
    for name, value in labels.items():
        form = form.replace(f"{{{{{name}}}}}", value)
    return re.sub(r"\{\{\w+\}\}", "", form).strip(" /:") or "value"


def in_unit(value: float, unit: str) -> str:
    """A number as people read it."""
    if not math.isfinite(value):
        return "-"
    match unit:
        case "currencyUSD":
            return f"${value:,.2f}" if abs(value) >= 0.1 or not value else f"${value:.2g}"
        case "percentunit":
            return f"{value * 100:.3g} %"
        case "s":
            return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"
        case "reqps" | "cps" | "wps":
            return f"{_counted(value)}/s"
        case _:
            return _counted(value)


def _counted(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "K")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'K' else size):.3g} {letter}"
    return f"{value:.4g}"


def _short(words: str, most: float) -> str:
    limit = max(4, int(most))
    return words if len(words) <= limit else f"{words[: limit - 1]}…"
