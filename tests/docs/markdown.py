"""What the documents hold: fenced snippets, commands, headings and links."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

DOCUMENTS: Final = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted(ROOT.glob("docs/*.md")),
)

SHELLS: Final = ("sh", "console")

_FENCE = re.compile(r"^```(\w*)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_ASSIGNMENT = re.compile(r"[A-Za-z_]+=.*")


@dataclass(frozen=True, slots=True)
class Snippet:
    """A fenced block. `line` is that of its first line of text."""

    document: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"

    def commands(self) -> list[list[str]]:
        """The commands of a shell snippet, as words, without variables in front; in a console, those after a `$`."""
        return [words for command in self._lines() if (words := _without_assignments(shlex.split(command, True)))]

    def _lines(self) -> Iterator[str]:
        """Whole commands: lines are joined while a quote or a backslash is open."""
        command = ""
        for line in self.text.splitlines():
            if not command and self.language == "console":
                if not line.startswith("$ "):
                    continue
                line = line.removeprefix("$ ")
            command = f"{command}\n{line}" if command else line
            if command.endswith("\\"):
                continue
            try:
                shlex.split(command, True)
            except ValueError:
                continue
            yield command.replace("\\\n", " ")
            command = ""
        assert not command, f"{self}: a quote is not closed"


def _without_assignments(words: list[str]) -> list[str]:
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    return words


def snippets(*languages: str) -> list[Snippet]:
    """All snippets in these languages that are nobody's: those of a client's (```python openai) are run with it, by
    `make clients`."""
    return [
        Snippet(document, match.string.count("\n", 0, match.start(3)) + 1, match[1], match[3])
        for document in DOCUMENTS
        for match in _FENCE.finditer(document.read_text())
        if match[1] in languages and match[2] is None
    ]


def owned_snippets(document: Path) -> list[tuple[str, str, str]]:
    """Language, owner and text of a document's snippets that are somebody's."""
    return [(match[1], match[2], match[3]) for match in _FENCE.finditer(document.read_text()) if match[2] is not None]


def prose(document: Path) -> str:
    """The document without its snippets."""
    return _FENCE.sub("", document.read_text())


def links(document: Path) -> list[str]:
    """Where the document's links lead to."""
    return _LINK.findall(_CODE.sub("", prose(document)))


def names(document: Path) -> list[str]:
    """What stands in backticks."""
    return _CODE.findall(prose(document))


def anchors(document: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in _HEADING.findall(prose(document))
    }
