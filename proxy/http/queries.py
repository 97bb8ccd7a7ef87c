"""Query parameters of what is stored: checked like those of a body, in the same words.

Parameters that no handler knows are overlooked: SDKs and reverse proxies add their own (`api-version`).
"""

import re
from dataclasses import dataclass
from typing import Final, cast

from aiohttp import web

from proxy.responses import errors
from proxy.responses.validation import INCLUDE_VALUES
from proxy.state.records import Order

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100

ORDERS: Final = ("asc", "desc")
BOOLEANS: Final = {"true": True, "false": False}

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_INCLUDE: Final = re.compile(r"include(\[[0-9]{0,3}\])?")


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which piece of a list is wanted: up to `limit` items behind the item `after`."""

    order: Order = "desc"
    after: str | None = None
    limit: int = DEFAULT_LIMIT


@dataclass(frozen=True, slots=True)
class RetrieveQuery:
    """How a stored response is wanted: whole, or as the events with sequence numbers above `starting_after`."""

    stream: bool = False
    starting_after: int | None = None


def page(request: web.Request) -> PageQuery:
    """The piece of a list that a request asks for; raises ResponsesError (400)."""
    check_include(request)
    if "before" in request.query:
        raise errors.unsupported_parameter(
            "before", "Unsupported parameter: 'before'. Lists are read with 'after' and 'order'."
        )
    limit = _integer(request, "limit", minimum=1, maximum=MAX_LIMIT)
    order = single(request, "order") or "desc"
    if order not in ORDERS:
        raise errors.invalid_value("order", order, ORDERS)
    return PageQuery(cast(Order, order), single(request, "after"), DEFAULT_LIMIT if limit is None else limit)


def retrieval(request: web.Request) -> RetrieveQuery:
    """How a request wants a stored response; raises ResponsesError (400)."""
    check_include(request)
    stream = _boolean(request, "stream") or False
    starting_after = _integer(request, "starting_after", minimum=0)
    # What is sent is never padded, so that both values are honoured.
    _boolean(request, "include_obfuscation")
    if starting_after is not None and not stream:
        raise errors.malformed_value("starting_after", "it is a place in a stream and needs stream=true")
    return RetrieveQuery(stream, starting_after)


def check_include(request: web.Request) -> None:
    """Refuses values of `include` that do not exist. The others change nothing: items are shown with all they have.

    Raises ResponsesError (400).
    """
    values = [
        value
        for name, joined in request.query.items()
        if _INCLUDE.fullmatch(name) is not None
        for value in joined.split(",")
    ]
    for index, value in enumerate(values):
        if value not in INCLUDE_VALUES:
            raise errors.invalid_value(f"include[{index}]", value, INCLUDE_VALUES)


def single(request: web.Request, name: str) -> str | None:
    """The parameter's value; an empty one counts as absent. Raises ResponsesError (400) when there are several."""
    values = request.query.getall(name, [])
    if len(values) > 1:
        raise errors.malformed_value(name, "it is given more than once")
    return values[0] or None if values else None


def _integer(request: web.Request, name: str, *, minimum: int, maximum: int | None = None) -> int | None:
    text = single(request, name)
    if text is None:
        return None
    if _INTEGER.fullmatch(text) is None:
        raise errors.invalid_type(name, "an integer", "a string")
    value = int(text)
    if value < minimum:
        raise errors.out_of_range(name, "integer", value, minimum=minimum, maximum=None)
    if maximum is not None and value > maximum:
        raise errors.out_of_range(name, "integer", value, minimum=None, maximum=maximum)
    return value


def _boolean(request: web.Request, name: str) -> bool | None:
    text = single(request, name)
    if text is None:
        return None
    if text.lower() not in BOOLEANS:
        raise errors.invalid_type(name, "a boolean", "a string")
    return BOOLEANS[text.lower()]
