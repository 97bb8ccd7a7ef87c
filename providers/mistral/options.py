"""Members of a request that the settings ask for, beside those that the client's request becomes."""

from typing import Any

from providers.mistral.hosts import Host
from providers.mistral.models import unversioned
from providers.mistral.settings import MistralSettings
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated


def options(prepared: Prepared, settings: MistralSettings, host: Host) -> dict[str, Any]:
    """The members, in the order of the vendor's documentation. A limit that the client did not name is declared."""
    members: dict[str, Any] = {}
    if host.model_in_path:
        members["model"] = unversioned(prepared.model)
    limit = settings.max_tokens or host.usual_limit
    if limit is not None and prepared.request.max_output_tokens is None:
        members["max_tokens"] = limit
        reason = f"none was given: the answer ends after {limit} tokens"
        prepared.conversions.append(approximated("max_output_tokens", reason))
    if settings.stop:
        members["stop"] = settings.stop
    if settings.random_seed is not None:
        members["random_seed"] = settings.random_seed
    if settings.metadata and prepared.request.metadata:
        members["metadata"] = prepared.request.metadata
    if settings.guardrails:
        members["guardrails"] = settings.guardrails
    if settings.safe_prompt:
        members["safe_prompt"] = True
    return members
