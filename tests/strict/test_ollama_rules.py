"""The strict Ollama: it takes a request that is right, and each rule refuses one that is wrong in just that way."""

import base64
import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import pytest

from tests.strict.complaint import Complaint, Request
from tests.strict.ollama import PATH, RULES, Server, answer, complaints, tokens

Body: TypeAlias = dict[str, Any]

OLD = Server(knows_truncate=False)
CLOUD = Server(key="k")
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def tool(**members: Any) -> Body:
    parameters = {
        "type": "object",
        "properties": {"a": {"type": ["string", "null"], "enum": ["b"]}, "c": {"anyOf": [{"type": "string"}, {}]}},
        "required": ["a"],
    }
    return {"type": "function", "function": {"name": "wx", "parameters": parameters, **members}}


def call(index: int, call_id: str, **members: Any) -> Body:
    return {"id": call_id, "function": {"index": index, "name": "wx", "arguments": {"a": "b"}, **members}}


def right() -> Body:
    return {
        "model": "qwen3.5",
        "messages": [
            {"role": "system", "content": "Short"},
            {"role": "user", "content": "Hi", "images": [PNG]},
            {"role": "assistant", "content": "", "thinking": "Hm", "tool_calls": [call(0, "c1"), call(1, "c2")]},
            {"role": "tool", "tool_name": "wx", "tool_call_id": "c1", "content": "3 C"},
            {"role": "tool", "tool_name": "wx", "tool_call_id": "c2", "content": ""},
        ],
        "tools": [tool(description="Tells the weather")],
        "options": {"num_ctx": 8192, "num_predict": 100, "temperature": 0.5, "stop": ["END"]},
        "think": True,
        "truncate": False,
        "shift": False,
        "logprobs": True,
        "top_logprobs": 3,
        "keep_alive": "1h30m",
        "stream": True,
    }


def found(body: Any, server: Server | None = None, *, path: str = PATH, key: str = "") -> list[Complaint]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return complaints(Request(path, headers, body), server or Server())


def setting(name: str, value: Any) -> Callable[[Body], None]:
    return lambda body: body.update({name: value})


def option(name: str, value: Any) -> Callable[[Body], None]:
    return lambda body: body["options"].update({name: value})


def message(place: int, **members: Any) -> Callable[[Body], None]:
    return lambda body: body["messages"][place].update(members)


def added(**members: Any) -> Callable[[Body], None]:
    return lambda body: body["messages"].append(members)


def parameters(**members: Any) -> Callable[[Body], None]:
    return setting("tools", [tool(parameters={"type": "object", "properties": {}, **members})])


def other_order(body: Body) -> None:
    body["messages"][3:5] = reversed(body["messages"][3:5])


def thinking_of_an_earlier_turn(body: Body) -> None:
    body["messages"].append({"role": "user", "content": "Go on"})


def formed(body: Body) -> None:
    del body["tools"]
    body["format"] = {"type": "object"}


WRONG: list[tuple[str, Callable[[Body], object]]] = [
    ("unknown-member", setting("tool_choice", "auto")),
    ("unknown-member", message(1, name="me")),
    ("member-type", setting("stream", "true")),
    ("member-type", setting("top_logprobs", True)),
    ("member-type", lambda body: body.pop("model")),
    ("stream", lambda body: body.pop("stream")),
    ("context-unnamed", lambda body: body["options"].pop("num_ctx")),
    ("context-unnamed", lambda body: body.pop("options")),
    ("option", option("max_tokens", 5)),
    ("option", option("num_predict", 1.5)),
    ("context", option("num_ctx", 20)),
    ("truncate", lambda body: body.pop("truncate")),
    ("truncate", setting("shift", True)),
    ("no-messages", setting("messages", [])),
    ("role", added(role="developer", content="x")),
    ("content", added(role="user", content=[{"type": "text", "text": "x"}])),
    ("content", added(role="user")),
    ("image", message(1, images=[f"data:image/png;base64,{PNG}"])),
    ("vision", setting("model", "llama3.2")),
    ("thinking-place", thinking_of_an_earlier_turn),
    ("call", message(2, tool_calls=[call(0, "c1", arguments='{"a":"b"}')])),
    ("call", message(2, tool_calls=[{"type": "function", **call(0, "c1")}])),
    ("call-index", message(2, tool_calls=[call(1, "c1"), call(1, "c2")])),
    ("result", message(3, tool_call_id="c9")),
    ("result", message(3, tool_name="other")),
    ("result-order", other_order),
    ("results-missing", lambda body: body["messages"].pop()),
    ("results-missing", lambda body: body["messages"].insert(4, {"role": "user", "content": "x"})),
    ("tools-model", setting("model", "gemma3")),
    ("tool", setting("tools", [{"type": "function", "function": {"name": "wx"}}])),
    ("tool", parameters(type=["object"])),
    ("tool", parameters(properties={"a": True})),
    ("tool", parameters(properties={"a": {"anyOf": [True]}})),
    ("tool-name", setting("tools", [tool(), tool()])),
    ("reference", parameters(properties={"a": {"$ref": "#/$defs/a"}})),
    ("format", setting("format", "yaml")),
    ("format-tools", setting("format", "json")),
    ("think", setting("think", "xhigh")),
    ("think-model", setting("model", "llama3.2")),
    ("think-level", setting("model", "gpt-oss:20b")),
    ("logprobs", setting("top_logprobs", 21)),
    ("logprobs", setting("logprobs", False)),
    ("keep-alive", setting("keep_alive", "forever")),
]


