"""Every rule of the strict Messages API fires on a request that breaks it, and none on one that breaks nothing."""

import base64
import copy
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.corpus import oracle
from tests.strict import messages
from tests.strict.complaint import Complaint, Request
from tests.strict.messages_answers import Blocks, calling, content_of, redacted, said, stream, thinking, use, whole
from tests.strict.messages_content import MAX_IMAGE
from tests.strict.messages_thinking import GivenAnswer, given_by
from tests.vendors.script import Called, Turn

Body = dict[str, Any]
Damage = Callable[[Body], object]

KEY: Final = "sk-right"
MODEL: Final = "claude-opus-4-8"
BUDGET: Final = "claude-sonnet-4-5"
BOUND: Final = "claude-opus-5-5"
RETIRED: Final = "claude-sonnet-4"
OLD: Final = "2023-06-01"

PNG: Final = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(61)).decode()
PDF: Final = base64.b64encode(b"%PDF-1.4" + bytes(61)).decode()
SCHEMA: Final[Body] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}

FIRST: Final = calling(
    thinking("Two look-ups", "S1"),
    redacted("R1"),
    said("Let me see."),
    use("toolu_1", "wx", city="Oslo"),
    use("toolu_2", "wx", city="Rome"),
)
RESULTS: Final = [
    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "3 C"}]},
    {"type": "tool_result", "tool_use_id": "toolu_2", "content": "17 C"},
]
SECOND: Final = calling(thinking("One more", "S2"), use("toolu_3", "wx", city="Pisa"))
SEARCH: Final = (
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": [{"type": "web_search_result", "encrypted_content": "E", "title": "T", "url": "https://a.example"}],
    },
)

GOOD: Final[Body] = {
    "model": MODEL,
    "max_tokens": 4096,
    "system": [{"type": "text", "text": "Be brief", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Weather?", "cache_control": {"type": "ephemeral"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
            ],
        },
        {"role": "assistant", "content": list(FIRST.content)},
        {"role": "user", "content": RESULTS},
        {"role": "assistant", "content": list(SECOND.content)},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_3"}, {"type": "text", "text": "And?"}],
        },
        {"role": "system", "content": [{"type": "text", "text": "Rhyme."}]},
        {"role": "assistant", "content": [*SEARCH, {"type": "text", "text": "Done."}]},
        {"role": "user", "content": "Thanks"},
    ],
    "tools": [
        {"name": "wx", "description": "Weather", "input_schema": SCHEMA, "strict": True},
        {"name": "plain", "input_schema": {"type": "object", "properties": {"a": {"oneOf": [{"type": "null"}]}}}},
        {"type": "web_search_20260318", "name": "web_search", "max_uses": 3, "allowed_domains": ["a.example"]},
        {"type": "code_execution_20260120", "name": "code_execution"},
        {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"},
        {"type": "mcp_toolset", "mcp_server_name": "wiki", "default_config": {"enabled": True}},
    ],
    "mcp_servers": [{"type": "url", "name": "wiki", "url": "https://wiki.example/mcp"}],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "thinking": {"type": "adaptive", "display": "summarized"},
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
    "metadata": {"user_id": "u"},
    "service_tier": "auto",
    "speed": "fast",
    "stream": True,
}
HEADERS: Final = {
    "x-api-key": KEY,
    "anthropic-version": "2026-10-21",
    "anthropic-beta": "mcp-client-2025-11-20, fast-mode-2026-02-01",
}

FORMAT: Final = {"type": "json_schema", "schema": SCHEMA}


def given_for(model: str) -> tuple[GivenAnswer, ...]:
    """The answers of the good conversation, as if this model had given them."""
    body = {**GOOD, "model": model}
    return tuple(
        given_by({**body, "messages": GOOD["messages"][:place]}, answer.content)
        for place, answer in ((1, FIRST), (3, SECOND))
    )


def found(
    body: object,
    *,
    path: str = "/v1/messages",
    headers: Mapping[str, str] = HEADERS,
    given: tuple[GivenAnswer, ...] | None = None,
) -> list[Complaint]:
    if given is None:
        given = given_for(body["model"]) if isinstance(body, dict) and isinstance(body.get("model"), str) else ()
    return messages.complaints(Request(path, headers, body), KEY, given)


