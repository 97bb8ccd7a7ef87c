"""What a request builds upon: the history that a response, a conversation or a reference in its input stands for.

State errors come in the order that OpenAI was seen to have: exclusive parameters, conversation, prompt, previous
response, references.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import orjson

from proxy.exchange.gateway import Client, Gateway
from proxy.responses import errors, identifiers
from proxy.responses.errors import ResponsesError
from proxy.responses.items import InputItem
from proxy.responses.request import ConversationReference, CreateRequest, check_state
from proxy.responses.stored_items import is_usable_id, with_ids
from proxy.state.records import UNFINISHED, Conversation, Place, StoredItem


@dataclass(frozen=True, slots=True)
class LocalResponse:
    """A response that only its connection remembers: everything up to its end."""

    items: list[StoredItem]


@dataclass(frozen=True, slots=True)
class Context:
    """The history of a request, oldest first, and the stored place at which it ends (None: it is not stored as such).

    `conversation` gets what the response adds; `new_conversation` is one that has to be made first.
    """

    items: list[StoredItem] = field(default_factory=list)
    after: Place | None = None
    conversation: str | None = None
    new_conversation: tuple[Conversation, list[StoredItem]] | None = None


NO_CONTEXT = Context()


def parsed(items: Sequence[StoredItem]) -> list[InputItem]:
    """Stored items as a request holds them."""
    if not items:
        return []
    return cast("list[InputItem]", orjson.loads(b"[%b]" % b",".join([item.body for item in items])))


async def resolve(
    gateway: Gateway, request: CreateRequest, client: Client, remembered: Mapping[str, LocalResponse] | None = None
) -> Context:
    """What the request builds upon; references in its input are replaced by what they name.

    `remembered` are responses that the client's connection holds. Raises ResponsesError: 400 or 404 for what is
    unknown, foreign, deleted, expired or not finished, 503 when the store cannot be reached.
    """
    check_state(request)
    context = NO_CONTEXT
    if request.conversation is not None:
        context = await _conversation(gateway, request.conversation.get("id"), request, client)
    gateway.prompts.fill(request)
    if request.previous_response_id is not None:
        known = (remembered or {}).get(request.previous_response_id)
        if known is not None:
            context = Context(known.items)
        else:
            context = await _previous(gateway, request.previous_response_id, client)
    request.input = await without_references(gateway, request.input, client, context.items, "input")
    size = sum(len(item.body) for item in context.items)
    if size > gateway.history_limit:
        raise ResponsesError(
            400,
            f"The history that the request continues has {size} bytes; the gateway takes up to "
            f"{gateway.history_limit} (limits.history).",
            param="conversation" if context.conversation else "previous_response_id",
            code="context_length_exceeded",
        )
    return context


async def _conversation(
    gateway: Gateway, conversation_id: str | None, request: CreateRequest, client: Client
) -> Context:
    if conversation_id is None:
        return await _new_conversation(gateway, request.conversation or {}, client)
    known = None
    if identifiers.is_storable(conversation_id):
        known = await gateway.store.conversation_with_history(conversation_id, client.name)
    if known is None:
        raise errors.conversation_not_found(conversation_id)
    found, items = known
    return Context(items, found.end, found.id)


async def _new_conversation(gateway: Gateway, given: ConversationReference, client: Client) -> Context:
    new = Conversation(identifiers.conversation_id(), client.name, int(time.time()), given.get("metadata") or {})
    first = await without_references(gateway, given.get("items") or [], client, (), "conversation.items")
    try:
        items = [StoredItem(*item) for item in with_ids(first)]
    except (orjson.JSONEncodeError, RecursionError):
        raise errors.malformed_value(
            "conversation.items", "an item is nested deeper than the gateway can write"
        ) from None
    return Context(items, Place(new.id, len(items)), new.id, (new, items))


async def _previous(gateway: Gateway, response_id: str, client: Client) -> Context:
    """The history behind a stored response."""
    known = None
    if identifiers.is_storable(response_id):
        known = await gateway.store.response_with_history(response_id, client.name, time.time())
    if known is None:
        raise errors.previous_response_not_found(response_id)
    found, items = known
    # A background response is kept for a while even with `store: false`, to be fetched and not to be continued.
    if found.background and not orjson.loads(found.body)["store"]:
        raise errors.previous_response_not_found(response_id)
    if found.status in UNFINISHED:
        raise errors.previous_response_unfinished(response_id)
    if found.status not in ("completed", "incomplete"):
        raise errors.previous_response_not_usable(response_id, found.status)
    return Context(items, found.place)


async def without_references(
    gateway: Gateway, items: Sequence[InputItem], client: Client, history: Sequence[StoredItem], param: str
) -> list[InputItem]:
    """The items, with what they name in place of references: from the history at hand, else from the store.

    Raises ResponsesError (404, `param`) for what is not found.
    """
    wanted = [item["id"] for item in items if item["type"] == "item_reference"]
    if not wanted:
        return list(items)
    at_hand = {item.id: item.body for item in history}
    missing = sorted({name for name in wanted if name not in at_hand and is_usable_id(name)})
    if missing:
        at_hand |= await gateway.store.find_items(missing, client.name, time.time())
    for name in wanted:
        if name not in at_hand:
            raise errors.item_not_found(name, param)
    return [orjson.loads(at_hand[item["id"]]) if item["type"] == "item_reference" else item for item in items]
