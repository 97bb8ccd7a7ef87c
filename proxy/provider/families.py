"""What a provider knows of model families: rows of data, found by the beginning of a model's name.

The shipped rows stand in a TOML file beside the provider's code, `[[families]]` tables with `prefixes` and the members
that differ from the default row. Configuration extends them: a prefix and the members that differ from what the shipped
rows say of it.
"""

import dataclasses
import difflib
import tomllib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar, cast, get_type_hints

from pydantic import TypeAdapter, ValidationError

from proxy.provider.capabilities import Capabilities

Changes: TypeAlias = Mapping[str, object]
"""Members of a row, by name, with values as TOML and YAML have them."""


class Row(Protocol):
    """A frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


RowT = TypeVar("RowT", bound=Row)


@dataclass(frozen=True, slots=True)
class Found(Generic[RowT]):
    """The row of a model, and the prefix that led to it ("" for the default row)."""

    row: RowT
    prefix: str


class Families(Generic[RowT]):
    """Rows by prefix; the longest prefix of a name wins, and a name that none fits has the default row.

    `shipped` are changes to the default row with their prefixes. `extensions` are an operator's: each begins as the row
    that its prefix leads to. Raises ValueError, with the place, for members that a row does not have and for values
    that do not fit.
    """

    def __init__(
        self,
        default: RowT,
        shipped: Sequence[tuple[Sequence[str], Changes]] = (),
        extensions: Mapping[str, Changes] | None = None,
    ) -> None:
        rows: dict[str, RowT] = {"": default}
        for prefixes, changes in shipped:
            row = changed(default, changes, prefixes[0] if prefixes else "")
            for prefix in prefixes:
                if prefix in rows and prefix:
                    raise ValueError(f"{prefix}: stands in two rows")
                rows[prefix] = row
        self._rows = rows
        added = {
            prefix.lower(): changed(self.find(prefix).row, changes, prefix)
            for prefix, changes in (extensions or {}).items()
        }
        self._rows = rows | added

    def find(self, name: str) -> Found[RowT]:
        """The row with the longest prefix of the name; upper and lower case are the same."""
        name = name.lower()
        best = max((prefix for prefix in self._rows if name.startswith(prefix)), key=len)
        return Found(self._rows[best], best)


def changed(row: RowT, changes: Changes, place: str = "") -> RowT:
    """The row with the changes, each checked against its member's type. A member of type `Capabilities` takes a mapping
    of what differs. Raises ValueError naming `place` and the member."""
    if not changes:
        return row
    types = _member_types(type(row))
    values: dict[str, Any] = {}
    for name, value in changes.items():
        where = ".".join(part for part in (place, name) if part)
        if name not in types:
            near = difflib.get_close_matches(name, types, 1)
            raise ValueError(f"{where}: unknown member{f'; did you mean {near[0]!r}?' if near else ''}")
        if types[name] is Capabilities and isinstance(value, Mapping):
            capabilities: Capabilities = getattr(row, name)
            values[name] = changed(capabilities, value, where)
            continue
        try:
            values[name] = _adapter(type(row), name).validate_python(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            inside = ".".join((where, *(str(part) for part in first["loc"])))
            raise ValueError(f"{inside}: found {first['input']!r}; {first['msg']}") from None
    try:
        return dataclasses.replace(row, **values)
    except ValueError as error:
        raise ValueError(f"{place}.{error}" if place else str(error)) from None


def shipped_rows(package: str, table: str = "families") -> tuple[tuple[tuple[str, ...], Changes], ...]:
    """The rows of `models.toml` in the package, as `Families` takes them; `table` names the array of tables."""
    rows = _document(package).get(table, ())
    return tuple(
        (tuple(row["prefixes"]), {name: value for name, value in row.items() if name != "prefixes"}) for row in rows
    )


@cache
def _document(package: str) -> dict[str, Any]:
    return tomllib.loads(files(package).joinpath("models.toml").read_text("utf-8"))


@cache
def _member_types(row: Hashable) -> dict[str, Any]:
    members = {field.name for field in dataclasses.fields(cast("type[Row]", row))}
    return {name: hint for name, hint in get_type_hints(row).items() if name in members and name != "name"}


@cache
def _adapter(row: Hashable, member: str) -> TypeAdapter[Any]:
    return TypeAdapter(_member_types(row)[member])
