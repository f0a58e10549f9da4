"""The bare driver's own batches, as somebody would write them by hand: 100 rows of one partition, a few in flight.

Rows come resolved and typed; nothing is checked or compared. Which partition a row lies in is asked of the product, so
that the same tables hold the same rows afterwards. Columns without a single value are not written.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pyarrow.parquet as pq
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType, PreparedStatement

from syndb_graphql.emit.cql import related_name
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.model import Relation, Table
from syndb_graphql.spec.types import UUID as UUID_TYPE
from syndb_graphql.store.cassandra.door import ClusterOptions
from syndb_graphql.store.cassandra.layout import Layout, group_by_bucket, plan_layout
from syndb_graphql.store.cassandra.store import ROWS_PER_BUCKET

BATCH_ROWS = 100
VERSION = 1
PIECE = 25_000
"""Rows handed over at a time."""


class Source:
    """Resolved rows of one table, sorted by cid, as the product keeps them in Parquet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        data = pq.read_metadata(path)
        self.rows = data.num_rows
        empty = [0] * data.num_columns
        for group in range(data.num_row_groups):
            for at in range(data.num_columns):
                empty[at] += data.row_group(group).column(at).statistics.null_count
        self.columns = [name for name, nulls in zip(data.schema.names, empty, strict=True) if nulls < self.rows]
        """Those with some value."""

    def pieces(self, size: int = PIECE) -> Iterator[pl.DataFrame]:
        with pq.ParquetFile(self._path) as file:
            for batch in file.iter_batches(size):
                frame = pl.from_arrow(batch)
                assert isinstance(frame, pl.DataFrame)
                yield frame


def find_sources(folder: Path) -> dict[str, Source]:
    """By table."""
    return {path.stem: Source(path) for path in sorted(folder.glob("*.parquet"))}


def layout_of(sources: Mapping[str, Source]) -> Layout:
    return plan_layout({name: source.rows for name, source in sources.items()}, ROWS_PER_BUCKET)


class _InFlight:
    """Batches on their way, never more than so many."""

    def __init__(self, session: Session, size: int) -> None:
        self._session, self._size = session, size
        self._room = threading.Semaphore(size)
        self._failed: BaseException | None = None

    def send(self, batch: BatchStatement) -> None:
        self._room.acquire()
        if self._failed:
            raise self._failed
        self._session.execute_async(batch).add_callbacks(self._written, self._lost)

    def _written(self, _: Any) -> None:
        self._room.release()

    def _lost(self, error: BaseException) -> None:
        self._failed = error
        self._room.release()

    def wait(self) -> None:
        for _ in range(self._size):
            self._room.acquire()
        if self._failed:
            raise self._failed


def write_by_hand(options: ClusterOptions, in_flight: int, dataset: UUID, sources: Mapping[str, Source]) -> None:
    """Write every table, and the layout that says how it is divided."""
    model, layout = load_default_model(), layout_of(sources)
    profile = ExecutionProfile(
        TokenAwarePolicy(DCAwareRoundRobinPolicy(options.datacenter)), request_timeout=options.timeout_s
    )
    cluster = Cluster(list(options.hosts), port=options.port, execution_profiles={EXEC_PROFILE_DEFAULT: profile})
    try:
        session = cluster.connect(options.keyspace)
        insert = session.prepare("INSERT INTO dataset_layout (dataset_id, version, bits) VALUES (?, ?, ?)")
        session.execute(insert, (dataset, VERSION, dict(layout.bits)))
        flight = _InFlight(session, in_flight)
        for name, source in sources.items():
            _write_table(session, flight, dataset, model.tables[name], layout, source)
        flight.wait()
    finally:
        cluster.shutdown()


def _write_table(
    session: Session, flight: _InFlight, dataset: UUID, table: Table, layout: Layout, source: Source
) -> None:
    names = source.columns
    own = _prepare(session, table.name, names)
    relations = [relation for relation in table.relations.values() if relation.owner in names]
    related = [_prepare(session, related_name(each), [*dict.fromkeys((*names, each.order))]) for each in relations]
    bits = layout.of(table.name)
    for frame in source.pieces():
        columns = {name: _values(table, name, frame[name]) for name in names}
        rows = list(zip(*columns.values(), strict=True))
        _write_rows(flight, own, dataset, bits, frame["cid"].to_list(), rows)
        for relation, statement in zip(relations, related, strict=True):
            kept, owners, rows_of = place_rows(relation, frame, columns, rows)
            _write_rows(flight, statement, dataset, bits, [owners[at] for at in kept], rows_of)


def place_rows(
    relation: Relation, frame: pl.DataFrame, columns: Mapping[str, Sequence[Any]], rows: Sequence[tuple[Any, ...]]
) -> tuple[list[int], list[bytes], list[tuple[Any, ...]]]:
    """Which rows have an owner; the owners of all rows; and the rows, with the component they are ordered by added."""
    owners = frame[relation.owner].to_list()
    kept = [at for at, owner in enumerate(owners) if owner is not None]
    if relation.order in columns:
        kept = [at for at in kept if columns[relation.order][at] is not UNSET_VALUE]
        return kept, owners, [rows[at] for at in kept]
    components, named = columns.get(relation.component or ""), columns[relation.owner]
    if components is None:
        return kept, owners, [(*rows[at], named[at]) for at in kept]
    order = [named[at] if components[at] is UNSET_VALUE else components[at] for at in kept]
    return kept, owners, [(*rows[at], order[place]) for place, at in enumerate(kept)]


def _prepare(session: Session, table: str, columns: Sequence[str]) -> PreparedStatement:
    names = ["dataset_id", "version", "bucket", *columns]
    return session.prepare(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})")


def _values(table: Table, name: str, series: pl.Series) -> list[Any]:
    if table.column[name].type is UUID_TYPE:
        return [UNSET_VALUE if value is None else UUID(bytes=value) for value in series]
    return [UNSET_VALUE if value is None else value for value in series.to_list()]


def _write_rows(
    flight: _InFlight,
    statement: PreparedStatement,
    dataset: UUID,
    bits: int,
    keys: Sequence[bytes],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    for bucket, places in group_by_bucket(keys, bits).items():
        key = (dataset, VERSION, bucket)
        for start in range(0, len(places), BATCH_ROWS):
            batch = BatchStatement(BatchType.UNLOGGED)
            for place in places[start : start + BATCH_ROWS]:
                batch.add(statement, key + rows[place])
            flight.send(batch)
