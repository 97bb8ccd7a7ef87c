"""What the vendor does wrong in the middle of a stream, and the commit rule."""

import asyncio

import pytest

from proxy.testing.grammar import check_stream
from tests.vendors.gateway import MODELS, VENDOR_KEYS, Gateway, Gateways, Whole, with_timeout
from tests.vendors.journal import Journal
from tests.vendors.script import CUT, END, SILENCE, Called, ErrorEvent, Fate, Reply, Turn, failure
from tests.vendors.server import Vendor, form_of

LOOK = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}


def failed(answer: Whole, code: str | None = None) -> dict[str, object]:
    """The response of a stream that has to end as failed."""
    terminal = answer.terminal
    assert terminal["type"] == "response.failed"
    assert [event["type"] for event in answer.events].count("response.created") == 1
    response: dict[str, object] = terminal["response"]
    assert response["status"] == "failed"
    error = response["error"]
    assert isinstance(error, dict)
    assert error["message"]
    if code is not None:
        assert error["code"] == code
    return response


@pytest.mark.parametrize("fate", [CUT, END, ErrorEvent("Overloaded")], ids=["cut", "end", "error"])
async def test_a_stream_that_breaks_after_output_fails_once(
    gateway: Gateway, vendor: Vendor, model: str, fate: Fate | ErrorEvent
) -> None:
    vendor.play(Turn("One ", "two", fate))
    answer = await gateway.create(model=model, input="hi", stream=True)
    response = failed(answer)
    assert "One two" in str(response["output"])
    assert len(vendor.requests) == 1
    assert await gateway.metric("dragoman_requests_total", outcome="failed") == 1
    assert await gateway.metric("dragoman_requests_total", outcome="completed") == 0
    assert await gateway.metric("dragoman_streams_open") == 0


@pytest.mark.parametrize("said", [b"", b'data: {"candidates":[{"content":{"parts":[{"text":"One"}]}}]}\r\n\r\n'])
async def test_google_tells_an_error_amid_a_stream_as_bare_json(gateway: Gateway, vendor: Vendor, said: bytes) -> None:
    bare = b'{\n  "error": {\n    "code": 503,\n    "message": "Down.",\n    "status": "UNAVAILABLE"\n  }\n}\n'
    vendor.always(Reply(200, (said + bare,), {"content-type": "text/event-stream"}))
    answer = await gateway.create(model=MODELS["gemini"], input="hi", stream=True)
    if said:
        assert "'message': 'Down.'" in str(failed(answer)["error"])
    else:
        assert (answer.status, answer.error["message"]) == (502, "Down.")


async def test_a_stream_cut_in_a_tool_call_fails_without_a_finished_call(
    gateway: Gateway, vendor: Vendor, model: str
) -> None:
    vendor.play(Turn("Let me see.", calls=(Called("look", ('{"a', CUT)),)))
    answer = await gateway.create(model=model, input="hi", stream=True, tools=[LOOK])
    response = failed(answer)
    output = response["output"]
    assert isinstance(output, list)
    assert output[-1]["status"] == "incomplete"
    assert [item for item in output if item["type"] == "function_call" and item["status"] == "completed"] == []


async def test_a_silent_vendor_fails_the_stream(gateways: Gateways, vendor: Vendor, model: str) -> None:
    gateway = await gateways.start(providers=with_timeout(idle="100ms"))
    vendor.play(Turn("One ", SILENCE))
    answer = await gateway.create(model=model, input="hi", stream=True)
    failed(answer)
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="timeout") == 1
    await asyncio.wait_for(vendor.last.closed.wait(), 5)


async def test_heart_beats_fill_the_silence_before_the_first_output(
    gateways: Gateways, vendor: Vendor, model: str
) -> None:
    gateway = await gateways.start(stream_commit_after="20ms", heartbeat="20ms")
    gate = asyncio.Event()
    vendor.play(Turn(gate, "At last."))
    wire = await gateway.open(model=model, input="hi", stream=True)
    head = await wire.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    begun = await wire.until(b": ping\n\n")
    assert b"event: response.created" in begun
    assert b"event: response.in_progress" in begun
    assert b"output_item" not in begun
    await wire.until(b": ping\n\n")
    gate.set()
    rest = await wire.until(b"data: [DONE]\n\n")
    assert b"event: response.completed" in rest
    await wire.close()


