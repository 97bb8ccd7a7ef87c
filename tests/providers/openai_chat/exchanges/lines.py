"""The lines of data of a dialect, each with the dialect as it is without that line."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from providers.openai_chat.dialect import Dialect, Replay
from providers.openai_chat.families import families, rows
from proxy.provider.capabilities import Capabilities
from proxy.provider.families import Changes, Families

_NOT_IN_EXCHANGES = frozenset({"name", "price_catalogue"})
_BLANK = Dialect(name="blank", capabilities=Capabilities())


def lines(dialect: Dialect) -> Iterator[tuple[str, Families[Dialect]]]:
    """Each line's name, and the rows without it: of the dialect itself, then of what its models differ in."""
    for name, without in _without(dialect, _BLANK):
        yield name, families(without)
    shipped = rows(dialect)
    for index, (prefixes, changes) in enumerate(shipped):
        if not prefixes or (dialect.name != "vllm" and index >= len(shipped) - _weights()):
            # The rows of open weights are the same everywhere; they are shown on one server.
            continue
        for name, fewer in _fewer(changes):
            mutated = [*shipped[:index], (prefixes, fewer), *shipped[index + 1 :]]
            yield f"{prefixes[0]}: {name}", Families(dialect, mutated)


def _weights() -> int:
    return len(rows(dataclasses.replace(_BLANK, name="a server without rows of its own")))


def _without(value: Any, blank: Any) -> Iterator[tuple[str, Any]]:
    """The value with one member less: set to what it is in the blank one, or without one entry."""
    for each in dataclasses.fields(value):
        if each.name in _NOT_IN_EXCHANGES:
            continue
        ours, theirs = getattr(value, each.name), getattr(blank, each.name)
        if ours == theirs:
            continue
        if isinstance(ours, Capabilities):
            for name, changed in _without(ours, theirs):
                yield f"{each.name}.{name}", dataclasses.replace(value, **{each.name: changed})
            continue
        yield each.name, dataclasses.replace(value, **{each.name: theirs})
        for name, changed in _entries(ours):
            yield f"{each.name}.{name}", dataclasses.replace(value, **{each.name: changed})


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Replay):
        yield from _without(value, Replay())
    elif isinstance(value, Mapping):
        for key in value:
            yield str(key), {name: entry for name, entry in value.items() if name != key}
    elif isinstance(value, frozenset):
        for member in sorted(value):
            yield str(member), value - {member}


def _fewer(changes: Changes) -> Iterator[tuple[str, Changes]]:
    for name, value in changes.items():
        rest = {key: each for key, each in changes.items() if key != name}
        if name == "capabilities" and isinstance(value, Mapping):
            for inner, fewer in _fewer(value):
                yield f"{name}.{inner}", {**rest, name: fewer}
        else:
            yield name, rest
