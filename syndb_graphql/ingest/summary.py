"""What a version holds: rows, checksum, smallest and largest value and nulls of each column, counts of related rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from syndb_graphql.catalog.records import ColumnSummary, ParquetFile, TableSummary
from syndb_graphql.ingest.keys import checksum, from_series
from syndb_graphql.ingest.origins import Origins
from syndb_graphql.ingest.spool import SortedSpool
from syndb_graphql.spec.model import Table
from syndb_graphql.spec.types import BIGINT, FLOAT, INT
from syndb_graphql.store.protocol import RelatedCount


class TableTotals:
    """Grows with each piece of a table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._numbers = [column.name for column in table.columns if column.type in (FLOAT, INT, BIGINT)]
        self._nulls = dict.fromkeys(table.column, 0)
        self._low: dict[str, float] = {}
        self._high: dict[str, float] = {}
        self.rows = 0
        self.checksum = 0

    def add(self, frame: pl.DataFrame) -> None:
        """`frame`: the table's columns, as the store is given them."""
        self.rows += frame.height
        self.checksum ^= checksum(from_series(frame["cid"]))
        for name, nulls in frame.null_count().row(0, named=True).items():
            self._nulls[name] += nulls
        for name in self._numbers:
            column = frame[name]
            if column.null_count() < len(column):
                low, high = _number(column.min()), _number(column.max())
                self._low[name] = min(low, self._low.get(name, low))
                self._high[name] = max(high, self._high.get(name, high))

    def finish(self, origins: Origins, parquet: tuple[ParquetFile, ...]) -> TableSummary:
        columns = {
            name: ColumnSummary(
                origin="absent"
                if nulls == self.rows
                else "derived"
                if name in ("cid", "owner_id")
                else origins.of(name),
                count=self.rows - nulls,
                nulls=nulls,
                minimum=self._low.get(name),
                maximum=self._high.get(name),
            )
            for name, nulls in self._nulls.items()
        }
        return TableSummary(rows=self.rows, checksum=self.checksum, columns=columns, parquet=parquet)


class RelationTotals:
    """Counts the rows of one table that each other row has: children, parts of a neuron, synapses and relations."""

    def __init__(self, folder: Path, table: Table) -> None:
        self._table = table.name
        keys = {"child": "parent_id", "part": "neuron_id"} if "owned" in table.relations else {}
        keys |= {name: relation.owner for name, relation in table.relations.items() if name != "owned"}
        self._spools = {
            name: (column, SortedSpool(folder, f"{table.name}-{name}", key="key")) for name, column in keys.items()
        }

    def add(self, frame: pl.DataFrame) -> None:
        for column, spool in self._spools.values():
            spool.add(_counted(frame.select(key=pl.col(column).drop_nulls(), n=pl.lit(1, pl.Int64))))

    def pieces(self) -> Iterator[list[RelatedCount]]:
        for name, (_, spool) in self._spools.items():
            for piece in spool.pieces():
                yield [RelatedCount(key, name, self._table, n) for key, n in _counted(piece).iter_rows()]


def _counted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by("key").agg(pl.col("n").sum())


def _number(value: Any) -> float:
    return float(value)
