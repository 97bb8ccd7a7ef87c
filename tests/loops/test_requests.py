"""Whole requests as real clients send them, in front of strict vendors: tools, schemas, settings."""

from typing import Any, Final

import orjson
import pytest

from tests.loops.conversation import NOW, WX, Conversation, function, result, said
from tests.loops.targets import CLAUDES, GEMINI_2_5, GEMINI_3, StrictVendor, Target
from tests.strict.play import StrictGemini, StrictMessages
from tests.vendors.gateway import Gateway
from tests.vendors.script import Called, Turn

NATIVE = pytest.mark.parametrize("target", [GEMINI_3, GEMINI_2_5, *CLAUDES], ids=lambda target: target.id)
"""Vendors that read schemas themselves."""


def offered(strict: StrictVendor) -> list[dict[str, Any]]:
    """The functions of the last request."""
    tools: list[dict[str, Any]] = strict.requests[-1].json["tools"]
    if isinstance(strict, StrictGemini):
        return [declaration for tool in tools for declaration in tool["functionDeclarations"]]
    return tools if isinstance(strict, StrictMessages) else [tool["function"] for tool in tools]


# --- names and namespaces ---------------------------------------------------------------------------------------------

ODD_NAMES = ("github.get file", "1st", "wetter_für_oslo", "-", "m" * 128, "m" * 127 + "n", "a/b:c", "wx")


async def test_any_name_goes_round(gateway: Gateway, target: Target, strict: StrictVendor, stream: bool) -> None:
    tools = [function(name) for name in ODD_NAMES]
    conversation = Conversation(gateway, target.model, stream=stream, tools=tools)
    await conversation.ask(said("Hi"))
    names = [each["name"] for each in offered(strict)]
    assert len(set(names)) == len(ODD_NAMES)
    strict.play(Turn(calls=tuple(Called(name, id=f"aaaaaaaa{index}") for index, name in enumerate(names))))
    await conversation.ask(said("Call them all"))
    assert [call["name"] for call in conversation.calls] == list(ODD_NAMES)
    assert (await conversation.answer_calls()).text == "Hello there."


async def test_any_name_can_be_chosen(gateway: Gateway, target: Target, strict: StrictVendor) -> None:
    tools = [function(name) for name in ODD_NAMES]
    for name in ODD_NAMES:
        choice = {"type": "function", "name": name}
        answer = await gateway.create(model=target.model, input="Hi", tools=tools, tool_choice=choice)
        assert answer.text == "Hello there."
        # a server that takes no forced choice is offered this tool alone
        kept = target.server is None or target.server.tool_choices != {"auto"}
        assert answer.headers.get("x-dragoman-dropped") == (None if kept else "tool_choice")
        assert kept or len(offered(strict)) == 1


async def test_namespaces_with_the_same_members_are_kept_apart(
    gateway: Gateway, target: Target, strict: StrictVendor, stream: bool
) -> None:
    search = function("search", query={"type": "string"})
    tools = [{"type": "namespace", "name": name, "description": name, "tools": [search]} for name in ("docs", "mail")]
    conversation = Conversation(gateway, target.model, stream=stream, tools=tools)
    await conversation.ask(said("Hi"))
    _, second = (each["name"] for each in offered(strict))
    strict.play(Turn(calls=(Called(second, ('{"query": "x"}',), id="aaaaaaaa1"),)))
    await conversation.ask(said("Search my mail"))
    assert [(call["name"], call["namespace"]) for call in conversation.calls] == [("search", "mail")]
    assert (await conversation.answer_calls()).text == "Hello there."


async def test_a_tool_that_is_no_longer_offered_stays_in_the_history(
    gateway: Gateway, target: Target, strict: StrictVendor
) -> None:
    call = {"type": "function_call", "call_id": "call_a", "name": "gone (v1)", "arguments": "{}", "namespace": "old"}
    answer = await gateway.create(model=target.model, input=[said("Hi"), call, result("call_a")], tools=[WX])
    assert answer.text == "Hello there."


# --- schemas ----------------------------------------------------------------------------------------------------------

