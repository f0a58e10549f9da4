"""Tables that carry their types: Parquet, and Arrow files (Feather version 2) and streams."""

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from syndb_graphql.ingest.readers.arrow_size import measure_batches, messages_of
from syndb_graphql.ingest.readers.batch import (
    FIRST_ROW,
    Batch,
    ReadSettings,
    Remark,
    check_header,
)
from syndb_graphql.ingest.readers.expansion import (
    Expansion,
    rows_at_once_of_arrow,
    rows_at_once_of_parquet,
    spelled_out,
)
from syndb_graphql.ingest.report import BadFile

ARROW_MAGIC, FEATHER_MAGIC = b"ARROW1", b"FEA1"
_WRITE_AGAIN = "Write the file again."


class ParquetFile:
    """Read in batches whatever the size of its row groups."""

    settings: frozenset[str] = frozenset()
    remarks: Sequence[Remark] = ()

    def __init__(self, path: Path, settings: ReadSettings) -> None:  # noqa: ARG002 - every format's way to be opened
        self._path = path
        self._position = 0
        try:
            # Not read ahead: one row group may hold the whole file.
            self._file = pa.parquet.ParquetFile(path, pre_buffer=False, buffer_size=1024 * 1024)
            self.columns: Sequence[str] = self._file.schema_arrow.names
        except (pa.ArrowException, OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise _malformed("Parquet", error) from error
        check_header(self.columns)

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        row, size = FIRST_ROW, self._path.stat().st_size
        expansion = Expansion(self._path)
        expansion.add(self._file.metadata.num_rows)
        try:
            at_once = rows_at_once_of_parquet(self._path, columns)
            for batch in self._file.iter_batches(at_once, columns=list(columns), use_threads=False):
                frame = _as_frame(spelled_out(batch), "Parquet")
                expansion.add(0, int(frame.estimated_size()))
                yield Batch(frame, row)
                row += frame.height
                self._position = size * (row - FIRST_ROW) // max(1, self._file.metadata.num_rows)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _malformed("Parquet", error) from error

    def position(self) -> int:
        return self._position


class ArrowFile:
    """An Arrow file or stream, Feather version 2 included, compressed or not.

    Its batches are as large as whoever wrote it made them; one is held at a time, and one that would not fit into
    memory is refused before it is opened (`arrow_size`).
    """

    settings: frozenset[str] = frozenset()
    remarks: Sequence[Remark] = ()

    def __init__(self, path: Path, settings: ReadSettings) -> None:  # noqa: ARG002 - every format's way to be opened
        self._path = path
        with path.open("rb") as file:
            start = file.read(len(ARROW_MAGIC))
            if start[:4] == FEATHER_MAGIC:
                remedy = "Write it with version 2 (pyarrow.feather.write_feather), or as Parquet."
                raise BadFile("malformed-arrow", "The file is of Feather's version 1, which is not read.", remedy)
            if not start:
                raise BadFile("empty-file", "The file is empty.", "Give it columns and rows, or remove it.")
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._as_stream = start != ARROW_MAGIC
        self._position = 0
        measure_batches(self._data, as_stream=self._as_stream)
        try:
            self.columns: Sequence[str] = list(self._open().schema.names)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _malformed("Arrow", error) from error
        check_header(self.columns)

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        row, self._position = FIRST_ROW, 0
        fields = [self.columns.index(column) for column in columns]
        expansion = Expansion(self._path)
        try:
            for batch in self._open(fields):
                expansion.add(batch.num_rows)
                batch.validate(full=True)
                at_once = rows_at_once_of_arrow(batch)
                for start in range(0, batch.num_rows, at_once):
                    frame = _as_frame(spelled_out(batch.slice(start, at_once)), "Arrow")
                    expansion.add(0, int(frame.estimated_size()))
                    yield Batch(frame, row)
                    row += frame.height
                self._position = min(len(self._data), self._position + batch.nbytes)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _malformed("Arrow", error) from error

    def position(self) -> int:
        return self._position

    def _open(self, fields: list[int] | None = None) -> pa.RecordBatchStreamReader:
        """A file is read as a stream too: then what was measured is what is read, whatever its last part says."""
        options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
        return pa.ipc.open_stream(messages_of(self._data, as_stream=self._as_stream), options=options)


def _as_frame(batch: pa.RecordBatch, kind: str) -> pl.DataFrame:
    """Raises BadFile where polars makes nothing of names or types, which panics: that is no Exception."""
    try:
        frame = pl.from_arrow(batch)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _malformed(kind, error) from error
    assert isinstance(frame, pl.DataFrame)
    return frame


def _malformed(kind: str, error: BaseException) -> BadFile:
    return BadFile(f"malformed-{kind.lower()}", f"This is no whole {kind} file: {error}", _WRITE_AGAIN)
