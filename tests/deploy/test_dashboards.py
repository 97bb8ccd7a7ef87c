"""The dashboards in deploy/grafana are those that are described here, and fit to be read."""

import json
import re
from typing import Any

import pytest
from prometheus_client import Gauge

from proxy.usage.instruments import Counter, Histogram
from proxy.usage.metrics import Metrics
from tests.deploy.dashboards import DASHBOARDS, FOLDER, written
from tests.deploy.prometheus import FOLDER as PROMETHEUS

PANELS = [
    (f"{dashboard['uid']}: {panel['title']}", panel)
    for dashboard in DASHBOARDS.values()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]
FILTERED = ("provider", "model", "client")

_SELECTOR = re.compile(r"\b((?:dragoman_|dragoman:)[\w:]+)(\{[^}]*\})?")
_RECORD = re.compile(r"record: (\S+)\n\s+expr: (?:\|-)?\s*sum by \(([^)]*)\)")

each_panel = pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=[name for name, _ in PANELS])


def _labels() -> dict[str, set[str]]:
    """The labels of each metric, and of each sum that the rules record."""
    found: dict[str, set[str]] = {}
    for collector in Metrics().registry._collector_to_names:
        match collector:
            case Counter():
                found[f"{collector.name.removesuffix('_total')}_total"] = set(collector.label_names)
            case Histogram():
                found |= {
                    collector.name + suffix: set(collector.label_names) for suffix in ("_bucket", "_sum", "_count")
                }
            case Gauge():
                found[collector._name] = set(collector._labelnames)
    for file in (PROMETHEUS / "rules").glob("*.yml"):
        for name, labels in _RECORD.findall(file.read_text()):
            found[name] = set(labels.split(", "))
    return found


LABELS = _labels()


def test_the_files_are_those_that_are_written() -> None:
    # `make dashboards` writes them.
    assert {file.name: file.read_text() for file in FOLDER.iterdir()} == written()


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_a_dashboard_has_its_variables_and_fills_its_width(dashboard: dict[str, Any]) -> None:
    assert [variable["name"] for variable in dashboard["templating"]["list"]] == ["datasource", *FILTERED]
    assert dashboard["schemaVersion"] >= 38
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in dashboard["panels"]]
    assert len(set(titles)) == len(titles)
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells
    bottom = max(y for _, y in taken) + 1
    assert taken == {(x, y) for x in range(24) for y in range(bottom)}


def test_the_dashboards_have_the_names_that_others_link_to() -> None:
    assert [dashboard["uid"] for dashboard in DASHBOARDS.values()] == [
        "dragoman-cost",
        "dragoman-traffic",
        "dragoman-reliability",
    ]
    assert len(json.dumps(DASHBOARDS)) < 500_000


@each_panel
def test_a_panel_says_what_it_means_and_in_what_unit(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    for target in panel["targets"]:
        assert target["legendFormat"]


@each_panel
def test_a_query_selects_by_the_variables_that_all_its_metrics_have_labels_for(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        used = _SELECTOR.findall(target["expr"])
        common = set.intersection(*(LABELS[name] for name, _ in used)) if used else set()
        for name, selector in used:
            selected = set(re.findall(r'(\w+)=~"\$\1"', selector))
            assert selected == common & set(FILTERED), name


@each_panel
def test_a_rate_is_taken_over_the_time_that_grafana_says(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        for window in re.findall(r"rate\([^[]*\[([^]]*)\]", target["expr"]):
            assert window == "$__rate_interval"
