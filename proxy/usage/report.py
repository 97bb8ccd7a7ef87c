"""What was spent, for people and programs: which rows are meant, and their sums as a table, CSV or JSON.

Model names are whatever a vendor accepted. So text is shown without anything that a terminal would act upon, and CSV
without anything that a spreadsheet would calculate.
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, NoReturn, TypeAlias, get_args

from config.quantities import parse_duration
from proxy.responses.errors import shortened
from proxy.state.records import SpendColumn, SpendGroup
from proxy.usage.prices import dollars

COLUMNS: Final[tuple[SpendColumn, ...]] = get_args(SpendColumn)
"""What sums can be grouped by."""

DEFAULT_BY: Final = "client,model"

DEFAULT_SPAN: Final = 30 * 86_400.0
"""How far back sums go, in seconds, where it is not said."""

Format: TypeAlias = Literal["table", "csv", "json"]

_LEAST_DECIMALS: Final = 6
_LONGEST_CELL: Final = 64
_MOST_NOTES: Final = 10
_TIMES_END: Final = 253_402_300_800.0  # the year 10000
_TIME_FORM: Final = (
    "expected a duration back from now such as 7d, 12h or 30m, or a time such as 2026-11-23T10:00Z (UTC without a zone)"
)
_BACK: Final = re.compile(r"[0-9.]+ ?[a-z]+")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ].+)?", re.DOTALL)
_LOST_PLUS: Final = re.compile(r"(?<=[0-9]) (?=[0-9]{2}:?[0-9]{2}$)")
_FORMULA: Final = re.compile(r"""(^|;)(?=[ "]*[=+\-@\uff1d\uff0b\uff0d\uff20])""")

_NUMBERS: Final[Mapping[str, str]] = {
    "requests": "requests",
    "input_tokens": "input",
    "cache_read_tokens": "cache read",
    "cache_write_tokens": "cache write",
    "output_tokens": "output",
    "reasoning_tokens": "reasoning",
    "unpriced_tokens": "unpriced",
}
"""The counts of a group, and their heads in the table."""


class QueryError(ValueError):
    """What is wrong with a parameter; the text is a sentence without its full stop."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(reason)
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class Query:
    """Rows with `since <= at < until` (seconds since the epoch), added up by the values of these columns."""

    by: tuple[SpendColumn, ...]
    since: float
    until: float


def read_query(by: str | None, since: str | None, until: str | None, now: float) -> Query:
    """The query that three texts mean. Times are durations back from `now`, or ISO times. None and "" are the defaults:
    by client and model, the 30 days before the end, the end now. Raises QueryError."""
    # Whole milliseconds, so that what is shown is what was asked; the end stands behind what was kept by now.
    end = _time("until", until, now) if until else (math.floor(now * 1e3) + 1) / 1e3
    start = _time("since", since, now) if since else max(0.0, end - DEFAULT_SPAN)
    if start >= end:
        raise QueryError("since", f"it is {_moment(start)}, which is not before the end, {_moment(end)}")
    return Query(_columns(by or DEFAULT_BY), start, end)


def rendered(query: Query, groups: Sequence[SpendGroup], form: Format) -> bytes:
    """The sums in UTF-8. By day they stand in the order of days, else as they come."""
    if query.by[0] == "day":
        groups = sorted(groups, key=lambda group: group.by[0] or "")
    return _FORMS[form](query, groups).encode("utf-8", "backslashreplace")


def added(groups: Sequence[SpendGroup]) -> SpendGroup:
    """All groups together."""
    return SpendGroup(
        by=(),
        requests=sum(group.requests for group in groups),
        input_tokens=sum(group.input_tokens for group in groups),
        cache_read_tokens=sum(group.cache_read_tokens for group in groups),
        cache_write_tokens=sum(group.cache_write_tokens for group in groups),
        output_tokens=sum(group.output_tokens for group in groups),
        reasoning_tokens=sum(group.reasoning_tokens for group in groups),
        unpriced_tokens=sum(group.unpriced_tokens for group in groups),
        cost=sum(group.cost for group in groups),
        estimated_cost=sum(group.estimated_cost for group in groups),
    )


# --- the query --------------------------------------------------------------------------------------------------------


def _columns(text: str) -> tuple[SpendColumn, ...]:
    known = {str(column): column for column in COLUMNS}
    names = [name.strip() for name in text.split(",")]
    for index, name in enumerate(names):
        if name not in known or name in names[:index]:
            again = " again" if name in known else ""
            _refuse("by", f"found {_quoted(name)}{again}, expected some of {', '.join(COLUMNS)}")
    return tuple(known[name] for name in names)


def _time(parameter: str, text: str, now: float) -> float:
    text = text.strip()
    if _BACK.fullmatch(text):
        try:
            return max(0.0, math.floor((now - parse_duration(text)) * 1e3) / 1e3)
        except ValueError:
            _refuse(parameter, f"found {_quoted(text)}, {_TIME_FORM}")
    # A plus sign that nobody escaped arrives as a space in a URL.
    written = _LOST_PLUS.sub("+", text) if text.count(":") > 1 else text
    try:
        if not _TIME.fullmatch(written):
            raise ValueError
        moment = datetime.fromisoformat(written)
        seconds = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        _refuse(parameter, f"found {_quoted(text)}, {_TIME_FORM}")
    if not 0 <= seconds < _TIMES_END:
        _refuse(parameter, f"found {_quoted(text)}, expected a time between the years 1970 and 9999")
    return round(seconds, 3)


def _refuse(parameter: str, reason: str) -> NoReturn:
    raise QueryError(parameter, reason)


def _quoted(text: str) -> str:
    return f"'{_printable(shortened(text))}'"


# --- the forms --------------------------------------------------------------------------------------------------------


def _json(query: Query, groups: Sequence[SpendGroup]) -> str:
    # Escaped to ASCII: orjson would let through what moves a terminal's cursor.
    report = {
        "object": "usage",
        "since": _moment(query.since),
        "until": _moment(query.until),
        "by": query.by,
        "data": [{**dict(zip(query.by, group.by, strict=True)), **_numbers(group)} for group in groups],
        "total": _numbers(added(groups)),
    }
    return f"{json.dumps(report, separators=(',', ':'))}\n"


def _csv(query: Query, groups: Sequence[SpendGroup]) -> str:
    head = [*query.by, *_numbers(added(()))]
    lines = [",".join(head)]
    for group in groups:
        values = ["" if value is None else str(value) for value in _numbers(group).values()]
        lines.append(",".join([*map(_csv_text, group.by), *values]))
    return "".join(f"{line}\r\n" for line in lines)


def _csv_text(text: str | None) -> str:
    if text is None:
        return ""
    # An apostrophe makes text of a formula. Some spreadsheets take full-width signs, some split cells at semicolons.
    guarded = _FORMULA.sub(r"\1'", _printable(text))
    return '"' + guarded.replace('"', '""') + '"'


def _numbers(group: SpendGroup) -> dict[str, int | str | None]:
    """What JSON and CSV say of a group, exact: money is text, None where nothing of it has a price."""
    return {
        **{name: _count(group, name) for name in _NUMBERS},
        "cost_usd": dollars(group.cost) if _has_price(group) else None,
        "estimated_cost_usd": dollars(group.estimated_cost),
    }


def _table(query: Query, groups: Sequence[SpendGroup]) -> str:
    span = f"from {_moment(query.since)} to {_moment(query.until)}"
    if not groups:
        return f"Nothing was spent {span}.\n"
    total = added(groups)
    names = [name for name in _NUMBERS if name != "unpriced_tokens" or total.unpriced_tokens]
    decimals = max(_LEAST_DECIMALS, *(len(dollars(group.cost).partition(".")[2]) for group in groups))

    def row(labels: Sequence[str | None], group: SpendGroup) -> list[str]:
        cost = _grouped_dollars(group.cost, decimals) if _has_price(group) else "-"
        return [*map(_cell, labels), *(f"{_count(group, name):,}" for name in names), cost]

    rows = [
        [*query.by, *(_NUMBERS[name] for name in names), "cost USD"],
        *(row(group.by, group) for group in groups),
        row(["total", *[""] * (len(query.by) - 1)], total),
    ]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    head, *body, last = (_line(row, widths, len(query.by)) for row in rows)
    lines = [f"What was spent {span}", "", head, rule, *body, rule, last]
    if notes := [*_unpriced_notes(query, groups, total), *_estimated_notes(total)]:
        lines += ["", *notes]
    return "".join(f"{line}\n" for line in lines)


_FORMS: Final[Mapping[Format, Callable[[Query, Sequence[SpendGroup]], str]]] = {
    "table": _table,
    "csv": _csv,
    "json": _json,
}


# --- pieces of the table ----------------------------------------------------------------------------------------------


def _unpriced_notes(query: Query, groups: Sequence[SpendGroup], total: SpendGroup) -> list[str]:
    """Which tokens are not in the cost, the most first."""
    if not total.unpriced_tokens:
        return []
    if "model" not in query.by:
        return [f"unpriced: {total.unpriced_tokens:,} tokens have no price; by provider and model it is seen whose"]
    named = [index for index, column in enumerate(query.by) if column in ("provider", "model")]
    named.sort(key=lambda index: query.by[index], reverse=True)
    tokens: dict[str, int] = {}
    for group in groups:
        name = "/".join(_cell(group.by[index]) for index in named)
        tokens[name] = tokens.get(name, 0) + group.unpriced_tokens
    most = sorted(((count, name) for name, count in tokens.items() if count), key=lambda one: (-one[0], one[1]))
    notes = [f"unpriced: {count:,} tokens of {name} have no price" for count, name in most[:_MOST_NOTES]]
    if rest := most[_MOST_NOTES:]:
        notes.append(f"unpriced: {sum(count for count, _ in rest):,} tokens of {len(rest):,} more models have no price")
    return notes


def _estimated_notes(total: SpendGroup) -> list[str]:
    if not total.estimated_cost:
        return []
    return [
        f"estimated: {_grouped_dollars(total.estimated_cost, _LEAST_DECIMALS)} USD of the cost are for estimated tokens"
    ]


def _count(group: SpendGroup, name: str) -> int:
    count: int = getattr(group, name)
    return count


def _has_price(group: SpendGroup) -> bool:
    """Whether the cost says anything: that of a group of which nothing has a price is unknown, not zero."""
    tokens = (
        group.input_tokens
        + group.cache_read_tokens
        + group.cache_write_tokens
        + group.output_tokens
        + group.reasoning_tokens
    )
    return bool(group.cost) or not group.unpriced_tokens or group.unpriced_tokens < tokens


def _grouped_dollars(amount: int, decimals: int) -> str:
    """The exact amount with thousands separators and at least this many decimals."""
    whole, _, fraction = dollars(amount).partition(".")
    return f"{int(whole):,}.{fraction.ljust(decimals, '0')}"


def _line(cells: Sequence[str], widths: Sequence[int], labels: int) -> str:
    padded = [
        cell + " " * (width - _width(cell)) if index < labels else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded)


def _cell(text: str | None) -> str:
    shown = "-" if text is None else _printable(text)
    return shown if len(shown) <= _LONGEST_CELL else f"{shown[: _LONGEST_CELL - 3]}..."


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def _printable(text: str) -> str:
    """A text in which everything invisible, and the backslash, is written as an escape."""
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(
        sign if sign.isprintable() and sign != "\\" else sign.encode("unicode_escape").decode() for sign in text
    )


def _moment(seconds: float) -> str:
    """A time as 2026-11-23T04:05:06Z, with milliseconds where there are some."""
    # As a whole number first: floats end in digits that nobody wrote.
    whole, milliseconds = divmod(round(seconds * 1e3), 1000)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{milliseconds:03}Z" if milliseconds else f"{text}Z"
