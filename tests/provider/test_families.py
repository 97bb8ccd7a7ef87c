"""Rows of model families: the longest prefix wins, and operators extend what is shipped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from proxy.provider.capabilities import Capabilities
from proxy.provider.families import Families, changed

PLAIN = Capabilities()


@dataclass(frozen=True, slots=True)
class Row:
    name: str = "row"
    style: Literal["level", "budget"] = "level"
    levels: tuple[str, ...] = ("low", "high")
    window: int | None = None
    capabilities: Capabilities = PLAIN


SHIPPED: list[tuple[tuple[str, ...], dict[str, object]]] = [
    (("fox-1",), {"style": "budget"}),
    (("fox-1-mini", "fox-2-mini"), {"levels": ["low"]}),
]


def families(extensions: Mapping[str, Mapping[str, object]] | None = None) -> Families[Row]:
    return Families(Row(), SHIPPED, extensions)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("fox-1", "fox-1"), ("FOX-1-large", "fox-1"), ("fox-1-mini-0815", "fox-1-mini"), ("fox-3", ""), ("", "")],
)
def test_the_longest_prefix_wins(name: str, prefix: str) -> None:
    assert families().find(name).prefix == prefix


def test_a_row_differs_from_the_default_in_what_it_says_and_in_nothing_else() -> None:
    assert families().find("fox-2-mini").row == Row(levels=("low",))
    assert families().find("fox-1-mini").row.style == "level"


def test_an_extension_begins_as_the_row_that_it_leads_to() -> None:
    extended = families({"Fox-1-maxi": {"window": 5}})
    assert extended.find("fox-1-maxi-2").row == Row(style="budget", window=5)
    assert extended.find("fox-1").row == Row(style="budget")


def test_capabilities_are_changed_member_by_member() -> None:
    row = families({"fox-1": {"capabilities": {"images": False, "efforts": ["low"]}}}).find("fox-1").row
    assert row.capabilities == Capabilities(images=False, efforts=("low",))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"stile": "level"}, "fox-9.stile: unknown member; did you mean 'style'?"),
        ({"name": "x"}, "fox-9.name: unknown member"),
        ({"style": "none"}, "fox-9.style: found 'none'; Input should be 'level' or 'budget'"),
        ({"capabilities": {"image": True}}, "fox-9.capabilities.image: unknown member; did you mean 'images'?"),
    ],
)
def test_a_mistake_is_named_with_its_place(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match="fox-9") as raised:
        families({"fox-9": changes})
    assert str(raised.value) == complaint


def test_a_prefix_stands_in_one_row_only() -> None:
    with pytest.raises(ValueError, match="fox: stands in two rows"):
        Families(Row(), [(("fox",), {}), (("fox",), {})])


def test_no_changes_are_the_same_row() -> None:
    row = Row()
    assert changed(row, {}) is row
