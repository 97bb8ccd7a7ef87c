"""The configuration entry of a Gemini provider."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator

from providers.gemini.address import BASE_URL, joined_base
from providers.gemini.models import model_families
from proxy.provider.secret import Secret

MidSystem: TypeAlias = Literal["tag", "hoist"]


class SafetySetting(BaseModel):
    """From which probability of harm on the vendor blocks one category of content, in the vendor's own words."""

    model_config = ConfigDict(extra="forbid")

    category: str
    threshold: str


class GeminiSettings(BaseModel):
    """Options of a provider of type `gemini`.

    `base_url`: the address of the API; without a version at its end, `/v1beta` is appended. `safety_settings` go into
    every request. `mid_system`: what becomes of system messages inside the conversation, which the vendor has no role
    for: tagged text of the user at their place, or hoisted into the system instruction. `max_request_bytes`: the
    longest body that is sent; the vendor takes 20 MB of inline data. `file_search_stores`: ids of vector stores, and
    the vendor's names of the stores that a file search is to look into for them. `families`: prefixes of model names,
    with what differs from the shipped row. `extra_body` is merged into every request last, its `generationConfig` by
    member.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    base_url: str = BASE_URL
    api_key: Secret | None = None
    safety_settings: list[SafetySetting] = Field(default_factory=list)
    mid_system: MidSystem = "tag"
    max_request_bytes: Annotated[int, Field(gt=0)] = 20 * 2**20
    file_search_stores: dict[str, str] = Field(default_factory=dict)
    families: dict[str, dict[str, Any]] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def _with_version(cls, value: str) -> str:
        return joined_base(value)

    @field_validator("families")
    @classmethod
    def _fits_the_rows(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        model_families(value)
        return value
