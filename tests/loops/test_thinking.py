"""Claude's thinking on its way through the client: it comes back block by block, where it stood, or not at all."""

import itertools
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.loops.conversation import NOW, WX, Conversation, called, function, result, said
from tests.loops.targets import CLAUDE, CLAUDE_BOUND, CLAUDE_BUDGET, CLAUDES, StrictVendor, Target
from tests.strict.messages_answers import Blocks, calling, redacted, thinking, use
from tests.strict.messages_answers import said as told
from tests.strict.messages_content import THINKING, Block
from tests.strict.play import StrictMessages
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import Turn
from tests.vendors.server import Vendor

EACH_CLAUDE = pytest.mark.parametrize("target", CLAUDES, ids=lambda target: target.id)

#: Conversations of one question each: the answers of the model, step by step.
LOOPS: Final[dict[str, tuple[Blocks, ...]]] = {
    "thinking between the calls": (
        calling(thinking("First", "S1"), use("toolu_1", "wx", city="Oslo")),
        calling(thinking("Then", "S2"), use("toolu_2", "wx", city="Rome"), use("toolu_3", "now")),
        calling(thinking("At last", "S3"), use("toolu_4", "wx", city="Pisa")),
        Blocks((thinking("Enough", "S4"), told("Cold."))),
    ),
    "a step without thinking": (
        calling(thinking("First", "S1"), use("toolu_1", "wx", city="Oslo")),
        calling(use("toolu_2", "now")),
        Blocks((told("Cold."),)),
    ),
    "thinking, text and calls": (
        calling(thinking("Look", "S1"), told("Let me see."), use("toolu_1", "wx", city="Oslo"), use("toolu_2", "now")),
        Blocks((thinking("So", "S2"), told("Cold."))),
    ),
    "thinking twice in one step": (
        calling(
            thinking("Look", "S1"),
            told("Let me see."),
            thinking("Again", "S2"),
            use("toolu_1", "wx", city="Oslo"),
            thinking("And again", "S3"),
            use("toolu_2", "now"),
        ),
        Blocks((told("Cold."),)),
    ),
    "thinking side by side": (
        calling(thinking("One", "S1"), thinking("Two", "S2"), redacted("R1"), use("toolu_1", "now")),
        Blocks((redacted("R2"), thinking("Three", "S3"), told("Cold."))),
    ),
    "nobody may read it": (
        calling(redacted("R1"), use("toolu_1", "now")),
        calling(redacted("R2"), redacted("R3"), told("More."), use("toolu_2", "now")),
        Blocks((redacted("R4"), told("Cold."))),
    ),
    "it is not shown": (
        calling(thinking("", "S1"), use("toolu_1", "now")),
        Blocks((thinking("", "S2"), told("Cold."))),
    ),
    "odd texts": (
        calling(thinking(' \n"ö😀</thinking>\u2028 ', "S1+/=="), use("toolu_1", "now")),
        Blocks((thinking("x" * 70_000, "S" * 9_000), told("Cold."))),
    ),
    "the same words twice": (
        calling(thinking("Hm", "S1"), use("toolu_1", "now")),
        calling(thinking("Hm", "S2"), use("toolu_2", "now")),
        Blocks((thinking("Hm", "S3"), told("Cold."))),
    ),
}


@pytest.fixture
def messages(strict: StrictVendor) -> StrictMessages:
    """The strict vendor, which is Anthropic's."""
    assert isinstance(strict, StrictMessages)
    return strict


def assistant_blocks(strict: StrictMessages) -> list[Block]:
    """What the assistant said, as the last request has it."""
    turns = strict.requests[-1].json["messages"]
    return [block for turn in turns if turn["role"] == "assistant" for block in turn["content"]]


def kinds(blocks: list[Block]) -> list[str]:
    return [block["type"] for block in blocks]


def conversation_with(gateway: Gateway, target: Target, *, stream: bool = False, **settings: Any) -> Conversation:
    """A client of the model that asks for its thinking."""
    wanted = {"effort": "high", "summary": "auto"}
    return Conversation(gateway, target.model, stream=stream, **{"reasoning": wanted, **settings})


# --- back to where it stood -------------------------------------------------------------------------------------------


@EACH_CLAUDE
@pytest.mark.parametrize("loop", LOOPS)
async def test_every_block_comes_back_where_it_stood(
    gateway: Gateway, target: Target, messages: StrictMessages, stream: bool, loop: str
) -> None:
    messages.play(*LOOPS[loop])
    conversation = conversation_with(gateway, target, stream=stream)
    assert await conversation.turn("Weather?") == "Cold."
    assert await conversation.turn("Thanks.") == "Hello there."
    assert all("x-dragoman-dropped" not in answer.headers for answer in conversation.answers)
    assert {answer.headers["x-dragoman-attempts"] for answer in conversation.answers} == {"1"}
    assert assistant_blocks(messages) == [block for answer in LOOPS[loop] for block in answer.content]


