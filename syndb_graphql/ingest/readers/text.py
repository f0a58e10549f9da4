"""Tables as text: csv with comma, semicolon or tab between the values, in any encoding that is known or stated."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.csv

from syndb_graphql.ingest.readers.batch import Batch, ReadSettings, Remark, check_header, check_layout
from syndb_graphql.ingest.readers.encoding import UTF8, Encoding, find_encoding
from syndb_graphql.ingest.report import BadFile

BLOCK_BYTES = 1024 * 1024
"""Of a csv, read at a time; also the longest row there may be."""
MAX_HEADER_BYTES = 1024 * 1024
MAX_HEADER_ROW = 1000
LOOKED_AT = 10
"""Rows below the header that tell whether it is one."""
PACKED = b"PK\x03\x04"
SEPARATORS = ",;\t"
_SEPARATOR_LINE = re.compile(r"sep=([,;\t])", re.IGNORECASE)
"""What Excel takes for the separator, in a line before the header."""


class CsvFile:
    """Comma, semicolon or tab between the values, told from the header; the encoding as `encoding.py` finds it."""

    settings: frozenset[str] = frozenset({"header_row", "encoding"})

    def __init__(self, path: Path, settings: ReadSettings) -> None:
        self._path = path
        self._position = 0
        _refuse_packed(path)
        self._encoding = find_encoding(path, settings.encoding)
        self.remarks: Sequence[Remark] = [self._encoding.remark] if self._encoding.remark else []
        lines = _read_start(path, self._encoding)
        self._separator, stated_at = _find_separator(lines)
        self._header_row = settings.header_row or stated_at
        if self._header_row > len(lines):
            message = f"The header is stated to be row {self._header_row:,}, and the file has {len(lines):,} rows."
            raise BadFile("no-header", message, "Correct header_row in dataset.toml.")
        if settings.header_row:
            self._separator = _commonest(lines[self._header_row - 1])
        header, below = _parse_start(lines[self._header_row - 1 :], self._separator, self._header_row)
        check_layout(header, below, self._header_row)
        check_header(header, self._header_row)
        self.columns: Sequence[str] = header

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        row = first = self._header_row + 1
        with self._path.open("rb") as file:
            file.seek(self._encoding.mark)
            for _ in range(self._header_row - 1):
                _skip_line(file, self._encoding)
            counted = _CountedFile(file, self._encoding)
            try:
                for batch in self._open(counted, columns):
                    self._position = counted.position
                    frame = pl.from_arrow(batch)
                    assert isinstance(frame, pl.DataFrame)
                    yield Batch(frame, row)
                    row += frame.height
            except pa.ArrowInvalid as error:
                raise _explain(str(error), row, self._header_row) from error
            except UnicodeError as error:
                raise self._undecodable(row) from error
        if counted.lines != row - first + 1:
            # Some value holds a line break, or some line is blank; or a stray quotation mark has swallowed rows.
            self._check_quotes()

    def position(self) -> int:
        return self._position

    def _open(self, file: "_CountedFile", columns: Sequence[str]) -> pa.csv.CSVStreamingReader:
        return pa.csv.open_csv(
            file,
            # One thread: only then does an error know its row.
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=pa.csv.ParseOptions(delimiter=self._separator, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(self.columns, pa.string()),
                include_columns=list(columns),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def _undecodable(self, row: int) -> BadFile:
        name = self._encoding.name.upper()
        return BadFile("encoding", f"After row {row:,} the file is not in {name}.", "Correct encoding in dataset.toml.")

    def _check_quotes(self) -> None:
        """Read the file by the letter of CSV, which is slow, and raise BadFile where a quotation mark is out of place."""
        row = self._header_row
        with self._path.open("rb") as binary:
            binary.seek(self._encoding.mark)
            file = io.TextIOWrapper(binary, encoding=self._encoding.name, newline="")
            for _ in range(self._header_row - 1):
                file.readline()
            try:
                for cells in csv.reader(file, delimiter=self._separator, strict=True):
                    row += bool(cells)
            except csv.Error as error:
                message = f"A quotation mark is out of place or never closed ({error})."
                remedy = "Close the quotation, and write a quotation mark within a value twice."
                raise BadFile("open-quote", message, remedy, row=row) from error


class _CountedFile:
    """A file that counts bytes and lines as it is read, and answers UTF-8 whatever its encoding."""

    def __init__(self, file: BinaryIO, encoding: Encoding) -> None:
        self._file = file
        self._decoder = None if encoding.name == UTF8 else codecs.getincrementaldecoder(encoding.name)()
        self._rest = b""
        self._ended = False
        self._breaks, self._last = 0, b"\n"
        self.position = 0
        self.closed = False

    @property
    def lines(self) -> int:
        return self._breaks + (self._last != b"\n")

    def read(self, size: int = -1) -> bytes:
        block = self._read_block(size) if self._decoder is None else self._read_decoded(size, self._decoder)
        self._breaks += block.count(b"\n")
        self._last = block[-1:] or self._last
        return block

    def close(self) -> None:
        self.closed = True

    def _read_block(self, size: int) -> bytes:
        block = self._file.read(size)
        self.position += len(block)
        return block

    def _read_decoded(self, size: int, decoder: codecs.IncrementalDecoder) -> bytes:
        """As many bytes as asked for: some readers take fewer for the end."""
        while not self._ended and (size < 0 or len(self._rest) < size):
            block = self._read_block(size if size < 0 else BLOCK_BYTES)
            self._ended = not block
            self._rest += decoder.decode(block, final=self._ended).encode(UTF8)
        size = len(self._rest) if size < 0 else size
        answer, self._rest = self._rest[:size], self._rest[size:]
        return answer


def _refuse_packed(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(4) == PACKED:
            remedy = "Give it the ending .xlsx, or export the sheet."
            raise BadFile("unknown-format", "The file is a spreadsheet, not a csv.", remedy)


def _read_start(path: Path, encoding: Encoding) -> list[str]:
    """The first lines, the last of which may be cut off."""
    with path.open("rb") as file:
        file.seek(encoding.mark)
        block = file.read(MAX_HEADER_BYTES)
    try:
        text = codecs.getincrementaldecoder(encoding.name)().decode(block)
    except UnicodeError as error:
        if encoding.name == UTF8:
            raise BadFile("encoding", "The file is not in UTF-8.", "Save it as 'CSV UTF-8'.") from error
        message = f"The file is not in {encoding.name.upper()}."
        raise BadFile("encoding", message, "Correct encoding in dataset.toml.") from error
    if not text.strip():
        raise BadFile("empty-file", "The file is empty.", "Give it a header and rows, or remove it.")
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    return lines[: MAX_HEADER_ROW + LOOKED_AT] if lines[-1] else lines[:-1][: MAX_HEADER_ROW + LOOKED_AT]


def _find_separator(lines: Sequence[str]) -> tuple[str, int]:
    """The separator, and the row of the header: the first that is not blank."""
    at = next((at for at, line in enumerate(lines) if line.strip()), 0)
    stated = _SEPARATOR_LINE.fullmatch(lines[at].strip("\r\n "))
    return (stated[1], at + 2) if stated and len(lines) > at + 1 else (_commonest(lines[at]), at + 1)


def _commonest(line: str) -> str:
    return max(SEPARATORS, key=line.count)


def _parse_start(
    lines: Sequence[str], separator: str, header_row: int
) -> tuple[list[str], list[tuple[int, Sequence[str]]]]:
    """The header, and some rows below it with their numbers."""
    rows = csv.reader(lines, delimiter=separator, strict=False)
    try:
        header = next(rows, [])
    except csv.Error as error:
        message, remedy = f"The header cannot be read: {error}.", "Look for a quotation mark that is never closed."
        raise BadFile("malformed-csv", message, remedy, row=header_row) from error
    below: list[tuple[int, Sequence[str]]] = []
    with suppress(csv.Error):
        # A blank line is no row, here as in the rest of the file.
        below = [(header_row - 1 + rows.line_num, row) for row in islice(rows, LOOKED_AT) if row]
    if sum(bool(cell.strip()) for cell in header) == 1 and not any(len(row) > 1 for _, row in below):
        # A title has none of the separators the rows below it have.
        next_lines = enumerate(lines[1:LOOKED_AT], start=header_row + 1)
        below = [(at, next(csv.reader([line], delimiter=_commonest(line)), [])) for at, line in next_lines]
    return header, below


def _skip_line(file: BinaryIO, encoding: Encoding) -> None:
    """Past the next end of a line, \\n, \\r\\n or \\r."""
    decoder = codecs.getincrementaldecoder(encoding.name)()
    ended = False
    while byte := file.read(1):
        character = decoder.decode(byte)
        if ended and character and character != "\n":
            file.seek(-len(character.encode(encoding.name)), 1)
            return
        if character == "\n":
            return
        ended = ended or character == "\r"


_WRONG_COUNT = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+): ?(.*)", re.DOTALL)
_NOT_UTF8 = re.compile(r"Row #(\d+):.*invalid UTF8", re.DOTALL)


def _explain(message: str, row: int, header_row: int) -> BadFile:
    if found := _WRONG_COUNT.search(message):
        number, expected, got = (int(group) for group in found.groups()[:3])
        text = f"The row has {got} values, the header {expected} names."
        return BadFile(
            "ragged-row",
            text,
            "Quote values that hold a separator, or complete the row.",
            row=number + header_row - 1,
            value=found[4],
        )
    if found := _NOT_UTF8.search(message):
        number = int(found[1]) + header_row - 1
        return BadFile("encoding", "The row is not in UTF-8.", "Save the file as 'CSV UTF-8'.", row=number)
    if "straddling" in message:
        text = f"A row after row {row:,} is longer than {BLOCK_BYTES:,} bytes."
        return BadFile("long-row", text, "Look for a quotation mark that is never closed.")
    return BadFile("malformed-csv", f"After row {row:,}: {message}", "Write the file again as CSV.")
