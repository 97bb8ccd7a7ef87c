"""Parameters -> body and headers."""

import hashlib
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from providers.anthropic import Anthropic, AnthropicSettings
from providers.anthropic.encode import MAPPED, PARTLY_REPORTED, REPORTED
from proxy.provider.capabilities import extended
from proxy.provider.contract import CORE_PARAMETERS
from proxy.provider.conversions import RefusedError
from proxy.provider.history import FunctionTool, ToolChoice
from proxy.responses.request import CreateRequest
from tests.providers.anthropic.requests import HAIKU, OPUS, WEATHER, body_of, encoded, losses, message, prepared

PINNED = AnthropicSettings(api_version="2026-10-21")


def test_every_attribute_of_the_request_is_accounted_for_once() -> None:
    tables = [MAPPED, frozenset(REPORTED), PARTLY_REPORTED, CORE_PARAMETERS]
    assert frozenset().union(*tables) == {field.name for field in fields(CreateRequest)}
    assert sum(map(len, tables)) == len(fields(CreateRequest))


def test_a_request_with_tools_and_thinking() -> None:
    tool = FunctionTool("wx", None, {"type": "object", "properties": {"city": {"type": "string"}}}, None, "tools[0]")
    request = prepared(
        message("Oslo weather?"),
        model="claude-opus-5",
        tools=[tool],
        reasoning={"effort": "high", "summary": "auto"},
        instructions="Plan trips",
        parallel_tool_calls=False,
        max_output_tokens=1000,
    )
    sent = Anthropic(AnthropicSettings()).encode(request)
    assert sent.path == "/v1/messages"
    assert sent.headers == {"anthropic-version": "2026-10-21"}
    assert not sent.stream
    assert list(body_of(sent).items()) == [
        ("model", "claude-opus-5"),
        ("max_tokens", 1000),
        ("system", [{"type": "text", "text": "Plan trips"}]),
        ("messages", [{"role": "user", "content": [{"type": "text", "text": "Oslo weather?"}]}]),
        ("thinking", {"type": "adaptive", "display": "summarized"}),
        ("output_config", {"effort": "high"}),
        ("tools", [{"name": "wx", "input_schema": tool.parameters}]),
        ("tool_choice", {"type": "auto", "disable_parallel_tool_use": True}),
    ]
    assert losses(request) == []


@pytest.mark.parametrize(
    ("model", "limit", "expected"),
    [
        (HAIKU, None, 64_000),
        (OPUS, None, 128_000),
        ("claude-3-opus", None, 4_096),
        ("qwen3", None, 8_192),
        ("qwen3", 200_000, 200_000),
        (HAIKU, 100, 100),
        (HAIKU, 100_000, 64_000),
    ],
)
def test_max_tokens(model: Any, limit: Any, expected: Any) -> None:
    body, lost = encoded(model=model, **({"max_output_tokens": limit} if limit else {}))
    assert body["max_tokens"] == expected
    assert lost == (["approximated max_output_tokens"] if limit and expected < limit else [])


def test_the_operators_capabilities_rule() -> None:
    request = prepared(model="claude-opus-9", temperature=0.5)
    request.capabilities = extended(request.capabilities, {"max_output_tokens": 500, "sampling": True})
    sent = Anthropic(AnthropicSettings()).encode(request)
    assert (body_of(sent)["max_tokens"], body_of(sent)["temperature"]) == (500, 0.5)


def test_the_operators_base_model_decides_over_an_own_name() -> None:
    request = prepared(model="house-model")
    request.capabilities = Anthropic(AnthropicSettings()).capabilities("claude-opus-5-5")
    request.request.temperature = 0.5
    assert "temperature" not in body_of(Anthropic(AnthropicSettings()).encode(request))


def test_large_answers_are_streamed_from_the_vendor() -> None:
    for limit, stream in ((21_333, False), (21_334, True)):
        sent = Anthropic(AnthropicSettings()).encode(prepared(max_output_tokens=limit))
        assert sent.stream is stream
        assert body_of(sent).get("stream", False) is stream
    assert Anthropic(AnthropicSettings()).encode(prepared(max_output_tokens=16, stream=True)).stream


