"""Client programs: each is a process in its own environment, that is told its settings and prints a line a scenario."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import orjson

SCENARIOS: Final = (
    "text",
    "stream",
    "tools",
    "parallel",
    "structured",
    "image",
    "reasoning",
    "errors",
    "custom_tool",
    "namespace",
    "apply_patch",
    "catalogue",
)

SECONDS: Final = 240

Verdict: TypeAlias = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a scenario, and why."""

    verdict: Verdict
    reason: str = ""


async def run(command: Sequence[str], scenarios: Sequence[str], environment: Mapping[str, str]) -> Mapping[str, Result]:
    """Run a program and read what it says of each scenario. What it says nothing of has failed."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**kept, **environment, "SCENARIOS": ",".join(scenarios)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            output, log = await process.communicate()
        ending = f"the program ended with {process.returncode}"
    except TimeoutError:
        process.kill()
        output, log = await process.communicate()
        ending = f"the program was not done after {SECONDS} s"
    said = dict(_read(output))
    last_words = log.decode(errors="replace").strip()[-1500:]
    silence = Result("failed", f"nothing was said of it; {ending}: {last_words}")
    return {name: said.get(name, silence) for name in scenarios}


def _read(output: bytes) -> Iterator[tuple[str, Result]]:
    for line in output.splitlines():
        try:
            told = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue  # what a client's own packages print
        if not isinstance(told, dict) or "scenario" not in told:
            continue
        if "skip" in told:
            yield told["scenario"], Result("skipped", told["skip"])
        elif told.get("ok") is True:
            yield told["scenario"], Result("ok")
        else:
            yield told["scenario"], Result("failed", told.get("error") or "no reason was given")
