"""The contract of a store of rows, and the plain values it speaks in.

A store keeps the rows of each table under (data set, version), ordered by cid, and again by each relation ordered by
(owner, component, cid). It also keeps the data sets' records, as bytes it does not look into, and one head a data set,
changed by compare-and-set only: a load writes a version nobody reads and one change of the head makes it current.

Values: uuids are 16 bytes, booleans True or False, missing None; zero has no sign. Reads name their columns and answer
tuples in that order, never an object a row; a store that has many rows by columns hands them on as ColumnRows. A partial
answer is an error, never a shorter page. A store raises StoreTimeout and StoreUnavailable, and nothing of its driver. Every
call is awaited; each has the time limit given when the store was opened.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, overload

from syndb_graphql.spec.model import Relation, Table

if TYPE_CHECKING:
    from polars import DataFrame

UUID_BYTES = 16

Row = tuple[Any, ...]
Key = tuple[bytes, ...]
"""Position of a row in an order: (cid,), or (component, cid) within a relation."""
Owner = tuple[bytes, bytes | None]
"""Whose rows of a relation: (owner, None) for all of them, (owner, component) for the rows of one compartment."""


class Uuids(Sequence[bytes]):
    """A column of uuids in one piece, none of them missing."""

    __slots__ = ("packed",)

    def __init__(self, packed: bytes) -> None:
        """16 bytes each."""
        self.packed = packed

    def __len__(self) -> int:
        return len(self.packed) // UUID_BYTES

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return list(self)[place]
        start = UUID_BYTES * range(len(self))[place]
        return self.packed[start : start + UUID_BYTES]

    def __iter__(self) -> Iterator[bytes]:
        return (self.packed[start : start + UUID_BYTES] for start in range(0, len(self.packed), UUID_BYTES))


def join_uuids(column: Sequence[bytes]) -> bytes:
    """All of a column's uuids, of which none is missing, in one piece."""
    return column.packed if isinstance(column, Uuids) else b"".join(column)


class ColumnRows(Sequence[Row]):
    """Rows that a store holds by columns: a row is made when it is looked at. A slice is one too."""

    @abstractmethod
    def columns(self) -> list[Sequence[Any]]:
        """The values of each column, in the order in which they were asked for; uuids as Uuids where none is missing."""


def read_columns(rows: Sequence[Row], width: int) -> Sequence[Sequence[Any]]:
    """The values of each of so many columns."""
    if isinstance(rows, ColumnRows):
        return rows.columns()
    return list(zip(*rows, strict=True)) if rows else [()] * width


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of one data set; what every read of rows is of."""

    dataset_id: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` rows strictly between two keys: the first, or the last when `backwards`, in forward order either way."""

    limit: int
    after: Key | None = None
    before: Key | None = None
    backwards: bool = False

    def edges(self, columns: Sequence[str]) -> list[bytes]:
        """The values of the keys that bound it, where only the last of their columns, these, are asked about."""
        return [part for key in (self.after, self.before) if key for part in key[-len(columns) :]]


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which rows, and in what order. So far all of them, in the order of their key; part of every cursor's fingerprint."""

    filter: None = None
    order: None = None

    def fingerprint(self) -> bytes:
        return b"all|key"


EVERYTHING = Criteria()


@dataclass(frozen=True, slots=True)
class RelatedRows:
    """Rows of several owners, one after another: those of owner i are `rows[offsets[i]:offsets[i + 1]]`."""

    rows: Sequence[Row]
    offsets: list[int]


@dataclass(frozen=True, slots=True)
class RelatedCount:
    """How many rows of `table` the row with cid `key` has, as child (direct), part (any depth of a neuron), pre or post."""

    key: bytes
    relation: str
    table: str
    count: int


DELETED = -1
"""Version of a head that a store keeps, and shows nobody, so that no number is given twice."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a data set stands. `version` 0: nothing published yet. `last_version`: highest number ever given out."""

    dataset_id: bytes
    revision: int = 0
    version: int = 0
    last_version: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """A version that has rows, or may have, and is not for reading: being written, left half written, half removed."""

    snapshot: Snapshot
    until: int
    """Seconds since 1970 until which it belongs to whoever writes it; 0: it is to be removed."""


