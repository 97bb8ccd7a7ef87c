"""The strict vendors over a real socket: Google's framing, what they remember, and how they complain."""

from typing import Any, Final

import aiohttp
import orjson
import pytest
from google.genai.types import GenerateContentResponse

from tests.strict.chat_servers import MISTRAL, OPENAI
from tests.strict.messages_answers import calling, redacted, thinking, use
from tests.strict.play import StrictChat, StrictGemini, StrictMessages
from tests.vendors.gateway import VENDOR_KEYS
from tests.vendors.script import Called, Turn
from tests.vendors.server import Vendor

MODEL: Final = "/v1beta/models/gemini-3.5-flash"
HELLO: Final = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
TURN: Final = Turn(
    "Let me ",
    "see.",
    calls=(Called("wx", ('{"city"', ': "Oslo"}'), id="f1"), Called("now", ("",), id="")),
    thinking="Two look-ups",
    signature="c2lnbmF0dXJl",
)


async def post(vendor: Vendor, path: str, body: Any, **headers: str) -> tuple[int, str, bytes]:
    """The status, the content type and the body of an answer."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(vendor.url + path, data=orjson.dumps(body), headers=headers) as answer,
    ):
        return answer.status, answer.content_type, await answer.read()


async def ask_gemini(vendor: Vendor, method: str, body: Any = HELLO) -> tuple[int, str, bytes]:
    return await post(vendor, f"{MODEL}:{method}", body, **{"x-goog-api-key": VENDOR_KEYS["google"]})


def parts_of(chunk: Any) -> list[Any]:
    """The parts of a chunk, which has to be one of Google's."""
    GenerateContentResponse.model_validate(chunk)
    parts: list[Any] = chunk["candidates"][0]["content"]["parts"]
    return parts


async def test_a_stream_of_gemini_is_events_with_crlf(vendor: Vendor) -> None:
    vendor.responder = StrictGemini(TURN)
    status, kind, body = await ask_gemini(vendor, "streamGenerateContent?alt=sse")
    assert (status, kind) == (200, "text/event-stream")
    *frames, rest = body.split(b"\r\n\r\n")
    assert rest == b""
    chunks = [orjson.loads(frame.removeprefix(b"data: ")) for frame in frames]
    parts = [part for chunk in chunks for part in parts_of(chunk)]
    assert [part.get("text") for part in parts] == ["Two look-ups", "Let me ", "see.", None, None, ""]
    assert [part.get("thoughtSignature") for part in parts] == [None, None, None, "c2lnbmF0dXJl", None, None]
    assert [chunk["candidates"][0].get("finishReason") for chunk in chunks] == [None] * 5 + ["STOP"]


async def test_a_stream_without_alt_is_one_array_of_the_same_chunks(vendor: Vendor) -> None:
    strict = vendor.responder = StrictGemini(TURN, TURN)
    _, _, events = await ask_gemini(vendor, "streamGenerateContent?alt=sse")
    status, kind, array = await ask_gemini(vendor, "streamGenerateContent")
    assert (status, kind) == (200, "application/json")
    chunks = [orjson.loads(frame.removeprefix(b"data: ")) for frame in events.split(b"\r\n\r\n") if frame]
    assert orjson.loads(array) == chunks
    assert strict.complaints == []


async def test_a_whole_answer_of_gemini_has_the_parts_of_the_stream(vendor: Vendor) -> None:
    vendor.responder = StrictGemini(TURN)
    _, _, body = await ask_gemini(vendor, "generateContent")
    assert parts_of(orjson.loads(body)) == [
        {"text": "Two look-ups", "thought": True},
        {"text": "Let me see."},
        {"functionCall": {"name": "wx", "args": {"city": "Oslo"}, "id": "f1"}, "thoughtSignature": "c2lnbmF0dXJl"},
        {"functionCall": {"name": "now"}},
    ]


@pytest.mark.parametrize(
    ("turn", "streamed", "last"),
    [
        (Turn("Cold", ".", signature="c2ln"), False, {"text": "Cold.", "thoughtSignature": "c2ln"}),
        (Turn("Cold", ".", signature="c2ln"), True, {"text": "", "thoughtSignature": "c2ln"}),
        (Turn("Cold", ".", signature="c2ln", signed="text"), True, {"text": ".", "thoughtSignature": "c2ln"}),
        (Turn(signature="c2ln"), False, {"text": "", "thoughtSignature": "c2ln"}),
    ],
)
async def test_an_answer_in_words_is_signed_at_its_end(
    vendor: Vendor, turn: Turn, streamed: bool, last: dict[str, str]
) -> None:
    vendor.responder = StrictGemini(turn)
    _, _, body = await ask_gemini(vendor, "streamGenerateContent" if streamed else "generateContent")
    answer = orjson.loads(body)
    parts = [part for chunk in (answer if streamed else [answer]) for part in parts_of(chunk)]
    assert [part for part in parts if "thoughtSignature" in part] == [last]


