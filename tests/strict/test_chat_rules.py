"""Every rule of the strict servers fires on a request that breaks it, and none on one that breaks nothing."""

import copy
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.strict import chat
from tests.strict.chat_reasoning import GivenReasoning, given_by, members_of, stream, whole
from tests.strict.chat_servers import (
    DASHSCOPE,
    DEEPSEEK,
    GLM,
    MISTRAL,
    MOONSHOT,
    OPENAI,
    OPENROUTER,
    PERPLEXITY,
    SERVERS,
    VLLM,
    Server,
)
from tests.strict.complaint import Complaint, Request
from tests.vendors.script import Called, Turn

Body = dict[str, Any]
Damage = Callable[[Body], object]

KEY: Final = "sk-right"
FIRST: Final = "abcdef123"
SECOND: Final = "abcdef124"

TURN: Final = Turn(
    calls=(Called("wx", ('{"city": "Oslo"}',), id=FIRST), Called("wx", id=SECOND)),
    thinking="Two look-ups",
    signature="sealed",
)


def call(call_id: str, arguments: str) -> Body:
    return {"id": call_id, "type": "function", "function": {"name": "wx", "arguments": arguments}}


def good(server: Server) -> Body:
    """A request that the server takes, with what all of them take."""
    assistant: Body = {
        "role": "assistant",
        "content": "",
        "tool_calls": [call(FIRST, '{"city": "Oslo"}'), call(SECOND, "{}")],
    }
    body: Body = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": "Weather?"},
            assistant | dict(members_of(TURN, server.reasoning if server.takes_reasoning_back else None)),
            {"role": "tool", "tool_call_id": SECOND, "content": ""},
            {"role": "tool", "tool_call_id": FIRST, "content": "3 C"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "wx",
                    "description": "Weather",
                    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
                },
            }
        ],
        "tool_choice": "auto",
        "temperature": 1,
        "stream": True,
        max(server.tokens_members): 100,
    }
    if server.stream_options:
        body["stream_options"] = {"include_usage": True}
    return copy.deepcopy(body)


def found(
    body: object,
    server: Server = OPENAI,
    *,
    path: str = chat.PATH,
    key: str = KEY,
    given: tuple[GivenReasoning, ...] | None = None,
) -> list[Complaint]:
    remembered = (given_by(TURN, server.reasoning),) if given is None else given
    return chat.complaints(Request(path, {"authorization": f"Bearer {key}"}, body), server, KEY, remembered)


def damaged(damage: Damage, server: Server = OPENAI) -> Body:
    body = good(server)
    damage(body)
    return body


def message(index: int, **members: Any) -> Damage:
    return lambda body: body["messages"][index].update(members)


def function(**members: Any) -> Damage:
    return lambda body: body["tools"][0]["function"].update(members)


def top(**members: Any) -> Damage:
    return lambda body: body.update(members)


def both(*damages: Damage) -> Damage:
    return lambda body: [damage(body) for damage in damages]


def called(index: int, **members: Any) -> Damage:
    return lambda body: body["messages"][2]["tool_calls"][index].update(members)


def without_tools(body: Body) -> None:
    del body["tools"], body["tool_choice"]


