"""Tools, the choice among them, and the form of the answer."""

from dataclasses import replace
from typing import Any

import pytest

from providers.gemini import Gemini, GeminiSettings
from providers.gemini.models import model_families, model_named
from providers.gemini.structured import FINAL_ANSWER, has_final_answer
from proxy.provider.conversions import RefusedError
from proxy.provider.history import AUTO, FunctionTool, ToolChoice
from tests.providers.gemini.requests import CLOCK, FLASH_3, FLASH_20, FLASH_25, GEMMA, WEATHER, encoded, prepared

TOOLS = [WEATHER, CLOCK]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FORMAT = {"type": "json_schema", "name": "answer", "schema": SCHEMA}
NONE, REQUIRED = ToolChoice("none"), ToolChoice("required")


def calling(body: Any) -> Any:
    return body["toolConfig"]["functionCallingConfig"]


def declared(body: Any) -> list[str]:
    return [each["name"] for tool in body.get("tools", ()) for each in tool["functionDeclarations"]]


# --- declarations -----------------------------------------------------------------------------------------------------


def test_all_functions_stand_in_one_tool() -> None:
    body, lost = encoded(tools=TOOLS)
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "wx", "parametersJsonSchema": WEATHER.parameters},
                {"name": "clock", "description": "Tells the time."},
            ]
        }
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("parameters", "schema"),
    [
        (None, None),
        ({}, None),
        ({"description": "Nothing"}, {"type": "object", "description": "Nothing"}),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        ({"$ref": "#/$defs/a", "$defs": {"a": SCHEMA}}, SCHEMA),
    ],
)
def test_parameters_are_a_schema_of_an_object(parameters: Any, schema: Any) -> None:
    body, _ = encoded(tools=[replace(WEATHER, parameters=parameters)])
    assert body["tools"][0]["functionDeclarations"][0].get("parametersJsonSchema") == schema


def test_parameters_that_may_be_null_are_those_of_an_object() -> None:
    body, lost = encoded(tools=[replace(WEATHER, parameters={"type": ["object", "null"], "properties": {}})])
    assert body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == {"type": "object", "properties": {}}
    assert lost == ["approximated tools[0].parameters"]


@pytest.mark.parametrize("parameters", [{"type": "string"}, {"type": ["string", "null"]}])
def test_parameters_that_are_no_object_are_refused(parameters: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        encoded(tools=[replace(WEATHER, parameters=parameters)])
    assert caught.value.param == "tools[0].parameters"


@pytest.mark.parametrize(
    ("strict", "lost"), [(None, "approximated*"), (True, "approximated*"), (False, "approximated")]
)
def test_what_a_schema_loses_is_declared(strict: Any, lost: Any) -> None:
    parameters = {"type": "object", "properties": {"a": {"type": "string", "minLength": 1, "title": "A"}}}
    _, conversions = encoded(tools=[replace(WEATHER, parameters=parameters, strict=strict)])
    assert conversions == [f"{lost} tools[0].parameters", "ignored tools[0].parameters"]


# --- the choice -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "config", "names"),
    [
        (AUTO, {"mode": "VALIDATED"}, ["wx", "clock"]),
        (NONE, {"mode": "NONE"}, ["wx", "clock"]),
        (REQUIRED, {"mode": "ANY"}, ["wx", "clock"]),
        (ToolChoice("named", "wx"), {"mode": "ANY", "allowedFunctionNames": ["wx"]}, ["wx", "clock"]),
        (
            ToolChoice("required", allowed=("clock",)),
            {"mode": "ANY", "allowedFunctionNames": ["clock"]},
            ["wx", "clock"],
        ),
        (ToolChoice("auto", allowed=("clock",)), {"mode": "VALIDATED"}, ["clock"]),
    ],
)
def test_tool_choice(choice: Any, config: Any, names: Any) -> None:
    body, lost = encoded(tools=TOOLS, choice=choice)
    assert calling(body) == config
    assert declared(body) == names
    assert lost == []


