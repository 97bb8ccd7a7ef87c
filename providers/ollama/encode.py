"""A prepared request -> the body of `POST /api/chat`, in the order of the request.

The server cuts a history that is longer than its context without a word. So every request names its context, asks the
server to refuse what does not fit (servers before that was possible do not know the word), and is refused here when it
cannot fit.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from providers.ollama.messages import Message, Messages
from providers.ollama.models import Model, is_in_the_cloud
from providers.ollama.settings import OllamaSettings
from providers.ollama.tools import Block, forcing_line, write_tools
from proxy.provider.contract import Call, Prepared
from proxy.provider.conversions import (
    Conversion,
    RefusedError,
    approximated,
    dropped,
    ignored,
    refuse,
    unneeded_includes,
)

PATH: Final = "/api/chat"
LOGPROBS: Final = "message.output_text.logprobs"

MOST_CHARACTERS_PER_TOKEN: Final = 6
"""More characters than texts have for a token: what is longer than the context by this measure does not fit."""

LEAST_BYTES_PER_TOKEN: Final = 2
"""Fewer bytes than usual texts have for a token: what is longer than the context by this measure may not fit."""

REPORTED: Final[Mapping[str, tuple[tuple[object, ...], Conversion]]] = {
    "frequency_penalty": ((None, 0), dropped("frequency_penalty", "set it among the provider's options")),
    "parallel_tool_calls": ((True,), dropped("parallel_tool_calls", "the server cannot be held to one call")),
    "presence_penalty": ((None, 0), dropped("presence_penalty", "set it among the provider's options")),
    "prompt_cache_key": ((None,), ignored("prompt_cache_key", "the server caches by content")),
    "prompt_cache_options": ((None,), ignored("prompt_cache_options", "the server caches by content")),
    "prompt_cache_retention": ((None,), ignored("prompt_cache_retention", "the server caches by content")),
    "safety_identifier": ((None,), ignored("safety_identifier", "the server is told of nobody")),
    "user": ((None,), ignored("user", "the server is told of nobody")),
}
"""Attributes that the server has nothing for: the values that say nothing, and what any other value leaves behind."""

MAPPED: Final = frozenset(
    {
        "include",
        "instructions",
        "max_output_tokens",
        "reasoning",
        "service_tier",
        "temperature",
        "text",
        "top_logprobs",
        "top_p",
    }
)
"""Attributes of the request that are translated below."""

LEVELS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""All efforts, from the least to the most."""


def encode(prepared: Prepared, settings: OllamaSettings, model: Model) -> Call:
    """The call that carries the request. Appends to `prepared.conversions`; raises RefusedError."""
    request, conversions = prepared.request, prepared.conversions
    collected = Messages(conversions)
    if request.instructions:
        collected.messages.append({"role": "system", "content": request.instructions})
    collected.add_all(prepared.items)
    messages = collected.messages
    if not messages:
        refuse("input", "The request says nothing to the model.")
    tools = write_tools(prepared)
    if (line := forcing_line(prepared, tools)) is not None:
        messages.append({"role": "system", "content": line})
    body: dict[str, Any] = {"model": prepared.model, "messages": messages}
    if tools:
        body["tools"] = tools
    form = _format(prepared)
    if form is not None:
        body["format"] = form
    body["options"] = _options(prepared, settings)
    think = _think(prepared, model)
    if think is not None:
        body["think"] = think
    _logprobs(body, prepared)
    for name, (silent, conversion) in REPORTED.items():
        if getattr(request, name) not in silent:
            conversions.append(conversion)
    if request.text.get("verbosity") is not None:
        report = ignored if request.text["verbosity"] == "medium" else dropped
        conversions.append(report("text.verbosity", "the server has no such setting"))
    if "service_tier" in request.given:
        report = ignored if request.service_tier in ("auto", "default") else dropped
        conversions.append(report("service_tier", "the server has no tiers"))
    if settings.keep_alive is not None:
        body["keep_alive"] = settings.keep_alive
    body |= {"truncate": False, "shift": False, "stream": prepared.stream}
    body |= settings.extra_body | {"options": body["options"] | settings.extra_body.get("options", {})}
    try:
        content = orjson.dumps(body)
    except orjson.JSONEncodeError:
        refuse("tools" if tools else "text.format", "A schema is nested deeper than can be written.", value=True)
    window = body["options"].get("num_ctx")
    if isinstance(window, int):
        _check_length(messages, tools, window, prepared)
    return Call(PATH, content, stream=prepared.stream, framing="ndjson")