@EACH_CLAUDE
async def test_results_in_another_order_move_no_thinking(
    gateway: Gateway, target: Target, messages: StrictMessages
) -> None:
    loop = LOOPS["thinking twice in one step"]
    messages.play(*loop)
    conversation = conversation_with(gateway, target)
    conversation.reverses = True
    assert await conversation.turn("Weather?") == "Cold."
    assert assistant_blocks(messages) == list(loop[0].content)


@EACH_CLAUDE
@pytest.mark.parametrize("loop", LOOPS)
async def test_a_client_without_the_thinking_goes_on(
    gateway: Gateway, target: Target, messages: StrictMessages, loop: str
) -> None:
    messages.play(*LOOPS[loop])
    conversation = conversation_with(gateway, target)
    conversation.keeps_reasoning = False
    assert await conversation.turn("Weather?") == "Cold."
    assert not THINKING & set(kinds(assistant_blocks(messages)))


@EACH_CLAUDE
async def test_thinking_may_be_lost_item_by_item(gateway: Gateway, target: Target, messages: StrictMessages) -> None:
    """Any of the reasoning items may be missing: what the vendor would refuse without them goes, too."""
    loop = LOOPS["thinking twice in one step"]
    messages.play(loop[0])
    conversation = conversation_with(gateway, target)
    await conversation.ask(said("Weather?"))
    output = conversation.history[1:]
    items = [index for index, item in enumerate(output) if item["type"] == "reasoning"]
    assert len(items) == 3
    results = [result(call["call_id"]) for call in conversation.calls]
    for count in range(4):
        for lost in itertools.combinations(items, count):
            kept = [item for index, item in enumerate(output) if index not in lost]
            answer = await gateway.create(
                model=target.model,
                input=[said("Weather?"), *kept, *results],
                tools=[WX, NOW],
                reasoning={"effort": "high"},
            )
            assert answer.text == "Hello there."
            found = [block["signature"] for block in assistant_blocks(messages) if block["type"] == "thinking"]
            assert found == [f"S{number + 1}" for number, index in enumerate(items) if index not in lost]


@EACH_CLAUDE
async def test_instructions_in_the_conversation_unbind_nothing(
    gateway: Gateway, target: Target, messages: StrictMessages
) -> None:
    messages.play(*LOOPS["thinking, text and calls"], *LOOPS["it is not shown"][-1:])
    conversation = conversation_with(gateway, target, instructions="Be brief.")
    await conversation.ask(said("Rhyme.", "developer"), said("Weather?"))
    await conversation.answer_calls()
    await conversation.ask(said("Louder.", "developer"), said("And?"))
    await conversation.ask(said("Softer.", "system"), said("And now?"))
    assert {answer.headers["x-dragoman-attempts"] for answer in conversation.answers} == {"1"}
    assert kinds(assistant_blocks(messages)).count("thinking") == 3


# --- what the vendor refuses ------------------------------------------------------------------------------------------


@pytest.fixture
def lenient(target: Target, vendor: Vendor) -> Iterator[StrictMessages]:
    """The strict vendor, which may complain."""
    strict = StrictMessages()
    vendor.responder = strict
    yield strict
    assert all(b"dg1." not in recorded.body for recorded in strict.requests)


CHANGES: Final[dict[str, dict[str, Any]]] = {
    "other tools": {"tools": [WX, NOW, function("later")]},
    "other instructions": {"instructions": "Be long."},
}


@pytest.mark.parametrize("target", [CLAUDE, CLAUDE_BOUND], ids=lambda target: target.id)
@pytest.mark.parametrize("change", CHANGES)
async def test_bound_thinking_is_left_out_once_the_conversation_is_another(
    gateway: Gateway, target: Target, lenient: StrictMessages, stream: bool, change: str
) -> None:
    lenient.play(*LOOPS["thinking, text and calls"])
    conversation = conversation_with(gateway, target, stream=stream)
    assert await conversation.turn("Weather?") == "Cold."
    conversation.settings |= CHANGES[change]
    answer = await conversation.ask(said("And?"))
    assert answer.text == "Hello there."
    bound = target == CLAUDE_BOUND
    assert {complaint.rule for complaint in lenient.complaints} == ({"thinking-bound"} if bound else set())
    assert answer.headers["x-dragoman-attempts"] == ("2" if bound else "1")
    assert ("x-dragoman-dropped" in answer.headers) is bound
    assert ("thinking" in kinds(assistant_blocks(lenient))) is not bound


@EACH_CLAUDE
async def test_signatures_that_the_vendor_no_longer_knows_are_left_out(
    gateway: Gateway, target: Target, lenient: StrictMessages, stream: bool
) -> None:
    loop = LOOPS["nobody may read it"] if stream else LOOPS["thinking between the calls"]
    lenient.play(*loop)
    conversation = conversation_with(gateway, target, stream=stream)
    await conversation.ask(said("Weather?"))
    lenient.forget()
    answer = await conversation.answer_calls()
    assert {complaint.rule for complaint in lenient.complaints} == {"redacted-data" if stream else "thinking-signature"}
    assert answer.headers["x-dragoman-attempts"] == "2"
    assert answer.headers["x-dragoman-dropped"] == "input"
    assert kinds(assistant_blocks(lenient)) == ["tool_use"]


