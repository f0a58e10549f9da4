"""Files of tables as batches of rows, one reader a format; values stay as the file has them.

A csv has text columns, a Parquet file its own types: `values.py` takes both. A further format is a class with the
same three members and a line in READERS.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from syndb_graphql.ingest.report import BadFile

BLOCK_BYTES = 1024 * 1024
"""Of a csv, read at a time; also the longest row there may be."""
BATCH_ROWS = 50_000
MAX_COLUMNS = 1000
MAX_HEADER_BYTES = 1024 * 1024
FIRST_ROW = 2
"""The header is row 1, as a spreadsheet numbers it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file, in its order. `first_row`: number of the first one."""

    frame: pl.DataFrame
    first_row: int


class TableFile(Protocol):
    """A file of rows, opened and its header read."""

    @property
    def columns(self) -> Sequence[str]: ...

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """The rows, these columns only. Raises BadFile where the file is broken."""
        ...

    def position(self) -> int:
        """Bytes read so far, about."""
        ...


class CsvFile:
    """Comma, semicolon or tab between the values, told from the header; UTF-8, with or without a byte-order mark."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._delimiter, self.columns = _read_header(path)
        _check_header(self.columns)

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        row = FIRST_ROW
        with self._path.open("rb") as file:
            counted = _CountedFile(file)
            try:
                for batch in self._open(counted, columns):
                    self._position = counted.position
                    frame = pl.from_arrow(batch)
                    assert isinstance(frame, pl.DataFrame)
                    yield Batch(frame, row)
                    row += frame.height
            except pa.ArrowInvalid as error:
                raise _explain(str(error), row) from error
        if counted.lines != row - FIRST_ROW + 1:
            # Some value holds a line break, or some line is blank; or a stray quotation mark has swallowed rows.
            _check_quotes(self._path, self._delimiter)

    def position(self) -> int:
        return self._position

    def _open(self, file: "_CountedFile", columns: Sequence[str]) -> pa.csv.CSVStreamingReader:
        return pa.csv.open_csv(
            file,
            # One thread: only then does an error know its row.
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=pa.csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(self.columns, pa.string()),
                include_columns=list(columns),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )


class _CountedFile:
    """A file that counts bytes and lines as it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._breaks, self._last = 0, b"\n"
        self.position = 0
        self.closed = False

    @property
    def lines(self) -> int:
        return self._breaks + (self._last != b"\n")

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self.position += len(block)
        self._breaks += block.count(b"\n")
        self._last = block[-1:] or self._last
        return block

    def close(self) -> None:
        self.closed = True


class ParquetFile:
    """Read in batches whatever the size of its row groups."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        try:
            # Not read ahead: one row group may hold the whole file.
            self._file = pa.parquet.ParquetFile(path, pre_buffer=False, buffer_size=1024 * 1024)
        except pa.ArrowInvalid as error:
            raise BadFile(
                "malformed-parquet", f"This is no whole Parquet file: {error}", "Write the file again."
            ) from error
        self.columns: Sequence[str] = self._file.schema_arrow.names
        _check_header(self.columns)

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        row, size = FIRST_ROW, self._path.stat().st_size
        try:
            for batch in self._file.iter_batches(BATCH_ROWS, columns=list(columns), use_threads=False):
                frame = pl.from_arrow(batch)
                assert isinstance(frame, pl.DataFrame)
                yield Batch(frame, row)
                row += frame.height
                self._position = size * (row - FIRST_ROW) // max(1, self._file.metadata.num_rows)
        except (pa.ArrowInvalid, OSError) as error:
            raise BadFile(
                "malformed-parquet", f"This is no whole Parquet file: {error}", "Write the file again."
            ) from error

    def position(self) -> int:
        return self._position


READERS: dict[str, type[CsvFile] | type[ParquetFile]] = {".csv": CsvFile, ".parquet": ParquetFile}


def open_table(path: Path) -> TableFile:
    """The reader for the file's ending. Raises BadFile where the file is none of the kinds or has no proper header."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        kinds = ", ".join(READERS)
        raise BadFile(
            "unknown-format", f"Files ending in '{path.suffix}' are not read.", f"Save the table as one of {kinds}."
        )
    try:
        return reader(path)
    except OSError as error:
        raise BadFile(
            "unreadable-file", f"The file cannot be read: {error.strerror}.", "Check its name and rights."
        ) from error


def _read_header(path: Path) -> tuple[str, list[str]]:
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise BadFile("not-utf8", "The file is in UTF-16.", "Save it as 'CSV UTF-8'.")
        if start == b"PK\x03\x04":
            raise BadFile("unknown-format", "The file is a spreadsheet, not a csv.", "Export the sheet as 'CSV UTF-8'.")
        block = file.read(MAX_HEADER_BYTES)
    try:
        text = block[: max(block.rfind(b"\n"), block.rfind(b"\r")) + 1 or None].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile("not-utf8", f"The file is not in UTF-8 ({error.reason}).", "Save it as 'CSV UTF-8'.") from error
    if not text.strip():
        raise BadFile("empty-file", "The file is empty.", "Give it a header and rows, or remove it.")
    first = text.splitlines()[0]
    delimiter = max(",;\t", key=first.count)
    header = next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=False))
    return delimiter, header


def _check_header(columns: Sequence[str]) -> None:
    if len(columns) > MAX_COLUMNS:
        raise BadFile(
            "too-many-columns",
            f"The file has {len(columns):,} columns; at most {MAX_COLUMNS:,} are read.",
            "Leave out what is not ours.",
        )
    for position, name in enumerate(columns, start=1):
        if not name.strip():
            raise BadFile(
                "unnamed-column",
                f"Column {position} has no name.",
                "Name it, or leave it out (a data frame's index: save with index=False).",
                row=1,
            )
        if columns.index(name) != position - 1:
            raise BadFile(
                "duplicate-column", f"The column '{name}' is there twice.", "Rename or remove one.", row=1, value=name
            )


def _check_quotes(path: Path, delimiter: str) -> None:
    """Read the file by the letter of CSV, which is slow, and raise BadFile where a quotation mark is out of place."""
    row = 1
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            for cells in csv.reader(file, delimiter=delimiter, strict=True):
                row += bool(cells)
        except csv.Error as error:
            message = f"A quotation mark is out of place or never closed ({error})."
            remedy = "Close the quotation, and write a quotation mark within a value twice."
            raise BadFile("open-quote", message, remedy, row=row) from error


_WRONG_COUNT = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+): ?(.*)", re.DOTALL)
_NOT_UTF8 = re.compile(r"Row #(\d+):.*invalid UTF8", re.DOTALL)


def _explain(message: str, row: int) -> BadFile:
    if found := _WRONG_COUNT.search(message):
        number, expected, got = (int(group) for group in found.groups()[:3])
        text = f"The row has {got} values, the header {expected} names."
        return BadFile(
            "ragged-row", text, "Quote values that hold a separator, or complete the row.", row=number, value=found[4]
        )
    if found := _NOT_UTF8.search(message):
        return BadFile("not-utf8", "The row is not in UTF-8.", "Save the file as 'CSV UTF-8'.", row=int(found[1]))
    if "straddling" in message:
        text = f"A row after row {row:,} is longer than {BLOCK_BYTES:,} bytes."
        return BadFile("long-row", text, "Look for a quotation mark that is never closed.")
    return BadFile("malformed-csv", f"After row {row:,}: {message}", "Write the file again as CSV.")
