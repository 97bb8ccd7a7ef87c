"""What becomes of the parameters of a request: each row of the vendor's mapping."""

from typing import Any

import orjson
import pytest

from tests.providers.mistral.material import CLOCK, WEATHER, mistral, refused, sent

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
FORM = {"type": "json_schema", "name": "a", "description": "An a", "schema": SCHEMA, "strict": True}


def test_a_plain_request() -> None:
    made = sent({"instructions": "Short", "max_output_tokens": 20}, model="mistral-small-latest")
    assert made.body == {
        "model": "mistral-small-latest",
        "messages": [{"role": "system", "content": "Short"}, {"role": "user", "content": "Hi"}],
        "max_tokens": 20,
    }
    assert made.losses == {}
    assert (made.call.method, made.call.path, made.call.stream) == ("POST", "/chat/completions", False)


def test_a_stream_has_no_options() -> None:
    made = sent({"stream": True})
    assert made.settings == {"stream": True}
    assert made.call.stream


@pytest.mark.parametrize(
    ("asked", "members", "losses"),
    [
        ({"max_output_tokens": 16}, {"max_tokens": 16}, {}),
        ({"temperature": 0.5}, {"temperature": 0.5}, {}),
        ({"temperature": 1.9}, {"temperature": 1.5}, {"temperature": "approximated"}),
        ({"top_p": 0.9}, {"top_p": 0.9}, {}),
        ({"top_p": 0.9, "temperature": 0}, {"top_p": 1, "temperature": 0}, {"top_p": "approximated"}),
        ({"presence_penalty": 0.5}, {"presence_penalty": 0.5}, {}),
        ({"frequency_penalty": 0.5}, {"frequency_penalty": 0.5}, {}),
        ({"text": {"format": {"type": "text"}}}, {}, {}),
        ({"text": {"verbosity": "low"}}, {}, {"text.verbosity": "dropped"}),
        ({"text": {"verbosity": "medium"}}, {}, {"text.verbosity": "ignored"}),
        ({"prompt_cache_key": "k"}, {"prompt_cache_key": "k"}, {}),
        ({"prompt_cache_retention": "24h"}, {}, {"prompt_cache_retention": "ignored"}),
        ({"prompt_cache_options": {"mode": "explicit"}}, {}, {"prompt_cache_options": "ignored"}),
        ({"service_tier": "auto"}, {}, {"service_tier": "ignored"}),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}, {}),
        ({"service_tier": "priority"}, {"service_tier": "auto"}, {"service_tier": "approximated"}),
        *(({"service_tier": tier}, {}, {"service_tier": "dropped"}) for tier in ("flex", "fast")),
        ({"metadata": {"a": "b"}}, {}, {}),
        ({"user": "u"}, {}, {"user": "ignored"}),
        ({"safety_identifier": "u"}, {}, {"safety_identifier": "ignored"}),
        ({"top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}, {}),
        ({"include": ["message.output_text.logprobs"]}, {"logprobs": True}, {}),
        ({"include": ["reasoning.encrypted_content"]}, {}, {"include[0]": "ignored"}),
        ({"reasoning": {"summary": "auto"}}, {}, {"reasoning.summary": "approximated"}),
        ({"store": False, "truncation": "disabled"}, {}, {}),
        ({"parallel_tool_calls": False}, {}, {}),
    ],
    ids=lambda value: orjson.dumps(value).decode(),
)
def test_a_parameter(asked: dict[str, Any], members: dict[str, Any], losses: dict[str, str]) -> None:
    made = sent(asked)
    assert made.settings == members
    assert made.losses == losses


# --- reasoning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effort", "named", "loss"),
    [
        ("none", "none", None),
        ("minimal", "none", "approximated"),
        ("low", "high", "approximated"),
        ("medium", "high", "approximated"),
        ("high", "high", None),
        ("xhigh", "high", "approximated"),
        ("max", "high", "approximated"),
    ],
)
def test_an_effort_is_none_or_high(effort: str, named: str, loss: str | None) -> None:
    made = sent({"reasoning": {"effort": effort}})
    assert made.settings == {"reasoning_effort": named}
    assert made.losses == ({} if loss is None else {"reasoning.effort": loss})


