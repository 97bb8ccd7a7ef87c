"""What is changed in a call that the vendor refused with a 400, so that it can be tried once more.

Nothing is remembered: one client's request must not change another's. Nothing that the client relies upon is taken out:
no tool, schema, choice or content.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

import orjson

from providers.gemini.contents import place_placeholders
from providers.gemini.hosts import TIER_HEADER
from providers.gemini.models import Model
from providers.gemini.server_history import SERVER_PARTS
from providers.gemini.signatures import PLACEHOLDER
from proxy.provider.contract import Call
from proxy.provider.conversions import Conversion, approximated, dropped, ignored
from proxy.provider.errors import ProviderError

UNTAKEN: Final = "the provider does not take it for the model"
_TIER: Final = re.compile(r"service_?tier|request[_-]?type|\bflex\b|\bpriority\b", re.IGNORECASE)

Body: TypeAlias = dict[str, Any]
Amendment: TypeAlias = Callable[[Body, Model], list[Conversion]]
"""Changes the body, and says what that lost; nothing: there is nothing in it to be changed."""


def amended(call: Call, error: ProviderError, model: Model) -> tuple[Call, Sequence[Conversion]] | None:
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
        if pattern.search(said) and (conversions := amendment(body, model)):
            return replace(call, body=orjson.dumps(body)), conversions
    if TIER_HEADER in call.headers and _TIER.search(said):
        headers = {name: value for name, value in call.headers.items() if name != TIER_HEADER}
        return replace(call, headers=headers), [dropped("service_tier", UNTAKEN)]
    return None


def _with_placeholders(body: Body, model: Model) -> list[Conversion]:
    """Placeholders on all steps: the vendor looked farther back than it says."""
    if not model.placeholder or not place_placeholders(_contents(body), everywhere=True):
        return []
    return [approximated("input", "the provider misses signatures of earlier calls: placeholders stand for them")]


def _without_signatures(body: Body, model: Model) -> list[Conversion]:
    found = False
    for content in _contents(body):
        for part in content["parts"]:
            if part.get("thoughtSignature", PLACEHOLDER) != PLACEHOLDER:
                del part["thoughtSignature"]
                found = True
        if content["role"] == "model":
            content["parts"] = [part for part in content["parts"] if part.get("text") != ""]
    if not found:
        return []
    if model.placeholder:
        place_placeholders(_contents(body))
    return [dropped("input", "the provider refused the signatures of its earlier reasoning")]


def _contents(body: Body) -> list[Body]:
    """The contents that have parts, as those of this provider do."""
    contents = body.get("contents")
    return [
        content
        for content in (contents if isinstance(contents, list) else ())
        if isinstance(content, dict) and isinstance(content.get("parts"), list)
    ]


def _without(**paths: str) -> Amendment:
    """Takes members out of `generationConfig`; the paths of those that were there are told."""

    def amendment(body: Body, model: Model) -> list[Conversion]:
        config = body.get("generationConfig")
        there = [member for member in paths if member in config] if isinstance(config, dict) else []
        if not isinstance(config, dict) or not there:
            return []
        for member in there:
            del config[member]
        if not config:
            del body["generationConfig"]
        told = {paths[member]: None for member in there}
        return [dropped(path, UNTAKEN) for path in told]

    return amendment


def _without_logprobs(body: Body, model: Model) -> list[Conversion]:
    # Whoever asked for alternatives need not have asked for them by `include` as well.
    return _without(logprobs="top_logprobs", responseLogprobs="include")(body, model)[:1]


def _without_service_tier(body: Body, model: Model) -> list[Conversion]:
    if body.pop("serviceTier", None) is None:
        return []
    return [dropped("service_tier", UNTAKEN)]


def _without_validation(body: Body, model: Model) -> list[Conversion]:
    config = body.get("toolConfig")
    calling = config.get("functionCallingConfig") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(calling, dict) or calling.get("mode") != "VALIDATED":
        return []
    del config["functionCallingConfig"]
    if not config:
        del body["toolConfig"]
    return [approximated("tools.strict", "the provider does not enforce these schemas for the model", contract=True)]


def _without_resolutions(body: Body, model: Model) -> list[Conversion]:
    parts = [part for content in _contents(body) for part in content["parts"]]
    found = [part.pop("mediaResolution") for part in _with_results(parts) if "mediaResolution" in part]
    return [ignored("input.content.detail", "the provider does not take it for the model")] if found else []


def _without_image_settings(body: Body, model: Model) -> list[Conversion]:
    config = body.get("generationConfig")
    if not isinstance(config, dict) or config.pop("imageConfig", None) is None:
        return []
    return [dropped("tools.size", "the provider does not take it for the model")]


def _without_server_parts(body: Body, model: Model) -> list[Conversion]:
    """What the vendor's own tools did in earlier turns; the tools themselves stay."""
    found = False
    for content in _contents(body):
        kept = [part for part in content["parts"] if part.keys().isdisjoint(SERVER_PARTS)]
        # A content without a part is none, and one that is left out would divide a turn.
        if kept and len(kept) < len(content["parts"]):
            content["parts"], found = kept, True
    return [dropped("input", "the provider refused what its own tools did in earlier turns")] if found else []


def _with_results(parts: list[Body]) -> list[Body]:
    """The parts, and those inside function responses."""
    inside = [part.get("functionResponse", {}).get("parts", ()) for part in parts]
    return [*parts, *(each for some in inside for each in some)]


def _without_ids(body: Body, model: Model) -> list[Conversion]:
    found = False
    for content in _contents(body):
        for part in content["parts"]:
            for member in ("functionCall", "functionResponse"):
                found |= part.get(member, {}).pop("id", None) is not None
    return [approximated("input", "the provider takes no ids of calls: they are told by their order")] if found else []


AMENDMENTS: Final[tuple[tuple[re.Pattern[str], Amendment], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), amendment)
    for pattern, amendment in (
        (r"missing (?:a )?`?thought[ _]?signature", _with_placeholders),
        (r"thought[ _]?signature", _without_signatures),
        (r"unknown name \"id\".{0,80}function_?(?:call|response)", _without_ids),
        (r"logprobs", _without_logprobs),
        (r"presence_?penalty", _without(presencePenalty="presence_penalty")),
        (r"frequency_?penalty", _without(frequencyPenalty="frequency_penalty")),
        (r"penalty", _without(presencePenalty="presence_penalty", frequencyPenalty="frequency_penalty")),
        (r"thinking|include_?thoughts", _without(thinkingConfig="reasoning")),
        (r"media_?resolution", _without_resolutions),
        (r"image_?config|aspect_?ratio", _without_image_settings),
        (r"executable_?code|code_?execution_?result|tool_?(?:call|response)s?\b", _without_server_parts),
        (r"service_?tier", _without_service_tier),
        (r"too many states|\bVALIDATED\b|function_?calling_?config\.mode", _without_validation),
        (r"\btemperature\b", _without(temperature="temperature")),
        (r"\btop_?p\b", _without(topP="top_p")),
    )
)
"""What the vendor says, and what is done about it; the first that fits and changes something."""
