"""Whether a call that failed is made once more, at the same target or at the next one, and after which wait.

Only while the client has seen nothing, and never where money or a limit of spending is the reason.
"""

import random
from typing import Final

from proxy.exchange.slots import NotAskedError
from proxy.provider.errors import ErrorClass, ProviderError
from proxy.responses.errors import ResponsesError

BACK_OFF: Final = 0.25
"""Seconds before the second attempt, doubled for each further one, with jitter of a half."""

MAX_RETRY_WAIT: Final = 5.0
"""The longest wait, in seconds, that a vendor's `retry-after` may ask of a client that names no time limit; beyond it
the client is told."""

ELSEWHERE_SOONER: Final = 1.0
"""Whoever is asked to wait longer than this, in seconds, goes to the next target if there is one."""

FALLING_BACK: Final[frozenset[ErrorClass]] = frozenset(
    {
        "context_too_long",
        "bad_credential",
        "forbidden",
        "model_unknown",
        "too_large",
        "rate_limit",
        "overloaded",
        "vendor_failure",
        "timeout",
        "connect",
        "cut",
    }
)
"""What another target may do better. A mistake of the client's is one everywhere; a quota is somebody's decision."""


def falls_back(error: ResponsesError) -> bool:
    """Whether another target may be asked after this."""
    return isinstance(error, NotAskedError) or (isinstance(error, ProviderError) and error.error_class in FALLING_BACK)


def retry_wait(
    error: ProviderError, attempts: int, allowed: int, *, time_left: float, limited: bool, elsewhere: bool
) -> float | None:
    """How many seconds to wait before the same target is asked again; None: it is not.

    `attempts` were made there of those that are `allowed`; `time_left` is how long the request may take yet, in
    seconds, and `limited` whether its client said so; `elsewhere`: there is another target.
    """
    if not error.rule.retry or attempts >= allowed:
        return None
    wait = BACK_OFF * 2 ** (attempts - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, no secret
    asked = error.retry_after
    if asked is not None:
        if asked > (ELSEWHERE_SOONER if elsewhere else time_left if limited else MAX_RETRY_WAIT):
            return None
        wait = max(wait, asked)
    return wait if wait < time_left else None
