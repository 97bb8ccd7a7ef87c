"""The calls for one request: how many, of which target, what became of each, and how much time is left."""

import asyncio
import time
from dataclasses import replace
from math import ceil
from typing import Final

from proxy.exchange.endpoint import Target
from proxy.exchange.gateway import Gateway
from proxy.exchange.retrying import retry_wait
from proxy.exchange.slots import QUEUE_WAIT, NotAskedError
from proxy.provider.errors import Outcome, ProviderError
from proxy.responses.errors import ResponsesError
from proxy.upstream.connection import Timeouts

OUT_OF_TIME: Final = "The time that the request may take is over."

_MOMENT: Final = 0.01
"""A time-out that comes this near to the client's own limit, in seconds, is the client's."""


class Attempts:
    """The calls of one request. After each `begin` the first `end` or `cancel` counts."""

    def __init__(self, gateway: Gateway, deadline: float | None) -> None:
        """`deadline` is when the client stops waiting, by `time.perf_counter` (None: it does not say)."""
        self.number = 0
        self.tries: list[tuple[Target, Outcome]] = []
        self.deadline = deadline
        self._gateway = gateway
        # How many were made before the current target, or the current question to it.
        self._before = 0
        # When the current target was first asked.
        self._since: float | None = None
        # Whether a call is under way.
        self._begun = False

    def is_over(self) -> bool:
        """Whether the client waits no longer."""
        return self.deadline is not None and time.perf_counter() >= self.deadline

    def new_question(self) -> None:
        """The same target is asked something else: its attempts are counted anew."""
        self._before = self.number

    def new_target(self) -> None:
        """Another target is asked from now on."""
        self._before, self._since = self.number, None

    async def begin(self, target: Target) -> Timeouts:
        """Take a slot of the target, which its call gives back, and pass its breaker; the times that the call may take.

        Raises NotAskedError, and ResponsesError (504) when there is no time left.
        """
        began = time.perf_counter()
        left = self._time_left(target, began)
        if left <= 0:
            raise ResponsesError(504, OUT_OF_TIME, type="server_error", code="upstream_timeout")
        slots, breakers = target.endpoint.slots, self._gateway.breakers
        if not slots.take_now():
            await slots.take(min(QUEUE_WAIT, left))
            left = self._time_left(target, time.perf_counter())
        if not breakers.enter(target.name):
            slots.give_back()
            message = "The provider failed again and again, and is left alone for a while."
            raise NotAskedError(message, "breaker", max(1, ceil(breakers.pause(target.name))))
        self._begun = True
        self.number += 1
        if self._since is None:
            self._since = began
        return _within(target.endpoint.timeouts, left)

    def end(self, target: Target, error: ResponsesError | None) -> None:
        """The call was answered, or failed."""
        if not self._begun:
            return
        outcome: Outcome = "ok"
        if error is not None:
            outcome = error.rule.outcome if isinstance(error, ProviderError) else "server_error"
        self._note(target, outcome)
        hurried = self.deadline is not None and time.perf_counter() >= self.deadline - _MOMENT
        if outcome == "timeout" and hurried:
            # It is its client who had no patience.
            self._gateway.breakers.abandon(target.name)
        else:
            self._gateway.breakers.leave(target.name, error, target.endpoint.breaker)

    def cancel(self, target: Target) -> None:
        """Nobody waits for the call any more."""
        if self._begun:
            self._note(target, "cancelled")
            self._gateway.breakers.abandon(target.name)

    async def wait(self, target: Target, error: ProviderError, *, pauses: int, elsewhere: bool) -> bool:
        """Whether the target is asked once more after this; waits for the right moment. Calls that went on with an
        answer after one of its `pauses` are no attempts; `elsewhere`: there is another target."""
        wait = retry_wait(
            error,
            self.number - self._before - pauses,
            self._gateway.attempts,
            time_left=self._time_left(target, time.perf_counter()),
            limited=self.deadline is not None,
            elsewhere=elsewhere,
        )
        if wait is None:
            return False
        await asyncio.sleep(wait)
        return True

    def _time_left(self, target: Target, now: float) -> float:
        total = target.endpoint.timeouts.total
        left = total if self._since is None else self._since + total - now
        return left if self.deadline is None else min(left, self.deadline - now)

    def _note(self, target: Target, outcome: Outcome) -> None:
        self._begun = False
        self._gateway.metrics.count_attempt(target.endpoint.name, outcome)
        self.tries.append((target, outcome))


def _within(timeouts: Timeouts, left: float) -> Timeouts:
    if left >= timeouts.total:
        return timeouts
    return replace(timeouts, connect=min(timeouts.connect, left), first_byte=min(timeouts.first_byte, left), total=left)
