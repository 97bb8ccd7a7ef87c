"""Charts, rendered by Helm's own code in the tools' environment."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tests.deploy.manifests.tools import Manifest, command
from tests.docs.markdown import ROOT

CHART: Final = ROOT / "deploy/helm/dragoman"

_RENDER: Final = """
import json, sys
import helm_python
asked = json.load(sys.stdin)
chart = helm_python.Chart.load(asked["chart"])
try:
    print(json.dumps({"rendered": chart.render(asked["values"], name=asked["name"], namespace="prod")}))
except helm_python.HelmError as error:
    print(json.dumps({"refused": str(error)}))
"""

_LINT: Final = """
import json, sys
import helm_python
print(json.dumps(helm_python.lint(sys.argv[1])))
"""


class RefusedValuesError(Exception):
    """The chart does not take these values."""


def rendered(values: Mapping[str, Any], *, name: str = "gw", chart: Path = CHART) -> dict[str, str]:
    """What the chart's templates become, by their names. Raises RefusedValuesError."""
    asked = json.dumps({"chart": str(chart), "values": dict(values), "name": name})
    done = _run(["-c", _RENDER], asked)
    if "refused" in done:
        raise RefusedValuesError(done["refused"])
    found: dict[str, str] = done["rendered"]
    return found


def manifests(values: Mapping[str, Any], *, name: str = "gw", chart: Path = CHART) -> list[Manifest]:
    """The manifests that are installed, and those of the chart's tests."""
    texts = [text for path, text in rendered(values, name=name, chart=chart).items() if path.endswith(".yaml")]
    return [each for text in texts for each in yaml.safe_load_all(text) if each is not None]


def complaints(chart: Path = CHART) -> list[str]:
    """What `helm lint` has against the chart."""
    found = _run(["-c", _LINT, str(chart)], "")
    return [*found["errors"], *(each["error"] for each in found["messages"] if each["severity"] > 1)]


def _run(arguments: list[str], given: str) -> dict[str, Any]:
    done = subprocess.run(
        [command("python"), *arguments], input=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
