"""The order of messages that some servers insist upon."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.openai_chat.dialects import GENERIC
from providers.openai_chat.order import GO_ON, UNDERSTOOD, arranged, joined, nine_letters
from tests.providers.openai_chat.material import prepared

CALLS = [{"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
SYSTEM, USER, ANSWER = ({"role": role, "content": role} for role in ("system", "user", "assistant"))
CALL = {"role": "assistant", "content": "", "tool_calls": CALLS}
RESULT = {"role": "tool", "tool_call_id": "call_a", "content": "3 C"}
WORD = {"role": "assistant", "content": UNDERSTOOD}
GO = {"role": "user", "content": GO_ON}


def made(messages: list[Any], **columns: Any) -> Any:
    return arranged([dict(message) for message in messages], prepared(), replace(GENERIC, **columns))


def said(messages: list[Any], **columns: Any) -> list[tuple[str, str]]:
    """What is declared."""
    request = prepared()
    arranged([dict(message) for message in messages], request, replace(GENERIC, **columns))
    return [(each.path, each.disposition) for each in request.conversions]


# --- turns that alternate ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([USER], [USER]),
        ([SYSTEM, USER, ANSWER, USER], [SYSTEM, USER, ANSWER, USER]),
        ([USER, USER], [{"role": "user", "content": "user\n\nuser"}]),
        ([USER, ANSWER, ANSWER], [USER, {"role": "assistant", "content": "assistant\n\nassistant"}]),
        ([USER, ANSWER, CALL], [USER, {**CALL, "content": "assistant"}]),
        ([USER, CALL, RESULT, RESULT, ANSWER], [USER, CALL, RESULT, RESULT, ANSWER]),
        ([ANSWER, USER], [GO, ANSWER, USER]),
        ([SYSTEM, ANSWER], [SYSTEM, GO, ANSWER]),
        ([SYSTEM], [SYSTEM, GO]),
        ([], [GO]),
    ],
)
def test_user_and_assistant_take_turns_and_the_user_begins(messages: list[Any], expected: list[Any]) -> None:
    assert made(messages, order="alternating") == expected


def test_contents_are_joined_whatever_their_form() -> None:
    picture = [{"type": "image_url", "image_url": {"url": "u"}}]
    messages = [USER, {"role": "user", "content": picture}]
    assert made(messages, order="alternating") == [
        {"role": "user", "content": [{"type": "text", "text": "user"}, *picture]}
    ]
    assert joined("a", "b") == "a\n\nb"


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([USER, CALL, RESULT, USER], [USER, CALL, RESULT, WORD, USER]),
        ([USER, CALL, RESULT, ANSWER, USER], [USER, CALL, RESULT, ANSWER, USER]),
        ([USER, CALL, RESULT], [USER, CALL, RESULT]),
    ],
)
def test_mistral_wants_a_word_between_a_result_and_the_user(messages: list[Any], expected: list[Any]) -> None:
    assert made(messages, order="mistral") == expected


def test_only_what_changes_is_declared() -> None:
    for order in ("alternating", "mistral"):
        assert said([SYSTEM, USER, ANSWER, USER], order=order) == []
        assert said([USER, USER], order=order) == [("input", "approximated")]
    assert said([USER, CALL, RESULT, USER], order="mistral") == [("input", "approximated")]


def test_most_servers_take_any_order() -> None:
    messages = [ANSWER, USER, USER, SYSTEM, CALL, RESULT, USER]
    assert made(messages) == messages
    assert said(messages) == []


MESSAGES = st.lists(st.sampled_from([USER, ANSWER, "call"]), max_size=8).map(
    lambda found: [SYSTEM] + [each for kind in found for each in ([CALL, RESULT] if kind == "call" else [kind])]
)


@settings(max_examples=150, deadline=None)
@given(messages=MESSAGES, order=st.sampled_from(["alternating", "mistral"]))
def test_any_history_is_put_in_order_once_and_for_all(messages: list[Any], order: str) -> None:
    found = made(messages, order=order)
    roles = [message["role"] for message in found]
    assert roles[:2] == ["system", "user"]
    assert not any(first == second != "tool" for first, second in pairwise(roles))
    if order == "mistral":
        assert ("tool", "user") not in pairwise(roles)
    assert [each for each in found if each["role"] == "tool"] == [each for each in messages if each["role"] == "tool"]
    assert made(found, order=order) == found


# --- the end ----------------------------------------------------------------------------------------------------------


def test_an_assistants_word_at_the_end() -> None:
    assert made([USER, ANSWER]) == [USER, ANSWER]
    assert made([USER, ANSWER], last_assistant="prefix") == [USER, {**ANSWER, "prefix": True}]
    assert made([USER, ANSWER], last_assistant="followed") == [USER, ANSWER, GO]
    assert said([USER, ANSWER], last_assistant="followed") == [("input", "approximated")]
    assert made([USER], last_assistant="followed") == [USER]


def test_a_server_may_want_a_user() -> None:
    assert made([SYSTEM], needs_user_message=True) == [SYSTEM, GO]
    assert said([SYSTEM], needs_user_message=True) == [("input", "approximated")]
    assert made([SYSTEM, USER], needs_user_message=True) == [SYSTEM, USER]


# --- ids of nine letters ----------------------------------------------------------------------------------------------


def test_an_id_of_nine_letters_and_digits_stays() -> None:
    assert nine_letters(["abcDEF123", "abcDEF123"]) == {"abcDEF123": "abcDEF123"}


@settings(max_examples=150, deadline=None)
@given(call_ids=st.lists(st.text(max_size=12) | st.text("abc123", min_size=9, max_size=9), max_size=8))
def test_any_ids_become_different_ones_and_the_same_every_time(call_ids: list[str]) -> None:
    names = nine_letters(call_ids)
    assert set(names) == set(call_ids)
    assert len(set(names.values())) == len(names)
    assert all(len(name) == 9 and name.isascii() and name.isalnum() for name in names.values())
    assert nine_letters(call_ids) == names
