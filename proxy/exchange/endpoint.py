"""A configured provider with what the exchange needs around it."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from proxy.exchange.breaker import BreakerRules, TargetName
from proxy.exchange.slots import Slots
from proxy.provider.capabilities import Capabilities, extended
from proxy.provider.contract import Provider
from proxy.upstream.client import HttpClient
from proxy.upstream.connection import Timeouts
from proxy.upstream.trust import SYSTEM, Trust

REMEMBERED_MODELS: Final = 1_000
"""Of how many models the capabilities are kept: names come from clients."""

CONCURRENCY: Final = 200
QUEUE: Final = 200


@dataclass(slots=True)
class Endpoint:
    """A provider under the name it is addressed by. `changes` are the operator's capabilities per model,
    `base_models` the known models that others behave like, `counts` the latest answers of the vendor's token counter,
    by a hash of what was asked; `slots` bound how many calls it has at a time."""

    name: str
    provider: Provider
    http: HttpClient
    timeouts: Timeouts = field(default_factory=Timeouts)
    slots: Slots = field(default_factory=lambda: Slots(CONCURRENCY, QUEUE))
    trust: Trust = SYSTEM
    breaker: BreakerRules = field(default_factory=BreakerRules)
    changes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    base_models: Mapping[str, str] = field(default_factory=dict)
    counts: OrderedDict[bytes, int] = field(default_factory=OrderedDict)
    _known: dict[str, Capabilities] = field(default_factory=dict)

    def capabilities(self, model: str) -> Capabilities:
        """What the model can do, the operator's changes included."""
        known = self._known.get(model)
        if known is None:
            known = extended(
                self.provider.capabilities(self.base_models.get(model, model)), self.changes.get(model, {})
            )
            if len(self._known) >= REMEMBERED_MODELS:
                # Lists name many models that nobody asks for.
                self._known.clear()
            self._known[model] = known
        return known


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes: an endpoint, and the vendor's model id."""

    endpoint: Endpoint
    model: str

    @property
    def name(self) -> TargetName:
        """What tells it from others."""
        return (self.endpoint.name, self.model)
