"""What the fields of the graph are resolved from: a row, a connection, a file. Plain holders, made where a field needs one."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syndb_graphql.api.cursors import RowCursors
from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.objects.protocol import Link
from syndb_graphql.reads.pages import Page
from syndb_graphql.spec.model import Table, Term
from syndb_graphql.store.protocol import Row, Snapshot


@dataclass(frozen=True, slots=True)
class RowSource:
    """A row with the columns that were asked for; `index` says where in `values` each stands and is shared by a page."""

    table: Table
    dataset: Dataset
    snapshot: Snapshot
    index: Mapping[str, int]
    values: Row

    def __getitem__(self, column: str) -> Any:
        return self.values[self.index[column]]


@dataclass(slots=True)
class FileSource:
    """The record of a mesh or skeleton, held in the columns of its row."""

    row: RowSource
    term: Term
    link: Link | None = None

    def __getitem__(self, part: str) -> Any:
        return self.row[f"{self.term.name}_file_{part}"]


@dataclass(slots=True)
class ConnectionSource:
    """A connection of rows. The page is read when a field first needs it, the total likewise, each once."""

    table: Table
    dataset: Dataset
    snapshot: Snapshot
    order: tuple[str, ...]
    """Columns of the key, in order."""
    cursors: RowCursors
    parent: bytes
    read_page: Callable[[], Awaitable[Page]]
    count: Callable[[], Awaitable[int]]
    index: Mapping[str, int]

    def encode(self, rows: Sequence[Row]) -> list[str]:
        """The rows' cursors."""
        columns = [[row[self.index[name]] for row in rows] for name in self.order]
        return self.cursors.encode_page(self.snapshot.version, [self.parent], [len(rows)], columns)


@dataclass(frozen=True, slots=True)
class EdgeSource:
    cursor: str
    node: Any


@dataclass(frozen=True, slots=True)
class PageInfoSource:
    hasNextPage: bool  # noqa: N815 - the graph's own names, resolved by attribute
    hasPreviousPage: bool  # noqa: N815
    startCursor: str | None  # noqa: N815
    endCursor: str | None  # noqa: N815
