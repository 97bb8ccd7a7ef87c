"""A real Prometheus with the rules of deploy/prometheus, which looks at a gateway several times a second."""

import json
import os
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from tests.benchmarks.processes import Process, free_port
from tests.state.servers import REQUIRED

FOLDER = Path(__file__).resolve().parents[2] / "deploy/prometheus"

PATIENCE = 30.0
"""How long something may take to show up, in seconds."""

_HASTE = (
    ("interval: 1m", "interval: 1s"),
    ("interval: 30s", "interval: 1s"),
    ("[1m] offset 30s", "[1s] offset 500ms"),
    ("[1h] offset 90s", "[1h] offset 1500ms"),
    (" offset 30s", " offset 500ms"),
    (" offset 90s", " offset 1500ms"),
)
"""The same rules with seconds for minutes."""


def program(name: str) -> str:
    """Where the program is. Skips or fails the test where there is none."""
    found = shutil.which(name)
    if found is None:
        _missing(name)
    return found


def promtool(*arguments: str | Path, stdin: bytes = b"") -> tuple[int, str]:
    """Run promtool: its exit status and what it wrote."""
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=FOLDER,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout.decode()


class Prometheus:
    """A running server."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1"

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an answer of the API."""
        body = urllib.parse.urlencode(parameters).encode()
        url = f"{self._url}/{path}" if not body else f"{self._url}/{path}?{body.decode()}"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return json.load(answer)["data"]

    def query(self, expr: str, at: float | None = None) -> list[tuple[Mapping[str, str], float]]:
        """The labels and values that an expression has, at a time (None: now)."""
        parameters = {"query": expr} if at is None else {"query": expr, "time": f"{at:.3f}"}
        data = self.get("query", **parameters)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(sample["metric"], float(sample["value"][1])) for sample in data["result"]]

    def number(self, expr: str, at: float | None = None) -> float | None:
        """The one value of an expression; None where it has none."""
        values = self.query(expr, at)
        assert len(values) <= 1, values
        return values[0][1] if values else None

    def by(self, expr: str, *labels: str, at: float | None = None) -> dict[tuple[str, ...], float]:
        """The values of an expression by the values of labels."""
        return {tuple(metric.get(label, "") for label in labels): value for metric, value in self.query(expr, at)}

    def wait_for(self, so: Callable[[], object], what: Callable[[], object]) -> None:
        """Return when it is so. `what` is told when it is not in time."""
        deadline = time.monotonic() + PATIENCE
        while not so():
            assert time.monotonic() < deadline, what()
            time.sleep(0.1)


@contextmanager
def prometheus(target: str, folder: Path) -> Iterator[Prometheus]:
    """Prometheus with the shipped configuration, except for the target and the time that passes between two looks."""
    binary = program("prometheus")
    configuration = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    configuration["global"] |= {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "1s"}
    configuration["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    (folder / "rules").mkdir()
    for source in (FOLDER / "rules").glob("*.yml"):
        text = source.read_text()
        for slow, quick in _HASTE:
            text = text.replace(slow, quick)
        (folder / "rules" / source.name).write_text(text)
    port = free_port()
    process = Process(
        [
            binary,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        port=port,
        ready="/-/ready",
        core=None,
        log=folder / "prometheus.log",
    )
    try:
        yield Prometheus(port)
    finally:
        process.stop()


def _missing(name: str) -> NoReturn:
    reason = f"The program {name} is missing (Debian package prometheus)."
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(reason)
    pytest.skip(reason)
