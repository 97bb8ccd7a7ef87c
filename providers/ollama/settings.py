"""The configuration entry of an Ollama server."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from providers.ollama.models import model_families
from proxy.provider.secret import Secret


class OllamaSettings(BaseModel):
    """One Ollama server, or Ollama's cloud.

    `base_url`: its address, without `/api`. `api_key`: that of the cloud. `num_ctx`: the tokens of context that every
    request asks for, because the server's own default is small and cuts histories; `models.NAME.capabilities` has
    another `context_window` for one model. `keep_alive`: how long a model stays loaded (`5m`, seconds, -1: for ever).
    `schema_beside_tools`: a form of the answer is sent although tools are offered, which keeps some models from calling
    them. `options`: more of the server's options, where the client says nothing else. `families`: by the beginning of a
    model's name, what differs from its row in `models.toml`. `extra_body` is merged into every request last, its
    `options` into those of the request.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    base_url: str = "http://127.0.0.1:11434"
    api_key: Secret | None = None
    num_ctx: int = Field(default=8192, ge=256, le=2**24)
    keep_alive: str | int | None = None
    schema_beside_tools: bool = False
    options: dict[str, Any] = Field(default_factory=dict)
    families: dict[str, dict[str, Any]] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("has to begin with http:// or https://")
        return value.rstrip("/").removesuffix("/api").removesuffix("/v1").rstrip("/")

    @field_validator("options")
    @classmethod
    def _leaves_the_context(cls, value: dict[str, Any]) -> dict[str, Any]:
        if "num_ctx" in value:
            raise ValueError("num_ctx is a setting of its own")
        return value

    @field_validator("extra_body")
    @classmethod
    def _has_options(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(value.get("options", {}), dict):
            raise ValueError("options has to be a mapping")
        return value

    @field_validator("families")
    @classmethod
    def _fits(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        model_families(value)
        return value