def format_obstacle(form: Mapping[str, object], prepared: Prepared, settings: OllamaSettings) -> str | None:
    """Why the server does not hold the model to the form of an answer."""
    able = prepared.capabilities
    if form["type"] == "json_schema" and not able.json_schema:
        return "the model is held to no schema there"
    if form["type"] == "json_object" and not able.json_object:
        return "the model has no JSON mode"
    if prepared.tools and prepared.tool_choice.mode != "none" and not settings.schema_beside_tools:
        return "beside a form of the answer the model would not call its tools"
    return None


def _format(prepared: Prepared) -> object:
    form = prepared.request.text.get("format")
    if form is None or form["type"] == "text":
        return None
    if form["type"] == "json_object":
        return "json"
    told: Mapping[str, object] = form
    for name in ("description", "strict"):
        if told.get(name) is not None:
            reason = "the server is given the schema alone, and holds to it"
            prepared.conversions.append(ignored(f"text.format.{name}", reason))
    return told["schema"]


def _window(prepared: Prepared, settings: OllamaSettings) -> int | None:
    """The tokens of context that the request asks for; None in the cloud, where models have their own."""
    if (known := prepared.capabilities.context_window) is not None:
        return known
    return None if is_in_the_cloud(prepared.model, settings.base_url) else settings.num_ctx


def _options(prepared: Prepared, settings: OllamaSettings) -> dict[str, Any]:
    request = prepared.request
    asked = {
        "num_ctx": _window(prepared, settings),
        "num_predict": request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
    }
    return settings.options | {name: value for name, value in asked.items() if value is not None}


def _think(prepared: Prepared, model: Model) -> bool | str | None:
    """How the model is asked to think; None where nothing is said of it."""
    settings, report = prepared.request.reasoning, prepared.conversions.append
    for name in ("summary", "context", "mode"):
        if settings.get(name) is not None:
            report(ignored(f"reasoning.{name}", "the server shows the reasoning as it is"))
    effort = settings.get("effort")
    if effort is None:
        return None
    if model.thinking == "none" or not prepared.capabilities.reasoning:
        report((ignored if effort == "none" else dropped)("reasoning.effort", "the model does not reason"))
        return None
    if effort == "none" and model.rests:
        return False
    if model.thinking == "switch":
        if effort not in ("none", "medium"):
            report(approximated("reasoning.effort", "the model can be told only to reason or not"))
        elif effort == "none":
            report(approximated("reasoning.effort", "the model always reasons"))
        return True
    wanted = LEVELS.index(effort)
    nearest = min(model.levels, key=lambda level: (abs(LEVELS.index(level) - wanted), -LEVELS.index(level)))
    if nearest != effort:
        report(approximated("reasoning.effort", f"the model knows no '{effort}': '{nearest}' is sent"))
    return nearest


def _logprobs(body: dict[str, Any], prepared: Prepared) -> None:
    include: list[str] = [*prepared.request.include]
    prepared.conversions += unneeded_includes(include, LOGPROBS)
    top = prepared.request.top_logprobs
    if not top and LOGPROBS not in include:
        return
    body["logprobs"] = True
    if top:
        body["top_logprobs"] = top


def _check_length(messages: list[Message], tools: list[Block], window: int, prepared: Prepared) -> None:
    """Refuse what cannot fit into the context, and declare what may not."""
    texts = list(_texts(messages, tools))
    if sum(map(len, texts)) > window * MOST_CHARACTERS_PER_TOKEN:
        raise RefusedError(
            400,
            f"The input is too long for the context of {window} tokens that '{prepared.model}' is run with here; the "
            "operator can raise num_ctx, and `truncation: auto` leaves the oldest turns out.",
            param="input",
            code="context_length_exceeded",
        )
    if sum(len(text.encode()) for text in texts) > window * LEAST_BYTES_PER_TOKEN:
        reason = f"may be longer than {window} tokens: servers that do not know `truncate` leave its beginning out then"
        prepared.conversions.append(approximated("input", reason))


def _texts(messages: list[Message], tools: list[Block]) -> Iterator[str]:
    """What becomes tokens, without the images."""
    for message in messages:
        yield message["content"]
        yield message.get("thinking") or ""
        for call in message.get("tool_calls") or ():
            yield orjson.dumps(call["function"]).decode()
    if tools:
        yield orjson.dumps(tools).decode()
