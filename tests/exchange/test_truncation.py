"""`truncation: auto`: the oldest turns go, whole, and no more of them than have to."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.exchange.prepare import Rules, encode
from proxy.exchange.truncation import (
    DEFAULT_ROOM,
    MAX_COUNTS,
    MAX_PATHS,
    MAX_ROOM,
    halve,
    room_for_answer,
    shorten,
    turns_of,
)
from proxy.provider.contract import Prepared
from proxy.provider.history import CallItem, HistoryItem, MessageItem, ReasoningItem, ResultItem
from proxy.usage.estimate import Estimator
from tests.exchange.counting_vendor import House

Item = dict[str, Any]

ROOM = 16
"""The least answer that can be asked for; these tests leave no more."""


def words(count: int) -> str:
    return " ".join(["word"] * count)


def assistant(text: str) -> Item:
    return {"role": "assistant", "content": text}


def developer(text: str) -> Item:
    return {"role": "developer", "content": text}


def call(name: str) -> Item:
    return {"type": "function_call", "call_id": name, "name": "f", "arguments": "{}"}


def result(name: str, output: str = "done") -> Item:
    return {"type": "function_call_output", "call_id": name, "output": output}


def thought(text: str) -> Item:
    return {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text}]}


def paths(items: Sequence[HistoryItem]) -> list[str]:
    return [item.path for item in items]


def texts(prepared: Prepared) -> list[str]:
    return [str(item.parts[0]["text"]) for item in prepared.items if isinstance(item, MessageItem)]


def turns(prepared: Prepared) -> list[list[str]]:
    return [paths(turn) for turn in turns_of(prepared.items)]


def said(prepared: Prepared) -> list[tuple[str, str]]:
    return [(conversion.path, conversion.disposition) for conversion in prepared.conversions]


async def size(house: House, prepared: Prepared) -> int:
    return await house.gateway.estimator.estimate_input(prepared)


async def shortened(estimator: Estimator, spare: int, *items: Item | str, **body: Any) -> Prepared:
    """The request in a window that its estimate misses by so many tokens."""
    house = House(estimator)
    whole = await size(house, house.prepared(*items, **body))
    house = House(estimator, whole - spare + ROOM)
    prepared = house.prepared(*items, max_output_tokens=ROOM, **body)
    await shorten(house.gateway, house.target, prepared)
    return prepared


# --- turns ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], []),
        (["a"], [["input[0]"]]),
        (["a", "b", assistant("c"), "d", "e"], [["input[0]", "input[1]", "input[2]"], ["input[3]", "input[4]"]]),
        ([assistant("a"), "b"], [["input[0]"], ["input[1]"]]),
        ([developer("a"), "b", assistant("c"), developer("d"), "e"], [["input[1]", "input[2]"], ["input[4]"]]),
        (["a", call("c"), result("c"), "b"], [["input[0]", "input[1]", "input[2]"], ["input[3]"]]),
        (["a", thought("b"), call("c"), result("c")], [["input[0]", "input[1]", "input[2]", "input[3]"]]),
        ([developer("a"), {"role": "system", "content": "b"}], []),
    ],
)
def test_a_turn_begins_where_the_user_speaks_again(
    estimator: Estimator, items: list[Item | str], expected: list[list[str]]
) -> None:
    assert turns(House(estimator).prepared(*(items or ["x"]))) == (expected if items else [["input[0]"]])


@pytest.mark.parametrize(
    ("asked", "most", "window", "room"),
    [
        (1000, None, 100_000, 1000),
        (90_000, 64_000, 100_000, 64_000),
        (None, None, 100_000, DEFAULT_ROOM),
        (None, 128_000, 1_000_000, MAX_ROOM),
        (None, 4096, 200_000, 4096),
        (None, 8192, 8192, 2048),
    ],
)
def test_room_is_left_for_the_answer(
    estimator: Estimator, asked: int | None, most: int | None, window: int, room: int
) -> None:
    prepared = House(estimator).prepared("a", max_output_tokens=asked)
    prepared.capabilities = replace(prepared.capabilities, max_output_tokens=most)
    assert room_for_answer(prepared, window) == room


# --- what goes and what stays ---------------------------------------------------------------------------------------

CONVERSATION = (
    developer("Be kind."),
    "first " + words(50),
    assistant("one " + words(50)),
    developer("Be brief."),
    "second " + words(50),
    assistant("two"),
    "third",
)


async def test_what_fits_is_left_alone(estimator: Estimator) -> None:
    prepared = await shortened(estimator, 0, *CONVERSATION)
    assert len(prepared.items) == 7
    assert said(prepared) == []


async def test_one_token_too_much_takes_the_oldest_turn(estimator: Estimator) -> None:
    prepared = await shortened(estimator, 1, *CONVERSATION)
    assert paths(prepared.items) == ["input[0]", "input[3]", "input[4]", "input[5]", "input[6]"]
    assert said(prepared) == [("input[1]", "dropped"), ("input[2]", "dropped")]


async def test_system_and_developer_messages_and_the_newest_turn_always_stay(estimator: Estimator) -> None:
    prepared = await shortened(estimator, 100_000, *CONVERSATION, instructions="Answer.")
    # Smaller than the answer: nothing can help.
    assert len(prepared.items) == 7
    house = House(estimator, 20)
    prepared = house.prepared(*CONVERSATION, max_output_tokens=ROOM, instructions="Answer.")
    await shorten(house.gateway, house.target, prepared)
    assert texts(prepared) == ["Be kind.", "Be brief.", "third"]
    assert prepared.request.instructions == "Answer."


async def test_a_turn_that_is_too_long_alone_is_sent(estimator: Estimator) -> None:
    prepared = await shortened(estimator, 900, "old", assistant("yes"), words(1000))
    assert paths(prepared.items) == ["input[2]"]
    alone = await shortened(estimator, 500, words(1000), call("c"), result("c"))
    assert len(alone.items) == 3
    assert said(alone) == []


async def test_calls_go_with_their_results_and_reasoning_with_its_calls(estimator: Estimator) -> None:
    prepared = await shortened(
        estimator,
        1,
        "what?",
        thought("both at once"),
        call("a"),
        call("b"),
        "never mind",
        result("b"),
        result("a"),
        "and now?",
    )
    # The message that came in between stands behind the results, where a turn begins.
    assert texts(prepared) == ["never mind", "and now?"]
    assert not any(isinstance(item, CallItem | ResultItem | ReasoningItem) for item in prepared.items)
    assert {path for path, _ in said(prepared)} == {"input[0]", *(f"input[{n}]" for n in (1, 2, 3, 5, 6))}


async def test_items_from_state_are_named_by_their_place_in_the_history(estimator: Estimator) -> None:
    items: list[Item | str] = ["old", assistant("yes"), "new"]
    house = House(estimator)
    whole = await size(house, house.prepared(*items, inherited=2))
    house = House(estimator, whole - 1 + ROOM)
    prepared = house.prepared(*items, inherited=2, max_output_tokens=ROOM)
    await shorten(house.gateway, house.target, prepared)
    assert paths(prepared.items) == ["input[0]"]
    assert said(prepared) == [("history[0]", "dropped"), ("history[1]", "dropped")]


async def test_a_model_of_unknown_size_gets_everything(estimator: Estimator) -> None:
    house = House(estimator, None)
    prepared = house.prepared("a", assistant("b"), words(5000))
    await shorten(house.gateway, house.target, prepared)
    assert len(prepared.items) == 3


async def test_a_short_request_needs_no_vocabulary() -> None:
    unloaded = Estimator()
    house = House(unloaded, 200_000, counter=lambda prepared: 1)
    prepared = house.prepared(*CONVERSATION)
    await shorten(house.gateway, house.target, prepared)
    assert not unloaded.loaded
    assert house.vendor.asked == []


# --- what is said about it --------------------------------------------------------------------------------------------


async def test_strict_does_not_refuse_what_the_client_asked_for(estimator: Estimator) -> None:
    prepared = await shortened(estimator, 1, *CONVERSATION)
    assert encode(prepared, House(estimator).target, Rules(strict=True)).path == "/chat"


async def test_a_loss_inside_a_dropped_turn_is_no_loss(estimator: Estimator) -> None:
    foreign = {"type": "reasoning", "summary": [], "encrypted_content": "of another vendor"}
    items = ("old", foreign, assistant("yes"), "new")
    assert ("input[1].encrypted_content", "dropped") in said(House(estimator).prepared(*items))
    prepared = await shortened(estimator, 1, *items)
    assert said(prepared) == [("input[0]", "dropped"), ("input[1]", "dropped"), ("input[2]", "dropped")]


async def test_many_dropped_items_are_summed_up(estimator: Estimator) -> None:
    exchanges = [item for n in range(100) for item in (f"question {n}", assistant("answer"))]
    house = House(estimator, 30)
    prepared = house.prepared(*exchanges, "last", max_output_tokens=ROOM)
    await shorten(house.gateway, house.target, prepared)
    assert texts(prepared) == ["last"]
    assert len(prepared.conversions) == MAX_PATHS + 1
    assert said(prepared)[0] == ("input[0]", "dropped")
    assert said(prepared)[-1] == (f"input[{MAX_PATHS}]..input[199]", "dropped")


# --- with the vendor's counter ---------------------------------------------------------------------------------------


EXCHANGES = [item for n in range(10) for item in (f"question {n} " + words(25), assistant("answer " + words(25)))]


async def kept(estimator: Estimator, window: int, counter: Any) -> tuple[int, House]:
    """How many items are sent in this window, beside the answer's room."""
    house = House(estimator, window + ROOM, counter)
    prepared = house.prepared(*EXCHANGES, "last", max_output_tokens=ROOM)
    await shorten(house.gateway, house.target, prepared)
    return len(prepared.items), house


