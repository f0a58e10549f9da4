"""What reading, writing and the catalogue share: the door, the model, the layouts of versions, and patience."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from syndb_graphql.errors import StoreUnavailable
from syndb_graphql.spec.model import Model
from syndb_graphql.store.cassandra.door import Door
from syndb_graphql.store.cassandra.failures import may_pass
from syndb_graphql.store.cassandra.layout import Layout, Layouts
from syndb_graphql.store.protocol import Row, Snapshot

WHICH = "WHERE dataset_id = ? AND version = ?"
"""One version's row of those about versions."""
WHERE = "WHERE dataset_id = ? AND version = ? AND bucket = ?"
"""One partition of rows."""
PATIENCE_S = 90.0
"""How long one statement of a command is tried: a node's restart, or the loss of a second one for a while, ends no load."""
PAUSE_S = 0.1, 2.0
"""Between two tries: the first, doubled up to the second."""

T = TypeVar("T")


class Base:
    def __init__(
        self, door: Door, model: Model, *, rows_per_bucket: int, load_in_flight: int, patient: bool = False
    ) -> None:
        """`patient`: what is known of the data sets is asked and changed as patiently as rows are written."""
        self._door = door
        self._model = model
        self._rows_per_bucket = rows_per_bucket
        self._load_in_flight = load_in_flight
        self._layouts = Layouts()
        self._patient = patient
        self._hopeful = True
        """Nothing was given up, or something was answered since: who cleans up after a failure does not wait once more."""

    async def _layout(self, snapshot: Snapshot) -> Layout | None:
        """How the version is divided; None where it was never begun or is removed, and so has no rows.

        Raises StoreUnavailable where it has a record, and so has rows: it is not empty because nodes have forgotten where they lie.
        """
        key = (snapshot.dataset_id, snapshot.version)
        if (known := self._layouts.find(key)) is not None:
            return known
        found = await self._read(f"SELECT bits FROM {self._name('dataset_layout')} {WHICH}", key)
        if found:
            return self._layouts.keep(key, Layout(dict(found[0][0] or {})))
        # Afterwards: what removes a version takes its record first.
        if await self._read(f"SELECT version FROM {self._name('dataset_version')} {WHICH}", key):
            raise StoreUnavailable(
                f"The store of rows has lost how version {snapshot.version} is divided. Ask again; if it repeats, repair the "
                "table dataset_layout, or load the data set again."
            )
        return None

    async def _read(self, cql: str, values: Sequence[Any]) -> Sequence[Row]:
        async def read() -> Sequence[Row]:
            return await self._door.read(cql, values)

        return await self._ask(read)

    async def _ask(self, send: Callable[[], Awaitable[Sequence[Row]]], *, repeatable: bool = True) -> Sequence[Row]:
        """Within the limit of time; once more for as long as the patience of a command lasts."""

        async def send_in_time() -> Sequence[Row]:
            async with self._door.limited():
                return await send()

        if not self._patient or not repeatable:
            return await send_in_time()
        # Once, and as long as it takes: a node that stands still may be the first to be asked, and costs its whole limit.
        await self._door.connect()
        return await self._patiently(send_in_time)

    async def _patiently(self, send: Callable[[], Awaitable[T]]) -> T:
        """Sent until it is answered, for as long as the nodes that are missing may be back soon."""
        give_up, pause = time.monotonic() + PATIENCE_S * self._hopeful, PAUSE_S[0]
        hopeful = False
        try:
            while True:
                try:
                    found = await send()
                    hopeful = True
                    return found
                except StoreUnavailable as error:
                    if time.monotonic() >= give_up or not may_pass(error):
                        raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSE_S[1])
        finally:
            self._hopeful = hopeful

    def _name(self, table: str) -> str:
        """With its keyspace: statements are prepared for any connection."""
        return f"{self._door.keyspace}.{table}"

    @staticmethod
    def _key(snapshot: Snapshot, bucket: int, *more: Any) -> Sequence[Any]:
        return (snapshot.dataset_id, snapshot.version, bucket, *more)
