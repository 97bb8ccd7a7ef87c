"""Requests that are invented from the gateway's own OpenAPI document, right ones and wrong ones, against the running
gateway: each is answered in time and as the document says; none makes it fail or tell what is nobody's business."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import aiohttp
import orjson
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.errors import SchemathesisError
from schemathesis.core.result import Ok
from yarl import URL

from tests.docs.openapi.document import DOCUMENT
from tests.docs.test_openapi import DESCRIBED, conforms, described_answer
from tests.fuzz.scale import scaled
from tests.vendors.gateway import MODELS, Gateway, Gateways, Whole
from tests.vendors.journal import Journal

KEY: Final = "sk-canary-of-the-client"
VENDOR_KEY: Final = "sk-canary-of-the-vendor"

TIME: Final = 10.0
"""How long, in seconds, an answer may take."""

MANY: Final[Mapping[str, int]] = {"POST /v1/responses": 400, "POST /v1/responses/compact": 150}
"""How many requests of an operation and a kind are made for every change; of the others it is `FEW`."""

FEW: Final = 40

KNOWN: TypeAlias = dict[str, list[str]]
"""Ids of what exists, by the name of the path parameter they stand for."""

Invented: TypeAlias = Case[Any]
"""A request that schemathesis made."""

OPERATIONS: Final[dict[str, APIOperation[Any, Any, Any, Any]]] = {
    found.ok().label: found.ok()
    for found in schemathesis.openapi.from_path(DOCUMENT).get_all_operations()
    if isinstance(found, Ok)
}

WITHOUT_INPUT: Final = frozenset(
    f"{method.upper()} {path}"
    for path, methods in DESCRIBED["paths"].items()
    for method, operation in methods.items()
    if "requestBody" not in operation and all(each["in"] == "path" for each in operation["parameters"])
)
"""Operations of which no request can be wrong: every path is one to look for."""


@pytest.mark.parametrize("label", OPERATIONS)
async def test_right_requests(gateways: Gateways, journal: Journal, label: str) -> None:
    await attack(gateways, journal, label, GenerationMode.POSITIVE)


@pytest.mark.parametrize("label", [label for label in OPERATIONS if label not in WITHOUT_INPUT])
async def test_wrong_requests(gateways: Gateways, journal: Journal, label: str) -> None:
    await attack(gateways, journal, label, GenerationMode.NEGATIVE)


def test_the_full_scale_is_twenty_thousand_requests() -> None:
    tried = [MANY.get(label, FEW) for label in OPERATIONS for _ in range(1 if label in WITHOUT_INPUT else 2)]
    assert 10 * sum(tried) >= 20_000


async def attack(gateways: Gateways, journal: Journal, label: str, mode: GenerationMode) -> None:
    """Invent requests of an operation, and look at every answer."""
    gateway = await gateways.start(
        clients=[{"name": "app", "key": KEY}], providers={"claude": {"api_key": VENDOR_KEY}}, default_model="toy/any"
    )
    known = await existing(gateway)
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=scaled(MANY.get(label, FEW)),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(case=invented(label, mode), data=st.data())
    def each(case: Invented, data: st.DataObject) -> None:
        aim(case, data, known)
        asyncio.run_coroutine_threadsafe(check(gateway, case), loop).result()

    await asyncio.to_thread(each)
    assert [entry for entry in journal.entries if entry["event"] == "unexpected"] == []
    assert (await gateway.request("GET", "/readyz")).status == 200


@st.composite
def invented(draw: st.DrawFn, label: str, mode: GenerationMode) -> Invented:
    """A request of an operation."""
    try:
        return draw(OPERATIONS[label].as_strategy(generation_mode=mode))
    except SchemathesisError:
        # Now and then a schema that was made wrong is one that nothing can be made from.
        raise UnsatisfiedAssumption from None


async def existing(gateway: Gateway) -> KNOWN:
    """Something that requests can be about."""
    headers = {"authorization": f"Bearer {KEY}"}
    made = [await gateway.create(key=KEY, model=MODELS["scripted"], input="Hello") for _ in range(3)]
    items = [{"role": "user", "content": "Hello"}]
    body = orjson.dumps({"items": items})
    kept = [await gateway.request("POST", "/v1/conversations", body=body, headers=headers) for _ in range(3)]
    conversations = [answer.json["id"] for answer in kept]
    listed = await gateway.request("GET", f"/v1/conversations/{conversations[0]}/items", headers=headers)
    return {
        "responses": [answer.response["id"] for answer in made],
        "conversations": conversations,
        "models": [MODELS["scripted"], "toy/äöü/\u2028"],
        "item_id": [item["id"] for item in listed.json["data"]],
    }


def aim(case: Invented, data: st.DataObject, known: KNOWN) -> None:
    """Have most requests be about what exists, and reach what looks at bodies: invented names lead nowhere, and a
    request that goes wrong early tells nothing of what comes later."""
    resource = case.path.split("/")[2] if case.path.count("/") > 1 else ""
    for name in case.path_parameters:
        ids = known.get(name) or known[resource]
        case.path_parameters[name] = data.draw(st.sampled_from(ids) | st.just(case.path_parameters[name]))
    if isinstance(case.body, dict) and data.draw(st.integers(0, 9)):
        for place in (case.headers, case.query):
            for name in [name for name in place if "dragoman" in name or name == "dry_run"]:
                del place[name]
        for name in ("conversation", "prompt", "moderation", "access_programs"):
            case.body.pop(name, None)
        if case.body.get("input") in ("", []):
            case.body["input"] = "Hello"
    if isinstance(case.body, dict) and "model" in case.body:
        case.body["model"] = data.draw(st.just(MODELS["scripted"]) | st.just(case.body["model"]))
    if isinstance(case.body, dict) and isinstance(case.body.get("previous_response_id"), str):
        case.body["previous_response_id"] = data.draw(st.sampled_from(known["responses"]))


async def check(gateway: Gateway, case: Invented) -> None:
    """Send a request, and hold its answer to the document."""
    written = requests.Request(**case.as_transport_kwargs(base_url=gateway.url)).prepare()
    assert written.url is not None
    assert written.method is not None
    headers = {"authorization": f"Bearer {KEY}", **written.headers}
    body = written.body.encode() if isinstance(written.body, str) else written.body
    try:
        async with (
            asyncio.timeout(TIME),
            gateway.http.request(
                written.method, URL(written.url, encoded=True), data=body, headers=headers
            ) as received,
        ):
            answer = Whole(received.status, received.headers, await received.read())
    except (ValueError, aiohttp.InvalidURL):
        # What cannot be written as a request at all.
        assume(False)
        return
    told = repr(dict(answer.headers)).encode() + answer.body
    assert VENDOR_KEY.encode() not in told
    assert KEY.encode() not in told
    assert b"Traceback" not in told
    assert answer.headers["x-request-id"].startswith("req_")
    if answer.status >= 400:
        assert answer.error
        assert answer.status < 500 or is_no_fault_of_the_gateway(answer, case)
        conforms(answer.json, "Error")
    elif answer.headers.get("content-type", "").startswith("text/event-stream"):
        assert answer.terminal
    path = case.operation.path
    if answer.status == 404 and answer.error["code"] == "unknown_url":
        return
    assert described_answer(path, case.method.lower(), answer.status)
    if answer.status == 200:
        described = DESCRIBED["paths"][path][case.method.lower()]["responses"]["200"]["content"]
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in described


def is_no_fault_of_the_gateway(answer: Whole, asked: Invented) -> bool:
    """Whether a 5xx is the vendor's, or the client's own. The scripted model calls tools without a look at what they
    take, and a client may wait for less time than any answer takes."""
    match answer.status:
        case 502:
            return "cannot be carried out" in answer.error["message"]
        case 504:
            return "x-dragoman-timeout" in asked.headers
        case _:
            return False
