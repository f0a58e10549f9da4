"""What is known of the data sets: heads, holds, records, and which versions there are.

Heads, holds and versions' records change by compare-and-set alone: plain writes, stamped by the writer's clock, may be
hidden by compare-and-set, and the other way round. Records of revisions and layouts are written once, under a number
that nobody else has, with the timestamp that rows have; so whatever removes them is later, whoever's clock is wrong.

A compare-and-set that was not answered may have been done. A head's says by its revision whether it was (nobody else
has that number), a hold's by its second; so both are looked at before they are tried again.

A server's calls end with their limit of time. A load's store is patient: what it asks and changes here waits for nodes
that restart, as its rows do; but to be refused, or to find nobody at all, is told at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cassandra import ConsistencyLevel

from syndb_graphql.errors import Conflict, StoreTimeout, StoreUnavailable
from syndb_graphql.store.cassandra.base import WHICH, Base
from syndb_graphql.store.cassandra.door import gather
from syndb_graphql.store.cassandra.failures import may_pass
from syndb_graphql.store.cassandra.layout import Layout, plan_layout
from syndb_graphql.store.protocol import DELETED, Head, Hold, Row, Snapshot

SHARDS = 8
"""Partitions that heads and holds lie in, all read each second by every server."""
ROW_TIMESTAMP = 1
"""Microseconds since 1970 that all rows are stamped with: a removal, stamped with the time of day, is always later."""
ATTEMPTS = 20
"""Each failure means that somebody else changed the same data set at that moment."""
_HEAD = "dataset_id, revision, version, last_version"


class Heads(Base):
    # ── Heads ──
    async def read_heads(self) -> list[Head]:
        return [Head(*row) for row in await self._shards("dataset_head", _HEAD) if row[2] != DELETED]

    async def swap_head(self, expected: Head, new: Head) -> bool:
        for attempt in range(ATTEMPTS):
            # A head that was deleted, or was never there, is the same to whoever asks.
            found = await self._head(expected.dataset_id)
            stored = Head(expected.dataset_id) if found is None or found.version == DELETED else found
            if stored != expected:
                done = (stored.revision, stored.version) == (new.revision, new.version)
                return attempt > 0 and done and stored.last_version >= new.last_version
            last = max(new.last_version, found.last_version if found else 0)
            if await self._set_head(found, Head(new.dataset_id, new.revision, new.version, last)):
                return True
        raise Conflict("The data set is being changed by others all the time. Try again.")

    async def begin_version(self, dataset_id: bytes) -> int:
        for _ in range(ATTEMPTS):
            found = await self._head(dataset_id)
            old = found or Head(dataset_id)
            number = old.last_version + 1
            if await self._set_head(found, Head(dataset_id, old.revision, max(0, old.version), number)):
                return number
        raise Conflict("The data set is being changed by others all the time. Try again.")

    async def open_version(self, snapshot: Snapshot, rows: Mapping[str, int]) -> None:
        layout = plan_layout(rows, self._rows_per_bucket)
        await self._write_layout(snapshot, layout)
        # Known to its writer also while nodes are lost.
        self._layouts.keep((snapshot.dataset_id, snapshot.version), layout)

    async def _write_layout(self, snapshot: Snapshot, layout: Layout) -> None:
        await self._write(
            f"INSERT INTO {self._name('dataset_layout')} (dataset_id, version, bits) VALUES (?, ?, ?) "
            f"USING TIMESTAMP {ROW_TIMESTAMP}",
            (snapshot.dataset_id, snapshot.version, dict(layout.bits)),
        )

    async def _head(self, dataset_id: bytes) -> Head | None:
        """As it is, after all that was begun before is settled."""
        cql = f"SELECT {_HEAD} FROM {self._name('dataset_head')} WHERE shard = ? AND dataset_id = ?"
        found = await self._settled(cql, (_shard(dataset_id), dataset_id))
        return Head(*found[0]) if found else None

    async def _set_head(self, found: Head | None, new: Head) -> bool:
        """Whether it was changed as far as is known; where no answer came, it may have been."""
        place = (_shard(new.dataset_id), new.dataset_id)
        values = (new.revision, new.version, new.last_version)
        name = self._name("dataset_head")
        if found is None:
            cql = f"INSERT INTO {name} (shard, {_HEAD}) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS"
            return await self._compare(cql, (*place, *values))
        cql = (
            f"UPDATE {name} SET revision = ?, version = ?, last_version = ? WHERE shard = ? AND dataset_id = ? "
            "IF revision = ? AND version = ? AND last_version = ?"
        )
        return await self._compare(cql, (*values, *place, found.revision, found.version, found.last_version))

    # ── Holds ──
    async def read_holds(self) -> list[Hold]:
        found = await self._shards("dataset_hold", "dataset_id, version, until")
        return [Hold(Snapshot(dataset_id, version), until) for dataset_id, version, until in found]

    async def swap_hold(self, snapshot: Snapshot, expected: int | None, new: int | None) -> bool:
        for _ in range(ATTEMPTS):
            if expected is None and new is None:
                return await self._hold(snapshot) is None
            try:
                return await self._set_hold(snapshot, expected, new)
            except StoreUnavailable as error:
                if not may_pass(error):
                    raise
                # It may have been done; nobody else sets a hold of this version to the same second.
                found = await self._hold(snapshot)
                if found != expected:
                    return found == new
        raise Conflict("The version is held and let go by others all the time. Try again.")

    async def _hold(self, snapshot: Snapshot) -> int | None:
        name = self._name("dataset_hold")
        cql = f"SELECT until FROM {name} WHERE shard = ? AND dataset_id = ? AND version = ?"
        found = await self._settled(cql, (_shard(snapshot.dataset_id), snapshot.dataset_id, snapshot.version))
        return found[0][0] if found else None

    async def _set_hold(self, snapshot: Snapshot, expected: int | None, new: int | None) -> bool:
        name, place = self._name("dataset_hold"), (_shard(snapshot.dataset_id), snapshot.dataset_id, snapshot.version)
        where = "WHERE shard = ? AND dataset_id = ? AND version = ?"
        if expected is None:
            cql = f"INSERT INTO {name} (shard, dataset_id, version, until) VALUES (?, ?, ?, ?) IF NOT EXISTS"
            return await self._compare(cql, (*place, new), repeatable=False)
        if new is None:
            return await self._compare(f"DELETE FROM {name} {where} IF until = ?", (*place, expected), repeatable=False)
        cql = f"UPDATE {name} SET until = ? {where} IF until = ?"
        return await self._compare(cql, (new, *place, expected), repeatable=False)

    # ── Records ──
    async def write_record(self, dataset_id: bytes, revision: int, record: bytes) -> None:
        cql = (
            f"INSERT INTO {self._name('dataset_record')} (dataset_id, revision, record) VALUES (?, ?, ?) "
            f"USING TIMESTAMP {ROW_TIMESTAMP}"
        )
        await self._write(cql, (dataset_id, revision, record))

    async def read_record(self, dataset_id: bytes, revision: int) -> bytes | None:
        cql = f"SELECT record FROM {self._name('dataset_record')} WHERE dataset_id = ? AND revision = ?"
        return await self._value(cql, (dataset_id, revision))

    async def write_version(self, snapshot: Snapshot, record: bytes) -> None:
        name, place = self._name("dataset_version"), (snapshot.dataset_id, snapshot.version)
        if layout := self._layouts.get(place):
            # Once more: rows were read back, but of this a killed node may have forgotten what it had just acknowledged.
            await self._write_layout(snapshot, layout)
        insert = f"INSERT INTO {name} (dataset_id, version, record) VALUES (?, ?, ?) IF NOT EXISTS"
        update = f"UPDATE {name} SET record = ? {WHICH} IF EXISTS"
        for _ in range(ATTEMPTS):
            if await self._compare(insert, (*place, record)) or await self._compare(update, (record, *place)):
                return
            await self._settled(f"SELECT version FROM {name} {WHICH}", place)  # where nodes are late, this says so
        raise Conflict("The version is being removed and written by others all the time. Try again.")

    async def read_version(self, snapshot: Snapshot) -> bytes | None:
        cql = f"SELECT record FROM {self._name('dataset_version')} {WHICH}"
        return await self._value(cql, (snapshot.dataset_id, snapshot.version))

    async def has_version(self, snapshot: Snapshot) -> bool:
        cql = f"SELECT version FROM {self._name('dataset_version')} {WHICH}"
        return bool(await self._read(cql, (snapshot.dataset_id, snapshot.version)))

    async def list_versions(self, dataset_id: bytes) -> list[int]:
        cql = f"SELECT version FROM {self._name('dataset_version')} WHERE dataset_id = ?"
        return [version for (version,) in await self._read(cql, (dataset_id,))]

    async def _forget_version(self, snapshot: Snapshot) -> None:
        """Its record, so that no reader takes what is left of it for the whole."""
        name, place = self._name("dataset_version"), (snapshot.dataset_id, snapshot.version)
        for _ in range(ATTEMPTS):
            await self._compare(f"DELETE FROM {name} {WHICH} IF EXISTS", place)
            if not await self._settled(f"SELECT version FROM {name} {WHICH}", place):  # not answered may be not done
                return
        raise Conflict("The version is being removed and written by others all the time. Try again.")

    async def _forget_head(self, dataset_id: bytes) -> None:
        """Nobody finds the data set any more; its last number stays."""
        for _ in range(ATTEMPTS):
            found = await self._head(dataset_id)
            if found is None or found.version == DELETED:
                return
            if await self._set_head(found, Head(dataset_id, 0, DELETED, found.last_version)):
                return
        raise Conflict("The data set is being changed by others all the time. Try again.")

    # ── Ways of asking ──
    async def _shards(self, table: str, columns: str) -> Sequence[Row]:
        cql = f"SELECT {columns} FROM {self._name(table)} WHERE shard = ?"

        async def read() -> Sequence[Row]:
            statements = [await self._door.bind(cql, (shard,)) for shard in range(SHARDS)]
            return [row for rows in await gather([self._door.start(each) for each in statements]) for row in rows]

        return await self._ask(read)

    async def _value(self, cql: str, values: Sequence[Any]) -> bytes | None:
        found = await self._read(cql, values)
        value: bytes | None = found[0][0] if found else None
        return value

    async def _settled(self, cql: str, values: Sequence[Any]) -> Sequence[Row]:
        """A read that first ends whatever compare-and-set was left half done."""

        async def read() -> Sequence[Row]:
            statement = await self._door.bind(cql, values)
            statement.consistency_level = ConsistencyLevel.LOCAL_SERIAL
            return await self._door.start(statement)

        return await self._ask(read)

    async def _write(self, cql: str, values: Sequence[Any]) -> None:
        await self._read(cql, values)

    async def _compare(self, cql: str, values: Sequence[Any], *, repeatable: bool = True) -> bool:
        """Whether it was applied. A repeatable one that was not answered counts as not applied: its caller looks again."""

        async def send() -> Sequence[Row]:
            return await self._door.start(await self._door.bind(cql, values, repeatable=repeatable))

        try:
            ((applied, *_),) = await self._ask(send, repeatable=repeatable)
        except StoreTimeout:
            if not repeatable:
                raise
            return False
        return bool(applied)


def _shard(dataset_id: bytes) -> int:
    return dataset_id[0] % SHARDS
