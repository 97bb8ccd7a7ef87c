"""Parameters, tools and choices become members of the body, or are declared, or refused."""

from dataclasses import fields
from typing import Any

import orjson
import pytest

from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.openai_chat.encode import PARAMETERS
from proxy.provider.contract import CORE_PARAMETERS
from proxy.provider.conversions import RefusedError
from proxy.provider.history import FunctionTool, ToolChoice
from proxy.responses.request import CreateRequest
from tests.providers.openai_chat.material import (
    CLOCK,
    GENERIC,
    LLAMA_CPP,
    OPENAI,
    PROVIDERS,
    VLLM,
    WEATHER,
    conversions_of,
    encoded,
    messages_of,
    prepared,
    settings_of,
    user,
)

LOGPROBS = "message.output_text.logprobs"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FORM = {"type": "json_schema", "name": "n", "description": "d", "schema": SCHEMA, "strict": True}


def losses(provider: OpenAIChat, **parameters: Any) -> Any:
    """The settings, and what is said of them."""
    request = prepared(provider, **parameters)
    return settings_of(provider, request), conversions_of(request)


def test_every_attribute_of_a_request_is_accounted_for() -> None:
    assert {field.name for field in fields(CreateRequest)} == PARAMETERS | CORE_PARAMETERS
    assert PARAMETERS.isdisjoint(CORE_PARAMETERS)


def test_a_plain_request_has_a_model_and_messages_only() -> None:
    for provider in PROVIDERS.values():
        assert losses(provider) == ({}, [])


def test_a_stream_asks_for_usage_and_for_no_padding() -> None:
    assert settings_of(OPENAI, prepared(OPENAI, stream=True)) == {
        "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
    }
    assert settings_of(GENERIC, prepared(GENERIC, stream=True)) == {
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_call() -> None:
    call = OPENAI.encode(prepared(OPENAI, stream=True))
    assert (call.path, call.method, call.stream, call.framing) == ("/chat/completions", "POST", True, "sse")


@pytest.mark.parametrize(
    ("provider", "member"),
    [(OPENAI, "max_completion_tokens"), (VLLM, "max_tokens"), (LLAMA_CPP, "max_tokens"), (GENERIC, "max_tokens")],
)
def test_the_output_limit(provider: OpenAIChat, member: str) -> None:
    assert losses(provider, max_output_tokens=99) == ({member: 99}, [])


def test_the_extra_body_comes_last() -> None:
    provider = OpenAIChat(OpenAIChatSettings(base_url="http://x/v1", extra_body={"seed": 1, "temperature": 0}))
    assert settings_of(provider, prepared(provider, temperature=0.5)) == {"temperature": 0, "seed": 1}


# --- reasoning and sampling ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        ("gpt-6-sol", "none", "none"),
        ("gpt-6-sol", "minimal", "low"),
        ("gpt-6-sol", "max", "xhigh"),
        ("gpt-6-astra", "none", "low"),
        ("gpt-5", "xhigh", "high"),
        ("gpt-5-2025-08-07", "none", "minimal"),
        ("gpt-5-pro", "low", "high"),
        ("gpt-5.5-pro", "none", "medium"),
        ("gpt-5.1-chat-latest", "high", "medium"),
        ("o3-mini", "max", "high"),
        ("o4-mini-2025-04-16", "minimal", "low"),
        ("a-model-nobody-knows", "max", "xhigh"),
    ],
)
def test_an_effort_is_lifted_to_the_nearest_accepted_one(model: str, effort: str, sent: Any) -> None:
    body, said = losses(OPENAI, model=model, reasoning={"effort": effort})
    assert body == {"reasoning_effort": sent}
    assert said == ([] if effort == sent else [("reasoning.effort", "approximated")])


@pytest.mark.parametrize(("effort", "disposition"), [("none", "ignored"), ("high", "dropped")])
def test_a_model_that_does_not_reason_gets_no_effort(effort: str, disposition: str) -> None:
    assert losses(OPENAI, reasoning={"effort": effort}) == ({}, [("reasoning.effort", disposition)])


@pytest.mark.parametrize("provider", [VLLM, LLAMA_CPP, GENERIC])
@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max"])
def test_other_servers_get_every_effort(provider: OpenAIChat, effort: str) -> None:
    assert losses(provider, reasoning={"effort": effort}) == ({"reasoning_effort": effort}, [])


