"""Circuit breakers: a target that fails again and again is left alone for a while, then tried with one request."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from proxy.provider.errors import ErrorClass, ProviderError
from proxy.responses.errors import ResponsesError

BreakerState: TypeAlias = Literal["closed", "half_open", "open"]

COUNTED: Final[frozenset[ErrorClass]] = frozenset(
    {"overloaded", "vendor_failure", "timeout", "connect", "cut", "bad_credential"}
)
"""What tells of a broken target. A rate limit does not: a smaller request, or another client's, may pass."""

LONGEST_PAUSE: Final = 8
"""How many times longer than the first the pauses become whose probe fails."""

MAX_BREAKERS: Final = 1_000
"""Of how many targets failures are remembered: model names come from clients."""

TargetName: TypeAlias = tuple[str, str]
"""A provider's name and a model of it."""

Changed: TypeAlias = Callable[[TargetName, BreakerState], None]


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """A breaker opens after this many `failures` in a row (0: never), for `pause` seconds."""

    failures: int = 5
    pause: float = 30.0


def _unheard(name: TargetName, state: BreakerState) -> None:
    pass


class Breakers:
    """The breakers of one process. Used from one event loop."""

    def __init__(self, changed: Changed = _unheard, clock: Callable[[], float] = time.monotonic) -> None:
        """`changed` is told of each change of a state."""
        self._changed = changed
        self._clock = clock
        # Only targets that failed lately.
        self._breakers: dict[TargetName, _Breaker] = {}

    def pause(self, name: TargetName) -> float:
        """For how many seconds more a target is left alone; 0 where it may be asked now."""
        breaker = self._breakers.get(name)
        if breaker is None or breaker.until is None:
            return 0.0
        left = breaker.until - self._clock()
        if left > 0:
            return left
        return breaker.rules.pause if breaker.probing else 0.0

    def enter(self, name: TargetName) -> bool:
        """Whether the target may be asked; whoever may calls `leave` when it was."""
        breaker = self._breakers.get(name)
        if breaker is None or breaker.until is None:
            return True
        if self.pause(name) > 0:
            return False
        breaker.probing = True
        self._changed(name, "half_open")
        return True

    def leave(self, name: TargetName, error: ResponsesError | None, rules: BreakerRules) -> None:
        """The target was asked, and answered (`error` is None, or says nothing against it) or failed."""
        if isinstance(error, ProviderError) and error.error_class in COUNTED:
            self._failed(name, rules)
        elif (breaker := self._breakers.pop(name, None)) is not None and breaker.until is not None:
            self._changed(name, "closed")

    def abandon(self, name: TargetName) -> None:
        """The target was asked, and nobody waited for what became of it."""
        breaker = self._breakers.get(name)
        if breaker is not None and breaker.probing:
            breaker.probing = False
            self._changed(name, "open")

    def states(self) -> dict[TargetName, BreakerState]:
        """The targets that are not closed."""
        now = self._clock()
        return {
            name: "open" if breaker.until > now else "half_open"
            for name, breaker in self._breakers.items()
            if breaker.until is not None
        }

    def keep(self, earlier: "Breakers", known: Callable[[TargetName], bool]) -> None:
        """Take over what an earlier configuration's breakers know of the targets that are still there."""
        self._breakers = {name: breaker for name, breaker in earlier._breakers.items() if known(name)}

    def _failed(self, name: TargetName, rules: BreakerRules) -> None:
        if not rules.failures:
            return
        breaker = self._breakers.get(name)
        if breaker is None:
            if len(self._breakers) >= MAX_BREAKERS:
                del self._breakers[next(iter(self._breakers))]
            breaker = self._breakers[name] = _Breaker(rules)
        breaker.rules = rules
        breaker.failures += 1
        now = self._clock()
        if breaker.until is not None and not breaker.probing:
            # A request that was begun before it opened.
            return
        if breaker.probing or breaker.failures >= rules.failures:
            breaker.pauses = min(breaker.pauses * 2, LONGEST_PAUSE) if breaker.probing else 1
            breaker.probing = False
            breaker.until = now + rules.pause * breaker.pauses
            self._changed(name, "open")


class _Breaker:
    """`until` is when the target may be tried again; None while the breaker is closed."""

    __slots__ = ("failures", "pauses", "probing", "rules", "until")

    def __init__(self, rules: BreakerRules) -> None:
        self.rules = rules
        self.failures = 0
        self.pauses = 1
        self.probing = False
        self.until: float | None = None
