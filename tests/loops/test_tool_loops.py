"""Tool loops over several turns, with parallel calls, by a client that keeps its history itself."""

import asyncio
import base64

import pytest

from tests.loops.conversation import Conversation, output_of, said
from tests.loops.targets import GEMINI_3, NATIVE, TARGETS, StrictVendor, Target
from tests.strict.gemini_signatures import PLACEHOLDERS
from tests.strict.play import StrictChat, StrictGemini
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import Called, Turn
from tests.vendors.server import Vendor

SIGNATURES = tuple(base64.b64encode(f"signature {number}".encode()).decode() for number in range(5))


@pytest.fixture(params=[*TARGETS, NATIVE], ids=lambda target: target.id)
def target(request: pytest.FixtureRequest) -> Target:
    """A model behind a strict vendor, also one that speaks Responses itself."""
    found = request.param
    assert isinstance(found, Target)
    return found


def turns(target: Target) -> list[Turn]:
    """Two questions: three calls at once, one more call, an answer; two calls at once, an answer."""

    def call(call_id: str, city: str) -> Called:
        return Called("wx", ('{"city"', f': "{city}"}}'), id=call_id if target.has_call_ids else "")

    now = Called("now", ("",), id="aaaaaaaa3" if target.has_call_ids else "")
    return [
        Turn(
            "Let me ",
            "see.",
            calls=(call("aaaaaaaa1", "Oslo"), call("aaaaaaaa2", "Rome"), now),
            thinking="Three look-ups",
            signature=SIGNATURES[0],
        ),
        Turn(calls=(call("bbbbbbbb1", "Bergen"),), thinking="One more", signature=SIGNATURES[1]),
        Turn("Cold ", "there.", thinking="That is enough", signature=SIGNATURES[2]),
        Turn(
            calls=(call("cccccccc1", "Turin"), call("cccccccc2", "Pisa")),
            thinking="The south",
            signature=SIGNATURES[3],
        ),
        Turn("Warm", ".", thinking="All said", signature=SIGNATURES[4]),
    ]


async def run(conversation: Conversation) -> None:
    """Both questions, and a third one that sends all of it back."""
    assert await conversation.turn("Weather in the north?") == "Cold there."
    assert await conversation.turn("And in the south?") == "Warm."
    assert await conversation.turn("Thanks.") == "Hello there."
    assert [answer.headers["x-dragoman-attempts"] for answer in conversation.answers] == ["1"] * 6


async def test_a_loop_goes_on_with_everything_that_came(
    gateway: Gateway, target: Target, strict: StrictVendor, stream: bool
) -> None:
    strict.play(*turns(target))
    conversation = Conversation(gateway, target.model, stream=stream)
    await run(conversation)
    assert all("x-dragoman-dropped" not in answer.headers for answer in conversation.answers)
    told = strict.requests[-1].body.decode()
    for item in conversation.history:
        if item.get("type") == "function_call":
            assert output_of(item).replace('"', '\\"') in told


async def test_the_reasoning_goes_back_to_the_model(
    gateway: Gateway, target: Target, strict: StrictVendor, stream: bool
) -> None:
    strict.play(*turns(target))
    conversation = Conversation(gateway, target.model, stream=stream)
    await run(conversation)
    second = strict.requests[1].body.decode()
    if not isinstance(strict, StrictChat):
        last = strict.requests[-1].body.decode()
        assert [last.count(signature) for signature in SIGNATURES] == [1] * 5
        assert not any(placeholder in last for placeholder in PLACEHOLDERS)
    else:
        assert ("Three look-ups" in second) is target.takes_reasoning_back


