"""Tools that the client runs, through the whole gateway: streamed, plain, kept, listed and taken up again."""

from typing import Any

import pytest

from proxy.testing.grammar import check_stream
from tests.http.test_resume import frames, response_id_of, resumed
from tests.vendors.gateway import MODELS, PROTOCOLS, Gateway
from tests.vendors.script import Called, Turn
from tests.vendors.server import Vendor

TOOLS: list[dict[str, Any]] = [
    {"type": "shell"},
    {"type": "custom", "name": "note"},
    {"type": "namespace", "name": "mail", "description": "Mail", "tools": [{"type": "function", "name": "send"}]},
]
TURN = Turn(
    "Let me see.",
    calls=(
        Called("shell", ('{"comm', 'ands":["ls"]}'), id="call_1"),
        Called("note", ('{"input":"one\\', 'ntwo"}'), id="call_2"),
        Called("mail__send", ("{}",), id="call_3"),
    ),
)
KINDS = ["message", "shell_call", "custom_tool_call", "function_call"]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("arguments", ["ls -l", '{"commands":[]}', '["ls"]'])
async def test_a_call_that_nobody_can_carry_out_fails_the_response(
    gateway: Gateway, vendor: Vendor, arguments: str, stream: bool
) -> None:
    vendor.play(Turn("Let me see.", calls=(Called("shell", (arguments,)),)))
    answer = await gateway.create(model=MODELS["openai_chat"], input="Hi", stream=stream, tools=TOOLS)
    if stream:
        assert check_stream(answer.body) == []
        assert answer.response["status"] == "failed"
        assert "shell_call" in answer.response["error"]["message"]
        assert [item["type"] for item in answer.response["output"]] == ["message"]
    else:
        assert answer.status == 502
        assert "shell_call" in answer.json["error"]["message"]


AS_FUNCTIONS = pytest.mark.parametrize(
    "model", [MODELS[protocol] for protocol in PROTOCOLS if protocol != "responses"], ids=lambda model: model
)
"""Models that are offered these tools as functions: OpenAI's own API has them itself."""


@AS_FUNCTIONS
@pytest.mark.parametrize("background", [False, True])
async def test_calls_of_every_kind_are_kept_and_taken_up_again(
    gateway: Gateway, vendor: Vendor, model: str, background: bool
) -> None:
    vendor.play(TURN)
    answer = await gateway.create(model=model, input="Hi", stream=True, background=background, tools=TOOLS)
    assert check_stream(answer.body) == []
    output = answer.response["output"]
    assert [item["type"] for item in output] == KINDS
    assert (output[1]["action"]["commands"], output[2]["input"], output[3]["namespace"]) == (["ls"], "one\ntwo", "mail")
    whole, response_id = frames(answer.body), response_id_of(answer.body)
    for after in (None, 3, len(whole) - 3):
        start = 0 if after is None else after + 1
        assert await resumed(gateway, response_id, after) == whole[start:]


@AS_FUNCTIONS
async def test_their_outputs_go_on_with_a_kept_response_and_are_listed(
    gateway: Gateway, vendor: Vendor, model: str
) -> None:
    vendor.play(TURN)
    first = (await gateway.create(model=model, input="Hi", tools=TOOLS)).response
    ids = [item["call_id"] for item in first["output"][1:]]
    printed = [{"stdout": "a file", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]
    outputs = [
        {"type": "shell_call_output", "call_id": ids[0], "output": printed},
        {"type": "custom_tool_call_output", "call_id": ids[1], "output": "noted"},
        {"type": "function_call_output", "call_id": ids[2], "output": "sent"},
    ]
    vendor.play(Turn("Done."))
    second = await gateway.create(model=model, input=outputs, previous_response_id=first["id"], tools=TOOLS)
    assert second.status == 200, second.body
    listed = (await gateway.request("GET", f"/v1/responses/{second.response['id']}/input_items?order=asc")).json["data"]
    assert [item["type"] for item in listed] == ["message", *KINDS, *(output["type"] for output in outputs)]
    assert listed[2] == first["output"][1]
    counted = await gateway.create(
        path="/v1/responses/input_tokens", model=model, input=outputs, previous_response_id=first["id"], tools=TOOLS
    )
    assert counted.json["input_tokens"] > 0, counted.body
