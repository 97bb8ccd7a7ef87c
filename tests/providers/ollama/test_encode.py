"""Requests as Ollama's own API takes them."""

import base64
import json
from typing import Any, Final

import pytest
from ollama._types import ChatRequest

from providers.ollama import Ollama
from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.provider.contract import Call
from proxy.provider.errors import ProviderError
from proxy.responses.errors import ResponsesError
from proxy.responses.request import parse_create
from proxy.responses.seal import Sealer, SealKey
from tests.providers.ollama.exchanges import WX, provider

PNG: Final = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(24)).decode()
SEALER: Final = Sealer([SealKey("test", bytes(32))])
USUAL: Final = {"model", "messages", "options", "truncate", "shift", "stream"}


def sent(server: Ollama | None = None, model: str = "qwen3.5", **request: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body, which the vendor's SDK has to take, and what became of what is not carried as it is."""
    target = Target(Endpoint("o", server or provider(), None), model)  # type: ignore[arg-type] # nobody is asked
    asked = parse_create({"model": model, "input": "Hi", **request})
    prepared, _ = prepare(asked, target, rules=Rules(), sealer=SEALER, client="c")
    call = encode(prepared, target, Rules())
    assert (call.path, call.framing) == ("/api/chat", "ndjson")
    body: dict[str, Any] = json.loads(call.body)
    ChatRequest.model_validate({name: value for name, value in body.items() if name not in ("truncate", "shift")})
    return body, {loss.path: loss.disposition for loss in prepared.conversions}


def refused(**request: Any) -> ResponsesError:
    with pytest.raises(ResponsesError) as raised:
        sent(**request)
    return raised.value


def test_every_request_names_its_context_and_asks_for_nothing_to_be_cut() -> None:
    body, losses = sent()
    assert body["options"] == {"num_ctx": 8192}
    assert (body["truncate"], body["shift"], body["stream"]) == (False, False, False)
    assert (set(body), losses) == (USUAL, {})


def test_a_model_has_its_own_context() -> None:
    server = provider()
    endpoint = Endpoint("o", server, None, changes={"big": {"context_window": 131_072}})  # type: ignore[arg-type] # nobody is asked
    assert endpoint.capabilities("big").context_window == 131_072
    assert endpoint.capabilities("other").context_window == 8192
    assert provider(num_ctx=4096).capabilities("other").context_window == 4096


def test_what_cannot_fit_is_refused_before_anything_is_cut() -> None:
    error = refused(server=provider(num_ctx=256), input="word " * 400)
    assert (error.status, error.code, error.param) == (400, "context_length_exceeded", "input")


def test_limits_and_sampling_are_options() -> None:
    body, losses = sent(max_output_tokens=30, temperature=0.5, top_p=0.9)
    assert body["options"] == {"num_ctx": 8192, "num_predict": 30, "temperature": 0.5, "top_p": 0.9}
    assert losses == {}


def test_the_operators_options_stand_behind_the_clients() -> None:
    server = provider(options={"seed": 7, "temperature": 1.0}, extra_body={"options": {"top_k": 5}, "keep_alive": -1})
    body, _ = sent(server, temperature=0.5)
    assert body["options"] == {"seed": 7, "temperature": 0.5, "num_ctx": 8192, "top_k": 5}
    assert body["keep_alive"] == -1


@pytest.mark.parametrize(
    ("model", "effort", "think", "disposition"),
    [
        ("qwen3.5", "none", False, None),
        ("qwen3.5", "medium", True, None),
        ("qwen3.5", "high", True, "approximated"),
        ("gpt-oss:20b", "low", "low", None),
        ("gpt-oss:20b", "none", "low", "approximated"),
        ("gpt-oss:20b", "xhigh", "high", "approximated"),
        ("qwen3.8:30b", "xhigh", "max", "approximated"),
        ("llama3.2", "none", None, "ignored"),
        ("llama3.2", "high", None, "dropped"),
        ("someone/llama3.2:1b", "high", None, "dropped"),
    ],
)
def test_efforts(model: str, effort: str, think: bool | str | None, disposition: str | None) -> None:
    body, losses = sent(model=model, reasoning={"effort": effort})
    assert body.get("think") == think
    assert losses.get("reasoning.effort") == disposition


def test_nothing_is_said_of_thinking_unless_it_is_asked_for() -> None:
    assert "think" not in sent()[0]


def test_a_tool_loop_has_objects_names_and_the_thinking_of_the_open_turn() -> None:
    body, _ = sent(
        tools=[WX],
        input=[
            {"role": "user", "content": "Weather?"},
            {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Need it"}]},
            {"type": "function_call", "call_id": "c1", "name": "wx", "arguments": '{"city": "Oslo"}'},
            {"type": "function_call", "call_id": "c2", "name": "wx", "arguments": "not json"},
            {"type": "function_call_output", "call_id": "c2", "output": "4 C"},
            {"type": "function_call_output", "call_id": "c1", "output": "3 C"},
        ],
    )
    assert body["messages"] == [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": "",
            "thinking": "Need it",
            "tool_calls": [
                {"id": "c1", "function": {"index": 0, "name": "wx", "arguments": {"city": "Oslo"}}},
                {"id": "c2", "function": {"index": 1, "name": "wx", "arguments": {"_raw": "not json"}}},
            ],
        },
        {"role": "tool", "tool_name": "wx", "tool_call_id": "c1", "content": "3 C"},
        {"role": "tool", "tool_name": "wx", "tool_call_id": "c2", "content": "4 C"},
    ]


def test_thinking_of_earlier_turns_stays_behind() -> None:
    body, losses = sent(
        input=[
            {"role": "user", "content": "A"},
            {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Old"}]},
            {"role": "assistant", "content": "B"},
            {"role": "user", "content": "C"},
        ]
    )
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert all("thinking" not in message for message in body["messages"])
    assert losses == {"input[1]": "ignored"}


def test_images_are_bare_base64() -> None:
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
    body, _ = sent(input=[{"role": "user", "content": [image, {"type": "input_text", "text": "What is it?"}]}])
    assert body["messages"] == [{"role": "user", "content": "What is it?", "images": [PNG]}]


def test_images_of_a_result_follow_as_a_message_of_the_user() -> None:
    body, losses = sent(
        tools=[WX],
        input=[
            {"type": "function_call", "call_id": "c1", "name": "wx", "arguments": "{}"},
            {
                "type": "function_call_output",
                "call_id": "c1",
                "output": [
                    {"type": "input_text", "text": "a picture"},
                    {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
                ],
            },
        ],
    )
    assert [message["role"] for message in body["messages"]] == ["assistant", "tool", "user"]
    assert body["messages"][2]["images"] == [PNG]
    assert losses["input[1]"] == "approximated"


def test_a_text_file_is_text_and_a_pdf_is_refused() -> None:
    text = base64.b64encode(b"hello").decode()
    file = {"type": "input_file", "filename": "a.txt", "file_data": f"data:text/plain;base64,{text}"}
    assert sent(input=[{"role": "user", "content": [file]}])[0]["messages"][0]["content"] == "File a.txt:\nhello"
    pdf = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"}
    assert refused(input=[{"role": "user", "content": [pdf]}]).param == "input[0].content[0].file_data"


def test_a_form_is_the_schema_itself() -> None:
    form = {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}
    body, losses = sent(text={"format": form})
    assert (body["format"], losses) == ({"type": "object"}, {"text.format.strict": "ignored"})
    assert sent(text={"format": {"type": "json_object"}})[0]["format"] == "json"


@pytest.mark.parametrize(
    ("model", "request_members"), [("qwen3.5", {"tools": [WX]}), ("kimi-k3:1t-cloud", {}), ("glm-5:cloud", {})]
)
def test_a_form_that_is_not_held_to_is_asked_for_in_words(model: str, request_members: dict[str, Any]) -> None:
    form = {"type": "json_schema", "name": "a", "schema": {"type": "object"}}
    body, losses = sent(model=model, text={"format": form}, **request_members)
    assert "format" not in body
    assert losses["text.format"] == "approximated"


def test_choices_that_cannot_be_forced_are_asked_for_in_words() -> None:
    other = {**WX, "name": "other"}
    body, losses = sent(tools=[WX, other], tool_choice={"type": "function", "name": "wx"})
    assert [tool["function"]["name"] for tool in body["tools"]] == ["wx"]
    assert body["messages"][-1] == {"role": "system", "content": "Call the tool wx."}
    assert losses == {"tool_choice": "approximated"}
    assert "tools" not in sent(tools=[WX], tool_choice="none")[0]


def test_a_wish_to_think_that_a_model_refuses_is_taken_back() -> None:
    call = Call("/api/chat", json.dumps({"model": "m", "think": True}).encode())
    server = provider()
    refusal = server.error(400, {}, b'{"error":"\\"m\\" does not support thinking"}')
    amended = server.amend(call, refusal)
    assert amended is not None
    assert json.loads(amended[0].body) == {"model": "m"}
    assert [(loss.path, loss.disposition) for loss in amended[1]] == [("reasoning.effort", "dropped")]
    assert server.amend(call, ProviderError("bad_request", "else", vendor_status=400)) is None


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("http://lab:11434/", "http://lab:11434"),
        ("http://lab:11434/api", "http://lab:11434"),
        ("http://lab:11434/v1", "http://lab:11434"),
        ("https://ollama.com", "https://ollama.com"),
    ],
)
def test_the_path_is_added_once(written: str, address: str) -> None:
    assert provider(base_url=written).base_url == address


# --- what is not lost in silence --------------------------------------------------------------------------------------


def test_what_may_be_too_long_for_an_older_server_is_declared() -> None:
    server = provider(num_ctx=256)
    assert "input" not in sent(server, input="word " * 100)[1]
    assert sent(server, input="word " * 200)[1]["input"] == "approximated"
    assert sent(server, input="字" * 200)[1]["input"] == "approximated"
    assert sent(server, tools=[{**WX, "description": "word " * 120}])[1]["input"] == "approximated"


def test_tools_and_calls_count_for_what_fits() -> None:
    assert refused(server=provider(num_ctx=256), tools=[{**WX, "description": "word " * 400}]).param == "input"
    call = {"type": "function_call", "call_id": "c", "name": "wx", "arguments": json.dumps({"a": "word " * 400})}
    items = [call, {"type": "function_call_output", "call_id": "c", "output": "3 C"}]
    assert refused(server=provider(num_ctx=256), input=items, tools=[WX]).code == "context_length_exceeded"


def test_images_are_not_counted_as_text() -> None:
    large = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(100_000)).decode()
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{large}"}
    assert "input" not in sent(provider(num_ctx=256), input=[{"role": "user", "content": [image]}])[1]


