"""What was spent as a table, CSV and JSON: exact, aligned, and harmless whatever a model is called."""

import csv
import io
import json
import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.state.records import SpendColumn, SpendGroup
from proxy.usage.prices import PER_USD
from proxy.usage.report import COLUMNS, Format, Query, QueryError, added, read_query, rendered

NOW = 1_795_408_779.123456
"""2026-11-23T04:39:39.123456Z."""

DAY = 86_400.0

HOSTILE = (
    "new\nline",
    "carriage\rreturn",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "  =1+1",
    "\uff1d1+1",
    "a;=1+1",
    'a;" ""=1+1',
    'quo"te,comma',
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "c1 \x9b31m",
    "right\u202eto left",
    "back\\slash",
    "\x00",
    "\ud800",
    "",
)


def query(*by: SpendColumn) -> Query:
    return Query(by or ("client", "model"), NOW - DAY, NOW)


def group(*by: str | None, cost: int = 0, estimated: int = 0, unpriced: int = 0, **numbers: int) -> SpendGroup:
    return SpendGroup(
        by=by,
        requests=numbers.get("requests", 1),
        input_tokens=numbers.get("input_tokens", 0),
        cache_read_tokens=numbers.get("cache_read_tokens", 0),
        cache_write_tokens=numbers.get("cache_write_tokens", 0),
        output_tokens=numbers.get("output_tokens", 0),
        reasoning_tokens=numbers.get("reasoning_tokens", 0),
        unpriced_tokens=unpriced,
        cost=cost,
        estimated_cost=estimated,
    )


def text(asked: Query, groups: list[SpendGroup], form: Format) -> str:
    return rendered(asked, groups, form).decode()


def csv_rows(asked: Query, groups: list[SpendGroup]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(asked, groups, "csv"), newline=""), strict=True))


def json_of(asked: Query, groups: list[SpendGroup]) -> Any:
    return json.loads(text(asked, groups, "json"))


TWO = [
    group("shop", "claude-opus-5", cost=1_234_567_891_234_500_000, requests=1_234_567, input_tokens=9_876_543_210),
    group("a", "gpt-4o", cost=37_500, requests=1, input_tokens=7, output_tokens=3),
]


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_is_aligned_exact_and_ends_with_the_sum() -> None:
    asked = Query(("client", "model"), 1_794_700_800.0, 1_795_305_600.5)
    assert text(asked, TWO, "table") == (
        "What was spent from 2026-11-15T00:00:00Z to 2026-11-22T00:00:00.500Z\n"
        "\n"
        "client  model           requests          input  cache read  cache write  output  reasoning"
        "              cost USD\n"
        f"{'-' * 113}\n"
        "shop    claude-opus-5  1,234,567  9,876,543,210           0            0       0          0"
        "  1,234,567.8912345000\n"
        "a       gpt-4o                 1              7           0            0       3          0"
        "          0.0000000375\n"
        f"{'-' * 113}\n"
        "total                  1,234,568  9,876,543,217           0            0       3          0"
        "  1,234,567.8912345375\n"
    )


def test_a_cost_has_at_least_six_decimals() -> None:
    lines = text(query("client"), [group("a", cost=2 * PER_USD)], "table").splitlines()
    assert [line.split()[-1] for line in lines if line.startswith(("a ", "total"))] == ["2.000000", "2.000000"]


def test_nothing_is_said_to_be_nothing() -> None:
    said = text(Query(("client",), 0.0, DAY), [], "table")
    assert said == "Nothing was spent from 1970-01-01T00:00:00Z to 1970-01-02T00:00:00Z.\n"


