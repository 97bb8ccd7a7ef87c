"""The vendor's own tools in a request: what is offered, what is declared, and what is refused."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from providers.gemini import Gemini, GeminiSettings
from providers.gemini.server_tools import nearest_ratio
from proxy.provider.conversions import RefusedError
from proxy.provider.history import HOSTED_PROOF, FunctionTool, HostedTool, OpenedProof, ReasoningItem, ToolChoice
from tests.providers.gemini.requests import CLOCK, FLASH_3, FLASH_20, FLASH_25, WEATHER, body_of, check, losses, user
from tests.providers.gemini.requests import prepared as request_of

IMAGE_3 = "gemini-3-pro-image-preview"
IMAGE_25 = "gemini-2.5-flash-image"
STORES = GeminiSettings(file_search_stores={"vs_a": "fileSearchStores/a", "vs_b": "fileSearchStores/b"})
PLAIN = {"web_search_preview": "web_search"}


def hosted(kind: str, index: int = 0, **members: Any) -> HostedTool:
    return HostedTool(PLAIN.get(kind, kind), {"type": kind, **members}, f"tools[{index}]")


SEARCH = hosted("web_search")
CODE = hosted("code_interpreter", container={"type": "auto"})
FILES = hosted("file_search", vector_store_ids=["vs_a"])
IMAGES = hosted("image_generation")


def sent(
    *tools: HostedTool,
    functions: tuple[FunctionTool, ...] = (),
    settings: GeminiSettings = STORES,
    history: tuple[ReasoningItem, ...] = (),
    **options: Any,
) -> tuple[Any, list[str]]:
    """The body, and the conversions as `disposition path`."""
    provider = Gemini(settings)
    request = request_of(user("ping"), *history, user("pong"), provider=provider, tools=functions, **options)
    request.hosted_tools = list(tools)
    body = body_of(provider.encode(request))
    check(body)
    return body, losses(request)


def refused(*tools: HostedTool, **options: Any) -> str | None:
    with pytest.raises(RefusedError) as refusal:
        sent(*tools, **options)
    return refusal.value.param


def chosen(tool: HostedTool) -> ToolChoice:
    return ToolChoice("hosted", hosted=tool)


# --- what a model has -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "tools", "with_functions"),
    [
        ("gemini-4-argon", ("web_search", "code_interpreter", "file_search"), True),
        (FLASH_3, ("web_search", "code_interpreter", "file_search"), True),
        (FLASH_25, ("web_search", "code_interpreter", "file_search"), False),
        ("gemini-2.5-pro", ("web_search", "code_interpreter", "file_search"), False),
        (FLASH_20, ("web_search", "code_interpreter"), False),
        ("gemini-2.0-flash-lite", (), True),
        ("gemini-1.5-pro", (), True),
        ("gemma-3-27b-it", (), True),
        (IMAGE_3, ("web_search", "image_generation"), True),
        (IMAGE_25, ("image_generation",), True),
    ],
)
def test_what_a_model_has(model: str, tools: tuple[str, ...], with_functions: bool) -> None:
    able = Gemini(STORES).capabilities(model)
    assert (able.hosted_tools, able.hosted_with_functions) == (tools, with_functions)


def test_without_a_configured_store_there_is_no_file_search() -> None:
    assert Gemini(GeminiSettings()).capabilities(FLASH_3).hosted_tools == ("web_search", "code_interpreter")


def test_a_row_cannot_offer_what_is_not_translated() -> None:
    row: Mapping[str, Any] = {"capabilities": {"hosted_tools": ["mcp", "web_search"]}}
    settings = GeminiSettings(families={"mine": dict(row)})
    assert Gemini(settings).capabilities("mine-1").hosted_tools == ("web_search",)


# --- each of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "written", "lost"),
    [
        (SEARCH, {"googleSearch": {}}, []),
        (
            hosted("web_search_preview", search_context_size="medium"),
            {"googleSearch": {}},
            ["ignored tools[0].search_context_size"],
        ),
        (hosted("web_search", filters={"allowed_domains": []}), {"googleSearch": {}}, ["ignored tools[0].filters"]),
        (
            hosted("web_search", user_location={"type": "approximate"}),
            {"googleSearch": {}},
            ["ignored tools[0].user_location"],
        ),
        (
            hosted(
                "web_search",
                user_location={"type": "approximate", "city": "Oslo"},
                search_context_size="high",
                external_web_access=False,
                search_content_types=["text", "image"],
                return_token_budget="unlimited",
            ),
            {"googleSearch": {}},
            [
                "dropped tools[0].user_location",
                "dropped tools[0].search_context_size",
                "dropped tools[0].external_web_access",
                "dropped tools[0].search_content_types",
                "dropped tools[0].return_token_budget",
            ],
        ),
        (CODE, {"codeExecution": {}}, []),
        (hosted("code_interpreter", container="gemini"), {"codeExecution": {}}, []),
        (hosted("code_interpreter", container="cntr_1"), {"codeExecution": {}}, ["dropped tools[0].container"]),
        (
            hosted(
                "code_interpreter",
                container={"type": "auto", "memory_limit": "4g", "network_policy": {"type": "allowlist"}},
                allowed_callers=["direct", "programmatic"],
            ),
            {"codeExecution": {}},
            [
                "dropped tools[0].container.memory_limit",
                "dropped tools[0].container.network_policy",
                "dropped tools[0].allowed_callers",
            ],
        ),
        (FILES, {"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/a"]}}, []),
        (
            hosted(
                "file_search",
                vector_store_ids=["vs_b", "vs_x", "vs_a"],
                max_num_results=5,
                ranking_options={"score_threshold": 0.5},
            ),
            {"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/b", "fileSearchStores/a"], "topK": 5}},
            ["dropped tools[0].vector_store_ids[1]", "dropped tools[0].ranking_options"],
        ),
        (
            hosted("file_search", vector_store_ids=["vs_a"], ranking_options={"ranker": "auto", "score_threshold": 0}),
            {"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/a"]}},
            ["ignored tools[0].ranking_options"],
        ),
    ],
)
def test_a_tool(tool: HostedTool, written: Any, lost: list[str]) -> None:
    body, found = sent(tool)
    assert (body["tools"], found) == ([written], lost)
    assert "toolConfig" not in body


def test_a_file_search_in_unknown_stores_is_left_out() -> None:
    body, found = sent(hosted("file_search", vector_store_ids=["vs_x"]))
    assert "tools" not in body
    assert found == ["dropped tools[0].vector_store_ids[0]", "dropped tools[0]"]


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        (hosted("web_search", filters={"allowed_domains": ["a.com"]}), "tools[0].filters.allowed_domains"),
        (hosted("code_interpreter", container={"type": "auto", "file_ids": ["f"]}), "tools[0].container.file_ids"),
        (
            hosted("file_search", vector_store_ids=["vs_a"], filters={"type": "eq", "key": "k", "value": "v"}),
            "tools[0].filters",
        ),
        (hosted("image_generation", input_image_mask={"image_url": "data:"}), "tools[0].input_image_mask"),
    ],
)
def test_what_the_client_relies_upon_is_refused(tool: HostedTool, param: str) -> None:
    assert refused(tool, model=IMAGE_3) == param


def test_images() -> None:
    body, found = sent(IMAGES, model=IMAGE_3)
    assert (body["generationConfig"], found) == ({"responseModalities": ["TEXT", "IMAGE"]}, [])
    tool = hosted("image_generation", size="1536x1024", quality="high", output_format="webp", model="gpt-image-2")
    body, found = sent(tool, model=IMAGE_25)
    assert body["generationConfig"]["imageConfig"] == {"aspectRatio": "3:2"}
    assert sorted(found) == [
        "approximated tools[0].size",
        "dropped tools[0].model",
        "dropped tools[0].output_format",
        "dropped tools[0].quality",
    ]
    assert sent(hosted("image_generation", size="large"), model=IMAGE_25)[1] == ["dropped tools[0].size"]
    usual: dict[str, Any] = {
        "size": "auto",
        "quality": "auto",
        "background": "auto",
        "output_format": "png",
        "partial_images": 0,
    }
    assert {loss.split()[0] for loss in sent(hosted("image_generation", **usual), model=IMAGE_25)[1]} == {"ignored"}


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        ("1024x1024", "1:1"),
        ("1024x1536", "2:3"),
        ("1792x1024", "16:9"),
        ("3000x1000", "21:9"),
        ("1x9999", "9:16"),
        ("0x1024", None),
        ("1024", None),
        ("x", None),
        ("-1x1", None),
        ("1e3x1", None),
        ("٣x٣", None),
        ("9" * 5000 + "x1", None),
    ],
)
def test_sizes(size: str, ratio: str | None) -> None:
    assert nearest_ratio(size) == ratio


def test_a_tool_is_offered_once() -> None:
    body, found = sent(SEARCH, hosted("web_search_preview", 1))
    assert (body["tools"], found) == ([{"googleSearch": {}}], ["dropped tools[1]"])


def test_a_limit_of_calls_is_declared() -> None:
    assert sent(SEARCH, max_tool_calls=3)[1] == ["dropped max_tool_calls"]


# --- beside functions -------------------------------------------------------------------------------------------------


def test_beside_functions_the_vendor_shows_its_calls() -> None:
    body, found = sent(SEARCH, CODE, functions=(CLOCK,))
    assert body["tools"] == [
        {"functionDeclarations": [{"name": "clock", "description": "Tells the time."}]},
        {"googleSearch": {}},
        {"codeExecution": {}},
    ]
    assert body["toolConfig"] == {
        "includeServerSideToolInvocations": True,
        "functionCallingConfig": {"mode": "VALIDATED"},
    }
    assert found == []


def test_beside_them_no_function_is_lenient() -> None:
    lenient = FunctionTool("f", None, None, False, "tools[1]")
    body, found = sent(SEARCH, functions=(lenient,))
    assert body["toolConfig"]["functionCallingConfig"] == {"mode": "VALIDATED"}
    assert found == ["approximated tools[1].strict"]


def test_what_was_shown_is_taken_again_with_the_same_word() -> None:
    parts = '{"parts":[{"toolCall":{"id":"a"}},{"toolResponse":{"id":"a"}}]}'
    history = (ReasoningItem([], [], OpenedProof(HOSTED_PROOF, parts, "previous", None), "input[1]"),)
    assert sent(history=history)[0]["toolConfig"] == {"includeServerSideToolInvocations": True}
    code = '{"parts":[{"executableCode":{"code":"1"}},{"codeExecutionResult":{}}]}'
    history = (ReasoningItem([], [], OpenedProof(HOSTED_PROOF, code, "previous", None), "input[1]"),)
    assert "toolConfig" not in sent(history=history)[0]


# --- the choice -------------------------------------------------------------------------------------------------------


def test_no_tool() -> None:
    body, found = sent(SEARCH, CODE, functions=(WEATHER,), choice=ToolChoice("none"))
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}
    assert [list(tool) for tool in body["tools"]] == [["functionDeclarations"]]
    assert found == ["ignored tools[0]", "ignored tools[0]"]


@pytest.mark.parametrize("tool", [SEARCH, CODE, FILES])
def test_its_tools_cannot_be_forced(tool: HostedTool) -> None:
    assert refused(tool, choice=chosen(tool)) == "tool_choice"
    assert refused(tool, functions=(WEATHER,), choice=chosen(tool)) == "tool_choice"
    assert refused(tool, choice=ToolChoice("required")) == "tool_choice"


def test_of_all_tools_only_functions_can_be_required() -> None:
    body, found = sent(SEARCH, functions=(WEATHER,), choice=ToolChoice("required"))
    assert body["toolConfig"]["functionCallingConfig"] == {"mode": "ANY"}
    assert found == ["approximated* tool_choice"]
    some = ToolChoice("required", allowed=("wx",))
    body, found = sent(SEARCH, functions=(WEATHER, CLOCK), choice=some)
    assert body["toolConfig"]["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": ["wx"]}
    none = ToolChoice("required", allowed=())
    assert refused(SEARCH, functions=(WEATHER,), choice=none) == "tool_choice"
    body, _ = sent(SEARCH, functions=(WEATHER,), choice=ToolChoice("auto", allowed=()))
    assert body["tools"] == [{"googleSearch": {}}]


@pytest.mark.parametrize("choice", [chosen(IMAGES), ToolChoice("required")])
def test_an_image_can_be_forced(choice: ToolChoice) -> None:
    body, found = sent(IMAGES, model=IMAGE_3, choice=choice)
    assert body["generationConfig"]["responseModalities"] == ["IMAGE"]
    assert found == ["approximated tool_choice"]


# --- a form of the answer ---------------------------------------------------------------------------------------------

SCHEMA = {"type": "json_schema", "name": "x", "schema": {"type": "object", "properties": {}}}


def test_beside_its_tools_an_older_model_has_no_json_mode() -> None:
    for model, able in ((FLASH_3, True), (FLASH_25, False)):
        provider = Gemini(STORES)
        request = request_of(user("ping"), provider=provider, model=model, text={"format": SCHEMA})
        request.hosted_tools = [SEARCH]
        assert (provider.format_obstacle(SCHEMA, request) is None) == able
        request.tool_choice = ToolChoice("none")
        assert provider.format_obstacle(SCHEMA, request) is None


def test_the_decoder_knows_whether_images_were_asked_for() -> None:
    provider = Gemini(STORES)
    image = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    body = orjson.dumps({"candidates": [{"content": {"parts": [image]}, "finishReason": "STOP"}]})
    request = request_of(user("ping"), provider=provider, model=IMAGE_3)
    assert [type(event).__name__ for event in provider.decode(body, request)] == ["Started", "Unmapped", "Finished"]
    request.hosted_tools = [IMAGES]
    assert [type(event).__name__ for event in provider.decode(body, request)] == ["Started", "Hosted", "Finished"]
    request.tool_choice = ToolChoice("none")
    assert [type(event).__name__ for event in provider.decode(body, request)] == ["Started", "Unmapped", "Finished"]
