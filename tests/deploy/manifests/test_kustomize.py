"""deploy/kubernetes: legal for every version, safe, and in itself consistent with what the gateway does."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.loader import load
from config.quantities import parse_duration
from config.settings import Settings
from proxy.app import Plugins
from tests.deploy.manifests.tools import KUBERNETES, VERSIONS, Manifest, at, complaints, kustomized, of_kind
from tests.docs.markdown import ROOT, Snippet, snippets

FOLDERS = {"base": KUBERNETES / "base", "sidecar": KUBERNETES / "examples/sidecar"}

LABELS = {"app.kubernetes.io/name": "dragoman"}


@pytest.fixture(params=FOLDERS)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return kustomized(FOLDERS[request.param])


@pytest.fixture
def base() -> list[Manifest]:
    return kustomized(FOLDERS["base"])


@pytest.fixture
def sidecar() -> list[Manifest]:
    return kustomized(FOLDERS["sidecar"])


def pod(manifests: list[Manifest]) -> dict[str, Any]:
    """The pod of the one workload."""
    (workload,) = of_kind(manifests, "Deployment")
    found: dict[str, Any] = at(workload, "spec.template.spec")
    return found


def gateway(manifests: list[Manifest]) -> dict[str, Any]:
    """The container of the gateway."""
    spec = pod(manifests)
    containers = [*spec["containers"], *spec.get("initContainers", ())]
    (found,) = [each for each in containers if each["name"] == "dragoman"]
    return dict(found)


def settings(manifests: list[Manifest], folder: Path) -> Settings:
    """The configuration that the pods have, as the gateway reads it."""
    (config,) = of_kind(manifests, "ConfigMap")
    path = folder / "dragoman.yaml"
    text = config["data"]["dragoman.yaml"]
    for name in ("anthropic-api-key", "client-key"):
        (folder / name).write_text(f"sk-{name}")
        text = text.replace(f"/etc/dragoman/keys/{name}", str(folder / name))
    path.write_text(text)
    return load(path, {"DRAGOMAN_STORE": "redis://redis:6379/0"}, Plugins())


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_takes_it(manifests: list[Manifest], version: str, tmp_path: Path) -> None:
    path = tmp_path / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(manifests))
    assert complaints(path, version) == ""


def test_the_configuration_is_one(manifests: list[Manifest], tmp_path: Path) -> None:
    assert settings(manifests, tmp_path).providers.keys() == {"anthropic"}


def test_ports_are_those_that_are_listened_on(manifests: list[Manifest], tmp_path: Path) -> None:
    read, container = settings(manifests, tmp_path), gateway(manifests)
    assert read.metrics.listen is not None
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    listened = {read.listen.port, read.metrics.listen.port}
    assert set(ports.values()) <= listened
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if probe in container:
            # A probe on the port of metrics also serves where the API is on loopback.
            assert ports[container[probe]["httpGet"]["port"]] == read.metrics.listen.port


def test_probes_mean_what_they_should(manifests: list[Manifest]) -> None:
    container = gateway(manifests)
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    if "readinessProbe" in container:
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    starting = container["startupProbe"]
    assert starting["periodSeconds"] * starting["failureThreshold"] >= 60


def test_it_may_do_nothing(manifests: list[Manifest]) -> None:
    context = {**pod(manifests).get("securityContext", {}), **gateway(manifests)["securityContext"]}
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_keys_come_from_files_that_rotate(manifests: list[Manifest]) -> None:
    mounts = gateway(manifests)["volumeMounts"]
    assert all(mount["readOnly"] for mount in mounts)
    # A subPath would never change.
    assert not any("subPath" in mount for mount in mounts)
    (keys,) = [volume for volume in pod(manifests)["volumes"] if "secret" in volume]
    assert of_kind(manifests, "Secret") == []
    assert keys["secret"]["secretName"].startswith("dragoman")


def test_every_mounted_file_is_one_that_the_configuration_names(base: list[Manifest]) -> None:
    (config,) = of_kind(base, "ConfigMap")
    named = {line.partition("/keys/")[2].rstrip("}") for line in config["data"]["dragoman.yaml"].splitlines()} - {""}
    (keys,) = [volume["secret"] for volume in pod(base)["volumes"] if "secret" in volume]
    assert {item["path"] for item in keys["items"]} == named


def test_no_stream_is_cut_when_a_pod_leaves(base: list[Manifest], tmp_path: Path) -> None:
    waits = int(gateway(base)["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod(base)["terminationGracePeriodSeconds"] >= waits + settings(base, tmp_path).grace + 10
    # Until then others have taken over.
    assert at(of_kind(base, "Deployment")[0], "spec.strategy.rollingUpdate.maxUnavailable") == 0


def test_the_sidecar_ends_before_the_pod_is_killed(sidecar: list[Manifest], tmp_path: Path) -> None:
    assert settings(sidecar, tmp_path).grace <= pod(sidecar).get("terminationGracePeriodSeconds", 30) / 2


def test_selectors_select_the_gateway_alone(base: list[Manifest]) -> None:
    selectors = {
        "Deployment": "spec.selector.matchLabels",
        "Service": "spec.selector",
        "PodDisruptionBudget": "spec.selector.matchLabels",
        "NetworkPolicy": "spec.podSelector.matchLabels",
    }
    for kind, path in selectors.items():
        (manifest,) = of_kind(base, kind)
        assert at(manifest, path) == LABELS
    assert at(of_kind(base, "Deployment")[0], "spec.template.metadata.labels") == LABELS


def test_the_autoscaler_asks_for_a_metric_that_exists(base: list[Manifest]) -> None:
    (autoscaler,) = of_kind(base, "HorizontalPodAutoscaler")
    metrics = [at(each, "pods.metric.name") for each in at(autoscaler, "spec.metrics") if each["type"] == "Pods"]
    assert metrics
    documented = (ROOT / "docs/operating.md").read_text()
    assert all(f"| `{name}` |" in documented for name in metrics)


def test_the_sidecar_is_a_native_one_whose_api_is_the_pods_alone(sidecar: list[Manifest], tmp_path: Path) -> None:
    (found,) = pod(sidecar)["initContainers"]
    assert found["restartPolicy"] == "Always"
    read = settings(sidecar, tmp_path)
    assert read.listen.host == "127.0.0.1"
    assert read.metrics.listen is not None
    assert read.metrics.listen.host == "0.0.0.0"
    assert parse_duration("10s") == read.grace


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_every_kind_of_workload_can_have_it(kind: str, tmp_path: Path) -> None:
    workload = yaml.safe_load((KUBERNETES / "examples/sidecar/application.yaml").read_text())
    workload["kind"] = kind
    if kind == "StatefulSet":
        workload["spec"]["serviceName"] = "application"
    (tmp_path / "application.yaml").write_text(yaml.safe_dump(workload))
    component = Path("..", *(".." for _ in tmp_path.parts[2:]), *(KUBERNETES / "components/sidecar").parts[1:])
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["application.yaml"],
        "components": [str(component)],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    (found,) = of_kind(kustomized(tmp_path), kind)
    spec = at(found, "spec.template.spec")
    assert [each["name"] for each in spec["initContainers"]] == ["dragoman"]
    assert [each["name"] for each in spec["containers"]] == ["application"]
    assert at(found, "metadata.name") == "application"


@pytest.mark.parametrize("snippet", snippets("kustomization"), ids=str)
def test_what_the_documents_say_of_it_works(snippet: Snippet, tmp_path: Path) -> None:
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    (tmp_path / "application.yaml").write_text((KUBERNETES / "examples/sidecar/application.yaml").read_text())
    (tmp_path / "kustomization.yaml").write_text(snippet.text)
    (found,) = of_kind(kustomized(tmp_path), "Deployment")
    (sidecar,) = at(found, "spec.template.spec.initContainers")
    assert sidecar["restartPolicy"] == "Always"


def test_the_command_of_the_documents_makes_every_item_that_is_mounted(base: list[Manifest]) -> None:
    text = (ROOT / "docs/kubernetes.md").read_text()
    made = set(re.findall(r"--from-literal=([\w-]+)=", text.partition("kubectl apply")[0]))
    (keys,) = [volume["secret"] for volume in pod(base)["volumes"] if "secret" in volume]
    references = [at(each, "valueFrom.secretKeyRef.key") for each in gateway(base)["env"]]
    assert made == {item["key"] for item in keys["items"]} | set(references)


@pytest.mark.parametrize("component", ["monitoring"])
def test_monitors_name_ports_that_there_are(component: str, base: list[Manifest], sidecar: list[Manifest]) -> None:
    folder = KUBERNETES / "components" / component
    (service_monitor,) = yaml.safe_load_all((folder / "service-monitor.yaml").read_text())
    (pod_monitor,) = yaml.safe_load_all((folder / "pod-monitor.yaml").read_text())
    (service,) = of_kind(base, "Service")
    assert at(service_monitor, "spec.endpoints.0.port") in {port["name"] for port in at(service, "spec.ports")}
    assert at(service_monitor, "spec.selector.matchLabels").items() <= at(service, "metadata.labels").items()
    assert at(pod_monitor, "spec.podMetricsEndpoints.0.port") in {port["name"] for port in gateway(sidecar)["ports"]}
    labels = at(of_kind(sidecar, "Deployment")[0], "spec.template.metadata.labels")
    assert at(pod_monitor, "spec.selector.matchLabels").items() <= labels.items()
