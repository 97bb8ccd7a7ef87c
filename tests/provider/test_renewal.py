"""Issued credentials: asked for once, renewed beside the requests, and never missed by one of them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from proxy.provider.errors import ProviderError
from proxy.provider.renewal import EARLY, FAILED_PAUSE, PAUSE, REFUSED_PAUSE, Issued, Renewed

HOUR = 3600.0


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Issuer:
    """Issues numbered tokens that are good for `lifetime` seconds. `down`: what it raises instead. `held`: it answers
    when that is set."""

    def __init__(self, clock: Clock, lifetime: float | None = HOUR) -> None:
        self.clock = clock
        self.lifetime = lifetime
        self.asked = 0
        self.down: Exception | None = None
        self.held: asyncio.Event | None = None
        self.reached = asyncio.Event()

    async def __call__(self) -> Issued[str]:
        self.asked += 1
        number = self.asked
        self.reached.set()
        if self.held is not None:
            await self.held.wait()
        if self.down is not None:
            raise self.down
        return Issued(f"token-{number}", None if self.lifetime is None else self.clock.now + self.lifetime)


def made(lifetime: float | None = HOUR) -> tuple[Renewed[str], Issuer, Clock]:
    clock = Clock()
    issuer = Issuer(clock, lifetime)
    return Renewed(issuer, clock=clock), issuer, clock


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def failed(attempt: Awaitable[object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await attempt
    return caught.value


async def test_nothing_is_asked_for_before_it_is_needed() -> None:
    _, issuer, _ = made()
    await settled()
    assert issuer.asked == 0


async def test_the_first_users_share_one_attempt() -> None:
    renewed, issuer, _ = made()
    assert await asyncio.gather(*(renewed.get() for _ in range(50))) == ["token-1"] * 50
    assert issuer.asked == 1


async def test_a_good_credential_is_used_again() -> None:
    renewed, issuer, clock = made()
    await renewed.get()
    clock.now += HOUR - EARLY - 1
    assert await renewed.get() == "token-1"
    await settled()
    assert issuer.asked == 1


async def test_what_has_no_end_is_kept() -> None:
    renewed, issuer, clock = made(lifetime=None)
    await renewed.get()
    clock.now += 10_000 * HOUR
    assert await renewed.get() == "token-1"
    await settled()
    assert issuer.asked == 1


async def test_an_early_renewal_holds_nobody_up() -> None:
    renewed, issuer, clock = made()
    await renewed.get()
    clock.now += HOUR - EARLY
    issuer.held = asyncio.Event()
    assert await asyncio.gather(*(renewed.get() for _ in range(50))) == ["token-1"] * 50
    await settled()
    assert issuer.asked == 2
    assert await renewed.get() == "token-1"
    issuer.held.set()
    await settled()
    assert await renewed.get() == "token-2"
    assert issuer.asked == 2


async def test_what_is_good_for_a_short_time_is_renewed_at_half_of_it() -> None:
    renewed, issuer, clock = made(lifetime=60)
    await renewed.get()
    clock.now += 29
    await renewed.get()
    await settled()
    assert issuer.asked == 1
    clock.now += 1
    await renewed.get()
    await settled()
    assert issuer.asked == 2


async def test_after_its_end_everybody_waits_for_one_attempt() -> None:
    renewed, issuer, clock = made()
    await renewed.get()
    clock.now += HOUR
    assert await asyncio.gather(*(renewed.get() for _ in range(50))) == ["token-2"] * 50
    assert issuer.asked == 2


async def test_whoever_finds_it_ended_waits_for_the_renewal_that_is_under_way() -> None:
    renewed, issuer, clock = made()
    await renewed.get()
    clock.now += HOUR - 1
    issuer.held = asyncio.Event()
    await renewed.get()
    await settled()
    clock.now += 1
    waiting = asyncio.ensure_future(renewed.get())
    await settled()
    assert not waiting.done()
    issuer.held.set()
    assert await waiting == "token-2"
    assert issuer.asked == 2


async def test_an_issuer_that_is_down_is_not_noticed_while_the_old_one_is_good() -> None:
    renewed, issuer, clock = made()
    await renewed.get()
    clock.now += HOUR - EARLY
    issuer.down = ConnectionError("nobody there")
    assert await renewed.get() == "token-1"
    await settled()
    assert await renewed.get() == "token-1"
    await settled()
    assert issuer.asked == 2, "it is left alone for a while"
    clock.now += PAUSE
    assert await renewed.get() == "token-1"
    await settled()
    assert issuer.asked == 3
    issuer.down = None
    clock.now += PAUSE
    await renewed.get()
    await settled()
    assert await renewed.get() == "token-4"


async def test_without_a_good_one_the_failure_is_everybodys() -> None:
    renewed, issuer, _ = made()
    issuer.down = ConnectionError("nobody there")
    errors = await asyncio.gather(*(failed(renewed.get()) for _ in range(20)))
    assert issuer.asked == 1
    assert {error.error_class for error in errors} == {"bad_credential"}
    assert {error.status for error in errors} == {502}
    assert {str(error.__cause__) for error in errors} == {"nobody there"}
    assert len({id(error) for error in errors}) == 20, "each request changes its own"


async def test_a_failure_stands_for_a_moment_only() -> None:
    renewed, issuer, clock = made()
    issuer.down = ConnectionError("nobody there")
    await failed(renewed.get())
    issuer.down = None
    again = await failed(renewed.get())
    assert str(again.__cause__) == "nobody there"
    assert issuer.asked == 1
    clock.now += FAILED_PAUSE
    assert await renewed.get() == "token-2"


async def test_a_clock_that_was_set_back_does_not_prolong_a_failure() -> None:
    renewed, issuer, clock = made()
    issuer.down = ConnectionError("nobody there")
    await failed(renewed.get())
    issuer.down = None
    clock.now -= HOUR
    assert await renewed.get() == "token-2"


async def test_the_class_of_an_error_is_kept() -> None:
    renewed, issuer, _ = made()
    issuer.down = ProviderError("rate_limit", "too often", retry_after=7)
    error = await failed(renewed.get())
    assert (error.error_class, error.message, error.retry_after) == ("rate_limit", "too often", 7)


async def test_an_issuer_that_never_answers_is_given_up() -> None:
    clock = Clock()
    issuer = Issuer(clock)
    issuer.held = asyncio.Event()
    error = await failed(Renewed(issuer, clock=clock, longest=0.01).get())
    assert error.error_class == "bad_credential"
    assert isinstance(error.__cause__, TimeoutError)


async def test_whoever_goes_away_leaves_the_attempt_to_the_others() -> None:
    renewed, issuer, _ = made()
    issuer.held = asyncio.Event()
    leaving, staying = (asyncio.ensure_future(renewed.get()) for _ in range(2))
    await issuer.reached.wait()
    leaving.cancel()
    await settled()
    assert leaving.cancelled()
    issuer.held.set()
    assert await staying == "token-1"
    assert issuer.asked == 1


async def test_what_nobody_waits_for_any_more_is_there_for_the_next() -> None:
    renewed, issuer, _ = made()
    issuer.held = asyncio.Event()
    only = asyncio.ensure_future(renewed.get())
    await issuer.reached.wait()
    only.cancel()
    await settled()
    issuer.held.set()
    await settled()
    assert await renewed.get() == "token-1"
    assert issuer.asked == 1


async def test_a_refused_credential_is_replaced_once() -> None:
    renewed, issuer, _ = made()
    assert await asyncio.gather(*(renewed.get() for _ in range(50))) == ["token-1"] * 50

    async def sent_again() -> str:
        assert renewed.refused()
        return await renewed.get()

    assert await asyncio.gather(*(sent_again() for _ in range(50))) == ["token-2"] * 50
    # One of the first calls was slow: what it was refused for is not the new token.
    assert await sent_again() == "token-2"
    assert issuer.asked == 2


async def test_what_is_refused_again_later_is_replaced_again() -> None:
    renewed, issuer, clock = made()
    await renewed.get()
    renewed.refused()
    await renewed.get()
    clock.now += REFUSED_PAUSE
    renewed.refused()
    assert await renewed.get() == "token-3"
    assert issuer.asked == 3


async def test_a_regular_renewal_does_not_hide_a_refusal() -> None:
    renewed, issuer, clock = made()
    await renewed.get()
    clock.now += HOUR - EARLY
    await renewed.get()
    await settled()
    assert await renewed.get() == "token-2"
    renewed.refused()
    assert await renewed.get() == "token-3"
    assert issuer.asked == 3


async def test_a_refused_credential_is_not_used_while_the_issuer_is_down() -> None:
    renewed, issuer, clock = made()
    await renewed.get()
    renewed.refused()
    issuer.down = ConnectionError("nobody there")
    assert (await failed(renewed.get())).error_class == "bad_credential"
    issuer.down = None
    clock.now += FAILED_PAUSE
    assert await renewed.get() == "token-3"


async def test_what_ended_before_it_arrived_is_used_once_each() -> None:
    renewed, issuer, _ = made(lifetime=-10)
    assert await renewed.get() == "token-1"
    assert await renewed.get() == "token-2"
    assert issuer.asked == 2


def test_another_event_loop_asks_for_itself() -> None:
    renewed, issuer, clock = made(lifetime=10)

    def used(get: Callable[[], Awaitable[str]]) -> str:
        async def run() -> str:
            return await get()

        return asyncio.run(run())

    assert used(renewed.get) == "token-1"
    clock.now += 20
    assert used(renewed.get) == "token-2"
    assert issuer.asked == 2


def test_a_loop_that_ended_in_the_midst_leaves_nothing_behind() -> None:
    renewed, issuer, _ = made()

    async def cut() -> None:
        issuer.held = asyncio.Event()
        waiting = asyncio.ensure_future(renewed.get())
        await issuer.reached.wait()
        waiting.cancel()

    asyncio.run(cut())
    issuer.held = None
    assert asyncio.run(renewed.get()) == "token-2"


def test_a_credential_does_not_show_itself() -> None:
    assert "token" not in repr(Issued("token-1", 1.0))