def damaged(damage: Damage) -> Body:
    body = copy.deepcopy(GOOD)
    damage(body)
    return body


def rules(complaints: list[Complaint]) -> set[str]:
    return {complaint.rule for complaint in complaints}


def top(**members: Any) -> Damage:
    return lambda body: body.update(members)


def both(*damages: Damage) -> Damage:
    return lambda body: [damage(body) for damage in damages]


def at(*path: Any, **members: Any) -> Damage:
    """The value at the path with these members."""

    def damage(body: Body) -> None:
        value: Any = body
        for step in path:
            value = value[step]
        value.update(members)

    return damage


def without(*path: Any) -> Damage:
    def damage(body: Body) -> None:
        value: Any = body
        for step in path[:-1]:
            value = value[step]
        del value[path[-1]]

    return damage


def content(turn: int, *blocks: Any, place: int = 0) -> Damage:
    """The blocks put into a turn."""
    return lambda body: body["messages"][turn]["content"].__setitem__(slice(place, place), list(blocks))


def ending(*turns: Any) -> Damage:
    """The turns put behind the others."""
    return lambda body: body["messages"].extend(turns)


def tool(**members: Any) -> Damage:
    return lambda body: body["tools"].append(members)


def schema(value: Body) -> Damage:
    return at("output_config", "format", schema=value)


def a_property(value: Body) -> Damage:
    return schema({**SCHEMA, "properties": {"city": value}})


def of(model: str, *, keep: tuple[str, ...] = ()) -> Damage:
    """The request for another model, without what that one does not take."""

    def damage(body: Body) -> None:
        body["model"] = model
        for name in ("thinking", "output_config", "speed", "tool_choice"):
            if name not in keep:
                body.pop(name, None)
        body["messages"] = [message for message in body["messages"] if message["role"] != "system"]
        if model in (BUDGET, RETIRED):
            body["tools"][2]["type"] = "web_search_20250305"

    return damage


def thinks(budget: int = 1024) -> Damage:
    return both(of(BUDGET), top(thinking={"type": "enabled", "budget_tokens": budget}))


def text(value: str, **members: Any) -> Body:
    return {"type": "text", "text": value, **members}


def image(**source: Any) -> Body:
    return {"type": "image", "source": source}


def document(**source: Any) -> Body:
    return {"type": "document", "source": source}


def result(call_id: str, **members: Any) -> Body:
    return {"type": "tool_result", "tool_use_id": call_id, **members}


MARKED: Final = text("x", cache_control={"type": "ephemeral"})
STRICT: Final = {"input_schema": SCHEMA, "strict": True}
OPTIONAL: Final = {f"p{index}": {"type": "string"} for index in range(25)}
UNIONS: Final = {f"p{index}": {"type": ["string", "null"]} for index in range(17)}
NODE: Final = {**SCHEMA, "properties": {"next": {"$ref": "#/$defs/node"}}}
ASSISTANT: Final = {"role": "assistant", "content": "So"}

