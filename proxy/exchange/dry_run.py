"""What would be sent for a request, and what would be lost on the way. Nobody is called and nothing is kept."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate
from typing import Final, Literal, NamedTuple, TypeAlias, cast
from urllib.parse import urlsplit

import orjson

from proxy.exchange.accept import Asked, Reader, understand
from proxy.exchange.endpoint import Target
from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.history import item_path
from proxy.exchange.prepare import BRINGING_TOOLS
from proxy.exchange.upstream_call import MIN_KEY
from proxy.exchange.work import Work, plan
from proxy.provider.contract import Call, Provider
from proxy.provider.conversions import Conversion, Disposition
from proxy.responses.request import CreateRequest
from proxy.upstream.client import written_headers, written_url

MASK: Final = "***"
"""What stands in the place of a credential."""

CREDENTIALS: Final = frozenset(
    {"api-key", "authorization", "cookie", "proxy-authorization", "x-api-key", "x-goog-api-key"}
)
"""Headers that are masked whoever sets them."""

BY_GATEWAY: Final = "acted upon by the gateway"


class Entry(NamedTuple):
    """What becomes of one element of the request."""

    path: str
    disposition: Disposition | Literal["exact"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class VendorRequest:
    """A request as it would be sent, credentials masked."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would become of a request. `asked_model` is the name that was asked for, `losses` what is not carried as it
    is, `exact` what is, `notes` says where the real request may differ."""

    target: Target
    asked_model: str
    request: VendorRequest
    losses: Sequence[Conversion]
    exact: Sequence[Entry]
    notes: Sequence[str]

    @property
    def dropped(self) -> list[str]:
        """The paths of what would be dropped."""
        return [one.path for one in self.losses if one.disposition == "dropped"]

    def as_json(self, *, indented: bool = False) -> bytes:
        """The object `dragoman.dry_run`. The vendor's body stands in it byte for byte, unless it is indented."""
        request = self.request
        entries = [*(Entry(one.path, one.disposition, one.reason) for one in self.losses), *self.exact]
        told: dict[str, object] = {
            "object": "dragoman.dry_run",
            "provider": self.target.endpoint.name,
            "model": self.target.model,
            "request": {
                "method": request.method,
                "url": request.url,
                "headers": request.headers,
                "body": orjson.Fragment(request.body) if request.body else None,
            },
            "conversions": [entry._asdict() for entry in entries],
        }
        if self.notes:
            told["notes"] = self.notes
        whole = orjson.dumps(told)
        return json.dumps(json.loads(whole), ensure_ascii=False, indent=2).encode() if indented else whole


async def dry_run(
    gateway: Gateway, body: bytes, client: Client, *, strict: bool = False, reader: Reader | None = None
) -> DryRun:
    """What the create request in a body would become. What is kept is read as the real request would read it.

    Raises ResponsesError, the very error of the real request, for one that would be refused before it is sent.
    """
    asked = await understand(gateway, body, client, reader=reader)
    work, _ = await plan(
        gateway,
        asked.request,
        client,
        asked.candidates,
        asked.request.prompt_cache_key or "",
        inherited=len(asked.context.items),
        rules=gateway.rules_for(client, strict=strict),
        offline=True,
    )
    losses = list(work.prepared.conversions)
    return DryRun(
        target=work.target,
        asked_model=asked.request.model,
        request=_shown(work.target.endpoint.provider, work.call, _secrets(asked.request)),
        losses=losses,
        exact=list(_exact(asked, work, losses)),
        notes=list(_notes(asked.request, work)),
    )


# --- the call ---------------------------------------------------------------------------------------------------------

_Item: TypeAlias = Mapping[str, object]


def _secrets(request: CreateRequest) -> Iterator[bytes]:
    """What tools, those of the history among them, let into other services with, as it stands in JSON."""
    brought = (
        tool
        for item in cast("Sequence[_Item]", request.input)
        if item["type"] in BRINGING_TOOLS
        for tool in cast("Sequence[_Item]", item["tools"])
    )
    for tool in (*cast("Sequence[_Item]", request.tools), *brought):
        headers = cast("Mapping[str, str]", tool.get("headers") or {})
        for value in (cast("str", tool.get("authorization") or ""), *headers.values(), _password(tool)):
            secret = value.strip().rpartition(" ")[2]
            if len(secret) >= MIN_KEY:
                yield orjson.dumps(secret)[1:-1]


