"""Workbooks: .xlsx and .xls. The sheet is read by a process of its own (`sheet_process`), which writes it as Arrow.

A workbook is a packed folder and small beside what it unpacks to, so what it says of its parts is compared with the
bounds before anything is unpacked. Macros, links and formulas are never run: a formula is the value it was saved with.
"""

import json
import mmap
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import polars as pl
import pyarrow as pa
import pyarrow.ipc

from syndb_graphql.ingest import sheet_process
from syndb_graphql.ingest.readers.batch import (
    Batch,
    ReadSettings,
    Remark,
    SeveralSheets,
    Spoiled,
    check_header,
    check_layout,
)
from syndb_graphql.ingest.report import BadFile

MAX_BYTES = 256 * 1024**2
"""Of the file; a full sheet of twenty columns has some 150 MB."""
MAX_UNPACKED_BYTES = 2 * 1024**3
MAX_PARTS = 10_000
MAX_RATIO = 300
"""Unpacked to packed, of a part over SMALL_PART: sheets of one repeated number reach some 200."""
SMALL_PART = 10 * 1024**2
MAX_WAIT_S = 900
PACKED, COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_AS_CSV = "Save the table as csv or Parquet."
_DATE = "The cell is a date: the spreadsheet made one of what was typed or pasted."
_DATE_REMEDY = "Format the column as text, and enter the original again; it cannot be had from the date."
_ERROR = "The cell shows an error: its formula has no value."
_ERROR_REMEDY = "Correct the formula, or leave the cell empty where nothing was measured."


def is_workbook(path: Path) -> bool:
    """Whether the file begins as a workbook does."""
    with path.open("rb") as file:
        return file.read(4) in (PACKED, COMPOUND)


class SheetFile:
    """One sheet, in an unnamed temporary file."""

    settings: frozenset[str] = frozenset({"sheet", "header_row"})

    def __init__(self, path: Path, settings: ReadSettings) -> None:
        self._size = path.stat().st_size
        self._position = 0
        _check_file(path, self._size)
        request = {"path": str(path), "sheet": settings.sheet, "header_row": settings.header_row}
        with TemporaryFile() as out:
            _run(request | {"decimal": settings.decimal}, out)
            self._data = mmap.mmap(out.fileno(), 0, access=mmap.ACCESS_READ)
        schema = self._open().schema
        facts: dict[str, Any] = json.loads(schema.metadata[b"facts"])
        self._first_row = facts["header_row"] + 1
        self._spoiled = {name for name in schema.names if name.startswith("!")}
        self.columns: Sequence[str] = facts["header"]
        self.remarks: Sequence[Remark] = [_remark(*facts["unsaved"])] if facts["unsaved"] else []
        check_layout(self.columns, [(row, cells) for row, cells in facts["below"]], facts["header_row"])
        check_header(self.columns, facts["header_row"])

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        row = self._first_row
        numbers = {column: str(self.columns.index(column)) for column in columns}
        for batch in self._open():
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            spoiled = {
                column: _spoiled(frame[f"!{number}"])
                for column, number in numbers.items()
                if f"!{number}" in self._spoiled
            }
            yield Batch(frame.select(pl.col(number).alias(column) for column, number in numbers.items()), row, spoiled)
            row += frame.height
            self._position = min(self._size, self._position + batch.nbytes)

    def position(self) -> int:
        return self._position

    def _open(self) -> pa.RecordBatchStreamReader:
        return pa.ipc.open_stream(pa.BufferReader(pa.py_buffer(self._data)))


def _remark(count: int, where: str) -> Remark:
    formulas = "A formula of the workbook was" if count == 1 else f"{count:,} formulas of the workbook were"
    message = (
        f"{formulas} saved without a value ({where}): a program wrote them that computes none. Such cells are empty."
    )
    return Remark("formula-without-value", message, "Open the workbook in a spreadsheet, and save it.")


def _spoiled(shown: pl.Series) -> Sequence[Spoiled]:
    is_error = shown.str.starts_with("#")
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(shown))
    return (
        Spoiled("date-cell", shown.zip_with(~is_error, nothing), _DATE, _DATE_REMEDY),
        Spoiled("error-cell", shown.zip_with(is_error, nothing), _ERROR, _ERROR_REMEDY),
    )


def _check_file(path: Path, size: int) -> None:
    if not size:
        raise BadFile("empty-file", "The file is empty.", "Give it a header and rows, or remove it.")
    if size > MAX_BYTES:
        message = f"The workbook has {size:,} bytes; at most {MAX_BYTES:,} are read."
        raise BadFile("workbook-too-large", message, _AS_CSV)
    with path.open("rb") as file:
        start = file.read(4)
    if start == PACKED:
        _check_parts(path)
    elif start != COMPOUND:
        raise BadFile(
            "malformed-workbook",
            "The file is no workbook.",
            "If it is text, give it the ending .csv; else save it again.",
        )


def _check_parts(path: Path) -> None:
    """Raises BadFile where the packed parts would fill memory or disk."""
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OverflowError) as error:
        message = f"The workbook is damaged: {error}."
        raise BadFile("malformed-workbook", message, "Open it in a spreadsheet and save it again.") from error
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED_BYTES:
        message = f"The workbook unpacks to {len(parts):,} parts of {unpacked:,} bytes; at most {MAX_PARTS:,} of "
        raise BadFile("workbook-too-large", f"{message}{MAX_UNPACKED_BYTES:,} are read.", _AS_CSV)
    for part in parts:
        if part.file_size > SMALL_PART and part.file_size > MAX_RATIO * max(1, part.compress_size):
            ratio = part.file_size // max(1, part.compress_size)
            message = f"The part '{part.filename}' unpacks to {ratio:,} times its size; at most {MAX_RATIO} is read."
            raise BadFile("workbook-too-large", message, _AS_CSV)


def _run(request: dict[str, Any], out: IO[bytes]) -> None:
    """Let the sheet be written to `out`. Raises BadFile, and OSError where it cannot be written."""
    # The program's own file and this interpreter; the request is an argument, not a line for a shell.
    command = [sys.executable, "-P", sheet_process.__file__, json.dumps(request)]
    try:
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, timeout=MAX_WAIT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        message = f"The workbook was not read within {MAX_WAIT_S} seconds."
        raise BadFile("workbook-too-large", message, _AS_CSV) from error
    if done.returncode == 0:
        return
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    try:
        answer = json.loads(lines[-1])
    except (ValueError, IndexError):
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    if answer.get("errno") is not None:
        raise OSError(answer["errno"], "the sheet's temporary file could not be written")
    rule = answer.get("rule", "workbook-too-large")
    too_large = "Reading the sheet takes too much memory or time: its cells are too many, or too far apart."
    default = _AS_CSV if rule == "workbook-too-large" else "Open it in a spreadsheet and save it again."
    if answer.get("sheets"):
        raise SeveralSheets(answer["message"], answer["remedy"], answer["sheets"])
    raise BadFile(rule, answer.get("message", too_large), answer.get("remedy", default))
