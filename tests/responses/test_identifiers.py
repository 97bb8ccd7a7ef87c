"""Ids: of OpenAI's form, never twice, not even in a forked process."""

import os
import re
from collections.abc import Callable
from itertools import count

import pytest

from proxy.responses import identifiers

MAKERS: list[tuple[Callable[[], str], str]] = [
    (identifiers.response_id, "resp_[0-9a-f]{48}"),
    (lambda: identifiers.item_id("msg"), "msg_[0-9a-f]{48}"),
    (identifiers.conversation_id, "conv_[0-9a-f]{48}"),
    (identifiers.call_id, "call_[0-9a-f]{24}"),
    (identifiers.request_id, "req_[0-9a-f]{32}"),
]


@pytest.mark.parametrize(("make", "form"), MAKERS, ids=["response", "item", "conversation", "call", "request"])
def test_the_form(make: Callable[[], str], form: str) -> None:
    assert all(re.fullmatch(form, make()) for _ in range(1000))


def test_none_comes_twice() -> None:
    made = [make() for _ in range(2000) for make, _ in MAKERS]
    assert len(set(made)) == len(made)


def test_ids_share_no_random_bytes() -> None:
    made = [make().rpartition("_")[2] for _ in range(1000) for make, _ in MAKERS]
    assert len({one[12:24] for one in made}) == len(made)
    assert len({one[-12:] for one in made}) == len(made)


def test_what_is_made_later_sorts_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(1_760_000_000_000_000_000, 1_000_000)
    monkeypatch.setattr(identifiers, "time_ns", lambda: next(clock))
    made = [identifiers.item_id("msg") for _ in range(1000)]
    assert sorted(made) == made


def test_a_made_call_id_is_usable() -> None:
    assert identifiers.USABLE_CALL_ID.fullmatch(identifiers.call_id())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_does_not_repeat_its_parent() -> None:
    identifiers.request_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, identifiers.response_id().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        theirs = pipe.read()
    os.waitpid(child, 0)
    assert re.fullmatch("resp_[0-9a-f]{48}", theirs)
    assert theirs != identifiers.response_id()
