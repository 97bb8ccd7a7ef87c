"""The configuration entry of a Gemini provider."""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from providers.credentials import vertex_ai
from providers.credentials.google import GoogleAccess
from providers.gemini.address import BASE_URL, host_of, joined_base
from providers.gemini.hosts import HOSTS, Endpoint, Host, HostName
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

    `host`: who serves the models; None finds it out: Vertex AI where a `project`, a `location` or `google` is named, or
    where `base_url` leads there, else the Gemini API. `base_url`: the address of the API; without a version at its end,
    `/v1beta` is appended, on Vertex AI `/v1`. `api_key`: a key of the host; without one, Vertex AI is called with the
    credentials of `google`. `project`, which the file of the credentials may name, too, and `location`: those of Vertex
    AI; with a key it needs neither.

    `safety_settings` go into every request. `mid_system`: what becomes of system messages inside the conversation,
    which the vendor has no role for: tagged text of the user at their place, or hoisted into the system instruction.
    `max_request_bytes`: the longest body that is sent; the vendor takes 20 MB of inline data. `file_search_stores`: ids
    of vector stores, and the vendor's names of the stores that a file search is to look into for them. `metadata`: the
    client's metadata are sent as labels (Vertex AI). `families`: prefixes of model names, with what differs from the
    shipped row. `extra_body` is merged into every request last, its `generationConfig` by member.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    host: HostName | None = None
    base_url: str | None = None
    api_key: Secret | None = None
    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9:._-]+$")] | None = None
    location: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] | None = None
    google: GoogleAccess | None = None
    safety_settings: list[SafetySetting] = Field(default_factory=list)
    mid_system: MidSystem = "tag"
    max_request_bytes: Annotated[int, Field(gt=0)] = 20 * 2**20
    file_search_stores: dict[str, str] = Field(default_factory=dict)
    metadata: bool = False
    families: dict[str, dict[str, Any]] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None:
            joined_base(value)
        return value

    @field_validator("families")
    @classmethod
    def _fits_the_rows(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        model_families(value)
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.host_name != "vertex":
            for option in ("project", "location", "google", "metadata"):
                if getattr(self, option):
                    raise ValueError(f"{option}: the host 'gemini' does not take it")
            return self
        if self.file_search_stores:
            raise ValueError("file_search_stores: the host 'vertex' does not take it")
        if self.api_key is not None:
            if self.google is not None:
                raise ValueError("google, api_key: one at most")
            if (self.project is None) != (self.location is None):
                raise ValueError("project and location are given together or not at all")
            return self
        if self.google_project is None:
            raise ValueError("project is required for models on Vertex AI: no file of credentials names one")
        if self.location is None:
            raise ValueError("location is required for models on Vertex AI")
        if (problem := (self.google or GoogleAccess()).missing_extra()) is not None:
            raise ValueError(problem)
        return self

    @property
    def host_name(self) -> HostName:
        """Who serves the models."""
        if self.host is not None:
            return self.host
        if self.project or self.location or self.google is not None:
            return "vertex"
        return "vertex" if "aiplatform" in host_of(self.base_url or "") else "gemini"

    @property
    def serving(self) -> Host:
        """What is particular to that host."""
        return HOSTS[self.host_name]

    @property
    def google_project(self) -> str | None:
        """The project, as it is written here or in the file of the credentials."""
        return self.project or (self.google or GoogleAccess()).named_project()

    def endpoint(self) -> Endpoint:
        """Where requests go. May read the file of the credentials."""
        if self.host_name == "gemini":
            return Endpoint(self.serving, joined_base(self.base_url or BASE_URL))
        location = self.location or ""
        base = vertex_ai.versioned(self.base_url) if self.base_url else vertex_ai.endpoint(location)
        project = (self.project if self.api_key is not None else self.google_project) or ""
        return Endpoint(self.serving, base, vertex_ai.models_path("google", project, location))
