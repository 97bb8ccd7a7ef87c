"""The configuration entry of an Anthropic provider."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from providers.anthropic.hosts import HOSTS, Endpoint, Host, HostName
from providers.anthropic.models import Models
from providers.credentials import vertex_ai
from providers.credentials.aws import AwsAccess
from providers.credentials.azure import AzureAccess
from providers.credentials.google import GoogleAccess
from proxy.provider.secret import Secret

BASE_URL: Final = "https://api.anthropic.com"

OPTIONS: Final[Mapping[str, HostName]] = {
    "aws": "bedrock",
    "fips": "bedrock",
    "region": "bedrock",
    "google": "vertex",
    "location": "vertex",
    "project": "vertex",
    "entra": "foundry",
    "resource": "foundry",
}
"""Options that one host alone has, and by which it is found out."""

DOMAINS: Final[Mapping[str, HostName]] = {
    "amazonaws.com": "bedrock",
    "amazonaws.com.cn": "bedrock",
    "azure.com": "foundry",
    "azure.us": "foundry",
    "googleapis.com": "vertex",
}
"""Domains of addresses by which a host is found out."""


class AnthropicSettings(BaseModel):
    """Options of a provider of type `anthropic`.

    `host`: who serves the models; None finds it out: by the options that one host alone has, then by `base_url`, else
    it is Anthropic, or whoever has its API at `base_url`. `compatible`: others' models behind an imitation of the API.
    `base_url`: the address of the API, with or without a trailing `/v1`; needed for `compatible` alone. `api_key`: a
    key of the host; without one, Bedrock is called with the credentials of `aws`, Vertex AI with those of `google`,
    Foundry with those of `entra`.

    Bedrock: `region`, and its FIPS endpoint (`fips`). Vertex AI: `project`, which the file of the credentials may name,
    too, and `location`. Foundry: the name of the `resource`.

    `api_version`: pins the version of the API; None sends the host's own, to Anthropic the newest version, and the
    older one where the request carries a sampling parameter that the model takes. `betas` are asked for with every
    request. `auto_cache`: lets the vendor cache each request's prefix. `max_image_bytes`: the longest base64 text of an
    image. `families`: by the beginning of a model's name, what differs from its row in `models.toml`.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    host: HostName | None = None
    base_url: str | None = None
    api_key: Secret | None = None
    region: Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$")] | None = None
    fips: bool = False
    aws: AwsAccess | None = None
    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9:._-]+$")] | None = None
    location: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] | None = None
    google: GoogleAccess | None = None
    resource: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")] | None = None
    entra: AzureAccess | None = None
    api_version: Annotated[str, Field(pattern=r"^(?:[a-z]+-)?\d{4}-\d{2}-\d{2}$")] | None = None
    betas: list[Annotated[str, Field(pattern=r"^[\w.-]+$")]] = Field(default_factory=list)
    auto_cache: bool = False
    max_image_bytes: Annotated[int, Field(gt=0)] = 5 * 2**20
    families: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not value.lower().startswith(("http://", "https://")):
            raise ValueError("has to begin with http:// or https://")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        name = self.host_name
        for option, host in OPTIONS.items():
            if getattr(self, option) and name != host:
                raise ValueError(f"{option}: the host {name!r} does not take it")
        for option in NEEDED[name]:
            if not getattr(self, option) and not (option in INSTEAD and self.base_url):
                raise ValueError(f"{option} is required for the host {name!r}")
        if name == "vertex" and self.google_project is None:
            raise ValueError("project is required for the host 'vertex': no file of credentials names one")
        if name == "foundry" and self.resource and self.base_url:
            raise ValueError("resource, base_url: one at most")
        self._check_access(name)
        Models(self.families, HOSTS[name])
        return self

    def _check_access(self, name: HostName) -> None:
        """Raises ValueError for credentials that exclude each other, and for those that lack a library."""
        if self.api_key is not None:
            if name == "vertex":
                raise ValueError("api_key: Vertex AI serves Claude for tokens of Google Cloud alone (`google`)")
            for option in ("aws", "entra"):
                if getattr(self, option) is not None:
                    raise ValueError(f"{option}, api_key: one at most")
            return
        if (access := self.access) is not None and (problem := access.missing_extra()) is not None:
            raise ValueError(problem)

    @property
    def host_name(self) -> HostName:
        """Who serves the models."""
        if self.host is not None:
            return self.host
        for option, name in OPTIONS.items():
            if getattr(self, option):
                return name
        at = (urlsplit(self.base_url).hostname or "") if self.base_url is not None else ""
        found = (name for domain, name in DOMAINS.items() if at == domain or at.endswith(f".{domain}"))
        return next(found, "anthropic")

    @property
    def serving(self) -> Host:
        """What is particular to that host."""
        return HOSTS[self.host_name]

    @property
    def access(self) -> AwsAccess | GoogleAccess | AzureAccess | None:
        """Where the host's credentials come from; None where a key is all there is."""
        if self.api_key is not None:
            return None
        match self.host_name:
            case "bedrock":
                return self.aws or AwsAccess()
            case "vertex":
                return self.google or GoogleAccess()
            case "foundry":
                return self.entra or AzureAccess()
        return None

    @property
    def google_project(self) -> str | None:
        """The project, as it is written here or in the file of the credentials."""
        return self.project or (self.google or GoogleAccess()).named_project()

    def endpoint(self) -> Endpoint:
        """Where requests go. May read the file of the credentials."""
        match self.host_name:
            case "bedrock":
                return Endpoint(self.serving, (self.base_url or self.aws_url("bedrock-runtime")).rstrip("/"))
            case "vertex":
                location = self.location or ""
                base = vertex_ai.versioned(self.base_url) if self.base_url else vertex_ai.endpoint(location)
                prefix = vertex_ai.models_path("anthropic", self.google_project or "", location)
                return Endpoint(self.serving, base, prefix)
            case "foundry":
                of_resource = f"https://{self.resource}.services.ai.azure.com/anthropic"
                return Endpoint(self.serving, _without_version(self.base_url or of_resource))
        return Endpoint(self.serving, _without_version(self.base_url or BASE_URL))

    def aws_url(self, service: str) -> str:
        """The address of a service of AWS in the region."""
        region = self.region or ""
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return f"https://{service}{'-fips' if self.fips else ''}.{region}.{domain}"


NEEDED: Final[Mapping[HostName, tuple[str, ...]]] = {
    "anthropic": (),
    "bedrock": ("region",),
    "vertex": ("location",),
    "foundry": ("resource",),
    "compatible": ("base_url",),
}
"""What a host cannot be reached without."""

INSTEAD: Final = frozenset({"resource"})
"""What is not needed where there is a `base_url`."""


def _without_version(url: str) -> str:
    """The address of the API, which is followed by `/v1`."""
    return url.rstrip("/").removesuffix("/v1").rstrip("/")