#: One damage a rule.
DAMAGES: Final[Mapping[str, Damage]] = {
    "model-unknown": top(model="gpt-4o"),
    "required": without("max_tokens"),
    "unknown-member": at("messages", 0, "content", 0, id="msg_1"),
    "unknown-tag": content(0, {"type": "input_text", "text": "Hi"}),
    "wrong-kind": at("messages", 1, "content", 3, input="{}"),
    "max-tokens": top(max_tokens=0),
    "max-tokens-limit": top(max_tokens=128_001),
    "sampling-version": both(of("claude-sonnet-4-6"), top(temperature=0.5)),
    "stop-sequence": top(stop_sequences=[" "]),
    "user-id": top(metadata={"user_id": "u" * 257}),
    "speed": both(of("claude-sonnet-5"), top(speed="fast")),
    "effort": both(of("claude-sonnet-4-6"), top(output_config={"effort": "xhigh"})),
    "effort-quiet": both(of("claude-opus-5"), top(thinking={"type": "disabled"}, output_config={"effort": "xhigh"})),
    "thinking-type": top(thinking={"type": "enabled", "budget_tokens": 2000}, tool_choice={"type": "auto"}),
    "thinking-budget-least": thinks(1023),
    "thinking-budget-most": thinks(4096),
    "structured": both(of(RETIRED), without("tools", 0, "strict"), top(output_config={"format": FORMAT})),
    "format-citations": at("messages", 0, "content", 2, citations={"enabled": True}),
    "schema-keyword": a_property({"type": "string", "minLength": 1}),
    "schema-literal": a_property({"enum": [{"a": 1}]}),
    "schema-type": a_property({"description": "Anything"}),
    "schema-open": schema({"type": "object", "properties": {}}),
    "schema-min-items": a_property({"type": "array", "items": {"type": "string"}, "minItems": 2}),
    "schema-format": a_property({"type": "string", "format": "regex"}),
    "schema-reference": a_property({"$ref": "#/$defs/nowhere"}),
    "schema-recursion": schema({**NODE, "$defs": {"node": NODE}}),
    "strict-tools": lambda body: body["tools"].extend({"name": f"t{index}", **STRICT} for index in range(20)),
    "strict-optional": schema({**SCHEMA, "properties": OPTIONAL, "required": []}),
    "strict-unions": schema({**SCHEMA, "properties": UNIONS, "required": list(UNIONS)}),
    "tool-name": tool(name="a.b", input_schema={"type": "object"}),
    "tool-duplicate": tool(name="wx", input_schema={"type": "object"}),
    "tool-schema-type": tool(name="b", input_schema={"properties": {}}),
    "tool-schema-union": tool(name="b", input_schema={"type": "object", "anyOf": [{"required": ["a"]}]}),
    "tool-schema-key": tool(name="b", input_schema={"type": "object", "properties": {"$top": {}}}),
    "tool-schema-invalid": tool(name="b", input_schema={"type": "object", "required": "a"}),
    "server-tool-name": at("tools", 3, name="python"),
    "server-tool-model": both(of(BUDGET), at("tools", 2, type="web_search_20260209")),
    "domains-both": at("tools", 2, blocked_domains=["b.example"]),
    "domain": at("tools", 2, allowed_domains=["https://a.example"]),
    "max-uses": at("tools", 2, max_uses=-1),
    "deferred-cached": at("tools", 1, defer_loading=True, cache_control={"type": "ephemeral", "ttl": "1h"}),
    "all-deferred": both(
        top(tools=[{"name": "wx", "input_schema": SCHEMA, "defer_loading": True}]), without("mcp_servers")
    ),
    "mcp-duplicate": lambda body: body["mcp_servers"].append(body["mcp_servers"][0]),
    "mcp-address": at("mcp_servers", 0, url="http://wiki.example"),
    "mcp-toolset": without("tools", 5),
    "mcp-server": without("mcp_servers"),
    "choice-alone": both(without("tools"), without("mcp_servers")),
    "choice-unknown": top(tool_choice={"type": "tool", "name": "nowhere"}),
    "choice-forced": both(of("claude-sonnet-5-5"), top(tool_choice={"type": "any"})),
    "choice-thinking": both(thinks(), top(tool_choice={"type": "tool", "name": "wx"})),
    "messages-empty": top(messages=[]),
    "first-role": without("messages", 0),
    "content-empty": ending(ASSISTANT, {"role": "user", "content": []}),
    "system-role": both(top(model="claude-opus-4-7")),
    "system-position": ending({"role": "system", "content": "x"}, {"role": "user", "content": "x"}),
    "prefill": ending(ASSISTANT),
    "final-whitespace": both(of(BUDGET), ending({"role": "assistant", "content": "So "})),
    "block-role": content(1, image(type="url", url="https://a.example/a.png"), place=4),
    "citations-version": content(
        0,
        text(
            "x",
            citations=[
                {
                    "type": "web_search_result_location",
                    "cited_text": "x",
                    "encrypted_index": "E",
                    "title": "T",
                    "url": "https://a.example",
                }
            ],
        ),
    ),
    "text-empty": content(0, text("")),
    "text-blank": content(0, text(" \n")),
    "use-id": both(at("messages", 3, "content", 1, id="call.3"), at("messages", 4, "content", 0, tool_use_id="call.3")),
    "use-name": at("messages", 3, "content", 1, name="a.b"),
    "use-repeated": both(
        at("messages", 3, "content", 1, id="toolu_1"), at("messages", 4, "content", 0, tool_use_id="toolu_1")
    ),
    "use-unanswered": without("messages", 2, "content", 1),
    "result-position": content(2, text("First"), place=1),
    "result-orphan": content(0, result("toolu_9")),
    "result-repeated": content(2, result("toolu_1")),
    "error-empty": at("messages", 4, "content", 0, is_error=True),
    "server-use-name": content(
        6, {"type": "server_tool_use", "id": "s", "name": "wx", "input": {}}, {**SEARCH[1], "tool_use_id": "s"}
    ),
    "server-use-unanswered": without("messages", 6, "content", 1),
    "server-result-orphan": without("messages", 6, "content", 0),
    "server-result-kind": at("messages", 6, "content", 0, name="web_fetch"),
    "image-type": content(0, image(type="base64", media_type="image/bmp", data=PNG)),
    "image-size": content(0, image(type="base64", media_type="image/png", data=PNG + "A" * MAX_IMAGE)),
    "image-mismatch": content(0, image(type="base64", media_type="image/gif", data=PNG)),
    "image-count": content(0, *[image(type="url", url="https://a.example/a.png")] * 100),
    "document-type": content(0, document(type="base64", media_type="text/csv", data=PDF)),
    "document-data": content(0, document(type="base64", media_type="application/pdf", data=PNG)),
    "address": content(0, image(type="url", url="data:image/png;base64,aGk=")),
    "cache-count": content(0, MARKED, MARKED, MARKED),
    "cache-order": at("messages", 7, content=[text("x", cache_control={"type": "ephemeral", "ttl": "1h"})]),
    "thinking-signature": at("messages", 1, "content", 0, signature="S9"),
    "thinking-altered": at("messages", 1, "content", 0, thinking="Three look-ups"),
    "redacted-data": at("messages", 1, "content", 1, data="R9"),
    "thinking-partial": without("messages", 1, "content", 1),
    "thinking-moved": lambda body: body["messages"][1]["content"].insert(0, body["messages"][1]["content"].pop(3)),
    "thinking-last": lambda body: body["messages"][1]["content"].append(body["messages"][1]["content"].pop(0)),
    "thinking-missing": both(thinks(), lambda body: body.update(messages=open_loop(body, thinking_at=()))),
    "thinking-bound": both(of(BOUND), at("system", 0, text="Be long")),
}
#: Rules that cannot but fire besides.
BESIDES: Final[Mapping[str, set[str]]] = {
    # What thinking led to is known by the id, the name and the arguments of the call.
    "use-repeated": {"thinking-moved"},
    "use-id": {"thinking-moved"},
    "use-name": {"thinking-moved"},
    "thinking-last": {"thinking-partial"},
    "server-use-name": {"server-result-orphan"},
}


