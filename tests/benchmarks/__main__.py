"""The benchmark: the gateway and P before the same vendor, in turns.

    python -m tests.benchmarks [--quick]

The figures are CPU microseconds of the server's process, by the scheduler's count, because these hold when other
programs use the machine; even so only the ratios of one run mean something. The gateway runs as a user runs it
(`dragoman serve --config FILE`), with a client key, metrics, a log line a request, and uvloop. Nothing is kept
(`store: false`) but where it is said: what keeping costs is measured by itself, with SQLite in a file. The exit status
says whether all requests were answered, never how fast.
"""

import argparse
import asyncio
import gc
import http.client
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import orjson

from tests.benchmarks import accounting, material, scrape
from tests.benchmarks.load import Load, Result, request_bytes
from tests.benchmarks.processes import Process, StartError, free_port, pinned
from tests.benchmarks.report import Cost, Figures, Scenario, Storing, table

KEY = "sk-benchmark-0123456789abcdef"
ROUNDS = 5
STARTS = 3
IDLE_SECONDS = 3.0

SCENARIOS = (
    Scenario("1 KB JSON", material.WHOLE, 1_000, connections=64, total=2500, bar=1.4),
    Scenario("100 KB JSON", material.WHOLE, 100_000, connections=16, total=400, bar=2.2),
    Scenario(
        "stream in bursts", material.BURST, 1_000, connections=16, total=320, bar=3.0, events=material.BURST_EVENTS
    ),
    Scenario("paced stream", material.PACED, 1_000, connections=16, total=48, bar=1.15, events=material.PACED_EVENTS),
)

STORING_BAR = 150.0
HISTORY = 100

STORING = (
    Storing("1 KB JSON, 32 clients", material.WHOLE, connections=32, total=2000, bar=STORING_BAR),
    Storing("1 KB JSON, one client", material.WHOLE, connections=1, total=400, bar=STORING_BAR),
    Storing("stream, one client", material.BURST, 1, total=100, bar=STORING_BAR, events=material.BURST_EVENTS),
    Storing("turn upon 100 items", material.WHOLE, connections=16, total=200, history=HISTORY),
)

