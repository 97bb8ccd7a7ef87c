"""Fault x provider x plain or stream: what the client gets, how often the vendor was called, and what is counted."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.faults.laboratory.faults import FAULTS
from tests.faults.laboratory.vendor import FaultyVendor
from tests.vendors.gateway import Gateway, Gateways, Whole
from tests.vendors.journal import Journal

TABLE: Final = Path(__file__).with_name("table.txt")

MODELS: Final = {
    "openai_chat": "chat/gpt-4o",
    "anthropic": "claude/claude-sonnet-5",
    "gemini": "google/gemini-3.5-flash",
    "responses": "native/gpt-5.6-sol",
    "bedrock": "aws/anthropic.claude-sonnet-5",
    "mistral": "lechat/mistral-large-latest",
    "cohere": "command/command-a-03-2025",
    "ollama": "lab/qwen3",
}
"""What to ask for to reach each type of provider."""

TIMES: Final = {"connect": "2s", "first_byte": "400ms", "idle": "400ms", "total": "10s"}

TRIES: Final = 3
"""How often a line is tried that is not as expected."""

LONGEST: Final = 8.0
"""How long, in seconds, any of them may take: two attempts with their time-outs, and room for a slow machine."""


class Outcome(NamedTuple):
    """What came of one fault: the status or the terminal event, the error's code, `retry-after`, how often the vendor
    was called, the number in `x-dragoman-attempts`, the tokens in and out with their source, and the log's outcome."""

    result: str
    code: str
    retry_after: str
    calls: int
    attempts: str
    tokens: str
    logged: str


def settings(url: str) -> dict[str, Any]:
    """The changes of the configuration that lead every provider to the vendor of the laboratory."""
    key = {"api_key": "sk-vendor-laboratory"}
    entries: dict[str, dict[str, Any]] = {
        "chat": {"base_url": f"{url}/v1"},
        "claude": {"base_url": url},
        "google": {"base_url": f"{url}/v1beta"},
        "native": {"base_url": f"{url}/v1"},
        "aws": {"type": "bedrock", "region": "us-east-1", "base_url": url, **key},
        "lechat": {"type": "mistral", "base_url": f"{url}/v1", **key},
        "command": {"type": "cohere", "base_url": url, **key},
        "lab": {"type": "ollama", "base_url": url},
    }
    common = {"timeout": TIMES, "breaker": {"failures": 0}}
    return {"providers": {name: {**entry, **common} for name, entry in entries.items()}}


async def try_out(gateway: Gateway, vendor: FaultyVendor, journal: Journal, model: str, *, stream: bool) -> Outcome:
    """Send one request through a fault that is played already."""
    journal.entries.clear()
    vendor.calls = 0
    async with asyncio.timeout(LONGEST):
        answer = await gateway.create(model=model, input="hi", stream=stream, store=False)
        entry = await journal.entry(event="request")
    result, code = _seen(answer)
    tokens = "-"
    if entry.get("input_tokens") or entry.get("output_tokens"):
        source = "" if entry["usage_source"] == "provider" else " estimated"
        tokens = f"{entry['input_tokens']}+{entry['output_tokens']}{source}"
    assert len(entry.get("tries", [1])) == entry["attempts"]
    return Outcome(
        result,
        code,
        answer.headers.get("retry-after", "-"),
        vendor.calls,
        answer.headers["x-dragoman-attempts"],
        tokens,
        entry["outcome"],
    )


def _seen(answer: Whole) -> tuple[str, str]:
    """The status or the terminal event, and the error's code; what is shown keeps to the rules of the format."""
    if answer.status != 200:
        return str(answer.status), answer.error["code"] or "-"
    response = answer.response
    streamed = answer.body.startswith(b"event:")
    result = f"{'event' if streamed else 'body'} {response['status']}"
    return result, (response["error"] or {}).get("code") or "-"


async def measured(gateways: Gateways, vendor: FaultyVendor, journal: Journal, expected: str) -> str:
    """The whole table as text. What differs from the `expected` one is tried again: a machine that stands still for a
    moment looks like a vendor that does."""
    gateway = await gateways.start(**settings(vendor.url))
    lines = [HEADING]
    for fault, play in FAULTS.items():
        vendor.play(play)
        for way in ("plain", "stream"):
            for _ in range(TRIES):
                outcomes = [
                    (provider, await try_out(gateway, vendor, journal, model, stream=way == "stream"))
                    for provider, model in MODELS.items()
                ]
                found = written(fault, way, outcomes)
                if "\n".join(found) in expected:
                    break
            lines += found
    return "\n".join(lines) + "\n"


HEADINGS: Final = (
    ("fault", 26), ("", 7), ("result", 17), ("code", 31), ("retry-after", 12), ("calls", 6), ("attempts", 9),
    ("tokens", 16), ("logged", 11),
)  # fmt: skip


HEADING: Final = "".join(name.ljust(width) for name, width in HEADINGS) + "providers"


def written(fault: str, way: str, outcomes: Sequence[tuple[str, Outcome]]) -> list[str]:
    """The lines for one fault: providers with the same outcome share one."""
    found: dict[Outcome, list[str]] = {}
    for provider, outcome in outcomes:
        found.setdefault(outcome, []).append(provider)
    lines = []
    for outcome, providers in found.items():
        values = (fault, way, *map(str, outcome))
        line = "".join(value.ljust(width) for value, (_, width) in zip(values, HEADINGS, strict=True))
        lines.append(line + ("all" if len(providers) == len(MODELS) else ", ".join(providers)))
    return lines
