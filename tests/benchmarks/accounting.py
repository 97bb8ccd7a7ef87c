"""What counting costs a request: usage, price, budget and limits on the local ledger, metrics, and the spend record.

Measured in one process and without sockets, as CPU time: a request's claims before its vendor is called, all that is
done at its end, and, by itself and in all threads, the writing of its row into SQLite. Logging is off.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog

from config.loader import load
from proxy.app import Plugins, build_gateway
from proxy.cli import settle_memory
from proxy.exchange.accept import accept, parsed_create
from proxy.exchange.admission import admit
from proxy.exchange.gateway import Client
from proxy.exchange.record import record
from proxy.exchange.work import prepare_work
from proxy.usage.limits import limits_of
from tests.benchmarks.material import WHOLE, request_body

REQUESTS = 2_000
ROUNDS = 5

BAR = 40.0
"""CPU microseconds a request, without its row."""


@dataclass(frozen=True, slots=True)
class Accounting:
    """CPU microseconds a request, one number a round: what is counted and claimed, and the row that is written."""

    counting: Sequence[float]
    writing: Sequence[float]


_CONFIGURATION = """\
store: sqlite:///{store}
providers:
  toy: {{type: scripted, models: {{{model}: {{price: {{input: 2, output: 10, cache_read: 0.2}}}}}}}}
models: {{"mock-*": toy/mock-*}}
clients:
  - name: benchmark
    key: sk-any-key
    budget: [{{usd: 1000, per: day}}, {{usd: 100000, per: month}}]
    limits: {{requests_per_minute: 1000000, tokens_per_minute: 1000000000}}
"""


def measure(folder: Path, requests: int = REQUESTS, rounds: int = ROUNDS) -> Accounting:
    """Measure in this process, whose log is off from then on, and whose memory is settled as the gateway's is."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"), cache_logger_on_first_use=True)
    settle_memory()
    return asyncio.run(_measure(folder, requests, rounds))


async def _measure(folder: Path, requests: int, rounds: int) -> Accounting:
    path = folder / "accounting.yaml"
    path.write_text(_CONFIGURATION.format(store=folder / "accounting.db", model=WHOLE))
    plugins = Plugins()
    settings = load(path, {}, plugins)
    gateway = build_gateway(settings, plugins)
    entry = settings.clients[0]
    client = Client(entry.name, limits=limits_of(entry))
    body = request_body(WHOLE, 1_000, stream=False)
    await gateway.store.open()
    request = parsed_create(gateway, orjson.loads(body))
    work = await prepare_work(gateway, request, client, gateway.candidates(request.model, client)[0].target)
    run = await accept(gateway, body, client, arrived=time.perf_counter())
    while await run.advance():
        pass
    await run.close()
    counting: list[float] = []
    writing: list[float] = []
    for each in range(rounds):
        began = time.thread_time()
        for number in range(requests):
            response_id = f"resp_{each}_{number}"
            run.row_id = response_id
            run.admission = await admit(gateway, client, work.target, work.prepared, response_id, time.time())
            record(gateway, run, "req_benchmark")
        counting.append((time.thread_time() - began) * 1e6 / requests)
        began = time.process_time()
        await gateway.spending.flush()
        writing.append((time.process_time() - began) * 1e6 / requests)
    await gateway.store.close()
    return Accounting(counting, writing)
