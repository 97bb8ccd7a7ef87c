"""The configuration entry of a Bedrock provider."""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from providers.bedrock.models import Models
from providers.credentials.aws import AwsAccess
from proxy.provider.secret import Secret

Latency: TypeAlias = Literal["standard", "optimized"]


class Guardrail(BaseModel):
    """A guardrail of the account, in the vendor's words. `stream_processing_mode`: whether a stream waits for it."""

    model_config = ConfigDict(extra="forbid")

    identifier: Annotated[str, Field(min_length=1, max_length=2048)]
    version: Annotated[str, Field(pattern=r"^([1-9][0-9]{0,7}|DRAFT)$")]
    trace: Literal["enabled", "disabled", "enabled_full"] | None = None
    stream_processing_mode: Literal["sync", "async"] | None = None


class BedrockSettings(BaseModel):
    """Options of a provider of type `bedrock`.

    `region`: where the models run. `api_key`: a Bedrock API key; without one, calls are signed with the credentials of
    `aws`. `base_url` and `control_url`: the endpoints of the models and of their list, where they are not the region's
    own; `fips`: the region's FIPS endpoints. `guardrail` is applied to every request. `latency`: `optimized` asks for
    faster answers, which not every model gives. `request_metadata`: the client's `metadata`, and its user as a hash, go
    into the vendor's invocation logs. `max_image_bytes`, `max_file_bytes`: the longest base64 text of an image and of a
    document; `max_images`, `max_files`: how many of them a request may have. `additional_fields` are merged into
    `additionalModelRequestFields` of every request last. `families`: by the beginning of a model's id, what differs
    from its row in `models.toml`.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    region: Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$")]
    api_key: Secret | None = None
    aws: AwsAccess = Field(default_factory=AwsAccess)
    base_url: str | None = None
    control_url: str | None = None
    fips: bool = False
    guardrail: Guardrail | None = None
    latency: Latency | None = None
    request_metadata: bool = False
    max_image_bytes: Annotated[int, Field(gt=0)] = 5 * 2**20
    max_file_bytes: Annotated[int, Field(gt=0)] = 6 * 2**20
    max_images: Annotated[int, Field(gt=0)] = 20
    max_files: Annotated[int, Field(gt=0)] = 5
    additional_fields: dict[str, Any] = Field(default_factory=dict)
    families: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("families")
    @classmethod
    def _fits(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        Models(value)
        return value

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if self.api_key is None and (problem := self.aws.missing_extra()) is not None:
            raise ValueError(problem)
        return self

    @property
    def runtime(self) -> str:
        """The endpoint of the models, without a trailing slash."""
        return (self.base_url or self._endpoint("bedrock-runtime")).rstrip("/")

    @property
    def control(self) -> str:
        """The endpoint of the lists of models, without a trailing slash."""
        return (self.control_url or self.base_url or self._endpoint("bedrock")).rstrip("/")

    def _endpoint(self, service: str) -> str:
        domain = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"https://{service}{'-fips' if self.fips else ''}.{self.region}.{domain}"
