"""Targets that fail, refuse or are left alone: who is asked next, and what the client, the log and the numbers say."""

import asyncio
from decimal import Decimal
from typing import Any

import orjson
import pytest

from tests.vendors.gateway import VENDOR_KEYS, Gateway, Gateways
from tests.vendors.journal import Journal
from tests.vendors.script import CUT, SILENCE, Reply, Script, Turn, failure
from tests.vendors.server import Vendor
from tests.vendors.waiting import eventually

BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

PAIR = {"models": {"pair": ["chat/gpt-4o", "claude/claude-sonnet-5"]}}
ONE_TRY = {"retry": {"attempts": 1}}


def breaker(**rules: Any) -> dict[str, Any]:
    return {name: {"breaker": rules} for name in VENDOR_KEYS}


def asked(vendor: Vendor) -> list[str]:
    """Which of the two targets each call was for."""
    return ["claude" if recorded.path.endswith("/messages") else "chat" for recorded in vendor.requests]


FAILURES: dict[str, Script] = {
    "500": failure(500),
    "529": failure(529, type="overloaded_error"),
    "401": failure(401),
    "403": failure(403),
    "404": failure(404, code="model_not_found"),
    "413": failure(413),
    "429": failure(429, headers={"retry-after": "0"}),
    "cut": Turn(CUT),
    "cut-in-headers": Reply(status=0),
}


@BOTH_WAYS
@pytest.mark.parametrize("first", FAILURES.values(), ids=FAILURES)
async def test_the_next_target_answers_what_the_first_could_not(
    gateways: Gateways, vendor: Vendor, journal: Journal, first: Script, stream: bool
) -> None:
    gateway = await gateways.start(**PAIR, **ONE_TRY)
    vendor.play(first, Turn("From the second."))
    answer = await gateway.create(model="pair", input="hi", stream=stream)
    assert answer.text == "From the second."
    assert answer.response["model"] == "pair"
    assert asked(vendor) == ["chat", "claude"]
    assert answer.headers["x-dragoman-provider"] == "claude"
    assert answer.headers["x-dragoman-model"] == "claude-sonnet-5"
    assert answer.headers["x-dragoman-attempts"] == "2"
    entry = await journal.entry(outcome="completed")
    assert (entry["provider"], entry["attempts"]) == ("claude", 2)
    assert [tried.partition(":")[0] for tried in entry["tries"]] == ["chat/gpt-4o", "claude/claude-sonnet-5"]
    assert entry["tries"][1].endswith(": ok")
    assert await gateway.metric("dragoman_requests_total") == 1
    assert await gateway.metric("dragoman_requests_total", provider="claude", outcome="completed") == 1
    assert await gateway.metric("dragoman_upstream_attempts_total") == 2


@BOTH_WAYS
@pytest.mark.parametrize(
    ("first", "status"),
    [
        (failure(400, "Temperature is wrong."), 400),
        (failure(429, code="insufficient_quota", type="insufficient_quota"), 429),
    ],
    ids=["mistake", "quota"],
)
async def test_a_mistake_and_a_quota_are_the_answer(
    gateways: Gateways, vendor: Vendor, first: Script, status: int, stream: bool
) -> None:
    gateway = await gateways.start(**PAIR)
    vendor.play(first)
    answer = await gateway.create(model="pair", input="hi", stream=stream)
    assert answer.status == status
    assert answer.error["message"]
    assert asked(vendor) == ["chat"]