def test_in_the_cloud_the_context_is_the_models_own() -> None:
    body, losses = sent(model="glm-5:cloud", input="word " * 50_000)
    assert body["options"] == {}
    assert losses == {}


def parameters(**schema: Any) -> tuple[dict[str, Any], str | None]:
    body, losses = sent(tools=[{"type": "function", "name": "wx", "parameters": schema}])
    return body["tools"][0]["function"]["parameters"], losses.get("tools[0].parameters")


def test_a_schema_that_the_server_can_read_is_sent_as_it_is() -> None:
    schema = {
        "properties": {"a": {"type": ["string", "null"], "enum": ["b", None]}, "c": {"type": "array", "items": {}}},
        "required": ["a"],
        "type": "object",
        "additionalProperties": False,
    }
    assert parameters(**schema) == (schema, None)


def test_a_schema_has_an_object_at_its_root() -> None:
    assert parameters(properties={}) == ({"type": "object", "properties": {}}, None)
    assert parameters(type=["object", "null"]) == ({"type": "object"}, "approximated")


def test_references_are_put_in_place() -> None:
    told, loss = parameters(
        type="object",
        properties={"a": {"$ref": "#/$defs/a", "description": "Mine"}},
        **{"$defs": {"a": {"type": "string", "description": "Any"}}},
    )
    assert told == {"type": "object", "properties": {"a": {"type": "string", "description": "Mine"}}}
    assert loss is None


