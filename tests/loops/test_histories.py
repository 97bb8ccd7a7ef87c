"""Histories as real clients send them, in front of strict vendors: calls, their outputs, and what stands between."""

from typing import Any, Final

import pytest

from tests.loops.conversation import NOW, WX, Conversation, Item, called, result, said
from tests.loops.targets import CHAT, StrictVendor, Target
from tests.strict.play import StrictChat, StrictMessages
from tests.vendors.gateway import Gateway, Gateways, Whole
from tests.vendors.script import Called, Turn

ASK: Final = said("Weather?")
A, B = called("call_a"), called("call_b")
RESULTS: Final = [result("call_a", "A"), result("call_b", "B")]
GREETING: Final = "Hello there."


async def send(gateway: Gateway, target: Target, *items: Item, **settings: Any) -> Whole:
    return await gateway.create(model=target.model, input=list(items), tools=[WX, NOW], **settings)


def results_in(strict: StrictVendor) -> list[tuple[str, str]]:
    """The results of the last request: the ids, and the texts."""
    body = strict.requests[-1].json
    if isinstance(strict, StrictMessages):
        blocks = [block for message in body["messages"] for block in message["content"]]
        results = [block for block in blocks if block["type"] == "tool_result"]
        return [(block["tool_use_id"], block.get("content", "")) for block in results]
    if isinstance(strict, StrictChat):
        tools = [message for message in body["messages"] if message["role"] == "tool"]
        return [(message["tool_call_id"], message["content"]) for message in tools]
    parts = [part for content in body["contents"] for part in content["parts"]]
    responses = [part["functionResponse"] for part in parts if "functionResponse" in part]
    return [(response["id"], next(iter(response["response"].values()))) for response in responses]


def texts_in(strict: StrictVendor) -> list[str]:
    return [text for _, text in results_in(strict)]


# --- order ------------------------------------------------------------------------------------------------------------

ORDERS: Final[dict[str, list[Item]]] = {
    "together": [ASK, A, B, *RESULTS],
    "reversed": [ASK, A, B, *reversed(RESULTS)],
    "one by one": [ASK, A, RESULTS[0], B, RESULTS[1]],
    "a blank message between": [ASK, A, said("", "assistant"), B, *RESULTS],
    "text before": [ASK, said("Let me see.", "assistant"), A, B, *RESULTS],
    "text between": [ASK, A, said("And now", "assistant"), B, *RESULTS],
    "text behind": [ASK, A, B, said("Now wait.", "assistant"), *RESULTS],
    "the user between": [ASK, A, B, RESULTS[0], said("Hurry up."), RESULTS[1]],
    "the user behind": [ASK, A, B, *RESULTS, said("And?")],
    "the developer between": [ASK, A, B, said("Be brief.", "developer"), *RESULTS],
    "an answer between": [ASK, A, RESULTS[0], said("Cold.", "assistant"), said("And in Rome?"), B, RESULTS[1]],
    "an answer at the end": [ASK, A, B, *RESULTS, said("Cold.", "assistant"), said("Thanks.")],
    "begins with an answer": [said("Hi.", "assistant"), said("Go on."), A, B, *RESULTS],
    "begins with a call": [A, B, *RESULTS],
    "the same id twice": [ASK, A, RESULTS[0], said("Cold.", "assistant"), ASK, A, result("call_a", "B")],
}


async def test_calls_and_their_results_stand_as_the_vendor_wants_them(
    gateway: Gateway, target: Target, strict: StrictVendor
) -> None:
    found = {}
    for name, items in ORDERS.items():
        answer = await send(gateway, target, *items)
        found[name] = (answer.status, texts_in(strict))
    assert found == dict.fromkeys(ORDERS, (200, ["A", "B"]))


async def test_two_users_and_two_assistants_in_a_row_are_taken(
    gateway: Gateway, target: Target, strict: StrictVendor
) -> None:
    asked = [ASK, said("In Oslo."), said("Cold.", "assistant"), said("Very.", "assistant"), said("And Rome?")]
    assert (await send(gateway, target, *asked)).text == GREETING
    for item in asked:
        assert item["content"].encode() in strict.requests[-1].body