@pytest.mark.parametrize("mode", ["required", "named"])
def test_a_forced_choice_among_no_tools_is_refused(mode: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        encoded(choice=ToolChoice(mode, "wx"))
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("model", "strict", "choice", "mode", "lost"),
    [
        (FLASH_3, (True, None), AUTO, "VALIDATED", []),
        (FLASH_25, (True, True), AUTO, "VALIDATED", []),
        (FLASH_3, (None, False), AUTO, None, []),
        (FLASH_3, (True, False), AUTO, None, ["approximated* tools[0].strict"]),
        (FLASH_20, (True, None), AUTO, None, ["approximated* tools[0].strict"]),
        (FLASH_20, (True, False), REQUIRED, "ANY", []),
        (FLASH_3, (True, None), NONE, "NONE", ["ignored tools[0].strict"]),
    ],
)
def test_strict_tools(model: Any, strict: Any, choice: Any, mode: Any, lost: Any) -> None:
    tools = [replace(tool, strict=each) for tool, each in zip(TOOLS, strict, strict=True)]
    body, conversions = encoded(model=model, tools=tools, choice=choice)
    assert (calling(body)["mode"] if mode else body.get("toolConfig")) == mode
    assert conversions == lost


@pytest.mark.parametrize(
    ("options", "lost"),
    [
        ({"tools": TOOLS}, "dropped parallel_tool_calls"),
        ({"tools": TOOLS, "choice": NONE}, "ignored parallel_tool_calls"),
        ({}, "ignored parallel_tool_calls"),
    ],
)
def test_single_calls_cannot_be_asked_for(options: Any, lost: Any) -> None:
    assert encoded(parallel_tool_calls=False, **options)[1] == [lost]


# --- the form of the answer -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "config", "lost"),
    [
        ({"format": {"type": "text"}}, None, []),
        ({"format": None, "verbosity": None}, None, []),
        ({"format": {"type": "json_object"}}, {"responseMimeType": "application/json"}, []),
        (
            {"format": FORMAT | {"description": "D", "strict": True}},
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": SCHEMA | {"title": "answer", "description": "D"},
            },
            [],
        ),
        (
            {"format": FORMAT | {"strict": False}},
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA | {"title": "answer"}},
            ["ignored text.format.strict"],
        ),
        (
            {"format": {"type": "json_schema", "name": "a", "schema": {"type": "string", "pattern": "^a"}}},
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": {"title": "a", "type": "string", "description": '{pattern: "^a"}'},
            },
            ["approximated* text.format.schema"],
        ),
        ({"verbosity": "low"}, None, ["dropped text.verbosity"]),
        ({"verbosity": "medium"}, None, ["ignored text.verbosity"]),
    ],
)
def test_form(text: Any, config: Any, lost: Any) -> None:
    body, conversions = encoded(text=text)
    assert body.get("generationConfig") == config
    assert conversions == lost


