"""The files of deploy/compose fit together: paths exist, ports agree, the configuration is valid."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.loader import load
from config.settings import Settings
from proxy.app import Plugins
from tests.deploy.dashboards import FOLDER as DASHBOARDS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE = DEPLOY / "compose"

_VARIABLE = re.compile(r"\$\{(\w+)")


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


SERVICES: dict[str, dict[str, Any]] = _yaml(COMPOSE / "compose.yaml")["services"]


def _mounts(service: str) -> dict[str, Path]:
    """What is mounted from the repository, by its path in the container."""
    mounts: dict[str, Path] = {}
    for volume in SERVICES[service]["volumes"]:
        source, target, *_ = volume.split(":")
        if source.startswith("."):
            mounts[target] = (COMPOSE / source).resolve()
    return mounts


@pytest.fixture
def settings() -> Settings:
    variables = {name: f"sk-{name.lower()}-0123456789" for name in SERVICES["dragoman"]["environment"]}
    return load(COMPOSE / "dragoman.yaml", {**variables, "DRAGOMAN_STORE": "memory://"}, Plugins())


def test_every_mount_exists_and_is_read_only() -> None:
    for name, service in SERVICES.items():
        assert all(source.exists() for source in _mounts(name).values())
        assert all(volume.endswith(":ro") for volume in service["volumes"] if volume.startswith("."))
    kept = {volume.partition(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert set(_yaml(COMPOSE / "compose.yaml")["volumes"]) == {name for name in kept if not name.startswith(".")}


def test_only_this_machine_reaches_the_ports() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_images_are_pinned() -> None:
    for service in SERVICES.values():
        if "build" not in service:
            assert re.fullmatch(r"[\w/]+:v?\d+(\.\d+)+(-alpine)?", service["image"])
    build = SERVICES["dragoman"]["build"]
    assert (COMPOSE / build["context"] / build["dockerfile"]).is_file()


def test_every_secret_is_in_the_example_and_has_no_value_there() -> None:
    asked = set(_VARIABLE.findall((COMPOSE / "compose.yaml").read_text()))
    example = [line for line in (COMPOSE / ".env.example").read_text().splitlines() if not line.startswith("#")]
    assert {line.removesuffix("=") for line in example} == asked
    passed = _VARIABLE.findall(re.sub(r"#.*", "", (COMPOSE / "dragoman.yaml").read_text()))
    assert set(passed) == set(SERVICES["dragoman"]["environment"])


def test_the_gateway_reads_its_configuration_and_listens_where_it_is_asked(settings: Settings) -> None:
    service = SERVICES["dragoman"]
    assert _mounts("dragoman")[service["command"][-1]] == COMPOSE / "dragoman.yaml"
    assert service["ports"] == [f"127.0.0.1:8080:{settings.listen.port}"]
    assert settings.metrics.listen is not None
    targets = _yaml(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == [f"dragoman:{settings.metrics.listen.port}"]
    assert settings.clients[0].budget
    assert float(service["stop_grace_period"].removesuffix("s")) > settings.grace


def test_prometheus_finds_its_rules() -> None:
    mounts = _mounts("prometheus")
    (option,) = [word for word in SERVICES["prometheus"]["command"] if word.startswith("--config.file=")]
    assert mounts[option.partition("=")[2]] == DEPLOY / "prometheus/prometheus.yml"
    assert mounts["/etc/prometheus/rules"] == DEPLOY / "prometheus/rules"
    assert _yaml(DEPLOY / "prometheus/prometheus.yml")["rule_files"] == ["rules/*.yml"]


def test_grafana_finds_its_source_and_its_dashboards() -> None:
    mounts = _mounts("grafana")
    provisioning = mounts["/etc/grafana/provisioning"]
    (source,) = _yaml(provisioning / "datasources/prometheus.yml")["datasources"]
    assert [source["url"].replace("http://prometheus", "127.0.0.1:9090")] == SERVICES["prometheus"]["ports"]
    interval = _yaml(DEPLOY / "prometheus/prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == interval
    (provider,) = _yaml(provisioning / "dashboards/dragoman.yml")["providers"]
    assert mounts[provider["options"]["path"]] == DASHBOARDS
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DASHBOARDS / Path(home).name).is_file()
    assert home.startswith(provider["options"]["path"])


@pytest.mark.parametrize("profile", ["redis", "postgres"])
def test_a_store_of_its_own_is_started_only_where_it_is_asked_for(profile: str) -> None:
    assert SERVICES[profile]["profiles"] == [profile]
    assert "ports" not in SERVICES[profile]
    text = (COMPOSE / "compose.yaml").read_text()
    (line,) = [line for line in text.splitlines() if f"--profile {profile} " in line]
    assert re.search(rf"DRAGOMAN_STORE=\w+://[^ ]*\b{profile}\b", line)
