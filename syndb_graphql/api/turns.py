"""Turns for work in slices: of all requests that wait to go on, one is let through in each round of the event loop.

Between two slices the loop reads its sockets and runs what is small. With a plain `sleep(0)` every large request would do its next
slice in the same round, and a small one wait for all of them. Whoever came first goes first: a page that is nearly done is
ended before others are begun, while memory and caches still know it, which takes a tenth off several large pages asked for
at once. After ten slices, the largest page, a request begins to wait anew, so that one of hundreds lets others pass.
"""

import asyncio
from heapq import heappop, heappush
from itertools import count

SLICES = 10
"""Turns that a request has before it goes behind those that came after it."""


class Turns:
    def __init__(self) -> None:
        self._numbers = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        """A heap: the lowest number first, and of one number whoever came first."""
        self._calling = False

    def draw(self) -> int:
        """A number, higher than all before."""
        return next(self._numbers)

    async def wait(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        heappush(self._waiting, (number, self.draw(), turn))
        if not self._calling:
            self._calling = True
            loop.call_soon(self._call_next)
        await turn

    def _call_next(self) -> None:
        while self._waiting:
            _, _, turn = heappop(self._waiting)
            if not turn.done():  # its request may have been given up in the meantime
                turn.set_result(None)
                break
        self._calling = bool(self._waiting)
        if self._calling:
            asyncio.get_running_loop().call_soon(self._call_next)


class Turn:
    """One request's place among those that wait."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._number = self._left = 0

    async def wait(self) -> None:
        if not self._left:
            self._number, self._left = self._turns.draw(), SLICES
        self._left -= 1
        await self._turns.wait(self._number)
