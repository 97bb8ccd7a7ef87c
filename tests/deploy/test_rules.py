"""Prometheus takes the configuration and the rules, and each alert fires when it should and not otherwise."""

from pathlib import Path

import pytest
import yaml

from tests.deploy.prometheus import FOLDER, promtool

RULE_FILES = sorted((FOLDER / "rules").glob("*.yml"))
ALERTS = [
    rule
    for file in RULE_FILES
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
]


def test_the_configuration_is_valid() -> None:
    status, output = promtool("check", "config", "prometheus.yml")
    assert status == 0, output
    assert f"SUCCESS: {len(RULE_FILES)} rule files found" in output


@pytest.mark.parametrize("file", sorted((FOLDER / "tests").glob("*.yml")), ids=lambda file: file.stem)
def test_the_rules_do_what_their_tests_say(file: Path) -> None:
    status, output = promtool("test", "rules", file)
    assert status == 0, output


def test_each_alert_is_tested_to_fire_and_to_be_silent() -> None:
    cases = [
        case
        for test in yaml.safe_load((FOLDER / "tests/alerts.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert fires == silent == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_each_alert_says_how_urgent_it_is_and_what_to_do(alert: dict[str, dict[str, str]]) -> None:
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert alert["annotations"]["summary"].endswith(".")
    assert alert["annotations"]["description"].endswith(".")
