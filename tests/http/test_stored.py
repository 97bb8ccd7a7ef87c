"""What is kept of responses, over HTTP: retrieve, delete and the list of their input."""

import asyncio
import time
from typing import Any

import openai
import orjson
import pytest
from yarl import URL

from proxy.responses.request import parse_create
from proxy.responses.response import opening
from proxy.responses.stored_items import with_ids
from proxy.state.records import BackgroundRun, NewResponse, Place, Status, StoredItem
from tests.vendors.gateway import Gateway, Gateways

CLIENTS = [{"name": "shop", "key": "sk-shop-key"}, {"name": "desk", "key": "sk-desk-key"}]


def new_response(
    name: str,
    said: str = "",
    answered: str | None = None,
    *,
    status: Status = "completed",
    after: Place | None = None,
    owner: str = "default",
    lasting: float = 3600,
    background: bool = False,
) -> NewResponse:
    """A response to what the user said, with the items `msg_NAME_in` and `msg_NAME_out`."""
    said_item = {"role": "user", "content": said, "id": f"msg_{name}_in"}
    request = parse_create({"model": "m", "input": [said_item], "background": background})
    output: list[StoredItem] = []
    if answered is not None:
        text = {"type": "output_text", "text": answered, "annotations": [], "logprobs": []}
        item = {
            "id": f"msg_{name}_out",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [text],
        }
        output = [StoredItem(f"msg_{name}_out", orjson.dumps(item))]
    body = opening(request, response_id=f"resp_{name}", created_at=1_700_000_000) | {"status": status}
    return NewResponse(
        id=f"resp_{name}",
        owner=owner,
        status=status,
        created_at=1_700_000_000,
        expires_at=time.time() + lasting,
        body=orjson.dumps(body),
        after=after,
        input=[StoredItem(*item) for item in with_ids(request.input)],
        output=output,
        background=background,
    )


async def keep(gateway: Gateway, response: NewResponse) -> Place:
    """Store a response; the place behind it."""
    store = gateway.server.gateway.store
    await store.save(response)
    kept = await store.response(response.id, response.owner, time.time())
    assert kept is not None
    return kept.place


async def begin(gateway: Gateway, response: NewResponse) -> None:
    """Store a background response that is still being made."""
    await gateway.server.gateway.store.start_run(
        response, BackgroundRun(response.id, response.owner, "replica", b"{}"), time.time() + 3600
    )


# --- retrieve ---------------------------------------------------------------------------------------------------------


