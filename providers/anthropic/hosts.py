"""Where Claude is served, and what each place does otherwise than Anthropic's own API, as one row of data.

Source: Anthropic's guides to other platforms and the clients of its SDK (2.12), the service model of Bedrock Runtime
(botocore 1.44), and what these hosts answer (vercel/ai #14773 and #20717, anthropic-sdk-python #1188 and #1759).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from urllib.parse import quote

from proxy.provider.contract import Framing
from proxy.provider.conversions import refuse

HostName: TypeAlias = Literal["anthropic", "bedrock", "vertex", "foundry", "compatible"]
Listing: TypeAlias = Literal["messages", "bedrock", "vertex", "none"]
Path: TypeAlias = Callable[[str, str, bool], str]
"""The path of a call: for what stands in front of it, a model, and whether it streams."""

CountPath: TypeAlias = Callable[[str, str], str | None]
"""The path of a count: for what stands in front of it, and a model; None where it cannot be counted."""

PATH: Final = "/v1/messages"
VERSION: Final = "2026-10-21"
VERSION_WITH_SAMPLING: Final = "2023-06-01"
"""The version that still takes temperature and top_p."""

TIER_HEADER: Final = "x-amzn-bedrock-service-tier"

GEOGRAPHIES: Final = frozenset({"apac", "au", "ca", "eu", "global", "jp", "us", "us-gov"})
"""What an id of Bedrock's begins with where it is that of an inference profile."""


def _path(prefix: str, model: str, stream: bool) -> str:
    return PATH


def _count_path(prefix: str, model: str) -> str:
    return f"{PATH}/count_tokens"


def _invoke_path(prefix: str, model: str, stream: bool) -> str:
    return f"/model/{_segment(model)}/{'invoke-with-response-stream' if stream else 'invoke'}"


def _invoke_count_path(prefix: str, model: str) -> str | None:
    """The counter knows models by their own ids: not by those of inference profiles, and not by ARNs."""
    geography, _, plain = model.partition(".")
    plain = plain if geography in GEOGRAPHIES else model
    return None if plain.startswith("arn:") else f"/model/{_segment(plain)}/count-tokens"


def _predict_path(prefix: str, model: str, stream: bool) -> str:
    return f"{prefix}/{_segment(model)}:{'streamRawPredict' if stream else 'rawPredict'}"


def _predict_count_path(prefix: str, model: str) -> str:
    return f"{prefix}/count-tokens:rawPredict"


def _segment(model: str) -> str:
    """The model's id as one segment of a path. Raises RefusedError for an id that would lead elsewhere."""
    if not model or model.strip(".") == "":
        refuse("model", "The model's id is none.", value=True)
    return quote(model, safe="@")


@dataclass(frozen=True, slots=True, eq=False)
class Host:
    """One place.

    * `path`, `count_path`: of a call and of a count.
    * `version`: the version of the API; "": the newest that takes what the request has. `version_in_body`,
      `betas_in_body`: they are members of the body, and no headers.
    * `model_in_path`, `stream_in_path`: the path says so, and the body does not. `count_wraps`: a count has the whole
      body inside it, in base64; others name the model in their own.
    * `framing`: how a stream is cut into frames.
    * `columns`: what is different for every model; `structured`: the only families with structured outputs (None: those
      that have them anywhere).
    * `only_claude`: whatever a model is called, it is a Claude; `no_claude`: it is none.
    * `urls`: images and files may be named by their addresses.
    * `betas`: what a tool of the vendor's own has to be asked for with.
    * `automatic_cache`: it finds by itself where a cached prefix ends.
    * `service_tiers`: its names of them; `tier_header`: where they stand, "": in the body.
    * `listing`: which list of models it has. `price_catalogue`: as `Provider.price_catalogue`.
    """

    path: Path = _path
    count_path: CountPath = _count_path
    version: str = ""
    version_in_body: bool = False
    betas_in_body: bool = False
    model_in_path: bool = False
    stream_in_path: bool = False
    count_wraps: bool = False
    framing: Framing = "sse"
    columns: Mapping[str, object] = field(default_factory=dict)
    structured: tuple[str, ...] | None = None
    only_claude: bool = False
    no_claude: bool = False
    urls: bool = True
    betas: Mapping[str, str] = field(default_factory=dict)
    automatic_cache: bool = True
    service_tiers: Mapping[str, str] = field(default_factory=dict)
    tier_header: str = ""
    listing: Listing = "messages"
    price_catalogue: str | None = None


HOSTS: Final[Mapping[HostName, Host]] = {
    "anthropic": Host(
        service_tiers={"auto": "auto", "default": "standard_only", "priority": "auto"}, price_catalogue="anthropic"
    ),
    "bedrock": Host(
        path=_invoke_path,
        count_path=_invoke_count_path,
        version="bedrock-2023-05-31",
        version_in_body=True,
        betas_in_body=True,
        model_in_path=True,
        stream_in_path=True,
        count_wraps=True,
        framing="aws_event_stream",
        columns={"web_search": "", "code_execution": "", "tool_search": "", "mcp": "", "fast": False},
        structured=(
            "claude-haiku-4-5",
            "claude-opus-4-5",
            "claude-opus-4-6",
            "claude-sonnet-4-5",
            "claude-sonnet-4-6",
        ),
        only_claude=True,
        urls=False,
        automatic_cache=False,
        service_tiers={"default": "default", "flex": "flex", "priority": "priority"},
        tier_header=TIER_HEADER,
        listing="bedrock",
        price_catalogue="aws",
    ),
    "vertex": Host(
        path=_predict_path,
        count_path=_predict_count_path,
        version="vertex-2023-10-16",
        version_in_body=True,
        model_in_path=True,
        columns={"web_search": "web_search_20250305", "code_execution": "", "mcp": "", "fast": False},
        only_claude=True,
        urls=False,
        betas={"web_search": "web-search-2025-03-05"},
        automatic_cache=False,
        listing="vertex",
        price_catalogue="google",
    ),
    "foundry": Host(
        columns={"fast": False},
        only_claude=True,
        urls=False,
        listing="none",
        price_catalogue="azure",
    ),
    "compatible": Host(version=VERSION_WITH_SAMPLING, no_claude=True),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one provider's requests go: its host, the address, and what stands in front of its models' names."""

    host: Host
    base_url: str
    prefix: str = ""
