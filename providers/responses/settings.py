"""The configuration entry of a server that speaks Responses."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from providers.credentials.aws import AwsAccess
from providers.responses.profile import Profile
from providers.responses.profiles import OPENAI, PROFILES, detected
from proxy.provider.families import changed
from proxy.provider.secret import Secret


class ResponsesSettings(BaseModel):
    """One endpoint that speaks Responses.

    `base_url` is everything before `/responses`; None: the profile's public address, in which `region` has its place.
    `profile` names the server (`auto`: by the host of `base_url`, else generic; OpenAI without a `base_url`).
    `switches` change columns of the profile, `families` those of the models whose names begin with the key. `headers`
    are sent with every call, `extra_body` is merged into every request last. `aws`: where the credentials of Amazon
    come from, when there is no key.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    base_url: str | None = None
    api_key: Secret | None = None
    profile: str = "auto"
    switches: dict[str, Any] = Field(default_factory=dict)
    families: dict[str, dict[str, Any]] = Field(default_factory=dict)
    organization: str | None = None
    project: str | None = None
    region: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,32}$")
    aws: AwsAccess | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("has to begin with http:// or https://")
        return value.rstrip("/") if value is not None else None

    @field_validator("profile")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value != "auto" and value not in PROFILES:
            raise ValueError(f"is none of: auto, {', '.join(sorted(PROFILES))}")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        changed(self.chosen, self.switches, "switches")
        for prefix, changes in self.families.items():
            changed(self.chosen, changes, f"families.{prefix}")
        if not self.address:
            raise ValueError(f"base_url is required: the profile {self.chosen.name!r} has no public address")
        if "{region}" in self.address:
            raise ValueError(f"region is required: the profile {self.chosen.name!r} has an address in each")
        if self.aws is not None and self.region is None:
            raise ValueError("region is required: Amazon's signatures are made for one")
        if self.aws is not None and self.api_key is None and (problem := self.aws.missing_extra()) is not None:
            raise ValueError(problem)
        return self

    @property
    def chosen(self) -> Profile:
        """The row of the table that the settings lead to."""
        if self.profile != "auto":
            return PROFILES[self.profile]
        return OPENAI if self.base_url is None else detected(self.base_url)

    @property
    def address(self) -> str:
        """Where requests go."""
        if self.base_url is not None:
            return self.base_url
        shipped = self.chosen.base_url
        return shipped.replace("{region}", self.region) if self.region is not None else shipped
