"""How many requests the process works at: beyond it a client is told at once, instead of all being served badly."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from proxy.responses.errors import ResponsesError
from proxy.usage.metrics import Metrics


class Places:
    """The places of one process. Used from one event loop."""

    def __init__(self, limit: int, metrics: Metrics) -> None:
        self._limit = limit
        self._metrics = metrics
        self.taken = 0

    def resize(self, limit: int) -> None:
        """Another limit holds from now on."""
        self._limit = limit

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place, as long as the request is worked at. Raises ResponsesError (503) when there is none."""
        if self.taken >= self._limit:
            self._metrics.count_refused("concurrency")
            raise ResponsesError(
                503,
                "The gateway has as many requests at work as it takes on. Please try again later.",
                type="service_unavailable_error",
                code="server_is_overloaded",
                headers={"retry-after": "1"},
            )
        self.taken += 1
        self._metrics.in_flight.inc()
        try:
            yield
        finally:
            self.taken -= 1
            self._metrics.in_flight.dec()


PLACES = web.AppKey("places", Places)