def open_loop(body: Body, *, thinking_at: tuple[int, ...]) -> list[Any]:
    """The good conversation up to the results of its second step; only these steps begin with their thinking."""
    turns: list[Any] = copy.deepcopy(body["messages"][:5])
    del turns[4]["content"][1:]
    for step, place in enumerate((1, 3)):
        if step not in thinking_at:
            turns[place]["content"] = [block for block in turns[place]["content"] if "thinking" not in block["type"]]
    return turns


ACCESS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "key-missing": ("/v1/messages", {}),
    "key-invalid": ("/v1/messages", {**HEADERS, "x-api-key": "sk-wrong"}),
    "path-unknown": ("/v1/responses", HEADERS),
    "version-missing": ("/v1/messages", {"x-api-key": KEY}),
    "version": ("/v1/messages", {**HEADERS, "anthropic-version": "2026-01-01"}),
    "beta": ("/v1/messages", {**HEADERS, "anthropic-beta": "warp-2026-01-01"}),
    "beta-missing": ("/v1/messages", {**HEADERS, "anthropic-beta": "fast-mode-2026-02-01"}),
}

#: What only the version before 2026-10-21 gets as far as refusing.
SAMPLED: Final[Mapping[str, Damage]] = {
    "sampling-model": both(of(MODEL), top(temperature=1)),
    "sampling-range": both(of(BUDGET), top(temperature=1.5)),
    "sampling-both": both(of(BUDGET), top(temperature=1, top_p=0.5)),
    "thinking-temperature": both(thinks(), top(temperature=0.5)),
    "thinking-top-p": both(thinks(), top(top_p=0.9)),
    "thinking-top-k": both(thinks(), top(top_k=5)),
}