# --- sampling and the API version -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "settings", "parameters", "sent", "lost"),
    [
        (HAIKU, None, {"temperature": 0.2}, {"temperature": 0.2}, []),
        (HAIKU, None, {"temperature": 1.5}, {"temperature": 1}, ["approximated temperature"]),
        (HAIKU, None, {"top_p": 0.5}, {"top_p": 0.5}, []),
        (HAIKU, None, {"temperature": 0.2, "top_p": 0.5}, {"temperature": 0.2}, ["dropped top_p"]),
        (HAIKU, None, {"temperature": 0.2, "top_p": 1}, {"temperature": 0.2}, []),
        ("qwen3", None, {"temperature": 0.2, "top_p": 0.5}, {"temperature": 0.2, "top_p": 0.5}, []),
        ("claude-opus-4-6", None, {"temperature": 0}, {"temperature": 0}, []),
        ("claude-opus-4-7", None, {"temperature": 0}, {}, ["dropped temperature"]),
        ("claude-opus-9", None, {"temperature": 0, "top_p": 0.9}, {}, ["dropped temperature", "dropped top_p"]),
        ("claude-opus-4-7", None, {"temperature": 1, "top_p": 1.0}, {}, []),
        (HAIKU, PINNED, {"temperature": 0.2}, {}, ["dropped temperature"]),
    ],
)
def test_sampling_and_the_version_that_takes_it(
    model: Any, settings: Any, parameters: Any, sent: Any, lost: Any
) -> None:
    request = prepared(model=model, **parameters)
    result = Anthropic(settings or AnthropicSettings()).encode(request)
    body = body_of(result)
    assert {name: body[name] for name in ("temperature", "top_p") if name in body} == sent
    assert losses(request) == lost
    assert result.headers["anthropic-version"] == ("2023-06-01" if sent else "2026-10-21")


def test_a_pinned_version_is_sent() -> None:
    settings = AnthropicSettings(api_version="2023-06-01")
    assert Anthropic(settings).encode(prepared()).headers["anthropic-version"] == "2023-06-01"


# --- tools ------------------------------------------------------------------------------------------------------------

OTHER = FunctionTool("other", "Another.", None, None, "tools[1]")


