"""The vendor's own tools as they are offered: what of a client's tool arrives, is declared, or is refused."""

from typing import Any

import pytest

from providers.anthropic import Anthropic, AnthropicSettings
from proxy.provider.conversions import RefusedError
from proxy.provider.history import AUTO, FunctionTool, HostedTool, ToolChoice
from tests.corpus.oracle import complaints
from tests.providers.anthropic.requests import HAIKU, OPUS, WEATHER, body_of, losses, message, prepared

WIKI = {
    "type": "mcp",
    "server_label": "wiki",
    "server_url": "https://wiki.example/mcp",
    "require_approval": "never",
}
TOKEN = "a-token-that-is-secret"


def hosted(*tools: Any) -> list[HostedTool]:
    """Hosted tools behind a function: their paths begin with `tools[1]`."""
    names = {"web_search_preview": "web_search", "web_search_2025_08_26": "web_search"}
    return [
        HostedTool(names.get(tool["type"], tool["type"]), tool, f"tools[{index}]")
        for index, tool in enumerate(tools, 1)
    ]


def sent(*tools: Any, functions: Any = (), choice: ToolChoice = AUTO, model: str = OPUS, **parameters: Any) -> Any:
    """The call and the conversions; the body is one that the vendor's SDK could have made."""
    request = prepared(message("Hi"), model=model, tools=functions, choice=choice, **parameters)
    request.hosted_tools = hosted(*tools)
    call = Anthropic(AnthropicSettings()).encode(request)
    assert complaints("anthropic", body_of(call)) == []
    return call, losses(request)


def tool_of(*tools: Any, **options: Any) -> Any:
    """The only tool that is sent, and the conversions."""
    call, lost = sent(*tools, **options)
    (tool,) = body_of(call)["tools"]
    return tool, lost


def refusal(*tools: Any, **options: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        sent(*tools, **options)
    return caught.value


# --- web search -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["web_search", "web_search_2025_08_26", "web_search_preview"])
def test_a_search_is_the_models_own_version(kind: Any) -> None:
    newer = {"type": "web_search_20260209", "name": "web_search", "allowed_callers": ["direct"]}
    assert tool_of({"type": kind}) == (newer, [])
    older = {"type": "web_search_20250305", "name": "web_search"}
    assert tool_of({"type": kind}, model=HAIKU) == (older, [])


def test_what_a_search_is_told() -> None:
    tool = {
        "type": "web_search",
        "filters": {"allowed_domains": ["example.org", "example.com"]},
        "user_location": {"type": "approximate", "city": "Oslo", "country": "NO", "region": None, "timezone": None},
        "search_context_size": "medium",
        "external_web_access": True,
        "search_content_types": ["text"],
        "return_token_budget": "default",
    }
    assert tool_of(tool, model=HAIKU) == (
        {
            "type": "web_search_20250305",
            "name": "web_search",
            "allowed_domains": ["example.org", "example.com"],
            "user_location": {"type": "approximate", "city": "Oslo", "country": "NO"},
        },
        [
            "ignored tools[1].search_context_size",
            "ignored tools[1].external_web_access",
            "ignored tools[1].search_content_types",
            "ignored tools[1].return_token_budget",
        ],
    )
    assert tool_of({"type": "web_search", "filters": {}, "user_location": {"type": "approximate"}}, model=HAIKU) == (
        {"type": "web_search_20250305", "name": "web_search"},
        ["ignored tools[1].filters", "ignored tools[1].user_location"],
    )


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("search_context_size", "high"),
        ("external_web_access", False),
        ("search_content_types", ["text", "image"]),
        ("return_token_budget", "unlimited"),
    ],
)
def test_what_a_search_has_no_setting_for_is_declared(member: Any, value: Any) -> None:
    assert tool_of({"type": "web_search", member: value})[1] == [f"dropped tools[1].{member}"]


def test_a_second_search_is_left_out() -> None:
    tool, lost = tool_of({"type": "web_search"}, {"type": "web_search_preview"})
    assert tool["name"] == "web_search"
    assert lost == ["dropped tools[2]"]


