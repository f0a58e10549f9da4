"""A table as one Parquet file: sorted by cid, with units and terms in its metadata.

zstd 1, row groups of 100,000 rows, byte-stream split for measured numbers and dictionaries only where values repeat:
a third of the CPU of the defaults, and smaller. Neither bloom filters nor a page index earned their cost.
"""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from syndb_graphql.catalog.records import ParquetFile
from syndb_graphql.emit.arrow import emit_arrow
from syndb_graphql.ingest.keys import checksum
from syndb_graphql.ingest.report import BadFile
from syndb_graphql.spec.model import Column, Kind, Table
from syndb_graphql.spec.types import BOOLEAN, FLOAT, TEXT
from syndb_graphql.store.protocol import RowsSummary

GROUP_ROWS = 100_000
CONTENT_TYPE = "application/vnd.apache.parquet"
POLARS_TYPES = {
    "float": pl.Float64(),
    "int": pl.Int32(),
    "bigint": pl.Int64(),
    "text": pl.String(),
    "boolean": pl.Boolean(),
    "uuid": pl.Binary(),
}


class ParquetSink:
    """Writes `path`; rows come in the order of their cid."""

    def __init__(self, path: Path, table: Table) -> None:
        self._path = path
        self._schema = emit_arrow(table)
        repeating = [column.name for column in table.columns if _repeats(table, column)]
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=repeating,
            use_byte_stream_split=[column.name for column in table.columns if column.type is FLOAT],
        )
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def write(self, frame: pl.DataFrame) -> None:
        self._waiting.append(frame.to_arrow().cast(self._schema))
        self._rows += frame.height
        if self._rows >= GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        if self._waiting:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=self._rows)
        self._waiting, self._rows = [], 0


def conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Exactly the table's columns in order and type; those the frame has not are null."""
    return frame.select(
        [
            pl.col(column.name).cast(POLARS_TYPES[column.type.name])
            if column.name in frame.columns
            else pl.lit(None, POLARS_TYPES[column.type.name]).alias(column.name)
            for column in table.columns
        ]
    )


def summarize_parquet(path: Path) -> RowsSummary:
    """Count and checksum of the cids, read back from the file."""
    count, total = 0, 0
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            for chunk in file.read_row_group(group, columns=["cid"]).column(0).chunks:
                flat = np.frombuffer(chunk.buffers()[1], np.uint8)
                cids = flat[chunk.offset * 16 : (chunk.offset + len(chunk)) * 16].reshape(-1, 16)
                count += len(cids)
                total ^= checksum(cids)
    return RowsSummary(count, total)


def describe_parquet(path: Path, key: str, rows: int) -> ParquetFile:
    return ParquetFile(key=key, rows=rows, size=path.stat().st_size, sha256=file_sha256(path))


def file_sha256(path: Path) -> str:
    """Hex digits. Raises BadFile where the file cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadFile(
            "unreadable-file", f"{path.name} cannot be read: {error.strerror}.", "Check its rights."
        ) from error


def _repeats(table: Table, column: Column) -> bool:
    """Words and neurons come again and again; ids, names of files and their checksums do not."""
    if column.type is BOOLEAN:
        return False
    files = {own.name for term in table.terms if term.kind in (Kind.MESH, Kind.SKELETON) for own in term.columns}
    to_neuron = {
        name
        for reference in table.references.values()
        if reference.targets == ("neuron",)
        for name in (reference.id, reference.source)
    }
    sources = {reference.source for reference in table.references.values()} | {"source_id", "site_id", "name"}
    if column.name in to_neuron or column.name == "owner_id":
        return True
    return column.type is TEXT and column.name not in sources and column.name not in files
