"""The report is held against what a provider sends: every element that a request can have changes the vendor's request,
or is declared, or is refused; nothing vanishes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import orjson

from proxy.exchange.prepare import BRINGING_TOOLS, Rules
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Provider
from proxy.provider.conversions import Conversion, without_indexes
from proxy.responses.errors import ResponsesError
from proxy.testing.problem import Problem
from proxy.testing.replay import translate
from proxy.testing.walk.elements import Element, elements
from proxy.testing.walk.parameters import INCLUDED_ANYHOW, MINIMAL, OF_THE_CORE, PARAMETER_VALUES
from proxy.testing.walk.variants import MARK, PDF, PNG

OF_NO_CONSEQUENCE: Final[Mapping[str, str]] = {
    "id": "names the element for its client; a vendor has names of its own",
    "status": "accepted on input and ignored, as OpenAI does; what a tool failed at is told",
    "created_by": "written by servers, for listings",
    "type": "another version of the same tool",
    "execution": "a search with a call id is the client's, whoever is said to run it",
}
"""Members that no answer depends on, and why; they are not worth a word in each report."""

SAID_ANYHOW: Final[Mapping[tuple[str, str, str], str]] = {
    ("item configuration_update", "text.format", "text"): "text is the form of any answer",
    ("item configuration_update", "reasoning", "{}"): "an empty update",
    ("tool code_interpreter", "container", "auto"): "a container is made for any code",
    ("item function_call_output", "output.0", "input_text"): "a text given as a part is the text",
    ("item custom_tool_call_output", "output.0", "input_text"): "a text given as a part is the text",
}
"""Values that say what is so without them: by the type, the member, and what is in the value."""

ROOTS: Final[Mapping[str, tuple[str, ...]]] = {
    "tool": ("tools",),
    "tool_choice": ("tool",),
    **dict.fromkeys(("item", "part", "assistant's part", "result's part"), ("input",)),
}
"""How the parameter begins that a refusal of an element names."""

MARKS: Final = (MARK, PNG.partition(",")[2], PDF.partition(",")[2])
"""What can only be in a body because the element is."""

OF_STATE: Final = frozenset({"conversation", "previous_response_id", "prompt"})
"""Parameters that lead to what is stored, and of which a provider hears nothing."""


@dataclass(frozen=True, slots=True)
class _Sent:
    call: Call
    conversions: tuple[Conversion, ...]

    @property
    def told(self) -> tuple[object, ...]:
        """All that the vendor is told."""
        return self.call.method, self.call.path, self.call.body, dict(self.call.headers)


def _sent(provider: Provider, model: str, request: Mapping[str, Any]) -> _Sent | ResponsesError:
    rest = {name: value for name, value in request.items() if name not in ("model", "stream")}
    try:
        translated = translate(provider, model, rest, stream=request.get("stream") is True)
    except ResponsesError as error:
        return error
    return _Sent(translated.call, tuple(translated.prepared.conversions))


def _plain(able: Capabilities) -> dict[str, Any]:
    """The request that others are compared with; without tools for a model that has none."""
    return {name: value for name, value in MINIMAL.items() if able.tools or not name.startswith("tool")}


# --- parameters -------------------------------------------------------------------------------------------------------


def parameters(provider: Provider, model: str, anyhow: frozenset[str]) -> Iterator[Problem]:
    """No parameter vanishes, nor a member of one. `anyhow` are those that ask for what the vendor does without them."""
    able = provider.capabilities(model)
    plain = _plain(able)
    for path, values in PARAMETER_VALUES:
        root = path.partition(".")[0]
        if not able.tools and values == {"tool_choice": "none"}:
            continue
        if root in OF_STATE or _asks_for_nothing(path, values) or not anyhow.isdisjoint(_names(path, values)):
            continue
        subject = f"{model}, {path} {orjson.dumps(values).decode()}"
        base, found = _sent(provider, model, plain | _beside(path)), _sent(provider, model, plain | values)
        if isinstance(base, ResponsesError):
            yield Problem("nothing vanishes", f"{model}, a plain request", "no error", f"{base.message!r:.300}")
            return
        if isinstance(found, ResponsesError):
            # A choice of tools may be refused for them.
            yield from _refused(subject, found, ("tool",) if root == "tool_choice" else (root,))
        elif found.told == base.told and not _declared(path, found, base):
            told = f"{path} in the vendor's request, or a conversion with its path, or a RefusedError"
            yield Problem("nothing vanishes", subject, told, "neither: it vanished in silence")


def _asks_for_nothing(path: str, values: Mapping[str, Any]) -> bool:
    return values["include"][0] in INCLUDED_ANYHOW if path == "include" else path in OF_THE_CORE


def _names(path: str, values: Mapping[str, Any]) -> set[str]:
    """How the exceptions name it: `reasoning.effort`, `reasoning.effort=none`."""
    value: Any = values
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return {path, f"{path}={value if isinstance(value, str) else orjson.dumps(value).decode()}"}


def _beside(path: str) -> dict[str, Any]:
    """What a value needs beside it and is no part of it."""
    if path in ("reasoning.summary", "reasoning.generate_summary"):
        return {"reasoning": {"effort": "high"}}
    return {"stream": True} if path.startswith("stream_options") else {}


def _declared(path: str, found: _Sent, base: _Sent) -> bool:
    """Whether a conversion names the parameter that the request without it does not have."""
    name = path.replace("generate_summary", "summary")
    roots = (name, name.partition(".")[0])
    return any(
        conversion not in base.conversions and (conversion.path.startswith(name) or conversion.path in roots)
        for conversion in found.conversions
    )


def _refused(subject: str, error: ResponsesError, roots: tuple[str, ...]) -> Iterator[Problem]:
    if error.status not in (400, 404) or not (error.param or "").startswith(roots):
        wanted = f"a refusal to be a 400 with a param that begins with {' or '.join(roots)}"
        yield Problem(
            "nothing vanishes", subject, wanted, f"{error.status}, param {error.param}: {error.message!r:.200}"
        )


# --- tools, items and parts -------------------------------------------------------------------------------------------


@cache
def _elements() -> tuple[Element, ...]:
    return tuple(elements())


def whole_elements(provider: Provider, model: str, anyhow: frozenset[str]) -> Iterator[Problem]:
    """No tool, item or part vanishes, nor a member of one. `anyhow` are those that ask for what the vendor does without
    them."""
    able = provider.capabilities(model)
    for element in (each if able.tools else _without_tools(each) for each in _elements()):
        if element.name in anyhow or not _says_anything(element, anyhow):
            continue
        if not element.whole and element.member.rpartition(".")[2] in OF_NO_CONSEQUENCE:
            continue
        subject = f"{model}, {element.name} at {element.path} of {orjson.dumps(element.request).decode():.500}"
        yield from _lost(provider, model, subject, element)


def _without_tools(element: Element) -> Element:
    """The element beside no tools, for a model that has none."""
    if element.group in ("tool", "tool_choice"):
        return element
    request, base = ({k: v for k, v in each.items() if k != "tools"} for each in (element.request, element.base))
    return replace(element, request=request, base=base)


def _says_anything(element: Element, anyhow: frozenset[str]) -> bool:
    if element.member == "reasoning.effort" and f"reasoning.effort={_effort(element)}" in anyhow:
        return False
    text = orjson.dumps(element.request).decode().replace("{}", '"{}"')
    kind = f"{element.group} {element.type}"
    return not any(
        (kind, element.member) == (known, member) and f'"{value}"' in text for known, member, value in SAID_ANYHOW
    )


def _effort(element: Element) -> object:
    """What a `configuration_update` sets the effort to."""
    update: Any = element.request["input"][1]
    return update["reasoning"]["effort"]


def _lost(provider: Provider, model: str, subject: str, element: Element) -> Iterator[Problem]:
    found = _sent(provider, model, element.request)
    if isinstance(found, ResponsesError):
        brought = ("tools",) if element.type in BRINGING_TOOLS and not provider.capabilities(model).tools else ()
        yield from _refused(subject, found, (*ROOTS[element.group], *settings_of(element), *brought))
        return
    base = _sent(provider, model, element.base)
    if isinstance(base, ResponsesError):
        if element.group in ("tool", "tool_choice") and not provider.capabilities(model).tools:
            return
        if not any(mark in found.call.body.decode() for mark in MARKS):
            yield Problem("nothing vanishes", subject, "no error without it", f"{base.message!r:.200}")
    elif found.told == base.told and not any(relates(each.path, element) for each in found.conversions):
        told = f"{element.name} in the vendor's request, or a conversion with its path, or a RefusedError"
        yield Problem("nothing vanishes", subject, told, "neither: it vanished in silence")


def relates(path: str, element: Element) -> bool:
    """Whether a conversion at `path` speaks of the element: of itself, of what it stands in, or of what is in it."""
    member = ".".join(part for part in element.member.split(".") if not part.isdigit())
    whole, named = without_indexes(f"{element.path}.{member}").rstrip("."), without_indexes(path)
    return whole.startswith(named) or named.startswith(whole) or path in settings_of(element)


def settings_of(element: Element) -> tuple[str, ...]:
    """The parameters that an item sets: what becomes of them is told as of theirs."""
    return ("reasoning", "reasoning.effort", "text", "text.format") if element.type == "configuration_update" else ()


# --- capabilities -----------------------------------------------------------------------------------------------------

_SAMPLING: Final = ("temperature", "top_p")


def against_capabilities(provider: Provider, model: str, anyhow: frozenset[str]) -> Iterator[Problem]:
    """What the model's capabilities say that it has not is declared or refused whenever it is asked for; the core takes
    care of tools, images, files, sounds and forms itself."""
    able = provider.capabilities(model)
    plain = _plain(able)
    for path, values in PARAMETER_VALUES:
        if path in anyhow or not anyhow.isdisjoint(_names(path, values)) or not _lacks(able, path, values):
            continue
        base, found = _sent(provider, model, plain | _beside(path)), _sent(provider, model, plain | values)
        if isinstance(found, ResponsesError) or isinstance(base, ResponsesError):
            continue
        if not _declared(path, found, base):
            subject = f"{model}, {path} {orjson.dumps(values).decode()}"
            wanted = "a conversion with its path or a RefusedError, as the capabilities say that the model has no such"
            yield Problem(
                "capabilities", subject, wanted, "it is sent and not declared" if found.told != base.told else "neither"
            )


def _lacks(able: Capabilities, path: str, values: Mapping[str, Any]) -> bool:
    if path in _SAMPLING:
        return not able.sampling
    if path == "tool_choice":
        forced = values[path] == "required" or values[path] == {"type": "function", "name": "wx"}
        return forced and able.tools and not able.forced_tool_choice
    if path == "top_logprobs":
        return not able.logprobs
    if path == "text.verbosity":
        return not able.verbosity
    if path == "reasoning.effort":
        effort = values["reasoning"]["effort"]
        return effort != "none" and (not able.reasoning or (able.efforts is not None and effort not in able.efforts))
    return False


def strict(provider: Provider, model: str, anyhow: frozenset[str]) -> Iterator[Problem]:
    """A strict request is refused for every loss, and else is the very same."""
    for path, values in PARAMETER_VALUES:
        if path.partition(".")[0] in OF_STATE:
            continue
        request = _plain(provider.capabilities(model)) | values
        found = _sent(provider, model, request)
        if isinstance(found, ResponsesError):
            continue
        losses = [conversion.path for conversion in found.conversions if conversion.strict_refuses]
        rest = {name: value for name, value in request.items() if name not in ("model", "stream")}
        try:
            sent = translate(provider, model, rest, stream=request.get("stream") is True, rules=Rules(strict=True))
        except ResponsesError:
            continue
        subject = f"{model}, {path} {orjson.dumps(values).decode()}"
        if losses:
            yield Problem("strict", subject, f"a refusal for {losses}", "a call")
        elif sent.call.body != found.call.body:
            yield Problem("strict", subject, "the same body as of a request that is not strict", "another one")


def reported(model: str, subject: str, conversions: Iterable[Conversion]) -> Iterator[Problem]:
    """Each conversion has a path into the request and a reason."""
    for conversion in conversions:
        if conversion.disposition not in ("approximated", "ignored", "dropped"):
            wanted = "a disposition: approximated, ignored or dropped"
            yield Problem("conversions", f"{model}, {subject}", wanted, f"{conversion.disposition!r}")
        if not conversion.path or not conversion.reason.strip():
            yield Problem("conversions", f"{model}, {subject}", "a path and a reason", f"{conversion!r:.200}")
