"""Pictures of the dashboards for the documents: drawn from what a real Prometheus answers after a real load.

python -m tests.deploy.pictures

They are no pictures of Grafana, which draws more beautifully; what they show is what its panels ask for. It takes three
minutes.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.processes import free_port
from tests.deploy.dashboards import DASHBOARDS
from tests.deploy.drawing import Answers, Labels, Series, drawn
from tests.deploy.load import CONFIGURATION, Clients, Told
from tests.deploy.prometheus import Prometheus, prometheus
from tests.deploy.shown import running_gateway, substituted
from tests.docs.markdown import ROOT

FOLDER: Final = ROOT / "docs/pictures"

SECONDS: Final = 180
STEP: Final = 3

INTERVAL: Final = "30s"


def answers_of(watching: Prometheus, began: float, ended: float) -> Answers:
    """What a Prometheus says of the time between."""

    def asked(expr: str) -> str:
        return substituted(expr, seconds=SECONDS, interval=INTERVAL)

    def instant(expr: str) -> list[tuple[Labels, float]]:
        return list(watching.query(asked(expr), ended))

    def over_time(expr: str) -> list[tuple[Labels, Series]]:
        times = {"start": f"{began}", "end": f"{ended}", "step": str(STEP)}
        found: Any = watching.get("query_range", query=asked(expr), **times)["result"]
        return [(each["metric"], [(float(moment), float(value)) for moment, value in each["values"]]) for each in found]

    return Answers(instant, over_time)


async def load(url: str) -> None:
    """Applications at work, more of it in the middle."""
    began = time.monotonic()
    async with Clients(url, Told()) as clients:
        await clients.plain("poor", "lab/large", "/usage in=2000 out=1000\n/say Hello.", max_output_tokens=100)
        while (passed := time.monotonic() - began) < SECONDS:
            more = round(6 * (1 - abs(2 * passed / SECONDS - 1))) + 1
            await asyncio.gather(*(work for each in range(more) for work in works(clients, each)))
            await asyncio.sleep(2)


def works(clients: Clients, number: int) -> Iterator[Awaitable[None]]:
    """What the applications ask at a time; some of it only now and then."""
    cached = "/usage in=1000 cached=400 written=100 out=70 reasoning=20\n/think Let me see.\n/say Hello there."
    paced = f"/pace 0.{2 + number % 3}\n/usage in=900 out={120 + 40 * number}\n/say one two three four five six"
    yield clients.plain("shop", "lab/large", cached)
    yield clients.stream("shop", "spare/large", paced)
    yield clients.stream("walker", "lab/large", paced)
    yield clients.plain("walker", "lab/small", f"/usage in={300 * number} out=60\n/say Hello.")
    if number == 0:
        yield clients.plain("shop", "lab/new", "/usage in=700 out=30\n/say What does it cost?")
        yield clients.limited("poor", "lab/large", "budget")
    if number == 3:
        yield clients.failing("shop", "spare/large", "/fail 429 class=quota", 429, "rate_limited", 1)
        yield clients.rejected("shop", {"model": "lab/large", "input": "/nonsense"})


def main() -> int:
    """Draw them all."""
    FOLDER.mkdir(exist_ok=True)
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        budget = [{"usd": 4, "per": "day"}, {"usd": 60, "per": "month"}]
        clients = [{**each, "budget": budget} if each["name"] == "shop" else each for each in CONFIGURATION["clients"]]
        settings = {**CONFIGURATION, "admin": {}, "clients": clients}
        with prometheus(f"127.0.0.1:{port}", folder) as watching, running_gateway(settings, port, folder) as url:
            began = time.time()
            asyncio.run(load(url))
            answers = answers_of(watching, began + 20, time.time())
            for file, dashboard in DASHBOARDS.items():
                picture = FOLDER / f"{Path(file).stem}.svg"
                picture.write_text(drawn(dashboard, answers), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
