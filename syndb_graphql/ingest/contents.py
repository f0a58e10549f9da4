"""What would be, or was, loaded, column by column: rows, nulls, ranges, units. The tables of `load --json`."""

from collections.abc import Iterable

import msgspec

from syndb_graphql.ingest.survey import ColumnSurvey, Survey, TableSurvey, Words

MOST_WORDS = 20
"""Commonest words of a column that are written."""


class WordCount(msgspec.Struct, frozen=True, kw_only=True):
    word: str
    count: int


class ColumnContents(msgspec.Struct, frozen=True, kw_only=True):
    """One column. Numbers are in `unit`, the one that is stored, whatever the file's was."""

    column: str
    unit: str | None
    """nm | nm2 | nm3 | nm-1; null for plain numbers and words"""
    given_as: str | None
    """The column's name in the file; null where it was derived."""
    factor: float
    """What the file's numbers were multiplied by."""
    origin: str
    """given | derived | mixed"""
    values: int
    nulls: int
    smallest: float | None = None
    """Of numbers, as the next two."""
    median: float | None = None
    """Of a sample where there are over 10,000 values."""
    largest: float | None = None
    different: int | None = None
    """Different words; null where there are over 1,000, and for numbers."""
    words: list[WordCount] = []
    """The commonest words, those of ids and names that are all different left out."""


class TableContents(msgspec.Struct, frozen=True, kw_only=True):
    table: str
    file: str
    rows: int
    columns: list[ColumnContents]
    """Those that have a value."""
    absent: list[str]
    """Terms that have none."""


def describe_tables(survey: Survey) -> list[TableContents]:
    """What was seen while the rows passed; nothing of a folder whose rows were not read."""
    return [_describe_table(table) for table in survey.tables.values()]


def _describe_table(table: TableSurvey) -> TableContents:
    return TableContents(
        table=table.table.name,
        file=table.file,
        rows=table.rows,
        columns=[_describe_column(column) for column in table.columns()],
        absent=table.absent(),
    )


def _describe_column(survey: ColumnSurvey) -> ColumnContents:
    values = survey.values
    facts = ColumnContents(
        column=survey.column.name,
        unit=survey.column.unit,
        given_as=survey.given_as,
        factor=survey.factor,
        origin=survey.origin,
        values=values.count,
        nulls=survey.nulls,
    )
    if not isinstance(values, Words):
        return msgspec.structs.replace(facts, smallest=values.low, median=values.median, largest=values.high)
    if values.counts is None:
        return facts
    all_different = len(values.counts) == values.count > 1
    shown = [] if all_different else values.commonest(MOST_WORDS)
    return msgspec.structs.replace(facts, different=len(values.counts), words=_as_counts(shown))


def _as_counts(words: Iterable[tuple[str, int]]) -> list[WordCount]:
    return [WordCount(word=word, count=count) for word, count in words]
