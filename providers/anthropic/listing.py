"""The models that a host offers, by whichever list of them it has.

Source: Anthropic's `GET /v1/models`, the service model of Bedrock's control plane, Vertex AI's `publishers.models`.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias
from urllib.parse import urlencode

import orjson

from providers.anthropic.errors import BASE_URL_HINT, http_error
from providers.anthropic.hosts import VERSION, Endpoint, Listing
from providers.anthropic.lenient import Json, mapping, sequence, text
from providers.anthropic.settings import AnthropicSettings
from providers.credentials import vertex_ai
from proxy.provider.contract import HttpAnswer
from proxy.provider.errors import ProviderError

Get: TypeAlias = Callable[[str, Mapping[str, str]], Awaitable[HttpAnswer]]
"""Asks for a URL, with headers beside those of the credentials."""

List: TypeAlias = Callable[[AnthropicSettings, Endpoint, Get], Awaitable[list[str]]]

MAX_PAGES: Final = 20
"""How many pages are read: 1,000 models each."""

ON_DEMAND: Final = "ON_DEMAND"
"""How a model is called that needs no inference profile."""


async def listed_models(settings: AnthropicSettings, endpoint: Endpoint, get: Get) -> list[str]:
    """The ids of the models, all pages. Raises ProviderError."""
    return await _LISTS[endpoint.host.listing](settings, endpoint, get)


async def _of_messages(settings: AnthropicSettings, endpoint: Endpoint, get: Get) -> list[str]:
    headers = {"anthropic-version": settings.api_version or endpoint.host.version or VERSION}
    names: list[str] = []
    query = {"limit": "1000"}
    for _ in range(MAX_PAGES):
        page = await _page(get, f"{endpoint.base_url}/v1/models?{urlencode(query)}", headers)
        ids = [text(mapping(model).get("id")) for model in sequence(page.get("data"))]
        names.extend(name for name in ids if name)
        last = text(page.get("last_id"))
        if page.get("has_more") is not True or not last:
            break
        query["after_id"] = last
    return names


async def _of_bedrock(settings: AnthropicSettings, endpoint: Endpoint, get: Get) -> list[str]:
    """The models that are called by their own ids, and the inference profiles of Claude."""
    control = settings.base_url.rstrip("/") if settings.base_url else settings.aws_url("bedrock")
    models = await _page(get, f"{control}/foundation-models?byProvider=Anthropic", {})
    names = [
        text(summary.get("modelId"))
        for summary in map(mapping, sequence(models.get("modelSummaries")))
        if ON_DEMAND in sequence(summary.get("inferenceTypesSupported"))
    ]
    query = {"maxResults": "1000"}
    for _ in range(MAX_PAGES):
        try:
            page = await _page(get, f"{control}/inference-profiles?{urlencode(query)}", {})
        except ProviderError as error:
            # Another right than that to list models.
            if names and error.error_class == "forbidden":
                break
            raise
        profiles = map(mapping, sequence(page.get("inferenceProfileSummaries")))
        ids = [text(profile.get("inferenceProfileId")) for profile in profiles]
        names += [name for name in ids if ".anthropic." in name]
        query["nextToken"] = text(page.get("nextToken"))
        if not query["nextToken"]:
            break
    return [name for name in dict.fromkeys(names) if name]


async def _of_vertex(settings: AnthropicSettings, endpoint: Endpoint, get: Get) -> list[str]:
    def error(answer: HttpAnswer) -> ProviderError:
        return http_error(answer.status, answer.headers, answer.body)

    return await vertex_ai.listed_models(endpoint.base_url, "anthropic", lambda url: get(url, {}), error)


async def _none(settings: AnthropicSettings, endpoint: Endpoint, get: Get) -> list[str]:
    return []


_LISTS: Final[Mapping[Listing, List]] = {
    "messages": _of_messages,
    "bedrock": _of_bedrock,
    "vertex": _of_vertex,
    "none": _none,
}


async def _page(get: Get, url: str, headers: Mapping[str, str]) -> Json:
    answer = await get(url, headers)
    if answer.status != 200:
        raise http_error(answer.status, answer.headers, answer.body)
    try:
        return mapping(orjson.loads(answer.body))
    except orjson.JSONDecodeError:
        raise ProviderError("vendor_failure", f"The provider's list of models is not JSON. {BASE_URL_HINT}") from None
