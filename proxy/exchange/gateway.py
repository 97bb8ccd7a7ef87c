"""What all requests share: the endpoints, the names that lead to them, the rules, the numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.naming import Names, permits
from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.prepare import Rules
from proxy.responses import errors
from proxy.responses.seal import Sealer
from proxy.upstream.client import Upstream
from proxy.usage.estimate import Estimator
from proxy.usage.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks. `models` are the names it may use, or patterns with one `*`."""

    name: str = "default"
    models: tuple[str, ...] = ("*",)

    def may_use(self, model: str) -> bool:
        """Whether the client may ask for the model."""
        return self.models == ("*",) or permits(self.models, model)


@dataclass(frozen=True, slots=True)
class Gateway:
    """One process's gateway. `attempts` is how often an upstream call is tried before the first output."""

    endpoints: Mapping[str, Endpoint]
    names: Names
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
        found = self.names.resolve(model) if client.may_use(model) else ()
        if not found:
            raise errors.model_not_found(model)
        return Target(self.endpoints[found[0].provider], found[0].model)