def test_newer_models_take_a_schema_beside_tools() -> None:
    body, lost = encoded(tools=TOOLS, text={"format": FORMAT})
    assert body["generationConfig"]["responseJsonSchema"] == SCHEMA | {"title": "answer"}
    assert declared(body) == ["wx", "clock"]
    assert lost == []


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
def test_models_that_hold_to_no_form_refuse_it(kind: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        encoded(model=GEMMA, text={"format": FORMAT | {"type": kind}})
    assert caught.value.param == "text.format"


# --- the answer as a call ---------------------------------------------------------------------------------------------


def answers_by_call(**options: Any) -> bool:
    request = prepared(**options)
    return has_final_answer(request, model_named(request.model, model_families()))


def test_older_models_answer_by_a_call_beside_tools() -> None:
    options: dict[str, Any] = {"model": FLASH_25, "tools": TOOLS, "text": {"format": FORMAT | {"description": "D"}}}
    body, lost = encoded(**options)
    assert "generationConfig" not in body
    assert calling(body) == {"mode": "ANY", "allowedFunctionNames": ["wx", "clock", "final_answer"]}
    answer = body["tools"][0]["functionDeclarations"][-1]
    assert answer["name"] == FINAL_ANSWER
    assert answer["description"].endswith("\n\nD")
    assert answer["parametersJsonSchema"] == SCHEMA
    assert lost == ["approximated* text.format"]
    assert answers_by_call(**options)


def test_an_allowed_subset_stands_beside_the_answer() -> None:
    choice = ToolChoice("auto", allowed=("clock",))
    body, _ = encoded(model=FLASH_25, tools=TOOLS, choice=choice, text={"format": FORMAT})
    assert calling(body)["allowedFunctionNames"] == ["clock", FINAL_ANSWER] == declared(body)


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
@pytest.mark.parametrize(
    "choice",
    [REQUIRED, ToolChoice("named", "wx"), ToolChoice("required", allowed=("wx",))],
    ids=lambda choice: choice.mode,
)
def test_a_forced_call_leaves_no_text_to_have_a_form(choice: Any, kind: Any) -> None:
    options: dict[str, Any] = {
        "model": FLASH_25,
        "tools": TOOLS,
        "choice": choice,
        "text": {"format": FORMAT | {"type": kind}},
    }
    body, lost = encoded(**options)
    assert "generationConfig" not in body
    assert declared(body) == ["wx", "clock"]
    assert lost == ["ignored text.format"]
    assert not answers_by_call(**options)


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
def test_tools_that_may_not_be_called_make_room_for_the_form(kind: Any) -> None:
    options: dict[str, Any] = {
        "model": FLASH_25,
        "tools": TOOLS,
        "choice": NONE,
        "text": {"format": FORMAT | {"type": kind}},
    }
    body, lost = encoded(**options)
    assert body["generationConfig"]["responseMimeType"] == "application/json"
    assert "tools" not in body
    assert "toolConfig" not in body
    assert lost == ["approximated tools"]
    assert not answers_by_call(**options)


def obstacle(form: Any, **options: Any) -> str | None:
    return Gemini(GeminiSettings()).format_obstacle(form, prepared(**options))


def test_older_models_have_no_json_mode_beside_tools() -> None:
    form = {"type": "json_object"}
    assert obstacle(form, model=FLASH_25, tools=TOOLS)
    assert obstacle(form, model=FLASH_25) is None
    assert obstacle(form, model=FLASH_3, tools=TOOLS) is None
    with pytest.raises(RefusedError) as caught:
        encoded(model=FLASH_25, tools=TOOLS, text={"format": form})
    assert caught.value.param == "text.format"


@pytest.mark.parametrize("options", [{"model": FLASH_3, "tools": TOOLS}, {"model": FLASH_25}])
def test_a_schema_that_the_model_takes_needs_no_call(options: Any) -> None:
    assert not answers_by_call(**options, text={"format": FORMAT})


def test_a_tool_with_the_answers_name_is_an_obstacle() -> None:
    taken = FunctionTool(FINAL_ANSWER, None, None, None, "tools[3]")
    assert obstacle(FORMAT, model=FLASH_25, tools=[taken])
    assert obstacle(FORMAT, model=FLASH_3, tools=[taken]) is None


def test_the_answer_beside_tools_is_an_object() -> None:
    assert obstacle(FORMAT | {"schema": {"type": "array"}}, model=FLASH_25, tools=TOOLS)
    assert obstacle(FORMAT | {"schema": {"type": "array"}}, model=FLASH_25) is None
    assert obstacle(FORMAT, model=FLASH_25, tools=TOOLS) is None


def test_the_decoder_reads_the_answer_out_of_the_call() -> None:
    provider = Gemini(GeminiSettings())
    body = (
        b'{"candidates":[{"content":{"role":"model","parts":[{"functionCall":'
        b'{"name":"final_answer","args":{"a":"b"}}}]},"finishReason":"STOP"}]}'
    )
    request = prepared(model=FLASH_25, tools=TOOLS, text={"format": FORMAT})
    kinds = [type(event).__name__ for event in provider.decode(body, request)]
    assert "Text" in kinds
    assert "CallOpened" not in kinds
    plain = [type(event).__name__ for event in provider.decode(body, prepared(model=FLASH_25, tools=TOOLS))]
    assert "CallOpened" in plain


@pytest.mark.parametrize("reference", ["#/$defs/nowhere", "other.json", "https://example.org/schema", "#/$defs/a/b"])
def test_a_reference_that_leads_nowhere_is_refused(reference: str) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": reference}}, "$defs": {"a": {"type": "string"}}}
    with pytest.raises(RefusedError) as refused:
        encoded(tools=[FunctionTool("f", None, schema, None, "tools[0]")])
    assert refused.value.param == "tools[0].parameters"
    form = {"type": "json_schema", "name": "a", "schema": schema}
    with pytest.raises(RefusedError) as refused:
        encoded(text={"format": form})
    assert refused.value.param == "text.format.schema"