@pytest.mark.parametrize(
    ("tools", "uses", "lost"),
    [
        ([{"type": "web_search"}], 3, []),
        ([{"type": "web_search"}, {"type": "tool_search"}], 3, []),
        ([{"type": "web_search"}, WIKI], 3, ["approximated max_tool_calls"]),
        ([WIKI], None, ["dropped max_tool_calls"]),
        ([{"type": "tool_search"}], None, []),
    ],
)
def test_the_limit_of_calls(tools: Any, uses: Any, lost: Any) -> None:
    call, found = sent(*tools, max_tool_calls=3)
    assert body_of(call)["tools"][0].get("max_uses") == uses
    assert found == lost


# --- code -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "version"),
    [
        (OPUS, "code_execution_20260120"),
        ("claude-sonnet-4-5", "code_execution_20260120"),
        (HAIKU, "code_execution_20250825"),
        ("claude-opus-4-1", "code_execution_20250825"),
    ],
)
def test_code_runs_in_a_new_container(model: Any, version: Any) -> None:
    settings = {"type": "auto", "file_ids": [], "memory_limit": "1g", "network_policy": {"type": "disabled"}}
    call, lost = sent({"type": "code_interpreter", "container": settings}, model=model)
    assert body_of(call)["tools"] == [{"type": version, "name": "code_execution"}]
    assert "container" not in body_of(call)
    assert lost == ["ignored tools[1].container.memory_limit", "ignored tools[1].container.network_policy"]


def test_a_container_of_the_vendor_is_used_again() -> None:
    call, lost = sent({"type": "code_interpreter", "container": "container_011CZ"})
    assert body_of(call)["container"] == "container_011CZ"
    assert lost == []


@pytest.mark.parametrize("container", ["cntr_6871", "", "container_1 x", "Container_1"])
def test_a_container_of_another_vendor_is_refused(container: Any) -> None:
    assert refusal({"type": "code_interpreter", "container": container}).param == "tools[1].container"


def test_what_containers_have_no_setting_for_is_declared() -> None:
    settings = {
        "type": "auto",
        "memory_limit": "4g",
        "network_policy": {"type": "allowlist", "allowed_domains": ["example.org"]},
    }
    tool = {"type": "code_interpreter", "container": settings, "allowed_callers": ["direct", "programmatic"]}
    assert tool_of(tool)[1] == [
        "dropped tools[1].container.memory_limit",
        "dropped tools[1].container.network_policy",
        "dropped tools[1].allowed_callers",
    ]


def test_files_of_other_services_are_refused() -> None:
    tool = {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}
    assert refusal(tool).param == "tools[1].container.file_ids"


# --- MCP servers ------------------------------------------------------------------------------------------------------


def test_an_mcp_server() -> None:
    call, lost = sent(WIKI | {"authorization": TOKEN, "server_description": "Pages"}, functions=[WEATHER])
    body = body_of(call)
    server = {"type": "url", "name": "wiki", "url": "https://wiki.example/mcp", "authorization_token": TOKEN}
    assert body["mcp_servers"] == [server]
    assert body["tools"][1:] == [{"type": "mcp_toolset", "mcp_server_name": "wiki"}]
    assert call.headers["anthropic-beta"] == "mcp-client-2025-11-20"
    assert lost == ["dropped tools[1].server_description"]


def test_betas_stand_side_by_side() -> None:
    call, _ = sent(WIKI, WIKI | {"server_label": "other"}, service_tier="fast")
    assert call.headers["anthropic-beta"] == "mcp-client-2025-11-20,fast-mode-2026-02-01"