#: One damage a rule, and the server that it is seen at.
DAMAGES: Final[Mapping[str, tuple[Damage, Server]]] = {
    "model-missing": (lambda body: body.pop("model"), OPENAI),
    "unknown-member": (top(include=[]), OPENAI),
    "tokens-member": (top(max_tokens=100), OPENAI),
    "tokens-twice": (top(max_tokens=100, max_completion_tokens=100), VLLM),
    "tokens-value": (top(max_completion_tokens=0), OPENAI),
    "stream-options": (top(stream_options={}), MISTRAL),
    "stream-options-alone": (top(stream=False), OPENAI),
    "sampling": (top(temperature=2.1), OPENAI),
    "logprobs-alone": (top(top_logprobs=2), OPENAI),
    "several-answers": (top(n=2), OPENAI),
    "response-format": (top(response_format={"type": "json_schema"}), DEEPSEEK),
    "response-schema": (top(response_format={"type": "json_schema", "json_schema": {"schema": {}}}), OPENAI),
    "json-word": (top(response_format={"type": "json_object"}), OPENAI),
    "tools-empty": (top(tools=[]), OPENAI),
    "tool-type": (lambda body: body["tools"].append({"type": "web_search"}), OPENAI),
    "tool-name": (function(name="a.b"), OPENAI),
    "tool-duplicate": (lambda body: body["tools"].append(body["tools"][0]), OPENAI),
    "tool-member": (function(defer_loading=True), OPENAI),
    "tool-parameters": (function(parameters={}), OPENAI),
    "strict-tools": (function(strict=True), VLLM),
    "tool-choice": (top(tool_choice="required"), DEEPSEEK),
    "tool-choice-alone": (lambda body: body.pop("tools"), OPENAI),
    "tool-choice-unknown": (top(tool_choice={"type": "function", "function": {"name": "xw"}}), OPENAI),
    "parallel-alone": (both(without_tools, top(parallel_tool_calls=False)), OPENAI),
    "messages-empty": (top(messages=[]), OPENAI),
    "role": (message(0, role="developer"), VLLM),
    "message-member": (message(2, status="completed"), OPENAI),
    "content-missing": (message(2, content=None), VLLM),
    "content-kind": (message(1, content=[{"type": "text", "text": "Hi"}]), MOONSHOT),
    "part-type": (message(1, content=[{"type": "input_text", "text": "Hi"}]), OPENAI),
    "part-member": (message(1, content=[{"type": "text", "text": "Hi", "annotations": []}]), OPENAI),
    "text-empty": (message(1, content=""), VLLM),
    "system-position": (lambda body: body["messages"].insert(2, {"role": "system", "content": "And"}), MISTRAL),
    "system-repeated": (lambda body: body["messages"].insert(1, {"role": "system", "content": "And"}), VLLM),
    "user-missing": (lambda body: body["messages"].pop(1), GLM),
    "call-unanswered": (lambda body: body["messages"].pop(), OPENAI),
    "tool-orphan": (message(3, tool_call_id="other"), OPENAI),
    "tool-repeated": (lambda body: body["messages"].append(body["messages"][-1]), OPENAI),
    "call-repeated": (called(1, id=FIRST), OPENAI),
    "calls-empty": (message(2, tool_calls=[]), OPENAI),
    "call-form": (called(0, call_id="fc_1"), OPENAI),
    "call-id": (called(0, id="call_1"), MISTRAL),
    "call-arguments": (called(0, function={"name": "wx", "arguments": ""}), OPENAI),
    "user-after-tool": (lambda body: body["messages"].append({"role": "user", "content": "And?"}), MISTRAL),
    "alternation": (lambda body: body["messages"].insert(1, {"role": "user", "content": "Hi"}), PERPLEXITY),
    "last-role": (lambda body: body["messages"].append({"role": "assistant", "content": "It"}), MISTRAL),
    "reasoning-missing": (message(2, reasoning_content=""), DEEPSEEK),
    "reasoning-altered": (message(2, reasoning_content="Two look-ups."), DEEPSEEK),
    "details-altered": (lambda body: body["messages"][2]["reasoning_details"].reverse(), OPENROUTER),
}  # fmt: skip


def rules(complaints: list[Complaint]) -> set[str]:
    return {complaint.rule for complaint in complaints}


def test_every_rule_has_a_damage() -> None:
    assert DAMAGES.keys() | {"key-invalid", "path-unknown", "not-an-object"} == chat.RULES.keys()


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_a_good_request_has_no_complaint(server: Server) -> None:
    assert found(good(server), server) == []


@pytest.mark.parametrize("rule", DAMAGES)
def test_a_damage_breaks_its_rule(rule: str) -> None:
    damage, server = DAMAGES[rule]
    complaints = found(damaged(damage, server), server)
    assert rule in rules(complaints)
    assert all(complaint.message and "{detail}" not in complaint.message for complaint in complaints)


def test_a_request_without_access_is_not_looked_into() -> None:
    assert rules(found(None, key="sk-wrong")) == {"key-invalid"}
    assert rules(found(None, path="/chat/completions")) == {"path-unknown"}
    assert rules(found(None)) == {"not-an-object"}


@pytest.mark.parametrize(
    ("changes", "damage", "rule"),
    [
        ({"developer_role": False}, message(0, role="developer"), "role"),
        ({"null_content": False}, message(2, content=None), "content-missing"),
        ({"list_content": False}, message(1, content=[{"type": "text", "text": "Hi"}]), "content-kind"),
        ({"empty_texts": False}, message(1, content=""), "text-empty"),
        ({"stream_options": False}, top(), "stream-options"),
        ({"strict_tools": False}, function(strict=True), "strict-tools"),
        ({"custom_tools": False}, lambda body: body["tools"].append({"type": "custom"}), "tool-type"),
        ({"tool_choices": frozenset({"none"})}, top(), "tool-choice"),
        ({"forced_while_thinking": False}, top(tool_choice="required"), "tool-choice"),
        ({"response_formats": frozenset()}, top(response_format={"type": "text"}), "response-format"),
        (
            {"user_after_tool": False},
            lambda body: body["messages"].append({"role": "user", "content": "Hi"}),
            "user-after-tool",
        ),
    ],
)
def test_each_switch_decides_over_its_rule(changes: Mapping[str, Any], damage: Damage, rule: str) -> None:
    body = damaged(damage)
    assert rule not in rules(found(body))
    assert rule in rules(found(body, replace(OPENAI, **changes)))


# --- reasoning --------------------------------------------------------------------------------------------------------


