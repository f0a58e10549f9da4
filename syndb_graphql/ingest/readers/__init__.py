"""Files of tables as batches of rows, a reader for each format; values stay as the file has them.

A csv has text columns, a spreadsheet, Parquet and Arrow their own types: `values.py` takes all of them. A further
format is a class with the members of `TableFile` and a line in READERS.
"""

from pathlib import Path

from syndb_graphql.ingest.readers.batch import (
    BATCH_ROWS,
    FIRST_ROW,
    Batch,
    ReadSettings,
    Remark,
    SeveralSheets,
    Spoiled,
    TableFile,
)
from syndb_graphql.ingest.readers.columnar import ArrowFile, ParquetFile
from syndb_graphql.ingest.readers.several import SeveralFiles
from syndb_graphql.ingest.readers.sheet import SheetFile, is_workbook
from syndb_graphql.ingest.readers.text import BLOCK_BYTES, CsvFile
from syndb_graphql.ingest.report import BadFile

__all__ = [
    "BATCH_ROWS",
    "BLOCK_BYTES",
    "FIRST_ROW",
    "READERS",
    "Batch",
    "ReadSettings",
    "Remark",
    "SeveralFiles",
    "SeveralSheets",
    "Spoiled",
    "TableFile",
    "find_reader",
    "open_table",
]

Reader = type[CsvFile] | type[ParquetFile] | type[ArrowFile] | type[SheetFile]
READERS: dict[str, Reader] = {
    ".csv": CsvFile,
    ".tsv": CsvFile,
    ".txt": CsvFile,
    ".xlsx": SheetFile,
    ".xls": SheetFile,
    ".parquet": ParquetFile,
    ".arrow": ArrowFile,
    ".feather": ArrowFile,
    ".ipc": ArrowFile,
}
_OTHER_NAMES = {".ods": "an OpenDocument sheet", ".xlsm": "a sheet with macros", ".xlsb": "a binary sheet"}
_AS_FOUND = ReadSettings()


def open_table(path: Path, settings: ReadSettings = _AS_FOUND) -> TableFile:
    """The file, opened. Raises BadFile where it is none of the kinds, is broken or has no proper header."""
    try:
        return find_reader(path)(path, settings)
    except OSError as error:
        raise BadFile(
            "unreadable-file", f"The file cannot be read: {error.strerror}.", "Check its name and rights."
        ) from error


def find_reader(path: Path) -> Reader:
    """The reader for the file's ending. Raises BadFile where there is none."""
    suffix = path.suffix.lower()
    reader = READERS.get(suffix)
    if reader is None:
        kinds = ", ".join(READERS)
        what = f" ({_OTHER_NAMES[suffix]})" if suffix in _OTHER_NAMES else ""
        message = f"Files ending in '{path.suffix}'{what} are not read."
        raise BadFile("unknown-format", message, f"Save the table as one of {kinds}.")
    if suffix == ".xls" and not is_workbook(path):
        # Image programs write text with tabs under this name, for Excel to open it.
        return CsvFile
    return reader