def _password(tool: _Item) -> str:
    """The password in the address of a tool's server."""
    try:
        return urlsplit(cast("str", tool.get("server_url") or "")).password or ""
    except ValueError:
        return ""


def _shown(provider: Provider, call: Call, secrets: Iterable[bytes] = ()) -> VendorRequest:
    credentials = dict.fromkeys(provider.credential_headers(), MASK)
    try:
        url, headers = written_url(provider.base_url, call), written_headers(provider.base_url, call, credentials)
    except ValueError:
        # No address of the web: the provider answers itself, or the operator has to look at it.
        url = provider.base_url + call.path
        headers = {name.lower(): value for name, value in (*call.headers.items(), *credentials.items())}
    masked = {name: MASK if name in CREDENTIALS else value for name, value in headers.items()}
    body = call.body
    for secret in secrets:
        body = body.replace(secret, MASK.encode())
    return VendorRequest(call.method, url, masked, body)


# --- the report -------------------------------------------------------------------------------------------------------

_PARAMETERS: Final = tuple(
    each.name for each in fields(CreateRequest) if each.name not in ("model", "input", "given", "tools")
)
_OF_GATEWAY: Final = frozenset(
    {"background", "conversation", "metadata", "previous_response_id", "prompt", "store", "truncation"}
)
_BY_MEMBER: Final = frozenset({"prompt_cache_options", "reasoning", "stream_options", "text"})
"""Parameters whose members fare each for itself."""

_SETTINGS: Final = BRINGING_TOOLS | {"compaction_trigger", "configuration_update"}
"""Items that tell the gateway something, and need not be in what is sent."""


def _exact(asked: Asked, work: Work, losses: Sequence[Conversion]) -> Iterator[Entry]:
    """What was given and is not among the losses, nor a part of one, nor has a part there."""
    lost = frozenset(one.path for one in losses)
    touched = frozenset(beginning for path in lost for beginning in _beginnings(path))
    for entry in (*_parameters(asked.request), *_tools(asked.request), *_items(asked, work)):
        if entry.path not in touched and lost.isdisjoint(_beginnings(entry.path)):
            yield entry


def _beginnings(path: str) -> Iterator[str]:
    """The path, and everything that it leads through: `a`, `a[0]`, `a[0].b`."""
    pieces = path.replace("[", "\0[").replace(".", "\0.").split("\0")
    return accumulate(pieces)


def _parameters(request: CreateRequest) -> Iterator[Entry]:
    for name in _PARAMETERS:
        if name not in request.given:
            continue
        value = getattr(request, name)
        if name in _BY_MEMBER:
            yield from (Entry(f"{name}.{member}", "exact") for member, each in value.items() if each is not None)
        elif name == "include":
            yield from (Entry(f"{name}[{index}]", "exact") for index in range(len(value)))
        else:
            yield Entry(name, "exact", BY_GATEWAY if name in _OF_GATEWAY else "")


def _tools(request: CreateRequest) -> Iterator[Entry]:
    return (Entry(f"tools[{index}]", "exact") for index in range(len(request.tools)))


def _items(asked: Asked, work: Work) -> Iterator[Entry]:
    """The request's own items, as far as they are in what is sent. A summary is made of all of them."""
    inherited = len(asked.context.items)
    sent = {item.path for item in work.prepared.items}
    for index, item in enumerate(cast("list[_Item]", asked.request.input[inherited:]), start=inherited):
        path = item_path(index, inherited)
        if item["type"] in _SETTINGS or work.compacts:
            yield Entry(path, "exact", BY_GATEWAY)
        elif path in sent:
            yield Entry(path, "exact")


def _notes(request: CreateRequest, work: Work) -> Iterator[str]:
    for named in work.fetched:
        yield f"What {named.url} names is fetched when the request is sent; a stand-in is in its place here."
    if request.truncation == "auto" and work.prepared.capabilities.context_window is not None:
        yield "The provider's token counter was not asked: what truncation: auto keeps of the history is an estimate."
    if work.compacts:
        yield "The request asks for a compaction: this is the call that has the summary written."