def test_what_has_no_price_is_not_free() -> None:
    groups = [
        group("chat", "known", cost=5 * PER_USD, input_tokens=10, unpriced=0),
        group("chat", "partly", cost=PER_USD, input_tokens=30, unpriced=20),
        group("lab", "unknown", input_tokens=1_000, output_tokens=234, unpriced=1_234),
    ]
    said = text(query("provider", "model"), groups, "table")
    costs = {line.split()[1]: line.split()[-2:] for line in said.splitlines() if line.startswith(("chat", "lab"))}
    assert costs == {"known": ["0", "5.000000"], "partly": ["20", "1.000000"], "unknown": ["1,234", "-"]}
    assert said.endswith(
        "unpriced: 1,234 tokens of lab/unknown have no price\nunpriced: 20 tokens of chat/partly have no price\n"
    )
    assert [one["cost_usd"] for one in json_of(query("provider", "model"), groups)["data"]] == ["5", "1", None]
    assert [row["cost_usd"] for row in csv_rows(query("provider", "model"), groups)] == ["5", "1", ""]
    assert json_of(query("provider", "model"), groups)["total"]["cost_usd"] == "6"
    assert json_of(query("provider", "model"), groups[2:])["total"]["cost_usd"] is None


def test_a_model_at_no_cost_and_a_failure_without_tokens_cost_nothing() -> None:
    groups = [group("free", "m", input_tokens=5), group("failed", "m")]
    assert [one["cost_usd"] for one in json_of(query(), groups)["data"]] == ["0", "0"]
    assert "unpriced" not in text(query(), groups, "table")


def test_a_model_without_a_price_is_named_once_for_all_clients() -> None:
    groups = [group(name, "m", input_tokens=5, unpriced=5) for name in ("a", "b")]
    assert text(query("client", "model"), groups, "table").count("unpriced: ") == 1
    assert "unpriced: 10 tokens of m have no price\n" in text(query("client", "model"), groups, "table")
    assert "unpriced: 10 tokens have no price; by provider" in text(query("client"), [group("a", unpriced=10)], "table")


def test_many_models_without_a_price_are_summed_up() -> None:
    groups = [group(f"m{number:03}", input_tokens=number, unpriced=number) for number in range(1, 101)]
    notes = [line for line in text(query("model"), groups, "table").splitlines() if line.startswith("unpriced: ")]
    assert len(notes) == 11
    assert notes[0] == "unpriced: 100 tokens of m100 have no price"
    assert notes[-1] == f"unpriced: {sum(range(1, 91)):,} tokens of 90 more models have no price"


