"""The configuration entry of an Azure OpenAI or Foundry resource."""

import re
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from providers.credentials.azure import AzureAccess
from proxy.provider.secret import Secret

PROJECT: Final = re.compile(r"/api/projects/[^/]+")
SERVERLESS: Final = ".models.ai.azure.com"

SCOPE: Final = "https://cognitiveservices.azure.com/.default"
PROJECT_SCOPE: Final = "https://ai.azure.com/.default"
"""What a token is asked for: projects of Foundry are another audience."""


class AzureSettings(BaseModel):
    """One resource, whose models are deployments.

    `base_url`: the resource's address, `https://NAME.openai.azure.com`, `https://NAME.services.ai.azure.com` or that of
    a project in it; the path of the API is added. `api_key`, or `entra` for tokens of Entra ID (without settings of its
    own: whatever the machine has). `api`: `responses` for OpenAI's models, `chat` for those of other makers.
    `api_version`: that of a resource that has the dated paths alone (`chat`). `image_deployment`: the deployment that
    makes images for the tool. `switches` and `families` change what the deployments can do, by the beginnings of the
    names of deployments or their `base_model`. `headers` are sent with every call, `extra_body` is merged last.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    base_url: str = Field(pattern=r"^https?://[^/?#]+")
    api_key: Secret | None = None
    entra: AzureAccess | None = None
    api: Literal["responses", "chat"] = "responses"
    api_version: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}(-preview)?$")
    image_deployment: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,64}$")
    switches: dict[str, Any] = Field(default_factory=dict)
    families: dict[str, dict[str, Any]] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.api_key is None) == (self.entra is None):
            raise ValueError("one of api_key and entra is required, and both are ambiguous to the service")
        if self.entra is not None and (problem := self.entra.missing_extra()) is not None:
            raise ValueError(problem)
        if self.api_version is not None and self.api != "chat":
            raise ValueError("api_version: the dated paths have no Responses; leave it out, or write `api: chat`")
        return self

    @property
    def address(self) -> str:
        """Where requests go, the API's own path included."""
        written = self.base_url.rstrip("/")
        path = urlsplit(written).path
        host = urlsplit(written).hostname or ""
        if self.api_version is not None:
            return written.removesuffix("/openai") + "/openai"
        if path.endswith("/v1"):
            return written
        if host.endswith(SERVERLESS):
            return f"{written}/v1"
        return f"{written.removesuffix('/openai')}/openai/v1"

    @property
    def is_project(self) -> bool:
        """Whether it is a project of Foundry, which wants even a key as a bearer token."""
        return PROJECT.search(urlsplit(self.base_url).path) is not None

    @property
    def scope(self) -> str:
        """What a token is asked for."""
        return PROJECT_SCOPE if self.is_project else SCOPE
