"""Conversations over HTTP: every operation, by the SDK and by hand."""

import asyncio
import io
from typing import Any

import openai
import orjson
import pytest
from yarl import URL

from tests.vendors.gateway import Gateway, Gateways, Whole

HELLO: Any = {"type": "message", "role": "user", "content": "Hello"}

CLIENTS = [{"name": "shop", "key": "sk-shop-key"}, {"name": "desk", "key": "sk-desk-key"}]


async def send(gateway: Gateway, method: str, path: str, body: object = None) -> Whole:
    """One request with a JSON body, or without any."""
    content = None if body is None else io.BytesIO(orjson.dumps(body))
    return await gateway.request(method, f"/v1/conversations{path}", body=content)


def user(text: str, **members: Any) -> Any:
    """A message of the user."""
    return {"type": "message", "role": "user", "content": text, **members}


# --- the SDK ----------------------------------------------------------------------------------------------------------


async def test_a_conversations_life(client: openai.AsyncOpenAI) -> None:
    made = await client.conversations.create(items=[HELLO], metadata={"topic": "demo"})
    assert made.id.startswith("conv_")
    assert len(made.id) == len("conv_") + 48
    assert made.object == "conversation"
    assert isinstance(made.created_at, int)
    assert made.metadata == {"topic": "demo"}
    assert await client.conversations.retrieve(made.id) == made

    changed = await client.conversations.update(made.id, metadata={"mood": "good"})
    assert changed.metadata == {"mood": "good"}
    assert (changed.id, changed.created_at) == (made.id, made.created_at)
    assert await client.conversations.retrieve(made.id) == changed

    deleted = await client.conversations.delete(made.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (made.id, "conversation.deleted", True)
    with pytest.raises(openai.NotFoundError) as refusal:
        await client.conversations.retrieve(made.id)
    assert f"Conversation with id '{made.id}' not found." in refusal.value.message


async def test_items_have_ids_a_status_and_parts(client: openai.AsyncOpenAI) -> None:
    made = await client.conversations.create()
    added = await client.conversations.items.create(
        made.id,
        items=[
            user("Hello"),
            {"type": "message", "role": "assistant", "content": "Hi"},
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}", "id": "fc_mine"},
            {"type": "function_call_output", "call_id": "call_1", "output": "7"},
            {"type": "reasoning", "summary": [], "id": "rs_1"},
        ],
    )
    items = [item.model_dump(exclude_none=True) for item in added.data]
    assert [item["id"].rpartition("_")[0] for item in items] == ["msg", "msg", "fc", "fco", "rs"]
    assert items[0]["content"] == [{"type": "input_text", "text": "Hello"}]
    assert items[2]["id"] == "fc_mine"
    assert [item.get("status") for item in items] == ["completed"] * 4 + [None]
    assert (added.first_id, added.last_id, added.has_more) == (items[0]["id"], "rs_1", False)

    listed = await client.conversations.items.list(made.id, order="asc")
    assert [item.model_dump(exclude_none=True) for item in listed.data] == items
    for item in items:
        one = await client.conversations.items.retrieve(item["id"], conversation_id=made.id)
        assert one.model_dump(exclude_none=True) == item


async def test_the_sdks_pager_reads_every_item_once(client: openai.AsyncOpenAI) -> None:
    made = await client.conversations.create(items=[user(f"{n}", id=f"msg_{n}") for n in range(20)])
    for start in (20, 40):
        await client.conversations.items.create(
            made.id, items=[user(f"{n}", id=f"msg_{n}") for n in range(start, start + 17)]
        )
    ids = [f"msg_{n}" for n in [*range(37), *range(40, 57)]]
    ascending = client.conversations.items.list(made.id, order="asc", limit=7)
    assert [item.id async for item in ascending] == ids
    assert [item.id async for item in client.conversations.items.list(made.id, limit=1)] == ids[::-1]
    first = await client.conversations.items.list(made.id)
    assert len(first.data) == 20
    assert first.has_more is True
    exact = await client.conversations.items.list(made.id, limit=54)
    assert exact.has_more is False


