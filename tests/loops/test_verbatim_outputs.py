"""An answer's output is sent back as it came, to the model that made it and to every other: it is taken, and whatever
of it does not arrive is declared."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.loops.conversation import WX, Item, said
from tests.loops.targets import CHAT, CLAUDE, CLAUDE_BUDGET, GEMINI_3, TARGETS, StrictVendor, Target
from tests.strict.chat_servers import DEEPSEEK, GLM, MISTRAL, OPENROUTER, VLLM
from tests.strict.messages_answers import Blocks, redacted, thinking, use
from tests.strict.messages_answers import said as told
from tests.strict.play import StrictMessages
from tests.vendors.gateway import VENDOR_KEYS, Gateway, Gateways, Whole
from tests.vendors.journal import Journal
from tests.vendors.script import Called, Turn
from tests.vendors.server import Vendor

TOOLS: Final[list[Item]] = [
    WX,
    {"type": "custom", "name": "note", "description": "Takes a note"},
    {"type": "shell"},
    {"type": "local_shell"},
    {"type": "apply_patch"},
    {"type": "tool_search", "execution": "client", "description": "Finds tools", "parameters": {"type": "object"}},
    {"type": "namespace", "name": "mail", "description": "Mail", "tools": [WX]},
]

#: A call of each kind: the name under which it is offered, the arguments, and what of them has to arrive.
CALLS: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "function_call": ("wx", '{"city": "Oslo"}', ("Oslo",)),
    "custom_tool_call": ("note", '{"input": "a raw note"}', ("a raw note",)),
    "shell_call": ("shell", '{"commands": ["uname -a", "df -h"]}', ("uname -a", "df -h")),
    "local_shell_call": ("local_shell", '{"command": ["bash", "-lc", "id -u"]}', ("bash", "id -u")),
    "apply_patch_call": (
        "apply_patch",
        '{"type": "create_file", "path": "src/new.py", "diff": "+print(1)"}',
        ("create_file", "src/new.py", "+print(1)"),
    ),
    "tool_search_call": ("tool_search", '{"query": "calendars"}', ("calendars",)),
}

#: The output of each call, but for its id.
OUTPUTS: Final[dict[str, tuple[Item, tuple[str, ...]]]] = {
    "function_call": ({"type": "function_call_output", "output": "3 degrees"}, ("3 degrees",)),
    "custom_tool_call": ({"type": "custom_tool_call_output", "output": "noted it"}, ("noted it",)),
    "shell_call": (
        {
            "type": "shell_call_output",
            "output": [
                {"stdout": "Linux box", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},
                {"stdout": "", "stderr": "no space", "outcome": {"type": "timeout"}},
            ],
        },
        ("Linux box", "no space"),
    ),
    "local_shell_call": ({"type": "local_shell_call_output", "output": "1001 it is"}, ("1001 it is",)),
    "apply_patch_call": (
        {"type": "apply_patch_call_output", "status": "completed", "output": "made a file"},
        ("made a file",),
    ),
    "tool_search_call": (
        {
            "type": "tool_search_output",
            "execution": "client",
            "status": "completed",
            "tools": [{"type": "function", "name": "list_events", "parameters": {"type": "object"}}],
        },
        ("list_events",),
    ),
}

THOUGHT: Final = "Many look-ups"
SIGNATURE: Final = "c2lnbmF0dXJlIG9uZQ=="
WORDS: Final = "Let me see."
TURN: Final = Turn(
    WORDS,
    calls=tuple(
        Called(name, (arguments,), id=f"aaaaaaaa{index}") for index, (name, arguments, _) in enumerate(CALLS.values())
    ),
    thinking=THOUGHT,
    signature=SIGNATURE,
)

SOURCES: Final = (
    GEMINI_3,
    CLAUDE,
    CLAUDE_BUDGET,
    *(target for target in CHAT if target.server in (DEEPSEEK, GLM, MISTRAL, OPENROUTER, VLLM)),
)


def without(*members: str) -> Callable[[Item], Item]:
    return lambda item: {name: value for name, value in item.items() if name not in members}


FORMS: Final[dict[str, Callable[[Item], Item]]] = {
    "as it came": lambda item: item,
    "without ids": without("id"),
    "without statuses": without("status"),
    "without both": without("id", "status"),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent back, and what came of it. `declared` are the paths of the conversions."""

    items: list[Item]
    answer: Whole
    declared: list[str]
    body: str

    def vanished(self) -> list[str]:
        """The items that neither arrived nor were declared."""
        return [
            f"{item['type']} ({index})"
            for index, item in enumerate(self.items)
            if not any(all(mark in self.body for mark in marks) for marks in marks_of(item))
            and not any(path == "input" or path.startswith(f"input[{index}]") for path in self.declared)
        ]


class House:
    """A gateway that has every target at once, and their vendors behind one socket."""

    def __init__(self, gateway: Gateway, vendor: Vendor, journal: Journal) -> None:
        self.gateway = gateway
        self.vendor = vendor
        self.journal = journal

    @staticmethod
    def model(target: Target) -> str:
        """What to ask for."""
        return target.model if target.server is None else f"{target.server.name}/{target.model.partition('/')[2]}"

    async def answered(
        self, source: Target, turn: Turn | Blocks, tools: list[Item], *, stream: bool
    ) -> tuple[list[Item], StrictVendor]:
        """The output of the source's answer, and the vendor that gave it."""
        strict = source.strict()
        self.vendor.responder = strict
        if isinstance(strict, StrictMessages):
            strict.play(turn)
        else:
            assert isinstance(turn, Turn)
            strict.play(turn)
        answer = await self.gateway.create(
            model=self.model(source), input=[said("Go")], tools=tools, stream=stream, store=False
        )
        output: list[Item] = answer.response["output"]
        assert strict.complaints == []
        return output, strict

    async def sent(self, target: Target, items: list[Item], strict: StrictVendor) -> Sent:
        """The items, sent to the target."""
        self.vendor.responder = strict
        answer = await self.gateway.create(model=self.model(target), input=items, tools=TOOLS, store=False)
        if answer.status != 200:
            return Sent(items, answer, [], "")
        entry = await self.journal.entry(response_id=answer.response["id"])
        declared = [each.rpartition(": ")[0] for each in entry.get("conversions", ())]
        return Sent(items, answer, declared, strict.requests[-1].body.decode())