async def test_a_response_comes_back_whole(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    new = new_response("a", "Hello", "Good day.")
    await keep(gateway, new)
    response = await client.responses.retrieve("resp_a")
    assert response.output_text == "Good day."
    assert (response.id, response.status, response.created_at) == ("resp_a", "completed", 1_700_000_000)
    answer = (await gateway.request("GET", "/v1/responses/resp_a")).json
    assert answer == orjson.loads(new.body) | {"output": [orjson.loads(item.body) for item in new.output]}


async def test_what_a_client_accepts_plays_no_part(gateway: Gateway) -> None:
    await keep(gateway, new_response("a", "Hello", "Good day."))
    answer = await gateway.request("GET", "/v1/responses/resp_a", headers={"accept": "text/event-stream"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["id"] == "resp_a"


async def test_a_response_without_output_comes_back(gateway: Gateway) -> None:
    await keep(gateway, new_response("a", "Hello", status="failed"))
    answer = await gateway.request("GET", "/v1/responses/resp_a")
    assert answer.json["status"] == "failed"
    assert answer.json["output"] == []


async def test_a_response_that_is_still_made_has_its_present_status_and_no_output(gateway: Gateway) -> None:
    await begin(gateway, new_response("a", "Hello", status="queued", background=True))
    answer = (await gateway.request("GET", "/v1/responses/resp_a")).json
    assert (answer["status"], answer["output"]) == ("queued", [])
    await gateway.server.gateway.store.set_in_progress("resp_a")
    answer = (await gateway.request("GET", "/v1/responses/resp_a")).json
    assert (answer["status"], answer["output"]) == ("in_progress", [])


async def test_an_expired_response_is_gone(gateway: Gateway) -> None:
    await gateway.server.gateway.store.save(new_response("a", "Hello", "Good day.", lasting=-1))
    for path in ("", "/input_items"):
        assert (await gateway.request("GET", f"/v1/responses/resp_a{path}")).status == 404
    assert (await gateway.request("DELETE", "/v1/responses/resp_a")).status == 404


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("stream=yes", "stream", "invalid_type"),
        ("stream=1", "stream", "invalid_type"),
        ("stream=true&stream=false", "stream", "invalid_value"),
        ("starting_after=3", "starting_after", "invalid_value"),
        ("starting_after=3&stream=false", "starting_after", "invalid_value"),
        ("starting_after=-1&stream=true", "starting_after", "integer_below_min_value"),
        ("starting_after=x&stream=true", "starting_after", "invalid_type"),
        ("starting_after=1.0&stream=true", "starting_after", "invalid_type"),
        ("include_obfuscation=maybe", "include_obfuscation", "invalid_type"),
        ("include[]=output", "include[0]", "invalid_value"),
    ],
)
async def test_wrong_queries(gateway: Gateway, query: str, param: str, code: str) -> None:
    await keep(gateway, new_response("a", "Hello", "Good day."))
    answer = await gateway.request("GET", f"/v1/responses/resp_a?{query}")
    assert answer.status == 400
    assert (answer.error["param"], answer.error["code"]) == (param, code)


async def test_queries_that_are_taken(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    await keep(gateway, new_response("a", "Hello", "Good day."))
    response = await client.responses.retrieve(
        "resp_a", include=["reasoning.encrypted_content"], include_obfuscation=False, stream=False
    )
    assert response.output_text == "Good day."
    assert (await gateway.request("GET", "/v1/responses/resp_a?stream=&starting_after=&api-version=1")).status == 200


# --- delete -----------------------------------------------------------------------------------------------------------


async def test_a_deleted_response_is_gone(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    await keep(gateway, new_response("a", "Hello", "Good day."))
    answer = await gateway.request("DELETE", "/v1/responses/resp_a")
    assert answer.json == {"id": "resp_a", "object": "response", "deleted": True}
    attempts: list[Any] = [
        client.responses.retrieve("resp_a"),
        client.responses.delete("resp_a"),
        client.responses.input_items.list("resp_a"),
    ]
    for attempt in attempts:
        with pytest.raises(openai.NotFoundError) as refusal:
            await attempt
        assert "Response with id 'resp_a' not found." in refusal.value.message


async def test_of_deletions_at_once_one_succeeds(gateway: Gateway) -> None:
    await keep(gateway, new_response("a", "Hello", "Good day."))
    answers = await asyncio.gather(*(gateway.request("DELETE", "/v1/responses/resp_a") for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 9


async def test_a_response_that_is_still_made_is_not_deleted(gateway: Gateway) -> None:
    await begin(gateway, new_response("a", "Hello", status="queued", background=True))
    for _ in range(2):
        answer = await gateway.request("DELETE", "/v1/responses/resp_a")
        assert answer.status == 400
        assert "resp_a" in answer.error["message"]
        await gateway.server.gateway.store.set_in_progress("resp_a")
    assert (await gateway.request("GET", "/v1/responses/resp_a")).status == 200


async def test_what_follows_a_deleted_response_keeps_its_history(gateway: Gateway) -> None:
    first = await keep(gateway, new_response("a", "One", "1"))
    await keep(gateway, new_response("b", "Two", "2", after=first))
    assert (await gateway.request("DELETE", "/v1/responses/resp_a")).status == 200
    listed = (await gateway.request("GET", "/v1/responses/resp_b/input_items?order=asc")).json
    assert [item["id"] for item in listed["data"]] == ["msg_a_in", "msg_a_out", "msg_b_in"]


# --- input items ------------------------------------------------------------------------------------------------------


async def chain(gateway: Gateway, length: int) -> list[str]:
    """Responses `resp_0` and on, each after the one before; the ids of the last one's input."""
    after: Place | None = None
    for number in range(length):
        after = await keep(gateway, new_response(str(number), f"q{number}", f"a{number}", after=after))
    ids = [f"msg_{number}_{side}" for number in range(length) for side in ("in", "out")]
    return ids[:-1]


async def test_the_input_is_listed_with_its_history(gateway: Gateway) -> None:
    ids = await chain(gateway, 3)
    listed = (await gateway.request("GET", "/v1/responses/resp_2/input_items?order=asc")).json
    assert [item["id"] for item in listed["data"]] == ids
    assert listed | {"data": []} == {
        "object": "list",
        "data": [],
        "first_id": ids[0],
        "last_id": ids[-1],
        "has_more": False,
    }
    assert listed["data"][0] == {
        "id": "msg_0_in",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "q0"}],
        "status": "completed",
    }
    first = (await gateway.request("GET", "/v1/responses/resp_0/input_items")).json
    assert [item["id"] for item in first["data"]] == ["msg_0_in"]


async def test_a_fork_lists_its_own_history(gateway: Gateway) -> None:
    first = await keep(gateway, new_response("a", "One", "1"))
    await keep(gateway, new_response("b", "Two", "2", after=first))
    await keep(gateway, new_response("c", "Three", "3", after=first))
    listed = (await gateway.request("GET", "/v1/responses/resp_c/input_items")).json
    assert [item["id"] for item in listed["data"]] == ["msg_c_in", "msg_a_out", "msg_a_in"]


async def test_the_sdks_pager_reads_every_item_once(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    ids = await chain(gateway, 13)
    assert len(ids) == 25
    for limit in (1, 5, 24, 25, 100):
        ascending = client.responses.input_items.list("resp_12", order="asc", limit=limit)
        assert [item.id async for item in ascending] == ids
        descending = client.responses.input_items.list("resp_12", limit=limit)
        assert [item.id async for item in descending] == ids[::-1]
    page = await client.responses.input_items.list("resp_12")
    assert len(page.data) == 20
    assert page.has_more is True


async def test_reading_on_ends_although_an_id_stands_twice(gateway: Gateway, client: openai.AsyncOpenAI) -> None:
    after = await keep(gateway, new_response("a", "One", "1"))
    store = gateway.server.gateway.store
    twice = new_response("b", "Two", "2", after=after)
    await store.save(
        NewResponse(
            id=twice.id,
            owner=twice.owner,
            status=twice.status,
            created_at=twice.created_at,
            expires_at=twice.expires_at,
            body=twice.body,
            after=after,
            input=[*new_response("a", "One").input, *twice.input],
        )
    )
    for order in ("asc", "desc"):
        pages = client.responses.input_items.list("resp_b", limit=1, order=order)
        found = [item.id async for item in pages]
        assert len(found) <= 4
        assert found[-1] == ("msg_b_in" if order == "asc" else "msg_a_in")


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("limit=0", "limit", "integer_below_min_value"),
        ("limit=101", "limit", "integer_above_max_value"),
        ("limit=many", "limit", "invalid_type"),
        ("order=up", "order", "invalid_value"),
        ("after=msg_unknown", "after", "invalid_value"),
        ("after=msg_a_out", "after", "invalid_value"),
        ("after=%00", "after", "invalid_value"),
        ("before=msg_a_in", "before", "unsupported_parameter"),
        ("include[]=all", "include[0]", "invalid_value"),
    ],
)
async def test_wrong_queries_for_a_list(gateway: Gateway, query: str, param: str, code: str) -> None:
    await keep(gateway, new_response("a", "Hello", "Good day."))
    answer = await gateway.request("GET", f"/v1/responses/resp_a/input_items?{query}")
    assert answer.status == 400
    assert (answer.error["param"], answer.error["code"]) == (param, code)


# --- owners, ids and paths --------------------------------------------------------------------------------------------


async def test_a_response_belongs_to_the_client_that_made_it(gateways: Gateways) -> None:
    gateway = await gateways.start(clients=CLIENTS)
    await keep(gateway, new_response("a", "Hello", "Good day.", owner="shop"))
    foreign = {"authorization": "Bearer sk-desk-key"}
    for method, path in (("GET", ""), ("GET", "?stream=true"), ("DELETE", ""), ("GET", "/input_items")):
        answer = await gateway.request(method, f"/v1/responses/resp_a{path}", headers=foreign)
        assert answer.status == 404
        assert answer.error["message"] == "Response with id 'resp_a' not found."
    async with gateway.openai("sk-shop-key") as shop:
        assert (await shop.responses.retrieve("resp_a")).output_text == "Good day."


@pytest.mark.parametrize(
    "odd",
    [
        "resp_",
        "resp_%00",
        "resp_%ff%fe",
        "resp_k%C3%A4se",
        "resp_a%20b",
        "resp_" + "x" * 3000,
        "chatcmpl-1",
        "compacted",
        "%3Fstream=true",
        "{id}",
    ],
)
async def test_ids_that_are_nothing(gateway: Gateway, odd: str) -> None:
    for method, path in (
        ("GET", odd),
        ("GET", f"{odd}?stream=true"),
        ("DELETE", odd),
        ("GET", f"{odd}/input_items"),
        ("POST", f"{odd}/cancel"),
    ):
        url = URL(f"{gateway.url}/v1/responses/{path}", encoded=True)
        async with gateway.http.request(method, url) as answer:
            assert answer.status == 404
            error = (await answer.json())["error"]
        assert error["message"].startswith(f"Response with id '{odd[:4]}" if odd[0] != "%" else "Response with id '?")
        assert error["code"] is None
        assert len(error["message"]) < 400


async def test_methods_that_are_not_allowed(gateway: Gateway) -> None:
    for path, methods in (
        ("resp_x", ("HEAD", "PUT", "PATCH", "POST")),
        ("resp_x/input_items", ("HEAD", "PUT", "POST", "DELETE")),
    ):
        for method in methods:
            answer = await gateway.request(method, f"/v1/responses/{path}")
            assert answer.status == 405
            assert method not in answer.headers["allow"]
