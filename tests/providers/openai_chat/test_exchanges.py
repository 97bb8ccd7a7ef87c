"""Every server's exchanges are as they are written down, and each line of its data is held by one of them."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from providers.openai_chat.dialect import Dialect
from providers.openai_chat.dialects import DIALECTS
from providers.openai_chat.families import families

from .exchanges.exchange import Exchange, provider_of
from .exchanges.lines import lines


def exchanges(name: str) -> Sequence[Exchange]:
    """What `exchanges/NAME.py` has written down."""
    module = f"{__package__}.exchanges.{name}"
    written: Sequence[Exchange] = import_module(module).EXCHANGES if find_spec(module) is not None else ()
    return written


def _each() -> Iterator[Any]:
    for name in DIALECTS:
        for exchange in exchanges(name):
            yield pytest.param(DIALECTS[name], exchange, id=f"{name}: {exchange.shows}")


def _lines() -> Iterator[Any]:
    for name, dialect in DIALECTS.items():
        for line, without in lines(dialect):
            yield pytest.param(name, without, id=f"{name}: {line}")


@pytest.mark.parametrize(("dialect", "exchange"), [*_each()])
def test_an_exchange_is_as_it_is_written_down(dialect: Dialect, exchange: Exchange) -> None:
    assert exchange.observe(provider_of(families(dialect))) == exchange.expected


@pytest.mark.parametrize(("name", "without"), [*_lines()])
def test_an_exchange_notices_that_a_line_is_gone(name: str, without: Any) -> None:
    assert any(_differs(exchange, without) for exchange in exchanges(name))


def _differs(exchange: Exchange, without: Any) -> bool:
    try:
        observed: Mapping[str, Any] = exchange.observe(provider_of(without))
    except (AssertionError, KeyError):
        return True
    return observed != exchange.expected


@pytest.mark.parametrize("name", DIALECTS)
def test_every_server_has_exchanges(name: str) -> None:
    assert exchanges(name)


@pytest.mark.parametrize("name", DIALECTS)
def test_no_two_exchanges_of_a_server_show_the_same(name: str) -> None:
    shown = [exchange.shows for exchange in exchanges(name)]
    assert len(shown) == len(set(shown))
