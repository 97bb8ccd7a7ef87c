"""What the tokens of each model cost: by the operator's own prices, else by the price catalogue."""

import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from config import settings
from proxy.usage.rates import PER_USD, ModelPrice, PriceSource, Rates, WrittenRates, dollars, priced

if TYPE_CHECKING:
    from genai_prices.types import Provider as Vendor

    from proxy.usage.catalogue import CatalogueModel

__all__ = ["PER_USD", "Catalogue", "ModelPrice", "PriceBook", "PriceSource", "dollars", "own_prices"]

MAX_NAMES: Final = 1_000
"""Of how many models that are not configured the price is remembered, also that they have none: clients name them."""

MAX_NAME: Final = 256
"""Characters of a model's name; longer ones have no price."""


class Catalogue(NamedTuple):
    """Whose prices hold for an endpoint: those of the vendor that serves the address, else of the vendor with this id
    in the catalogue; None: nobody knows them."""

    id: str | None
    base_url: str


class PriceBook:
    """The prices of all endpoints. `own`: by endpoint and model what the operator wrote; `base_models`: the known
    models that others behave like, and cost as much as."""

    __slots__ = ("_base_models", "_catalogues", "_found", "_known", "_own", "_vendors")

    def __init__(
        self,
        own: Mapping[tuple[str, str], settings.Price],
        catalogues: Mapping[str, Catalogue],
        base_models: Mapping[tuple[str, str], str],
    ) -> None:
        self._own = {target: own_prices(price) for target, price in own.items()}
        self._catalogues = catalogues
        self._base_models = base_models
        self._vendors: Mapping[str, Vendor | None] | None = None
        self._known: Mapping[tuple[str, str], CatalogueModel | None] = {}
        self._found: dict[tuple[str, str], CatalogueModel | None] = {}

    def load(self, known: Iterable[tuple[str, str]] = ()) -> None:
        """Read the catalogue, and look up the models that are known already, by endpoint and model. Blocks for 0.2 s;
        prices may be asked for meanwhile."""
        entries = {target: self._look_up(*target) for target in known if target not in self._own}
        now = time.time()
        for entry in entries.values():
            if entry is not None:
                entry.price(None, now)
        self._known = entries

    def price(self, provider: str, model: str, service_tier: str | None, now: float) -> ModelPrice | None:
        """The price of an endpoint's model at a moment; None where nobody knows it. Tiers without a price of their own
        have that of the model."""
        target = (provider, model)
        own = self._own.get(target)
        if own is not None:
            return own.get(service_tier) or own[None]
        entry = self._known[target] if target in self._known else self._remembered(target)
        return None if entry is None else entry.price(service_tier, now)

    def told(self, provider: str, model: str, now: float) -> tuple[ModelPrice | None, int | None]:
        """The price of an endpoint's model at a moment, and how many tokens a call may have by the catalogue. Nothing
        of it is remembered: it is asked of many models that nobody calls."""
        target = (provider, model)
        entry = self._known[target] if target in self._known else self._look_up(provider, model)
        own = self._own.get(target)
        price = own[None] if own is not None else entry.price(None, now) if entry is not None else None
        return price, entry.context_window if entry is not None else None

    def _remembered(self, target: tuple[str, str]) -> "CatalogueModel | None":
        found = self._found
        if target not in found:
            if len(target[1]) > MAX_NAME:
                return None
            if len(found) >= MAX_NAMES:
                found = self._found = {}
            found[target] = self._look_up(*target)
        return found[target]

    def _look_up(self, provider: str, model: str) -> "CatalogueModel | None":
        # the import takes 0.2 s, which only those wait for who did not call `load`
        from proxy.usage import catalogue

        vendors = self._vendors
        if vendors is None:
            vendors = self._vendors = {name: catalogue.vendor_of(*each) for name, each in self._catalogues.items()}
        vendor = vendors.get(provider)
        return None if vendor is None else catalogue.find(vendor, self._base_models.get((provider, model), model))


def own_prices(price: settings.Price) -> Mapping[str | None, ModelPrice]:
    """What an operator's price means, by service tier; None: for all other tiers."""
    return {
        None: _own_price([price]),
        **{tier: _own_price([price, special]) for tier, special in price.service_tiers.items()},
    }


def _own_price(layers: list[settings.ServiceTierPrice]) -> ModelPrice:
    """The price of several, the most general first: each rate is the last one that says it."""

    def written(above: int) -> WrittenRates:
        rates: dict[str, int] = {}
        for layer in layers:
            rates |= _written(layer)
            reached = [tier for tier in layer.tiers if tier.above_input <= above]
            if reached:
                rates |= _written(max(reached, key=lambda tier: tier.above_input))
        return rates

    return priced("config", written, (tier.above_input for layer in layers for tier in layer.tiers))


_EACH: Final = frozenset({"request", "web_search"})


def _written(rates: settings.Rates) -> dict[str, int]:
    prices = {name: getattr(rates, name, None) for name in Rates._fields}
    return {
        name: int(price * (PER_USD if name in _EACH else PER_USD // 10**6))
        for name, price in prices.items()
        if isinstance(price, Decimal)
    }
