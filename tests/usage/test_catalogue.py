"""The catalogue's prices: compiled, they are what the library itself calculates."""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Final

import genai_prices
import pytest
from genai_prices.data import providers as vendors
from genai_prices.types import ModelInfo, TieredPrices
from genai_prices.types import ModelPrice as CataloguePrices
from genai_prices.types import Provider as Vendor

from providers.anthropic import Anthropic
from providers.anthropic.settings import AnthropicSettings
from providers.gemini import Gemini
from providers.gemini.settings import GeminiSettings
from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.openai_chat.dialects import DIALECTS
from proxy.provider.contract import Provider
from proxy.responses.usage import TokenCount
from proxy.usage.catalogue import COUNTED, SERVICE_TIERS, CatalogueModel, find, next_change, vendor_of
from proxy.usage.rates import PER_USD

VENDORS: Final[Mapping[str, Vendor]] = {each.id: each for each in vendors}

CASES: Final = 500
SEED: Final = 20_261_123
COMPARED: Final = ("openai", "anthropic", "google", "deepseek", "x-ai", "mistral", "groq", "openrouter")

NOT_COUNTED: Final[Mapping[str, str]] = {
    "audio_hours": "sound by its length: transcription and speech",
    "input_audio_hours": "sound by its length: transcription and speech",
    "input_mchars": "text by its length: speech",
    "input_document_kpages": "pages: text recognition",
    "input_annotated_document_kpages": "pages: text recognition",
    "input_text_messages_kcount": "messages to live sessions",
    "input_image_mtok": "pictures are counted within the input, at its rate",
    "cache_image_read_mtok": "pictures are counted within the input, at its rate",
    "input_video_mtok": "films are counted within the input, at its rate",
    "output_video_mtok": "no answer has films",
    "output_citation_mtok": "vendors do not say which of the output's tokens cite",
    "storage_searches_kcount": "searches in a vendor's own files are not counted",
}
"""Units of the catalogue that answers are not counted in, and why that does no harm or cannot be helped."""


@dataclass(frozen=True)
class Case:
    vendor: Vendor
    model: ModelInfo
    count: TokenCount
    service_tier: str | None
    now: float


def prices_of(model: ModelInfo) -> Iterator[CataloguePrices]:
    if isinstance(model.prices, CataloguePrices):
        yield model.prices
    else:
        yield from (each.prices for each in model.prices)
    yield from (each.prices for each in model.price_variants or ())


def numbers_of(model: ModelInfo) -> Iterator[Decimal]:
    for prices in prices_of(model):
        for price in vars(prices).values():
            if isinstance(price, TieredPrices):
                yield from (price.base, *(tier.price for tier in price.tiers))
            elif price is not None:
                yield price


def with_artefacts(model: ModelInfo) -> bool:
    return any(price != round(price, 6) for price in numbers_of(model))


def steps_of(model: ModelInfo) -> list[int]:
    tiered = (
        price for prices in prices_of(model) for price in vars(prices).values() if isinstance(price, TieredPrices)
    )
    return sorted({tier.start for price in tiered for tier in price.tiers})


def moments_of(model: ModelInfo) -> list[float]:
    """Moments about which the prices of the model change, over two years."""
    now, moments = datetime(2025, 6, 1, tzinfo=UTC).timestamp(), []
    for _ in range(50):
        now = next_change(model, now)
        if math.isinf(now):
            break
        moments.append(now)
    return moments


def some_count(some: random.Random, model: ModelInfo) -> TokenCount:
    steps = steps_of(model)
    size = some.choice(steps) + some.choice((-1, 0, 1)) if steps and some.random() < 0.6 else 0
    total = size or int(10 ** some.uniform(0, 6))
    cached = some.choice((0, some.randint(0, total)))
    written = some.choice((0, some.randint(0, total - cached)))
    lasting = some.choice((0, some.randint(0, written)))
    output = int(10 ** some.uniform(0, 5))
    priced = {unit for prices in prices_of(model) for unit in vars(prices)}
    sound, cached_sound, sound_out, image = 0, 0, 0, 0
    if some.random() < 0.5:
        if "cache_audio_read_mtok" in priced:
            cached_sound = some.randint(0, cached)
        if "input_audio_mtok" in priced:
            sound = cached_sound + some.randint(0, total - cached - written)
        if "output_audio_mtok" in priced:
            sound_out = some.randint(0, output)
        if "output_image_mtok" in priced:
            image = some.randint(0, output - sound_out)
    thought = some.choice((0, some.randint(0, output - sound_out - image)))
    searches = some.choice((0, 0, some.randint(1, 5)))
    return TokenCount(total, cached, written, lasting, output, thought, sound, cached_sound, sound_out, image, searches)