CONFIGURATION = """\
listen: 127.0.0.1:{port}
store: sqlite:///{store}
providers:
  mock: {{type: openai_chat, dialect: generic, base_url: "http://127.0.0.1:{vendor}/v1", api_key: sk-vendor}}
models:
  "mock-*": mock/mock-*
clients:
  - {{name: benchmark, key: {key}}}
"""


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--quick", action="store_true", help="one round, a tenth of the requests")
    quick = parser.parse_args(arguments).quick
    if not sys.platform.startswith("linux") or not Path("/proc/self/schedstat").exists():
        say("The benchmark reads the CPU time of processes from /proc/PID/schedstat, which only Linux has.")
        return 0
    scenarios, storing = list(SCENARIOS), list(STORING)
    if quick:
        scenarios = [replace(each, total=max(each.connections, each.total // 10)) for each in scenarios]
        storing = [replace(each, total=max(each.connections, each.total // 10)) for each in storing]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            figures, problems = Benchmark(scenarios, storing, Path(folder)).run(
                rounds=1 if quick else ROUNDS,
                starts=1 if quick else STARTS,
                idle_seconds=IDLE_SECONDS / 3 if quick else IDLE_SECONDS,
            )
        except StartError as error:
            say(str(error))
            return 1
    for problem in problems:
        say(f"FAILED: {problem}")
    if problems:
        return 1
    say()
    for line in table(scenarios, storing, figures):
        say(line)
    say()
    rounds = "one round" if quick else f"medians of {ROUNDS} rounds"
    say(f"{rounds}, {time.monotonic() - began:.0f} s, {platform.python_implementation()} {platform.python_version()}")
    return 0


class Benchmark:
    """The vendor, P and the gateway: the servers on the first core, vendor and load on the second."""

    def __init__(self, scenarios: Sequence[Scenario], storing: Sequence[Storing], folder: Path) -> None:
        cores = sorted(os.sched_getaffinity(0))
        self._server_core: int | None = cores[0] if len(cores) > 1 else None
        self._load_core: int | None = cores[1] if len(cores) > 1 else None
        self._scenarios = scenarios
        self._storing = storing
        self._folder = folder
        self._vendor_port = free_port()
        self._figures = Figures(
            gateway={each.name: [] for each in scenarios},
            passthrough={each.name: [] for each in scenarios},
            unkept={each.name: [] for each in storing},
            kept={each.name: [] for each in storing},
        )
        self._problems: list[str] = []

    def run(self, *, rounds: int, starts: int, idle_seconds: float) -> tuple[Figures, list[str]]:
        """Measure everything. Raises StartError."""
        figures = self._figures
        with ExitStack() as stack:
            stack.enter_context(pinned(self._load_core))
            stack.callback(self._start_vendor().stop)
            for _ in range(starts - 1):
                for start, seconds in (
                    (self._start_gateway, figures.start_seconds),
                    (self._start_passthrough, figures.passthrough_start_seconds),
                ):
                    server = start()
                    server.stop()
                    seconds.append(server.start_seconds)
            gateway = self._start_gateway()
            stack.callback(gateway.stop)
            passthrough = self._start_passthrough()
            stack.callback(passthrough.stop)
            figures.start_seconds.append(gateway.start_seconds)
            figures.passthrough_start_seconds.append(passthrough.start_seconds)

            say("at rest ...")
            time.sleep(0.5)
            figures.memory_mib, figures.passthrough_memory_mib = gateway.resident_mib(), passthrough.resident_mib()
            used = gateway.cpu_seconds(), passthrough.cpu_seconds()
            time.sleep(idle_seconds)
            figures.idle_ms_per_second = (gateway.cpu_seconds() - used[0]) * 1e3 / idle_seconds
            figures.passthrough_idle_ms_per_second = (passthrough.cpu_seconds() - used[1]) * 1e3 / idle_seconds

            self._warm_up(gateway, passthrough)
            for number in range(rounds):
                say(f"round {number + 1} of {rounds} ...")
                for scenario in self._scenarios:
                    pair = [(gateway, figures.gateway), (passthrough, figures.passthrough)]
                    for server, taken in pair if number % 2 == 0 else pair[::-1]:
                        taken[scenario.name].append(self._measure(server, scenario))
                for storing in self._storing:
                    loads = [(figures.unkept, False), (figures.kept, True)]
                    for costs, kept in loads if number % 2 == 0 else loads[::-1]:
                        costs[storing.name].append(self._cost(gateway, storing, kept=kept))
                if self._problems:
                    break
            figures.memory_after_mib = gateway.resident_mib()
        say("counting ...")
        with pinned(self._server_core):
            figures.accounting = accounting.measure(self._folder, rounds=rounds)
        say("scrapes ...")
        figures.delays = scrape.measure(
            self._folder, server_core=self._server_core, load_core=self._load_core, seconds=3.0 if rounds == 1 else 8.0
        )
        return figures, self._problems

    # --- the servers -------------------------------------------------------------------------------------------------

    def _start_vendor(self) -> Process:
        port = self._vendor_port
        command = [sys.executable, "-m", "tests.benchmarks.vendor", str(port)]
        return Process(command, port=port, ready="/", core=self._load_core, log=self._folder / "vendor.log")

    def _start_passthrough(self) -> Process:
        port = free_port()
        vendor = f"http://127.0.0.1:{self._vendor_port}"
        command = [sys.executable, "-m", "tests.benchmarks.passthrough", str(port), vendor]
        return Process(command, port=port, ready="/", core=self._server_core, log=self._folder / "passthrough.log")

    def _start_gateway(self) -> Process:
        port = free_port()
        path = self._folder / "dragoman.yaml"
        store = self._folder / "state.db"
        path.write_text(CONFIGURATION.format(port=port, vendor=self._vendor_port, key=KEY, store=store))
        command = [str(Path(sys.executable).with_name("dragoman")), "serve", "--config", str(path)]
        return Process(command, port=port, ready="/readyz", core=self._server_core, log=self._folder / "dragoman.log")

    # --- the load ----------------------------------------------------------------------------------------------------

    def _warm_up(self, gateway: Process, passthrough: Process) -> None:
        for scenario in self._scenarios:
            for server in (gateway, passthrough):
                self._load(server, replace(scenario, total=min(scenario.total, 4 * scenario.connections // 3)))
        for storing in self._storing:
            for kept in (False, True):
                self._cost(gateway, replace(storing, total=min(storing.total, 10)), kept=kept)

    def _measure(self, server: Process, scenario: Scenario) -> float:
        """CPU microseconds for each request, or for each event of a stream."""
        gc.collect()
        before = server.cpu_seconds()
        result = self._load(server, scenario)
        used = server.cpu_seconds() - before
        return used * 1e6 / max(1, result.events if scenario.events else result.answers)

    def _load(self, server: Process, scenario: Scenario) -> Result:
        body = material.request_body(scenario.model, scenario.size, stream=scenario.events > 0)
        return self._send(server, scenario, [body])

    def _cost(self, server: Process, storing: Storing, *, kept: bool) -> Cost:
        bodies = self._bodies(server, storing, kept=kept)
        gc.collect()
        before = server.cpu_seconds()
        result = self._send(server, storing, bodies)
        return Cost((server.cpu_seconds() - before) * 1e6 / max(1, result.answers), result.first_deltas)

    def _bodies(self, server: Process, storing: Storing, *, kept: bool) -> list[bytes]:
        if not storing.history:
            return [material.request_body(storing.model, 1_000, stream=storing.events > 0, store=kept)]
        if not kept:
            return [material.whole_turn(storing.history)]
        # Each turn continues a response of its own, as conversations do.
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        bodies: list[bytes] = []
        for _ in range(storing.total):
            headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
            connection.request("POST", material.RESPONSES_PATH, material.first_turn(storing.history), headers)
            bodies.append(material.chained_turn(orjson.loads(connection.getresponse().read())["id"]))
        connection.close()
        return bodies

    def _send(self, server: Process, load: Scenario | Storing, bodies: Sequence[bytes]) -> Result:
        requests = [request_bytes(material.RESPONSES_PATH, body, KEY) for body in bodies]
        result = _run(Load(server.port, requests, connections=load.connections, total=load.total, events=load.events))
        self._problems += [f"{load.name}: {problem}" for problem in result.problems]
        return result


def _run(load: Load) -> Result:
    import uvloop  # not on every platform

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load.run())


if __name__ == "__main__":
    sys.exit(main())
