"""What the vendor does wrong before the first output: an HTTP error, or another attempt."""

import asyncio
import gzip
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson
import pytest

from tests.vendors.gateway import VENDOR_KEYS, Gateway, Gateways, Whole, with_timeout
from tests.vendors.journal import Journal
from tests.vendors.script import CUT, GARBAGE, HANG_UP, HTML, SILENCE, ErrorEvent, Reply, Script, Turn, failure
from tests.vendors.server import Vendor, form_of

BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def error_of(answer: Whole, status: int, kind: str, code: str | None) -> str:
    """The message of an error that has to be this one."""
    error = answer.error
    assert (answer.status, error["type"], error["code"]) == (status, kind, code)
    message: str = error["message"]
    return message


@BOTH_WAYS
async def test_a_vendor_that_does_not_listen_is_a_bad_gateway(
    gateways: Gateways, model: str, stream: bool, journal: Journal
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    gateway = await gateways.start(providers={name: {"base_url": address} for name in VENDOR_KEYS})
    answer = await gateway.create(model=model, input="hi", stream=stream)
    message = error_of(answer, 502, "server_error", "server_error")
    assert "127.0.0.1" not in message
    assert answer.headers["x-dragoman-attempts"] == "2"
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="connect") == 2
    assert await gateway.metric("dragoman_requests_total", outcome="failed") == 1
    assert "127.0.0.1" in (await journal.entry(outcome="failed"))["error"]


@BOTH_WAYS
async def test_a_connection_that_closes_before_the_headers_is_tried_twice(
    gateway: Gateway, vendor: Vendor, model: str, stream: bool
) -> None:
    vendor.play(HANG_UP, HANG_UP, HANG_UP, HANG_UP)
    answer = await gateway.create(model=model, input="hi", stream=stream)
    error_of(answer, 502, "server_error", "server_error")
    assert answer.headers["x-dragoman-attempts"] == "2"
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="cut") == 2


@BOTH_WAYS
@pytest.mark.parametrize(
    "first",
    [
        HANG_UP,
        failure(500),
        failure(502),
        failure(503),
        failure(529, type="overloaded_error"),
        failure(429, headers={"retry-after": "0"}),
        failure(429, headers={"retry-after-ms": "1"}),
        HTML,
        GARBAGE,
        Turn(CUT),
    ],
    ids=[
        "hang-up", "500", "502", "503", "529", "429", "429-ms", "html", "garbage", "cut",
    ],
)  # fmt: skip
async def test_what_may_pass_is_tried_again(
    gateway: Gateway, vendor: Vendor, model: str, stream: bool, first: Script
) -> None:
    vendor.play(first, Turn("Second time lucky."))
    answer = await gateway.create(model=model, input="hi", stream=stream)
    assert answer.text == "Second time lucky."
    assert answer.headers["x-dragoman-attempts"] == "2"
    assert len(vendor.requests) == 2
    assert vendor.requests[0].body == vendor.requests[1].body
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="ok") == 1
    assert await gateway.metric("dragoman_requests_total", outcome="completed") == 1
    # what a vendor has counted before it broke counts too
    assert answer.response["usage"]["total_tokens"] >= 18


async def test_an_error_event_before_the_output_is_tried_again(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn(ErrorEvent("Overloaded")), Turn("Second time lucky."))
    answer = await gateway.create(model=model, input="hi", stream=True)
    assert answer.text == "Second time lucky."
    assert answer.headers["x-dragoman-attempts"] == "2"


async def test_a_whole_answer_cut_in_its_text_is_tried_again(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("lost", CUT), Turn("Second time lucky."))
    answer = await gateway.create(model=model, input="hi")
    assert answer.text == "Second time lucky."


@BOTH_WAYS
@pytest.mark.parametrize(
    ("reply", "status", "kind", "code"),
    [
        (failure(400, "max_tokens: too much"), 400, "invalid_request_error", None),
        (failure(422, "Not like this."), 400, "invalid_request_error", None),
        (failure(413, "Too big."), 413, "invalid_request_error", "request_too_large"),
        (failure(403, "Not in your country."), 403, "permission_error", None),
        (failure(402, "No money."), 429, "insufficient_quota", "insufficient_quota"),
        (failure(401, "Bad key sk-vendor-chat"), 502, "server_error", "provider_authentication_failed"),
    ],
    ids=["400", "422", "413", "403", "402", "401"],
)
async def test_what_will_not_pass_is_not_tried_again(
    gateway: Gateway, vendor: Vendor, model: str, stream: bool, reply: Reply, status: int, kind: str, code: str | None
) -> None:
    vendor.play(reply)
    answer = await gateway.create(model=model, input="hi", stream=stream)
    error_of(answer, status, kind, code)
    assert len(vendor.requests) == 1
    assert answer.headers["x-dragoman-attempts"] == "1"


