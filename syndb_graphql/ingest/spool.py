"""Rows on their way from a file into the store: written to disk in sorted runs, read back as one sorted whole.

Rows of a file come in any order and the store, the Parquet file and the look-ups want them by key: sorted rows append
to SQLite's tree where random ones rewrite it, and only sorted Parquet lets a reader skip row groups. Keys are random
(uuid5), so their first byte cuts every run into 256 nearly equal parts, and reading the parts of one byte from all
runs gives a piece of the whole.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from syndb_graphql.ingest.keys import from_series

RUN_BYTES = 4 * 1024 * 1024
"""Size of the first runs: sorting one takes three times as much memory for a moment."""
RUNS_OF_A_SIZE = 64
"""After so many runs they grow by RUN_BYTES: all of them are open at once while they are read back, and a process may
have about a thousand files open. Ten million synapses make 190 runs, a hundred million 670."""
PIECE_ROWS = 10_000
"""Rows of a piece that is read back, about."""
PARTS = 256


class SortedSpool:
    """Frames in, sorted pieces out. `key` is a binary column of 16 bytes; all frames have the same columns."""

    def __init__(self, folder: Path, name: str, *, key: str = "cid") -> None:
        self._folder, self._name, self._key = folder, name, key
        self._waiting: list[pl.DataFrame] = []
        self._waiting_bytes = 0.0
        self._runs: list[Path] = []
        self.rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        if not frame.height:
            return
        self._waiting.append(frame)
        self._waiting_bytes += frame.estimated_size()
        self.rows += frame.height
        if self._waiting_bytes >= RUN_BYTES * (1 + len(self._runs) // RUNS_OF_A_SIZE):
            self._write_run()

    def pieces(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """All rows in the order of the key, a few ten thousand at a time; equal keys are in one piece."""
        if not self._runs:
            if self._waiting:
                self._waiting = [pl.concat(self._waiting).sort(self._key)]
                whole = self._waiting[0]
                yield from _cut(whole.select(columns) if columns else whole, self._key)
            return
        if self._waiting:
            self._write_run()
        yield from self._merge(columns)

    def _write_run(self) -> None:
        frame = pl.concat(self._waiting).sort(self._key)
        self._waiting, self._waiting_bytes = [], 0.0
        path = self._folder / f"{self._name}-{len(self._runs):05}.arrow"
        first = from_series(frame[self._key])[:, 0]
        bounds = np.searchsorted(first, np.arange(PARTS + 1))
        table = frame.to_arrow()
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            batch = table.combine_chunks().to_batches()[0]
            for low, high in itertools.pairwise(bounds):
                writer.write_batch(batch.slice(low, high - low))
        self._runs.append(path)

    def _merge(self, columns: Sequence[str] | None) -> Iterator[pl.DataFrame]:
        step = max(1, PARTS * PIECE_ROWS // self.rows)
        sources = [pa.OSFile(str(path), "rb") for path in self._runs]
        try:
            readers = [_open_run(source, columns) for source in sources]
            for low in range(0, PARTS, step):
                high = min(low + step, PARTS)
                batches = [reader.get_batch(part) for reader in readers for part in range(low, high)]
                frame = pl.from_arrow(pa.Table.from_batches(batches).combine_chunks())
                assert isinstance(frame, pl.DataFrame)
                frame = frame.sort(self._key)
                if frame.height > 1.5 * PIECE_ROWS:  # of very many rows one part alone is more than a piece
                    yield from _cut(frame, self._key)
                elif frame.height:
                    yield frame
        finally:
            for source in sources:
                source.close()


def _open_run(source: pa.NativeFile, columns: Sequence[str] | None) -> pa.RecordBatchFileReader:
    if columns is None:
        return pa.ipc.open_file(source)
    names = pa.ipc.open_file(source).schema.names
    options = pa.ipc.IpcReadOptions(included_fields=[names.index(column) for column in columns])
    return pa.ipc.open_file(source, options=options)


def _cut(frame: pl.DataFrame, key: str) -> Iterator[pl.DataFrame]:
    """Pieces of about PIECE_ROWS that never part equal keys."""
    low = 0
    while low < frame.height:
        high = min(low + PIECE_ROWS, frame.height)
        while high < frame.height and frame[key][high] == frame[key][high - 1]:
            high += 1
        yield frame[low:high]
        low = high
