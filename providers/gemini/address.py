"""Where requests go: the base of the API, and the paths of its methods.

Source: the Gemini API reference (v1beta); on Vertex AI what stands before the models' names is longer.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from proxy.provider.conversions import refuse

BASE_URL: Final = "https://generativelanguage.googleapis.com/v1beta"
DEFAULT_VERSION: Final = "v1beta"
MODELS_PATH: Final = "/models?pageSize=1000"

_VERSION = re.compile(r"/v\d+((alpha|beta)\d*)?$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~@+-]{0,255}")


def joined_base(url: str) -> str:
    """The base URL without a trailing slash, and with `/v1beta` where it names no version of the API.

    Raises ValueError for what cannot be a base.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError("has to begin with http:// or https://")
    if "?" in url or "#" in url:
        raise ValueError("has no query: the key is `api_key`")
    base = url.rstrip("/")
    if base.endswith("/openai"):
        raise ValueError("leads to the vendor's imitation of OpenAI's API: leave `/openai` away")
    return base if _VERSION.search(base) else f"{base}/{DEFAULT_VERSION}"


def host_of(url: str) -> str:
    """The host of an address, in lower case; empty for what is no address."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def bare_name(model: str) -> str:
    """The model's id without the `models/` that the vendor writes in front of it, with whoever published it or not."""
    return model.removeprefix("publishers/google/").removeprefix("models/")


def method_path(models: str, model: str, *, stream: bool) -> str:
    """The path of the method that generates content; `models` is the path of the host's models. Raises RefusedError for
    a model id that would lead elsewhere."""
    path = f"{models}/{_name(model)}"
    return f"{path}:streamGenerateContent?alt=sse" if stream else f"{path}:generateContent"


def count_path(models: str, model: str) -> str:
    """The path of the method that counts tokens. Raises RefusedError as `method_path` does."""
    return f"{models}/{_name(model)}:countTokens"


def model_of(path: str) -> str:
    """The model that a path of these names."""
    return path.rpartition("/models/")[2].partition(":")[0]


def _name(model: str) -> str:
    name = bare_name(model)
    if not _NAME.fullmatch(name) or ".." in name:
        refuse("model", "The model's id has characters that no id of the vendor has.", value=True)
    return name
