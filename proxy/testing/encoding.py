"""What the vendor is sent: complete, in order, the same every time, and made without touching what it is made of."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from proxy.provider.contract import Call, Prepared, Provider
from proxy.provider.history import CallItem, ReasoningItem
from proxy.responses.errors import ResponsesError
from proxy.testing.exchange import Exchange
from proxy.testing.problem import Problem
from proxy.testing.purity import pure
from proxy.testing.replay import Translated, play, translate
from proxy.testing.requests import STANDARD, Standard
from proxy.testing.vanishing import reported


def standard(provider: Provider, model: str) -> Iterator[Problem]:
    """Every standard request that the model's capabilities allow is translated, streamed and plain: nothing is raised,
    the words stand in the vendor's request in their order, with the names of its tools, and losses are well told. Other
    requests are refused with a 400 that names what was refused."""
    able = provider.capabilities(model)
    for each in STANDARD:
        for stream in (False, True):
            subject = f"{model}, {each.name}{', streamed' if stream else ''}"
            try:
                translated = translate(provider, model, each.request, stream=stream)
            except ResponsesError as error:
                if error.status != 400 or error.param is None:
                    found = f"{error.status}, param {error.param}: {error.message!r:.200}"
                    yield Problem("standard requests", subject, "a refusal to be a 400 with a param", found)
                elif each.needs(able):
                    wanted = "a call, as the capabilities say that the model takes it"
                    yield Problem("standard requests", subject, wanted, f"400 {error.message!r:.200}")
                continue
            yield from reported(model, each.name, translated.prepared.conversions)
            yield from _formed(subject, translated.call, stream=stream)
            yield from _complete(subject, each, translated)


def _formed(subject: str, call: Call, *, stream: bool) -> Iterator[Problem]:
    if not call.path.startswith("/") and call.path:
        yield Problem("standard requests", subject, "a path that begins with a slash", repr(call.path))
    if stream and not call.stream:
        yield Problem("standard requests", subject, "a call whose answer is a stream", "stream is false")
    if call.body and _read(call.body) is _UNREADABLE:
        yield Problem("standard requests", subject, "a body of JSON", f"{call.body!r:.200}")
    for name, value in call.headers.items():
        if not name.isascii() or "\n" in f"{name}{value}" or "\r" in f"{name}{value}":
            yield Problem("standard requests", subject, "headers of one line each", f"{name!r}: {value!r:.100}")


def _complete(subject: str, each: Standard, translated: Translated) -> Iterator[Problem]:
    text = "\n".join(_strings(_read(translated.call.body)))
    told = {conversion.path for conversion in translated.prepared.conversions}
    offered = [tool for tool in translated.prepared.tools if tool.path not in told]
    names = [tool.name for tool in offered if translated.prepared.tool_choice.mode != "none"]
    if "namespace" not in translated.prepared.capabilities.native_tools:
        names += [item.name for item in translated.prepared.items if isinstance(item, CallItem)]
    choice = translated.prepared.tool_choice
    if choice.mode == "named":
        names = [name for name in names if name == choice.name]
    if choice.allowed is not None:
        names = [name for name in names if name in choice.allowed]
    for word in (*each.anywhere, *(word for group in each.told for word in group), *names):
        if word not in text:
            yield Problem("standard requests", subject, f"{word!r:.100} in the vendor's request", f"{text!r:.300}")
            return
    behind = 0
    for group in each.told:
        places = {word: text.find(word, behind) for word in group}
        missing = [word for word, place in places.items() if place < 0]
        if missing:
            wanted = f"{' and '.join(sorted(missing))} behind what the request has before it"
            yield Problem("standard requests", subject, wanted, f"{text!r:.500}")
            return
        behind = max(places.values())


_UNREADABLE: Final = object()


def _read(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _UNREADABLE


def _strings(value: object) -> Iterator[str]:
    """All keys and texts of a JSON value, in the order of the document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


# --- the same every time ----------------------------------------------------------------------------------------------


