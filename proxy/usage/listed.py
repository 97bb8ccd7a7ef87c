"""What is told of a model's price: the rates by the keys that operators write them with."""

from collections.abc import Mapping
from typing import Final

import orjson

from proxy.usage.rates import ModelPrice, Rates, dollars

MILLION: Final = 10**6

DEFAULTS: Final[Mapping[str, str]] = {
    "cache_read": "input",
    "cache_write_5m": "input",
    "cache_write_1h": "cache_write_5m",
    "reasoning": "output",
    "input_audio": "input",
    "output_audio": "output",
    "output_image": "output",
}
"""Which rate each of the others is like, where nobody says more of it."""


def told_price(price: ModelPrice) -> dict[str, object]:
    """The price as an object for JSON, exact: USD per million tokens; `request` and `web_search` in USD each. Left out
    is what would be so anyway."""
    told: dict[str, object] = {"source": price.source, **_rates(price.rates)}
    if price.tiers:
        told["tiers"] = [{"above_input": above, **_rates(rates)} for above, rates in reversed(price.tiers)]
    return told


def _rates(rates: Rates) -> dict[str, object]:
    written = rates._asdict()
    tokens = ["input", "output", *(name for name, like in DEFAULTS.items() if written[name] != written[like])]
    told: dict[str, object] = {name: _number(written[name] * MILLION) for name in tokens}
    return told | {name: _number(written[name]) for name in ("request", "web_search") if written[name]}


def _number(amount: int) -> orjson.Fragment:
    return orjson.Fragment(dollars(amount))
