"""The pictures of the dashboards: legal SVG, with every panel, and those of the dashboards that there are."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.deploy.dashboards import DASHBOARDS
from tests.deploy.drawing import Answers, drawn, in_unit, named
from tests.deploy.pictures import FOLDER

SOME = Answers(
    lambda expr: [({"client": "<shop>", "model": "large"}, 0.5)],
    lambda expr: [({"client": "a&b"}, [(1, 2), (2, 3)])],
)
NONE = Answers(lambda expr: [], lambda expr: [])


def words(svg: str) -> set[str]:
    """The texts of a picture."""
    return {element.text or "" for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}


@pytest.mark.parametrize("name", DASHBOARDS)
@pytest.mark.parametrize("answers", [SOME, NONE], ids=["some", "none"])
def test_every_panel_is_drawn_whatever_there_is_to_show(name: str, answers: Answers) -> None:
    dashboard: dict[str, Any] = DASHBOARDS[name]
    titles = {panel["title"] for panel in dashboard["panels"] if panel["type"] != "row"}
    assert titles <= words(drawn(dashboard, answers))


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_pictures_are_those_of_the_dashboards(name: str) -> None:
    titles = {panel["title"] for panel in DASHBOARDS[name]["panels"] if panel["type"] != "row"}
    assert titles <= words((FOLDER / name).with_suffix(".svg").read_text()), "run `make pictures`"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (1.5, "currencyUSD", "$1.50"),
        (0.0123, "currencyUSD", "$0.012"),
        (0.5, "percentunit", "50 %"),
        (0.012, "s", "12 ms"),
        (25_300, "short", "25.3 K"),
        (float("nan"), "short", "-"),
    ],
)
def test_numbers_are_as_people_read_them(value: float, unit: str, shown: str) -> None:
    assert in_unit(value, unit) == shown


def test_series_have_the_names_that_grafana_gives_them() -> None:
    assert named("{{provider}}/{{model}}", {"provider": "lab", "model": "large"}) == "lab/large"
    assert named("{{provider}}/{{model}}", {}) == "value"
    assert named("__auto", {"__name__": "x", "client": "shop"}) == "shop"
