"""Another model goes on with a conversation: what only the first one understands stays behind, and is declared."""

import pytest

from tests.loops.conversation import Conversation, said
from tests.loops.targets import CLAUDE, CLAUDE_BOUND, CLAUDE_BUDGET, GEMINI_2_5, GEMINI_3, StrictVendor, Target
from tests.strict.chat_servers import OPENAI, VLLM
from tests.strict.play import StrictChat, StrictGemini, StrictMessages
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import Called, Script, Turn
from tests.vendors.server import Recorded, Vendor, form_of

SIGNATURE = "c2lnbmF0dXJlIG9uZQ=="
OTHER_GEMINI = Target("google/gemini-3.1-pro-preview")
CHAT_OPENAI = Target("chat/gpt-4.1", OPENAI)
CHAT_VLLM = Target("chat/qwen3", VLLM)

FIRST = Turn(
    "Let me see.",
    calls=(Called("wx", ('{"city": "Oslo"}',), id="aaaaaaaa1"), Called("now", id="aaaaaaaa2")),
    thinking="Two look-ups",
    signature=SIGNATURE,
)

SWITCHES = [
    (CLAUDE, GEMINI_3),
    (CLAUDE, GEMINI_2_5),
    (CLAUDE, CHAT_OPENAI),
    (CHAT_VLLM, GEMINI_3),
    (CHAT_VLLM, CLAUDE),
    (CLAUDE, CLAUDE_BUDGET),
    (CLAUDE_BUDGET, CLAUDE_BOUND),
    (CLAUDE_BOUND, GEMINI_3),
    (GEMINI_3, CLAUDE),
    (GEMINI_3, CLAUDE_BUDGET),
    (GEMINI_3, CLAUDE_BOUND),
    (GEMINI_3, CHAT_OPENAI),
    (GEMINI_3, CHAT_VLLM),
    (GEMINI_3, OTHER_GEMINI),
    (GEMINI_3, GEMINI_2_5),
    (GEMINI_2_5, GEMINI_3),
]
EACH_SWITCH = pytest.mark.parametrize(
    ("first", "second"), SWITCHES, ids=[f"{first.id}-to-{second.id}".replace("/", "-") for first, second in SWITCHES]
)


class Vendors:
    """All vendors behind one socket. `first` answers the first request."""

    def __init__(self, first: Target, second: Target) -> None:
        servers = [target.server for target in (first, second) if target.server is not None]
        self.strict: dict[str, StrictVendor] = {"gemini": StrictGemini(), "messages": StrictMessages()}
        if servers:
            self.strict["chat"] = StrictChat(servers[0])
        self.requests: list[Recorded] = []

    def __call__(self, recorded: Recorded) -> Script:
        self.requests.append(recorded)
        return self.strict[form_of(recorded.path).__name__.rpartition(".")[2]](recorded)

    def play(self, target: Target, turn: Turn) -> None:
        """Write down what the target's vendor answers next."""
        if target.server is not None:
            self.strict["chat"].play(turn)
        else:
            self.strict["messages" if target.model.startswith("claude/") else "gemini"].play(turn)

    @property
    def complaints(self) -> list[str]:
        """The rules that were broken."""
        return [complaint.rule for strict in self.strict.values() for complaint in strict.complaints]


async def gateway_for(gateways: Gateways, first: Target, second: Target) -> Gateway:
    return await gateways.start(**(first.changes or second.changes))


@EACH_SWITCH
async def test_another_model_takes_over_in_the_middle_of_a_loop(
    gateways: Gateways, vendor: Vendor, first: Target, second: Target, stream: bool
) -> None:
    gateway = await gateway_for(gateways, first, second)
    vendor.responder = vendors = Vendors(first, second)
    vendors.play(first, FIRST)
    conversation = Conversation(gateway, first.model, stream=stream)
    await conversation.ask(said("Weather?"))
    assert [call["name"] for call in conversation.calls] == ["wx", "now"]
    sealed = [item for item in conversation.history if item.get("encrypted_content")]
    assert sealed
    if isinstance(vendors.strict["gemini"], StrictGemini):
        # the other model did not make these calls
        vendors.strict["gemini"].forget()
    conversation.model = second.model
    answer = await conversation.answer_calls()
    assert answer.text == "Hello there."
    assert vendors.complaints == []
    assert SIGNATURE.encode() not in vendors.requests[-1].body
    assert b"dg1." not in vendors.requests[-1].body
    dropped = answer.headers.get("x-dragoman-dropped", "")
    assert dropped.count("encrypted_content") == len(sealed)


@EACH_SWITCH
async def test_the_first_model_gets_its_reasoning_back(
    gateways: Gateways, vendor: Vendor, first: Target, second: Target
) -> None:
    gateway = await gateway_for(gateways, first, second)
    vendor.responder = vendors = Vendors(first, second)
    vendors.play(first, FIRST)
    conversation = Conversation(gateway, first.model)
    await conversation.turn("Weather?")
    conversation.model = second.model
    assert await conversation.turn("And tomorrow?") == "Hello there."
    conversation.model = first.model
    assert await conversation.turn("And yesterday?") == "Hello there."
    assert vendors.complaints == []
    if first.server is None:
        assert SIGNATURE.encode() in vendors.requests[-1].body
    assert "x-dragoman-dropped" not in conversation.answers[-1].headers
