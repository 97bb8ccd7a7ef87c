"""A client that keeps its history itself, and sends back what came as it came."""

import copy
from typing import Any, Final, TypeAlias

from tests.vendors.gateway import Gateway, Whole

Item: TypeAlias = dict[str, Any]


def function(name: str, **properties: Any) -> dict[str, Any]:
    """A function tool whose arguments are all optional."""
    return {"type": "function", "name": name, "parameters": {"type": "object", "properties": properties}}


WX: Final = function("wx", city={"type": "string"})
NOW: Final = function("now")


def called(call_id: str, name: str = "wx", arguments: str = '{"city": "Oslo"}') -> Item:
    """A call of the history, in its short form."""
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def result(call_id: str, output: Any = "3 C") -> Item:
    """The output of a call."""
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def said(text: str, role: str = "user") -> Item:
    """A message, in its short form."""
    return {"role": role, "content": text}


class Conversation:
    """One conversation. `keeps_reasoning`: reasoning items go back too. `reverses`: the last call is answered first."""

    def __init__(
        self,
        gateway: Gateway,
        model: str,
        *,
        stream: bool = False,
        keeps_reasoning: bool = True,
        reverses: bool = False,
        **settings: Any,
    ) -> None:
        self.gateway = gateway
        self.model = model
        self.stream = stream
        self.keeps_reasoning = keeps_reasoning
        self.reverses = reverses
        self.settings = {"tools": [WX, NOW], **settings}
        self.history: list[Item] = []
        self.answers: list[Whole] = []

    async def ask(self, *items: Item) -> Whole:
        """Add the items, send everything, and keep what came. The answer has to be one that keeps to the rules."""
        self.history += copy.deepcopy(list(items))
        answer = await self.gateway.create(
            model=self.model, input=self.history, stream=self.stream, store=False, **self.settings
        )
        self.answers.append(answer)
        output = answer.response["output"]
        self.history += [item for item in output if self.keeps_reasoning or item["type"] != "reasoning"]
        return answer

    async def answer_calls(self) -> Whole:
        """Answer the calls of the last answer, and ask again."""
        outputs = [result(call["call_id"], output_of(call)) for call in self.calls]
        return await self.ask(*(reversed(outputs) if self.reverses else outputs))

    @property
    def calls(self) -> list[Item]:
        """The calls of the last answer."""
        return [item for item in self.answers[-1].response["output"] if item["type"] == "function_call"]

    async def turn(self, text: str) -> str:
        """What the user says, and the answer's text once the model has nothing more to call."""
        answer = await self.ask(said(text))
        while self.calls:
            answer = await self.answer_calls()
        return answer.text


def output_of(call: Item) -> str:
    """What the tool answers: different for every call."""
    return f"{call['name']} of {call['arguments']}"
