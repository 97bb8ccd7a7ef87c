"""Settings, tools and the form of the answer."""

from typing import Any

import pytest

from proxy.provider.contract import CORE_PARAMETERS
from proxy.responses.request import CreateRequest
from tests.providers.cohere.material import CLOCK, MODEL, OLD, PLAIN, WEATHER, cohere, prepared, refused, sent

STRICT = {**WEATHER, "strict": True}
SCHEMA = WEATHER["parameters"]
ASKED = [{"role": "user", "content": "Answer in JSON."}]


def form(schema: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "name": "place", "schema": schema, **members}}


def test_every_attribute_stands_in_one_table() -> None:
    from providers.cohere.encode import MAPPED, REPORTED

    names = [*MAPPED, *REPORTED, *CORE_PARAMETERS]
    assert len(names) == len(set(names))
    assert set(names) == set(CreateRequest.__dataclass_fields__)


def test_nothing_is_sent_that_nobody_asked_for() -> None:
    found = sent()
    assert found.settings == {}
    assert found.call.path == "/v2/chat"
    assert found.call.headers == {"x-client-name": "dragoman"}
    assert not found.call.stream


def test_a_stream() -> None:
    found = sent({"stream": True})
    assert found.settings == {"stream": True}
    assert (found.call.stream, found.call.framing) == (True, "sse")


@pytest.mark.parametrize(
    ("asked", "told", "losses"),
    [
        ({"temperature": 0}, {"temperature": 0}, {}),
        ({"temperature": 1.5}, {"temperature": 1}, {"temperature": "approximated"}),
        ({"top_p": 0.5}, {"p": 0.5}, {}),
        ({"top_p": 0}, {"p": 0.01}, {"top_p": "approximated"}),
        ({"top_p": 1}, {"p": 0.99}, {"top_p": "approximated"}),
        ({"frequency_penalty": 0.5}, {"frequency_penalty": 0.5}, {}),
        ({"frequency_penalty": 2}, {"frequency_penalty": 1}, {"frequency_penalty": "approximated"}),
        ({"presence_penalty": -1}, {"presence_penalty": 0}, {"presence_penalty": "approximated"}),
        ({"max_output_tokens": 50}, {"max_tokens": 50}, {}),
        ({"text": {"verbosity": "medium"}}, {}, {"text.verbosity": "ignored"}),
        ({"text": {"verbosity": "low"}}, {}, {"text.verbosity": "dropped"}),
        ({"service_tier": "auto"}, {}, {"service_tier": "ignored"}),
        ({"service_tier": "default"}, {}, {"service_tier": "ignored"}),
        ({"service_tier": "priority"}, {}, {"service_tier": "ignored"}),
        ({"service_tier": "flex"}, {"priority": 10}, {"service_tier": "approximated"}),
        ({"service_tier": "fast"}, {}, {"service_tier": "dropped"}),
        ({"top_logprobs": 3}, {"logprobs": True}, {"top_logprobs": "dropped"}),
        ({"top_logprobs": 0}, {}, {"top_logprobs": "ignored"}),
        ({"include": ["message.output_text.logprobs"]}, {"logprobs": True}, {}),
        ({"include": ["reasoning.encrypted_content"]}, {}, {"include[0]": "ignored"}),
        ({"include": ["web_search_call.results"]}, {}, {"include[0]": "ignored"}),
        ({"user": "u"}, {}, {"user": "ignored"}),
        ({"safety_identifier": "s"}, {}, {"safety_identifier": "ignored"}),
        ({"prompt_cache_key": "k"}, {}, {"prompt_cache_key": "ignored"}),
        ({"prompt_cache_retention": "24h"}, {}, {"prompt_cache_retention": "ignored"}),
        ({"prompt_cache_options": {"mode": "explicit"}}, {}, {"prompt_cache_options": "ignored"}),
    ],
    ids=str,
)
def test_settings(asked: dict[str, Any], told: dict[str, Any], losses: dict[str, str]) -> None:
    found = sent(asked)
    assert (found.settings, found.losses) == (told, losses)


@pytest.mark.parametrize(
    ("effort", "thinking"),
    [
        ("none", {"type": "disabled"}),
        ("minimal", {"type": "enabled", "token_budget": 512}),
        ("low", {"type": "enabled", "token_budget": 2048}),
        ("medium", {"type": "enabled", "token_budget": 8192}),
        ("high", {"type": "enabled", "token_budget": 16384}),
        ("xhigh", {"type": "enabled", "token_budget": 31000}),
        ("max", {"type": "enabled", "token_budget": 31000}),
    ],
)
def test_efforts_are_budgets(effort: str, thinking: dict[str, Any]) -> None:
    found = sent({"reasoning": {"effort": effort}})
    assert found.settings == {"thinking": thinking}
    assert found.losses == ({} if effort == "none" else {"reasoning.effort": "approximated"})


@pytest.mark.parametrize(("limit", "budget"), [(16, 8), (2048, 1024), (2049, 2048)])
def test_a_budget_leaves_room_for_the_answer(limit: int, budget: int) -> None:
    found = sent({"reasoning": {"effort": "low"}, "max_output_tokens": limit})
    assert found.settings["thinking"]["token_budget"] == budget
    assert ("max_output_tokens" in found.losses) == (limit <= 2048)


