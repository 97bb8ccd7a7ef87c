"""What the kit finds, and the checks that find it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that the provider breaks. `subject` is the exchange or the standard request that shows it; `expected` and
    `found` say what was wrong."""

    rule: str
    subject: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.rule}: expected {self.expected}; found {self.found}"

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Check:
    """One rule, to be held against one subject. `run` says what breaks it: nothing, where all is well. It may be run
    any number of times, each by itself. Its text is a name for a test."""

    rule: str
    subject: str
    find: Callable[[], Sequence[Problem]] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The subject and the rule, unique among the checks of one provider."""
        return f"{self.subject}: {self.rule}"

    def run(self) -> list[Problem]:
        """The problems, at most a few of a kind."""
        return list(self.find())

    def __str__(self) -> str:
        return self.name
