"""Tools and the choice among them -> toolConfig, and what Claude is told beside it."""

from typing import Any

import pytest

from proxy.provider.conversions import RefusedError
from proxy.provider.history import FunctionTool, HostedTool, ToolChoice
from proxy.responses.events import CallArguments
from tests.providers.bedrock.requests import (
    GPT,
    HAIKU,
    LLAMA,
    MISTRAL,
    NEWEST,
    NOVA,
    NOVA_2,
    NOW,
    OPUS,
    OSS,
    PROVIDER,
    TITAN,
    WEATHER,
    assistant,
    call,
    encoded,
    message,
    prepared,
    result,
)

NONE = ToolChoice("none")
REQUIRED = ToolChoice("required")
NAMED = ToolChoice("named", "now")
HISTORY = (message("A"), call(), result(), assistant("B"), message("C"))


def tool(schema: dict[str, Any] | None, *, strict: bool | None = None) -> FunctionTool:
    return FunctionTool("f", "Does it.", schema, strict, "tools[0]")


def names(body: Any) -> list[str]:
    return [spec["toolSpec"]["name"] for spec in body["toolConfig"]["tools"]]


def test_a_function_is_a_tool_spec() -> None:
    body, lost = encoded(model=NOVA, tools=[WEATHER, NOW])
    assert body["toolConfig"] == {
        "tools": [
            {"toolSpec": {"name": "wx", "inputSchema": {"json": WEATHER.parameters}}},
            {
                "toolSpec": {
                    "name": "now",
                    "description": "The time.",
                    "inputSchema": {"json": {"type": "object", "properties": {}}},
                }
            },
        ]
    }
    assert lost == []


@pytest.mark.parametrize("description", [None, "", "  "])
def test_a_blank_description_is_left_out(description: str | None) -> None:
    body, _ = encoded(model=NOVA, tools=[FunctionTool("f", description, None, None, "tools[0]")])
    assert "description" not in body["toolConfig"]["tools"][0]["toolSpec"]


# --- the choice -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "choice", "sent", "offered", "lost"),
    [
        (NOVA, REQUIRED, {"any": {}}, ["wx", "now"], []),
        (NOVA, NAMED, {"tool": {"name": "now"}}, ["wx", "now"], []),
        (OPUS, NAMED, {"tool": {"name": "now"}}, ["wx", "now"], []),
        (NEWEST, REQUIRED, None, ["wx", "now"], ["approximated* tool_choice"]),
        (NEWEST, NAMED, None, ["now"], ["ignored tools[0]", "approximated* tool_choice"]),
        (LLAMA, REQUIRED, None, ["wx", "now"], ["approximated* tool_choice"]),
        (OSS, NAMED, None, ["now"], ["ignored tools[0]", "approximated* tool_choice"]),
        (NOVA, ToolChoice("auto", allowed=("wx",)), None, ["wx"], []),
        (NOVA, ToolChoice("required", allowed=("wx",)), {"any": {}}, ["wx"], []),
    ],
)
def test_a_choice_is_what_the_family_takes(
    model: str, choice: ToolChoice, sent: Any, offered: list[str], lost: list[str]
) -> None:
    body, found = encoded(model=model, tools=[WEATHER, NOW], choice=choice)
    assert (body["toolConfig"].get("toolChoice"), names(body), found) == (sent, offered, lost)


def test_a_choice_that_was_given_is_sent() -> None:
    body, _ = encoded(model=NOVA, tools=[WEATHER], tool_choice="auto")
    assert body["toolConfig"]["toolChoice"] == {"auto": {}}


def test_without_calls_no_tools_are_declared_when_none_may_be_called() -> None:
    body, lost = encoded(model=NOVA, tools=[WEATHER], choice=NONE)
    assert "toolConfig" not in body
    assert lost == []


def test_with_calls_the_tools_stay_and_claude_is_told() -> None:
    body, lost = encoded(*HISTORY, model=OPUS, tools=[WEATHER], choice=NONE)
    assert names(body) == ["wx"]
    assert body["additionalModelRequestFields"] == {"tool_choice": {"type": "none"}}
    assert lost == []
    body, lost = encoded(*HISTORY, model=NOVA, tools=[WEATHER], choice=NONE)
    assert (names(body), lost) == (["wx"], ["dropped tool_choice"])