# --- what is missing --------------------------------------------------------------------------------------------------

ORPHAN: Final = "No tool call found for function call output with call_id call_x."
UNANSWERED: Final = "No tool output found for function call call_x."

#: Histories that are no whole ones: what is wrong, and how many results a repaired one has.
BROKEN: Final[dict[str, tuple[list[Item], str, int]]] = {
    "an output without its call": ([ASK, result("call_x"), said("Well?")], ORPHAN, 0),
    "an output before its call": ([ASK, result("call_x"), said("Well?"), called("call_x")], ORPHAN, 1),
    "a call at the end": ([ASK, called("call_x")], UNANSWERED, 1),
    "a call without its output": ([ASK, called("call_x"), said("Well?")], UNANSWERED, 1),
    "one of two calls": ([ASK, A, called("call_x"), RESULTS[0]], UNANSWERED, 2),
}


async def test_a_broken_pair_is_the_clients_mistake(gateway: Gateway, target: Target, strict: StrictVendor) -> None:
    for items, message, _ in BROKEN.values():
        answer = await send(gateway, target, *items)
        assert (answer.status, answer.error["message"], answer.error["param"]) == (400, message, "input")
    assert strict.requests == []


async def test_a_broken_pair_can_be_repaired(gateways: Gateways, target: Target, strict: StrictVendor) -> None:
    gateway = await gateways.start(history="repair", **target.changes)
    found = {}
    for name, (items, _, _) in BROKEN.items():
        answer = await send(gateway, target, *items)
        found[name] = (answer.text, len(results_in(strict)))
        assert ("x-dragoman-dropped" in answer.headers) is name.startswith("an output")
    assert found == {name: (GREETING, outputs) for name, (_, _, outputs) in BROKEN.items()}


async def test_the_last_of_several_outputs_counts(gateway: Gateway, target: Target, strict: StrictVendor) -> None:
    outputs = [result("call_a", "old"), result("call_a", "new"), said("And?"), result("call_a", "newest")]
    assert (await send(gateway, target, ASK, A, *outputs)).text == GREETING
    assert texts_in(strict) == ["newest"]


# --- what is empty ----------------------------------------------------------------------------------------------------


async def test_an_empty_output_is_taken(gateway: Gateway, target: Target, strict: StrictVendor) -> None:
    for output in ("", [], [{"type": "input_text", "text": ""}]):
        answer = await send(gateway, target, ASK, A, result("call_a", output))
        assert answer.text == GREETING
        assert len(results_in(strict)) == 1


async def test_blank_arguments_are_an_empty_object(gateway: Gateway, target: Target, strict: StrictVendor) -> None:
    for arguments in ("", " ", "\n"):
        answer = await send(gateway, target, ASK, called("call_a", "now", arguments), RESULTS[0])
        assert answer.text == GREETING


async def test_a_call_without_arguments_goes_round(
    gateway: Gateway, target: Target, strict: StrictVendor, stream: bool
) -> None:
    strict.play(Turn(calls=(Called("now", ("",), id="aaaaaaaa1"),)))
    conversation = Conversation(gateway, target.model, stream=stream)
    await conversation.ask(ASK)
    assert [call["arguments"] for call in conversation.calls] == ["{}"]
    assert (await conversation.answer_calls()).text == GREETING


async def test_empty_messages_are_left_out(gateway: Gateway, target: Target, strict: StrictVendor) -> None:
    blank = {"role": "assistant", "content": [{"type": "output_text", "text": ""}]}
    answer = await send(gateway, target, said(""), ASK, blank, said("", "developer"), said("Well?"))
    assert answer.text == GREETING


# --- ids --------------------------------------------------------------------------------------------------------------