def test_every_rule_has_a_damage() -> None:
    assert {*DAMAGES, *ACCESS, *SAMPLED, "not-an-object"} == set(messages.RULES)


def test_a_good_request_has_no_complaint() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize("damage", [of(BUDGET), of(BOUND), of("claude-sonnet-5-5"), thinks()])
def test_a_good_request_of_another_model_has_no_complaint(damage: Damage) -> None:
    assert found(damaged(damage)) == []


def test_the_types_of_the_package_take_the_good_request() -> None:
    plain = damaged(both(without("mcp_servers"), without("tools", 5)))
    assert oracle.complaints("anthropic", plain) == []


@pytest.mark.parametrize("rule", DAMAGES)
def test_a_rule_fires(rule: str) -> None:
    broken = rules(found(damaged(DAMAGES[rule])))
    assert rule in broken
    assert broken - {rule} <= BESIDES.get(rule, set())


@pytest.mark.parametrize("rule", ACCESS)
def test_a_rule_of_access_fires(rule: str) -> None:
    path, headers = ACCESS[rule]
    assert rules(found(GOOD, path=path, headers=headers)) == {rule}


@pytest.mark.parametrize("rule", SAMPLED)
def test_a_rule_of_sampling_fires(rule: str) -> None:
    assert rules(found(damaged(SAMPLED[rule]), headers={**HEADERS, "anthropic-version": OLD})) == {rule}


@pytest.mark.parametrize("body", [None, [], "", 1])
def test_what_is_no_object_is_refused(body: object) -> None:
    assert rules(found(body)) == {"not-an-object"}


@pytest.mark.parametrize("value", [{}, {"model": 1}, {**GOOD, "messages": {}}, {**GOOD, "tools": [1]}])
def test_wrong_kinds_end_in_complaints_only(value: Body) -> None:
    assert found(value)


def test_an_unknown_member_is_found_in_every_object() -> None:
    def objects(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if isinstance(value, list):
            return [place for index, entry in enumerate(value) for place in objects(entry, (*path, index))]
        if not isinstance(value, dict) or path[-1:] in (("input",), ("input_schema",), ("schema",)):
            return []
        return [path, *(place for name, entry in value.items() for place in objects(entry, (*path, name)))]

    places = objects(GOOD)
    assert len(places) > 30
    for path in places:
        assert rules(found(damaged(at(*path, surplus=1)))) == {"unknown-member"}, path


# --- thinking ---------------------------------------------------------------------------------------------------------


def test_thinking_may_be_left_out() -> None:
    def strip(body: Body) -> None:
        for turn in (1, 3):
            blocks = body["messages"][turn]["content"]
            body["messages"][turn]["content"] = [block for block in blocks if "thinking" not in block["type"]]

    assert found(damaged(strip)) == []


def test_thinking_of_another_model_is_not_taken() -> None:
    assert rules(found(GOOD, given=given_for("claude-opus-4-7"))) == {"thinking-signature", "redacted-data"}


@pytest.mark.parametrize(("kept", "is_taken"), [((0,), True), ((1,), True), ((0, 1), True), ((), False)])
def test_with_a_budget_an_open_turn_has_its_thinking(kept: tuple[int, ...], is_taken: bool) -> None:
    body = damaged(both(thinks(), lambda body: body.update(messages=open_loop(body, thinking_at=kept))))
    assert rules(found(body)) == (set() if is_taken else {"thinking-missing"})


@pytest.mark.parametrize(
    "damage",
    [
        without("tools", 1),
        at("messages", 0, "content", 0, text="Rain?"),
        at("messages", 2, "content", 1, content="18 C"),
    ],
    ids=["tools", "the question", "a result"],
)
def test_some_models_bind_thinking_to_all_that_came_before(damage: Damage) -> None:
    assert rules(found(damaged(both(of(BOUND), damage)))) == {"thinking-bound"}
    assert found(damaged(damage)) == []


def test_marks_of_the_cache_do_not_unbind() -> None:
    assert found(damaged(both(of(BOUND), without("messages", 0, "content", 0, "cache_control")))) == []


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "status", "kind"),
    [
        ("key-invalid", 401, "authentication_error"),
        ("path-unknown", 404, "not_found_error"),
        ("version", 400, "invalid_request_error"),
    ],
)
def test_an_error_has_the_vendors_form(rule: str, status: int, kind: str) -> None:
    path, headers = ACCESS[rule]
    reply = messages.answer(found(GOOD, path=path, headers=headers))
    assert reply.status == status
    assert isinstance(reply.steps[0], bytes)
    body = orjson.loads(reply.steps[0])
    assert body.keys() == {"type", "error", "request_id"}
    assert (body["type"], body["error"].keys(), body["error"]["type"]) == ("error", {"type", "message"}, kind)