# --- other models -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [CLAUDE], ids=["claude"])
async def test_another_claude_does_not_get_it_and_the_first_does(
    gateway: Gateway, target: Target, messages: StrictMessages, stream: bool
) -> None:
    messages.play(*LOOPS["thinking between the calls"][:1])
    conversation = conversation_with(gateway, CLAUDE, stream=stream)
    await conversation.ask(said("Weather?"))
    conversation.model = CLAUDE_BUDGET.model
    answer = await conversation.answer_calls()
    assert "input[1].encrypted_content" in answer.headers["x-dragoman-dropped"]
    assert kinds(assistant_blocks(messages)) == ["tool_use"]
    conversation.model = CLAUDE.model
    answer = await conversation.ask(said("And?"))
    assert "x-dragoman-dropped" not in answer.headers
    assert kinds(assistant_blocks(messages)) == ["thinking", "tool_use", "text"]


@EACH_CLAUDE
async def test_ids_of_calls_that_begin_anew_are_kept_apart(
    gateway: Gateway, target: Target, messages: StrictMessages
) -> None:
    items = [said("Hi")]
    for number in range(3):
        for call_id in ("call_0", "call_0_2", "c" * 64):
            items += [called(call_id), result(call_id, f"{call_id} {number}")]
        items.append(said("And?"))
    answer = await gateway.create(model=target.model, input=items, tools=[WX])
    assert answer.text == "Hello there."
    turns = messages.requests[-1].json["messages"]
    blocks = [block for turn in turns for block in turn["content"] if block["type"] in ("tool_use", "tool_result")]
    ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
    assert len(set(ids)) == 9
    assert ids[:3] == ["call_0", "call_0_2", "c" * 64]
    assert [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"] == ids


# --- no state ---------------------------------------------------------------------------------------------------------

OLD: Final = {"id": "k1", "key": "0123456789abcdef0123456789abcdef"}
NEW: Final = {"id": "k2", "key": "fedcba9876543210fedcba9876543210"}
FORGED: Final = {"id": "k1", "key": "another key of the same name 1234"}

FIRST: Final = Turn("Let me see.", thinking="A thought", signature="c2lnbmF0dXJlIG9uZQ==")


@pytest.mark.parametrize("keys", [[OLD], [NEW, OLD]], ids=["the same keys", "a new key in front"])
async def test_another_process_opens_what_the_first_sealed(
    gateways: Gateways, target: Target, strict: StrictVendor, stream: bool, keys: list[dict[str, str]]
) -> None:
    first = await gateways.start(seal_keys=[OLD], **target.changes)
    second = await gateways.start(seal_keys=keys, **target.changes)
    strict.play(FIRST)
    conversation = Conversation(first, target.model, stream=stream)
    assert await conversation.turn("Weather?") == FIRST.text
    conversation.gateway = second
    assert await conversation.turn("And?") == "Hello there."
    conversation.gateway = first
    if keys == [OLD]:
        assert await conversation.turn("And now?") == "Hello there."
    assert all("x-dragoman-dropped" not in answer.headers for answer in conversation.answers)
    if target.server is None:
        assert FIRST.signature.encode() in strict.requests[-1].body


async def test_what_an_old_key_sealed_is_dropped_once_the_key_is_gone(
    gateways: Gateways, target: Target, strict: StrictVendor, stream: bool
) -> None:
    first = await gateways.start(seal_keys=[OLD], **target.changes)
    second = await gateways.start(seal_keys=[NEW], **target.changes)
    strict.play(FIRST)
    conversation = Conversation(first, target.model, stream=stream)
    await conversation.turn("Weather?")
    sealed = [item for item in conversation.history if item.get("encrypted_content")]
    conversation.gateway = second
    answer = await conversation.ask(said("And?"))
    assert answer.text == "Hello there."
    assert answer.headers.get("x-dragoman-dropped", "").count("encrypted_content") == len(sealed)
    assert FIRST.signature.encode() not in strict.requests[-1].body
    # What this key seals goes on as ever.
    assert await conversation.turn("And now?") == "Hello there."


@EACH_CLAUDE
async def test_a_forged_seal_is_the_clients_mistake(
    gateways: Gateways, target: Target, messages: StrictMessages
) -> None:
    first, second = await gateways.start(seal_keys=[OLD]), await gateways.start(seal_keys=[FORGED])
    messages.play(FIRST)
    conversation = Conversation(first, target.model)
    await conversation.turn("Weather?")
    items = [*conversation.history, said("And?")]
    answer = await second.create(model=target.model, input=items, store=False)
    assert (answer.status, answer.error["param"]) == (400, "input[1].encrypted_content")
    assert len(messages.requests) == 1
