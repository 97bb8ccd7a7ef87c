"""Released clients against the running gateway, with every vendor: the matrix of what works.

    python -m tests.clients.real [--only CLIENT,...] [--family NAME,...] [--scenario NAME,...] [--quick]

Installs the clients that are pinned beside this file, each into an environment of its own below `$DRAGOMAN_CACHE`
(`~/.cache/dragoman-clients`), where the next run finds them. Then it starts `dragoman serve` before strict vendors of
every family and runs each client's program with each. A program knows nothing of the gateway but its address; what the
model does is decided by what the user says (`vendor/behaviours.py`).

The snippets of docs/clients.md are run after that.

The exit status is 1 when a scenario fails that is no known gap, when a known gap is none any more, when a snippet
fails, when a vendor refused something, even if another attempt helped, and when the gateway logged an error. `--quick`
takes the first family and the first three scenarios.

A new client is a folder `python/NAME` with `requirements.in` and `main.py` (`make lock` writes its lock file), or
`node/NAME`, and its name in the `install.py` there.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.clients.real import documented, families, matrix, programs
from tests.clients.real.documented import Documented
from tests.clients.real.families import FAMILIES, KEY
from tests.clients.real.matrix import Cell
from tests.clients.real.node import install as node
from tests.clients.real.programs import SCENARIOS, Result
from tests.clients.real.python import install as python

PARALLEL: Final = max(2, os.cpu_count() or 1)
"""How many programs run at a time."""


KNOWN_GAPS: Final[Mapping[Cell, str]] = {}
"""What fails and is not the gateway's to mend, or not yet; each with the reason."""


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def install(cache: Path, only: Sequence[str]) -> dict[str, list[str]]:
    """The commands of the clients, by name: `python/openai`. Both languages are installed at the same time."""
    with ThreadPoolExecutor() as pool:
        waiting = []
        for language, installer in (("python", python), ("node", node)):
            names = [
                name for name in installer.CLIENTS if not only or {name, language, f"{language}/{name}"} & set(only)
            ]
            if names:
                waiting.append((language, pool.submit(installer.install, cache, *names)))
        return {f"{language}/{name}": command for language, made in waiting for name, command in made.result().items()}


async def try_all(
    commands: Mapping[str, Sequence[str]], chosen: Sequence[str], scenarios: Sequence[str]
) -> tuple[dict[Cell, Result], list[str], families.Journal]:
    """Run every client's program with every family, and the snippets of the documents, some at a time, before one
    gateway. What came of each cell, which snippets failed, and what the gateway logged."""
    slots = asyncio.Semaphore(PARALLEL)

    async def tried(client: str, family: str) -> Mapping[str, Result]:
        async with slots:
            began = time.monotonic()
            environment = {"BASE_URL": url, "API_KEY": KEY, "MODEL": FAMILIES[family].alias(family)}
            lacks = FAMILIES[family].lacks
            asked = [name for name in scenarios if name not in lacks]
            said = await programs.run(commands[client], asked, environment)
            found = {name: said.get(name) or Result("skipped", lacks[name]) for name in scenarios}
            cells = {name: Cell(client, family, name) for name in found}
            bad = [name for name, result in found.items() if not matrix.is_good(cells[name], result, KNOWN_GAPS)]
            told = f"FAILED: {', '.join(bad)}" if bad else "as it should be"
            say(f"{client} with {family}: {told} ({time.monotonic() - began:.1f} s)")
            return found

    async def shown(snippet: Documented) -> str | None:
        async with slots:
            fault = await documented.tried(snippet, commands[snippet.client], url, KEY)
            say(f"docs/clients.md, {snippet.client}: {fault or 'as it should be'}")
            return fault and f"docs/clients.md, {snippet.client}: {fault}"

    async with families.running() as (url, journal):
        pairs = [(client, family) for family in chosen for client in commands]
        found = await asyncio.gather(*(tried(*pair) for pair in pairs))
        snippets = [snippet for snippet in documented.documented() if snippet.client in commands]
        failed = [fault for fault in await asyncio.gather(*map(shown, snippets)) if fault is not None]
    results = {
        Cell(client, family, scenario): result
        for (client, family), said in zip(pairs, found, strict=True)
        for scenario, result in said.items()
    }
    return results, failed, journal


def main() -> int:
    """Install, run, print; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients.real", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="clients: openai, python/openai, python, ...")
    parser.add_argument("--family", default="", help=", ".join(FAMILIES))
    parser.add_argument("--scenario", default="", help=", ".join(SCENARIOS))
    parser.add_argument("--quick", action="store_true", help="one family and three scenarios")
    asked = parser.parse_args()
    chosen = [name for name in asked.family.split(",") if name] or list(FAMILIES)[: 1 if asked.quick else None]
    scenarios = [name for name in asked.scenario.split(",") if name] or list(SCENARIOS)[: 3 if asked.quick else None]
    for name in (*chosen, *scenarios):
        if name not in FAMILIES and name not in SCENARIOS:
            parser.error(f"{name} is neither a family nor a scenario")
    cache = Path(os.environ.get("DRAGOMAN_CACHE") or Path.home() / ".cache/dragoman-clients")
    began = time.monotonic()
    try:
        commands = install(cache, [name for name in asked.only.split(",") if name])
    except (python.NotInstalledError, node.NotInstalledError) as error:
        say(str(error))
        return 1
    if not commands:
        parser.error(f"there is no client {asked.only}")
    say(f"{len(commands)} clients are installed ({time.monotonic() - began:.1f} s)")
    results, failed, journal = asyncio.run(try_all(commands, chosen, scenarios))
    for line in matrix.lines(results, scenarios, KNOWN_GAPS):
        say(line)
    faults = [*failed, *journal.faults]
    for fault in faults:
        say(fault)
    is_good = not faults and all(matrix.is_good(cell, result, KNOWN_GAPS) for cell, result in results.items())
    say(f"\n{len(results)} cells in {time.monotonic() - began:.0f} s: {'as they should be' if is_good else 'FAILED'}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
