"""Turns in the form of Cohere's Chat API (v2)."""

from typing import Any

import orjson

from tests.vendors.script import END, ErrorEvent, Fate, Step, Turn

STOPS = {"stop": "COMPLETE", "length": "MAX_TOKENS"}
DONE = b"data: [DONE]\n\n"


def whole(turn: Turn, model: str) -> bytes:
    """The body of an answer that is not streamed. With calls the text is the plan."""
    message: dict[str, Any] = {"role": "assistant"}
    content: list[dict[str, Any]] = []
    if turn.thinking:
        content.append({"type": "thinking", "thinking": turn.thinking})
    if turn.text and turn.calls:
        message["tool_plan"] = turn.text
    elif turn.text:
        content.append({"type": "text", "text": turn.text})
    if content:
        message["content"] = content
    if turn.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.json}}
            for call in turn.calls
        ]
    body = {"id": "c14c", "message": message, "finish_reason": _stop(turn), "usage": _usage(turn)}
    return orjson.dumps(body)


def stream(turn: Turn, model: str) -> list[Step]:
    """The steps of a streamed answer."""
    start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    steps: list[Step] = [_event("message-start", id="c14c", delta={"message": start})]
    index = 0
    if turn.thinking:
        steps += [
            _message("content-start", index, content={"type": "thinking", "thinking": ""}),
            _message("content-delta", index, content={"thinking": turn.thinking}),
            _event("content-end", index=index),
        ]
        index += 1
    is_open = False
    for piece in turn.pieces:
        if isinstance(piece, str) and turn.calls:
            steps.append(_event("tool-plan-delta", delta={"message": {"tool_plan": piece}}))
        elif isinstance(piece, str):
            if not is_open:
                steps.append(_message("content-start", index, content={"type": "text", "text": ""}))
                is_open = True
            steps.append(_message("content-delta", index, content={"text": piece}))
        elif isinstance(piece, ErrorEvent):
            ending = {"finish_reason": "ERROR", "usage": {}, "error": piece.message}
            return [*steps, _event("message-end", delta=ending), DONE, END]
        else:
            steps.append(piece)
            if isinstance(piece, Fate):
                return steps
    if is_open:
        steps.append(_event("content-end", index=index))
    for number, call in enumerate(turn.calls):
        opened = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        steps.append(_message("tool-call-start", number, tool_calls=opened))
        for fragment in call.arguments:
            if isinstance(fragment, str):
                arguments = {"function": {"arguments": fragment}}
                steps.append(_message("tool-call-delta", number, tool_calls=arguments))
            else:
                steps.append(fragment)
        steps.append(_event("tool-call-end", index=number))
    ending = {"finish_reason": _stop(turn), "usage": _usage(turn)}
    return [*steps, _event("message-end", delta=ending), DONE, END]


def counted(tokens: int) -> bytes:
    """The answer of `tokenize`."""
    return orjson.dumps({"tokens": list(range(tokens)), "token_strings": ["a"] * tokens, "meta": {}})


def _usage(turn: Turn) -> dict[str, Any]:
    read, written = turn.tokens
    billed = {"input_tokens": float(read // 2), "output_tokens": float(written)}
    return {"billed_units": billed, "tokens": {"input_tokens": float(read), "output_tokens": float(written)}}


def _stop(turn: Turn) -> str:
    return "TOOL_CALL" if turn.calls else STOPS[turn.stop]


def _message(name: str, index: int, **members: Any) -> bytes:
    return _event(name, index=index, delta={"message": members})


def _event(name: str, **members: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps({"type": name, **members}))
