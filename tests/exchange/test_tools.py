"""Tools as they are offered: flat and safe names, the way back, choices, and what cannot be offered."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.exchange.tools import Offer, UnsupportedTools, offer, safe_name
from proxy.provider.capabilities import Capabilities
from proxy.provider.conversions import Conversion, RefusedError
from proxy.provider.history import AUTO, CustomTool, FunctionTool, HostedTool, ToolChoice
from proxy.responses.tool_table import ToolIdentity

Tool = dict[str, Any]

WEB_SEARCH: Tool = {"type": "web_search"}


def function(name: str, **members: object) -> Tool:
    return {"type": "function", "name": name, **members}


def custom(name: str, **members: object) -> Tool:
    return {"type": "custom", "name": name, **members}


def namespace(name: str, *tools: Tool, **members: object) -> Tool:
    return {"type": "namespace", "name": name, "tools": list(tools), **members}


def offered(
    *tools: Tool,
    choice: object = None,
    capabilities: Capabilities | None = None,
    unsupported: UnsupportedTools = "drop",
    conversions: list[Conversion] | None = None,
    brought: list[tuple[str, Tool]] | None = None,
) -> Offer:
    return offer(
        tools,
        choice,
        capabilities or Capabilities(),
        unsupported=unsupported,
        conversions=[] if conversions is None else conversions,
        brought=brought or (),
    )


def names(made: Offer) -> list[str]:
    return [tool.name for tool in made.tools]


def refusal(*tools: Tool, **settings: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        offered(*tools, **settings)
    assert caught.value.status == 400
    return caught.value


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("get_weather-2", "get_weather-2"),
        ("github.get file", "github_get_file"),
        ("größe", "gr__e"),
        ("a/b:c", "a_b_c"),
        ("x" * 64, "x" * 64),
    ],
)
def test_a_safe_name(name: str, safe: str) -> None:
    assert safe_name(name, Capabilities()) == safe


def test_a_long_name_is_cut_and_ends_in_a_hash_of_the_whole() -> None:
    one, other = safe_name("x" * 130, Capabilities()), safe_name("x" * 129 + "y", Capabilities())
    assert len(one) == len(other) == 64
    assert one != other
    assert re.fullmatch("x{55}_[0-9a-f]{8}", one)


@given(st.text(min_size=1, max_size=200), st.sampled_from([32, 64, 128]), st.booleans())
def test_any_name_becomes_a_safe_one(name: str, limit: int, lettered: bool) -> None:
    safe = safe_name(name, Capabilities(tool_name_limit=limit, tool_name_starts_with_letter=lettered))
    assert re.fullmatch(rf"[A-Za-z0-9_-]{{1,{limit}}}", safe)
    assert not lettered or safe[0].isalpha() or safe[0] == "_"


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.none() | st.sampled_from(["n", "n.m", "a"]), st.text("ab_.é", min_size=1, max_size=70)),
        min_size=1,
        max_size=6,
        unique=True,
    )
)
def test_every_tool_is_found_again_by_the_name_under_which_it_was_offered(tools: list[tuple[str | None, str]]) -> None:
    made = offered(*(function(name) if space is None else namespace(space, function(name)) for space, name in tools))
    assert len(set(names(made))) == len(tools)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in names(made))
    assert [made.table.restore(name) for name in names(made)] == [ToolIdentity(name, space) for space, name in tools]
    assert [made.offered_name(name, space) for space, name in tools] == names(made)


def test_names_that_collide_are_told_apart_by_a_hash() -> None:
    made = offered(function("a.b"), function("a_b"), function("a b"))
    first, second, third = names(made)
    assert first == "a_b"
    assert re.fullmatch("a_b_[0-9a-f]{8}", second)
    assert len({first, second, third}) == 3


def test_names_depend_on_nothing_but_the_tools() -> None:
    tools = [function("a.b"), function("a_b"), namespace("n", function("x" * 90))]
    assert names(offered(*tools)) == names(offered(*tools))


def test_a_tool_of_the_history_that_is_not_offered_now_has_the_name_it_would_have() -> None:
    made = offered(function("a"))
    assert made.offered_name("b.c", None) == "b_c"
    assert made.offered_name("read", "files") == "files__read"
    assert made.table.restore("unknown") == ToolIdentity("unknown")


def test_a_history_without_tools_keeps_to_the_limit_of_the_model() -> None:
    assert len(offered(capabilities=Capabilities(tool_name_limit=16)).offered_name("x" * 40, None)) == 16


def test_a_tool_defined_twice_is_refused() -> None:
    error = refusal(function("a"), function("b"), function("a"))
    assert (error.param, error.code) == ("tools[2].name", "unsupported_value")


# --- what a function carries ------------------------------------------------------------------------------------------


def test_a_function_is_offered_as_it_was_given() -> None:
    schema = {"type": "object", "properties": {}}
    made = offered(function("a", description="d", parameters=schema, strict=True), function("b"))
    assert made.tools == [
        FunctionTool("a", "d", schema, True, "tools[0]"),
        FunctionTool("b", None, None, None, "tools[1]"),
    ]


def test_members_without_a_counterpart_are_declared() -> None:
    conversions: list[Conversion] = []
    offered(
        function("a", **{"async": True, "defer_loading": True, "output_schema": {}, "allowed_callers": ["direct"]}),
        function("b", **{"async": False, "defer_loading": False, "output_schema": None}),
        conversions=conversions,
    )
    assert sorted((conversion.path, conversion.disposition) for conversion in conversions) == [
        ("tools[0].allowed_callers", "ignored"),
        ("tools[0].async", "dropped"),
        ("tools[0].defer_loading", "approximated"),
        ("tools[0].output_schema", "ignored"),
    ]


def test_no_tools_are_no_offer() -> None:
    for choice in (None, "auto", "none"):
        made = offered(choice=choice)
        assert (made.tools, made.choice) == ([], AUTO)


def test_a_model_without_tools_takes_none() -> None:
    assert refusal(function("a"), capabilities=Capabilities(tools=False)).param == "tools"
    assert offered(WEB_SEARCH, capabilities=Capabilities(tools=False)).tools == []


# --- namespaces -------------------------------------------------------------------------------------------------------


def test_the_tools_of_a_namespace_are_offered_under_its_name() -> None:
    conversions: list[Conversion] = []
    made = offered(
        function("x"), namespace("files", function("read"), function("write"), description="d"), conversions=conversions
    )
    assert names(made) == ["x", "files__read", "files__write"]
    assert [tool.path for tool in made.tools] == ["tools[0]", "tools[1].tools[0]", "tools[1].tools[1]"]
    assert made.table.restore("files__read") == ToolIdentity("read", "files")
    assert [(one.path, one.disposition) for one in conversions] == [("tools[1].description", "approximated")]


@pytest.mark.parametrize("written", ["files__read", "files.read", "files/read", "read"])
def test_a_model_may_write_the_name_of_a_namespaces_tool_in_other_ways(written: str) -> None:
    made = offered(namespace("files", function("read"), custom("x" * 70)), function("a.b"))
    assert made.table.restore(written) == ToolIdentity("read", "files")
    assert made.table.restore(f"files.{'x' * 70}") == ToolIdentity("x" * 70, "files", "custom")
    assert made.table.restore("a.b") == ToolIdentity("a.b")


def test_a_name_that_could_mean_two_tools_means_none() -> None:
    made = offered(namespace("a", function("read")), namespace("b", function("read")), namespace("c", custom("b.read")))
    assert made.table.restore("read") == ToolIdentity("read")
    assert made.table.restore("b.read") == ToolIdentity("b.read")
    assert made.table.restore("a.read") == ToolIdentity("read", "a")


def test_a_name_made_to_collide_with_a_hash_is_told_apart_too() -> None:
    hashed = names(offered(function("a_b"), function("a.b")))[1]
    made = offered(function(hashed), function("a_b"), function("a.b"))
    assert len(set(names(made))) == 3


def test_equal_names_in_different_namespaces_are_different_tools() -> None:
    made = offered(namespace("a", function("read")), namespace("b", function("read")), function("read"))
    assert names(made) == ["a__read", "b__read", "read"]


def test_a_namespace_that_collides_with_a_function_gets_a_hash() -> None:
    made = offered(function("a__b"), namespace("a", function("b")))
    assert made.table.restore(names(made)[0]) == ToolIdentity("a__b")
    assert made.table.restore(names(made)[1]) == ToolIdentity("b", "a")


def test_a_custom_tool_of_a_namespace_comes_back_as_one() -> None:
    made = offered(namespace("n", custom("c"), function("f")))
    assert names(made) == ["n__c", "n__f"]
    assert made.table.restore("n__c") == ToolIdentity("c", "n", "custom")
    assert offered(namespace("n", custom("c")), choice={"type": "custom", "name": "c", "namespace": "n"}).choice == (
        ToolChoice("named", "n__c")
    )


def test_tools_that_items_bring_along_are_offered_too() -> None:
    brought = [("input[3].tools[0]", function("late")), ("input[3].tools[1]", namespace("n", function("f")))]
    made = offered(function("a"), brought=brought)
    assert names(made) == ["a", "late", "n__f"]
    assert [tool.path for tool in made.tools] == ["tools[0]", "input[3].tools[0]", "input[3].tools[1].tools[0]"]
    assert names(offered(brought=brought)) == ["late", "n__f"]


# --- tools that the vendor lacks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", [None, "auto", "none"])
@pytest.mark.parametrize("kind", ["web_search", "image_generation", "file_search", "mcp", "tool_search"])
def test_a_tool_that_is_only_offered_is_dropped_and_declared(kind: str, choice: object) -> None:
    conversions: list[Conversion] = []
    made = offered({"type": kind}, function("a"), choice=choice, conversions=conversions)
    assert names(made) == ["a"]
    assert [(one.path, one.disposition) for one in conversions] == [("tools[0]", "dropped")]


def test_the_operator_may_have_it_refused() -> None:
    error = refusal(function("a"), WEB_SEARCH, unsupported="reject")
    assert (error.param, error.code) == ("tools[1].type", "unsupported_value")


@pytest.mark.parametrize(
    ("tool", "choice"),
    [
        ("web_search", {"type": "web_search"}),
        ("web_search_2025_08_26", {"type": "web_search"}),
        ("web_search_preview", {"type": "web_search_preview"}),
        ("mcp", {"type": "mcp", "server_label": "s"}),
    ],
)
def test_a_tool_that_is_forced_is_refused(tool: str, choice: object) -> None:
    assert refusal(function("a"), {"type": tool, "name": "c"}, choice=choice).param == "tools[1].type"


def test_a_shell_in_a_container_is_nothing_that_the_client_runs() -> None:
    shell = {"type": "shell", "environment": {"type": "container_auto"}}
    assert refusal(function("a"), shell, choice={"type": "shell"}).param == "tools[1].type"


def test_programs_that_call_tools_are_refused_even_when_only_offered() -> None:
    assert refusal(function("a"), {"type": "programmatic_tool_calling"}).param == "tools[1].type"


def test_a_forced_kind_that_is_not_among_the_tools_is_refused() -> None:
    error = refusal(function("a"), choice={"type": "file_search"})
    assert error.param == "tool_choice"
    assert "not among the tools" in error.message


def test_the_only_tool_under_required_is_refused() -> None:
    assert refusal(WEB_SEARCH, choice="required").param == "tools[0].type"
    made = offered(WEB_SEARCH, function("a"), choice="required")
    assert (names(made), made.choice) == (["a"], ToolChoice("required"))


def test_required_without_tools_is_refused() -> None:
    assert refusal(choice="required").param == "tool_choice"


# --- choices ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["none", "auto", "required"])
def test_a_mode_is_a_mode(mode: Any) -> None:
    assert offered(function("a"), choice=mode).choice == ToolChoice(mode)


def test_a_named_function_is_named_as_it_is_offered() -> None:
    made = offered(function("a.b"), function("c"), choice={"type": "function", "name": "a.b"})
    assert made.choice == ToolChoice("named", "a_b")
    assert len(made.tools) == 2


def test_a_member_of_a_namespace_is_found_with_and_without_its_namespace() -> None:
    tools = [namespace("a", function("read"), function("list")), namespace("b", function("read"))]
    exact = offered(*tools, choice={"type": "function", "name": "read", "namespace": "b"})
    alone = offered(*tools, choice={"type": "function", "name": "list"})
    assert (exact.choice.name, alone.choice.name) == ("b__read", "a__list")
    assert refusal(*tools, choice={"type": "function", "name": "read"}).param == "tool_choice"


def test_a_forced_function_that_does_not_exist_is_refused_by_name() -> None:
    error = refusal(function("a"), choice={"type": "function", "name": "missing"})
    assert (error.param, error.code) == ("tool_choice", "unsupported_value")
    assert "missing" in error.message


def allowed(*tools: object, mode: str = "auto") -> dict[str, object]:
    return {"type": "allowed_tools", "mode": mode, "tools": list(tools)}


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_allowed_tools_are_handed_over_where_they_are_native(mode: Any) -> None:
    choice = allowed({"type": "function", "name": "b"}, mode=mode)
    made = offered(function("a"), function("b"), choice=choice, capabilities=Capabilities(allowed_tools=True))
    assert names(made) == ["a", "b"]
    assert made.choice == ToolChoice(mode, None, ("b",))


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_allowed_tools_are_the_only_ones_offered_elsewhere(mode: Any) -> None:
    choice = allowed({"type": "function", "name": "c"}, {"type": "function", "name": "a.x"}, mode=mode)
    made = offered(function("a.x"), function("b"), function("c"), choice=choice)
    assert names(made) == ["a_x", "c"]
    assert made.choice == ToolChoice(mode)
    assert made.table.restore("b") == ToolIdentity("b")


def test_an_allowed_tool_that_was_dropped_is_passed_over() -> None:
    conversions: list[Conversion] = []
    choice = allowed({"type": "web_search"}, {"type": "function", "name": "a"})
    made = offered(function("a"), function("b"), WEB_SEARCH, choice=choice, conversions=conversions)
    assert names(made) == ["a"]
    assert [one.path for one in conversions] == ["tools[2]"]


def test_when_every_allowed_tool_was_dropped_none_may_be_called() -> None:
    made = offered(function("a"), WEB_SEARCH, choice=allowed({"type": "web_search"}))
    assert made.choice == ToolChoice("none")
    error = refusal(function("a"), WEB_SEARCH, choice=allowed({"type": "web_search"}, mode="required"))
    assert error.param == "tool_choice"


@pytest.mark.parametrize("wanted", [{"type": "function", "name": "missing"}, {"type": "file_search"}, {}])
def test_an_allowed_tool_that_is_not_among_the_tools_is_refused_where_it_stands(wanted: Tool) -> None:
    error = refusal(function("a"), choice=allowed({"type": "function", "name": "a"}, wanted))
    assert error.param == "tool_choice.tools[1]"


# --- tools of the client that are no functions ------------------------------------------------------------------------

GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": 'start: "a"+'}


def declared(conversions: list[Conversion]) -> list[tuple[str, str, bool]]:
    return [(one.path, one.disposition, one.contract) for one in conversions]


def test_a_custom_tool_is_a_function_with_one_text() -> None:
    conversions: list[Conversion] = []
    made = offered(custom("patch", description="Patch it.", format=GRAMMAR), conversions=conversions)
    tool = made.tools[0]
    assert tool.parameters is not None
    assert (tool.name, tool.parameters["required"]) == ("patch", ["input"])
    assert tool.description is not None
    assert tool.description.startswith("Patch it.")
    assert GRAMMAR["definition"] in tool.description
    assert made.table.restore("patch") == ToolIdentity("patch", kind="custom")
    assert declared(conversions) == [("tools[0]", "approximated", False), ("tools[0].format", "approximated", True)]


def test_a_grammar_is_told_as_far_as_it_goes() -> None:
    conversions: list[Conversion] = []
    huge = {**GRAMMAR, "definition": "x" * 100_000}
    description = offered(custom("c", format=huge), conversions=conversions).tools[0].description or ""
    assert len(description) < 5000
    assert "4096" in conversions[1].reason
    assert "grammar" not in (offered(custom("c", format={**GRAMMAR, "definition": " "})).tools[0].description or "")


def test_a_model_that_has_custom_tools_gets_them_untouched() -> None:
    conversions: list[Conversion] = []
    made = offered(
        custom("patch", format=GRAMMAR), capabilities=Capabilities(custom_tools=True), conversions=conversions
    )
    assert (made.tools, made.custom_tools) == ([], [CustomTool("patch", None, GRAMMAR, "tools[0]")])
    assert not conversions


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "shell"},
        {"type": "shell", "environment": {"type": "local"}},
        {"type": "local_shell"},
        {"type": "apply_patch"},
        {"type": "computer"},
        {"type": "computer_use_preview", "display_width": 1, "display_height": 2, "environment": "linux"},
        {"type": "tool_search", "execution": "client"},
    ],
)
def test_what_the_client_runs_is_a_function_for_any_model(tool: Tool) -> None:
    kind = tool["type"]
    made = offered(tool, function(kind))
    assert names(made)[0] == kind
    assert made.table.restore(kind).kind == kind
    assert made.table.restore(names(made)[1]) == ToolIdentity(kind)


@pytest.mark.parametrize(
    ("tool", "choice"),
    [("shell", "shell"), ("apply_patch", "apply_patch"), ("computer", "computer_use"), ("computer", "computer")],
)
def test_a_tool_of_the_client_can_be_forced(tool: str, choice: str) -> None:
    assert offered({"type": tool}, choice={"type": choice}).choice == ToolChoice("named", tool)


def test_a_computer_needs_a_model_that_sees() -> None:
    conversions: list[Conversion] = []
    blind = Capabilities(images=False)
    assert names(offered({"type": "computer"}, capabilities=blind, conversions=conversions)) == []
    assert declared(conversions) == [("tools[0]", "dropped", False)]


# --- deferred tools ---------------------------------------------------------------------------------------------------

SEARCH: Tool = {"type": "tool_search"}


def test_deferred_tools_are_offered_at_once_where_nobody_searches() -> None:
    conversions: list[Conversion] = []
    tools = [function(f"f{index}", defer_loading=True) for index in range(130)]
    made = offered(SEARCH, *tools, conversions=conversions)
    assert len(made.tools) == 128
    assert [path for path, kind, _ in declared(conversions) if kind == "dropped"] == [
        "tools[129]",
        "tools[130]",
        "tools[0]",
    ]


def test_the_clients_own_search_brings_deferred_tools() -> None:
    search = {"type": "tool_search", "execution": "client", "parameters": {"type": "object", "properties": {}}}
    late = function("late", defer_loading=True)
    assert names(offered(search, late)) == ["tool_search"]
    found = [("input[2].tools[0]", {**late, "defer_loading": None})]
    assert names(offered(search, late, brought=found)) == ["tool_search", "late"]


@pytest.mark.parametrize("parameters", ["query", [], 1, False])
def test_the_parameters_of_a_search_are_a_schema(parameters: object) -> None:
    search = {"type": "tool_search", "execution": "client", "parameters": parameters}
    assert refusal(search).param == "tools[0].parameters"


def test_a_vendor_that_searches_gets_deferred_tools_marked() -> None:
    made = offered(SEARCH, function("f", defer_loading=True), capabilities=Capabilities(hosted_tools=("tool_search",)))
    assert [tool.deferred for tool in made.tools] == [True]
    assert made.hosted_tools == [HostedTool("tool_search", SEARCH, "tools[0]")]


def test_a_tool_that_is_brought_again_takes_the_place_of_the_first() -> None:
    made = offered(function("f", description="old"), brought=[("input[0].tools[0]", function("f", description="new"))])
    assert [tool.description for tool in made.tools] == ["new"]


def test_a_tool_that_is_brought_again_stays_where_it_was() -> None:
    found = [(f"input[{index}].tools[0]", function("late")) for index in (0, 3)]
    made = offered(function("a"), brought=[found[0], ("input[1].tools[0]", function("b")), found[1]])
    assert names(made) == ["a", "late", "b"]


def test_a_tool_may_be_brought_again_as_another_kind() -> None:
    late = ("input[0].tools[0]", custom("f"))
    made = offered(function("f"), brought=[late], capabilities=Capabilities(custom_tools=True))
    assert (made.tools, [tool.name for tool in made.custom_tools]) == ([], ["f"])
    assert made.table.restore("f").kind == "custom"
    again = offered(function("f"), brought=[late])
    assert [tool.parameters is not None for tool in again.tools] == [True]


SEARCHES = Capabilities(hosted_tools=("tool_search", "web_search"))


def test_a_deferred_custom_tool_is_searched_for_too() -> None:
    late = custom("c", defer_loading=True)
    assert [tool.deferred for tool in offered(SEARCH, late, capabilities=SEARCHES).tools] == [True]
    conversions: list[Conversion] = []
    native = Capabilities(hosted_tools=("tool_search",), custom_tools=True)
    made = offered(SEARCH, late, capabilities=native, conversions=conversions)
    assert [tool.name for tool in made.custom_tools] == ["c"]
    assert declared(conversions) == [("tools[1].defer_loading", "approximated", False)]


def test_nothing_stays_deferred_where_the_search_is_not_offered() -> None:
    conversions: list[Conversion] = []
    late = function("late", defer_loading=True)
    choice = allowed({"type": "function", "name": "late"})
    made = offered(SEARCH, late, choice=choice, capabilities=SEARCHES, conversions=conversions)
    assert ([tool.deferred for tool in made.tools], made.hosted_tools) == ([False], [])
    alone = Capabilities(hosted_tools=("tool_search",), hosted_with_functions=False)
    assert [tool.deferred for tool in offered(SEARCH, late, capabilities=alone).tools] == [False]
    assert declared(conversions) == [("tools[1].defer_loading", "approximated", False)]


def test_a_deferred_tool_may_be_allowed_before_it_is_found() -> None:
    search = {"type": "tool_search", "execution": "client"}
    late = namespace("n", function("late", defer_loading=True))
    wanted = [{"type": "tool_search"}, {"type": "function", "name": "late", "namespace": "n"}]
    made = offered(search, late, function("other"), choice=allowed(*wanted))
    assert names(made) == ["tool_search"]
    found = [("input[1].tools[0]", namespace("n", function("late")))]
    assert names(offered(search, late, choice=allowed(*wanted), brought=found)) == ["tool_search", "n__late"]


def test_a_hosted_tool_that_is_brought_again_is_offered_once() -> None:
    mcp = {"type": "mcp", "server_label": "s"}
    brought = [("input[0].tools[0]", {**mcp, "server_url": "u"}), ("input[0].tools[1]", WEB_SEARCH)]
    made = offered(mcp, {**mcp, "server_label": "t"}, brought=brought, capabilities=SEARCHING)
    assert [(tool.type, tool.tool.get("server_url")) for tool in made.hosted_tools] == [
        ("mcp", "u"),
        ("mcp", None),
        ("web_search", None),
    ]


# --- tools that the vendor runs ---------------------------------------------------------------------------------------

SEARCHING = Capabilities(hosted_tools=("web_search", "mcp"))


@pytest.mark.parametrize("kind", ["web_search", "web_search_2025_08_26", "web_search_preview"])
def test_a_hosted_tool_goes_to_a_vendor_that_has_it(kind: str) -> None:
    made = offered({"type": kind}, choice={"type": "web_search"}, capabilities=SEARCHING, unsupported="reject")
    tool = HostedTool("web_search", {"type": kind}, "tools[0]")
    assert (made.hosted_tools, made.choice) == ([tool], ToolChoice("hosted", hosted=tool))


def test_an_mcp_server_is_chosen_by_its_label() -> None:
    one, two = ({"type": "mcp", "server_label": label} for label in ("one", "two"))
    choice = {"type": "mcp", "server_label": "two", "name": "t"}
    made = offered(one, two, choice=choice, capabilities=SEARCHING)
    assert made.choice == ToolChoice("hosted", "t", hosted=HostedTool("mcp", two, "tools[1]"))


def test_hosted_tools_give_way_to_functions_where_they_do_not_go_together() -> None:
    alone = Capabilities(hosted_tools=("web_search",), hosted_with_functions=False)
    conversions: list[Conversion] = []
    made = offered(WEB_SEARCH, function("a"), capabilities=alone, conversions=conversions)
    assert (names(made), made.hosted_tools) == (["a"], [])
    assert declared(conversions) == [("tools[0]", "dropped", False)]
    assert len(offered(WEB_SEARCH, capabilities=alone).hosted_tools) == 1
    assert (
        refusal(WEB_SEARCH, function("a"), choice={"type": "web_search"}, capabilities=alone).param == "tools[0].type"
    )


@pytest.mark.parametrize(
    ("own", "left"),
    [
        (None, ["a", "b"]),
        (["b", "c"], ["b"]),
        ({"tool_names": ["a"]}, ["a"]),
        ({"read_only": True}, {"tool_names": ["a", "b"], "read_only": True}),
    ],
)
def test_one_tool_of_a_server_may_be_allowed(own: object, left: object) -> None:
    mcp = {"type": "mcp", "server_label": "s", "allowed_tools": own}
    wanted = [{"type": "mcp", "server_label": "s", "name": name} for name in ("a", "b")]
    made = offered(mcp, choice=allowed(*wanted), capabilities=SEARCHING)
    assert [tool.tool["allowed_tools"] for tool in made.hosted_tools] == [left]
    whole = offered(mcp, choice=allowed(*wanted, {"type": "mcp", "server_label": "s"}), capabilities=SEARCHING)
    assert [tool.tool for tool in whole.hosted_tools] == [mcp]


def test_a_tool_that_its_server_does_not_offer_cannot_be_allowed() -> None:
    mcp = {"type": "mcp", "server_label": "s", "allowed_tools": ["x"]}
    wanted = allowed({"type": "mcp", "server_label": "s", "name": "y"})
    assert refusal(mcp, choice=wanted, capabilities=SEARCHING).param == "tool_choice"


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("mode", ["auto", "required"])
def test_hosted_tools_that_are_allowed_alone_need_not_give_way(mode: Any, native: bool) -> None:
    alone = Capabilities(hosted_tools=("web_search",), hosted_with_functions=False, allowed_tools=native)
    conversions: list[Conversion] = []
    choice = allowed({"type": "web_search"}, mode=mode)
    made = offered(WEB_SEARCH, function("a"), choice=choice, capabilities=alone, conversions=conversions)
    assert (names(made), [tool.type for tool in made.hosted_tools]) == ([], ["web_search"])
    assert made.choice == ToolChoice(mode)
    assert conversions == []


def test_a_whole_namespace_may_be_allowed() -> None:
    made = offered(
        namespace("n", function("a"), custom("b")), function("c"), choice=allowed({"type": "namespace", "name": "n"})
    )
    assert names(made) == ["n__a", "n__b"]


def test_an_allowed_subset_counts_for_tools_of_every_kind() -> None:
    mcp = {"type": "mcp", "server_label": "s"}
    allowed = [{"type": "custom", "name": "c"}, {"type": "mcp", "server_label": "s"}, {"type": "apply_patch"}]
    made = offered(
        WEB_SEARCH,
        mcp,
        function("f"),
        custom("c"),
        {"type": "apply_patch"},
        choice={"type": "allowed_tools", "mode": "required", "tools": allowed},
        capabilities=SEARCHING,
    )
    assert names(made) == ["c", "apply_patch"]
    assert [tool.type for tool in made.hosted_tools] == ["mcp"]
    assert made.choice == ToolChoice("required")


def test_what_a_namespace_is_about_is_told_with_its_first_tool() -> None:
    made = offered(namespace("n", function("f", description="F."), function("g"), description="All about N."))
    assert [tool.description for tool in made.tools] == ["F.\n\nAbout the tools n__*: All about N.", None]
