"""What rows of a load say of each other beyond references: counts of parts, pairs given from both sides, ids that look alike.

All are warnings. Each is looked for in tables of up to a bound of rows, so that the memory of a load does not grow with
its rows; larger tables are made by programs, which make none of these mistakes by hand.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from syndb_graphql.ingest.keys import from_series
from syndb_graphql.ingest.report import SAMPLES, Finding, Report, Severity
from syndb_graphql.ingest.rows import ROW
from syndb_graphql.spec.model import Table

COUNT = "synapse_count"
MAX_COUNTED = 1_000_000
"""Rows of a table whose counts are compared with the parts that are given: 8 MB a column."""
MAX_PAIRS = 1_000_000
"""Undirected pairs of a table that are compared."""
MAX_ALIKE = 200_000
"""Ids of a table that are compared without regard to case and blanks."""

Counts = NDArray[np.int64]


# ── Counts of parts ──
@dataclass(slots=True)
class _Counted:
    """One column of counts: what it says of each row, in the order of the cids, and how many parts there are."""

    column: str
    parts: str
    said: list[Counts] = field(default_factory=list)
    rows: int = 0
    found: Counts = field(default_factory=lambda: np.zeros(0, np.int64))


class PartCounts:
    """Compares columns such as `vesicle_count` with the vesicles that are given.

    A data set may hold fewer parts than were counted; more than were counted is a mistake in one of the two. The parts
    of a neuron lie at any depth, those of other structures are their direct children.
    """

    def __init__(self, tables: Iterable[Table]) -> None:
        tables = list(tables)
        names = {table.name for table in tables}
        self._columns: dict[str, list[_Counted]] = {
            table.name: [
                _Counted(column.name, column.counts)
                for column in table.columns
                if column.counts is not None and column.counts in names and column.counts != table.name
            ]
            for table in tables
        }

    def counts(self, table: str, parts: str) -> bool:
        """Whether a column of `table` says how many rows of `parts` each of its rows has."""
        return any(each.parts == parts for each in self._columns.get(table, ()))

    def add_said(self, table: str, piece: pl.DataFrame) -> None:
        """The next rows of `table`, in order."""
        for each in list(self._columns[table]):
            each.rows += piece.height
            if each.column not in piece.columns or each.rows > MAX_COUNTED:
                self._columns[table].remove(each)
                continue
            each.said.append(piece[each.column].cast(pl.Int64).fill_null(-1).to_numpy())

    def add_parts(self, table: str, parts: str, positions: Counts) -> None:
        """Some rows of `parts` belong to the rows of `table` at these positions."""
        for each in self._columns.get(table, ()):
            if each.parts == parts:
                if len(each.found) != each.rows:
                    each.found = np.zeros(each.rows, np.int64)
                each.found += np.bincount(positions, minlength=each.rows)

    def wrong(self, table: str) -> Iterator[tuple[str, str, Counts, Counts]]:
        """Of each column: its name, the parts' table, the positions of the rows that say too few, and how many there are."""
        for each in self._columns.get(table, ()):
            if len(each.found) == each.rows and each.rows:
                said = np.concatenate(each.said)
                at = np.flatnonzero((said >= 0) & (each.found > said))
                if len(at):
                    yield each.column, each.parts, at, each.found[at]


def report_counts(
    table: Table,
    counts: PartCounts,
    pieces: Iterable[pl.DataFrame],
    file: str,
    names: Mapping[str, str],
    report: Report,
) -> None:
    """`pieces`: the table's rows as they were counted, with ROW. `names`: our column → the file's."""
    wrong = list(counts.wrong(table.name))
    if not wrong:
        return
    first = 0
    shown = {column: 0 for column, *_ in wrong}
    for piece in pieces:
        for column, parts, at, found in wrong:
            here = (at >= first) & (at < first + piece.height)
            for position, number in zip(at[here] - first, found[here], strict=True):
                shown[column] += 1
                if shown[column] <= SAMPLES:
                    said, row = piece[column][int(position)], piece[ROW][int(position)]
                    report.add(_too_few(column, parts, said, int(number), file, row, names.get(column, column)))
        first += piece.height
    for column, *_ in wrong:
        if shown[column] > SAMPLES:
            extra = _too_few(column, "", 0, 0, file, None, names.get(column, column))
            report.add(extra, occurrences=shown[column] - SAMPLES)


