"""Requests that name a prompt: what the vendor is sent, what is echoed, in which order errors come."""

import asyncio
from typing import Any

import pytest

from config.errors import ConfigurationError
from tests.http.sockets import connected
from tests.vendors.gateway import MODELS, Gateway, Gateways
from tests.vendors.script import Turn
from tests.vendors.server import Vendor

CHAT, CLAUDE = MODELS["openai_chat"], MODELS["anthropic"]

PROMPTS: dict[str, Any] = {
    "support": {
        "versions": {
            "1": {"instructions": "Answer for {{company}}."},
            "2": {
                "model": CHAT,
                "instructions": "You work at {{company}}.",
                "input": [{"role": "user", "content": "I ask: {{question}}"}],
                "max_output_tokens": 77,
            },
        }
    },
    "silent": {"model": "toy/any", "instructions": "Be brief.", "input": "/usage none\n/say one two three four"},
}
VARIABLES = {"company": "ACME", "question": "Why?"}
ASKED = {"id": "support", "variables": VARIABLES}


@pytest.fixture
async def gateway(gateways: Gateways) -> Gateway:
    return await gateways.start(prompts=PROMPTS)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_prompt_alone_is_a_whole_request(gateway: Gateway, vendor: Vendor, stream: bool) -> None:
    answer = await gateway.create(prompt=ASKED, stream=stream)
    response = answer.response
    assert response["prompt"] == ASKED
    assert response["model"] == CHAT
    assert response["instructions"] == "You work at ACME."
    assert response["max_output_tokens"] == 77
    assert [message["content"] for message in vendor.last.json["messages"]] == ["You work at ACME.", "I ask: Why?"]
    assert 77 in vendor.last.json.values()


async def test_every_model_takes_a_prompt(gateway: Gateway, vendor: Vendor, model: str) -> None:
    answer = await gateway.create(model=model, prompt=ASKED, input="And now?")
    assert answer.response["model"] == model
    body = vendor.last.body.decode()
    places = [body.find(words) for words in ("I ask: Why?", "And now?")]
    assert -1 not in places
    assert places == sorted(places)
    assert "You work at ACME." in body


async def test_the_history_stands_before_the_template(gateway: Gateway, vendor: Vendor) -> None:
    first = await gateway.create(model=CHAT, input="First of all.")
    for body in ({"input": "And now?"}, {}):
        await gateway.create(prompt=ASKED, previous_response_id=first.response["id"], **body)
        texts = [message["content"] for message in vendor.last.json["messages"]]
        assert texts[:4] == ["You work at ACME.", "First of all.", "Hello there.", "I ask: Why?"]
        assert texts[4:] == list(body.values())


async def test_a_template_s_input_is_part_of_what_is_kept(gateway: Gateway, vendor: Vendor) -> None:
    first = await gateway.create(prompt=ASKED, input="And now?")
    listed = await gateway.request("GET", f"/v1/responses/{first.response['id']}/input_items?order=asc")
    assert [item["content"][0]["text"] for item in listed.json["data"]] == ["I ask: Why?", "And now?"]
    await gateway.create(model=CHAT, input="Then?", previous_response_id=first.response["id"])
    texts = [message["content"] for message in vendor.last.json["messages"]]
    assert texts == ["I ask: Why?", "And now?", "Hello there.", "Then?"]


async def test_a_prompt_in_a_conversation(gateway: Gateway, vendor: Vendor) -> None:
    created = await gateway.request("POST", "/v1/conversations", body=b"{}")
    for _ in range(2):
        await gateway.create(prompt=ASKED, conversation=created.json["id"])
    texts = [message["content"] for message in vendor.last.json["messages"]]
    assert texts == ["You work at ACME.", "I ask: Why?", "Hello there.", "I ask: Why?"]


async def test_a_prompt_in_the_background_and_over_a_websocket(gateway: Gateway, vendor: Vendor) -> None:
    begun = await gateway.create(prompt=ASKED, background=True)
    assert begun.json["instructions"] == "You work at ACME."
    recorded = await vendor.arrival()
    assert "I ask: Why?" in recorded.body.decode()
    async with connected(gateway) as socket:
        response = await socket.respond(prompt=ASKED)
    assert response["instructions"] == "You work at ACME."
    recorded = await vendor.arrival()
    assert "I ask: Why?" in recorded.body.decode()