def test_an_error_says_where() -> None:
    (complaint,) = found(damaged(at("messages", 0, "content", 0, id="msg_1")))
    assert complaint.message == "messages.0.content.0.text.id: Extra inputs are not permitted"


def test_a_streamed_answer_tells_the_blocks_of_the_whole_one() -> None:
    answer = replace(FIRST, content=(*FIRST.content, *SEARCH))
    told = orjson.loads(whole(answer, MODEL))["content"]
    assert told == list(answer.content)
    events = [step.split(b"data: ")[1] for step in stream(answer, MODEL) if isinstance(step, bytes)]
    blocks: list[Any] = []
    pieces: list[str] = []
    for event in map(orjson.loads, events):
        if event["type"] == "content_block_start":
            blocks.append(event["content_block"])
            pieces.append("")
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            if delta["type"] == "signature_delta":
                blocks[-1]["signature"] = delta["signature"]
            else:
                (piece,) = (value for name, value in delta.items() if name != "type")
                pieces[-1] += piece
    for block, piece in zip(blocks, pieces, strict=True):
        member = {"text": "text", "thinking": "thinking", "tool_use": "input", "server_tool_use": "input"}
        if piece:
            name = member[block["type"]]
            block[name] = orjson.loads(piece) if name == "input" else piece
    assert blocks == told


def test_a_turn_has_the_blocks_that_it_is_sent_with() -> None:
    turn = Turn("Hm.", calls=(Called("wx", ('{"city"', ': "Oslo"}'), id="toolu_1"),), thinking="T", signature="S")
    assert content_of(turn, MODEL) == (thinking("T", "S"), said("Hm."), use("toolu_1", "wx", city="Oslo"))
    assert content_of(Blocks((said("Hm."),)), MODEL) == (said("Hm."),)


# --- recorded requests ------------------------------------------------------------------------------------------------

CORPUS: Final = "DRAGOMAN_CORPUS"

#: What the vendor took all the same: thinking that this server did not give, a blank text beside calls, a beta's older
#: form of MCP servers, and tools of the client and of betas that a gateway does not send.
TAKEN: Final = {"thinking-signature", "redacted-data"}
TAKEN_ONCE: Final[Mapping[str, str]] = {
    "test-tools-a75ec304": "text-blank",
    "mcp-servers-stream": "unknown-member",
    "computer-use": "unknown-tag",
    "advisor-tool": "unknown-tag",
}


@pytest.mark.skipif(not os.environ.get(CORPUS), reason=f"no recordings: {CORPUS} not set")
def test_what_the_vendor_took_has_no_complaint() -> None:
    wrong: dict[str, set[str]] = {}
    headers = {**HEADERS, "anthropic-version": OLD}
    for path in sorted(Path(os.environ[CORPUS]).glob("anthropic_messages/*.json")):
        exchange = json.loads(path.read_bytes())
        if exchange["status"] == 200:
            allowed = {rule for name, rule in TAKEN_ONCE.items() if name in path.name}
            wrong[path.name] = rules(found(exchange["request_body"], headers=headers, given=())) - TAKEN - allowed
    assert {name: broken for name, broken in wrong.items() if broken} == {}
    assert len(wrong) > 15
