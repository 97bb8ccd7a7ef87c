"""Every rule of the strict Mistral fires on a request that breaks it, and none on one that breaks nothing."""

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

import orjson
import pytest

from tests.corpus.recordings import CORPUS
from tests.strict import mistral
from tests.strict.mistral import Place

Body = dict[str, Any]
Damage = Callable[[Body], object]

IMAGE: Final = {"type": "image_url", "image_url": {"url": "https://a.example/a.png", "detail": "low"}}
CALLS: Final = [
    {"id": "aaaaaaaa1", "type": "function", "function": {"name": "wx", "arguments": "{}"}},
    {"id": "aaaaaaaa2", "type": "function", "function": {"name": "clock", "arguments": "{}"}},
]
GOOD: Final[Body] = {
    "model": "mistral-medium-latest",
    "messages": [
        {"role": "system", "content": "Be"},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, IMAGE]},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}], "closed": True}],
            "tool_calls": CALLS,
        },
        {"role": "tool", "tool_call_id": "aaaaaaaa1", "name": "wx", "content": "3 C"},
        {"role": "tool", "tool_call_id": "aaaaaaaa2", "name": "clock", "content": "noon"},
        {"role": "assistant", "content": "OK"},
        {
            "role": "user",
            "content": [
                {"type": "document_url", "document_url": "https://a.example/a.pdf", "document_name": "a.pdf"},
                {"type": "file", "file_id": "f"},
            ],
        },
        {"role": "assistant", "content": "It", "prefix": True},
    ],
    "tools": [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("wx", "clock")
    ],
    "tool_choice": "any",
    "max_tokens": 10,
    "temperature": 0,
    "reasoning_effort": "high",
    "service_tier": "standard_only",
    "stop": ["x"],
    "random_seed": 1,
    "guardrails": [{"block_on_error": True}],
    "safe_prompt": True,
    "stream": True,
}
SPEECH: Final = {"type": "input_audio", "input_audio": "UklGRg=="}


def parts(*given: Any) -> Damage:
    return lambda body: body["messages"][1].update(content=list(given))


def top(**members: Any) -> Damage:
    return lambda body: body.update(members)


DAMAGES: Final[dict[str, tuple[Damage, ...]]] = {
    "temperature": (top(temperature=1.6), top(temperature=-1)),
    "greedy": (top(top_p=0.9),),
    "effort": (top(reasoning_effort="low"),),
    "effort-model": (top(model="magistral-medium-latest"),),
    "tier": (top(service_tier="priority"),),
    "turns": (lambda body: body["messages"].insert(2, {"role": "user", "content": "And"}),),
    "first-role": (lambda body: body["messages"].insert(1, {"role": "assistant", "content": "And"}),),
    "last-role": (lambda body: body["messages"].__setitem__(slice(1, None), []),),
    "prefix-place": (lambda body: body["messages"][5].update(prefix=True),),
    "results-order": (
        lambda body: body["messages"].insert(3, body["messages"].pop(4)),
        lambda body: body["messages"].pop(4),
    ),
    "result-name": (
        lambda body: body["messages"][3].pop("name"),
        lambda body: body["messages"][3].update(name="clock"),
    ),
    "image": (
        parts({**IMAGE, "image_url": {"url": "u", "detail": "original"}}),
        parts({**IMAGE, "image_url": {"url": "u", "alt": "x"}}),
        parts({"type": "image_url"}),
    ),
    "vision": (top(model="codestral-latest"),),
    "audio": (
        parts({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}),
        parts({**SPEECH, "x": 1}),
    ),
    "hearing": (parts(SPEECH),),
    "document": (parts({"type": "document_url", "document_url": {"url": "u"}}),),
    "file": (parts({"type": "file", "file": {"file_id": "f"}}),),
    "thinking": (
        lambda body: body["messages"][2]["content"][0].pop("closed"),
        lambda body: body["messages"][2]["content"][0].update(signature=""),
        lambda body: body["messages"][2]["content"][0].update(thinking="Hm"),
    ),
    "stop": (top(stop=[1]),),
    "guardrails": (top(guardrails={"a": 1}),),
}
PLACED: Final[dict[str, tuple[Place, Damage]]] = {
    "place-member": ("vertex", top(prompt_cache_key="k")),
    "limit-missing": ("azure", lambda body: body.pop("max_tokens")),
    "model-version": ("vertex", top(model="mistral-medium-3@001")),
}


