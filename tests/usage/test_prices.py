"""Own prices, the price book, and how money is written."""

import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from config.settings import Price
from proxy.responses.usage import NO_TOKENS, TokenCount
from proxy.usage.prices import MAX_NAMES, PER_USD, Catalogue, ModelPrice, PriceBook, dollars, own_prices
from proxy.usage.rates import Rates

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()


def own(written: Mapping[str, object], service_tier: str | None = None) -> ModelPrice:
    book = PriceBook({("lab", "m"): Price.model_validate(written)}, {}, {})
    price = book.price("lab", "m", service_tier, NOW)
    assert price is not None
    return price


def count(
    read: int = 0, cached: int = 0, written: int = 0, lasting: int = 0, output: int = 0, thought: int = 0, **more: int
) -> TokenCount:
    return TokenCount(read, cached, written, lasting, output, thought, **more)


PLAIN: dict[str, object] = {"input": "0.5", "output": 2}
WHOLE: dict[str, object] = {
    "input": 3,
    "output": 15,
    "cache_read": "0.3",
    "cache_write_5m": "3.75",
    "cache_write_1h": 6,
    "reasoning": 20,
    "input_audio": 10,
    "output_audio": 40,
    "output_image": 60,
    "request": "0.005",
    "web_search": "0.01",
}
TIERED: dict[str, object] = {
    "input": 1,
    "output": 4,
    "cache_read": "0.1",
    "tiers": [
        {"above_input": 1_000, "input": 2, "output": 8},
        {"above_input": 200, "input": "1.5"},
    ],
}
AT_TIERS: dict[str, object] = {
    **TIERED,
    "service_tiers": {
        "flex": {"input": "0.5", "output": 2},
        "priority": {"input": 2, "tiers": [{"above_input": 500, "input": 7}]},
        "free": {"input": 0, "output": 0, "cache_read": 0},
    },
}


@pytest.mark.parametrize(
    ("written", "service_tier", "counted", "usd"),
    [
        # what was read and answered
        (PLAIN, None, count(1_000_000, output=1_000_000), "2.5"),
        (PLAIN, None, count(1), "0.0000005"),
        (PLAIN, None, count(output=1), "0.000002"),
        (PLAIN, None, NO_TOKENS, "0"),
        ({"input": "0.0375", "output": "0.15"}, None, count(1), "0.0000000375"),
        ({"input": "0.000001", "output": "0.000001"}, None, count(1, output=1), "0.000000000002"),
        ({"input": 0, "output": 0}, None, count(10**9, output=10**9), "0"),
        ({"input": 10**9, "output": 10**9}, None, count(10**9), "1000000000000"),
        # what a price leaves out: reads and writes cost as input, reasoning and what is no text as output
        (PLAIN, None, count(1_000, cached=400, written=300, lasting=100, output=10, thought=9), "0.00052"),
        (
            PLAIN,
            None,
            count(1_000, 400, 0, 0, 10, input_audio_tokens=500, cached_audio_tokens=100, output_audio_tokens=4),
            "0.00052",
        ),
        ({**PLAIN, "cache_write_5m": 1}, None, count(100, written=100, lasting=40), "0.0001"),
        ({**PLAIN, "cache_write_1h": 1}, None, count(100, written=100, lasting=40), "0.00007"),
        ({**PLAIN, "cache_read": 0}, None, count(100, cached=100), "0"),
        (
            {**PLAIN, "cache_read": "0.1"},
            None,
            count(100, 100, input_audio_tokens=60, cached_audio_tokens=60),
            "0.00001",
        ),
        ({**PLAIN, "input_audio": 9}, None, count(100, 100, input_audio_tokens=60, cached_audio_tokens=60), "0.00056"),
        # each kind by its own rate: 250 fresh at 3, 400 read at 0.3, 200 written at 3.75, 100 at 6, 50 heard at 10;
        # 60 visible at 15, 20 reasoned at 20, 15 spoken at 40, 5 drawn at 60; a request, and two searches
        (
            WHOLE,
            None,
            count(
                1_000,
                400,
                300,
                100,
                100,
                20,
                input_audio_tokens=50,
                output_audio_tokens=15,
                output_image_tokens=5,
                web_searches=2,
            ),
            "0.02992",
        ),
        (WHOLE, None, NO_TOKENS, "0.005"),
        # sound that is counted as reasoned, too, is paid once
        (WHOLE, None, count(output=10, thought=10, output_audio_tokens=8), "0.00536"),
        # tiers: strictly above, by all input; what a tier leaves out is the base's and not a lower tier's
        (TIERED, None, count(200), "0.0002"),
        (TIERED, None, count(201), "0.0003015"),
        (TIERED, None, count(1_000, output=10), "0.00154"),
        (TIERED, None, count(1_001, output=10), "0.002082"),
        (TIERED, None, count(1_001, cached=1_000), "0.000102"),
        (TIERED, None, count(1_001, written=1_001), "0.002002"),
        ({**PLAIN, "tiers": [{"above_input": 0, "input": 1}]}, None, count(1), "0.000001"),
        # service tiers: the tier's own rates, and what it leaves out of the base, tiers included
        (AT_TIERS, None, count(100, output=100), "0.0005"),
        (AT_TIERS, "default", count(100, output=100), "0.0005"),
        (AT_TIERS, "flex", count(100, output=100), "0.00025"),
        (AT_TIERS, "flex", count(100, cached=100), "0.00001"),
        (AT_TIERS, "flex", count(1_001, output=10), "0.0005205"),
        (AT_TIERS, "priority", count(500, output=100), "0.0014"),
        (AT_TIERS, "priority", count(501, output=100), "0.003907"),
        (AT_TIERS, "priority", count(1_001, output=100), "0.007807"),
        (AT_TIERS, "free", count(100, cached=50, output=100), "0"),
    ],
)
def test_what_a_written_price_comes_to(
    written: Mapping[str, object], service_tier: str | None, counted: TokenCount, usd: str
) -> None:
    price = own(written, service_tier)
    assert price.source == "config"
    assert price.cost(counted) == Decimal(usd) * PER_USD