def test_it_takes_a_request_that_is_right() -> None:
    assert found(right()) == []
    assert found(right(), OLD) == []
    assert found(right(), CLOUD, key="k") == []


@pytest.mark.parametrize(("rule", "change"), WRONG, ids=[f"{rule}-{place}" for place, (rule, _) in enumerate(WRONG)])
def test_each_rule_refuses(rule: str, change: Callable[[Body], object]) -> None:
    body = copy.deepcopy(right())
    change(body)
    assert rule in [each.rule for each in found(body)]


def test_every_rule_is_tried() -> None:
    assert {rule for rule, _ in WRONG} | {"path", "credential", "body", "cut", "format-cloud"} == set(RULES)


def test_what_is_no_request() -> None:
    assert [each.rule for each in found(right(), path="/v1/chat")] == ["path"]
    assert [each.rule for each in found(right(), CLOUD, key="j")] == ["credential"]
    assert [each.rule for each in found(right(), key="j")] == ["credential"]
    assert [each.rule for each in found(None)] == ["body"]


def test_an_older_server_cuts_what_is_too_long() -> None:
    body = right()
    body["options"]["num_ctx"] = tokens(body) - 1
    assert [each.rule for each in found(body)] == ["context"]
    assert [each.rule for each in found(body, OLD)] == ["cut"]


def test_the_cloud_has_contexts_of_its_own_and_holds_to_no_format() -> None:
    body = right()
    formed(body)
    assert found(body) == []
    del body["options"]["num_ctx"]
    assert [each.rule for each in found(body, CLOUD, key="k")] == ["format-cloud"]


def test_the_answer_is_the_servers() -> None:
    for rule, status in (("credential", 401), ("option", 400)):
        reply = answer([Complaint(rule, "p", "no such thing")])
        assert reply.status == status
        assert isinstance(reply.steps[0], bytes)
        assert orjson.loads(reply.steps[0]) == {"error": "no such thing"}
    assert answer([Complaint("path", "p", "404 page not found")]).status == 404
    inner = answer([Complaint("context", "messages", "too long")]).steps[0]
    assert isinstance(inner, bytes)
    assert orjson.loads(orjson.loads(inner)["error"])["error"]["message"] == "too long"


CORPUS = os.environ.get("DRAGOMAN_CORPUS")
FILES = sorted(Path(CORPUS, "ollama_chat").glob("*.json")) if CORPUS else []
OURS = {"truncate", "context-unnamed"}
"""What the server takes and our requests must not leave to it."""

SDK = {"call"}
"""A member `type` of calls, which other clients send and the server leaves out; and results without a call's id."""


@pytest.mark.skipif(not FILES, reason="DRAGOMAN_CORPUS does not name a folder of recorded traffic")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_the_server_took_is_right(path: Path) -> None:
    exchange = json.loads(path.read_bytes())
    rules = {each.rule for each in found(exchange["request_body"]) if each.rule not in OURS}
    assert rules <= SDK | {"result", "results-missing"}
