"""Rows of a version written, read back in sum, and removed: unlogged batches of one partition, a few in flight.

All rows of a batch lie in one partition, so it is one write for a node. Rows are stamped with the same time for ever:
written twice they are the same, and what removes them is always later. Only columns that have a value are written.
A batch that fails is tried again for as long as a restart of a node may take (base.py).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import polars as pl
from cassandra.query import BatchStatement, PreparedStatement

from syndb_graphql.emit.cql import quoted, related_name
from syndb_graphql.errors import StoreUnavailable
from syndb_graphql.spec.model import Relation, Table
from syndb_graphql.store.cassandra.base import WHERE, WHICH
from syndb_graphql.store.cassandra.encoding import (
    encode_bigint,
    encode_cell,
    encode_int,
    encode_rows,
    in_wire_order,
    pack_key,
)
from syndb_graphql.store.cassandra.heads import ROW_TIMESTAMP, Heads
from syndb_graphql.store.cassandra.layout import COUNTS, Layout, group_by_bucket
from syndb_graphql.store.cassandra.wire import make_batch
from syndb_graphql.store.protocol import RelatedCount, Row, RowsSummary, Snapshot, Uuids, join_uuids, read_columns

BATCH_ROWS = 100, 400
"""Least and most. A load of large ones is a tenth faster, and a reader waits for longer behind each: so they grow with the number in
flight, which says how far readers are spared."""
ROWS_EACH_IN_FLIGHT = 25
"""By so many: four in flight have the least, sixteen the most."""
REST, LONGEST_REST_S = 0.5, 0.05
"""After a batch, as a part of what it took: its place in flight stays empty so long. Few in flight leave readers their turn by
that; with many of them nothing is lost, since the nodes are busy with the others."""
BATCH_BYTES = 1_000_000
"""Of text, where rows hold much of it: a node takes at most 16 MB at once."""
SLICE_ROWS = 5000
"""Rows encoded at a time, while batches of the slice before are on their way."""
SWEEP_IN_FLIGHT = 16
READ_IN_FLIGHT = 4
"""Partitions read back at a time, each of them megabytes of rows."""


class Writing(Heads):
    async def write_rows(self, table: Table, snapshot: Snapshot, rows: pl.DataFrame) -> None:
        names = [column.name for column in table.columns]
        if rows.columns != names:
            raise ValueError(f"rows of {table.name} must have exactly the columns {names}, not {rows.columns}")
        layout = await self._begun(snapshot)
        empty = {name for name, nulls in rows.null_count().row(0, named=True).items() if nulls == rows.height}
        present = [column for column in table.columns if column.name not in empty or not column.nullable]
        kinds = in_wire_order({column.name: column.type for column in present})
        relations = [each for each in table.relations.values() if each.owner not in empty]
        insert = await self._insert(table.name, kinds)
        inserts = [await self._insert(related_name(each), dict.fromkeys([*kinds, each.order])) for each in relations]
        flight = _Flight(self._load_in_flight)
        try:
            for part in rows.iter_slices(SLICE_ROWS):
                size = _within_bytes(self._batch_rows, part)
                encoded = encode_rows(part, kinds)
                partitions = _Partitions(snapshot, layout.of(table.name), part["cid"].to_list())
                await self._write_part(insert, partitions, encoded, size, flight)
                for relation, statement in zip(relations, inserts, strict=True):
                    owners, placed = _place(relation, part, encoded)
                    partitions = _Partitions(snapshot, layout.of(table.name), owners)
                    await self._write_part(statement, partitions, placed, size, flight)
            await flight.land()
        finally:
            flight.abandon()

    async def write_counts(self, snapshot: Snapshot, counts: Iterable[RelatedCount]) -> None:
        layout = await self._begun(snapshot)
        insert = await self._insert(COUNTS, ("key", "relation", "table", "n"))
        found = list(counts)
        encoded = [
            b"".join(
                map(encode_cell, (each.key, each.relation.encode(), each.table.encode(), encode_bigint(each.count)))
            )
            for each in found
        ]
        flight = _Flight(self._load_in_flight)
        try:
            partitions = _Partitions(snapshot, layout.of(COUNTS), [each.key for each in found])
            await self._write_part(insert, partitions, encoded, self._batch_rows, flight)
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
        if layout is None:
            return RowsSummary(0, 0)
        relations = list(table.relations.values())
        ends = [tuple(name for name in {each.owner, each.order} if name in table.column) for each in relations]
        names = list(dict.fromkeys(["cid", *chain.from_iterable(ends)]))
        whole = f"SELECT {', '.join(names)} FROM {self._name(table.name)} {WHERE}"
        related = [f"SELECT count(*) FROM {self._name(related_name(each))} {WHERE}" for each in relations]
        count, checksum = 0, 0
        expected, met = Counter[str](), Counter[str]()

        async def summarize(key: Sequence[object]) -> None:
            nonlocal count, checksum
            columns = dict(zip(names, read_columns(await self._ask_patiently(whole, key), len(names)), strict=True))
            count += len(columns["cid"])
            checksum ^= _checksum(columns["cid"])
            for relation, needed in zip(relations, ends, strict=True):
                expected[relation.name] += _count_whole([columns[name] for name in needed])

        async def count_related(relation: Relation, cql: str, key: Sequence[object]) -> None:
            found = await self._ask_patiently(cql, key)  # first: others count while this waits
            met[relation.name] += found[0][0]

        flight = _Flight(READ_IN_FLIGHT)
        try:
            for bucket in range(1 << layout.of(table.name)):
                key = self._key(snapshot, bucket)
                await flight.take_off(partial(summarize, key))
                for relation, cql in zip(relations, related, strict=True):
                    await flight.take_off(partial(count_related, relation, cql, key))
            await flight.land()
        finally:
            flight.abandon()
        for relation in relations:
            if met[relation.name] != expected[relation.name]:
                raise StoreUnavailable(
                    f"{related_name(relation)} holds {met[relation.name]:,} rows, not the {expected[relation.name]:,} of "
                    f"{table.name} that have {relation.owner}. Load again; if it repeats, look at the store's own logs."
                )
        return RowsSummary(count, checksum)

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
                    await flight.take_off(partial(self._ask_patiently, cql, self._key(snapshot, bucket)))
            await flight.land()
        finally:
            flight.abandon()
        self._layouts.pop((snapshot.dataset_id, snapshot.version), None)
        # Also where there was none: a writer that stood still may be about to write it.
        await self._write(
            f"DELETE FROM {self._name('dataset_layout')} {WHICH}",
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
    @property
    def _batch_rows(self) -> int:
        least, most = BATCH_ROWS
        return min(most, max(least, ROWS_EACH_IN_FLIGHT * self._load_in_flight))

    async def _begun(self, snapshot: Snapshot) -> Layout:
        layout = await self._layout(snapshot)
        if layout is None:
            raise StoreUnavailable(f"Version {snapshot.version} was removed while it was written. Load again.")
        return layout

    async def _insert(self, table: str, columns: Iterable[str]) -> PreparedStatement:
        names = ["dataset_id", "version", "bucket", *map(quoted, columns)]
        cql = (
            f"INSERT INTO {self._name(table)} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
            f"USING TIMESTAMP {ROW_TIMESTAMP}"
        )
        return await self._patiently(partial(self._door.prepare, cql))

    async def _write_part(
        self,
        insert: PreparedStatement,
        partitions: "_Partitions",
        rows: Sequence[bytes],
        size: int,
        flight: "_Flight",
    ) -> None:
        """Send encoded rows in batches of `size`."""
        for bucket, places in group_by_bucket(partitions.keys, partitions.bits).items():
            key = partitions.key(bucket)
            start_of_row, routing = b"".join(map(encode_cell, key)), pack_key(key)
            for start in range(0, len(places), size):
                batch = make_batch(insert, start_of_row, [rows[place] for place in places[start : start + size]])
                batch.routing_key, batch.keyspace = routing, self._door.keyspace
                await flight.take_off(partial(self._send, batch))

    async def _send(self, batch: BatchStatement) -> None:
        began = time.monotonic()
        await self._patiently(partial(self._door.start, batch))
        await asyncio.sleep(min(REST * (time.monotonic() - began), LONGEST_REST_S))

    async def _ask_patiently(self, cql: str, values: Sequence[object]) -> Sequence[Row]:
        """One statement; all rows that it finds, in pages."""

        async def read() -> Sequence[Row]:
            return await self._door.read(cql, values)

        return await self._patiently(read)


@dataclass(frozen=True, slots=True)
class _Partitions:
    """Which partition each of some rows lies in."""

    snapshot: Snapshot
    bits: int
    keys: Sequence[bytes]
    """A uuid a row, of which the bucket is a prefix."""

    def key(self, bucket: int) -> tuple[bytes, ...]:
        return self.snapshot.dataset_id, encode_int(self.snapshot.version), encode_int(bucket)


class _Flight:
    """A bounded number of calls on their way; the first that fails ends all."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tasks: set[asyncio.Task[object]] = set()

    async def take_off(self, call: Callable[[], Awaitable[object]]) -> None:
        if len(self._tasks) >= self._size:
            await self._wait(asyncio.FIRST_COMPLETED)
        self._tasks.add(asyncio.ensure_future(call()))

    async def land(self) -> None:
        if self._tasks:
            await self._wait(asyncio.FIRST_EXCEPTION)

    def abandon(self) -> None:
        for task in self._tasks:
            task.cancel()
            task.add_done_callback(_look_at)

    async def _wait(self, until: str) -> None:
        done, self._tasks = await asyncio.wait(self._tasks, return_when=until)
        failed = [error for task in done if (error := task.exception())]
        if failed:
            raise failed[0]


