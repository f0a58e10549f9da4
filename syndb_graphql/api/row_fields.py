"""How the fields of a row are had: from which columns, and how a value follows from them.

Each is a resolver, called with the row, the Info and plain arguments (enums as their values). The plan (api/plan) knows the same
classes and answers them for whole pages at a time; whatever a resolver means, the plan must mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import strawberry

from syndb_graphql.api.build import Type
from syndb_graphql.api.connections import connect_related
from syndb_graphql.api.ids import encode_id
from syndb_graphql.api.selection import select_columns
from syndb_graphql.api.sources import ConnectionSource, FileSource, RowSource
from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.spec.model import Column, Model, Reference, Relation, Table, Term
from syndb_graphql.store.protocol import Owner

RowColumns = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By table, by field: the columns the field is made of."""


class RowResolver(Protocol):
    @property
    def columns(self) -> tuple[str, ...]: ...

    def __call__(self, *arguments: Any, **given: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    z: float


@dataclass(frozen=True, slots=True)
class Box:
    min: Point
    max: Point


def to_unit(value: float | None, dimension: int, unit: str | None) -> float | None:
    """A stored value (nm to the power of `dimension`) in nm or um; None means the default, nm."""
    if value is None or unit != "um":
        return value
    factor = float(1000 ** abs(dimension))
    return value / factor if dimension > 0 else value * factor


@dataclass(frozen=True, slots=True)
class StoredValue:
    column: Column

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column.name,)

    def __call__(self, row: RowSource, _info: Any) -> Any:
        return row[self.column.name]


@dataclass(frozen=True, slots=True)
class ScaledValue:
    column: Column

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column.name,)

    def __call__(self, row: RowSource, _info: Any, unit: str | None) -> float | None:
        assert self.column.dimension is not None
        return to_unit(row[self.column.name], self.column.dimension, unit)


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table's name, as the enum of the graph."""

    column: Column
    enum: Type

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column.name,)

    def __call__(self, row: RowSource, _info: Any) -> Any:
        name = row[self.column.name]
        return None if name is None else self.enum(name)


@dataclass(frozen=True, slots=True)
class RowId:
    columns: tuple[str, ...] = ("cid",)

    def __call__(self, row: RowSource, _info: Any) -> str:
        return encode_id(row.table.type_name, row.dataset.id + row["cid"])


@dataclass(frozen=True, slots=True)
class RowDataset:
    columns: tuple[str, ...] = ()

    def __call__(self, row: RowSource, _info: Any) -> Dataset:
        return row.dataset


@dataclass(frozen=True, slots=True)
class StoredPoint:
    columns: tuple[str, str, str]
    """x, y, z"""

    def __call__(self, row: RowSource, _info: Any, unit: str | None) -> Point | None:
        x, y, z = (to_unit(row[name], 1, unit) for name in self.columns)
        return None if x is None or y is None or z is None else Point(x, y, z)


@dataclass(frozen=True, slots=True)
class StoredBox:
    low: StoredPoint
    high: StoredPoint

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.low.columns, *self.high.columns)

    def __call__(self, row: RowSource, info: Any, unit: str | None) -> Box | None:
        low, high = self.low(row, info, unit), self.high(row, info, unit)
        return None if low is None or high is None else Box(low, high)


@dataclass(frozen=True, slots=True)
class StoredFile:
    term: Term

    @property
    def columns(self) -> tuple[str, ...]:
        # The cid is part of the file's global id.
        return ("cid", *(column.name for column in self.term.columns))

    def __call__(self, row: RowSource, _info: Any) -> FileSource | None:
        return FileSource(row, self.term) if row[f"{self.term.name}_file_key"] is not None else None


@dataclass(frozen=True, slots=True)
class RelatedCounts:
    """Rows that belong to this one by table, as counted at load."""

    relation: str
    tables: Sequence[str]
    columns: tuple[str, ...] = ("cid",)

    async def __call__(self, row: RowSource, info: Any) -> list[tuple[str, int]]:
        return self.in_order(await info.context.read_counts(row.snapshot, self.relation, row["cid"]))

    def in_order(self, counts: Mapping[str, int]) -> list[tuple[str, int]]:
        return [(name, counts[name]) for name in self.tables if name in counts]


@dataclass(frozen=True, slots=True)
class ReferencedRow:
    """The row a reference points to; None where it is unknown or lies outside the data set."""

    reference: Reference
    model: Model
    fields: RowColumns

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.reference.id, self.reference.table) if self.reference.table else (self.reference.id,)

    async def __call__(self, row: RowSource, info: strawberry.Info) -> RowSource | None:
        cid = row[self.reference.id]
        name = row[self.reference.table] if self.reference.table else self.reference.targets[0]
        if cid is None or name is None:
            return None
        return await read_row(self.model.tables[name], self.fields[name], row, cid, info)


@dataclass(frozen=True, slots=True)
class RelatedRows:
    """The rows of a relation that belong to this one: a neuron's at any depth, another compartment's direct children."""

    relation: Relation
    owns: bool
    fields: RowColumns

    @property
    def columns(self) -> tuple[str, ...]:
        return ("cid",) if self.owns else ("cid", "owner_id")

    @property
    def counted_as(self) -> str:
        if self.relation.name != "owned":
            return self.relation.name
        return "part" if self.owns else "child"

    def owner(self, row: RowSource) -> Owner:
        return (row["cid"], None) if self.owns else (row["owner_id"], row["cid"])

    def __call__(self, row: RowSource, info: strawberry.Info, **given: Any) -> ConnectionSource:
        columns = self.fields[self.relation.table]
        return connect_related(self.relation, self.counted_as, columns, row, self.owner(row), info, given)


async def read_row(
    table: Table, fields: Mapping[str, tuple[str, ...]], near: RowSource | Dataset, cid: bytes, info: strawberry.Info
) -> RowSource | None:
    """The row with this cid in the data set and version of `near`, with the columns selected below this field."""
    raw = info._raw_info
    key = (tuple(map(id, raw.field_nodes)), table.name)
    memo = info.context.memo
    if key not in memo:
        memo[key] = tuple(dict.fromkeys(("cid", *select_columns(raw, table.type_name, fields))))
    columns = memo[key]
    values = await info.context.read_row(table, near.snapshot, cid, columns)
    if values is None:
        return None
    dataset = near.dataset if isinstance(near, RowSource) else near
    return RowSource(table, dataset, near.snapshot, {name: index for index, name in enumerate(columns)}, values)