NODE: dict[str, Any] = {
    "type": "object",
    "properties": {"value": {"type": "integer", "exclusiveMinimum": 0}, "next": {"$ref": "#/$defs/node"}},
}
ODD_SCHEMAS: dict[str, dict[str, Any]] = {
    "keywords": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/a",
        "$comment": "made by a machine",
        "type": "object",
        "properties": {
            "kind": {"const": "a", "enumDescriptions": ["the first"], "title": "Kind"},
            "count": {"type": "integer", "exclusiveMinimum": 0, "multipleOf": 2, "default": 4},
            "when": {"type": "string", "format": "date-time", "pattern": "^2", "minLength": 1, "examples": ["2026"]},
            "more": {"patternProperties": {"^x": {"type": "string"}}, "propertyNames": {"maxLength": 4}},
            "either": {"oneOf": [{"type": "string"}, {"type": "null"}]},
            "both": {"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"required": ["a"]}]},
            "never": {"not": {"type": "string"}},
            "if": {"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "integer"}},
            "list": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "contains": {"const": "a"}},
            "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
        },
        "required": ["kind"],
        "additionalProperties": False,
        "unevaluatedProperties": False,
        "x-order": ["kind"],
    },
    "names-of-keywords": {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": name}
            for name in ("const", "$comment", "$ref", "properties", "type", "items", "$defs", "title")
        },
        "required": ["const", "$ref"],
    },
    "definitions": {
        "type": "object",
        "properties": {
            "a": {"$ref": "#/$defs/a"},
            "b": {"$ref": "#/definitions/b%20c"},
            "c": {"$ref": "#/$defs/a/properties/d"},
        },
        "$defs": {"a": {"type": "object", "properties": {"d": {"type": "string"}}}},
        "definitions": {"b c": {"type": "integer"}},
    },
    "recursive": {"type": "object", "properties": {"head": {"$ref": "#/$defs/node"}}, "$defs": {"node": NODE}},
    "deeply-recursive": {
        "type": "object",
        "properties": {"head": {"$ref": "#/$defs/node"}},
        "required": ["head"],
        "$defs": {"node": {**NODE, "required": ["value", "next"]}},
    },
    "recursive-root": {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}},
    "broken": {"type": "object", "properties": {"a": {"$ref": "#/$defs/nowhere"}, "b": {"$ref": "other.json"}}},
    "empty": {},
    "untyped": {"properties": {"a": {}, "b": True, "c": {"enum": ["x", 1, None]}}},
    "nullable": {"type": "object", "properties": {"a": {"type": ["string", "null"], "enum": ["x", None]}}},
    "any-of-at-the-top": {"anyOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"type": "object"}]},
}


@NATIVE
@pytest.mark.parametrize("is_strict", [False, True])
async def test_any_schema_of_a_tool_is_taken(
    gateway: Gateway, target: Target, strict: StrictVendor, is_strict: bool
) -> None:
    found = {}
    for name, schema in ODD_SCHEMAS.items():
        tool = {"type": "function", "name": "a", "parameters": schema, "strict": is_strict}
        answer = await gateway.create(model=target.model, input="Hi", tools=[tool])
        found[name] = answer.status
    expected = dict.fromkeys(ODD_SCHEMAS, 200)
    if "gemini" in target.model:
        # References have to be put in place there: one that leads nowhere is refused.
        expected["broken"] = 400
    assert found == expected


@NATIVE
async def test_any_schema_of_an_answer_is_taken_or_refused(
    gateway: Gateway, target: Target, strict: StrictVendor
) -> None:
    taken = 0
    for name, schema in ODD_SCHEMAS.items():
        wanted = {"type": "json_schema", "name": "a", "schema": schema, "strict": True}
        answer = await gateway.create(model=target.model, input="Hi", text={"format": wanted})
        if answer.status == 400:
            assert answer.error["param"].startswith("text.format"), name
        else:
            # The greeting is no JSON, which matters where the gateway checks the answer.
            assert answer.status == 200 or answer.error["code"] == "invalid_structured_output", name
            taken += 1
    assert len(strict.requests) >= taken >= 8


@pytest.mark.parametrize("target", [GEMINI_3, GEMINI_2_5], ids=lambda target: target.id)
async def test_properties_named_like_keywords_are_kept(gateway: Gateway, target: Target, strict: StrictVendor) -> None:
    schema = ODD_SCHEMAS["names-of-keywords"]
    tool = {"type": "function", "name": "a", "parameters": schema, "strict": False}
    await gateway.create(model=target.model, input="Hi", tools=[tool])
    (declared,) = offered(strict)
    assert declared["parametersJsonSchema"]["properties"].keys() == schema["properties"].keys()
    assert declared["parametersJsonSchema"]["required"] == schema["required"]


ODD_PROPERTIES: Final = ("$top", "filter[id]", "filter(id)", "filter_id_", "a b", "größe", "p" * 80, "plain", "", "\n")