@pytest.fixture
async def house(gateways: Gateways, vendor: Vendor, journal: Journal) -> House:
    chat = {
        target.server.name: {
            "type": "openai_chat",
            "base_url": f"{vendor.url}/v1",
            "api_key": VENDOR_KEYS["chat"],
            "dialect": target.server.name,
        }
        for target in CHAT
        if target.server is not None
    }
    return House(await gateways.start(providers=chat), vendor, journal)


def calls_of(output: list[Item]) -> list[Item]:
    """The calls that the client answers."""
    return [item for item in output if item["type"] in CALLS]


def output_for(call: Item) -> Item:
    """The output item of a call."""
    output = copy.deepcopy(OUTPUTS[call["type"]][0])
    return output | ({"id": call["call_id"]} if call["type"] == "local_shell_call" else {"call_id": call["call_id"]})


def marks_of(item: Item) -> list[tuple[str, ...]]:
    """What of an item has to arrive: one of these, the whole of it."""
    kind = item.get("type", "message")
    if kind == "reasoning":
        shown = [part["text"] for part in (*item["summary"], *(item.get("content") or ()))]
        return [(SIGNATURE,), ("a secret",), *((text,) for text in shown)]
    if kind == "message":
        text = item["content"] if isinstance(item["content"], str) else item["content"][0]["text"]
        return [(text,)]
    if kind in CALLS:
        return [CALLS[kind][2]]
    if kind == "web_search_call":
        return [("a rare query", "https://page.example/1")]
    if kind == "code_interpreter_call":
        return [("print(6 * 7)", "42 it is")]
    return [next(marks for output, marks in OUTPUTS.values() if output["type"] == kind)]


async def complaints_of(house: House, source: Target, given: StrictVendor, output: list[Item]) -> dict[str, Any]:
    """What is wrong when the output goes to every model, in every form: the error, what vanished, and what the vendor
    complained of in the end."""
    outputs = [output_for(call) for call in calls_of(output)]
    found: dict[str, Any] = {}
    for target in TARGETS:
        for form, shape in FORMS.items():
            strict = given if target == source else target.strict()
            strict.complaints.clear()
            items = [said("Go"), *map(shape, output), *outputs]
            sent = await house.sent(target, items, strict)
            if sent.answer.status != 200:
                found[f"{target.id} {form}"] = sent.answer.error["message"]
                continue
            # A vendor that refuses its proofs is asked once more without them, and that is declared.
            amended = "input" in sent.declared and sent.answer.headers["x-dragoman-attempts"] == "2"
            complaints = [] if amended else strict.complaints
            if wrong := [*sent.vanished(), *(complaint.message for complaint in complaints)]:
                found[f"{target.id} {form}"] = wrong
    return found


@pytest.mark.parametrize("source", SOURCES, ids=lambda target: target.id)
async def test_every_item_goes_to_every_model(house: House, source: Target, stream: bool) -> None:
    output, given = await house.answered(source, TURN, TOOLS, stream=stream)
    back = await house.sent(source, [said("Go"), *output, *map(output_for, calls_of(output))], given)
    assert back.answer.headers["x-dragoman-attempts"] == "1"
    assert [call["type"] for call in calls_of(output)] == list(CALLS)
    assert {item["type"] for item in output} - set(CALLS) == {"reasoning", "message"}
    assert await complaints_of(house, source, given, output) == {}


#: What Claude has run itself, in one answer.
HOSTED: Final = Blocks(
    (
        thinking(THOUGHT, SIGNATURE),
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "a rare query"}},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": [
                {
                    "type": "web_search_result",
                    "encrypted_content": "sealed by the vendor",
                    "title": "A page",
                    "url": "https://page.example/1",
                }
            ],
        },
        redacted("a secret"),
        told(
            WORDS,
            {
                "type": "web_search_result_location",
                "cited_text": "A cited text",
                "encrypted_index": "index",
                "title": "A page",
                "url": "https://page.example/1",
            },
        ),
        {"type": "server_tool_use", "id": "srvtoolu_2", "name": "code_execution", "input": {"code": "print(6 * 7)"}},
        {
            "type": "code_execution_tool_result",
            "tool_use_id": "srvtoolu_2",
            "content": {
                "type": "code_execution_result",
                "stdout": "42 it is",
                "stderr": "",
                "return_code": 0,
                "content": [],
            },
        },
        use("toolu_1", "wx", city="Oslo"),
    ),
    "tool_use",
    container="container_1",
)


@pytest.mark.parametrize("source", [CLAUDE, CLAUDE_BUDGET], ids=lambda target: target.id)
async def test_what_a_vendor_has_run_goes_to_every_model(house: House, source: Target, stream: bool) -> None:
    tools = [WX, {"type": "web_search"}, {"type": "code_interpreter", "container": {"type": "auto"}}]
    output, given = await house.answered(source, HOSTED, tools, stream=stream)
    kinds = [item["type"] for item in output]
    assert [kinds.count(kind) for kind in ("web_search_call", "code_interpreter_call", "function_call")] == [1, 1, 1]
    assert await complaints_of(house, source, given, output) == {}
