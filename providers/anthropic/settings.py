"""The configuration entry of an Anthropic provider."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from providers.anthropic.models import Models
from proxy.provider.secret import Secret


class AnthropicSettings(BaseModel):
    """Options of a provider of type `anthropic`.

    `base_url`: the address of the API, with or without a trailing `/v1`. `api_version`: pins `anthropic-version`; None
    sends the newest version, and the older one where the request carries a sampling parameter that the model takes.
    `auto_cache`: lets the vendor cache each request's prefix. `max_image_bytes`: the longest base64 text of an image.
    `families`: by the beginning of a model's name, what differs from its row in `models.toml`.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    base_url: str = "https://api.anthropic.com"
    api_key: Secret | None = None
    api_version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    auto_cache: bool = False
    max_image_bytes: Annotated[int, Field(gt=0)] = 5 * 2**20
    families: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("families")
    @classmethod
    def _fits(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        Models(value)
        return value
