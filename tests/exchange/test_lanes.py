"""What a connection remembers, and how it reads messages."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.exchange.lanes import MAX_REMEMBERED, CreateMessage, Memory, MessageError, SteerMessage, read_message
from proxy.state.records import StoredItem


def items(size: int, name: str = "msg_1") -> list[StoredItem]:
    return [StoredItem(name, b"x" * size)]


def test_the_last_response_of_a_lane_is_remembered() -> None:
    memory = Memory(100)
    memory.remember("a", "resp_1", items(10))
    memory.remember("a", "resp_2", items(20))
    memory.remember(None, "resp_3", items(30))
    assert memory.responses.keys() == {"resp_2", "resp_3"}
    assert memory.responses["resp_2"].items == items(20)


def test_the_oldest_lanes_are_forgotten_first() -> None:
    memory = Memory(10**6)
    for lane in range(MAX_REMEMBERED):
        memory.remember(str(lane), f"resp_{lane}", items(1))
    memory.remember("0", "resp_new", items(1))
    memory.remember("one more", "resp_more", items(1))
    assert len(memory.responses) == MAX_REMEMBERED
    assert "resp_1" not in memory.responses
    assert {"resp_new", "resp_2", "resp_more"} <= memory.responses.keys()


def test_all_items_together_are_bounded() -> None:
    memory = Memory(100)
    memory.remember("a", "resp_a", items(60))
    memory.remember("b", "resp_b", items(40))
    assert memory.responses.keys() == {"resp_a", "resp_b"}
    memory.remember("c", "resp_c", items(1))
    assert memory.responses.keys() == {"resp_b", "resp_c"}
    memory.remember("b", "resp_d", items(101))
    assert memory.responses.keys() == {"resp_c"}
    memory.remember("d", "resp_e", items(99))
    assert memory.responses.keys() == {"resp_c", "resp_e"}


def test_what_is_forgotten_makes_room() -> None:
    memory = Memory(100)
    for number in range(50):
        memory.remember("a", f"resp_{number}", items(90))
        memory.forget(f"resp_{number}")
        memory.forget(f"resp_{number}")
        memory.forget(None)
    memory.remember("b", "resp_b", items(100))
    assert memory.responses.keys() == {"resp_b"}


def test_a_create_message() -> None:
    data = b'{"type":"response.create","model":"m","input":"x","stream_id":"a","previous_response_id":"r"}'
    message = read_message(data)
    assert isinstance(message, CreateMessage)
    assert (message.body, message.lane, message.previous, message.generate) == (data, "a", "r", True)


def test_a_steer_message() -> None:
    message = read_message(b'{"type":"response.steer","previous_response_id":"r","input":[1]}')
    assert message == SteerMessage("r", [1])


def test_an_error_knows_what_was_to_be_continued() -> None:
    with pytest.raises(MessageError) as caught:
        read_message(b'{"type":"response.create","generate":1,"stream_id":"a","previous_response_id":"r"}')
    assert (caught.value.lane, caught.value.previous) == ("a", "r")
    assert caught.value.error.param == "generate"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.dictionaries(
    st.sampled_from(["type", "stream_id", "generate", "previous_response_id", "input"]),
    JSON | st.sampled_from(["response.create", "response.steer"]),
)


@given(JSON | MEMBERS)
def test_any_json_is_read_or_refused(value: object) -> None:
    try:
        data = orjson.dumps(value)
    except orjson.JSONEncodeError:  # lone surrogates
        return
    try:
        message = read_message(data)
    except MessageError as refusal:
        status = refusal.error.status
    else:
        assert isinstance(value, dict)
        assert isinstance(message, CreateMessage) == (value["type"] == "response.create")
        return
    assert status == 400


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises((MessageError, UnicodeDecodeError)):
        read_message(data)
