"""The strict Responses vendor: a good request has no complaint, and each rule is broken once."""

import copy
from typing import Any

import pytest

from tests.strict.complaint import Request
from tests.strict.responses import PATH, RULES, answer, complaints

KEY = "sk-vendor-native"

GOOD: dict[str, Any] = {
    "model": "gpt-5.6-sol",
    "store": False,
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "max_output_tokens": 100,
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "reasoning", "summary": [], "encrypted_content": "E1"},
        {"type": "function_call", "call_id": "c1", "name": "wx", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "3 C"},
    ],
    "tools": [{"type": "function", "name": "wx", "parameters": {"type": "object", "properties": {}}}],
    "tool_choice": {"type": "function", "name": "wx"},
}

DAMAGES: dict[str, Any] = {
    "unknown-parameter": lambda body: body.update(messages=[]),
    "stored": lambda body: body.update(store=True),
    "input-empty": lambda body: body.update(input=[]),
    "null-member": lambda body: body["input"][1].update(content=None),
    "item-id": lambda body: body["input"][1].update(id="rs_1"),
    "created-by": lambda body: body["input"][2].update(created_by="me"),
    "part-type": lambda body: body["input"][0].update(role="assistant"),
    "call-unanswered": lambda body: body["input"].pop(),
    "output-orphan": lambda body: body["input"].pop(2),
    "call-repeated": lambda body: body["input"].insert(2, dict(body["input"][2])),
    "reasoning-alone": lambda body: body["input"].append({**body["input"][1]}),
    "reasoning-unknown": lambda body: body["input"][1].update(encrypted_content="dg1.x"),
    "reasoning-text": lambda body: body["input"][1].pop("encrypted_content"),
    "tools-empty": lambda body: body.update(tools=[], tool_choice="auto"),
    "tool-name": lambda body: body["tools"].append(dict(body["tools"][0])),
    "tool-choice": lambda body: body["tool_choice"].update(name="other"),
    "limit": lambda body: body.update(max_output_tokens=1),
    "stream-options": lambda body: body.pop("stream"),
}


def found(body: Any, path: str = PATH, key: str = KEY) -> list[str]:
    request = Request(path, {"authorization": f"Bearer {key}"}, body)
    return [complaint.rule for complaint in complaints(request, KEY, {"E1"})]


def test_a_good_request_has_no_complaint() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize("rule", DAMAGES)
def test_every_damage_is_noticed(rule: str) -> None:
    body = copy.deepcopy(GOOD)
    DAMAGES[rule](body)
    assert rule in found(body)


def test_what_is_wrong_about_the_request_as_such() -> None:
    assert found(GOOD, key="other") == ["key-invalid"]
    assert found(GOOD, path="/v1/chat/completions") == ["path-unknown"]
    assert found([]) == ["not-an-object"]


def test_every_rule_is_broken_once() -> None:
    assert {*DAMAGES, "key-invalid", "path-unknown", "not-an-object"} == set(RULES)


def test_refusals_have_their_status() -> None:
    request = Request(PATH, {"authorization": "Bearer x"}, GOOD)
    assert answer(complaints(request, KEY, ())).status == 401
