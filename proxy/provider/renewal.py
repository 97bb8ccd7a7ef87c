"""Credentials that somebody issues for a time: asked for once, used by everybody, renewed before they end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from proxy.provider.errors import ProviderError

Value = TypeVar("Value")

EARLY: Final = 300.0
"""How long before its end, in seconds, a credential is renewed; at most half of the time it is good for."""

PAUSE: Final = 5.0
"""How long, in seconds, nothing is asked for after an attempt that failed while the old credential still serves."""

FAILED_PAUSE: Final = 1.0
"""How long, in seconds, a failed attempt stands for those who have no good credential either."""

REFUSED_PAUSE: Final = 10.0
"""How long, in seconds, refusals are put down to the credential before, after a refused one was replaced."""

LONGEST: Final = 45.0
"""How long an attempt may take, in seconds."""


@dataclass(frozen=True, slots=True)
class Issued(Generic[Value]):
    """A credential and its end in Unix seconds; None: it has none."""

    value: Value = field(repr=False)
    ends: float | None = None


class Renewed(Generic[Value]):
    """A credential that is asked for when it is first needed, and again before it ends.

    While it is good, a renewal happens beside the requests and none of them waits for it; one that fails is tried
    again. Whoever finds no good one waits for the one attempt that is under way.
    """

    def __init__(
        self,
        issue: Callable[[], Awaitable[Issued[Value]]],
        *,
        clock: Callable[[], float] = time.time,
        longest: float = LONGEST,
    ) -> None:
        """`issue` asks for a credential. It may raise ProviderError; anything else becomes `bad_credential`, with what
        it was as the cause. `longest`: how long it may take, in seconds."""
        self._issue = issue
        self._clock = clock
        self._longest = longest
        self._issued: Issued[Value] | None = None
        self._renew_at = 0.0
        self._failed: tuple[float, ProviderError] | None = None
        self._refused = False
        self._replaced_at: float | None = None
        self._asking: asyncio.Task[Issued[Value]] | None = None

    async def get(self) -> Value:
        """A credential that is good now. Raises ProviderError where none can be had."""
        issued, now = self._issued, self._clock()
        if issued is not None and (issued.ends is None or now < issued.ends):
            if now >= self._renew_at:
                self._ask()
            return issued.value
        if self._failed is not None and _within(FAILED_PAUSE, self._failed[0], now):
            raise _again(self._failed[1])
        asking = self._ask()
        # Whoever goes away leaves the attempt to the others.
        await asyncio.wait((asking,))
        try:
            return asking.result().value
        except ProviderError as error:
            raise _again(error) from error.__cause__

    def refused(self) -> bool:
        """The vendor refused a call for what was issued: whether `get` gives something else now.

        Of many calls that are refused at once, the first has the credential replaced; the others are sent again with
        what came in its place.
        """
        if self._issued is not None and not (
            self._replaced_at is not None and _within(REFUSED_PAUSE, self._replaced_at, self._clock())
        ):
            self._issued = None
            self._refused = True
        return True

    def _ask(self) -> "asyncio.Task[Issued[Value]]":
        asking = self._asking
        loop = asyncio.get_running_loop()
        if asking is None or asking.done() or asking.get_loop() is not loop:
            asking = self._asking = loop.create_task(self._renew())
            asking.add_done_callback(_seen)
        return asking

    async def _renew(self) -> Issued[Value]:
        try:
            async with asyncio.timeout(self._longest):
                issued = await self._issue()
        except ProviderError as error:
            self._note(error)
            raise
        except Exception as problem:
            failure = ProviderError("bad_credential", "No credential could be had for the provider.")
            failure.__cause__ = problem
            self._note(failure)
            raise failure from problem
        now = self._clock()
        self._renew_at = (
            float("inf") if issued.ends is None else issued.ends - min(EARLY, max(issued.ends - now, 0.0) / 2)
        )
        if self._refused:
            self._refused, self._replaced_at = False, now
        self._issued, self._failed = issued, None
        return issued

    def _note(self, error: ProviderError) -> None:
        now = self._clock()
        self._renew_at = now + PAUSE
        self._failed = now, error


def _within(seconds: float, since: float, now: float) -> bool:
    """Whether no more time has passed; a clock that was set back does not count."""
    return 0 <= now - since < seconds


def _again(error: ProviderError) -> ProviderError:
    """The same error for another request: each changes its own."""
    again = ProviderError(
        error.error_class,
        error.message,
        code=error.code,
        param=error.param,
        retry_after=error.retry_after,
        vendor_param=error.vendor_param,
        vendor_status=error.vendor_status,
    )
    again.__cause__ = error.__cause__
    return again


def _seen(task: "asyncio.Task[Issued[Value]]") -> None:
    """A renewal that failed beside the requests is tried again; nobody awaits it."""
    if not task.cancelled():
        task.exception()
