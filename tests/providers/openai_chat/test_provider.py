"""The provider itself: settings, credentials, origins, second tries, lists of models."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from proxy.provider.contract import Call, HttpAnswer
from proxy.provider.errors import ProviderError
from proxy.provider.secret import Secret
from tests.providers.openai_chat.material import CLOCK, GENERIC, OPENAI, encoded, messages_of, prepared, system, user


class OneAnswer:
    """An HTTP client with one answer."""

    def __init__(self, status: int, body: object) -> None:
        self.answer = HttpAnswer(status, {}, body if isinstance(body, bytes) else orjson.dumps(body))
        self.asked: list[tuple[str, str, Mapping[str, str] | None]] = []

    async def request(self, method: Any, url: Any, *, headers: Any = None, body: Any = None) -> Any:
        self.asked.append((method, url, headers))
        return self.answer


def provider(**settings: Any) -> Any:
    return OpenAIChat(OpenAIChatSettings(**settings), "name")


def test_settings() -> None:
    assert OpenAIChat.environment_key is None, "the variable belongs to the provider `responses`"
    assert OpenAIChat.type == "openai_chat"
    assert provider().base_url == "https://api.openai.com/v1"
    assert provider(base_url="http://x:1/v1/").base_url == "http://x:1/v1"
    assert provider(base_url="http://x:1/v1", dialect="vllm").settings.chosen.name == "vllm"
    for wrong in ({"dialect": "none"}, {"base_url": "x"}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            provider(**wrong)


def test_the_key_does_not_show() -> None:
    assert "sk-1" not in repr(OpenAIChatSettings(api_key="sk-1"))


async def test_credentials() -> None:
    call, http = Call("/chat/completions", b""), OneAnswer(200, {})
    assert await provider().authorize(call, http) == {}
    full = provider(api_key="sk-1", organization="org", project="p")
    assert await full.authorize(call, http) == {
        "Authorization": "Bearer sk-1",
        "OpenAI-Organization": "org",
        "OpenAI-Project": "p",
    }


def test_proofs_are_valid_at_the_same_endpoint_and_account() -> None:
    origins = {
        provider(base_url=base_url, api_key=Secret(key)).origin("m")
        for base_url in ("http://a/v1", "http://b/v1")
        for key in ("1", "2")
    }
    assert len(origins) == 4
    assert "sk-1" not in str(provider(api_key="sk-1").origin("m"))


def test_capabilities() -> None:
    assert OPENAI.capabilities("gpt-6-sol").efforts == ("none", "low", "medium", "high", "xhigh")
    assert OPENAI.capabilities("gpt-6-sol-2026-01-01").family == "gpt-6-sol-2026-01-01"
    assert OPENAI.capabilities("gpt-4o").reasoning is False
    assert OPENAI.capabilities("o3").sampling is False
    assert OPENAI.capabilities("gpt-4.1").allowed_tools is True
    assert GENERIC.capabilities("qwen3").family == "qwen3"
    assert GENERIC.capabilities("qwen3").allowed_tools is False


# --- second tries ----------------------------------------------------------------------------------------------------

REQUEST: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "include": ["message.output_text.logprobs"],
    "top_logprobs": 2,
    "reasoning": {"effort": "low"},
    "max_output_tokens": 50,
    "parallel_tool_calls": False,
}


def amended(message: str, param: Any = None, status: int = 400) -> Any:
    error = GENERIC.error(status, {}, orjson.dumps({"error": {"message": message, "param": param}}))
    call = GENERIC.encode(prepared(GENERIC, stream=True, tools=[CLOCK], **REQUEST))
    before = orjson.loads(call.body)
    changed = GENERIC.amend(call, error)
    if changed is None:
        return None
    after = orjson.loads(changed[0].body)
    assert (changed[0].path, changed[0].stream) == (call.path, call.stream)
    return before.keys() - after.keys(), after.keys() - before.keys(), changed[1][0].path, changed[1][0].disposition


@pytest.mark.parametrize(
    ("message", "param", "gone", "path"),
    [
        ("Unknown field", "temperature", {"temperature"}, "temperature"),
        ("Unsupported parameter: 'top_p' is not supported with this model.", None, {"top_p"}, "top_p"),
        ("reasoning_effort is not supported", None, {"reasoning_effort"}, "reasoning.effort"),
        ("logprobs are not permitted", None, {"logprobs", "top_logprobs"}, "top_logprobs"),
        ("Unrecognized request argument: parallel_tool_calls", None, {"parallel_tool_calls"}, "parallel_tool_calls"),
    ],
)
def test_a_member_that_the_server_names_is_left_out_once(message: str, param: Any, gone: set[str], path: Any) -> None:
    assert amended(message, param) == (gone, set(), path, "dropped")


def test_log_probabilities_that_were_asked_for_by_include_alone_are_told_as_that() -> None:
    call = GENERIC.encode(prepared(GENERIC, include=["message.output_text.logprobs"]))
    changed = GENERIC.amend(call, GENERIC.error(400, {}, b'{"error": {"message": "logprobs are not supported"}}'))
    assert changed is not None
    assert "logprobs" not in orjson.loads(changed[0].body)
    assert changed[1][0].path == "include"


@pytest.mark.parametrize(
    ("message", "param", "gone"),
    [
        ("Unknown parameter: 'thinking'.", None, {"thinking"}),
        ("Unknown parameter.", "thinking", {"thinking"}),
        ("enable_thinking is not supported", None, {"enable_thinking", "thinking_budget"}),
        ("Unrecognized request argument: thinking_budget", None, {"thinking_budget"}),
        ("The tool_choice is not supported in thinking mode", None, None),
    ],
)
def test_how_a_server_is_told_to_think_is_left_out(message: str, param: Any, gone: set[str] | None) -> None:
    members = {"enable_thinking": True, "thinking_budget": 5, "thinking": {"type": "enabled"}}
    call = Call("/chat/completions", orjson.dumps({"model": "m", "messages": [], **members}))
    error = GENERIC.error(400, {}, orjson.dumps({"error": {"message": message, "param": param}}))
    changed = GENERIC.amend(call, error)
    if gone is None:
        assert changed is None
    else:
        assert changed is not None
        assert members.keys() - orjson.loads(changed[0].body).keys() == gone
        assert (changed[1][0].path, changed[1][0].disposition) == ("reasoning.effort", "dropped")


def test_ends_of_cached_beginnings_are_left_out() -> None:
    part = {"type": "input_text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "explicit"}}
    call = OPENAI.encode(prepared(OPENAI, user(part), model="gpt-6-sol"))
    said = {"message": "Unknown parameter.", "param": "messages[0].content[0].prompt_cache_breakpoint"}
    changed = OPENAI.amend(call, OPENAI.error(400, {}, orjson.dumps({"error": said})))
    assert changed is not None
    assert b"prompt_cache_breakpoint" in call.body
    assert b"prompt_cache_breakpoint" not in changed[0].body
    assert (changed[1][0].path, changed[1][0].disposition) == ("input.content.prompt_cache_breakpoint", "ignored")


@pytest.mark.parametrize("status", [400, 422])
def test_stream_options_are_left_out(status: int) -> None:
    expected: Any = ({"stream_options"}, set(), "stream_options", "ignored")
    assert amended("stream_options: extra fields not permitted", status=status) == expected
    assert amended("bad", "stream_options.include_usage", status=status) == expected


def test_the_output_limit_gets_its_other_name() -> None:
    message = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    expected = ({"max_tokens"}, {"max_completion_tokens"}, "max_output_tokens", "approximated")
    assert amended(message, "max_tokens") == expected


@pytest.mark.parametrize(
    ("message", "param", "status"),
    [
        ("temperature must be at most 2", "temperature", 400),
        ("tools are not supported", "tools", 400),
        ("the user is unknown", None, 400),
        ("temperature is not supported", None, 500),
        ("my_temperature is not supported", None, 400),
        ("Thinking mode does not support this tool_choice", None, 400),
    ],
)
def test_what_is_not_amended(message: str, param: Any, status: int) -> None:
    assert amended(message, param, status) is None


# --- models ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ({"object": "list", "data": [{"id": "a"}, {"id": "b", "created": 1}]}, ["a", "b"]),
        ({"models": [{"name": "a"}, {"model": "b"}]}, ["a", "b"]),
        ([{"id": "a"}, "b", None, {"id": 5}, {"id": "a"}], ["a", "b"]),
        ({"data": None}, []),
        (5, []),
    ],
)
async def test_lists_of_models(body: Any, ids: list[str]) -> None:
    http = OneAnswer(200, body)
    assert await provider(base_url="http://x/v1", api_key="k").list_models(http) == ids
    assert http.asked == [("GET", "http://x/v1/models", {"Authorization": "Bearer k"})]


@pytest.mark.parametrize(("status", "body"), [(401, {"error": "no"}), (404, b"<html>"), (200, b"<html>")])
async def test_a_list_that_cannot_be_had(status: int, body: Any) -> None:
    with pytest.raises(ProviderError):
        await provider(base_url="http://x/v1").list_models(OneAnswer(status, body))


def test_a_deployment_behaves_like_the_model_behind_it() -> None:
    able = OPENAI.capabilities("gpt-4.1")
    request = replace(prepared(OPENAI, system("Be brief"), user("Hi"), model="my-deployment"), capabilities=able)
    assert messages_of(OPENAI, request)[0]["role"] == "system"
    assert encoded(OPENAI, request)["model"] == "my-deployment"