def test_an_operator_may_narrow_the_efforts() -> None:
    request = prepared(VLLM, capabilities={"efforts": ("low", "high")}, reasoning={"effort": "medium"})
    assert settings_of(VLLM, request) == {"reasoning_effort": "high"}


@pytest.mark.parametrize(
    ("provider", "reasoning", "said"),
    [
        (OPENAI, {"summary": "auto"}, [("reasoning.summary", "dropped")]),
        (VLLM, {"summary": "auto"}, [("reasoning.summary", "approximated")]),
        (OPENAI, {"context": "all_turns"}, [("reasoning.context", "dropped")]),
        (
            OPENAI,
            {"context": "auto", "mode": "standard"},
            [("reasoning.mode", "ignored"), ("reasoning.context", "ignored")],
        ),
        (OPENAI, {"effort": None, "summary": None, "mode": None}, []),
    ],
)
def test_what_else_reasoning_has(provider: OpenAIChat, reasoning: Any, said: Any) -> None:
    assert losses(provider, model="gpt-6-sol", reasoning=reasoning) == ({}, said)


def test_the_reasoning_mode_pro_is_refused() -> None:
    with pytest.raises(RefusedError, match="pro"):
        losses(OPENAI, reasoning={"mode": "pro"})


@pytest.mark.parametrize(
    ("model", "effort", "kept"),
    [
        ("gpt-4.1", None, True),
        ("gpt-6-sol", None, False),
        ("gpt-6-sol", "none", True),
        ("gpt-5.2", None, True),
        ("gpt-5.2", "low", False),
        ("o3", None, False),
        ("gpt-6-astra", "none", False),
    ],
)
def test_sampling_is_sent_only_while_the_model_does_not_reason(model: str, effort: str, kept: bool) -> None:
    asked = {"temperature": 0.5, "top_p": 0.9, "presence_penalty": 1.0, "frequency_penalty": -1.0}
    body, said = losses(OPENAI, model=model, reasoning={"effort": effort} if effort else {}, **asked)
    assert asked.items() <= body.items() if kept else asked.keys().isdisjoint(body)
    assert {path for path, disposition in said if disposition == "dropped"} == (set() if kept else set(asked))


def test_no_penalty_is_no_loss() -> None:
    assert losses(OPENAI, model="o3", presence_penalty=0.0) == ({}, [("presence_penalty", "ignored")])