def test_calls_without_tools_have_stubs() -> None:
    body, lost = encoded(*HISTORY, model=NOVA)
    assert names(body) == ["wx"]
    assert lost == ["approximated tools"]
    body, lost = encoded(*HISTORY, model=OPUS)
    assert body["additionalModelRequestFields"] == {"tool_choice": {"type": "none"}}
    assert (names(body), lost) == (["wx"], [])


@pytest.mark.parametrize("choice", [REQUIRED, NAMED])
def test_a_tool_cannot_be_required_where_none_is_offered(choice: ToolChoice) -> None:
    with pytest.raises(RefusedError) as refused:
        PROVIDER.encode(prepared(model=NOVA, choice=choice))
    assert refused.value.param == "tool_choice"


def test_a_model_without_tools_says_so() -> None:
    body, lost = encoded(model=TITAN, tools=[WEATHER])
    assert "toolConfig" not in body
    assert lost == ["dropped tools[0]"]
    with pytest.raises(RefusedError) as refused:
        PROVIDER.encode(prepared(*HISTORY, model=TITAN))
    assert refused.value.param == "input[1]"


# --- one at a time ----------------------------------------------------------------------------------------------------


def test_claude_is_told_to_call_one_at_a_time() -> None:
    body, lost = encoded(model=OPUS, tools=[WEATHER], parallel_tool_calls=False)
    assert body["additionalModelRequestFields"] == {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
    body, _ = encoded(model=OPUS, tools=[WEATHER], choice=REQUIRED, parallel_tool_calls=False)
    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    assert body["additionalModelRequestFields"] == {"tool_choice": {"disable_parallel_tool_use": True}}
    assert lost == []


def test_others_cannot_be_told() -> None:
    assert encoded(model=NOVA, tools=[WEATHER], parallel_tool_calls=False)[1] == ["dropped parallel_tool_calls"]
    assert encoded(model=NOVA, parallel_tool_calls=False)[1] == ["ignored parallel_tool_calls"]
    assert encoded(model=NOVA, tools=[WEATHER], choice=NONE, parallel_tool_calls=False)[1] == [
        "ignored parallel_tool_calls"
    ]


# --- schemas ----------------------------------------------------------------------------------------------------------

NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}
REFERRING = {"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "string"}}}


def schema_of(body: Any) -> Any:
    return body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]


def test_references_are_resolved_for_all_but_claude() -> None:
    assert schema_of(encoded(model=NOVA, tools=[tool(REFERRING)])[0]) == {
        "type": "object",
        "properties": {"a": {"type": "string"}},
    }
    assert schema_of(encoded(model=OPUS, tools=[tool(REFERRING)])[0]) == REFERRING


def test_a_schema_that_leads_back_into_itself_is_cut_and_said_so() -> None:
    recursive = {"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": NODE}}
    assert encoded(model=NOVA, tools=[tool(recursive)])[1] == ["approximated* tools[0].parameters"]
    assert encoded(model=OPUS, tools=[tool(recursive)])[1] == []


def test_keywords_that_the_vendor_refuses_are_left_out() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"$schema": {"type": "string"}, "a": {"type": "array", "contains": {"type": "string"}}},
    }
    body, lost = encoded(model=NOVA, tools=[tool(schema)])
    assert schema_of(body) == {
        "type": "object",
        "properties": {"$schema": {"type": "string"}, "a": {"type": "array"}},
    }
    assert lost == ["approximated* tools[0].parameters"]
    assert encoded(model=NOVA, tools=[tool({"$schema": "x", "type": "object"})])[1] == []


def test_arguments_are_an_object() -> None:
    assert schema_of(encoded(model=NOVA, tools=[tool({"properties": {}})])[0]) == {"type": "object", "properties": {}}
    with pytest.raises(RefusedError) as refused:
        PROVIDER.encode(prepared(model=NOVA, tools=[tool({"type": "string"})]))
    assert refused.value.param == "tools[0].parameters"