@pytest.mark.parametrize(("effort", "loss"), [("none", "ignored"), ("high", "dropped")])
def test_a_model_that_does_not_think_is_told_of_no_effort(effort: str, loss: str) -> None:
    found = sent({"reasoning": {"effort": effort, "summary": "auto"}}, model=PLAIN)
    assert found.settings == {}
    assert found.losses == {"reasoning.effort": loss, "reasoning.summary": "ignored"}


# --- tools ------------------------------------------------------------------------------------------------------------


def test_tools_go_in_their_order() -> None:
    found = sent({"tools": [WEATHER, CLOCK], "tool_choice": "auto"})
    assert found.settings == {
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "description": "Tells the weather.", "parameters": SCHEMA},
            },
            {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}},
        ]
    }
    assert found.losses == {}


@pytest.mark.parametrize(
    ("choice", "told", "names"),
    [
        ("none", "NONE", ["weather", "clock"]),
        ("required", "REQUIRED", ["weather", "clock"]),
        ({"type": "function", "name": "clock"}, "REQUIRED", ["clock"]),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "clock"}]},
            "REQUIRED",
            ["clock"],
        ),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "clock"}]},
            None,
            ["clock"],
        ),
    ],
    ids=str,
)
def test_choices(choice: Any, told: str | None, names: list[str]) -> None:
    found = sent({"tools": [WEATHER, CLOCK], "tool_choice": choice})
    assert found.settings.get("tool_choice") == told
    assert [tool["function"]["name"] for tool in found.settings["tools"]] == names


def test_a_named_choice_tells_of_the_tools_that_are_left_out() -> None:
    found = sent({"tools": [WEATHER, CLOCK], "tool_choice": {"type": "function", "name": "clock"}})
    assert found.losses == {"tool_choice": "approximated", "tools[0]": "ignored"}
    alone = sent({"tools": [WEATHER], "tool_choice": {"type": "function", "name": "weather"}})
    assert alone.losses == {}


def test_an_old_model_is_not_forced() -> None:
    found = sent({"tools": [WEATHER], "tool_choice": "required"}, model=OLD)
    assert "tool_choice" not in found.settings
    assert found.losses == {"tool_choice": "dropped"}
    none = sent({"tools": [WEATHER], "tool_choice": "none"}, model=OLD)
    assert none.settings == {}
    assert none.losses == {"tool_choice": "approximated"}


def test_several_calls_at_once_cannot_be_ruled_out() -> None:
    assert sent({"tools": [WEATHER], "parallel_tool_calls": False}).losses == {"parallel_tool_calls": "dropped"}


def test_all_strict_tools_are_strict() -> None:
    found = sent({"tools": [STRICT]})
    assert found.settings["strict_tools"] is True
    assert found.losses == {}


@pytest.mark.parametrize(
    "others",
    [
        [WEATHER | {"name": "other"}],
        [{**CLOCK, "strict": True, "parameters": {"type": "object", "properties": {}}}],
        [{**STRICT, "name": "other", "parameters": {**SCHEMA, "allOf": [{"required": ["x"]}]}}],
        [{**STRICT, "name": "other", "parameters": {**SCHEMA, "type": ["object", "null"]}}],
        [
            {
                **STRICT,
                "name": "other",
                "parameters": {
                    "type": "object",
                    "properties": {f"f{number}": {"type": "string"} for number in range(200)},
                    "required": ["f1"],
                },
            }
        ],
    ],
    ids=["not strict", "nothing required", "allOf", "no object", "too many fields"],
)
def test_strictness_is_for_all_or_for_none(others: list[dict[str, Any]]) -> None:
    made = prepared({"tools": [STRICT, *others]})
    call = cohere().encode(made)
    assert b"strict_tools" not in call.body
    losses = {each.path: each.disposition for each in made.conversions}
    assert losses["tools[0].strict"] == "dropped"


def test_what_strict_schemas_cannot_say_is_told() -> None:
    city = {"type": "string", "minLength": 2, "description": "A city", "format": "hostname"}
    day = {"oneOf": [{"type": "string", "format": "date"}, {"type": "null"}]}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"city": city, "day": day, "tags": {"type": "array", "items": {"maximum": 3}, "maxItems": 2}},
        "required": ["city"],
        "additionalProperties": {"type": "string"},
    }
    found = sent({"tools": [{**STRICT, "parameters": schema}]})
    assert found.settings["tools"][0]["function"]["parameters"] == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": 'A city\n\n{minLength: 2, format: "hostname"}'},
            "day": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"description": "{maximum: 3}"}, "description": "{maxItems: 2}"},
        },
        "required": ["city"],
        "additionalProperties": True,
        "description": '{additionalProperties: {"type":"string"}}',
    }
    assert found.losses == {"tools[0].parameters": "approximated"}
    assert refused({"tools": [{**STRICT, "parameters": schema}]}, strict=True)[0] == "tools[0].parameters"


