"""Where Gemini's models are served, and what each place does otherwise, as one row of data.

Source: the references of the Gemini API (v1beta) and of Vertex AI (v1), and what google-genai 3.4 knows to be in one of
them alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

HostName: TypeAlias = Literal["gemini", "vertex"]

TIER_HEADER: Final = "x-vertex-ai-llm-shared-request-type"
"""The tier of what goes beyond provisioned throughput, which is used first where there is some."""


@dataclass(frozen=True, slots=True)
class Host:
    """One place, by its `name`.

    * `shows_tools`: beside functions, it shows what its own tools do, and has to be told that it may.
    * `absent_tools`: the vendor's own tools that it has not.
    * `image_urls`: it reads images at public addresses itself. `wants_types`: media that are named by an address have
      to come with their type. `buckets`: it reads what lies in Google's Cloud Storage (`gs://`).
    * `service_tiers`: its names of them; `tier_header`: where they stand, "": in the body.
    * `counts_plainly`: the counter takes the members of a request, and no request inside its own.
    * `labels`: a request can have them.
    """

    name: HostName
    shows_tools: bool = True
    absent_tools: frozenset[str] = frozenset()
    image_urls: bool = True
    wants_types: bool = False
    buckets: bool = False
    service_tiers: Mapping[str, str] = field(default_factory=dict)
    tier_header: str = ""
    counts_plainly: bool = False
    labels: bool = False


HOSTS: Final[Mapping[HostName, Host]] = {
    "gemini": Host("gemini", service_tiers={"default": "standard", "flex": "flex", "priority": "priority"}),
    "vertex": Host(
        "vertex",
        shows_tools=False,
        absent_tools=frozenset({"file_search"}),
        image_urls=False,
        wants_types=True,
        buckets=True,
        service_tiers={"flex": "flex", "priority": "priority"},
        tier_header=TIER_HEADER,
        counts_plainly=True,
        labels=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one provider's requests go: its host, the address, and the path of its models."""

    host: Host
    base_url: str
    models: str = "/models"
