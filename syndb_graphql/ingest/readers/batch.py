"""What every reader of a table answers: its columns, its rows in batches, and what is to be said of the file as a whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from syndb_graphql.ingest.report import BadFile

BATCH_ROWS = 20_000
"""A load's memory is a few batches, as text and as numbers: 50,000 took 60 MB more and no less time."""
MAX_COLUMNS = 1000
FIRST_ROW = 2
"""The header is row 1, as a spreadsheet numbers it."""


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """How a file is to be read, as dataset.toml says; None: told from the file."""

    sheet: str | None = None
    header_row: int | None = None
    encoding: str | None = None
    decimal: str = "."

    def stated(self) -> dict[str, str]:
        """Settings that not every format has → what is stated."""
        given = {"sheet": self.sheet, "header_row": self.header_row, "encoding": self.encoding}
        return {name: str(value) for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Spoiled:
    """Cells of one column that hold no value but what a program made of it; in the batch's frame they are null."""

    rule: str
    shown: pl.Series
    """What the cell shows; null where the cell is sound."""
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file, in its order. `first_row`: number of the first one; the others follow without a gap."""

    frame: pl.DataFrame
    first_row: int
    spoiled: Mapping[str, Sequence[Spoiled]] = field(default_factory=dict)
    """By column."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A warning about a file that is read all the same."""

    rule: str
    message: str
    remedy: str
    file: str | None = None
    """Which one, of several."""


class SeveralSheets(BadFile):
    """Several sheets of a workbook hold data, and none is stated."""

    def __init__(self, message: str, remedy: str, sheets: Sequence[str]) -> None:
        super().__init__("several-sheets", message, remedy)
        self.sheets = sheets


class TableFile(Protocol):
    """A file of rows, opened and its header read."""

    @property
    def columns(self) -> Sequence[str]: ...

    @property
    def remarks(self) -> Sequence[Remark]:
        """What was decided in reading that somebody should see."""
        ...

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """The rows, these columns only; from the first row on whenever it is called. Raises BadFile where it is broken.

        Of two calls the first must be done with.
        """
        ...

    def position(self) -> int:
        """Bytes read so far, about."""
        ...


def check_header(columns: Sequence[str], row: int = 1) -> None:
    """Raises BadFile where names are too many, missing or there twice."""
    if len(columns) > MAX_COLUMNS:
        raise BadFile(
            "too-many-columns",
            f"The file has {len(columns):,} columns; at most {MAX_COLUMNS:,} are read.",
            "Leave out what is not ours.",
        )
    seen: set[str] = set()
    for position, name in enumerate(columns, start=1):
        if not name.strip():
            raise BadFile(
                "unnamed-column",
                f"Column {position} has no name.",
                "Name it, or leave it out (a data frame's index: save with index=False).",
                row=row,
            )
        if name in seen:
            raise BadFile(
                "duplicate-column", f"The column '{name}' is there twice.", "Rename or remove one.", row=row, value=name
            )
        seen.add(name)


def check_layout(header: Sequence[str], below: Sequence[tuple[int, Sequence[str]]], row: int) -> None:
    """Raises BadFile where the header is a title, or the upper one of two rows of names.

    `header` is row `row`, `below` the next rows with their numbers; an empty cell is an empty text.
    """
    filled = [cell for cell in header if cell.strip()]
    wider = next(((at, cells) for at, cells in below if sum(bool(cell.strip()) for cell in cells) > 1), None)
    if wider is None:
        return
    at, cells = wider
    names = sum(bool(cell.strip()) for cell in cells)
    if len(filled) == 1 and names >= 2 and _all_words(cells):
        raise BadFile(
            "title-row",
            f"Row {row} holds '{filled[0]}' alone, and row {at} looks like the names of the columns.",
            f"Remove the rows above it, or add header_row = {at} to the table's section in dataset.toml.",
            row=row,
            value=filled[0],
        )
    gaps = [place for place, cell in enumerate(header) if not cell.strip()]
    named = [place for place in gaps if place < len(cells) and cells[place].strip()]
    if named and _all_words(cells):
        raise BadFile(
            "merged-header",
            f"Row {row} has {len(gaps)} empty cells, and row {at} looks like a second row of names ('{cells[named[0]]}'): "
            "cells of the header were merged.",
            "Write one row of names, a name in each column, with no cells merged; or, if that row has them all, "
            f"add header_row = {at} to the table's section in dataset.toml.",
            row=row,
            value=cells[named[0]],
        )


def _all_words(cells: Sequence[str]) -> bool:
    return not any(_is_number(cell) for cell in cells if cell.strip())


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True