@cache
def models_of(vendor: str) -> tuple[list[ModelInfo], list[ModelInfo]]:
    """A vendor's models that are found by their ids, and those of them whose prices differ by call or moment."""
    models = [each for each in VENDORS[vendor].models if find(VENDORS[vendor], each.id) is not None]
    return models, [
        each for each in models if steps_of(each) or each.price_variants or next_change(each, 0.0) < math.inf
    ]


def some_case(some: random.Random) -> Case:
    vendor = VENDORS[some.choice(COMPARED)]
    models, changing = models_of(vendor.id)
    model = some.choice(changing if some.random() < 0.5 else models)
    moments = moments_of(model)
    now = some.choice(moments) + some.choice((-1, 0, 1)) if moments and some.random() < 0.7 else 0.0
    return Case(
        vendor,
        model,
        some_count(some, model),
        some.choice([None, *SERVICE_TIERS, "scale", ""]),
        now or datetime(2024, 1, 1, tzinfo=UTC).timestamp() + some.randint(0, 3 * 365 * 86_400),
    )


def calculated(case: Case) -> Decimal:
    """What the library says."""
    count = case.count
    usage = genai_prices.Usage(
        input_tokens=count.input_tokens,
        cache_read_tokens=count.cached_tokens,
        cache_write_tokens=count.cache_write_tokens,
        cache_write_1h_tokens=count.cache_write_1h_tokens,
        output_tokens=count.output_tokens,
        output_reasoning_tokens=count.reasoning_tokens,
        input_audio_tokens=count.input_audio_tokens,
        cache_audio_read_tokens=count.cached_audio_tokens,
        output_audio_tokens=count.output_audio_tokens,
        output_image_tokens=count.output_image_tokens,
        web_searches=count.web_searches,
    )
    return genai_prices.calc_price(
        usage,
        case.model.id,
        provider_id=case.vendor.id,
        genai_request_timestamp=datetime.fromtimestamp(case.now, UTC),
        price_context=SERVICE_TIERS.get(case.service_tier),
    ).total_price


def test_random_calls_cost_what_the_library_calculates() -> None:
    some = random.Random(SEED)
    compared: set[str] = set()
    for _ in range(CASES):
        case, price = some_case(some), None
        while price is None:
            case = some_case(some)
            found = find(case.vendor, case.model.id)
            assert found is not None
            price = found.price(case.service_tier, case.now)
        # prices are rounded to six decimals for a million tokens: half a pico-USD a token
        allowed = case.count.total_tokens / 2 if with_artefacts(case.model) else 0
        assert abs(price.cost(case.count) - calculated(case) * PER_USD) <= allowed, case
        compared.add(case.vendor.id)
    assert compared == set(COMPARED)


def test_the_cases_cross_every_kind_of_edge() -> None:
    some = random.Random(SEED)
    cases = [some_case(some) for _ in range(CASES)]
    assert any(case.count.input_tokens - 1 in steps_of(case.model) for case in cases)
    assert any(case.count.input_tokens in steps_of(case.model) for case in cases)
    assert any(case.now in moments_of(case.model) for case in cases)
    assert {case.service_tier for case in cases} > set(SERVICE_TIERS)
    for name in TokenCount._fields:
        assert any(getattr(case.count, name) for case in cases), name


def all_models() -> Iterator[tuple[Vendor, ModelInfo]]:
    return ((vendor, model) for vendor in vendors for model in vendor.models)


