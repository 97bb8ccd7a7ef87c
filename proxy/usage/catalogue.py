"""The prices of the catalogue, `genai-prices`: data that is part of the installation. Nothing is ever downloaded.

Importing the library takes 0.2 s and one calculation of its own 0.2 ms, so this module is imported late, and a model's
entry is compiled once for as long as its prices hold. The library's own look-up keeps every name that it was ever asked
for, so only its matching is used.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, TypeAlias

from genai_prices import data
from genai_prices.types import ModelInfo, StartDateConstraint, TieredPrices, TimeOfDateConstraint
from genai_prices.types import ModelPrice as CataloguePrices
from genai_prices.types import Provider as Vendor

from proxy.usage.rates import ModelPrice, priced

Constraint: TypeAlias = StartDateConstraint | TimeOfDateConstraint

COUNTED: Final[Mapping[str, tuple[str, int]]] = {
    "input_mtok": ("input", 1),
    "cache_read_mtok": ("cache_read", 1),
    "cache_write_mtok": ("cache_write_5m", 1),
    "cache_write_5m_mtok": ("cache_write_5m", 1),
    "cache_write_1h_mtok": ("cache_write_1h", 1),
    "output_mtok": ("output", 1),
    "output_reasoning_mtok": ("reasoning", 1),
    "input_audio_mtok": ("input_audio", 1),
    "cache_audio_read_mtok": ("cached_audio", 1),
    "output_audio_mtok": ("output_audio", 1),
    "output_image_mtok": ("output_image", 1),
    "requests_kcount": ("request", 1_000),
    "web_searches_kcount": ("web_search", 1_000),
}
"""The catalogue's units that we count: our name of the rate, and how many pico-USD each of them costs for each
millionth of a dollar that the unit does. Of two names for one rate the later wins."""

SERVICE_TIERS: Final[Mapping[str | None, Mapping[str, str]]] = {
    None: {},
    "default": {"service_tier": "default"},
    "standard": {"service_tier": "default"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
    "batch": {"processing": "batch"},
}
"""What the catalogue calls the service tiers; others have the price without one."""

_DAY: Final = 86_400
_MODELS_OF: Final = frozenset({"models", "publishers"})


def vendor_of(catalogue_id: str | None, base_url: str) -> Vendor | None:
    """The vendor in the catalogue that serves the address, else the one of this id."""
    address = base_url.lower()
    by_address = (each for each in data.providers if re.match(each.api_pattern, address))
    by_id = (each for each in data.providers if each.id == catalogue_id)
    return next(by_address, next(by_id, None))


def find(vendor: Vendor, model: str) -> "CatalogueModel | None":
    """What the catalogue has of the vendor's model, also of the models of others that the vendor serves."""
    for name in _names(vendor, model):
        found = vendor.find_model(name, all_providers=data.providers)
        if found is not None:
            return CatalogueModel(found, own=any(each is found for each in vendor.models))
    return None


def _names(vendor: Vendor, model: str) -> Iterator[str]:
    yield model
    *path, last = model.split("/")
    if path and {*path} <= {*_MODELS_OF, vendor.id, *(vendor.fallback_model_providers or ())}:
        yield last


class CatalogueModel:
    """One model's entry. `own`: it is the vendor's own and not one that it serves for another; only such have prices
    for service tiers."""

    __slots__ = ("_compiled", "_model", "_own")

    def __init__(self, model: ModelInfo, *, own: bool) -> None:
        self._model = model
        self._own = own
        self._compiled: dict[str | None, tuple[ModelPrice | None, float, float]] = {}

    @property
    def context_window(self) -> int | None:
        """The most tokens of a call, where the entry knows it."""
        return self._model.context_window

    def price(self, service_tier: str | None, now: float) -> ModelPrice | None:
        """The price at a moment; None where the entry has none for text."""
        tier = service_tier if self._own and service_tier in SERVICE_TIERS else None
        compiled = self._compiled.get(tier)
        if compiled is None or not compiled[1] <= now < compiled[2]:
            prices = self._model.get_prices(datetime.fromtimestamp(now, UTC), SERVICE_TIERS[tier])
            compiled = self._compiled[tier] = (_compiled(prices), now, next_change(self._model, now))
        return compiled[0]


def next_change(model: ModelInfo, now: float) -> float:
    """The next moment at which the prices of a model may be others; infinite where there is none."""
    conditions = [] if isinstance(model.prices, CataloguePrices) else [each.constraint for each in model.prices]
    conditions += [each.constraint for each in model.price_variants or ()]
    return min((edge for each in conditions if each is not None for edge in _edges(each, now)), default=math.inf)


def _edges(constraint: Constraint, now: float) -> Iterator[float]:
    if isinstance(constraint, StartDateConstraint):
        start = _moment(constraint.start_date, time())
        if start > now:
            yield start
        return
    for edge in (constraint.start_time, constraint.end_time):
        once = _moment(date(1970, 1, 2), edge)
        yield once + _DAY * (math.floor((now - once) / _DAY) + 1)


def _moment(day: date, clock: time) -> float:
    return datetime.combine(day, clock if clock.tzinfo is not None else clock.replace(tzinfo=UTC)).timestamp()


def _compiled(prices: CataloguePrices) -> ModelPrice | None:
    rates = {unit: price for unit, price in vars(prices).items() if unit in COUNTED and price is not None}
    if "input_mtok" not in rates or "output_mtok" not in rates:
        return None

    def written(above: int) -> dict[str, int]:
        return {
            name: _millionths(_rate(rates[unit], above)) * factor
            for unit, (name, factor) in COUNTED.items()
            if unit in rates
        }

    return priced("catalogue", written, (step for price in rates.values() for step in _steps(price)))


def _steps(price: Decimal | TieredPrices) -> Iterator[int]:
    if isinstance(price, TieredPrices):
        yield from (tier.start for tier in price.tiers)


def _rate(price: Decimal | TieredPrices, above: int) -> Decimal:
    if isinstance(price, Decimal):
        return price
    return next((tier.price for tier in reversed(price.tiers) if tier.start <= above), price.base)


def _millionths(price: Decimal) -> int:
    # more decimals than six are what calculations with floats left
    return int((price * 10**6).to_integral_value(ROUND_HALF_EVEN))