def test_a_space_stands_for_lost_reasoning_and_nothing_does_not() -> None:
    assert found(damaged(message(2, reasoning_content=" "), DEEPSEEK), DEEPSEEK) == []
    missing = damaged(lambda body: body["messages"][2].pop("reasoning_content"), DEEPSEEK)
    assert rules(found(missing, DEEPSEEK)) == {"reasoning-missing"}


def test_details_of_another_answer_are_refused_and_may_be_left_out() -> None:
    body = good(OPENROUTER)
    assert rules(found(body, OPENROUTER, given=())) == {"details-altered"}
    bare = damaged(lambda body: body["messages"][2].pop("reasoning_details"), OPENROUTER)
    assert found(bare, OPENROUTER, given=()) == []


def test_thinking_chunks_come_back_unchanged() -> None:
    def alter(body: Body) -> None:
        body["messages"][2]["content"][0]["thinking"][0]["text"] = "One look-up"

    assert rules(found(damaged(alter, MISTRAL), MISTRAL)) == {"reasoning-altered"}


@pytest.mark.parametrize("form", ["reasoning", "reasoning_content", "details", "chunks"])
def test_a_streamed_answer_tells_the_reasoning_of_the_whole_one(form: Any) -> None:
    turn = Turn("Cold.", thinking="Two look-ups", signature="sealed")
    body = whole(turn, "m", form)
    chunks = [step for step in stream(turn, "m", form) if isinstance(step, bytes)]
    assert b"Two look-ups" in body
    told = orjson.loads(body)["choices"][0]["message"]
    deltas = [orjson.loads(chunk.removeprefix(b"data: ")) for chunk in chunks[:-1]]
    members = [choice["delta"] for delta in deltas for choice in delta["choices"]]
    if form == "chunks":
        streamed = "".join(
            piece["text"]
            for delta in members
            for chunk in (delta["content"] if isinstance(delta.get("content"), list) else ())
            for piece in chunk["thinking"]
        )
        assert streamed == told["content"][0]["thinking"][0]["text"]
    elif form == "details":
        assert [detail for delta in members for detail in delta.get("reasoning_details", ())] == told[
            "reasoning_details"
        ]
    else:
        assert "".join(delta.get(form, "") for delta in members) == told[form]


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "damage", "status", "members"),
    [
        (OPENAI, top(include=[]), 400, {"error"}),
        (MISTRAL, top(include=[]), 422, {"detail"}),
        (MISTRAL, top(temperature=9), 400, {"object", "message", "type", "param", "code"}),
        (DASHSCOPE, top(include=[]), 400, {"code", "message", "request_id"}),
        (GLM, top(tool_choice="required"), 400, {"error"}),
    ],
)
def test_an_error_has_the_servers_form(server: Server, damage: Damage, status: int, members: set[str]) -> None:
    reply = chat.answer(found(damaged(damage, server), server), server)
    assert reply.status == status
    assert isinstance(reply.steps[0], bytes)
    assert orjson.loads(reply.steps[0]).keys() == members


def test_an_error_names_its_place() -> None:
    reply = chat.answer(found(damaged(message(2, status="completed"))), OPENAI)
    assert isinstance(reply.steps[0], bytes)
    assert orjson.loads(reply.steps[0])["error"]["param"] == "messages[2].status"


# --- recorded requests ------------------------------------------------------------------------------------------------

CORPUS: Final = "DRAGOMAN_CORPUS"

#: What the servers took all the same, from clients that ask for more than a gateway needs: several answers, the older
#: name of the limit, an answer sent back with all that it had, tools that a server runs itself; and what only some of a
#: server's models refuse.
TAKEN: Final[Mapping[str, frozenset[str]]] = {
    "openai_chat": frozenset({"tokens-member", "several-answers", "message-member"}),
    "deepseek_chat": frozenset(),
    "mistral_chat": frozenset({"several-answers", "call-id", "user-after-tool"}),
    "openrouter_chat": frozenset({"details-altered", "tool-type"}),
}
RECORDED: Final = {server.name: server for server in (OPENAI, DEEPSEEK, MISTRAL, OPENROUTER)}


@pytest.mark.skipif(not os.environ.get(CORPUS), reason=f"no recordings: {CORPUS} not set")
@pytest.mark.parametrize("folder", TAKEN)
def test_what_a_server_took_has_no_complaint(folder: str) -> None:
    server = RECORDED[folder.removesuffix("_chat")]
    wrong: dict[str, set[str]] = {}
    for path in sorted(Path(os.environ[CORPUS]).glob(f"{folder}/*.json")):
        exchange = json.loads(path.read_bytes())
        body = exchange["request_body"]
        if exchange["status"] == 200 and isinstance(body, dict) and "messages" in body:
            given = {name: value for name, value in body.items() if value is not None}
            wrong[path.name] = rules(found(given, server, given=())) - TAKEN[folder]
    assert {name: broken for name, broken in wrong.items() if broken} == {}
    assert wrong