@pytest.mark.parametrize("headers", [{"Authorization": f"Bearer {TOKEN}"}, {"authorization": f"bearer  {TOKEN} "}])
@pytest.mark.parametrize("authorization", [None, "", TOKEN])
def test_a_bearers_header_is_a_token(headers: Any, authorization: Any) -> None:
    call, _ = sent(WIKI | {"headers": headers, "authorization": authorization})
    assert body_of(call)["mcp_servers"][0]["authorization_token"] == TOKEN


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"headers": {"X-Key": TOKEN}}, "headers"),
        ({"headers": {"Authorization": f"Basic {TOKEN}"}}, "headers"),
        ({"headers": {"Authorization": f"Bearer {TOKEN}"}, "authorization": "another"}, "headers"),
        ({"server_url": None}, "server_url"),
        ({"server_url": "http://wiki.example"}, "server_url"),
        ({"server_url": None, "connector_id": "connector_gmail"}, "connector_id"),
        ({"server_url": None, "tunnel_id": "tunnel_1"}, "tunnel_id"),
        ({"allowed_tools": {"read_only": True}}, "allowed_tools.read_only"),
        ({"allowed_tools": {"read_only": False, "tool_names": ["ask"]}}, "allowed_tools.read_only"),
        ({"require_approval": None}, "require_approval"),
        ({"require_approval": "always"}, "require_approval"),
        ({"require_approval": {}}, "require_approval"),
        ({"require_approval": {"never": {"tool_names": ["ask"]}}}, "require_approval"),
        ({"require_approval": {"never": {"read_only": True}}}, "require_approval.never.read_only"),
        (
            {"require_approval": {"never": {"tool_names": ["ask"]}}, "allowed_tools": ["ask", "edit"]},
            "require_approval",
        ),
        (
            {
                "require_approval": {"never": {"tool_names": ["ask"]}, "always": {"tool_names": ["ask"]}},
                "allowed_tools": ["ask"],
            },
            "require_approval",
        ),
    ],
)
def test_what_an_mcp_server_cannot_be_given_is_refused(changes: Any, param: Any) -> None:
    error = refusal({name: value for name, value in (WIKI | changes).items() if value is not None})
    assert error.param == f"tools[1].{param}"
    assert TOKEN not in f"{error.message} {error!r}"


def test_the_same_server_twice_is_refused() -> None:
    assert refusal(WIKI, WIKI).param == "tools[2].server_label"


@pytest.mark.parametrize("allowed", [["ask", "read"], {"tool_names": ["ask", "read"]}])
def test_some_tools_of_a_server(allowed: Any) -> None:
    approval = {"never": {"tool_names": ["read", "ask", "edit"]}}
    tool, lost = tool_of(WIKI | {"allowed_tools": allowed, "require_approval": approval})
    assert tool["default_config"] == {"enabled": False}
    assert tool["configs"] == {"ask": {"enabled": True}, "read": {"enabled": True}}
    assert lost == []


def test_no_tool_of_a_server() -> None:
    tool, _ = tool_of(WIKI | {"allowed_tools": []})
    assert (tool["configs"], tool["default_config"]) == ({}, {"enabled": False})


def test_deferred_tools_of_a_server() -> None:
    deferred = WIKI | {"defer_loading": True, "allowed_tools": ["ask"]}
    tool, lost = tool_of(deferred)
    assert tool["configs"] == {"ask": {"enabled": True}}
    assert lost == ["approximated tools[1].defer_loading"]
    call, lost = sent(deferred, {"type": "tool_search"})
    assert body_of(call)["tools"][0]["configs"] == {"ask": {"enabled": True, "defer_loading": True}}
    assert lost == []


# --- tool search ------------------------------------------------------------------------------------------------------

LATER = FunctionTool("later", None, None, None, "tools[0]", deferred=True)


def test_deferred_functions_are_found_by_the_vendors_search() -> None:
    call, lost = sent({"type": "tool_search"}, functions=[WEATHER, LATER])
    weather, later, search = body_of(call)["tools"]
    assert "defer_loading" not in weather
    assert later["defer_loading"] is True
    assert search == {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"}
    assert lost == []


def test_a_deferred_function_that_is_forced_is_offered_from_the_start() -> None:
    call, lost = sent({"type": "tool_search"}, functions=[LATER], choice=ToolChoice("named", "later"))
    assert "defer_loading" not in body_of(call)["tools"][0]
    assert lost == ["approximated tools[0].defer_loading"]


def test_without_the_search_nothing_is_deferred() -> None:
    call, lost = sent(functions=[LATER])
    assert "defer_loading" not in body_of(call)["tools"][0]
    assert lost == ["approximated tools[0].defer_loading"]


def test_the_vendors_search_describes_itself() -> None:
    tool = {"type": "tool_search", "execution": "server", "description": "Finds", "parameters": {"type": "object"}}
    assert sent(tool, functions=[LATER])[1] == ["dropped tools[1].description", "dropped tools[1].parameters"]


# --- the choice -------------------------------------------------------------------------------------------------------


def forced(tool: Any, name: str | None = None) -> ToolChoice:
    (one,) = hosted(tool)
    return ToolChoice("hosted", name, hosted=one)


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ({"type": "web_search"}, "web_search"),
        ({"type": "code_interpreter", "container": {"type": "auto"}}, "code_execution"),
    ],
)
def test_a_tool_of_the_vendor_is_forced(tool: Any, name: Any) -> None:
    call, lost = sent(tool, functions=[WEATHER], choice=forced(tool))
    assert body_of(call)["tool_choice"] == {"type": "tool", "name": name}
    assert len(body_of(call)["tools"]) == 2
    assert lost == []
    call, lost = sent(tool, functions=[WEATHER], choice=forced(tool), model="claude-opus-5-5")
    assert "tool_choice" not in body_of(call)
    assert [entry["name"] for entry in body_of(call)["tools"]] == [name]
    assert lost == ["approximated* tool_choice"]


