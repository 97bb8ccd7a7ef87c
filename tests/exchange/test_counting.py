"""The tokens of a request's input: the vendor's number where there is one, an estimate whatever goes wrong."""

from collections.abc import Sequence

import pytest

from proxy.exchange import counting
from proxy.exchange.counting import REMEMBERED_COUNTS, Counted, ask_counter, count_input
from proxy.provider.contract import CannedAnswer, Pause
from proxy.provider.conversions import RefusedError
from proxy.provider.errors import ProviderError
from proxy.usage.estimate import Estimator, most_tokens
from tests.exchange.counting_vendor import House, number


async def test_the_vendor_s_number_is_taken(estimator: Estimator) -> None:
    house = House(estimator, counter=lambda prepared: 42)
    assert await count_input(house.gateway, house.target, house.prepared("one")) == Counted(42, "provider")


async def test_a_vendor_without_a_counter_is_estimated(estimator: Estimator) -> None:
    house = House(estimator)
    prepared = house.prepared("one two three")
    counted = await count_input(house.gateway, house.target, prepared)
    assert counted == Counted(await estimator.estimate_input(prepared), "estimated")
    assert await ask_counter(house.gateway, house.target, prepared) is None


@pytest.mark.parametrize(
    "answer",
    [
        CannedAnswer(404, {}, [b"7"]),
        CannedAnswer(401, {}, [b"7"]),
        CannedAnswer(429, {}, [b"7"]),
        CannedAnswer(500, {}, [b"7"]),
        CannedAnswer(301, {"location": "https://elsewhere.example"}, [b"7"]),
        CannedAnswer(200, {}, [b"<html>"]),
        CannedAnswer(200, {}, []),
        CannedAnswer(200, {}, [b"7"], cut=True),
    ],
)
async def test_whatever_the_counter_does_there_is_an_estimate(estimator: Estimator, answer: CannedAnswer) -> None:
    house = House(estimator, counter=lambda prepared: answer)
    assert (await count_input(house.gateway, house.target, house.prepared("one"))).source == "estimated"
    assert not house.endpoint.counts


async def test_a_key_that_cannot_be_had_is_no_failure(estimator: Estimator) -> None:
    house = House(estimator, counter=lambda prepared: 42)
    house.vendor.denied = ProviderError("bad_credential", "No token.")
    assert (await count_input(house.gateway, house.target, house.prepared("one"))).source == "estimated"


async def test_a_counter_that_hangs_is_not_waited_for(estimator: Estimator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "COUNTER_SECONDS", 0.01)
    pieces: Sequence[bytes | Pause] = [Pause(3600), b"7"]
    house = House(estimator, counter=lambda prepared: CannedAnswer(200, {}, pieces))
    assert (await count_input(house.gateway, house.target, house.prepared("one"))).source == "estimated"


async def test_equal_requests_are_counted_once(estimator: Estimator) -> None:
    numbers = iter((42, 43, 44))
    house = House(estimator, counter=lambda prepared: next(numbers))

    async def count(text: str) -> int:
        return (await count_input(house.gateway, house.target, house.prepared(text))).tokens

    # The vendor would give another number each time.
    assert [await count(text) for text in ("one", "two", "one")] == [42, 43, 42]


async def test_a_failure_is_not_remembered(estimator: Estimator) -> None:
    answers = iter((CannedAnswer(500, {}, []), number(42)))
    house = House(estimator, counter=lambda prepared: next(answers))
    prepared = house.prepared("one")
    assert await ask_counter(house.gateway, house.target, prepared) is None
    assert await ask_counter(house.gateway, house.target, prepared) == 42


async def test_what_was_not_asked_for_lately_is_forgotten(
    estimator: Estimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert REMEMBERED_COUNTS > 2
    monkeypatch.setattr(counting, "REMEMBERED_COUNTS", 2)
    given = iter(range(1, 10))
    house = House(estimator, counter=lambda prepared: next(given))
    made = {text: house.prepared(text) for text in ("a", "b", "c")}
    numbers = [await ask_counter(house.gateway, house.target, made[text]) for text in ("a", "b", "a", "c", "a", "b")]
    # The counter makes a new number at each call, also where the old one is taken: `b` alone was forgotten.
    assert numbers[0] == numbers[2] == numbers[4]
    assert numbers[1] != numbers[5]
    assert len(house.endpoint.counts) == 2


async def test_counting_notes_no_conversions_and_leaves_the_request_alone(estimator: Estimator) -> None:
    house = House(estimator, counter=lambda prepared: 42)
    prepared = house.prepared("one", temperature=0.5)
    items = list(prepared.items)
    await count_input(house.gateway, house.target, prepared)
    assert prepared.conversions == []
    assert prepared.items == items


async def test_what_cannot_be_carried_is_refused(estimator: Estimator) -> None:
    house = House(estimator, counter=lambda prepared: 42)
    with pytest.raises(RefusedError) as caught:
        await count_input(house.gateway, house.target, house.prepared("REFUSE"))
    assert caught.value.param == "input[0]"


@pytest.mark.parametrize("text", ["", "a", "häuser", "日本語" * 50, "🙂" * 20, " " * 300, "\n" * 99])
async def test_no_estimate_is_above_the_bound(estimator: Estimator, text: str) -> None:
    house = House(estimator)
    prepared = house.prepared("Q", {"role": "assistant", "content": text or "x"}, instructions=text)
    assert await estimator.estimate_input(prepared) <= most_tokens(prepared)


async def test_the_weights_of_all_items_are_what_they_add_to_the_whole(estimator: Estimator) -> None:
    house = House(estimator)
    picture = {"type": "input_image", "image_url": "https://a.example/i.png"}
    prepared = house.prepared(
        "one two",
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"city": "Oslo"}'},
        {"type": "function_call_output", "call_id": "c", "output": "three degrees"},
        {"role": "user", "content": [picture]},
        "word " * 10_000,
        instructions="Be brief.",
    )
    whole = await estimator.estimate_input(prepared)
    weights = await estimator.weigh([[item] for item in prepared.items])
    prepared.items = []
    assert whole == sum(weights) + await estimator.estimate_input(prepared)
    assert await estimator.weigh([]) == []
