"""The vendors before which the real clients are run: they do what the user says, and refuse what lost its thinking."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson
import pytest

from tests.clients.real.vendor.behaviours import example
from tests.clients.real.vendor.protocols import Chat, Gemini, Messages
from tests.clients.real.vendor.stand_in import StandIns
from tests.strict.chat_servers import DEEPSEEK, OPENROUTER, Server
from tests.vendors.server import Vendor

KEY: Final = "sk-vendor"
PARAMETERS: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)


@dataclass(frozen=True)
class Api:
    """How one vendor is asked: `turns` writes a body from the user's text and what followed, `made` reads the model's
    turn, `plain` takes the thinking out of it, `result` answers its call."""

    path: str
    headers: dict[str, str]
    body: Callable[[list[Any]], dict[str, Any]]
    user: Callable[[str], Any]
    shown: Callable[[str], Any]
    made: Callable[[Any], Any]
    plain: Callable[[Any], Any]
    result: Callable[[Any], Any]
    text: Callable[[Any], str]


def _chat(server: Server) -> Api:
    def made(answer: Any) -> Any:
        return {name: value for name, value in answer["choices"][0]["message"].items() if name != "refusal"}

    return Api(
        path="/v1/chat/completions",
        headers={"authorization": f"Bearer {KEY}"},
        body=lambda turns: {
            "model": server.name,
            "messages": turns,
            "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}],
        },
        user=lambda text: {"role": "user", "content": text},
        shown=lambda text: {
            "role": "user",
            "content": [
                {"type": "text", "text": text},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}},
            ],
        },
        made=made,
        plain=lambda message: {
            name: value for name, value in message.items() if name in ("role", "content", "tool_calls")
        },
        result=lambda message: {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "cold"},
        text=lambda answer: str(made(answer)["content"]),
    )


MESSAGES: Final = Api(
    path="/v1/messages",
    headers={"x-api-key": KEY, "anthropic-version": "2023-06-01"},
    body=lambda turns: {
        "model": "claude-opus-5",
        "max_tokens": 1000,
        "messages": turns,
        "tools": [{"name": "get_weather", "input_schema": PARAMETERS}],
    },
    user=lambda text: {"role": "user", "content": text},
    shown=lambda text: {
        "role": "user",
        "content": [
            {"type": "text", "text": text},
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()},
            },
        ],
    },
    made=lambda answer: {"role": "assistant", "content": answer["content"]},
    plain=lambda message: {**message, "content": message["content"][1:]},
    result=lambda message: {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": message["content"][-1]["id"], "content": "cold"}],
    },
    text=lambda answer: str(answer["content"][0]["text"]),
)


def _without_signatures(content: Any) -> Any:
    return {**content, "parts": [{"functionCall": part["functionCall"]} for part in content["parts"][1:]]}


def _response(content: Any) -> Any:
    call = content["parts"][-1]["functionCall"]
    answer = {"id": call["id"], "name": call["name"], "response": {"output": "cold"}}
    return {"role": "user", "parts": [{"functionResponse": answer}]}


GEMINI: Final = Api(
    path="/v1beta/models/gemini-3.5-flash:generateContent",
    headers={"x-goog-api-key": KEY},
    body=lambda turns: {
        "contents": turns,
        "tools": [{"functionDeclarations": [{"name": "get_weather", "parametersJsonSchema": PARAMETERS}]}],
    },
    user=lambda text: {"role": "user", "parts": [{"text": text}]},
    shown=lambda text: {
        "role": "user",
        "parts": [
            {"text": text},
            {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}},
        ],
    },
    made=lambda answer: answer["candidates"][0]["content"],
    plain=_without_signatures,
    result=_response,
    text=lambda answer: "".join(part["text"] for part in answer["candidates"][0]["content"]["parts"]),
)

APIS: Final = {"openrouter": _chat(OPENROUTER), "deepseek": _chat(DEEPSEEK), "messages": MESSAGES, "gemini": GEMINI}


@pytest.fixture
def stand_ins(vendor: Vendor) -> StandIns:
    servers = {server.name: server for server in (OPENROUTER, DEEPSEEK)}
    stand_ins = StandIns(Chat(KEY, servers), Messages(KEY), Gemini(KEY))
    vendor.responder = stand_ins
    return stand_ins


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> Api:
    return APIS[request.param]


async def ask(vendor: Vendor, api: Api, *turns: Any) -> tuple[int, Any]:
    """The status and the body of the answer."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(vendor.url + api.path, data=orjson.dumps(api.body(list(turns))), headers=api.headers) as answer,
    ):
        return answer.status, orjson.loads(await answer.read())