@pytest.mark.parametrize(
    ("parameters", "schema"),
    [
        (None, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        (
            {"type": "object", "properties": {"const": {"minimum": 3}}},
            {"type": "object", "properties": {"const": {"minimum": 3}}},
        ),
    ],
)
def test_schemas_of_tools_that_are_not_strict_are_the_clients(parameters: Any, schema: Any) -> None:
    body, lost = encoded(tools=[FunctionTool("f", "Does.", parameters, False, "tools[0]")])
    assert body["tools"] == [{"name": "f", "description": "Does.", "input_schema": schema}]
    assert lost == []


def test_parameters_that_are_no_object_are_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        encoded(tools=[FunctionTool("f", None, {"type": "array"}, None, "tools[0]")])
    assert caught.value.param == "tools[0].parameters"


def strict_tool(schema: Any, path: Any = "tools[0]") -> Any:
    return FunctionTool("f", None, schema, True, path)


def test_strict_tools() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}
    body, lost = encoded(tools=[strict_tool(schema)])
    assert body["tools"][0]["strict"] is True
    assert body["tools"][0]["input_schema"] == {
        "type": "object",
        "properties": {"n": {"type": "integer", "description": "{minimum: 1}"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    assert lost == ["approximated* tools[0].parameters"]


@pytest.mark.parametrize(
    ("model", "schema"),
    [
        ("claude-3-opus", {"type": "object", "properties": {}}),
        (OPUS, {"type": "object"}),
        (OPUS, {"type": "object", "properties": {"a": {"$ref": "#"}}}),
        (OPUS, {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(25)}}),
    ],
)
def test_strict_is_dropped_where_the_vendor_does_not_take_it(model: Any, schema: Any) -> None:
    body, lost = encoded(tools=[strict_tool(schema)], model=model)
    assert "strict" not in body["tools"][0]
    assert body["tools"][0]["input_schema"] == schema
    assert lost == ["dropped tools[0].strict"]


def test_no_more_than_twenty_strict_tools() -> None:
    tools = [FunctionTool(f"f{n}", None, {"type": "object", "properties": {}}, True, f"tools[{n}]") for n in range(22)]
    body, lost = encoded(tools=tools)
    assert sum("strict" in tool for tool in body["tools"]) == 20
    assert lost == ["dropped tools[20].strict", "dropped tools[21].strict"]


REQUIRED, NONE, AUTO = ToolChoice("required"), ToolChoice("none"), ToolChoice("auto")
NAMED = ToolChoice("named", "wx")
NO_FORCING = "claude-opus-5-5"


@pytest.mark.parametrize(
    ("model", "choice", "parameters", "sent", "offered", "lost"),
    [
        (OPUS, AUTO, {}, None, ["wx", "other"], []),
        (OPUS, AUTO, {"tool_choice": "auto"}, {"type": "auto"}, ["wx", "other"], []),
        (OPUS, NONE, {}, {"type": "none"}, ["wx", "other"], []),
        (OPUS, NONE, {"parallel_tool_calls": False}, {"type": "none"}, ["wx", "other"], []),
        (OPUS, REQUIRED, {}, {"type": "any"}, ["wx", "other"], []),
        (
            OPUS,
            REQUIRED,
            {"parallel_tool_calls": False},
            {"type": "any", "disable_parallel_tool_use": True},
            ["wx", "other"],
            [],
        ),
        (OPUS, NAMED, {}, {"type": "tool", "name": "wx"}, ["wx", "other"], []),
        (OPUS, ToolChoice("required", allowed=("other",)), {}, {"type": "any"}, ["other"], []),
        (
            NO_FORCING,
            REQUIRED,
            {"tool_choice": "required"},
            {"type": "auto"},
            ["wx", "other"],
            ["approximated* tool_choice"],
        ),
        (NO_FORCING, NAMED, {"tool_choice": {}}, {"type": "auto"}, ["wx"], ["approximated* tool_choice"]),
        ("qwen3", NONE, {}, None, [], []),
        ("qwen3", NAMED, {}, {"type": "tool", "name": "wx"}, ["wx"], []),
    ],
)
def test_tool_choice(model: Any, choice: Any, parameters: Any, sent: Any, offered: Any, lost: Any) -> None:
    body, reported = encoded(model=model, tools=[WEATHER, OTHER], choice=choice, **parameters)
    assert body.get("tool_choice") == sent
    assert [tool["name"] for tool in body.get("tools", [])] == offered
    assert reported == lost


def test_no_choice_without_tools() -> None:
    body, _ = encoded(parallel_tool_calls=False, tool_choice="auto")
    assert "tool_choice" not in body
    assert "tools" not in body
    with pytest.raises(RefusedError):
        encoded(choice=REQUIRED)


# --- structured output ------------------------------------------------------------------------------------------------

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def json_schema(schema: Any, **more: Any) -> Any:
    return {"format": {"type": "json_schema", "name": "answer", "schema": schema, **more}}


def test_a_schema_is_sent_in_the_vendors_dialect() -> None:
    body, lost = encoded(text=json_schema(SCHEMA, description="What it is."))
    assert body["output_config"] == {
        "format": {"type": "json_schema", "schema": SCHEMA | {"description": "What it is."}}
    }
    assert lost == ["ignored text.format.name"]


def test_keywords_that_are_not_enforced_are_declared() -> None:
    schema = SCHEMA | {"properties": {"a": {"type": "string", "minLength": 3}}}
    body, lost = encoded(text=json_schema(schema))
    assert body["output_config"]["format"]["schema"]["properties"]["a"]["description"] == "{minLength: 3}"
    assert "approximated* text.format.schema" in lost


@pytest.mark.parametrize(
    ("model", "schema"),
    [("claude-3-opus", SCHEMA), ("qwen3", SCHEMA), (OPUS, {"type": "object", "properties": {"a": {"$ref": "#"}}})],
)
def test_schemas_that_the_vendor_does_not_take_have_an_obstacle(model: Any, schema: Any) -> None:
    text = json_schema(schema)
    assert Anthropic(AnthropicSettings()).format_obstacle(text["format"], prepared(model=model))
    with pytest.raises(RefusedError) as caught:
        encoded(text=text, model=model)
    assert caught.value.param == "text.format"


def test_there_is_no_json_mode() -> None:
    provider = Anthropic(AnthropicSettings())
    assert provider.format_obstacle({"type": "json_object"}, prepared())
    assert provider.format_obstacle(json_schema(SCHEMA)["format"], prepared()) is None


def test_plain_text_says_nothing() -> None:
    body, lost = encoded(text={"format": {"type": "text"}, "verbosity": "medium"})
    assert "output_config" not in body
    assert lost == []


def test_format_and_effort_share_output_config() -> None:
    body, _ = encoded(text=json_schema(SCHEMA), reasoning={"effort": "low"})
    assert set(body["output_config"]) == {"effort", "format"}


# --- the other settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"safety_identifier": "u1"}, "u1"),
        ({"user": "u2"}, "u2"),
        ({"safety_identifier": "u1", "user": "u2"}, "u1"),
        ({"user": "x" * 256}, "x" * 256),
        ({"user": "x" * 257}, hashlib.sha256(b"x" * 257).hexdigest()),
    ],
)
def test_the_users_name(parameters: Any, expected: Any) -> None:
    assert encoded(**parameters)[0]["metadata"] == {"user_id": expected}


