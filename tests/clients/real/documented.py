"""The snippets of docs/clients.md, run as they stand there but for the address: each with its client's own packages."""

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.docs.markdown import ROOT, owned_snippets

DOCUMENT: Final = ROOT / "docs/clients.md"

ADDRESS: Final = "http://127.0.0.1:8080/v1"

PROMPT: Final = "What does an interpreter do?"
"""What every snippet asks."""

ANSWER: Final = "I have no instructions for this: "
"""How the stand-ins of vendors begin to repeat what they do not understand: words that no client prints by itself."""

SECONDS: Final = 60

LANGUAGES: Final[Mapping[str, str]] = {"python": "python", "js": "node", "toml": "node"}
"""Where the client of a snippet is installed, by the snippet's language."""


class Documented(NamedTuple):
    """A snippet: of which client, and what it says."""

    client: str
    language: str
    text: str


def documented() -> list[Documented]:
    """All snippets of the document."""
    return [
        Documented(f"{LANGUAGES[language]}/{name}", language, text) for language, name, text in owned_snippets(DOCUMENT)
    ]


async def tried(snippet: Documented, command: Sequence[str], address: str, key: str) -> str | None:
    """Run a snippet with the command of its client's program; what went wrong, or None."""
    if snippet.text.count(ADDRESS) != 1:
        return f"it does not name {ADDRESS} once"
    with tempfile.TemporaryDirectory() as home:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment = {**kept, "HOME": home, "CODEX_HOME": home, "OPENAI_API_KEY": key}
        arguments = _placed(snippet, command, snippet.text.replace(ADDRESS, address), Path(home))
        process = await asyncio.create_subprocess_exec(
            *arguments,
            cwd=home,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(SECONDS):
                output, log = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            return f"it was not done after {SECONDS} s"
    if process.returncode != 0:
        return f"it ended with {process.returncode}: {log.decode(errors='replace')[-1000:]}"
    printed = output.decode(errors="replace")
    if ANSWER not in printed or PROMPT not in printed.partition(ANSWER)[2]:
        return f"it printed {printed[-500:]!r}"
    return None


def _placed(snippet: Documented, command: Sequence[str], text: str, home: Path) -> list[str]:
    """Write a snippet to where its client finds it; the command that runs it."""
    match snippet.language:
        case "toml":
            (home / "config.toml").write_text(text, encoding="utf-8")
            return [command[-1], "exec", "--skip-git-repo-check", PROMPT]
        case "js":
            # A module finds its packages only above itself.
            program = Path(command[-1]).with_name("documented.mjs")
        case _:
            program = home / "documented.py"
    program.write_text(text, encoding="utf-8")
    return [*command[:-1], str(program)]
