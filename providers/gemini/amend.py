"""What is changed in a call that the vendor refused with a 400, so that it can be tried once more.

Nothing is remembered: one client's request must not change another's. Nothing that the client relies upon is taken out:
no tool, schema, choice or content.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeAlias

import orjson

from providers.gemini.contents import place_placeholders
from providers.gemini.models import Model
from providers.gemini.signatures import PLACEHOLDER
from proxy.provider.contract import Call
from proxy.provider.conversions import Conversion, approximated, dropped, ignored
from proxy.provider.errors import ProviderError

Body: TypeAlias = dict[str, Any]
Amendment: TypeAlias = Callable[[Body, Model], Conversion | None]
"""Changes the body; None: there is nothing in it to be changed."""


def amended(call: Call, error: ProviderError, model: Model) -> tuple[Call, Conversion] | None:
    """The changed call and what the change lost."""
    if error.error_class != "bad_request" or error.vendor_status != 400:
        return None
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict):
        return None
    said = f"{error.message} {error.vendor_param or ''}"
    for pattern, amendment in AMENDMENTS:
        if pattern.search(said) and (conversion := amendment(body, model)) is not None:
            return replace(call, body=orjson.dumps(body)), conversion
    return None


def _with_placeholders(body: Body, model: Model) -> Conversion | None:
    """Placeholders on all steps: the vendor looked farther back than it says."""
    if not model.placeholder or not place_placeholders(_contents(body), everywhere=True):
        return None
    return approximated("input", "the provider misses signatures of earlier calls: placeholders stand for them")


def _without_signatures(body: Body, model: Model) -> Conversion | None:
    found = False
    for content in _contents(body):
        for part in content["parts"]:
            if part.get("thoughtSignature", PLACEHOLDER) != PLACEHOLDER:
                del part["thoughtSignature"]
                found = True
        if content["role"] == "model":
            content["parts"] = [part for part in content["parts"] if part.get("text") != ""]
    if not found:
        return None
    if model.placeholder:
        place_placeholders(_contents(body))
    return dropped("input", "the provider refused the signatures of its earlier reasoning")


def _contents(body: Body) -> list[Body]:
    """The contents that have parts, as those of this provider do."""
    contents = body.get("contents")
    return [
        content
        for content in (contents if isinstance(contents, list) else ())
        if isinstance(content, dict) and isinstance(content.get("parts"), list)
    ]


def _without(*members: str, path: str) -> Amendment:
    """Takes members out of `generationConfig`."""

    def amendment(body: Body, model: Model) -> Conversion | None:
        config = body.get("generationConfig")
        if not isinstance(config, dict) or config.keys().isdisjoint(members):
            return None
        for member in members:
            config.pop(member, None)
        if not config:
            del body["generationConfig"]
        return dropped(path, "the provider does not take it for the model")

    return amendment


def _without_service_tier(body: Body, model: Model) -> Conversion | None:
    if body.pop("serviceTier", None) is None:
        return None
    return dropped("service_tier", "the provider does not take it for the model")


def _without_validation(body: Body, model: Model) -> Conversion | None:
    config = body.get("toolConfig")
    calling = config.get("functionCallingConfig") if isinstance(config, dict) else None
    if not isinstance(calling, dict) or calling.get("mode") != "VALIDATED":
        return None
    del body["toolConfig"]
    return approximated("tools.strict", "the provider does not enforce these schemas for the model", contract=True)


def _without_resolutions(body: Body, model: Model) -> Conversion | None:
    parts = [part for content in _contents(body) for part in content["parts"]]
    found = [part.pop("mediaResolution") for part in _with_results(parts) if "mediaResolution" in part]
    return ignored("input.content.detail", "the provider does not take it for the model") if found else None


def _with_results(parts: list[Body]) -> list[Body]:
    """The parts, and those inside function responses."""
    inside = [part.get("functionResponse", {}).get("parts", ()) for part in parts]
    return [*parts, *(each for some in inside for each in some)]


def _without_ids(body: Body, model: Model) -> Conversion | None:
    found = False
    for content in _contents(body):
        for part in content["parts"]:
            for member in ("functionCall", "functionResponse"):
                found |= part.get(member, {}).pop("id", None) is not None
    return approximated("input", "the provider takes no ids of calls: they are told by their order") if found else None


AMENDMENTS: Final[tuple[tuple[re.Pattern[str], Amendment], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), amendment)
    for pattern, amendment in (
        (r"missing (?:a )?`?thought[ _]?signature", _with_placeholders),
        (r"thought[ _]?signature", _without_signatures),
        (r"unknown name \"id\".{0,80}function_?(?:call|response)", _without_ids),
        (r"logprobs", _without("responseLogprobs", "logprobs", path="top_logprobs")),
        (r"penalty", _without("presencePenalty", "frequencyPenalty", path="presence_penalty")),
        (r"thinking|include_?thoughts", _without("thinkingConfig", path="reasoning")),
        (r"media_?resolution", _without_resolutions),
        (r"service_?tier", _without_service_tier),
        (r"too many states|\bVALIDATED\b|function_?calling_?config\.mode", _without_validation),
        (r"\btemperature\b", _without("temperature", path="temperature")),
        (r"\btop_?p\b", _without("topP", path="top_p")),
    )
)
"""What the vendor says, and what is done about it; the first that fits and changes something."""
