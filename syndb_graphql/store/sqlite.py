"""The embedded store: one SQLite file, one connection, in WAL mode, so that a load and a server work side by side.

Owns: SQL, the time limit of a call, the translation of apsw's errors. Leaves to others: what to read, and when.
Reads run on the event loop: each is bounded by its page and by the time limit, which SQLite's progress handler keeps;
handing a read of microseconds to a thread costs more than the read.
"""

import hashlib
import os
import time
from asyncio import Task, current_task, sleep
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import numpy as np

from syndb_graphql.emit.sqlite import emit_sqlite
from syndb_graphql.errors import StoreTimeout, StoreUnavailable, SyndbError
from syndb_graphql.spec.model import Model, Relation, Table
from syndb_graphql.store.protocol import (
    DELETED,
    EVERYTHING,
    Criteria,
    Head,
    Hold,
    Owner,
    RelatedCount,
    RelatedRows,
    Row,
    RowsSummary,
    Snapshot,
    Window,
)
from syndb_graphql.store.sqlite_failures import explain
from syndb_graphql.store.sqlite_statements import keys_sql, name_list, related_sql, version_keys

if TYPE_CHECKING:
    from polars import DataFrame

BUSY_TIMEOUT_MS = 30_000
"""A load waits this long for another load's batch to end."""
PROGRESS_STEPS = 20_000
"""Instructions of SQLite's machine between two looks at the clock: about a millisecond."""
PAGE_BYTES = 16_384
"""Of a new file; measured, a page of rows reads an eighth faster than with SQLite's 4,096, children a twentieth."""
SWEEP_ROWS = 20_000
"""Rows removed in one transaction, so that a sweep never holds up a load or fills the log."""
RELATED_ROWS = 100_000
"""Entries of a relation written in one transaction, so that neither readers' pages nor other loads wait for more."""
_FIRST, _LAST = b"", b"\xff" * 17
"""Below and above every 16-byte key."""


