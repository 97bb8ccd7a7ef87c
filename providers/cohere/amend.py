"""What is changed in a call that the vendor refused because the model does not have a setting, so that it can be tried
once more. Which models have which is known for some of them only."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import orjson

from providers.cohere.reading import mapping
from proxy.provider.contract import Call
from proxy.provider.conversions import Conversion, dropped
from proxy.provider.errors import ProviderError

REASON: Final = "the provider does not take it for the model"

SETTINGS: Final[Mapping[str, Conversion]] = {
    "thinking": dropped("reasoning.effort", REASON),
    "strict_tools": dropped("tools.strict", REASON),
    "tool_choice": dropped("tool_choice", REASON),
    "logprobs": dropped("top_logprobs", REASON),
    "priority": dropped("service_tier", REASON),
}
"""Members of the body that an answer can do without, and what is lost without them."""

_UNSUPPORTED = re.compile(
    r"not (?:yet )?(?:supported|compatible|available|allowed)|unsupported|does not support", re.IGNORECASE
)


def amended(call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
    """The call without the settings that the refusal names, and what that lost."""
    if error.error_class != "bad_request" or not _UNSUPPORTED.search(error.message):
        return None
    body = mapping(orjson.loads(call.body))
    named = [name for name in SETTINGS if name in body and re.search(rf"\b{name}\b", error.message)]
    if not named:
        return None
    rest = {name: value for name, value in body.items() if name not in named}
    return replace(call, body=orjson.dumps(rest)), [SETTINGS[name] for name in named]