def test_a_schema_inside_itself_is_cut_and_declared() -> None:
    told, loss = parameters(type="object", properties={"a": {"$ref": "#"}})
    assert told["properties"]["a"]["properties"]["a"] == {"type": "object"}
    assert loss == "approximated"


def test_what_the_server_does_not_tell_the_model_is_declared() -> None:
    told, loss = parameters(type="object", properties={"a": {"type": "integer", "minimum": 1}, "b": True, "c": False})
    assert told["properties"] == {"a": {"type": "integer", "minimum": 1}, "b": {}, "c": {"not": {}}}
    assert loss == "approximated"


def test_a_schema_without_end_is_refused() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(100):
        schema = {"type": "object", "properties": {"a": schema}}
    assert refused(tools=[{"type": "function", "name": "wx", "parameters": schema}]).param == "tools[0].parameters"
    odd: list[Any] = []
    for _ in range(260):
        odd = [odd]
    assert refused(tools=[{"type": "function", "name": "wx", "parameters": {"enum": odd}}]).param == "tools"
    form = {"type": "json_schema", "name": "a", "schema": {"enum": odd}}
    assert refused(text={"format": form}).param == "text.format"


def test_arguments_stand_as_they_are() -> None:
    deep = '{"n": 12345678901234567890123, "a": ' + "[" * 300 + "]" * 300 + "}"
    call = {"type": "function_call", "call_id": "c", "name": "wx", "arguments": deep}
    items = [call, {"type": "function_call_output", "call_id": "c", "output": "3 C"}]
    body, losses = sent(input=items, tools=[WX])
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == json.loads(deep)
    assert losses == {}


