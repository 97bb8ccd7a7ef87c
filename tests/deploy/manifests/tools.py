"""The tools that render and check manifests. They weigh half a gigabyte and have an environment of their own:
`make manifests` makes it, and runs these tests with it."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.docs.markdown import ROOT

TOOLS: Final = "DRAGOMAN_DEPLOY_TOOLS"
"""The variable that names the folder of their commands."""

KUBERNETES: Final = ROOT / "deploy/kubernetes"

VERSIONS: Final = ("1.29", "1.33", "1.37")
"""The versions of Kubernetes whose schemas manifests are held to."""

Manifest = dict[str, Any]


def command(name: str) -> str:
    """The path of a tool; the test is skipped where there are none."""
    folder = os.environ.get(TOOLS)
    if folder is None:
        pytest.skip(f"{TOOLS} is not set: make manifests")
    return str(Path(folder, name))


def kustomized(folder: Path) -> list[Manifest]:
    """What `kubectl kustomize` makes of a folder."""
    done = subprocess.run(
        [command("kubectl"), "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def complaints(manifests: Path, version: str) -> str:
    """What the strict schemas of a version have against the manifests of a file."""
    done = subprocess.run(
        [command("kubernetes-validate"), "--strict", "--quiet", "-k", version, str(manifests)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """The manifests of a kind."""
    return [each for each in manifests if each["kind"] == kind]


def at(value: Mapping[str, Any], path: str) -> Any:
    """What stands at a dotted path."""
    found: Any = value
    for name in path.split("."):
        found = found[int(name)] if isinstance(found, list) else found[name]
    return found