async def test_the_vendor_s_number_decides(estimator: Estimator) -> None:
    whole = await size(house := House(estimator), house.prepared(*EXCHANGES, "last"))
    # By the estimate it fits, and the vendor says that it does not.
    count, house = await kept(estimator, whole, lambda prepared: int(whole * 1.2 * len(prepared.items) / 21))
    assert count == 17
    assert house.vendor.asked[-1][0] == "input[4]"
    # By the estimate it does not, and the vendor says that it does.
    count, house = await kept(estimator, int(whole * 0.9), lambda prepared: int(whole * 0.8))
    assert count == 21
    assert len(house.vendor.asked) == 1


async def test_far_below_the_limit_nobody_is_asked(estimator: Estimator) -> None:
    whole = await size(house := House(estimator), house.prepared(*EXCHANGES, "last"))
    count, house = await kept(estimator, int(whole / 0.69), lambda prepared: 10**9)
    assert (count, house.vendor.asked) == (21, [])


async def test_far_above_the_limit_the_vendor_is_not_sent_everything(estimator: Estimator) -> None:
    whole = await size(house := House(estimator), house.prepared(*EXCHANGES, "last"))
    _, house = await kept(estimator, whole // 2, lambda prepared: 10)
    assert house.vendor.asked
    assert all(len(asked) < 21 for asked in house.vendor.asked[:1])


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.9, 1.0, 1.2])
@pytest.mark.parametrize("factor", [0.01, 0.5, 0.9, 1.1, 2.0, 50.0])
async def test_the_vendor_is_asked_a_few_times_and_what_it_accepts_is_sent(
    estimator: Estimator, share: float, factor: float
) -> None:
    whole = await size(house := House(estimator), house.prepared(*EXCHANGES, "last"))
    window = int(whole * share)
    each = whole * factor / 21
    count, house = await kept(estimator, window, lambda prepared: int(each * len(prepared.items)) + 1)
    assert len(house.vendor.asked) <= MAX_COUNTS
    accepted = [len(asked) for asked in house.vendor.asked if int(each * len(asked)) + 1 <= window]
    if accepted:
        assert count == max(accepted)
    assert count % 2 == 1


