"""What is sent for a request to one target, and how its answer is read."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from proxy.exchange.compaction import asks_for_compaction
from proxy.exchange.endpoint import Target
from proxy.exchange.fetching import NOTHING_FETCHED, FetchedMedia, fetch_media, place_stand_ins
from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.exchange.route import Candidate, able, in_order
from proxy.exchange.structured import Emulation, emulation
from proxy.exchange.truncation import shorten
from proxy.provider.contract import Call, Prepared
from proxy.provider.conversions import RefusedError
from proxy.responses.errors import ResponsesError
from proxy.responses.request import CreateRequest
from proxy.responses.tool_table import ToolTable


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be sent for a request, and how its answer is read. `inherited`: how many of its items come from
    state; `kept_paths`: the items that are left of a history that was shortened (None: all); `compacts`: the answer is
    the summary of a history; `fetched`: what was fetched for it and may have to be sent once more; `rules`: those of
    this request; `emulation`: what the answer has to be, where the model cannot be held to it."""

    target: Target
    prepared: Prepared
    table: ToolTable
    call: Call
    inherited: int = 0
    kept_paths: frozenset[str] | None = None
    compacts: bool = False
    fetched: FetchedMedia = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    emulation: Emulation | None = None


async def plan(
    gateway: Gateway,
    request: CreateRequest,
    client: Client,
    candidates: Sequence[Candidate],
    key: str | None,
    *,
    inherited: int = 0,
    rules: Rules | None = None,
    offline: bool = False,
) -> tuple[Work, list[Target]]:
    """The work for the first target that can serve the request, and the targets that may be asked after it. Equal keys
    lead to the same target where there is a choice. Raises what the first target refuses. Other arguments as for
    `prepare_work`."""
    if asks_for_compaction(request):
        candidates = gateway.compacting(candidates)
    targets = able(in_order(candidates, key), request)
    if not offline and len(targets) > 1:
        targets.sort(key=lambda target: gateway.breakers.pause(target.name) > 0)
    refusal: ResponsesError | None = None
    for index, target in enumerate(targets):
        try:
            work = await prepare_work(
                gateway, request, client, target, inherited=inherited, rules=rules, offline=offline
            )
        except ResponsesError as error:
            if error.status != 400:
                raise
            refusal = refusal or error
            continue
        return work, targets[index + 1 :]
    assert refusal is not None
    raise refusal


async def prepare_work(
    gateway: Gateway,
    request: CreateRequest,
    client: Client,
    target: Target,
    *,
    inherited: int = 0,
    rules: Rules | None = None,
    offline: bool = False,
) -> Work:
    """What is sent for a request whose input is complete, by `rules` (None: the client's). Raises ResponsesError, and
    counts what is refused. `offline`: nobody is asked and nothing counted; stand-ins are in the place of what would be
    fetched, and `fetched` names them."""
    rules = rules or gateway.rules_for(client)
    compacts = asks_for_compaction(request)
    try:
        prepared, offered = prepare(
            request, target, rules=rules, sealer=gateway.sealer, client=client.name, inherited=inherited
        )
        emulated = await emulation(prepared, gateway.schema_workers)
        whole, kept_paths = len(prepared.items), None
        if request.truncation == "auto":
            await shorten(gateway, target, prepared, by_estimate=offline)
            if len(prepared.items) != whole:
                kept_paths = frozenset(item.path for item in prepared.items)
        fetched = (
            place_stand_ins(prepared, gateway.fetcher, target.endpoint.name)
            if offline
            else await fetch_media(prepared, gateway.fetcher, target.endpoint.name)
        )
        call = encode(prepared, target, rules)
    except RefusedError as refusal:
        if not offline:
            for path in refusal.paths:
                gateway.metrics.count_refusal(target.endpoint.name, path)
        raise
    # Only a history that is shortened later, or an answer that is asked for again, is encoded once more.
    again = fetched if offline or request.truncation == "auto" or emulated is not None else NOTHING_FETCHED
    return Work(target, prepared, offered.table, call, inherited, kept_paths, compacts, again, rules, emulated)
