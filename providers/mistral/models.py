"""Mistral's models: their families, and what the vendor's own list says of them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_VERSION: Final = re.compile(r"(@.*|-latest|-\d[\d.-]*)$")

#: What the list calls our capabilities.
_TOLD: Final[Mapping[str, str]] = {
    "vision": "images",
    "audio": "audio",
    "function_calling": "tools",
    "reasoning": "reasoning",
}


def unversioned(model: str) -> str:
    """The model's name as it stands in the body of a call that has the version in its address."""
    return model.partition("@")[0]


def family_of(model: str) -> str:
    """What all versions of a model are called: `mistral-medium` of `mistral-medium-latest` and `mistral-medium-3-5`.
    Reasoning goes from one version to another."""
    return _VERSION.sub("", unversioned(model)) or model


def listed(value: object) -> dict[str, dict[str, Any]]:
    """The chat models of `GET /models` by their ids, each with the members of `Capabilities` that the list tells.

    A model that is said not to chat (embeddings, OCR) is left out. Anything that cannot be read counts as absent.
    """
    found: dict[str, dict[str, Any]] = {}
    for entry in _entries(value):
        model, able = entry.get("id"), entry.get("capabilities")
        if not isinstance(model, str) or not model:
            continue
        abilities = able if isinstance(able, dict) else {}
        if abilities.get("completion_chat") is False:
            continue
        told: dict[str, Any] = {
            ours: abilities[its] for its, ours in _TOLD.items() if isinstance(abilities.get(its), bool)
        }
        length = entry.get("max_context_length")
        if type(length) is int and 0 < length < 2**53:
            told["context_window"] = length
        found[model] = told
    return found


def _entries(value: object) -> Sequence[Mapping[str, Any]]:
    """The objects of `{data: [...]}`, or of a bare list."""
    data = value.get("data") if isinstance(value, dict) else value
    return [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
