"""Small provider types that stand in for the plugins, which the configuration does not know."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from config.loader import ProviderType, load
from config.settings import Settings


class FakeSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    api_key: str | dict[str, str] = ""
    base_url: str | None = None

    @field_validator("api_key")
    @classmethod
    def _not_blank(cls, value: str | dict[str, str]) -> str | dict[str, str]:
        if value == "" or (isinstance(value, str) and "wrong" in value):
            raise ValueError(f"the key {value} is wrong")
        return value

    @field_validator("base_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("http"):
            raise ValueError("expected a URL that begins with http:// or https://")
        return value


class NestedSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    depth: int = 0
    flags: list[bool] = []

    @field_validator("depth")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("is not even")
        return value


class ChatSettings(FakeSettings):
    dialect: Literal["auto", "openai", "vllm", "groq", "mistral", "xai"] = "auto"
    nested: NestedSettings = NestedSettings()
    headers: dict[str, int | bool] = {}

    @model_validator(mode="after")
    def _agrees(self) -> "ChatSettings":
        if self.dialect == "vllm" and self.base_url is None:
            raise ValueError(f"the dialect vllm needs a base_url, but the key is {self.api_key}")
        return self


PROVIDER_TYPES: Mapping[str, ProviderType] = {
    "anthropic": ProviderType(FakeSettings, "ANTHROPIC_API_KEY"),
    "openai_chat": ProviderType(ChatSettings, "OPENAI_API_KEY"),
    "gemini": ProviderType(FakeSettings, "GEMINI_API_KEY"),
    "parrot": ProviderType(FakeSettings, "PARROT_API_KEY"),
    "scripted": ProviderType(NestedSettings),
}

ENVIRON: Mapping[str, str] = {
    "ANTHROPIC_API_KEY": "sk-ant-canary",
    "OPENAI_API_KEY": "sk-openai-canary",
    "SHOP_KEY": "shop-canary",
    "DRAGOMAN_CLIENT_KEY": "client-canary",
}


def load_text(text: str, folder: Path, environ: Mapping[str, str] = ENVIRON) -> Settings:
    """The settings of a file dragoman.yaml with this text."""
    path = folder / "dragoman.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, environ, PROVIDER_TYPES)