def test_what_claude_does_not_take_at_the_top_is_told() -> None:
    schema = {"type": "object", "anyOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}]}
    body, lost = encoded(model=OPUS, tools=[tool(schema)])
    assert "anyOf" not in schema_of(body)
    assert lost == ["approximated* tools[0].parameters"]


def test_names_of_arguments_that_claude_does_not_take_come_back() -> None:
    odd = tool({"type": "object", "properties": {"$top": {"type": "integer"}}})
    request = prepared(model=OPUS, tools=[odd])
    assert "_top" in PROVIDER.encode(request).body.decode()
    body = (
        b'{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f",'
        b'"input":{"_top":1}}}]}},"stopReason":"tool_use","usage":{"inputTokens":1,"outputTokens":1}}'
    )
    assert CallArguments(1, '{"$top":1}') in PROVIDER.decode(body, request)


STRICT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize("model", [HAIKU, OSS, GPT, "mistral.mistral-large-3-675b"])
def test_strict_tools_where_the_family_has_them(model: str) -> None:
    body, lost = encoded(model=model, tools=[tool(STRICT, strict=True)])
    assert body["toolConfig"]["tools"][0]["toolSpec"]["strict"] is True
    assert lost == []


@pytest.mark.parametrize("model", [NOVA, LLAMA, MISTRAL])
def test_strict_is_dropped_elsewhere(model: str) -> None:
    body, lost = encoded(model=model, tools=[tool(STRICT, strict=True)])
    assert "strict" not in body["toolConfig"]["tools"][0]["toolSpec"]
    assert lost == ["dropped tools[0].strict"]


def test_a_strict_schema_that_the_dialect_lacks_is_not_strict() -> None:
    free = {"type": "object", "additionalProperties": {"type": "string"}}
    assert encoded(model=HAIKU, tools=[tool(free, strict=True)])[1] == ["dropped tools[0].strict"]


# --- the vendor's own -------------------------------------------------------------------------------------------------


def hosted(kind: str, **members: Any) -> HostedTool:
    return HostedTool(kind, {"type": kind, **members}, "tools[0]")


def test_nova_searches_the_web_and_runs_code() -> None:
    body, lost = encoded(model=NOVA_2, hosted=[hosted("web_search"), hosted("code_interpreter")], tools=[WEATHER])
    assert body["toolConfig"]["tools"][1:] == [
        {"systemTool": {"name": "nova_grounding"}},
        {"systemTool": {"name": "nova_code_interpreter"}},
    ]
    assert lost == []


def test_settings_of_the_search_are_lost() -> None:
    search = hosted(
        "web_search",
        search_context_size="high",
        user_location={"type": "approximate", "city": "Oslo"},
        filters={"allowed_domains": ["a.test"]},
        external_web_access=True,
    )
    assert encoded(model=NOVA_2, hosted=[search])[1] == [
        "dropped tools[0].search_context_size",
        "dropped tools[0].user_location",
        "ignored tools[0].external_web_access",
        "dropped tools[0].filters",
    ]


@pytest.mark.parametrize(
    ("container", "param"),
    [("cntr_1", "tools[0].container"), ({"type": "auto", "file_ids": ["f"]}, "tools[0].container.file_ids")],
)
def test_containers_of_others_are_refused(container: Any, param: str) -> None:
    with pytest.raises(RefusedError) as refused:
        PROVIDER.encode(prepared(model=NOVA_2, hosted=[hosted("code_interpreter", container=container)]))
    assert refused.value.param == param


def test_the_vendors_tools_cannot_be_forced() -> None:
    search = hosted("web_search")
    with pytest.raises(RefusedError):
        PROVIDER.encode(prepared(model=NOVA_2, hosted=[search], choice=ToolChoice("hosted", hosted=search)))
    assert encoded(model=NOVA_2, hosted=[search], choice=REQUIRED)[1] == ["approximated* tool_choice"]
    assert encoded(model=NOVA_2, hosted=[search], choice=NONE)[1] == ["ignored tools[0]"]


def test_only_nova_has_tools_of_its_own() -> None:
    assert PROVIDER.capabilities(NOVA_2).hosted_tools == ("web_search", "code_interpreter")
    assert PROVIDER.capabilities(NOVA).hosted_tools == ()
    assert PROVIDER.capabilities(OPUS).hosted_tools == ()
