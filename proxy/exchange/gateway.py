"""What all requests share: the endpoints, the names that lead to them, the rules, the numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.prepare import Rules
from proxy.responses import errors
from proxy.responses.seal import Sealer
from proxy.upstream.client import Upstream
from proxy.usage.estimate import Estimator
from proxy.usage.metrics import Metrics

Resolve = Callable[[str], Sequence[tuple[str, str]]]
"""A name that a client asks for -> (endpoint, model) pairs in order of preference; empty: unknown."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks. `models` are the names it may use (`*` at the end matches any rest)."""

    name: str = "default"
    models: tuple[str, ...] = ("*",)

    def may_use(self, model: str) -> bool:
        """Whether the client may ask for the model."""
        return any(
            model == pattern or (pattern.endswith("*") and model.startswith(pattern[:-1])) for pattern in self.models
        )


@dataclass(frozen=True, slots=True)
class Gateway:
    """One process's gateway. `attempts` is how often an upstream call is tried before the first output."""

    endpoints: Mapping[str, Endpoint]
    resolve: Resolve
    upstream: Upstream
    sealer: Sealer
    metrics: Metrics
    estimator: Estimator
    rules: Rules = field(default_factory=Rules)
    default_model: str | None = None
    attempts: int = 2

    def target(self, model: str, client: Client) -> Target:
        """Where a request for the model goes. Raises ResponsesError (400 model_not_found), which is also the answer
        for a model that the client may not use: what exists is not told."""
        found = self.resolve(model) if client.may_use(model) else ()
        if not found:
            raise errors.model_not_found(model)
        name, vendor_model = found[0]
        return Target(self.endpoints[name], vendor_model)