@pytest.mark.parametrize("effort", ["none", "high"])
def test_magistral_always_thinks(effort: str) -> None:
    made = sent({"reasoning": {"effort": effort}}, model="magistral-medium-latest")
    assert made.settings == {}
    assert made.losses == {"reasoning.effort": "dropped"}


@pytest.mark.parametrize(
    "model",
    ["mistral-large-latest", "ministral-8b-latest", "codestral-latest", "devstral-2512", "voxtral-small-latest"],
)
def test_a_model_that_does_not_reason_is_not_told_to(model: str) -> None:
    assert sent({"reasoning": {"effort": "high"}}, model=model).losses == {"reasoning.effort": "dropped"}
    made = sent({"reasoning": {"effort": "none", "summary": "auto"}}, model=model)
    assert made.settings == {}
    assert made.losses == {"reasoning.effort": "ignored", "reasoning.summary": "ignored"}


def test_the_mode_pro_is_refused() -> None:
    assert refused({"reasoning": {"mode": "pro"}})[0] == "reasoning.mode"


# --- the form of the answer -------------------------------------------------------------------------------------------


def test_a_schema() -> None:
    made = sent({"text": {"format": FORM}})
    schema = {"name": "a", "description": "An a", "schema": SCHEMA, "strict": True}
    assert made.settings == {"response_format": {"type": "json_schema", "json_schema": schema}}
    assert made.losses == {}


@pytest.mark.parametrize("instructions", [None, "Be brief"])
def test_json_needs_the_word(instructions: str | None) -> None:
    asked = {"text": {"format": {"type": "json_object"}}}
    made = sent(asked if instructions is None else {**asked, "instructions": instructions})
    assert made.settings == {"response_format": {"type": "json_object"}}
    assert [message["role"] for message in made.messages] == ["system"] * (1 + bool(instructions)) + ["user"]
    assert made.messages[-2]["content"] == "Answer with JSON."
    assert made.losses == {"text.format": "approximated"}


def test_json_with_the_word_is_left_alone() -> None:
    made = sent({"text": {"format": {"type": "json_object"}}, "input": "Say it in JSON"})
    assert made.messages == [{"role": "user", "content": "Say it in JSON"}]
    assert made.losses == {}


def test_glm_has_its_references_written_out() -> None:
    schema = {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "number"}}}
    tool = {**WEATHER, "parameters": schema}
    made = sent({"text": {"format": {**FORM, "schema": schema}}, "tools": [tool]}, model="zai-glm-5-3-flash")
    flat = {"type": "object", "properties": {"n": {"type": "number"}}}
    assert made.body["response_format"]["json_schema"]["schema"] == flat
    assert made.body["tools"][0]["function"]["parameters"] == flat
    other = sent({"text": {"format": {**FORM, "schema": schema}}, "tools": [tool]})
    assert other.body["response_format"]["json_schema"]["schema"] == schema


# --- tools ------------------------------------------------------------------------------------------------------------


def test_tools() -> None:
    made = sent({"tools": [WEATHER, CLOCK]})
    weather = {name: WEATHER[name] for name in ("name", "description", "parameters")}
    clock = {"name": "clock", "parameters": {"type": "object", "properties": {}}, "strict": True}
    assert made.settings == {
        "tools": [{"type": "function", "function": weather}, {"type": "function", "function": clock}]
    }
    assert made.losses == {}


def test_a_schema_that_does_not_say_that_it_is_an_objects() -> None:
    properties = {"properties": {"a": {"type": "string"}}}
    made = sent({"tools": [{**CLOCK, "parameters": properties}]})
    assert made.body["tools"][0]["function"]["parameters"] == {"type": "object", **properties}