async def test_the_model_greets(vendor: Vendor, stand_ins: StandIns, api: Api) -> None:
    status, answer = await ask(vendor, api, api.user("Please say hello."))
    assert (status, api.text(answer)) == (200, "Hello from the model.")


async def test_the_model_gets_on_when_its_thinking_comes_back(vendor: Vendor, stand_ins: StandIns, api: Api) -> None:
    user = api.user("think")
    _, answer = await ask(vendor, api, user)
    made = api.made(answer)
    status, answer = await ask(vendor, api, user, made, api.result(made))
    assert (status, api.text(answer)) == (200, "get_weather said cold. ")
    assert stand_ins.refused == []


async def test_a_call_without_its_thinking_is_refused(vendor: Vendor, stand_ins: StandIns, api: Api) -> None:
    user = api.user("think")
    _, answer = await ask(vendor, api, user)
    made = api.made(answer)
    status, _ = await ask(vendor, api, user, api.plain(made), api.result(made))
    assert status == 400
    assert len(stand_ins.refused) == 1


async def test_the_thinking_of_another_call_is_refused(vendor: Vendor, stand_ins: StandIns) -> None:
    user = MESSAGES.user("think")
    made = [MESSAGES.made((await ask(vendor, MESSAGES, user))[1]) for _ in range(2)]
    mixed = {"role": "assistant", "content": [made[0]["content"][0], made[1]["content"][1]]}
    status, _ = await ask(vendor, MESSAGES, user, mixed, MESSAGES.result(mixed))
    assert status == 400


async def test_a_call_under_another_id_is_refused(vendor: Vendor, stand_ins: StandIns, api: Api) -> None:
    user = api.user("use tools")
    made = api.made((await ask(vendor, api, user))[1])
    renamed = orjson.loads(orjson.dumps(made).replace(b'"call_1_0"', b'"call_other"'))
    assert renamed != made
    status, _ = await ask(vendor, api, user, renamed, api.result(renamed))
    assert status == 400


async def test_a_wrong_key_is_refused(vendor: Vendor, stand_ins: StandIns, api: Api) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(vendor.url + api.path, data=orjson.dumps(api.body([api.user("say hello")]))) as answer,
    ):
        assert answer.status in (400, 401, 403)
    assert len(stand_ins.refused) == 1


@pytest.mark.parametrize("name", ["openrouter", "messages", "gemini"])
async def test_the_model_tells_which_image_it_was_shown(vendor: Vendor, stand_ins: StandIns, name: str) -> None:
    api = APIS[name]
    _, answer = await ask(vendor, api, api.shown("look at the image"))
    assert api.text(answer) == f"I see {hashlib.sha256(PNG).hexdigest()[:16]}."


async def test_no_image_is_no_digest(vendor: Vendor, stand_ins: StandIns, api: Api) -> None:
    _, answer = await ask(vendor, api, api.user("look at the image"))
    assert api.text(answer) == "I see nothing."


async def test_what_no_instructions_are_for_is_told(vendor: Vendor, stand_ins: StandIns, api: Api) -> None:
    _, answer = await ask(vendor, api, api.user("sing"))
    assert api.text(answer) == "I have no instructions for this: sing"


async def test_the_limit_is_the_vendors_own(vendor: Vendor, stand_ins: StandIns, api: Api) -> None:
    status, answer = await ask(vendor, api, api.user("fail 429"))
    assert status == 429
    assert "error" in answer


def test_an_example_follows_references_and_alternatives() -> None:
    schema = {
        "$defs": {"place": {"type": "object", "properties": {"name": {"enum": ["Bergen"]}}}},
        "type": "object",
        "properties": {
            "place": {"$ref": "#/$defs/place"},
            "degrees": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
            "note": {"type": ["string", "null"]},
        },
    }
    assert example(schema) == {"place": {"name": "Bergen"}, "degrees": [4], "note": "Oslo"}
