"""How much larger than its file a table may become, so that a small file fills neither memory nor disk.

Parquet and Arrow say a value once and then refer to it: a million rows of one long text take no more room in the file
than one. The longest value that is referred to bounds how many rows are read at once, and all that was read is compared
with the size of the file.
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from syndb_graphql.ingest.readers.batch import BATCH_ROWS
from syndb_graphql.ingest.report import BadFile

MAX_AT_ONCE = 256 * 1024**2
"""Bytes of one column of a batch, if every row held the longest value."""
ROW_BYTES = 64
"""What a row takes at least, once it is stored."""
FREE_BYTES = 1024**3
"""That any file may expand to: ten million rows of nothing but a number."""
MAX_EXPANSION = 1000
"""How many times its size a larger one may; real tables take some ten times as much."""


class Expansion:
    """What was made of one file so far."""

    def __init__(self, path: Path) -> None:
        self._allowed = max(FREE_BYTES, MAX_EXPANSION * path.stat().st_size)
        self._bytes = 0

    def add(self, rows: int, size: int = 0) -> None:
        """So many rows, and bytes of values, come. Raises BadFile where they are too many."""
        self._bytes += rows * ROW_BYTES + size
        if self._bytes > self._allowed:
            raise BadFile(
                "expands-too-far",
                f"The file expands to over {self._allowed:,} bytes, which is {MAX_EXPANSION:,} times its size and more: "
                "it says the same again and again.",
                "Leave out rows and columns that say nothing, or save the table as csv.",
            )


def rows_at_once_of_parquet(path: Path, columns: Sequence[str]) -> int:
    """How many rows of these columns are read at once."""
    leaves = pa.parquet.read_metadata(path).schema
    # Lists, which hold points, are no columns of their own there.
    flat = list(set(columns) & {leaves.column(number).path for number in range(len(leaves))})
    with pa.parquet.ParquetFile(path, read_dictionary=flat, pre_buffer=False) as file:
        longest = 0
        for group in range(file.num_row_groups):
            found = file.metadata.row_group(group)
            chunks = [found.column(number) for number in range(found.num_columns)]
            # What is said once lies in the chunk: a small one holds nothing long.
            names = [
                chunk.path_in_schema
                for chunk in chunks
                if chunk.path_in_schema in columns
                and chunk.physical_type == "BYTE_ARRAY"
                and chunk.has_dictionary_page
                and chunk.total_uncompressed_size > MAX_AT_ONCE // BATCH_ROWS
            ]
            if not names:
                continue
            first = next(file.iter_batches(1, row_groups=[group], columns=names, use_threads=False), None)
            longest = max([longest, *map(_longest, first.columns if first else ())])
    return _rows(longest)


def rows_at_once_of_arrow(batch: pa.RecordBatch) -> int:
    return _rows(max(map(_longest, batch.columns), default=0))


def spelled_out(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with its values in place of references to them, so that its size is what it is."""
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _longest(column: pa.Array) -> int:
    """Bytes of the longest text that the column refers to; 0 where it holds its values itself."""
    if not pa.types.is_dictionary(column.type):
        return 0
    kind = column.dictionary.type
    if not (pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind)):
        return int(column.dictionary.nbytes)
    return int(pc.max(pc.binary_length(column.dictionary)).as_py() or 0)


def _rows(longest: int) -> int:
    return max(1, min(BATCH_ROWS, MAX_AT_ONCE // max(1, longest)))