@pytest.mark.parametrize(
    ("choice", "members"),
    [
        ("auto", {"tool_choice": "auto"}),
        ("required", {"tool_choice": "any"}),
        (
            {"type": "function", "name": "clock"},
            {"tool_choice": {"type": "function", "function": {"name": "clock"}}},
        ),
    ],
)
def test_a_choice(choice: Any, members: dict[str, Any]) -> None:
    made = sent({"tools": [WEATHER, CLOCK], "tool_choice": choice, "parallel_tool_calls": False})
    assert {name: value for name, value in made.settings.items() if name != "tools"} == {
        **members,
        "parallel_tool_calls": False,
    }
    assert len(made.body["tools"]) == 2


def test_to_choose_none_the_tools_are_left_out() -> None:
    made = sent({"tools": [WEATHER], "tool_choice": "none", "parallel_tool_calls": False})
    assert made.settings == {}


@pytest.mark.parametrize(("mode", "word"), [("auto", "auto"), ("required", "any")])
def test_allowed_tools_are_the_only_ones_offered(mode: str, word: str) -> None:
    allowed = {"type": "allowed_tools", "mode": mode, "tools": [{"type": "function", "name": "clock"}]}
    made = sent({"tools": [WEATHER, CLOCK], "tool_choice": allowed})
    assert [tool["function"]["name"] for tool in made.body["tools"]] == ["clock"]
    assert made.body["tool_choice"] == word


def test_a_long_name_is_cut_and_found_again() -> None:
    name = "a" * 80
    made = sent({"tools": [{**CLOCK, "name": name}], "tool_choice": {"type": "function", "name": name}})
    offered = made.body["tools"][0]["function"]["name"]
    assert len(offered) == 64
    assert made.body["tool_choice"]["function"]["name"] == offered


def test_a_custom_tool_is_a_function() -> None:
    made = sent({"tools": [{"type": "custom", "name": "patch"}]})
    assert made.body["tools"][0]["function"]["parameters"]["required"] == ["input"]


@pytest.mark.parametrize("kind", ["web_search", "code_interpreter"])
def test_a_hosted_tool_is_dropped_when_offered_and_refused_when_forced(kind: str) -> None:
    tool = {"type": kind} if kind == "web_search" else {"type": kind, "container": {"type": "auto"}}
    assert sent({"tools": [tool, WEATHER]}).losses == {"tools[0]": "dropped"}
    assert refused({"tools": [tool], "tool_choice": {"type": kind}})[0] == "tools[0].type"


# --- options of the settings ------------------------------------------------------------------------------------------


def test_options_are_in_every_request() -> None:
    guardrails = [{"block_on_error": True, "moderation_llm_v1": {"action": "block"}}]
    provider = mistral(
        safe_prompt=True,
        guardrails=guardrails,
        random_seed=7,
        stop=["END"],
        metadata=True,
        max_tokens=100,
        extra_body={"presence_penalty": 0.2},
    )
    made = sent({"metadata": {"team": "a"}}, provider=provider)
    assert made.settings == {
        "safe_prompt": True,
        "guardrails": guardrails,
        "random_seed": 7,
        "stop": ["END"],
        "metadata": {"team": "a"},
        "max_tokens": 100,
        "presence_penalty": 0.2,
    }
    assert made.losses == {"max_output_tokens": "approximated"}
    assert sent({"max_output_tokens": 30}, provider=provider).body["max_tokens"] == 30


def test_metadata_stays_at_home_unless_it_is_wanted() -> None:
    assert "metadata" not in sent({"metadata": {"a": "b"}}).body
    assert "metadata" not in sent(provider=mistral(metadata=True)).body


def test_extra_members_come_last() -> None:
    made = sent(
        {"temperature": 1.0}, provider=mistral(random_seed=1, extra_body={"temperature": 0.3, "random_seed": 2})
    )
    assert made.settings == {"temperature": 0.3, "random_seed": 2}


def test_equal_requests_give_equal_bytes() -> None:
    request = {"tools": [WEATHER, CLOCK], "metadata": {"b": "1", "a": "2"}, "temperature": 0.5, "user": "u"}
    provider = mistral(metadata=True, random_seed=3, safe_prompt=True)
    assert sent(request, provider=provider).call == sent(request, provider=provider).call


def test_what_is_lost_is_a_mistake_where_losses_are() -> None:
    assert refused({"text": {"verbosity": "low"}}, strict=True)[0] == "text.verbosity"
