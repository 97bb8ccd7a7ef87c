"""One element of LiteLLM's `model_list`: the provider entry that reaches it, and what is known of its model."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from config.litellm.vendors import Named, named

Note = Callable[[str], None]

_VARIABLE: Final = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")

MILLION: Final = 1_000_000
PLACES: Final = Decimal("0.000001")
"""How exactly a price is written: six decimals of a USD for a million tokens."""

_PRICES: Final[Mapping[str, str]] = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "input_audio",
    "output_cost_per_audio_token": "output_audio",
}
_WINDOWS: Final[Mapping[str, str]] = {
    "max_input_tokens": "context_window",
    "max_output_tokens": "max_output_tokens",
}
_ABILITIES: Final[Mapping[str, str]] = {
    "supports_vision": "images",
    "supports_function_calling": "tools",
    "supports_response_schema": "json_schema",
}
_TIMEOUTS: Final[Mapping[str, str]] = {"timeout": "total", "stream_timeout": "first_byte"}

_READ: Final = frozenset(
    {"model", "api_key", "api_base", "base_url", "custom_llm_provider", "weight", "order", "rpm", "tpm"}
    | {"max_parallel_requests", "extra_headers", "extra_body", "drop_params", "api_version", *_TIMEOUTS, *_PRICES}
)
_DEFAULTS: Final = frozenset(
    {"temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "stop", "reasoning_effort", "thinking"}
)
"""Parameters of requests, which LiteLLM adds to those that do not have them."""

_CHAT_MODES: Final = ("chat", "responses", "completion")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model at a vendor. `entry` reaches it, without the models that are known of it; `known` is what is known of
    this one; `weight` and `order` are LiteLLM's."""

    group: str
    prefix: str
    model: str
    entry: Mapping[str, Any]
    known: Mapping[str, Any] = field(default_factory=dict)
    weight: float | None = None
    order: int = 0


def variable(text: str) -> str:
    """LiteLLM's reference to an environment variable as one of ours; any other text as it is."""
    reference = _VARIABLE.fullmatch(text.strip())
    return f"${{{reference[1]}}}" if reference else text.replace("${", "$${")


def text_of(value: object) -> str | None:
    """A setting that is text; None where it is not there."""
    return variable(str(value)) if value is not None and value != "" else None


def deployment(written: Mapping[str, Any], note: Note) -> Deployment | None:
    """What an element stands for; None, with a note, for one that nothing here can do."""
    group, params = written.get("model_name"), written.get("litellm_params")
    if not isinstance(group, str) or not isinstance(params, dict) or not isinstance(params.get("model"), str):
        note("left out: it has no model_name, or no litellm_params.model")
        return None
    info = written.get("model_info") or {}
    mode = info.get("mode")
    if mode is not None and mode not in _CHAT_MODES:
        note(f"left out: the Responses API does not serve the mode {mode!r}")
        return None
    base = text_of(params.get("api_base") or params.get("base_url"))
    found = named(variable(params["model"]), params.get("custom_llm_provider"), base)
    if found is None:
        note(f"left out: nothing here stands for {params['model']!r}; a server that speaks Chat Completions is reached "
             "with {type: openai_chat, base_url: ...}")  # fmt: skip
        return None
    entry = _entry(found, params, base, note)
    _say_what_is_lost(found, params, note)
    wildcard = "*" in found.model
    known = {} if wildcard else _known(params, info, note)
    if wildcard and _known(params, info, lambda _: None):
        note("prices and abilities of all models at once are left out: write them under the models they hold for")
    weight = next((params[name] for name in ("weight", "rpm", "tpm") if _is_number(params.get(name))), None)
    order = params.get("order")
    return Deployment(group, found.prefix, found.model, entry, known, weight, order if isinstance(order, int) else 0)


def _entry(found: Named, params: Mapping[str, Any], base: str | None, note: Note) -> dict[str, Any]:
    vendor = found.vendor
    entry: dict[str, Any] = {"type": vendor.type}
    if base is not None or vendor.base_url is not None:
        entry["base_url"] = base or vendor.base_url
    carried = {
        ours: text for theirs, ours in vendor.carried.items() if (text := text_of(params.get(theirs))) is not None
    }
    by_identity = any(name.startswith(("entra.", "aws.")) for name in carried)
    if (key := text_of(params.get("api_key"))) is not None:
        entry["api_key"] = key
    elif vendor.key is not None and not by_identity:
        entry["api_key"] = f"${{{vendor.key}}}"
    entry |= vendor.options
    for name, value in carried.items():
        if name == "google.credentials_file" and value.lstrip().startswith("{"):
            note("vertex_credentials is a key itself: write it into a file, and name that as google.credentials_file")
            continue
        place, _, member = name.rpartition(".")
        (entry.setdefault(place, {}) if place else entry)[member] = value
    timeout = {ours: params[theirs] for theirs, ours in _TIMEOUTS.items() if _is_number(params.get(theirs))}
    if timeout:
        entry["timeout"] = timeout
    if isinstance(params.get("max_parallel_requests"), int):
        entry["concurrency"] = params["max_parallel_requests"]
    if isinstance(params.get("extra_body"), dict) and vendor.type != "anthropic":
        entry["extra_body"] = params["extra_body"]
    if isinstance(params.get("extra_headers"), dict):
        if vendor.type in ("responses", "azure"):
            entry["headers"] = {name: variable(str(value)) for name, value in params["extra_headers"].items()}
        else:
            note("extra_headers are left out: this type of provider sends none of the operator's")
    return entry


def _say_what_is_lost(found: Named, params: Mapping[str, Any], note: Note) -> None:
    defaults = sorted(_DEFAULTS & params.keys())
    if defaults:
        note(f"{', '.join(defaults)}: requests say it themselves, or a prompt template does")
    if "api_version" in params and found.vendor.type == "azure":
        note("api_version is left out: the v1 API of Azure has none")
    if params.get("drop_params") is False:
        note("drop_params: false: give strict clients `strict: true`")
    others = sorted(params.keys() - _READ - _DEFAULTS - found.vendor.carried.keys())
    if others:
        note(f"{', '.join(others)}: left out, they have no counterpart")


def _known(params: Mapping[str, Any], info: Mapping[str, Any], note: Note) -> dict[str, Any]:
    """What is known of the model: its price, its window, what it cannot do, and which model it is."""
    known: dict[str, Any] = {}
    both = {**info, **params}
    prices = {ours: price for theirs, ours in _PRICES.items() if (price := _price(both.get(theirs))) is not None}
    if {"input", "output"} <= prices.keys():
        known["price"] = prices
    elif prices:
        note("its price is left out: one of input and output is missing")
    abilities: dict[str, Any] = {
        ours: info[theirs] for theirs, ours in _WINDOWS.items() if isinstance(info.get(theirs), int) and info[theirs]
    }
    abilities |= {ours: False for theirs, ours in _ABILITIES.items() if info.get(theirs) is False}
    if abilities:
        known["capabilities"] = abilities
    if isinstance(info.get("base_model"), str):
        known["base_model"] = info["base_model"].rpartition("/")[2]
    return known


def _price(value: object) -> float | None:
    """USD for a million tokens, from USD for one; None for what is no price."""
    if value is None or isinstance(value, bool):
        return None
    try:
        price = (Decimal(str(value)) * MILLION).quantize(PLACES)
    except InvalidOperation:
        return None
    return float(price) if price >= 0 else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