async def test_items_that_leave(client: openai.AsyncOpenAI) -> None:
    made = await client.conversations.create(items=[user(name, id=f"msg_{name}") for name in "abc"])
    answer = await client.conversations.items.delete("msg_b", conversation_id=made.id)
    assert answer == made
    assert [item.id async for item in client.conversations.items.list(made.id, order="asc")] == ["msg_a", "msg_c"]
    for operation in (client.conversations.items.retrieve, client.conversations.items.delete):
        with pytest.raises(openai.NotFoundError) as refusal:
            await operation("msg_b", conversation_id=made.id)
        assert f"Item with id 'msg_b' not found in conversation with id '{made.id}'." in refusal.value.message
    with pytest.raises(openai.BadRequestError) as wrong_cursor:
        await client.conversations.items.list(made.id, after="msg_b")
    assert wrong_cursor.value.param == "after"


async def test_a_conversation_belongs_to_the_client_that_made_it(gateways: Gateways) -> None:
    gateway = await gateways.start(clients=CLIENTS)
    async with gateway.openai("sk-shop-key") as shop, gateway.openai("sk-desk-key") as desk:
        made = await shop.conversations.create(items=[user("Hello", id="msg_a")])
        foreign = desk.conversations
        for attempt in (
            foreign.retrieve(made.id),
            foreign.update(made.id, metadata={"a": "b"}),
            foreign.delete(made.id),
            foreign.items.create(made.id, items=[HELLO]),
            foreign.items.list(made.id),
            foreign.items.list(made.id, after="msg_a"),
            foreign.items.list(made.id, after="no id"),
            foreign.items.retrieve("msg_a", conversation_id=made.id),
            foreign.items.retrieve("msg_b", conversation_id=made.id),
            foreign.items.delete("msg_a", conversation_id=made.id),
        ):
            with pytest.raises(openai.NotFoundError) as refusal:
                await attempt
            assert refusal.value.body == {
                "message": f"Conversation with id '{made.id}' not found.",
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            }
        with pytest.raises(openai.NotFoundError):
            await foreign.create(items=[{"type": "item_reference", "id": "msg_a"}])
        assert await shop.conversations.retrieve(made.id) == made
        assert [item.id async for item in shop.conversations.items.list(made.id)] == ["msg_a"]


async def test_a_reference_becomes_the_item_that_it_names(client: openai.AsyncOpenAI) -> None:
    await client.conversations.create(items=[user("Hello", id="msg_a")])
    made = await client.conversations.create(items=[HELLO, {"type": "item_reference", "id": "msg_a"}])
    item = await client.conversations.items.retrieve("msg_a", conversation_id=made.id)
    assert item.to_dict()["content"] == [{"type": "input_text", "text": "Hello"}]
    with pytest.raises(openai.NotFoundError) as refusal:
        await client.conversations.items.create(made.id, items=[{"type": "item_reference", "id": "msg_b"}])
    assert refusal.value.param == "items"
    assert len((await client.conversations.items.list(made.id)).data) == 2


# --- many -------------------------------------------------------------------------------------------------------------


async def test_additions_at_once_are_all_there_and_stay_together(gateway: Gateway) -> None:
    conversation = (await send(gateway, "POST", "")).json["id"]
    bodies = [{"items": [user(f"{n}-{m}", id=f"msg_{n}_{m}") for m in range(5)]} for n in range(20)]
    answers = await asyncio.gather(*(send(gateway, "POST", f"/{conversation}/items", body) for body in bodies))
    assert {answer.status for answer in answers} == {200}
    listed = (await send(gateway, "GET", f"/{conversation}/items?limit=100&order=asc")).json
    ids = [item["id"] for item in listed["data"]]
    assert sorted(ids) == sorted(f"msg_{n}_{m}" for n in range(20) for m in range(5))
    for start in range(0, 100, 5):
        number = ids[start].split("_")[1]
        assert ids[start : start + 5] == [f"msg_{number}_{m}" for m in range(5)]


