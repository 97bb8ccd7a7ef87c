"""The models of a region, from the lists of Bedrock's control plane.

Most models are called through an inference profile alone: their own ids are left out, those of the profiles stand in
their place.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeAlias
from urllib.parse import urlencode

import orjson

from providers.anthropic.lenient import Json, mapping, sequence, text
from providers.bedrock.errors import http_error
from proxy.provider.contract import HttpAnswer
from proxy.provider.errors import ProviderError

MAX_PAGES: Final = 20
"""How many pages of profiles are read: 1,000 profiles each."""

FOUNDATION_MODELS: Final = "/foundation-models"
PROFILES: Final = "/inference-profiles"
PAGE_SIZE: Final = 1_000

Get: TypeAlias = Callable[[str], Awaitable[HttpAnswer]]
"""Asks the control plane for a path with its query."""


async def listed_models(get: Get) -> list[str]:
    """The ids of models and of profiles. Raises ProviderError; without the right to list profiles, only the models."""
    names = list(_callable_ids(await _page(get, FOUNDATION_MODELS)))
    token = ""
    for _ in range(MAX_PAGES):
        query = urlencode({"maxResults": PAGE_SIZE, **({"nextToken": token} if token else {})})
        try:
            page = await _page(get, f"{PROFILES}?{query}")
        except ProviderError as error:
            if names and error.error_class == "forbidden":
                break
            raise
        profiles = map(mapping, sequence(page.get("inferenceProfileSummaries")))
        names += [text(profile.get("inferenceProfileId")) for profile in profiles]
        token = text(page.get("nextToken"))
        if not token:
            break
    return [name for name in dict.fromkeys(names) if name]


def _callable_ids(page: Json) -> Iterator[str]:
    for summary in map(mapping, sequence(page.get("modelSummaries"))):
        outputs, ways = summary.get("outputModalities"), summary.get("inferenceTypesSupported")
        writes = not isinstance(outputs, list) or "TEXT" in outputs
        if writes and (not isinstance(ways, list) or "ON_DEMAND" in ways):
            yield text(summary.get("modelId"))


async def _page(get: Get, path: str) -> Json:
    answer = await get(path)
    if answer.status != 200:
        raise http_error(answer.status, answer.headers, answer.body)
    try:
        return mapping(orjson.loads(answer.body))
    except orjson.JSONDecodeError:
        raise ProviderError("vendor_failure", "The provider's list of models is not JSON.") from None