async def test_a_vendor_that_says_nonsense_makes_an_end(estimator: Estimator) -> None:
    whole = await size(house := House(estimator), house.prepared(*EXCHANGES, "last"))
    count, house = await kept(estimator, whole - 1, lambda prepared: 10**12 // len(prepared.items))
    assert count == 1
    assert len(house.vendor.asked) <= MAX_COUNTS


async def test_what_the_vendor_accepted_is_sent_rather_than_what_is_guessed(estimator: Estimator) -> None:
    whole = await size(house := House(estimator), house.prepared(*EXCHANGES, "last"))
    numbers = {21: 10**6, 1: 1, 19: whole + 10}
    count, house = await kept(estimator, whole, lambda prepared: numbers[len(prepared.items)])
    assert [len(asked) for asked in house.vendor.asked] == [21, 1, 19]
    assert count == 1


async def test_of_a_history_far_too_long_only_the_end_is_weighed(estimator: Estimator) -> None:
    class Watching(Estimator):
        weighed = 0

        async def weigh(self, groups: Sequence[Sequence[HistoryItem]]) -> list[int]:
            self.weighed += len(groups)
            return await super().weigh(groups)

    watching = Watching()
    watching._encoding = estimator._encoding
    house = House(watching, 1000)
    items = [item for _ in range(200) for item in (words(100), assistant("yes"))]
    prepared = house.prepared(*items, "last", max_output_tokens=ROOM)
    await shorten(house.gateway, house.target, prepared)
    assert 8 <= len(turns_of(prepared.items)) <= 10
    assert watching.weighed < 30


async def test_what_would_be_refused_is_estimated(estimator: Estimator) -> None:
    items: list[Item | str] = ["REFUSE", assistant("no " + words(20)), "last"]
    whole = await size(house := House(estimator), house.prepared(*items))
    house = House(estimator, whole - 1 + ROOM, counter=lambda prepared: 10)
    prepared = house.prepared(*items, max_output_tokens=ROOM)
    await shorten(house.gateway, house.target, prepared)
    assert texts(prepared) == ["last"]


# --- halving ----------------------------------------------------------------------------------------------------------


def test_halving_takes_the_older_half_of_the_turns(estimator: Estimator) -> None:
    prepared = House(estimator).prepared(developer("Be kind."), *EXCHANGES, "last")
    left = []
    while halve(prepared):
        left.append(len(turns_of(prepared.items)))
    assert left == [6, 3, 2, 1]
    assert texts(prepared) == ["Be kind.", "last"]
    assert len(prepared.conversions) == 20
    assert not any(conversion.strict_refuses for conversion in prepared.conversions)


def test_one_turn_is_not_halved(estimator: Estimator) -> None:
    prepared = House(estimator).prepared("a", call("c"), result("c"))
    assert not halve(prepared)
    assert len(prepared.items) == 3
    assert prepared.conversions == []
    prepared.items = []
    assert not halve(prepared)


# --- any history ------------------------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> list[Item]:
    """Histories as clients send them: steps with parallel calls, results in any order, users who interrupt."""
    items: list[Item] = []
    some_words = st.integers(1, 40).map(words)
    for number in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(["user", "user", "developer", "assistant", "reasoning", "step"]))
        if kind == "step":
            names = [f"call_{number}_{index}" for index in range(draw(st.integers(1, 3)))]
            if draw(st.booleans()):
                items.append(thought(draw(some_words)))
            items += [call(name) for name in names]
            if draw(st.booleans()):
                items.append({"role": draw(st.sampled_from(["user", "developer"])), "content": "wait"})
            items += [result(name, draw(some_words)) for name in draw(st.permutations(names))]
        elif kind == "reasoning":
            items.append(thought(draw(some_words)))
        else:
            items.append({"role": kind, "content": draw(some_words)})
    return items