async def test_of_deletions_at_once_one_succeeds(gateway: Gateway) -> None:
    conversation = (await send(gateway, "POST", "", {"items": [user("x", id="msg_x")]})).json["id"]
    for path in (f"/{conversation}/items/msg_x", f"/{conversation}"):
        answers = await asyncio.gather(*(send(gateway, "DELETE", path) for _ in range(10)))
        assert sorted(answer.status for answer in answers) == [200] + [404] * 9


async def test_reading_on_ends_although_an_id_stands_twice(gateway: Gateway) -> None:
    conversation = (await send(gateway, "POST", "", {"items": [user(name, id=f"msg_{name}") for name in "abac"]})).json
    async with gateway.openai() as client:
        for order in ("asc", "desc"):
            pages = client.conversations.items.list(conversation["id"], limit=1, order=order)
            found = [item.id async for item in pages]
            assert len(found) <= 4
            assert found[-1] == ("msg_c" if order == "asc" else "msg_a")


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("limit=0", "limit", "integer_below_min_value"),
        ("limit=-1", "limit", "integer_below_min_value"),
        ("limit=101", "limit", "integer_above_max_value"),
        ("limit=999999999999999999", "limit", "integer_above_max_value"),
        ("limit=" + "9" * 5000, "limit", "invalid_type"),
        ("limit=ten", "limit", "invalid_type"),
        ("limit=1.5", "limit", "invalid_type"),
        ("limit=1e1", "limit", "invalid_type"),
        ("limit=%2B5", "limit", "invalid_type"),
        ("limit=%D9%A3", "limit", "invalid_type"),
        ("limit=1_0", "limit", "invalid_type"),
        ("limit=1%00", "limit", "invalid_type"),
        ("limit=5&limit=6", "limit", "invalid_value"),
        ("order=ascending", "order", "invalid_value"),
        ("order=ASC", "order", "invalid_value"),
        ("after=msg_unknown", "after", "invalid_value"),
        ("after=%00", "after", "invalid_value"),
        ("after=%ff%fe", "after", "invalid_value"),
        ("after=k%C3%A4se", "after", "invalid_value"),
        ("after=" + "x" * 3000, "after", "invalid_value"),
        ("after=a&after=b", "after", "invalid_value"),
        ("before=msg_1", "before", "unsupported_parameter"),
        ("include=everything", "include[0]", "invalid_value"),
        ("include[]=reasoning.encrypted_content&include[]=", "include[1]", "invalid_value"),
    ],
)
async def test_wrong_queries(gateway: Gateway, query: str, param: str, code: str) -> None:
    conversation = (await send(gateway, "POST", "", {"items": [HELLO]})).json["id"]
    url = URL(f"{gateway.url}/v1/conversations/{conversation}/items?{query}", encoded=True)
    async with gateway.http.get(url) as answer:
        assert answer.status == 400
        error = (await answer.json())["error"]
    assert (error["param"], error["code"]) == (param, code)
    assert len(error["message"]) < 1000


@pytest.mark.parametrize(
    "query",
    [
        "",
        "limit=1&order=asc",
        "limit=100",
        "limit=007",
        "after=&order=&limit=",
        "include[]=reasoning.encrypted_content&include[]=message.output_text.logprobs",
        "include=reasoning.encrypted_content",
        "include[0]=reasoning.encrypted_content",
        "include=reasoning.encrypted_content,message.output_text.logprobs",
        "api-version=2026-01-01",
    ],
)
async def test_queries_that_are_taken(gateway: Gateway, query: str) -> None:
    conversation = (await send(gateway, "POST", "", {"items": [HELLO]})).json["id"]
    answer = await send(gateway, "GET", f"/{conversation}/items?{query}")
    assert answer.status == 200
    assert answer.json["object"] == "list"
    assert len(answer.json["data"]) == 1


