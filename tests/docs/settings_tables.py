"""The tables of docs/configuration.md: every key of the settings models and no other, each with the default that the
model has. What a key means stands in the document alone.

`python -m tests.docs` writes the defaults; a key that is missing there, or that does not exist, is an error.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.quantities import ListenAddress, parse_duration, parse_size
from config.settings import ClientEntry, Fetch, ModelEntry, ProviderEntry, Settings
from tests.docs.markdown import ROOT

DOCUMENT: Final = ROOT / "docs/configuration.md"

TABLES: Final[Mapping[str, type[BaseModel]]] = {
    "\n## Keys\n": Settings,
    "\n### Providers\n": ProviderEntry,
    "\n### Clients\n": ClientEntry,
}
"""The model of each table, by the heading above it."""

NOT_WRITTEN: Final = frozenset({"options", "source"})
"""Members of the models that no file has."""

WORDS: Final[Mapping[str, str]] = {
    "models.NAME.price": "the catalogue's",
    "models.NAME.capabilities": "the provider's data",
    "fetch": "`{mode: off}`",
}
"""Defaults that are no values."""

_ROW: Final = re.compile(r"^\| (`[^|]*`) \| ([^|]*) \| (.*) \|$", re.MULTILINE)

_ONE: Final = ("fetch.mode", "fetch.allow")

_DURATIONS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_SIZES: Final = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def written(text: str) -> str:
    """The document with the defaults of the models. Raises ValueError for keys that are missing or do not exist."""
    for heading, model in TABLES.items():
        before, found, after = text.partition(heading)
        assert found, heading
        table, rule, rest = re.split(r"(\n#)", after, maxsplit=1)
        text = before + heading + _table(table, dict(_defaults(model)), heading.strip()) + rule + rest
    return text


def _table(section: str, defaults: Mapping[str, str], title: str) -> str:
    named: set[str] = set()

    def row(match: re.Match[str]) -> str:
        keys = re.findall(r"`([^`]+)`", match[1])
        if unknown := set(keys) - defaults.keys():
            raise ValueError(f"{title}: there is no {', '.join(sorted(unknown))}")
        named.update(keys)
        (default,) = {defaults[key] for key in keys}
        return f"| {match[1]} | {default} | {match[3]} |"

    result = _ROW.sub(row, section)
    if missing := defaults.keys() - named:
        raise ValueError(f"{title}: nothing is said of {', '.join(sorted(missing))}")
    return result


def _defaults(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every key below a model, with its default as a file would have it."""
    for name, field in model.model_fields.items():
        key = prefix + name
        if name in NOT_WRITTEN:
            continue
        nested = field.annotation
        if key == "fetch":
            # `mode` and `allow` are one setting.
            yield key, WORDS[key]
            yield from ((inner, text) for inner, text in _defaults(Fetch, "fetch.") if inner not in _ONE)
        elif isinstance(nested, type) and issubclass(nested, BaseModel):
            yield from _defaults(nested, f"{key}.")
        else:
            yield key, WORDS.get(key) or _shown(field)
        if key == "models" and model is ProviderEntry:
            yield from _defaults(ModelEntry, "models.NAME.")


def _shown(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value in ((), {}):
        return "none"
    if value is None:
        return "`null`"
    parsers = {parse_duration: _DURATIONS, parse_size: _SIZES}
    text = repr(field.metadata)
    for parse, units in parsers.items():
        if parse.__name__.removeprefix("parse_") in text and isinstance(value, int | float):
            shown = _in_units(value, units)
            assert parse(shown) == value, shown
            return f"`{shown}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(repr(each).replace(chr(39), chr(34)) for each in value)}]`"
    return f"`{value}`" if isinstance(value, str | int | ListenAddress) else f"`{value:g}`"


def _in_units(value: float, units: tuple[tuple[str, int], ...]) -> str:
    for unit, size in units:
        if value >= size and value % size == 0:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
