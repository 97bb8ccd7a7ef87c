"""A prepared request -> the body of `POST /responses`, in the order of the request.

Every attribute of `CreateRequest` stands in one of the tables below, or belongs to the gateway. The gateway holds the
state: the server gets the whole history and is asked to keep nothing.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from providers.openai_chat.dialect import Dialect
from providers.responses.items import TAGGED, InputItems
from providers.responses.profile import Profile
from providers.responses.tools import offered_tools, tool_choice
from proxy.provider.contract import Call, Prepared
from proxy.provider.conversions import Conversion, approximated, dropped, ignored

Body = dict[str, Any]

ENCRYPTED: Final = "reasoning.encrypted_content"
LOGPROBS: Final = "message.output_text.logprobs"

SAMPLING: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
"""Attributes that models refuse while they reason."""

PLAIN: Final[Mapping[str, tuple[object, ...]]] = {
    "max_output_tokens": (None,),
    "max_tool_calls": (None,),
    "moderation": (None,),
    "image": (None,),
    "access_programs": (None,),
    "parallel_tool_calls": (True,),
    "prompt_cache_key": (None,),
    "prompt_cache_options": (None,),
    "prompt_cache_retention": (None,),
    "safety_identifier": (None,),
    "user": (None,),
    "top_logprobs": (None, 0),
}
"""Attributes that go as they are, with the values that say nothing."""

NO_EFFECT: Final = frozenset(
    {
        "max_tool_calls",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning.summary",
        "safety_identifier",
        "user",
    }
)
"""What has no effect on the answer, where a server does not take it."""

MAPPED: Final = frozenset({*PLAIN, *SAMPLING, "include", "instructions", "reasoning", "service_tier", "text"})
"""Attributes of the request that are translated below."""

COUNTED: Final = ("model", "input", "instructions", "tools", "tool_choice", "text", "reasoning", "parallel_tool_calls")
"""What the server's counter takes."""


def encode(prepared: Prepared, profile: Profile, row: Dialect, extra_body: Mapping[str, Any]) -> Call:
    """The call that carries the request. `row` tells what the model can do. Appends to `prepared.conversions`; raises
    RefusedError."""
    request = prepared.request
    collected = InputItems(profile, prepared.conversions)
    collected.add_all(prepared.items)
    body: Body = {"model": prepared.model, "input": collected.items}
    instructions = [text for text in (request.instructions, *collected.instructions) if text]
    if instructions:
        body["instructions"] = "\n\n".join(instructions)
    if not collected.items:
        _speak(body)
    tools = offered_tools(prepared, profile)
    choice = tool_choice(prepared, profile, tools)
    if tools:
        body["tools"] = tools
    if choice is not None:
        body["tool_choice"] = choice
    _plain(body, prepared, profile, has_tools=bool(tools))
    reasons = _reasoning(body, prepared, profile, row)
    _sampling(body, prepared, profile, row, reasons=reasons)
    _text(body, prepared, profile)
    _service_tier(body, prepared, profile)
    _include(body, prepared, profile)
    if profile.states_storage:
        body["store"] = False
    if prepared.stream:
        body["stream"] = True
        if "stream_options" in profile.parameters:
            body["stream_options"] = {"include_obfuscation": False}
    body |= profile.constants
    body |= extra_body
    return Call(profile.path, orjson.dumps(body), stream=prepared.stream)


def counting(call: Call, profile: Profile) -> Call:
    """The call that asks how many tokens the input of another one has."""
    body = orjson.loads(call.body)
    kept = {name: body[name] for name in COUNTED if name in body}
    return Call(profile.counter_path, orjson.dumps(kept))


def _speak(body: Body) -> None:
    """Servers refuse a request without input: what the model was told in front stands there as well as can be."""
    told = body.pop("instructions", "")
    body["input"] = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": TAGGED.format(told)}]}
    ]


