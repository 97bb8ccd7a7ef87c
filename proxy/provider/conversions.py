"""Losses are values: every element of a request that is not carried as it is leaves a Conversion behind."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias

from proxy.responses.errors import ResponsesError

Disposition: TypeAlias = Literal["approximated", "ignored", "dropped"]

_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of one element of the request.

    `path` is the element's place (`tools[2]`, `text.verbosity`). `approximated`: carried in another form. `ignored`:
    has no effect on the model's answer. `dropped`: not carried. `contract` marks an approximation of something that the
    client relies upon (a schema, a tool choice, a grammar): strict configurations refuse it, as they refuse every drop.
    `asked`: the client itself asked for it (`truncation: auto`), so nothing refuses it.
    """

    path: str
    disposition: Disposition
    reason: str = ""
    contract: bool = False
    asked: bool = False

    @property
    def strict_refuses(self) -> bool:
        """Whether `strict: true` turns this conversion into a 400."""
        return (self.disposition == "dropped" or self.contract) and not self.asked


def without_indexes(path: str) -> str:
    """The path without its indexes: a name for counters."""
    return _INDEX.sub("", path)


def dropped(path: str, reason: str, *, asked: bool = False) -> Conversion:
    """The element is left out and has no substitute."""
    return Conversion(path, "dropped", reason, asked=asked)


def ignored(path: str, reason: str = "has no effect on the answer") -> Conversion:
    """The element is left out and the answer does not depend on it."""
    return Conversion(path, "ignored", reason)


def approximated(path: str, reason: str, *, contract: bool = False) -> Conversion:
    """The element is carried in another form that means nearly the same."""
    return Conversion(path, "approximated", reason, contract)


def unneeded_includes(include: Sequence[str], mapped: str, given: Collection[str] = ()) -> list[Conversion]:
    """What becomes of the values of `include` that a provider has nothing to do for: all but `mapped`. `given` ask for
    what is in every answer that has something of the kind; so are proofs."""
    always = (*given, "reasoning.encrypted_content")
    return [
        ignored(f"include[{index}]", "given whenever there is one" if name in always else "nothing of the kind occurs")
        for index, name in enumerate(include)
        if name != mapped
    ]


class RefusedError(ResponsesError):
    """An element that cannot be carried and must not be lost: 400 before anything reaches the vendor. `more`: the paths
    of others that were refused with it."""

    more: Sequence[str] = ()

    @property
    def paths(self) -> list[str]:
        """The paths of all that was refused."""
        return [self.param or "", *self.more]


def refuse(path: str, message: str, *, value: bool = False) -> NoReturn:
    """Raise the 400 for the element at `path`; `value`: only this value of it is the problem."""
    code = "unsupported_value" if value else "unsupported_parameter"
    raise RefusedError(400, message, param=path, code=code)
