import copy
from typing import Any

import orjson
import pytest

from proxy.responses.items import ITEM_TAGS
from proxy.responses.request import parse_create
from proxy.responses.stored_items import ID_PREFIXES, WITHOUT_STATUS, with_ids


def kept(*items: object) -> list[tuple[str, dict[str, Any]]]:
    request = parse_create({"model": "m", "input": list(items)})
    return [(identifier, orjson.loads(body)) for identifier, body in with_ids(request.input)]


def test_an_item_without_an_id_gets_one_of_its_type() -> None:
    [(identifier, item)] = kept({"role": "user", "content": "Hello"})
    assert identifier.startswith("msg_")
    assert len(identifier) == len("msg_") + 48
    assert item == {
        "id": identifier,
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Hello"}],
        "status": "completed",
    }


def test_id_and_type_come_first() -> None:
    for item in (
        {"content": "Hello", "role": "user", "id": "msg_1"},
        {"content": "Hello", "role": "user", "id": None},
        {"output": "7", "call_id": "call_1", "type": "function_call_output"},
    ):
        [(_, body)] = with_ids(parse_create({"model": "m", "input": [item]}).input)
        assert list(orjson.loads(body))[:2] == ["id", "type"]


def test_the_clients_own_id_stays_and_may_stand_twice() -> None:
    message = {"id": "mine/1+=", "role": "user", "content": "Hello"}
    assert [identifier for identifier, _ in kept(message, message)] == ["mine/1+=", "mine/1+="]


@pytest.mark.parametrize("identifier", ["", None, "a b", "a\0b", "käse", "x" * 513])
def test_an_id_that_no_request_could_name_is_replaced(identifier: str | None) -> None:
    [(new, item)] = kept({"id": identifier, "role": "user", "content": "Hello"})
    assert new.startswith("msg_")
    assert item["id"] == new


def test_a_given_status_stays_and_null_is_none() -> None:
    message = {"role": "assistant", "content": "Hel"}
    statuses = [
        item["status"] for _, item in kept(message | {"status": "incomplete"}, message | {"status": None}, message)
    ]
    assert statuses == ["incomplete", "completed", "completed"]


def test_reasoning_has_no_status_of_its_own() -> None:
    [(identifier, item)] = kept({"type": "reasoning", "summary": []})
    assert identifier.startswith("rs_")
    assert "status" not in item


def test_the_given_items_are_left_alone() -> None:
    request = parse_create({"model": "m", "input": [{"role": "user", "content": "Hello", "id": None}]})
    before = copy.deepcopy(request.input)
    with_ids(request.input)
    assert request.input == before


def test_every_type_of_item_has_a_prefix_of_its_own() -> None:
    assert ID_PREFIXES.keys() == ITEM_TAGS.keys()
    assert len(set(ID_PREFIXES.values())) == len(ID_PREFIXES)
    assert ID_PREFIXES.keys() >= WITHOUT_STATUS


def test_what_is_kept_can_be_sent_again() -> None:
    items = [
        {"role": "user", "content": "Hello"},
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "7"},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "g", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "8"}]},
        {"type": "web_search_call"},
        {"type": "mcp_list_tools", "server_label": "s", "tools": []},
        {"type": "mcp_call", "server_label": "s", "name": "h", "arguments": "{}"},
        {"type": "compaction", "encrypted_content": "sealed"},
        {"type": "shell_call", "call_id": "call_3", "action": {"commands": ["ls"]}},
        {"type": "program", "call_id": "call_4", "code": "1", "fingerprint": "f"},
        {"type": "program_output", "call_id": "call_4", "result": "1"},
    ]
    once = [item for _, item in kept(*items)]
    assert [item for _, item in kept(*once)] == once


def test_no_items_are_no_items() -> None:
    assert with_ids([]) == []