async def test_an_estimate_counts_the_template(gateway: Gateway) -> None:
    answer = await gateway.create(prompt={"id": "silent"})
    usage = answer.response["usage"]
    assert answer.headers["x-dragoman-usage-source"] == "estimated"
    assert usage["output_tokens"] == 4
    bare = await gateway.create(model="toy/any", instructions="Be brief.", input=PROMPTS["silent"]["input"])
    assert usage["input_tokens"] == bare.response["usage"]["input_tokens"]


async def test_the_default_model_is_weaker_than_the_template(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(prompts=PROMPTS, default_model=CLAUDE)
    named = await gateway.create(prompt=ASKED)
    assert named.response["model"] == CHAT
    open_ = await gateway.create(prompt={"id": "support", "version": "1", "variables": {"company": "ACME"}}, input="x")
    assert open_.response["model"] == CLAUDE


async def test_a_client_may_not_use_a_model_because_a_prompt_names_it(gateways: Gateways, vendor: Vendor) -> None:
    clients = [{"name": "a", "key": "sk-client-a", "models": ["claude/*"]}]
    gateway = await gateways.start(prompts=PROMPTS, clients=clients)
    answer = await gateway.create(key="sk-client-a", prompt=ASKED)
    assert answer.error["code"] == "model_not_found"
    answer = await gateway.create(key="sk-client-a", prompt=ASKED, model=CLAUDE)
    assert answer.status == 200


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"prompt": {"id": "nobody"}}, 404, "Prompt with id 'nobody' not found."),
        ({"prompt": {"id": "nobody"}, "model": CHAT, "input": "x"}, 404, "Prompt with id 'nobody' not found."),
        ({"prompt": {"id": "support", "version": "9"}, "model": CHAT}, 404, "and version '9' not found."),
        ({"prompt": {"id": "support"}}, 400, "Invalid 'prompt.variables': the prompt needs a value for 'company'."),
        ({"prompt": ASKED, "temperature": 3}, 400, "'temperature'"),
        ({"prompt": {"id": "nobody"}, "model": "zzz"}, 400, "'zzz' does not exist"),
        (
            {"prompt": {"id": "nobody"}, "model": CHAT, "previous_response_id": "resp_1"},
            404,
            "Prompt with id 'nobody' not found.",
        ),
        ({"prompt": {"id": "nobody"}, "model": CHAT, "conversation": "conv_1"}, 404, "Conversation with id 'conv_1'"),
        ({"prompt": ASKED, "previous_response_id": "resp_1", "conversation": "conv_1"}, 400, "Mutually exclusive"),
        ({"prompt": {"id": "support", "version": "1", "variables": {"company": "A"}}, "model": CHAT}, 400, "One of"),
        ({"prompt": {"id": "support", "version": "1"}, "input": "x"}, 400, "Missing required parameter: 'model'"),
        ({"prompt": ASKED, "input": None}, 400, "'input'"),
        ({"prompt": "support"}, 400, "Missing required parameter: 'model'"),
        ({"prompt": {"id": "support", "variables": {"company": 5}}}, 400, "'prompt.variables.company'"),
    ],
)
async def test_what_is_wrong_is_said(
    gateway: Gateway, vendor: Vendor, body: dict[str, Any], status: int, says: str
) -> None:
    answer = await gateway.create(**body)
    assert answer.status == status
    assert says in answer.error["message"]
    assert vendor.requests == []


async def test_many_at_once_share_nothing(gateway: Gateway, vendor: Vendor) -> None:
    async def asked(number: int) -> str:
        variables = {"company": f"C{number}", "question": f"Q{number}?"}
        answer = await gateway.create(prompt={"id": "support", "variables": variables})
        told: str = answer.response["instructions"]
        return told

    vendor.always(Turn("Yes."))
    told = await asyncio.gather(*[asked(number) for number in range(50)])
    assert told == [f"You work at C{number}." for number in range(50)]
    sent = {str(recorded.json["messages"]) for recorded in vendor.requests}
    assert len(sent) == 50
    assert all(f"C{number}." in texts for texts in sent for number in [int(texts.partition("Q")[2].partition("?")[0])])


async def test_a_template_that_cannot_be_used_stops_the_start(gateways: Gateways) -> None:
    with pytest.raises(ConfigurationError, match=r"prompts.a.temperature: Invalid 'temperature'"):
        await gateways.start(prompts={"a": {"temperature": 3}})
