"""Tools that Claude's vendor runs itself: what they did comes back block by block, and a paused turn goes on."""

from typing import Any, Final

import orjson
import pytest

from tests.loops.conversation import NOW, WX, Conversation, said
from tests.loops.targets import CLAUDE, CLAUDE_BOUND, CLAUDE_BUDGET, GEMINI_3, Target
from tests.strict.messages_answers import Blocks, calling, thinking, use
from tests.strict.messages_answers import said as told
from tests.strict.messages_content import Block
from tests.strict.play import StrictMessages
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.journal import Journal
from tests.vendors.script import Reply
from tests.vendors.server import Vendor

pytestmark = pytest.mark.parametrize("target", [CLAUDE, CLAUDE_BOUND, CLAUDE_BUDGET], ids=lambda target: target.id)

TOKEN: Final = "an-mcp-token-that-is-secret"
WIKI: Final = {
    "type": "mcp",
    "server_label": "wiki",
    "server_url": "https://wiki.example/mcp",
    "require_approval": "never",
    "authorization": TOKEN,
}
TOOLS: Final = [
    WX,
    {**NOW, "defer_loading": True},
    {"type": "web_search"},
    {"type": "code_interpreter", "container": {"type": "auto"}},
    WIKI,
    {"type": "tool_search"},
]


def server_use(call_id: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "server_tool_use", "id": call_id, "name": name, "input": arguments}


def search(call_id: str, query: str = "Oslo") -> Block:
    return server_use(call_id, "web_search", query=query)


def found(call_id: str, url: str = "https://oslo.example/") -> Block:
    page = {"type": "web_search_result", "url": url, "title": "Oslo", "encrypted_content": "E" * 3000, "page_age": None}
    return {"type": "web_search_tool_result", "tool_use_id": call_id, "content": [page]}


def ran(call_id: str, stdout: str, kind: str = "bash_code_execution") -> Block:
    result = {"type": f"{kind}_result", "stdout": stdout, "stderr": "", "return_code": 0, "content": []}
    return {"type": f"{kind}_tool_result", "tool_use_id": call_id, "content": result}


def asked(call_id: str) -> Block:
    return {"type": "mcp_tool_use", "id": call_id, "name": "ask", "server_name": "wiki", "input": {"q": "Oslo? ö"}}


def answered(call_id: str, *, failed: bool = False) -> Block:
    text = {"type": "text", "text": "a city"}
    return {"type": "mcp_tool_result", "tool_use_id": call_id, "is_error": failed, "content": [text]}


CITATION: Final = {
    "type": "web_search_result_location",
    "url": "https://oslo.example/",
    "title": "Oslo",
    "cited_text": "cold",
    "encrypted_index": "I",
}

#: Answers, and the items that a client sees of them besides the reasoning.
ANSWERS: Final[dict[str, tuple[Blocks, list[str]]]] = {
    "a search": (
        Blocks((thinking("Look", "S1"), search("srv_1"), found("srv_1"), told("Cold."))),
        ["web_search_call", "message"],
    ),
    "searches with thinking and text between them": (
        Blocks(
            (
                told("I look."),
                search("srv_1"),
                found("srv_1"),
                thinking("Once more", "S1"),
                search("srv_2"),
                found("srv_2"),
                told("Cold."),
            )
        ),
        ["message", "web_search_call", "web_search_call", "message"],
    ),
    "searches side by side": (
        Blocks((search("srv_1"), search("srv_2"), found("srv_1"), found("srv_2"), told("Cold."))),
        ["web_search_call", "web_search_call", "message"],
    ),
    "searches answered in another order": (
        Blocks((search("srv_1"), search("srv_2"), found("srv_2"), found("srv_1"), told("Cold."))),
        ["web_search_call", "web_search_call", "message"],
    ),
    "a search that failed": (
        Blocks(
            (
                search("srv_1"),
                {
                    "type": "web_search_tool_result",
                    "tool_use_id": "srv_1",
                    "content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"},
                },
                told("Cold."),
            )
        ),
        ["web_search_call", "message"],
    ),
    "code": (
        Blocks(
            (
                thinking("Count", "S1"),
                server_use("srv_1", "bash_code_execution", command="ls"),
                ran("srv_1", "a\n"),
                told("Cold."),
            ),
            container="container_1",
        ),
        ["code_interpreter_call", "message"],
    ),
    "a page fetched by code": (
        Blocks(
            (
                server_use("srv_1", "code_execution", code="fetch()"),
                server_use("srv_2", "web_fetch", url="https://oslo.example/")
                | {"caller": {"type": "code_execution_20260120", "tool_id": "srv_1"}},
                {
                    "type": "web_fetch_tool_result",
                    "tool_use_id": "srv_2",
                    "content": {"type": "web_fetch_tool_result_error", "error_code": "unavailable"},
                },
                ran("srv_1", "nothing", "code_execution"),
                told("Cold."),
            ),
        ),
        ["code_interpreter_call", "web_search_call", "message"],
    ),
    "calls of an MCP server": (
        Blocks((asked("mcp_1"), answered("mcp_1"), asked("mcp_2"), answered("mcp_2", failed=True), told("Cold."))),
        ["mcp_call", "mcp_call", "message"],
    ),
    "a search for tools": (
        Blocks(
            (
                told("I look."),
                server_use("srv_1", "tool_search_tool_bm25", query="time"),
                {
                    "type": "tool_search_tool_result",
                    "tool_use_id": "srv_1",
                    "content": {
                        "type": "tool_search_tool_search_result",
                        "tool_references": [{"type": "tool_reference", "tool_name": "now"}],
                    },
                },
                told("Cold."),
            )
        ),
        ["message", "message"],
    ),
}


