"""Rows of a version written, read back in sum, and removed: unlogged batches of one partition, a few in flight.

All rows of a batch lie in one partition, so it is one write for a node. Rows are stamped with the same time for ever:
written twice they are the same, and what removes them is always later. Only columns that have a value are written.
A batch that fails is tried again for as long as a restart of a node may take (base.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

import numpy as np
import polars as pl
from cassandra.query import BatchStatement, BatchType, PreparedStatement

from syndb_graphql.emit.cql import quoted, related_name
from syndb_graphql.errors import StoreUnavailable
from syndb_graphql.spec.model import Relation, Table
from syndb_graphql.store.cassandra.base import WHERE
from syndb_graphql.store.cassandra.door import gather
from syndb_graphql.store.cassandra.encoding import UNSET, Cell, encode_bigint, encode_column, encode_int, pack_key
from syndb_graphql.store.cassandra.heads import ROW_TIMESTAMP, Heads
from syndb_graphql.store.cassandra.layout import COUNTS, Layout, group_by_bucket
from syndb_graphql.store.protocol import RelatedCount, Row, RowsSummary, Snapshot

BATCH_ROWS = 100
"""More gain nothing."""
BATCH_BYTES = 1_000_000
"""Of text, where rows hold much of it: a node takes at most 16 MB at once."""
SLICE_ROWS = 5000
"""Rows encoded at a time, while batches of the slice before are on their way."""
SWEEP_IN_FLIGHT = 16


class Writing(Heads):
    async def write_rows(self, table: Table, snapshot: Snapshot, rows: pl.DataFrame) -> None:
        names = [column.name for column in table.columns]
        if rows.columns != names:
            raise ValueError(f"rows of {table.name} must have exactly the columns {names}, not {rows.columns}")
        layout = await self._begun(snapshot)
        empty = {name for name, nulls in rows.null_count().row(0, named=True).items() if nulls == rows.height}
        present = [column for column in table.columns if column.name not in empty or not column.nullable]
        targets = [("cid", table.name, await self._insert(table.name, [column.name for column in present]))]
        relations = [each for each in table.relations.values() if each.owner not in empty]
        for relation in relations:
            written = dict.fromkeys([*(column.name for column in present), relation.order])
            targets.append((relation.name, related_name(relation), await self._insert(related_name(relation), written)))
        flight = _Flight(self._load_in_flight)
        try:
            for part in rows.iter_slices(SLICE_ROWS):
                size = _batch_rows(part)
                columns = {column.name: encode_column(part[column.name], column.type) for column in present}
                cells = list(zip(*columns.values(), strict=True))
                await self._write_part(snapshot, layout, targets[0], columns["cid"], cells, size, flight)
                for relation, target in zip(relations, targets[1:], strict=True):
                    keys, placed = _place(relation, columns, cells)
                    await self._write_part(snapshot, layout, target, keys, placed, size, flight, table.name)
            await flight.land()
        finally:
            flight.abandon()

    async def write_counts(self, snapshot: Snapshot, counts: Iterable[RelatedCount]) -> None:
        layout = await self._begun(snapshot)
        names = ("key", "relation", "table", "n")
        target = ("key", COUNTS, await self._insert(COUNTS, names))
        found = list(counts)
        cells = [(each.key, each.relation.encode(), each.table.encode(), encode_bigint(each.count)) for each in found]
        flight = _Flight(self._load_in_flight)
        try:
            await self._write_part(snapshot, layout, target, [each.key for each in found], cells, BATCH_ROWS, flight)
            await flight.land()
        finally:
            flight.abandon()

    async def finish_rows(self, table: Table, snapshot: Snapshot, reach: Callable[[float], None]) -> None:
        """Each row was written for every way of reading it at once."""
        del table, snapshot
        reach(1.0)

    async def summarize_rows(self, table: Table, snapshot: Snapshot) -> RowsSummary:
        """Also counts the rows by relation, which must be as many as have an owner. Raises StoreUnavailable if they are not."""
        layout = await self._layout(snapshot)
        count, checksum = 0, np.uint64(0)
        relations = list(table.relations.values())
        owned = [0] * len(relations)
        if layout is None:
            return RowsSummary(0, 0)
        parts = [part for relation in relations for part in dict.fromkeys((relation.owner, relation.order))]
        names = list(dict.fromkeys(["cid", *(name for name in parts if name in table.column)]))
        cql = f"SELECT {', '.join(names)} FROM {self._name(table.name)} {WHERE}"
        found = [0] * len(relations)
        for bucket in range(1 << layout.of(table.name)):
            key = self._key(snapshot, bucket)
            asked = [cql, *(f"SELECT count(*) FROM {self._name(related_name(each))} {WHERE}" for each in relations)]
            rows, *counts = await gather([asyncio.ensure_future(self._scan(each, key)) for each in asked])
            tails = b"".join([row[0][8:] for row in rows])
            count += len(rows)
            checksum ^= np.bitwise_xor.reduce(np.frombuffer(tails, "<u8")) if tails else np.uint64(0)
            for at, relation in enumerate(relations):
                needed = [names.index(name) for name in {relation.owner, relation.order} if name in names]
                owned[at] += sum(all(row[place] is not None for place in needed) for row in rows)
                found[at] += counts[at][0][0]
        for relation, expected, met in zip(relations, owned, found, strict=True):
            if met != expected:
                raise StoreUnavailable(
                    f"{related_name(relation)} holds {met:,} rows, not the {expected:,} of {table.name} that have "
                    f"{relation.owner}. Load again; if it repeats, look at the store's own logs."
                )
        return RowsSummary(count, int(checksum))

    async def drop_version(self, snapshot: Snapshot) -> None:
        await self._forget_version(snapshot)
        layout = await self._layout(snapshot)
        tables: list[tuple[str, int]] = []
        if layout is not None:
            tables.append((COUNTS, layout.of(COUNTS)))
            for table in self._model.tables.values():
                bits = layout.of(table.name)
                tables += [(name, bits) for name in (table.name, *map(related_name, table.relations.values()))]
        flight = _Flight(SWEEP_IN_FLIGHT)
        try:
            for name, bits in tables:
                cql = f"DELETE FROM {self._name(name)} {WHERE}"
                for bucket in range(1 << bits):
                    statement = await self._door.bind(cql, self._key(snapshot, bucket))
                    await flight.take_off(self._patiently(partial(self._door.start, statement)))
            await flight.land()
        finally:
            flight.abandon()
        self._layouts.pop((snapshot.dataset_id, snapshot.version), None)
        # Also where there was none: a writer that stood still may be about to write it.
        await self._write(
            f"DELETE FROM {self._name('dataset_layout')} WHERE dataset_id = ? AND version = ?",
            (snapshot.dataset_id, snapshot.version),
        )

    async def delete_dataset(self, dataset_id: bytes) -> None:
        await self._forget_head(dataset_id)
        for version in await self.list_versions(dataset_id):
            await self._forget_version(Snapshot(dataset_id, version))
        begun = await self._read(
            f"SELECT version FROM {self._name('dataset_layout')} WHERE dataset_id = ?", (dataset_id,)
        )
        for (version,) in begun:
            await self.drop_version(Snapshot(dataset_id, version))
        records = self._name("dataset_record")
        # One by one: a later revision has the same timestamp, and the removal of all would hide it.
        for (revision,) in await self._read(f"SELECT revision FROM {records} WHERE dataset_id = ?", (dataset_id,)):
            await self._write(f"DELETE FROM {records} WHERE dataset_id = ? AND revision = ?", (dataset_id, revision))

    # ── Batches ──
    async def _begun(self, snapshot: Snapshot) -> Layout:
        layout = await self._layout(snapshot)
        if layout is None:
            raise StoreUnavailable(f"Version {snapshot.version} was removed while it was written. Load again.")
        return layout

    async def _insert(self, table: str, columns: Iterable[str]) -> PreparedStatement:
        names = ["dataset_id", "version", "bucket", *map(quoted, columns)]
        return await self._door.prepare(
            f"INSERT INTO {self._name(table)} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
            f"USING TIMESTAMP {ROW_TIMESTAMP}"
        )

    async def _write_part(
        self,
        snapshot: Snapshot,
        layout: Layout,
        target: tuple[str, str, PreparedStatement],
        keys: Sequence[bytes],
        cells: Sequence[tuple[Cell, ...]],
        size: int,
        flight: "_Flight",
        table: str = "",
    ) -> None:
        """Send rows in batches of `size`; `keys` are what their buckets follow from, those of `table`."""
        _, name, statement = target
        version = encode_int(snapshot.version)
        for bucket, places in group_by_bucket(keys, layout.of(table or name)).items():
            key = (snapshot.dataset_id, version, encode_int(bucket))
            routing = pack_key(key)
            for start in range(0, len(places), size):
                batch = BatchStatement(BatchType.UNLOGGED)
                # As `add` would put them there, without the cost of encoding cell by cell; a test reads back what it wrote.
                batch._statements_and_parameters = [
                    (True, statement.query_id, key + cells[place]) for place in places[start : start + size]
                ]
                batch.routing_key, batch.keyspace = routing, self._door.keyspace
                batch.is_idempotent = True
                await flight.take_off(self._patiently(partial(self._door.start, batch)))

    # ── Reading back ──
    async def _scan(self, cql: str, values: Sequence[object]) -> list[Row]:
        """All rows of a partition, in pages."""

        async def read() -> list[Row]:
            return await self._door.read(cql, values)

        return await self._patiently(read)


class _Flight:
    """A bounded number of writes on their way; the first that fails ends all."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tasks: set[asyncio.Task[list[Row]]] = set()

    async def take_off(self, write: Awaitable[list[Row]]) -> None:
        if len(self._tasks) >= self._size:
            await self._wait(asyncio.FIRST_COMPLETED)
        self._tasks.add(asyncio.ensure_future(write))

    async def land(self) -> None:
        if self._tasks:
            await self._wait(asyncio.ALL_COMPLETED)

    def abandon(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _wait(self, until: str) -> None:
        done, self._tasks = await asyncio.wait(self._tasks, return_when=until)
        for task in done:
            task.result()


def _batch_rows(part: pl.DataFrame) -> int:
    longest = sum(size or 0 for size in part.select(pl.col(pl.String).str.len_bytes().max()).row(0))
    return max(1, min(BATCH_ROWS, BATCH_BYTES // max(1, longest)))


def _place(
    relation: Relation, columns: dict[str, list[Cell]], cells: Sequence[tuple[Cell, ...]]
) -> tuple[list[bytes], list[tuple[Cell, ...]]]:
    """The owners and rows that a relation lists: those with an owner, and with the component that their order names."""
    owners = columns[relation.owner]
    if relation.order in (relation.owner, relation.component):
        order = columns.get(relation.order, [UNSET] * len(owners))
        kept = [at for at, owner in enumerate(owners) if owner is not UNSET and order[at] is not UNSET]
        return [owners[at] for at in kept], [cells[at] for at in kept]
    components = columns.get(relation.component or "", [UNSET] * len(owners))
    kept = [at for at, owner in enumerate(owners) if owner is not UNSET]
    rows = [(*cells[at], owners[at] if components[at] is UNSET else components[at]) for at in kept]
    return [owners[at] for at in kept], rows
