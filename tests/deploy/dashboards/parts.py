"""What dashboards are made of, in Grafana's model (schema 39: Grafana 10.3 and later).

A dashboard is a list of rows; the panels of one row share its width of 24 unless they say their own.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}

ALL: Final = 'provider=~"$provider", model=~"$model", client=~"$client"'
TARGET: Final = 'provider=~"$provider", model=~"$model"'
PROVIDER: Final = 'provider=~"$provider"'
CLIENT: Final = 'client=~"$client"'
"""What the variables select, for metrics with these labels."""

GREEN, YELLOW, RED, BLUE = "green", "#EAB839", "red", "blue"

DOLLARS, SECONDS, SHARE, COUNT, PER_SECOND = "currencyUSD", "s", "percentunit", "short", "reqps"


class Query(NamedTuple):
    """A query in PromQL, and what its series are called: text with {{label}}."""

    expr: str
    legend: str = ""


class Steps(NamedTuple):
    """Colours by value: `base` below the first of `steps`."""

    base: str
    steps: tuple[tuple[float, str], ...] = ()


PLAIN: Final = Steps(BLUE)


def grid(rows: Sequence[Sequence[Json]]) -> list[Json]:
    """The panels in their places, with ids in reading order."""
    placed: list[Json] = []
    top = 0
    for row in rows:
        left = 0
        height = row[0]["gridPos"]["h"]
        for panel in row:
            width = panel["gridPos"].get("w") or 24 // len(row)
            position = {"h": height, "w": width, "x": left, "y": top}
            placed.append({"id": len(placed) + 1, **panel, "gridPos": position})
            left += width
        top += height
    return placed


def heading(title: str) -> list[Json]:
    """A line that names what follows."""
    return [{"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"h": 1}}]


def stat(
    title: str,
    expr: str,
    unit: str,
    description: str,
    *,
    colours: Steps = PLAIN,
    since: str | None = None,
    decimals: int | None = None,
    width: int | None = None,
) -> Json:
    """One number. `since` is the panel's own time range, such as `now/d`."""
    panel = _panel("stat", title, description, [Query(expr)], unit, 4, colours=colours, decimals=decimals, instant=True)
    panel["gridPos"]["w"] = width
    panel["options"] = {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "auto",
    }
    if since is not None:
        panel |= {"timeFrom": since, "hideTimeOverride": False}
    return panel


def lines(
    title: str,
    queries: Sequence[Query],
    unit: str,
    description: str,
    *,
    stacked: bool = False,
    width: int | None = None,
    limit: float | None = None,
    colours: Steps | None = None,
) -> Json:
    """Values over time; what adds up to something is stacked. `limit`: where the axis ends."""
    panel = _panel("timeseries", title, description, queries, unit, 8, colours=colours or Steps(GREEN))
    panel["gridPos"]["w"] = width
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 40 if stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if colours else "off"},
    }
    panel["fieldConfig"]["defaults"] |= {"custom": custom, "min": 0}
    if limit is not None:
        panel["fieldConfig"]["defaults"]["max"] = limit
    panel["options"] = _legend(["mean", "max"])
    return panel


def bars(title: str, queries: Sequence[Query], unit: str, description: str, *, width: int | None = None) -> Json:
    """What was counted in each interval, stacked: the bars add up to the legend's sums."""
    panel = _panel("timeseries", title, description, queries, unit, 8, colours=Steps(GREEN))
    panel["gridPos"]["w"] = width
    panel["interval"] = "5m"
    panel["fieldConfig"]["defaults"]["custom"] = {
        "drawStyle": "bars",
        "fillOpacity": 80,
        "lineWidth": 0,
        "barAlignment": -1,
        "showPoints": "never",
        "stacking": {"mode": "normal", "group": "A"},
    }
    panel["options"] = _legend(["sum"])
    return panel


def gauges(title: str, query: Query, description: str, colours: Steps, *, width: int | None = None) -> Json:
    """Shares of a whole, one bar each."""
    panel = _panel("bargauge", title, description, [query], SHARE, 8, colours=colours, instant=True)
    panel["gridPos"]["w"] = width
    panel["fieldConfig"]["defaults"] |= {"min": 0, "max": 1}
    panel["options"] = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "valueMode": "color",
    }
    return panel


def table(
    title: str,
    by: Sequence[str],
    columns: Mapping[str, tuple[str, str]],
    description: str,
    *,
    width: int | None = None,
    height: int = 9,
) -> Json:
    """One line for each value of the labels `by`; `columns` are a query and a unit by name, sorted by the first."""
    queries = [Query(expr) for expr, _ in columns.values()]
    panel = _panel("table", title, description, queries, COUNT, height, colours=Steps("text"), instant=True)
    panel["gridPos"]["w"] = width
    for target in panel["targets"]:
        target["format"] = "table"
    # Grafana calls the value of the one query there is `Value`, and those of several `Value #A`, `Value #B`.
    fields = ["Value"] if len(columns) == 1 else [f"Value #{target['refId']}" for target in panel["targets"]]
    names = dict(zip(fields, columns, strict=True))
    order = {name: index for index, name in enumerate([*by, *names])}
    panel["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}},
    ]
    panel["fieldConfig"]["overrides"] = [
        {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "unit", "value": unit}]}
        for name, (_, unit) in columns.items()
    ]
    panel["options"] = {
        "cellHeight": "sm",
        "showHeader": True,
        "sortBy": [{"displayName": next(iter(columns)), "desc": True}],
    }
    return panel


def dashboard(uid: str, title: str, description: str, span: str, rows: Sequence[Sequence[Json]]) -> Json:
    """A dashboard with the common variables. Its days are those of UTC, as those of budgets are."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["dragoman"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": span, "to": "now"},
        "timezone": "utc",
        "templating": {"list": _VARIABLES},
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards",
                "title": "Dragoman",
                "tags": ["dragoman"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
            }
        ],
        "panels": grid(rows),
    }


def quantiles(metric: str, selected: str, *shares: float) -> list[Query]:
    """The quantiles of a histogram over all that is selected."""
    return [
        Query(
            f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{{{selected}}}[$__rate_interval])))",
            f"p{share * 100:g}",
        )
        for share in shares
    ]


def _variable(name: str, query: str) -> Json:
    return {
        "type": "query",
        "name": name,
        "label": name.capitalize(),
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"qryType": 1, "query": query, "refId": f"variable-{name}"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "options": [],
        "hide": 0,
    }


_VARIABLES: Final[list[Json]] = [
    {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "current": {},
        "options": [],
        "refresh": 1,
        "hide": 0,
    },
    _variable("provider", "label_values(dragoman_requests_total, provider)"),
    _variable("model", 'label_values(dragoman_requests_total{provider=~"$provider"}, model)'),
    _variable("client", "label_values(dragoman_requests_total, client)"),
]


def _panel(
    kind: str,
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    height: int,
    *,
    colours: Steps,
    decimals: int | None = None,
    instant: bool = False,
) -> Json:
    defaults: Json = {"unit": unit, "color": {"mode": "thresholds" if instant else "palette-classic"}}
    defaults["thresholds"] = {
        "mode": "absolute",
        "steps": [
            {"color": colours.base, "value": None},
            *({"color": colour, "value": value} for value, colour in colours.steps),
        ],
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {"h": height},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": DATASOURCE,
                "editorMode": "code",
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "instant": instant,
                "range": not instant,
            }
            for index, query in enumerate(queries)
        ],
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }


def _legend(calculations: list[str]) -> Json:
    return {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": calculations},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
