"""What dashboards need to be looked at: a gateway in a process of its own, and queries as Grafana sends them."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import Process

COMMAND = "import sys; from proxy.cli import main; sys.exit(main())"


@contextmanager
def running_gateway(settings: Mapping[str, Any], port: int, folder: Path) -> Iterator[str]:
    """The address of a gateway with these settings, which listens on the port while it is looked at."""
    path = folder / "dragoman.yaml"
    path.write_text(json.dumps({**settings, "listen": f"127.0.0.1:{port}"}))
    process = Process(
        [sys.executable, "-c", COMMAND, "serve", "--config", str(path)],
        port=port,
        ready="/readyz",
        core=None,
        log=folder / "gateway.log",
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


def substituted(expr: str, *, seconds: int, interval: str) -> str:
    """A query as Grafana sends it: of everything, over the seconds that a dashboard shows, in steps of the interval."""
    variables = {
        "$provider": ".*",
        "$model": ".*",
        "$client": ".*",
        "$__rate_interval": interval,
        "$__interval": interval,
        "$__range_s": str(seconds),
        "$__range": f"{seconds}s",
    }
    for name, value in variables.items():
        expr = expr.replace(name, value)
    assert "$" not in expr
    return expr