def rules(body: Body, place: Place = "mistral") -> set[str]:
    return {complaint.rule for complaint in mistral.complaints(body, place)}


def damaged(damage: Damage) -> Body:
    body = copy.deepcopy(GOOD)
    damage(body)
    return body


def test_every_rule_has_a_damage() -> None:
    assert DAMAGES.keys() | PLACED.keys() == mistral.RULES.keys()


def test_a_good_request_has_no_complaint() -> None:
    assert mistral.complaints(GOOD) == []


@pytest.mark.parametrize(("rule", "damage"), [(rule, damage) for rule, given in DAMAGES.items() for damage in given])
def test_a_damage_is_complained_of(rule: str, damage: Damage) -> None:
    assert rule in rules(damaged(damage))


@pytest.mark.parametrize("rule", PLACED)
def test_a_place_has_rules_of_its_own(rule: str) -> None:
    place, damage = PLACED[rule]
    assert rule in rules(damaged(damage), place)
    plain = {name: value for name, value in GOOD.items() if name not in ("safe_prompt", "service_tier")}
    assert rule not in rules(plain, place)
    assert rule not in rules(damaged(damage))


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (top(store=False), "unknown-member"),
        (top(stream_options={"include_usage": True}), "stream-options"),
        (top(user="u"), "unknown-member"),
        (top(max_completion_tokens=3), "tokens-member"),
        (lambda body: body["messages"][2]["tool_calls"][0].update(id="call_1"), "call-id"),
        (lambda body: body["messages"].pop(5), "user-after-tool"),
        (lambda body: body["messages"][5].update(content=""), "text-empty"),
        (lambda body: body["messages"][-1].pop("prefix"), "last-role"),
        (lambda body: body["messages"].insert(6, {"role": "system", "content": "x"}), "system-position"),
    ],
)
def test_what_every_server_refuses_is_refused_too(damage: Damage, rule: str) -> None:
    assert rule in rules(damaged(damage))


def test_errors_have_the_vendors_form() -> None:
    reply = mistral.answer(mistral.complaints(damaged(top(store=False))))
    assert reply.status == 422
    assert orjson.loads(cast(bytes, reply.steps[0]))["detail"][0]["type"] == "extra_forbidden"
    reply = mistral.answer(mistral.complaints(damaged(lambda body: body["messages"].pop(5))))
    told = orjson.loads(cast(bytes, reply.steps[0]))
    assert (reply.status, told["type"], told["code"]) == (400, "invalid_request_message_order", "3230")
    reply = mistral.answer(mistral.complaints({**GOOD, "prompt_cache_key": "k"}, "azure"))
    assert reply.status == 422


#: What the vendor let pass, although its documents say otherwise, or what this gateway makes no use of.
TAKEN: Final = frozenset(
    {"several-answers", "call-id", "user-after-tool", "audio", "result-name", "prefix-place", "first-role"}
)


@pytest.mark.skipif(not os.environ.get(CORPUS), reason=f"no recordings: {CORPUS} not set")
def test_what_the_vendor_took_has_no_complaint() -> None:
    wrong: dict[str, set[str]] = {}
    for path in sorted(Path(os.environ[CORPUS]).glob("mistral_chat/*.json")):
        exchange = json.loads(path.read_bytes())
        if exchange["status"] == 200:
            body = {name: value for name, value in exchange["request_body"].items() if value is not None}
            wrong[path.stem] = rules(body) - TAKEN
    assert {name for name, found in wrong.items() if found} == set()
    assert wrong