@pytest.mark.parametrize("target", CLAUDES, ids=lambda target: target.id)
@pytest.mark.parametrize("is_union", [False, True])
async def test_arguments_of_any_name_go_round(
    gateway: Gateway, target: Target, strict: StrictVendor, stream: bool, is_union: bool
) -> None:
    named = {"properties": {name: {"type": "string"} for name in ODD_PROPERTIES}, "required": list(ODD_PROPERTIES)}
    schema = {"type": "object", **({"oneOf": [named, {"properties": {"more": {}}}]} if is_union else named)}
    tool = {"type": "function", "name": "find", "parameters": schema, "strict": False}
    conversation = Conversation(gateway, target.model, stream=stream, tools=[tool, WX])
    await conversation.ask(said("Hi"))
    declared = offered(strict)[0]
    names = list(declared["input_schema"]["properties"])[: len(ODD_PROPERTIES)]
    assert len(set(names)) == len(ODD_PROPERTIES)
    arguments = orjson.dumps({name: f"{index}" for index, name in enumerate(names)}).decode()
    pieces = (arguments[:9], arguments[9:30], arguments[30:])
    strict.play(
        Turn("Hm.", calls=(Called("find", pieces, id="aaaaaaaa1"), Called("wx", ('{"$top"', ": 1}"), id="aaaaaaaa2")))
    )
    await conversation.ask(said("Find it"))
    first, second = (orjson.loads(call["arguments"]) for call in conversation.calls)
    assert first == {name: f"{index}" for index, name in enumerate(ODD_PROPERTIES)}
    assert second == {"$top": 1}
    assert (await conversation.answer_calls()).text == "Hello there."
    assert arguments.encode() in strict.requests[-1].body


@pytest.mark.parametrize("with_tools", [False, True])
async def test_a_schema_of_the_answer_is_kept(
    gateway: Gateway, target: Target, strict: StrictVendor, with_tools: bool
) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "people": {"type": ["integer", "null"]}},
        "required": ["city", "people"],
        "additionalProperties": False,
    }
    answered = '{"city":"Oslo","people":null}'
    strict.play(Turn(answered))
    answer = await gateway.create(
        model=target.model,
        input="A city",
        text={"format": {"type": "json_schema", "name": "city", "schema": schema, "strict": True}},
        tools=[WX] if with_tools else [],
    )
    assert orjson.loads(answer.text) == {"city": "Oslo", "people": None}


# --- settings ---------------------------------------------------------------------------------------------------------

SETTINGS: dict[str, Any] = {
    "include": ["reasoning.encrypted_content"],
    "max_output_tokens": 200,
    "max_tool_calls": 3,
    "metadata": {"a": "b"},
    "parallel_tool_calls": False,
    "prompt_cache_key": "key",
    "prompt_cache_retention": "24h",
    "safety_identifier": "someone",
    "service_tier": "default",
    "store": False,
    "text": {"verbosity": "low"},
    "truncation": "auto",
    "user": "someone",
}


async def test_what_only_openai_knows_reaches_no_other_vendor(
    gateway: Gateway, target: Target, strict: StrictVendor, stream: bool
) -> None:
    settings = SETTINGS | ({"stream_options": {"include_obfuscation": False}} if stream else {})
    answer = await gateway.create(model=target.model, input="Hi", tools=[WX, NOW], stream=stream, **settings)
    assert answer.text == "Hello there."
    for name in ("max_tool_calls", "metadata", "parallel_tool_calls", "prompt_cache_key", "truncation"):
        assert answer.response[name] == SETTINGS[name]


async def test_any_effort_is_taken(gateway: Gateway, target: Target, strict: StrictVendor) -> None:
    efforts = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    found = {}
    for effort in efforts:
        answer = await gateway.create(
            model=target.model, input="Hi", reasoning={"effort": effort, "summary": "auto"}, temperature=0.5
        )
        found[effort] = answer.status
    assert found == dict.fromkeys(efforts, 200)


CHOICES: Final[list[Any]] = [
    "none",
    "auto",
    "required",
    {"type": "function", "name": "now"},
    {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "now"}]},
    {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "now"}]},
]


async def test_any_choice_is_taken_or_refused(gateway: Gateway, target: Target, strict: StrictVendor) -> None:
    taken = 0
    for choice in CHOICES:
        answer = await gateway.create(model=target.model, input="Hi", tools=[WX, NOW], tool_choice=choice)
        if answer.status == 200:
            assert answer.text == "Hello there."
            taken += 1
        else:
            assert answer.error["param"].startswith("tool_choice")
    assert len(strict.requests) == taken >= 3


async def test_tools_that_the_vendor_does_not_have_are_dropped(
    gateway: Gateway, target: Target, strict: StrictVendor
) -> None:
    answer = await gateway.create(
        model=target.model, input="Hi", tools=[WX, {"type": "image_generation"}, {"type": "local_shell"}]
    )
    assert answer.text == "Hello there."
    assert "tools[1]" in answer.headers["x-dragoman-dropped"]
    assert "wx" in [each["name"] for each in offered(strict)]


async def test_instructions_reach_every_vendor(gateway: Gateway, target: Target, strict: StrictVendor) -> None:
    before = [said("You are Bob.", "developer"), said("Hi"), said("Hm.", "assistant")]
    items = [*before, said("Rhyme.", "system"), said("Go")]
    answer = await gateway.create(model=target.model, instructions="Be brief.", input=items)
    assert answer.text == "Hello there."
    for text in (b"Be brief.", b"You are Bob.", b"Rhyme."):
        assert text in strict.requests[-1].body