@pytest.fixture
def messages(strict: object) -> StrictMessages:
    """The strict vendor, which is Anthropic's."""
    assert isinstance(strict, StrictMessages)
    return strict


def assistant_blocks(strict: StrictMessages, request: int = -1) -> list[Block]:
    """What the assistant said, as a request has it."""
    turns = strict.requests[request].json["messages"]
    return [block for turn in turns if turn["role"] == "assistant" for block in turn["content"]]


def items_of(answer: Any) -> list[str]:
    return [item["type"] for item in answer.response["output"] if item["type"] != "reasoning"]


def plain(blocks: Any) -> list[Block]:
    """The blocks without the citations of texts, which are told to nobody again."""
    return [{name: value for name, value in block.items() if name != "citations"} for block in blocks]


@pytest.mark.parametrize("name", ANSWERS)
async def test_what_a_server_tool_did_comes_back_block_by_block(
    gateway: Gateway, target: Target, messages: StrictMessages, stream: bool, name: str
) -> None:
    answer, items = ANSWERS[name]
    messages.play(answer, answer)
    conversation = Conversation(gateway, target.model, stream=stream, tools=TOOLS)
    assert items_of(await conversation.ask(said("Oslo?"))) == items
    second = await conversation.ask(said("And again?"))
    assert assistant_blocks(messages) == list(answer.content)
    assert "x-dragoman-dropped" not in second.headers
    assert messages.requests[-1].json.get("container") == answer.container
    third = await conversation.ask(said("Thanks."))
    assert assistant_blocks(messages) == [*answer.content, *answer.content]
    assert third.text == "Hello there."


async def test_a_cited_text_comes_back_with_its_annotations_shown(
    gateway: Gateway, target: Target, messages: StrictMessages, stream: bool
) -> None:
    messages.play(Blocks((search("srv_1"), found("srv_1"), told("It is "), told("cöld", CITATION), told("."))))
    conversation = Conversation(gateway, target.model, stream=stream, tools=TOOLS)
    answer = await conversation.ask(said("Oslo?"))
    (part,) = answer.response["output"][-1]["content"]
    (note,) = part["annotations"]
    assert part["text"][note["start_index"] : note["end_index"]] == "cöld"
    await conversation.ask(said("And?"))
    assert assistant_blocks(messages)[2:] == [told("It is cöld.")]


async def test_calls_that_wait_for_the_clients_tools_are_answered_later(
    gateway: Gateway, target: Target, messages: StrictMessages, stream: bool
) -> None:
    messages.play(calling(search("srv_1"), use("toolu_1", "wx", city="Oslo")))
    conversation = Conversation(gateway, target.model, stream=stream, tools=TOOLS)
    answer = await conversation.ask(said("Oslo?"))
    assert items_of(answer) == ["web_search_call", "function_call"]
    assert answer.response["output"][0]["status"] == "failed"
    await conversation.answer_calls()
    assert assistant_blocks(messages) == [search("srv_1"), use("toolu_1", "wx", city="Oslo")]
    # Once something else follows, the vendor takes no call without its result.
    await conversation.ask(said("Never mind."))
    assert [block["type"] for block in assistant_blocks(messages)] == ["tool_use", "text"]


async def test_a_client_without_the_proofs_goes_on(
    gateway: Gateway, target: Target, messages: StrictMessages, stream: bool
) -> None:
    messages.play(ANSWERS["code"][0])
    conversation = Conversation(gateway, target.model, stream=stream, tools=TOOLS, keeps_reasoning=False)
    await conversation.ask(said("Oslo?"))
    await conversation.ask(said("And?"))
    assert assistant_blocks(messages) == [told("Cold.")]
    assert b"It printed" in messages.requests[-1].body


