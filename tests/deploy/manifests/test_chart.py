"""deploy/helm/dragoman: linted, rendered over a matrix of values, legal for every version, the same as the bases."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.loader import load
from config.settings import Settings
from proxy.app import Plugins
from tests.deploy.manifests import helm
from tests.deploy.manifests.helm import CHART, RefusedValuesError
from tests.deploy.manifests.tools import KUBERNETES, VERSIONS, Manifest, at, complaints, kustomized, of_kind

ALL_KINDS = {
    "ConfigMap",
    "Deployment",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
    "Pod",
    "PodDisruptionBudget",
    "Service",
    "ServiceAccount",
}

IN_MEMORY: Mapping[str, Any] = {"secrets": {"storeItem": ""}}

MATRIX: Mapping[str, Mapping[str, Any]] = {
    "nothing": {},
    "in memory": IN_MEMORY,
    "no autoscaling": {"autoscaling": {"enabled": False}, "replicas": 4},
    "CPU alone": {"autoscaling": {"streams": None, "minReplicas": 3}},
    "nothing around it": {
        "disruptionBudget": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "autoscaling": {"enabled": False},
    },
    "an identity of a cloud": {
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/gateway"}}
    },
    "an account that exists": {"serviceAccount": {"existing": "mine"}},
    "somewhere else": {
        "nodeSelector": {"pool": "gateways"},
        "tolerations": [{"key": "gateways", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "image": {"repository": "registry.example.com/dragoman", "tag": "1", "pullSecrets": [{"name": "pull"}]},
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "podAnnotations": {"a": "b"},
        "podLabels": {"team": "models"},
    },
    "a load balancer": {"service": {"type": "LoadBalancer", "port": 443, "annotations": {"a": "b"}}},
    "other peers": {
        "networkPolicy": {
            "clients": [{"namespaceSelector": {"matchLabels": {"team": "apps"}}}],
            "monitoring": [],
            "egress": [{"ports": [{"port": 11434, "protocol": "TCP"}]}],
        }
    },
    "an hour": {"grace": 3600},
}


def read(manifests: list[Manifest], folder: Path) -> Settings:
    """The configuration of the pods, as the gateway reads it."""
    (config,) = of_kind(manifests, "ConfigMap")
    text = config["data"]["dragoman.yaml"]
    for name in ("anthropic-api-key", "client-key"):
        (folder / name).write_text(f"sk-{name}")
        text = text.replace(f"/etc/dragoman/keys/{name}", str(folder / name))
    path = folder / "dragoman.yaml"
    path.write_text(text)
    return load(path, {"DRAGOMAN_STORE": "redis://redis:6379/0"}, Plugins())


def test_helm_finds_no_fault_with_it() -> None:
    assert helm.complaints() == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MATRIX)
def test_every_version_takes_what_any_values_make(name: str, version: str, tmp_path: Path) -> None:
    path = tmp_path / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(helm.manifests(MATRIX[name])))
    assert complaints(path, version) == ""


@pytest.mark.parametrize("name", MATRIX)
def test_the_configuration_is_one(name: str, tmp_path: Path) -> None:
    manifests = helm.manifests(MATRIX[name])
    settings = read(manifests, tmp_path)
    (deployment,) = of_kind(manifests, "Deployment")
    waits = int(at(deployment, "spec.template.spec.containers.0.lifecycle.preStop.exec.command.1"))
    assert at(deployment, "spec.template.spec.terminationGracePeriodSeconds") >= waits + settings.grace + 10


def test_everything_there_is() -> None:
    kinds = {manifest["kind"] for manifest in helm.manifests({"monitoring": {"enabled": True}})}
    assert kinds == ALL_KINDS | {"ServiceMonitor"}


def test_state_in_memory_is_that_of_one_replica() -> None:
    manifests = helm.manifests(IN_MEMORY)
    assert of_kind(manifests, "HorizontalPodAutoscaler") == of_kind(manifests, "PodDisruptionBudget") == []
    (deployment,) = of_kind(manifests, "Deployment")
    assert at(deployment, "spec.replicas") == 1
    assert "memory://" in of_kind(manifests, "ConfigMap")[0]["data"]["dragoman.yaml"]
    assert "ends with the pod" in helm.rendered(IN_MEMORY)["dragoman/templates/NOTES.txt"]


@pytest.mark.parametrize(
    "values",
    [
        {"replicas": "two"},
        {"replicas": 0},
        {"repliacs": 2},
        {"config": {"providers": {}}},
        {"config": {"providers": {"a": {}}}},
        {"config": {"listen": ":80"}},
        {"secrets": {"existing": ""}},
        {"service": {"type": "ExternalName"}},
        {"grace": 1},
        {"monitoring": {"interval": "15"}},
    ],
    ids=str,
)
def test_values_that_mean_nothing_are_refused(values: Mapping[str, Any]) -> None:
    # `null` takes the default away, where one would stand in the way of what is tried.
    if values == {"config": {"providers": {}}}:
        values = {"config": {"providers": {"anthropic": None}}}
    with pytest.raises(RefusedValuesError):
        helm.rendered(values)


def test_its_pods_are_those_of_the_bases() -> None:
    (chart,) = of_kind(helm.manifests({}, name="dragoman"), "Deployment")
    (base,) = of_kind(kustomized(KUBERNETES / "base"), "Deployment")
    ours, theirs = at(chart, "spec.template.spec"), at(base, "spec.template.spec")
    assert ours["containers"][0].pop("imagePullPolicy") == "IfNotPresent"
    for each in (ours, theirs):
        # The chart mounts the whole Secret, and its selectors have the release's name.
        del each["volumes"], each["topologySpreadConstraints"]
    assert ours == theirs


def test_two_releases_do_not_meet() -> None:
    first, second = (of_kind(helm.manifests({}, name=name), "Service")[0] for name in ("one", "two"))
    assert at(first, "metadata.name") != at(second, "metadata.name")
    assert at(first, "spec.selector") != at(second, "spec.selector")


def test_another_chart_can_have_the_sidecar(tmp_path: Path) -> None:
    chart = tmp_path / "shop"
    (chart / "templates").mkdir(parents=True)
    shutil.copytree(CHART, chart / "charts/dragoman")
    (chart / "Chart.yaml").write_text(
        "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies: [{name: dragoman, version: 0.1.0}]\n"
    )
    (chart / "templates/deployment.yaml").write_text("""\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      {{- $gateway := dict "image" "dragoman:0.1.0" "configMap" "shop-gateway" "secret" "shop-keys" }}
      initContainers:
        {{- include "dragoman.sidecar" $gateway | nindent 8 }}
      containers:
        - {name: shop, image: shop}
      volumes:
        {{- include "dragoman.sidecar.volumes" $gateway | nindent 8 }}
""")
    (chart / "values.yaml").write_text("dragoman: {standalone: false}\n")
    found = helm.manifests({}, chart=chart)
    assert [at(each, "metadata.name") for each in found] == ["shop"]
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump_all(found))
    assert complaints(path, VERSIONS[0]) == ""
    (ours,) = at(found[0], "spec.template.spec.initContainers")
    (example,) = of_kind(kustomized(KUBERNETES / "examples/sidecar"), "Deployment")
    (theirs,) = at(example, "spec.template.spec.initContainers")
    assert ours == theirs
