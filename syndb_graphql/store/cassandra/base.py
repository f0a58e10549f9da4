"""What reading, writing and the catalogue share: the door, the model, the layouts of versions."""

from collections.abc import Sequence
from typing import Any

from syndb_graphql.spec.model import Model
from syndb_graphql.store.cassandra.door import Door
from syndb_graphql.store.cassandra.layout import Layout, Layouts
from syndb_graphql.store.protocol import Snapshot

WHERE = "WHERE dataset_id = ? AND version = ? AND bucket = ?"
"""One partition of rows."""


class Base:
    def __init__(self, door: Door, model: Model, *, rows_per_bucket: int, load_in_flight: int) -> None:
        self._door = door
        self._model = model
        self._rows_per_bucket = rows_per_bucket
        self._load_in_flight = load_in_flight
        self._layouts = Layouts()

    async def _layout(self, snapshot: Snapshot) -> Layout | None:
        """How the version is divided; None where it was never begun or is removed, and so has no rows."""
        key = (snapshot.dataset_id, snapshot.version)
        if (known := self._layouts.get(key)) is not None:
            return known
        found = await self._door.read(
            f"SELECT bits FROM {self._name('dataset_layout')} WHERE dataset_id = ? AND version = ?", key
        )
        return self._layouts.keep(key, Layout(dict(found[0][0] or {}))) if found else None

    def _name(self, table: str) -> str:
        """With its keyspace: statements are prepared for any connection."""
        return f"{self._door.keyspace}.{table}"

    @staticmethod
    def _key(snapshot: Snapshot, bucket: int, *more: Any) -> Sequence[Any]:
        return (snapshot.dataset_id, snapshot.version, bucket, *more)
