"""The strict Cohere: it takes a request that is right, and each rule refuses one that is wrong in just that way."""

import copy
from collections.abc import Callable
from typing import Any, TypeAlias

import orjson
import pytest

from tests.strict.cohere import PATH, RULES, answer, complaints
from tests.strict.complaint import Complaint, Request

Body: TypeAlias = dict[str, Any]

KEY = "sk-c"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def tool(**members: Any) -> Body:
    return {"type": "function", "function": {"name": "wx", "parameters": SCHEMA, **members}}


def call(call_id: str = "c1", arguments: str = "{}") -> Body:
    return {"id": call_id, "type": "function", "function": {"name": "wx", "arguments": arguments}}


def document(**members: Any) -> Body:
    return {"type": "document", "document": members}


def right() -> Body:
    return {
        "model": "command-a-plus-05-2026",
        "messages": [
            {"role": "system", "content": "Short"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Hi"},
                    {"type": "image_url", "image_url": {"url": "https://ex.org/a.png", "detail": "low"}},
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Let me see"}],
                "tool_plan": "Look",
                "tool_calls": [call("c1"), call("c2")],
            },
            {"role": "tool", "tool_call_id": "c2", "content": "3 C"},
            {"role": "tool", "tool_call_id": "c1", "content": [document(id="d1", data={"a": 1})]},
        ],
        "tools": [tool(description="Tells the weather")],
        "tool_choice": "REQUIRED",
        "strict_tools": True,
        "max_tokens": 100,
        "thinking": {"type": "enabled", "token_budget": 50},
        "temperature": 0.3,
        "p": 0.75,
        "stop_sequences": ["END"],
        "priority": 10,
        "logprobs": True,
        "citation_options": {"mode": "FAST"},
        "stream": True,
    }


def found(body: Any, path: str = PATH, key: str = KEY) -> list[Complaint]:
    return complaints(Request(path, {"authorization": f"Bearer {key}"}, body), KEY)


def without_tools(body: Body) -> None:
    for name in ("tools", "tool_choice", "strict_tools"):
        del body[name]


def with_format(form: Body) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        without_tools(body)
        body["response_format"] = form

    return change


def assistant(**members: Any) -> Callable[[Body], None]:
    return lambda body: body["messages"].append({"role": "assistant", **members})


def user(content: Any) -> Callable[[Body], None]:
    return lambda body: body["messages"].append({"role": "user", "content": content})


def result(content: Any) -> Callable[[Body], None]:
    return lambda body: body["messages"][3].update(content=content)


def setting(name: str, value: Any) -> Callable[[Body], None]:
    return lambda body: body.update({name: value})


def schema(**members: Any) -> Callable[[Body], None]:
    return setting("tools", [tool(parameters={**SCHEMA, **members})])


def choice_alone(body: Body) -> None:
    without_tools(body)
    body["tool_choice"] = "NONE"


def strict_alone(body: Body) -> None:
    without_tools(body)
    body["strict_tools"] = True


def without_result(body: Body) -> None:
    del body["messages"][3]


MANY = {f"f{number}": {"type": "string"} for number in range(201)}