def _too_few(column: str, parts: str, said: int, found: int, file: str, row: int | None, name: str) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        rule="count-too-small",
        file=file,
        row=row,
        column=name,
        value=str(said),
        message=f"{column} is {said:,}, and {found:,} rows of {parts} belong to the structure.",
        remedy=f"Correct the count, or the rows of {parts}; leave the cell empty where nobody counted.",
    )


# ── Pairs ──
class UndirectedPairs:
    """Compares undirected pairs that are given from both sides, as gap junctions are: both rows say the same count."""

    def __init__(self) -> None:
        self._keys: list[NDArray[np.uint64]] = []
        self._rows: list[pl.DataFrame] = []
        self._size = 0

    def add(self, piece: pl.DataFrame) -> None:
        """Resolved rows of a table of relations."""
        needed = ("directed", "pre_neuron_id", "post_neuron_id", COUNT)
        if self._size > MAX_PAIRS or not set(needed) <= set(piece.columns):
            return
        pairs = piece.filter(~pl.col("directed"), pl.col("pre_neuron_id") != pl.col("post_neuron_id"))
        if not pairs.height:
            return
        # The same from both sides; cids are random, so their exclusive or is as good as a hash.
        both = from_series(pairs["pre_neuron_id"]) ^ from_series(pairs["post_neuron_id"])
        key = np.ascontiguousarray(both[:, 8:]).view("<u8").ravel()
        for seed, name in enumerate(("relation_type", "region")):
            if name in pairs.columns:
                key = key ^ pairs[name].hash(seed).to_numpy()
        self._keys.append(key)
        self._rows.append(pairs.select("source_id", ROW, COUNT))
        self._size += pairs.height

    def report(self, file: str, name: str, report: Report) -> None:
        """`name`: of the column of counts in the file."""
        if not self._rows or self._size > MAX_PAIRS:
            return
        rows = pl.concat(self._rows).with_columns(key=pl.Series(np.concatenate(self._keys)))
        twice = rows.filter(pl.col("key").is_duplicated(), pl.col(COUNT).is_not_null()).sort("key", ROW)
        first = [pl.col(column).first().over("key").alias(f"first_{column}") for column in (ROW, COUNT)]
        wrong = twice.with_columns(first).filter(pl.col(COUNT) != pl.col(f"first_{COUNT}")).sort(ROW)
        shown = wrong.select("source_id", ROW, COUNT, f"first_{ROW}", f"first_{COUNT}").head(SAMPLES)
        for number, (pair, row, count, other_row, other) in enumerate(shown.iter_rows(), start=1):
            where = report.describe_row(file, other_row)
            report.add(
                Finding(
                    severity=Severity.WARNING,
                    rule="sides-differ",
                    file=file,
                    row=row,
                    column=name,
                    value=str(count),
                    message=f"The undirected pair {pair} has {count:,} synapses here and {other:,} in {where}, from the other side.",
                    remedy="Say the same count from both sides, or keep one of the two rows.",
                ),
                occurrences=1 if number < SAMPLES else wrong.height - SAMPLES + 1,
            )


# ── Ids ──
def report_alike(pieces: Sequence[pl.DataFrame], file: str, column: str, report: Report) -> None:
    """Warn of ids that differ in case, blanks or leading zeros alone. `pieces`: `source_id` and ROW."""
    rows = pl.concat(pieces)
    ids = pl.col("source_id")
    folded = (
        ids.str.normalize("NFKC")
        .str.to_lowercase()
        .str.replace_all(r"[\s\p{Cf}]+", "")
        .str.replace(r"^0+([0-9])", "$1")
    )
    alike = rows.unique("source_id").with_columns(folded=folded).filter(pl.col("folded").is_duplicated())
    alike = alike.sort("folded", ROW).with_columns(
        first=pl.col(ROW).first().over("folded"), other=ids.first().over("folded")
    )
    alike = alike.filter(pl.col(ROW) != pl.col("first")).sort(ROW)
    named = alike.select("source_id", ROW, "first", "other").head(SAMPLES)
    for number, (value, row, first, other) in enumerate(named.iter_rows(), start=1):
        report.add(
            Finding(
                severity=Severity.WARNING,
                rule="ids-alike",
                file=file,
                row=row,
                column=column,
                value=value,
                message=f"The id '{value}' differs from '{other}' of {report.describe_row(file, first)} in case, blanks or leading zeros alone.",
                remedy="If both are one structure, keep one row; if they are two, nothing is to be done.",
            ),
            occurrences=1 if number < SAMPLES else alike.height - SAMPLES + 1,
        )