def test_a_failure_is_told() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "wx", "arguments": "[]"}
    result = {"type": "function_call_output", "call_id": "c", "output": "no network", "status": "incomplete"}
    body, losses = sent(input=[call, result], tools=[WX])
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == {"_raw": "[]"}
    assert body["messages"][1]["content"] == "The tool failed.\nno network"
    assert losses == {"input[0].arguments": "approximated", "input[1].output": "approximated"}


def test_messages_of_the_assistant_stay_apart() -> None:
    said = [{"role": "assistant", "content": text} for text in ("A", "B")]
    body, losses = sent(input=[{"role": "user", "content": "Hi"}, *said])
    assert [message["content"] for message in body["messages"]] == ["Hi", "A", "B"]
    assert losses == {"input[2]": "approximated"}


def test_thinking_that_nothing_came_of_is_declared() -> None:
    thought = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm"}]}
    body, losses = sent(input=[{"role": "user", "content": "Hi"}, thought])
    assert len(body["messages"]) == 1
    assert losses == {"input[1]": "ignored"}


def test_thinking_reaches_its_answer_over_a_system_message() -> None:
    thought = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm"}]}
    items = [{"role": "user", "content": "Hi"}, thought, {"role": "system", "content": "Be"}]
    body, losses = sent(input=[*items, {"role": "assistant", "content": "A"}])
    assert body["messages"][-1] == {"role": "assistant", "content": "A", "thinking": "Hm"}
    assert losses == {"input[3]": "approximated"}


def test_a_level_that_is_refused_becomes_a_plain_wish() -> None:
    server = provider()
    call = Call("/api/chat", json.dumps({"model": "m", "think": "max"}).encode())
    amended = server.amend(call, server.error(400, {}, b'{"error":"invalid think value: \\"max\\""}'))
    assert amended is not None
    assert json.loads(amended[0].body) == {"model": "m", "think": True}
    assert [(loss.path, loss.disposition) for loss in amended[1]] == [("reasoning.effort", "approximated")]
