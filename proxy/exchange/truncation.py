"""`truncation: auto`: whole turns go from the beginning of the history until the rest fits into the model's window.

A turn begins at a message of the user that follows something of the assistant's. So a call keeps its result, and
reasoning what it led to. Instructions, system and developer messages, and the newest turn always stay.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

from proxy.exchange.counting import ask_counter
from proxy.exchange.endpoint import Target
from proxy.exchange.gateway import Gateway
from proxy.provider.contract import Prepared
from proxy.provider.conversions import Conversion, RefusedError, dropped
from proxy.provider.history import CallItem, HistoryItem, MessageItem, ResultItem
from proxy.usage.estimate import Estimator, most_tokens

MARGIN: Final = 0.3
"""How far an estimate is trusted: the vendor is asked only where it lies within this share of the limit."""

MAX_COUNTS: Final = 3
"""How often the vendor's counter is asked for one request."""

DEFAULT_ROOM: Final = 8_192
"""Tokens left for the answer when nobody says how long it may be."""

MAX_ROOM: Final = 32_768
"""The most tokens that are left for the answer when the client does not ask for more."""

MAX_ROOM_SHARE: Final = 0.25
"""The largest share of the window that is left for the answer when the client does not say how long it may be."""

MAX_PATHS: Final = 50
"""How many dropped items are named one by one."""

REASON: Final = "left out by truncation: auto, the history is too long for the model"

_CHARACTERS_PER_TOKEN: Final = 4


async def shorten(gateway: Gateway, target: Target, prepared: Prepared, *, by_estimate: bool = False) -> None:
    """Drop the oldest turns that the model's window has no room for, and declare what was dropped. `by_estimate`: the
    vendor's counter is not asked.

    Nothing is done where the window is not known, or smaller than the answer that is asked for. The newest turn is sent
    even where it does not fit alone: then the vendor's error is the answer.
    """
    window = prepared.capabilities.context_window
    if window is None:
        return
    limit = window - room_for_answer(prepared, window)
    certain = limit * (1 - MARGIN)
    if limit <= 0 or most_tokens(prepared) <= certain:
        return
    turns = turns_of(prepared.items)
    if len(turns) < 2:
        return
    sizes = await _sizes(gateway.estimator, prepared, turns, limit * (1 + MARGIN))
    if sizes[0] <= certain:
        return
    counts = 0 if by_estimate else MAX_COUNTS
    _drop(prepared, turns[: await _first_to_keep(gateway, target, prepared, turns, sizes, limit, counts)])


