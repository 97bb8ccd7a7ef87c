"""A create request comes in: from the bytes of its body to a Run."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import orjson

from proxy.exchange.admission import admit
from proxy.exchange.compaction import asks_for_compaction
from proxy.exchange.context import NO_CONTEXT, Context, LocalResponse, parsed, resolve
from proxy.exchange.endpoint import Target
from proxy.exchange.fetching import NOTHING_FETCHED, fetch_media, place_stand_ins
from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.keeping import Keep, Keeper
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.exchange.run import Run, Work
from proxy.exchange.structured import emulation
from proxy.exchange.truncation import shorten
from proxy.provider.conversions import RefusedError
from proxy.responses import errors
from proxy.responses.compaction import parse_compact
from proxy.responses.errors import ResponsesError, invalid_body
from proxy.responses.request import CreateRequest, check_not_empty, parse_create
from proxy.responses.response import opening
from proxy.responses.stored_items import with_ids
from proxy.state.records import StoredItem
from proxy.upstream.trace import NO_TRACE, Trace

Reader: TypeAlias = Callable[[Gateway, bytes], CreateRequest]
"""Reads the request in a body. Raises ResponsesError (400)."""


async def accept(
    gateway: Gateway,
    body: bytes,
    client: Client,
    *,
    arrived: float,
    remembered: Mapping[str, LocalResponse] | None = None,
    reader: Reader | None = None,
    generate: bool = True,
    strict: bool = False,
    trace: Trace = NO_TRACE,
) -> Run:
    """Take in the body of a create request; `arrived` is its arrival by `time.perf_counter`, `remembered` what the
    client's connection holds beside the store (such a run has its `input` whatever is kept), `reader` what reads the
    body instead of `read`. A request that is not to `generate` may be without input. `strict`: it asks to be refused
    instead of losing anything. `trace` is what the vendor's call belongs to.

    Raises ResponsesError, in OpenAI's order of checks: form, model, state, empty input, what the target takes, history;
    at last what the client may still spend.
    """
    asked = await understand(gateway, body, client, remembered=remembered, reader=reader, generate=generate)
    request, context, own = asked.request, asked.context, asked.own
    if asked.kept:
        await gateway.check_store()
    keep: Keep | None = None
    if asked.kept and not request.background:
        keep = Keeper(gateway.store, client.name, context, own, request.store, gateway.retention).keep
    work = await prepare_work(
        gateway,
        request,
        client,
        asked.target,
        inherited=len(context.items),
        rules=gateway.rules_for(client, strict=strict),
    )
    response = opening(request, conversation=context.conversation)
    admission = None
    if generate and client.limits is not None:
        admission = await admit(gateway, client, work.target, work.prepared, str(response["id"]), time.time())
    try:
        if context.new_conversation is not None:
            await gateway.store.create_conversation(*context.new_conversation)
    except BaseException:
        if admission is not None:
            await admission.release()
        raise
    run = Run(
        gateway,
        request,
        client,
        work,
        response,
        arrived=arrived,
        context=context,
        input=own,
        keep=keep,
        admission=admission,
        trace=trace,
    )
    run.release_input(partial(read_again, gateway, body, [*context.items, *own] if asked.stateful else None, reader))
    return run


@dataclass(frozen=True, slots=True)
class Asked:
    """What a body asks for: the request with its whole input, and where it goes. `own` are the items of its input that
    it brought itself, as they are kept; `kept`: something of it is; `stateful`: it speaks of what is kept."""

    request: CreateRequest
    target: Target
    context: Context
    own: Sequence[StoredItem]
    kept: bool
    stateful: bool


async def understand(
    gateway: Gateway,
    body: bytes,
    client: Client,
    *,
    remembered: Mapping[str, LocalResponse] | None = None,
    reader: Reader | None = None,
    generate: bool = True,
) -> Asked:
    """Read a body and what it builds upon. Nothing is changed by it. Arguments and errors as for `accept`."""
    request = (reader or read)(gateway, body)
    target = gateway.target(request.model, client)
    stateful = needs_state(request)
    context = await resolve(gateway, request, client, remembered) if stateful else NO_CONTEXT
    if generate:
        check_not_empty(request)
        if not request.input and not context.items:
            raise errors.input_missing()
    try:
        if request.tools or request.text:
            # What is echoed must be writable before the vendor is asked; the lists stand for what is around it then.
            orjson.dumps([[[[[[request.tools, request.text]]]]]])
        kept = request.store or request.background or context.conversation is not None
        recorded = kept or stateful or remembered is not None
        own = [StoredItem(*item) for item in with_ids(request.input)] if recorded else []
    except (orjson.JSONEncodeError, RecursionError):
        raise ResponsesError(400, "The request is nested deeper than the gateway can write.") from None
    request.input = [*parsed(context.items), *request.input]
    return Asked(request, target, context, own, kept, stateful)


def read(gateway: Gateway, body: bytes) -> CreateRequest:
    """The request in a body. Raises ResponsesError (400)."""
    return parsed_create(gateway, decoded(body))


def read_compact(gateway: Gateway, body: bytes) -> CreateRequest:
    """The request in a body of `compact`: a `Reader`."""
    value = decoded(body)
    if gateway.default_model is not None and isinstance(value, dict) and value.get("model") is None:
        value["model"] = gateway.default_model
    return parse_compact(value, unknown_parameters=gateway.rules.unknown_parameters)


def decoded(body: bytes) -> object:
    """The JSON of a body. Raises ResponsesError (400)."""
    if not body:
        raise invalid_body("The request body is empty. Send a JSON object.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid_body(
            "We could not parse the JSON body of your request. A JSON payload is expected, but what was sent was not "
            f"valid JSON ({error.msg}, at character {error.pos})."
        ) from None


def parsed_create(gateway: Gateway, value: object) -> CreateRequest:
    """The request in a decoded body, which may be changed. Raises ResponsesError (400)."""
    if isinstance(value, dict):
        gateway.prompts.complete(value)
        if gateway.default_model is not None:
            value.setdefault("model", gateway.default_model)
    return parse_create(value, unknown_parameters=gateway.rules.unknown_parameters)


def needs_state(request: CreateRequest) -> bool:
    """Whether the request speaks of anything that is kept here."""
    return (
        request.previous_response_id is not None
        or request.prompt is not None
        or request.conversation is not None
        or any(item["type"] == "item_reference" for item in request.input)
    )


def read_again(
    gateway: Gateway, body: bytes, items: Sequence[StoredItem] | None, reader: Reader | None = None
) -> CreateRequest:
    """The request once more; `items` are its whole input, where the body does not hold it."""
    request = (reader or read)(gateway, body)
    gateway.prompts.fill(request)
    if items is not None:
        request.input = parsed(items)
    return request


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
    if compacts:
        target = gateway.compaction_target(target)
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