def test_a_server_is_forced_by_offering_nothing_else() -> None:
    call, lost = sent(WIKI, {"type": "web_search"}, functions=[WEATHER], choice=forced(WIKI, "ask"))
    body = body_of(call)
    assert body["tool_choice"] == {"type": "any"}
    (tool,) = body["tools"]
    assert tool["configs"] == {"ask": {"enabled": True}}
    assert lost == ["approximated tool_choice"]
    tool = WIKI | {"allowed_tools": ["read"]}
    assert refusal(tool, choice=forced(tool, "ask")).param == "tool_choice.name"


def test_required_and_none() -> None:
    assert body_of(sent({"type": "web_search"}, choice=ToolChoice("required"))[0])["tool_choice"] == {"type": "any"}
    call, _ = sent(WIKI, choice=ToolChoice("none"))
    assert body_of(call)["tool_choice"] == {"type": "none"}
    assert body_of(call)["mcp_servers"]


# --- the models -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "tools"),
    [
        ("claude-opus-5-5", ("web_search", "code_interpreter", "tool_search", "mcp")),
        ("claude-from-the-future", ("web_search", "code_interpreter", "tool_search", "mcp")),
        (HAIKU, ("web_search", "code_interpreter", "tool_search", "mcp")),
        ("claude-sonnet-4-20250514", ("web_search", "code_interpreter", "mcp")),
        ("claude-3-5-sonnet-20241022", ()),
        ("qwen3-8b", ()),
    ],
)
def test_which_models_have_which_tools(model: Any, tools: Any) -> None:
    assert Anthropic(AnthropicSettings()).capabilities(model).hosted_tools == tools


def test_the_configuration_says_what_a_host_has() -> None:
    families = {"glm": {"web_search": "web_search_20250305"}, "claude-opus-4-8": {"code_execution": "", "mcp": ""}}
    provider = Anthropic(AnthropicSettings(families=families))
    assert provider.capabilities("glm-5").hosted_tools == ("web_search",)
    assert provider.capabilities(OPUS).hosted_tools == ("web_search", "tool_search")


def test_an_answer_with_the_vendors_tools_is_streamed() -> None:
    call, _ = sent({"type": "web_search"}, max_output_tokens=100)
    assert call.stream
    assert body_of(call)["stream"] is True


def test_the_counter_is_told_of_servers() -> None:
    provider = Anthropic(AnthropicSettings())
    request = prepared(message("Hi"))
    request.hosted_tools = hosted(WIKI, {"type": "code_interpreter", "container": "container_1"})
    call = provider.encode_count(request)
    assert call is not None
    assert body_of(call).keys() == {"model", "messages", "tools", "mcp_servers"}
    assert call.headers["anthropic-beta"] == "mcp-client-2025-11-20"


def test_what_is_included_is_given_anyhow() -> None:
    included = [
        "web_search_call.action.sources",
        "code_interpreter_call.outputs",
        "reasoning.encrypted_content",
        "file_search_call.results",
        "web_search_call.results",
    ]
    assert sent({"type": "web_search"}, include=included)[1] == ["ignored include[3]", "ignored include[4]"]
