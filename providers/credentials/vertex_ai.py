"""Vertex AI: where its models are, whoever made them, and the lists of them.

Source: the endpoints of google-genai 3.4 and the reference of `publishers.models`.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

import orjson

from proxy.provider.contract import HttpAnswer
from proxy.provider.errors import ProviderError

VERSION: Final = "v1"

MULTI_REGIONS: Final = frozenset({"eu", "us"})
"""Locations that are several regions, under a domain of their own."""

MAX_PAGES: Final = 20
"""How many pages of models are read."""

_VERSION = re.compile(r"/v\d+((alpha|beta)\d*)?$")


def endpoint(location: str) -> str:
    """The address of a location, with the API's version. "" and `global` are no region."""
    if location in ("", "global"):
        host = "aiplatform.googleapis.com"
    elif location in MULTI_REGIONS:
        host = f"aiplatform.{location}.rep.googleapis.com"
    else:
        host = f"{location}-aiplatform.googleapis.com"
    return f"https://{host}/{VERSION}"


def versioned(base_url: str) -> str:
    """A configured address without a trailing slash, and with the API's version where it names none."""
    base = base_url.rstrip("/")
    return base if _VERSION.search(base) else f"{base}/{VERSION}"


def models_path(publisher: str, project: str = "", location: str = "") -> str:
    """The path of a publisher's models, behind the address: in a project, or in none (an API key names its own)."""
    place = f"/projects/{quote(project, safe=':')}/locations/{quote(location, safe='')}" if project else ""
    return f"{place}/publishers/{publisher}/models"


async def listed_models(
    base_url: str,
    publisher: str,
    get: Callable[[str], Awaitable[HttpAnswer]],
    error: Callable[[HttpAnswer], ProviderError],
) -> list[str]:
    """The ids of a publisher's models, all pages; none where the address has no such list. `get` asks for a URL,
    `error` reads the answers that are none. Raises ProviderError."""
    # Only the beta lists what publishers offer.
    url = f"{_VERSION.sub('', base_url)}/v1beta1{models_path(publisher)}?pageSize=1000"
    names: dict[str, None] = {}
    following = ""
    for _ in range(MAX_PAGES):
        answer = await get(url + following)
        if answer.status == 404 and not names:
            return []
        if answer.status != 200:
            raise error(answer)
        try:
            page = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            raise ProviderError("vendor_failure", "The provider's list of models is not JSON.") from None
        page = page if isinstance(page, dict) else {}
        models = page.get("publisherModels")
        for model in models if isinstance(models, list) else ():
            name = model.get("name") if isinstance(model, dict) else None
            if isinstance(name, str) and (plain := name.rpartition("/")[2]):
                names[plain] = None
        token = page.get("nextPageToken")
        if not isinstance(token, str) or not token:
            break
        following = f"&pageToken={quote(token, safe='')}"
    return list(names)