@pytest.mark.parametrize(
    ("written", "counted", "usd"),
    [
        (WHOLE, count(1_000), "0"),
        (WHOLE, count(1_000, cached=1_000), "0.0027"),
        (WHOLE, count(1_000, written=1_000), "-0.00075"),
        (WHOLE, count(1_000, written=1_000, lasting=1_000), "-0.003"),
        (WHOLE, count(1_000, 400, 300, 100), "0.00063"),
        (WHOLE, count(1_000, 400, 0, 0, input_audio_tokens=100, cached_audio_tokens=100), "0.00178"),
        (PLAIN, count(1_000, 400, 300, 100), "0"),
        (TIERED, count(1_000, cached=1_000), "0.0014"),
        (TIERED, count(1_001, cached=1_001), "0.0019019"),
        ({**PLAIN, "cache_read": 1}, count(100, cached=100), "-0.00005"),
    ],
)
def test_what_the_cache_saved(written: Mapping[str, object], counted: TokenCount, usd: str) -> None:
    assert own(written).saved(counted) == Decimal(usd) * PER_USD


def test_two_small_calls_do_not_reach_the_tier_of_a_large_one() -> None:
    price, half = own(TIERED), count(600)
    assert price.cost(half) * 2 == Decimal("0.0018") * PER_USD
    assert price.cost(half.plus(half)) == Decimal("0.0024") * PER_USD


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0"),
        (1, "0.000000000001"),
        (-1, "-0.000000000001"),
        (37_500_000, "0.0000375"),
        (PER_USD, "1"),
        (100 * PER_USD, "100"),
        (-3 * PER_USD // 2, "-1.5"),
        (10**24 + 10, "1000000000000.00000000001"),
    ],
)
def test_money_is_written_exactly_and_without_exponents(amount: int, text: str) -> None:
    assert dollars(amount) == text
    assert Decimal(text) * PER_USD == amount


