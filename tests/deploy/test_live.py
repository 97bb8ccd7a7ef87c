"""A real Prometheus looks at a real gateway under load: every panel and every rule has data, and the numbers are what
the clients were told."""

import asyncio
import calendar
import math
import re
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
import yaml

from tests.benchmarks.processes import free_port
from tests.deploy.dashboards import DASHBOARDS
from tests.deploy.load import CONFIGURATION, Told, play
from tests.deploy.prometheus import FOLDER, Prometheus, prometheus, promtool
from tests.deploy.shown import running_gateway, substituted

RANGE = 600
"""What dashboards show, in seconds: more than the test takes."""

INTERVAL = "1m"

NOTHING = {"Spend rows lost", "Targets that are left alone"}
"""Panels that show a zero, because there is nothing to count in this load."""

EXACT = 1e-9

PANELS = [
    (dashboard["uid"], panel["title"], target["expr"])
    for dashboard in DASHBOARDS.values()
    for panel in dashboard["panels"]
    for target in panel.get("targets", ())
]

RULES = [
    rule
    for file in sorted((FOLDER / "rules").glob("*.yml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]


@dataclass(frozen=True, slots=True)
class Seen:
    """A gateway after the load, and what Prometheus has seen of it by the time `at`."""

    prometheus: Prometheus
    told: Told
    at: float
    metrics: str
    usage: dict[str, Any]

    def value(self, expr: str) -> float | None:
        """The value of a panel's query."""
        return self.prometheus.number(as_asked(expr), self.at)

    def stat(self, title: str) -> float:
        """What a panel of one number shows."""
        (expr,) = [expr for _, name, expr in PANELS if name == title]
        value = self.value(expr)
        assert value is not None
        return value


def as_asked(expr: str) -> str:
    """A panel's query as Grafana sends it."""
    return substituted(expr, seconds=RANGE, interval=INTERVAL)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("live")
    port, admin_port = free_port(), free_port()
    (folder / "admin.key").write_text(CONFIGURATION["admin"]["key"])
    admin = {"listen": f"127.0.0.1:{admin_port}", "key": {"file": str(folder / "admin.key")}}
    settings = {**CONFIGURATION, "admin": admin}
    with prometheus(f"127.0.0.1:{port}", folder) as watching, running_gateway(settings, port, folder) as url:
        told = Told()
        for first in (True, False):
            asyncio.run(play(url, told, first=first))
            requests = told.requests.total()
            watching.wait_for(
                lambda: watching.number("sum(dragoman_requests_total)") == requests,  # noqa: B023 - used up at once
                lambda: (watching.query("dragoman_requests_total"), told.requests),
            )
        request = urllib.request.Request(
            f"http://127.0.0.1:{admin_port}/admin/usage?by=client,provider,model",
            headers={"authorization": f"Bearer {CONFIGURATION['admin']['key']}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            usage = orjson.loads(answer.read())
        counted = ("requests", "cost_usd", "tokens", "limited_requests", "cache_saved_usd", "spend_rows")
        total = {name: f"sum(sum_over_time(dragoman:{name}:increase1m[{RANGE}s]))" for name in counted}
        now = {name: f"sum(dragoman_{name}{'' if name == 'cache_saved_usd' else '_total'})" for name in counted}
        watching.wait_for(
            lambda: all(
                watching.number(total[name]) == pytest.approx(watching.number(now[name]), abs=EXACT) for name in counted
            ),
            lambda: {name: (watching.number(total[name]), watching.number(now[name])) for name in counted},
        )
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            metrics = answer.read().decode()
        # What was recorded last has to be seen by the rules that read it.
        evaluated = time.time()
        watching.wait_for(lambda: _evaluated_since(watching, evaluated), lambda: watching.get("rules"))
        yield Seen(watching, told, time.time(), metrics, usage)


def _evaluated_since(watching: Prometheus, moment: float) -> bool:
    """Whether every group was evaluated twice since then: groups read what others have recorded."""
    stamps = [datetime.fromisoformat(group["lastEvaluation"]) for group in watching.get("rules")["groups"]]
    return min(stamps).timestamp() > moment + 2


# --- everything has data ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dashboard", "title", "expr"), PANELS, ids=[f"{uid}-{title}" for uid, title, _ in PANELS])
def test_every_panel_has_data(seen: Seen, dashboard: str, title: str, expr: str) -> None:
    # A zero that stands in for nothing is no data.
    demanded = expr if title in NOTHING else expr.replace(" or vector(0)", "")
    values = [value for _, value in seen.prometheus.query(as_asked(demanded), seen.at)]
    assert values
    assert any(math.isfinite(value) for value in values), values


@pytest.mark.parametrize("name", [rule["record"] for rule in RULES if "record" in rule])
def test_every_recording_rule_has_data(seen: Seen, name: str) -> None:
    # Only in the first look after its start is a process fresh.
    asked = f"max_over_time({name}[{RANGE}s])" if name == "dragoman:process:fresh" else name
    values = [value for _, value in seen.prometheus.query(asked, seen.at)]
    assert any(math.isfinite(value) for value in values), values


def test_no_rule_fails(seen: Seen) -> None:
    rules = [rule for group in seen.prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == len(RULES)
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


def test_the_alerts_that_fire_are_those_that_should(seen: Seen) -> None:
    firing = {
        (alert["labels"]["alertname"], alert["labels"].get("model") or alert["labels"].get("client"))
        for alert in seen.prometheus.get("alerts")["alerts"]
        if alert["state"] == "firing"
    }
    assert firing == {("DragomanUnpricedTokens", "new"), ("DragomanBudgetExhausted", "poor")}


def test_prometheus_finds_no_fault_with_the_metrics(seen: Seen) -> None:
    assert promtool("check", "metrics", stdin=seen.metrics.encode()) == (0, "")


def test_every_metric_that_is_asked_for_exists(seen: Seen) -> None:
    existing = set(re.findall(r"^# TYPE (\S+)", seen.metrics, re.MULTILINE))
    asked = {name for _, _, expr in PANELS for name in re.findall(r"\b(?:dragoman|gen_ai)_\w+", expr)}
    asked |= {name for rule in RULES for name in re.findall(r"\b(?:dragoman|gen_ai_client)_\w+", rule["expr"])}
    labels = {name for name in asked if name in ("gen_ai_token_type", "gen_ai_request_model")}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked - labels} <= existing


# --- the numbers are those of the load --------------------------------------------------------------------------------


def test_what_clients_were_told_is_what_it_costs_by_hand(seen: Seen) -> None:
    assert seen.told.in_headers == seen.told.by_hand > 0


def test_requests(seen: Seen) -> None:
    labels = ("client", "provider", "model", "outcome")
    expected = dict(seen.told.requests)
    assert seen.prometheus.by("dragoman_requests_total", *labels, at=seen.at) == expected
    minutes = f"sum by ({', '.join(labels)}) (sum_over_time(dragoman:requests:increase1m[{RANGE}s]))"
    assert seen.prometheus.by(minutes, *labels, at=seen.at) == expected


def test_tokens(seen: Seen) -> None:
    labels = ("client", "provider", "model", "kind")
    # Who left was told nothing of what it had taken.
    by = f"sum by ({', '.join(labels)})"
    found = seen.prometheus.by(f'{by} (dragoman_tokens_total{{model!="large"}}) > 0', *labels, at=seen.at)
    found |= seen.prometheus.by(f'{by} (dragoman_tokens_total{{client!="walker"}}) > 0', *labels, at=seen.at)
    assert found == dict(seen.told.tokens)
    minutes = f'{by} (sum_over_time(dragoman:tokens:increase1m{{client!="walker"}}[{RANGE}s])) > 0'
    assert seen.prometheus.by(minutes, *labels, at=seen.at) == {
        key: number for key, number in seen.told.tokens.items() if key[0] != "walker"
    }


def _walked(seen: Seen) -> tuple[tuple[str, ...], float]:
    """What the streams cost whose client left: only the gateway knows."""
    key = ("walker", "lab", "large")
    (row,) = [row for row in seen.usage["data"] if (row["client"], row["provider"], row["model"]) == key]
    assert Decimal(row["cost_usd"]) == Decimal(row["estimated_cost_usd"]) > 0
    return key, float(row["cost_usd"])


def test_cost(seen: Seen) -> None:
    labels = ("client", "provider", "model")
    key, walked = _walked(seen)
    expected = {**{key: float(cost) for key, cost in seen.told.cost.items()}, key: walked}
    by = f"sum by ({', '.join(labels)})"
    found = seen.prometheus.by(f"{by} (dragoman_cost_usd_total)", *labels, at=seen.at)
    assert found == pytest.approx(expected, abs=EXACT)
    minutes = seen.prometheus.by(f"{by} (sum_over_time(dragoman:cost_usd:increase1m[{RANGE}s]))", *labels, at=seen.at)
    assert minutes == pytest.approx(expected, abs=EXACT)


def test_the_spend_record_has_the_same_sum(seen: Seen) -> None:
    total = seen.usage["total"]
    assert seen.value("sum(dragoman_cost_usd_total)") == pytest.approx(float(total["cost_usd"]), abs=EXACT)
    assert seen.value("sum(dragoman_unpriced_tokens_total)") == total["unpriced_tokens"] == seen.told.unpriced_tokens
    assert seen.value('sum(dragoman_spend_rows_total{result="written"})') == total["requests"]


def test_calls_and_refusals(seen: Seen) -> None:
    attempts = seen.prometheus.by('dragoman_upstream_attempts_total{outcome!="cancelled"}', "provider", "outcome")
    assert attempts == dict(seen.told.attempts)
    assert seen.prometheus.by("dragoman_limited_requests_total", "client", "limit") == dict(seen.told.limited)
    minutes = f"sum by (client, limit) (sum_over_time(dragoman:limited_requests:increase1m[{RANGE}s]))"
    assert seen.prometheus.by(minutes, "client", "limit", at=seen.at) == dict(seen.told.limited)


def test_the_numbers_of_the_cost_dashboard(seen: Seen) -> None:
    told = seen.told
    spent = float(sum(told.cost.values())) + _walked(seen)[1]
    assert seen.stat("Today") == seen.stat("This month") == pytest.approx(spent, abs=EXACT)
    now = time.gmtime(seen.at)
    month = calendar.monthrange(now.tm_year, now.tm_mon)[1] * 86_400
    assert seen.stat("Forecast for the month") == pytest.approx(spent / RANGE * month)
    ended = sum(number for key, number in told.requests.items() if key[-1] != "rejected")
    assert seen.stat("Cost of 1,000 requests") == pytest.approx(1000 * spent / ended)
    assert seen.stat("Unpriced tokens") == told.unpriced_tokens == 2 * 730
    estimated = float(told.estimated_cost) + _walked(seen)[1]
    assert seen.stat("Estimated share of spend") == pytest.approx(estimated / spent)
    # Of each 400 tokens read 1.5 USD a million were saved, each 100 written cost half a dollar a million more.
    assert seen.stat("Saved by caching") == pytest.approx(4 * (400 * 1.5 - 100 * 0.5) / 1e6, abs=EXACT)
    read = 4 * 400
    fed = sum(number for key, number in told.tokens.items() if key[-1] in ("input", "cache_read", "cache_write"))
    walked = seen.value('sum(dragoman_tokens_total{client="walker", model="large", kind="input"})')
    assert walked is not None
    assert seen.stat("Cached share of input") == pytest.approx(read / (fed + walked))


def test_budgets(seen: Seen) -> None:
    spent = {
        (client, per): value
        for (client, per), value in seen.prometheus.by("dragoman_budget_spent_usd", "client", "per").items()
    }
    shop = sum(float(cost) for key, cost in seen.told.cost.items() if key[0] == "shop")
    poor = float(seen.told.cost["poor", "lab", "large"])
    expected = {("shop", "day"): shop, ("shop", "month"): shop, ("poor", "total"): poor}
    assert spent == pytest.approx(expected, abs=EXACT)
    assert poor == pytest.approx(0.012)
    used = seen.prometheus.by("dragoman:budget_used:ratio", "client", "per", at=seen.at)
    assert used == pytest.approx({("shop", "day"): shop, ("shop", "month"): shop / 20, ("poor", "total"): 1.2})


def test_the_reliability_dashboard(seen: Seen) -> None:
    assert seen.stat("Refused by limits") == seen.told.limited.total()
    assert seen.stat("Spend rows lost") == 0
    assert seen.stat("Store failures") == 0
