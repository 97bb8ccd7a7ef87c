"""`/v1/conversations`: items that stay together, for responses to continue and to add to."""

import time
from collections.abc import Sequence

import orjson
from aiohttp import web

from proxy.exchange.context import without_references
from proxy.http import queries
from proxy.http.body import read_json
from proxy.http.listing import item_list, json_answer
from proxy.http.modes import refuse_dry_run
from proxy.http.surface import CLIENT, GATEWAY
from proxy.responses import conversation, errors, identifiers, stored_items
from proxy.responses.items import InputItem
from proxy.state.records import Conversation, StoredItem


async def create(request: web.Request) -> web.Response:
    """`POST /v1/conversations`: an empty body makes an empty conversation."""
    refuse_dry_run(request)
    gateway = request.app[GATEWAY]
    body = await read_json(request, may_be_empty=True)
    new = conversation.parse_create(body, unknown_parameters=gateway.rules.unknown_parameters)
    items = await _kept(request, new.items)
    made = Conversation(identifiers.conversation_id(), request[CLIENT].name, int(time.time()), new.metadata)
    await gateway.store.create_conversation(made, items)
    return _answer(made)


async def retrieve(request: web.Request) -> web.Response:
    """`GET /v1/conversations/{id}`."""
    return _answer(await _find(request))


async def update(request: web.Request) -> web.Response:
    """`POST /v1/conversations/{id}`: replaces the metadata."""
    refuse_dry_run(request)
    gateway, conversation_id = request.app[GATEWAY], _conversation_id(request)
    body = await read_json(request)
    metadata = conversation.parse_update(body, unknown_parameters=gateway.rules.unknown_parameters)
    found = await gateway.store.set_metadata(conversation_id, request[CLIENT].name, metadata)
    if found is None:
        raise errors.conversation_not_found(conversation_id)
    return _answer(found)


async def delete(request: web.Request) -> web.Response:
    """`DELETE /v1/conversations/{id}`: its responses stay."""
    refuse_dry_run(request)
    conversation_id = _conversation_id(request)
    if not await request.app[GATEWAY].store.delete_conversation(conversation_id, request[CLIENT].name):
        raise errors.conversation_not_found(conversation_id)
    return json_answer({"id": conversation_id, "object": "conversation.deleted", "deleted": True})


async def add_items(request: web.Request) -> web.Response:
    """`POST /v1/conversations/{id}/items`: answers the added items, in the order in which they were sent."""
    refuse_dry_run(request)
    queries.check_include(request)
    gateway, conversation_id = request.app[GATEWAY], _conversation_id(request)
    body = await read_json(request)
    items = conversation.parse_items(body, unknown_parameters=gateway.rules.unknown_parameters)
    kept = await _kept(request, items)
    if not await gateway.store.add_items(conversation_id, request[CLIENT].name, kept):
        raise errors.conversation_not_found(conversation_id)
    return item_list(kept, has_more=False)


async def list_items(request: web.Request) -> web.Response:
    """`GET /v1/conversations/{id}/items`."""
    query = queries.page(request)
    conversation_id = _conversation_id(request)
    if query.after is not None and not stored_items.is_usable_id(query.after):
        await _find(request)
        raise errors.cursor_not_found(query.after)
    try:
        page = await request.app[GATEWAY].store.conversation_items(
            conversation_id, request[CLIENT].name, order=query.order, after=query.after, limit=query.limit
        )
    except KeyError:
        raise errors.cursor_not_found(query.after or "") from None
    if page is None:
        raise errors.conversation_not_found(conversation_id)
    return item_list(page.items, has_more=page.has_more)


async def retrieve_item(request: web.Request) -> web.Response:
    """`GET /v1/conversations/{id}/items/{item_id}`."""
    queries.check_include(request)
    conversation_id, item_id = _conversation_id(request), request.match_info["item_id"]
    body: bytes | None = None
    if stored_items.is_usable_id(item_id):
        body = await request.app[GATEWAY].store.conversation_item(conversation_id, request[CLIENT].name, item_id)
    if body is None:
        await _find(request)
        raise errors.conversation_item_not_found(item_id, conversation_id)
    return web.Response(body=body, content_type="application/json")


async def delete_item(request: web.Request) -> web.Response:
    """`DELETE /v1/conversations/{id}/items/{item_id}`: answers the conversation."""
    refuse_dry_run(request)
    conversation_id, item_id = _conversation_id(request), request.match_info["item_id"]
    removed = stored_items.is_usable_id(item_id) and await request.app[GATEWAY].store.remove_item(
        conversation_id, request[CLIENT].name, item_id
    )
    found = await _find(request)
    if not removed:
        raise errors.conversation_item_not_found(item_id, conversation_id)
    return _answer(found)


def _conversation_id(request: web.Request) -> str:
    """The conversation's id in the path. Raises ResponsesError (404) for what no conversation can be called."""
    conversation_id = request.match_info["id"]
    if not identifiers.is_storable(conversation_id):
        raise errors.conversation_not_found(conversation_id)
    return conversation_id


async def _find(request: web.Request) -> Conversation:
    conversation_id = _conversation_id(request)
    found = await request.app[GATEWAY].store.conversation(conversation_id, request[CLIENT].name)
    if found is None:
        raise errors.conversation_not_found(conversation_id)
    return found


async def _kept(request: web.Request, items: Sequence[InputItem]) -> list[StoredItem]:
    """The items as a conversation keeps them; references are replaced by what they name."""
    items = await without_references(request.app[GATEWAY], items, request[CLIENT], (), "items")
    try:
        return [StoredItem(*item) for item in stored_items.with_ids(items)]
    except (orjson.JSONEncodeError, RecursionError):
        raise errors.malformed_value("items", "an item is nested deeper than the gateway can write") from None


def _answer(found: Conversation) -> web.Response:
    return json_answer(conversation.conversation_object(found.id, found.created_at, found.metadata))


def routes(prefix: str) -> list[web.RouteDef]:
    """The paths of this resource, under a prefix."""
    one = f"{prefix}/conversations/{{id:[^/]+}}"
    item = f"{one}/items/{{item_id:[^/]+}}"
    return [
        web.post(f"{prefix}/conversations", create),
        web.get(one, retrieve, allow_head=False),
        web.post(one, update),
        web.delete(one, delete),
        web.get(f"{one}/items", list_items, allow_head=False),
        web.post(f"{one}/items", add_items),
        web.get(item, retrieve_item, allow_head=False),
        web.delete(item, delete_item),
    ]
