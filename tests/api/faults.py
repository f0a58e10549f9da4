"""A store that is sick in a known way: values the schema does not allow, reads that fail, links that cannot be made.

All of it follows from the rows themselves, never from the order of calls, so that two ways of answering one request meet
the same faults. A row is known by its cid, so each read asks for that as well and takes it out again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from syndb_graphql.errors import RawDataUnavailable, StoreTimeout, StoreUnavailable
from syndb_graphql.objects.protocol import Link
from syndb_graphql.spec.model import Table
from syndb_graphql.store.protocol import Owner, RelatedRows, Row, Snapshot, Window

NEVER = 0


@dataclass(frozen=True)
class Faults:
    """One value, read, kind of read or link in so many is bad; 0 for none. `seed` says which."""

    seed: int = 0
    values: int = NEVER
    reads: int = NEVER
    """Reads that a certain row is in the way of."""
    late: int = NEVER
    """Tables and relations of which no read ends in time."""
    links: int = NEVER

    def hits(self, every: int, *key: object) -> int:
        """0 where all is well, else a number by which to choose what is wrong."""
        if not every:
            return 0
        drawn = crc32(repr((self.seed, *key)).encode())
        return 0 if drawn % every else 1 + drawn // every

    def value(self, table: Table, name: str, cid: bytes, value: Any) -> Any:
        drawn = self.hits(self.values, table.name, name, cid)
        column = table.column.get(name)
        if not drawn or column is None:
            return value
        if not column.nullable:
            # No row is without a key or an owner; only the contributor's id may get lost.
            return None if name == "source_id" else value
        wrong: tuple[Any, ...] = {
            "float": (float("inf"), float("-inf"), float("nan"), 1.7e308),
            "int": (2**31, -(2**31) - 1, 2**63 - 1),
        }.get(column.type.name, (value,))
        if "_file_" in name or name.endswith(("_enum", "_table")):
            wrong = (None,) if "_file_" in name else ("no_such_table", "vesicle")
        return value if value is None else wrong[drawn % len(wrong)]

    def check(self, what: str, *key: object) -> None:
        drawn = self.hits(self.reads, what, *key)
        if drawn:
            raise StoreUnavailable(f"The store lost {what} {drawn % 1000}.")

    def check_time(self, what: str, name: str) -> None:
        if self.hits(self.late, "late", what, name):
            raise StoreTimeout(f"The store did not answer {what} {name} in time.")


class FaultyStore:
    """`store.protocol.Store`, with `faults` in what it answers; everything else is the real store's."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.faults = Faults()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read_page(
        self, table: Table, snapshot: Snapshot, *, columns: Sequence[str], window: Window, **more: Any
    ) -> list[Row]:
        self.faults.check_time("page", table.name)
        rows = await self._store.read_page(table, snapshot, columns=("cid", *columns), window=window, **more)
        # What is read beyond the page, to learn whether it goes on, may not decide: how much that is differs.
        return self._spoil(table, columns, rows, judged=window.limit - 1)

    async def read_related(
        self,
        relation: Any,
        snapshot: Snapshot,
        *,
        owners: Sequence[Owner],
        columns: Sequence[str],
        window: Window,
        **more: Any,
    ) -> RelatedRows:
        self.faults.check_time("related", f"{relation.table} {relation.name}")
        for owner in owners:
            self.faults.check("related", relation.table, relation.name, owner)
        found = await self._store.read_related(
            relation, snapshot, owners=owners, columns=("cid", *columns), window=window, **more
        )
        table = self._store._model.tables[relation.table]
        return RelatedRows(self._spoil(table, columns, found.rows, judged=0), found.offsets)

    async def read_rows(
        self, table: Table, snapshot: Snapshot, *, cids: Sequence[bytes], columns: Sequence[str]
    ) -> list[Row | None]:
        self.faults.check_time("rows", table.name)
        for cid in cids:
            self.faults.check("row", table.name, cid)
        rows = await self._store.read_rows(table, snapshot, cids=cids, columns=("cid", *columns))
        return [row and self._spoil(table, columns, [row], judged=0)[0] for row in rows]

    async def read_counts(self, snapshot: Snapshot, *, relation: str, keys: Sequence[bytes]) -> list[dict[str, int]]:
        self.faults.check_time("counts", relation)
        for key in keys:
            self.faults.check("counts", relation, key)
        found: list[dict[str, int]] = await self._store.read_counts(snapshot, relation=relation, keys=keys)
        return found

    def _spoil(self, table: Table, columns: Sequence[str], rows: Sequence[Row], judged: int) -> list[Row]:
        spoiled = []
        for number, (cid, *values) in enumerate(rows):
            if number < judged:
                self.faults.check("page", table.name, cid)
            named = zip(columns, values, strict=True)
            spoiled.append(tuple(self.faults.value(table, name, cid, value) for name, value in named))
        return spoiled


class FaultyObjects:
    """Links at a moment that stands still; some cannot be made."""

    def __init__(self, store: FaultyStore) -> None:
        self._store = store

    def link(self, key: str, *, filename: str, content_type: str) -> Link:
        if self._store.faults.hits(self._store.faults.links, key):
            raise RawDataUnavailable(f"The store of files does not answer for {filename}.")
        return Link(f"/files/{key}?name={filename}&type={content_type}", datetime(2026, 3, 1, tzinfo=UTC))
