"""Waiting for what only repeated looking can tell."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")


async def eventually(
    look: Callable[[], Awaitable[Found]], fits: Callable[[Found], bool], *, within: float = 20, every: float = 0.01
) -> Found:
    """What is found once it fits, which has to be so within some seconds."""
    async with asyncio.timeout(within):
        while True:
            found = await look()
            if fits(found):
                return found
            await asyncio.sleep(every)