async def test_a_wrong_include_is_refused_everywhere(gateway: Gateway) -> None:
    conversation = (await send(gateway, "POST", "", {"items": [user("x", id="msg_x")]})).json["id"]
    for method, path, body in (
        ("GET", "items", None),
        ("POST", "items", {"items": [HELLO]}),
        ("GET", "items/msg_x", None),
    ):
        answer = await send(gateway, method, f"/{conversation}/{path}?include[]=all", body)
        assert answer.status == 400
        assert answer.error["param"] == "include[0]"


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff", b"7", b"{}{}", b'{"a":\x00}', b"NaN"])
async def test_wrong_bodies(gateway: Gateway, body: bytes) -> None:
    conversation = (await send(gateway, "POST", "")).json["id"]
    for path in ("", f"/{conversation}", f"/{conversation}/items"):
        answer = await gateway.request("POST", f"/v1/conversations{path}", body=body)
        assert answer.status == 400
        assert answer.error["param"] is None


async def test_an_empty_body_makes_a_conversation_and_changes_none(gateway: Gateway) -> None:
    made = await gateway.request("POST", "/v1/conversations", body=b"")
    assert made.status == 200
    assert made.json["metadata"] == {}
    for path in ("", "/items"):
        answer = await gateway.request("POST", f"/v1/conversations/{made.json['id']}{path}", body=b"")
        assert answer.status == 400
    listed = await send(gateway, "GET", f"/{made.json['id']}/items")
    assert listed.json == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


async def test_a_request_that_is_refused_leaves_nothing(gateway: Gateway) -> None:
    conversation = (await send(gateway, "POST", "", {"metadata": {"a": "b"}})).json
    one = f"/{conversation['id']}"
    for path, body, param in (
        (f"{one}/items", {"items": [HELLO] * 21}, "items"),
        (f"{one}/items", {"items": []}, "items"),
        (f"{one}/items", {"items": [HELLO, {"role": "nobody", "content": ""}]}, "items[1]"),
        (f"{one}/items", {"items": [HELLO], "metadata": {}}, "metadata"),
        (one, {"metadata": {"a": 1}}, "metadata.a"),
        (one, {}, "metadata"),
        (one, {"metadata": {}, "items": []}, "items"),
        ("", {"items": [HELLO] * 21}, "items"),
        ("", {"id": "conv_mine"}, "id"),
    ):
        answer = await send(gateway, "POST", path, body)
        assert answer.status == 400
        assert answer.error["param"] == param
    assert (await send(gateway, "GET", one)).json == conversation
    assert (await send(gateway, "GET", f"{one}/items")).json["data"] == []


async def test_unknown_parameters_may_be_ignored(gateways: Gateways) -> None:
    gateway = await gateways.start(unknown_parameters="ignore")
    made = await send(gateway, "POST", "", {"items": [HELLO | {"x": 1}], "y": 2})
    assert made.status == 200


async def test_large_bodies(gateways: Gateways) -> None:
    gateway = await gateways.start(limits={"body": "2MiB"})
    text = "x" * 90_000
    made = await send(gateway, "POST", "", {"items": [user(text)] * 20})
    assert made.status == 200
    listed = (await send(gateway, "GET", f"/{made.json['id']}/items")).json
    assert [item["content"][0]["text"] for item in listed["data"]] == [text] * 20
    refused = await send(gateway, "POST", "", {"items": [user(text)] * 40})
    assert refused.status == 413
    assert refused.error["code"] == "request_too_large"


async def test_an_item_that_is_nested_too_deeply(gateway: Gateway) -> None:
    arguments = b"[" * 400 + b"]" * 400
    body = b'{"items":[{"type":"tool_search_call","arguments":%b}]}' % arguments
    answer = await gateway.request("POST", "/v1/conversations", body=body)
    assert answer.status == 400
    assert answer.error["param"] == "items"


# --- ids and text -----------------------------------------------------------------------------------------------------

ODD_IDS = ["conv_x", "x", "%00", "conv_%00", "%ff%fe", "k%C3%A4se", "a%20b", "%F0%9F%90%AA", "x" * 3000, "%27%22%3B--"]