@pytest.mark.parametrize(
    ("parameters", "body"),
    [
        ({"top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"include": [LOGPROBS]}, {"logprobs": True}),
        ({"include": [LOGPROBS], "top_logprobs": 0}, {"logprobs": True}),
        ({"top_logprobs": 0}, {}),
    ],
)
def test_logprobs(parameters: Any, body: Any) -> None:
    assert losses(OPENAI, **parameters) == (body, [])


def test_logprobs_of_a_reasoning_model_are_dropped() -> None:
    said = [("top_logprobs", "dropped"), ("include[0]", "dropped")]
    assert losses(OPENAI, model="o3", include=[LOGPROBS], top_logprobs=2) == ({}, said)


def test_other_things_to_include_never_occur() -> None:
    include = ["reasoning.encrypted_content", "web_search_call.results"]
    assert losses(OPENAI, include=include) == ({}, [("include[0]", "ignored"), ("include[1]", "ignored")])


# --- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "strict", "said"),
    [
        (OPENAI, {"strict": True}, []),
        (VLLM, {}, []),
        (LLAMA_CPP, {}, []),
        (GENERIC, {}, [("text.format.strict", "approximated")]),
    ],
)
def test_a_json_schema_is_nested(provider: OpenAIChat, strict: Any, said: Any) -> None:
    nested = {"name": "n", "description": "d", "schema": SCHEMA, **strict}
    body = {"response_format": {"type": "json_schema", "json_schema": nested}}
    assert losses(provider, text={"format": FORM}) == (body, said)


def test_a_schema_that_is_no_longer_strict_counts_as_a_broken_contract() -> None:
    request = prepared(GENERIC, text={"format": FORM})
    encoded(GENERIC, request)
    assert request.conversions[0].strict_refuses


def test_strict_is_left_out_where_it_was_left_out() -> None:
    form = {"type": "json_schema", "name": "n", "schema": SCHEMA}
    body, _ = losses(OPENAI, text={"format": form})
    assert body["response_format"]["json_schema"] == {"name": "n", "schema": SCHEMA}


@pytest.mark.parametrize(("provider", "added"), [(OPENAI, True), (GENERIC, True), (VLLM, False), (LLAMA_CPP, False)])
def test_json_object_needs_the_word_json(provider: OpenAIChat, added: bool) -> None:
    form = {"format": {"type": "json_object"}}
    request = prepared(provider, user("Give me data"), text=form)
    body = encoded(provider, request)
    assert body["response_format"] == {"type": "json_object"}
    assert ("json" in str(body["messages"]).lower()) is added
    assert conversions_of(request) == ([("text.format", "approximated")] if added else [])
    assert messages_of(provider, prepared(provider, user("as JSON"), text=form)) == [
        {"role": "user", "content": "as JSON"}
    ]


def test_a_model_without_schemas_refuses_them() -> None:
    with pytest.raises(RefusedError) as refusal:
        encoded(GENERIC, prepared(GENERIC, capabilities={"json_schema": False}, text={"format": FORM}))
    assert refusal.value.param == "text.format"


@pytest.mark.parametrize(
    ("provider", "model", "verbosity", "expected"),
    [
        (OPENAI, "gpt-6-sol", "low", ({"verbosity": "low"}, [])),
        (OPENAI, "gpt-4.1", "low", ({}, [("text.verbosity", "dropped")])),
        (OPENAI, "gpt-4.1", "medium", ({}, [("text.verbosity", "ignored")])),
        (GENERIC, "m", "high", ({}, [("text.verbosity", "dropped")])),
    ],
)
def test_verbosity(provider: OpenAIChat, model: str, verbosity: str, expected: Any) -> None:
    assert losses(provider, model=model, text={"verbosity": verbosity}) == expected


# --- tools -----------------------------------------------------------------------------------------------------------

WEATHER_BODY = {
    "type": "function",
    "function": {"name": "weather", "description": "Tells the weather.", "parameters": WEATHER.parameters},
}
CLOCK_BODY = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}


def test_tools() -> None:
    assert losses(OPENAI, tools=[WEATHER, CLOCK]) == ({"tools": [WEATHER_BODY, CLOCK_BODY]}, [])


@pytest.mark.parametrize("strict", [True, False])
def test_strict_functions(strict: Any) -> None:
    tool = FunctionTool("clock", None, None, strict, "tools[0]")
    body, said = losses(OPENAI, tools=[tool])
    assert body["tools"][0]["function"]["strict"] is strict
    assert said == []
    body, said = losses(VLLM, tools=[tool])
    assert "strict" not in body["tools"][0]["function"]
    assert said == ([("tools[0].strict", "approximated")] if strict else [])


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("named", "clock"), {"type": "function", "function": {"name": "clock"}}),
        (
            ToolChoice("required", allowed=("clock",)),
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "clock"}}]},
            },
        ),
    ],
)
def test_tool_choice_at_openai(choice: ToolChoice, sent: Any) -> None:
    body, said = losses(OPENAI, tools=[WEATHER, CLOCK], choice=choice)
    assert (body["tool_choice"], said) == (sent, [])


def test_auto_is_said_only_when_the_client_said_it() -> None:
    assert "tool_choice" not in losses(OPENAI, tools=[CLOCK])[0]
    assert losses(OPENAI, tools=[CLOCK], tool_choice="auto")[0]["tool_choice"] == "auto"


def test_allowed_tools_elsewhere_are_the_tools_that_are_left() -> None:
    body, _ = losses(VLLM, tools=[CLOCK], choice=ToolChoice("required", allowed=("clock",)))
    assert body["tool_choice"] == "required"


def test_llama_cpp_takes_a_named_choice_as_the_only_tool() -> None:
    body, said = losses(LLAMA_CPP, tools=[WEATHER, CLOCK], choice=ToolChoice("named", "clock"))
    assert body == {"tools": [CLOCK_BODY], "tool_choice": "required", "parallel_tool_calls": True}
    assert said == [("tool_choice", "approximated")]