def _plain(body: Body, prepared: Prepared, profile: Profile, *, has_tools: bool) -> None:
    for name, silent in PLAIN.items():
        value = getattr(prepared.request, name)
        if value in silent:
            continue
        if name not in profile.parameters:
            if name != "max_tool_calls" or prepared.hosted_tools:
                prepared.conversions.append(_left_out(name))
        elif name == "parallel_tool_calls" and not has_tools:
            prepared.conversions.append(ignored(name, "no tool is offered"))
        else:
            body[name] = value


def _reasoning(body: Body, prepared: Prepared, profile: Profile, row: Dialect) -> bool:
    """Ask for the reasoning that the client wants; whether the model reasons."""
    able, settings = prepared.capabilities, prepared.request.reasoning
    sent: Body = {}
    for name in ("effort", "summary", "mode", "context"):
        value = settings.get(name)
        if value is None:
            continue
        path = f"reasoning.{name}"
        if path not in profile.parameters or not able.reasoning:
            # A model that does not reason is asked for none of it.
            needless = not able.reasoning and (name != "effort" or value == "none")
            prepared.conversions.append(ignored(path, "the model does not reason") if needless else _left_out(path))
            continue
        known = profile.efforts.get(str(value), value) if name == "effort" else value
        if known != value:
            prepared.conversions.append(approximated(path, f"the server knows no '{value}': '{known}' is sent"))
        sent[name] = known
    if sent:
        body["reasoning"] = sent
    if not able.reasoning:
        return False
    effort = sent.get("effort")
    return effort != "none" if effort is not None else row.thinks


def _sampling(body: Body, prepared: Prepared, profile: Profile, row: Dialect, *, reasons: bool) -> None:
    refused = not prepared.capabilities.sampling or (reasons and not row.sampling_while_reasoning)
    for name in SAMPLING:
        value = getattr(prepared.request, name)
        if value is None:
            continue
        if name in profile.parameters and not refused:
            body[name] = value
        elif name.endswith("_penalty") and not value:
            prepared.conversions.append(ignored(name, "no penalty"))
        else:
            reason = "the model takes it only while it does not reason" if refused else "the server does not take it"
            prepared.conversions.append(dropped(name, reason))
    if refused and body.pop("top_logprobs", None) is not None:
        prepared.conversions.append(dropped("top_logprobs", "the model gives none while it reasons"))


def _text(body: Body, prepared: Prepared, profile: Profile) -> None:
    settings = prepared.request.text
    sent: Body = {}
    form = settings.get("format")
    if form is not None and form["type"] != "text":
        sent["format"] = {name: value for name, value in form.items() if value is not None}
    verbosity = settings.get("verbosity")
    if verbosity is not None:
        if "text.verbosity" in profile.parameters and prepared.capabilities.verbosity:
            sent["verbosity"] = verbosity
        elif verbosity == "medium":
            prepared.conversions.append(ignored("text.verbosity", "the usual value"))
        else:
            prepared.conversions.append(dropped("text.verbosity", "the model has no such setting"))
    if sent:
        body["text"] = sent


def _service_tier(body: Body, prepared: Prepared, profile: Profile) -> None:
    tier = prepared.request.service_tier
    if "service_tier" not in prepared.request.given:
        return
    if tier in profile.service_tiers and "service_tier" in profile.parameters:
        body["service_tier"] = tier
    elif tier in ("auto", "default"):
        prepared.conversions.append(ignored("service_tier", "the usual value"))
    else:
        prepared.conversions.append(dropped("service_tier", "the server has no such tier"))


def _include(body: Body, prepared: Prepared, profile: Profile) -> None:
    included = [ENCRYPTED] if ENCRYPTED in profile.include and prepared.capabilities.reasoning else []
    for index, name in enumerate(prepared.request.include):
        path = f"include[{index}]"
        if name in profile.include:
            if name not in included and name != ENCRYPTED:
                included.append(name)
        elif name == LOGPROBS:
            prepared.conversions.append(dropped(path, "the server gives no log probabilities"))
        else:
            prepared.conversions.append(ignored(path, "given whenever there is one"))
    if included:
        body["include"] = included


def _left_out(path: str) -> Conversion:
    if path in NO_EFFECT:
        return ignored(path, "the server does not know it")
    return dropped(path, "the server does not take it")
