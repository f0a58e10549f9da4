"""What a version holds in a keyspace: rows counted, partitions compared byte by byte. Says nothing of how they came there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from cassandra.cluster import Session

from syndb_graphql.emit.cql import related_name
from syndb_graphql.spec.model import Model
from syndb_graphql.store.protocol import Snapshot

PAGE = 10_000
WHERE = "WHERE dataset_id = ? AND version = ? AND bucket = ?"


class NotTheSame(Exception):
    """Two ways of writing or reading the same rows left different ones."""


@dataclass(frozen=True)
class Place:
    """One version in one keyspace, and how many partitions it has of each table (of those not named: one)."""

    keyspace: str
    snapshot: Snapshot
    buckets: Mapping[str, int]

    def key(self, bucket: int) -> tuple[UUID, int, int]:
        return UUID(bytes=self.snapshot.dataset_id), self.snapshot.version, bucket

    def count_of(self, table: str) -> int:
        """Partitions. A table that is read by a relation has as many as the one it is of."""
        return self.buckets.get(table, 1)


def find_place(session: Session, keyspace: str, snapshot: Snapshot) -> Place:
    cql = f"SELECT bits FROM {keyspace}.dataset_layout WHERE dataset_id = %s AND version = %s"
    rows = list(session.execute(cql, (UUID(bytes=snapshot.dataset_id), snapshot.version)))
    bits = dict(rows[0][0] or {}) if rows else {}
    return Place(keyspace, snapshot, {name: 1 << each for name, each in bits.items()})


def tables_of(model: Model, names: list[str]) -> dict[str, str]:
    """Every table that holds rows of these, with the one whose partitions it has."""
    found = {}
    for name in names:
        found[name] = name
        found |= {related_name(relation): name for relation in model.tables[name].relations.values()}
    return found


def count_rows(session: Session, place: Place, tables: Mapping[str, str]) -> dict[str, int]:
    """Rows of each table, counted by the node."""
    counts = {}
    for name, of in tables.items():
        statement = session.prepare(f"SELECT count(*) FROM {place.keyspace}.{name} {WHERE}")
        buckets = range(place.count_of(of))
        counts[name] = sum(session.execute(statement, place.key(bucket)).one()[0] for bucket in buckets)
    return counts


def check_same(
    undecoded: Session, one: Place, other: Place, tables: Mapping[str, str], columns: Mapping[str, str]
) -> None:
    """The last partition of each table, whole, with every value. `columns`: what is selected of each. Raises NotTheSame."""
    for name, of in tables.items():
        pages = [_pages(undecoded, place, name, of, columns[name]) for place in (one, other)]
        for number, (mine, theirs) in enumerate(zip(*pages, strict=False)):
            if mine != theirs:
                where = f"{one.keyspace} and {other.keyspace}"
                raise NotTheSame(f"{name}: page {number} of the last partition differs between {where}.")


def _pages(undecoded: Session, place: Place, table: str, of: str, columns: str) -> Iterator[tuple[int, bytes]]:
    statement = undecoded.prepare(f"SELECT {columns} FROM {place.keyspace}.{table} {WHERE}")
    statement.fetch_size = PAGE
    yield from undecoded.execute(statement, place.key(place.count_of(of) - 1))
