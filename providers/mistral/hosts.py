"""Where Mistral's models are served, and what each place does otherwise than the vendor's own, as one row of data.

Source: mistralai 3.7 (the Azure and Google Cloud clients have request types of their own), pydantic-ai #6593.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from urllib.parse import quote

HostName: TypeAlias = Literal["mistral", "azure", "vertex", "self_hosted"]


@dataclass(frozen=True, slots=True)
class Host:
    """One place.

    * `columns`: what differs from the shipped row of Chat Completions at Mistral.
    * `model_in_path`: the model stands in the address, and in the body without its version.
    * `usual_limit`: the output limit of a request that names none, where the place wants one.
    * `untaken`: options of the settings that the place does not take.
    * `lists_models`, `counts`: it has `GET /models`, and a counter of a request's tokens.
    * `price_catalogue`: as `Provider.price_catalogue`.
    """

    columns: Mapping[str, object] = field(default_factory=dict)
    model_in_path: bool = False
    usual_limit: int | None = None
    untaken: frozenset[str] = frozenset()
    lists_models: bool = True
    counts: bool = False
    price_catalogue: str | None = None


_IN_CLOUDS: Final[Mapping[str, object]] = {
    "pdf": False,
    "file_urls": False,
    "optional": (
        "frequency_penalty",
        "logprobs",
        "parallel_tool_calls",
        "presence_penalty",
        "temperature",
        "top_p",
    ),
    "service_tiers": {},
}
"""What both clouds do otherwise: no documents, no `prompt_cache_key`, no `service_tier`."""

HOSTS: Final[Mapping[HostName, Host]] = {
    "mistral": Host(counts=True, price_catalogue="mistral"),
    "azure": Host(columns=_IN_CLOUDS, usual_limit=4096),
    "vertex": Host(
        columns=_IN_CLOUDS,
        model_in_path=True,
        untaken=frozenset({"safe_prompt"}),
        lists_models=False,
    ),
    # The vendor's own parser of requests for weights takes audio as OpenAI has it.
    "self_hosted": Host(columns={"plain_audio": False}),
}


def vertex_base(project: str, location: str) -> str:
    """The address of Mistral's models in a project of Google Cloud."""
    host = "aiplatform.googleapis.com" if location == "global" else f"{location}-aiplatform.googleapis.com"
    place = f"projects/{quote(project, safe=':')}/locations/{quote(location, safe='')}"
    return f"https://{host}/v1/{place}/publishers/mistralai/models"


def predict_path(model: str, *, stream: bool) -> str:
    """The path of a call at Vertex AI, behind `vertex_base`."""
    return f"/{quote(model, safe='@')}:{'streamRawPredict' if stream else 'rawPredict'}"
