"""What the columns of a load hold, seen while its rows pass: counts, extremes, a sample of numbers, the commonest words.

For the person who looks whether a unit or a column is wrong. What a version keeps of its columns is the business of
summary.py. The memory needed does not grow with the rows: of numbers a uniform sample is kept (all of them up to
SAMPLE), of words the counts of the first MAX_WORDS different ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from syndb_graphql.ingest.columns import Layout, Role
from syndb_graphql.ingest.tables import TableInput
from syndb_graphql.spec.model import Column, Kind, Table
from syndb_graphql.spec.types import BIGINT, BOOLEAN, FLOAT, INT, TEXT

SAMPLE = 10_000
"""Numbers of a column that are kept: a bar of a hundredth then is right to a tenth of it."""
MAX_WORDS = 1_000
"""Different words of a column that are counted; a column with more holds ids, names or remarks."""
MAX_WORD = 60
"""Characters of a word that are kept."""
SEED = 20_240
"""Fixed, so that the same folder gives the same report."""
UNSEEN_FACTS = ("key", "name", "sha256", "content_type", "scale_x", "scale_y", "scale_z")
"""Of a file's record, what nobody looks through: it is the same in every row, or different in every row."""

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Numbers:
    """A column of numbers."""

    count: int = 0
    low: float = 0.0
    high: float = 0.0
    zeros: int = 0
    below_zero: int = 0
    sample: Floats = field(default_factory=lambda: np.empty(0))
    """In no order; every value there is where `count` is at most SAMPLE."""
    _ranks: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    def add(self, values: Floats, random: np.random.Generator) -> None:
        finite = np.isfinite(values)
        values = values if finite.all() else values[finite]
        if not len(values):
            return
        low, high = float(values.min()), float(values.max())
        self.low, self.high = (min(low, self.low), max(high, self.high)) if self.count else (low, high)
        self.count += len(values)
        self.zeros += int((values == 0).sum())
        self.below_zero += int((values < 0).sum())
        # Each value draws a number; those with the smallest SAMPLE numbers are a uniform sample of all there were.
        ranks = random.random(len(values), np.float32)
        if len(self._ranks) >= SAMPLE:
            drawn = ranks < self._ranks.max()
            values, ranks = values[drawn], ranks[drawn]
        self.sample, self._ranks = np.concatenate([self.sample, values]), np.concatenate([self._ranks, ranks])
        if len(self._ranks) > SAMPLE:
            kept = np.argpartition(self._ranks, SAMPLE)[:SAMPLE]
            self.sample, self._ranks = self.sample[kept], self._ranks[kept]

    @property
    def whole(self) -> bool:
        """Whether the sample is everything."""
        return len(self.sample) == self.count

    @property
    def median(self) -> float:
        middle = (len(self.sample) - 1) // 2, len(self.sample) // 2
        low, high = np.partition(self.sample, middle)[list(middle)]
        return float(low / 2 + high / 2)


@dataclass(slots=True)
class Words:
    """A column of text or of true and false."""

    count: int = 0
    counts: dict[str, int] | None = field(default_factory=dict)
    """None where more than MAX_WORDS different ones were met."""
    first: list[str] = field(default_factory=list)

    def add(self, values: pl.Series) -> None:
        self.count += len(values)
        if self.counts is None or not len(values):
            return
        words = values.cast(pl.String).str.slice(0, MAX_WORD)
        if len(self.first) < 3:
            self.first = [*self.first, *words.head(3).to_list()][:3]
        for word, n in words.value_counts().iter_rows():
            self.counts[word] = self.counts.get(word, 0) + n
        if len(self.counts) > MAX_WORDS:
            self.counts = None

    def commonest(self, most: int) -> list[tuple[str, int]]:
        """The commonest words first; of those met as often, in the order of the alphabet."""
        return sorted((self.counts or {}).items(), key=lambda item: (-item[1], item[0]))[:most]


@dataclass(frozen=True, slots=True)
class ColumnSurvey:
    """One column, as it would lie in the store."""

    column: Column
    rows: int
    values: Numbers | Words
    origin: str
    """given | derived | mixed"""
    given_as: str | None
    """The column's name in the file."""
    factor: float
    """What the file's values were multiplied by."""

    @property
    def nulls(self) -> int:
        return self.rows - self.values.count


class TableSurvey:
    """One table. Grows with each piece of it."""

    def __init__(self, source: TableInput) -> None:
        self._source = source
        self._values: dict[str, Numbers | Words] = {
            column.name: Numbers() if column.type in (FLOAT, INT, BIGINT) else Words()
            for column in _seen_columns(source.config.table)
        }
        self._random = np.random.default_rng(SEED)
        self.rows = 0

    @property
    def table(self) -> Table:
        return self._source.config.table

    @property
    def file(self) -> str:
        return self._source.name

    def add(self, frame: pl.DataFrame) -> None:
        self.rows += frame.height
        for name, values in self._values.items():
            known = frame[name].drop_nulls()
            if isinstance(values, Numbers):
                values.add(known.cast(pl.Float64).to_numpy(), self._random)
            else:
                values.add(known)

    def columns(self) -> list[ColumnSurvey]:
        """Of each column that has a value."""
        names = _names_in_file(self._source.layout)
        return [
            ColumnSurvey(
                column=self.table.column[name],
                rows=self.rows,
                values=values,
                origin=self._source.origins.of(name),
                given_as=names.get(name),
                factor=self._source.layout.factors.get(name, 1.0),
            )
            for name, values in self._values.items()
            if values.count
        ]

    @property
    def whole(self) -> bool:
        """Whether every number that was met is in a sample."""
        return all(values.whole for values in self._values.values() if isinstance(values, Numbers))

    def absent(self) -> list[str]:
        """Terms that have no value in any row."""
        return [
            term.name
            for term in self.table.terms
            if not any(column.name in self._values and self._values[column.name].count for column in term.columns)
        ]


class Survey:
    """One load."""

    def __init__(self) -> None:
        self.tables: dict[str, TableSurvey] = {}

    def add(self, source: TableInput, frame: pl.DataFrame) -> None:
        """`frame`: rows as the store is given them."""
        name = source.config.table.name
        if name not in self.tables:
            self.tables[name] = TableSurvey(source)
        self.tables[name].add(frame)


def _seen_columns(table: Table) -> list[Column]:
    """The contributor's id, then the terms' columns; of a reference the id as given, of a file what differs."""
    columns = [table.column["source_id"]]
    for term in table.terms:
        # x before y before z, whatever the order in which a store keeps them.
        columns_of_term = sorted(term.columns, key=_axis) if term.kind is Kind.POINT else term.columns
        for column in columns_of_term:
            fact = column.name.removeprefix(f"{term.name}_file_")
            if term.kind in (Kind.MESH, Kind.SKELETON) and fact in UNSEEN_FACTS:
                continue
            if column.type in (FLOAT, INT, BIGINT, TEXT, BOOLEAN):
                columns.append(column)
    return columns


def _axis(column: Column) -> str:
    return column.name[-1]


def _names_in_file(layout: Layout) -> Mapping[str, str]:
    """Our column → the file's."""
    names = dict(layout.by_role[Role.PLAIN])
    if layout.source:
        names["source_id"] = layout.source
    for term, given in layout.by_role[Role.POINT].items():
        names |= dict.fromkeys((f"{term}_{axis}" for axis in "xyz"), given)
    for name, given in layout.by_role[Role.REFERENCE].items():
        names[layout.table.references[name].source] = given
    for name, given in layout.by_role[Role.REFERENCE_TABLE].items():
        table = layout.table.references[name].table
        if table:
            names[table] = given
    return names
