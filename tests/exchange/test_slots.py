"""The slots of a provider: a bound, and a fair queue."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.exchange.slots import NotAskedError, Slots


async def test_those_who_wait_are_served_in_their_order() -> None:
    slots, served = Slots(1, 10), []

    async def work(number: int) -> None:
        await slots.take(10)
        served.append(number)
        await asyncio.sleep(0)
        slots.give_back()

    await asyncio.gather(*(work(number) for number in range(8)))
    assert served == list(range(8))
    assert (slots.taken, slots.waiting) == (0, 0)


async def test_nobody_overtakes_those_who_wait() -> None:
    slots = Slots(1, 10)
    assert slots.take_now()
    waiting = asyncio.create_task(slots.take(10))
    await asyncio.sleep(0)
    slots.give_back()
    assert not slots.take_now()
    await waiting


async def test_more_than_may_wait_are_refused_at_once() -> None:
    slots = Slots(1, 1)
    assert slots.take_now()
    waiting = asyncio.create_task(slots.take(10))
    await asyncio.sleep(0)
    with pytest.raises(NotAskedError) as caught:
        await slots.take(10)
    assert (caught.value.status, caught.value.headers) == (503, {"retry-after": "1"})
    slots.give_back()
    await waiting


async def test_whoever_has_waited_long_enough_is_refused_and_leaves_no_trace() -> None:
    slots = Slots(1, 5)
    assert slots.take_now()
    with pytest.raises(NotAskedError):
        await slots.take(0.01)
    assert slots.waiting == 0
    slots.give_back()
    assert slots.taken == 0
    assert slots.take_now()


async def test_one_who_is_cancelled_with_the_turn_in_hand_hands_it_on() -> None:
    slots = Slots(1, 5)
    assert slots.take_now()
    first, second = asyncio.create_task(slots.take(10)), asyncio.create_task(slots.take(10))
    await asyncio.sleep(0)
    slots.give_back()
    first.cancel()
    await second
    assert slots.taken == 1
    slots.give_back()
    assert slots.taken == 0


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 4), st.integers(0, 4), st.lists(st.sampled_from(["take", "give", "cancel", "turn"]), max_size=60))
def test_whatever_happens_no_slot_is_lost_or_invented(limit: int, queue: int, steps: list[str]) -> None:
    async def play() -> None:
        slots, tasks, held = Slots(limit, queue), [], 0
        for step in steps:
            if step == "take":
                tasks.append(asyncio.create_task(slots.take(10)))
            elif step == "cancel" and tasks:
                tasks.pop(0).cancel()
            elif step == "turn":
                await asyncio.sleep(0)
            else:
                done = [task for task in tasks if task.done()]
                for task in done:
                    tasks.remove(task)
                    held += not task.cancelled() and task.exception() is None
                if held:
                    slots.give_back()
                    held -= 1
            assert slots.taken <= limit
            assert slots.waiting <= queue
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            held += outcome is None
        while slots.taken > 0 and held > 0:
            slots.give_back()
            held -= 1

    asyncio.run(play())
