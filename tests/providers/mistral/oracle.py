"""The vendor's own types of requests, of its client library: what they do not hold is no request."""

from collections.abc import Mapping
from typing import Any, Final

from mistralai.azure.client.models import ChatCompletionRequest as AzureRequest
from mistralai.azure.client.models import ChatCompletionStreamRequest as AzureStreamRequest
from mistralai.client.models import (
    ChatCompletionRequest,
    ChatCompletionStreamRequest,
    CountResponseInputTokensRequest,
)
from mistralai.gcp.client.models import ChatCompletionRequest as CloudRequest
from mistralai.gcp.client.models import ChatCompletionStreamRequest as CloudStreamRequest
from pydantic import BaseModel

_REQUESTS: Final[Mapping[tuple[str, bool], type[BaseModel]]] = {
    ("mistral", False): ChatCompletionRequest,
    ("mistral", True): ChatCompletionStreamRequest,
    ("azure", False): AzureRequest,
    ("azure", True): AzureStreamRequest,
    ("vertex", False): CloudRequest,
    ("vertex", True): CloudStreamRequest,
}


def unknown_to_the_sdk(body: Mapping[str, Any], place: str = "mistral") -> list[str]:
    """The places of the body that the types of its place do not hold. Raises ValidationError for what does not fit."""
    model = _REQUESTS[place, bool(body.get("stream"))]
    return [*_missing(dict(body), _dumped(model.model_validate(body)), "")]


def unknown_to_the_counter(body: Mapping[str, Any]) -> list[str]:
    """The same for a request to the counter. Its types take what they do not know, so only their members count."""
    request = CountResponseInputTokensRequest.model_validate(body)
    extra = [f".{name}" for name in request.additional_properties or {}]
    return [*extra, *_missing(dict(body), _dumped(request), "")]


def _dumped(model: BaseModel) -> Any:
    return model.model_dump(mode="json", by_alias=True)


def _missing(given: Any, held: Any, place: str) -> list[str]:
    """Where `held` has not what `given` has; what it has besides are defaults."""
    if isinstance(given, dict):
        if not isinstance(held, dict):
            return [place]
        return [found for name, value in given.items() for found in _missing(value, held.get(name), f"{place}.{name}")]
    if isinstance(given, list):
        if not isinstance(held, list) or len(held) != len(given):
            return [place]
        pairs = enumerate(zip(given, held, strict=True))
        return [found for index, (ours, its) in pairs for found in _missing(ours, its, f"{place}[{index}]")]
    return [] if given == held else [place]
