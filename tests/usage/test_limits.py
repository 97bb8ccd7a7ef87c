"""What one request claims of its client's budgets and limits, and what settles it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from config.settings import Budget as BudgetEntry
from config.settings import BudgetPeriod, ClientEntry, ClientLimits, KeyReference
from proxy.state.records import Charge, Claim
from proxy.usage.limits import (
    Budget,
    Limits,
    charges,
    claims,
    kind_of,
    limits_of,
    period_of,
    returned,
    unclaimed,
    window,
)
from proxy.usage.prices import PER_USD

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()

ALL = Limits(
    budgets=(Budget("month", 50 * PER_USD), Budget("day", 5 * PER_USD)),
    requests_per_minute=60,
    tokens_per_minute=10_000,
    concurrent_streams=2,
)


def entry(*budgets: tuple[str, BudgetPeriod], **limits: int) -> ClientEntry:
    return ClientEntry(
        name="shop",
        key=KeyReference("sk"),
        budget=tuple(BudgetEntry(usd=Decimal(usd), per=per) for usd, per in budgets),
        limits=ClientLimits(**limits),
    )


def claimed(
    limits: Limits = ALL,
    *,
    input_tokens: int = 100,
    output_tokens: int | None = 1000,
    amount: int | None = 7,
    stream: bool = True,
) -> list[Claim]:
    return claims(
        limits, "shop", NOON, input_tokens=input_tokens, output_tokens=output_tokens, amount=amount, stream=stream
    )


def test_a_client_without_limits_has_none() -> None:
    assert limits_of(entry()) is None
    assert limits_of(entry(default_output_tokens=5)) is None


def test_the_limits_of_an_entry() -> None:
    limits = limits_of(entry(("0.000000000001", "day"), ("1000000", "total"), ("0.1", "month"), requests_per_minute=3))
    assert limits == Limits(
        budgets=(Budget("total", 10**18), Budget("month", PER_USD // 10), Budget("day", 1)), requests_per_minute=3
    )


def test_a_request_claims_of_everything() -> None:
    assert claimed() == [
        Claim("shop/usd/month/2026-11", "budget", 50 * PER_USD, 7),
        Claim("shop/usd/day/2026-11-23", "budget", 5 * PER_USD, 7),
        Claim("shop/streams", "budget", 2, 1),
        Claim("shop/requests", "rate", 60, 1),
        Claim("shop/tokens", "rate", 10_000, 1_100),
    ]
    assert [kind_of(claim) for claim in claimed()] == ["budget", "budget", "streams", "requests", "tokens"]
    assert [period_of(claim) for claim in claimed()[:2]] == ["month", "day"]


def test_only_streams_claim_a_stream() -> None:
    assert [kind_of(claim) for claim in claimed(stream=False)] == ["budget", "budget", "requests", "tokens"]


def test_a_total_budget_has_no_window() -> None:
    (claim,) = claimed(Limits(budgets=(Budget("total", 9),)))
    assert claim == Claim("shop/usd/total", "budget", 9, 7)
    assert period_of(claim) == "total"
    assert window("total", NOON).end is None


def test_an_unpriced_request_claims_nothing_of_a_budget() -> None:
    assert claimed(amount=None)[0].amount == 0


def test_an_amount_beyond_all_budgets_is_cut_to_what_does_not_fit() -> None:
    assert claimed(amount=10**40)[1].amount == 5 * PER_USD + 1


@pytest.mark.parametrize(
    ("input_tokens", "output_tokens", "tokens"),
    [
        (100, None, 4_196),
        (100, 16, 116),
        (9_000, None, 10_000),  # nobody asked for the default
        (12_000, None, 12_000),
        (100, 20_000, 20_100),
        (0, 10**30, 10**18),
    ],
)
def test_tokens_are_claimed_for_input_and_output(input_tokens: int, output_tokens: int | None, tokens: int) -> None:
    claim = claimed(input_tokens=input_tokens, output_tokens=output_tokens)[-1]
    assert (claim.meter, claim.amount) == ("shop/tokens", tokens)


def test_a_request_is_charged_with_what_it_took() -> None:
    assert charges(claimed(), 300, 5) == [
        Charge("shop/usd/month/2026-11", "budget", 50 * PER_USD, 5),
        Charge("shop/usd/day/2026-11-23", "budget", 5 * PER_USD, 5),
        Charge("shop/tokens", "rate", 10_000, -800),
    ]
    assert charges(claimed(), 2_100, 0) == [Charge("shop/tokens", "rate", 10_000, 1_000)]
    assert charges(claimed(), 1_100, None) == []


def test_charges_stay_within_what_a_meter_can_count() -> None:
    assert [charge.amount for charge in charges(claimed(), 10**40, 10**40)] == [10**18, 10**18, 10**18 - 1_100]


def test_a_request_that_is_not_made_gives_the_buckets_back_what_it_took() -> None:
    assert returned(claimed()) == [
        Charge("shop/requests", "rate", 60, -1),
        Charge("shop/tokens", "rate", 10_000, -1_100),
    ]


def test_a_request_that_claimed_nothing_is_charged_with_everything() -> None:
    found = unclaimed(ALL, "shop", NOON)
    assert {claim.amount for claim in found} == {0}
    assert [charge.amount for charge in charges(found, 300, 5)] == [5, 5, 300]


@pytest.mark.parametrize(
    ("moment", "day", "month", "day_ends", "month_ends"),
    [
        ("2026-11-23T00:00:00", "day/2026-11-23", "month/2026-11", "2026-11-24", "2026-12-01"),
        ("2026-11-30T23:59:59.999", "day/2026-11-30", "month/2026-11", "2026-12-01", "2026-12-01"),
        ("2026-12-31T23:59:59", "day/2026-12-31", "month/2026-12", "2027-01-01", "2027-01-01"),
        ("2028-02-29T12:00:00", "day/2028-02-29", "month/2028-02", "2028-03-01", "2028-03-01"),
        ("2027-01-31T12:00:00", "day/2027-01-31", "month/2027-01", "2027-02-01", "2027-02-01"),
    ],
)
def test_windows_are_those_of_the_calendar_in_utc(
    moment: str, day: str, month: str, day_ends: str, month_ends: str
) -> None:
    now = datetime.fromisoformat(f"{moment}+00:00").timestamp()
    found = window("day", now), window("month", now)
    assert [each.name for each in found] == [day, month]
    ends = [datetime.fromtimestamp(each.end, UTC).isoformat() for each in found if each.end is not None]
    assert ends == [f"{day_ends}T00:00:00+00:00", f"{month_ends}T00:00:00+00:00"]