async def test_every_call_of_a_step_survives(
    gateway: Gateway, target: Target, strict: StrictVendor, stream: bool
) -> None:
    strict.play(Turn(calls=tuple(Called("wx", id=f"aaaaaaaa{number}") for number in range(5))))
    conversation = Conversation(gateway, target.model, stream=stream)
    await conversation.ask(ASK)
    assert len({call["call_id"] for call in conversation.calls}) == 5
    assert len({call["id"] for call in conversation.calls}) == 5
    assert all(call["id"].startswith("fc_") for call in conversation.calls)
    assert (await conversation.answer_calls()).text == GREETING


async def test_an_odd_id_of_the_vendor_is_the_same_in_call_and_result(
    gateway: Gateway, target: Target, strict: StrictVendor
) -> None:
    for odd in ("x" * 120, "call_" + "é" * 20, "call 1/2", "-"):
        # reasoning that has to come back is known by the ids of its calls
        strict.forget()
        strict.play(Turn(calls=(Called("wx", id=odd), Called("now", id=f"{odd}2"))))
        conversation = Conversation(gateway, target.model)
        await conversation.ask(ASK)
        assert all(0 < len(call["call_id"]) <= 64 for call in conversation.calls)
        assert (await conversation.answer_calls()).text == GREETING
        assert len({identity for identity, _ in results_in(strict)}) == 2


# --- forms ------------------------------------------------------------------------------------------------------------


async def test_the_answer_goes_back_in_full_and_in_its_short_form(
    gateway: Gateway, target: Target, strict: StrictVendor
) -> None:
    strict.play(Turn("Let me see.", calls=(Called("wx", id="aaaaaaaa1"),)))
    conversation = Conversation(gateway, target.model)
    await conversation.ask(ASK)
    kept = [item for item in conversation.history if item.get("type") != "message"]
    short = [{name: item[name] for name in item if name not in ("id", "status")} for item in kept]
    short.insert(1, said("Let me see.", "assistant"))
    await conversation.answer_calls()
    assert (await send(gateway, target, *short, *conversation.history[-2:-1])).text == GREETING
    full, brief = (recorded.json for recorded in strict.requests[-2:])
    assert full == brief


# --- reasoning of others ----------------------------------------------------------------------------------------------

FOREIGN: Final = {
    "type": "reasoning",
    "id": "rs_68af4030baa48193b0b43b4c2a176a1a",
    "summary": [{"type": "summary_text", "text": "The user asks for the weather."}],
    "encrypted_content": "gAAAAABor0Axd3JpdHRlbi1ieS1zb21lb25lLWVsc2U=",
}


async def test_reasoning_of_another_vendor_is_dropped_and_declared(
    gateway: Gateway, target: Target, strict: StrictVendor, stream: bool
) -> None:
    answer = await send(gateway, target, ASK, FOREIGN, A, RESULTS[0], stream=stream)
    assert answer.text == GREETING
    # Claude's readable thinking is part of the proof, so that the summary cannot go without it
    lost = ["input[1].encrypted_content", *(["input[1]"] if isinstance(strict, StrictMessages) else [])]
    assert answer.headers["x-dragoman-dropped"].split(", ") == lost
    assert b"gAAAA" not in strict.requests[-1].body


async def test_reasoning_of_another_vendor_may_stand_anywhere(
    gateway: Gateway, target: Target, strict: StrictVendor
) -> None:
    answer = await send(gateway, target, FOREIGN, ASK, A, FOREIGN, B, FOREIGN, *RESULTS, FOREIGN)
    assert answer.text == GREETING
    assert answer.headers["x-dragoman-dropped"].count("encrypted_content") == 4


INSISTING: Final = [target for target in CHAT if target.server is not None and target.server.reasoning_required]


@pytest.mark.parametrize("target", INSISTING, ids=lambda target: target.id)
async def test_lost_reasoning_is_replaced_where_the_server_insists(
    gateway: Gateway, target: Target, strict: StrictVendor
) -> None:
    assert (await send(gateway, target, ASK, A, RESULTS[0])).text == GREETING
    assert strict.requests[-1].json["messages"][-2]["reasoning_content"] == " "