@pytest.mark.parametrize(
    ("written", "where", "complaint"),
    [
        ({"input": 1}, ("output",), "Field required"),
        ({"output": 1}, ("input",), "Field required"),
        ({}, ("input",), "Field required"),
        ({"input": None, "output": 1}, ("input",), "should be"),
        ({"input": "0.0000001", "output": 1}, ("input",), "expected a number of at most 6 decimals"),
        ({"input": 1, "output": 1, "cache_read": 0.19999999999999998}, ("cache_read",), "at most 6 decimals"),
        ({"input": 1, "output": 1, "request": "0.0000000000001"}, ("request",), "at most 12 decimals"),
        ({"input": "0.50000000000000000000000000000000001", "output": 1}, ("input",), "at most 6 decimals"),
        ({"input": -1, "output": 1}, ("input",), "greater than or equal to 0"),
        ({"input": "1e10", "output": 1}, ("input",), "less than or equal to"),
        ({"input": "nan", "output": 1}, ("input",), "finite number"),
        ({"input": True, "output": 1}, ("input",), "expected a number"),
        ({**PLAIN, "tiers": [{"above_input": 5}, {"above_input": 5}]}, ("tiers",), "tiers of different above_input"),
        ({**PLAIN, "tiers": [{"input": 5}]}, ("tiers", 0, "above_input"), "Field required"),
        ({**PLAIN, "service_tiers": {"flex": {"inputs": 5}}}, ("service_tiers", "flex", "inputs"), "not permitted"),
    ],
)
def test_a_price_that_means_nothing_is_refused(
    written: Mapping[str, object], where: tuple[str | int, ...], complaint: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Price.model_validate(written)
    errors = [error for error in refused.value.errors() if error["loc"] == where]
    assert [complaint in error["msg"] for error in errors] == [True]


@pytest.mark.parametrize("text", ["0.1", 0.1, "0.100000000", "1e-1"])
def test_a_price_is_the_number_that_is_written(text: Any) -> None:
    price = Price.model_validate({"input": text, "output": 0, "request": "0.000000000001"})
    assert own_prices(price)[None].rates[:1] == (100_000,)
    assert own_prices(price)[None].rates.request == 1


def test_every_rate_of_the_settings_has_one_here() -> None:
    written = {name: f"0.{number:06}" for number, name in enumerate(Rates._fields, start=1) if name != "cached_audio"}
    rates = own_prices(Price.model_validate(written))[None].rates
    each = {"request": PER_USD, "web_search": PER_USD}
    assert {**rates._asdict(), "cached_audio": None} == {
        name: int(Decimal(written[name]) * each.get(name, 10**6)) if name in written else None for name in Rates._fields
    }


ANTHROPIC = Catalogue("anthropic", "http://127.0.0.1:1")
SERVERS = {
    "claude": ANTHROPIC,
    "openai": Catalogue(None, "https://api.openai.com/v1"),
    "lab": Catalogue(None, "http://127.0.0.1:8000/v1"),
}


def test_a_written_price_wins_over_the_catalogue_for_that_model_of_that_endpoint_alone() -> None:
    book = PriceBook(
        {("claude", "claude-sonnet-5-5"): Price.model_validate(PLAIN)}, {**SERVERS, "other": ANTHROPIC}, {}
    )
    book.load([("claude", "claude-sonnet-5-5"), ("other", "claude-sonnet-5-5")])
    sources = [
        None if price is None else price.source
        for price in (
            book.price("claude", "claude-sonnet-5-5", None, NOW),
            book.price("other", "claude-sonnet-5-5", None, NOW),
            book.price("claude", "claude-haiku-5-5", None, NOW),
            book.price("lab", "claude-sonnet-5-5", None, NOW),
        )
    ]
    assert sources == ["config", "catalogue", "catalogue", None]


def test_a_model_costs_what_the_known_one_costs_that_it_behaves_like() -> None:
    book = PriceBook({}, SERVERS, {("openai", "tuned"): "gpt-4o", ("lab", "tuned"): "gpt-4o"})
    assert book.price("openai", "tuned", "flex", NOW) == book.price("openai", "gpt-4o", "flex", NOW) is not None
    assert book.price("lab", "tuned", None, NOW) is None


@pytest.mark.parametrize("loaded", [False, True])
def test_what_nobody_knows_has_no_price(loaded: bool) -> None:
    book = PriceBook({}, SERVERS, {})
    if loaded:
        book.load([("lab", "qwen3"), ("claude", "claude-0"), ("nobody", "x")])
    for provider in (*SERVERS, "nobody", ""):
        for model in ("", "qwen3", "claude-0", "gpt-4o" * 100, "\ud800", "/", "*", "text-embedding-3-small"):
            assert book.price(provider, model, "\x00", NOW) is None


def test_invented_names_are_forgotten_and_known_models_are_not() -> None:
    book = PriceBook({}, SERVERS, {})
    book.load([("claude", "claude-sonnet-5-5")])
    known = book.price("claude", "claude-sonnet-5-5", None, NOW)
    before = book.price("openai", "gpt-4o", None, NOW)
    for number in range(2 * MAX_NAMES + 10):
        assert book.price("claude", f"invented-{number}", f"tier-{number}", NOW) is None
        assert len(book._found) <= MAX_NAMES
    assert ("claude", "claude-sonnet-5-5") not in book._found
    assert book.price("claude", "claude-sonnet-5-5", None, NOW) is known is not None
    assert book.price("openai", "gpt-4o", None, NOW) == before is not None


def test_unknown_service_tiers_cost_what_the_model_costs_and_are_not_remembered() -> None:
    book = PriceBook({}, SERVERS, {})
    usual = book.price("openai", "gpt-4o", None, NOW)
    assert all(book.price("openai", "gpt-4o", f"tier-{number}", NOW) is usual for number in range(100))


def test_prices_may_be_asked_for_while_the_catalogue_is_read() -> None:
    book = PriceBook({}, SERVERS, {})
    expected = PriceBook({}, SERVERS, {}).price("openai", "gpt-4o", None, NOW)
    known = [("openai", "gpt-4o"), *(("claude", f"invented-{number}") for number in range(200))]
    loading = threading.Thread(target=book.load, args=(known,))
    loading.start()
    asked = 0
    while loading.is_alive() or not asked:
        assert book.price("openai", "gpt-4o", None, NOW) == expected is not None
        asked += 1
    loading.join()
    assert book.price("openai", "gpt-4o", None, NOW) == expected


def test_the_catalogue_is_read_late() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import proxy.usage.prices, sys; print('genai_prices' in sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert told.stdout == "False\n"


def test_a_price_that_was_announced_holds_from_its_day_on() -> None:
    book = PriceBook({}, {"deepseek": Catalogue("deepseek", "")}, {})
    days = [datetime(2026, 8, day, 12, tzinfo=UTC).timestamp() for day in (15, 16, 17, 18)]
    prices = [book.price("deepseek", "deepseek-v4-pro", None, day) for day in days]
    assert prices[0] == prices[1] != prices[2] == prices[3]
