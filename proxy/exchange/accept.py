"""A create request comes in: from the bytes of its body to a Run."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import orjson

from proxy.exchange.admission import admit
from proxy.exchange.context import NO_CONTEXT, Context, LocalResponse, parsed, resolve
from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.keeping import Keep, Keeper
from proxy.exchange.route import Candidate, sticky_key
from proxy.exchange.run import Run
from proxy.exchange.work import plan
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
    time_limit: float | None = None,
) -> Run:
    """Take in the body of a create request; `arrived` is its arrival by `time.perf_counter`, `remembered` what the
    client's connection holds beside the store (such a run has its `input` whatever is kept), `reader` what reads the
    body instead of `read`. A request that is not to `generate` may be without input. `strict`: it asks to be refused
    instead of losing anything. `trace` is what the vendor's call belongs to. `time_limit` is how long, in seconds
    after its arrival, its client waits for it.

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
    response = opening(request, conversation=context.conversation)
    work, others = await plan(
        gateway,
        request,
        client,
        asked.candidates,
        sticky_key(request, context.after, str(response["id"])),
        inherited=len(context.items),
        rules=gateway.rules_for(client, strict=strict),
    )
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
        others=others,
        deadline=None if time_limit is None else arrived + time_limit,
    )
    run.release_input(partial(read_again, gateway, body, [*context.items, *own] if asked.stateful else None, reader))
    return run


@dataclass(frozen=True, slots=True)
class Asked:
    """What a body asks for: the request with its whole input, and where it may go. `own` are the items of its input
    that it brought itself, as they are kept; `kept`: something of it is; `stateful`: it speaks of what is kept."""

    request: CreateRequest
    candidates: Sequence[Candidate]
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
    candidates = gateway.candidates(request.model, client)
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
    return Asked(request, candidates, context, own, kept, stateful)


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
