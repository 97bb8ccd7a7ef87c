"""The list of models: what clients can ask for, and what is known of it.

Aliases and configured models stand in the configuration. What providers offer is asked of them when somebody wants the
list, kept for a time, and then asked for again while the old answer is given.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from config.naming import Names
from proxy.exchange.endpoint import Endpoint
from proxy.provider.capabilities import Capabilities
from proxy.responses.errors import ResponsesError
from proxy.upstream.client import HttpClient, Upstream
from proxy.upstream.connection import Timeouts
from proxy.usage.prices import ModelPrice, PriceBook

WAIT: Final = 1.5
"""How long, in seconds, an answer waits for providers that were never asked before."""

ASKING: Final = Timeouts(connect=5.0, first_byte=15.0, idle=15.0, total=30.0)
"""How long a provider may take to list its models."""

AGAIN: Final = 60.0
"""After how many seconds a provider that gave no list is asked again."""

MOST: Final = 2_000
"""Of how many models of a provider the list tells."""

LONGEST: Final = 256
"""The longest name that is listed, in characters."""

_log = structlog.get_logger("dragoman.models")


@dataclass(frozen=True, slots=True, eq=False)
class ListedModel:
    """A name that can be asked for: the provider and the abilities of its first target, its price, and how many tokens
    a call may have; None: nobody knows."""

    name: str
    provider: str
    capabilities: Capabilities
    price: ModelPrice | None = None
    context_window: int | None = None


@dataclass(slots=True)
class _Offer:
    """What one provider offers. `due`: when it is to be asked again; `asking`, `asked_at`: the question under way."""

    models: Sequence[ListedModel] = ()
    due: float = float("-inf")
    asking: asyncio.Task[None] | None = None
    asked_at: float = 0.0


class ModelList:
    """The list of one gateway. Belongs to one event loop. `told`: the endpoints that are asked what they offer; `keep`:
    for how many seconds their answers are taken as they are."""

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        names: Names,
        prices: PriceBook,
        upstream: Upstream,
        *,
        told: Collection[str],
        keep: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoints = endpoints
        self._names = names
        self._prices = prices
        self._upstream = upstream
        self._keep = keep
        self._clock = clock
        self._offers = {name: _Offer() for name in endpoints if name in told}

    async def models(self) -> list[ListedModel]:
        """All that is listed: what the configuration names, then what the providers offer. Waits for providers that
        are asked for the first time, and not for long."""
        await self._asked()
        known = self._names.known()
        configured = await asyncio.to_thread(lambda: list(self._described(known)))
        named = {model.name for model in configured}
        offered = (model for offer in self._offers.values() for model in offer.models)
        return [*configured, *(model for model in offered if model.name not in named)]

    def model(self, name: str) -> ListedModel | None:
        """What is known of a name that leads somewhere; None where it does not."""
        return next(self._described([name]), None)

    async def close(self) -> None:
        """Ask no more."""
        asking = [offer.asking for offer in self._offers.values() if offer.asking is not None]
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _asked(self) -> None:
        now = self._clock()
        waiting = []
        for name, offer in self._offers.items():
            if offer.asking is None and now >= offer.due:
                offer.asked_at = now
                offer.asking = asyncio.create_task(self._ask(name, offer))
            if offer.asking is not None and not offer.models and offer.due == float("-inf"):
                waiting.append((offer.asking, offer.asked_at + WAIT - now))
        patience = max((left for _, left in waiting), default=0.0)
        if patience > 0:
            await asyncio.wait([task for task, _ in waiting], timeout=patience)

    async def _ask(self, name: str, offer: _Offer) -> None:
        """Ask one provider. Never fails: what it offered before stands until it says more."""
        endpoint = self._endpoints[name]
        pause = AGAIN
        try:
            async with asyncio.timeout(ASKING.total):
                offered = await endpoint.provider.list_models(HttpClient(self._upstream, ASKING, endpoint.trust))
            ids = list(dict.fromkeys(_names(offered)))[:MOST]
            offer.models = await asyncio.to_thread(lambda: list(self._offered(name, ids)))
            pause = self._keep
        except Exception as error:  # a provider of somebody else's, and an answer from anywhere
            reason = error.message if isinstance(error, ResponsesError) else type(error).__name__
            _log.warning("models not listed", provider=name, reason=reason)
        finally:
            offer.due = self._clock() + pause
            offer.asking = None

    def _offered(self, provider: str, ids: Iterable[str]) -> Iterator[ListedModel]:
        """The models of a provider that can be had under its name and theirs."""
        for model in ids:
            name = f"{provider}/{model}"
            targets = self._names.resolve(name)
            if targets and (targets[0].provider, targets[0].model) == (provider, model):
                yield self._listed(name, provider, model)

    def _described(self, names: Iterable[str]) -> Iterator[ListedModel]:
        for name in names:
            if targets := self._names.resolve(name):
                yield self._listed(name, targets[0].provider, targets[0].model)

    def _listed(self, name: str, provider: str, model: str) -> ListedModel:
        able = self._endpoints[provider].capabilities(model)
        price, window = self._prices.told(provider, model, time.time())
        return ListedModel(name, provider, able, price, able.context_window or window)


def _names(offered: object) -> Iterator[str]:
    for name in offered if isinstance(offered, Sequence) and not isinstance(offered, str | bytes) else ():
        if isinstance(name, str) and name.isprintable() and 0 < len(name.strip()) == len(name) <= LONGEST:
            yield name
