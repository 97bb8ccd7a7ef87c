"""Distributions of providers, put where an installer would put them, without one: no network, no build."""

import os
import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def install(distribution: Path, target: Path) -> None:
    """Copy the packages that a wheel would have, and write down its name, its version and its entry points."""
    settings = tomllib.loads((distribution / "pyproject.toml").read_text())
    project = settings["project"]
    for package in settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        shutil.copytree(distribution / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    information = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    information.mkdir(parents=True)
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (information / "METADATA").write_text(head)
    lines = [
        line
        for group, entries in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
    ]
    (information / "entry_points.txt").write_text("\n".join(lines) + "\n")


def environment_with(target: Path) -> Mapping[str, str]:
    """An environment in which the gateway and what stands in the target are installed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DRAGOMAN_", "PYTHON", "PYTEST"))}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(target), str(ROOT)]), "PYTHONDONTWRITEBYTECODE": "1"}


def tool(name: str) -> str:
    """A program of the environment that runs the tests."""
    return str(Path(sys.executable).with_name(name))