def _look_at(task: asyncio.Task[object]) -> None:
    """That it failed is nobody's concern any more."""
    if not task.cancelled():
        task.exception()


def _within_bytes(count: int, part: pl.DataFrame) -> int:
    """So many rows, or fewer where they hold much text."""
    longest = sum(size or 0 for size in part.select(pl.col(pl.String).str.len_bytes().max()).row(0))
    return max(1, min(count, BATCH_BYTES // max(1, longest)))


def _checksum(cids: Sequence[bytes]) -> int:
    tails = np.frombuffer(join_uuids(cids), "<u8")[1::2]
    return int(np.bitwise_xor.reduce(tails))


def _count_whole(columns: Sequence[Sequence[Any]]) -> int:
    """Rows in which none of these is missing."""
    some = [column for column in columns if not isinstance(column, Uuids)]
    return sum(None not in row for row in zip(*some, strict=True)) if some else len(columns[0])


def _place(relation: Relation, part: pl.DataFrame, rows: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The owners and rows that a relation lists: those with an owner, and with the component that their order names."""
    owners: list[Any] = part[relation.owner].to_list()
    if relation.order in (relation.owner, relation.component):
        order = part[relation.order].to_list()
        kept = [at for at, owner in enumerate(owners) if owner is not None and order[at] is not None]
        return [owners[at] for at in kept], [rows[at] for at in kept]
    components = part[relation.component].to_list() if relation.component else [None] * len(owners)
    kept = [at for at, owner in enumerate(owners) if owner is not None]
    placed = [rows[at] + encode_cell(components[at] or owners[at]) for at in kept]
    return [owners[at] for at in kept], placed