@dataclass(frozen=True, slots=True)
class RowsSummary:
    count: int
    checksum: int
    """Exclusive or of the cids' last eight bytes, little-endian: the same in whatever order the rows come."""


class Store(Protocol):
    @property
    def reads_elsewhere(self) -> bool:
        """Whether a read goes on elsewhere while the loop works, so that the next one is worth asking for ahead."""
        ...

    # ── Reading rows ──
    async def read_page(
        self,
        table: Table,
        snapshot: Snapshot,
        *,
        columns: Sequence[str],
        window: Window,
        criteria: Criteria = EVERYTHING,
    ) -> Sequence[Row]:
        """A page of a whole table, ordered by cid."""
        ...

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
        """The same window of each owner's rows, ordered by (component, cid). `columns` may name `relation.order`, the component."""
        ...

    async def read_rows(
        self, table: Table, snapshot: Snapshot, *, cids: Sequence[bytes], columns: Sequence[str]
    ) -> list[Row | None]:
        """The rows with these cids, in their order, None where there is none."""
        ...

    async def read_counts(self, snapshot: Snapshot, *, relation: str, keys: Sequence[bytes]) -> list[dict[str, int]]:
        """For each key, the counts kept at load by table (child | part | pre | post); tables with none are left out."""
        ...

    # ── Writing a version ──
    async def begin_version(self, dataset_id: bytes) -> int:
        """A number nobody has had, recorded in the head and nowhere else: whoever dies then leaves nothing to remove."""
        ...

    async def open_version(self, snapshot: Snapshot, rows: Mapping[str, int]) -> None:
        """To be called once before the first row, and after whoever sweeps could find the version by its hold.

        `rows`: how many are to come, by table. A store may divide them by that; that others come is no error.
        """
        ...

    async def write_rows(self, table: Table, snapshot: Snapshot, rows: "DataFrame") -> None:
        """Add rows: a frame with exactly the table's columns, in their order. Writing a row again as it was changes nothing."""
        ...

    async def finish_rows(self, table: Table, snapshot: Snapshot, reach: Callable[[float], None]) -> None:
        """All rows of the table are written: make them to be had by `read_related`, which may not find them before.

        `reach` is told how much of it is done, up to 1. Doing it again changes nothing.
        """
        ...

    async def write_counts(self, snapshot: Snapshot, counts: Iterable[RelatedCount]) -> None: ...

    async def summarize_rows(self, table: Table, snapshot: Snapshot) -> RowsSummary:
        """Count and checksum, read back from the store."""
        ...

    async def drop_version(self, snapshot: Snapshot) -> None:
        """Remove a version: its record first, so that no reader takes what is left for the whole, then rows and counts.

        Removing what is not there is no error.
        """
        ...

    # ── Data sets ──
    async def read_heads(self) -> list[Head]: ...

    async def swap_head(self, expected: Head, new: Head) -> bool:
        """Change the head if it is still as expected (`Head(id)` for none); False where somebody was faster."""
        ...

    async def read_holds(self) -> list[Hold]:
        """Those of all data sets, also of data sets with no head."""
        ...

    async def swap_hold(self, snapshot: Snapshot, expected: int | None, new: int | None) -> bool:
        """Change the `until` of a version's hold if it is still as expected (None: no hold); False where it is not.

        Nothing else touches a hold: removing a version or a data set leaves its holds.
        """
        ...

    async def write_record(self, dataset_id: bytes, revision: int, record: bytes) -> None: ...

    async def read_record(self, dataset_id: bytes, revision: int) -> bytes | None: ...

    async def write_version(self, snapshot: Snapshot, record: bytes) -> None: ...

    async def read_version(self, snapshot: Snapshot) -> bytes | None: ...

    async def has_version(self, snapshot: Snapshot) -> bool:
        """Whether the version has a record, and so all its rows."""
        ...

    async def list_versions(self, dataset_id: bytes) -> list[int]:
        """Every version with a record, oldest first."""
        ...

    async def delete_dataset(self, dataset_id: bytes) -> None:
        """Remove the head first, so that nobody finds it, then the records of its versions, their rows, and its own."""
        ...

    # ── Itself ──
    async def check(self) -> None:
        """Return if the store answers; raise StoreUnavailable with the reason if not."""
        ...

    async def close(self) -> None: ...