def test_schemas_that_are_not_strict_go_as_they_are() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}}
    found = sent({"tools": [{**WEATHER, "parameters": schema}]})
    assert found.settings["tools"][0]["function"]["parameters"] == schema


def test_a_schema_that_is_too_deep_is_refused() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(300):
        schema = {"type": "object", "properties": {"a": schema}}
    assert refused({"tools": [{**WEATHER, "parameters": schema}]})[0] == "tools"


# --- the form of the answer -------------------------------------------------------------------------------------------


def test_a_schema_for_the_answer() -> None:
    found = sent({"text": form(SCHEMA, description="Where?", strict=True)})
    assert found.settings["response_format"] == {
        "type": "json_object",
        "json_schema": {"title": "place", "description": "Where?", **SCHEMA},
    }
    assert found.losses == {}


def test_what_the_schema_cannot_say_is_told() -> None:
    schema = {**SCHEMA, "title": "T", "description": "D", "minProperties": 1}
    found = sent({"text": form(schema, description="Where?", strict=False)})
    told = found.settings["response_format"]["json_schema"]
    assert (told["title"], told["description"]) == ("T", "D\n\n{minProperties: 1}")
    assert found.losses == {
        "text.format.schema": "approximated",
        "text.format.strict": "ignored",
        "text.format.name": "ignored",
        "text.format.description": "ignored",
    }


@pytest.mark.parametrize(
    "request_",
    [
        {"tools": [WEATHER], "text": form(SCHEMA)},
        {"tools": [WEATHER], "text": {"format": {"type": "json_object"}}, "input": ASKED},
        {"text": form({"type": "array", "items": {"type": "string"}})},
        {"text": form({"type": "object", "properties": {"a": {"type": "string"}}})},
    ],
    ids=["schema and tools", "JSON and tools", "an array", "nothing required"],
)
def test_what_the_vendor_does_not_hold_to_is_asked_for_in_words(request_: dict[str, Any]) -> None:
    found = sent(request_)
    assert "response_format" not in found.settings
    assert found.messages[0]["role"] == "system"
    assert "JSON" in found.messages[0]["content"]
    assert found.losses == {"text.format": "approximated"}


def test_no_json_mode_beside_documents() -> None:
    provider = cohere(extra_body={"documents": [{"id": "d1", "data": {"text": "A"}}]})
    found = sent({"text": form(SCHEMA)}, provider=provider)
    assert "response_format" not in found.settings
    assert found.settings["documents"] == [{"id": "d1", "data": {"text": "A"}}]


def test_json_mode_needs_the_word() -> None:
    asked = sent({"text": {"format": {"type": "json_object"}}, "input": ASKED})
    assert asked.settings == {"response_format": {"type": "json_object"}}
    assert asked.losses == {}


# --- what the operator says -------------------------------------------------------------------------------------------


def test_the_safety_mode_goes_where_it_is_taken() -> None:
    provider = cohere(safety_mode="STRICT", citations="FAST", client_name=None)
    found = sent(provider=provider)
    assert found.settings == {"safety_mode": "STRICT", "citation_options": {"mode": "FAST"}}
    assert found.call.headers == {}
    assert "safety_mode" not in sent({"tools": [WEATHER]}, provider=provider).settings
    off = cohere(safety_mode="OFF")
    assert sent(provider=off).settings == {}
    assert sent(provider=off, model=OLD).settings == {"safety_mode": "OFF"}


def test_flex_is_the_operators_number() -> None:
    assert sent({"service_tier": "flex"}, provider=cohere(flex_priority=99)).settings == {"priority": 99}


def test_the_extra_body_wins() -> None:
    provider = cohere(extra_body={"seed": 7, "stop_sequences": ["END"], "temperature": 0.1})
    assert sent({"temperature": 1}, provider=provider).settings == {
        "temperature": 0.1,
        "seed": 7,
        "stop_sequences": ["END"],
    }


def test_families_are_extended() -> None:
    provider = cohere(families={"house-": {"thinks": False, "capabilities": {"images": False}}})
    able = provider.capabilities("house-model")
    assert (able.reasoning, able.images, able.family) == (False, False, "house-model")
    with pytest.raises(ValueError, match="thinx"):
        cohere(families={"house-": {"thinx": False}})


def test_what_models_can_do() -> None:
    newest, old = cohere().capabilities("command-z"), cohere().capabilities(OLD)
    assert (newest.reasoning, newest.images, newest.forced_tool_choice) == (True, True, True)
    assert (old.reasoning, old.images, old.forced_tool_choice) == (False, False, False)
    assert cohere().capabilities("Command-A-03-2025").context_window == 256_000
    assert cohere().capabilities(MODEL).file_urls is False


def test_json_mode_is_asked_for_in_words_too() -> None:
    found = sent({"text": {"format": {"type": "json_object"}}, "instructions": "Be short."})
    assert found.messages[0] == {"role": "system", "content": "Be short.\n\nAnswer with a JSON object."}
    assert found.settings == {"response_format": {"type": "json_object"}}
    assert found.losses == {"text.format": "approximated"}