async def test_a_refused_request_uses_up_no_turn(vendor: Vendor) -> None:
    strict = vendor.responder = StrictGemini(Turn("Once."))
    status, _, body = await ask_gemini(vendor, "generateContent", {**HELLO, "store": True})
    assert (status, orjson.loads(body)["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert [complaint.rule for complaint in strict.complaints] == ["unknown-member"]
    status, _, body = await ask_gemini(vendor, "generateContent")
    assert (status, parts_of(orjson.loads(body))) == (200, [{"text": "Once."}])


async def test_what_was_given_is_remembered_until_it_is_forgotten(vendor: Vendor) -> None:
    strict = vendor.responder = StrictGemini(Turn(calls=(Called("wx", id="f1"),), signature="c2ln"))
    await ask_gemini(vendor, "generateContent")
    call = {"functionCall": {"id": "f1", "name": "wx", "args": {}}, "thoughtSignature": "c2ln"}
    response = {"functionResponse": {"id": "f1", "name": "wx", "response": {"output": "3 C"}}}
    contents = [*HELLO["contents"], {"role": "model", "parts": [call]}, {"role": "user", "parts": [response]}]
    assert (await ask_gemini(vendor, "generateContent", {"contents": contents}))[0] == 200
    strict.forget()
    assert (await ask_gemini(vendor, "generateContent", {"contents": contents}))[0] == 400


async def test_a_strict_server_of_chat_answers_and_complains(vendor: Vendor) -> None:
    for server, status, member in ((OPENAI, 400, "error"), (MISTRAL, 422, "detail")):
        strict = vendor.responder = StrictChat(server, Turn("Good day."))
        key = {"authorization": f"Bearer {VENDOR_KEYS['chat']}"}
        body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
        refused, _, complaint = await post(vendor, "/v1/chat/completions", {**body, "input": "Hi"}, **key)
        assert (refused, member in orjson.loads(complaint)) == (status, True)
        assert [each.rule for each in strict.complaints] == ["unknown-member"]
        taken, _, answer = await post(vendor, "/v1/chat/completions", body, **key)
        assert (taken, orjson.loads(answer)["choices"][0]["message"]["content"]) == (200, "Good day.")


MESSAGES: Final[dict[str, Any]] = {
    "model": "claude-opus-4-8",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hi"}],
}


async def ask_messages(vendor: Vendor, **members: Any) -> tuple[int, str, bytes]:
    headers = {"x-api-key": VENDOR_KEYS["claude"], "anthropic-version": "2026-10-21"}
    return await post(vendor, "/v1/messages", {**MESSAGES, **members}, **headers)


async def test_a_strict_messages_api_answers_and_complains(vendor: Vendor) -> None:
    strict = vendor.responder = StrictMessages(Turn("Good day."))
    status, kind, body = await ask_messages(vendor, temperature=1)
    assert (status, kind, orjson.loads(body)["error"]["type"]) == (400, "application/json", "invalid_request_error")
    assert [complaint.rule for complaint in strict.complaints] == ["sampling-version"]
    status, _, body = await ask_messages(vendor)
    assert (status, orjson.loads(body)["content"]) == (200, [{"type": "text", "text": "Good day."}])


@pytest.mark.parametrize("streamed", [False, True])
async def test_thinking_that_was_given_is_known_until_it_is_forgotten(vendor: Vendor, streamed: bool) -> None:
    answer = calling(thinking("Hm", "S1"), redacted("R1"), use("toolu_1", "wx"))
    strict = vendor.responder = StrictMessages(answer)
    tools = [{"name": "wx", "input_schema": {"type": "object"}}]
    _, kind, _ = await ask_messages(vendor, tools=tools, stream=streamed)
    assert kind == ("text/event-stream" if streamed else "application/json")
    results = [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "3 C"}]
    turns = [
        *MESSAGES["messages"],
        {"role": "assistant", "content": list(answer.content)},
        {"role": "user", "content": results},
    ]
    assert (await ask_messages(vendor, tools=tools, messages=turns))[0] == 200
    strict.forget()
    assert (await ask_messages(vendor, tools=tools, messages=turns))[0] == 400
    assert [complaint.rule for complaint in strict.complaints] == ["thinking-signature", "redacted-data"]
