"""The hold of a load on the version it writes, so that a sweep beside it knows that it lives.

It is written before the first row and renewed while the load runs. A sweep takes the version over by compare-and-set
once the hold has run out: whoever stood still for longer (a laptop that slept) finds it gone and publishes nothing.
What is taken over is negative, and goes when all rows and files of the version have gone, so that a sweep that is
killed is done again.
"""

import time
from asyncio import CancelledError, Lock, Task, create_task, sleep
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

from syndb_graphql.errors import Conflict, SyndbError
from syndb_graphql.store.protocol import Snapshot, Store

LEASE_S = 600
"""A load gives a sign of life this often at least. One call that checks 100,000,000 rows takes some minutes."""
RENEWAL_S = 60
TO_BE_REMOVED = 0
"""And what is below: the version's rows go, and its writer may go on writing until `-until`."""
ATTEMPTS = 1000
"""Each failure is a number whose rows are still being removed since its data set was deleted."""


class Lease:
    """A load's hold on `snapshot`; within `async with` it is renewed."""

    def __init__(self, rows: Store, snapshot: Snapshot, until: int) -> None:
        self.snapshot = snapshot
        self._rows = rows
        self._until = until
        self._turn = Lock()
        self._keeper: Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._keeper = create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeper:
            self._keeper.cancel()
            with suppress(CancelledError):
                await self._keeper

    async def renew(self) -> None:
        """Raises Conflict where the version was taken over."""
        async with self._turn:
            for _ in range(2):
                until = now() + LEASE_S
                if await self._rows.swap_hold(self.snapshot, self._until, until):
                    self._until = until
                    return
                # A renewal whose answer was lost may have come true; nobody else writes what is above zero.
                found = [hold.until for hold in await self._rows.read_holds() if hold.snapshot == self.snapshot]
                if not found or found[0] <= TO_BE_REMOVED:
                    break
                self._until = found[0]
        raise Conflict(
            "This load stood still for too long, or somebody else changed the data set meanwhile, and a sweep removed "
            "what it had written. Nothing was published; load it again."
        )

    async def end(self, until: int | None) -> None:
        """The version is published (None), or to be removed. Nothing happens where it was taken over."""
        async with self._turn:
            await self._rows.swap_hold(self.snapshot, self._until, until)

    async def _keep(self) -> None:
        while True:
            await sleep(RENEWAL_S)
            try:
                await self.renew()
            except Conflict:
                return  # the load finds out when it publishes
            except SyndbError:
                continue


async def take_lease(rows: Store, dataset_id: bytes, counts: Mapping[str, int] | None = None) -> Lease:
    """A lease on a version number nobody has had; `counts`: rows that are to come, by table."""
    for _ in range(ATTEMPTS):
        snapshot = Snapshot(dataset_id, await rows.begin_version(dataset_id))
        until = now() + LEASE_S
        if await rows.swap_hold(snapshot, None, until):
            await rows.open_version(snapshot, counts or {})
            lease = Lease(rows, snapshot, until)
            # Whoever takes the version over after this finds how it is divided; whoever did before ends the load here.
            await lease.renew()
            return lease
    raise Conflict("The data set was deleted and its rows are still being removed. Run `syndb-graphql sweep` first.")


def now() -> int:
    """Seconds since 1970: the clocks of all who load and sweep must agree to within minutes."""
    return int(time.time())
