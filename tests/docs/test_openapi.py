"""The gateway's OpenAPI document: valid, up to date, complete, served, and true of what is answered."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jsonschema_rs
import orjson
import pytest
from openapi_spec_validator import validate

from proxy.app import api_routes
from tests.docs.openapi import document
from tests.vendors.gateway import MODELS, Gateway, Gateways, Whole

DESCRIBED = orjson.loads(document.DOCUMENT.read_bytes())

TOOL: dict[str, object] = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@cache
def validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    """What holds values to a schema of the document."""
    whole = {"$ref": f"#/components/schemas/{schema}", "components": DESCRIBED["components"]}
    return jsonschema_rs.Draft202012Validator(whole)


def conforms(value: object, schema: str) -> None:
    """Asserts that a value is what the document says."""
    assert [fault.message for fault in validator(schema).iter_errors(value)] == []


def test_it_is_up_to_date() -> None:
    assert document.DOCUMENT.read_bytes() == document.generated(), "run `make docs`"


def test_it_is_an_openapi_document() -> None:
    validate(DESCRIBED)


def test_it_names_every_route_and_no_other() -> None:
    described = {(method.upper(), path) for path, methods in DESCRIBED["paths"].items() for method in methods}
    assert described == set(document.served())
    below = {(method, path) for method, path in described if path.startswith("/v1/")}
    assert len(api_routes()) == 2 * len(below) + len(described - below)


def test_no_two_operations_have_one_name() -> None:
    names = [operation["operationId"] for methods in DESCRIBED["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


def test_every_schema_is_referred_to() -> None:
    text = orjson.dumps(DESCRIBED).decode()
    named = {name for name in DESCRIBED["components"]["schemas"] if f'#/components/schemas/{name}"' in text}
    # The events of a stream stand in text, which no schema describes.
    assert set(DESCRIBED["components"]["schemas"]) - named == {"StreamEvent"}


async def test_it_is_served_without_a_key(gateways: Gateways) -> None:
    gateway = await gateways.start(clients=[{"name": "app", "key": "sk-client"}])
    answer = await gateway.request("GET", "/openapi.json")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == DESCRIBED
    again = await gateway.request("GET", "/openapi.json", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize("stream", [False, True])
async def test_responses_are_as_described(gateway: Gateway, model: str, stream: bool) -> None:
    answer = await gateway.create(model=model, input="Hello", tools=[TOOL], stream=stream)
    conforms(answer.response, "Response")
    for event in answer.events if stream else ():
        conforms(event, "StreamEvent")


async def test_stored_responses_and_their_lists_are_as_described(gateway: Gateway) -> None:
    made = await gateway.create(model=MODELS["scripted"], input="Hello")
    path = f"/v1/responses/{made.json['id']}"
    conforms((await gateway.request("GET", path)).json, "Response")
    conforms((await gateway.request("GET", f"{path}/input_items")).json, "ItemList")
    conforms((await gateway.request("DELETE", path)).json, "DeletedResponse")


async def test_conversations_are_as_described(gateway: Gateway) -> None:
    item = {"role": "user", "content": "Hello"}
    made = await gateway.request("POST", "/v1/conversations", body=orjson.dumps({"items": [item]}))
    conforms(made.json, "Conversation")
    path = f"/v1/conversations/{made.json['id']}"
    added = await gateway.request("POST", f"{path}/items", body=orjson.dumps({"items": [item]}))
    conforms(added.json, "ItemList")
    conforms((await gateway.request("GET", f"{path}/items/{added.json['first_id']}")).json, "KeptItem")
    conforms((await gateway.request("DELETE", path)).json, "DeletedConversation")


async def test_what_stands_beside_them_is_as_described(gateway: Gateway) -> None:
    body: dict[str, Any] = {"model": MODELS["anthropic"], "input": "Hello"}
    models = await gateway.request("GET", "/v1/models")
    conforms(models.json, "ModelList")
    conforms((await gateway.request("GET", f"/v1/models/{models.json['data'][0]['id']}")).json, "Model")
    conforms((await gateway.create(path="/v1/responses/compact", **body)).json, "CompactedResponse")
    conforms((await gateway.create(path="/v1/responses/input_tokens", **body)).json, "InputTokens")
    conforms((await gateway.create(path="/v1/responses?dry_run=true", **body)).json, "DryRun")
    for path in ("/healthz", "/readyz"):
        conforms((await gateway.request("GET", path)).json, "Health")


def described_answer(path: str, method: str, status: int) -> bool:
    """Whether the document knows of an answer with this status."""
    statuses = DESCRIBED["paths"][path][method]["responses"]
    return str(status) in statuses or f"{status // 100}XX" in statuses


FAULTS: dict[str, Callable[[Gateway], Any]] = {
    "no JSON": lambda gateway: gateway.request("POST", "/v1/responses", body=b"{"),
    "no model": lambda gateway: gateway.create(input="Hello"),
    "an unknown model": lambda gateway: gateway.create(model="nobody/nothing", input="Hello"),
    "an unknown encoding": lambda gateway: gateway.request(
        "POST", "/v1/responses", body=b"x", headers={"content-encoding": "br"}
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_errors_are_as_described(gateway: Gateway, fault: str) -> None:
    answer: Whole = await FAULTS[fault](gateway)
    assert answer.status >= 400
    conforms(answer.json, "Error")
    assert described_answer("/v1/responses", "post", answer.status)
