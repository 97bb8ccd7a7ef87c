"""From a request to the call that carries its own answer: finds the script, plays it, writes the wire format."""

import hashlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import orjson

from providers.scripted.given import given, joined_text, setting
from providers.scripted.play import Ending, Failure, Performance, Piece
from providers.scripted.script import Script, ScriptError, parse
from proxy.provider.contract import Call, CannedAnswer, Pause, Prepared
from proxy.provider.conversions import dropped, refuse
from proxy.provider.history import MessageItem, ResultItem

NO_LOGPROBS = "the scripted model has no log probabilities"

_COALESCED = frozenset({"text", "refusal", "reasoning", "arguments"})

Wire: TypeAlias = bytes | Pause


def encode(prepared: Prepared) -> Call:
    """The call. Raises RefusedError for a script that cannot be played."""
    body = orjson.dumps(given(prepared))
    index, message = _last_user_message(prepared)
    try:
        script = parse(joined_text(message.parts)) if message else Script(((),), "")
        rounds = _result_rounds(prepared, index)
        step = script.steps[rounds] if rounds < len(script.steps) else ()
        performance = Performance(prepared, hashlib.sha256(body).hexdigest(), body, script.remarks, rounds)
        performance.play(step)
    except ScriptError as error:
        refuse(message.path if message else "input", str(error), value=True)
    _report(prepared)
    return Call("/answer", body, stream=prepared.stream, canned=_answer(performance, stream=prepared.stream))


def _report(prepared: Prepared) -> None:
    """The model is told every setting, but it cannot weigh its words."""
    if setting(prepared, "top_logprobs"):
        prepared.conversions.append(dropped("top_logprobs", NO_LOGPROBS))
    for index, name in enumerate(setting(prepared, "include") or ()):
        if name == "message.output_text.logprobs":
            prepared.conversions.append(dropped(f"include[{index}]", NO_LOGPROBS))


def _last_user_message(prepared: Prepared) -> tuple[int, MessageItem | None]:
    for index in range(len(prepared.items) - 1, -1, -1):
        item = prepared.items[index]
        if isinstance(item, MessageItem) and item.role == "user":
            return index, item
    return -1, None


def _result_rounds(prepared: Prepared, index: int) -> int:
    """How often the tools have returned since the user spoke; results that stand together are one round."""
    rounds = 0
    after_result = False
    for item in prepared.items[index + 1 :]:
        if isinstance(item, ResultItem) and not after_result:
            rounds += 1
        after_result = isinstance(item, ResultItem)
    return rounds


def _answer(performance: Performance, *, stream: bool) -> CannedAnswer:
    if performance.failure is not None:
        return _error_answer(performance.failure, performance.pieces)
    if stream:
        return CannedAnswer(
            200,
            {"content-type": "text/event-stream"},
            [piece if isinstance(piece, Pause) else _frame(*piece) for piece in performance.pieces],
            cut=performance.ending == "cut",
        )
    return _whole_answer(performance.pieces, performance.ending)


def _error_answer(failure: Failure, pieces: Sequence[Piece]) -> CannedAnswer:
    headers = {"content-type": "application/json"}
    if failure.retry_after is not None:
        headers["retry-after"] = f"{failure.retry_after:g}"
    body = orjson.dumps({"error": {"class": failure.error_class, "message": failure.message}})
    return CannedAnswer(failure.status, headers, [*(piece for piece in pieces if isinstance(piece, Pause)), body])


def _whole_answer(pieces: Sequence[Piece], ending: Ending) -> CannedAnswer:
    """The same pieces as one body, after all their pauses."""
    events: list[dict[str, Any]] = []
    seconds = 0.0
    for piece in pieces:
        if isinstance(piece, Pause):
            seconds += piece.seconds
            continue
        name, data = piece
        last = events[-1] if events else {}
        if name in _COALESCED and last.get("type") == name and last["key"] == data["key"]:
            last["delta"].append(data["delta"])
        elif name in _COALESCED:
            events.append({"type": name, **data, "delta": [data["delta"]]})
        else:
            events.append({"type": name, **data})
    for event in events:
        if event["type"] in _COALESCED:
            event["delta"] = "".join(event["delta"])
    body = orjson.dumps({"events": events})
    wire: list[Wire] = [Pause(seconds)] if seconds else []
    wire.append(body[: len(body) // 2] if ending == "cut" else body)
    return CannedAnswer(200, {"content-type": "application/json"}, wire, cut=ending == "cut")


def _frame(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(data))
