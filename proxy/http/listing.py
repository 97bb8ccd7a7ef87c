"""Lists of items: the envelope in which stored items are shown."""

from collections.abc import Sequence

import orjson
from aiohttp import web

from proxy.http.queries import PageQuery
from proxy.responses import errors
from proxy.state.records import Page, StoredItem


def item_list(items: Sequence[StoredItem], *, has_more: bool) -> web.Response:
    """A list of stored items; the ids of an empty one are null."""
    return json_answer(
        {
            "object": "list",
            "data": [orjson.Fragment(item.body) for item in items],
            "first_id": items[0].id if items else None,
            "last_id": items[-1].id if items else None,
            "has_more": has_more,
        }
    )


def page_of(items: Sequence[StoredItem], query: PageQuery) -> Page:
    """A piece of a list that stands in ascending order. Raises ResponsesError (400) when `after` is not in it.

    Where several items have the id `after`, the page begins behind the last of them: reading on always ends.
    """
    ordered = list(items) if query.order == "asc" else list(reversed(items))
    start = 0
    if query.after is not None:
        start = max((position for position, item in enumerate(ordered, 1) if item.id == query.after), default=0)
        if start == 0:
            raise errors.cursor_not_found(query.after)
    end = start + query.limit
    return Page(ordered[start:end], end < len(ordered))


def json_answer(value: object) -> web.Response:
    """A value as JSON; stored JSON may stand in it as `orjson.Fragment`."""
    return web.Response(body=orjson.dumps(value), content_type="application/json")