def test_every_entry_compiles_at_every_moment_for_every_service_tier() -> None:
    priced = 0
    for _, model in all_models():
        compiled = CatalogueModel(model, own=True)
        for now in (datetime(2024, 1, 1, tzinfo=UTC).timestamp(), *moments_of(model)[:3]):
            for tier in SERVICE_TIERS:
                price = compiled.price(tier, now)
                prices = model.get_prices(datetime.fromtimestamp(now, UTC), SERVICE_TIERS[tier])
                assert (price is None) == (prices.input_mtok is None or prices.output_mtok is None)
                if price is not None:
                    priced += 1
                    assert min(min(rates) for rates in (price.rates, *(rates for _, rates in price.tiers))) >= 0
                    assert [*price.tiers] == sorted(price.tiers, reverse=True)
    assert priced > 10_000


def test_what_is_left_of_a_calculation_with_floats_is_not_charged() -> None:
    llama = find(VENDORS["huggingface_together"], "meta-llama/Llama-3.3-70B-Instruct")
    assert llama is not None
    assert Decimal("1.0399999999999998") in numbers_of(llama._model)
    price = llama.price(None, datetime(2026, 11, 23, tzinfo=UTC).timestamp())
    assert price is not None
    assert (price.rates.input, price.rates.output) == (1_040_000, 1_040_000)


def test_every_unit_of_the_catalogue_is_counted_or_known_not_to_be() -> None:
    units = {
        unit
        for _, model in all_models()
        for prices in prices_of(model)
        for unit, price in vars(prices).items()
        if price is not None
    }
    assert units <= {*COUNTED, *NOT_COUNTED}
    assert not {*COUNTED} & {*NOT_COUNTED}


def test_every_condition_of_the_catalogue_on_a_service_tier_has_a_name_of_ours() -> None:
    known = {pair for context in SERVICE_TIERS.values() for pair in context.items()}
    for _, model in all_models():
        for variant in model.price_variants or ():
            assert set(variant.when) <= {"service_tier", "processing", "speed", "route", "search_type"}
            if not set(variant.when) & {"route", "search_type"}:
                assert set(variant.when.items()) <= known