def halve(prepared: Prepared) -> bool:
    """Drop the older half of the turns, and declare it; False, and nothing dropped, when there is only one turn."""
    turns = turns_of(prepared.items)
    _drop(prepared, turns[: len(turns) // 2])
    return len(turns) > 1


def room_for_answer(prepared: Prepared, window: int) -> int:
    """The tokens of the model's window that the answer is left."""
    asked, most = prepared.request.max_output_tokens, prepared.capabilities.max_output_tokens
    if asked is not None:
        return min(asked, most or asked)
    return min(most or DEFAULT_ROOM, MAX_ROOM, int(window * MAX_ROOM_SHARE))


def turns_of(items: Sequence[HistoryItem]) -> list[list[HistoryItem]]:
    """The turns of a history, oldest first, without what always stays."""
    turns: list[list[HistoryItem]] = []
    answered = True
    for item in items:
        if _always_stays(item):
            continue
        by_user = isinstance(item, MessageItem) and item.role == "user"
        if not turns or (by_user and answered):
            turns.append([])
        turns[-1].append(item)
        answered = not by_user
    return turns


def _always_stays(item: HistoryItem) -> bool:
    return isinstance(item, MessageItem) and item.role in ("system", "developer")


# --- what fits ------------------------------------------------------------------------------------------------------


async def _sizes(
    estimator: Estimator, prepared: Prepared, turns: Sequence[Sequence[HistoryItem]], enough: float
) -> list[float]:
    """The estimated tokens of the request with the turns from the first, the second, ... on.

    Beyond `enough` tokens older turns are not looked at: they are infinite.
    """
    base = await estimator.estimate_input(
        replace(prepared, items=[item for item in prepared.items if _always_stays(item)])
    )
    weights: list[float] = []
    for batch in _batches(turns, enough * _CHARACTERS_PER_TOKEN):
        weights += await estimator.weigh(batch)
        if base + sum(weights) > enough:
            break
    weights += [math.inf] * (len(turns) - len(weights))
    return list(accumulate(weights, initial=base))[:0:-1]


def _batches(turns: Sequence[Sequence[HistoryItem]], characters: float) -> Iterator[list[Sequence[HistoryItem]]]:
    """The turns, newest first, in batches of about so many characters of text."""
    batch: list[Sequence[HistoryItem]] = []
    size = 0
    for turn in reversed(turns):
        batch.append(turn)
        size += sum(map(_characters, turn))
        if size > characters:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _characters(item: HistoryItem) -> int:
    match item:
        case MessageItem(parts=parts) | ResultItem(output=[*parts]):
            return sum(len(text) for part in parts if isinstance(text := part.get("text"), str))
        case ResultItem(output=str(text)) | CallItem(arguments=text):
            return len(text)
    return 0


async def _first_to_keep(
    gateway: Gateway,
    target: Target,
    prepared: Prepared,
    turns: Sequence[Sequence[HistoryItem]],
    sizes: Sequence[float],
    limit: int,
    counts: int,
) -> int:
    """The first of the turns that are sent: with it the request fits, with one more it does not. `counts`: how often
    the vendor's counter is asked at most."""
    lowest, highest = 0, len(turns) - 1
    fits: int | None = None
    scale = 1.0

    def by_estimate() -> int:
        return next((first for first in range(lowest, highest) if sizes[first] * scale <= limit), highest)

    first = 0 if sizes[0] <= limit * (1 + MARGIN) else by_estimate()
    for _ in range(counts):
        tokens = await _counted(gateway, target, prepared, turns[:first])
        if tokens is None:
            break
        scale = tokens / sizes[first]
        if tokens <= limit:
            fits = highest = first
        else:
            lowest = min(first + 1, highest)
        following = by_estimate()
        if following == first:
            break
        first = following
    return by_estimate() if fits is None else fits


async def _counted(
    gateway: Gateway, target: Target, prepared: Prepared, left_out: Sequence[Sequence[HistoryItem]]
) -> int | None:
    """The tokens without these turns, as the vendor counts them, if it does."""
    try:
        return await ask_counter(gateway, target, replace(prepared, items=_without(prepared.items, left_out)))
    except RefusedError:
        # Perhaps for something that is not sent in the end; else it is refused when the request itself is encoded.
        return None


# --- dropping -------------------------------------------------------------------------------------------------------


def _without(items: Sequence[HistoryItem], turns: Sequence[Sequence[HistoryItem]]) -> list[HistoryItem]:
    count = sum(map(len, turns))
    if not count:
        return list(items)
    last = turns[-1][-1]
    end = next(index for index, item in enumerate(items) if item is last) + 1
    return [*filter(_always_stays, items[:end]), *items[end:]]


def _drop(prepared: Prepared, turns: Sequence[Sequence[HistoryItem]]) -> None:
    """Take the oldest turns out of the history. What else was said of their items has no meaning any more."""
    if not turns:
        return
    prepared.items = _without(prepared.items, turns)
    paths = list(dict.fromkeys(item.path for turn in turns for item in turn))
    gone = frozenset(paths)
    kept = [one for one in prepared.conversions if _item_of(one.path) not in gone]
    prepared.conversions[:] = [*kept, *_declared(paths)]


def _item_of(path: str) -> str:
    """The path of the item that a path leads into."""
    item, bracket, _ = path.partition("]")
    return item + bracket


def _declared(paths: Sequence[str]) -> Iterator[Conversion]:
    for path in paths[:MAX_PATHS]:
        yield dropped(path, REASON, asked=True)
    if len(paths) > MAX_PATHS:
        yield dropped(f"{paths[MAX_PATHS]}..{paths[-1]}", REASON, asked=True)