def candidates(items: Sequence[HistoryItem]) -> Iterator[list[HistoryItem]]:
    """Every history that may be sent, the longest first, found in another way than by cutting into turns."""
    yield list(items)
    spoken = False
    user_before = True
    for index, item in enumerate(items):
        if isinstance(item, MessageItem) and item.role in ("system", "developer"):
            continue
        by_user = isinstance(item, MessageItem) and item.role == "user"
        if by_user and spoken and not user_before:
            older = [one for one in items[:index] if isinstance(one, MessageItem) and one.role == "developer"]
            yield [*older, *items[index:]]
        spoken, user_before = True, by_user


def keeps_the_promises(items: Sequence[HistoryItem]) -> bool:
    """Whether calls stand together, and their results behind them, each once."""
    open_calls: list[str] = []
    answered: set[str] = set()
    for item in items:
        if isinstance(item, CallItem):
            if answered:
                return False
            open_calls.append(item.call_id)
        elif isinstance(item, ResultItem):
            if item.call_id not in open_calls or item.call_id in answered:
                return False
            answered.add(item.call_id)
            if len(answered) == len(open_calls):
                open_calls, answered = [], set()
        elif answered or (open_calls and not isinstance(item, ReasoningItem)):
            return False
    return not open_calls


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=histories(), share=st.floats(0, 1.1))
def test_the_longest_end_of_any_history_that_fits_is_sent(
    estimator: Estimator, items: list[Item], share: float
) -> None:
    async def check() -> None:
        house = House(estimator)
        whole = house.prepared(*items, instructions="Be brief.")
        limit = max(1, int(await size(house, whole) * share))
        house = House(estimator, limit + ROOM)
        prepared = house.prepared(*items, instructions="Be brief.", max_output_tokens=ROOM)
        possible = list(candidates(prepared.items))
        expected = possible[-1]
        for candidate in possible:
            if await size(house, replace(prepared, items=candidate)) <= limit:
                expected = candidate
                break
        before = list(prepared.items)
        await shorten(house.gateway, house.target, prepared)
        assert paths(prepared.items) == paths(expected)
        assert keeps_the_promises(prepared.items)
        gone = dict.fromkeys(item.path for item in before if item not in prepared.items)
        assert [path for path, _ in said(prepared)] == [*gone]

    asyncio.run(check())
