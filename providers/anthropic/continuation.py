"""A paused turn goes on: the same request with the answer so far at its end.

Source: Anthropic's guide to server tools (stop reason `pause_turn`).
"""

from dataclasses import replace
from typing import Final

import orjson

from providers.anthropic.decode import MessagesDecoder
from providers.anthropic.lenient import Json, count, mapping, sequence
from providers.anthropic.thinking import MIN_BUDGET
from proxy.provider.contract import Call

FORCING: Final = frozenset({"any", "tool"})


def continued(call: Call, decoder: MessagesDecoder) -> Call | None:
    """The next call, for which the decoder is made ready; None where there is nothing to go on with, or no room left
    for output."""
    if not decoder.paused or not decoder.content:
        return None
    body: Json = mapping(orjson.loads(call.body))
    if not _leaves_room(body, decoder.output_tokens):
        return None
    _append_answer(body, [orjson.Fragment(block) for block in decoder.content])
    choice = mapping(body.get("tool_choice"))
    if choice.get("type") in FORCING:
        # The model has done what it had to.
        parallel = {name: choice[name] for name in ("disable_parallel_tool_use",) if name in choice}
        body["tool_choice"] = {"type": "auto", **parallel}
    if decoder.container:
        body["container"] = decoder.container
    try:
        encoded = orjson.dumps(body)
    except orjson.JSONEncodeError:
        return None
    decoder.resume()
    return replace(call, body=encoded)


def _leaves_room(body: Json, spent: int) -> bool:
    """Take what was written from the output limit, and from thinking that would not fit below it."""
    most = (count(body.get("max_tokens")) or 0) - spent
    body["max_tokens"] = most
    thinking = mapping(body.get("thinking"))
    if thinking.get("type") == "enabled" and (count(thinking.get("budget_tokens")) or 0) >= most:
        thinking["budget_tokens"] = most - 1
        return most > MIN_BUDGET
    return most > 0


def _append_answer(body: Json, blocks: list[object]) -> None:
    """Put the blocks into the assistant's turn at the end, which holds those of earlier calls."""
    messages = sequence(body.get("messages"))
    if mapping(messages[-1]).get("role") == "assistant":
        messages[-1] = {"role": "assistant", "content": [*sequence(mapping(messages[-1]).get("content")), *blocks]}
    else:
        messages.append({"role": "assistant", "content": blocks})
