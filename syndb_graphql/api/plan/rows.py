"""Plans of rows: a batch of rows in, one answer a row out, whatever hangs from them read for the whole batch at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from syndb_graphql.api.context import Context
from syndb_graphql.api.plan.values import Values
from syndb_graphql.api.row_fields import ReferencedRow
from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.spec.model import Table
from syndb_graphql.store.protocol import Row, Snapshot, read_columns

Shape = Callable[..., Any]
"""Makes an answered object from its fields' values, in order."""


def make_shape(keys: Sequence[str]) -> Shape:
    """A msgspec Struct that is encoded as an object with these keys: no dictionary a row."""
    names = [f"f{index}" for index in range(len(keys))]
    return msgspec.defstruct(
        "Answered", [(name, Any) for name in names], rename=dict(zip(names, keys, strict=True)), gc=False
    )


def make_each(shape: Shape, columns: Sequence[Values], count: int) -> list[Any]:
    """`count` objects, each made of one row of the columns; directives may have left none to be selected."""
    return list(map(shape, *columns)) if columns else [shape() for _ in range(count)]


class Batch:
    """Rows of one table and version, with their columns at hand."""

    __slots__ = ("_columns", "context", "dataset", "index", "rows", "snapshot", "table")

    def __init__(
        self,
        table: Table,
        dataset: Dataset,
        snapshot: Snapshot,
        context: Context,
        index: Mapping[str, int],
        rows: Sequence[Row],
    ) -> None:
        self.table, self.dataset, self.snapshot, self.context = table, dataset, snapshot, context
        self.index, self.rows = index, rows
        self._columns: Sequence[Sequence[Any]] | None = None

    def __getitem__(self, column: str) -> Sequence[Any]:
        if self._columns is None:
            self._columns = read_columns(self.rows, len(self.index))
        return self._columns[self.index[column]]


@dataclass(frozen=True, slots=True)
class ColumnCell:
    """A field made of columns alone."""

    columns: tuple[str, ...]
    values: Callable[[Batch], Values]

    def answer(self, batch: Batch) -> Values:
        return self.values(batch)


@dataclass(frozen=True)
class RowPlan:
    """All selected fields of the rows of one table."""

    columns: tuple[str, ...]
    cells: Sequence[Any]
    shape: Shape

    @cached_property
    def keyed(self) -> Mapping[str, int]:
        """Where in a row each column stands when rows are read by key: the key first."""
        columns = dict.fromkeys(("cid", *self.columns))
        return {name: position for position, name in enumerate(columns)}

    async def answer(self, batch: Batch) -> list[Any]:
        columns = []
        for cell in self.cells:
            values = cell.answer(batch)
            columns.append(values if type(cell) is ColumnCell else await values)
        return make_each(self.shape, columns, len(batch.rows)) if batch.rows else []


@dataclass(frozen=True, slots=True)
class ReferenceCell:
    """Rows that a reference points to, read once each, a read a table."""

    columns: tuple[str, ...]
    resolver: ReferencedRow
    plans: Mapping[str, RowPlan]
    """By table that it may point to."""

    async def answer(self, batch: Batch) -> Values:
        reference = self.resolver.reference
        cids = batch[reference.id]
        tables: Sequence[str | None] = batch[reference.table] if reference.table else [reference.targets[0]] * len(cids)
        wanted: dict[str, dict[bytes, Any]] = {}
        for cid, table in zip(cids, tables, strict=True):
            if cid is not None and table is not None:
                wanted.setdefault(table, {})[cid] = None
        for table, found in wanted.items():
            plan = self.plans[table]
            target = self.resolver.model.tables[table]
            found.update(await read_rows(plan, target, batch.dataset, batch.snapshot, list(found), batch.context))
        return [
            None if cid is None or table is None else wanted[table][cid]
            for cid, table in zip(cids, tables, strict=True)
        ]


async def read_rows(
    plan: RowPlan, table: Table, dataset: Dataset, snapshot: Snapshot, cids: Sequence[bytes], context: Context
) -> dict[bytes, Any]:
    """The answers to the rows with these cids; those there are none of are left out."""
    rows = [row for row in await context.read_rows(table, snapshot, cids, tuple(plan.keyed)) if row is not None]
    answers = await plan.answer(Batch(table, dataset, snapshot, context, plan.keyed, rows))
    return {row[0]: answer for row, answer in zip(rows, answers, strict=True)}
