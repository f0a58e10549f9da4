"""Reads one after another, the next one asked for while what was read is answered: worth it where a store works elsewhere.

Never more than one is under way. Where a store reads on the loop itself nothing is asked ahead, so that others get
their turn between two reads.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

Read = TypeVar("Read")
Ask = Callable[[], Awaitable[Read]]


async def read_in_turn(
    following: Callable[[Read | None], Ask[Read] | None], *, ahead: bool
) -> AsyncGenerator[Read, None]:
    """What `following` asks for: first told None, then each read, which may say where the next one begins; None ends it.

    To be closed (`aclosing`), which gives up what was asked ahead.
    """
    ask = following(None)
    under_way: asyncio.Future[Read] | None = None
    try:
        while ask is not None:
            found = await (ask() if under_way is None else under_way)
            under_way = None
            ask = following(found)
            if ahead and ask is not None:
                under_way = asyncio.ensure_future(ask())
                under_way.add_done_callback(_look)
                await asyncio.sleep(0)  # where it is sent: else it would wait until this read has been answered
            yield found
    finally:
        if under_way is not None:
            under_way.cancel()


def _look(future: "asyncio.Future[Read]") -> None:
    """A failure that nobody comes to hear of, because the request ended, is no mistake."""
    if not future.cancelled():
        future.exception()
