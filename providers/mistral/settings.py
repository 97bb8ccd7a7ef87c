"""The configuration entry of a Mistral provider."""

from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from providers.credentials.azure import AzureAccess
from providers.credentials.google import GoogleAccess
from providers.mistral.hosts import HOSTS, Host, HostName, vertex_base
from providers.mistral.rows import rows
from proxy.provider.secret import Secret

BASE_URL: Final = "https://api.mistral.ai/v1"


class MistralSettings(BaseModel):
    """Options of a provider of type `mistral`.

    `host`: who serves the models; None finds it out: Vertex AI where a `project` or `google` is named, Azure where
    `entra` is, these and Mistral by the host of `base_url`, else a server of one's own. `base_url`: everything before
    `/chat/completions`; needed for Azure and own servers. `project`, `location`: those of Google Cloud; the project may
    stand in the file of the credentials, too. `api_version`: the query of that name at Azure. Without an `api_key`,
    Google Cloud is asked for a token by `google` (the application default credentials), Entra ID by `entra` (its usual
    chain).

    In every request: `safe_prompt`, `guardrails` (in the vendor's own words), `random_seed`, `stop`, and `metadata`,
    that is, the client's. `max_tokens`: the output limit where the client names none (None: the vendor's, at Azure
    4096, because a limit is required there). `file_ids`: ids of files in requests are those of files that were uploaded
    to Mistral. `families`: prefixes of model names, with what differs from the shipped row. `extra_body` is merged into
    every request last.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    host: HostName | None = None
    base_url: str | None = None
    api_key: Secret | None = None
    api_version: Annotated[str, Field(pattern=r"^[\w.-]+$")] | None = None
    project: Annotated[str, Field(min_length=1)] | None = None
    location: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] | None = None
    google: GoogleAccess | None = None
    entra: AzureAccess | None = None
    safe_prompt: bool = False
    guardrails: list[dict[str, Any]] = Field(default_factory=list)
    random_seed: Annotated[int, Field(ge=0)] | None = None
    stop: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    metadata: bool = False
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    file_ids: bool = False
    families: dict[str, dict[str, Any]] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("has to begin with http:// or https://")
        return value.rstrip("/") if value is not None else None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        name = self.host_name
        if name == "vertex" and self.base_url is None and self._google_project is None:
            raise ValueError("project is required for models on Vertex AI: no file of credentials names one")
        if name == "vertex" and self.base_url is None and self.location is None:
            raise ValueError("location is required for models on Vertex AI")
        if name in ("azure", "self_hosted") and self.base_url is None:
            raise ValueError(f"base_url is required for the host {name!r}")
        self._check_access(name)
        for option in sorted(HOSTS[name].untaken):
            if getattr(self, option):
                raise ValueError(f"{option}: the host {name!r} does not take it")
        rows(self.place, self.families, file_ids=self.file_ids)
        return self

    def _check_access(self, name: HostName) -> None:
        """Raises ValueError for credentials that are not the host's, or that lack a library."""
        for option, host in (("google", "vertex"), ("entra", "azure")):
            if getattr(self, option) is None:
                continue
            if name != host:
                raise ValueError(f"{option}: the host {name!r} does not take it")
            if self.api_key is not None:
                raise ValueError(f"{option}, api_key: one at most")
        if self.api_key is None and name in ("vertex", "azure"):
            access = (self.google or GoogleAccess()) if name == "vertex" else (self.entra or AzureAccess())
            if (problem := access.missing_extra()) is not None:
                raise ValueError(problem)

    @property
    def host_name(self) -> HostName:
        """Who serves the models."""
        if self.host is not None:
            return self.host
        if self.project is not None or self.google is not None:
            return "vertex"
        if self.entra is not None:
            return "azure"
        if self.base_url is None or _is_under(self.base_url, "mistral.ai"):
            return "mistral"
        if _is_under(self.base_url, "azure.com") or _is_under(self.base_url, "azure.us"):
            return "azure"
        return "vertex" if _is_under(self.base_url, "googleapis.com") else "self_hosted"

    @property
    def place(self) -> Host:
        """What is particular to that host."""
        return HOSTS[self.host_name]

    @property
    def address(self) -> str:
        """Where requests go."""
        if self.base_url is not None:
            return self.base_url
        if self.host_name == "vertex" and self._google_project is not None and self.location is not None:
            return vertex_base(self._google_project, self.location)
        return BASE_URL

    @property
    def _google_project(self) -> str | None:
        return self.project or (self.google or GoogleAccess()).named_project()


def _is_under(address: str, domain: str) -> bool:
    host = urlsplit(address).hostname or ""
    return host == domain or host.endswith(f".{domain}")