@pytest.mark.parametrize(
    ("model", "tier", "sent", "lost"),
    [
        (OPUS, "auto", {"service_tier": "auto"}, []),
        (OPUS, "default", {"service_tier": "standard_only"}, []),
        (OPUS, "priority", {"service_tier": "auto"}, ["approximated service_tier"]),
        (OPUS, "flex", {}, ["dropped service_tier"]),
        (OPUS, "fast", {"speed": "fast"}, []),
        ("claude-sonnet-5", "fast", {}, ["dropped service_tier"]),
    ],
)
def test_service_tiers(model: Any, tier: Any, sent: Any, lost: Any) -> None:
    request = prepared(model=model, service_tier=tier)
    result = Anthropic(AnthropicSettings()).encode(request)
    body = body_of(result)
    assert {name: body[name] for name in ("service_tier", "speed") if name in body} == sent
    assert losses(request) == lost
    assert ("anthropic-beta" in result.headers) == ("speed" in sent)


def test_what_the_vendor_has_nothing_for_is_reported() -> None:
    body, lost = encoded(
        top_logprobs=5,
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        prompt_cache_key="k",
        prompt_cache_retention="24h",
        prompt_cache_options={"ttl": "30m"},
        include=["reasoning.encrypted_content", "message.output_text.logprobs"],
        text={"verbosity": "low"},
        reasoning={"mode": "pro", "context": "all_turns"},
    )
    assert set(body) == {"model", "max_tokens", "messages", "stream"}
    assert sorted(lost) == [
        "dropped frequency_penalty",
        "dropped include[1]",
        "dropped presence_penalty",
        "dropped reasoning.context",
        "dropped reasoning.mode",
        "dropped text.verbosity",
        "dropped top_logprobs",
        "ignored prompt_cache_key",
        "ignored prompt_cache_options",
        "ignored prompt_cache_retention",
    ]


def test_neutral_values_are_not_reported() -> None:
    _, lost = encoded(
        top_logprobs=0,
        presence_penalty=0.0,
        frequency_penalty=0,
        reasoning={"mode": "standard", "context": "auto", "effort": None, "summary": None},
        metadata={"a": "b"},
        store=False,
        truncation="auto",
    )
    assert lost == []


def test_automatic_cache() -> None:
    settings = AnthropicSettings(auto_cache=True)
    assert encoded(settings=settings)[0]["cache_control"] == {"type": "ephemeral"}
    body, _ = encoded(settings=settings, prompt_cache_options={"ttl": "12h"})
    assert body["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert "cache_control" not in encoded(settings=settings, prompt_cache_options={"mode": "explicit"})[0]


ROOT = Path(__file__).parents[3]
DETERMINISM = """
import hashlib
from tests.providers.anthropic.requests import *
from providers.anthropic import Anthropic, AnthropicSettings
tools = [FunctionTool(f"t{n}", None, {"type": "object", "properties": {c: {"type": "string"} for c in "zyx"}}, True,
         f"tools[{n}]") for n in range(5)]
request = prepared(message("A"), CallItem("a.b", "t1", '{"x":"1"}', "p"), ResultItem("a.b", "t1", "r", False, "p"),
                   tools=tools, instructions="I", reasoning={"effort": "high"}, user="u" * 300)
print(hashlib.sha256(Anthropic(AnthropicSettings()).encode(request).body).hexdigest())
"""


def test_equal_requests_give_equal_bytes_in_every_process() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", DETERMINISM],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
