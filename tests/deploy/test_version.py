"""The version stands in pyproject.toml, and everywhere else it is the same."""

import re
import tomllib

import yaml

from tests.docs.markdown import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_chart_has_it() -> None:
    chart = yaml.safe_load((ROOT / "deploy/helm/dragoman/Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    assert f'"dragoman:{VERSION}"' in (ROOT / "deploy/helm/dragoman/templates/_sidecar.tpl").read_text()


def test_the_bases_have_it() -> None:
    for path in ("base", "components/sidecar"):
        kustomization = yaml.safe_load((ROOT / "deploy/kubernetes" / path / "kustomization.yaml").read_text())
        assert kustomization["images"] == [{"name": "dragoman", "newTag": VERSION}]


def test_the_image_has_it() -> None:
    assert f"ARG VERSION={VERSION}\n" in (ROOT / "deploy/docker/Dockerfile").read_text()


def test_the_changelog_knows_of_it_or_of_what_is_to_come() -> None:
    titles = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert titles[0] in ("Unreleased", VERSION)
