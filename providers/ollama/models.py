"""What the models of an Ollama server can do, by the beginnings of their names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from proxy.provider.capabilities import Capabilities
from proxy.provider.families import Families, shipped_rows

Thinking: TypeAlias = Literal["none", "switch", "levels"]
"""How a model is asked to think: not at all, with true or false, or with the name of a level."""

CLOUD: Final = ("-cloud", ":cloud")
"""How the names of models end that the daemon forwards to the cloud."""

CLOUD_HOSTS: Final = ("ollama.com", "www.ollama.com")

_ABLE: Final = Capabilities(
    files=True, image_urls=False, file_urls=False, logprobs=True, reasoning=True, json_object=True
)


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `levels` are those of `thinking: levels`, from the least to the most; `rests`: it can be had without
    thinking."""

    capabilities: Capabilities = field(default_factory=lambda: _ABLE)
    thinking: Thinking = "switch"
    levels: tuple[str, ...] = ()
    rests: bool = True


def model_families(extensions: Mapping[str, Mapping[str, Any]] | None = None) -> Families[Model]:
    """The shipped rows, and an operator's. Raises ValueError for members that there are not and values that do not
    fit."""
    return Families(Model(), shipped_rows("providers.ollama"), extensions)


def bare(model: str) -> str:
    """The model's name without a user's or a host's folder in front."""
    return model.rpartition("/")[2]


def is_in_the_cloud(model: str, base_url: str) -> bool:
    """Whether the model runs in Ollama's cloud: there schemas are not held to, and the context is the model's own."""
    return model.endswith(CLOUD) or urlsplit(base_url).hostname in CLOUD_HOSTS