async def test_heart_beats_stand_between_slow_deltas(gateways: Gateways, vendor: Vendor, model: str) -> None:
    gateway = await gateways.start(heartbeat="20ms")
    gate = asyncio.Event()
    vendor.play(Turn("One ", gate, "two."))
    wire = await gateway.open(model=model, input="hi", stream=True)
    first = await wire.until(b": ping\n\n")
    assert b"One " in first
    await wire.until(b": ping\n\n")
    gate.set()
    assert b"event: response.completed" in await wire.until(b"data: [DONE]\n\n")
    await wire.close()


class Committed:
    """A stream that has committed before the vendor sent any output, and is held there by `gate`."""

    async def start(self, gateways: Gateways, model: str) -> asyncio.Task[Whole]:
        self.gateway = await gateways.start(stream_commit_after="0ms", heartbeat="10s")
        answered = asyncio.Event()

        async def ask() -> Whole:
            body = {"model": model, "input": "hi", "stream": True}
            async with self.gateway.http.post(f"{self.gateway.url}/v1/responses", json=body) as answer:
                answered.set()
                return Whole(answer.status, answer.headers, await answer.read())

        task = asyncio.create_task(ask())
        await asyncio.wait_for(answered.wait(), 10)
        return task


async def test_a_committed_stream_goes_on_to_success(gateways: Gateways, vendor: Vendor, model: str) -> None:
    gate = asyncio.Event()
    vendor.play(Turn(gate, "At last."))
    task = await Committed().start(gateways, model)
    gate.set()
    answer = await task
    assert answer.text == "At last."
    assert [event["sequence_number"] for event in answer.events] == list(range(len(answer.events)))


async def test_a_committed_stream_that_fails_ends_as_failed(gateways: Gateways, vendor: Vendor, model: str) -> None:
    gate = asyncio.Event()
    vendor.play(Turn(gate, CUT), failure(400, "That cannot be."))
    task = await Committed().start(gateways, model)
    gate.set()
    failed(await task)
    assert len(vendor.requests) == 2


async def test_a_committed_stream_is_tried_again(gateways: Gateways, vendor: Vendor, model: str) -> None:
    gate = asyncio.Event()
    vendor.play(Turn(gate, CUT), Turn("Second time lucky."))
    committed = Committed()
    task = await committed.start(gateways, model)
    gate.set()
    answer = await task
    assert answer.text == "Second time lucky."
    assert answer.headers["x-dragoman-attempts"] == "1"
    assert await committed.gateway.metric("dragoman_upstream_attempts_total") == 2


async def test_a_failed_stream_is_logged_and_counted_once(
    gateway: Gateway, vendor: Vendor, model: str, journal: Journal
) -> None:
    vendor.play(Turn("One ", CUT))
    await gateway.create(model=model, input="hi", stream=True)
    entry = await journal.entry(outcome="failed")
    assert entry["attempts"] == 1
    assert entry["level"] == "error"
    assert len(journal.entries) == 1
    assert await gateway.metric("dragoman_requests_total") == 1
    assert await gateway.metric("dragoman_tokens_total", source="estimated") > 0 or not model.startswith("chat/")


async def test_a_cut_at_every_step_gives_one_terminal_event(gateways: Gateways, vendor: Vendor, model: str) -> None:
    gateway = await gateways.start(providers={name: {"breaker": {"failures": 0}} for name in VENDOR_KEYS})
    turn = Turn("One ", "two ", "three.", calls=(Called("look", ('{"a": ', "1}")),))
    await gateway.create(model=model, input="hi")
    steps = form_of(vendor.last.path).stream(turn, "m")
    finish = next(n for n, step in enumerate(steps) if isinstance(step, bytes) and _finishes(step))
    for count in range(1, finish + 1):
        cut = Reply(steps=(*steps[:count], CUT), headers={"content-type": "text/event-stream"})
        vendor.play(cut, cut)
        answer = await gateway.create(model=model, input="hi", stream=True, tools=[LOOK])
        if answer.status == 200:
            assert check_stream(answer.body) == []
            assert answer.terminal["type"] == "response.failed"
        else:
            assert answer.status == 502
            assert not any(b"One " in step for step in steps[:count] if isinstance(step, bytes))


def _finishes(step: bytes) -> bool:
    signals = (b'"finish_reason":"tool_calls"', b'"stop_reason":"tool_use"', b'"finishReason"', b"response.completed")
    return any(signal in step for signal in signals)
