"""Cassandra or ScyllaDB: many servers and loads side by side, rows kept several times.

Made of what it does: `reading`, `writing` (with what is known of the data sets, `heads`), over one `door`.
"""

from syndb_graphql.spec.model import Model
from syndb_graphql.store.cassandra.door import ClusterOptions, Door
from syndb_graphql.store.cassandra.keyspace import refuse_other_schema
from syndb_graphql.store.cassandra.reading import Reading
from syndb_graphql.store.cassandra.writing import Writing

ROWS_PER_BUCKET = 50_000
"""About 12 MB of rows, which a page seldom crosses."""
LOAD_IN_FLIGHT = 4
"""Batches: with four a reader's median stays under three times what it is without, at two thirds of the rate of sixteen."""


class CassandraStore(Reading, Writing):
    """See `store.protocol.Store`. Connects at the first call; each call raises StoreUnavailable until that succeeds."""

    def __init__(
        self,
        options: ClusterOptions,
        model: Model,
        *,
        rows_per_bucket: int = ROWS_PER_BUCKET,
        load_in_flight: int = LOAD_IN_FLIGHT,
        patient: bool = False,
    ) -> None:
        door = Door(options, lambda session: refuse_other_schema(session, options, model))
        super().__init__(door, model, rows_per_bucket=rows_per_bucket, load_in_flight=load_in_flight, patient=patient)

    async def check(self) -> None:
        async with self._door.limited():
            await self._door.read(f"SELECT dataset_id FROM {self._name('dataset_head')} WHERE shard = ? LIMIT 1", (0,))

    async def close(self) -> None:
        await self._door.close()