class SqliteStore:
    """See `store.protocol.Store`."""

    reads_elsewhere = False

    def __init__(self, path: Path, model: Model, *, timeout_s: float) -> None:
        """Open the database at `path`, made if missing. Raises StoreUnavailable where it cannot be used."""
        self._path = path
        self._model = model
        self._timeout_s = timeout_s
        self._deadline = float("inf")
        self._sorting: Task[object] | None = None
        """The load whose long statement runs, so that it can be ended within."""
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            # The loop's thread alone uses the connection, so SQLite needs no lock around each value: a seventh of a read.
            flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX
            self._connection = apsw.Connection(str(path), flags, statementcachesize=500)
            self._connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            self._connection.set_progress_handler(self._is_late, PROGRESS_STEPS)
            for pragma in (
                f"page_size={PAGE_BYTES}",
                "journal_mode=WAL",
                "synchronous=NORMAL",
                "cache_size=-65536",
                "mmap_size=1073741824",
            ):
                self._connection.execute(f"PRAGMA {pragma}")
            self._prepare_schema()
            self._opened = path.stat()

    # ── Reading rows ──
    async def read_page(
        self,
        table: Table,
        snapshot: Snapshot,
        *,
        columns: Sequence[str],
        window: Window,
        criteria: Criteria = EVERYTHING,
    ) -> list[Row]:
        del criteria  # everything, by cid: so far nothing else can be asked
        bounds = [(sign, key[0]) for sign, key in ((">", window.after), ("<", window.before)) if key]
        where = "".join(f" AND cid {sign} ?" for sign, _ in bounds)
        sql = (
            f"SELECT {name_list(columns)} FROM {table.name} WHERE dataset_id = ? AND version = ?{where} "
            f"ORDER BY cid {'DESC' if window.backwards else 'ASC'} LIMIT ?"
        )
        bindings = (snapshot.dataset_id, snapshot.version, *(cid for _, cid in bounds), window.limit)
        with self._limited():
            rows = self._fetch(sql, bindings, _booleans(table, columns))
        if window.backwards:
            rows.reverse()
        return rows

    async def read_related(
        self,
        relation: Relation,
        snapshot: Snapshot,
        *,
        owners: Sequence[Owner],
        columns: Sequence[str],
        window: Window,
        criteria: Criteria = EVERYTHING,
    ) -> RelatedRows:
        del criteria
        booleans = _booleans(self._model.tables[relation.table], columns)
        statements = []
        for one_component in (False, True):
            edges = window.edges(relation.key_within(one_component=one_component))
            sql = related_sql(relation, columns, window, one_component=one_component)
            statements.append((sql, (*edges, window.limit)))
        rows: list[Row] = []
        offsets = [0]
        with self._limited(len(owners)):
            for owner, component in owners:
                sql, bounds = statements[component is not None]
                key = (owner,) if component is None else (owner, component)
                found = self._fetch(sql, (snapshot.dataset_id, snapshot.version, *key, *bounds), booleans)
                rows.extend(reversed(found) if window.backwards else found)
                offsets.append(len(rows))
        return RelatedRows(rows, offsets)

    async def read_rows(
        self, table: Table, snapshot: Snapshot, *, cids: Sequence[bytes], columns: Sequence[str]
    ) -> list[Row | None]:
        sql = f"SELECT {name_list(columns)} FROM {table.name} WHERE dataset_id = ? AND version = ? AND cid = ?"
        booleans = _booleans(table, columns)
        rows: list[Row | None] = []
        with self._limited(len(cids)):
            for cid in cids:
                found = self._fetch(sql, (snapshot.dataset_id, snapshot.version, cid), booleans)
                rows.append(found[0] if found else None)
        return rows

    async def read_counts(self, snapshot: Snapshot, *, relation: str, keys: Sequence[bytes]) -> list[dict[str, int]]:
        sql = 'SELECT "table", n FROM related_count WHERE dataset_id = ? AND version = ? AND key = ? AND relation = ?'
        with self._limited(len(keys)):
            return [
                dict(self._connection.execute(sql, (snapshot.dataset_id, snapshot.version, key, relation)))
                for key in keys
            ]

    # ── Writing a version ──
    async def begin_version(self, dataset_id: bytes) -> int:
        sql = (
            "INSERT INTO dataset_head VALUES (?, 0, 0, 1) ON CONFLICT DO UPDATE SET version = max(0, version), "
            "last_version = last_version + 1 RETURNING last_version"
        )
        with self._translated():
            found: list[Row] = self._connection.execute(sql, (dataset_id,)).fetchall()
            number: int = found[0][0]
        return number

    async def open_version(self, snapshot: Snapshot, rows: Mapping[str, int]) -> None:
        del snapshot, rows  # all rows of a table lie together, however many they are
        with self._translated():
            # Mapped pages count as this process's memory, and a load touches all of them: 1 GB at 3,000,000 synapses.
            self._connection.execute("PRAGMA mmap_size=0")
            # Rows come in the order of their key: pages once full are not looked at again.
            self._connection.execute("PRAGMA cache_size=-16384")

    async def write_rows(self, table: Table, snapshot: Snapshot, rows: "DataFrame") -> None:
        names = [column.name for column in table.columns]
        if rows.columns != names:
            raise ValueError(f"rows of {table.name} must have exactly the columns {names}, not {rows.columns}")
        marks = ", ".join("?" * len(names))
        key = (snapshot.dataset_id, snapshot.version)
        sql = f"INSERT OR IGNORE INTO {table.name} (dataset_id, version, {name_list(names)}) VALUES (?, ?, {marks})"
        with self._translated(), self._connection:
            self._connection.executemany(sql, ((*key, *row) for row in rows.iter_rows()))

    async def finish_rows(self, table: Table, snapshot: Snapshot, reach: Callable[[float], None]) -> None:
        for number, relation in enumerate(table.relations.values()):
            async for part in self._fill_relation(relation, snapshot):
                reach((number + part) / len(table.relations))

    async def _fill_relation(self, relation: Relation, snapshot: Snapshot) -> AsyncIterator[float]:
        """Sort its keys in a temporary table, then append them. Yields how much is done, up to 1.

        Entries in their own order fill page after page; in the order of the rows each would change a page elsewhere.
        """
        key, target = (snapshot.dataset_id, snapshot.version), f"{relation.table}_{relation.name}"
        # Loads of several data sets may take turns on this connection.
        name = f"temp.{target}_{snapshot.dataset_id.hex()}_{snapshot.version}"
        names = name_list(relation.key)
        order = name_list(str(place) for place in range(1, len(relation.key) + 1))
        insert = f"INSERT OR IGNORE INTO {target} (dataset_id, version, {names}) SELECT ?, ?, {names} FROM {name}"
        try:
            self._sorting = current_task()
            with self._translated():
                self._connection.execute(f"CREATE TABLE {name} ({names})")
                self._connection.execute(f"INSERT INTO {name} {keys_sql(relation)} ORDER BY {order}", key)
                count = self._connection.changes()
            self._sorting = None
            yield 0.5
            for low in range(0, count, RELATED_ROWS):
                with self._translated(), self._connection:
                    self._connection.execute(
                        f"{insert} WHERE rowid > ? AND rowid <= ?", (*key, low, low + RELATED_ROWS)
                    )
                yield 0.5 + 0.5 * low / count
                await sleep(0)  # where Ctrl+C ends the load
            yield 1
        except StoreTimeout:
            await sleep(0)  # Ctrl+C while sorting: the task was cancelled, and ends here
            raise
        finally:
            self._sorting = None
            with self._translated():
                self._connection.execute(f"DROP TABLE IF EXISTS {name}")

    async def write_counts(self, snapshot: Snapshot, counts: Iterable[RelatedCount]) -> None:
        key = (snapshot.dataset_id, snapshot.version)
        with self._translated(), self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO related_count VALUES (?, ?, ?, ?, ?, ?)",
                ((*key, count.key, count.relation, count.table, count.count) for count in counts),
            )

    async def summarize_rows(self, table: Table, snapshot: Snapshot) -> RowsSummary:
        sql = f"SELECT substr(cid, 9) FROM {table.name} WHERE dataset_id = ? AND version = ?"
        count, checksum = 0, np.uint64(0)
        with self._translated():
            cursor = self._connection.execute(sql, (snapshot.dataset_id, snapshot.version))
            while tails := [tail for (tail,) in _take(cursor, 50_000)]:
                count += len(tails)
                checksum ^= np.bitwise_xor.reduce(np.frombuffer(b"".join(tails), "<u8"))
        return RowsSummary(count, int(checksum))

    async def drop_version(self, snapshot: Snapshot) -> None:
        key = (snapshot.dataset_id, snapshot.version)
        with self._translated():
            self._connection.execute("DELETE FROM dataset_version WHERE dataset_id = ? AND version = ?", key)
            for table, columns in version_keys(self._model).items():
                self._sweep(table, columns, key)

    # ── Data sets ──
    async def read_heads(self) -> list[Head]:
        with self._limited():
            sql = "SELECT dataset_id, revision, version, last_version FROM dataset_head WHERE version != ?"
            return [Head(*row) for row in self._connection.execute(sql, (DELETED,))]

    async def swap_head(self, expected: Head, new: Head) -> bool:
        unknown = expected == Head(expected.dataset_id)
        changed = 0
        with self._translated(), self._connection:
            if unknown:
                self._connection.execute(
                    "INSERT OR IGNORE INTO dataset_head VALUES (?, 0, 0, 0)", (expected.dataset_id,)
                )
            # A head that was deleted, or was never there, is the same to whoever asks.
            self._connection.execute(
                "UPDATE dataset_head SET revision = ?, version = ?, last_version = max(last_version, ?) "
                "WHERE dataset_id = ? AND (revision = ? AND version = ? AND last_version = ? OR ? AND version = ?)",
                (
                    *(new.revision, new.version, new.last_version, new.dataset_id),
                    *(expected.revision, expected.version, expected.last_version, unknown, DELETED),
                ),
            )
            changed = self._connection.changes()
        return changed == 1

    async def read_holds(self) -> list[Hold]:
        with self._limited():
            found = self._connection.execute("SELECT dataset_id, version, until FROM dataset_hold")
            return [Hold(Snapshot(dataset_id, version), until) for dataset_id, version, until in found]

    async def swap_hold(self, snapshot: Snapshot, expected: int | None, new: int | None) -> bool:
        key = (snapshot.dataset_id, snapshot.version)
        where = "dataset_id = ? AND version = ?"
        if expected is None and new is None:
            with self._limited():
                return not self._connection.execute(f"SELECT 1 FROM dataset_hold WHERE {where}", key).fetchall()
        changed = 0
        with self._translated(), self._connection:
            if expected is None:
                self._connection.execute("INSERT OR IGNORE INTO dataset_hold VALUES (?, ?, ?)", (*key, new))
            elif new is None:
                self._connection.execute(f"DELETE FROM dataset_hold WHERE {where} AND until = ?", (*key, expected))
            else:
                sql = f"UPDATE dataset_hold SET until = ? WHERE {where} AND until = ?"
                self._connection.execute(sql, (new, *key, expected))
            changed = self._connection.changes()
        return changed == 1

    async def write_record(self, dataset_id: bytes, revision: int, record: bytes) -> None:
        with self._translated():
            self._connection.execute(
                "INSERT OR REPLACE INTO dataset_record VALUES (?, ?, ?)", (dataset_id, revision, record)
            )

    async def read_record(self, dataset_id: bytes, revision: int) -> bytes | None:
        sql = "SELECT record FROM dataset_record WHERE dataset_id = ? AND revision = ?"
        return self._read_value(sql, (dataset_id, revision))

    async def write_version(self, snapshot: Snapshot, record: bytes) -> None:
        with self._translated():
            self._connection.execute(
                "INSERT OR REPLACE INTO dataset_version VALUES (?, ?, ?)",
                (snapshot.dataset_id, snapshot.version, record),
            )

    async def read_version(self, snapshot: Snapshot) -> bytes | None:
        sql = "SELECT record FROM dataset_version WHERE dataset_id = ? AND version = ?"
        return self._read_value(sql, (snapshot.dataset_id, snapshot.version))

    async def has_version(self, snapshot: Snapshot) -> bool:
        sql = "SELECT 1 FROM dataset_version WHERE dataset_id = ? AND version = ?"
        with self._limited():
            return bool(self._connection.execute(sql, (snapshot.dataset_id, snapshot.version)).fetchall())

    async def list_versions(self, dataset_id: bytes) -> list[int]:
        sql = "SELECT version FROM dataset_version WHERE dataset_id = ? ORDER BY version"
        with self._limited():
            return [version for (version,) in self._connection.execute(sql, (dataset_id,))]

    async def delete_dataset(self, dataset_id: bytes) -> None:
        with self._translated():
            self._connection.execute(
                "UPDATE dataset_head SET revision = 0, version = ? WHERE dataset_id = ?", (DELETED, dataset_id)
            )
            self._connection.execute("DELETE FROM dataset_version WHERE dataset_id = ?", (dataset_id,))
            for table, columns in version_keys(self._model).items():
                sql = f"SELECT DISTINCT version FROM {table} WHERE dataset_id = ?"
                found: list[Row] = self._connection.execute(sql, (dataset_id,)).fetchall()
                for (version,) in found:
                    self._sweep(table, columns, (dataset_id, version))
            self._connection.execute("DELETE FROM dataset_record WHERE dataset_id = ?", (dataset_id,))

    # ── Itself ──
    async def check(self) -> None:
        with self._limited():
            self._connection.execute("SELECT count(*) FROM dataset_head").fetchall()
        # SQLite goes on reading a file that was moved or removed, and would never see what is loaded from now on.
        if not self._path.exists() or not os.path.samestat(self._path.stat(), self._opened):
            raise StoreUnavailable("The database was moved, removed or replaced. Start the server again.")

    async def close(self) -> None:
        self._connection.close()

    def _prepare_schema(self) -> None:
        script = emit_sqlite(self._model)
        fingerprint = hashlib.sha256(script.encode()).hexdigest()
        with self._connection:
            if not self._connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall():
                self._connection.execute(script)
                self._connection.execute("CREATE TABLE syndb_schema (fingerprint TEXT NOT NULL) STRICT")
                self._connection.execute("INSERT INTO syndb_schema VALUES (?)", (fingerprint,))
                return
            ours = self._connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'syndb_schema'").fetchall()
            found = self._connection.execute("SELECT fingerprint FROM syndb_schema").fetchall() if ours else []
        if found != [(fingerprint,)]:
            raise StoreUnavailable(
                f"{self._path} was made with {'another' if ours else 'no'} SynDB schema. "
                "Set SYNDB_DATA to a new folder and load the data sets again, or remove this one first."
            )

    def _fetch(self, sql: str, bindings: tuple[Any, ...], booleans: Sequence[int]) -> list[Row]:
        if self._is_late():  # many short statements: none of them alone is looked at by the progress handler
            raise apsw.InterruptError
        rows: list[Row] = self._connection.execute(sql, bindings).fetchall()
        return [_with_booleans(row, booleans) for row in rows] if booleans else rows

    def _read_value(self, sql: str, bindings: tuple[Any, ...]) -> bytes | None:
        with self._limited():
            found: list[Row] = self._connection.execute(sql, bindings).fetchall()
        return bytes(found[0][0]) if found else None

    def _sweep(self, table: str, columns: Sequence[str], key: tuple[bytes, int]) -> None:
        """Remove all rows under `key` in transactions of bounded size, in the order of the table's own key."""
        where, order = "dataset_id = ? AND version = ?", name_list(columns)
        bound = f"SELECT {order} FROM {table} WHERE {where} ORDER BY {order} LIMIT 1 OFFSET ?"
        while last := self._connection.execute(bound, (*key, SWEEP_ROWS)).fetchall():
            sql = f"DELETE FROM {table} WHERE {where} AND ({order}) <= ({name_list('?' * len(columns))})"
            self._connection.execute(sql, (*key, *last[0]))
        self._connection.execute(f"DELETE FROM {table} WHERE {where}", key)

    def _is_late(self) -> bool:
        if self._sorting is not None and self._sorting.cancelling():
            return True
        return time.monotonic() > self._deadline

    @contextmanager
    def _limited(self, reads: int = 1) -> Iterator[None]:
        """A call that a client waits for: it ends in time, and its errors do not tell the file's path.

        Many short reads share a transaction: each by itself would lock and unlock the file, a fifth of its time.
        """
        self._deadline = time.monotonic() + self._timeout_s
        try:
            if reads > 1:
                self._connection.execute("BEGIN")
            try:
                yield
            finally:
                if reads > 1 and self._connection.in_transaction:  # some failures end it
                    self._connection.execute("COMMIT")
        except (apsw.Error, OSError) as error:
            raise self._explain(error, "The store of rows") from error
        finally:
            self._deadline = float("inf")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (apsw.Error, OSError) as error:
            raise self._explain(error, str(self._path)) from error

    def _explain(self, error: Exception, name: str) -> SyndbError:
        return explain(error, getattr(self, "_connection", None), self._path, name, self._timeout_s)


def _booleans(table: Table, columns: Sequence[str]) -> list[int]:
    """Which of the columns SQLite holds as 0 and 1."""
    return [index for index, name in enumerate(columns) if name in table.booleans]


def _with_booleans(row: Row, booleans: Sequence[int]) -> Row:
    values = list(row)
    for index in booleans:
        if values[index] is not None:
            values[index] = bool(values[index])
    return tuple(values)


def _take(cursor: Iterator[Row], count: int) -> list[Row]:
    return [row for _, row in zip(range(count), cursor, strict=False)]