@BOTH_WAYS
async def test_an_error_answer_that_breaks_off_keeps_its_status(
    gateway: Gateway, vendor: Vendor, model: str, stream: bool
) -> None:
    headers = {"content-type": "application/json", "retry-after": "20"}
    vendor.play(Reply(429, (b'{"error": {"message": "Too', CUT), headers))
    answer = await gateway.create(model=model, input="hi", stream=stream)
    assert (answer.status, answer.error["code"]) == (429, "rate_limit_exceeded")
    assert answer.headers["retry-after"] == "20"
    assert len(vendor.requests) == 1


async def test_the_vendors_own_400_keeps_its_message(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(failure(400, "messages: the third turn is odd"))
    answer = await gateway.create(model=model, input="hi")
    assert "the third turn is odd" in answer.error["message"]


@BOTH_WAYS
async def test_a_refused_credential_never_shows_the_vendors_words(
    gateway: Gateway, vendor: Vendor, model: str, stream: bool, journal: Journal
) -> None:
    vendor.play(failure(401, "Incorrect API key provided: sk-vendor-chat and sk-vendor-claude."))
    answer = await gateway.create(model=model, input="hi", stream=stream)
    assert b"sk-vendor" not in answer.body
    assert b"Incorrect" not in answer.body
    assert answer.headers["x-should-retry"] == "false"
    assert "sk-vendor" not in str(await journal.entry(outcome="failed"))


@BOTH_WAYS
async def test_a_long_retry_after_is_passed_on(gateway: Gateway, vendor: Vendor, model: str, stream: bool) -> None:
    vendor.play(failure(429, "Slow down.", headers={"retry-after": "37"}))
    answer = await gateway.create(model=model, input="hi", stream=stream)
    error_of(answer, 429, "rate_limit_error", "rate_limit_exceeded")
    assert answer.headers["retry-after"] == "37"
    assert len(vendor.requests) == 1
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="rate_limited") == 1


