"""`/v1/responses/{id}`: what is kept of a response: retrieve, delete, list its input."""

import time
from typing import Final

import orjson
from aiohttp import web

from proxy.http import queries
from proxy.http.listing import item_list, json_answer, page_of
from proxy.http.modes import refuse_dry_run
from proxy.http.streams import BACKGROUND, stream_stored
from proxy.http.surface import CLIENT, GATEWAY
from proxy.responses import errors, identifiers
from proxy.state.records import UNFINISHED, Place, StoredResponse
from proxy.state.store import HistoryGoneError


async def retrieve(request: web.Request) -> web.StreamResponse:
    """`GET /v1/responses/{id}`: the object that the response's end announced, or its events once more."""
    query = queries.retrieval(request)
    record = await find(request)
    if query.stream:
        return await stream_stored(request, record, query.starting_after)
    return json_answer(await response_object(request, record))


async def delete(request: web.Request) -> web.Response:
    """`DELETE /v1/responses/{id}`: of a response that has ended."""
    refuse_dry_run(request)
    record = await find(request)
    store, client = request.app[GATEWAY].store, request[CLIENT]
    if record.status in UNFINISHED:
        raise errors.response_in_flight(record.id)
    if not await store.delete_response(record.id, client.name, time.time()):
        raise errors.response_not_found(record.id)
    return json_answer({"id": record.id, "object": "response", "deleted": True})


async def cancel(request: web.Request) -> web.Response:
    """`POST /v1/responses/{id}/cancel`: of a background response. A second time gives the same object again."""
    refuse_dry_run(request)
    record = await find(request)
    if not record.background:
        raise errors.not_cancellable("Cannot cancel a synchronous response.")
    if record.status in UNFINISHED:
        ended = await request.app[BACKGROUND].cancel(record)
        if ended is None:
            raise errors.response_not_found(record.id)
        record = ended
    elif record.status != "cancelled":
        raise errors.not_cancellable(f"Cannot cancel a response with the status '{record.status}'.")
    return json_answer(await response_object(request, record))


async def list_input(request: web.Request) -> web.Response:
    """`GET /v1/responses/{id}/input_items`: all that the model was given, the history included."""
    query = queries.page(request)
    record = await find(request)
    try:
        items = await request.app[GATEWAY].store.history(Place(record.place.chain, record.input_end))
    except HistoryGoneError:
        raise errors.response_not_found(record.id) from None
    page = page_of(items, query)
    return item_list(page.items, has_more=page.has_more)


async def find(request: web.Request) -> StoredResponse:
    """The response that the path names. Raises ResponsesError: 404, 503 when the store cannot be reached."""
    response_id = request.match_info["id"]
    found: StoredResponse | None = None
    if identifiers.is_storable(response_id):
        found = await request.app[GATEWAY].store.response(response_id, request[CLIENT].name, time.time())
    if found is None:
        raise errors.response_not_found(response_id)
    return found


async def response_object(request: web.Request, record: StoredResponse) -> dict[str, object]:
    """The response object with its output, which stands in it as `orjson.Fragment`s. Raises ResponsesError (404) when
    the response was deleted meanwhile."""
    response: dict[str, object] = orjson.loads(record.body)
    response["status"] = record.status
    if record.status in UNFINISHED:
        response["output"] = []
        return response
    try:
        output = await request.app[GATEWAY].store.output(record)
    except HistoryGoneError:
        raise errors.response_not_found(record.id) from None
    response["output"] = [orjson.Fragment(item) for item in output]
    return response


RESPONSE_ID: Final = r"(?!(?:compact|input_tokens)(?:/|$))[^/]+"
"""What stands for a response's id in a path: everything but the names of the resources beside it."""


def routes(prefix: str) -> list[web.RouteDef]:
    """The paths of this resource, under a prefix."""
    one = f"{prefix}/responses/{{id:{RESPONSE_ID}}}"
    return [
        web.get(one, retrieve, allow_head=False),
        web.delete(one, delete),
        web.post(f"{one}/cancel", cancel),
        web.get(f"{one}/input_items", list_input, allow_head=False),
    ]