@pytest.mark.parametrize("odd", ODD_IDS)
async def test_ids_that_are_nothing(gateway: Gateway, odd: str) -> None:
    made = (await send(gateway, "POST", "")).json["id"]
    items, metadata = orjson.dumps({"items": [HELLO]}), orjson.dumps({"metadata": {}})
    for method, path, body in (
        ("GET", odd, None),
        ("POST", odd, metadata),
        ("DELETE", odd, None),
        ("GET", f"{odd}/items", None),
        ("POST", f"{odd}/items", items),
        ("GET", f"{odd}/items/x", None),
        ("DELETE", f"{odd}/items/x", None),
        ("GET", f"{made}/items/{odd}", None),
        ("DELETE", f"{made}/items/{odd}", None),
    ):
        url = URL(f"{gateway.url}/v1/conversations/{path}", encoded=True)
        async with gateway.http.request(method, url, data=body) as answer:
            assert answer.status == 404
            error = (await answer.json())["error"]
        assert "not found" in error["message"]
        assert error["type"] == "invalid_request_error"
        assert len(error["message"]) < 1000


async def test_an_items_own_id_may_hold_what_paths_escape(client: openai.AsyncOpenAI) -> None:
    made = await client.conversations.create(items=[user("Hello", id="msg/1+=?&%20#")])
    item = await client.conversations.items.retrieve("msg/1+=?&%20#", conversation_id=made.id)
    assert item.id == "msg/1+=?&%20#"
    assert await client.conversations.items.delete(item.id or "", conversation_id=made.id) == made


async def test_text_and_metadata_come_back_as_they_were(gateway: Gateway) -> None:
    odd = "a\0b \u2028 \U0001f42a \ufeff \\u0000 'q' \"z\""
    made = (await send(gateway, "POST", "", {"items": [user(odd)], "metadata": {odd: odd, "": ""}})).json
    assert made["metadata"] == {odd: odd, "": ""}
    assert (await send(gateway, "GET", f"/{made['id']}")).json == made
    [item] = (await send(gateway, "GET", f"/{made['id']}/items")).json["data"]
    assert item["content"][0]["text"] == odd
    changed = await send(gateway, "POST", f"/{made['id']}", {"metadata": {"\0": "\0"}})
    assert changed.json["metadata"] == {"\0": "\0"}
    assert (await send(gateway, "GET", f"/{made['id']}")).json == changed.json


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("", ("GET", "HEAD", "PUT", "PATCH", "DELETE")),
        ("/conv_x", ("HEAD", "PUT", "PATCH")),
        ("/conv_x/items", ("HEAD", "PUT", "PATCH", "DELETE")),
        ("/conv_x/items/msg_x", ("HEAD", "PUT", "PATCH", "POST")),
    ],
)
async def test_methods_that_are_not_allowed(gateway: Gateway, path: str, methods: tuple[str, ...]) -> None:
    for method in methods:
        answer = await send(gateway, method, path)
        assert answer.status == 405
        assert method not in answer.headers["allow"]


async def test_the_paths_exist_without_v1(gateway: Gateway) -> None:
    made = (await gateway.request("POST", "/conversations")).json["id"]
    assert (await gateway.request("GET", f"/conversations/{made}")).status == 200
    assert (await gateway.request("GET", f"/conversations/{made}/items")).status == 200
    for path in ("/v1/conversations/", f"/v1/conversations/{made}/", f"/v1/conversations/{made}/items/x/y"):
        assert (await gateway.request("GET", path)).error["code"] == "unknown_url"


# --- the store --------------------------------------------------------------------------------------------------------


async def test_a_store_that_cannot_be_reached_is_a_503(gateways: Gateways, unused_tcp_port: int) -> None:
    gateway = await gateways.start(store=f"redis://127.0.0.1:{unused_tcp_port}/0")
    for method, path, body in (
        ("POST", "", {"items": [HELLO]}),
        ("GET", "/conv_x", None),
        ("POST", "/conv_x", {"metadata": {}}),
        ("DELETE", "/conv_x", None),
        ("GET", "/conv_x/items", None),
        ("POST", "/conv_x/items", {"items": [HELLO]}),
        ("GET", "/conv_x/items/msg_x", None),
        ("DELETE", "/conv_x/items/msg_x", None),
    ):
        answer = await send(gateway, method, path, body)
        assert answer.status == 503
        assert answer.error["code"] == "store_unavailable"
        assert int(answer.headers["retry-after"]) >= 1
    assert (await send(gateway, "POST", "", {"items": []} | {"x": 1})).status == 400
