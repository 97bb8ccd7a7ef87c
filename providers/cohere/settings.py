"""The configuration entry of a Cohere provider."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator

from providers.cohere.models import model_families
from proxy.provider.secret import Secret

CitationMode: TypeAlias = Literal["ENABLED", "DISABLED", "FAST", "ACCURATE", "OFF"]
PlanForm: TypeAlias = Literal["reasoning", "text", "drop"]
SafetyMode: TypeAlias = Literal["CONTEXTUAL", "STRICT", "OFF"]


class CohereSettings(BaseModel):
    """Options of a provider of type `cohere`.

    `base_url`: the address of the API, with or without `/v2`. `client_name` is sent as X-Client-Name. `safety_mode`:
    the safety instruction that the vendor adds; it goes with requests that have no tools and no documents, and OFF only
    to models that take it. `citations`: how the vendor cites its sources. `tool_plan_as`: what becomes of the plan that
    a model tells before its calls. `flex_priority`: the number sent for `service_tier: flex`; 0 comes first.
    `families`: prefixes of model names, with what differs from the shipped row. `extra_body` is merged into every
    request last (`seed`, `stop_sequences`, `k`, `documents`).
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    base_url: str = "https://api.cohere.com"
    api_key: Secret | None = None
    client_name: Annotated[str, Field(pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$")] | None = "dragoman"
    safety_mode: SafetyMode | None = None
    citations: CitationMode | None = None
    tool_plan_as: PlanForm = "reasoning"
    flex_priority: Annotated[int, Field(ge=0, le=999)] = 10
    families: dict[str, dict[str, Any]] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict)

    @field_validator("families")
    @classmethod
    def _fits_the_rows(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        model_families(value)
        return value
