"""The dashboards as they are written to deploy/grafana/dashboards: what each panel shows stands here, once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.deploy.dashboards.cost import COST
from tests.deploy.dashboards.reliability import RELIABILITY
from tests.deploy.dashboards.traffic import TRAFFIC

FOLDER = Path(__file__).resolve().parents[3] / "deploy/grafana/dashboards"

DASHBOARDS: Mapping[str, dict[str, Any]] = {
    "cost.json": COST,
    "traffic.json": TRAFFIC,
    "reliability.json": RELIABILITY,
}


def written() -> dict[str, str]:
    """The text of each file, by its name."""
    return {name: json.dumps(dashboard, indent=2) + "\n" for name, dashboard in DASHBOARDS.items()}