def test_what_is_estimated_is_said() -> None:
    said = text(query("client"), [group("a", cost=PER_USD, estimated=PER_USD // 4)], "table")
    assert said.endswith("estimated: 0.250000 USD of the cost are for estimated tokens\n")


def test_wide_and_combining_signs_are_aligned() -> None:
    said = text(query("model"), [group("模型"), group("e\u0301"), group("plain")], "table").splitlines()
    # what a terminal shows has the same length: two columns for each wide sign, none for a combining one
    assert len(said[4]) + 2 == len(said[5]) - 1 == len(said[6])


def test_a_long_name_does_not_widen_the_table_without_end() -> None:
    lines = text(query("model"), [group("m" * 10_000)], "table").splitlines()
    assert max(map(len, lines)) < 200
    assert json_of(query("model"), [group("m" * 10_000)])["data"][0]["model"] == "m" * 10_000


# --- every form -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_no_name_reaches_a_terminal_as_a_command(form: Format) -> None:
    groups = [group("a", name, input_tokens=1, unpriced=1) for name in HOSTILE]
    said = text(query(), groups, form)
    allowed = {"table": "\n", "csv": "\r\n", "json": "\n"}[form]
    assert [sign for sign in said if not sign.isprintable() and sign not in allowed] == []


def test_every_hostile_name_stays_one_record() -> None:
    groups = [group("a", name) for name in HOSTILE]
    assert len(text(query(), groups, "table").splitlines()) == 6 + len(HOSTILE)
    assert len(text(query(), groups, "csv").split("\r\n")) == 2 + len(HOSTILE)
    assert [one["model"] for one in json_of(query(), groups)["data"]] == list(HOSTILE)


def test_no_cell_of_a_csv_is_a_formula() -> None:
    rows = csv_rows(query(), [group("a", name) for name in HOSTILE])
    assert len(rows) == len(HOSTILE)
    for row in rows:
        assert not row["model"].strip().startswith(("=", "+", "-", "@", "\uff1d", "\t", "\r"))
    # nor where the semicolon divides the cells
    lines = text(query(), [group("a", name) for name in HOSTILE], "csv").split("\r\n")
    cells = [cell for row in csv.reader(lines, delimiter=";") for cell in row]
    assert len(cells) > len(HOSTILE)
    assert [cell for cell in cells if cell.lstrip().startswith(("=", "+", "@"))] == []


def test_harmless_names_are_written_as_they_are() -> None:
    [row] = csv_rows(query(), [group("shop", "accounts/x:y-1.5@eu")])
    assert (row["client"], row["model"]) == ("shop", "accounts/x:y-1.5@eu")


def test_what_has_no_value_is_empty_and_null() -> None:
    groups = [group(None, requests=3)]
    assert csv_rows(query("price_source"), groups)[0]["price_source"] == ""
    assert json_of(query("price_source"), groups)["data"][0]["price_source"] is None
    assert "\n-  " in text(query("price_source"), groups, "table")


def test_json_has_the_query_the_groups_and_the_sum() -> None:
    asked = read_query("client,model", "2026-11-16", "2026-11-23", NOW)
    assert json_of(asked, TWO) == {
        "object": "usage",
        "since": "2026-11-16T00:00:00Z",
        "until": "2026-11-23T00:00:00Z",
        "by": ["client", "model"],
        "data": [
            {
                "client": "shop",
                "model": "claude-opus-5",
                "requests": 1_234_567,
                "input_tokens": 9_876_543_210,
                "cache_read_tokens": 0,
                "cache_write_tokens": 0,
                "output_tokens": 0,
                "reasoning_tokens": 0,
                "unpriced_tokens": 0,
                "cost_usd": "1234567.8912345",
                "estimated_cost_usd": "0",
            },
            {
                "client": "a",
                "model": "gpt-4o",
                "requests": 1,
                "input_tokens": 7,
                "cache_read_tokens": 0,
                "cache_write_tokens": 0,
                "output_tokens": 3,
                "reasoning_tokens": 0,
                "unpriced_tokens": 0,
                "cost_usd": "0.0000000375",
                "estimated_cost_usd": "0",
            },
        ],
        "total": {
            "requests": 1_234_568,
            "input_tokens": 9_876_543_217,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "output_tokens": 3,
            "reasoning_tokens": 0,
            "unpriced_tokens": 0,
            "cost_usd": "1234567.8912345375",
            "estimated_cost_usd": "0",
        },
    }


@given(st.lists(st.integers(0, 10**30), min_size=1, max_size=30))
def test_costs_add_up_exactly_in_every_form(costs: list[int]) -> None:
    groups = [group(f"c{number}", cost=cost) for number, cost in enumerate(costs)]
    names = {"total", *(f"c{number}" for number in range(len(costs)))}
    exact = Fraction(sum(costs), PER_USD)
    asked = query("client")
    table = [line.split() for line in text(asked, groups, "table").splitlines()]
    shown = {cells[0]: Fraction(cells[-1].replace(",", "")) for cells in table if cells and cells[0] in names}
    assert shown["total"] == exact
    assert sum(shown[f"c{number}"] for number in range(len(costs))) == exact
    assert sum(Fraction(row["cost_usd"]) for row in csv_rows(asked, groups)) == exact
    answer = json_of(asked, groups)
    assert Fraction(answer["total"]["cost_usd"]) == exact
    assert sum(Fraction(one["cost_usd"]) for one in answer["data"]) == exact
    assert "e" not in answer["total"]["cost_usd"].lower()


def test_days_stand_in_their_order() -> None:
    groups = [group("2026-11-20", "b", cost=9), group("2026-11-19", "a", cost=5), group("2026-11-20", "a", cost=1)]
    asked = query("day", "client")
    days = [(row["day"], row["client"]) for row in csv_rows(asked, groups)]
    assert days == [("2026-11-19", "a"), ("2026-11-20", "b"), ("2026-11-20", "a")]


def test_ten_thousand_groups_are_all_there() -> None:
    groups = [group("a", f"model-{number}", cost=number) for number in range(10_000)]
    assert len(csv_rows(query(), groups)) == len(json_of(query(), groups)["data"]) == 10_000
    assert len(text(query(), groups, "table").splitlines()) == 10_006
    assert added(groups).cost == sum(range(10_000))
    assert text(query(), groups, "table").rstrip().endswith("  0.000049995000")


# --- the query --------------------------------------------------------------------------------------------------------


def test_the_default_is_thirty_days_by_client_and_model_up_to_now() -> None:
    for nothing in (None, ""):
        asked = read_query(nothing, nothing, nothing, NOW)
        assert asked.by == ("client", "model")
        assert asked.since <= NOW - 30 * DAY + 0.001
        # what was kept by now is in it
        assert NOW < asked.until <= NOW + 0.001


def test_without_a_beginning_it_is_thirty_days_before_the_end() -> None:
    assert read_query(None, None, "2020-03-01", NOW).since == read_query(None, "2020-01-31", None, NOW).since


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("7d", math.floor((NOW - 7 * DAY) * 1e3) / 1e3),
        ("12h", math.floor((NOW - DAY / 2) * 1e3) / 1e3),
        ("1.5 h", math.floor((NOW - 5400) * 1e3) / 1e3),
        ("36500d", 0.0),
        ("2026-11-16", 1_794_787_200.0),
        ("2026-11-16T10:30", 1_794_825_000.0),
        ("2026-11-16 10:30", 1_794_825_000.0),
        ("2026-11-16T10:30:00Z", 1_794_825_000.0),
        ("2026-11-16T12:30:00+02:00", 1_794_825_000.0),
        ("2026-11-16T12:30:00 02:00", 1_794_825_000.0),
        ("2026-11-16T08:30-02:00", 1_794_825_000.0),
        ("2026-11-16T10:30:00.25", 1_794_825_000.25),
        ("1970-01-01", 0.0),
    ],
)
def test_times_are_durations_back_or_iso_times(written: str, seconds: float) -> None:
    assert read_query(None, written, None, NOW).since == seconds


@pytest.mark.parametrize("parameter", ["since", "until"])
@pytest.mark.parametrize(
    "written",
    [
        "yesterday",
        "7",
        "20261116",
        "1795408779",
        "7w",
        "-7d",
        "1.2.3d",
        "99999d",
        "2026-13-01",
        "2026-11-31",
        "2026-W48-1",
        "2026-11-16T",
        "2026-11-16T25:00",
        "2026-11-16T10:00+99:00",
        "0001-01-01",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-14:00",
        "\u0667d",
        "\u0662\u0660\u0662\u0666-11-16",
        "7d\n8d",
        "x" * 100_000,
        "\x1b[31m",
        "0" * 5_000 + "d",
    ],
)
def test_what_is_no_time_is_refused_with_what_would_be(parameter: str, written: str) -> None:
    with pytest.raises(QueryError) as refused:
        read_query(None, written if parameter == "since" else None, written if parameter == "until" else None, NOW)
    assert refused.value.parameter == parameter
    assert "expected a " in str(refused.value)
    assert len(str(refused.value)) < 1_000
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("since", "until"), [("2026-11-20", "2026-11-19"), ("1d", "2d"), ("2026-11-20", "2026-11-20"), ("2030-01-01", None)]
)
def test_a_beginning_behind_the_end_is_refused(since: str, until: str | None) -> None:
    with pytest.raises(QueryError, match="not before the end") as refused:
        read_query(None, since, until, NOW)
    assert refused.value.parameter == "since"


def test_any_columns_in_any_order() -> None:
    for column in COLUMNS:
        assert read_query(column, None, None, NOW).by == (column,)
    assert read_query(" model , day,client ", None, None, NOW).by == ("model", "day", "client")
    assert read_query(",".join(COLUMNS), None, None, NOW).by == COLUMNS


@pytest.mark.parametrize("by", ["clint", "client,", ",", "client,client", "Client", "client;model", "id", "x\x1b[2J"])
def test_unknown_columns_are_refused_with_the_known_ones(by: str) -> None:
    with pytest.raises(QueryError) as refused:
        read_query(by, None, None, NOW)
    assert refused.value.parameter == "by"
    assert ", ".join(COLUMNS) in str(refused.value)
    assert str(refused.value).isprintable()
