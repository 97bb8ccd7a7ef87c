"""What is wrong with a configuration: where it stands, what was found there and what is allowed."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Location: TypeAlias = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[\w-]+", re.ASCII)
_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `file` is the file as it was named, "environment" or "command line"; `path` is the place
    in it (a key path, a variable, an option); `found` says what stands there and `allowed` what may stand there."""

    file: str
    path: str
    found: str
    allowed: str = ""

    def __str__(self) -> str:
        separator = ", " if self.allowed.startswith("expected ") else "; "
        statement = separator.join(part for part in (self.found, self.allowed) if part)
        text = ": ".join(part for part in (self.file, self.path, statement) if part)
        return " ".join(text.split())


class ConfigurationError(Exception):
    """The configuration cannot be used. Its text has one line for each of `problems`, and never shows a secret."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def path_text(location: Location) -> str:
    """The location as people write it: `clients[0].name`, `models['gpt-4.1'].targets`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{part[:_LONGEST_VALUE]!r}]"
    return text


def value_text(value: object) -> str:
    """A value as an error shows it: short, on one line, containers only by their kind."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return repr(value if len(value) <= _LONGEST_VALUE else value[:_LONGEST_VALUE] + "...")
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return repr(value)[:_LONGEST_VALUE]


def suggestion(word: str, known: Sequence[str], kind: str) -> str:
    """The nearest known word as a question, or all known words. `kind` names them in the plural."""
    nearest = difflib.get_close_matches(word, known, n=1)
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    return f"known {kind}: {', '.join(known)}" if known else f"no {kind} are known here"