async def test_calls_of_a_server_that_is_not_offered_any_more_are_told_in_words(
    gateway: Gateway, target: Target, messages: StrictMessages, stream: bool
) -> None:
    messages.play(ANSWERS["calls of an MCP server"][0])
    conversation = Conversation(gateway, target.model, stream=stream, tools=TOOLS)
    await conversation.ask(said("Oslo?"))
    conversation.settings = {"tools": [WX]}
    await conversation.ask(said("And?"))
    assert assistant_blocks(messages) == [told("Cold.")]
    last = messages.requests[-1].json["messages"][-1]["content"]
    assert [block["text"].count("a city") for block in last] == [1, 1, 0]
    assert "mcp_servers" not in messages.requests[-1].json


async def test_another_vendor_is_told_in_words(gateways: Gateways, target: Target, vendor: Vendor) -> None:
    gateway = await gateways.start()
    strict = StrictMessages(ANSWERS["code"][0])
    vendor.responder = strict
    conversation = Conversation(gateway, target.model, tools=TOOLS)
    await conversation.ask(said("Oslo?"))
    other = GEMINI_3.strict()
    vendor.responder = other
    conversation.model = GEMINI_3.model
    assert (await conversation.ask(said("And?"))).text == "Hello there."
    assert other.complaints == []
    assert b"It printed" in other.requests[-1].body


# --- what nobody else learns ------------------------------------------------------------------------------------------


async def test_the_token_of_a_server_reaches_the_vendor_alone(
    gateway: Gateway, target: Target, messages: StrictMessages, stream: bool, journal: Journal
) -> None:
    messages.play(ANSWERS["calls of an MCP server"][0])
    answer = await gateway.create(model=target.model, input="Oslo?", stream=stream, tools=TOOLS)
    (server,) = messages.requests[-1].json["mcp_servers"]
    assert server["authorization_token"] == TOKEN
    assert TOKEN.encode() not in answer.body
    assert answer.response["tools"][4]["server_url"] == WIKI["server_url"]
    kept = await gateway.request("GET", f"/v1/responses/{answer.response['id']}")
    assert kept.status == 200
    with_header = {**WIKI, "authorization": None, "headers": {"Authorization": f"Bearer {TOKEN}"}}
    shown = await gateway.create(path="/v1/responses?dry_run=true", model=target.model, input="Hi", tools=[with_header])
    assert shown.json["request"]["body"]["mcp_servers"][0]["authorization_token"] == "***"
    refused = await gateway.create(model=target.model, input="Hi", tools=[with_header | {"require_approval": "always"}])
    assert refused.error["param"] == "tools[0].require_approval"
    assert not any(TOKEN in told for told in (kept.body.decode(), shown.body.decode(), refused.body.decode()))
    await journal.entry(outcome="rejected")
    assert TOKEN not in str(journal.entries)


async def test_what_has_no_place_in_a_response_is_logged(
    gateway: Gateway, target: Target, messages: StrictMessages, journal: Journal
) -> None:
    messages.play(ANSWERS["a search for tools"][0])
    await gateway.create(model=target.model, input="Oslo?", tools=TOOLS)
    assert "output.tool_search: dropped" in (await journal.entry(outcome="completed"))["conversions"]


# --- pauses -----------------------------------------------------------------------------------------------------------

PAUSED: Final = (
    thinking("Look", "S1"),
    told("I look."),
    search("srv_1"),
    found("srv_1"),
    search("srv_2", "Rome"),
)
GOES_ON: Final = (found("srv_2"), search("srv_3"), found("srv_3"), told("Cold."))


async def test_a_paused_turn_goes_on_as_one_response(
    gateway: Gateway, target: Target, messages: StrictMessages, stream: bool
) -> None:
    messages.play(Blocks(PAUSED, "pause_turn", "container_1"), Blocks(GOES_ON, container="container_1"))
    conversation = Conversation(gateway, target.model, stream=stream, tools=TOOLS, max_output_tokens=2000)
    answer = await conversation.ask(said("Oslo?"))
    assert answer.response["status"] == "completed"
    assert items_of(answer) == ["message", "web_search_call", "web_search_call", "web_search_call", "message"]
    searches = [item for item in answer.response["output"] if item["type"] == "web_search_call"]
    assert [item["action"]["query"] for item in searches] == ["Oslo", "Rome", "Oslo"]
    assert {item["status"] for item in searches} == {"completed"}
    assert len({item["id"] for item in answer.response["output"]}) == len(answer.response["output"])
    assert answer.response["usage"]["total_tokens"] == 2 * (11 + 7)
    assert answer.headers["x-dragoman-attempts"] == ("1" if stream else "2")
    first, second = (request.json for request in messages.requests)
    assert second["messages"] == [*first["messages"], {"role": "assistant", "content": list(PAUSED)}]
    assert second["max_tokens"] == first["max_tokens"] - 7
    assert second["container"] == "container_1"
    changed = {"messages", "max_tokens", "container"}
    assert {name: value for name, value in second.items() if name not in changed} == {
        name: value for name, value in first.items() if name not in changed
    }
    await conversation.ask(said("And?"))
    assert assistant_blocks(messages) == [*PAUSED, *GOES_ON]