@pytest.mark.parametrize(
    ("vendor", "asked", "model"),
    [
        ("openai", "gpt-6.1-sol", "gpt-6.1-sol"),
        ("openai", "gpt-6.1-sol-2026-11-03", "gpt-6.1-sol"),
        ("openai", "gpt-4o-20240806", "gpt-4o"),
        ("openai", "openai/gpt-4o", "gpt-4o"),
        ("openai", "GPT-4o", "gpt-4o"),
        ("openai", "acme/gpt-4o", None),
        ("openai", "gpt-99", None),
        ("openai", "", None),
        ("openai", "\ud800/\x00", None),
        ("anthropic", "claude-sonnet-5-5-20261101", "claude-sonnet-5-5"),
        ("anthropic", "anthropic/claude-sonnet-5-5", "claude-sonnet-5-5"),
        ("google", "models/gemini-3.8-flash", "gemini-3.8-flash"),
        ("google", "publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("azure", "gpt-4o", "gpt-4o"),
        ("azure", "openai/gpt-4o", "gpt-4o"),
        ("openrouter", "anthropic/claude-sonnet-5.5", "anthropic/claude-sonnet-5.5"),
        ("openrouter", "acme/claude-sonnet-5.5", None),
    ],
)
def test_a_model_is_found_by_the_names_that_its_vendor_knows(vendor: str, asked: str, model: str | None) -> None:
    found = find(VENDORS[vendor], asked)
    by_name = {each.id: each for each in (*VENDORS[vendor].models, *VENDORS["openai"].models)}
    now = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    if model is None:
        assert found is None
    else:
        assert found is not None
        assert found.price(None, now) == CatalogueModel(by_name[model], own=True).price(None, now)


@pytest.mark.parametrize(
    ("catalogue_id", "base_url", "vendor"),
    [
        (None, "https://api.openai.com/v1", "openai"),
        (None, "https://API.OpenAI.com/v1", "openai"),
        (None, "https://generativelanguage.googleapis.com/v1beta", "google"),
        (None, "https://router.huggingface.co/groq/openai/v1", "huggingface_groq"),
        (None, "https://open.bigmodel.cn/api/paas/v4", "zhipuai"),
        ("zai", "https://open.bigmodel.cn/api/paas/v4", "zhipuai"),
        ("anthropic", "https://gateway.example/anthropic", "anthropic"),
        ("no such vendor", "http://127.0.0.1:8000/v1", None),
        (None, "http://127.0.0.1:8000/v1", None),
        (None, "", None),
    ],
)
def test_an_address_of_the_catalogue_wins_over_the_provider_s_own_vendor(
    catalogue_id: str | None, base_url: str, vendor: str | None
) -> None:
    found = vendor_of(catalogue_id, base_url)
    assert (found.id if found is not None else None) == vendor


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_s_vendor_is_the_one_whose_address_is_the_dialect_s(name: str) -> None:
    dialect = DIALECTS[name]
    by_address = vendor_of(None, dialect.base_url)
    assert dialect.price_catalogue == (by_address.id if by_address is not None else None)


@pytest.mark.parametrize(
    ("provider", "vendor"),
    [
        (Anthropic(AnthropicSettings(base_url="http://127.0.0.1:1")), "anthropic"),
        (Gemini(GeminiSettings(base_url="http://127.0.0.1:1")), "google"),
        (OpenAIChat(OpenAIChatSettings()), "openai"),
        (OpenAIChat(OpenAIChatSettings(base_url="http://127.0.0.1:1", dialect="xai")), "x-ai"),
        (OpenAIChat(OpenAIChatSettings(base_url="http://127.0.0.1:1")), None),
        (
            OpenAIChat(
                OpenAIChatSettings(base_url="http://127.0.0.1:1", dialect="vllm", switches={"price_catalogue": "groq"})
            ),
            "groq",
        ),
    ],
)
def test_a_provider_behind_an_unknown_address_names_its_vendor(provider: Provider, vendor: str | None) -> None:
    assert provider.price_catalogue == vendor
    found = vendor_of(provider.price_catalogue, provider.base_url)
    assert (found.id if found is not None else None) == vendor


def test_prices_for_service_tiers_are_those_of_the_vendor_and_not_of_who_serves_its_models() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    openai, azure = find(VENDORS["openai"], "gpt-4o"), find(VENDORS["azure"], "gpt-4o")
    assert openai is not None
    assert azure is not None
    assert openai.price("priority", now) != openai.price(None, now)
    assert azure.price("priority", now) == azure.price(None, now) == openai.price(None, now)


@pytest.mark.parametrize("tier", ["fast", "priority"])
def test_a_tier_that_costs_more_is_not_charged_as_the_usual_one(tier: str) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    found = find(VENDORS["openai"], "gpt-4o")
    assert found is not None
    price, usual = found.price(tier, now), found.price("default", now)
    assert price is not None
    assert usual is not None
    assert price.cost(TokenCount(100, 0, 0, 0, 10, 0)) > usual.cost(TokenCount(100, 0, 0, 0, 10, 0))


def test_anthropic_s_fast_mode_has_its_own_price() -> None:
    fast = [
        model
        for model in VENDORS["anthropic"].models
        if {"speed": "fast"} in [v.when for v in model.price_variants or ()]
    ]
    assert fast
    for model in fast:
        compiled, now = CatalogueModel(model, own=True), datetime(2026, 11, 23, tzinfo=UTC).timestamp()
        assert compiled.price("fast", now) != compiled.price("priority", now) == compiled.price(None, now)


def test_a_price_by_the_time_of_day_is_another_one_past_the_edge() -> None:
    compiled = find(VENDORS["deepseek"], "deepseek-v4-pro")
    assert compiled is not None
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    hours = [compiled.price(None, (midnight + timedelta(hours=hour)).timestamp()) for hour in range(48)]
    peaks = [hour for hour, price in enumerate(hours) if price != hours[0]]
    assert peaks == [1, 2, 3, 6, 7, 8, 9, 25, 26, 27, 30, 31, 32, 33]
    before = compiled.price(None, midnight.timestamp() + 3_600 - 0.001)
    assert before == hours[0] != compiled.price(None, midnight.timestamp() + 3_600)


def test_the_next_change_is_the_next_one() -> None:
    for _, model in all_models():
        for moment in moments_of(model)[:5]:
            assert next_change(model, moment - 1) == moment
            assert next_change(model, moment - 0.001) == moment
            assert next_change(model, moment) > moment