async def test_a_retry_after_date_is_passed_on_as_seconds(gateway: Gateway, vendor: Vendor, model: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    vendor.play(failure(429, "Slow down.", headers={"retry-after": date}))
    answer = await gateway.create(model=model, input="hi")
    assert 500 < int(answer.headers["retry-after"]) <= 600


@pytest.mark.parametrize("hint", ["nonsense", "-5", "nan", "inf", "1e400", ""])
async def test_a_retry_after_that_is_none_is_left_out(gateway: Gateway, vendor: Vendor, model: str, hint: str) -> None:
    vendor.play(*[failure(429, "Slow down.", headers={"retry-after": hint})] * 2)
    answer = await gateway.create(model=model, input="hi")
    error_of(answer, 429, "rate_limit_error", "rate_limit_exceeded")
    assert "retry-after" not in answer.headers


async def test_overload_is_told_from_a_crash(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(*[failure(529, "Overloaded", type="overloaded_error")] * 2)
    answer = await gateway.create(model=model, input="hi")
    error_of(answer, 503, "service_unavailable_error", "server_is_overloaded")
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="overloaded") == 2


@BOTH_WAYS
@pytest.mark.parametrize(
    "reply",
    [HTML, GARBAGE, Reply(steps=(b"",)), Reply(204), Reply(302, headers={"location": "/x"})],
    ids=["html", "garbage", "empty", "204", "302"],
)
async def test_what_is_no_answer_of_the_api_is_a_bad_gateway(
    gateway: Gateway, vendor: Vendor, model: str, stream: bool, reply: Reply
) -> None:
    vendor.play(reply, reply)
    answer = await gateway.create(model=model, input="hi", stream=stream)
    error_of(answer, 502, "server_error", "server_error")
    assert all(recorded.path != "/x" for recorded in vendor.requests)


async def test_html_points_the_operator_to_the_base_url(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(HTML, HTML)
    answer = await gateway.create(model=model, input="hi")
    assert "base_url" in answer.error["message"]
    assert "Welcome" not in answer.error["message"]


async def test_json_in_place_of_a_stream_is_taken(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("All at once."))
    whole = await gateway.create(model=model, input="hi")
    body = form_of(vendor.last.path).whole(Turn("All at once."), "m")
    vendor.play(Reply(steps=(body,), headers={"content-type": "application/json"}))
    streamed = await gateway.create(model=model, input="hi", stream=True)
    assert streamed.text == whole.text == "All at once."


async def test_an_error_object_with_status_200_is_an_error(gateway: Gateway, vendor: Vendor, model: str) -> None:
    reply = failure(200, "Out of order.", code="internal_error")
    vendor.play(reply, reply)
    answer = await gateway.create(model=model, input="hi")
    assert answer.status >= 500
    assert "Out of order." in answer.error["message"]


async def test_a_compressed_answer_is_read_although_it_was_not_asked_for(
    gateway: Gateway, vendor: Vendor, model: str
) -> None:
    await gateway.create(model=model, input="hi")
    assert vendor.last.headers["accept-encoding"] == "identity"
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    body = gzip.compress(form_of(vendor.last.path).whole(Turn("Pressed."), "m"))
    vendor.play(Reply(steps=(body,), headers=headers))
    assert (await gateway.create(model=model, input="hi")).text == "Pressed."


async def test_a_corrupt_compressed_answer_is_a_bad_gateway(gateway: Gateway, vendor: Vendor, model: str) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    reply = Reply(steps=(b"this is not gzip",), headers=headers)
    vendor.play(reply, reply)
    error_of(await gateway.create(model=model, input="hi"), 502, "server_error", "server_error")


@BOTH_WAYS
async def test_headers_that_do_not_come_are_a_gateway_timeout(
    gateways: Gateways, vendor: Vendor, model: str, stream: bool
) -> None:
    gateway = await gateways.start(providers=with_timeout(first_byte="50ms"))
    never = asyncio.Event()
    vendor.play(Reply(held=never), Reply(held=never))
    answer = await gateway.create(model=model, input="hi", stream=stream)
    error_of(answer, 504, "server_error", "upstream_timeout")
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="timeout") == 2
    for recorded in vendor.requests:
        await asyncio.wait_for(recorded.closed.wait(), 5)


async def test_a_stream_that_is_silent_before_its_output_is_a_gateway_timeout(
    gateways: Gateways, vendor: Vendor, model: str
) -> None:
    gateway = await gateways.start(providers=with_timeout(idle="50ms"))
    vendor.play(Turn(SILENCE), Turn(SILENCE))
    answer = await gateway.create(model=model, input="hi", stream=True)
    error_of(answer, 504, "server_error", "upstream_timeout")
    for recorded in vendor.requests:
        await asyncio.wait_for(recorded.closed.wait(), 5)


async def test_a_cut_answer_is_not_completed(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("half", CUT), Turn("half", CUT))
    error_of(await gateway.create(model=model, input="hi"), 502, "server_error", "server_error")


async def test_one_attempt_can_be_configured(gateways: Gateways, vendor: Vendor, model: str) -> None:
    gateway = await gateways.start(retry={"attempts": 1})
    vendor.play(failure(503, "The model is overloaded."))
    answer = await gateway.create(model=model, input="hi")
    error_of(answer, 503, "service_unavailable_error", "server_is_overloaded")
    assert len(vendor.requests) == 1


# --- an answer inside an error ----------------------------------------------------------------------------------------


@BOTH_WAYS
async def test_a_call_that_the_vendor_refused_reaches_the_client(
    gateways: Gateways, vendor: Vendor, stream: bool
) -> None:
    entry = {"type": "openai_chat", "dialect": "groq", "base_url": f"{vendor.url}/v1"}
    gateway = await gateways.start(providers={"groq": entry})
    error = {
        "message": "The call does not fit the schema.",
        "type": "invalid_request_error",
        "code": "tool_use_failed",
        "failed_generation": '{"name": "look", "arguments": {"at": 1}}',
    }
    vendor.play(Reply(400, (orjson.dumps({"error": error}),), {"content-type": "application/json"}))
    tool = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
    answer = await gateway.create(model="groq/openai/gpt-oss-120b", input="hi", tools=[tool], stream=stream)
    call = answer.response["output"][0]
    assert (call["type"], call["name"], orjson.loads(call["arguments"])) == ("function_call", "look", {"at": 1})
    assert call["status"] == answer.response["status"] == "completed"
    assert len(vendor.requests) == 1
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="ok") == 1