async def test_a_background_turn_pauses_as_well(gateway: Gateway, target: Target, messages: StrictMessages) -> None:
    messages.play(Blocks(PAUSED, "pause_turn"), Blocks(GOES_ON))
    wire = await gateway.create(model=target.model, input="Oslo?", tools=TOOLS, background=True, stream=True)
    assert wire.response["status"] == "completed"
    assert items_of(wire) == ["message", "web_search_call", "web_search_call", "web_search_call", "message"]
    again = await gateway.request("GET", f"/v1/responses/{wire.response['id']}?stream=true")
    assert again.events == wire.events


async def test_a_turn_may_pause_often_but_not_for_ever(
    gateway: Gateway, target: Target, messages: StrictMessages, stream: bool
) -> None:
    pauses = [Blocks((search(f"srv_{number}"), found(f"srv_{number}")), "pause_turn") for number in range(12)]
    messages.play(*pauses)
    answer = await gateway.create(model=target.model, input="Oslo?", stream=stream, tools=TOOLS)
    assert answer.response["status"] == "incomplete"
    assert answer.response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert items_of(answer) == ["web_search_call"] * 11
    assert len(messages.requests) == 11
    assert [turn["role"] for turn in messages.requests[-1].json["messages"]] == ["user", "assistant"]
    assert len(assistant_blocks(messages)) == 20
    assert answer.response["usage"]["output_tokens"] == 11 * 7


async def test_a_turn_that_paused_may_be_forced_only_once(
    gateway: Gateway, target: Target, messages: StrictMessages
) -> None:
    messages.play(Blocks((search("srv_1"),), "pause_turn"), Blocks((found("srv_1"), told("Cold."))))
    answer = await gateway.create(
        model=target.model,
        input="Oslo?",
        tools=[{"type": "web_search"}],
        tool_choice={"type": "web_search"},
        parallel_tool_calls=False,
    )
    assert answer.text == "Cold."
    first, second = (request.json["tool_choice"] for request in messages.requests)
    can_be_forced = target != CLAUDE_BOUND
    forced = {"type": "tool", "name": "web_search"} if can_be_forced else {"type": "auto"}
    assert first == {**forced, "disable_parallel_tool_use": True}
    assert second == {"type": "auto", "disable_parallel_tool_use": True}


async def test_a_pause_that_leaves_no_room_ends_the_answer(
    gateway: Gateway, target: Target, messages: StrictMessages, stream: bool
) -> None:
    messages.play(*(Blocks((search(f"srv_{number}"), found(f"srv_{number}")), "pause_turn") for number in range(4)))
    answer = await gateway.create(model=target.model, input="Oslo?", stream=stream, tools=TOOLS, max_output_tokens=16)
    assert answer.response["status"] == "incomplete"
    assert [request.json["max_tokens"] for request in messages.requests] == [16, 9, 2]


@pytest.mark.parametrize("status", [429, 529])
async def test_a_vendor_that_is_busy_at_the_pause_is_asked_again(
    gateway: Gateway, target: Target, vendor: Vendor, stream: bool, status: int
) -> None:
    strict = StrictMessages(Blocks(PAUSED, "pause_turn"), Blocks(GOES_ON))
    asked: list[Any] = []

    def busy_once(recorded: Any) -> Any:
        asked.append(recorded)
        if len(asked) == 2:
            kind = "rate_limit_error" if status == 429 else "overloaded_error"
            body = orjson.dumps({"type": "error", "error": {"type": kind, "message": "busy"}})
            return Reply(status, (body,), {"content-type": "application/json"})
        return strict(recorded)

    vendor.responder = busy_once
    answer = await gateway.create(model=target.model, input="Oslo?", stream=stream, tools=TOOLS)
    assert answer.response["status"] == "completed"
    assert items_of(answer) == ["message", "web_search_call", "web_search_call", "web_search_call", "message"]
    assert asked[1].body == asked[2].body
    assert strict.complaints == []


async def test_a_vendor_that_refuses_to_go_on_fails_the_response(
    gateway: Gateway, target: Target, vendor: Vendor, stream: bool
) -> None:
    strict = StrictMessages(Blocks(PAUSED, "pause_turn"))
    refusal = orjson.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}})

    def refusing(recorded: Any) -> Any:
        if strict.requests:
            return Reply(400, (refusal,), {"content-type": "application/json"})
        return strict(recorded)

    vendor.responder = refusing
    answer = await gateway.create(model=target.model, input="Oslo?", stream=stream, tools=TOOLS)
    if stream:
        assert answer.response["status"] == "failed"
        assert items_of(answer) == ["message", "web_search_call", "web_search_call"]
    else:
        assert answer.status == 400
