"""What `load` found in the columns, as tables in a terminal: a wrong unit shows in the median."""

import sys

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from syndb_graphql.ingest.quantities import fitting_unit
from syndb_graphql.ingest.survey import ColumnSurvey, Survey, TableSurvey, Words

WIDTH = 160
"""Where the output is not a terminal."""
WORDS = 3
ABSENT = 8
"""Terms without a value that are named; --json has all of them."""
MAX_WORD = 24


def print_columns(survey: Survey) -> None:
    """A table for each table that was read."""
    out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    with out.capture() as capture:
        for table in survey.tables.values():
            rows = f"{table.rows:,} row{'s' * (table.rows != 1)} of {escape(table.file)}"
            out.print(f"\n  [bold]{table.table.name}[/]: {rows}")
            out.print(Padding.indent(_make_table(table), 1))
            absent = table.absent()
            if absent:
                more = f", and {len(absent) - ABSENT:,} more" if len(absent) > ABSENT else ""
                out.print(Padding.indent(f"[dim]no value at all: {escape(', '.join(absent[:ABSENT]))}{more}[/]", 2))
    # Without the spaces that fill the last column: the output is pasted into letters and pages.
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))


def _make_table(survey: TableSurvey) -> Table:
    table = Table(box=None, header_style="dim")
    table.add_column("column", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    for name in ("values", "null", "smallest", "median", "largest"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for column in survey.columns():
        table.add_row(*_make_row(column))
    return table


def _make_row(survey: ColumnSurvey) -> tuple[str, ...]:
    values = survey.values
    counts = (f"{values.count:,}", f"{survey.nulls:,}" if survey.nulls else "")
    if isinstance(values, Words):
        return (survey.column.name, "", *counts, "", "", "", escape(_write_words(values)))
    unit = fitting_unit(survey.column.unit, values.median or values.high)
    numbers = [unit.write(value) for value in (values.low, values.median, values.high)]
    return (survey.column.name, unit.label, *counts, *numbers, "")


def _write_words(values: Words) -> str:
    if values.counts is None:
        return "very many different, such as " + _cut(values.first[0])
    if len(values.counts) == values.count > 1:
        return "all different, such as " + _cut(values.first[0])
    shown = ", ".join(f"{_cut(word)} {count:,}" for word, count in values.commonest(WORDS))
    rest = len(values.counts) - WORDS
    return f"{shown}, and {rest:,} more" if rest > 0 else shown


def _cut(word: str) -> str:
    word = "".join(character if character.isprintable() else "\ufffd" for character in word)
    return word if len(word) <= MAX_WORD else word[: MAX_WORD - 1] + "…"