@pytest.mark.parametrize("choice", [ToolChoice("none"), ToolChoice("auto")])
def test_nothing_about_tools_is_sent_without_tools(choice: ToolChoice) -> None:
    for provider in PROVIDERS.values():
        assert losses(provider, choice=choice, parallel_tool_calls=False, tool_choice="auto") == ({}, [])


@pytest.mark.parametrize(
    ("provider", "asked", "sent"),
    [
        (OPENAI, {}, None),
        (OPENAI, {"parallel_tool_calls": True}, None),
        (OPENAI, {"parallel_tool_calls": False}, False),
        (GENERIC, {"parallel_tool_calls": False}, False),
        (LLAMA_CPP, {}, True),
        (LLAMA_CPP, {"parallel_tool_calls": False}, None),
    ],
)
def test_parallel_tool_calls_where_they_differ_from_the_default(
    provider: OpenAIChat, asked: dict[str, Any], sent: Any
) -> None:
    assert losses(provider, tools=[CLOCK], **asked)[0].get("parallel_tool_calls") is sent


# --- the rest --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "tier", "expected"),
    [
        (OPENAI, "auto", ({"service_tier": "auto"}, [])),
        (OPENAI, "flex", ({"service_tier": "flex"}, [])),
        (GENERIC, "default", ({}, [("service_tier", "ignored")])),
        (GENERIC, "priority", ({}, [("service_tier", "dropped")])),
    ],
)
def test_service_tier(provider: OpenAIChat, tier: str, expected: Any) -> None:
    assert losses(provider, service_tier=tier) == expected


def test_ultrafast_is_refused() -> None:
    with pytest.raises(RefusedError, match="ultrafast"):
        losses(OPENAI, service_tier="ultrafast")


HINTS = {"prompt_cache_key": "k", "prompt_cache_retention": "24h", "safety_identifier": "s", "user": "u"}


def test_cache_hints_and_identities() -> None:
    assert losses(OPENAI, **HINTS) == (HINTS, [])
    assert losses(GENERIC, **HINTS) == ({}, [(name, "ignored") for name in HINTS])


def test_cache_options() -> None:
    options = {"mode": "explicit", "ttl": "12h", "prewarm": True}
    said = [("prompt_cache_options.ttl", "approximated"), ("prompt_cache_options.prewarm", "ignored")]
    sent = {"prompt_cache_options": {"mode": "explicit", "ttl": "30m"}}
    assert losses(OPENAI, prompt_cache_options=options) == (sent, said)
    assert losses(GENERIC, prompt_cache_options=options) == ({}, [("prompt_cache_options", "ignored")])


def test_metadata_is_not_sent() -> None:
    assert losses(OPENAI, metadata={"a": "b"}, store=True) == ({}, [])


EVERYTHING: dict[str, Any] = {
    **HINTS,
    "prompt_cache_options": {"mode": "implicit"},
    "service_tier": "flex",
    "temperature": 1.0,
    "top_p": 1.0,
    "include": ["reasoning.encrypted_content", LOGPROBS],
    "text": {"verbosity": "low", "format": {"type": "text"}},
    "metadata": {"a": "b"},
    "truncation": "auto",
    "stream_options": {"include_obfuscation": True},
    "reasoning": {"effort": "low", "summary": "auto"},
    "max_output_tokens": 100,
}


@pytest.mark.parametrize("provider", [VLLM, LLAMA_CPP, GENERIC])
def test_nothing_of_openais_own_leaks_to_other_servers(provider: OpenAIChat) -> None:
    members = {"model", "messages", "stream", "stream_options", "max_tokens", "reasoning_effort"}
    members |= {"temperature", "top_p", "logprobs", "top_logprobs", "tools", "parallel_tool_calls"}
    assert set(encoded(provider, prepared(provider, stream=True, tools=[CLOCK], **EVERYTHING))) <= members


def test_equal_requests_give_equal_bytes() -> None:
    for provider in PROVIDERS.values():
        bodies = {provider.encode(prepared(provider, tools=[WEATHER, CLOCK], **EVERYTHING)).body for _ in range(3)}
        assert len(bodies) == 1
        assert orjson.loads(bodies.pop())