async def test_a_loop_goes_on_without_the_reasoning(
    gateway: Gateway, target: Target, strict: StrictVendor, stream: bool
) -> None:
    strict.play(*turns(target))
    conversation = Conversation(gateway, target.model, stream=stream, keeps_reasoning=False)
    await conversation.ask(said("Weather in the north?"))
    while conversation.calls:
        # without its signature or details a call is like one of another model
        if isinstance(strict, StrictGemini):
            strict.forget()
        await conversation.answer_calls()
    assert conversation.answers[-1].text == "Cold there."
    if isinstance(strict, StrictGemini):
        marked = [recorded.body.decode() for recorded in strict.requests[1:]]
        counts = [sum(body.count(placeholder) for placeholder in PLACEHOLDERS) for body in marked]
        assert counts == ([1, 2] if target == GEMINI_3 else [0, 0])
    assert "look-ups" not in strict.requests[-1].body.decode()


async def test_results_may_come_in_another_order(
    gateway: Gateway, target: Target, strict: StrictVendor, stream: bool
) -> None:
    strict.play(*turns(target))
    conversation = Conversation(gateway, target.model, stream=stream, reverses=True)
    await run(conversation)
    assert all("x-dragoman-dropped" not in answer.headers for answer in conversation.answers)


async def test_streamed_and_whole_loops_send_the_same_requests(
    gateways: Gateways, vendor: Vendor, target: Target
) -> None:
    gateway = await gateways.start(**target.changes)
    bodies = []
    for stream in (False, True):
        strict = target.strict()
        vendor.responder = strict
        strict.play(*turns(target))
        conversation = Conversation(gateway, target.model, stream=stream)
        await conversation.turn("Weather in the north?")
        assert strict.complaints == []
        sent = [recorded.json for recorded in strict.requests]
        for body in sent:
            for member in ("stream", "stream_options", "tool_stream"):
                body.pop(member, None)
        bodies.append(sent)
    # a call that the vendor gave no id has one of the gateway's making, new every time
    if target.has_call_ids:
        assert bodies[0] == bodies[1]
    assert len(bodies[0]) == len(bodies[1]) == 3


@pytest.mark.parametrize("target", [GEMINI_3], ids=["gemini-3.5-flash"])
async def test_calls_with_signatures_of_their_own_keep_them(
    gateway: Gateway, target: Target, strict: StrictVendor, stream: bool
) -> None:
    calls = (Called("wx", id="a1"), Called("wx", id="a2", signature=SIGNATURES[1]), Called("now", id="a3"))
    strict.play(
        Turn("Let me see.", calls=calls, signature=SIGNATURES[0]),
        Turn("Cold", ".", signature=SIGNATURES[2], signed="text"),
    )
    conversation = Conversation(gateway, target.model, stream=stream)
    assert await conversation.turn("Weather?") == "Cold."
    assert await conversation.turn("Thanks.") == "Hello there."
    last = strict.requests[-1].body.decode()
    assert [last.count(signature) for signature in SIGNATURES[:3]] == [1, 1, 1]


@pytest.mark.parametrize("target", [GEMINI_3], ids=["gemini-3.5-flash"])
async def test_signatures_that_the_vendor_refuses_are_replaced_once(
    gateway: Gateway, vendor: Vendor, target: Target, stream: bool
) -> None:
    strict = StrictGemini(*turns(target))
    vendor.responder = strict
    conversation = Conversation(gateway, target.model, stream=stream)
    await conversation.ask(said("Weather in the north?"))
    strict.forget()
    answer = await conversation.answer_calls()
    assert {complaint.rule for complaint in strict.complaints} == {"signature-corrupted"}
    assert answer.headers["x-dragoman-dropped"]
    first, second, third = strict.requests
    assert SIGNATURES[0].encode() in second.body
    assert SIGNATURES[0].encode() not in third.body
    assert any(placeholder.encode() in third.body for placeholder in PLACEHOLDERS)
    assert first.body != second.body


async def test_a_stream_ends_when_its_last_bytes_and_its_end_come_together(
    gateway: Gateway, target: Target, strict: StrictVendor
) -> None:
    gate = asyncio.Event()
    strict.play(Turn("Cold ", gate, "there."))
    wire = await gateway.open(model=target.model, input="Weather?", stream=True)
    await wire.until(b"event: response.output_text.delta")
    gate.set()
    assert b"event: response.completed" in await wire.until(b"data: [DONE]\n\n")