async def test_after_the_first_output_nobody_else_is_asked(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(**PAIR)
    vendor.play(Turn("Half", " of", CUT))
    answer = await gateway.create(model="pair", input="hi", stream=True)
    assert answer.terminal["type"] == "response.failed"
    assert asked(vendor) == ["chat"]


async def test_the_same_target_is_tried_again_before_the_next(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(**PAIR)
    vendor.play(failure(500), failure(500), failure(500), Turn("At last."))
    answer = await gateway.create(model="pair", input="hi")
    assert answer.text == "At last."
    assert asked(vendor) == ["chat", "chat", "claude", "claude"]


async def test_who_is_to_wait_longer_goes_to_the_next_target_at_once(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(**PAIR)
    vendor.play(failure(429, headers={"retry-after": "3"}), Turn("Elsewhere."))
    assert (await gateway.create(model="pair", input="hi")).text == "Elsewhere."
    assert asked(vendor) == ["chat", "claude"]


async def test_when_all_fail_the_last_error_is_told(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(**PAIR, **ONE_TRY)
    vendor.play(failure(500), failure(429, "Slow down.", headers={"retry-after": "17"}))
    answer = await gateway.create(model="pair", input="hi")
    assert (answer.status, answer.headers["retry-after"]) == (429, "17")
    assert "Slow down." in answer.error["message"]
    assert answer.headers["x-dragoman-provider"] == "claude"


async def test_reasoning_of_the_first_is_not_sent_to_the_second_and_declared(
    gateways: Gateways, vendor: Vendor
) -> None:
    models = {"pair": ["claude/claude-sonnet-5", "google/gemini-3.5-flash"]}
    gateway = await gateways.start(models=models, **ONE_TRY)
    vendor.play(Turn("Thought.", thinking="Hm.", signature="c2lnbmF0dXJl"))
    begun = await gateway.create(model="pair", input="hi", reasoning={"effort": "low"}, store=True)
    assert begun.response["output"][0]["type"] == "reasoning"
    vendor.play(failure(500), Turn("Without it."))
    answer = await gateway.create(model="pair", input="go on", previous_response_id=begun.json["id"])
    assert answer.text == "Without it."
    assert answer.headers["x-dragoman-provider"] == "google"
    assert answer.headers["x-dragoman-dropped"] == "history[1].encrypted_content"
    assert b"c2lnbmF0dXJl" in vendor.requests[-2].body
    assert b"c2lnbmF0dXJl" not in vendor.requests[-1].body


async def test_what_the_first_target_took_is_paid_for_with_its_own_price(gateways: Gateways, vendor: Vendor) -> None:
    prices = {
        "chat": {"models": {"gpt-4o": {"price": {"input": 1_000, "output": 0}}}},
        "claude": {"models": {"claude-sonnet-5": {"price": {"input": 10, "output": 0}}}},
    }
    vendor.play(Reply(steps=(SILENCE,)), Turn("Fine.", tokens=(7, 0)))
    gateway = await gateways.start(
        **PAIR,
        **ONE_TRY,
        providers={name: {"timeout": {"idle": "500ms"}, **prices.get(name, {})} for name in VENDOR_KEYS},
    )
    answer = await gateway.create(model="pair", input="hi")
    assert asked(vendor) == ["chat", "claude"]
    spent = {
        provider: await gateway.metric("dragoman_cost_usd_total", provider=provider) for provider in ("chat", "claude")
    }
    tokens = await gateway.metric("dragoman_tokens_total", provider="chat", source="estimated", kind="input")
    assert tokens > 0
    assert spent["chat"] == pytest.approx(tokens * 1e-3)
    assert spent["claude"] == pytest.approx(7e-5)
    assert Decimal(answer.headers["x-dragoman-cost-usd"]) == Decimal(str(round(spent["chat"] + spent["claude"], 9)))
    assert answer.response["usage"]["input_tokens"] == tokens + 7
    await gateway.server.gateway.spending.flush()
    rows = await gateway.server.gateway.store.spend(("provider", "outcome"), 0.0, 4e9)
    assert {row.by: row.requests for row in rows} == {("chat", "rerouted"): 0, ("claude", "completed"): 1}
    assert await gateway.metric("dragoman_requests_total") == 1


async def test_a_target_that_would_refuse_the_request_is_not_asked(gateways: Gateways, vendor: Vendor) -> None:
    lack = {"chat": {"models": {"gpt-4o": {"capabilities": {"images": False}}}}}
    gateway = await gateways.start(**PAIR, providers=lack)
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    answer = await gateway.create(model="pair", input=[{"role": "user", "content": [image]}])
    assert answer.text == "Hello there."
    assert asked(vendor) == ["claude"]


async def test_a_target_that_cannot_serve_is_passed_over_when_another_fails(gateways: Gateways, vendor: Vendor) -> None:
    lack = {"claude": {"models": {"claude-sonnet-5": {"capabilities": {"images": False}}}}}
    gateway = await gateways.start(**PAIR, **ONE_TRY, providers=lack)
    vendor.play(failure(503, "Busy."))
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    answer = await gateway.create(model="pair", input=[{"role": "user", "content": [image]}])
    assert answer.status == 503
    assert asked(vendor) == ["chat"]


async def test_a_background_response_goes_to_the_next_target_as_well(
    gateways: Gateways, vendor: Vendor, journal: Journal
) -> None:
    gateway = await gateways.start(**PAIR, **ONE_TRY)
    vendor.play(failure(500), Turn("From the second."))
    begun = await gateway.create(model="pair", input="hi", background=True)
    await journal.entry(response_id=begun.json["id"], outcome="completed")
    kept = await gateway.request("GET", f"/v1/responses/{begun.json['id']}")
    assert kept.json["output"][0]["content"][0]["text"] == "From the second."


async def test_requests_of_one_conversation_go_to_one_target(gateways: Gateways, vendor: Vendor) -> None:
    shared = {"targets": [{"model": "chat/gpt-4o"}, {"model": "claude/claude-sonnet-5"}]}
    gateway = await gateways.start(models={"pair": shared})
    firsts: set[str] = set()
    for number in range(12):
        vendor.requests.clear()
        answer = await gateway.create(model="pair", input="hi", prompt_cache_key=f"cart-{number}")
        for _ in range(3):
            await gateway.create(model="pair", input="hi", prompt_cache_key=f"cart-{number}")
        chain = await gateway.create(model="pair", input="hi")
        start = asked(vendor)[-1]
        for _ in range(3):
            chain = await gateway.create(model="pair", input="more", previous_response_id=chain.json["id"])
        assert answer.status == 200
        assert len(set(asked(vendor)[:4])) == 1
        assert set(asked(vendor)[4:]) == {start}
        firsts.add(start)
    assert firsts == {"chat", "claude"}


# --- breakers ---------------------------------------------------------------------------------------------------------


async def test_a_broken_target_is_left_alone_and_tried_again(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(**PAIR, **ONE_TRY, providers=breaker(failures=2, pause="3s"))
    vendor.responder = lambda recorded: failure(500) if "/chat/" in recorded.path else Turn("Fine.")
    for _ in range(4):
        assert (await gateway.create(model="pair", input="hi")).text == "Fine."
    assert asked(vendor) == ["chat", "claude", "chat", "claude", "claude", "claude"]
    assert await gateway.metric("dragoman_breaker_open", provider="chat", model="gpt-4o") == 1
    ready = await gateway.request("GET", "/readyz")
    assert (ready.status, ready.json) == (200, {"status": "ready", "targets": {"chat/gpt-4o": "open"}})
    vendor.responder = lambda recorded: Turn("Well again.")
    answer = await eventually(
        lambda: gateway.create(model="pair", input="hi"), lambda answer: answer.headers["x-dragoman-provider"] == "chat"
    )
    assert answer.text == "Well again."
    assert await gateway.metric("dragoman_breaker_open", provider="chat", model="gpt-4o") == 0
    assert (await gateway.request("GET", "/readyz")).json == {"status": "ready"}


async def test_while_all_targets_are_left_alone_the_client_is_told_when_to_come_again(
    gateways: Gateways, vendor: Vendor
) -> None:
    gateway = await gateways.start(**ONE_TRY, providers=breaker(failures=1, pause="40s"))
    vendor.play(failure(500))
    assert (await gateway.create(model="chat/gpt-4o", input="hi")).status == 502
    answer = await gateway.create(model="chat/gpt-4o", input="hi")
    assert (answer.status, answer.error["code"]) == (503, "server_is_overloaded")
    assert 1 <= int(answer.headers["retry-after"]) <= 40
    assert answer.headers["x-dragoman-attempts"] == "0"
    assert len(vendor.requests) == 1
    assert (await gateway.create(model="chat/gpt-4o-mini", input="hi")).status == 200


async def test_a_client_without_patience_says_nothing_against_a_target(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(**ONE_TRY, providers=breaker(failures=1))
    vendor.play(Reply(steps=(SILENCE,)))
    hurried = await gateway.request(
        "POST",
        "/v1/responses",
        body=b'{"model": "chat/gpt-4o", "input": "hi"}',
        headers={"content-type": "application/json", "x-dragoman-timeout": "500ms"},
    )
    assert (hurried.status, hurried.error["code"]) == (504, "upstream_timeout")
    assert (await gateway.create(model="chat/gpt-4o", input="hi")).status == 200


# --- time -------------------------------------------------------------------------------------------------------------


async def hurry(gateway: Gateway, limit: str, **body: Any) -> Any:
    headers = {"content-type": "application/json", "x-dragoman-timeout": limit}
    return await gateway.request("POST", "/v1/responses", body=orjson.dumps(body), headers=headers)


@BOTH_WAYS
async def test_the_time_limit_of_a_request_holds_over_all_attempts_and_targets(
    gateways: Gateways, vendor: Vendor, stream: bool
) -> None:
    gateway = await gateways.start(**PAIR)
    vendor.always(Reply(steps=(SILENCE,)))
    began = asyncio.get_running_loop().time()
    answer = await hurry(gateway, "1s", model="pair", input="hi", stream=stream)
    assert answer.status == 504
    assert asyncio.get_running_loop().time() - began < 5
    assert asked(vendor) == ["chat"]
    assert await gateway.metric("dragoman_upstream_attempts_total") == 1


async def test_a_longer_limit_lets_a_vendor_ask_for_more_patience(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start()
    vendor.play(failure(429, headers={"retry-after": "30"}))
    answer = await hurry(gateway, "20s", model="chat/gpt-4o", input="hi")
    assert (answer.status, answer.headers["retry-after"]) == (429, "30")
    assert len(vendor.requests) == 1


@pytest.mark.parametrize("limit", ["soon", "0", "-1", "nan", "1e400", "10 parsecs"])
async def test_a_time_limit_that_is_none_is_refused(gateway: Gateway, vendor: Vendor, limit: str) -> None:
    answer = await hurry(gateway, limit, model="chat/gpt-4o", input="hi")
    assert (answer.status, answer.error["param"]) == (400, "x-dragoman-timeout")
    assert vendor.requests == []


async def test_a_call_that_used_up_all_its_time_is_not_made_again(gateways: Gateways, vendor: Vendor) -> None:
    limits = {name: {"timeout": {"total": "500ms"}} for name in VENDOR_KEYS}
    gateway = await gateways.start(providers=limits, retry={"attempts": 5})
    vendor.always(Reply(steps=(SILENCE,)))
    answer = await gateway.create(model="chat/gpt-4o", input="hi")
    assert answer.status == 504
    assert len(vendor.requests) == 1


# --- pressure ---------------------------------------------------------------------------------------------------------


async def test_a_provider_has_no_more_calls_than_it_may_and_the_rest_wait(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(providers={"chat": {"concurrency": 3}})
    gates = [asyncio.Event() for _ in range(9)]
    vendor.play(*(Turn("Done", gate) for gate in gates))
    calls = [asyncio.create_task(gateway.create(model="chat/gpt-4o", input="hi")) for _ in range(9)]
    slots = gateway.server.gateway.endpoints["chat"].slots

    async def waiting() -> int:
        return slots.waiting

    await eventually(waiting, lambda number: number == 6)
    for gate in gates:
        await vendor.arrival()
        gate.set()
    answers = await asyncio.gather(*calls)
    assert {answer.status for answer in answers} == {200}
    assert (slots.taken, slots.waiting) == (0, 0)


async def test_what_finds_no_place_goes_to_the_next_target_or_is_told(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(**PAIR, providers={"chat": {"concurrency": 1}}, limits={"queue": 0})
    gate = asyncio.Event()
    vendor.play(Turn("Slow", gate))
    slow = asyncio.create_task(gateway.create(model="pair", input="hi"))
    await vendor.arrival()
    assert (await gateway.create(model="pair", input="hi")).headers["x-dragoman-provider"] == "claude"
    refused = await gateway.create(model="chat/gpt-4o", input="hi")
    assert (refused.status, refused.error["code"]) == (503, "server_is_overloaded")
    assert refused.headers["retry-after"] == "1"
    gate.set()
    assert (await slow).status == 200


@BOTH_WAYS
async def test_places_are_given_back_whatever_became_of_the_call(
    gateways: Gateways, vendor: Vendor, stream: bool
) -> None:
    gateway = await gateways.start(**ONE_TRY, providers={"chat": {"concurrency": 2, "breaker": {"failures": 0}}})
    slots = gateway.server.gateway.endpoints["chat"].slots
    for script in (*FAILURES.values(), Turn("Half", CUT), Turn("Whole."), failure(400)):
        vendor.play(script)
        await gateway.create(model="chat/gpt-4o", input="hi", stream=stream)
        assert slots.taken == 0
    vendor.play(Turn("One", SILENCE))
    wire = await gateway.open(model="chat/gpt-4o", input="hi", stream=stream)
    await vendor.arrival()
    await wire.close()

    async def taken() -> int:
        return slots.taken

    await eventually(taken, lambda number: number == 0)