def deterministic(provider: Provider, model: str) -> Iterator[Problem]:
    """Equal requests give equal calls and equal reports, the same `Prepared` too, and nothing of it is changed."""
    for each in STANDARD:
        subject = f"{model}, {each.name}"
        try:
            first = translate(provider, model, each.request, stream=True)
            second = translate(provider, model, each.request, stream=True)
        except ResponsesError:
            continue
        if first.call != second.call:
            yield Problem("determinism", subject, f"{first.call.body!r:.300} twice", f"{second.call.body!r:.300}")
        if first.prepared.conversions != second.prepared.conversions:
            yield Problem("determinism", subject, "the same conversions twice", f"{second.prepared.conversions!r:.300}")
        before = _without_report(second.prepared)
        third = provider.encode(second.prepared)
        if third != second.call:
            wanted = "the same call from the same Prepared"
            yield Problem("determinism", subject, wanted, f"{third.body!r:.300}")
        changed = [name for name, value in _without_report(second.prepared).items() if value != before[name]]
        if changed:
            wanted = "a Prepared that encode leaves as it is, but for its conversions"
            yield Problem("determinism", subject, wanted, f"{', '.join(changed)} changed")


def _without_report(prepared: Prepared) -> dict[str, Any]:
    return {
        name: copy.deepcopy(getattr(prepared, name))
        for name in Prepared.__dataclass_fields__
        if name not in ("conversions", "capabilities")
    }


def no_io(provider: Provider, model: str) -> Iterator[Problem]:
    """`encode` does no I/O."""
    for each in STANDARD:

        def encode(request: Mapping[str, Any] = each.request) -> object:
            return translate(provider, model, request, stream=True)

        yield from pure("encode", f"{model}, {each.name}", encode)


# --- the next turn ----------------------------------------------------------------------------------------------------


def goes_on(provider: Provider, exchange: Exchange) -> Iterator[Problem]:
    """The answer, sent back with results for its calls and another question, is translated: its text, its calls and the
    results stand in the vendor's request in order, and each proof of the decoder's changes it or is declared."""
    played = play(provider, exchange, stream=False)
    output = [item for item in played.response["output"] if item.get("status", "completed") == "completed"]
    if played.error is not None or not output:
        return
    results = [
        {"type": _RESULTS[item["type"]], "call_id": item["call_id"], "output": f"result-{number}-3141"}
        for number, item in enumerate(output)
        if item["type"] in _RESULTS
    ]
    question = {"role": "user", "content": "question-3141"}
    earlier: Any = exchange.request.get("input", "ping")
    before = [{"role": "user", "content": earlier}] if isinstance(earlier, str) else list(earlier)
    rest = {name: value for name, value in exchange.request.items() if name not in ("input", "tool_choice")}
    request = {**rest, "input": [*before, *output, *results, question]}
    subject = f"{exchange.id}, and the turn after it"
    if any(item["type"] in _OTHER_CALLS for item in output):
        return
    translated = translate(provider, exchange.model, request, stream=False)
    text = "\n".join(_strings(_read(translated.call.body)))
    for word in (*(str(result["output"]) for result in results), "question-3141"):
        if word not in text:
            yield Problem("next turn", subject, f"{word} in the vendor's request", f"{text!r:.300}")
    yield from _proofs(provider, exchange, subject, request, translated)


SIGNATURE: Final = 24
"""From how many characters on a proof is more than a mark."""

_RESULTS: Final = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
_OTHER_CALLS: Final = frozenset(
    {"shell_call", "local_shell_call", "apply_patch_call", "computer_call", "tool_search_call", "mcp_approval_request"}
)


def _proofs(
    provider: Provider, exchange: Exchange, subject: str, request: Mapping[str, Any], translated: Translated
) -> Iterator[Problem]:
    opened = {item.path: item.proof for item in translated.prepared.items if isinstance(item, ReasoningItem)}
    for number, item in enumerate(request["input"]):
        if item.get("type") != "reasoning" or not item.get("encrypted_content"):
            continue
        path = f"input[{number}]"
        declared = any(each.path.startswith(path) for each in translated.prepared.conversions)
        proof = opened.get(path)
        if proof is None:
            wanted = "the proof to be opened for its own provider and model"
            yield Problem(
                "next turn", subject, wanted, f"nothing at {path}: `origin` or `family` differ from turn to turn"
            )
            continue
        without = [*request["input"][:number], {**item, "encrypted_content": None}, *request["input"][number + 1 :]]
        bare = translate(provider, exchange.model, {**request, "input": without}, stream=False)
        # Of a short one that says how the visible text was given, the text is all that there is to send.
        marks = proof is not None and len(proof.payload) < SIGNATURE
        if bare.call == translated.call and not declared and not marks:
            wanted = "the proof in the vendor's request, or a conversion that says that it is not carried"
            yield Problem("next turn", subject, wanted, f"the same request without the proof at {path}")
