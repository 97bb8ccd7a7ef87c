"""How many calls a provider is at work at: a bound, and a short fair queue in front of it."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final, Literal

from proxy.responses.errors import ResponsesError

QUEUE_WAIT: Final = 5.0
"""How long, in seconds, a request waits for its turn at most."""


class NotAskedError(ResponsesError):
    """A target was not asked: it has as much work as it may have, or its breaker is open. Another one may be."""

    __slots__ = ("reason",)

    def __init__(self, message: str, reason: Literal["queue", "breaker"], retry_after: int) -> None:
        """`retry_after` is in seconds."""
        super().__init__(
            503,
            message,
            type="service_unavailable_error",
            code="server_is_overloaded",
            headers={"retry-after": str(retry_after)},
        )
        self.reason = reason


class Slots:
    """The slots of one provider. Whoever took one gives it back. Used from one event loop."""

    def __init__(self, limit: int, queue: int) -> None:
        """`queue` is how many may wait."""
        self._limit = limit
        self._queue = queue
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def taken(self) -> int:
        """How many are at work."""
        return self._taken

    def resize(self, limit: int, queue: int) -> None:
        """Another limit holds from now on; who has a slot keeps it."""
        self._limit, self._queue = limit, queue
        while self._waiting and self._taken < limit:
            self._taken += 1
            self.give_back()

    def take_now(self) -> bool:
        """Take a slot if one is free and nobody waits for it."""
        if self._taken >= self._limit or self._waiting:
            return False
        self._taken += 1
        return True

    async def take(self, patience: float) -> None:
        """Take a slot; wait for it for at most `patience` seconds, first come, first served. Raises NotAskedError."""
        if self.take_now():
            return
        if len(self._waiting) >= self._queue or patience <= 0:
            raise _busy()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(patience):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # It had its turn in this very moment.
                self.give_back()
            else:
                with suppress(ValueError):
                    self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise _busy() from None
            raise

    def give_back(self) -> None:
        """Give a slot back: the first that waits has it."""
        while self._waiting and self._taken <= self._limit:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._taken -= 1


def _busy() -> NotAskedError:
    message = "The provider has as many requests as it may have at a time. Please try again later."
    return NotAskedError(message, "queue", 1)