WRONG: list[tuple[str, Callable[[Body], object]]] = [
    ("unknown-member", setting("max_output_tokens", 5)),
    ("unknown-member", lambda body: body["messages"][1].update(name="me")),
    ("member-type", setting("stream", "true")),
    ("member-type", setting("max_tokens", True)),
    ("member-type", lambda body: body.pop("model")),
    ("range", setting("temperature", 1.5)),
    ("range", setting("p", 1)),
    ("range", setting("priority", -1)),
    ("range", setting("stop_sequences", ["a"] * 6)),
    ("no-messages", setting("messages", [])),
    ("role", lambda body: body["messages"].append({"role": "developer", "content": "x"})),
    ("system-place", lambda body: body["messages"].append({"role": "system", "content": "x"})),
    ("content", user("")),
    ("content", user([])),
    ("content", user([{"type": "text", "text": " "}])),
    ("block", user([{"type": "input_text", "text": "x"}])),
    ("block", user([{"type": "document", "document": {}}])),
    ("vision", setting("model", "command-a-reasoning-08-2025")),
    ("image", user([{"type": "image_url", "image_url": {"url": "ftp://x"}}])),
    ("image", user([{"type": "image_url", "image_url": {"url": "https://x", "detail": "original"}}])),
    ("assistant", assistant()),
    ("thinking-place", assistant(content=[{"type": "text", "text": "a"}, {"type": "thinking", "thinking": "b"}])),
    ("thinking-model", setting("model", "command-a-vision-07-2025")),
    ("call", assistant(tool_calls=[call(arguments="[]")])),
    ("call", assistant(tool_calls=[{"id": "c", "type": "function"}])),
    ("call-id", assistant(tool_calls=[call(), call()])),
    ("plan", assistant(content="a", tool_plan="b")),
    ("result", lambda body: body["messages"][3].update(tool_call_id="c9")),
    ("results-missing", without_result),
    ("document", result([document(data={})])),
    ("document", result([document(data={"a": 1}, id="d1")])),
    ("document", result([document(data="a")])),
    ("tool", setting("tools", [{"type": "function", "function": {"name": "a b", "parameters": SCHEMA}}])),
    ("tool", setting("tools", [tool(parameters={})])),
    ("tool-name", setting("tools", [tool(), tool()])),
    ("strict-schema", schema(required=[])),
    ("strict-schema", schema(properties={"a": {"type": "string", "maxLength": 5}})),
    ("strict-schema", schema(properties={"a": {"anyOf": [{"format": "email"}]}})),
    ("strict-schema", schema(additionalProperties={"type": "string"})),
    ("strict-fields", schema(properties=MANY)),
    ("strict-alone", strict_alone),
    ("tool-choice", setting("tool_choice", "AUTO")),
    ("tool-choice-alone", choice_alone),
    ("tool-choice-model", setting("model", "command-r-08-2024")),
    ("format", with_format({"type": "json_schema", "json_schema": SCHEMA})),
    ("format", with_format({"type": "json_object", "json_schema": {"type": "array"}})),
    ("format-tools", setting("response_format", {"type": "json_object", "json_schema": SCHEMA})),
    ("format-words", with_format({"type": "json_object"})),
    ("thinking", setting("thinking", {"type": "auto"})),
    ("thinking", setting("thinking", {"type": "disabled", "token_budget": 5})),
    ("budget", setting("thinking", {"type": "enabled", "token_budget": 100})),
    ("safety", setting("safety_mode", "STRICT")),
    ("citations", setting("citation_options", {"mode": "fast"})),
]


def test_it_takes_a_request_that_is_right() -> None:
    assert found(right()) == []


@pytest.mark.parametrize(("rule", "change"), WRONG, ids=[f"{rule}-{place}" for place, (rule, _) in enumerate(WRONG)])
def test_each_rule_refuses(rule: str, change: Callable[[Body], object]) -> None:
    body = copy.deepcopy(right())
    change(body)
    assert rule in [each.rule for each in found(body)]


def test_every_rule_is_tried() -> None:
    assert {rule for rule, _ in WRONG} | {"path", "credential", "body"} == set(RULES)


def test_what_is_no_request() -> None:
    assert [each.rule for each in found(right(), path="/v1/chat")] == ["path"]
    assert [each.rule for each in found(right(), key="sk-d")] == ["credential"]
    assert [each.rule for each in found(None)] == ["body"]


def test_the_answer_is_the_vendors() -> None:
    for rule, status in (("path", 404), ("credential", 401), ("range", 400)):
        reply = answer([Complaint(rule, "p", "no such thing")])
        assert reply.status == status
        assert isinstance(reply.steps[0], bytes)
        assert orjson.loads(reply.steps[0])["message"] == "no such thing"
